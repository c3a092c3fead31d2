use super::{AccountId, AccountLevel, PerPurpose, Person, Wrapped};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use splitkey::{DeviceId, KeyId, Profile, TokenHash};
use wire::{ControlCode, DocumentSuffix, RegistrationCode, RegistrationId};

/// How long a registration code is valid (R36).
pub const REGISTRATION_LIFETIME: SignedDuration = SignedDuration::from_mins(15);

/// Proofs of possession that may fail before the registration ends; each is an online PIN guess for
/// whoever copied the phone between its two PIN entries.
pub const MAX_PROOF_ATTEMPTS: u8 = 5;

/// An account in the making.
#[derive(Clone, Debug)]
pub struct Registration {
    /// Names it towards the phone.
    pub id: RegistrationId,
    /// What the person tells whoever vouches for her (R35).
    pub code: RegistrationCode,
    /// Shown on both sides to be compared (R37).
    pub control_code: ControlCode,
    /// Chosen by the phone.
    pub device: DeviceId,
    /// ECDSA P-256, SEC1 uncompressed.
    pub device_public_key: Vec<u8>,
    /// h(T₀).
    pub token: TokenHash,
    /// What was agreed for the two keys.
    pub keys: PerPurpose<OfferedKey>,
    /// The account on the same device that this one replaces (R91); its old device key agreed.
    pub replaces: Option<AccountId>,
    /// When the phone asked.
    pub created_at: Timestamp,
    /// Fifteen minutes later.
    pub expires_at: Timestamp,
    /// Proofs tried so far, the one under evaluation included.
    pub proof_attempts: u8,
    /// How far it is.
    pub state: RegistrationState,
    /// For compare-and-swap in the store.
    pub version: i64,
}

/// Both sides' public parts of a key, and the server's private part, before there is an account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OfferedKey {
    /// Chosen by the server.
    pub id: KeyId,
    /// Sizes.
    pub profile: Profile,
    /// The phone's modulus, validated.
    pub n1: Vec<u8>,
    /// The server's modulus.
    pub n2: Vec<u8>,
    /// n1·n2.
    pub n: Vec<u8>,
    /// The proof of possession is over this.
    pub nonce: [u8; 32],
    /// The private key of n2; single-use, never goes back to the pool.
    pub server_half: Wrapped,
}

/// Who the person is, and on whose word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vouched {
    /// The person.
    pub person: Person,
    /// The level that the proof of identity is good for.
    pub level: AccountLevel,
    /// Who vouched and how, for the audit trail; for example `operator alice`.
    pub evidence: String,
    /// The four characters of the document number; random ones if there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_suffix: Option<DocumentSuffix>,
}

/// How far a registration is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum RegistrationState {
    /// The phone has not yet handed over d1″.
    AwaitingServerShares,
    /// Nobody has vouched for the person yet.
    AwaitingIdentity {
        /// d1″ of both keys.
        shares: PerPurpose<Wrapped>,
    },
    /// The phone has to prove with both PINs that both keys work.
    AwaitingProof {
        /// d1″ of both keys.
        shares: PerPurpose<Wrapped>,
        /// Who she is.
        vouched: Vouched,
        /// Fingerprint of the proofs that were counted last: the same ones again are no new attempt.
        charged: Option<[u8; 32]>,
    },
    /// There is an account.
    Active {
        /// Which.
        account: AccountId,
        /// Fingerprint of the proofs, to answer a repetition the same way.
        proofs: [u8; 32],
        /// Composite signatures over the proofs of possession, for the phone to check.
        signatures: PerPurpose<Vec<u8>>,
    },
    /// It came to nothing; the server's parts are deleted.
    Ended {
        /// Why.
        reason: EndReason,
        /// When.
        at: Timestamp,
    },
}

/// Why a registration came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// The phone gave up.
    Abandoned,
    /// Fifteen minutes were over.
    Expired,
    /// Whoever vouches said no, or the person did (R38).
    Refused,
    /// The proofs of possession failed too often.
    ProofFailed,
}

impl EndReason {
    /// Stable snake_case code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Abandoned => "abandoned",
            Self::Expired => "expired",
            Self::Refused => "refused",
            Self::ProofFailed => "proof_failed",
        }
    }
}

impl Registration {
    /// Whether the registration can still go on at `now`.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        now < self.expires_at && !self.is_over()
    }

    /// Whether it has led to an account or to nothing.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(
            self.state,
            RegistrationState::Active { .. } | RegistrationState::Ended { .. }
        )
    }

    /// Ends the registration and forgets the provisional shares and the server's halves.
    pub fn end(&mut self, reason: EndReason, now: Timestamp) {
        if !self.is_over() {
            self.state = RegistrationState::Ended { reason, at: now };
            self.forget_server_halves();
        }
    }

    /// Deletes the server's halves from the registration: they are the account's now, or nobody's.
    pub fn forget_server_halves(&mut self) {
        for key in self.keys.iter_mut() {
            key.server_half = Wrapped(Vec::new());
        }
    }
}
