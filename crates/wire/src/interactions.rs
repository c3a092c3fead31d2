use crate::signature::words;
use base64ct::{Base64, Encoding};
use serde::Deserialize;

words! {
    /// `type` of an interaction, and `interactionTypeUsed`.
    InteractionType {
        /// Short text above the PIN pad.
        DisplayTextAndPin = "displayTextAndPIN",
        /// Long text with confirm and cancel, then the PIN.
        ConfirmationMessage = "confirmationMessage",
        /// As before, and the right one of three verification codes is to be chosen.
        ConfirmationMessageAndVerificationCodeChoice = "confirmationMessageAndVerificationCodeChoice",
        /// RP API v2 only: the right one of three verification codes is to be chosen, then short text above the PIN pad.
        VerificationCodeChoice = "verificationCodeChoice",
    }
}

impl InteractionType {
    /// What a relying party may ask for in notification flows of RP API v3.
    pub const NOTIFICATION: &[Self] = &[
        Self::DisplayTextAndPin,
        Self::ConfirmationMessage,
        Self::ConfirmationMessageAndVerificationCodeChoice,
    ];
    /// The same in device-link and linked flows: a code would have nothing to tell apart.
    pub const DEVICE_LINK: &[Self] = &[Self::DisplayTextAndPin, Self::ConfirmationMessage];

    /// What a relying party may ask for in RP API v2.
    pub const V2: &[Self] = Self::ALL;

    /// Whether the person chooses among three codes.
    #[must_use]
    pub fn has_code_choice(self) -> bool {
        matches!(
            self,
            Self::ConfirmationMessageAndVerificationCodeChoice | Self::VerificationCodeChoice
        )
    }

    /// The field that holds its text, and how many characters that may have.
    #[must_use]
    pub fn text_field(self) -> (&'static str, usize) {
        match self {
            Self::DisplayTextAndPin | Self::VerificationCodeChoice => ("displayText60", SHORT_TEXT),
            Self::ConfirmationMessage | Self::ConfirmationMessageAndVerificationCodeChoice => {
                ("displayText200", LONG_TEXT)
            }
        }
    }
}

/// Longest short text, in characters.
const SHORT_TEXT: usize = 60;
/// Longest long text, in characters.
const LONG_TEXT: usize = 200;

/// Longest field, in characters of base64: room for three long texts in which each character is escaped.
pub const MAX_INTERACTIONS: usize = 8 * 1024;

/// One way to show a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interaction {
    /// How.
    pub kind: InteractionType,
    /// What.
    pub text: String,
}

/// `interactions`: ways to show a request, the preferred first. The base64 text is kept verbatim, since it is hashed
/// and MACed as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interactions {
    base64: String,
    list: Vec<Interaction>,
}

