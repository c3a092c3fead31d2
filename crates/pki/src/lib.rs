//! X.509 for an electronic identity: certificate profiles, building, linting, signing, parsing and path validation.
//!
//! Pure: the clock and the randomness are arguments, keys are [`Signer`]s, and nothing is read from or written to disk.
//!
//! # What it refuses to do
//! - sign anything that has not passed the lint: [`x509::Linted`] is the only thing that can be signed;
//! - release a certificate it has not read back and verified under the issuer's key;
//! - guess: an unknown critical extension or an RSA-signed certificate never verifies.
//!
//! # Where to start
//! [`x509::ceremony`] makes the authorities, [`x509::EndEntity::build`] → [`x509::lint`] → [`x509::Linted::sign`] makes a
//! person's certificate, [`x509::Certificate::parse`] and [`x509::verify_chain`] check one.

mod oids;
mod public_key;
mod signer;
pub mod x509;

pub use const_oid::ObjectIdentifier;
pub use public_key::{PublicKey, PublicKeyError, RSA_PUBLIC_EXPONENT, VerificationError};
pub use signer::{SignatureAlgorithm, Signer, SignerError};
