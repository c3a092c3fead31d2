//! Bodies of the device API, `/device/v1`. JSON in camelCase, bytes as base64 with padding.
//!
//! What the server receives refuses unknown fields; what the phone receives ignores them, so that the server may be
//! newer than the phone.

use crate::{
    Bytes, CertificateLevel, ControlCode, DeviceId, DocumentNumber, FixedBytes, FlowType,
    HashAlgorithm, InteractionType, KeyId, RegistrationCode, RegistrationId, SemanticsIdentifier,
    SessionId, SignatureAlgorithm, TransactionId, VerificationCode, server_key::SignedStatement,
};
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

/// Path of the API below the origin.
pub const BASE_PATH: &str = "/device/v1";

/// `GET /configuration`: what a phone needs to know before it can say anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Configuration {
    /// First field of every signed payload.
    pub scheme_name: String,
    /// The deployment's root key, SEC1 uncompressed; to be pinned at enrolment.
    pub root_key: FixedBytes<65>,
    /// What to seal to.
    pub server_key: SignedStatement,
    /// Key sizes of new accounts (`splitkey.md` §1).
    pub profile: u8,
    /// How the PIN is stretched (`splitkey.md` §3).
    pub kdf: u8,
    /// Oldest version of the device API that is served.
    pub minimum_version: u32,
    /// How long a request stays, in seconds.
    pub session_seconds: u64,
}

/// Authentication (PIN1) or signature (PIN2) key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// PIN1.
    Authentication,
    /// PIN2.
    Signature,
}

/// `POST /registrations` (R1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RegistrationRequest {
    /// Chosen by the phone, at random.
    pub device_id: DeviceId,
    /// ECDSA P-256, SEC1 uncompressed; signs this and every later request.
    pub device_public_key: FixedBytes<65>,
    /// h(T₀).
    pub token_hash: FixedBytes<32>,
    /// One for each purpose.
    pub keys: Vec<OwnModulus>,
    /// The account on this phone that the new one replaces (R91).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<Replacement>,
}

/// The phone's modulus for one key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OwnModulus {
    /// Which key.
    pub purpose: Purpose,
    /// Key sizes.
    pub profile: u8,
    /// n1, big-endian.
    pub n1: Bytes,
}

/// The old device key agrees to be replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Replacement {
    /// The old device.
    pub device_id: DeviceId,
    /// By the old device key over [`replacement_statement`], raw r‖s.
    pub signature: FixedBytes<64>,
}

/// What the old device key signs to be replaced by a new one.
#[must_use]
pub fn replacement_statement(new_device: &DeviceId, new_public_key: &[u8]) -> Vec<u8> {
    [
        b"smart-id/replace/v1".as_slice(),
        &new_device.0,
        new_public_key,
    ]
    .concat()
}

/// The server's offer (R2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RegistrationOffer {
    /// Names the registration in later requests.
    pub registration_id: RegistrationId,
    /// For whoever vouches for the person.
    pub registration_code: RegistrationCode,
    /// To be compared with the computer's.
    pub control_code: ControlCode,
    /// Fifteen minutes.
    pub expires_at: Timestamp,
    /// One for each purpose.
    pub keys: Vec<OfferedKey>,
}

/// A composite modulus.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OfferedKey {
    /// Which key.
    pub purpose: Purpose,
    /// Chosen by the server.
    pub key_id: KeyId,
    /// n = n1·n2, big-endian.
    pub n: Bytes,
    /// For the proof of possession.
    pub pop_nonce: FixedBytes<32>,
}

/// `GET /registrations/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RegistrationStatus {
    /// How far it is.
    pub state: RegistrationState,
    /// Who it is for, once somebody has vouched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<RegisteredPerson>,
    /// The account, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_number: Option<DocumentNumber>,
    /// Why it ended without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// Fifteen minutes after the start.
    pub expires_at: Timestamp,
}

/// How far a registration is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RegistrationState {
    /// R3a is next.
    AwaitingServerShares,
    /// Somebody has to vouch.
    AwaitingIdentity,
    /// R3b is next.
    AwaitingProof,
    /// There is an account.
    Active,
    /// It came to nothing.
    Ended,
}

/// Who an account is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RegisteredPerson {
    /// For example `PNOEE-40504040001`.
    pub semantics_identifier: SemanticsIdentifier,
    /// As it will stand in the certificates.
    pub given_name: String,
    /// As it will stand in the certificates.
    pub surname: String,
    /// For the rule that no PIN is a birth date (R109).
    pub date_of_birth: Date,
}

/// The sealed answer to the proofs (R4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RegistrationCompleted {
    /// The account's public name.
    pub document_number: DocumentNumber,
    /// One for each purpose.
    pub certificates: Vec<IssuedCertificate>,
    /// Composite signatures over the proofs of possession, one for each purpose.
    pub signatures: Vec<ProofSignature>,
    /// Certificate of the issuing CA, DER.
    pub issuing_ca: Bytes,
    /// Three years.
    pub expires_at: Timestamp,
}

