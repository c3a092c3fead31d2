//! The OCSP responder's key.

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use pki::{SignatureAlgorithm, Signer, SignerError};
use zeroize::Zeroizing;

use crate::VaultError;

/// RSA-3072, because clients of relying parties take no other answers (`pki.md` §2.1). AWS-LC blinds the private
/// operation, checks it, and wipes the key when it goes.
pub(crate) struct ResponderKey {
    key: KeyPair,
    spki: Vec<u8>,
}

impl ResponderKey {
    /// A fresh key: some tenths of a second of work. The randomness is AWS-LC's own.
    pub(crate) fn generate() -> Self {
        let key = KeyPair::generate(KeySize::Rsa3072)
            .expect("AWS-LC makes a key as long as there is memory and randomness");
        Self::new(key).expect("a key that was made has a public half")
    }

    pub(crate) fn from_pkcs8(der: &[u8]) -> Result<Self, VaultError> {
        KeyPair::from_pkcs8(der)
            .ok()
            .and_then(Self::new)
            .ok_or(VaultError::Damaged)
    }

    /// For a vault file.
    pub(crate) fn expose_pkcs8(&self) -> Zeroizing<Vec<u8>> {
        // The buffer wipes itself (aws-lc-rs, `Buffer`'s Drop).
        let der: Pkcs8V1Der<'_> = self
            .key
            .as_der()
            .expect("an RSA key pair has a PKCS #8 form");
        Zeroizing::new(der.as_ref().to_vec())
    }

    fn new(key: KeyPair) -> Option<Self> {
        let spki: PublicKeyX509Der<'_> = key.public_key().as_der().ok()?;
        Some(Self {
            spki: spki.as_ref().to_vec(),
            key,
        })
    }
}

impl Signer for ResponderKey {
    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::RsaSha256
    }

    fn public_key_spki(&self) -> &[u8] {
        &self.spki
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        let mut signature = vec![0; self.key.public_modulus_len()];
        // PKCS #1 v1.5 takes no randomness; blinding has AWS-LC's.
        self.key
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                message,
                &mut signature,
            )
            .map_err(|error| SignerError::Failed(Some(error.into())))?;
        Ok(signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_same_after_it_was_written_down() {
        let key = ResponderKey::generate();
        let again = ResponderKey::from_pkcs8(&key.expose_pkcs8()).unwrap();
        assert_eq!(key.public_key_spki(), again.public_key_spki());
        // Deterministic (RFC 8017 §8.2.1).
        assert_eq!(
            key.sign(b"message").unwrap(),
            again.sign(b"message").unwrap()
        );
    }

    #[test]
    fn its_signatures_verify_under_its_public_key() {
        use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
        let key = ResponderKey::generate();
        let signature = key.sign(b"message").unwrap();
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public_key_spki());
        public.verify(b"message", &signature).unwrap();
        assert!(public.verify(b"another", &signature).is_err());
        assert_eq!(signature.len(), 384);
    }

    #[test]
    fn another_kind_of_key_is_refused() {
        let other = crate::authority::CaKey::generate(&mut crate::randomness::system_rng());
        assert!(matches!(
            ResponderKey::from_pkcs8(&other.expose_pkcs8()),
            Err(VaultError::Damaged)
        ));
    }
}
