//! The two keys that bind a record to its device (splitkey.md §3, "Device binding").

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// K_hmac and K_wrap: in the operating system's keystore where there is one, otherwise [`SoftwareDeviceKeys`].
pub trait DeviceKeys {
    /// HMAC-SHA-256 of `message` under K_hmac.
    fn hmac(&self, message: &[u8]) -> Zeroizing<[u8; 32]>;

    /// AES-256-GCM under K_wrap; the result is ciphertext ‖ tag.
    fn wrap(&self, nonce: &[u8; 12], aad: &[u8], plaintext: &[u8]) -> Vec<u8>;

    /// The inverse of [`wrap`](Self::wrap).
    ///
    /// # Errors
    /// [`UnwrapError`] if the record or its header was changed, or belongs to another device.
    fn unwrap(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, UnwrapError>;
}

/// Device keys derived from 32 secret bytes.
///
/// # Security
/// Whoever reads the secret and can write the storage defeats the outer encryption; a keystore is better.
pub struct SoftwareDeviceKeys {
    hmac: Zeroizing<[u8; 32]>,
    wrap: Zeroizing<[u8; 32]>,
}

impl SoftwareDeviceKeys {
    /// Derives both keys; the secret should be random and is not needed afterwards.
    pub fn from_secret(secret: &[u8; 32]) -> Self {
        let hkdf = Hkdf::<Sha256>::new(Some(b"splitkey/device/v1"), secret);
        let expand = |label: &[u8]| {
            let mut key = Zeroizing::new([0; 32]);
            hkdf.expand(label, key.as_mut()).expect("32 bytes");
            key
        };
        Self {
            hmac: expand(b"hmac"),
            wrap: expand(b"wrap"),
        }
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new((&*self.wrap).into())
    }
}

impl DeviceKeys for SoftwareDeviceKeys {
    fn hmac(&self, message: &[u8]) -> Zeroizing<[u8; 32]> {
        let mac = <Hmac<Sha256> as KeyInit>::new_from_slice(self.hmac.as_ref())
            .expect("any length will do");
        Zeroizing::new(mac.chain_update(message).finalize().into_bytes().into())
    }

    fn wrap(&self, nonce: &[u8; 12], aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
        let payload = Payload {
            msg: plaintext,
            aad,
        };
        self.cipher()
            .encrypt(&Nonce::from(*nonce), payload)
            .expect("far below the limit of AES-GCM")
    }

    fn unwrap(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, UnwrapError> {
        let payload = Payload {
            msg: ciphertext,
            aad,
        };
        self.cipher()
            .decrypt(&Nonce::from(*nonce), payload)
            .map(Zeroizing::new)
            .map_err(|_| UnwrapError)
    }
}

#[cfg(test)]
impl SoftwareDeviceKeys {
    /// K_hmac and K_wrap, for vectors.
    pub(crate) fn expose(&self) -> (&[u8; 32], &[u8; 32]) {
        (&self.hmac, &self.wrap)
    }
}

/// A record did not open with the keys of this device. Says nothing about the PIN, which plays no part in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the key record was changed or belongs to another device")]
pub struct UnwrapError;
