//! What the authorities have signed: a record that stands before the signature, and its end.

use super::{AccountId, AccountLevel};
use jiff::Timestamp;
use pki::{Revocation, x509::SerialNumber};
use splitkey::Purpose;

/// An authority, by the SHA-1 of its public key (its certificate's subject key identifier).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CaKeyId(pub [u8; 20]);

/// A certificate from the moment it is to be signed. Never deleted: OCSP and CRL answer for it as long as its authority
/// lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateRecord {
    /// Whose signature.
    pub issuer: CaKeyId,
    /// Unique below the issuer.
    pub serial: SerialNumber,
    /// What it is for.
    pub kind: CertificateKind,
    /// The DER `TBSCertificate` that was linted and then signed.
    pub tbs: Vec<u8>,
    /// When it was recorded, before it was signed.
    pub recorded_at: Timestamp,
    /// Its notAfter.
    pub expires_at: Timestamp,
    /// That it was signed and given out; `None`: nobody ever got it.
    pub issued: Option<Issued>,
    /// That it ended before its time.
    pub revocation: Option<Revocation>,
}

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CertificateKind {
    /// A person's.
    EndEntity {
        /// Qualified or Basic.
        level: AccountLevel,
        /// Authentication or signature.
        purpose: Purpose,
    },
    /// The OCSP responder's.
    OcspResponder,
}

/// A certificate that was given out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// When.
    pub at: Timestamp,
    /// SHA-256 of the DER.
    pub sha256: [u8; 32],
    /// The account whose it is; `None` for a responder's.
    pub account: Option<AccountId>,
    /// The DER of a responder's; a person's stands with the account's key.
    pub certificate: Option<Vec<u8>>,
}

/// What OCSP has to know about a serial number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// No certificate of this number was ever given out.
    NeverIssued,
    /// It was, and is revoked or not.
    Issued(Option<Revocation>),
}

/// A revocation list that was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRevocationList {
    /// Whose.
    pub issuer: CaKeyId,
    /// cRLNumber, from one.
    pub number: u64,
    /// thisUpdate.
    pub this_update: Timestamp,
    /// nextUpdate.
    pub next_update: Timestamp,
    /// How many certificates are on it.
    pub entries: u64,
    /// DER.
    pub der: Vec<u8>,
}

/// A line in the history of a trust service, as the scheme operator decided it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustDecision {
    /// The service's name: `eid-q`, `tsu`.
    pub service: String,
    /// From then on.
    pub status: pki::trusted_list::ServiceStatus,
    /// When it was decided.
    pub decided_at: Timestamp,
}

/// A trusted list that was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredTrustedList {
    /// TSLSequenceNumber, from one.
    pub sequence: u64,
    /// ListIssueDateTime.
    pub issued_at: Timestamp,
    /// NextUpdate.
    pub next_update: Timestamp,
    /// SHA-256 of everything in it but sequence and times: another one is due when this differs.
    pub content: [u8; 32],
    /// The signed list.
    pub xml: String,
    /// The signed list of lists that points to it.
    pub list_of_lists: String,
}
