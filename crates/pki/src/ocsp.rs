//! The Online Certificate Status Protocol (RFC 6960, RFC 8954): read a request, answer it; ask, and check an answer.

use const_oid::ObjectIdentifier;
use jiff::Timestamp;

use crate::Revocation;
use crate::signer::Signer;
use crate::x509::{BuildError, Certificate, IssueError, SerialNumber};

/// A request as it came, with the bytes that must be echoed.
#[derive(Debug, Clone)]
pub struct OcspRequest {}

impl OcspRequest {
    /// Reads a DER request (at most 16 KiB, 1 to [`MAX_CERTIFICATES`] certificates, nonce of 1 to 128 octets: RFC 9654).
    ///
    /// # Errors
    /// What is wrong with it; answer [`OcspFailure::MalformedRequest`].
    pub fn parse(der: &[u8]) -> Result<Self, OcspRequestError> {
        todo!()
    }

    /// A client's request for one certificate.
    ///
    /// # Errors
    /// [`BuildError`].
    pub fn new(certificate: CertId, nonce: Option<&[u8]>) -> Result<Self, BuildError> {
        todo!()
    }

    /// DER.
    pub fn der(&self) -> &[u8] {
        todo!()
    }

    /// The certificates that are asked about.
    pub fn certificates(&self) -> &[CertId] {
        todo!()
    }
}

/// Certificates that one request may ask about.
pub const MAX_CERTIFICATES: usize = 16;

/// Why bytes are no request we answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OcspRequestError {
    /// Too long.
    #[error("the request is too long")]
    TooLong,
    /// Not DER.
    #[error("the request is not well-formed DER")]
    Malformed(#[source] der::Error),
    // … the rest is for whoever fills this in: no certificate, too many, version, nonce length, critical extension
}

/// Which certificate: exact bytes kept, because clients compare them (`pki.md` §2.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertId {}

impl CertId {
    /// For a client: with SHA-1 or SHA-256.
    ///
    /// # Errors
    /// [`BuildError`].
    pub fn new(
        hash: ObjectIdentifier,
        issuer: &Certificate,
        serial: &SerialNumber,
    ) -> Result<Self, BuildError> {
        todo!()
    }

    /// The serial number.
    pub fn serial(&self) -> &SerialNumber {
        todo!()
    }

    /// Whether both hashes are of this authority; SHA-1, SHA-256, SHA-384, SHA-512, with or without NULL parameters.
    pub fn names_issuer(&self, issuer: &Certificate) -> bool {
        todo!()
    }
}

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

/// Answers without signature (RFC 6960 §4.2.1 OCSPResponseStatus).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OcspFailure {
    /// The request cannot be read.
    MalformedRequest = 1,
    /// Something is broken here.
    InternalError = 2,
    /// Too much to do.
    TryLater = 3,
    /// The certificates are another authority's.
    Unauthorized = 6,
}

impl OcspFailure {
    /// The whole answer, DER.
    pub fn response(self) -> Vec<u8> {
        todo!()
    }
}

/// An answer before it is signed.
pub struct UnsignedOcspResponse {}

impl UnsignedOcspResponse {
    /// Builds the answer to a request: one SingleResponse for each certificate asked about, CertID and nonce byte for byte,
    /// archiveCutoff in each, `thisUpdate = producedAt = now` without fraction and without nextUpdate, responder byKey, its
    /// certificate embedded first.
    ///
    /// # Errors
    /// [`BuildError`]; also if `statuses` are not as many as the request's certificates.
    pub fn build(
        request: &OcspRequest,
        statuses: &[CertificateStatus],
        responder: &Certificate,
        archive_cutoff: Timestamp,
        now: Timestamp,
    ) -> Result<Self, BuildError> {
        todo!()
    }

    /// Signs with sha256WithRSAEncryption (or the signer's algorithm), verifies under the responder's certificate.
    ///
    /// # Errors
    /// [`IssueError`]; no answer exists then.
    pub fn sign(&self, signer: &dyn Signer) -> Result<OcspResponse, IssueError> {
        todo!()
    }
}

/// A signed answer.
#[derive(Debug, Clone)]
pub struct OcspResponse {}

impl OcspResponse {
    /// DER.
    pub fn der(&self) -> &[u8] {
        todo!()
    }
    // parse, and a client's check (request, issuer, now, max age) → CertificateStatus: for whoever fills this in
}
