use std::sync::Arc;

use async_trait::async_trait;
use engine::domain::{AccountLevel, CaKeyId};
use engine::ports::{CaSigner, IssuingAuthority, KeysError, PublishedCertificate};
use pki::crl::{RevocationList, UnsignedRevocationList};
use pki::ocsp::{OcspResponse, UnsignedOcspResponse};
use pki::trusted_list::{SignedTrustedList, UnsignedTrustedList};
use pki::tsp::{TimeStampToken, TimeStampingUnit, UnsignedToken};
use pki::x509::{Certificate, IssueError, Linted};

use super::SoftwareVault;

#[async_trait]
impl CaSigner for SoftwareVault {
    fn issuer(&self, level: AccountLevel) -> Arc<IssuingAuthority> {
        todo!()
    }

    fn issuers(&self) -> Vec<Arc<IssuingAuthority>> {
        todo!()
    }

    async fn sign(&self, issuer: CaKeyId, certificate: Linted) -> Result<Certificate, KeysError> {
        todo!()
    }

    async fn sign_revocation_list(
        &self,
        issuer: CaKeyId,
        list: UnsignedRevocationList,
    ) -> Result<RevocationList, KeysError> {
        todo!()
    }

    fn root_revocation_list(&self) -> Option<Arc<RevocationList>> {
        todo!()
    }

    async fn responder_key(&self) -> Result<Vec<u8>, KeysError> {
        todo!()
    }

    async fn sign_ocsp(&self, response: UnsignedOcspResponse) -> Result<OcspResponse, KeysError> {
        todo!()
    }

    fn time_stamping_unit(&self) -> Option<Arc<TimeStampingUnit>> {
        todo!()
    }

    async fn sign_token(&self, token: UnsignedToken) -> Result<TimeStampToken, KeysError> {
        todo!()
    }

    fn list_signer(&self) -> Option<Arc<Certificate>> {
        todo!()
    }

    async fn sign_list(&self, list: UnsignedTrustedList) -> Result<SignedTrustedList, KeysError> {
        todo!()
    }

    fn published(&self) -> Vec<PublishedCertificate> {
        let certificates = self.opened.identity.authorities.certificates();
        let published = |(name, certificate): (&str, &Certificate)| PublishedCertificate {
            name: name.to_owned(),
            certificate: certificate.der().to_vec(),
        };
        certificates.into_iter().map(published).collect()
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
