//! What signs: a key that never shows itself, and the algorithms it may use.

use const_oid::ObjectIdentifier;
use der::asn1::{Any, AnyRef};
use thiserror::Error;

use crate::oids;

/// A private key that signs certificates, lists, answers and time-stamps, wherever it lives (memory, PKCS#11).
///
/// # Security
/// The caller decides *what* is signed; a `Signer` that is reachable signs anything. Certificates reach it only as
/// [`Linted`](crate::x509::Linted); what it signed is verified before it is given out.
pub trait Signer {
    /// The algorithm of every signature this key makes.
    fn algorithm(&self) -> SignatureAlgorithm;

    /// The public half as DER `SubjectPublicKeyInfo`.
    fn public_key_spki(&self) -> &[u8];

    /// Signs `message` (not its digest). ECDSA signatures are DER `ECDSA-Sig-Value`, as X.509 carries them.
    ///
    /// # Errors
    /// [`SignerError`] if the key is not usable now or the device failed.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError>;
}

/// Why a key could not sign.
#[derive(Debug, Error)]
pub enum SignerError {
    /// The key or the device that holds it cannot be reached or is locked: the operator must act.
    #[error("the signing key is not available")]
    Unavailable(#[source] Option<Box<dyn std::error::Error + Send + Sync>>),
    /// The device answered, but refused or failed to sign.
    #[error("the signing key failed to sign")]
    Failed(#[source] Option<Box<dyn std::error::Error + Send + Sync>>),
}

impl SignerError {
    /// Stable code for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unavailable(_) => "signer_unavailable",
            Self::Failed(_) => "signer_failed",
        }
    }
}

/// A signature algorithm that certificate authorities of this project use or that we verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SignatureAlgorithm {
    /// ecdsa-with-SHA256 (RFC 5758 §3.2), for P-256 keys.
    EcdsaSha256,
    /// ecdsa-with-SHA384, for P-384 keys: what our certificate authorities sign with.
    EcdsaSha384,
    /// ecdsa-with-SHA512, for P-521 keys.
    EcdsaSha512,
    /// sha256WithRSAEncryption (RFC 8017 §8.2): OCSP answers, because relying parties' clients take nothing else
    /// (`pki.md` §2.1). No certificate of ours is signed with it.
    RsaSha256,
    /// sha512WithRSAEncryption: read, not made.
    RsaSha512,
}

impl SignatureAlgorithm {
    /// The algorithm with this object identifier, if we verify it.
    pub fn from_oid(oid: &ObjectIdentifier) -> Option<Self> {
        match *oid {
            oids::ECDSA_SHA256 => Some(Self::EcdsaSha256),
            oids::ECDSA_SHA384 => Some(Self::EcdsaSha384),
            oids::ECDSA_SHA512 => Some(Self::EcdsaSha512),
            oids::RSA_SHA256 => Some(Self::RsaSha256),
            oids::RSA_SHA512 => Some(Self::RsaSha512),
            _ => None,
        }
    }

    /// Its object identifier.
    pub fn oid(self) -> ObjectIdentifier {
        match self {
            Self::EcdsaSha256 => oids::ECDSA_SHA256,
            Self::EcdsaSha384 => oids::ECDSA_SHA384,
            Self::EcdsaSha512 => oids::ECDSA_SHA512,
            Self::RsaSha256 => oids::RSA_SHA256,
            Self::RsaSha512 => oids::RSA_SHA512,
        }
    }

    /// Its `AlgorithmIdentifier`.
    pub(crate) fn identifier(self) -> spki::AlgorithmIdentifierOwned {
        let parameters = match self {
            // RFC 5758 §3.2: the parameters field of ecdsa-with-* is absent, not NULL.
            Self::EcdsaSha256 | Self::EcdsaSha384 | Self::EcdsaSha512 => None,
            // RFC 4055 §5: the parameters field must be NULL.
            Self::RsaSha256 | Self::RsaSha512 => Some(Any::from(AnyRef::NULL)),
        };
        spki::AlgorithmIdentifierOwned {
            oid: self.oid(),
            parameters,
        }
    }
}
