use super::DeploymentArgs;
use crate::deployment;
use anyhow::Result;
use clap::Args;
use std::io::{Write, stdout};

/// Bring the database to this version's schema
///
/// Makes the file if it is not there. Stop the server, which is made sure of, and copy the file first; a migration that fails leaves nothing
/// behind, but there is no way back from one that succeeded.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  smart-id migrate --config serve.toml")]
pub(super) struct MigrateArgs {
    #[command(flatten)]
    deployment: DeploymentArgs,
}

pub(super) async fn run(arguments: MigrateArgs) -> Result<()> {
    let config = arguments.deployment.load()?;
    let file = config.database.file.display();
    match deployment::migrate(&config).await? {
        (before, after) if before == after => {
            writeln!(stdout(), "{file} has schema version {after} already")?
        }
        (before, after) => writeln!(stdout(), "{file}: schema version {before} → {after}")?,
    }
    Ok(())
}
