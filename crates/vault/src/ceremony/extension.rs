//! A later ceremony: what the reviewed file has and the vault has not.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use pki::crl::RevocationList;
use pki::x509::{CaName, Certificate};
use rand_core::CryptoRng;

use super::config::PlannedAuthority;
use super::made::{self, Root};
use super::{CeremonyConfig, CeremonyError};
use crate::authority::{Authorities, Authority, ROOT, ServiceKey};
use crate::vault::Opened;
use crate::{OfflineRoot, UnlockKey, VaultError};

/// What a later ceremony adds to a vault: made, but not yet written.
///
/// The vault is locked as long as this lives. Keys and certificates that are there stay as they are.
pub struct Extension {
    opened: Opened,
    added: Vec<String>,
    list: Arc<RevocationList>,
}

impl Extension {
    /// Compares the file with the vault and makes what is missing: issuing authorities, the time-stamping unit and the
    /// list signer if there is none or if the file gives it another common name, and the root's next revocation list.
    ///
    /// # Errors
    /// [`ExtensionError`]; nothing has changed.
    pub fn prepare<R>(
        vault: &Path,
        unlock: UnlockKey,
        root: &OfflineRoot,
        config: &CeremonyConfig,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<Self, ExtensionError>
    where
        R: CryptoRng + ?Sized,
    {
        let planned = config.authorities()?;
        let mut opened = Opened::open(vault, unlock)?;
        let authorities = &mut opened.identity.authorities;
        check_root(authorities, root, config)?;
        check_authorities(authorities, &planned)?;
        let names = |authorities: &Authorities| -> Vec<String> {
            let certificates = authorities.certificates().into_iter();
            certificates.map(|(name, _)| name).collect()
        };
        let before = names(authorities);

        config.check_usable(&planned, |name| before.iter().any(|made| made == name))?;

        let root = Root {
            config: &config.root(),
            certificate: root.certificate(),
            signer: root,
        };
        for authority in planned {
            let known = |one: &Authority| one.issuing.name == authority.name;
            if !authorities.issuing.iter().any(known) {
                let made = root.authority(authority, now, rng)?;
                authorities.issuing.push(made);
            }
        }
        if let Some(name) = missing(&authorities.units, config.unit(), "[time_stamping]")? {
            succeed(&mut authorities.units, root.unit(&name, now, rng)?);
        }
        let signer = config.list_signer();
        if let Some(name) = missing(&authorities.list_signers, signer, "[trusted_list]")? {
            succeed(
                &mut authorities.list_signers,
                made::list_signer(&name, now, rng)?,
            );
        }
        let last = authorities.root_list.as_ref();
        let last = last.and_then(|list| list.number()).unwrap_or(0);
        let list = Arc::new(root.list(last + 1, now)?);
        authorities.root_list = Some(Arc::clone(&list));

        let added = names(authorities)
            .into_iter()
            .filter(|name| !before.contains(name))
            .collect();
        Ok(Self {
            opened,
            added,
            list,
        })
    }

    /// The certificates that are added, with their names.
    #[must_use]
    pub fn added(&self) -> Vec<(String, &Certificate)> {
        let certificates = self.opened.identity.authorities.certificates();
        certificates
            .into_iter()
            .filter(|(name, _)| self.added.contains(name))
            .collect()
    }

    /// The root's next revocation list.
    #[must_use]
    pub fn root_revocation_list(&self) -> &RevocationList {
        &self.list
    }

    /// Writes the vault, in one step, and then the certificates that are not in the directory yet. If it is interrupted
    /// after the first, the next extension writes the certificates.
    ///
    /// # Errors
    /// [`VaultError`]. A file of another certificate is never overwritten, and then the vault stays as it was.
    pub fn write(self, certificates: &Path) -> Result<(), VaultError> {
        let authorities = &self.opened.identity.authorities;
        made::check_certificates(authorities, certificates)?;
        self.opened.write_all()?;
        made::save_certificates(authorities, certificates)
    }
}

/// The service to make, if another one than the newest is asked for.
fn missing(
    services: &[ServiceKey],
    planned: Option<CaName>,
    section: &str,
) -> Result<Option<CaName>, ExtensionError> {
    let newest = services.last().map(|service| &service.certificate);
    match (newest, planned) {
        (Some(_), None) => Err(ExtensionError::NotInFile(section.to_owned())),
        (Some(newest), Some(name)) if has_common_name(newest, &name) => {
            check_subject(section, newest, &name)?;
            Ok(None)
        }
        (_, planned) => Ok(planned),
    }
}

/// The one before signs nothing any more, so its key goes. What it signed stays.
fn succeed(services: &mut Vec<ServiceKey>, newest: ServiceKey) {
    for service in services.iter_mut() {
        service.key = None;
    }
    services.push(newest);
}

fn check_root(
    authorities: &Authorities,
    root: &OfflineRoot,
    config: &CeremonyConfig,
) -> Result<(), ExtensionError> {
    if authorities.root.der() != root.certificate().der() {
        return Err(ExtensionError::OtherRoot);
    }
    let planned = config.root();
    check_subject(ROOT, &authorities.root, &planned.name)?;
    // Its addresses stand in the certificates below it.
    for authority in &authorities.issuing {
        let certificate = authority.certificate();
        let addresses = &planned.publication;
        let same = [
            (
                "certificate_url",
                certificate.ca_issuers_url() == Some(&addresses.ca_issuers_url),
            ),
            (
                "crl_url",
                certificate.crl_urls() == std::slice::from_ref(&addresses.crl_url),
            ),
            (
                "ocsp_url",
                certificate.ocsp_url() == addresses.ocsp_url.as_deref(),
            ),
        ];
        agree(ROOT, &same)?;
    }
    Ok(())
}

/// Reviewed file and vault must tell the same about what both have, and the file must have all that the vault has.
fn check_authorities(
    authorities: &Authorities,
    planned: &[PlannedAuthority],
) -> Result<(), ExtensionError> {
    for authority in &authorities.issuing {
        let name = &authority.issuing.name;
        let planned = planned
            .iter()
            .find(|planned| planned.name == *name)
            .ok_or_else(|| ExtensionError::NotInFile(format!("the authority {name}")))?;
        check_subject(name, authority.certificate(), &planned.subject)?;
        let (is, should) = (authority.issuing.ca.publication(), &planned.publication);
        let same = [
            ("level", authority.issuing.ca.level() == planned.level),
            (
                "certificate_url",
                is.ca_issuers_url == should.ca_issuers_url,
            ),
            ("crl_url", is.crl_url == should.crl_url),
            ("ocsp_url", is.ocsp_url == should.ocsp_url),
            (
                "practice_statement_url",
                is.practice_statement_url == should.practice_statement_url,
            ),
            (
                "disclosure_statement_url",
                is.disclosure_statement_url == should.disclosure_statement_url,
            ),
            ("policies", is.oids == should.oids),
        ];
        agree(name, &same)?;
    }
    Ok(())
}

fn has_common_name(certificate: &Certificate, name: &CaName) -> bool {
    certificate.subject().common_name() == Some(&name.common_name)
}

fn check_subject(
    what: &str,
    certificate: &Certificate,
    name: &CaName,
) -> Result<(), ExtensionError> {
    let subject = certificate.subject();
    let same = [
        ("common_name", has_common_name(certificate, name)),
        (
            "organisation",
            subject.organization() == Some(&name.organization),
        ),
        ("country", subject.country() == Some(&name.country)),
        (
            "organisation's identifier",
            // A list signer's name may go without.
            subject
                .organization_identifier()
                .is_none_or(|identifier| identifier == name.organization_identifier),
        ),
    ];
    agree(what, &same)
}

fn agree(what: &str, same: &[(&'static str, bool)]) -> Result<(), ExtensionError> {
    match same.iter().find(|(_, same)| !same) {
        Some((value, _)) => Err(ExtensionError::Differs {
            what: what.to_owned(),
            value,
        }),
        None => Ok(()),
    }
}

/// Why a vault was not extended. Nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum ExtensionError {
    /// The vault cannot be used.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// What is missing cannot be made.
    #[error(transparent)]
    Ceremony(#[from] CeremonyError),
    /// The root's file belongs to another ceremony.
    #[error("the file of the root holds another root than the vault's authorities have above them")]
    OtherRoot,
    /// The vault has what the file has not.
    #[error("the vault has {0}, the ceremony's file has not: what was made must stay in the file")]
    NotInFile(String),
    /// They tell different things about the same authority.
    #[error(
        "{what}: {value} in the ceremony's file is not what stands in the certificates, which cannot be changed"
    )]
    Differs {
        /// Whose.
        what: String,
        /// Which value.
        value: &'static str,
    },
}

#[cfg(test)]
mod tests;
