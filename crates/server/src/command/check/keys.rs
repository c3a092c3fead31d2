//! `smart-id check keys`: whether any two moduli have in common what no two good keys have.

use super::{Finding, wrong};
use crate::{
    config::Config,
    deployment::Deployment,
    key_scan::{self, Extent, Report},
};
use anyhow::Result;
use jiff::Timestamp;
use std::{
    io::{Write, stderr},
    ops::ControlFlow,
    time::{Duration, Instant},
};

/// Work that is done sooner needs no progress.
const PATIENCE: Duration = Duration::from_secs(2);

/// Compares all moduli with all others, or those of the last week.
pub(super) async fn check(config: &Config, all: bool, findings: &mut Vec<Finding>) {
    let extent = if all {
        Extent::All
    } else {
        Extent::recent(Timestamp::now())
    };
    match scan(config, extent).await {
        Ok(report) => tell(&report, findings),
        Err(error) => findings.push(wrong(&error)),
    }
}

async fn scan(config: &Config, extent: Extent) -> Result<Report> {
    let deployment = Deployment::open_without_keys(config).await?;
    let mut told = Instant::now();
    let outcome = key_scan::run(&deployment.service, extent, move |progress| {
        if told.elapsed() > PATIENCE {
            told = Instant::now();
            let (done, total) = (progress.done, progress.total);
            // Whoever closed standard error does not want to know.
            let _ = writeln!(stderr(), "keys: block {done} of {total}");
        }
        ControlFlow::Continue(())
    })
    .await;
    deployment.close().await;
    outcome
}

fn tell(report: &Report, findings: &mut Vec<Finding>) {
    let Report {
        moduli, compared, ..
    } = report;
    for group in &report.findings {
        findings.push(if group.is_alarm() {
            Finding::Wrong(format!(
                "{group}; mend: close these accounts (smart-id account close) and find out whose randomness failed"
            ))
        } else {
            Finding::Note(format!("{group}; no proven key in use is concerned"))
        });
    }
    if report.findings.is_empty() {
        findings.push(Finding::Fine(format!(
            "no two of {moduli} moduli have a factor in common ({compared} of them compared with all)"
        )));
    }
    if compared < moduli {
        findings.push(Finding::Note(format!(
            "only the {compared} newest moduli were compared with all {moduli}; `smart-id check keys` compares every pair"
        )));
    }
}
