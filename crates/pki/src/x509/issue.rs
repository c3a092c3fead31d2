//! Signing what passed the lint, and looking at what came back.

use der::asn1::{Any, BitString};
use der::{Decode, Encode, Sequence};
use spki::AlgorithmIdentifierOwned;
use thiserror::Error;

use super::certificate::{Certificate, ParseError, SerialNumber};
use super::end_entity::Issuer;
use crate::public_key::VerificationError;
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
        if signer.public_key_spki() != self.issuer.public_key.spki_der() {
            return Err(IssueError::WrongSigner);
        }
        if signer.algorithm() != self.algorithm {
            return Err(IssueError::WrongAlgorithm);
        }
        let signature = signer.sign(&self.tbs)?;
        let certificate = Certificate::parse(&self.assemble(&signature)?)?;
        if certificate.tbs_der() != self.tbs {
            return Err(IssueError::Changed);
        }
        // A faulty device or a fault attack must not put a bad signature into the world.
        certificate.verify_signature(&self.issuer.public_key)?;
        Ok(certificate)
    }

    fn assemble(&self, signature: &[u8]) -> Result<Vec<u8>, IssueError> {
        let assemble = || {
            SignedCertificate {
                tbs_certificate: Any::from_der(&self.tbs)?,
                signature_algorithm: self.algorithm.identifier(),
                signature: BitString::from_bytes(signature)?,
            }
            .to_der()
        };
        assemble().map_err(IssueError::Encoding)
    }
}

/// RFC 5280 §4.1.
#[derive(Sequence)]
struct SignedCertificate {
    tbs_certificate: Any,
    signature_algorithm: AlgorithmIdentifierOwned,
    signature: BitString,
}

/// Why a linted certificate was not issued.
#[derive(Debug, Error)]
pub enum IssueError {
    /// The signer's key is not the issuer's: the configuration is wrong.
    #[error("the signing key is not the issuer's")]
    WrongSigner,
    /// The signer would use another algorithm than the certificate says.
    #[error("the signing key signs with another algorithm")]
    WrongAlgorithm,
    /// The key could not sign.
    #[error("the certificate was not signed")]
    Signer(#[from] SignerError),
    /// The signature does not fit into a certificate.
    #[error("the certificate could not be put together")]
    Encoding(#[source] der::Error),
    /// The finished certificate cannot be read back.
    #[error("the finished certificate cannot be read back")]
    Unreadable(#[from] ParseError),
    /// The finished certificate's signed part is not what was linted.
    #[error("the finished certificate is not what was linted")]
    Changed,
    /// The signature is wrong.
    #[error("the finished certificate does not verify")]
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
