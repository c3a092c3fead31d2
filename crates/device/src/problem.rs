use crate::CertificateFault;
use std::fmt;

/// Why something did not work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// No answer came. [`Event::Refresh`](crate::Event::Refresh) tries again; a PIN need not be entered again.
    NoAnswer,
    /// The server refused, in a way that the phone has no view for.
    Server {
        /// HTTP status.
        status: u16,
        /// Stable snake_case code of the problem document; empty if there was none.
        code: String,
        /// What the server says.
        detail: String,
    },
    /// The outcome of a submission is still unknown; [`Event::Refresh`](crate::Event::Refresh) asks again.
    Unsettled,
    /// The server contradicts itself or what it is known by. The phone signs nothing.
    Contradiction(Contradiction),
    /// The server speaks only to newer phones.
    UpdateNeeded,
    /// There is an account on this phone already (R91).
    AccountExists,
    /// The request is not there any more.
    RequestGone,
    /// What was scanned is no device link.
    NotADeviceLink,
    /// The phone can show none of the ways in which the request may be shown.
    NoCommonInteraction,
    /// The phone's own storage is not what the phone wrote.
    Storage,
}

impl Problem {
    /// Stable snake_case code.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::NoAnswer => "no_answer",
            Self::Server { code, .. } if !code.is_empty() => code,
            Self::Server { .. } => "server_error",
            Self::Unsettled => "unsettled",
            Self::Contradiction(contradiction) => contradiction.code(),
            Self::UpdateNeeded => "update_needed",
            Self::AccountExists => "account_exists",
            Self::RequestGone => "request_gone",
            Self::NotADeviceLink => "not_a_device_link",
            Self::NoCommonInteraction => "no_common_interaction",
            Self::Storage => "storage",
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAnswer => {
                f.write_str("The server does not answer. Try again; your PIN is not needed twice.")
            }
            Self::Server { code, .. } if code == "too_many_requests" => {
                f.write_str("Too many requests in a short time. Wait a minute, then try again.")
            }
            Self::Server { code, .. } if code == "frozen" => f.write_str(
                "Too many of this phone's messages came to nothing, so nothing can be signed. Refresh, then try again.",
            ),
            Self::Server { status: 503, .. } => {
                f.write_str("The server cannot do that just now (HTTP 503). Try again in a moment.")
            }
            Self::Server {
                status,
                code,
                detail,
            } if detail.is_empty() => {
                write!(f, "The server refused (HTTP {status} {code}).")
            }
            Self::Server { status, detail, .. } => {
                write!(f, "The server refused: {detail} (HTTP {status}).")
            }
            Self::Unsettled => {
                f.write_str("It is not known yet what became of your last confirmation. Try again.")
            }
            Self::Contradiction(contradiction) => {
                write!(f, "This server is not to be trusted: {contradiction}.")
            }
            Self::UpdateNeeded => {
                f.write_str("This server needs a newer version of this software.")
            }
            Self::AccountExists => f.write_str("There is an account on this phone already."),
            Self::RequestGone => f.write_str("The request is no longer there."),
            Self::NotADeviceLink => {
                f.write_str("This is no Smart-ID code. Scan the one that the e-service shows.")
            }
            Self::NoCommonInteraction => {
                f.write_str("This phone cannot show the request as it must be shown.")
            }
            Self::Storage => f.write_str(
                "The phone's storage is damaged. Delete the account and register again.",
            ),
        }
    }
}

/// What a server did that an honest one does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contradiction {
    /// The root key is not the one that this phone knows.
    RootKey,
    /// The server's key of the day is not vouched for.
    ServerKey,
    /// An answer does not have its form, or does not open.
    Malformed(&'static str),
    /// The composite modulus does not fit the phone's.
    Modulus(splitkey::ModulusError),
    /// A key is missing, there twice, or none of ours.
    Keys,
    /// The proof of possession does not verify.
    Proof,
    /// A certificate does not fit the account.
    Certificate(CertificateFault),
    /// The document number is another person's.
    DocumentNumber,
    /// The transaction is about another session than the one opened.
    Session,
    /// It names another deployment.
    SchemeName,
    /// It names another relying party, text or code than the list of requests did.
    NotAsListed,
    /// The interactions do not parse.
    Interactions,
    /// The interaction is not the first that this phone can show.
    InteractionChoice,
    /// Not a notification, or with a callback.
    FlowType,
    /// The data to be signed are missing or have the wrong form.
    SigningData,
    /// The verification code is not that of the challenge.
    VerificationCode,
    /// A signature does not verify under the account's key.
    Signature,
}

impl Contradiction {
    /// Stable snake_case code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::RootKey => "other_root_key",
            Self::ServerKey => "server_key_not_vouched_for",
            Self::Malformed(_) => "malformed_answer",
            Self::Modulus(_) => "wrong_modulus",
            Self::Keys => "wrong_keys",
            Self::Proof => "wrong_proof",
            Self::Certificate(_) => "wrong_certificate",
            Self::DocumentNumber => "wrong_document_number",
            Self::Session => "other_session",
            Self::SchemeName => "other_scheme_name",
            Self::NotAsListed => "not_as_listed",
            Self::Interactions => "wrong_interactions",
            Self::InteractionChoice => "wrong_interaction_choice",
            Self::FlowType => "wrong_flow_type",
            Self::SigningData => "wrong_signing_data",
            Self::VerificationCode => "wrong_verification_code",
            Self::Signature => "wrong_signature",
        }
    }
}

impl fmt::Display for Contradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RootKey => "its root key is not the one that this phone knows",
            Self::ServerKey => {
                "the root key does not vouch for the server's key, or the phone's clock is wrong"
            }
            Self::Malformed(what) => return write!(f, "{what} does not have its form"),
            Self::Modulus(error) => return write!(f, "{error}"),
            Self::Keys => "it names other keys than this phone's",
            Self::Proof => "the proof of possession does not verify",
            Self::Certificate(fault) => return write!(f, "{fault}"),
            Self::DocumentNumber => "the document number is not the person's",
            Self::Session => "it began another request than the one that was opened",
            Self::SchemeName => "it names another deployment",
            Self::NotAsListed => "the request is not the one that was listed",
            Self::Interactions => "the texts to be shown do not have their form",
            Self::InteractionChoice => {
                "it chose another way to show the request than the relying party prefers"
            }
            Self::FlowType => "it names another flow than a notification",
            Self::SigningData => "the data to be signed do not have their form",
            Self::VerificationCode => "the verification code is not that of the request",
            Self::Signature => "the signature does not verify under the key of this account",
        })
    }
}
