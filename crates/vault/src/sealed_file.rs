//! The outside of a vault file: what it is, and its content encrypted under the unlock key.
//!
//! `magic 8 ‖ version 2 ‖ kind 1 ‖ salt 32 ‖ check 16 ‖ AES-256-GCM(content) ‖ SHA-256 of all before 32`
//!
//! Every file has a cipher key of its own, derived from unlock key and salt, so the nonce is constant. `check` tells a
//! wrong unlock key from damage, and the closing hash tells damage from anything else: it needs no key, and magic,
//! version and hash stay where they are in every later version.

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes256Gcm, KeyInit};
use rand_core::CryptoRng;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{UnlockKey, VaultError};

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    /// The keys of a running server.
    Vault = 1,
    /// The private key of the root CA.
    Root = 2,
}

/// What a file held.
pub(crate) struct Content {
    /// How the bytes are to be read.
    pub(crate) version: u16,
    pub(crate) bytes: Zeroizing<Vec<u8>>,
}

/// Encrypts `content`, of the newest version of its kind, for the file.
pub(crate) fn seal<R>(kind: FileKind, unlock: &UnlockKey, content: &[u8], rng: &mut R) -> Vec<u8>
where
    R: CryptoRng + ?Sized,
{
    let mut salt = [0; SALT_LEN];
    rng.fill_bytes(&mut salt);
    let keys = unlock.derive(&salt, &[kind as u8]);
    let header = [
        &MAGIC[..],
        &kind.version().to_be_bytes(),
        &[kind as u8],
        &salt,
        &keys.check,
    ]
    .concat();
    // Reserved in full, so that no reallocation leaves a copy of the plaintext behind.
    let mut body = Zeroizing::new(Vec::with_capacity(content.len() + TAG_LEN));
    body.extend_from_slice(content);
    Aes256Gcm::new((&*keys.cipher).into())
        .encrypt_in_place(&NONCE.into(), &header, &mut *body)
        .expect("a vault is shorter than the 64 GiB that GCM takes");
    let mut file = [&header[..], &body].concat();
    file.extend_from_slice(&Sha256::digest(&file));
    file
}

/// Decrypts the content of a file.
pub(crate) fn open(kind: FileKind, unlock: &UnlockKey, file: &[u8]) -> Result<Content, VaultError> {
    let (header, body) = split(file, kind)?;
    let keys = unlock.derive(header.salt, &[kind as u8]);
    if !bool::from(keys.check.ct_eq(header.check)) {
        return Err(VaultError::WrongUnlockKey);
    }
    let mut bytes = Zeroizing::new(body.to_vec());
    Aes256Gcm::new((&*keys.cipher).into())
        .decrypt_in_place(&NONCE.into(), header.bytes, &mut *bytes)
        .map_err(|_| VaultError::Damaged)?;
    Ok(Content {
        version: header.version,
        bytes,
    })
}

struct Header<'a> {
    bytes: &'a [u8],
    version: u16,
    salt: &'a [u8; SALT_LEN],
    check: &'a [u8; CHECK_LEN],
}

fn split(file: &[u8], kind: FileKind) -> Result<(Header<'_>, &[u8]), VaultError> {
    if !file.starts_with(MAGIC) {
        // The beginning of our magic is a file cut off; an empty file is the usual case.
        return Err(if MAGIC.starts_with(file) {
            VaultError::Damaged
        } else {
            VaultError::NotAVault
        });
    }
    let (hashed, hash) = file.split_last_chunk::<32>().ok_or(VaultError::Damaged)?;
    if Sha256::digest(hashed)[..] != hash[..] {
        return Err(VaultError::Damaged);
    }
    let parts = || {
        let (_, rest) = hashed.split_first_chunk::<{ MAGIC.len() }>()?;
        rest.split_first_chunk::<2>()
    };
    let (version, rest) = parts().ok_or(VaultError::Damaged)?;
    let version = u16::from_be_bytes(*version);
    let newer = |supported| VaultError::NewerVersion {
        found: version,
        supported,
    };
    match version {
        0 => return Err(VaultError::Damaged),
        1..=NEWEST_VERSION => {}
        // In a newer file the kind may stand elsewhere.
        _ => return Err(newer(NEWEST_VERSION)),
    }
    let parts = || {
        let (found, rest) = rest.split_first()?;
        let (salt, rest) = rest.split_first_chunk()?;
        let (check, body) = rest.split_first_chunk()?;
        let bytes = hashed.get(..hashed.len() - body.len())?;
        let header = Header {
            bytes,
            version,
            salt,
            check,
        };
        Some((*found, header, body))
    };
    let (found, header, body) = parts().ok_or(VaultError::Damaged)?;
    match FileKind::from_id(found) {
        Some(found) if found == kind && version > kind.version() => Err(newer(kind.version())),
        Some(found) if found == kind => Ok((header, body)),
        Some(found) => Err(VaultError::OtherKind {
            expected: kind.name(),
            found: found.name(),
        }),
        None => Err(VaultError::Damaged),
    }
}

