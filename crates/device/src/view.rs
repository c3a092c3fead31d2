//! What the person sees, as data. The English sentences are for the headless phone.

use crate::{PinRefusal, Problem, pin_rules::pin_name};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};
use splitkey::Purpose;
use std::fmt;
use wire::{
    ControlCode, DocumentNumber, InteractionType, RegistrationCode, SessionId, VerificationCode,
    device_v1::{RegisteredPerson, RequestKind},
};

/// One screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum View {
    /// No account on this phone.
    Welcome,
    /// The deployment's root key, now trusted because nobody said which one to expect.
    TrustOnFirstUse {
        /// First field of every signed payload.
        scheme_name: String,
        /// SEC1, uncompressed.
        root_key: [u8; 65],
    },
    /// Choose PIN1 and PIN2.
    ChoosePins {
        /// Why the ones chosen will not do.
        refusal: Option<PinRefusal>,
    },
    /// Keys are being made.
    MakingKeys,
    /// Take the code to whoever vouches for you (R33–R37).
    AwaitingIdentity {
        /// To be typed or told there.
        code: RegistrationCode,
        /// Must be the same there.
        control_code: ControlCode,
        /// No longer than until then.
        expires_at: Timestamp,
    },
    /// Is this you? Enter both PINs once more to finish (R40), or refuse.
    RepeatPins {
        /// Who was vouched for.
        person: RegisteredPerson,
        /// Why the PINs just entered will not do.
        refusal: Option<PinRefusal>,
        /// The server found that a PIN was not the one chosen before.
        mismatch: bool,
    },
    /// The registration came to nothing; start again, with new keys.
    RegistrationEnded {
        /// Why.
        reason: RegistrationEnd,
    },
    /// The account is ready.
    Registered(AccountView),
    /// The account, and what waits.
    Home {
        /// R73.
        account: AccountView,
        /// The oldest first.
        pending: Vec<PendingView>,
    },
    /// Several of your devices show this request: answer it on this one? (R96)
    ConfirmDevice(PendingView),
    /// Give this account's signing certificate to the e-service? Confirm or refuse; no PIN.
    ChooseCertificate(PendingView),
    /// The e-service has the certificate.
    CertificateGiven(PendingView),
    /// Confirm or refuse (R65).
    Confirm(RequestView),
    /// Which code does the e-service show? (R62)
    ChooseCode {
        /// The request; its code is not to be shown.
        request: RequestView,
        /// One of them is right.
        codes: [VerificationCode; 3],
    },
    /// Enter the PIN, or refuse.
    EnterPin {
        /// What for.
        request: RequestView,
        /// What was typed just now is no PIN.
        refusal: Option<PinRefusal>,
    },
    /// The e-service has its signature.
    Completed(RequestView),
    /// The PIN was wrong.
    WrongPin {
        /// What it was entered for.
        request: RequestView,
        /// Wrong PINs until the next lock.
        attempts_left: u8,
        /// The key is locked until then.
        locked_until: Option<Timestamp>,
        /// The key is destroyed: delete the account and register again (R85).
        destroyed: bool,
    },
    /// The key takes no PIN now.
    Locked {
        /// What it was wanted for.
        purpose: Purpose,
        /// Until then; unknown or for good otherwise.
        until: Option<Timestamp>,
    },
    /// The confirmation never reached the server; nothing was signed.
    NotSent(RequestView),
    /// The server ended the request without a signature.
    Failed {
        /// Which.
        request: RequestView,
        /// The server's code, if it gave one.
        code: Option<String>,
    },
    /// The request is refused.
    Refused {
        /// A wrong verification code was chosen (R64).
        wrong_code: bool,
    },
    /// The freshness token is new.
    Rotated,
    /// The account is closed and what this phone had of it is useless.
    AccountClosed {
        /// Which.
        document_number: DocumentNumber,
    },
    /// The account is deleted; nothing of it is on this phone.
    Deleted,
    /// It did not work.
    Problem(Problem),
}

