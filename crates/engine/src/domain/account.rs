use super::{AccountKey, PerPurpose};
use jiff::{Timestamp, civil};
use serde::{Deserialize, Serialize};
use splitkey::{DeviceId, KeyId, TokenHash};
use uuid::Uuid;
use wire::{DocumentNumber, SemanticsIdentifier};

/// Internal identifier of an account; never leaves the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AccountId(pub Uuid);

/// The natural person an account was issued to (R54).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// For example `PNOEE-40504040001` (EN 319 412-1 §5.1.3).
    pub semantics_identifier: SemanticsIdentifier,
    /// As in the certificate.
    pub given_name: String,
    /// As in the certificate.
    pub surname: String,
    /// As vouched for; the national number need not carry it.
    pub date_of_birth: civil::Date,
}

/// What the account's certificates are worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum AccountLevel {
    /// Basic ("NQ").
    Advanced,
    /// Qualified ("Q"), with QSCD.
    Qualified,
}

/// A Smart-ID account: one person on one device with two keys.
#[derive(Clone, Debug)]
pub struct Account {
    /// Internal identifier.
    pub id: AccountId,
    /// Whose it is.
    pub person: Person,
    /// The account's public name, for example `PNOEE-40504040001-MOCK-Q`.
    pub document_number: DocumentNumber,
    /// Qualified or Basic.
    pub level: AccountLevel,
    /// The phone.
    pub device: Device,
    /// Authentication (PIN1) and signature (PIN2) key.
    pub keys: PerPurpose<AccountKey>,
    /// Usable or closed.
    pub state: AccountState,
    /// When both certificates were issued.
    pub created_at: Timestamp,
    /// Three years later, the certificates' notAfter.
    pub expires_at: Timestamp,
    /// For compare-and-swap in the store.
    pub version: i64,
}

/// What of an account can be read without any key and whatever else of it is damaged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountName {
    /// Internal identifier.
    pub id: AccountId,
    /// The account's public name.
    pub document_number: DocumentNumber,
    /// Since when it is closed and why, as far as that can be read.
    pub closed: Option<(Timestamp, Option<CloseReason>)>,
}

/// The phone of an account and where its freshness chain stands (`splitkey.md` §4.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Chosen by the phone.
    pub id: DeviceId,
    /// ECDSA P-256, SEC1 uncompressed, 65 bytes.
    pub public_key: Vec<u8>,
    /// h(T) of the only token that the server takes next.
    pub token: TokenHash,
    /// Number of tokens spent.
    pub seq: u64,
    /// Operations 2 and 3 superseded without completion, less one for each token spent; ten freeze operation 1.
    pub superseded: u32,
}

/// Whether the account can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccountState {
    /// In use.
    Active,
    /// Closed for good; both keys are destroyed and both certificates revoked.
    Closed {
        /// Why.
        reason: CloseReason,
        /// When.
        at: Timestamp,
    },
}

/// Why an account or a key ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CloseReason {
    /// The person deleted it in the app (R95).
    DeletedByOwner,
    /// The operator deleted it.
    DeletedByOperator,
    /// Nine wrong PINs in a row (R84).
    PinLocked,
    /// A freshness token was used twice: two copies of the phone exist (R92).
    Cloned,
    /// Three years are over.
    Expired,
    /// The same device registered again (R91).
    Replaced,
}

impl CloseReason {
    /// Stable snake_case code for audit, metrics and documents.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::DeletedByOwner => "deleted_by_owner",
            Self::DeletedByOperator => "deleted_by_operator",
            Self::PinLocked => "pin_locked",
            Self::Cloned => "cloned",
            Self::Expired => "expired",
            Self::Replaced => "replaced",
        }
    }
}

impl Account {
    /// Whether the account can be used at `now`; the certificates' end counts, whether or not the
    /// expiry job has run yet.
    #[must_use]
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.state == AccountState::Active && now < self.expires_at
    }

    /// Closes the account and deletes the server's parts of both keys. The first reason stands.
    ///
    /// Returns whether anything changed.
    pub fn close(&mut self, reason: CloseReason, now: Timestamp) -> bool {
        let changed = self.state == AccountState::Active;
        if changed {
            self.state = AccountState::Closed { reason, at: now };
        }
        for key in self.keys.iter_mut() {
            key.destroy(reason, now);
        }
        changed
    }

    /// The key with this identifier, if it is one of the account's.
    pub fn key_mut(&mut self, id: KeyId) -> Option<&mut AccountKey> {
        self.keys.iter_mut().find(|key| key.id == id)
    }
}
