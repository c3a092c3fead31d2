//! What a ceremony makes, whether the first or one that extends it.

use std::fs;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use pki::Signer;
use pki::crl::{RevocationList, UnsignedRevocationList};
use pki::x509::{
    self, CaName, Certificate, IssuingCa, IssuingCaConfig, RootConfig, UnsignedCertificate,
};
use rand_core::CryptoRng;

use super::CeremonyError;
use super::config::PlannedAuthority;
use crate::VaultError;
use crate::authority::{Authorities, Authority, CaKey, ServiceKey};
use crate::durable::{self, failed};

/// A root and its key, wherever it is.
pub(super) struct Root<'a> {
    pub(super) config: &'a RootConfig,
    pub(super) certificate: &'a Certificate,
    pub(super) signer: &'a dyn Signer,
}

impl Root<'_> {
    /// One more issuing authority.
    pub(super) fn authority<R>(
        &self,
        planned: PlannedAuthority,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<Authority, CeremonyError>
    where
        R: CryptoRng + ?Sized,
    {
        let key = CaKey::generate(rng);
        let certificate = x509::certify(
            &planned.issuing_ca(&key),
            self.config,
            self.certificate,
            self.signer,
            now,
            rng,
        )?;
        planned.bring_together(key, certificate)
    }

    pub(super) fn unit<R>(
        &self,
        name: &CaName,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<ServiceKey, CeremonyError>
    where
        R: CryptoRng + ?Sized,
    {
        const WHAT: &str = "the time-stamping unit";
        let key = CaKey::generate(rng);
        let unsigned = x509::build_time_stamping_unit(
            name,
            key.public_key_spki(),
            self.config,
            self.certificate,
            now.checked_sub(BACK_DATING)?,
            rng,
        )
        .map_err(|error| CeremonyError::Service(WHAT, error))?;
        let certificate = sign(WHAT, &unsigned, self.signer)?;
        ServiceKey::new(certificate, Some(key)).map_err(|_| CeremonyError::Incomplete)
    }

    /// The root has revoked nothing: an issuing authority whose key is lost ends with its whole deployment.
    pub(super) fn list(
        &self,
        number: u64,
        now: Timestamp,
    ) -> Result<RevocationList, CeremonyError> {
        let next = now.checked_add(ROOT_LIST_LIFETIME)?;
        UnsignedRevocationList::build(self.certificate, number, now, next, &[])
            .map_err(CeremonyError::List)?
            .sign(self.signer)
            .map_err(CeremonyError::ListIssue)
    }
}

pub(super) fn list_signer<R>(
    name: &CaName,
    now: Timestamp,
    rng: &mut R,
) -> Result<ServiceKey, CeremonyError>
where
    R: CryptoRng + ?Sized,
{
    const WHAT: &str = "the trusted list's signer";
    let key = CaKey::generate(rng);
    let unsigned = x509::build_list_signer(name, &key, now.checked_sub(BACK_DATING)?, rng)
        .map_err(|error| CeremonyError::Service(WHAT, error))?;
    let certificate = sign(WHAT, &unsigned, &key)?;
    ServiceKey::new(certificate, Some(key)).map_err(|_| CeremonyError::Incomplete)
}

fn sign(
    what: &'static str,
    certificate: &UnsignedCertificate,
    signer: &dyn Signer,
) -> Result<Certificate, CeremonyError> {
    x509::lint(certificate)
        .map_err(|findings| CeremonyError::ServiceLint(what, findings))?
        .sign(signer)
        .map_err(|error| CeremonyError::ServiceIssue(what, error))
}

impl PlannedAuthority {
    pub(super) fn issuing_ca(&self, key: &CaKey) -> IssuingCaConfig {
        IssuingCaConfig {
            name: self.subject.clone(),
            public_key_spki: key.public_key_spki().to_vec(),
        }
    }

    pub(super) fn bring_together(
        self,
        key: CaKey,
        certificate: Certificate,
    ) -> Result<Authority, CeremonyError> {
        let ca = IssuingCa::new(certificate, self.level, self.publication)?;
        Authority::new(self.name, key, ca).map_err(|_| CeremonyError::Incomplete)
    }
}

/// Refuses before anything is written if a file holds another certificate.
pub(super) fn check_certificates(
    authorities: &Authorities,
    directory: &Path,
) -> Result<(), VaultError> {
    for (name, certificate) in authorities.certificates() {
        let path = directory.join(format!("{name}.crt"));
        // What cannot be read is found out when it is written.
        if fs::read(&path).is_ok_and(|held| held != certificate.der()) {
            return Err(VaultError::Exists(path));
        }
    }
    Ok(())
}

/// Writes those that are not there yet.
pub(super) fn save_certificates(
    authorities: &Authorities,
    directory: &Path,
) -> Result<(), VaultError> {
    check_certificates(authorities, directory)?;
    fs::create_dir_all(directory).map_err(failed("create", directory))?;
    for (name, certificate) in authorities.certificates() {
        let path = directory.join(format!("{name}.crt"));
        if !path.exists() {
            durable::publish(&path, certificate.der())?;
        }
    }
    Ok(())
}

/// As the authorities' certificates: somebody whose clock is behind accepts them, too.
const BACK_DATING: SignedDuration = SignedDuration::from_hours(1);

/// The root's key is offline: it comes out once a year for this.
const ROOT_LIST_LIFETIME: SignedDuration = SignedDuration::from_hours(365 * 24);
