//! What a relying party asked for; it never changes while the session runs.

use super::AccountId;
use base64ct::{Base64, Encoding};
use serde::{Deserialize, Serialize};
use splitkey::{Hash, Scheme};
use subtle::ConstantTimeEq;
use wire::{
    CertificateLevel, DocumentNumber, FlowType, HashAlgorithm, InteractionType, Interactions,
    SessionId, SessionType, SignatureAlgorithm, VerificationCode, acsp_v2, device_link,
};
use zeroize::Zeroizing;

/// What the relying party asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionRequest {
    /// Through which version of the API; the result is given through the same.
    #[serde(default)]
    pub api: Api,
    /// What is wanted, with the data to be signed.
    pub kind: RequestKind,
    /// How to sign and what to show; absent exactly for a certificate choice.
    #[serde(flatten)]
    pub signing: Option<Signing>,
    /// Byte for byte as sent; it goes into the signed payload.
    pub relying_party_name: String,
    /// From the relying party's configuration; empty if it acts for itself.
    pub brokered_rp_name: String,
    /// The least level that will do.
    pub certificate_level: CertificateLevel,
    /// How phone and session find each other.
    #[serde(default)]
    pub flow: Flow,
    /// Shown by the e-service and by the phone, where the flow has one.
    pub verification_code: Option<VerificationCode>,
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

/// Version of the RP API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Api {
    /// `/smart-id-rp/v2`
    V2,
    /// `/smart-id-rp/v3`
    #[default]
    V3,
}

/// How to sign, and what to show before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Signing {
    /// Padding.
    pub signature_algorithm: SignatureAlgorithm,
    /// The hash under it.
    pub hash_algorithm: HashAlgorithm,
    /// What may be shown, in order of preference; the base64 text is kept verbatim.
    #[serde(with = "interactions_text")]
    pub interactions: Interactions,
}

/// What the session is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RequestKind {
    /// ACSP_V2, with the authentication key.
    Authentication {
        /// Base64 as sent; it goes into the signed payload as text.
        rp_challenge: String,
    },
    /// RP API v2: the relying party's own hash, with the authentication key.
    HashAuthentication {
        /// The hash.
        hash: Vec<u8>,
    },
    /// RAW_DIGEST_SIGNATURE, with the signature key.
    Signature {
        /// The digest.
        digest: Vec<u8>,
    },
    /// The signing certificate of the account that the person chooses.
    CertificateChoice,
}

/// How phone and session find each other.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "flow", rename_all = "snake_case")]
pub enum Flow {
    /// The phones of the person show it.
    #[default]
    Notification,
    /// The phone that chose its certificate before shows it.
    Linked {
        /// That certificate choice.
        session: SessionId,
        /// Where the phone returns to, if the choice was made in a same-device flow.
        callback: Option<Callback>,
    },
    /// Whoever uses the link first.
    DeviceLink(DeviceLinkFlow),
}

/// What makes device links for a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeviceLinkFlow {
    /// `sessionToken`.
    pub session_token: String,
    /// `sessionSecret`.
    pub session_secret: SessionSecret,
    /// Where a same-device flow returns to, as sent; empty if nowhere.
    pub initial_callback_url: String,
    /// The accounts that may use the link; `None` if anybody's.
    pub accounts: Option<Vec<AccountId>>,
}

/// Where the phone returns to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Callback {
    /// `initialCallbackUrl`, as sent.
    pub initial_callback_url: String,
    /// SHA-256 of the session secret, base64url.
    pub session_secret_digest: String,
}

/// `sessionSecret`: shared by the relying party and us, never told to a phone.
#[derive(Clone)]
pub struct SessionSecret(Zeroizing<[u8; SessionSecret::LEN]>);

impl SessionSecret {
    /// Bytes: 24 characters of base64, as clients expect (rp-api.md §7).
    pub const LEN: usize = 18;

    /// From fresh randomness.
    #[must_use]
    pub fn new(bytes: [u8; Self::LEN]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes, for whoever computes or checks an authCode.
    #[must_use]
    pub fn expose_secret(&self) -> &[u8] {
        self.0.as_ref()
    }

    /// What the callback carries of it.
    #[must_use]
    pub fn digest(&self) -> String {
        device_link::session_secret_digest(self.expose_secret())
    }
}

impl std::fmt::Debug for SessionSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionSecret(..)")
    }
}

impl PartialEq for SessionSecret {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(other.0.as_ref()).into()
    }
}

// Into the encrypted column of the session and nowhere else.
impl Serialize for SessionSecret {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zeroizing::new(Base64::encode_string(self.0.as_ref())))
    }
}

