use super::{AccountId, Wrapped, WrongPin};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use splitkey::{KeyId, Purpose, TransactionId};
use wire::{InteractionType, SessionId};

/// How long a verdict is kept for a phone that lost the answer (`splitkey.md` §4.2 step 8).
pub const VERDICT_RETENTION: SignedDuration = SignedDuration::from_hours(24);

/// One exchange of a phone with its server half: begin, then one submission.
#[derive(Clone, Debug)]
pub struct Transaction {
    /// Chosen by the server; single-use.
    pub id: TransactionId,
    /// Whose.
    pub account: AccountId,
    /// What for.
    pub operation: Operation,
    /// The server's nonce r: part of the joint PSS salt and of the next freshness token.
    pub r: [u8; 32],
    /// When it began.
    pub created_at: Timestamp,
    /// No submission is taken from then on.
    pub expires_at: Timestamp,
    /// How far it is.
    pub state: TransactionState,
    /// For compare-and-swap in the store.
    pub version: i64,
}

/// What a transaction is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "operation", rename_all = "snake_case")]
pub enum Operation {
    /// Give the phone's half of a signature (op 1).
    Sign {
        /// The e-service's request.
        session: SessionId,
        /// The key that is to sign.
        key: KeyId,
        /// The key's purpose.
        purpose: Purpose,
        /// The one interaction that is shown.
        interaction: InteractionType,
        /// serverRandom of ACSP_V2, base64.
        server_random: String,
    },
    /// Only move the freshness chain on (op 2).
    Rotate,
    /// Ask what became of a submission (op 3).
    Sync,
}

impl Operation {
    /// The code in the SKS1 message.
    #[must_use]
    pub fn code(&self) -> u8 {
        match self {
            Self::Sign { .. } => 1,
            Self::Rotate => 2,
            Self::Sync => 3,
        }
    }
}

/// How far a transaction is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum TransactionState {
    /// No submission yet.
    Awaiting,
    /// The attempt is charged; the verdict is being computed.
    Processing {
        /// SHA-256 of the sealed request, to recognise a repetition.
        request: [u8; 32],
        /// What is evaluated.
        evaluation: Evaluation,
    },
    /// The verdict stands.
    Done {
        /// SHA-256 of the sealed request.
        request: [u8; 32],
        /// What the phone is told.
        verdict: Verdict,
        /// Since when; kept for [`VERDICT_RETENTION`].
        at: Timestamp,
    },
    /// Superseded by a later begin, or found not to have arrived.
    Cancelled,
}

/// All that is needed to compute the verdict, also after a crash.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// s1′, wrapped under a key that is destroyed within 48 hours; it is a PIN oracle.
    pub partial_signature: Wrapped,
    /// SHA-256(EM) of what the phone signed, the server's own when it was charged. Absent in rows of older software.
    #[serde(default)]
    pub fingerprint: Option<[u8; 32]>,
    /// The phone's nonce c.
    pub client_nonce: [u8; 32],
    /// userChallenge of ACSP_V2; empty for signatures.
    pub user_challenge: String,
    /// Where the phone called from, if the relying party may know.
    pub device_ip: Option<std::net::IpAddr>,
    /// When it was charged.
    pub since: Timestamp,
    /// The PIN was found right; only the n2 half is missing.
    pub pin_accepted: bool,
}

/// What the phone is told about a submission.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// The PIN was right and this is the composite signature.
    Signed {
        /// Tokens spent.
        seq: u64,
        /// I2OSP(s, lenN).
        signature: Vec<u8>,
    },
    /// The PIN was wrong.
    WrongPin {
        /// Tokens spent.
        seq: u64,
        /// The lock that followed.
        outcome: WrongPin,
    },
    /// The freshness token was rotated.
    Rotated {
        /// Tokens spent.
        seq: u64,
    },
    /// Sync: the submission never arrived and now never will.
    NotAdvanced,
    /// Sync: the submission arrived; its verdict, if still kept.
    Advanced {
        /// What the phone missed.
        missed: Option<Box<Verdict>>,
    },
    /// The attempt counted, but no verdict could be reached before the deadline.
    Failed {
        /// Tokens spent.
        seq: u64,
    },
}

impl Transaction {
    /// Whether a submission is taken at `now`.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.state == TransactionState::Awaiting && now < self.expires_at
    }
}
