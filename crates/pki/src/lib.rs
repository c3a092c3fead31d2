//! X.509 for an electronic identity: certificate profiles, building, linting, signing, parsing and path validation.
//!
//! Pure: the clock and the randomness are arguments, keys are [`Signer`]s, and nothing is read from or written to disk.
//!
//! # What it refuses to do
//! - sign anything that has not passed the lint: [`x509::Linted`] is the only thing that can be signed;
//! - release a certificate it has not read back and verified under the issuer's key;
//! - guess: an unknown critical extension never verifies, nor does a path with an RSA-signed certificate in it.
//!
//! # Where to start
//! [`x509::ceremony`] makes the authorities, [`x509::EndEntity::build`] → [`x509::lint`] → [`x509::Linted::sign`] makes a
//! person's certificate, [`x509::Certificate::parse`] and [`x509::verify_chain`] check one. [`ocsp`] and [`crl`] say what
//! became of it.
//!
//! ```
//! use pki::x509::{Certificate, Level, SchemeOids, verify_chain};
//! # macro_rules! vector {
//! #     ($name:literal) => { concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/pki/", $name) };
//! # }
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let person = Certificate::parse(include_bytes!(vector!("smartid-test-2024e-sign-ee-40504040001.der")))?;
//! let issuer = Certificate::parse_pem(include_str!(vector!("ca-test-eid-q-2024e.pem")))?.remove(0);
//! let root = Certificate::parse_pem(include_str!(vector!("ca-test-root-g1e.pem")))?.remove(0);
//!
//! verify_chain(&person, &issuer, &root, "2026-06-01T00:00:00Z".parse()?)?;
//! assert_eq!(person.subject().serial_number(), Some("PNOEE-40504040001"));
//! assert_eq!(person.document_number().as_deref(), Some("PNOEE-40504040001-DEM0-Q"));
//! assert_eq!(person.level(&SchemeOids::SK), Some(Level::Qualified));
//! # Ok(())
//! # }
//! ```

mod asn1;
pub mod crl;
mod digest;
pub mod ocsp;
mod oids;
mod public_key;
mod revocation;
mod signed;
mod signer;
#[cfg(test)]
mod testkit;
pub mod trusted_list;
pub mod tsp;
pub mod x509;

pub use const_oid::ObjectIdentifier;
pub use digest::DigestAlgorithm;
pub use public_key::{PublicKey, PublicKeyError, RSA_PUBLIC_EXPONENT, VerificationError};
pub use revocation::{Revocation, RevocationReason};
pub use signer::{SignatureAlgorithm, Signer, SignerError};
