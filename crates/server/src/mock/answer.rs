//! What a mock account's person does with a request. All of it blocks.

use super::{Outcome, PIN1, PIN2};
use crate::headless::handset::Handset;
use anyhow::{Context, Result};
use device::{Event, PendingView, PinEntry, View};
use wire::{
    InteractionType, SessionId,
    device_v1::{Refusal, RequestKind},
};

/// More steps than any request has.
const MAX_STEPS: usize = 8;

/// What came of a request.
#[derive(Debug)]
pub(super) enum Answered {
    /// It is answered; what the phone shows in the end.
    Shown(Box<View>),
    /// It does not wait here, or not any more.
    NotThere,
    /// As it should: nobody answers.
    Ignored,
    /// A phone that is not the mock's may answer it.
    LeftToOthers,
}

/// Answers a request that waits for this phone.
///
/// With `others`, accounts of the same person that are not the mock's, it leaves to them what they may answer.
///
/// # Errors
/// The phone's file cannot be written.
pub(super) fn answer(
    handset: &mut Handset,
    session: SessionId,
    outcome: Outcome,
    others: bool,
) -> Result<Answered> {
    let pending = match handset.act_to(Event::Refresh)? {
        View::Home { pending, .. } => pending,
        other => return Ok(Answered::Shown(Box::new(other))),
    };
    let Some(request) = pending.iter().find(|request| request.session_id == session) else {
        return Ok(Answered::NotThere);
    };
    if request.several_devices && others {
        return Ok(Answered::LeftToOthers);
    }
    match reaction(outcome, request) {
        Reaction::Ignore => Ok(Answered::Ignored),
        Reaction::Refuse(refusal) => {
            let view = handset.act_to(Event::Decline { session, refusal })?;
            Ok(Answered::Shown(Box::new(view)))
        }
        Reaction::Accept => {
            let view = handset.act_to(Event::Open(session))?;
            Ok(Answered::Shown(Box::new(accept(handset, view)?)))
        }
    }
}

/// Uses a device link; the session that it leads to, or why to none.
///
/// # Errors
/// The phone's file cannot be written.
pub(super) fn scan(handset: &mut Handset, link: String) -> Result<Result<SessionId, View>> {
    let view = handset.act_to(Event::Scan(link))?;
    Ok(match &view {
        View::ConfirmDevice(request) | View::ChooseCertificate(request) => Ok(request.session_id),
        View::Confirm(request)
        | View::ChooseCode { request, .. }
        | View::EnterPin { request, .. } => Ok(request.session_id),
        _ => Err(view),
    })
}

enum Reaction {
    Accept,
    Refuse(Refusal),
    Ignore,
}

/// The end does not depend on the interactions that were asked for. A certificate choice has none, so it cannot be
/// refused at one.
fn reaction(outcome: Outcome, request: &PendingView) -> Reaction {
    use InteractionType as I;
    let choice = request.kind == RequestKind::CertificateChoice;
    let interaction = match outcome {
        Outcome::Timeout => return Reaction::Ignore,
        Outcome::UserRefused => return Reaction::Refuse(Refusal::User {}),
        Outcome::Ok => return Reaction::Accept,
        _ if choice => return Reaction::Accept,
        Outcome::WrongVerificationCode => {
            return Reaction::Refuse(Refusal::WrongVerificationCode {});
        }
        Outcome::RefusedDisplayTextAndPin => I::DisplayTextAndPin,
        Outcome::RefusedCodeChoice => I::VerificationCodeChoice,
        Outcome::RefusedConfirmationMessage => I::ConfirmationMessage,
        Outcome::RefusedConfirmationMessageAndCodeChoice => {
            I::ConfirmationMessageAndVerificationCodeChoice
        }
    };
    Reaction::Refuse(Refusal::Interaction { interaction })
}

/// Says yes to everything that is shown, chooses the right code, enters the right PIN.
fn accept(handset: &mut Handset, mut view: View) -> Result<View> {
    for _ in 0..MAX_STEPS {
        let event = match &view {
            View::ConfirmDevice(_) | View::Confirm(_) | View::ChooseCertificate(_) => {
                Event::Confirm
            }
            View::ChooseCode { request, .. } => Event::ChooseCode(
                request
                    .verification_code
                    .clone()
                    .context("a choice without the right code")?,
            ),
            View::EnterPin {
                request,
                refusal: None,
            } => {
                let pin = match request.kind {
                    RequestKind::Authentication => PIN1,
                    RequestKind::Signature | RequestKind::CertificateChoice => PIN2,
                };
                Event::EnterPin(PinEntry::new(pin.to_owned()))
            }
            View::CertificateGiven(_) => {
                // All testers share the account: the next request may be another one's.
                handset.stop_expecting();
                return Ok(view);
            }
            _ => return Ok(view),
        };
        view = handset.act_to(event)?;
    }
    Ok(view)
}
