//! Verification by RFC 8017, from s^e back to the message, independent of how signatures are made.

use std::sync::Arc;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::PUBLIC_EXPONENT;
use crate::encoding::{EncodedMessage, Scheme, mgf1_xor};
use crate::hash::Hash;
use crate::integer;
use crate::profile::Profile;

/// The public key (n, 65537).
#[derive(Clone)]
pub struct PublicKey {
    profile: Profile,
    bytes: Vec<u8>,
    arithmetic: Arc<modexp::Modulus>,
}

impl PublicKey {
    /// Takes n, big-endian, `n_len` bytes, without leading zeros.
    ///
    /// # Errors
    /// [`SignatureError::PublicKey`] if it is not an odd number of exactly 4k bits.
    pub fn new(profile: Profile, n: &[u8]) -> Result<Self, SignatureError> {
        if integer::bit_length(n) != 4 * profile.k() as usize || n.len() != profile.n_len() {
            return Err(SignatureError::PublicKey);
        }
        let arithmetic = modexp::Modulus::new(n).map_err(|_| SignatureError::PublicKey)?;
        Ok(Self {
            profile,
            bytes: n.to_vec(),
            arithmetic: Arc::new(arithmetic),
        })
    }

    /// Verifies a signature over a message with this digest (RFC 8017 §8.1.2, §8.2.2).
    ///
    /// The PSS salt must be as long as the digest; which salt it is, is not checked.
    ///
    /// # Errors
    /// [`SignatureError`]; whoever made the signature is at fault.
    pub fn verify(
        &self,
        scheme: Scheme,
        digest: &[u8],
        signature: &[u8],
    ) -> Result<VerifiedSignature, SignatureError> {
        if signature.len() != self.bytes.len() {
            return Err(SignatureError::Length);
        }
        let em = self.raw(signature).ok_or(SignatureError::OutOfRange)?;
        let consistent = match scheme {
            Scheme::Pss(hash) => pss_consistent(hash, digest, &em),
            Scheme::Pkcs1v15(hash) => pkcs1_v1_5_consistent(hash, digest, &em),
        };
        if consistent != Some(true) {
            return Err(SignatureError::Inconsistent);
        }
        Ok(VerifiedSignature {
            scheme,
            bytes: signature.to_vec(),
        })
    }

    /// n, big-endian, `n_len` bytes.
    pub fn modulus(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether the moduli have a common factor, which whoever sees both finds as well. In variable time: n is public.
    pub fn shares_a_factor(&self, other: &Self) -> bool {
        !integer::coprime(&integer::read(&self.bytes), &integer::read(&other.bytes))
    }

    /// The parameter set.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// The signature as a proof, if s^e mod n is the encoded message.
    pub(crate) fn release(
        &self,
        signature: Zeroizing<Vec<u8>>,
        em: &EncodedMessage,
    ) -> Option<VerifiedSignature> {
        let message = self.raw(&signature)?;
        bool::from(message.ct_eq(em.as_bytes())).then(|| VerifiedSignature {
            scheme: em.scheme(),
            bytes: signature.to_vec(),
        })
    }

    /// s^e mod n, if s < n.
    fn raw(&self, signature: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.arithmetic
            .pow_public(signature, PUBLIC_EXPONENT.into())
            .ok()
    }
}

/// A signature that was verified. There is no other way to have one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedSignature {
    scheme: Scheme,
    bytes: Vec<u8>,
}

impl VerifiedSignature {
    /// The scheme under which it verified.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The signature value, as long as n.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The signature value, as long as n.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// EMSA-PSS-VERIFY (RFC 8017 §9.1.2) with sLen = hLen and emBits = 8·emLen − 1; the comments are its steps.
fn pss_consistent(hash: Hash, digest: &[u8], em: &[u8]) -> Option<bool> {
    let len = hash.digest_len();
    if digest.len() != len {
        return None;
    }
    let masked_len = em.len().checked_sub(len + 1)?; // 3
    let (masked, rest) = em.split_at_checked(masked_len)?; // 5
    let (h, trailer) = rest.split_at_checked(len)?;
    if trailer != [0xbc] {
        return Some(false); // 4
    }
    if masked.first()? & 0x80 != 0 {
        return Some(false); // 6
    }
    let mut db = masked.to_vec();
    mgf1_xor(hash, h, &mut db); // 7, 8
    *db.first_mut()? &= 0x7f; // 9
    let (padding, salt) = db.split_at_checked(db.len().checked_sub(len)?)?;
    let (separator, zeros) = padding.split_last()?;
    if *separator != 1 || zeros.iter().any(|byte| *byte != 0) {
        return Some(false); // 10
    }
    Some(hash.digest(&[&[0; 8], digest, salt]) == h) // 12–14
}

/// RFC 8017 §8.2.2, by parsing EM strictly from the left; absent parameters are refused like any other DER.
fn pkcs1_v1_5_consistent(hash: Hash, digest: &[u8], em: &[u8]) -> Option<bool> {
    if digest.len() != hash.digest_len() {
        return None;
    }
    let padded = em.strip_prefix(&[0, 1])?;
    let padding_len = padded.iter().take_while(|byte| **byte == 0xff).count();
    if padding_len < 8 {
        return Some(false);
    }
    let info = padded.get(padding_len..)?.strip_prefix(&[0])?;
    Some(info.strip_prefix(&hash.digest_info_prefix())? == digest)
}

/// Why a signature does not verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// n is not an odd number of exactly 4k bits.
    #[error("the public modulus does not fit the profile")]
    PublicKey,
    /// Not as long as n.
    #[error("the signature does not have the length of the modulus")]
    Length,
    /// Not less than n.
    #[error("the signature is not less than the modulus")]
    OutOfRange,
    /// s^e is not an encoding of the digest.
    #[error("the signature is not one of this message")]
    Inconsistent,
}
