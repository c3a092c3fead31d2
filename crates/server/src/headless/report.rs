//! What the person reads, or a script.

use device::View;
use serde_json::{Value, json};
use std::{io::Write, process::ExitCode};

/// The answer was no: wrong PIN, locked, refused, closed, gone.
pub(super) const NO: u8 = 3;
/// Nothing waits.
pub(super) const NOTHING: u8 = 4;

/// How to tell.
#[derive(Clone, Copy)]
pub(super) struct Report {
    pub(super) json: bool,
}

impl Report {
    /// Tells what the phone shows.
    pub(super) fn show(self, view: &View) {
        if self.json {
            self.line(&describe(view).to_string());
        } else {
            self.line(&view.to_string());
        }
    }

    /// Tells a sentence of our own; scripts do not need it.
    pub(super) fn say(self, text: &str) {
        if !self.json {
            self.line(text);
        }
    }

    /// Tells a value of our own.
    pub(super) fn value(self, value: &Value, text: &str) {
        self.line(
            if self.json {
                value.to_string()
            } else {
                text.to_owned()
            }
            .as_str(),
        );
    }

    fn line(self, text: &str) {
        // A closed pipe means that nobody reads any more.
        let _ = writeln!(std::io::stdout().lock(), "{text}");
    }
}

/// How the command ends when this is what the phone shows last.
pub(super) fn exit_code(view: &View) -> ExitCode {
    match view {
        View::Registered(_)
        | View::Home { .. }
        | View::Completed(_)
        | View::CertificateGiven(_)
        | View::Rotated
        | View::Deleted => ExitCode::SUCCESS,
        View::Refused { wrong_code: false } => ExitCode::SUCCESS,
        View::Problem(_) | View::Welcome | View::NotSent(_) => ExitCode::FAILURE,
        _ => ExitCode::from(NO),
    }
}

/// A view for scripts: its name, its sentence, and what a script may want to go on with.
fn describe(view: &View) -> Value {
    let mut value = json!({ "view": name(view), "text": view.to_string() });
    let mut put = |name: &str, field: Value| value[name] = field;
    match view {
        View::AwaitingIdentity {
            code,
            control_code,
            expires_at,
        } => {
            put("registrationCode", json!(code));
            put("controlCode", json!(control_code));
            put("expiresAt", json!(expires_at));
        }
        View::Registered(account) => put("documentNumber", json!(account.document_number)),
        View::Home { account, pending } => {
            put("documentNumber", json!(account.document_number));
            put("expiresAt", json!(account.expires_at));
            let pending: Vec<_> = pending
                .iter()
                .map(|request| {
                    json!({
                        "sessionId": request.session_id,
                        "kind": request.kind,
                        "relyingPartyName": request.relying_party_name,
                        "text": request.text,
                        "verificationCode": request.verification_code,
                        "severalDevices": request.several_devices,
                        "expiresAt": request.expires_at,
                    })
                })
                .collect();
            put("pending", json!(pending));
        }
        View::ChooseCode { request, codes } => {
            put("sessionId", json!(request.session_id));
            put("codes", json!(codes));
        }
        View::WrongPin {
            attempts_left,
            locked_until,
            destroyed,
            ..
        } => {
            put("attemptsLeft", json!(attempts_left));
            put("lockedUntil", json!(locked_until));
            put("destroyed", json!(destroyed));
        }
        View::Completed(request) => put("sessionId", json!(request.session_id)),
        View::CertificateGiven(request) => put("sessionId", json!(request.session_id)),
        View::Problem(problem) => put("code", json!(problem.code())),
        _ => {}
    }
    value
}

fn name(view: &View) -> &'static str {
    match view {
        View::Welcome => "welcome",
        View::TrustOnFirstUse { .. } => "trustOnFirstUse",
        View::ChoosePins { .. } => "choosePins",
        View::MakingKeys => "makingKeys",
        View::AwaitingIdentity { .. } => "awaitingIdentity",
        View::RepeatPins { .. } => "repeatPins",
        View::RegistrationEnded { .. } => "registrationEnded",
        View::Registered(_) => "registered",
        View::Home { .. } => "home",
        View::ConfirmDevice(_) => "confirmDevice",
        View::ChooseCertificate(_) => "chooseCertificate",
        View::CertificateGiven(_) => "certificateGiven",
        View::Confirm(_) => "confirm",
        View::ChooseCode { .. } => "chooseCode",
        View::EnterPin { .. } => "enterPin",
        View::Completed(_) => "completed",
        View::WrongPin { .. } => "wrongPin",
        View::Locked { .. } => "locked",
        View::NotSent(_) => "notSent",
        View::Failed { .. } => "failed",
        View::Refused { .. } => "refused",
        View::Rotated => "rotated",
        View::AccountClosed { .. } => "accountClosed",
        View::Deleted => "deleted",
        View::Problem(_) => "problem",
    }
}
