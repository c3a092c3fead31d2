//! The hash functions that time-stamps and trusted lists may use (ETSI TS 119 312 §5.2).

use const_oid::ObjectIdentifier;
use der::asn1::{Any, Null};
use sha2::{Digest, Sha256, Sha384, Sha512};
use spki::AlgorithmIdentifierOwned;

use crate::signer::SignatureAlgorithm;

const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");

/// A hash function of the SHA-2 family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DigestAlgorithm {
    /// SHA-256
    Sha256,
    /// SHA-384
    Sha384,
    /// SHA-512
    Sha512,
}

impl DigestAlgorithm {
    /// The digest of `message`.
    pub fn digest(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(message).to_vec(),
            Self::Sha384 => Sha384::digest(message).to_vec(),
            Self::Sha512 => Sha512::digest(message).to_vec(),
        }
    }

    /// Octets of a digest.
    pub(crate) fn length(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// The one a signature algorithm digests with.
    pub(crate) fn of_signature(algorithm: SignatureAlgorithm) -> Self {
        match algorithm {
            SignatureAlgorithm::EcdsaSha256 | SignatureAlgorithm::RsaSha256 => Self::Sha256,
            SignatureAlgorithm::EcdsaSha384 => Self::Sha384,
            SignatureAlgorithm::EcdsaSha512 | SignatureAlgorithm::RsaSha512 => Self::Sha512,
        }
    }

    /// Reads an `AlgorithmIdentifier`: RFC 5754 §2 wants the parameters absent and NULL accepted.
    pub(crate) fn from_identifier(identifier: &AlgorithmIdentifierOwned) -> Option<Self> {
        if identifier
            .parameters
            .as_ref()
            .is_some_and(|parameters| *parameters != Any::from(Null))
        {
            return None;
        }
        [Self::Sha256, Self::Sha384, Self::Sha512]
            .into_iter()
            .find(|algorithm| algorithm.oid() == identifier.oid)
    }

    /// Its `AlgorithmIdentifier`, without parameters (RFC 5754 §2).
    pub(crate) fn identifier(self) -> AlgorithmIdentifierOwned {
        AlgorithmIdentifierOwned {
            oid: self.oid(),
            parameters: None,
        }
    }

    fn oid(self) -> ObjectIdentifier {
        match self {
            Self::Sha256 => SHA256,
            Self::Sha384 => SHA384,
            Self::Sha512 => SHA512,
        }
    }
}
