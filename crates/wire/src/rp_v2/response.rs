use crate::{
    DocumentNumber, EndResult, InteractionType, SignatureAlgorithm,
    rp_v3::{Certificate, State},
};
use base64ct::{Base64, Encoding};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Answer to `GET session/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionStatus {
    state: State,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    result: Option<ResultBody>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    signature: Option<SignatureBody>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    cert: Option<Certificate>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    interaction_flow_used: Option<InteractionType>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    device_ip_address: Option<IpAddr>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    ignored_properties: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResultBody {
    end_result: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    document_number: Option<DocumentNumber>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct SignatureBody {
    value: String,
    algorithm: SignatureAlgorithm,
}

/// `result.endResult` in the words of v2.
#[must_use]
pub fn end_result(result: &EndResult) -> &'static str {
    match result {
        EndResult::UserRefusedInteraction(interaction) => match interaction {
            InteractionType::DisplayTextAndPin => "USER_REFUSED_DISPLAYTEXTANDPIN",
            InteractionType::VerificationCodeChoice => "USER_REFUSED_VC_CHOICE",
            InteractionType::ConfirmationMessage => "USER_REFUSED_CONFIRMATIONMESSAGE",
            InteractionType::ConfirmationMessageAndVerificationCodeChoice => {
                "USER_REFUSED_CONFIRMATIONMESSAGE_WITH_VC_CHOICE"
            }
        },
        // Not among the words of v2 (§2.3.11.5); there, DOCUMENT_UNUSABLE means "for some reason, this RP request cannot be
        // completed".
        EndResult::ProtocolFailure
        | EndResult::ExpectedLinkedSession
        | EndResult::ServerError
        | EndResult::DocumentUnusable => EndResult::DocumentUnusable.code(),
        EndResult::UserRefused
        | EndResult::UserRefusedCertChoice
        | EndResult::Timeout
        | EndResult::WrongVc
        | EndResult::RequiredInteractionNotSupportedByApp => result.code(),
    }
}

impl SessionStatus {
    /// Nothing yet.
    #[must_use]
    pub fn running() -> Self {
        Self {
            state: State::Running,
            result: None,
            signature: None,
            cert: None,
            interaction_flow_used: None,
            device_ip_address: None,
            ignored_properties: Vec::new(),
        }
    }

    /// Ended without a result.
    #[must_use]
    pub fn failed(result: &EndResult, ignored_properties: Vec<String>) -> Self {
        Self {
            state: State::Complete,
            result: Some(ResultBody {
                end_result: end_result(result).to_owned(),
                document_number: None,
            }),
            ignored_properties,
            ..Self::running()
        }
    }

    /// Ended OK, with a signature unless a certificate was chosen.
    #[must_use]
    pub fn ok(
        document_number: DocumentNumber,
        signature: Option<(&[u8], SignatureAlgorithm)>,
        cert: Certificate,
        interaction_flow_used: InteractionType,
        device_ip_address: Option<IpAddr>,
        ignored_properties: Vec<String>,
    ) -> Self {
        Self {
            state: State::Complete,
            result: Some(ResultBody {
                end_result: "OK".to_owned(),
                document_number: Some(document_number),
            }),
            signature: signature.map(|(value, algorithm)| SignatureBody {
                value: Base64::encode_string(value),
                algorithm,
            }),
            cert: Some(cert),
            interaction_flow_used: Some(interaction_flow_used),
            device_ip_address,
            ignored_properties,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NUMBER: &str = "PNOEE-40504040001-MOCK-Q";

    #[test]
    fn a_running_session_has_a_state_and_nothing_else() {
        assert_eq!(
            serde_json::to_string(&SessionStatus::running()).unwrap(),
            r#"{"state":"RUNNING"}"#
        );
    }

    #[test]
    fn a_signature_has_value_and_algorithm() {
        let status = SessionStatus::ok(
            NUMBER.parse().unwrap(),
            Some((&[1, 2], SignatureAlgorithm::Sha512WithRsaEncryption)),
            Certificate::new(&[3, 4], true),
            InteractionType::VerificationCodeChoice,
            Some("192.0.2.1".parse().unwrap()),
            vec!["colour".to_owned()],
        );
        assert_eq!(
            serde_json::to_value(status).unwrap(),
            json!({
                "state": "COMPLETE",
                "result": { "endResult": "OK", "documentNumber": NUMBER },
                "signature": { "value": "AQI=", "algorithm": "sha512WithRSAEncryption" },
                "cert": { "value": "AwQ=", "certificateLevel": "QUALIFIED" },
                "interactionFlowUsed": "verificationCodeChoice",
                "deviceIpAddress": "192.0.2.1",
                "ignoredProperties": ["colour"]
            })
        );
    }

    #[test]
    fn a_chosen_certificate_comes_without_signature() {
        let status = SessionStatus::ok(
            NUMBER.parse().unwrap(),
            None,
            Certificate::new(&[3, 4], false),
            InteractionType::DisplayTextAndPin,
            None,
            vec![],
        );
        assert_eq!(
            serde_json::to_value(status).unwrap(),
            json!({
                "state": "COMPLETE",
                "result": { "endResult": "OK", "documentNumber": NUMBER },
                "cert": { "value": "AwQ=", "certificateLevel": "ADVANCED" },
                "interactionFlowUsed": "displayTextAndPIN"
            })
        );
    }

    #[test]
    fn every_end_has_a_word_of_v2() {
        use EndResult as E;
        use InteractionType as I;
        for (result, word) in [
            (E::UserRefused, "USER_REFUSED"),
            (
                E::UserRefusedInteraction(I::DisplayTextAndPin),
                "USER_REFUSED_DISPLAYTEXTANDPIN",
            ),
            (
                E::UserRefusedInteraction(I::VerificationCodeChoice),
                "USER_REFUSED_VC_CHOICE",
            ),
            (
                E::UserRefusedInteraction(I::ConfirmationMessage),
                "USER_REFUSED_CONFIRMATIONMESSAGE",
            ),
            (
                E::UserRefusedInteraction(I::ConfirmationMessageAndVerificationCodeChoice),
                "USER_REFUSED_CONFIRMATIONMESSAGE_WITH_VC_CHOICE",
            ),
            (E::UserRefusedCertChoice, "USER_REFUSED_CERT_CHOICE"),
            (E::Timeout, "TIMEOUT"),
            (E::DocumentUnusable, "DOCUMENT_UNUSABLE"),
            (E::WrongVc, "WRONG_VC"),
            (
                E::RequiredInteractionNotSupportedByApp,
                "REQUIRED_INTERACTION_NOT_SUPPORTED_BY_APP",
            ),
            (E::ProtocolFailure, "DOCUMENT_UNUSABLE"),
            (E::ExpectedLinkedSession, "DOCUMENT_UNUSABLE"),
            (E::ServerError, "DOCUMENT_UNUSABLE"),
        ] {
            assert_eq!(
                serde_json::to_value(SessionStatus::failed(&result, vec![])).unwrap(),
                json!({ "state": "COMPLETE", "result": { "endResult": word } })
            );
        }
    }
}
