//! The command line. It is a contract: acceptance checks and operators' scripts use it.

mod account;
mod ceremony;
mod certificate;
mod check;
mod demo;
mod hint;
mod migrate;
mod openapi;
mod rp;
mod serve;
mod trust;

use crate::{
    config::Config,
    demo::data,
    headless::{self, DeviceArgs},
    lifecycle::forbid_core_dumps,
    telemetry::{self, LogArgs},
    tour::{self, TourArgs},
};
use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};
use std::{
    future::Future,
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

/// A mobile electronic identity with split keys: server, phone and operator's tools in one program
///
/// An independent implementation of published protocols, not affiliated with SK ID Solutions or Cybernetica, and not a
/// certified qualified signature creation device.
#[derive(Parser, Debug)]
#[command(name = "smart-id", version, propagate_version = true, after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    log: LogArgs,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  smart-id demo                            the whole system, ready in seconds
  smart-id tour                            a story without questions, checked at every step
  smart-id device register --help          be the phone
  smart-id ceremony --config ceremony.toml the certificate authorities of a deployment
  smart-id migrate --config serve.toml     its database
  smart-id serve --config serve.toml       production
  smart-id check all --config serve.toml   what is wrong, and how to mend it";

#[derive(Subcommand, Debug)]
enum Command {
    Demo(demo::DemoArgs),
    Tour(TourArgs),
    Device(DeviceArgs),
    Serve(serve::ServeArgs),
    Rp(rp::RpArgs),
    Account(account::AccountArgs),
    Certificate(certificate::CertificateArgs),
    Trust(trust::TrustArgs),
    Ceremony(ceremony::CeremonyArgs),
    Migrate(migrate::MigrateArgs),
    Check(check::CheckArgs),
    Openapi(openapi::OpenapiArgs),
}

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // Every command has secrets in its memory, if only what the person types.
    let forbidden = forbid_core_dumps().context("cannot forbid core dumps");
    match forbidden.and_then(|()| run(arguments)) {
        Ok(code) => code,
        Err(error) => {
            let mut stderr = io::stderr().lock();
            // Nobody is left to be told when this fails.
            let _ = writeln!(stderr, "error: {error:#}");
            if let Some(hint) = hint::of(&error) {
                let _ = writeln!(stderr, "hint: {hint}");
            }
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<ExitCode> {
    // Where a person reads what the command itself says, the log is for trouble only.
    let quiet = matches!(arguments.command, Command::Tour(_) | Command::Device(_));
    telemetry::start(&arguments.log, if quiet { "warn" } else { "info" })?;
    match arguments.command {
        Command::Demo(arguments) => block_on(demo::run(arguments)),
        Command::Tour(arguments) => block_on(tour::run(arguments)),
        Command::Device(arguments) => headless::command::run(arguments),
        Command::Serve(arguments) => block_on(serve::run(arguments)),
        Command::Rp(arguments) => block_on(rp::run(arguments)).map(|()| ExitCode::SUCCESS),
        Command::Account(arguments) => {
            block_on(account::run(arguments)).map(|()| ExitCode::SUCCESS)
        }
        Command::Certificate(arguments) => {
            block_on(certificate::run(arguments)).map(|()| ExitCode::SUCCESS)
        }
        Command::Trust(arguments) => block_on(trust::run(arguments)).map(|()| ExitCode::SUCCESS),
        Command::Ceremony(arguments) => {
            ceremony::run(&arguments, &mut io::stdout().lock()).map(|()| ExitCode::SUCCESS)
        }
        Command::Migrate(arguments) => {
            block_on(migrate::run(arguments)).map(|()| ExitCode::SUCCESS)
        }
        Command::Check(arguments) => block_on(check::run(arguments)),
        Command::Openapi(arguments) => openapi::run(&arguments).map(|()| ExitCode::SUCCESS),
    }
}

fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = runtime.context("cannot start threads")?;
    let outcome = runtime.block_on(work);
    // Arithmetic whose result nobody awaits any more must not hold up the end.
    runtime.shutdown_background();
    outcome
}

/// Whose database a command works on.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct DeploymentArgs {
    /// Configuration of the deployment
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder of a demo (it prints where its data are)
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

impl DeploymentArgs {
    fn path(&self) -> PathBuf {
        match (&self.config, &self.data) {
            (Some(path), _) => path.clone(),
            (None, Some(folder)) => folder.join(data::CONFIG),
            (None, None) => unreachable!("clap requires one"),
        }
    }

    fn load(&self) -> Result<Config> {
        Ok(Config::load(&self.path())?)
    }
}
