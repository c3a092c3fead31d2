//! A secret encrypted under one of the vault's keys and kept elsewhere.
//!
//! `version 1 ‖ kind 1 ‖ key id 8 ‖ nonce 12 ‖ AES-256-GCM(secret)`, where the associated data is
//! `"smart-id/vault/blob/v1" ‖ version ‖ kind ‖ key id ‖ place`: a blob opens only as what it is and where it belongs.

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes256Gcm, KeyInit};
use engine::ports::KeysError;
use rand_core::CryptoRng;
use splitkey::scrubbed;
use zeroize::Zeroizing;

/// What a blob is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BlobKind {
    /// d1″; its place is the key identifier.
    Share = 1,
    /// A private key of n2; its place is profile ‖ SHA-256(n2).
    Half = 2,
    /// Something short-lived; its place is the caller's.
    Protected = 3,
}

/// Names a [`BlobKey`] in the blobs it encrypted; random.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlobKeyId(pub(crate) [u8; 8]);

/// A key that blobs are encrypted under.
///
/// Nonces are random, so one key is good for 2³² blobs (NIST SP 800-38D §8.3): a thousand million accounts at four blobs
/// each, or 50 000 protected secrets a second during the one day that such a key is used.
pub(crate) struct BlobKey {
    pub(crate) id: BlobKeyId,
    secret: Zeroizing<[u8; 32]>,
}

impl BlobKey {
    pub(crate) fn generate<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        let (mut id, mut secret) = ([0; 8], Zeroizing::new([0; 32]));
        rng.fill_bytes(&mut id);
        rng.fill_bytes(secret.as_mut());
        Self {
            id: BlobKeyId(id),
            secret,
        }
    }

    pub(crate) fn new(id: BlobKeyId, secret: Zeroizing<[u8; 32]>) -> Self {
        Self { id, secret }
    }

    /// For the vault file.
    pub(crate) fn expose_secret(&self) -> &[u8; 32] {
        &self.secret
    }

    /// Encrypts a secret.
    pub(crate) fn wrap<R>(
        &self,
        kind: BlobKind,
        place: &[u8],
        secret: &[u8],
        rng: &mut R,
    ) -> Vec<u8>
    where
        R: CryptoRng + ?Sized,
    {
        let header = [&[VERSION, kind as u8][..], &self.id.0].concat();
        let mut nonce = [0; NONCE_LEN];
        rng.fill_bytes(&mut nonce);
        // Reserved in full, so that no reallocation leaves a copy of the secret behind.
        let mut body = Zeroizing::new(Vec::with_capacity(secret.len() + TAG_LEN));
        body.extend_from_slice(secret);
        scrubbed(|| {
            self.cipher().encrypt_in_place(
                &nonce.into(),
                &associated_data(&header, place),
                &mut *body,
            )
        })
        .expect("a secret is shorter than the 64 GiB that GCM takes");
        [&header[..], &nonce, &body].concat()
    }

    /// Decrypts a secret.
    ///
    /// # Errors
    /// [`KeysError::CannotUnwrap`]: another kind, another place, another key, or changed.
    pub(crate) fn unwrap(
        &self,
        kind: BlobKind,
        place: &[u8],
        blob: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, KeysError> {
        self.try_unwrap(kind, place, blob)
            .ok_or(KeysError::CannotUnwrap)
    }

    fn try_unwrap(&self, kind: BlobKind, place: &[u8], blob: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (header, rest) = blob.split_at_checked(HEADER_LEN)?;
        let (nonce, body) = rest.split_first_chunk::<NONCE_LEN>()?;
        if header != [&[VERSION, kind as u8][..], &self.id.0].concat() {
            return None;
        }
        let mut secret = Zeroizing::new(body.to_vec());
        scrubbed(|| {
            self.cipher().decrypt_in_place(
                &(*nonce).into(),
                &associated_data(header, place),
                &mut *secret,
            )
        })
        .ok()?;
        Some(secret)
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new((&*self.secret).into())
    }
}

/// The key that a blob says it is encrypted under.
pub(crate) fn key_id(blob: &[u8]) -> Result<BlobKeyId, KeysError> {
    let id = || blob.get(2..)?.first_chunk();
    id().copied().map(BlobKeyId).ok_or(KeysError::CannotUnwrap)
}

/// The header has a fixed length, so no two pairs of header and place give the same string.
fn associated_data(header: &[u8], place: &[u8]) -> Vec<u8> {
    [&b"smart-id/vault/blob/v1"[..], header, place].concat()
}

const VERSION: u8 = 1;
const HEADER_LEN: usize = 10;
const NONCE_LEN: usize = 12;
const TAG_LEN: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::randomness::system_rng;

    fn key() -> BlobKey {
        BlobKey::generate(&mut system_rng())
    }

    #[test]
    fn a_blob_opens_under_its_key_as_its_kind_in_its_place() {
        let key = key();
        let blob = key.wrap(BlobKind::Share, b"place", b"secret", &mut system_rng());
        assert_eq!(
            *key.unwrap(BlobKind::Share, b"place", &blob).unwrap(),
            b"secret"
        );
        assert_eq!(key_id(&blob).unwrap(), key.id);
    }

    #[test]
    fn a_blob_opens_nowhere_else() {
        let key = key();
        let blob = key.wrap(BlobKind::Share, b"place", b"secret", &mut system_rng());
        assert!(key.unwrap(BlobKind::Half, b"place", &blob).is_err());
        assert!(key.unwrap(BlobKind::Share, b"other", &blob).is_err());
        assert!(key.unwrap(BlobKind::Share, b"", &blob).is_err());
        assert!(
            self::key()
                .unwrap(BlobKind::Share, b"place", &blob)
                .is_err()
        );
        let same_id = BlobKey::new(key.id, Zeroizing::new([0; 32]));
        assert!(same_id.unwrap(BlobKind::Share, b"place", &blob).is_err());
    }

    #[test]
    fn a_blob_with_any_bit_flipped_or_cut_off_anywhere_does_not_open() {
        let key = key();
        let blob = key.wrap(BlobKind::Half, b"place", b"secret", &mut system_rng());
        for bit in 0..8 * blob.len() {
            let mut changed = blob.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(
                key.unwrap(BlobKind::Half, b"place", &changed).is_err(),
                "bit {bit}"
            );
        }
        for len in 0..blob.len() {
            assert!(
                key.unwrap(BlobKind::Half, b"place", &blob[..len]).is_err(),
                "length {len}"
            );
        }
        assert!(
            key.unwrap(BlobKind::Half, b"place", &[&blob[..], &[0]].concat())
                .is_err()
        );
        // The kind is authenticated, not only compared.
        let mut relabelled = blob;
        relabelled[1] = BlobKind::Share as u8;
        assert!(key.unwrap(BlobKind::Share, b"place", &relabelled).is_err());
    }
}
