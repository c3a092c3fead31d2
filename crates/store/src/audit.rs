//! The audit trail: tables `audit_entry`, `audit_head` and `audit_checkpoint`. Lines are added, never changed.
//!
//! Each unit of work that writes lines takes the chain on from the head and puts the new head in its place with its
//! commit; so units of work that write lines follow one another, on every database (`docs/adr/0008-audit-chain.md`).

use crate::{
    cipher::{Column, column},
    sql::{Row, arguments},
    tables::Tables,
    text,
};
use engine::{
    domain::{AuditEntry, AuditLink, AuditRecord},
    ports::{AuditCursor, AuditPage, StoreError},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use wire::{SessionId, audit_checkpoint::SignedCheckpoint};

const ENTRY: &str = "audit_entry";
const HEAD: &str = "audit_head";
const CHECKPOINT: &str = "audit_checkpoint";
const HEAD_CELL: Column = column!("audit_head", "head");
const STATEMENT: Column = column!("audit_checkpoint", "statement");

/// The one row of the head.
const HEAD_ROW: &str = "1";

const INSERT: &str = "INSERT INTO audit_entry (seq, at, account_id, relying_party_uuid, session_id, record, hash) \
     VALUES ($1, $2, $3, $4, $5, $6, $7)";
pub(crate) const AFTER: &str =
    "SELECT seq, hash, record FROM audit_entry WHERE seq > $1 ORDER BY seq LIMIT $2";
pub(crate) const OF_SESSION: &str =
    "SELECT seq, hash, record FROM audit_entry WHERE session_id = $1 ORDER BY seq";
pub(crate) const BETWEEN: &str =
    "SELECT record FROM audit_entry WHERE at >= $1 AND at < $2 ORDER BY at, seq";
pub(crate) const FIRST_PAGE: &str = "SELECT at, seq, record FROM audit_entry WHERE at >= $1 AND at < $2 \
     ORDER BY at, seq LIMIT $3";
pub(crate) const NEXT_PAGE: &str = "SELECT at, seq, record FROM audit_entry WHERE (at, seq) > ($1, $2) AND at < $3 \
     ORDER BY at, seq LIMIT $4";
const FIND_HEAD: &str = "SELECT head FROM audit_head WHERE id = 1";
const INSERT_HEAD: &str = "INSERT INTO audit_head (id, head) VALUES (1, $1)";
const SAVE_HEAD: &str = "UPDATE audit_head SET head = $1 WHERE id = 1";
const UNLINKED: &str =
    "SELECT seq, record FROM audit_entry WHERE hash IS NULL AND seq > $1 ORDER BY seq LIMIT $2";
const LINK: &str = "UPDATE audit_entry SET account_id = $2, relying_party_uuid = $3, session_id = $4, hash = $5 \
     WHERE seq = $1 AND hash IS NULL";
const INSERT_CHECKPOINT: &str = "INSERT INTO audit_checkpoint (seq, statement) VALUES ($1, $2)";
pub(crate) const CHECKPOINTS: &str =
    "SELECT seq, statement FROM audit_checkpoint WHERE seq > $1 ORDER BY seq LIMIT $2";
/// `ORDER BY` and not `MAX`, which PostgreSQL gives another type.
const NEWEST_CHECKPOINT: &str = "SELECT seq FROM audit_checkpoint ORDER BY seq DESC LIMIT 1";

/// Entries that were there before the chain, linked at a time.
const BATCH: u32 = 1000;

/// The chain as one unit of work takes it on.
#[derive(Default)]
pub(crate) struct Trail {
    head: Option<AuditLink>,
}

impl Trail {
    pub(crate) async fn record(
        &mut self,
        tables: &mut Tables,
        record: &AuditRecord,
    ) -> Result<(), StoreError> {
        let before = match self.head {
            Some(head) => head,
            None => head(tables).await?,
        };
        let text = text::to_json(record);
        let link = before.follow(&Sha256::digest(&text).into());
        let row = arguments![
            number(link.seq),
            record.at,
            record.account.map(|id| id.0.to_string()),
            record.relying_party.map(|id| id.0.to_string()),
            record.session.map(|id| id.0.to_string()),
            text,
            link.hash.as_slice(),
        ];
        tables.change(ENTRY, INSERT, row).await?;
        self.head = Some(link);
        Ok(())
    }

    /// Makes what was recorded the head, before the commit.
    pub(crate) async fn finish(self, tables: &mut Tables) -> Result<(), StoreError> {
        match self.head {
            None => Ok(()),
            Some(head) => save_head(tables, head).await,
        }
    }
}

/// Where the chain stands.
///
/// # Errors
/// [`StoreError::Corrupt`]: the head is gone, was changed, or belongs to another database.
pub(crate) async fn head(tables: &mut Tables) -> Result<AuditLink, StoreError> {
    let mut row = tables
        .row(HEAD, FIND_HEAD, vec![])
        .await?
        .ok_or(StoreError::Corrupt { what: HEAD })?;
    let cell = tables.decrypt(HEAD_CELL, HEAD_ROW, &row.bytes()?)?;
    let record: HeadRecord = text::from_json(&cell, HEAD_CELL.what)?;
    Ok(AuditLink {
        seq: record.seq,
        hash: text::from_hex(&record.hash, HEAD_CELL.what)?,
    })
}

/// Makes the chain ready for use: links the records that were there before it, once.
pub(crate) async fn found(mut tables: Tables) -> Result<(), StoreError> {
    if tables.row(HEAD, FIND_HEAD, vec![]).await?.is_some() {
        return Ok(());
    }
    // Entries without a head were linked by nobody, or somebody took the head away: that must not pass for a beginning.
    const LINKED: &str = "SELECT seq FROM audit_entry WHERE hash IS NOT NULL LIMIT 1";
    if tables.row(ENTRY, LINKED, vec![]).await?.is_some() {
        return Err(StoreError::Corrupt { what: HEAD });
    }
    let mut head = AuditLink::START;
    loop {
        let rows = tables
            .rows(ENTRY, UNLINKED, arguments![number(head.seq), BATCH])
            .await?;
        if rows.is_empty() {
            break;
        }
        for mut row in rows {
            let (seq, text): (u64, String) = (row.number()?, row.text()?);
            let record: AuditRecord = text::from_json(text.as_bytes(), ENTRY)?;
            head = head.follow(&Sha256::digest(&text).into());
            if seq != head.seq {
                return Err(StoreError::Corrupt { what: ENTRY });
            }
            let row = arguments![
                number(seq),
                record.account.map(|id| id.0.to_string()),
                record.relying_party.map(|id| id.0.to_string()),
                record.session.map(|id| id.0.to_string()),
                head.hash.as_slice(),
            ];
            tables.change(ENTRY, LINK, row).await?;
        }
    }
    let cell = head_cell(&tables, head)?;
    tables.change(HEAD, INSERT_HEAD, arguments![cell]).await?;
    tables.commit().await
}

pub(crate) async fn after(
    tables: &mut Tables,
    seq: u64,
    limit: u32,
) -> Result<Vec<AuditEntry>, StoreError> {
    entries(
        tables
            .rows(ENTRY, AFTER, arguments![number(seq), limit])
            .await?,
    )
}

pub(crate) async fn of_session(
    tables: &mut Tables,
    id: SessionId,
) -> Result<Vec<AuditEntry>, StoreError> {
    entries(
        tables
            .rows(ENTRY, OF_SESSION, arguments![id.0.to_string()])
            .await?,
    )
}

pub(crate) async fn between(
    tables: &mut Tables,
    from: Timestamp,
    until: Timestamp,
) -> Result<Vec<AuditRecord>, StoreError> {
    let rows = tables.rows(ENTRY, BETWEEN, arguments![from, until]).await?;
    rows.into_iter()
        .map(|mut row| text::from_json(row.text()?.as_bytes(), ENTRY))
        .collect()
}

pub(crate) async fn page(
    tables: &mut Tables,
    from: Timestamp,
    until: Timestamp,
    after: Option<&AuditCursor>,
    limit: u32,
) -> Result<AuditPage, StoreError> {
    let rows = match after {
        None => {
            tables
                .rows(ENTRY, FIRST_PAGE, arguments![from, until, limit])
                .await?
        }
        Some(cursor) => {
            let (at, seq) = place(cursor)?;
            let arguments = arguments![at, seq, until, limit];
            tables.rows(ENTRY, NEXT_PAGE, arguments).await?
        }
    };
    let full = u64::from(limit) == rows.len() as u64;
    let (mut records, mut last) = (Vec::with_capacity(rows.len()), None);
    for mut row in rows {
        let (at, seq) = (row.integer()?, row.integer()?);
        last = Some(AuditCursor(format!("{at} {seq}")));
        records.push(text::from_json(row.text()?.as_bytes(), ENTRY)?);
    }
    Ok(AuditPage {
        records,
        next: last.filter(|_| full),
    })
}

/// Where in the table a page ended.
fn place(cursor: &AuditCursor) -> Result<(i64, i64), StoreError> {
    let numbers = cursor.0.split_once(' ');
    numbers
        .and_then(|(at, seq)| Some((at.parse().ok()?, seq.parse().ok()?)))
        .ok_or(StoreError::Corrupt { what: ENTRY })
}

pub(crate) async fn insert_checkpoint(
    tables: &mut Tables,
    checkpoint: &SignedCheckpoint,
) -> Result<(), StoreError> {
    let seq = checkpoint.checkpoint.seq;
    let cell = tables.encrypt(
        STATEMENT,
        &seq.to_string(),
        &text::to_secret_json(checkpoint),
    )?;
    tables
        .change(CHECKPOINT, INSERT_CHECKPOINT, arguments![number(seq), cell])
        .await?;
    Ok(())
}

pub(crate) async fn checkpoints(
    tables: &mut Tables,
    seq: u64,
    limit: u32,
) -> Result<Vec<SignedCheckpoint>, StoreError> {
    let rows = tables
        .rows(CHECKPOINT, CHECKPOINTS, arguments![number(seq), limit])
        .await?;
    rows.into_iter()
        .map(|mut row| {
            let seq: u64 = row.number()?;
            let cell = tables.decrypt(STATEMENT, &seq.to_string(), &row.bytes()?)?;
            text::from_json(&cell, STATEMENT.what)
        })
        .collect()
}

pub(crate) async fn newest_checkpoint(tables: &mut Tables) -> Result<u64, StoreError> {
    match tables.row(CHECKPOINT, NEWEST_CHECKPOINT, vec![]).await? {
        None => Ok(0),
        Some(mut row) => row.number(),
    }
}

#[derive(Serialize, Deserialize)]
struct HeadRecord {
    seq: u64,
    hash: String,
}

async fn save_head(tables: &mut Tables, head: AuditLink) -> Result<(), StoreError> {
    let cell = head_cell(tables, head)?;
    match tables.change(HEAD, SAVE_HEAD, arguments![cell]).await? {
        0 => Err(StoreError::Corrupt { what: HEAD }),
        _ => Ok(()),
    }
}

fn head_cell(tables: &Tables, head: AuditLink) -> Result<Vec<u8>, StoreError> {
    let record = HeadRecord {
        seq: head.seq,
        hash: hex::encode(head.hash),
    };
    tables.encrypt(HEAD_CELL, HEAD_ROW, &text::to_secret_json(&record))
}

fn entries(rows: Vec<Row>) -> Result<Vec<AuditEntry>, StoreError> {
    rows.into_iter()
        .map(|mut row| {
            Ok(AuditEntry {
                link: AuditLink {
                    seq: row.number()?,
                    hash: row.array()?,
                },
                text: row.text()?,
            })
        })
        .collect()
}

fn number(seq: u64) -> i64 {
    i64::try_from(seq).expect("nobody writes 2^63 records")
}
