//! The ceremony: the one hour in which a deployment's certificate authorities come into being.

mod config;
mod extension;
mod made;

use std::path::Path;
use std::sync::Arc;

use engine::ports::IssuingAuthority;
use jiff::Timestamp;
use pki::ObjectIdentifier;
use pki::x509::{self, Certificate, IssueError, IssuingCa, IssuingCaError, Level, LintFinding};
use rand_core::CryptoRng;

pub use config::{
    CeremonyConfig, IssuingAuthorityConfig, OrganizationConfig, PoliciesConfig,
    RootAuthorityConfig, SuccessorConfig, SuccessorLevel, TimeStampingConfig, TrustedListConfig,
};
pub use extension::{Extension, ExtensionError};

use crate::authority::{Authorities, CaKey};
use crate::durable::DurableFile;
use crate::sealed_file::{self, FileKind};
use crate::{OfflineRoot, UnlockKey, VaultError};
use made::Root;

/// A root, the issuing authorities below it and the services around them, with their private keys, P-384 each, not yet
/// stored.
///
/// First [`save_root`](Self::save_root) and [`save_certificates`](Self::save_certificates), then hand the rest to
/// [`SoftwareVault::create`](crate::SoftwareVault::create). If any step fails, delete what was written and begin again.
pub struct Ceremony {
    root: CaKey,
    pub(crate) authorities: Authorities,
}

impl Ceremony {
    /// Makes all keys and certificates. The root is valid for 20 years, the issuing authorities for 15, a time-stamping
    /// unit for six, a list signer for five, the root's first revocation list for one.
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
        let planned = config.authorities()?;
        config.check_usable(&planned, |_| false)?;
        let key = CaKey::generate(rng);
        let keys: Vec<_> = planned.iter().map(|_| CaKey::generate(rng)).collect();
        let issuing: Vec<_> = planned
            .iter()
            .zip(&keys)
            .map(|(authority, key)| authority.issuing_ca(key))
            .collect();
        let made = x509::ceremony(&config.root(), &key, &issuing, now, rng)?;
        if made.issuing.len() != planned.len() {
            return Err(CeremonyError::Incomplete);
        }
        let issuing = planned
            .into_iter()
            .zip(keys)
            .zip(made.issuing)
            .map(|((authority, key), certificate)| authority.bring_together(key, certificate))
            .collect::<Result<_, _>>()?;
        let root = Root {
            config: &config.root(),
            certificate: &made.root,
            signer: &key,
        };
        let unit = config.unit().map(|name| root.unit(&name, now, rng));
        let list_signer = config
            .list_signer()
            .map(|name| made::list_signer(&name, now, rng));
        let authorities = Authorities {
            root_list: Some(Arc::new(root.list(1, now)?)),
            issuing,
            units: unit.into_iter().collect::<Result<_, _>>()?,
            list_signers: list_signer.into_iter().collect::<Result<_, _>>()?,
            root: made.root,
        };
        Ok(Self {
            root: key,
            authorities,
        })
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

    /// Writes the certificates as DER into files of a directory, which is made if it is not there: `root.crt`,
    /// `eid-q.crt`, `eid-nq.crt`, those of successors under their names, `tsu.crt` and `trust-list.crt`.
    ///
    /// # Errors
    /// [`VaultError::Io`]; [`VaultError::Exists`] if a file holds another certificate.
    pub fn save_certificates(&self, directory: &Path) -> Result<(), VaultError> {
        made::save_certificates(&self.authorities, directory)
    }

    /// What [`save_certificates`](Self::save_certificates) writes: names without ending, the root first.
    #[must_use]
    pub fn certificates(&self) -> Vec<(String, &Certificate)> {
        self.authorities.certificates()
    }

    /// The trust anchor.
    #[must_use]
    pub fn root_certificate(&self) -> &Certificate {
        &self.authorities.root
    }

    /// All issuing authorities, with their names.
    pub fn issuing_cas(&self) -> impl Iterator<Item = &IssuingAuthority> {
        let issuing = self.authorities.issuing.iter();
        issuing.map(|authority| &*authority.issuing)
    }

    /// The issuing authority that will issue at a level.
    #[must_use]
    pub fn issuing_ca(&self, level: Level) -> &IssuingCa {
        &self.authorities.of(level).issuing.ca
    }
}

impl OfflineRoot {
    /// Opens the file that [`Ceremony::save_root`] wrote.
    ///
    /// # Errors
    /// [`VaultError`].
    pub fn open(path: &Path, unlock: &UnlockKey) -> Result<Self, VaultError> {
        let content = sealed_file::open(FileKind::Root, unlock, &DurableFile::open(path)?.read()?)?;
        let (key, certificate) = crate::contents::decode_root(&content.bytes)?;
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
    /// The name of a successor cannot stand in file names and addresses.
    #[error(
        "{0:?} cannot be an authority's name: lower-case letters, digits and hyphens, 64 at most, not a hyphen first"
    )]
    Name(String),
    /// Two authorities would have the same name.
    #[error("there is something called {0} already; give the authority another name")]
    NameTaken(String),
    /// An authority could never issue anything.
    #[error("{0}: {1}, and no certificate may have it")]
    Address(String, &'static str),
    /// Two authorities would have the same distinguished name.
    #[error("{0} and {1} have the same common name; validators could not tell them apart")]
    SameName(String, String),
    /// Two authorities would publish at the same place.
    #[error(
        "{0} and {1} both have the address {2}; each authority publishes at addresses of its own"
    )]
    SameAddress(String, String, String),
    /// Nobody could tell qualified certificates from basic ones.
    #[error("the policies of qualified and of basic certificates are the same, {0}")]
    SamePolicy(ObjectIdentifier),
    /// A certificate of a service around the authorities cannot be built.
    #[error("the certificate of {0} could not be built")]
    Service(&'static str, #[source] x509::BuildError),
    /// A configured value breaks the profile of such a certificate.
    #[error("the certificate of {0} breaks its profile: {findings}", findings = list(.1))]
    ServiceLint(&'static str, Vec<LintFinding>),
    /// The key failed that signs such a certificate.
    #[error("the certificate of {0} could not be signed")]
    ServiceIssue(&'static str, #[source] IssueError),
    /// The root's revocation list cannot be built.
    #[error("the root's revocation list could not be built")]
    List(#[source] x509::BuildError),
    /// The root's key failed on its revocation list.
    #[error("the root's revocation list could not be signed")]
    ListIssue(#[source] IssueError),
    /// The date is outside the calendar.
    #[error("the date lies outside the calendar")]
    Time(#[from] jiff::Error),
    /// The certificates that came back are not those asked for.
    #[error("the ceremony did not make what it was asked for")]
    Incomplete,
}

fn list(findings: &[LintFinding]) -> String {
    let findings: Vec<_> = findings.iter().map(LintFinding::to_string).collect();
    findings.join("; ")
}

#[cfg(test)]
mod tests;
