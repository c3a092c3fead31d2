mod usage;

use super::DeploymentArgs;
use crate::deployment::Deployment;
use anyhow::Result;
use clap::{Args, Subcommand};
use engine::{
    Service,
    domain::{Network, RelyingParty, RelyingPartyRights},
    service::NewRelyingParty,
};
use serde_json::json;
use std::io::{Write, stderr, stdout};
use wire::{RelyingPartyUuid, rp_v2::MAX_NAME_BYTES};

/// Keep the relying parties: e-services that may ask for logins and signatures
///
/// Works beside a running server, which sees the change with the next request.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  smart-id rp add --config serve.toml --name \"Example Bank\" --network 192.0.2.0/24
  smart-id rp list --config serve.toml
  smart-id rp usage --config serve.toml --month 2026-03
  smart-id rp disable --config serve.toml 00000000-0000-4000-8000-000000000000")]
pub(super) struct RpArgs {
    #[command(subcommand)]
    command: RpCommand,
}

#[derive(Subcommand, Debug)]
enum RpCommand {
    /// Add a relying party; prints its relyingPartyUUID
    Add(AddArgs),
    /// List all relying parties
    List(ListArgs),
    Usage(usage::UsageArgs),
    /// Treat a relying party as unknown from now on; its running sessions go on
    Disable(OneArgs),
    /// Let a disabled relying party in again
    Enable(OneArgs),
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  smart-id rp add --config serve.toml --name \"Example Bank\" --network 192.0.2.0/24
  smart-id rp add --config serve.toml --name Broker --brokered-name \"Example Shop\" --share-device-ip
How to point a client at this server: docs/relying-parties.md")]
struct AddArgs {
    #[command(flatten)]
    deployment: DeploymentArgs,
    /// A name it may use as relyingPartyName; give it again for more
    #[arg(long = "name", value_name = "NAME", required = true)]
    names: Vec<String>,
    /// Its relyingPartyUUID; a random one if left out
    #[arg(long)]
    uuid: Option<RelyingPartyUuid>,
    /// An address or network that it may call from; give it again for more, leave it out for anywhere
    #[arg(long = "network", value_name = "CIDR")]
    networks: Vec<Network>,
    /// It may ask for Basic accounts, too (certificateLevel ADVANCED)
    #[arg(long)]
    advanced: bool,
    /// It may ask for the phone's IP address (shareMdClientIpAddress)
    #[arg(long)]
    share_device_ip: bool,
    /// A capability that it may name; give it again for more
    #[arg(long = "capability", value_name = "NAME")]
    capabilities: Vec<String>,
    /// Name of the party it acts for, shown and signed beside its own
    #[arg(
        long,
        value_name = "NAME",
        default_value = "",
        hide_default_value = true
    )]
    brokered_name: String,
    /// Requests a minute to one account; the deployment's limit if left out
    #[arg(long, value_name = "NUMBER")]
    prompts_per_minute: Option<u32>,
}

#[derive(Args, Debug)]
struct ListArgs {
    #[command(flatten)]
    deployment: DeploymentArgs,
    /// One JSON object per line, for scripts
    #[arg(long)]
    json: bool,
}

#[derive(Args, Debug)]
struct OneArgs {
    #[command(flatten)]
    deployment: DeploymentArgs,
    /// Its relyingPartyUUID
    uuid: RelyingPartyUuid,
}

pub(super) async fn run(arguments: RpArgs) -> Result<()> {
    let which = match &arguments.command {
        RpCommand::Add(arguments) => &arguments.deployment,
        RpCommand::List(arguments) => &arguments.deployment,
        RpCommand::Usage(arguments) => &arguments.deployment,
        RpCommand::Disable(arguments) | RpCommand::Enable(arguments) => &arguments.deployment,
    };
    let deployment = Deployment::open_without_keys(&which.load()?).await?;
    let outcome = act(&deployment.service, arguments.command).await;
    deployment.close().await;
    outcome
}

