use super::{
    DeploymentArgs,
    account::{Reason, yes_or_no},
};
use crate::deployment::Deployment;
use anyhow::Result;
use clap::{Args, Subcommand};
use engine::domain::SerialNumber;
use std::{
    io::{Write, stdin, stdout},
    str::FromStr,
};

/// Revoke a certificate whose account cannot be closed
///
/// Works beside a running server. An account in use is closed with `smart-id account close`, which revokes both of its
/// certificates.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  smart-id certificate revoke 1A2B3C4D5E6F708192A3B4C5D6E7F801 --reason key-compromise --config serve.toml")]
pub(super) struct CertificateArgs {
    #[command(subcommand)]
    command: CertificateCommand,
}

#[derive(Subcommand, Debug)]
enum CertificateCommand {
    /// Revoke a person's certificate by its serial number, if no account in use has it
    Revoke(RevokeArgs),
}

#[derive(Args, Debug)]
struct RevokeArgs {
    #[command(flatten)]
    deployment: DeploymentArgs,
    /// Serial number in hexadecimal, as `smart-id check certificates` and openssl print it
    serial: Serial,
    /// Why it is revoked; OCSP and the revocation list say so to everybody. The first reason stands
    #[arg(long, value_enum)]
    reason: Reason,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

#[derive(Clone, Debug)]
struct Serial(SerialNumber);

impl FromStr for Serial {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits: String = text.chars().filter(|sign| *sign != ':').collect();
        match hex::decode(digits) {
            Ok(octets) if !octets.is_empty() => Ok(Self(SerialNumber::from_bytes(octets))),
            _ => Err("a serial number is an even number of hexadecimal digits"),
        }
    }
}

pub(super) async fn run(arguments: CertificateArgs) -> Result<()> {
    let CertificateCommand::Revoke(arguments) = arguments.command;
    let serial = &arguments.serial.0;
    if !arguments.yes {
        write!(stdout(), "Revoke {serial} for good? [yes/no] ")?;
        stdout().flush()?;
        if !yes_or_no(&mut stdin().lock())? {
            return Ok(());
        }
    }
    let deployment = Deployment::open_without_keys(&arguments.deployment.load()?).await?;
    let reason = arguments.reason.into();
    let outcome = deployment.service.revoke_by_serial(serial, reason).await;
    deployment.close().await;
    outcome?;
    writeln!(stdout(), "{serial}  revoked")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_number_is_read_as_it_is_printed() {
        let expected = SerialNumber::from_bytes(vec![0x0a, 0xbc, 0xff]);
        for text in ["0ABCFF", "0abcff", "0A:BC:FF", &expected.to_string()] {
            assert_eq!(text.parse::<Serial>().unwrap().0, expected, "{text}");
        }
        for text in ["", "0AB", "0x0ABC", "serial", ":"] {
            text.parse::<Serial>().expect_err(text);
        }
    }
}
