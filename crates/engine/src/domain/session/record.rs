//! Sessions as the store keeps them.

use super::{
    AccountId, AccountLevel, Chosen, Completed, RequestKind, SessionRequest, SessionState,
};
use base64ct::{Base64, Encoding};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use splitkey::{Profile, PublicKey, Scheme, TransactionId};
use std::net::IpAddr;
use wire::{DocumentNumber, EndResult, FlowType, InteractionType};

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
        #[serde(default = "notification")]
        flow_type: FlowType,
    },
    Completing {
        account: AccountId,
        #[serde(default = "notification")]
        flow_type: FlowType,
        transaction: TransactionId,
    },
    Completed(Box<CompletedRecord>),
    Chosen(Box<Chosen>),
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
    #[serde(default = "notification")]
    flow_type: FlowType,
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
            SessionState::Claimed { account, flow_type } => Self::Claimed {
                account: *account,
                flow_type: *flow_type,
            },
            SessionState::Completing {
                account,
                flow_type,
                transaction,
            } => Self::Completing {
                account: *account,
                flow_type: *flow_type,
                transaction: *transaction,
            },
            SessionState::Chosen(chosen) => Self::Chosen(chosen.clone()),
            SessionState::Completed(completed) => Self::Completed(Box::new(CompletedRecord {
                account: completed.account,
                document_number: completed.document_number.clone(),
                certificate: Base64::encode_string(&completed.certificate),
                level: completed.level,
                signature: Base64::encode_string(completed.signature.as_bytes()),
                signed_digest: Base64::encode_string(&completed.digest),
                flow_type: completed.flow_type,
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
    /// The signature does not verify, a field cannot be decoded, or the result is another one than was asked for.
    pub fn restore(self, request: &SessionRequest) -> Result<SessionState, CorruptRecord> {
        let other = CorruptRecord { what: "result" };
        Ok(match self {
            Self::Pending => SessionState::Pending,
            Self::Claimed { account, flow_type } => SessionState::Claimed { account, flow_type },
            Self::Completing {
                account,
                flow_type,
                transaction,
            } => SessionState::Completing {
                account,
                flow_type,
                transaction,
            },
            Self::Completed(record) => {
                let scheme = request.scheme().ok_or(other)?;
                SessionState::Completed(Box::new(record.restore(scheme)?))
            }
            Self::Chosen(chosen) if request.kind == RequestKind::CertificateChoice => {
                SessionState::Chosen(chosen)
            }
            Self::Chosen(_) => return Err(other),
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
            flow_type: self.flow_type,
            interaction: self.interaction,
            server_random: self.server_random,
            user_challenge: self.user_challenge,
            device_ip: self.device_ip,
            at: self.at,
        })
    }
}

/// States that an earlier version wrote do not say; there was nothing else.
fn notification() -> FlowType {
    FlowType::Notification
}

/// Bytes as base64.
pub(super) mod base64_text {
    use base64ct::{Base64, Encoding};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(in super::super) fn serialize<S: Serializer>(
        bytes: &[u8],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Base64::encode_string(bytes))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        Base64::decode_vec(&text).map_err(|_| D::Error::custom("not base64"))
    }
}