async fn act(service: &Service, command: RpCommand) -> Result<()> {
    match command {
        RpCommand::Add(arguments) => add(service, arguments).await,
        RpCommand::List(arguments) => list(service, arguments.json).await,
        RpCommand::Usage(arguments) => usage::run(service, &arguments).await,
        RpCommand::Disable(arguments) => enable(service, arguments.uuid, false).await,
        RpCommand::Enable(arguments) => enable(service, arguments.uuid, true).await,
    }
}

async fn add(service: &Service, arguments: AddArgs) -> Result<()> {
    let new = NewRelyingParty {
        uuid: arguments.uuid,
        names: arguments.names,
        networks: arguments.networks,
        rights: RelyingPartyRights {
            advanced_level: arguments.advanced,
            share_device_ip: arguments.share_device_ip,
            capabilities: arguments.capabilities,
            brokered_name: arguments.brokered_name,
            prompts_per_minute: arguments.prompts_per_minute,
        },
    };
    let added = service.add_relying_party(new).await?;
    writeln!(stdout(), "{}", added.uuid)?;
    // For people; scripts read the UUID alone.
    let url = &service.policy().public_url;
    let mut notes = stderr().lock();
    writeln!(
        notes,
        "Base URL {url}/smart-id-rp/v3 (older clients: {url}/smart-id-rp/v2), scheme name {}, names {}.",
        service.policy().scheme_name,
        added.names.join(", ")
    )?;
    for name in added
        .names
        .iter()
        .filter(|name| name.len() > MAX_NAME_BYTES)
    {
        writeln!(
            notes,
            "\"{name}\" has more than {MAX_NAME_BYTES} bytes: RP API v2 will refuse it."
        )?;
    }
    Ok(())
}

async fn list(service: &Service, json: bool) -> Result<()> {
    let mut out = stdout().lock();
    for relying_party in service.relying_parties().await? {
        if json {
            let RelyingParty {
                uuid,
                names,
                networks,
                rights,
                enabled,
                ..
            } = relying_party;
            let value = json!({
                "relyingPartyUUID": uuid, "names": names, "networks": networks, "rights": rights, "enabled": enabled,
            });
            writeln!(out, "{value}")?;
        } else {
            writeln!(out, "{}", describe(&relying_party))?;
        }
    }
    Ok(())
}

/// One line: UUID, state, names, and what is out of the ordinary.
fn describe(relying_party: &RelyingParty) -> String {
    let rights = &relying_party.rights;
    let mut line = format!(
        "{}  {:<8}  {}",
        relying_party.uuid,
        if relying_party.enabled {
            "enabled"
        } else {
            "disabled"
        },
        relying_party.names.join(", ")
    );
    let networks: Vec<String> = relying_party
        .networks
        .iter()
        .map(ToString::to_string)
        .collect();
    let extras = [
        (!networks.is_empty()).then(|| format!("from {}", networks.join(", "))),
        rights.advanced_level.then(|| "advanced".to_owned()),
        rights.share_device_ip.then(|| "share-device-ip".to_owned()),
        (!rights.capabilities.is_empty())
            .then(|| format!("capabilities {}", rights.capabilities.join(", "))),
        (!rights.brokered_name.is_empty()).then(|| format!("acts for {}", rights.brokered_name)),
        rights
            .prompts_per_minute
            .map(|limit| format!("{limit} prompts a minute")),
    ];
    let extras: Vec<String> = extras.into_iter().flatten().collect();
    if !extras.is_empty() {
        line.push_str(&format!("  ({})", extras.join("; ")));
    }
    line
}

async fn enable(service: &Service, uuid: RelyingPartyUuid, enabled: bool) -> Result<()> {
    service.enable_relying_party(uuid, enabled).await?;
    writeln!(
        stdout(),
        "{uuid}  {}",
        if enabled { "enabled" } else { "disabled" }
    )?;
    Ok(())
}
