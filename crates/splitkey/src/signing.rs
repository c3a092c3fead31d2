//! From the phone's power of the message to a signature that verifies (splitkey.md §4.2, steps 2 and 5–7).

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::PUBLIC_EXPONENT;
use crate::encoding::EncodedMessage;
use crate::integer;
use crate::modulus::{ClientModulus, CompositeModulus};
use crate::profile::Profile;
use crate::scrub::scrubbed;
use crate::share::{ClientShare, PartialSignature};
use crate::verification::VerifiedSignature;

/// The phone's part: s1′ = (m mod n1)^d1′ mod n1, in time independent of d1′.
pub fn partial_signature(
    em: &EncodedMessage,
    share: &ClientShare,
    n1: &ClientModulus,
) -> PartialSignature {
    let power = scrubbed(|| {
        n1.arithmetic()
            .pow_secret(&em.residue(n1.as_bytes()), share.as_bytes())
    });
    PartialSignature(power.expect("a residue, and an exponent of bounded length"))
}

/// s1, the root of m modulo n1. Having one means that the PIN was right.
pub struct ClientSignatureHalf(Zeroizing<Vec<u8>>);

/// The server's check of the PIN: s1 = s1′·s1″ mod n1, right exactly if s1^e = m mod n1.
///
/// # Errors
/// [`WrongPin`]: the phone used another share or signed another message.
pub fn check_client_half(
    em: &EncodedMessage,
    phone: &PartialSignature,
    server: &PartialSignature,
    n1: &ClientModulus,
) -> Result<ClientSignatureHalf, WrongPin> {
    let arithmetic = n1.arithmetic();
    let half = arithmetic.mul(&phone.0, &server.0).map_err(|_| WrongPin)?;
    let message = arithmetic
        .pow_public(&half, PUBLIC_EXPONENT.into())
        .map_err(|_| WrongPin)?;
    if bool::from(message.ct_eq(&em.residue(n1.as_bytes()))) {
        Ok(ClientSignatureHalf(half))
    } else {
        Err(WrongPin)
    }
}

/// s2, the root of m modulo n2, from [`ServerHalf::sign`](crate::ServerHalf::sign) or an HSM.
///
/// Not trusted: a fault in it would reveal a factor of n, so [`complete`] verifies before it gives anything out.
pub struct ServerSignatureHalf(pub(crate) Zeroizing<Vec<u8>>);

impl ServerSignatureHalf {
    /// Takes what an HSM returned, big-endian, at most `n1_len` significant bytes.
    ///
    /// # Errors
    /// [`CompletionError::ServerHalf`] if it is longer.
    pub fn from_bytes(profile: Profile, bytes: &[u8]) -> Result<Self, CompletionError> {
        if integer::bit_length(bytes) > 2 * profile.k() as usize {
            return Err(CompletionError::ServerHalf);
        }
        Ok(Self(integer::write(
            &integer::read(bytes),
            profile.n1_len(),
        )))
    }
}

/// Joins both halves: s = s1 + n1·((s2 − s1)·n1⁻¹ mod n2), and gives it out only if s^e mod n = m.
///
/// # Errors
/// [`CompletionError`]; the server half is faulty, which is ours to repair. The PIN was right.
pub fn complete(
    client: ClientSignatureHalf,
    server: &ServerSignatureHalf,
    n: &CompositeModulus,
    em: &EncodedMessage,
) -> Result<VerifiedSignature, CompletionError> {
    let (n1, n2) = (
        integer::read(n.client().as_bytes()),
        integer::read(n.server().as_bytes()),
    );
    let (s1, s2) = (integer::read(&client.0), integer::read(&server.0));
    if *s2 >= *n2 {
        return Err(CompletionError::ServerHalf);
    }
    let difference = integer::subtract(&s2, &integer::remainder(&s1, &n2), &n2);
    let factor = integer::multiply(&difference, &integer::read(n.garner()), &n2);
    let mut signature = integer::product(&n1, &factor);
    signature.wrapping_add_assign(&*s1);
    let signature = integer::write(&signature, n.profile().n_len());
    // splitkey.md §4.2 step 7: a faulty s2 would make gcd(s^e − m, n) a factor of n.
    n.public_key()
        .release(signature, em)
        .ok_or(CompletionError::DoesNotVerify)
}

/// The phone's share did not fit: a wrong PIN, or another message. Counted as an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the phone's part of the signature is wrong")]
pub struct WrongPin;

/// Why a signature was not completed; a fault of ours, not of the phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CompletionError {
    /// s2 is not a number modulo n2.
    #[error("the server half of the signature is out of range")]
    ServerHalf,
    /// s^e mod n ≠ m.
    #[error("the completed signature does not verify and was withheld")]
    DoesNotVerify,
}
