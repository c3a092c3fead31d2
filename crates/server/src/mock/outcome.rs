/// How a mock account's requests end. It does not depend on the interactions that are asked for, as in SK's demo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Outcome {
    /// Confirmed, with the right PIN.
    #[serde(rename = "OK")]
    Ok,
    /// Refused before anything was shown.
    #[serde(rename = "USER_REFUSED")]
    UserRefused,
    /// Refused at the PIN pad.
    #[serde(rename = "USER_REFUSED_DISPLAYTEXTANDPIN")]
    RefusedDisplayTextAndPin,
    /// Refused where the code is chosen.
    #[serde(rename = "USER_REFUSED_VC_CHOICE")]
    RefusedCodeChoice,
    /// Refused where the text is confirmed.
    #[serde(rename = "USER_REFUSED_CONFIRMATIONMESSAGE")]
    RefusedConfirmationMessage,
    /// Refused where the text is confirmed and the code is chosen.
    #[serde(rename = "USER_REFUSED_CONFIRMATIONMESSAGE_WITH_VC_CHOICE")]
    RefusedConfirmationMessageAndCodeChoice,
    /// A wrong code was chosen.
    #[serde(rename = "WRONG_VC")]
    WrongVerificationCode,
    /// Nobody answers.
    #[serde(rename = "TIMEOUT")]
    Timeout,
}

impl Outcome {
    /// All, in the order of the documentation.
    pub const ALL: [Self; 8] = [
        Self::Ok,
        Self::UserRefused,
        Self::RefusedDisplayTextAndPin,
        Self::RefusedCodeChoice,
        Self::RefusedConfirmationMessage,
        Self::RefusedConfirmationMessageAndCodeChoice,
        Self::WrongVerificationCode,
        Self::Timeout,
    ];

    /// The word for it: the end result of RP API v2, which has one for each.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::UserRefused => "USER_REFUSED",
            Self::RefusedDisplayTextAndPin => "USER_REFUSED_DISPLAYTEXTANDPIN",
            Self::RefusedCodeChoice => "USER_REFUSED_VC_CHOICE",
            Self::RefusedConfirmationMessage => "USER_REFUSED_CONFIRMATIONMESSAGE",
            Self::RefusedConfirmationMessageAndCodeChoice => {
                "USER_REFUSED_CONFIRMATIONMESSAGE_WITH_VC_CHOICE"
            }
            Self::WrongVerificationCode => "WRONG_VC",
            Self::Timeout => "TIMEOUT",
        }
    }
}

impl std::str::FromStr for Outcome {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|outcome| outcome.word() == text);
        known.ok_or_else(|| {
            let words = Self::ALL.map(Self::word).join(", ");
            format!("expected one of {words}")
        })
    }
}
