use crate::{
    DocumentNumber, EndResult, FlowType, HashAlgorithm, InteractionType, SessionId,
    SignatureAlgorithm, VerificationCode,
};
use base64ct::{Base64, Encoding};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Answer to a started session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionCreated {
    /// `sessionID`.
    #[serde(rename = "sessionID")]
    pub session_id: SessionId,
}

/// Answer to a started notification signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotificationSignatureCreated {
    /// `sessionID`.
    #[serde(rename = "sessionID")]
    pub session_id: SessionId,
    /// To be shown by the relying party.
    pub vc: VerificationCodeValue,
}

/// Answer to a started device-link session.
///
/// # Security
/// `sessionSecret` is for the relying party's own server: whoever has it makes device links for the session.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceLinkSessionCreated {
    /// `sessionID`.
    #[serde(rename = "sessionID")]
    pub session_id: SessionId,
    /// Goes into the link.
    pub session_token: String,
    /// Key of the link's authCode, base64.
    pub session_secret: String,
    /// Begins the link; has no `?`.
    pub device_link_base: String,
}

/// `vc`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerificationCodeValue {
    /// `numeric4`.
    pub r#type: String,
    /// Four digits.
    pub value: VerificationCode,
}

impl From<VerificationCode> for VerificationCodeValue {
    fn from(value: VerificationCode) -> Self {
        Self {
            r#type: "numeric4".to_owned(),
            value,
        }
    }
}

/// A certificate and its level.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Certificate {
    /// Base64 of the DER, without line breaks.
    pub value: String,
    /// `QUALIFIED` or `ADVANCED`; never QSCD.
    pub certificate_level: String,
}

impl Certificate {
    /// From DER; `qualified` is the account's level.
    #[must_use]
    pub fn new(der: &[u8], qualified: bool) -> Self {
        let certificate_level = if qualified { "QUALIFIED" } else { "ADVANCED" }.to_owned();
        Self {
            value: Base64::encode_string(der),
            certificate_level,
        }
    }
}

/// `state` of a certificate by document number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CertificateState {
    /// Here it is.
    #[serde(rename = "OK")]
    Ok,
    /// The account exists; its key cannot be used.
    #[serde(rename = "DOCUMENT_UNUSABLE")]
    DocumentUnusable,
}

/// Answer to `signature/certificate/{document-number}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateResponse {
    /// Whether there is one.
    pub state: CertificateState,
    /// The signing certificate.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cert: Option<Certificate>,
}

