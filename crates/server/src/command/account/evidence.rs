//! `smart-id account evidence`: a transaction of the past, for somebody who trusts nobody (R55).

mod folder;

use super::super::DeploymentArgs;
use anyhow::{Result, ensure};
use clap::Args;
use engine::Service;
use std::{
    io::{Write, stderr, stdout},
    path::PathBuf,
    time::Duration,
};
use wire::SessionId;

/// How long to wait for the running server's next checkpoint.
const PATIENCE: Duration = Duration::from_secs(12);
const PAUSE: Duration = Duration::from_millis(500);

#[derive(Args, Debug)]
#[command(after_help = "\
The folder has the request and the result, the signature with the certificates up to the root, and the audit trail from
the transaction's first record to a checkpoint that the deployment's root key signed, without other people's records.
`sh verify.sh` in it checks everything with openssl and nothing of ours; give it the root certificate and the root key
that you got elsewhere (from the server: /certs/root.pem, and rootKey in /device/v1/configuration).

Examples:
  smart-id account history PNOEE-40504040001-MOCK-Q --config serve.toml
  smart-id account evidence 5f4b1d2e-8a3c-4b7d-9e6f-0a1b2c3d4e5f --out evidence --config serve.toml
  sh evidence/verify.sh")]
pub(super) struct EvidenceArgs {
    #[command(flatten)]
    pub(super) deployment: DeploymentArgs,
    /// sessionID of the transaction
    session: SessionId,
    /// Folder to write; it must not exist, or be empty
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub(super) async fn run(service: &Service, arguments: &EvidenceArgs) -> Result<()> {
    let out = &arguments.out;
    let taken = std::fs::read_dir(out).is_ok_and(|mut entries| entries.next().is_some());
    ensure!(
        !taken,
        "the folder {} is not empty; evidence is never mixed with other files",
        out.display()
    );
    let mut evidence = service.transaction_evidence(arguments.session).await?;
    let mut waited = Duration::ZERO;
    while evidence.path.is_none() && waited < PATIENCE {
        if waited.is_zero() {
            writeln!(stderr(), "waiting for the server's next checkpoint …")?;
        }
        tokio::time::sleep(PAUSE).await;
        waited += PAUSE;
        evidence = service.transaction_evidence(arguments.session).await?;
    }
    folder::write(out, &evidence)?;
    let mut stdout = stdout().lock();
    writeln!(stdout, "{}", out.display())?;
    if evidence.path.is_none() {
        writeln!(
            stderr(),
            "note: no checkpoint covers this transaction yet, so nothing shows when it was recorded; a running server makes \
             one every few seconds: ask again then"
        )?;
    }
    Ok(())
}
