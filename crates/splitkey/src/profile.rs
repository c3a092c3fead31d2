//! Parameter sets and the identifiers that appear in protocol messages (splitkey.md §1).

use serde::{Deserialize, Serialize};

/// A parameter set: the size k of the primes, from which all lengths follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Profile {
    /// `sk-test-1024`, k = 256. For tests: absent from every build without debug assertions.
    #[cfg(all(any(test, feature = "test-profile"), debug_assertions))]
    Test1024,
    /// `sk-4096`, k = 1024. For interoperation with older accounts; 112 bits against an insider.
    Rsa4096,
    /// `sk-6144`, k = 1536. 128 bits against an insider.
    #[default]
    Rsa6144,
}

impl Profile {
    /// The profile with this id, if this build has it.
    pub fn from_id(id: u8) -> Option<Self> {
        match id {
            #[cfg(all(any(test, feature = "test-profile"), debug_assertions))]
            1 => Some(Self::Test1024),
            2 => Some(Self::Rsa4096),
            3 => Some(Self::Rsa6144),
            _ => None,
        }
    }

    /// The id in messages and key records.
    pub fn id(self) -> u8 {
        match self {
            #[cfg(all(any(test, feature = "test-profile"), debug_assertions))]
            Self::Test1024 => 1,
            Self::Rsa4096 => 2,
            Self::Rsa6144 => 3,
        }
    }

    /// Length of a prime, in bits.
    pub fn k(self) -> u32 {
        match self {
            #[cfg(all(any(test, feature = "test-profile"), debug_assertions))]
            Self::Test1024 => 256,
            Self::Rsa4096 => 1024,
            Self::Rsa6144 => 1536,
        }
    }

    /// Length of n1, n2, d1″ and of every number modulo n1 or n2, in bytes.
    pub fn n1_len(self) -> usize {
        self.k() as usize / 4
    }

    /// Length of n, of an encoded message and of a signature, in bytes.
    pub fn n_len(self) -> usize {
        self.k() as usize / 2
    }

    /// Length of the phone's share d1′, in bytes: 128 bits longer than n1.
    pub fn share_len(self) -> usize {
        (2 * self.k() as usize + 128) / 8
    }
}

/// What a key is for. Each purpose has its own primes, salt and PIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Purpose {
    /// Logging in, with PIN1.
    Authentication = 1,
    /// Signing, with PIN2.
    Signature = 2,
}

impl Purpose {
    /// The purpose with this id.
    pub fn from_id(id: u8) -> Option<Self> {
        match id {
            1 => Some(Self::Authentication),
            2 => Some(Self::Signature),
            _ => None,
        }
    }

    /// The id in messages and key records.
    pub fn id(self) -> u8 {
        self as u8
    }
}

/// Names one key pair of an account; chosen by the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct KeyId(pub [u8; 16]);

/// Names one installation of the app; chosen by the phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DeviceId(pub [u8; 16]);

/// Names one attempt to sign, rotate or sync; chosen by the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TransactionId(pub [u8; 16]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_lead_back_to_their_profile_and_purpose() {
        for id in 0..=u8::MAX {
            assert!(Profile::from_id(id).is_none_or(|profile| profile.id() == id));
            assert!(Purpose::from_id(id).is_none_or(|purpose| purpose.id() == id));
        }
        assert_eq!(Profile::from_id(3), Some(Profile::default()));
    }

    #[test]
    fn the_test_profile_and_kdf_are_absent_without_debug_assertions() {
        let present = cfg!(debug_assertions);
        assert_eq!(Profile::from_id(1).is_some(), present);
        assert_eq!(crate::Kdf::from_id(255).is_some(), present);
    }

    #[test]
    fn lengths_of_the_default_profile_are_those_of_the_specification() {
        let profile = Profile::default();
        assert_eq!(
            (profile.n1_len(), profile.n_len(), profile.share_len()),
            (384, 768, 400)
        );
    }
}
