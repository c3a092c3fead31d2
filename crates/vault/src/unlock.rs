use std::fmt::Write;

use hkdf::Hkdf;
use rand_core::CryptoRng;
use sha2::Sha256;
use zeroize::Zeroizing;

/// The key that a vault file is encrypted under: 32 uniformly random bytes, never a passphrase.
///
/// The server reads it from a file or the environment. Whoever has it and the vault file has every key in it.
pub struct UnlockKey(Zeroizing<[u8; 32]>);

impl UnlockKey {
    /// A fresh key.
    pub fn generate<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        rng.fill_bytes(bytes.as_mut());
        Self(bytes)
    }

    /// A key from its bytes.
    #[must_use]
    pub fn from_bytes(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(bytes)
    }

    /// Reads 64 hexadecimal digits; white space around them, such as a file's last line feed, is ignored.
    ///
    /// # Errors
    /// [`NotAnUnlockKey`].
    pub fn from_hex(text: &str) -> Result<Self, NotAnUnlockKey> {
        let digits = text.trim().as_bytes();
        if digits.len() != 64 {
            return Err(NotAnUnlockKey);
        }
        let mut bytes = Zeroizing::new([0; 32]);
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            for digit in pair {
                let value = char::from(*digit).to_digit(16).ok_or(NotAnUnlockKey)?;
                *byte = *byte << 4 | u8::try_from(value).expect("a hexadecimal digit is below 16");
            }
        }
        Ok(Self(bytes))
    }

    /// The 64 hexadecimal digits that [`UnlockKey::from_hex`] reads, for the operator to keep.
    #[must_use]
    pub fn expose_hex(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(64));
        for byte in self.0.iter() {
            write!(text, "{byte:02x}").expect("a string takes all text");
        }
        text
    }

    /// Two independent keys for one file: one that encrypts it, and a value that tells whether the unlock key is its.
    pub(crate) fn derive(&self, salt: &[u8], purpose: &[u8]) -> FileKeys {
        let hkdf = Hkdf::<Sha256>::new(Some(salt), &*self.0);
        let mut keys = FileKeys {
            cipher: Zeroizing::new([0; 32]),
            check: [0; 16],
        };
        hkdf.expand_multi_info(
            &[b"smart-id/vault/file/v1/cipher", purpose],
            keys.cipher.as_mut(),
        )
        .expect("32 bytes");
        hkdf.expand_multi_info(&[b"smart-id/vault/file/v1/check", purpose], &mut keys.check)
            .expect("16 bytes");
        keys
    }
}

/// What [`UnlockKey::derive`] gives.
pub(crate) struct FileKeys {
    pub(crate) cipher: Zeroizing<[u8; 32]>,
    pub(crate) check: [u8; 16],
}

/// The text is not an unlock key; the operator's to repair. Says nothing of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an unlock key is 64 hexadecimal digits")]
pub struct NotAnUnlockKey;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_digits_come_back_as_they_went() {
        let digits = "00ff10a5".repeat(8);
        let key = UnlockKey::from_hex(&format!("{}\n", digits.to_uppercase())).expect("64 digits");
        assert_eq!(*key.expose_hex(), digits);
    }

    #[test]
    fn anything_but_64_hexadecimal_digits_is_refused() {
        for text in [
            "",
            "00",
            &"0".repeat(63),
            &"0".repeat(65),
            &"g".repeat(64),
            &"é".repeat(32),
            &"+1".repeat(32),
        ] {
            assert!(UnlockKey::from_hex(text).is_err(), "{text}");
        }
    }

    #[test]
    fn file_keys_depend_on_salt_and_purpose() {
        let key = UnlockKey::from_bytes(Zeroizing::new([7; 32]));
        let keys = key.derive(b"salt", b"purpose");
        assert_ne!(keys.check, key.derive(b"other", b"purpose").check);
        assert_ne!(keys.check, key.derive(b"salt", b"other").check);
        assert_ne!(keys.check, keys.cipher[..16]);
    }
}
