//! Time-stamps (RFC 3161, RFC 5816, ETSI EN 319 422): read a request, make a token; read and check a token.

use const_oid::ObjectIdentifier;
use jiff::{SignedDuration, Timestamp};
use rand_core::CryptoRng;

use crate::signer::Signer;
use crate::x509::{BuildError, Certificate, IssueError};

/// A request as it came.
#[derive(Debug, Clone)]
pub struct TimeStampRequest {}

impl TimeStampRequest {
    /// Reads a DER request (at most 16 KiB).
    ///
    /// # Errors
    /// The failure to answer.
    pub fn parse(der: &[u8]) -> Result<Self, TimeStampFailure> {
        todo!()
    }
}

/// Why no token is given (RFC 3161 §2.4.2, PKIFailureInfo), with a sentence for whoever reads the answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimeStampFailure {
    /// badAlg (0): the hash algorithm is none that EN 319 422 §5.2.1 / TS 119 312 allows.
    #[error("the hash algorithm is not accepted: use SHA-256, SHA-384 or SHA-512")]
    BadAlgorithm,
    /// badRequest (2).
    #[error("the request is not permitted: {0}")]
    BadRequest(&'static str),
    /// badDataFormat (5).
    #[error("the request is not well-formed: {0}")]
    BadDataFormat(String),
    /// timeNotAvailable (14).
    #[error("the time source is not available")]
    TimeNotAvailable,
    /// unacceptedPolicy (15).
    #[error("the requested policy is not supported")]
    UnacceptedPolicy,
    /// unacceptedExtension (16).
    #[error("a requested extension is not supported")]
    UnacceptedExtension,
    /// systemFailure (25).
    #[error("the request cannot be handled now")]
    SystemFailure,
}

impl TimeStampFailure {
    /// The whole answer (TimeStampResp with status rejection), DER.
    pub fn response(&self) -> Vec<u8> {
        todo!()
    }

    /// Stable code for logs and metrics.
    pub fn code(&self) -> &'static str {
        todo!()
    }
}

/// What stamps: the unit's certificate and its statements about itself.
#[derive(Debug, Clone)]
pub struct TimeStampingUnit {
    /// The unit's certificate.
    pub certificate: Certificate,
    /// Certificates above it, to be embedded after it when certReq is set; may be empty.
    pub chain: Vec<Certificate>,
    /// The policy it stamps under, `0.4.0.2023.1.1` (best-practices policy of EN 319 421).
    pub policy: ObjectIdentifier,
    /// How far its clock may be off.
    pub accuracy: SignedDuration,
    /// Whether tokens say that they are qualified (qcStatements `0.4.0.19422.1.1`).
    pub qualified: bool,
}

/// A token before it is signed.
pub struct UnsignedToken {}

impl UnsignedToken {
    /// Builds TSTInfo and signed attributes. The serial number is drawn from `rng` (at least 126 bits, so that it is unique
    /// after any restart, RFC 3161 §2.4.2).
    ///
    /// # Errors
    /// The failure to answer: a policy that the unit does not have, an extension.
    pub fn build<R>(
        request: &TimeStampRequest,
        unit: &TimeStampingUnit,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<Self, TimeStampFailure>
    where
        R: CryptoRng + ?Sized,
    {
        todo!()
    }

    /// Signs, reads back and verifies under the unit's certificate.
    ///
    /// # Errors
    /// [`IssueError`]; no token exists then.
    pub fn sign(&self, signer: &dyn Signer) -> Result<TimeStampToken, IssueError> {
        todo!()
    }
}

/// A token: CMS SignedData over a TSTInfo.
#[derive(Debug, Clone)]
pub struct TimeStampToken {}

impl TimeStampToken {
    /// The whole answer (TimeStampResp with status granted), DER.
    pub fn response(&self) -> Vec<u8> {
        todo!()
    }

    /// The token, DER.
    pub fn der(&self) -> &[u8] {
        todo!()
    }
    // parse, verify under a unit's certificate, getters: for whoever fills this in
}

#[expect(unused, reason = "skeleton")]
fn unused(_: BuildError) {}
