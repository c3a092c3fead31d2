//! The phone's own keys: those that mask and wrap, and the one that signs requests.

use hkdf::Hkdf;
use p256::ecdsa::{Signature, SigningKey, signature::Signer};
use sha2::Sha256;
use splitkey::{DeviceKeys, SoftwareDeviceKeys, pin::UnwrapError};
use zeroize::Zeroizing;

/// Keys that do not leave the device: K_hmac, K_wrap (`splitkey.md` §3) and the ECDSA P-256 key of the device.
///
/// In the operating system's keystore where there is one; [`SoftwareKeystore`] elsewhere.
pub trait Keystore: DeviceKeys {
    /// The public key of the device, an uncompressed SEC1 point.
    fn public_key(&self) -> [u8; 65];

    /// ECDSA over P-256 with SHA-256, r ‖ s.
    fn sign(&self, message: &[u8]) -> [u8; 64];
}

/// All keys derived from 32 secret bytes.
///
/// # Security
/// Whoever reads the secret and the phone's state has a copy of the phone, though not its PINs.
pub struct SoftwareKeystore {
    keys: SoftwareDeviceKeys,
    signing: SigningKey,
}

impl SoftwareKeystore {
    /// Derives the keys; the secret must be random.
    #[must_use]
    pub fn from_secret(secret: &[u8; 32]) -> Self {
        let hkdf = Hkdf::<Sha256>::new(Some(b"device/keystore/v1"), secret);
        // A 256-bit string is no scalar of P-256 once in 2^32 times; the next label gives another.
        let signing = (0_u8..=u8::MAX)
            .find_map(|counter| {
                let mut scalar = Zeroizing::new([0; 32]);
                hkdf.expand(
                    &[b"ecdsa-p256".as_slice(), &[counter]].concat(),
                    scalar.as_mut(),
                )
                .ok()?;
                SigningKey::from_slice(scalar.as_ref()).ok()
            })
            .expect("one of 256 random strings is a scalar of the curve");
        Self {
            keys: SoftwareDeviceKeys::from_secret(secret),
            signing,
        }
    }
}

impl Keystore for SoftwareKeystore {
    fn public_key(&self) -> [u8; 65] {
        let point = self.signing.verifying_key().to_sec1_point(false);
        point
            .as_bytes()
            .try_into()
            .expect("an uncompressed point of P-256 has 65 bytes")
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        let signature: Signature = self.signing.sign(message);
        signature.to_bytes().into()
    }
}

impl DeviceKeys for SoftwareKeystore {
    fn hmac(&self, message: &[u8]) -> Zeroizing<[u8; 32]> {
        self.keys.hmac(message)
    }

    fn wrap(&self, nonce: &[u8; 12], aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
        self.keys.wrap(nonce, aad, plaintext)
    }

    fn unwrap(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, UnwrapError> {
        self.keys.unwrap(nonce, aad, ciphertext)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use p256::ecdsa::{VerifyingKey, signature::Verifier};

    #[test]
    fn the_device_signature_verifies_under_the_public_key() {
        let keystore = SoftwareKeystore::from_secret(&[7; 32]);
        let key = VerifyingKey::from_sec1_bytes(&keystore.public_key()).unwrap();
        let signature = Signature::from_slice(&keystore.sign(b"message")).unwrap();
        assert!(key.verify(b"message", &signature).is_ok());
        assert!(key.verify(b"massage", &signature).is_err());
    }

    #[test]
    fn one_secret_gives_one_set_of_keys() {
        let [first, again, other] =
            [1, 1, 2].map(|byte| SoftwareKeystore::from_secret(&[byte; 32]));
        assert_eq!(first.public_key(), again.public_key());
        assert_ne!(first.public_key(), other.public_key());
        let wrapped = first.wrap(&[0; 12], b"aad", b"secret");
        assert!(again.unwrap(&[0; 12], b"aad", &wrapped).is_ok());
        assert!(other.unwrap(&[0; 12], b"aad", &wrapped).is_err());
    }
}
