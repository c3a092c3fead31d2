use super::{PinArgs, ask, choose, pin, wait_for_requests};
use crate::headless::{
    handset::Handset,
    report::{self, NOTHING, Report},
};
use anyhow::{Context, Result};
use clap::Args;
use device::{Event, View};
use std::process::ExitCode;
use wire::{SessionId, VerificationCode, device_v1::RequestKind};

#[derive(Args, Debug)]
pub(super) struct ApproveArgs {
    /// The request [default: the oldest]
    session: Option<SessionId>,
    #[command(flatten)]
    pins: PinArgs,
    /// The PIN that the request takes, whichever it is
    #[arg(long, value_name = "DIGITS", conflicts_with_all = ["pin1", "pin2"])]
    pin: Option<String>,
    /// The code that the e-service shows, where it has to be chosen among three
    #[arg(long, value_name = "CODE")]
    code: Option<VerificationCode>,
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
    let mut view = handset.act_to(Event::Open(session))?;
    loop {
        let event = match &view {
            View::ConfirmDevice(_) | View::Confirm(_) => {
                report.say(&view.to_string());
                Event::Confirm
            }
            View::ChooseCode { .. } => Event::ChooseCode(match &arguments.code {
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
                    RequestKind::Authentication => (&arguments.pins.pin1, "PIN1"),
                    RequestKind::Signature => (&arguments.pins.pin2, "PIN2"),
                };
                Event::EnterPin(pin(given.as_deref().or(arguments.pin.as_deref()), name)?)
            }
            last => {
                report.show(last);
                return Ok(report::exit_code(last));
            }
        };
        view = handset.act_to(event)?;
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
    Ok(report::exit_code(&view))
}

fn nothing(view: &View) -> ExitCode {
    match view {
        View::Home { .. } => ExitCode::from(NOTHING),
        other => report::exit_code(other),
    }
}
