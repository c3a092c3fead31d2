use super::{AccountId, CloseReason, EndReason};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use wire::{RegistrationId, RelyingPartyUuid, SessionId};

/// One line of the audit trail, written in the transaction of the change it tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// When it was decided.
    pub at: Timestamp,
    /// The account it concerns.
    pub account: Option<AccountId>,
    /// The relying party it concerns.
    pub relying_party: Option<RelyingPartyUuid>,
    /// The session it concerns.
    pub session: Option<SessionId>,
    /// What happened.
    pub event: AuditEvent,
}

/// Everything security-relevant that can happen. Holds no secret and no name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[expect(missing_docs, reason = "fields are named after what they hold")]
pub enum AuditEvent {
    /// A phone began a registration.
    RegistrationStarted { registration: RegistrationId },
    /// Somebody vouched for the person.
    IdentityProven {
        registration: RegistrationId,
        evidence: String,
    },
    /// A proof of possession failed.
    ProofFailed {
        registration: RegistrationId,
        attempts: u8,
    },
    /// A registration came to nothing.
    RegistrationEnded {
        registration: RegistrationId,
        reason: EndReason,
    },
    /// A certificate was issued.
    CertificateIssued {
        purpose: u8,
        serial: String,
        sha256: String,
    },
    /// An account became usable.
    AccountOpened { document_number: String },
    /// An account was closed, both keys destroyed, both certificates revoked.
    AccountClosed { reason: CloseReason },
    /// One key was destroyed and its certificate revoked.
    KeyDestroyed { purpose: u8, reason: CloseReason },
    /// A certificate was revoked; the reason as RFC 5280 names it. No purpose: it was recorded and never given out.
    CertificateRevoked {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        purpose: Option<u8>,
        serial: String,
        reason: String,
    },
    /// A relying party asked.
    SessionStarted {
        kind: String,
        interactions_sha256: String,
    },
    /// A phone used the session's device link and so took the session.
    DeviceLinkUsed { flow_type: String },
    /// A phone took the session.
    SessionClaimed { transaction: String },
    /// An attempt was charged, before its evaluation.
    AttemptCharged {
        purpose: u8,
        consecutive: u8,
        transaction: String,
    },
    /// The PIN was right.
    PinAccepted { purpose: u8, transaction: String },
    /// The PIN was wrong.
    PinRefused {
        purpose: u8,
        consecutive: u8,
        locked_until: Option<Timestamp>,
    },
    /// The session ended; OK means that a verified signature was given out.
    SessionEnded {
        result: String,
        /// As at the start; records of before this field take it from there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kind: Option<String>,
        signature_sha256: Option<String>,
        /// Of the [`Evidence`](super::Evidence) that was stored with it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        evidence_sha256: Option<String>,
    },
    /// A freshness token came twice.
    CloneDetected { seq: u64 },
    /// The phone rotated its freshness token.
    TokenRotated { seq: u64 },
    /// So many rotate and sync transactions came to nothing that signing is frozen until a token is spent: perhaps two
    /// copies of the phone are at odds. The person is to be told.
    SigningFrozen { superseded: u32 },
    /// So many PINs were wrong in 30 days, whatever came between them, that somebody may be guessing with patience. The
    /// person is to be told.
    GuessingSuspected { purpose: u8, failures: u32 },
    /// An operator changed a relying party.
    RelyingPartyChanged { change: String },
    /// A scan found keys whose moduli have in common what no two good keys have (`splitkey.md` §1.1).
    WeakModulusFound { weakness: String, keys: Vec<String> },
    /// An authority certified the OCSP responder.
    ResponderCertified {
        authority: String,
        serial: String,
        sha256: String,
    },
    /// The scheme operator decided about a trust service.
    TrustDecided {
        service: String,
        status: String,
        since: Timestamp,
    },
}

impl AuditEvent {
    /// Stable snake_case code, as in the stored record.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::RegistrationStarted { .. } => "registration_started",
            Self::IdentityProven { .. } => "identity_proven",
            Self::ProofFailed { .. } => "proof_failed",
            Self::RegistrationEnded { .. } => "registration_ended",
            Self::CertificateIssued { .. } => "certificate_issued",
            Self::AccountOpened { .. } => "account_opened",
            Self::AccountClosed { .. } => "account_closed",
            Self::KeyDestroyed { .. } => "key_destroyed",
            Self::CertificateRevoked { .. } => "certificate_revoked",
            Self::SessionStarted { .. } => "session_started",
            Self::DeviceLinkUsed { .. } => "device_link_used",
            Self::SessionClaimed { .. } => "session_claimed",
            Self::AttemptCharged { .. } => "attempt_charged",
            Self::PinAccepted { .. } => "pin_accepted",
            Self::PinRefused { .. } => "pin_refused",
            Self::SessionEnded { .. } => "session_ended",
            Self::CloneDetected { .. } => "clone_detected",
            Self::TokenRotated { .. } => "token_rotated",
            Self::SigningFrozen { .. } => "signing_frozen",
            Self::GuessingSuspected { .. } => "guessing_suspected",
            Self::RelyingPartyChanged { .. } => "relying_party_changed",
            Self::WeakModulusFound { .. } => "weak_modulus_found",
            Self::ResponderCertified { .. } => "responder_certified",
            Self::TrustDecided { .. } => "trust_decided",
        }
    }
}
