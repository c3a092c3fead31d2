//! Trusted lists (ETSI TS 119 612, version 6), signed with XAdES: made here, read by validators.
//!
//! [`TrustedList::build`] → [`UnsignedTrustedList::sign`]. Whatever stands in names is escaped; characters that XML cannot
//! carry become U+FFFD.

mod lists;
mod name;
mod service;
mod signature;
mod xml;

use const_oid::ObjectIdentifier;
use jiff::Timestamp;

use crate::x509::Certificate;

pub use signature::{SignedTrustedList, UnsignedTrustedList};

/// Who publishes a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemeOperator {
    /// Name, in English.
    pub name: String,
    /// ISO 3166-1 alpha-2 code.
    pub territory: String,
    /// Where it and its practice can be read: `http` or `https`.
    pub information_url: String,
    /// Electronic address, `mailto:` or `https`.
    pub contact_url: String,
    /// Street, place and country in one line each.
    pub street_address: String,
    /// Place.
    pub locality: String,
    /// Postal code; left out if empty.
    pub postal_code: String,
    /// EU policy texts stand in lists of EU members only; a demo or test scheme says so in its name. The list shows it
    /// after the territory and a colon (TS 119 612 §5.3.6).
    pub scheme_name: String,
}

/// A list of trust services.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedList {
    /// Who publishes it.
    pub operator: SchemeOperator,
    /// TSLSequenceNumber, one more with each issue.
    pub sequence: u64,
    /// ListIssueDateTime.
    pub issued_at: Timestamp,
    /// NextUpdate; after it the list is void.
    pub next_update: Timestamp,
    /// Where it is published.
    pub location: String,
    /// The provider of all services: name, `VATEE-…`/`NTREE-…` trade name.
    pub provider_name: String,
    /// ETSI EN 319 412-1 identifier of the provider.
    pub provider_trade_name: String,
    /// Its services.
    pub services: Vec<TrustService>,
}

/// One service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustService {
    /// What it does.
    pub kind: ServiceKind,
    /// Its name.
    pub name: String,
    /// Its digital identity.
    pub certificate: Certificate,
    /// The newest first, at least one: the first is the current status, the others its history. A service without any is
    /// left out of the list.
    pub statuses: Vec<ServiceStatus>,
}

/// Service type (TS 119 612 §5.5.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceKind {
    /// CA/QC for electronic signatures; with a qualification element {QCStatement, QCForESig} for certificates under this
    /// policy with nonRepudiation.
    QualifiedCa {
        /// The policy of the set.
        policy: ObjectIdentifier,
    },
    /// CA/PKC.
    Ca,
    /// TSA/QTST.
    QualifiedTimeStamping,
}

/// A status since a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceStatus {
    /// Which.
    pub status: Status,
    /// StatusStartingTime.
    pub since: Timestamp,
}

/// Service status (TS 119 612 §5.5.4). The first two are for qualified services, the others for those that a country
/// recognises, like [`ServiceKind::Ca`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// granted
    Granted,
    /// withdrawn
    Withdrawn,
    /// recognisedatnationallevel
    RecognisedAtNationalLevel,
    /// deprecatedatnationallevel
    DeprecatedAtNationalLevel,
}

/// A list of lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListOfLists {
    /// Who publishes it.
    pub operator: SchemeOperator,
    /// TSLSequenceNumber.
    pub sequence: u64,
    /// ListIssueDateTime.
    pub issued_at: Timestamp,
    /// NextUpdate.
    pub next_update: Timestamp,
    /// Where it is published.
    pub location: String,
    /// The lists that it points to, at least one; not itself.
    pub pointers: Vec<ListPointer>,
}

/// Another list and who signs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListPointer {
    /// Where it is.
    pub location: String,
    /// Its territory.
    pub territory: String,
    /// Its operator.
    pub operator_name: String,
    /// Its signer's certificates.
    pub signers: Vec<Certificate>,
}

#[cfg(test)]
mod tests;
