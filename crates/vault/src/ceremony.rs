//! The ceremony: the one hour in which a deployment's certificate authorities come into being.

mod config;

use std::fs;
use std::path::Path;

use jiff::Timestamp;
use pki::Signer;
use pki::x509::{self, Certificate, IssuingCa, IssuingCaConfig, IssuingCaError, Level};
use rand_core::CryptoRng;

pub use config::{
    CeremonyConfig, IssuingAuthorityConfig, OrganizationConfig, PoliciesConfig, RootAuthorityConfig,
};

use crate::authority::{Authorities, Authority, CaKey};
use crate::durable::{self, DurableFile, failed};
use crate::sealed_file::{self, FileKind};
use crate::{OfflineRoot, UnlockKey, VaultError};

/// A root and the issuing authorities EID-Q and EID-NQ below it, with their private keys, P-384 each, not yet stored.
///
/// First [`save_root`](Self::save_root) and [`save_certificates`](Self::save_certificates), then hand the rest to
/// [`SoftwareVault::create`](crate::SoftwareVault::create). If any step fails, delete what was written and begin again.
pub struct Ceremony {
    root: CaKey,
    pub(crate) authorities: Authorities,
}

impl Ceremony {
    /// Makes all keys and certificates. The root is valid for 20 years, the issuing authorities for 15.
    ///
    /// # Errors
    /// [`CeremonyError`]: the configuration is at fault.
    pub fn perform<R>(
        config: &CeremonyConfig,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<Self, CeremonyError>
    where
        R: CryptoRng + ?Sized,
    {
        let [root, eid_q, eid_nq] = [(); 3].map(|()| CaKey::generate(rng));
        let issuing =
            [(&config.eid_q, &eid_q), (&config.eid_nq, &eid_nq)].map(|(authority, key)| {
                IssuingCaConfig {
                    name: config.organization.name(&authority.common_name),
                    public_key_spki: key.public_key_spki().to_vec(),
                }
            });
        let made = x509::ceremony(&config.root(), &root, &issuing, now, rng)?;
        let [eid_q_certificate, eid_nq_certificate] =
            <[Certificate; 2]>::try_from(made.issuing).map_err(|_| CeremonyError::Incomplete)?;
        let authority = |key, certificate, level| -> Result<Authority, CeremonyError> {
            let ca = IssuingCa::new(certificate, level, config.publication(level)?)?;
            Authority::new(key, ca).map_err(|_| CeremonyError::Incomplete)
        };
        let authorities = Authorities {
            root: made.root,
            eid_q: authority(eid_q, eid_q_certificate, Level::Qualified)?,
            eid_nq: authority(eid_nq, eid_nq_certificate, Level::Basic)?,
        };
        Ok(Self { root, authorities })
    }

    /// Writes the root's private key into an encrypted file of its own, so that it can be kept offline. Without it no
    /// further issuing authority and no revocation list of the root can be made.
    ///
    /// # Errors
    /// [`VaultError`]; in particular if the file exists.
    pub fn save_root<R>(
        &self,
        path: &Path,
        unlock: &UnlockKey,
        rng: &mut R,
    ) -> Result<(), VaultError>
    where
        R: CryptoRng + ?Sized,
    {
        let content = crate::contents::encode_root(&self.root, &self.authorities.root);
        DurableFile::reserve(path)?.write(&sealed_file::seal(FileKind::Root, unlock, &content, rng))
    }

    /// Writes the certificates as DER into `root.crt`, `eid-q.crt` and `eid-nq.crt` of a directory, which is made if it
    /// is not there.
    ///
    /// # Errors
    /// [`VaultError::Io`].
    pub fn save_certificates(&self, directory: &Path) -> Result<(), VaultError> {
        fs::create_dir_all(directory).map_err(failed("create", directory))?;
        self.authorities
            .certificates()
            .iter()
            .try_for_each(|(name, certificate)| {
                durable::publish(&directory.join(format!("{name}.crt")), certificate.der())
            })
    }

    /// The trust anchor.
    #[must_use]
    pub fn root_certificate(&self) -> &Certificate {
        &self.authorities.root
    }

    /// The issuing authority that will issue at a level.
    #[must_use]
    pub fn issuing_ca(&self, level: Level) -> &IssuingCa {
        match level {
            Level::Qualified => &self.authorities.eid_q.ca,
            Level::Basic => &self.authorities.eid_nq.ca,
        }
    }
}

impl OfflineRoot {
    /// Opens the file that [`Ceremony::save_root`] wrote.
    ///
    /// # Errors
    /// [`VaultError`].
    pub fn open(path: &Path, unlock: &UnlockKey) -> Result<Self, VaultError> {
        let content = sealed_file::open(FileKind::Root, unlock, &DurableFile::open(path)?.read()?)?;
        let (key, certificate) = crate::contents::decode_root(&content)?;
        Self::new(key, certificate)
    }
}

/// Why a ceremony stopped. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum CeremonyError {
    /// An object identifier in the configuration is not one.
    #[error("{0} is not an object identifier")]
    ObjectIdentifier(String),
    /// A name or address cannot stand in a certificate.
    #[error("the certificates could not be made")]
    Certificates(#[from] x509::CeremonyError),
    /// An authority's certificate does not allow issuing.
    #[error("an issuing authority cannot be taken into use")]
    IssuingCa(#[from] IssuingCaError),
    /// The certificates that came back are not those asked for.
    #[error("the ceremony did not make what it was asked for")]
    Incomplete,
}

#[cfg(test)]
mod tests;
