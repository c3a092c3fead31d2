//! Exchanges of phones with their server halves: table `device_transaction`.

use crate::{
    cipher::{Column, column},
    sql::{Row, arguments},
    tables::Tables,
    text,
};
use engine::{
    domain::{AccountId, Transaction, TransactionId, TransactionState},
    ports::StoreError,
};
use jiff::Timestamp;

const TRANSACTION: &str = "device_transaction";
const STATE: Column = column!("device_transaction", "state");

macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT id, account_id, operation, r, created_at, expires_at, state, version FROM device_transaction ",
            $condition
        )
    };
}

pub(crate) const BY_ID: &str = select!("WHERE id = $1");
pub(crate) const AWAITING_OF: &str =
    select!("WHERE account_id = $1 AND state_code = 'awaiting' ORDER BY created_at, id");
/// Operation 1 is signing.
pub(crate) const COUNT_OF: &str = "SELECT COUNT(*) FROM device_transaction \
     WHERE account_id = $1 AND created_at >= $2 AND operation_code = 1";
/// Operations 2 and 3 are rotating and asking.
pub(crate) const COUNT_MAINTENANCE_OF: &str = "SELECT COUNT(*) FROM device_transaction \
     WHERE account_id = $1 AND created_at >= $2 AND operation_code IN (2, 3)";
pub(crate) const STUCK: &str = "SELECT id FROM device_transaction \
     WHERE state_code = 'processing' AND processing_since <= $1 ORDER BY processing_since, id LIMIT $2";
pub(crate) const PURGE: &str = "DELETE FROM device_transaction WHERE ended_at <= $1";

const INSERT: &str = "INSERT INTO device_transaction (id, version, state_code, processing_since, ended_at, state, \
     account_id, operation_code, operation, r, created_at, expires_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
pub(crate) const SAVE: &str = "UPDATE device_transaction SET state_code = $3, processing_since = $4, ended_at = $5, \
     state = $6, version = $2 + 1 WHERE id = $1 AND version = $2";

pub(crate) async fn find(
    tables: &mut Tables,
    id: TransactionId,
) -> Result<Option<Transaction>, StoreError> {
    let row = tables
        .row(TRANSACTION, BY_ID, arguments![hex::encode(id.0)])
        .await?;
    row.map(|row| read(tables, row)).transpose()
}

pub(crate) async fn awaiting_of(
    tables: &mut Tables,
    account: AccountId,
) -> Result<Vec<Transaction>, StoreError> {
    let rows = tables
        .rows(TRANSACTION, AWAITING_OF, arguments![account.0.to_string()])
        .await?;
    rows.into_iter().map(|row| read(tables, row)).collect()
}

pub(crate) async fn count_of(
    tables: &mut Tables,
    account: AccountId,
    since: Timestamp,
) -> Result<u64, StoreError> {
    tables
        .count(
            TRANSACTION,
            COUNT_OF,
            arguments![account.0.to_string(), since],
        )
        .await
}

pub(crate) async fn count_maintenance_of(
    tables: &mut Tables,
    account: AccountId,
    since: Timestamp,
) -> Result<u64, StoreError> {
    let arguments = arguments![account.0.to_string(), since];
    tables
        .count(TRANSACTION, COUNT_MAINTENANCE_OF, arguments)
        .await
}

pub(crate) async fn stuck(
    tables: &mut Tables,
    before: Timestamp,
    limit: u32,
) -> Result<Vec<TransactionId>, StoreError> {
    let rows = tables
        .rows(TRANSACTION, STUCK, arguments![before, limit])
        .await?;
    rows.into_iter()
        .map(|mut row| text::from_hex(&row.text()?, TRANSACTION).map(TransactionId))
        .collect()
}

pub(crate) async fn insert(
    tables: &mut Tables,
    transaction: &Transaction,
) -> Result<(), StoreError> {
    let mut row = changing(tables, transaction)?;
    row.extend(arguments![
        transaction.account.0.to_string(),
        transaction.operation.code(),
        text::to_json(&transaction.operation),
        transaction.r.as_slice(),
        transaction.created_at,
        transaction.expires_at,
    ]);
    tables.change(TRANSACTION, INSERT, row).await?;
    Ok(())
}

pub(crate) async fn save(
    tables: &mut Tables,
    transaction: &mut Transaction,
) -> Result<(), StoreError> {
    let row = changing(tables, transaction)?;
    tables.compare_and_swap(TRANSACTION, SAVE, row).await?;
    transaction.version += 1;
    Ok(())
}

/// What was never submitted ended when it expired; so did, at the latest, what was cancelled.
pub(crate) async fn purge(tables: &mut Tables, until: Timestamp) -> Result<u64, StoreError> {
    tables.change(TRANSACTION, PURGE, arguments![until]).await
}

/// The columns that change, in the order of both statements that write them.
fn changing(
    tables: &Tables,
    transaction: &Transaction,
) -> Result<Vec<crate::sql::Argument>, StoreError> {
    let id = hex::encode(transaction.id.0);
    let (code, processing_since, ended_at) = match &transaction.state {
        TransactionState::Awaiting => ("awaiting", None, Some(transaction.expires_at)),
        TransactionState::Processing { evaluation, .. } => {
            ("processing", Some(evaluation.since), None)
        }
        TransactionState::Done { at, .. } => ("done", None, Some(*at)),
        TransactionState::Cancelled => ("cancelled", None, Some(transaction.expires_at)),
    };
    let state = tables.encrypt(STATE, &id, &text::to_secret_json(&transaction.state))?;
    Ok(arguments![
        id,
        transaction.version,
        code,
        processing_since,
        ended_at,
        state
    ])
}

fn read(tables: &Tables, mut row: Row) -> Result<Transaction, StoreError> {
    let id = row.text()?;
    Ok(Transaction {
        id: TransactionId(text::from_hex(&id, TRANSACTION)?),
        account: AccountId(row.parsed()?),
        operation: text::from_json(row.text()?.as_bytes(), "device_transaction.operation")?,
        r: row.array()?,
        created_at: row.moment()?,
        expires_at: row.moment()?,
        state: text::from_json(&tables.decrypt(STATE, &id, &row.bytes()?)?, STATE.what)?,
        version: row.integer()?,
    })
}
