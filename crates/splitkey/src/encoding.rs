//! What is signed: EMSA-PSS and EMSA-PKCS1-v1_5 for n (splitkey.md §4.1, RFC 8017 §9).
//!
//! Phone and server each compute the encoded message; it never travels. The PSS salt is joint: either party's nonce
//! suffices for randomness and neither can choose the salt.

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::hash::{Hash, sha256};
use crate::integer;
use crate::profile::Profile;

/// A signature scheme with its hash. PSS uses the same hash for MGF1 and a salt of the hash's length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// RSASSA-PSS.
    Pss(Hash),
    /// RSASSA-PKCS1-v1_5.
    Pkcs1v15(Hash),
}

impl Scheme {
    /// The hash of the message, and of MGF1.
    pub fn hash(self) -> Hash {
        match self {
            Self::Pss(hash) | Self::Pkcs1v15(hash) => hash,
        }
    }
}

/// The two nonces from which the PSS salt is derived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JointSalt {
    /// The server's nonce, sent with the transaction.
    pub r: [u8; 32],
    /// The phone's nonce, sent with its share.
    pub c: [u8; 32],
}

impl JointSalt {
    /// The salt of a signature over `digest`.
    fn derive(&self, hash: Hash, digest: &[u8]) -> Vec<u8> {
        let mut salt = vec![0; hash.digest_len()];
        Hkdf::<Sha256>::new(Some(&self.r), &self.c)
            .expand_multi_info(&[b"splitkey/pss-salt/v1", &[hash.id()], digest], &mut salt)
            .expect("at most 64 bytes");
        salt
    }
}

/// An encoded message EM: the number that is raised to the power d. Wiped on drop, never logged.
pub struct EncodedMessage {
    bytes: Zeroizing<Vec<u8>>,
    scheme: Scheme,
    profile: Profile,
}

impl EncodedMessage {
    /// Encodes the digest of a message. `salt` has no effect on PKCS #1 v1.5.
    ///
    /// # Errors
    /// [`EncodingError`] if the digest's length is not the hash's, or n is too short for the hash.
    pub fn encode(
        profile: Profile,
        scheme: Scheme,
        digest: &[u8],
        salt: &JointSalt,
    ) -> Result<Self, EncodingError> {
        let hash = scheme.hash();
        if digest.len() != hash.digest_len() {
            return Err(EncodingError::DigestLength);
        }
        let bytes = match scheme {
            Scheme::Pss(_) => emsa_pss(hash, digest, &salt.derive(hash, digest), profile.n_len()),
            Scheme::Pkcs1v15(_) => emsa_pkcs1_v1_5(hash, digest, profile.n_len()),
        };
        let bytes = Zeroizing::new(bytes.ok_or(EncodingError::ModulusTooShort)?);
        Ok(Self {
            bytes,
            scheme,
            profile,
        })
    }

    /// SHA-256(EM), by which the phone tells the server what it signed.
    pub fn fingerprint(&self) -> [u8; 32] {
        sha256(&[&self.bytes])
    }

    /// The scheme by which the message was encoded.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The profile whose n the message was encoded for.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// EM itself, as long as n.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// m mod `modulus`, as long as n1. EM can be computed by everybody who sees the signature, so time may depend on it.
    pub(crate) fn residue(&self, modulus: &[u8]) -> Zeroizing<Vec<u8>> {
        let residue = integer::remainder(&integer::read(&self.bytes), &integer::read(modulus));
        integer::write(&residue, self.profile.n1_len())
    }

    /// A message given by its bytes, for vectors.
    #[cfg(test)]
    pub(crate) fn from_bytes(profile: Profile, scheme: Scheme, bytes: Vec<u8>) -> Self {
        Self {
            bytes: Zeroizing::new(bytes),
            scheme,
            profile,
        }
    }
}

/// RFC 8017 §9.1.1 with emBits = 8·`em_len` − 1, since n has exactly 8·`em_len` bits.
fn emsa_pss(hash: Hash, digest: &[u8], salt: &[u8], em_len: usize) -> Option<Vec<u8>> {
    let db_len = em_len.checked_sub(digest.len() + 1)?;
    let padding_len = db_len.checked_sub(salt.len() + 1)?;
    let h = hash.digest(&[&[0; 8], digest, salt]);
    let mut em = vec![0; padding_len];
    em.push(1);
    em.extend_from_slice(salt);
    mgf1_xor(hash, &h, &mut em);
    if let Some(first) = em.first_mut() {
        *first &= 0x7f;
    }
    em.extend_from_slice(&h);
    em.push(0xbc);
    Some(em)
}

/// RFC 8017 §9.2.
fn emsa_pkcs1_v1_5(hash: Hash, digest: &[u8], em_len: usize) -> Option<Vec<u8>> {
    let prefix = hash.digest_info_prefix();
    let padding_len = em_len
        .checked_sub(prefix.len() + digest.len() + 3)
        .filter(|len| *len >= 8)?;
    let mut em = vec![0, 1];
    em.resize(2 + padding_len, 0xff);
    em.push(0);
    em.extend_from_slice(&prefix);
    em.extend_from_slice(digest);
    Some(em)
}

/// XORs MGF1(`seed`) onto `data` (RFC 8017 §B.2.1).
pub(crate) fn mgf1_xor(hash: Hash, seed: &[u8], data: &mut [u8]) {
    for (counter, chunk) in (0_u32..).zip(data.chunks_mut(hash.digest_len())) {
        for (byte, mask) in chunk
            .iter_mut()
            .zip(hash.digest(&[seed, &counter.to_be_bytes()]))
        {
            *byte ^= mask;
        }
    }
}

/// Why a digest cannot be encoded; the caller's mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncodingError {
    /// The digest is not as long as those of the hash.
    #[error("the digest's length does not fit the hash")]
    DigestLength,
    /// n is too short for this hash (SHA-512 with PSS in the test profile).
    #[error("the modulus is too short for this hash")]
    ModulusTooShort,
}
