use pki::x509::Certificate;
use pki::{SignatureAlgorithm, Signer, SignerError};

use crate::VaultError;
use crate::authority::CaKey;

/// The root CA's key, taken out of its file for a moment: to certify another issuing authority or to sign the root's
/// revocation list.
pub struct OfflineRoot {
    key: CaKey,
    certificate: Certificate,
}

impl OfflineRoot {
    pub(crate) fn new(key: CaKey, certificate: Certificate) -> Result<Self, VaultError> {
        if certificate.public_key().spki_der() != key.public_key_spki() {
            return Err(VaultError::Damaged);
        }
        Ok(Self { key, certificate })
    }

    /// The trust anchor.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }
}

impl Signer for OfflineRoot {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.key.algorithm()
    }

    fn public_key_spki(&self) -> &[u8] {
        self.key.public_key_spki()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        self.key.sign(message)
    }
}
