//! The PIN and what it protects (splitkey.md §3).
//!
//! d1′ is XORed with a keystream from PIN and device keys. Every PIN gives a string that could be d1′; there is no
//! checksum, padding or range that would tell a wrong PIN from the right one on the phone.

mod device_keys;
mod kdf;
mod key_record;
#[cfg(test)]
pub(crate) use key_record::keystream;

pub use device_keys::{DeviceKeys, SoftwareDeviceKeys, UnwrapError};
pub use kdf::Kdf;
pub use key_record::{KeyContext, KeyRecord, RecordError};

use zeroize::Zeroizing;

/// A PIN of 4 to 12 ASCII digits. Wiped on drop; its length is not stored anywhere.
pub struct Pin(Zeroizing<Vec<u8>>);

impl Pin {
    /// Takes what the person typed.
    ///
    /// # Errors
    /// [`PinError`]: ask again.
    pub fn new(digits: &str) -> Result<Self, PinError> {
        if !(4..=12).contains(&digits.len()) {
            return Err(PinError::Length);
        }
        if !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(PinError::NotDigits);
        }
        // With its exact capacity, the string is never moved and left behind.
        Ok(Self(Zeroizing::new(digits.as_bytes().to_vec())))
    }

    /// How many digits; PIN2 must have at least 5, which is the app's rule.
    #[expect(clippy::len_without_is_empty, reason = "a PIN is never empty")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether two PINs are the same, in time that depends on their lengths only; PIN1 and PIN2 must differ.
    pub fn matches(&self, other: &Self) -> bool {
        subtle::ConstantTimeEq::ct_eq(self.0.as_slice(), other.0.as_slice()).into()
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Why something is not a PIN; the person types again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PinError {
    /// Not 4 to 12 characters.
    #[error("a PIN has 4 to 12 digits")]
    Length,
    /// Something other than 0 to 9.
    #[error("a PIN has digits only")]
    NotDigits,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_are_four_to_twelve_ascii_digits() {
        for digits in ["0000", "12345", "123456789012"] {
            assert_eq!(Pin::new(digits).unwrap().len(), digits.len());
        }
        for (digits, reason) in [
            ("", PinError::Length),
            ("123", PinError::Length),
            ("1234567890123", PinError::Length),
            ("12a4", PinError::NotDigits),
            ("12 4", PinError::NotDigits),
            ("١٢٣٤", PinError::NotDigits),
            ("-123", PinError::NotDigits),
        ] {
            assert_eq!(Pin::new(digits).err(), Some(reason), "{digits:?}");
        }
    }

    #[test]
    fn equal_pins_match() {
        let pin = |digits| Pin::new(digits).unwrap();
        assert!(pin("1234").matches(&pin("1234")));
        assert!(!pin("1234").matches(&pin("1235")));
        assert!(!pin("1234").matches(&pin("12340")));
    }
}
