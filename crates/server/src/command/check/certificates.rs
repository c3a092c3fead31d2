//! `smart-id check certificates`: that every certificate is what was recorded, as its profile wants it, and lives and ends
//! with its account.

use super::Finding;
use crate::{config::Config, deployment::Deployment};
use anyhow::Result;
use engine::service::{CertificateReport, MAX_FINDINGS};
use std::io::{IsTerminal, Write, stderr};

/// Reads all records and all keys' certificates.
pub(super) async fn check(config: &Config, findings: &mut Vec<Finding>) -> Result<()> {
    let deployment = Deployment::open_without_keys(config).await?;
    let terminal = stderr().is_terminal();
    let mut told = false;
    let mut progress = |records: u64| {
        if terminal {
            told = true;
            // Nobody is left to be told when this fails.
            let _ = write!(stderr(), "\r{records} certificates read …");
        }
    };
    let report = deployment.service.check_certificates(&mut progress).await;
    deployment.close().await;
    if told {
        writeln!(stderr(), "\r{:40}\r", "")?;
    }
    tell(&report?, findings);
    Ok(())
}

fn tell(report: &CertificateReport, findings: &mut Vec<Finding>) {
    for finding in &report.findings {
        findings.push(Finding::Wrong(finding.to_string()));
    }
    if report.findings.len() >= MAX_FINDINGS {
        findings.push(Finding::Note(format!(
            "certificates: only the first {MAX_FINDINGS} findings are shown"
        )));
    }
    if report.findings.is_empty() {
        findings.push(Finding::Fine(format!(
            "certificates: {} records ({} given out, {} revoked) and the certificates of {} keys agree with each other, \
             with their accounts, {} lines of the audit trail and the newest revocation lists",
            report.records, report.issued, report.revoked, report.keys, report.lines
        )));
    }
    for compared in &report.compared {
        findings.push(Finding::Note(format!("certificates: {compared}")));
    }
    if report.abandoned > 0 {
        findings.push(Finding::Note(format!(
            "certificates: {} were recorded and never given out (a crash, a document number that was taken); they are revoked",
            report.abandoned
        )));
    }
    if report.waiting > 0 {
        findings.push(Finding::Note(format!(
            "certificates: {} are recorded and not given out yet; a running server revokes them when they are 10 minutes old",
            report.waiting
        )));
    }
}
