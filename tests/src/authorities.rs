//! The real authorities; they can be out of reach, as an HSM can.

use crate::Watch;
use async_trait::async_trait;
use engine::{
    domain::{AccountLevel, CaKeyId},
    ports::{CaSigner, IssuingAuthority, KeysError, PublishedCertificate},
};
use pki::{
    crl::{RevocationList, UnsignedRevocationList},
    ocsp::{OcspResponse, UnsignedOcspResponse},
    trusted_list::{SignedTrustedList, UnsignedTrustedList},
    tsp::{TimeStampToken, TimeStampingUnit, UnsignedToken},
    x509::{Certificate, Linted},
};
use std::sync::Arc;
use vault::SoftwareVault;

pub(crate) struct WatchedAuthorities {
    pub(crate) vault: Arc<SoftwareVault>,
    pub(crate) watch: Arc<Watch>,
}

#[async_trait]
impl CaSigner for WatchedAuthorities {
    fn issuer(&self, level: AccountLevel) -> Arc<IssuingAuthority> {
        self.vault.issuer(level)
    }

    fn issuers(&self) -> Vec<Arc<IssuingAuthority>> {
        self.vault.issuers()
    }

    async fn sign(&self, issuer: CaKeyId, certificate: Linted) -> Result<Certificate, KeysError> {
        if self.watch.are_authorities_down() {
            return Err(KeysError::Unavailable("switched off".into()));
        }
        self.vault.sign(issuer, certificate).await
    }

    async fn sign_revocation_list(
        &self,
        issuer: CaKeyId,
        list: UnsignedRevocationList,
    ) -> Result<RevocationList, KeysError> {
        self.vault.sign_revocation_list(issuer, list).await
    }

    fn root_revocation_list(&self) -> Option<Arc<RevocationList>> {
        self.vault.root_revocation_list()
    }

    async fn responder_key(&self) -> Result<Vec<u8>, KeysError> {
        self.vault.responder_key().await
    }

    async fn sign_ocsp(&self, response: UnsignedOcspResponse) -> Result<OcspResponse, KeysError> {
        self.vault.sign_ocsp(response).await
    }

    fn time_stamping_unit(&self) -> Option<Arc<TimeStampingUnit>> {
        self.vault.time_stamping_unit()
    }

    async fn sign_token(&self, token: UnsignedToken) -> Result<TimeStampToken, KeysError> {
        self.vault.sign_token(token).await
    }

    fn list_signer(&self) -> Option<Arc<Certificate>> {
        self.vault.list_signer()
    }

    async fn sign_list(&self, list: UnsignedTrustedList) -> Result<SignedTrustedList, KeysError> {
        self.vault.sign_list(list).await
    }

    fn published(&self) -> Vec<PublishedCertificate> {
        self.vault.published()
    }
}
