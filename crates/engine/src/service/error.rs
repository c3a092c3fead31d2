//! Errors by who must act: the relying party, the phone, the operator, or us.

use crate::{
    domain::CorruptRecord,
    ports::{KeysError, StoreError},
};
use jiff::SignedDuration;

/// Database, key vault or our own code: nothing the caller can mend.
#[derive(Debug, thiserror::Error)]
pub enum Infrastructure {
    /// The database.
    #[error("database")]
    Store(#[from] StoreError),
    /// The key vault.
    #[error("key vault")]
    Keys(#[from] KeysError),
    /// A stored value that this software cannot have written.
    #[error("stored data")]
    Corrupt(#[from] CorruptRecord),
    /// Enough callers wait for the evaluation of this transaction; its verdict will come.
    #[error("too many wait for one evaluation")]
    Crowded,
    /// A certificate that was to be signed breaks its profile: a defect, or a person's data that do not fit. Says which
    /// rules, not whose.
    #[error("a certificate breaks its profile: {0}")]
    Profile(String),
    /// A rule of our own was broken; a defect.
    #[error("internal: {0}")]
    Internal(&'static str),
}

/// What a relying party is told.
#[derive(Debug, thiserror::Error)]
pub enum RelyingPartyError {
    /// No enabled relying party has this UUID.
    #[error("no relying party has this relyingPartyUUID")]
    UnknownRelyingParty,
    /// It may not call from this IP address.
    #[error("this relying party may not call from this IP address")]
    AddressNotAllowed,
    /// The name is none of its own.
    #[error("relyingPartyName is none of the names agreed for this relyingPartyUUID")]
    NameNotAllowed,
    /// It has no right to what it asks.
    #[error("this relying party has no right to {what}")]
    NotPermitted {
        /// The right.
        what: &'static str,
        /// JSON pointer to the field that asks for it.
        pointer: &'static str,
    },
    /// The person has no account.
    #[error("no account was found for this person")]
    UnknownPerson,
    /// Nobody is known by a company's own number.
    #[error("no account was found for this private identifier; accounts here have none")]
    UnknownPrivateIdentifier,
    /// The person has accounts, but none of the level asked for.
    #[error("the person has no account of the requested certificate level")]
    NoSuitableAccount,
    /// There is no active account with this document number.
    #[error("no active account has this document number")]
    UnknownDocument,
    /// No such session, or its result was kept long enough.
    #[error("no such session, or it is over for more than five minutes")]
    UnknownSession,
    /// `linkedSessionID` names no certificate choice that this signature could continue.
    #[error(
        "linkedSessionID must be a device-link certificate choice of yours that ended OK with this document number \
         just now, while its phone waits for the signature"
    )]
    NotLinkable,
    /// The person was asked too often.
    #[error("this person was asked too often; try again in {} s", retry_after.as_secs())]
    TooManyRequests {
        /// When to try again.
        retry_after: SignedDuration,
    },
    /// Nothing the relying party can mend.
    #[error(transparent)]
    Infrastructure(#[from] Infrastructure),
}

/// What a phone is told outside a sealed answer.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// The request is not signed, wrongly signed, or signed too long ago.
    #[error("the request is not properly signed by a known device key: {0}")]
    NotAuthenticated(&'static str),
    /// The account on this device is closed.
    #[error("the account on this device is closed")]
    AccountClosed(crate::domain::CloseReason),
    /// The session is over, belongs to another phone, or never was.
    #[error("the request is no longer there")]
    SessionGone,
    /// The link leads to no session, or to one that is over.
    #[error("this link is not valid, or it is over; get a new one from the e-service")]
    DeviceLinkGone,
    /// Another phone used the link first.
    #[error("this link was used already")]
    DeviceLinkTaken,
    /// The QR code was drawn too long ago, or in the future.
    #[error("this code is too old; scan the one that is shown now")]
    DeviceLinkStale,
    /// The link was not made by the relying party of the session; the session has ended.
    #[error("this link was not made by the e-service that it names")]
    WrongAuthCode,
    /// The link is for another person, or for another account of this one.
    #[error("this link is for another account than the one on this phone")]
    WrongPerson,
    /// The e-service asks for a higher level.
    #[error("the e-service asks for an account of a higher level")]
    LevelTooLow,
    /// A submission of it is being evaluated.
    #[error("the request is just being completed")]
    SessionCompleting,
    /// None of the interactions asked for can be shown by this phone; the session has ended.
    #[error("none of the requested interactions can be shown by this phone")]
    NoCommonInteraction,
    /// The key cannot be used now.
    #[error("the key is locked")]
    KeyLocked {
        /// Until then; `None`: for good.
        until: Option<jiff::Timestamp>,
    },
    /// The key's primes are published for test labs, and this is none.
    #[error("the primes of this key are published; nothing is signed with it on this server")]
    PublishedKey,
    /// The sealed body opens under none of our current keys.
    #[error("the sealed message cannot be opened; fetch the current server key")]
    CannotOpen,
    /// Too many begun transactions.
    #[error("too many requests; try again in {} s", retry_after.as_secs())]
    TooManyRequests {
        /// When to try again.
        retry_after: SignedDuration,
    },
    /// Rotate or sync transactions were abandoned ten times in a row; one has to be completed first.
    #[error("complete a rotate or sync transaction first")]
    Frozen,
    /// The transaction is of another device, or long gone.
    #[error("no such transaction")]
    UnknownTransaction,
    /// Nothing the phone can mend.
    #[error(transparent)]
    Infrastructure(#[from] Infrastructure),
}

/// What a registering phone is told.
#[derive(Debug, thiserror::Error)]
pub enum RegistrationError {
    /// The request is not signed by the key that it names.
    #[error("the request is not properly signed by the device key: {0}")]
    NotAuthenticated(&'static str),
    /// A field makes no sense.
    #[error("{field}: {reason}")]
    Invalid {
        /// Name in the JSON body.
        field: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The device identifier is taken.
    #[error("this device identifier is taken; make a new one")]
    DeviceExists,
    /// The account that is to be replaced did not agree.
    #[error("the old device key did not sign the replacement")]
    ReplacementNotAuthorised,
    /// No such registration, or not this device's.
    #[error("no such registration")]
    Unknown,
    /// It is over.
    #[error("the registration has ended: {}", .0.code())]
    Ended(crate::domain::EndReason),
    /// This step comes later, or was done.
    #[error("the registration is not at this step")]
    WrongStep,
    /// The sealed body opens under none of our current keys.
    #[error("the sealed message cannot be opened; fetch the current server key")]
    CannotOpen,
    /// A proof of possession failed: most likely a PIN was entered differently.
    #[error("the proof of possession failed; {attempts_left} more attempts")]
    ProofFailed {
        /// Attempts left before the registration ends.
        attempts_left: u8,
        /// The key whose proof failed.
        purpose: splitkey::Purpose,
    },
    /// Nothing the phone can mend.
    #[error(transparent)]
    Infrastructure(#[from] Infrastructure),
}

/// What an operator is told.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// No open registration has this code.
    #[error("no open registration has the code {0}; codes are valid for 15 minutes")]
    UnknownCode(wire::RegistrationCode),
    /// The phone has not handed over its shares yet.
    #[error("the phone is not that far yet; try again in a moment")]
    NotReady,
    /// Somebody vouched already.
    #[error("this registration has its person already")]
    AlreadyProven,
    /// The person's data make no sense.
    #[error("{0}")]
    InvalidPerson(String),
    /// Every document number is given once, also that of a closed account.
    #[error("there is an account with the document number {0} already, or there was one")]
    DocumentNumberTaken(wire::DocumentNumber),
    /// Not a reason that an operator gives.
    #[error("an operator does not revoke for the reason {0}")]
    ReasonNotAllowed(&'static str),
    /// No account has this document number.
    #[error("no account has the document number {0}")]
    UnknownAccount(wire::DocumentNumber),
    /// It ended before, and its certificates are revoked or expired.
    #[error(
        "{number} was closed before, {at:.0} ({how}), and nothing was changed; the first reason stands: {certificates}"
    )]
    AlreadyClosed {
        /// Whose.
        number: wire::DocumentNumber,
        /// Why, as a code.
        how: &'static str,
        /// When.
        at: jiff::Timestamp,
        /// What was said of its certificates.
        certificates: String,
    },
    /// No authority of ours recorded a certificate of this serial number.
    #[error("no certificate of ours has the serial number {0}")]
    UnknownCertificate(pki::x509::SerialNumber),
    /// Nobody is told of the revocation of a responder's certificate (id-pkix-ocsp-nocheck).
    #[error(
        "{0} is the OCSP responder's: nobody looks whether those are revoked, they live 90 days instead"
    )]
    RespondersCertificate(pki::x509::SerialNumber),
    /// The first revocation stands.
    #[error(
        "{serial} was revoked before, {at:.0} for {reason}, and nothing was changed; the first reason stands"
    )]
    AlreadyRevoked {
        /// Which.
        serial: pki::x509::SerialNumber,
        /// When.
        at: jiff::Timestamp,
        /// Why.
        reason: &'static str,
    },
    /// What has expired is not revoked any more.
    #[error("{serial} ended {at:.0}; what has ended is not revoked any more")]
    CertificateExpired {
        /// Which.
        serial: pki::x509::SerialNumber,
        /// Its notAfter.
        at: jiff::Timestamp,
    },
    /// Its key can still sign.
    #[error(
        "{serial} is of the account {account}, which is in use; close that: smart-id account close {account}"
    )]
    CertificateInUse {
        /// Which.
        serial: pki::x509::SerialNumber,
        /// Whose.
        account: wire::DocumentNumber,
    },
    /// No session that ended has this identifier.
    #[error("no transaction has the session identifier {0}; `smart-id account history` lists them")]
    UnknownSession(wire::SessionId),
    /// The CA that issued a certificate was never published from this database.
    #[error(
        "the certificate's CA is not among the published ones; start the server once, so that it remembers them"
    )]
    UnknownIssuer,
    /// No relying party has this UUID.
    #[error("no relying party has the UUID {0}")]
    UnknownRelyingParty(wire::RelyingPartyUuid),
    /// The UUID is taken.
    #[error("a relying party with the UUID {0} exists already")]
    RelyingPartyExists(wire::RelyingPartyUuid),
    /// No trust service has this name.
    #[error("no trust service is named {0}; `smart-id trust status` lists them")]
    UnknownTrustService(String),
    /// A decision about a trust service that the trusted list cannot tell.
    #[error("{0}")]
    InvalidTrustDecision(String),
    /// A relying party needs a name.
    #[error("{0}")]
    InvalidRelyingParty(String),
    /// Nothing the operator's input caused.
    #[error(transparent)]
    Infrastructure(#[from] Infrastructure),
}

macro_rules! from_infrastructure {
    ($($error:ident),*) => {$(
        impl From<StoreError> for $error {
            fn from(error: StoreError) -> Self {
                Self::Infrastructure(error.into())
            }
        }

        impl From<KeysError> for $error {
            fn from(error: KeysError) -> Self {
                Self::Infrastructure(error.into())
            }
        }

        impl MaybeConflict for $error {
            fn is_conflict(&self) -> bool {
                matches!(self, Self::Infrastructure(inner) if inner.is_conflict())
            }
        }
    )*};
}

from_infrastructure!(
    RelyingPartyError,
    DeviceError,
    RegistrationError,
    OperatorError
);

/// Errors that may mean "try again".
pub(super) trait MaybeConflict {
    fn is_conflict(&self) -> bool;
}

impl MaybeConflict for Infrastructure {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Store(StoreError::Conflict))
    }
}

/// Whether another transaction came first.
pub(crate) fn is_conflict(error: &impl MaybeConflict) -> bool {
    error.is_conflict()
}
