mod evidence;
mod history;

use super::DeploymentArgs;
use crate::deployment::Deployment;
use anyhow::{Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use engine::{
    Service,
    domain::{AccountLevel, AccountState, Person, RevocationReason},
    service::IdentityRequest,
};
use jiff::civil::Date;
use std::io::{BufRead, Write, stdin, stdout};
use wire::{ControlCode, DocumentNumber, RegistrationCode, SemanticsIdentifier};

/// Vouch for people who register, list and close accounts, show what came of their transactions
///
/// Works beside a running server.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  smart-id account vouch 7K3M-9QXA --config serve.toml --person PNOEE-40504040001 \\
      --given-name OK --surname TESTNUMBER --date-of-birth 1905-04-04 --evidence \"desk 4, passport\"
  smart-id account list PNOEE-40504040001 --config serve.toml
  smart-id account history PNOEE-40504040001-MOCK-Q --config serve.toml
  smart-id account evidence SESSION --out evidence --config serve.toml
  smart-id account close PNOEE-40504040001-MOCK-Q --config serve.toml --reason key-compromise")]
pub(super) struct AccountArgs {
    #[command(subcommand)]
    command: AccountCommand,
}

#[derive(Subcommand, Debug)]
enum AccountCommand {
    /// Vouch for the person behind a registration code, after comparing the control code with her phone
    Vouch(VouchArgs),
    /// List a person's open accounts
    List(ListArgs),
    /// List an account's transactions, the newest first
    History(history::HistoryArgs),
    /// Export a transaction of the past as a folder that anybody can verify with openssl
    Evidence(evidence::EvidenceArgs),
    /// Close an account for good: destroys both keys and revokes both certificates, also if something of it cannot be read
    Close(CloseArgs),
}

#[derive(Args, Debug)]
struct VouchArgs {
    #[command(flatten)]
    deployment: DeploymentArgs,
    /// Registration code, as her phone shows it
    code: RegistrationCode,
    /// Semantics identifier, for example PNOEE-40504040001
    #[arg(long)]
    person: SemanticsIdentifier,
    /// Given names, as in her document
    #[arg(long)]
    given_name: String,
    /// Surname, as in her document
    #[arg(long)]
    surname: String,
    /// Date of birth, year-month-day
    #[arg(long, value_name = "DATE")]
    date_of_birth: Date,
    /// What the proof of her identity is good for
    #[arg(long, value_enum, default_value_t)]
    level: Level,
    /// Who vouches and how, for the audit trail; no personal data
    #[arg(long, value_name = "TEXT", default_value = "operator command")]
    evidence: String,
    /// Do not ask about the control code: the script has compared it
    #[arg(long)]
    yes: bool,
}

/// What the proof of identity is good for.
#[derive(ValueEnum, Clone, Copy, Debug, Default)]
enum Level {
    /// A Basic account.
    Advanced,
    /// A Qualified account.
    #[default]
    Qualified,
}

#[derive(Args, Debug)]
struct ListArgs {
    #[command(flatten)]
    deployment: DeploymentArgs,
    /// Semantics identifier, for example PNOEE-40504040001
    person: SemanticsIdentifier,
}

#[derive(Args, Debug)]
struct CloseArgs {
    #[command(flatten)]
    deployment: DeploymentArgs,
    /// Document number, for example PNOEE-40504040001-MOCK-Q
    document: DocumentNumber,
    /// Why its certificates are revoked; OCSP and the revocation list say so to everybody. The first reason stands
    #[arg(long, value_enum, default_value_t)]
    reason: Reason,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// What an operator revokes for (RFC 5280 §5.3.1).
#[derive(ValueEnum, Clone, Copy, Debug, Default)]
pub(super) enum Reason {
    /// Somebody else has or may have the phone, its keys or the PINs
    KeyCompromise,
    /// The person's name or other data in the certificates are not right any more
    AffiliationChanged,
    /// Another account took this one's place
    Superseded,
    /// The person does not need it any more
    CessationOfOperation,
    /// The account should not exist, or not any more: it was opened in error, or its terms were broken
    #[default]
    PrivilegeWithdrawn,
}

impl From<Reason> for RevocationReason {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::KeyCompromise => Self::KeyCompromise,
            Reason::AffiliationChanged => Self::AffiliationChanged,
            Reason::Superseded => Self::Superseded,
            Reason::CessationOfOperation => Self::CessationOfOperation,
            Reason::PrivilegeWithdrawn => Self::PrivilegeWithdrawn,
        }
    }
}

pub(super) async fn run(arguments: AccountArgs) -> Result<()> {
    let which = match &arguments.command {
        AccountCommand::Vouch(arguments) => &arguments.deployment,
        AccountCommand::List(arguments) => &arguments.deployment,
        AccountCommand::History(arguments) => &arguments.deployment,
        AccountCommand::Evidence(arguments) => &arguments.deployment,
        AccountCommand::Close(arguments) => &arguments.deployment,
    };
    let deployment = Deployment::open_without_keys(&which.load()?).await?;
    let outcome = match arguments.command {
        AccountCommand::Vouch(arguments) => vouch(&deployment.service, arguments).await,
        AccountCommand::List(arguments) => list(&deployment.service, &arguments.person).await,
        AccountCommand::History(arguments) => history::run(&deployment.service, &arguments).await,
        AccountCommand::Evidence(arguments) => evidence::run(&deployment.service, &arguments).await,
        AccountCommand::Close(arguments) => close(&deployment.service, &arguments).await,
    };
    deployment.close().await;
    outcome
}