/// Why `interactions` is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the texts say it")]
pub enum InteractionError {
    #[error("longer than {MAX_INTERACTIONS} characters of base64")]
    TooLong,
    #[error("not base64 with padding")]
    NotBase64,
    #[error("not a JSON array of interactions: {0}")]
    NotJson(String),
    #[error("no interaction given")]
    Empty,
    #[error("unknown interaction type \"{0}\"")]
    UnknownType(String),
    #[error("interaction {0} is not meant for this flow")]
    NotForThisFlow(InteractionType),
    #[error("interaction {0} is given twice")]
    Duplicate(InteractionType),
    #[error("{kind} needs {field}")]
    TextMissing {
        kind: InteractionType,
        field: &'static str,
    },
    #[error("{kind} takes {field} only")]
    WrongTextField {
        kind: InteractionType,
        field: &'static str,
    },
    #[error("{field} of {kind} has {length} characters, more than {limit}")]
    TextTooLong {
        kind: InteractionType,
        field: &'static str,
        length: usize,
        limit: usize,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawInteraction {
    r#type: String,
    display_text60: Option<String>,
    display_text200: Option<String>,
}

impl Interactions {
    /// Decodes and checks the field; each flow allows some of the types ([`Interactions::allowed_in`]).
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn parse(base64: &str) -> Result<Self, InteractionError> {
        if base64.len() > MAX_INTERACTIONS {
            return Err(InteractionError::TooLong);
        }
        let json = Base64::decode_vec(base64).map_err(|_| InteractionError::NotBase64)?;
        let raw: Vec<RawInteraction> = serde_json::from_slice(&json)
            .map_err(|error| InteractionError::NotJson(error.to_string()))?;
        Self::checked(base64.to_owned(), raw)
    }

    /// From the plain array of RP API v2, `allowedInteractionsOrder`.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn from_array(array: &serde_json::Value) -> Result<Self, InteractionError> {
        let raw: Vec<RawInteraction> = serde_json::from_value(array.clone())
            .map_err(|error| InteractionError::NotJson(error.to_string()))?;
        let base64 = Base64::encode_string(array.to_string().as_bytes());
        if base64.len() > MAX_INTERACTIONS {
            return Err(InteractionError::TooLong);
        }
        Self::checked(base64, raw)
    }

    /// The same, if every type is one of these.
    ///
    /// # Errors
    /// The first one that is not.
    pub fn allowed_in(self, types: &[InteractionType]) -> Result<Self, InteractionError> {
        let strange = self
            .list
            .iter()
            .find(|interaction| !types.contains(&interaction.kind));
        match strange {
            Some(interaction) => Err(InteractionError::NotForThisFlow(interaction.kind)),
            None => Ok(self),
        }
    }

    fn checked(base64: String, raw: Vec<RawInteraction>) -> Result<Self, InteractionError> {
        if raw.is_empty() {
            return Err(InteractionError::Empty);
        }
        let mut list: Vec<Interaction> = Vec::new();
        for interaction in raw {
            let interaction = check(interaction)?;
            if list.iter().any(|earlier| earlier.kind == interaction.kind) {
                return Err(InteractionError::Duplicate(interaction.kind));
            }
            list.push(interaction);
        }
        Ok(Self { base64, list })
    }

    /// The text as sent.
    #[must_use]
    pub fn base64(&self) -> &str {
        &self.base64
    }

    /// The interactions, the preferred first.
    #[must_use]
    pub fn list(&self) -> &[Interaction] {
        &self.list
    }

    /// The first that a phone can show.
    #[must_use]
    pub fn first_supported(&self, shows: &[InteractionType]) -> Option<InteractionType> {
        self.list
            .iter()
            .map(|interaction| interaction.kind)
            .find(|kind| shows.contains(kind))
    }

    /// The text of one interaction.
    #[must_use]
    pub fn text(&self, kind: InteractionType) -> Option<&str> {
        self.list
            .iter()
            .find(|interaction| interaction.kind == kind)
            .map(|interaction| interaction.text.as_str())
    }

    /// Writes a list as a relying party would.
    ///
    /// # Errors
    /// As [`Interactions::parse`].
    pub fn encode(list: &[Interaction]) -> Result<Self, InteractionError> {
        let json: Vec<_> = list
            .iter()
            .map(|interaction| {
                let (field, _) = interaction.kind.text_field();
                serde_json::json!({ "type": interaction.kind, field: interaction.text })
            })
            .collect();
        Self::parse(&Base64::encode_string(
            serde_json::Value::Array(json).to_string().as_bytes(),
        ))
    }
}

fn check(raw: RawInteraction) -> Result<Interaction, InteractionError> {
    let kind =
        InteractionType::from_word(&raw.r#type).ok_or(InteractionError::UnknownType(raw.r#type))?;
    let (field, limit) = kind.text_field();
    let (text, other) = match limit {
        SHORT_TEXT => (raw.display_text60, raw.display_text200),
        _ => (raw.display_text200, raw.display_text60),
    };
    // A published Go client always writes both fields, the unused one empty.
    if other.is_some_and(|other| !other.is_empty()) {
        return Err(InteractionError::WrongTextField { kind, field });
    }
    let text = text
        .filter(|text| !text.is_empty())
        .ok_or(InteractionError::TextMissing { kind, field })?;
    let length = text.chars().count();
    if length > limit {
        return Err(InteractionError::TextTooLong {
            kind,
            field,
            length,
            limit,
        });
    }
    Ok(Interaction { kind, text })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<Interactions, InteractionError> {
        Interactions::parse(&Base64::encode_string(json.as_bytes()))
    }

    #[test]
    fn the_base64_text_is_kept_verbatim() {
        let text = Base64::encode_string(
            r#"[ {"displayText60":"5 \u20ac","type":"displayTextAndPIN"} ]"#.as_bytes(),
        );
        let interactions = Interactions::parse(&text).unwrap();
        assert_eq!(interactions.base64(), text);
        assert_eq!(
            interactions.text(InteractionType::DisplayTextAndPin),
            Some("5 €")
        );
    }

    #[test]
    fn the_first_interaction_that_the_phone_shows_is_taken() {
        let interactions = parse(
            r#"[{"type":"confirmationMessage","displayText200":"a"},{"type":"displayTextAndPIN","displayText60":"b"}]"#,
        )
        .unwrap();
        let first = |shows: &[InteractionType]| interactions.first_supported(shows);
        assert_eq!(
            first(InteractionType::ALL),
            Some(InteractionType::ConfirmationMessage)
        );
        assert_eq!(
            first(&[InteractionType::DisplayTextAndPin]),
            Some(InteractionType::DisplayTextAndPin)
        );
        assert_eq!(
            first(&[InteractionType::ConfirmationMessageAndVerificationCodeChoice]),
            None
        );
    }

    #[test]
    fn an_empty_text_in_the_field_of_other_types_counts_as_absent() {
        let both = r#"[{"type":"displayTextAndPIN","displayText60":"a","displayText200":""}]"#;
        assert!(parse(both).is_ok());
    }

    #[test]
    fn a_flow_takes_its_own_types_only() {
        let choice = r#"[{"type":"displayTextAndPIN","displayText60":"a"},
            {"type":"confirmationMessageAndVerificationCodeChoice","displayText200":"b"}]"#;
        let interactions = parse(choice).unwrap();
        assert!(
            interactions
                .clone()
                .allowed_in(InteractionType::NOTIFICATION)
                .is_ok()
        );
        assert_eq!(
            interactions.allowed_in(InteractionType::DEVICE_LINK),
            Err(InteractionError::NotForThisFlow(
                InteractionType::ConfirmationMessageAndVerificationCodeChoice
            ))
        );
        let v2 = parse(r#"[{"type":"verificationCodeChoice","displayText60":"a"}]"#).unwrap();
        assert!(v2.clone().allowed_in(InteractionType::ALL).is_ok());
        assert!(v2.allowed_in(InteractionType::NOTIFICATION).is_err());
    }

    #[test]
    fn a_plain_array_gives_what_its_base64_gives() {
        let array = serde_json::json!([{ "type": "confirmationMessage", "displayText200": "ü" }]);
        let interactions = Interactions::from_array(&array).unwrap();
        assert_eq!(Interactions::parse(interactions.base64()), Ok(interactions));
        assert!(matches!(
            Interactions::from_array(&serde_json::json!("x")),
            Err(InteractionError::NotJson(_))
        ));
    }

    #[test]
    fn text_is_measured_in_characters_not_bytes() {
        let of = |length| {
            parse(&format!(
                r#"[{{"type":"displayTextAndPIN","displayText60":"{}"}}]"#,
                "õ".repeat(length)
            ))
        };
        assert!(of(60).is_ok());
        assert!(matches!(
            of(61),
            Err(InteractionError::TextTooLong { length: 61, .. })
        ));
    }

    #[test]
    fn every_broken_rule_has_its_own_error() {
        use InteractionError as E;
        use InteractionType::{ConfirmationMessage, DisplayTextAndPin};
        assert_eq!(Interactions::parse("%"), Err(E::NotBase64));
        let spaces = " ".repeat(MAX_INTERACTIONS);
        assert_eq!(parse(&format!("[{spaces}]")), Err(E::TooLong));
        let text = r#"\ud83d\ude00"#.repeat(200);
        let longest: Vec<_> = [
            "confirmationMessage",
            "confirmationMessageAndVerificationCodeChoice",
        ]
        .map(|kind| format!(r#"{{"type":"{kind}","displayText200":"{text}"}}"#))
        .into();
        assert!(parse(&format!("[{}]", longest.join(","))).is_ok());
        assert!(matches!(parse("{}"), Err(E::NotJson(_))));
        assert!(matches!(parse("[1]"), Err(E::NotJson(_))));
        assert_eq!(parse("[]"), Err(E::Empty));
        assert_eq!(
            parse(r#"[{"type":"dance"}]"#),
            Err(E::UnknownType("dance".into()))
        );
        assert_eq!(
            parse(r#"[{"type":"displayTextAndPIN"}]"#),
            Err(E::TextMissing {
                kind: DisplayTextAndPin,
                field: "displayText60"
            })
        );
        assert_eq!(
            parse(r#"[{"type":"displayTextAndPIN","displayText60":""}]"#),
            Err(E::TextMissing {
                kind: DisplayTextAndPin,
                field: "displayText60"
            })
        );
        assert_eq!(
            parse(r#"[{"type":"confirmationMessage","displayText60":"a","displayText200":"a"}]"#),
            Err(E::WrongTextField {
                kind: ConfirmationMessage,
                field: "displayText200"
            })
        );
        assert_eq!(
            parse(
                r#"[{"type":"displayTextAndPIN","displayText60":"a"},{"type":"displayTextAndPIN","displayText60":"b"}]"#
            ),
            Err(E::Duplicate(DisplayTextAndPin))
        );
    }
}
