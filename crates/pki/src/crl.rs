//! Certificate revocation lists, version 2 (RFC 5280 §5): build, sign, parse, verify.

mod build;
mod parse;
#[cfg(test)]
mod tests;

pub use build::UnsignedRevocationList;
pub use parse::{MAX_LIST_LEN, RevocationList, RevocationListError};

use crate::Revocation;
use crate::x509::SerialNumber;

/// One line of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevokedCertificate {
    /// Which certificate.
    pub serial: SerialNumber,
    /// When and why.
    pub revocation: Revocation,
}