/// How a registration came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegistrationEnd {
    /// The server's code: `abandoned`, `expired`, `refused` or `proof_failed`.
    Server(String),
    /// Fifteen minutes are over.
    Expired,
    /// The person said no (R38).
    Refused,
    /// A PIN contains the birth date, which is known only now (R109).
    BirthDate(PinRefusal),
}

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountView {
    /// Its public name.
    pub document_number: DocumentNumber,
    /// As in the certificates.
    pub given_name: String,
    /// As in the certificates.
    pub surname: String,
    /// End of the certificates.
    pub expires_at: Timestamp,
    /// Authentication, then signature; empty while the server has not been asked.
    pub keys: Vec<KeyView>,
}

/// A key of an account, as the server sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyView {
    /// Which.
    pub purpose: Purpose,
    /// Whether it takes a PIN.
    pub state: KeyViewState,
}

/// Whether a key takes a PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyViewState {
    /// It does.
    Ready {
        /// Wrong PINs until the next lock.
        attempts_left: u8,
    },
    /// Not before then.
    Locked {
        /// End of the lock, if known.
        until: Option<Timestamp>,
    },
    /// Never again.
    Destroyed,
}

/// A request in the list, before it is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingView {
    /// To open it.
    pub session_id: SessionId,
    /// Which PIN it will take.
    pub kind: RequestKind,
    /// Who asks.
    pub relying_party_name: String,
    /// For whom, if not for itself.
    pub brokered_rp_name: String,
    /// The text of the way in which it will be shown; `None` if this phone knows none.
    pub text: Option<String>,
    /// `None` if it is to be chosen among three, or the flow has none.
    pub verification_code: Option<VerificationCode>,
    /// Other devices show it, too.
    pub several_devices: bool,
    /// It disappears then.
    pub expires_at: Timestamp,
}

/// An opened request: what is confirmed, and what goes into the signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestView {
    /// Names it.
    pub session_id: SessionId,
    /// Which PIN it takes.
    pub kind: RequestKind,
    /// Who asks.
    pub relying_party_name: String,
    /// For whom, if not for itself.
    pub brokered_rp_name: String,
    /// How it is shown.
    pub interaction: InteractionType,
    /// The relying party's text.
    pub text: String,
    /// Also shown by the e-service, where the flow has one. Not to be shown with a choice of codes.
    pub verification_code: Option<VerificationCode>,
    /// It disappears then.
    pub expires_at: Timestamp,
}

impl RequestView {
    /// The key, and so the PIN.
    #[must_use]
    pub fn purpose(&self) -> Purpose {
        purpose_of(self.kind)
    }

    /// The code to show; none when it has to be chosen.
    #[must_use]
    pub fn shown_code(&self) -> Option<&VerificationCode> {
        self.verification_code
            .as_ref()
            .filter(|_| !self.interaction.has_code_choice())
    }
}

