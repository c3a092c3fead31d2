//! What stays of sessions: table `evidence`. Rows are added, never changed.

use crate::{
    cipher::{Column, column},
    sql::{Row, arguments},
    tables::Tables,
};
use engine::{
    domain::{AccountId, Evidence},
    ports::StoreError,
};
use wire::{RelyingPartyUuid, SessionId};

const EVIDENCE: &str = "evidence";
const RECORD: Column = column!("evidence", "record");

macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT session_id, relying_party_uuid, account_id, ended_at, record FROM evidence ",
            $condition
        )
    };
}

pub(crate) const BY_SESSION: &str = select!("WHERE session_id = $1");
pub(crate) const OF_ACCOUNT: &str =
    select!("WHERE account_id = $1 ORDER BY ended_at DESC, session_id DESC LIMIT $2");
pub(crate) const AFTER: &str = select!("WHERE session_id > $1 ORDER BY session_id LIMIT $2");
const INSERT: &str = "INSERT INTO evidence (session_id, relying_party_uuid, account_id, ended_at, record) \
     VALUES ($1, $2, $3, $4, $5)";

pub(crate) async fn insert(tables: &mut Tables, evidence: &Evidence) -> Result<(), StoreError> {
    let id = evidence.session.0.to_string();
    let cell = tables.encrypt(RECORD, &id, evidence.text.as_bytes())?;
    let row = arguments![
        id,
        evidence.relying_party.0.to_string(),
        evidence.account.map(|account| account.0.to_string()),
        evidence.ended_at,
        cell,
    ];
    tables.change(EVIDENCE, INSERT, row).await?;
    Ok(())
}

pub(crate) async fn find(
    tables: &mut Tables,
    id: SessionId,
) -> Result<Option<Evidence>, StoreError> {
    let row = tables
        .row(EVIDENCE, BY_SESSION, arguments![id.0.to_string()])
        .await?;
    row.map(|row| read(tables, row)).transpose()
}

pub(crate) async fn of_account(
    tables: &mut Tables,
    account: AccountId,
    limit: u32,
) -> Result<Vec<Evidence>, StoreError> {
    let rows = tables
        .rows(
            EVIDENCE,
            OF_ACCOUNT,
            arguments![account.0.to_string(), limit],
        )
        .await?;
    rows.into_iter().map(|row| read(tables, row)).collect()
}

pub(crate) async fn after(
    tables: &mut Tables,
    id: Option<SessionId>,
    limit: u32,
) -> Result<Vec<Evidence>, StoreError> {
    // Before all UUIDs.
    let id = id.map_or_else(String::new, |id| id.0.to_string());
    let rows = tables.rows(EVIDENCE, AFTER, arguments![id, limit]).await?;
    rows.into_iter().map(|row| read(tables, row)).collect()
}

fn read(tables: &Tables, mut row: Row) -> Result<Evidence, StoreError> {
    let id = row.text()?;
    let session = SessionId(id.parse().map_err(|_| row.corrupt())?);
    let relying_party = RelyingPartyUuid(row.parsed()?);
    let account = match row.optional_text()? {
        None => None,
        Some(account) => Some(AccountId(account.parse().map_err(|_| row.corrupt())?)),
    };
    let ended_at = row.moment()?;
    let text = tables.decrypt(RECORD, &id, &row.bytes()?)?;
    Ok(Evidence {
        session,
        relying_party,
        account,
        ended_at,
        text: String::from_utf8(text.to_vec()).map_err(|_| row.corrupt())?,
    })
}