impl<'de> Deserialize<'de> for SessionSecret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        let mut bytes = Zeroizing::new([0; Self::LEN]);
        match Base64::decode(text.as_bytes(), bytes.as_mut()) {
            Ok(decoded) if decoded.len() == Self::LEN => Ok(Self(bytes)),
            _ => Err(D::Error::custom("not a session secret")),
        }
    }
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
    ///
    /// # Errors
    /// A certificate choice signs nothing.
    pub fn to_be_signed(
        &self,
        scheme_name: &str,
        flow_type: FlowType,
        interaction: InteractionType,
        server_random: &str,
        user_challenge: &str,
    ) -> Result<ToBeSigned, NothingToSign> {
        let signing = self.signing.as_ref().ok_or(NothingToSign)?;
        let rp_challenge = match &self.kind {
            RequestKind::CertificateChoice => return Err(NothingToSign),
            RequestKind::Signature { digest: data }
            | RequestKind::HashAuthentication { hash: data } => {
                return Ok(ToBeSigned::Digest(data.clone()));
            }
            RequestKind::Authentication { rp_challenge } => rp_challenge,
        };
        Ok(ToBeSigned::Payload(acsp_v2::payload(&acsp_v2::Fields {
            scheme_name,
            server_random,
            rp_challenge,
            user_challenge,
            relying_party_name: &self.relying_party_name,
            brokered_rp_name: &self.brokered_rp_name,
            interactions: signing.interactions.base64(),
            interaction_type_used: interaction,
            initial_callback_url: self.signed_callback_url(flow_type),
            flow_type,
        })))
    }

    /// `initialCallbackUrl` as it goes into signed payload and authCode: empty for QR and Notification.
    #[must_use]
    pub fn signed_callback_url(&self, flow_type: FlowType) -> &str {
        match (&self.flow, flow_type) {
            (Flow::DeviceLink(link), FlowType::Web2App | FlowType::App2App) => {
                &link.initial_callback_url
            }
            _ => "",
        }
    }

    /// Where the phone returns to when it reached the session in this way.
    #[must_use]
    pub fn callback(&self, flow_type: FlowType) -> Option<Callback> {
        match (&self.flow, flow_type) {
            (Flow::Linked { callback, .. }, _) => callback.clone(),
            (Flow::DeviceLink(link), FlowType::Web2App | FlowType::App2App)
                if !link.initial_callback_url.is_empty() =>
            {
                Some(Callback {
                    initial_callback_url: link.initial_callback_url.clone(),
                    session_secret_digest: link.session_secret.digest(),
                })
            }
            _ => None,
        }
    }

    /// The device link's part, if the session is reached by one.
    #[must_use]
    pub fn device_link(&self) -> Option<&DeviceLinkFlow> {
        match &self.flow {
            Flow::DeviceLink(link) => Some(link),
            Flow::Notification | Flow::Linked { .. } => None,
        }
    }

    /// The number by which the result names the account.
    #[must_use]
    pub fn document_number(&self, own: &DocumentNumber) -> DocumentNumber {
        self.document_alias.as_ref().unwrap_or(own).clone()
    }

    /// The interactions; none for a certificate choice.
    #[must_use]
    pub fn interactions(&self) -> Option<&Interactions> {
        self.signing.as_ref().map(|signing| &signing.interactions)
    }

    /// Padding and hash that the session's signature has.
    #[must_use]
    pub fn scheme(&self) -> Option<Scheme> {
        self.signing.as_ref().map(Signing::scheme)
    }
}

/// A certificate choice signs nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a certificate choice signs nothing")]
pub struct NothingToSign;

impl Signing {
    /// Padding and hash.
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
    /// The key that the session is about.
    #[must_use]
    pub fn purpose(&self) -> splitkey::Purpose {
        match self {
            Self::Authentication { .. } | Self::HashAuthentication { .. } => {
                splitkey::Purpose::Authentication
            }
            Self::Signature { .. } | Self::CertificateChoice => splitkey::Purpose::Signature,
        }
    }

    /// Stable code for audit and metrics.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Authentication { .. } | Self::HashAuthentication { .. } => "authentication",
            Self::Signature { .. } => "signature",
            Self::CertificateChoice => "certificate_choice",
        }
    }

    /// `sessionType` of a device link.
    #[must_use]
    pub fn session_type(&self) -> SessionType {
        match self {
            Self::Authentication { .. } | Self::HashAuthentication { .. } => {
                SessionType::Authentication
            }
            Self::Signature { .. } => SessionType::Signature,
            Self::CertificateChoice => SessionType::CertificateChoice,
        }
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
