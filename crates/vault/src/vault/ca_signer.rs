use std::sync::Arc;

use async_trait::async_trait;
use engine::domain::{AccountLevel, CaKeyId};
use engine::ports::{CaSigner, IssuingAuthority, KeysError, PublishedCertificate};
use pki::Signer as _;
use pki::crl::{RevocationList, UnsignedRevocationList};
use pki::ocsp::{OcspResponse, UnsignedOcspResponse};
use pki::trusted_list::{SignedTrustedList, UnsignedTrustedList};
use pki::tsp::{TimeStampToken, TimeStampingUnit, UnsignedToken};
use pki::x509::{Certificate, IssueError, Level, Linted};

use super::{Opened, SoftwareVault};
use crate::authority::{Authorities, CaKey, ServiceKey};

/// What was asked for is not in this vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoSuchKey {
    /// Nobody asked for the responder's key before an answer was to be signed.
    #[error("the vault has no OCSP responder key yet")]
    Responder,
    /// No issuing authority has this key.
    #[error("the vault has no authority with this key")]
    Authority,
    /// The ceremony made none.
    #[error("the vault has no time-stamping unit; `smart-id ceremony --extend` adds one")]
    TimeStampingUnit,
    /// The ceremony made none.
    #[error("the vault has no signer for the trusted list; `smart-id ceremony --extend` adds one")]
    ListSigner,
}

impl From<NoSuchKey> for KeysError {
    fn from(error: NoSuchKey) -> Self {
        Self::Unavailable(Box::new(error))
    }
}

#[async_trait]
impl CaSigner for SoftwareVault {
    fn issuer(&self, level: AccountLevel) -> Arc<IssuingAuthority> {
        let level = match level {
            AccountLevel::Qualified => Level::Qualified,
            AccountLevel::Advanced => Level::Basic,
        };
        Arc::clone(&self.authorities().of(level).issuing)
    }

    fn issuers(&self) -> Vec<Arc<IssuingAuthority>> {
        let authorities = self.authorities().issuing.iter();
        authorities
            .map(|authority| Arc::clone(&authority.issuing))
            .collect()
    }

    async fn sign(&self, issuer: CaKeyId, certificate: Linted) -> Result<Certificate, KeysError> {
        let opened = Arc::clone(&self.opened);
        let sign = move || Ok(certificate.sign(opened.authority(issuer)?)?);
        self.workers.run(sign).await?.map_err(withheld)
    }

    async fn sign_revocation_list(
        &self,
        issuer: CaKeyId,
        list: UnsignedRevocationList,
    ) -> Result<RevocationList, KeysError> {
        let opened = Arc::clone(&self.opened);
        let sign = move || Ok(list.sign(opened.authority(issuer)?)?);
        self.workers.run(sign).await?.map_err(withheld)
    }

    fn root_revocation_list(&self) -> Option<Arc<RevocationList>> {
        self.authorities().root_list.clone()
    }

    async fn responder_key(&self) -> Result<Vec<u8>, KeysError> {
        let key = match self.opened.keys().responder {
            Some(key) => key,
            None => {
                let opened = Arc::clone(&self.opened);
                self.workers
                    .prepare(move || opened.responder_key())
                    .await??
            }
        };
        Ok(key.public_key_spki().to_vec())
    }

    async fn sign_ocsp(&self, response: UnsignedOcspResponse) -> Result<OcspResponse, KeysError> {
        let key = self.opened.keys().responder.ok_or(NoSuchKey::Responder)?;
        let sign = move || response.sign(&*key);
        self.workers.answer(sign).await?.map_err(not_issued)
    }

    fn time_stamping_unit(&self) -> Option<Arc<TimeStampingUnit>> {
        self.opened.unit.clone()
    }

    async fn sign_token(&self, token: UnsignedToken) -> Result<TimeStampToken, KeysError> {
        let opened = Arc::clone(&self.opened);
        let sign = move || {
            let units = &opened.identity.authorities.units;
            Ok(token.sign(newest_key(units).ok_or(NoSuchKey::TimeStampingUnit)?)?)
        };
        self.workers.answer(sign).await?.map_err(withheld)
    }

    fn list_signer(&self) -> Option<Arc<Certificate>> {
        let newest = self.authorities().list_signers.last()?;
        Some(Arc::clone(&newest.certificate))
    }

    async fn sign_list(&self, list: UnsignedTrustedList) -> Result<SignedTrustedList, KeysError> {
        let opened = Arc::clone(&self.opened);
        let sign = move || {
            let signers = &opened.identity.authorities.list_signers;
            Ok(list.sign(newest_key(signers).ok_or(NoSuchKey::ListSigner)?)?)
        };
        self.workers.run(sign).await?.map_err(withheld)
    }

    fn published(&self) -> Vec<PublishedCertificate> {
        let published = |(name, certificate): (String, &Certificate)| PublishedCertificate {
            name,
            certificate: certificate.der().to_vec(),
        };
        let certificates = self.authorities().certificates();
        certificates.into_iter().map(published).collect()
    }
}

impl SoftwareVault {
    fn authorities(&self) -> &Authorities {
        &self.opened.identity.authorities
    }
}

impl Opened {
    fn authority(&self, id: CaKeyId) -> Result<&CaKey, NoSuchKey> {
        let authority = self.identity.authorities.with_id(id);
        Ok(&authority.ok_or(NoSuchKey::Authority)?.key)
    }
}

fn newest_key(services: &[ServiceKey]) -> Option<&CaKey> {
    services.last()?.key.as_ref()
}

/// Why there is no signature.
#[derive(Debug, thiserror::Error)]
enum Withheld {
    #[error(transparent)]
    NoSuchKey(#[from] NoSuchKey),
    #[error(transparent)]
    Issue(#[from] IssueError),
}

fn withheld(error: Withheld) -> KeysError {
    match error {
        Withheld::NoSuchKey(error) => error.into(),
        Withheld::Issue(error) => not_issued(error),
    }
}

fn not_issued(error: IssueError) -> KeysError {
    match error {
        IssueError::Unreadable(_) | IssueError::Changed | IssueError::Unverified(_) => {
            KeysError::FaultyComputation
        }
        IssueError::WrongSigner
        | IssueError::WrongAlgorithm
        | IssueError::Signer(_)
        | IssueError::Encoding(_) => KeysError::Unavailable(Box::new(error)),
    }
}
