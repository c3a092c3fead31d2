use std::sync::Arc;

use async_trait::async_trait;
use engine::domain::AccountLevel;
use engine::ports::{CaSigner, KeysError, PublishedCertificate};
use pki::x509::{Certificate, IssueError, IssuingCa, Linted};

use super::SoftwareVault;

#[async_trait]
impl CaSigner for SoftwareVault {
    fn issuer(&self, level: AccountLevel) -> Arc<IssuingCa> {
        Arc::clone(&self.opened.identity.authorities.of(level).ca)
    }

    async fn sign(
        &self,
        level: AccountLevel,
        certificate: Linted,
    ) -> Result<Certificate, KeysError> {
        let opened = Arc::clone(&self.opened);
        let sign = move || certificate.sign(&opened.identity.authorities.of(level).key);
        self.workers.run(sign).await?.map_err(not_issued)
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