/// A certificate of the new account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IssuedCertificate {
    /// Of which key.
    pub purpose: Purpose,
    /// DER.
    pub certificate: Bytes,
}

/// A composite signature over a proof of possession.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProofSignature {
    /// Of which key.
    pub purpose: Purpose,
    /// As long as n.
    pub signature: Bytes,
}

/// `GET /transactions`: what waits for this phone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PendingTransactions {
    /// The oldest first.
    pub pending: Vec<PendingSession>,
    /// The account on this phone.
    pub account: AccountStatus,
}

/// What a session asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RequestKind {
    /// A signature with PIN1: ACSP_V2, or the relying party's hash in RP API v2.
    Authentication,
    /// RAW_DIGEST_SIGNATURE with PIN2.
    Signature,
    /// The signing certificate; no PIN.
    CertificateChoice,
}

/// A request that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PendingSession {
    /// Names it in `begin` and in a refusal.
    pub session_id: SessionId,
    /// Which PIN it will take.
    pub kind: RequestKind,
    /// Who asks.
    pub relying_party_name: String,
    /// For whom, if not for itself.
    pub brokered_rp_name: String,
    /// Base64 as the relying party sent it; absent for a certificate choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interactions: Option<String>,
    /// Also shown by the e-service; absent where the flow has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification_code: Option<VerificationCode>,
    /// How phone and session found each other.
    pub flow_type: FlowType,
    /// The certificate choice that this signature continues.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub linked_session_id: Option<SessionId>,
    /// Where to return to afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback: Option<Callback>,
    /// Other phones of the person see it, too: confirm on this one before anything else (R96).
    pub several_devices: bool,
    /// It disappears then.
    pub expires_at: Timestamp,
}

/// Where a same-device flow returns to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Callback {
    /// `initialCallbackUrl`, as the relying party sent it.
    pub initial_callback_url: String,
    /// Proves to the relying party that the callback belongs to its session.
    pub session_secret_digest: String,
}

/// `POST /device-links`: the phone scanned or was opened by a device link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeviceLinkUse {
    /// The whole link, verbatim.
    pub device_link: String,
}

/// `POST /sessions/{id}/consent`: the person gives the certificate of this phone's account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consent {}

/// The answer to a consent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Consented {
    /// A signature request that continues this one may come until then; any other is not expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub linked_until: Option<Timestamp>,
}

/// `GET /account`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountStatus {
    /// The account's public name.
    pub document_number: DocumentNumber,
    /// Whose it is.
    pub semantics_identifier: SemanticsIdentifier,
    /// As in the certificates.
    pub given_name: String,
    /// As in the certificates.
    pub surname: String,
    /// `QUALIFIED` or `ADVANCED`.
    pub level: String,
    /// End of the certificates.
    pub expires_at: Timestamp,
    /// `active`, or why it is closed.
    pub state: String,
    /// Authentication, then signature.
    pub keys: Vec<KeyStatus>,
}

/// One key of the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyStatus {
    /// Which.
    pub purpose: Purpose,
    /// `ready`, `locked` or `destroyed`.
    pub state: String,
    /// Wrong PINs until the next lock.
    pub attempts_left: u8,
    /// End of the lock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locked_until: Option<Timestamp>,
}

/// What a transaction is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// Answer a request.
    Sign,
    /// Move the freshness chain on.
    Rotate,
    /// Ask what became of a submission.
    Sync,
}

/// `POST /transactions`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Begin {
    /// What for.
    pub operation: Operation,
    /// Tokens that the phone has spent; a difference is no error.
    pub seq: u64,
    /// The request to answer; for `sign`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<SessionId>,
    /// What this phone can show; for `sign`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interaction_types: Vec<InteractionType>,
}

/// The server's answer to `begin`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TransactionOffer {
    /// Names the transaction; single-use.
    pub transaction_id: TransactionId,
    /// The server's nonce.
    pub r: FixedBytes<32>,
    /// No submission is taken from then on.
    pub expires_at: Timestamp,
    /// As asked.
    pub operation: Operation,
    /// What is to be signed; for `sign`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign: Option<SignOffer>,
}