pub(crate) fn purpose_of(kind: RequestKind) -> Purpose {
    match kind {
        RequestKind::Authentication => Purpose::Authentication,
        RequestKind::Signature | RequestKind::CertificateChoice => Purpose::Signature,
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Welcome => f.write_str("There is no account on this phone."),
            Self::TrustOnFirstUse { scheme_name, root_key } => {
                write!(f, "Trusting the server \"{scheme_name}\" on first use; its root key is ")?;
                root_key.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
                f.write_str(".")
            }
            Self::ChoosePins { refusal: None } => {
                f.write_str("Choose PIN1 (4 to 12 digits) for logging in and PIN2 (5 to 12 digits) for signing.")
            }
            Self::ChoosePins { refusal: Some(refusal) } => write!(f, "Choose other PINs: {refusal}."),
            Self::MakingKeys => f.write_str("Making your keys."),
            Self::AwaitingIdentity { code, control_code, expires_at } => write!(
                f,
                "Registration code {code}, control code {control_code}, valid until {}.",
                clock(*expires_at)
            ),
            Self::RepeatPins { person, refusal, mismatch } => {
                if let Some(refusal) = refusal {
                    write!(f, "{refusal}. ")?;
                }
                if *mismatch {
                    f.write_str("One of the PINs was not the one you chose. ")?;
                }
                write!(
                    f,
                    "Are you {} {}, {}? Enter both PINs once more to finish.",
                    person.given_name, person.surname, person.semantics_identifier
                )
            }
            Self::RegistrationEnded { reason } => write!(f, "The registration came to nothing: {reason}."),
            Self::Registered(account) => write!(f, "Registered. {account}"),
            Self::Home { account, pending } => {
                write!(f, "{account}")?;
                if pending.is_empty() {
                    return f.write_str(" No request waits.");
                }
                pending.iter().try_for_each(|request| write!(f, "\n{request}"))
            }
            Self::ConfirmDevice(request) => {
                write!(f, "{request}\nSeveral of your devices show this request. Answer it on this one?")
            }
            Self::ChooseCertificate(request) => {
                write!(f, "{request}\nGive the e-service the certificate of this account?")
            }
            Self::CertificateGiven(request) => {
                write!(f, "{} has your certificate.", Plain(&request.relying_party_name))
            }
            Self::Confirm(request) => write!(f, "{request} Confirm?"),
            Self::ChooseCode { request, codes: [first, second, third] } => {
                write!(f, "{request} Which code does the e-service show: {first}, {second} or {third}?")
            }
            Self::EnterPin { request, refusal } => {
                if let Some(refusal) = refusal {
                    write!(f, "{refusal}. ")?;
                }
                write!(f, "{request} Enter {}.", pin_name(request.purpose()))
            }
            Self::Completed(request) => match request.kind {
                RequestKind::Authentication => write!(f, "Logged in to {}.", request.relying_party_name),
                RequestKind::Signature | RequestKind::CertificateChoice => {
                    write!(f, "Signed for {}.", request.relying_party_name)
                }
            },
            Self::WrongPin { request, attempts_left, locked_until, destroyed } => {
                let pin = pin_name(request.purpose());
                match (destroyed, locked_until) {
                    (true, _) => write!(f, "Wrong {pin}. It is locked for good: delete the account and register again."),
                    (false, Some(until)) => write!(f, "Wrong {pin}. It is locked until {}.", clock(*until)),
                    (false, None) if *attempts_left == 1 => write!(f, "Wrong {pin}. One attempt left."),
                    (false, None) => write!(f, "Wrong {pin}. {attempts_left} attempts left."),
                }
            }
            Self::Locked { purpose, until: Some(until) } => {
                write!(f, "{} is locked until {}.", pin_name(*purpose), clock(*until))
            }
            Self::Locked { purpose, until: None } => write!(f, "{} is locked.", pin_name(*purpose)),
            Self::NotSent(request) => write!(
                f,
                "Your confirmation for {} did not reach the server; nothing was signed.",
                request.relying_party_name
            ),
            Self::Failed { request, code: None } => {
                write!(f, "The request of {} ended without a signature.", request.relying_party_name)
            }
            Self::Failed { request, code: Some(code) } => {
                write!(f, "The request of {} ended without a signature ({code}).", request.relying_party_name)
            }
            Self::Refused { wrong_code: true } => {
                f.write_str("Wrong code: the request is refused. Start it again at the e-service.")
            }
            Self::Refused { wrong_code: false } => f.write_str("The request is refused."),
            Self::Rotated => f.write_str("The freshness token is renewed."),
            Self::AccountClosed { document_number } => write!(
                f,
                "The account {document_number} is closed and cannot be used any more. Delete it and register again."
            ),
            Self::Deleted => f.write_str("The account is deleted; nothing of it is left on this phone."),
            Self::Problem(problem) => write!(f, "{problem}"),
        }
    }
}

impl fmt::Display for RegistrationEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired => f.write_str("the code was valid for 15 minutes"),
            Self::Refused => f.write_str("it was refused on this phone"),
            Self::BirthDate(refusal) => write!(f, "{refusal}"),
            Self::Server(code) => f.write_str(match code.as_str() {
                "expired" => "the code was valid for 15 minutes",
                "refused" => "it was refused at the computer",
                "proof_failed" => "the PINs were not repeated rightly",
                "abandoned" => "it was abandoned",
                other => return write!(f, "the server ended it ({other})"),
            }),
        }
    }
}

