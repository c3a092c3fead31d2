use crate::InteractionType;
use serde::{Deserialize, Serialize};

/// `result.endResult` of a session that did not end OK (RP API v3, session status).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "endResult", content = "interaction")]
pub enum EndResult {
    /// Refused outside an interaction.
    #[serde(rename = "USER_REFUSED")]
    UserRefused,
    /// Refused at this interaction.
    #[serde(rename = "USER_REFUSED_INTERACTION")]
    UserRefusedInteraction(InteractionType),
    /// Several accounts, cancelled when asked which.
    #[serde(rename = "USER_REFUSED_CERT_CHOICE")]
    UserRefusedCertChoice,
    /// Nobody answered in time.
    #[serde(rename = "TIMEOUT")]
    Timeout,
    /// The account or its key cannot be used; the app or the portal tells its owner why.
    #[serde(rename = "DOCUMENT_UNUSABLE")]
    DocumentUnusable,
    /// The person chose a wrong verification code.
    #[serde(rename = "WRONG_VC")]
    WrongVc,
    /// The phone can show none of the interactions.
    #[serde(rename = "REQUIRED_INTERACTION_NOT_SUPPORTED_BY_APP")]
    RequiredInteractionNotSupportedByApp,
    /// Phone or relying party broke the protocol.
    #[serde(rename = "PROTOCOL_FAILURE")]
    ProtocolFailure,
    /// A linked session was expected and another came.
    #[serde(rename = "EXPECTED_LINKED_SESSION")]
    ExpectedLinkedSession,
    /// We failed.
    #[serde(rename = "SERVER_ERROR")]
    ServerError,
}

impl EndResult {
    /// All words on the wire, without `OK`.
    pub const CODES: &[&str] = &[
        "USER_REFUSED",
        "USER_REFUSED_INTERACTION",
        "USER_REFUSED_CERT_CHOICE",
        "TIMEOUT",
        "DOCUMENT_UNUSABLE",
        "WRONG_VC",
        "REQUIRED_INTERACTION_NOT_SUPPORTED_BY_APP",
        "PROTOCOL_FAILURE",
        "EXPECTED_LINKED_SESSION",
        "SERVER_ERROR",
    ];

    /// The word on the wire.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::UserRefused => "USER_REFUSED",
            Self::UserRefusedInteraction(_) => "USER_REFUSED_INTERACTION",
            Self::UserRefusedCertChoice => "USER_REFUSED_CERT_CHOICE",
            Self::Timeout => "TIMEOUT",
            Self::DocumentUnusable => "DOCUMENT_UNUSABLE",
            Self::WrongVc => "WRONG_VC",
            Self::RequiredInteractionNotSupportedByApp => {
                "REQUIRED_INTERACTION_NOT_SUPPORTED_BY_APP"
            }
            Self::ProtocolFailure => "PROTOCOL_FAILURE",
            Self::ExpectedLinkedSession => "EXPECTED_LINKED_SESSION",
            Self::ServerError => "SERVER_ERROR",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_words_are_listed() {
        // serde names every variant in its complaint about another.
        let error = serde_json::from_str::<EndResult>(r#"{"endResult":"X"}"#).unwrap_err();
        let error = error.to_string();
        let known: Vec<_> = error.split('`').skip(3).step_by(2).collect();
        assert_eq!(known, EndResult::CODES, "{error}");
    }
}
