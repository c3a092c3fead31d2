use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{fmt, str::FromStr};

/// The verification code of an authentication: last two bytes of SHA-256 over the decoded rpChallenge, big-endian,
/// modulo 10000 (RP API v3, "Verification code").
#[must_use]
pub fn verification_code(rp_challenge: &[u8]) -> VerificationCode {
    let [.., high, low]: [u8; 32] = Sha256::digest(rp_challenge).into();
    VerificationCode(format!("{:04}", u16::from_be_bytes([high, low]) % 10_000))
}

fn four_digits<R: CryptoRng + ?Sized>(rng: &mut R) -> String {
    // 2^64 is no multiple of 10000; what that prefers is below 2^-50.
    format!("{:04}", rng.next_u64() % 10_000)
}

/// Four digits that e-service and phone both show, so that the person sees that she confirms her own request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VerificationCode(String);

/// Four digits that phone and computer both show during registration (R37).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ControlCode(String);

/// Text that is not four digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a code of four digits")]
pub struct NotFourDigits;

macro_rules! four_digit_code {
    ($name:ident) => {
        impl $name {
            /// A random one.
            pub fn generate<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
                Self(four_digits(rng))
            }

            /// The four digits.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = NotFourDigits;

            fn try_from(text: String) -> Result<Self, NotFourDigits> {
                let valid = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
                valid.then_some(Self(text)).ok_or(NotFourDigits)
            }
        }

        impl FromStr for $name {
            type Err = NotFourDigits;

            fn from_str(text: &str) -> Result<Self, NotFourDigits> {
                text.to_owned().try_into()
            }
        }

        impl From<$name> for String {
            fn from(code: $name) -> Self {
                code.0
            }
        }
    };
}

four_digit_code!(VerificationCode);
four_digit_code!(ControlCode);

/// What the person types at the computer, or tells the operator: eight characters, 40 bits, shown as `XXXX-XXXX` (R35).
///
/// Crockford's alphabet: no I, L, O, U; case and hyphens do not matter, I and L are read as 1, O as 0.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RegistrationCode([u8; 8]);

/// Text that is no registration code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a registration code: eight letters and digits like 7K3M-9QXA, as the phone shows them"
)]
pub struct NotARegistrationCode;

const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

impl RegistrationCode {
    /// A random one.
    pub fn generate<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        let mut random = [0; 8];
        rng.fill_bytes(&mut random);
        Self(random.map(|byte| CROCKFORD[usize::from(byte % 32)]))
    }
}

impl fmt::Display for RegistrationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = std::str::from_utf8(&self.0).expect("ASCII");
        let (first, second) = text.split_at(4);
        write!(f, "{first}-{second}")
    }
}

impl FromStr for RegistrationCode {
    type Err = NotARegistrationCode;

    fn from_str(text: &str) -> Result<Self, NotARegistrationCode> {
        let code: Vec<u8> = text
            .bytes()
            .filter(|byte| *byte != b'-' && *byte != b' ')
            .map(|byte| match byte.to_ascii_uppercase() {
                b'I' | b'L' => b'1',
                b'O' => b'0',
                other => other,
            })
            .collect();
        if code.iter().any(|byte| !CROCKFORD.contains(byte)) {
            return Err(NotARegistrationCode);
        }
        code.try_into().map(Self).map_err(|_| NotARegistrationCode)
    }
}

impl TryFrom<String> for RegistrationCode {
    type Error = NotARegistrationCode;

    fn try_from(text: String) -> Result<Self, NotARegistrationCode> {
        text.parse()
    }
}

impl From<RegistrationCode> for String {
    fn from(code: RegistrationCode) -> Self {
        code.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registration_codes_forgive_what_people_mistype() {
        let code: RegistrationCode = "7K3M-9Q1A".parse().unwrap();
        for text in ["7k3m9q1a", "7K3M 9QLA", "7k3m-9qia"] {
            assert_eq!(text.parse(), Ok(code.clone()), "{text}");
        }
        for text in ["", "7K3M-9Q1", "7K3M-9Q1AA", "7K3M-9Q1U", "7K3M-9Q1é"] {
            assert!(text.parse::<RegistrationCode>().is_err(), "{text}");
        }
        assert_eq!(code.to_string(), "7K3M-9Q1A");
    }

    #[test]
    fn four_digit_codes_keep_leading_zeros() {
        assert_eq!("0042".parse::<VerificationCode>().unwrap().as_str(), "0042");
        for text in ["", "42", "00042", "12a4", "١٢٣٤"] {
            assert!(text.parse::<ControlCode>().is_err(), "{text}");
        }
    }
}
