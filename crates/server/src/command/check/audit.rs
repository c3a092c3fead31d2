//! `smart-id check audit`: that nothing in the audit trail was changed, left out or cut off.

use super::Finding;
use crate::{config::Config, deployment};
use anyhow::Result;
use engine::{domain::AuditLink, ports::ServerKeys};
use std::io::{IsTerminal, Write, stderr};
use vault::VaultError;

/// Progress is told every so many records.
const PROGRESS: u64 = 10_000;

/// The root key of the deployment's vault, unless a running server has the vault to itself.
fn vault_root_key(config: &Config) -> Result<Option<[u8; 65]>> {
    match deployment::open_vault(&config.vault) {
        Ok(vault) => Ok(Some(vault.root_key())),
        Err(error)
            if error
                .chain()
                .any(|cause| matches!(cause.downcast_ref(), Some(VaultError::InUse(_)))) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Reads the trail and what hangs on it.
pub(super) async fn check(
    config: &Config,
    root_key: Option<[u8; 65]>,
    anchors: &[AuditLink],
    findings: &mut Vec<Finding>,
) -> Result<()> {
    let root_key = match root_key {
        Some(given) => Some(given),
        None => vault_root_key(config)?,
    };
    let deployment = deployment::Deployment::open_without_keys(config).await?;
    let terminal = stderr().is_terminal();
    let mut told = 0;
    let mut progress = |records: u64| {
        if terminal && records >= told + PROGRESS {
            told = records;
            // Nobody is left to be told when this fails.
            let _ = write!(stderr(), "\r{records} records read …");
        }
    };
    let report = deployment
        .service
        .check_audit(root_key, anchors, &mut progress)
        .await;
    deployment.close().await;
    if told > 0 {
        writeln!(stderr(), "\r{:40}\r", "")?;
    }
    let report = report?;
    for finding in &report.findings {
        findings.push(Finding::Wrong(format!("audit trail: {finding}")));
    }
    if report.findings.is_empty() {
        findings.push(Finding::Fine(format!(
            "audit trail: {} records and {} checkpoints are whole",
            report.records, report.checkpoints
        )));
    }
    if root_key.is_none() && report.checkpoints > 0 {
        findings.push(Finding::Note(
            "audit trail: whose checkpoints they are was not checked, because the running server has the vault to itself; \
             give --root-key, which is rootKey in /device/v1/configuration as you noted it down"
                .to_owned(),
        ));
    }
    if report.uncovered > 0 {
        findings.push(Finding::Note(format!(
            "audit trail: no checkpoint is over the newest {} records yet; a running server makes one every few seconds",
            report.uncovered
        )));
    }
    findings.push(Finding::Note(format!(
        "audit trail: note down where it stands, away from here, and give it to the next check as --anchor: {}",
        report.head
    )));
    Ok(())
}
