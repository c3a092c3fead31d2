//! A request as it came (RFC 3161 §2.4.1).

use const_oid::ObjectIdentifier;
use der::Decode;
use der::asn1::{Any, Int};

use super::failure::TimeStampFailure;
use super::structures::{Imprint, Request};
use crate::digest::DigestAlgorithm;

/// A request is some hundred octets; bounds the work a stranger can cause.
const MAX_REQUEST_LENGTH: usize = 16 * 1024;

/// RFC 3161 leaves the nonce's length open; real ones have 8 to 20 octets.
const MAX_NONCE_LENGTH: usize = 64;

/// A request as it came.
#[derive(Debug, Clone)]
pub struct TimeStampRequest {
    /// As it came, because the token must repeat it (RFC 3161 §2.4.2).
    pub(super) imprint_der: Any,
    pub(super) imprint: MessageImprint,
    pub(super) policy: Option<ObjectIdentifier>,
    pub(super) nonce: Option<Int>,
    pub(super) wants_certificates: bool,
}

/// The digest of what is stamped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageImprint {
    algorithm: DigestAlgorithm,
    digest: Vec<u8>,
}

impl TimeStampRequest {
    /// Reads a DER request (at most 16 KiB).
    ///
    /// # Errors
    /// The failure to answer.
    pub fn parse(der: &[u8]) -> Result<Self, TimeStampFailure> {
        let malformed = |message: &str| TimeStampFailure::BadDataFormat(message.into());
        if der.len() > MAX_REQUEST_LENGTH {
            return Err(malformed("it is longer than 16 KiB"));
        }
        let request = Request::from_der(der)
            .map_err(|error| TimeStampFailure::BadDataFormat(error.to_string()))?;
        if request.version.as_bytes() != [1] {
            return Err(TimeStampFailure::BadRequest("the version is not 1"));
        }
        let imprint = MessageImprint::read(&request.message_imprint)?;
        match request.extensions.as_deref() {
            None => {}
            // RFC 5280 §4.1: Extensions ::= SEQUENCE SIZE (1..MAX).
            Some([]) => return Err(malformed("the list of extensions is empty")),
            // RFC 3161 §2.4.1: critical or not, an extension that the server does not know refuses the request.
            Some(_) => return Err(TimeStampFailure::UnacceptedExtension),
        }
        if request
            .nonce
            .as_ref()
            .is_some_and(|nonce| nonce.as_bytes().len() > MAX_NONCE_LENGTH)
        {
            return Err(TimeStampFailure::BadRequest(
                "the nonce is longer than 64 octets",
            ));
        }
        Ok(Self {
            imprint_der: request.message_imprint,
            imprint,
            policy: request.policy,
            nonce: request.nonce,
            wants_certificates: request.wants_certificates,
        })
    }

    /// The digest to stamp.
    pub fn imprint(&self) -> &MessageImprint {
        &self.imprint
    }

    /// The content octets of the nonce's INTEGER, if there is one.
    pub fn nonce(&self) -> Option<&[u8]> {
        self.nonce.as_ref().map(Int::as_bytes)
    }
}

impl MessageImprint {
    /// The imprint of `message`.
    pub fn of(algorithm: DigestAlgorithm, message: &[u8]) -> Self {
        Self {
            algorithm,
            digest: algorithm.digest(message),
        }
    }

    pub(super) fn read(der: &Any) -> Result<Self, TimeStampFailure> {
        let Imprint { algorithm, digest } = der
            .decode_as()
            .map_err(|error: der::Error| TimeStampFailure::BadDataFormat(error.to_string()))?;
        let algorithm =
            DigestAlgorithm::from_identifier(&algorithm).ok_or(TimeStampFailure::BadAlgorithm)?;
        // RFC 3161 §2.4.1: the length of the hash must match the algorithm.
        if digest.as_bytes().len() != algorithm.length() {
            return Err(TimeStampFailure::BadDataFormat(
                "the digest does not have its algorithm's length".into(),
            ));
        }
        Ok(Self {
            algorithm,
            digest: digest.as_bytes().to_vec(),
        })
    }
}
