//! The answer without a token (RFC 3161 §2.4.2).

use der::Encode;
use der::asn1::BitString;

use super::structures::{Response, StatusInfo};

/// PKIStatus rejection.
const REJECTION: u8 = 2;

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
        let response = || {
            Response {
                status: StatusInfo {
                    status: REJECTION,
                    text: Some(vec![self.to_string()]),
                    failure: Some(named_bit(self.bit())?),
                },
                token: None,
            }
            .to_der()
        };
        response().expect("a number, a short text and a bit have an encoding")
    }

    /// Stable code for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadAlgorithm => "bad_algorithm",
            Self::BadRequest(_) => "bad_request",
            Self::BadDataFormat(_) => "bad_data_format",
            Self::TimeNotAvailable => "time_not_available",
            Self::UnacceptedPolicy => "unaccepted_policy",
            Self::UnacceptedExtension => "unaccepted_extension",
            Self::SystemFailure => "system_failure",
        }
    }

    /// Its place in PKIFailureInfo.
    fn bit(&self) -> u8 {
        match self {
            Self::BadAlgorithm => 0,
            Self::BadRequest(_) => 2,
            Self::BadDataFormat(_) => 5,
            Self::TimeNotAvailable => 14,
            Self::UnacceptedPolicy => 15,
            Self::UnacceptedExtension => 16,
            Self::SystemFailure => 25,
        }
    }
}

/// X.690 §11.2.2: a named bit list ends with its last one bit.
fn named_bit(bit: u8) -> der::Result<BitString> {
    let mut octets = vec![0; usize::from(bit / 8) + 1];
    if let Some(last) = octets.last_mut() {
        *last = 0x80 >> (bit % 8);
    }
    BitString::new(7 - bit % 8, octets)
}
