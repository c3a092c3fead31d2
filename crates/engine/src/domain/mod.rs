//! Entities and their states. A state is an enum that carries exactly its data.

mod account;
mod audit;
mod key;
mod pin_counter;
mod registration;
mod relying_party;
mod session;
mod transaction;
mod wrapped;

pub use account::{Account, AccountId, AccountLevel, AccountState, CloseReason, Device, Person};
pub use audit::{AuditEvent, AuditRecord};
pub use key::{AccountKey, KeyState, PerPurpose};
pub use pin_counter::{Attempt, LockState, PinCounter, WrongPin};
pub use registration::{
    EndReason, OfferedKey, Registration, RegistrationState, Vouched, MAX_PROOF_ATTEMPTS,
    REGISTRATION_LIFETIME,
};
pub use relying_party::{Network, NotANetwork, RelyingParty, RelyingPartyRights};
pub use session::{
    Completed, CorruptRecord, RequestKind, Session, SessionRequest, SessionState,
    SessionStateRecord, StateCode,
};
pub use transaction::{
    Evaluation, Operation, Transaction, TransactionState, Verdict, VERDICT_RETENTION,
};
pub use wrapped::Wrapped;
