use super::{AccountId, AccountLevel};
use base64ct::{Base64, Encoding};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use splitkey::{Hash, Profile, PublicKey, Scheme, TransactionId, VerifiedSignature};
use std::net::IpAddr;
use wire::{
    CertificateLevel, DocumentNumber, EndResult, FlowType, HashAlgorithm, InteractionType,
    Interactions, RelyingPartyUuid, SessionId, SignatureAlgorithm, VerificationCode, acsp_v2,
};

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

/// What the relying party asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionRequest {
    /// Authentication or signature, with the data to be signed.
    pub kind: RequestKind,
    /// Byte for byte as sent; it goes into the signed payload.
    pub relying_party_name: String,
    /// From the relying party's configuration; empty if it acts for itself.
    pub brokered_rp_name: String,
    /// The least level that will do.
    pub certificate_level: CertificateLevel,
    /// How to sign.
    pub signature_algorithm: SignatureAlgorithm,
    /// The hash under it.
    pub hash_algorithm: HashAlgorithm,
    /// What may be shown, in order of preference; the base64 text is kept verbatim.
    #[serde(with = "interactions_text")]
    pub interactions: Interactions,
    /// How phone and session find each other.
    pub flow_type: FlowType,
    /// Empty in notification flows.
    pub initial_callback_url: String,
    /// Shown by the e-service and by the phone.
    pub verification_code: VerificationCode,
    /// The relying party wants to know the phone's IP address and may.
    pub share_device_ip: bool,
    /// Names in `requestProperties` that we do not know; given back.
    pub ignored_properties: Vec<String>,
    /// The document number asked for, where it is an alias of the account's own; the result has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_alias: Option<DocumentNumber>,
    /// SHA-256 over endpoint and parameters: repeats within 15 s get the same session.
    pub fingerprint: Option<[u8; 32]>,
}

/// The data to be signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RequestKind {
    /// ACSP_V2, with the authentication key.
    Authentication {
        /// Base64 as sent; it goes into the signed payload as text.
        rp_challenge: String,
    },
    /// RAW_DIGEST_SIGNATURE, with the signature key.
    Signature {
        /// The digest.
        digest: Vec<u8>,
    },
}

/// What a signature is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToBeSigned {
    /// The text of ACSP_V2, which is hashed first.
    Payload(String),
    /// The relying party's own digest.
    Digest(Vec<u8>),
}

impl SessionRequest {
    /// What the account's key signs, once phone and server have added their parts.
    #[must_use]
    pub fn to_be_signed(
        &self,
        scheme_name: &str,
        interaction: InteractionType,
        server_random: &str,
        user_challenge: &str,
    ) -> ToBeSigned {
        let rp_challenge = match &self.kind {
            RequestKind::Signature { digest } => return ToBeSigned::Digest(digest.clone()),
            RequestKind::Authentication { rp_challenge } => rp_challenge,
        };
        ToBeSigned::Payload(acsp_v2::payload(&acsp_v2::Fields {
            scheme_name,
            server_random,
            rp_challenge,
            user_challenge,
            relying_party_name: &self.relying_party_name,
            brokered_rp_name: &self.brokered_rp_name,
            interactions: self.interactions.base64(),
            interaction_type_used: interaction,
            initial_callback_url: &self.initial_callback_url,
            flow_type: self.flow_type,
        }))
    }

    /// Padding and hash that the session's signature has.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        let hash = match self.hash_algorithm {
            HashAlgorithm::Sha256 => Hash::Sha256,
            HashAlgorithm::Sha384 => Hash::Sha384,
            HashAlgorithm::Sha512 => Hash::Sha512,
            HashAlgorithm::Sha3_256 => Hash::Sha3_256,
            HashAlgorithm::Sha3_384 => Hash::Sha3_384,
            HashAlgorithm::Sha3_512 => Hash::Sha3_512,
        };
        match self.signature_algorithm {
            SignatureAlgorithm::RsassaPss => Scheme::Pss(hash),
            SignatureAlgorithm::Sha256WithRsaEncryption
            | SignatureAlgorithm::Sha384WithRsaEncryption
            | SignatureAlgorithm::Sha512WithRsaEncryption => Scheme::Pkcs1v15(hash),
        }
    }
}

impl RequestKind {
    /// The key that this is signed with.
    #[must_use]
    pub fn purpose(&self) -> splitkey::Purpose {
        match self {
            Self::Authentication { .. } => splitkey::Purpose::Authentication,
            Self::Signature { .. } => splitkey::Purpose::Signature,
        }
    }

    /// Stable code for audit and metrics.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Authentication { .. } => "authentication",
            Self::Signature { .. } => "signature",
        }
    }
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
    },
    /// A submission is being evaluated.
    Completing {
        /// Whose phone.
        account: AccountId,
        /// The submission.
        transaction: TransactionId,
    },
    /// OK, with the result.
    Completed(Box<Completed>),
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
            SessionState::Completed(_) | SessionState::Failed { .. }
        )
    }

    /// The account that confirmed it, once one has.
    #[must_use]
    pub fn claimed_by(&self) -> Option<AccountId> {
        match &self.state {
            SessionState::Claimed { account } | SessionState::Completing { account, .. } => {
                Some(*account)
            }
            SessionState::Completed(completed) => Some(completed.account),
            SessionState::Pending | SessionState::Failed { .. } => None,
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
            Self::Failed { .. } => StateCode::Failed,
        }
    }
}

