//! A session: what a relying party asked for, how far it is, and what came of it.

mod record;
mod request;

pub use record::{CorruptRecord, SessionStateRecord};
pub use request::{
    Api, Callback, DeviceLinkFlow, Flow, NothingToSign, RequestKind, SessionRequest, SessionSecret,
    Signing, ToBeSigned,
};

use super::{AccountId, AccountLevel};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use splitkey::{TransactionId, VerifiedSignature};
use std::net::IpAddr;
use wire::{DocumentNumber, EndResult, FlowType, InteractionType, RelyingPartyUuid, SessionId};

/// A relying party's request for one authentication or signature, from the POST to its result.
#[derive(Debug)]
pub struct Session {
    /// `sessionID` of the RP API.
    pub id: SessionId,
    /// Who asked.
    pub relying_party: RelyingPartyUuid,
    /// What was asked; never changes.
    pub request: SessionRequest,
    /// The accounts that may answer; the first phone to confirm gets it.
    pub candidates: Vec<AccountId>,
    /// When it was asked.
    pub created_at: Timestamp,
    /// An ignored request disappears at this moment (R89).
    pub deadline: Timestamp,
    /// How far it is.
    pub state: SessionState,
    /// For compare-and-swap in the store.
    pub version: i64,
}

/// How far a session is.
#[derive(Debug)]
pub enum SessionState {
    /// No phone has confirmed yet.
    Pending,
    /// One phone has it; the others no longer see it.
    Claimed {
        /// Whose phone.
        account: AccountId,
        /// How it came by it.
        flow_type: FlowType,
    },
    /// A submission is being evaluated.
    Completing {
        /// Whose phone.
        account: AccountId,
        /// How it came by the session.
        flow_type: FlowType,
        /// The submission.
        transaction: TransactionId,
    },
    /// OK, with a signature.
    Completed(Box<Completed>),
    /// OK, with a certificate.
    Chosen(Box<Chosen>),
    /// Any other end.
    Failed {
        /// `result` of the RP API.
        result: EndResult,
        /// When; the result is readable for five minutes from then.
        at: Timestamp,
    },
}

/// The result of a session that ended OK.
#[derive(Debug)]
pub struct Completed {
    /// Who signed.
    pub account: AccountId,
    /// As asked for, or the account's.
    pub document_number: DocumentNumber,
    /// The certificate of the key that signed, DER.
    pub certificate: Vec<u8>,
    /// The account's level.
    pub level: AccountLevel,
    /// Only verification makes one.
    pub signature: VerifiedSignature,
    /// What was signed: the digest under the signature.
    pub digest: Vec<u8>,
    /// How phone and session found each other.
    pub flow_type: FlowType,
    /// The one interaction that was shown.
    pub interaction: InteractionType,
    /// serverRandom of ACSP_V2, base64; empty for signatures.
    pub server_random: String,
    /// userChallenge of ACSP_V2, base64url; empty for signatures.
    pub user_challenge: String,
    /// The phone's IP address, if it is shared.
    pub device_ip: Option<IpAddr>,
    /// When; the result is readable for five minutes from then.
    pub at: Timestamp,
}

/// The result of a certificate choice that ended OK. Nothing was signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chosen {
    /// Who chose.
    pub account: AccountId,
    /// As asked for, or the account's.
    pub document_number: DocumentNumber,
    /// The signing certificate, DER.
    #[serde(with = "record::base64_text")]
    pub certificate: Vec<u8>,
    /// The account's level.
    pub level: AccountLevel,
    /// How phone and session found each other.
    pub flow_type: FlowType,
    /// The phone's IP address, if it is shared.
    pub device_ip: Option<IpAddr>,
    /// When; the result is readable for five minutes from then.
    pub at: Timestamp,
}

/// The state as one word, for the database's index and for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StateCode {
    /// [`SessionState::Pending`].
    Pending,
    /// [`SessionState::Claimed`].
    Claimed,
    /// [`SessionState::Completing`].
    Completing,
    /// [`SessionState::Completed`].
    Completed,
    /// [`SessionState::Chosen`].
    Chosen,
    /// [`SessionState::Failed`].
    Failed,
}

impl StateCode {
    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Claimed => "claimed",
            Self::Completing => "completing",
            Self::Completed => "completed",
            Self::Chosen => "chosen",
            Self::Failed => "failed",
        }
    }
}

impl Session {
    /// Whether a phone can still do something about it at `now`.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        now < self.deadline
            && matches!(
                self.state,
                SessionState::Pending | SessionState::Claimed { .. }
            )
    }

    /// Whether it has a result.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        matches!(
            self.state,
            SessionState::Completed(_) | SessionState::Chosen(_) | SessionState::Failed { .. }
        )
    }

    /// The account that confirmed it, once one has.
    #[must_use]
    pub fn claimed_by(&self) -> Option<AccountId> {
        match &self.state {
            SessionState::Claimed { account, .. } | SessionState::Completing { account, .. } => {
                Some(*account)
            }
            SessionState::Completed(completed) => Some(completed.account),
            SessionState::Chosen(chosen) => Some(chosen.account),
            SessionState::Pending | SessionState::Failed { .. } => None,
        }
    }

    /// `flowType`: how the phone that has it came by it; before that, what is known already.
    #[must_use]
    pub fn flow_type(&self) -> Option<FlowType> {
        match &self.state {
            SessionState::Claimed { flow_type, .. }
            | SessionState::Completing { flow_type, .. } => Some(*flow_type),
            SessionState::Completed(completed) => Some(completed.flow_type),
            SessionState::Chosen(chosen) => Some(chosen.flow_type),
            SessionState::Pending | SessionState::Failed { .. } => match self.request.flow {
                Flow::Notification | Flow::Linked { .. } => Some(FlowType::Notification),
                Flow::DeviceLink(_) => None,
            },
        }
    }

    /// Whether this account's phone is to show it: a candidate before the claim, the claimer after.
    #[must_use]
    pub fn concerns(&self, account: AccountId) -> bool {
        match self.claimed_by() {
            Some(claimer) => claimer == account,
            None => self.candidates.contains(&account),
        }
    }

    /// Ends the session without a signature; a finished one stays as it is.
    ///
    /// Returns whether anything changed.
    pub fn fail(&mut self, result: EndResult, now: Timestamp) -> bool {
        if self.is_finished() {
            return false;
        }
        self.state = SessionState::Failed { result, at: now };
        true
    }

    /// When the result stops being readable, once there is one.
    #[must_use]
    pub fn finished_at(&self) -> Option<Timestamp> {
        match &self.state {
            SessionState::Completed(completed) => Some(completed.at),
            SessionState::Chosen(chosen) => Some(chosen.at),
            SessionState::Failed { at, .. } => Some(*at),
            _ => None,
        }
    }
}

impl SessionState {
    /// The state as one word.
    #[must_use]
    pub fn code(&self) -> StateCode {
        match self {
            Self::Pending => StateCode::Pending,
            Self::Claimed { .. } => StateCode::Claimed,
            Self::Completing { .. } => StateCode::Completing,
            Self::Completed(_) => StateCode::Completed,
            Self::Chosen(_) => StateCode::Chosen,
            Self::Failed { .. } => StateCode::Failed,
        }
    }
}
