//! `smart-id account history`: what an account's phone was asked, and what came of it.

use super::super::DeploymentArgs;
use anyhow::Result;
use clap::Args;
use engine::Service;
use std::io::{Write, stdout};
use wire::DocumentNumber;

#[derive(Args, Debug)]
pub(super) struct HistoryArgs {
    #[command(flatten)]
    pub(super) deployment: DeploymentArgs,
    /// Document number, for example PNOEE-40504040001-MOCK-Q; the account may be closed
    document: DocumentNumber,
    /// At most so many, the newest first
    #[arg(long, value_name = "NUMBER", default_value_t = 50)]
    limit: u32,
}

pub(super) async fn run(service: &Service, arguments: &HistoryArgs) -> Result<()> {
    let transactions = service
        .transactions_of(&arguments.document, arguments.limit)
        .await?;
    let mut out = stdout().lock();
    for one in transactions {
        writeln!(
            out,
            "{}  {:.0}  {:<18}  {:<28}  {}",
            one.session,
            one.ended_at,
            one.kind,
            one.end_result,
            one.relying_party_name.escape_debug()
        )?;
    }
    Ok(())
}
