//! A relying party's statement: which sessions ended how, and which of them are billable.

mod csv;
mod json;
mod table;

use super::DeploymentArgs;
use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use engine::{
    Service,
    service::{UsageReport, UsageRequest},
};
use jiff::{SignedDuration, Timestamp, civil::Date, tz::Offset};
use std::{
    io::{Write, stderr, stdout},
    str::FromStr,
};
use wire::RelyingPartyUuid;

/// What each relying party used, and what of it is billable, out of the audit trail
///
/// A session counts once, when it ends; it is billable if a signature was given out. docs/billing.md has the rule. Months
/// and days are those of UTC. What does not fit together in the audit trail is told on standard error.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  smart-id rp usage --config serve.toml                        this month up to now, all relying parties
  smart-id rp usage --config serve.toml --month 2026-03 --rp 00000000-0000-4000-8000-000000000000
  smart-id rp usage --config serve.toml --month 2026-03 --format csv > 2026-03.csv
  smart-id rp usage --config serve.toml --month 2026-03 --format csv --details > sessions.csv
  smart-id rp usage --config serve.toml --from 2026-03-01T00:00:00Z --until 2026-03-08T00:00:00Z")]
pub(super) struct UsageArgs {
    #[command(flatten)]
    pub(super) deployment: DeploymentArgs,
    /// Only this relyingPartyUUID
    #[arg(long, value_name = "UUID")]
    rp: Option<RelyingPartyUuid>,
    /// A calendar month in UTC; this month if no time is given
    #[arg(long, value_name = "YEAR-MONTH", conflicts_with_all = ["from", "until"])]
    month: Option<Month>,
    /// First moment that counts (RFC 3339); 30 days before --until if left out
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// First moment that does not count any more (RFC 3339); now if left out
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
    /// For people, for spreadsheets or for programs
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Every session, so that the sums can be added up again; with csv instead of the sums
    #[arg(long)]
    details: bool,
}

#[derive(ValueEnum, Clone, Copy, Debug, Default)]
enum Format {
    /// For people.
    #[default]
    Table,
    /// RFC 4180, with a header.
    Csv,
    /// One object.
    Json,
}

/// A calendar month in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Month(Date);

impl FromStr for Month {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = text.split_once('-').and_then(|(year, month)| {
            let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
            let well_formed = year.len() == 4 && month.len() == 2 && digits(year) && digits(month);
            let date = || Date::new(year.parse().ok()?, month.parse().ok()?, 1).ok();
            well_formed.then(date).flatten()
        });
        parsed
            .map(Self)
            .ok_or_else(|| "not a month; write it like 2026-03".to_owned())
    }
}

impl Month {
    fn of(now: Timestamp) -> Self {
        Self(Offset::UTC.to_datetime(now).date().first_of_month())
    }

    fn start(self) -> Result<Timestamp> {
        let midnight = self.0.at(0, 0, 0, 0);
        Offset::UTC.to_timestamp(midnight).context("no such month")
    }

    fn next(self) -> Result<Self> {
        let later = self.0.last_of_month().tomorrow();
        later.map(Self).context("no month comes after that")
    }
}

pub(super) async fn run(service: &Service, arguments: &UsageArgs) -> Result<()> {
    let now = Timestamp::now();
    let (from, until) = period(arguments, now)?;
    let report = service
        .usage(UsageRequest {
            from,
            until,
            relying_party: arguments.rp,
            details: arguments.details,
        })
        .await?;
    let mut out = stdout().lock();
    match arguments.format {
        Format::Table => table::write(&report, &mut out)?,
        Format::Csv => csv::write(&report, &mut out)?,
        Format::Json => json::write(&report, &mut out)?,
    }
    warn(&report)
}

/// What the arguments mean now.
fn period(arguments: &UsageArgs, now: Timestamp) -> Result<(Timestamp, Timestamp)> {
    const THIRTY_DAYS: SignedDuration = SignedDuration::from_hours(30 * 24);
    let (from, until) = match (arguments.month, arguments.from, arguments.until) {
        (Some(month), _, _) => (month.start()?, month.next()?.start()?),
        (None, None, None) => (Month::of(now).start()?, now),
        (None, Some(from), until) => (from, until.unwrap_or(now)),
        (None, None, Some(until)) => {
            let from = until.checked_sub(THIRTY_DAYS);
            (from.context("--until is before all time")?, until)
        }
    };
    if from > until {
        bail!("the period ends before it begins: from {from} until {until}");
    }
    if from > now {
        bail!("the period begins in the future: {from}");
    }
    Ok((from, until))
}

/// Tells on standard error what makes the statement less than it seems, whatever the format.
fn warn(report: &UsageReport) -> Result<()> {
    let mut err = stderr().lock();
    if report.generated_at < report.request.until {
        writeln!(
            err,
            "note: the period is not over; this is what ended up to {:.0}",
            report.generated_at
        )?;
    }
    for anomaly in &report.anomalies {
        let session = anomaly
            .session
            .map_or_else(|| "a session".to_owned(), |id| format!("session {id}"));
        writeln!(
            err,
            "warning: {:.0} {session}: {}",
            anomaly.at, anomaly.what
        )?;
    }
    Ok(())
}

/// A relying party's names as one text.
fn name(statement: &engine::service::Statement) -> String {
    statement.names.join(", ")
}

#[cfg(test)]
mod tests;