impl fmt::Display for AccountView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let expires = self.expires_at.to_zoned_datetime(TimeZone::UTC).date();
        write!(
            f,
            "{} {}, {}, valid until {expires}.",
            self.given_name, self.surname, self.document_number
        )?;
        self.keys.iter().try_for_each(|key| {
            let pin = pin_name(key.purpose);
            match key.state {
                // The ordinary case needs no words.
                KeyViewState::Ready { attempts_left: 3 } => Ok(()),
                KeyViewState::Ready { attempts_left } => {
                    write!(f, " {pin}: {attempts_left} attempts left.")
                }
                KeyViewState::Locked { until: Some(until) } => {
                    write!(f, " {pin}: locked until {}.", clock(until))
                }
                KeyViewState::Locked { until: None } => write!(f, " {pin}: locked."),
                KeyViewState::Destroyed => write!(f, " {pin}: locked for good."),
            }
        })
    }
}

impl fmt::Display for PendingView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.kind {
            RequestKind::CertificateChoice => None,
            _ => Some(
                self.text
                    .as_deref()
                    .unwrap_or("(this phone cannot show the request)"),
            ),
        };
        request_line(
            f,
            self.kind,
            &self.relying_party_name,
            &self.brokered_rp_name,
            text,
        )?;
        match &self.verification_code {
            Some(code) => write!(f, " Code {code}. [{}]", self.session_id),
            None => write!(f, " [{}]", self.session_id),
        }
    }
}

impl fmt::Display for RequestView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        request_line(
            f,
            self.kind,
            &self.relying_party_name,
            &self.brokered_rp_name,
            Some(&self.text),
        )?;
        match self.shown_code() {
            Some(code) => write!(f, " Code {code}."),
            None => Ok(()),
        }
    }
}

fn request_line(
    f: &mut fmt::Formatter<'_>,
    kind: RequestKind,
    name: &str,
    brokered: &str,
    text: Option<&str>,
) -> fmt::Result {
    let what = match kind {
        RequestKind::Authentication => "Log in to",
        RequestKind::Signature => "Sign for",
        RequestKind::CertificateChoice => "Choose a certificate for",
    };
    // What others wrote must not look like our own words: no line breaks or control characters.
    write!(f, "{what} {}", Plain(name))?;
    if !brokered.is_empty() {
        write!(f, " on behalf of {}", Plain(brokered))?;
    }
    match text {
        Some(text) => write!(f, ": \"{}\".", Plain(text)),
        None => f.write_str("."),
    }
}

/// Foreign text on one line.
struct Plain<'a>(&'a str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .chars()
            .try_for_each(|char| write!(f, "{}", if steers(char) { ' ' } else { char }))
    }
}

/// Whether a terminal or the direction of writing (Unicode Bidi_Control) obeys it.
fn steers(char: char) -> bool {
    char.is_control()
        || matches!(
            char,
            '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}'
        )
}

fn clock(at: Timestamp) -> impl fmt::Display {
    at.round(jiff::Unit::Second).unwrap_or(at)
}

/// The end of a lock that the server gives as a number of seconds.
pub(crate) fn lock_end(seconds: Option<u64>, now: Timestamp) -> Option<Timestamp> {
    let seconds = i64::try_from(seconds?).ok()?;
    now.checked_add(SignedDuration::from_secs(seconds)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn request(interaction: InteractionType) -> RequestView {
        RequestView {
            session_id: SessionId(Uuid::nil()),
            kind: RequestKind::Authentication,
            relying_party_name: "DEMO".to_owned(),
            brokered_rp_name: String::new(),
            interaction,
            text: "Log in?\n\u{1b}[2J\u{202e}Code 0000".to_owned(),
            verification_code: Some("4711".parse().unwrap()),
            expires_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn the_code_is_not_told_to_who_has_to_choose_it() {
        let choice = request(InteractionType::ConfirmationMessageAndVerificationCodeChoice);
        assert!(!choice.to_string().contains("4711"));
        assert!(
            request(InteractionType::ConfirmationMessage)
                .to_string()
                .contains("Code 4711.")
        );
    }

    #[test]
    fn foreign_text_cannot_break_the_line_or_steer_the_terminal() {
        let shown = request(InteractionType::DisplayTextAndPin).to_string();
        assert!(!shown.chars().any(steers), "{shown:?}");
    }
}