/// A session's state as the store keeps it.
///
/// [`SessionStateRecord::restore`] verifies a stored signature anew: a finished result cannot come out
/// of a database that somebody wrote to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
#[expect(missing_docs, reason = "mirrors SessionState, field by field")]
pub enum SessionStateRecord {
    Pending,
    Claimed {
        account: AccountId,
    },
    Completing {
        account: AccountId,
        transaction: TransactionId,
    },
    Completed(Box<CompletedRecord>),
    Failed {
        result: EndResult,
        at: Timestamp,
    },
}

/// [`Completed`] as the store keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CompletedRecord {
    account: AccountId,
    document_number: DocumentNumber,
    certificate: String,
    level: AccountLevel,
    signature: String,
    signed_digest: String,
    interaction: InteractionType,
    server_random: String,
    user_challenge: String,
    device_ip: Option<IpAddr>,
    at: Timestamp,
}

/// A stored row that this software cannot have written, or that was changed since.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stored {what} is damaged")]
pub struct CorruptRecord {
    /// What does not fit.
    pub what: &'static str,
}

impl From<&SessionState> for SessionStateRecord {
    fn from(state: &SessionState) -> Self {
        match state {
            SessionState::Pending => Self::Pending,
            SessionState::Claimed { account } => Self::Claimed { account: *account },
            SessionState::Completing {
                account,
                transaction,
            } => Self::Completing {
                account: *account,
                transaction: *transaction,
            },
            SessionState::Completed(completed) => Self::Completed(Box::new(CompletedRecord {
                account: completed.account,
                document_number: completed.document_number.clone(),
                certificate: Base64::encode_string(&completed.certificate),
                level: completed.level,
                signature: Base64::encode_string(completed.signature.as_bytes()),
                signed_digest: Base64::encode_string(&completed.digest),
                interaction: completed.interaction,
                server_random: completed.server_random.clone(),
                user_challenge: completed.user_challenge.clone(),
                device_ip: completed.device_ip,
                at: completed.at,
            })),
            SessionState::Failed { result, at } => Self::Failed {
                result: result.clone(),
                at: *at,
            },
        }
    }
}

impl SessionStateRecord {
    /// The state again, a stored signature verified against the stored certificate.
    ///
    /// # Errors
    /// The signature does not verify, or a field cannot be decoded.
    pub fn restore(self, scheme: Scheme) -> Result<SessionState, CorruptRecord> {
        Ok(match self {
            Self::Pending => SessionState::Pending,
            Self::Claimed { account } => SessionState::Claimed { account },
            Self::Completing {
                account,
                transaction,
            } => SessionState::Completing {
                account,
                transaction,
            },
            Self::Completed(record) => SessionState::Completed(Box::new(record.restore(scheme)?)),
            Self::Failed { result, at } => SessionState::Failed { result, at },
        })
    }
}

impl CompletedRecord {
    fn restore(self, scheme: Scheme) -> Result<Completed, CorruptRecord> {
        let decode =
            |text: &str, what| Base64::decode_vec(text).map_err(|_| CorruptRecord { what });
        let certificate = decode(&self.certificate, "certificate")?;
        let signature = decode(&self.signature, "signature")?;
        let digest = decode(&self.signed_digest, "digest")?;
        let modulus = pki::x509::Certificate::parse(&certificate)
            .map_err(|_| CorruptRecord {
                what: "certificate",
            })?
            .public_key()
            .rsa_modulus()
            .ok_or(CorruptRecord {
                what: "certificate key",
            })?
            .to_vec();
        let profile = (0..=u8::MAX)
            .filter_map(Profile::from_id)
            .find(|profile| profile.n_len() == modulus.len())
            .ok_or(CorruptRecord {
                what: "certificate key",
            })?;
        let signature = PublicKey::new(profile, &modulus)
            .map_err(|_| CorruptRecord {
                what: "certificate key",
            })?
            .verify(scheme, &digest, &signature)
            .map_err(|_| CorruptRecord { what: "signature" })?;
        Ok(Completed {
            account: self.account,
            document_number: self.document_number,
            certificate,
            level: self.level,
            signature,
            digest,
            interaction: self.interaction,
            server_random: self.server_random,
            user_challenge: self.user_challenge,
            device_ip: self.device_ip,
            at: self.at,
        })
    }
}

/// [`Interactions`] as their base64 text.
mod interactions_text {
    use super::Interactions;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(
        value: &Interactions,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(value.base64())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Interactions, D::Error> {
        let text = String::deserialize(deserializer)?;
        Interactions::parse(&text).map_err(|_| D::Error::custom("stored interactions do not parse"))
    }
}
