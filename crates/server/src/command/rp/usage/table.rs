//! For people: one table for each relying party, and the sums over all.

use super::name;
use anyhow::Result;
use engine::{
    domain::{Charge, CountedSession, UsageRow},
    service::{Statement, UsageReport},
};
use std::io::Write;

pub(super) fn write(report: &UsageReport, out: &mut dyn Write) -> Result<()> {
    let (from, until) = (report.request.from, report.request.until);
    writeln!(out, "Sessions that ended from {from} up to {until} (UTC)")?;
    for statement in &report.statements {
        writeln!(out)?;
        write_statement(statement, out)?;
    }
    if report.statements.len() > 1 {
        let sum = |of: &dyn Fn(&Statement) -> u64| report.statements.iter().map(of).sum::<u64>();
        writeln!(out, "\nAll relying parties")?;
        write_total(
            sum(&Statement::sessions),
            sum(&|one| one.count(Charge::Billable)),
            sum(&|one| one.count(Charge::Unknown)),
            out,
        )?;
    }
    Ok(())
}

fn write_statement(statement: &Statement, out: &mut dyn Write) -> Result<()> {
    let title = match &*name(statement) {
        "" => "(not in the database)".to_owned(),
        name => printable(name),
    };
    writeln!(out, "{title}  {}", statement.relying_party)?;
    if statement.rows.is_empty() {
        writeln!(out, "  no sessions")?;
        return Ok(());
    }
    writeln!(
        out,
        "  {:<14}  {:<41}  {:>9}  {:>9}",
        "kind", "result", "sessions", "billable"
    )?;
    for row in &statement.rows {
        let UsageRow {
            kind,
            result,
            charge,
            sessions,
        } = row;
        let billable = match charge {
            Charge::Billable => sessions.to_string(),
            Charge::Free => "-".to_owned(),
            Charge::Unknown => "unknown".to_owned(),
        };
        let (kind, result) = (printable(kind), printable(result));
        writeln!(
            out,
            "  {kind:<14}  {result:<41}  {sessions:>9}  {billable:>9}"
        )?;
    }
    write_total(
        statement.sessions(),
        statement.count(Charge::Billable),
        statement.count(Charge::Unknown),
        out,
    )?;
    for session in statement.sessions.iter().flatten() {
        let CountedSession {
            at,
            session,
            kind,
            result,
            charge,
            ..
        } = session;
        let (kind, result) = (printable(kind), printable(result));
        writeln!(
            out,
            "  {at:.3}  {session}  {kind:<14}  {result:<41}  {}",
            charge.code()
        )?;
    }
    Ok(())
}

fn write_total(sessions: u64, billable: u64, unknown: u64, out: &mut dyn Write) -> Result<()> {
    write!(
        out,
        "  {:<14}  {:<41}  {sessions:>9}  {billable:>9}",
        "total", ""
    )?;
    if unknown > 0 {
        write!(out, "  and {unknown} unknown: see the warnings")?;
    }
    writeln!(out)?;
    Ok(())
}

/// Without control characters, which a terminal would obey.
fn printable(text: &str) -> String {
    text.chars()
        .map(|character| {
            if character.is_control() {
                '?'
            } else {
                character
            }
        })
        .collect()
}
