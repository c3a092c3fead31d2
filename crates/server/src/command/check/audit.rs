//! `smart-id check audit`: that nothing in the audit trail was changed, left out or cut off.

use super::Finding;
use crate::{config::Config, deployment};
use anyhow::Result;
use engine::{domain::AuditLink, ports::ServerKeys};
use std::io::{IsTerminal, Write, stderr};

/// Progress is told every so many records.
const PROGRESS: u64 = 10_000;

/// Reads the trail and what hangs on it.
pub(super) async fn check(
    config: &Config,
    anchors: &[AuditLink],
    findings: &mut Vec<Finding>,
) -> Result<()> {
    // A running server has the vault to itself; then the checkpoints only have to agree on one root key.
    let root_key = deployment::open_vault(&config.vault)
        .ok()
        .map(|vault| vault.root_key());
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
        let checkpoints = match root_key {
            Some(_) => "checkpoints of this vault's root key",
            None => "checkpoints of one root key",
        };
        findings.push(Finding::Fine(format!(
            "audit trail: {} records and {} {checkpoints} are whole",
            report.records, report.checkpoints
        )));
    }
    findings.push(Finding::Note(format!(
        "audit trail: note down where it stands, away from here, and give it to the next check as --anchor: {}",
        report.head
    )));
    Ok(())
}
