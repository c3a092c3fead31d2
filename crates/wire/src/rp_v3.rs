//! Bodies of the Relying Party API v3.
//!
//! Requests are parsed from any bytes; all wrong fields are reported at once, each with its JSON pointer. Unknown
//! fields are ignored, as the API demands.

mod request;
mod response;

pub use crate::fields::{
    Base64Text, CHALLENGE_LEN, Common, MAX_CALLBACK_URL, MAX_NONCE, RequestError,
    SignatureParameters,
};
pub use request::{
    AuthenticationRequest, CertificateByDocumentRequest, CertificateChoiceRequest, Channel,
    LinkedSignatureRequest, SignatureRequest,
};
pub use response::{
    Certificate, CertificateResponse, CertificateState, DeviceLinkSessionCreated,
    NotificationSignatureCreated, SessionCreated, SessionStatus, Signature, SignatureValue,
    VerificationCodeValue,
};

/// Path of the API below the origin.
pub const BASE_PATH: &str = "/smart-id-rp/v3";
/// Least `timeoutMs` of a session status request.
pub const MIN_TIMEOUT_MS: u64 = 1_000;
/// Greatest `timeoutMs` of a session status request.
pub const MAX_TIMEOUT_MS: u64 = 120_000;
/// `timeoutMs` of a session status request that names none.
pub const DEFAULT_TIMEOUT_MS: u64 = 60_500;
