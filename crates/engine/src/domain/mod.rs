//! Entities and their states. A state is an enum that carries exactly its data.

mod account;
mod audit;
mod audit_chain;
mod billing;
mod certificate;
mod evidence;
mod key;
mod pin_counter;
mod registration;
mod relying_party;
mod session;
mod transaction;
mod wrapped;

pub use account::{
    Account, AccountId, AccountLevel, AccountName, AccountState, CloseReason, Device, Person,
};
pub use audit::{AuditEvent, AuditRecord};
pub use audit_chain::{AuditEntry, AuditLink, NotALink};
pub use billing::{
    Anomaly, AnomalyKind, Charge, CountedSession, Metering, Usage, UsageRow, charge,
};
pub use certificate::{
    CaKeyId, CertificateClaims, CertificateKind, CertificateRecord, CertificateSummary, Issued,
    OPERATOR_REASONS, Standing, StoredRevocationList, StoredTrustedList, TrustDecision,
};
pub use evidence::{Evidence, SignedRecord, TransactionRecord};
pub use key::{AccountKey, KeyState, PerPurpose};
pub use pin_counter::{Attempt, LockState, PinCounter, WrongPin};
pub use registration::{
    EndReason, MAX_PROOF_ATTEMPTS, OfferedKey, REGISTRATION_LIFETIME, Registration,
    RegistrationState, Vouched,
};
pub use relying_party::{Network, NotANetwork, RelyingParty, RelyingPartyRights};
pub use session::{
    Api, Callback, Chosen, Completed, CorruptRecord, DeviceLinkFlow, Flow, NothingToSign,
    RequestKind, Session, SessionRequest, SessionSecret, SessionState, SessionStateRecord, Signing,
    StateCode, ToBeSigned,
};
pub use transaction::{
    Evaluation, Operation, Transaction, TransactionState, VERDICT_RETENTION, Verdict,
};
pub use wrapped::Wrapped;

/// The protocol's own types that entities and ports are made of, for those who implement the ports.
pub use splitkey::{DeviceId, KeyId, Profile, Purpose, ServerModulus, TokenHash, TransactionId};

/// What the certificates' records are made of, for the same.
pub use pki::{
    Revocation, RevocationReason,
    crl::RevokedCertificate,
    trusted_list::{SchemeOperator, ServiceStatus, Status},
    x509::SerialNumber,
};
