use super::{AccountId, Completed, Session, SessionRequest, SessionState, ToBeSigned};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use wire::{
    Bytes, CertificateLevel, DocumentNumber, FlowType, HashAlgorithm, InteractionType,
    Interactions, RelyingPartyUuid, SessionId, SignatureAlgorithm, VerificationCode,
};

/// What stays of a session for good: who asked for what, and what came of it (R55).
///
/// Written in the transaction that ends the session; the audit record of that end has the text's hash, so that the
/// trail vouches for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The session.
    pub session: SessionId,
    /// Who asked.
    pub relying_party: RelyingPartyUuid,
    /// Whose phone had it, if one had.
    pub account: Option<AccountId>,
    /// When it ended.
    pub ended_at: Timestamp,
    /// The JSON of a [`TransactionRecord`], byte for byte as it was hashed.
    pub text: String,
}

/// A session's request and result, in the words of the RP API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TransactionRecord {
    /// `sessionID`.
    #[serde(rename = "sessionID")]
    pub session: SessionId,
    /// `relyingPartyUUID`.
    #[serde(rename = "relyingPartyUUID")]
    pub relying_party: RelyingPartyUuid,
    /// As the relying party sent it and the phone showed it.
    pub relying_party_name: String,
    /// The party it acted for; empty if for itself.
    pub brokered_rp_name: String,
    /// `authentication`, `signature` or `certificate_choice`.
    pub kind: String,
    /// When it was asked.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// The same moment in whole seconds since 1970, for `openssl verify -attime`.
    pub ended_at_unix_seconds: i64,
    /// The least level that would do.
    pub certificate_level: CertificateLevel,
    /// How to sign; absent for a certificate choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature_algorithm: Option<SignatureAlgorithm>,
    /// The hash under it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash_algorithm: Option<HashAlgorithm>,
    /// What could be shown, base64 as the relying party sent it; absent for a certificate choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interactions: Option<String>,
    /// How phone and session found each other; absent if they did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow_type: Option<FlowType>,
    /// The code that e-service and phone showed, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification_code: Option<VerificationCode>,
    /// `endResult` of the RP API.
    pub end_result: String,
    /// The account whose phone had the session, if one had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_number: Option<DocumentNumber>,
    /// The signature, if the result is OK.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed: Option<SignedRecord>,
}

/// A signature and what it is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignedRecord {
    /// SHA-256 of the certificate of the key that signed, hexadecimal.
    pub certificate_sha256: String,
    /// What was shown to the person.
    pub interaction_type_used: InteractionType,
    /// ACSP_V2, the text that an authentication signs; absent where the relying party gave the digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<String>,
    /// The digest under the signature.
    pub digest: Bytes,
    /// The signature.
    pub signature: Bytes,
}

impl Evidence {
    /// The evidence of a finished session. `phone` is whose phone had it, which a failed session does not tell any more.
    ///
    /// `None` for a session that is not finished.
    #[must_use]
    pub fn of(
        session: &Session,
        phone: Option<(AccountId, DocumentNumber)>,
        scheme_name: &str,
    ) -> Option<Self> {
        let (account, document_number) = phone.unzip();
        let (end_result, ended_at, signed) = match &session.state {
            SessionState::Completed(completed) => (
                "OK".to_owned(),
                completed.at,
                signed(&session.request, completed, scheme_name),
            ),
            // The certificate is the account's own, and nothing was signed.
            SessionState::Chosen(chosen) => ("OK".to_owned(), chosen.at, None),
            SessionState::Failed { result, at } => (result.code().to_owned(), *at, None),
            _ => return None,
        };
        let request = &session.request;
        let signing = request.signing.as_ref();
        let record = TransactionRecord {
            session: session.id,
            relying_party: session.relying_party,
            relying_party_name: request.relying_party_name.clone(),
            brokered_rp_name: request.brokered_rp_name.clone(),
            kind: request.kind.code().to_owned(),
            started_at: session.created_at,
            ended_at,
            ended_at_unix_seconds: ended_at.as_second(),
            certificate_level: request.certificate_level,
            signature_algorithm: signing.map(|signing| signing.signature_algorithm),
            hash_algorithm: signing.map(|signing| signing.hash_algorithm),
            interactions: signing.map(|signing| signing.interactions.base64().to_owned()),
            flow_type: session.flow_type(),
            verification_code: request.verification_code.clone(),
            end_result,
            document_number,
            signed,
        };
        Some(Self {
            session: session.id,
            relying_party: session.relying_party,
            account,
            ended_at,
            text: serde_json::to_string(&record)
                .expect("records have string keys and no fallible fields"),
        })
    }

    /// SHA-256 of the text, as the audit record of the session's end has it.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        Sha256::digest(&self.text).into()
    }

    /// What the text says; nothing if this software cannot have written it.
    #[must_use]
    pub fn record(&self) -> Option<TransactionRecord> {
        serde_json::from_str(&self.text).ok()
    }
}

impl TransactionRecord {
    /// What the person was shown; nothing if she was shown nothing, or the text is not ours.
    #[must_use]
    pub fn shown_text(&self) -> Option<String> {
        let used = self.signed.as_ref()?.interaction_type_used;
        let interactions = Interactions::parse(self.interactions.as_deref()?).ok()?;
        interactions.text(used).map(str::to_owned)
    }
}

fn signed(
    request: &SessionRequest,
    completed: &Completed,
    scheme_name: &str,
) -> Option<SignedRecord> {
    let to_be_signed = request
        .to_be_signed(
            scheme_name,
            completed.flow_type,
            completed.interaction,
            &completed.server_random,
            &completed.user_challenge,
        )
        .ok()?;
    let certificate: [u8; 32] = Sha256::digest(&completed.certificate).into();
    Some(SignedRecord {
        certificate_sha256: certificate
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect(),
        interaction_type_used: completed.interaction,
        payload: match to_be_signed {
            ToBeSigned::Payload(text) => Some(text),
            ToBeSigned::Digest(_) => None,
        },
        digest: completed.digest.clone().into(),
        signature: completed.signature.as_bytes().to_vec().into(),
    })
}
