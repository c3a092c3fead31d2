use super::DeploymentArgs;
use crate::deployment::Deployment;
use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use engine::{
    Service,
    domain::{ServiceStatus, Status},
    service::{TrustServiceSummary, status_name},
};
use jiff::Timestamp;
use serde_json::json;
use std::io::{Write, stdout};

/// Decide about the services in the trusted list, as its scheme operator
///
/// Works beside a running server, whose list says it within about a second. What a list has said stays in its history.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  smart-id trust status --config serve.toml
  smart-id trust set eid-q withdrawn --config serve.toml
  smart-id trust set tsu withdrawn --since 2026-03-01T00:00:00Z --config serve.toml")]
pub(super) struct TrustArgs {
    #[command(subcommand)]
    command: TrustCommand,
}

#[derive(Subcommand, Debug)]
enum TrustCommand {
    /// List the services with their statuses, the newest first
    Status(StatusArgs),
    /// Give a service another status from now on, or from a moment of the past
    Set(SetArgs),
}

#[derive(Args, Debug)]
struct StatusArgs {
    #[command(flatten)]
    deployment: DeploymentArgs,
    /// One JSON object per line, for scripts
    #[arg(long)]
    json: bool,
}

#[derive(Args, Debug)]
struct SetArgs {
    #[command(flatten)]
    deployment: DeploymentArgs,
    /// Name of the service, as `status` shows it: eid-q, eid-nq, tsu
    service: String,
    /// What it is from then on
    #[arg(value_enum)]
    status: StatusName,
    /// Since when, for example 2026-03-01T00:00:00Z; after its last status began. Left out: since now
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
}

/// The ends of the statuses' identifiers (TS 119 612 §5.5.4).
#[derive(ValueEnum, Clone, Copy, Debug)]
enum StatusName {
    /// A qualified service
    #[value(name = "granted")]
    Granted,
    /// Not a qualified service any more
    #[value(name = "withdrawn")]
    Withdrawn,
    /// Known to the territory, not qualified
    #[value(name = "recognisedatnationallevel")]
    Recognised,
    /// Not known to the territory any more
    #[value(name = "deprecatedatnationallevel")]
    Deprecated,
}

impl From<StatusName> for Status {
    fn from(name: StatusName) -> Self {
        match name {
            StatusName::Granted => Self::Granted,
            StatusName::Withdrawn => Self::Withdrawn,
            StatusName::Recognised => Self::RecognisedAtNationalLevel,
            StatusName::Deprecated => Self::DeprecatedAtNationalLevel,
        }
    }
}

pub(super) async fn run(arguments: TrustArgs) -> Result<()> {
    let which = match &arguments.command {
        TrustCommand::Status(arguments) => &arguments.deployment,
        TrustCommand::Set(arguments) => &arguments.deployment,
    };
    let deployment = Deployment::open_without_keys(&which.load()?).await?;
    let outcome = match arguments.command {
        TrustCommand::Status(arguments) => status(&deployment.service, arguments.json).await,
        TrustCommand::Set(arguments) => set(&deployment.service, &arguments).await,
    };
    deployment.close().await;
    outcome
}

async fn status(service: &Service, json: bool) -> Result<()> {
    let mut out = stdout().lock();
    for service in service.trust_services().await? {
        let TrustServiceSummary {
            name,
            kind,
            statuses,
        } = service;
        if json {
            let statuses: Vec<_> = statuses
                .iter()
                .map(
                    |status| json!({ "status": status_name(status.status), "since": status.since }),
                )
                .collect();
            let value = json!({ "service": name, "type": kind, "statuses": statuses });
            writeln!(out, "{value}")?;
            continue;
        }
        // The service once, then its history below it.
        let mut first = (name.as_str(), kind);
        for ServiceStatus { status, since } in statuses {
            let (name, kind) = std::mem::take(&mut first);
            let status = status_name(status);
            writeln!(out, "{name:<16}  {kind:<8}  {status:<25}  since {since:.0}")?;
        }
    }
    Ok(())
}

async fn set(service: &Service, arguments: &SetArgs) -> Result<()> {
    let decided = service
        .decide_trust(&arguments.service, arguments.status.into(), arguments.since)
        .await?;
    let (name, status) = (&arguments.service, status_name(decided.status));
    writeln!(stdout(), "{name}  {status}  since {:.0}", decided.since)?;
    Ok(())
}
