//! The Online Certificate Status Protocol (RFC 6960, RFC 8954, RFC 9654): read a request, answer it; ask, and check an
//! answer.

mod answer;
mod cert_id;
mod check;
mod request;
mod response;
#[cfg(test)]
mod tests;

pub use answer::{OcspFailure, UnsignedOcspResponse};
pub use cert_id::CertId;
pub use check::OcspCheckError;
pub use request::{MAX_CERTIFICATES, OcspRequest, OcspRequestError};
pub use response::{OcspResponse, OcspResponseError};

use crate::Revocation;

/// What an authority says about one of its certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateStatus {
    /// Issued and not revoked.
    Good,
    /// Revoked.
    Revoked(Revocation),
    /// Never issued here.
    Unknown,
}
