use super::{PinArgs, ask, choose, pin, wait_for_requests};
use crate::headless::{
    handset::Handset,
    report::{self, NOTHING, Report},
};
use anyhow::{Context, Result};
use clap::Args;
use device::{Event, View};
use serde_json::json;
use std::process::ExitCode;
use wire::{SessionId, VerificationCode, device_v1::RequestKind};

/// What a person would type.
#[derive(Args, Debug)]
pub(super) struct Answers {
    #[command(flatten)]
    pins: PinArgs,
    /// The PIN that the request takes, whichever it is
    #[arg(long, value_name = "DIGITS", conflicts_with_all = ["pin1", "pin2"])]
    pin: Option<String>,
    /// The code that the e-service shows, where it has to be chosen among three
    #[arg(long, value_name = "CODE")]
    code: Option<VerificationCode>,
}

#[derive(Args, Debug)]
pub(super) struct ScanArgs {
    /// The device link, as the QR code or the e-service's button holds it
    link: String,
    #[command(flatten)]
    answers: Answers,
    /// Say no to what the link leads to
    #[arg(long)]
    refuse: bool,
}

#[derive(Args, Debug)]
pub(super) struct ApproveArgs {
    /// The request [default: the oldest]
    session: Option<SessionId>,
    #[command(flatten)]
    answers: Answers,
    /// Wait up to so many seconds for a request
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    wait: u64,
}

#[derive(Args, Debug)]
pub(super) struct RefuseArgs {
    /// The request [default: the oldest]
    session: Option<SessionId>,
    /// Wait up to so many seconds for a request
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    wait: u64,
}

pub(super) fn approve(
    handset: &mut Handset,
    arguments: ApproveArgs,
    report: Report,
) -> Result<ExitCode> {
    let home = wait_for_requests(handset, arguments.wait)?;
    let Some(session) = choose(&home, arguments.session)? else {
        report.show(&home);
        return Ok(nothing(&home));
    };
    let view = handset.act_to(Event::Open(session))?;
    go_through(handset, view, &arguments.answers, report)
}

/// Uses a device link and answers what it leads to.
pub(super) fn scan(handset: &mut Handset, arguments: ScanArgs, report: Report) -> Result<ExitCode> {
    let mut view = handset.act_to(Event::Scan(arguments.link))?;
    if arguments.refuse && !matches!(view, View::Problem(_) | View::Locked { .. }) {
        report.say(&view.to_string());
        view = handset.act_to(Event::Refuse)?;
    }
    go_through(handset, view, &arguments.answers, report)
}

/// Says yes to everything that is shown and enters the PIN, until the phone shows how it ended.
fn go_through(
    handset: &mut Handset,
    mut view: View,
    answers: &Answers,
    report: Report,
) -> Result<ExitCode> {
    loop {
        let event = match &view {
            View::ConfirmDevice(_) | View::Confirm(_) | View::ChooseCertificate(_) => {
                report.say(&view.to_string());
                Event::Confirm
            }
            View::ChooseCode { .. } => Event::ChooseCode(match &answers.code {
                Some(code) => code.clone(),
                None => {
                    report.show(&view);
                    ask("Code: ")?.parse().context("the code has four digits")?
                }
            }),
            View::EnterPin {
                request,
                refusal: None,
            } => {
                report.say(&view.to_string());
                let (given, name) = match request.kind {
                    RequestKind::Authentication => (&answers.pins.pin1, "PIN1"),
                    RequestKind::Signature | RequestKind::CertificateChoice => {
                        (&answers.pins.pin2, "PIN2")
                    }
                };
                Event::EnterPin(pin(given.as_deref().or(answers.pin.as_deref()), name)?)
            }
            last => {
                report.show(last);
                tell_addresses(handset, report);
                return Ok(report::exit_code(last));
            }
        };
        view = handset.act_to(event)?;
    }
}

/// Where a phone would return to: there is no browser here.
fn tell_addresses(handset: &mut Handset, report: Report) {
    for address in handset.take_addresses() {
        report.value(
            &json!({ "returnTo": address }),
            &format!("Back to the e-service: {address}"),
        );
    }
}

pub(super) fn refuse(
    handset: &mut Handset,
    arguments: &RefuseArgs,
    report: Report,
) -> Result<ExitCode> {
    let home = wait_for_requests(handset, arguments.wait)?;
    let Some(session) = choose(&home, arguments.session)? else {
        report.show(&home);
        return Ok(nothing(&home));
    };
    handset.act(Event::Open(session))?;
    let view = handset.act_to(Event::Refuse)?;
    report.show(&view);
    tell_addresses(handset, report);
    Ok(report::exit_code(&view))
}

fn nothing(view: &View) -> ExitCode {
    match view {
        View::Home { .. } => ExitCode::from(NOTHING),
        other => report::exit_code(other),
    }
}