impl FileKind {
    fn from_id(id: u8) -> Option<Self> {
        [Self::Vault, Self::Root]
            .into_iter()
            .find(|kind| *kind as u8 == id)
    }

    /// The newest version of the content, in which it is written.
    fn version(self) -> u16 {
        match self {
            // 1 had two authorities and nothing around them.
            Self::Vault => NEWEST_VERSION,
            Self::Root => 1,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Vault => "the server's keys",
            Self::Root => "the root CA's key",
        }
    }
}

const MAGIC: &[u8; 8] = b"SIDVAULT";
const NEWEST_VERSION: u16 = 2;
const SALT_LEN: usize = 32;
const CHECK_LEN: usize = 16;
const TAG_LEN: usize = 16;
/// A cipher key encrypts one message only.
const NONCE: [u8; 12] = [0; 12];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::randomness::system_rng;

    fn key(byte: u8) -> UnlockKey {
        UnlockKey::from_bytes(Zeroizing::new([byte; 32]))
    }

    fn sealed() -> Vec<u8> {
        seal(FileKind::Vault, &key(1), b"keys", &mut system_rng())
    }

    /// As somebody without the unlock key could write it: with the right hash at the end.
    fn rehashed(mut file: Vec<u8>) -> Vec<u8> {
        file.truncate(file.len() - 32);
        file.extend_from_slice(&Sha256::digest(&file));
        file
    }

    #[test]
    fn what_was_sealed_opens() {
        let content = open(FileKind::Vault, &key(1), &sealed()).unwrap();
        assert_eq!((content.version, &content.bytes[..]), (2, &b"keys"[..]));
        let root = seal(FileKind::Root, &key(1), b"key", &mut system_rng());
        let content = open(FileKind::Root, &key(1), &root).unwrap();
        assert_eq!((content.version, &content.bytes[..]), (1, &b"key"[..]));
    }

    #[test]
    fn no_two_files_have_the_same_key() {
        assert_ne!(sealed(), sealed());
    }

    #[test]
    fn another_unlock_key_is_named_as_the_cause() {
        assert!(matches!(
            open(FileKind::Vault, &key(2), &sealed()),
            Err(VaultError::WrongUnlockKey)
        ));
    }

    #[test]
    fn a_file_cut_off_anywhere_is_damaged() {
        let file = sealed();
        for len in 0..file.len() {
            assert!(
                matches!(
                    open(FileKind::Vault, &key(1), &file[..len]),
                    Err(VaultError::Damaged)
                ),
                "{len}"
            );
        }
    }

    #[test]
    fn a_file_cut_off_anywhere_does_not_open_with_the_right_hash_at_its_end_either() {
        let file = sealed();
        // Without the last 32 bytes and with their like again it is the same file.
        for len in 32..file.len() {
            let cut = rehashed(file[..len].to_vec());
            assert!(open(FileKind::Vault, &key(1), &cut).is_err(), "{len}");
        }
    }

    #[test]
    fn any_flipped_bit_is_noticed() {
        let file = sealed();
        for bit in 0..8 * file.len() {
            let mut changed = file.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            match open(FileKind::Vault, &key(1), &changed) {
                Err(VaultError::NotAVault) if bit < 8 * MAGIC.len() => {}
                Err(VaultError::Damaged) => {}
                other => panic!("bit {bit}: {:?}", other.map(|_| ())),
            }
            if bit < 8 * (file.len() - 32) {
                assert!(
                    open(FileKind::Vault, &key(1), &rehashed(changed)).is_err(),
                    "bit {bit}"
                );
            }
        }
    }

    #[test]
    fn a_file_of_a_newer_version_is_named_so() {
        let newer = |kind, version| {
            let mut file = seal(kind, &key(1), b"keys", &mut system_rng());
            file[9] = version;
            match open(kind, &key(1), &rehashed(file)).map(|_| ()) {
                Err(VaultError::NewerVersion { found, supported }) => (found, supported),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(newer(FileKind::Vault, 3), (3, 2));
        assert_eq!(newer(FileKind::Root, 2), (2, 1));
    }

    #[test]
    fn content_does_not_pass_for_that_of_an_older_version() {
        let mut file = sealed();
        file[9] = 1;
        assert!(matches!(
            open(FileKind::Vault, &key(1), &rehashed(file)),
            Err(VaultError::Damaged)
        ));
    }

    #[test]
    fn a_file_of_the_other_kind_is_named_so() {
        assert!(matches!(
            open(FileKind::Root, &key(1), &sealed()),
            Err(VaultError::OtherKind { .. })
        ));
        let mut file = sealed();
        file[9..=10].copy_from_slice(&[1, FileKind::Root as u8]);
        assert!(matches!(
            open(FileKind::Root, &key(1), &rehashed(file)),
            Err(VaultError::WrongUnlockKey)
        ));
    }

    #[test]
    fn other_files_are_not_vaults() {
        assert!(matches!(
            open(FileKind::Vault, &key(1), b"[server]\n"),
            Err(VaultError::NotAVault)
        ));
    }
}
