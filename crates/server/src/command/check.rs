mod audit;
mod certificates;
mod keys;
mod publications;
mod vault;

use super::{DeploymentArgs, hint};
use crate::{
    config::{Config, SecretSource, TlsConfig, private_file},
    deployment,
    http::Tls,
};
use anyhow::{Error, Result};
use base64ct::{Base64, Encoding};
use clap::{Args, ValueEnum};
use engine::{domain::AuditLink, ports::Store};
use std::{
    io::{Write, stdout},
    process::ExitCode,
};

/// Say what is wrong with a deployment, and how to mend it
///
/// Changes nothing and works beside a running server. Exit code 0 if nothing is wrong; notes are worth reading.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  smart-id check all --config serve.toml
  smart-id check audit --config serve.toml --anchor 4711:9f86d081884c7d65…
  smart-id check certificates --config serve.toml
  smart-id check keys --config serve.toml")]
pub(super) struct CheckArgs {
    /// What to look at
    #[arg(value_enum)]
    what: What,
    #[command(flatten)]
    deployment: DeploymentArgs,
    /// Where the audit trail stood earlier, as this command or the server's log told it; give it again for more
    #[arg(long = "anchor", value_name = "NUMBER:HASH")]
    anchors: Vec<AuditLink>,
    /// The deployment's root key, whose the checkpoints must be; the vault's, if left out and no server runs
    #[arg(long, value_name = "BASE64")]
    root_key: Option<RootKey>,
}

/// As in `rootKey` of the device API's configuration.
#[derive(Clone, Debug)]
struct RootKey([u8; 65]);

impl std::str::FromStr for RootKey {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = Base64::decode_vec(text).map_err(|_| "it is not base64")?;
        let key = bytes.try_into();
        key.map(Self)
            .map_err(|_| "a root key has 65 bytes, which are 88 characters of base64")
    }
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// The configuration file and the secrets it names
    Config,
    /// The database: undamaged, schema, column keys
    Store,
    /// The vault: unlock key, integrity, lifetime of the authorities and of the root's revocation list
    Vault,
    /// The audit trail: chain, checkpoints, evidence; that nothing was changed, left out or cut off
    Audit,
    /// Every certificate that was ever signed: against its record, profile, authority and account; the newest lists
    Certificates,
    /// Every modulus against every other: the same one twice, shared primes, small factors. Takes its time (docs/adr/0011)
    Keys,
    /// All of these; of the keys those of the last week, against all
    All,
}

/// What a look brought up.
enum Finding {
    Fine(String),
    Note(String),
    Wrong(String),
}

