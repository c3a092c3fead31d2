//! Split-key RSA: a 6144-bit signature that neither the phone nor the server can make alone.
//!
//! The modulus is n = n1·n2. The exponent of n1 is shared additively: the phone holds d1′, masked with the PIN, the
//! server d1″. The server alone holds n2. A signature takes the phone's [`partial_signature`], the server's
//! [`ServerShare::apply`], the PIN check [`check_client_half`], the n2 half [`ServerHalf::sign`] and [`complete`],
//! which gives out nothing that does not verify.
//!
//! The protocol specification `splitkey.md` governs; clauses are cited as "splitkey.md §n".
//!
//! What the crate refuses to do: no I/O, no clock, no randomness of its own, no counters, no state. It never says
//! whether a PIN is right: [`KeyRecord::unmask`] gives an equally plausible share for every PIN, and only the server's
//! check tells. It does not mask a share twice: masking consumes it.
//!
//! Start at [`ClientHalf::generate`] for the phone and [`ClientModulus::validate`] for the server:
//!
//! ```
//! use splitkey::*;
//! # use rand_core::SeedableRng;
//! # let mut rng = chacha20::ChaCha20Rng::seed_from_u64(1);
//! let profile = Profile::Rsa4096;
//!
//! // Registration: the phone makes n1 and splits its exponent, the server adds n2.
//! let phone = ClientHalf::generate(profile, &mut |_| (), &mut rng)?;
//! let n1 = ClientModulus::validate(profile, phone.n1.as_bytes(), &[])?;
//! let server = ServerHalf::generate(profile, &mut rng)?;
//! let n = CompositeModulus::new(&n1, server.modulus())?;
//!
//! // Signing: both compute the encoded message, the phone raises it to its share of the exponent.
//! let (scheme, digest) = (Scheme::Pss(Hash::Sha256), Hash::Sha256.digest(&[b"contract"]));
//! let em = EncodedMessage::encode(profile, scheme, &digest, &JointSalt { r: [1; 32], c: [2; 32] })?;
//! let s1p = partial_signature(&em, &phone.client_share, &n1);
//!
//! // The server checks the PIN by the phone's part, then adds its own.
//! let s1pp = phone.server_share.apply(&em, &n1, &mut rng);
//! let s1 = check_client_half(&em, &s1p, &s1pp, &n1)?;
//! let signature = complete(s1, &server.sign(&em, &mut rng)?, &n, &em)?;
//!
//! // Anybody verifies it as an ordinary RSA signature.
//! n.public_key().verify(scheme, &digest, signature.as_bytes())?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod client_half;
mod encoding;
mod hash;
mod integer;
pub mod message;
mod modulus;
pub mod pin;
mod prime;
mod profile;
mod proof;
mod scrub;
pub mod seal;
mod server_half;
mod share;
mod signing;
mod token;
mod verification;

#[cfg(test)]
mod tests;

pub use client_half::{ClientHalf, PublishedPrimes, PublishedPrimesError};
pub use encoding::{EncodedMessage, EncodingError, JointSalt, Scheme};
pub use hash::Hash;
pub use modulus::{ClientModulus, CompositeModulus, ModulusError, ServerModulus};
pub use pin::{
    DeviceKeys, Kdf, KeyContext, KeyRecord, Pin, PinError, RecordError, SoftwareDeviceKeys,
};
pub use prime::{GenerationError, Progress};
pub use profile::{DeviceId, KeyId, Profile, Purpose, TransactionId};
pub use proof::ProofOfPossession;
pub use scrub::scrubbed;
pub use server_half::{ServerHalf, ServerHalfError};
pub use share::{
    ClientShare, OutOfRange, PartialSignature, ServerShare, ShareError, UncheckedPartialSignature,
    UncheckedServerShare,
};
pub use signing::{
    ClientSignatureHalf, CompletionError, ServerSignatureHalf, WrongPin, check_client_half,
    complete, partial_signature,
};
pub use token::{FreshnessToken, TokenHash};
pub use verification::{PublicKey, SignatureError, VerifiedSignature};

/// The public exponent of all three moduli (splitkey.md §1).
pub const PUBLIC_EXPONENT: u32 = 65_537;