/// Answer to `GET session/{id}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionStatus {
    state: State,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    result: Option<ResultBody>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    signature_protocol: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    signature: Option<SignatureBody>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    cert: Option<Certificate>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    interaction_type_used: Option<InteractionType>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    device_ip_address: Option<IpAddr>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    ignored_properties: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum State {
    Running,
    Complete,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResultBody {
    end_result: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    document_number: Option<DocumentNumber>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    details: Option<Details>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Details {
    interaction: InteractionType,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SignatureBody {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    server_random: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    user_challenge: Option<String>,
    flow_type: FlowType,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    signature_algorithm: Option<SignatureAlgorithm>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    signature_algorithm_parameters: Option<PssParameters>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PssParameters {
    hash_algorithm: HashAlgorithm,
    mask_gen_algorithm: MaskGenAlgorithm,
    salt_length: usize,
    trailer_field: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct MaskGenAlgorithm {
    algorithm: String,
    parameters: MaskGenParameters,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MaskGenParameters {
    hash_algorithm: HashAlgorithm,
}

/// What a finished session gives: everything that its `signature` object holds.
#[derive(Clone, Debug)]
pub struct SignatureValue {
    /// The signature.
    pub value: Vec<u8>,
    /// How it was made.
    pub algorithm: SignatureAlgorithm,
    /// The hash under it.
    pub hash: HashAlgorithm,
    /// How phone and session found each other.
    pub flow_type: FlowType,
}

/// The two protocols of a signature, and the session that gives none.
#[derive(Clone, Debug)]
pub enum Signature {
    /// ACSP_V2.
    Authentication {
        /// The signature.
        signature: SignatureValue,
        /// Base64, from the server.
        server_random: String,
        /// Base64url, from the phone.
        user_challenge: String,
    },
    /// RAW_DIGEST_SIGNATURE.
    Signature {
        /// The signature.
        signature: SignatureValue,
    },
    /// A certificate was chosen.
    CertificateChoice {
        /// How phone and session found each other.
        flow_type: FlowType,
    },
}

impl SessionStatus {
    /// Nothing yet.
    #[must_use]
    pub fn running() -> Self {
        Self {
            state: State::Running,
            result: None,
            signature_protocol: None,
            signature: None,
            cert: None,
            interaction_type_used: None,
            device_ip_address: None,
            ignored_properties: Vec::new(),
        }
    }

    /// Ended without a signature.
    #[must_use]
    pub fn failed(result: &EndResult, ignored_properties: Vec<String>) -> Self {
        let details = match result {
            EndResult::UserRefusedInteraction(interaction) => Some(Details {
                interaction: *interaction,
            }),
            _ => None,
        };
        Self {
            state: State::Complete,
            result: Some(ResultBody {
                end_result: result.code().to_owned(),
                document_number: None,
                details,
            }),
            ignored_properties,
            ..Self::running()
        }
    }

    /// Ended OK.
    #[must_use]
    pub fn ok(
        document_number: DocumentNumber,
        signature: Signature,
        cert: Certificate,
        interaction_type_used: InteractionType,
        device_ip_address: Option<IpAddr>,
        ignored_properties: Vec<String>,
    ) -> Self {
        let (protocol, signature) = match signature {
            Signature::Authentication {
                signature,
                server_random,
                user_challenge,
            } => (
                Some("ACSP_V2"),
                signature_body(signature, Some(server_random), Some(user_challenge)),
            ),
            Signature::Signature { signature } => (
                Some("RAW_DIGEST_SIGNATURE"),
                signature_body(signature, None, None),
            ),
            Signature::CertificateChoice { flow_type } => (
                None,
                SignatureBody {
                    value: None,
                    server_random: None,
                    user_challenge: None,
                    flow_type,
                    signature_algorithm: None,
                    signature_algorithm_parameters: None,
                },
            ),
        };
        Self {
            state: State::Complete,
            result: Some(ResultBody {
                end_result: "OK".to_owned(),
                document_number: Some(document_number),
                details: None,
            }),
            signature_protocol: protocol.map(str::to_owned),
            signature: Some(signature),
            cert: Some(cert),
            interaction_type_used: Some(interaction_type_used),
            device_ip_address,
            ignored_properties,
        }
    }
}

fn signature_body(
    signature: SignatureValue,
    server_random: Option<String>,
    user_challenge: Option<String>,
) -> SignatureBody {
    let hash = signature.hash;
    let pss = (signature.algorithm == SignatureAlgorithm::RsassaPss).then(|| PssParameters {
        hash_algorithm: hash,
        mask_gen_algorithm: MaskGenAlgorithm {
            algorithm: "id-mgf1".to_owned(),
            parameters: MaskGenParameters {
                hash_algorithm: hash,
            },
        },
        salt_length: hash.digest_len(),
        trailer_field: "0xbc".to_owned(),
    });
    SignatureBody {
        value: Some(Base64::encode_string(&signature.value)),
        server_random,
        user_challenge,
        flow_type: signature.flow_type,
        signature_algorithm: Some(signature.algorithm),
        signature_algorithm_parameters: pss,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn value(algorithm: SignatureAlgorithm) -> SignatureValue {
        SignatureValue {
            value: vec![1, 2],
            algorithm,
            hash: HashAlgorithm::Sha512,
            flow_type: FlowType::Notification,
        }
    }

    #[test]
    fn a_running_session_has_a_state_and_nothing_else() {
        assert_eq!(
            serde_json::to_string(&SessionStatus::running()).unwrap(),
            r#"{"state":"RUNNING"}"#
        );
    }

    #[test]
    fn a_failed_session_tells_the_refused_interaction() {
        let result = EndResult::UserRefusedInteraction(InteractionType::ConfirmationMessage);
        assert_eq!(
            serde_json::to_value(SessionStatus::failed(&result, vec!["colour".into()])).unwrap(),
            json!({
                "state": "COMPLETE",
                "result": { "endResult": "USER_REFUSED_INTERACTION", "details": { "interaction": "confirmationMessage" } },
                "ignoredProperties": ["colour"]
            })
        );
        assert_eq!(
            serde_json::to_value(SessionStatus::failed(&EndResult::Timeout, vec![])).unwrap(),
            json!({ "state": "COMPLETE", "result": { "endResult": "TIMEOUT" } })
        );
    }

    #[test]
    fn an_authentication_carries_all_that_the_client_compares() {
        let status = SessionStatus::ok(
            "PNOEE-40504040001-MOCK-Q".parse().unwrap(),
            Signature::Authentication {
                signature: value(SignatureAlgorithm::RsassaPss),
                server_random: "c2VydmVy".into(),
                user_challenge: "dXNlcg".into(),
            },
            Certificate::new(&[3, 4], true),
            InteractionType::DisplayTextAndPin,
            Some("192.0.2.1".parse().unwrap()),
            vec![],
        );
        assert_eq!(
            serde_json::to_value(status).unwrap(),
            json!({
                "state": "COMPLETE",
                "result": { "endResult": "OK", "documentNumber": "PNOEE-40504040001-MOCK-Q" },
                "signatureProtocol": "ACSP_V2",
                "signature": {
                    "value": "AQI=",
                    "serverRandom": "c2VydmVy",
                    "userChallenge": "dXNlcg",
                    "flowType": "Notification",
                    "signatureAlgorithm": "rsassa-pss",
                    "signatureAlgorithmParameters": {
                        "hashAlgorithm": "SHA-512",
                        "maskGenAlgorithm": { "algorithm": "id-mgf1", "parameters": { "hashAlgorithm": "SHA-512" } },
                        "saltLength": 64,
                        "trailerField": "0xbc"
                    }
                },
                "cert": { "value": "AwQ=", "certificateLevel": "QUALIFIED" },
                "interactionTypeUsed": "displayTextAndPIN",
                "deviceIpAddress": "192.0.2.1"
            })
        );
    }

    #[test]
    fn a_chosen_certificate_comes_with_its_flow_type_and_without_protocol() {
        let status = SessionStatus::ok(
            "PNOEE-40504040001-MOCK-Q".parse().unwrap(),
            Signature::CertificateChoice {
                flow_type: FlowType::Qr,
            },
            Certificate::new(&[3, 4], true),
            InteractionType::DisplayTextAndPin,
            None,
            vec![],
        );
        assert_eq!(
            serde_json::to_value(status).unwrap(),
            json!({
                "state": "COMPLETE",
                "result": { "endResult": "OK", "documentNumber": "PNOEE-40504040001-MOCK-Q" },
                "signature": { "flowType": "QR" },
                "cert": { "value": "AwQ=", "certificateLevel": "QUALIFIED" },
                "interactionTypeUsed": "displayTextAndPIN"
            })
        );
    }

    #[test]
    fn a_pkcs1_signature_has_no_parameters() {
        let status = SessionStatus::ok(
            "PNOEE-40504040001-MOCK-NQ".parse().unwrap(),
            Signature::Signature {
                signature: value(SignatureAlgorithm::Sha512WithRsaEncryption),
            },
            Certificate::new(&[3, 4], false),
            InteractionType::ConfirmationMessage,
            None,
            vec![],
        );
        assert_eq!(
            serde_json::to_value(status).unwrap()["signature"],
            json!({ "value": "AQI=", "flowType": "Notification", "signatureAlgorithm": "sha512WithRSAEncryption" })
        );
    }
}