pub(super) async fn run(arguments: CheckArgs) -> Result<ExitCode> {
    let asked = |what| arguments.what == what || arguments.what == What::All;
    let mut findings = Vec::new();
    match arguments.deployment.load() {
        Ok(config) => {
            if asked(What::Config) {
                findings.push(Finding::Fine(format!(
                    "configuration {} is well-formed",
                    arguments.deployment.path().display()
                )));
                check_config(&config, &mut findings);
            }
            if asked(What::Store) {
                check_store(&config, &mut findings).await;
            }
            if asked(What::Vault) {
                vault::check(&config, &mut findings);
            }
            if asked(What::Audit)
                && let Err(error) = audit::check(
                    &config,
                    arguments.root_key.as_ref().map(|key| key.0),
                    &arguments.anchors,
                    &mut findings,
                )
                .await
            {
                findings.push(wrong(&error.context("audit trail")));
            }
            if asked(What::Certificates)
                && let Err(error) = certificates::check(&config, &mut findings).await
            {
                findings.push(wrong(&error.context("certificates")));
            }
            if asked(What::Certificates)
                && let Err(error) = publications::check(&config, &mut findings).await
            {
                findings.push(wrong(&error.context("what is published")));
            }
            if asked(What::Keys) {
                keys::check(&config, arguments.what == What::Keys, &mut findings).await;
            }
        }
        Err(error) => findings.push(wrong(&error)),
    }
    let mut out = stdout().lock();
    for finding in &findings {
        match finding {
            Finding::Fine(text) => writeln!(out, "ok     {text}")?,
            Finding::Note(text) => writeln!(out, "note   {text}")?,
            Finding::Wrong(text) => writeln!(out, "wrong  {text}")?,
        }
    }
    let any_wrong = findings
        .iter()
        .any(|finding| matches!(finding, Finding::Wrong(_)));
    Ok(if any_wrong {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn check_config(config: &Config, findings: &mut Vec<Finding>) {
    if !config.public_url.to_string().starts_with("https:") {
        findings.push(Finding::Note(
            "public_url is not https: phones and browsers in the field need it; put a TLS proxy in front, or set http.tls".to_owned(),
        ));
    }
    if config.http.maintenance {
        findings.push(Finding::Note(
            "http.maintenance is set: relying parties and phones are told to come again later"
                .to_owned(),
        ));
    }
    if let Some(tls) = &config.http.tls {
        check_tls(tls, findings);
    } else if config.http.proxies.is_empty() {
        findings.push(Finding::Note(
            "http.proxies is empty: behind a proxy all relying parties would have its address"
                .to_owned(),
        ));
    }
    // Clients of relying parties poll for 60 to 120 seconds; PINs take people longer than ten.
    if !(30..=120).contains(&config.limits.session_seconds) {
        findings.push(Finding::Note(
            "limits.session_seconds is far from the usual 60 to 120".to_owned(),
        ));
    }
    let column_keys = config
        .database
        .column_keys
        .iter()
        .map(|key| (format!("column key {}", key.id), &key.key));
    for (name, source) in column_keys.chain([(
        "the vault's unlock key".to_owned(),
        &config.vault.unlock_key,
    )]) {
        check_secret(&name, source, findings);
    }
}

fn check_tls(tls: &TlsConfig, findings: &mut Vec<Finding>) {
    let key = tls.key_file.display();
    findings.push(
        match Tls::from_files(&tls.certificate_file, &tls.key_file) {
            Ok(_) => Finding::Fine(format!("the key of http.tls is in {key}")),
            Err(error) => wrong(&error.context("http.tls")),
        },
    );
    if private_file::is_readable_by_others(&tls.key_file) {
        findings.push(Finding::Wrong(format!(
            "http.tls: others can read {key}; mend: chmod 600 {key}"
        )));
    }
}

fn check_secret(name: &str, source: &SecretSource, findings: &mut Vec<Finding>) {
    match source.read() {
        Ok(_) => findings.push(Finding::Fine(format!("{name} is in {source}"))),
        Err(error) => findings.push(wrong(&Error::new(error).context(name.to_owned()))),
    }
    if let Some(path) = source.readable_by_others() {
        let path = path.display();
        findings.push(Finding::Wrong(format!(
            "{name}: others can read {path}; mend: chmod 600 {path}"
        )));
    }
}

async fn check_store(config: &Config, findings: &mut Vec<Finding>) {
    let outcome = async {
        let store = deployment::open_store(&config.database).await?;
        let looked = async {
            store.ready().await?;
            Ok::<_, Error>(store.damage().await?)
        };
        let looked = looked.await;
        store.close().await;
        looked
    };
    let file = config.database.file.display();
    match outcome.await {
        Ok(damage) if damage.is_empty() => findings.push(Finding::Fine(format!(
            "database {file} is undamaged, has our schema and opens with its keys"
        ))),
        Ok(damage) => findings.extend(damage.into_iter().map(|what| {
            Finding::Wrong(format!(
                "database {file} is damaged: {what}; mend: restore a backup"
            ))
        })),
        Err(error) => findings.push(wrong(&error)),
    }
}

fn wrong(error: &Error) -> Finding {
    Finding::Wrong(match hint::of(error) {
        Some(hint) => format!("{error:#}; mend: {hint}"),
        None => format!("{error:#}"),
    })
}
