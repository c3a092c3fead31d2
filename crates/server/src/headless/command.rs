//! The subcommands of `smart-id device`.

mod answer;
mod register;

use super::{
    handset::Handset,
    report::{self, NOTHING, Report},
    storage,
};
use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use device::{Event, Phone, PinEntry, SoftwareKeystore, View};
use serde_json::json;
use std::{
    io::{self, BufRead, IsTerminal, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};
use wire::SessionId;

/// How often a waiting phone looks again.
const POLL: Duration = Duration::from_millis(500);

/// A headless phone, kept in a file
///
/// For demos, tests and scripts. The state is in one encrypted file; the key beside it (FILE.key) stands in for the
/// keystore of a real phone.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct DeviceArgs {
    /// The phone's file [default: my.phone in the user's data folder]
    #[arg(long, global = true, value_name = "FILE")]
    file: Option<PathBuf>,
    /// One JSON object per line, for scripts
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: DeviceCommand,
}

const EXAMPLES: &str = "\
Examples, with `smart-id demo` running:
  smart-id device register --url http://127.0.0.1:8080 --person PNOEE-40504040001 \\
      --given-name OK --surname TESTNUMBER --date-of-birth 1905-04-04
  smart-id device pending --wait 60
  smart-id device approve --pin1 4826

Exit codes: 0 done; 1 failed; 2 wrong usage; 3 the answer was no (wrong PIN, locked, refused, closed);
4 nothing waits.";

#[derive(Subcommand, Debug)]
enum DeviceCommand {
    /// Make keys and register an account
    Register(register::RegisterArgs),
    /// Phones on this computer
    List,
    /// Requests that wait for this phone
    Pending {
        /// Wait up to so many seconds for one
        #[arg(long, value_name = "SECONDS", default_value_t = 0)]
        wait: u64,
    },
    /// Confirm a request with its PIN
    Approve(answer::ApproveArgs),
    /// Use a device link, as if its QR code was scanned or its button pressed, and answer it
    Scan(answer::ScanArgs),
    /// Refuse a request
    Refuse(answer::RefuseArgs),
    /// The account, its expiry and its PINs' state
    Show,
    /// Renew the freshness token, so that a copy of this phone is found out
    Rotate,
    /// Delete the account, for good
    Delete {
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// PINs for scripts; a person is asked for them.
#[derive(Args, Debug)]
struct PinArgs {
    /// PIN1, for logging in; visible to others on this computer, so for tests only
    #[arg(
        long,
        value_name = "DIGITS",
        env = "SMART_ID_PIN1",
        hide_env_values = true
    )]
    pin1: Option<String>,
    /// PIN2, for signing; visible to others on this computer, so for tests only
    #[arg(
        long,
        value_name = "DIGITS",
        env = "SMART_ID_PIN2",
        hide_env_values = true
    )]
    pin2: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// With a sentence for the person.
pub fn run(arguments: DeviceArgs) -> Result<ExitCode> {
    let report = Report {
        json: arguments.json,
    };
    let file = match arguments.file {
        Some(file) => file,
        None => storage::default_file()?,
    };
    match arguments.command {
        DeviceCommand::Register(arguments) => register::run(&file, &arguments, report),
        DeviceCommand::List => list(report, &file),
        DeviceCommand::Pending { wait } => {
            with_account(&file, report, |handset| pending(handset, wait, report))
        }
        DeviceCommand::Approve(arguments) => with_account(&file, report, |handset| {
            answer::approve(handset, arguments, report)
        }),
        DeviceCommand::Scan(arguments) => with_account(&file, report, |handset| {
            answer::scan(handset, arguments, report)
        }),
        DeviceCommand::Refuse(arguments) => with_account(&file, report, |handset| {
            answer::refuse(handset, &arguments, report)
        }),
        DeviceCommand::Show => with_account(&file, report, |handset| {
            last(handset, Event::Refresh, report)
        }),
        DeviceCommand::Rotate => with_account(&file, report, |handset| {
            last(handset, Event::Rotate, report)
        }),
        DeviceCommand::Delete { yes } => {
            // What is left of a closed account can be deleted as well.
            let mut handset = Handset::open(&file, None, None)?;
            start(&mut handset, report)?;
            if !yes && ask("Delete the account for good? Type OK: ")? != "OK" {
                bail!("nothing was deleted");
            }
            last(&mut handset, Event::Delete, report)
        }
    }
}