/// All that the phone needs to show and to compute the message by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignOffer {
    /// The request.
    pub session_id: SessionId,
    /// The key.
    pub key_id: KeyId,
    /// Authentication or signature.
    pub kind: RequestKind,
    /// First field of the payload.
    pub scheme_name: String,
    /// Who asks.
    pub relying_party_name: String,
    /// For whom, if not for itself.
    pub brokered_rp_name: String,
    /// The level asked for.
    pub certificate_level: CertificateLevel,
    /// Base64 as the relying party sent it.
    pub interactions: String,
    /// The first of them that this phone can show.
    pub interaction_type_used: InteractionType,
    /// How phone and session found each other.
    pub flow_type: FlowType,
    /// Padding.
    pub signature_algorithm: SignatureAlgorithm,
    /// Hash.
    pub hash_algorithm: HashAlgorithm,
    /// Base64 as the relying party sent it; for authentications.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rp_challenge: Option<String>,
    /// Base64; for authentications.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_random: Option<String>,
    /// For signatures, and for authentications of RP API v2, which have no challenge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Bytes>,
    /// Also shown by the e-service; absent where the flow has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification_code: Option<VerificationCode>,
    /// As it goes into the payload: empty but in same-device flows.
    pub initial_callback_url: String,
}

/// The sealed answer to a submission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "status",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Verdict {
    /// The PIN was right.
    Signed {
        /// Tokens spent.
        seq: u64,
        /// The composite signature, as long as n.
        signature: Bytes,
    },
    /// The PIN was wrong.
    WrongPin {
        /// Tokens spent.
        seq: u64,
        /// Wrong PINs until the next lock.
        attempts_left: u8,
        /// The key is locked for this long, in seconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        locked_seconds: Option<u64>,
        /// The key is destroyed.
        r#final: bool,
    },
    /// The freshness token was rotated.
    Rotated {
        /// Tokens spent.
        seq: u64,
    },
    /// Sync: the submission never arrived and now never will.
    NotAdvanced,
    /// Sync: the submission arrived.
    Advanced {
        /// What the phone missed, if it is still kept.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        verdict: Option<Box<Verdict>>,
    },
    /// Not taken; the phone has to sync before it does anything else.
    Refused {
        /// `tx_gone`, `dtbs_mismatch`, `malformed`, `account_closed`, `key_closed`, `locked`, `busy` or
        /// `server_unavailable`.
        code: String,
        /// For `locked`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        locked_seconds: Option<u64>,
    },
}

/// `POST /sessions/{id}/refusal`: why the phone does not answer the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "camelCase", deny_unknown_fields)]
pub enum Refusal {
    // Braces, because serde checks for unknown fields only where there can be fields.
    /// The person said no before any interaction.
    User {},
    /// The person said no at this interaction.
    Interaction {
        /// Which.
        interaction: InteractionType,
    },
    /// The person chose a wrong verification code.
    WrongVerificationCode {},
    /// The person said no when asked on which device.
    DeviceChoice {},
    /// This phone can show none of the interactions.
    UnsupportedInteraction {},
    /// This phone waits for the signature that continues a certificate choice, and this is another request.
    ExpectedLinkedSession {},
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_have_the_documented_form() {
        let verdict = Verdict::WrongPin {
            seq: 3,
            attempts_left: 0,
            locked_seconds: Some(10_800),
            r#final: false,
        };
        assert_eq!(
            serde_json::to_string(&verdict).unwrap(),
            r#"{"status":"wrongPin","seq":3,"attemptsLeft":0,"lockedSeconds":10800,"final":false}"#
        );
        assert_eq!(
            serde_json::to_string(&Verdict::Advanced {
                verdict: Some(Box::new(Verdict::Rotated { seq: 1 }))
            })
            .unwrap(),
            r#"{"status":"advanced","verdict":{"status":"rotated","seq":1}}"#
        );
        assert_eq!(
            serde_json::from_str::<Verdict>(r#"{"status":"notAdvanced"}"#).unwrap(),
            Verdict::NotAdvanced
        );
    }

    #[test]
    fn refusals_name_their_interaction() {
        let refusal = r#"{"reason":"interaction","interaction":"confirmationMessage"}"#;
        assert_eq!(
            serde_json::from_str::<Refusal>(refusal).unwrap(),
            Refusal::Interaction {
                interaction: InteractionType::ConfirmationMessage
            }
        );
        assert!(serde_json::from_str::<Refusal>(r#"{"reason":"interaction"}"#).is_err());
        assert!(serde_json::from_str::<Refusal>(r#"{"reason":"boredom"}"#).is_err());
        assert!(serde_json::from_str::<Refusal>(r#"{"reason":"user"}"#).is_ok());
        assert!(serde_json::from_str::<Refusal>(r#"{"reason":"user","x":1}"#).is_err());
    }

    #[test]
    fn the_server_refuses_unknown_fields_and_the_phone_ignores_them() {
        assert!(serde_json::from_str::<Begin>(r#"{"operation":"rotate","seq":0}"#).is_ok());
        assert!(
            serde_json::from_str::<Begin>(r#"{"operation":"rotate","seq":0,"more":1}"#).is_err()
        );
        let offer = r#"{"transactionId":"00000000000000000000000000000000","r":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            "expiresAt":"2026-11-24T00:00:00Z","operation":"rotate","more":1}"#;
        assert!(serde_json::from_str::<TransactionOffer>(offer).is_ok());
    }
}
