//! Logs of the process, on standard error.

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use std::io::{IsTerminal, stderr};
use tracing_subscriber::{EnvFilter, fmt};

/// How and how much is logged.
#[derive(Args, Clone, Debug)]
pub struct LogArgs {
    /// Log format; `json` is one object a line, for machines
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        help_heading = "Logging"
    )]
    pub log_format: LogFormat,

    /// What is logged: error, warn, info, debug or trace, also by module (`info,web=debug`) [default: info; warn for
    /// `tour` and `device`]
    #[arg(long, global = true, env = "SMART_ID_LOG", help_heading = "Logging")]
    pub log: Option<String>,
}

/// A log format.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Human,
    /// For machines: one JSON object a line.
    Json,
}

/// Starts logging, once in a process.
///
/// Events never carry PINs, key shares, tokens or personal data: this is the duty of whoever writes an event, and of
/// types that have no `Debug`. `sqlx` is kept to warnings because it may quote statements.
///
/// `default` is what is logged if nobody says.
///
/// # Errors
/// `log` is not understood, or logging was started before.
pub fn start(args: &LogArgs, default: &str) -> Result<()> {
    let log = args.log.as_deref().unwrap_or(default);
    let filter = EnvFilter::try_new(format!("sqlx=warn,{log}"))
        .with_context(|| format!("--log {log} is not understood; try info or info,web=debug"))?;
    let logs = fmt().with_env_filter(filter).with_writer(stderr);
    match args.log_format {
        LogFormat::Human => logs.with_ansi(stderr().is_terminal()).try_init(),
        LogFormat::Json => logs
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .try_init(),
    }
    .map_err(anyhow::Error::from_boxed)
    .context("logging was started before")
}