async fn vouch(service: &Service, arguments: VouchArgs) -> Result<()> {
    let control_code = service.control_code(&arguments.code).await?;
    if arguments.yes {
        writeln!(stdout(), "control code {control_code}")?;
    } else if !compared(&control_code, &mut stdin().lock(), &mut stdout().lock())? {
        // R38: another phone than the person's holds this code.
        service.refuse_registration(&arguments.code).await?;
        bail!("the control codes differ: the registration was refused");
    }
    let person = Person {
        semantics_identifier: arguments.person,
        given_name: arguments.given_name,
        surname: arguments.surname,
        date_of_birth: arguments.date_of_birth,
    };
    let level = match arguments.level {
        Level::Advanced => AccountLevel::Advanced,
        Level::Qualified => AccountLevel::Qualified,
    };
    service
        .prove_identity(
            &arguments.code,
            &IdentityRequest {
                person,
                level,
                evidence: arguments.evidence,
                document_suffix: None,
                invented: false,
            },
        )
        .await?;
    writeln!(stdout(), "vouched; her phone goes on with the PINs")?;
    Ok(())
}

/// Asks whether the phone shows the same code; an end of input is no answer.
fn compared(code: &ControlCode, input: &mut dyn BufRead, out: &mut dyn Write) -> Result<bool> {
    write!(
        out,
        "Control code: {code}\nDoes her phone show the same? [yes/no] "
    )?;
    out.flush()?;
    yes_or_no(input)
}

pub(super) fn yes_or_no(input: &mut dyn BufRead) -> Result<bool> {
    let mut answer = String::new();
    input.read_line(&mut answer)?;
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(true),
        "n" | "no" => Ok(false),
        _ => bail!("answered neither yes nor no; nothing was changed"),
    }
}

async fn list(service: &Service, person: &SemanticsIdentifier) -> Result<()> {
    let mut out = stdout().lock();
    for account in service.accounts_of(person).await? {
        let level = match account.level {
            AccountLevel::Advanced => "ADVANCED",
            AccountLevel::Qualified => "QUALIFIED",
        };
        let state = match account.state {
            AccountState::Active => "active",
            AccountState::Closed { reason, .. } => reason.code(),
        };
        let Person {
            given_name,
            surname,
            ..
        } = &account.person;
        let (since, until) = (account.created_at, account.expires_at);
        writeln!(
            out,
            "{}  {level:<9}  {state}  {given_name} {surname}  {since:.0} to {until:.0}",
            account.document_number
        )?;
    }
    Ok(())
}

async fn close(service: &Service, arguments: &CloseArgs) -> Result<()> {
    if !arguments.yes {
        write!(stdout(), "Close {} for good? [yes/no] ", arguments.document)?;
        stdout().flush()?;
        if !yes_or_no(&mut stdin().lock())? {
            return Ok(());
        }
    }
    let number = &arguments.document;
    let closing = service
        .close_account(number, arguments.reason.into())
        .await?;
    let mut out = stdout().lock();
    match closing.closed_before {
        None => writeln!(out, "{number}  closed")?,
        Some(at) if closing.revoked.is_empty() => {
            writeln!(
                out,
                "{number}  was closed before, {at:.0}, for the same reason"
            )?;
        }
        Some(at) => writeln!(
            out,
            "{number}  was closed before, {at:.0}, and certificates of it were good all the same; they are revoked now"
        )?,
    }
    for certificate in &closing.revoked {
        writeln!(out, "revoked  {}", certificate.serial)?;
    }
    if let Some(what) = closing.unreadable {
        writeln!(
            out,
            "Something of it cannot be read ({what} is damaged). It was closed by what can: its keys are deleted, and {} of \
             its certificates revoked by their records. `smart-id check certificates` says what is wrong.",
            closing.revoked.len()
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::domain::OPERATOR_REASONS;

    #[test]
    fn every_reason_of_an_operator_can_be_given() {
        let given: Vec<RevocationReason> = Reason::value_variants()
            .iter()
            .map(|reason| (*reason).into())
            .collect();
        assert_eq!(given, OPERATOR_REASONS);
    }

    #[test]
    fn only_a_clear_answer_counts() {
        let code: ControlCode = serde_json::from_str("\"4711\"").unwrap();
        let mut shown = Vec::new();
        assert!(compared(&code, &mut "yes\n".as_bytes(), &mut shown).unwrap());
        assert!(String::from_utf8(shown).unwrap().contains("4711"));
        assert!(yes_or_no(&mut "Y\n".as_bytes()).unwrap());
        assert!(!yes_or_no(&mut "no".as_bytes()).unwrap());
        for unclear in ["", "\n", "perhaps\n", "4711\n"] {
            yes_or_no(&mut unclear.as_bytes()).expect_err(unclear);
        }
    }
}
