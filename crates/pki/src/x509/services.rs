//! Certificates of what stands around the authorities: OCSP responders, time-stamping units, the trusted list's signer.

use jiff::Timestamp;
use rand_core::CryptoRng;

use super::authority::{CaName, IssuingCa, RootConfig};
use super::certificate::Certificate;
use super::end_entity::{BuildError, UnsignedCertificate};
use crate::signer::Signer;

/// Name of a service's certificate, in the same order as an authority's.
pub type ServiceName = CaName;

/// An OCSP responder's certificate below an issuing authority (`pki.md` §2.1): keyUsage digitalSignature critical, EKU
/// OCSPSigning, id-pkix-ocsp-nocheck, AKI, SKI; valid for a year at most. C, O, organizationIdentifier are the
/// authority's, the CN is the authority's with ` OCSP RESPONDER` after it.
///
/// # Errors
/// [`BuildError`].
pub fn build_responder<R>(
    issuer: &IssuingCa,
    public_key_spki: &[u8],
    not_before: Timestamp,
    rng: &mut R,
) -> Result<UnsignedCertificate, BuildError>
where
    R: CryptoRng + ?Sized,
{
    todo!()
}

/// A time-stamping unit's certificate below the root (`pki.md` §2.2): no basicConstraints, keyUsage digitalSignature +
/// nonRepudiation critical, EKU critical and only timeStamping, policy NCP+, six years.
///
/// # Errors
/// [`BuildError`].
pub fn build_time_stamping_unit<R>(
    name: &ServiceName,
    public_key_spki: &[u8],
    root: &RootConfig,
    root_certificate: &Certificate,
    not_before: Timestamp,
    rng: &mut R,
) -> Result<UnsignedCertificate, BuildError>
where
    R: CryptoRng + ?Sized,
{
    todo!()
}

/// The self-signed certificate of a trusted list's signer (TS 119 612 §5.7.1): C and O the scheme operator's, SKI, EKU
/// id-tsl-kp-tslSigning 0.4.0.2231.3.0, not an authority; five years.
///
/// # Errors
/// [`BuildError`].
pub fn build_list_signer<R>(
    name: &ServiceName,
    signer: &dyn Signer,
    not_before: Timestamp,
    rng: &mut R,
) -> Result<UnsignedCertificate, BuildError>
where
    R: CryptoRng + ?Sized,
{
    todo!()
}
