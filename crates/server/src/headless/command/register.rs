use super::{PinArgs, pin, start};
use crate::headless::{
    handset::{Handset, KeyProgress},
    report::{self, Report},
};
use anyhow::{Context, Result, bail};
use clap::Args;
use device::{Event, View};
use jiff::civil::Date;
use serde_json::json;
use std::{
    io::{self, IsTerminal, Write},
    path::Path,
    process::ExitCode,
    thread,
    time::Duration,
};
use wire::{RegistrationCode, SemanticsIdentifier};

/// How often the phone asks whether somebody has vouched.
const POLL: Duration = Duration::from_secs(1);

#[derive(Args, Debug)]
pub(super) struct RegisterArgs {
    /// Origin of the server
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    url: String,
    /// The deployment's root key, 130 hexadecimal digits; without it the first one met is trusted
    #[arg(long, value_name = "HEX", value_parser = root_key)]
    root_key: Option<RootKey>,
    /// Replace the account that is on this phone
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    pins: PinArgs,
    /// Only with a demo: have it vouch for this person, for example PNOEE-40504040001
    #[arg(long, value_name = "ID", requires_all = ["given_name", "surname", "date_of_birth"])]
    person: Option<SemanticsIdentifier>,
    /// Given name of the person
    #[arg(long, value_name = "NAME", requires = "person")]
    given_name: Option<String>,
    /// Surname of the person
    #[arg(long, value_name = "NAME", requires = "person")]
    surname: Option<String>,
    /// Date of birth of the person, for example 1905-04-04
    #[arg(long, value_name = "DATE", requires = "person")]
    date_of_birth: Option<Date>,
    /// Level of the account, only with --person
    #[arg(long, value_name = "LEVEL", requires = "person", value_parser = ["QUALIFIED", "ADVANCED"], default_value = "QUALIFIED")]
    level: String,
}

#[derive(Clone, Debug)]
struct RootKey([u8; 65]);

fn root_key(text: &str) -> Result<RootKey, String> {
    let mut key = [0; 65];
    hex::decode_to_slice(text, &mut key)
        .map_err(|_| "130 hexadecimal digits are needed".to_owned())?;
    Ok(RootKey(key))
}

pub(super) fn run(file: &Path, arguments: &RegisterArgs, report: Report) -> Result<ExitCode> {
    let root_key = arguments.root_key.as_ref().map(|key| key.0);
    let mut handset = Handset::open(file, Some(&arguments.url), root_key)?;
    if io::stderr().is_terminal() {
        handset.on_progress(show_progress);
    }
    if let Some(View::Registered(_)) = start(&mut handset, report)? {
        // The last answer had been lost.
        return Ok(ExitCode::SUCCESS);
    }
    if handset.phone().has_account() && !arguments.replace {
        bail!(
            "there is an account on the phone in {} already; delete it first, or say --replace",
            file.display()
        );
    }
    let resumed = handset.phone().is_registering();
    if !resumed {
        begin(&mut handset, arguments, report)?;
    }
    let view = handset.act_to(Event::Refresh)?;
    if let View::AwaitingIdentity { code, .. } = &view {
        if resumed {
            report.show(&view);
        }
        match &arguments.person {
            Some(person) => vouch(&handset, code, person, arguments)?,
            None => report.say(&format!(
                "Tell your registration code to whoever vouches for you, and compare the control code.\n\
                 An operator says: smart-id account vouch {code} …"
            )),
        }
    }
    let view = await_identity(&mut handset, report)?;
    if !matches!(view, View::RepeatPins { .. }) {
        report.show(&view);
        return Ok(report::exit_code(&view));
    }
    report.say(&view.to_string());
    finish(&mut handset, arguments, report)
}

/// Chooses PINs, makes keys, hands over the server's shares.
fn begin(handset: &mut Handset, arguments: &RegisterArgs, report: Report) -> Result<()> {
    let register = Event::Register {
        replace: arguments.replace,
        birth_date: arguments.date_of_birth,
    };
    let mut views = handset.act(register)?;
    loop {
        for view in &views {
            if matches!(view, View::TrustOnFirstUse { .. }) {
                report.say(&view.to_string());
            }
        }
        let view = views.pop().context("the phone shows nothing")?;
        match view {
            View::ChoosePins { ref refusal } => {
                let given = arguments.pins.pin1.is_some() && arguments.pins.pin2.is_some();
                if let (Some(refusal), true) = (refusal, given) {
                    bail!("choose other PINs: {refusal}");
                }
                if !given {
                    report.say(&view.to_string());
                }
                let pin1 = pin(arguments.pins.pin1.as_deref(), "PIN1")?;
                let pin2 = pin(arguments.pins.pin2.as_deref(), "PIN2")?;
                views = handset.act(Event::ChoosePins { pin1, pin2 })?;
            }
            View::AwaitingIdentity { .. } => {
                report.show(&view);
                return Ok(());
            }
            other => bail!("{other}"),
        }
    }
}

/// The demo believes whoever asks.
fn vouch(
    handset: &Handset,
    code: &RegistrationCode,
    person: &SemanticsIdentifier,
    arguments: &RegisterArgs,
) -> Result<()> {
    let body = json!({
        "registrationCode": code,
        "semanticsIdentifier": person,
        "givenName": arguments.given_name,
        "surname": arguments.surname,
        "dateOfBirth": arguments.date_of_birth,
        "level": arguments.level,
    });
    let reply = handset.transport().post("/demo/identities", &body)?;
    if reply.status == 404 {
        bail!(
            "this server is no demo: --person works with `smart-id demo` only, elsewhere an operator vouches"
        );
    }
    reply
        .json()
        .context("the demo does not vouch for this person")?;
    Ok(())
}

fn await_identity(handset: &mut Handset, report: Report) -> Result<View> {
    let mut said = false;
    loop {
        let view = handset.act_to(Event::Refresh)?;
        match view {
            View::AwaitingIdentity { .. } => {
                if !said {
                    report.say("Waiting for somebody to vouch …");
                    said = true;
                }
                thread::sleep(POLL);
            }
            other => return Ok(other),
        }
    }
}

fn finish(handset: &mut Handset, arguments: &RegisterArgs, report: Report) -> Result<ExitCode> {
    loop {
        let pin1 = pin(arguments.pins.pin1.as_deref(), "PIN1")?;
        let pin2 = pin(arguments.pins.pin2.as_deref(), "PIN2")?;
        let view = handset.act_to(Event::RepeatPins { pin1, pin2 })?;
        report.show(&view);
        let given = arguments.pins.pin1.is_some() && arguments.pins.pin2.is_some();
        if !matches!(view, View::RepeatPins { .. }) || given {
            return Ok(report::exit_code(&view));
        }
    }
}

/// One line that is written over. The number of tries for a prime is geometric, so their share never goes back.
fn show_progress(KeyProgress { primes, candidates }: KeyProgress) {
    let mut stderr = io::stderr().lock();
    let line = if primes == 4 {
        "\rmaking keys: 4 of 4 primes            \n".to_owned()
    } else {
        format!("\rmaking keys: {primes} of 4 primes, {candidates} numbers tried")
    };
    // Progress that nobody can see is no failure.
    let _ = write!(stderr, "{line}");
    let _ = stderr.flush();
}