/// Works with the phone in the file; without an account says why there is none.
fn with_account(
    file: &Path,
    report: Report,
    work: impl FnOnce(&mut Handset) -> Result<ExitCode>,
) -> Result<ExitCode> {
    let mut handset = Handset::open(file, None, None)?;
    let shown = start(&mut handset, report)?;
    if handset.phone().has_account() || handset.phone().is_registering() {
        return work(&mut handset);
    }
    match shown {
        Some(closed @ View::AccountClosed { .. }) => {
            report.show(&closed);
            Ok(report::exit_code(&closed))
        }
        _ => bail!(
            "there is no account on the phone in {}; register one first",
            file.display()
        ),
    }
}

/// Switches the phone on, which settles what a crash or a lost answer left open, and tells what came of it. Returns
/// what is shown in the end.
fn start(handset: &mut Handset, report: Report) -> Result<Option<View>> {
    let mut views = handset.act(Event::AppStart)?;
    for view in &views {
        if let View::Registered(_)
        | View::RegistrationEnded { .. }
        | View::Completed(_)
        | View::WrongPin { .. }
        | View::NotSent(_)
        | View::Failed { .. } = view
        {
            report.show(view);
        }
    }
    Ok(views.pop())
}

fn last(handset: &mut Handset, event: Event, report: Report) -> Result<ExitCode> {
    let view = handset.act_to(event)?;
    report.show(&view);
    Ok(report::exit_code(&view))
}

fn list(report: Report, file: &Path) -> Result<ExitCode> {
    let folder = file
        .parent()
        .map_or_else(storage::default_folder, |folder| Ok(folder.to_owned()))?;
    let phones = storage::phones_in(&folder)?;
    if phones.is_empty() {
        report.say(&format!("There are no phones in {}.", folder.display()));
    }
    for (path, stored) in phones {
        let keystore = SoftwareKeystore::from_secret(&*storage::keystore_secret_of(&path)?);
        let account = Phone::restore(&stored.state, &keystore)
            .with_context(|| format!("the phone in {} cannot be read", path.display()))?
            .account();
        let number = account.map(|account| account.document_number.to_string());
        report.value(
            &json!({ "file": path, "server": stored.server, "documentNumber": number }),
            &format!(
                "{}  {}  {}",
                number.as_deref().unwrap_or("(no account)"),
                stored.server,
                path.display()
            ),
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn pending(handset: &mut Handset, wait: u64, report: Report) -> Result<ExitCode> {
    let view = wait_for_requests(handset, wait)?;
    report.show(&view);
    Ok(match &view {
        View::Home { pending, .. } if pending.is_empty() => ExitCode::from(NOTHING),
        view => report::exit_code(view),
    })
}

/// Looks until something waits or the time is over.
fn wait_for_requests(handset: &mut Handset, seconds: u64) -> Result<View> {
    let end = Instant::now() + Duration::from_secs(seconds);
    loop {
        let view = handset.act_to(Event::Refresh)?;
        let nothing = matches!(&view, View::Home { pending, .. } if pending.is_empty());
        if !nothing || Instant::now() >= end {
            return Ok(view);
        }
        thread::sleep(POLL);
    }
}

/// The request that was named, or the oldest.
fn choose(view: &View, named: Option<SessionId>) -> Result<Option<SessionId>> {
    let View::Home { pending, .. } = view else {
        return Ok(None);
    };
    match named {
        None => Ok(pending.first().map(|request| request.session_id)),
        Some(named) if pending.iter().any(|request| request.session_id == named) => Ok(Some(named)),
        Some(named) => bail!("no request {named} waits for this phone"),
    }
}

/// Asks a person; there must be one.
fn ask(question: &str) -> Result<String> {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        bail!(
            "there is nobody to ask \"{}\"; say it by a flag",
            question.trim_end_matches([' ', ':'])
        );
    }
    let mut stderr = io::stderr().lock();
    write!(stderr, "{question}")?;
    stderr.flush()?;
    let mut line = String::new();
    stdin.lock().read_line(&mut line)?;
    Ok(line.trim().to_owned())
}

/// A PIN from its flag, or from a person, unseen.
fn pin(given: Option<&str>, name: &str) -> Result<PinEntry> {
    if let Some(given) = given {
        return Ok(PinEntry::new(given.to_owned()));
    }
    if !io::stdin().is_terminal() {
        bail!(
            "there is nobody to ask for {name}; give it by --{}",
            name.to_lowercase()
        );
    }
    Ok(PinEntry::new(rpassword::prompt_password(format!(
        "{name}: "
    ))?))
}
