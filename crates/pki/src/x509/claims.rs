//! What a certificate and a linted one say about themselves, for those who issue and answer.

use jiff::Timestamp;

use super::certificate::{Certificate, Facts, ParseError, SerialNumber};
use super::issue::Linted;
use crate::oids;

impl Certificate {
    /// Whether it claims that its key is in a qualified device (QcSSCD or the QCP-n-qscd policy) or, if it is not for
    /// signatures, in a secure one (NCP+, ETSI EN 319 411-1 §5.3). A claim, until a trusted list confirms it.
    pub fn claims_device(&self) -> bool {
        let has = |wanted| self.policies().any(|policy| policy == wanted);
        let signs = self
            .key_usage()
            .is_some_and(|usage| usage.non_repudiation());
        has(oids::QUALIFIED_POLICY_WITH_DEVICE)
            || (!signs && has(oids::NORMALISED_POLICY_PLUS))
            || self
                .qc_statements()
                .is_some_and(|statements| statements.claims_device())
    }
}

impl Linted {
    /// The last second of validity.
    pub fn not_after(&self) -> Timestamp {
        Facts::read(&self.tbs)
            .expect("the lint has read it")
            .not_after
    }
}

/// What a `TBSCertificate` alone says: of a certificate that was recorded, whether or not it was ever signed.
pub struct TbsSummary {
    /// Its serial number.
    pub serial: SerialNumber,
    /// The last second of validity.
    pub not_after: Timestamp,
    /// The authority key identifier, if present.
    pub authority_key_identifier: Option<Vec<u8>>,
}

impl TbsSummary {
    /// Reads a DER `TBSCertificate`.
    ///
    /// # Errors
    /// [`ParseError`] says which part is wrong.
    pub fn read(tbs: &[u8]) -> Result<Self, ParseError> {
        let facts = Facts::read(tbs)?;
        Ok(Self {
            serial: facts.serial,
            not_after: facts.not_after,
            authority_key_identifier: facts.extensions.authority_key_identifier,
        })
    }
}
