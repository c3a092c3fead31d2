//! The two halves of d1 and what each contributes to a signature (splitkey.md §1.1, §2, §4.2).

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::encoding::EncodedMessage;
use crate::integer;
use crate::modulus::ClientModulus;
use crate::scrub::scrubbed;

/// The phone's share d1′: uniformly random bytes, used as an exponent at full length.
///
/// Every string of the right length is a share, so nothing here can tell a right one from a wrong one.
pub struct ClientShare(Zeroizing<Vec<u8>>);

impl ClientShare {
    /// Takes `share_len` bytes of the profile; only this crate makes shares.
    pub(crate) fn new(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The server's share d1″ before it was checked: as the phone sent it.
pub struct UncheckedServerShare(Zeroizing<Vec<u8>>);

impl UncheckedServerShare {
    /// Takes bytes from a message.
    pub(crate) fn new(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }

    /// The share, if it is one for this modulus.
    ///
    /// # Errors
    /// As [`ServerShare::check`].
    pub fn check(&self, n1: &ClientModulus) -> Result<ServerShare, ShareError> {
        ServerShare::check(&self.0, n1)
    }
}

/// The server's share d1″.
pub struct ServerShare(Zeroizing<Vec<u8>>);

impl ServerShare {
    /// Checks what a phone sent, or what the database gave back, for 2^(2k−64) ≤ d1″ < n1.
    ///
    /// # Errors
    /// [`ShareError`]: the phone is at fault.
    ///
    /// # Security
    /// A share near zero would leave all of d1 on the phone, where it is an offline test of the PIN (splitkey.md §1.1).
    pub fn check(bytes: &[u8], n1: &ClientModulus) -> Result<Self, ShareError> {
        if bytes.len() != n1.profile().n1_len() {
            return Err(ShareError::Length);
        }
        // splitkey.md §1.1: of 2k bits, the top 64 must not all be zero.
        if bytes.iter().take(8).fold(0, |all, byte| all | byte) == 0 {
            return Err(ShareError::TooSmall);
        }
        if !integer::less_than(bytes, n1.as_bytes()) {
            return Err(ShareError::TooLarge);
        }
        Ok(Self(Zeroizing::new(bytes.to_vec())))
    }

    /// s1″ = (m mod n1)^d1″ mod n1, by Euclidean splitting with a fresh 64-bit divisor (splitkey.md §4.5).
    ///
    /// φ(n1) is unknown here, so the exponent cannot be blinded with a multiple of it.
    pub fn apply<R: CryptoRng + ?Sized>(
        &self,
        em: &EncodedMessage,
        n1: &ClientModulus,
        rng: &mut R,
    ) -> PartialSignature {
        scrubbed(|| self.apply_unscrubbed(em, n1, rng))
    }

    fn apply_unscrubbed<R: CryptoRng + ?Sized>(
        &self,
        em: &EncodedMessage,
        n1: &ClientModulus,
        rng: &mut R,
    ) -> PartialSignature {
        let divisor = Zeroizing::new((rng.next_u64() | 1 << 63).to_be_bytes());
        let (quotient, rest) = integer::divide(&integer::read(&self.0), &integer::read(&*divisor));
        // d1″ < 2^(2k) and the divisor ≥ 2^63: the quotient has at most 2k − 63 bits.
        let quotient = integer::write(&quotient, self.0.len() - 7);
        let rest = integer::write(&rest, 8);
        let (base, n1) = (em.residue(n1.as_bytes()), n1.arithmetic());
        let product = n1
            .pow_secret(&base, &*divisor)
            .and_then(|power| n1.pow_secret(&power, &quotient))
            .and_then(|power| n1.mul(&power, &n1.pow_secret(&base, &rest)?));
        PartialSignature(product.expect("a residue, and exponents of bounded length"))
    }

    /// The secret bytes, as long as n1, for wrapping and for the message to the server.
    pub fn expose_secret(&self) -> &[u8] {
        &self.0
    }
}

/// A share's power of the message: s1′ or s1″.
///
/// # Security
/// s1′ together with a dump of the phone is an offline test of the PIN (splitkey.md §3). Never log it, wipe it after
/// the evaluation.
pub struct PartialSignature(pub(crate) Zeroizing<Vec<u8>>);

impl PartialSignature {
    /// The number as a string as long as n1, for sealing and for encrypted storage.
    pub fn expose_secret(&self) -> &[u8] {
        &self.0
    }
}

/// s1′ as received, before its range was checked.
pub struct UncheckedPartialSignature(Zeroizing<Vec<u8>>);

impl UncheckedPartialSignature {
    /// Takes bytes from a message or from encrypted storage.
    pub fn new(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }

    /// The share of a signature, if 1 < s1′ < n1 at exactly the length of n1.
    ///
    /// # Errors
    /// [`OutOfRange`]: the phone's message is malformed; this is not a PIN attempt and must not be counted.
    pub fn check(&self, n1: &ClientModulus) -> Result<PartialSignature, OutOfRange> {
        let one = [&vec![0; n1.profile().n1_len() - 1][..], &[1]].concat();
        let in_range = self.0.len() == one.len()
            && integer::less_than(&one, &self.0)
            && integer::less_than(&self.0, n1.as_bytes());
        if in_range {
            Ok(PartialSignature(self.0.clone()))
        } else {
            Err(OutOfRange)
        }
    }

    /// The bytes as received, for encrypted storage.
    pub fn expose_secret(&self) -> &[u8] {
        &self.0
    }
}

impl From<PartialSignature> for UncheckedPartialSignature {
    fn from(checked: PartialSignature) -> Self {
        Self(checked.0)
    }
}

/// Why a server share is refused; the phone is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ShareError {
    /// Not as long as n1.
    #[error("the server share does not have the length of n1")]
    Length,
    /// Less than 2^(2k−64).
    #[error("the server share is too small to hide the key")]
    TooSmall,
    /// Not less than n1.
    #[error("the server share is not less than n1")]
    TooLarge,
}

/// s1′ is not in 1 < s1′ < n1; the phone is at fault and no attempt is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the phone's part of the signature is out of range")]
pub struct OutOfRange;
