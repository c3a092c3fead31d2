use std::sync::Arc;

use async_trait::async_trait;
use engine::domain::{AccountLevel, CaKeyId, Wrapped};
use engine::ports::{
    CaSigner, IssuingAuthority, KeysError, NewServerHalf, Opened, PublishedCertificate, ServerKeys,
};
use jiff::Timestamp;
use pki::crl::{RevocationList, UnsignedRevocationList};
use pki::ocsp::{OcspResponse, UnsignedOcspResponse};
use pki::trusted_list::{SignedTrustedList, UnsignedTrustedList};
use pki::tsp::{TimeStampToken, TimeStampingUnit, UnsignedToken};
use pki::x509::{Certificate, Linted};
use splitkey::seal::Kind;
use splitkey::{
    ClientModulus, EncodedMessage, KeyId, ModulusError, PartialSignature, Profile, ServerShare,
    ServerSignatureHalf,
};
use wire::audit_checkpoint::{Checkpoint, SignedCheckpoint};
use wire::server_key::SignedStatement;
use zeroize::Zeroizing;

/// The ports of a process that must not have the keys: an operator's command beside the running server.
///
/// Everything is refused with [`VaultIsClosed`]; no certificate is published.
pub struct ClosedVault;

/// This process was started without the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the vault is not open in this process")]
pub struct VaultIsClosed;

fn refuse<T>() -> Result<T, KeysError> {
    Err(KeysError::Unavailable(Box::new(VaultIsClosed)))
}

#[async_trait]
impl ServerKeys for ClosedVault {
    async fn generate_half(&self, _: Profile) -> Result<NewServerHalf, KeysError> {
        refuse()
    }

    async fn check_modulus(
        &self,
        _: Profile,
        _: Vec<u8>,
        _: Vec<Vec<u8>>,
    ) -> Result<Result<ClientModulus, ModulusError>, KeysError> {
        refuse()
    }

    async fn wrap_share(&self, _: KeyId, _: ServerShare) -> Result<Wrapped, KeysError> {
        refuse()
    }

    async fn apply_share(
        &self,
        _: KeyId,
        _: &Wrapped,
        _: &ClientModulus,
        _: &EncodedMessage,
    ) -> Result<PartialSignature, KeysError> {
        refuse()
    }

    async fn apply_half(
        &self,
        _: &Wrapped,
        _: &EncodedMessage,
    ) -> Result<ServerSignatureHalf, KeysError> {
        refuse()
    }

    async fn open(&self, _: Kind, _: &[u8]) -> Result<Opened, KeysError> {
        refuse()
    }

    async fn protect(&self, _: &str, _: &[u8]) -> Result<Wrapped, KeysError> {
        refuse()
    }

    async fn reveal(&self, _: &str, _: &Wrapped) -> Result<Zeroizing<Vec<u8>>, KeysError> {
        refuse()
    }

    async fn transport_key(&self) -> Result<SignedStatement, KeysError> {
        refuse()
    }

    async fn sign_checkpoint(&self, _: Checkpoint) -> Result<SignedCheckpoint, KeysError> {
        refuse()
    }

    fn root_key(&self) -> [u8; 65] {
        unreachable!("a process without keys serves no phone")
    }

    async fn rotate_transport_keys(&self, _: Timestamp) -> Result<(), KeysError> {
        refuse()
    }

    async fn ready(&self) -> Result<(), KeysError> {
        refuse()
    }
}

#[async_trait]
impl CaSigner for ClosedVault {
    fn issuer(&self, _: AccountLevel) -> Arc<IssuingAuthority> {
        unreachable!("a process without keys issues no certificate")
    }

    fn issuers(&self) -> Vec<Arc<IssuingAuthority>> {
        Vec::new()
    }

    async fn sign(&self, _: CaKeyId, _: Linted) -> Result<Certificate, KeysError> {
        refuse()
    }

    async fn sign_revocation_list(
        &self,
        _: CaKeyId,
        _: UnsignedRevocationList,
    ) -> Result<RevocationList, KeysError> {
        refuse()
    }

    fn root_revocation_list(&self) -> Option<Arc<RevocationList>> {
        None
    }

    async fn responder_key(&self) -> Result<Vec<u8>, KeysError> {
        refuse()
    }

    async fn sign_ocsp(&self, _: UnsignedOcspResponse) -> Result<OcspResponse, KeysError> {
        refuse()
    }

    fn time_stamping_unit(&self) -> Option<Arc<TimeStampingUnit>> {
        None
    }

    async fn sign_token(&self, _: UnsignedToken) -> Result<TimeStampToken, KeysError> {
        refuse()
    }

    fn list_signer(&self) -> Option<Arc<Certificate>> {
        None
    }

    async fn sign_list(&self, _: UnsignedTrustedList) -> Result<SignedTrustedList, KeysError> {
        refuse()
    }

    fn published(&self) -> Vec<PublishedCertificate> {
        Vec::new()
    }
}
