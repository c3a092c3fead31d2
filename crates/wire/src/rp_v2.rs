//! Bodies of the Relying Party API v2, for those who still use it.
//!
//! The person's phone is always reached by a notification; the relying party gives the hash, and gets an ordinary PKCS#1
//! v1.5 signature over it, for authentications as well.

mod request;
mod response;

pub use crate::{
    fields::{Base64Text, Common, MAX_NONCE, RequestError, SignatureParameters},
    rp_v3::{Certificate, DEFAULT_TIMEOUT_MS, MAX_TIMEOUT_MS, MIN_TIMEOUT_MS, SessionCreated},
};
pub use request::{CertificateChoiceRequest, HashRequest, MAX_NAME_BYTES};
pub use response::{SessionStatus, end_result};

/// Path of the API below the origin.
pub const BASE_PATH: &str = "/smart-id-rp/v2";
