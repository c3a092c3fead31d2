//! Split-key RSA: a 6144-bit signature that neither the phone nor the server can make alone.
//!
//! The modulus is n = n1·n2. The exponent of n1 is shared additively: the phone holds d1′, masked with the PIN, the
//! server d1″. The server alone holds n2. A signature takes the phone's [`partial_signature`], the server's
//! [`ServerShare::apply`], the PIN check [`check_client_half`], the n2 half [`ServerHalf::sign`] and [`complete`],
//! which gives out nothing that does not verify.
//!
//! The text that governs is `docs/protocol/splitkey.md`; clauses are cited as "splitkey.md §n".
//!
//! What the crate refuses to do: no I/O, no clock, no randomness of its own, no counters, no state. It never says
//! whether a PIN is right: [`KeyRecord::unmask`] gives an equally plausible share for every PIN, and only the server's
//! check tells. It does not mask a share twice: masking consumes it.
//!
//! Start at [`ClientHalf::generate`] for the phone and [`ClientModulus::validate`] for the server.

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
pub mod seal;
mod server_half;
mod share;
mod signing;
mod token;
mod verification;

#[cfg(test)]
mod tests;

pub use client_half::ClientHalf;
pub use encoding::{EncodedMessage, EncodingError, JointSalt, Scheme};
pub use hash::Hash;
pub use modulus::{ClientModulus, CompositeModulus, ModulusError, ServerModulus};
pub use pin::{
    DeviceKeys, Kdf, KeyContext, KeyRecord, Pin, PinError, RecordError, SoftwareDeviceKeys,
};
pub use prime::{GenerationError, Progress};
pub use profile::{DeviceId, KeyId, Profile, Purpose, TransactionId};
pub use proof::ProofOfPossession;
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
