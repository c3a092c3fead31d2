//! Certificates of what stands around the authorities: OCSP responders, time-stamping units, the trusted list's signer.

use jiff::{SignedDuration, Timestamp};
use rand_core::CryptoRng;
use x509_cert::ext::Extension;

use super::authority::{CaName, IssuingCa, RootConfig, RootPublication};
use super::certificate::Certificate;
use super::end_entity::{BuildError, Issuer, UnsignedCertificate};
use super::extension_values as value;
use super::name::DistinguishedName;
use super::profile::Profile;
use super::tbs::{Parts, serial_number};
use crate::oids;
use crate::public_key::PublicKey;
use crate::signer::Signer;

/// Name of a service's certificate, in the same order as an authority's.
pub type ServiceName = CaName;

/// An OCSP responder's certificate is valid for 90 days less a second, or until its issuer's ends.
pub const RESPONDER_LIFETIME: SignedDuration = SignedDuration::from_secs(90 * 86_400 - 1);

/// A time-stamping unit's certificate is valid for 6 years of 365 days, less a second.
pub(crate) const UNIT_LIFETIME: SignedDuration = SignedDuration::from_secs(6 * 365 * 86_400 - 1);

/// A list signer's certificate is valid for 5 years of 365 days, less a second.
pub(crate) const LIST_SIGNER_LIFETIME: SignedDuration =
    SignedDuration::from_secs(5 * 365 * 86_400 - 1);

/// An OCSP responder's certificate below an issuing authority (`pki.md` §2.1): keyUsage digitalSignature critical, EKU
/// OCSPSigning, id-pkix-ocsp-nocheck, AKI, SKI; valid for [`RESPONDER_LIFETIME`] from `not_before` (truncated to the second),
/// or until the authority's own certificate ends. C, O, organizationIdentifier are the authority's, the CN is the authority's
/// with ` OCSP RESPONDER` after it.
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
    let authority = issuer.certificate();
    let last = seconds(not_before)?.duration_until(authority.not_after());
    Service {
        profile: Profile::OcspResponder,
        name: responder_name(authority.subject())?,
        public_key: PublicKey::from_spki_der(public_key_spki)?,
        lifetime: RESPONDER_LIFETIME.min(last),
        publication: None,
    }
    .build(Issuer::of(issuer), not_before, rng)
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
    let last = seconds(not_before)?.duration_until(root_certificate.not_after());
    Service {
        profile: Profile::TimeStampingUnit,
        name: name.name()?,
        public_key: PublicKey::from_spki_der(public_key_spki)?,
        // No certificate outlives its issuer's.
        lifetime: UNIT_LIFETIME.min(last),
        publication: Some(&root.publication),
    }
    .build(Issuer::root(root_certificate), not_before, rng)
}

/// The self-signed certificate of a trusted list's signer (TS 119 612 §5.7.1): C and O the scheme operator's, SKI, keyUsage
/// digitalSignature, EKU id-tsl-kp-tslSigning 0.4.0.2231.3.0, not an authority; five years.
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
    let public_key = PublicKey::from_spki_der(signer.public_key_spki())?;
    let name = name.name()?;
    let issuer = Issuer::itself(name.clone(), public_key.clone());
    Service {
        profile: Profile::ListSigner,
        name,
        public_key,
        lifetime: LIST_SIGNER_LIFETIME,
        publication: None,
    }
    .build(issuer, not_before, rng)
}

struct Service<'a> {
    profile: Profile,
    name: DistinguishedName,
    public_key: PublicKey,
    lifetime: SignedDuration,
    /// What a certificate below the root points to.
    publication: Option<&'a RootPublication>,
}

impl Service<'_> {
    fn build<R>(
        &self,
        issuer: Issuer,
        not_before: Timestamp,
        rng: &mut R,
    ) -> Result<UnsignedCertificate, BuildError>
    where
        R: CryptoRng + ?Sized,
    {
        let tbs = Parts {
            serial: &serial_number(rng),
            algorithm: issuer
                .public_key
                .signature_algorithm()
                .ok_or(BuildError::Unfit("the issuer's key signs no certificates"))?,
            issuer: &issuer.name,
            not_before,
            lifetime: self.lifetime,
            subject: &self.name,
            public_key: &self.public_key,
            extensions: self.extensions(&issuer.key_identifier)?,
        };
        Ok(UnsignedCertificate {
            tbs: tbs.assemble()?,
            profile: self.profile,
            issuer,
        })
    }

    fn extensions(&self, issuer_key_identifier: &[u8]) -> Result<Vec<Extension>, BuildError> {
        let rules = self.profile.extension_rules().into_iter();
        rules
            .map(|(oid, critical)| self.extension(oid, critical, issuer_key_identifier))
            .collect()
    }

    fn extension(
        &self,
        oid: const_oid::ObjectIdentifier,
        critical: bool,
        issuer_key_identifier: &[u8],
    ) -> Result<Extension, BuildError> {
        let publication = || {
            self.publication
                .ok_or(BuildError::Unfit("the certificate points to nothing"))
        };
        Ok(match oid {
            oids::BASIC_CONSTRAINTS => {
                value::extension(oid, critical, &value::basic_constraints(false, None))
            }
            oids::AUTHORITY_KEY_IDENTIFIER => value::extension(
                oid,
                critical,
                &value::authority_key_identifier(issuer_key_identifier)?,
            ),
            oids::AUTHORITY_INFORMATION_ACCESS => {
                let at = publication()?;
                let access = value::authority_information_access(
                    &at.ca_issuers_url,
                    at.ocsp_url.as_deref(),
                )?;
                value::extension(oid, critical, &access)
            }
            oids::CERTIFICATE_POLICIES => {
                let at = &publication()?.practice_statement_url;
                let policies = value::certificate_policies(oids::NORMALISED_POLICY_PLUS, at, &[])?;
                value::extension(oid, critical, &policies)
            }
            oids::EXTENDED_KEY_USAGE => {
                let usage = self.profile.service_usage().ok_or(BuildError::Unfit(
                    "the profile has no extended key usage of a service",
                ))?;
                value::extension(oid, critical, &value::extended_key_usage(usage))
            }
            oids::OCSP_NO_CHECK => value::extension(oid, critical, &der::asn1::Null),
            oids::CRL_DISTRIBUTION_POINTS => {
                let points = value::crl_distribution_points(&publication()?.crl_url)?;
                value::extension(oid, critical, &points)
            }
            oids::SUBJECT_KEY_IDENTIFIER => {
                let identifier = self.public_key.key_identifier();
                let identifier = value::subject_key_identifier(identifier)?;
                value::extension(oid, critical, &identifier)
            }
            oids::KEY_USAGE => value::extension(oid, critical, &self.profile.key_usage()),
            _ => unreachable!("no service's profile has another extension"),
        }?)
    }
}

fn responder_name(authority: &DistinguishedName) -> Result<DistinguishedName, BuildError> {
    let missing =
        BuildError::Unfit("the authority's name lacks CN, organizationIdentifier, O or C");
    let name = || {
        Some(ServiceName {
            common_name: format!("{} OCSP RESPONDER", authority.common_name()?),
            organization_identifier: authority.organization_identifier()?.to_owned(),
            organization: authority.organization()?.to_owned(),
            country: authority.country()?.to_owned(),
        })
    };
    Ok(name().ok_or(missing)?.name()?)
}

fn seconds(instant: Timestamp) -> Result<Timestamp, BuildError> {
    Timestamp::from_second(instant.as_second()).map_err(BuildError::Time)
}
