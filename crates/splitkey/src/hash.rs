//! The six hash functions a signature may use.

use sha2::Digest;

/// A hash function of the relying-party API (splitkey.md §4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hash {
    /// SHA-256.
    Sha256 = 1,
    /// SHA-384.
    Sha384 = 2,
    /// SHA-512.
    Sha512 = 3,
    /// SHA3-256.
    Sha3_256 = 4,
    /// SHA3-384.
    Sha3_384 = 5,
    /// SHA3-512.
    Sha3_512 = 6,
}

impl Hash {
    /// All of them, in the order of their ids.
    pub const ALL: [Self; 6] = [
        Self::Sha256,
        Self::Sha384,
        Self::Sha512,
        Self::Sha3_256,
        Self::Sha3_384,
        Self::Sha3_512,
    ];

    /// The hash with this id.
    pub fn from_id(id: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|hash| hash.id() == id)
    }

    /// The id that enters the joint salt.
    pub fn id(self) -> u8 {
        self as u8
    }

    /// Length of a digest, in bytes.
    pub fn digest_len(self) -> usize {
        match self {
            Self::Sha256 | Self::Sha3_256 => 32,
            Self::Sha384 | Self::Sha3_384 => 48,
            Self::Sha512 | Self::Sha3_512 => 64,
        }
    }

    /// The digest of the concatenated `parts`.
    pub fn digest(self, parts: &[&[u8]]) -> Vec<u8> {
        match self {
            Self::Sha256 => digest::<sha2::Sha256>(parts),
            Self::Sha384 => digest::<sha2::Sha384>(parts),
            Self::Sha512 => digest::<sha2::Sha512>(parts),
            Self::Sha3_256 => digest::<sha3::Sha3_256>(parts),
            Self::Sha3_384 => digest::<sha3::Sha3_384>(parts),
            Self::Sha3_512 => digest::<sha3::Sha3_512>(parts),
        }
    }

    /// The DER of `DigestInfo` up to the digest, with the NULL parameters of RFC 8017 §9.2 note 1.
    pub(crate) fn digest_info_prefix(self) -> [u8; 19] {
        // 2.16.840.1.101.3.4.2.x: the SHA-2 of these lengths are 1–3, their SHA-3 counterparts 8–10.
        let arc = match self {
            Self::Sha256 | Self::Sha384 | Self::Sha512 => self.id(),
            Self::Sha3_256 | Self::Sha3_384 | Self::Sha3_512 => self.id() + 4,
        };
        let len = u8::try_from(self.digest_len()).expect("at most 64");
        [
            0x30,
            17 + len,
            0x30,
            0x0d,
            0x06,
            0x09,
            0x60,
            0x86,
            0x48,
            0x01,
            0x65,
            0x03,
            0x04,
            0x02,
            arc,
            0x05,
            0x00,
            0x04,
            len,
        ]
    }
}

fn digest<D: Digest>(parts: &[&[u8]]) -> Vec<u8> {
    let mut hash = D::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().to_vec()
}

/// SHA-256 of the concatenated `parts`, as an array.
pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = sha2::Sha256::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}
