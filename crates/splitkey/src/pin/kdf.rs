//! Slow hashes of the PIN. They brake only an attacker who holds the phone's data *and* the server's share.

use argon2::{Algorithm, Argon2, Params, Version};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::Pin;

/// How the PIN is stretched (splitkey.md §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Kdf {
    /// Argon2id with 64 MiB, 3 passes, 4 lanes: the second option of RFC 9106 §4.
    #[default]
    Argon2id,
    /// PBKDF2-HMAC-SHA256 with 600 000 rounds, only where Argon2 cannot run.
    Pbkdf2,
    /// Argon2id with 1 MiB and one pass. For tests: absent from every build without debug assertions.
    #[cfg(all(any(test, feature = "test-profile"), debug_assertions))]
    Test,
}

impl Kdf {
    /// The function with this id, if this build has it.
    pub fn from_id(id: u8) -> Option<Self> {
        match id {
            1 => Some(Self::Argon2id),
            2 => Some(Self::Pbkdf2),
            #[cfg(all(any(test, feature = "test-profile"), debug_assertions))]
            255 => Some(Self::Test),
            _ => None,
        }
    }

    /// The id in key records.
    pub fn id(self) -> u8 {
        match self {
            Self::Argon2id => 1,
            Self::Pbkdf2 => 2,
            #[cfg(all(any(test, feature = "test-profile"), debug_assertions))]
            Self::Test => 255,
        }
    }

    /// Memory in KiB, passes or rounds, and lanes, as key records state them.
    pub(super) fn parameters(self) -> (u32, u32, u8) {
        match self {
            Self::Argon2id => (65_536, 3, 4),
            Self::Pbkdf2 => (0, 600_000, 1),
            #[cfg(all(any(test, feature = "test-profile"), debug_assertions))]
            Self::Test => (1024, 1, 1),
        }
    }

    /// The value A of splitkey.md §3. Argon2id takes some 150 ms and 64 MiB.
    pub(crate) fn derive(self, pin: &Pin, salt: &[u8; 16]) -> Zeroizing<[u8; 32]> {
        let mut out = Zeroizing::new([0; 32]);
        let (memory_kib, passes, lanes) = self.parameters();
        match self {
            Self::Pbkdf2 => {
                pbkdf2::pbkdf2_hmac::<Sha256>(pin.as_bytes(), salt, passes, out.as_mut())
            }
            _ => {
                let parameters = Params::new(memory_kib, passes, lanes.into(), Some(32))
                    .expect("constants within Argon2's limits");
                Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters)
                    .hash_password_into(pin.as_bytes(), salt, out.as_mut())
                    .expect("a PIN and a 16-byte salt are valid inputs, and memory is available");
            }
        }
        out
    }
}
