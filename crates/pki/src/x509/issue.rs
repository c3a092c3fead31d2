//! Signing what passed the lint, and looking at what came back.

use thiserror::Error;

use super::certificate::{Certificate, ParseError, SerialNumber};
use super::end_entity::Issuer;
use crate::public_key::VerificationError;
use crate::signed;
use crate::signer::{SignatureAlgorithm, Signer, SignerError};

/// A certificate that passed [`lint`](super::lint): the only thing that can be signed.
#[derive(Clone)]
pub struct Linted {
    pub(crate) tbs: Vec<u8>,
    pub(crate) serial: SerialNumber,
    pub(crate) algorithm: SignatureAlgorithm,
    pub(crate) issuer: Issuer,
}

impl Linted {
    /// The DER `TBSCertificate` that will be signed, so that it can be recorded first.
    pub fn tbs_der(&self) -> &[u8] {
        &self.tbs
    }

    /// The serial number.
    pub fn serial(&self) -> &SerialNumber {
        &self.serial
    }

    /// Signs, then reads the certificate back: its signed part must be the linted bytes and its signature the issuer's.
    ///
    /// # Errors
    /// [`IssueError`]; no certificate exists then.
    pub fn sign(&self, signer: &dyn Signer) -> Result<Certificate, IssueError> {
        let key = &self.issuer.public_key;
        let signature = signed::sign(&self.tbs, key, self.algorithm, signer)?;
        let der = signed::assemble(&self.tbs, self.algorithm, &signature, &[])
            .map_err(IssueError::Encoding)?;
        let certificate = Certificate::parse(&der)?;
        if certificate.tbs_der() != self.tbs {
            return Err(IssueError::Changed);
        }
        Ok(certificate)
    }
}

/// Why a certificate, a revocation list or an OCSP answer was not made.
#[derive(Debug, Error)]
pub enum IssueError {
    /// The signer's key is not the issuer's: the configuration is wrong.
    #[error("the signing key is not the issuer's")]
    WrongSigner,
    /// The signer would use another algorithm than what is signed says, or than its key signs with.
    #[error("the signing key signs with another algorithm")]
    WrongAlgorithm,
    /// The key could not sign.
    #[error("nothing was signed")]
    Signer(#[from] SignerError),
    /// The signature does not fit behind what is signed.
    #[error("what was signed could not be put together")]
    Encoding(#[source] der::Error),
    /// What was signed cannot be read back.
    #[error("what was signed cannot be read back")]
    Unreadable(#[from] ParseError),
    /// What was signed is not what was built, or for a certificate, linted.
    #[error("what was signed is not what was built")]
    Changed,
    /// The signature is wrong.
    #[error("the signature made does not verify")]
    Unverified(#[from] VerificationError),
}

impl IssueError {
    /// Stable code for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::WrongSigner => "issue_wrong_signer",
            Self::WrongAlgorithm => "issue_wrong_algorithm",
            Self::Signer(error) => error.code(),
            Self::Encoding(_) | Self::Unreadable(_) | Self::Changed | Self::Unverified(_) => {
                "issue_self_check_failed"
            }
        }
    }
}

#[cfg(test)]
mod tests;
