//! The audit trail: tables `audit_entry`, `audit_head` and `audit_checkpoint`. Lines are added, never changed.
//!
//! Each unit of work that writes lines takes the chain on from the head and puts the new head in its place with its
//! commit; so units of work that write lines follow one another, on every database (`docs/adr/0008-audit-chain.md`).

use crate::{
    cipher::{Column, column},
    moment,
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
macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT seq, hash, record, at, account_id, relying_party_uuid, session_id FROM audit_entry ",
            $condition
        )
    };
}

pub(crate) const AFTER: &str = select!("WHERE seq > $1 ORDER BY seq LIMIT $2");
pub(crate) const OF_SESSION: &str = select!("WHERE session_id = $1 ORDER BY seq");
const COUNT: &str = "SELECT COUNT(*) FROM audit_entry";
pub(crate) const BETWEEN: &str =
    "SELECT at, seq, record FROM audit_entry WHERE at >= $1 AND at < $2 ORDER BY at, seq";
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
const NEWEST_CHECKPOINT: &str =
    "SELECT seq, statement FROM audit_checkpoint ORDER BY seq DESC LIMIT 1";

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
        let [account, relying_party, session] = filing(record);
        let row = arguments![
            number(link.seq),
            record.at,
            account,
            relying_party,
            session,
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

/// Checks that there is a head, and seals it under the newest column key, so that an older one may go some day.
pub(crate) async fn reseal(tables: &mut Tables) -> Result<(), StoreError> {
    let head = head(tables).await?;
    let row = tables.row(HEAD, FIND_HEAD, vec![]).await?;
    let stored = row.ok_or(StoreError::Corrupt { what: HEAD })?.bytes()?;
    // The first byte names the key.
    if stored.first() != head_cell(tables, head)?.first() {
        save_head(tables, head).await?;
    }
    Ok(())
}

/// Links the records that were there before the chain, in the run that brings the chain's tables: at no other time are there
/// entries without a hash, or is there no head.
pub(crate) async fn found(tables: &mut Tables) -> Result<(), StoreError> {
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
            let [account, relying_party, session] = filing(&record);
            let row = arguments![
                number(seq),
                account,
                relying_party,
                session,
                head.hash.as_slice(),
            ];
            tables.change(ENTRY, LINK, row).await?;
        }
    }
    let cell = head_cell(tables, head)?;
    tables.change(HEAD, INSERT_HEAD, arguments![cell]).await?;
    Ok(())
}

pub(crate) async fn count(tables: &mut Tables) -> Result<u64, StoreError> {
    tables.count(ENTRY, COUNT, vec![]).await
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
    let rows = tables
        .rows(ENTRY, OF_SESSION, arguments![id.0.to_string()])
        .await?;
    let entries = entries(rows)?;
    match entries
        .iter()
        .all(|entry| entry.filed && entry.link.seq > 0)
    {
        true => Ok(entries),
        false => Err(StoreError::Corrupt { what: ENTRY }),
    }
}

pub(crate) async fn between(
    tables: &mut Tables,
    from: Timestamp,
    until: Timestamp,
) -> Result<Vec<AuditRecord>, StoreError> {
    let rows = tables.rows(ENTRY, BETWEEN, arguments![from, until]).await?;
    rows.into_iter()
        .map(|row| dated(row).map(|(_, record)| record))
        .collect()
}

/// A record with its place in time, which is what the record says.
fn dated(mut row: Row) -> Result<((i64, i64), AuditRecord), StoreError> {
    let place = (row.integer()?, row.integer()?);
    let record: AuditRecord = text::from_json(row.text()?.as_bytes(), ENTRY)?;
    match place.0 == moment::to_column(record.at) && place.1 > 0 {
        true => Ok((place, record)),
        false => Err(StoreError::Corrupt { what: ENTRY }),
    }
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
    for row in rows {
        let ((at, seq), record) = dated(row)?;
        last = Some(AuditCursor(format!("{at} {seq}")));
        records.push(record);
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
        .map(|row| checkpoint(tables, row))
        .collect()
}

pub(crate) async fn newest_checkpoint(
    tables: &mut Tables,
) -> Result<Option<SignedCheckpoint>, StoreError> {
    let row = tables.row(CHECKPOINT, NEWEST_CHECKPOINT, vec![]).await?;
    row.map(|row| checkpoint(tables, row)).transpose()
}

fn checkpoint(tables: &Tables, mut row: Row) -> Result<SignedCheckpoint, StoreError> {
    let seq: u64 = row.number()?;
    let cell = tables.decrypt(STATEMENT, &seq.to_string(), &row.bytes()?)?;
    let signed: SignedCheckpoint = text::from_json(&cell, STATEMENT.what)?;
    match signed.checkpoint.seq == seq {
        true => Ok(signed),
        false => Err(row.corrupt()),
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
    rows.into_iter().map(entry).collect()
}

/// An entry as it lies there. One that is not as it was written is given out for whoever checks it.
fn entry(mut row: Row) -> Result<AuditEntry, StoreError> {
    let seq = row.number()?;
    // A hash that is missing or of another length is none that follows from anything.
    let hash = row.optional_bytes()?.and_then(|hash| hash.try_into().ok());
    let text = row.text()?;
    let (at, filed) = (
        row.integer()?,
        [
            row.optional_text()?,
            row.optional_text()?,
            row.optional_text()?,
        ],
    );
    let record: Option<AuditRecord> = serde_json::from_str(&text).ok();
    Ok(AuditEntry {
        link: AuditLink {
            seq,
            hash: hash.unwrap_or_default(),
        },
        filed: record
            .is_some_and(|record| moment::to_column(record.at) == at && filing(&record) == filed),
        text,
    })
}

/// What a record is looked up by, beside its moment: account, relying party, session.
fn filing(record: &AuditRecord) -> [Option<String>; 3] {
    [
        record.account.map(|id| id.0.to_string()),
        record.relying_party.map(|id| id.0.to_string()),
        record.session.map(|id| id.0.to_string()),
    ]
}

fn number(seq: u64) -> i64 {
    i64::try_from(seq).expect("nobody writes 2^63 records")
}
