//! What is published beside certificates: tables `revocation_list`, `trust_decision` and `trusted_list`.

use crate::{
    sql::{Row, arguments},
    tables::Tables,
    text,
};
use engine::{
    domain::{
        CaKeyId, ServiceStatus, Status, StoredRevocationList, StoredTrustedList, TrustDecision,
    },
    ports::StoreError,
};

const LIST: &str = "revocation_list";
const DECISION: &str = "trust_decision";
const TRUSTED: &str = "trusted_list";

pub(crate) const NEWEST_LIST: &str = "SELECT issuer, number, this_update, next_update, entries, der FROM revocation_list \
     WHERE issuer = $1 ORDER BY number DESC LIMIT 1";
pub(crate) const NEWEST_NUMBER: &str =
    "SELECT number FROM revocation_list WHERE issuer = $1 ORDER BY number DESC LIMIT 1";
const INSERT_LIST: &str = "INSERT INTO revocation_list (issuer, number, this_update, next_update, entries, der) \
     VALUES ($1, $2, $3, $4, $5, $6)";
pub(crate) const DELETE_OLDER: &str =
    "DELETE FROM revocation_list WHERE issuer = $1 AND number < $2";
const DECISIONS: &str =
    "SELECT service, status, since, decided_at FROM trust_decision ORDER BY position";
const LAST_DECISION: &str = "SELECT COALESCE(MAX(position), 0) FROM trust_decision";
const INSERT_DECISION: &str = "INSERT INTO trust_decision (position, service, status, since, decided_at) \
     VALUES ($1, $2, $3, $4, $5)";
const NEWEST_TRUSTED: &str = "SELECT sequence, issued_at, next_update, content, xml, list_of_lists FROM trusted_list \
     ORDER BY sequence DESC LIMIT 1";
const INSERT_TRUSTED: &str = "INSERT INTO trusted_list (sequence, issued_at, next_update, content, xml, list_of_lists) \
     VALUES ($1, $2, $3, $4, $5, $6)";

pub(crate) async fn revocation_list(
    tables: &mut Tables,
    issuer: CaKeyId,
) -> Result<Option<StoredRevocationList>, StoreError> {
    let row = tables
        .row(LIST, NEWEST_LIST, arguments![hex::encode(issuer.0)])
        .await?;
    row.map(read_list).transpose()
}

/// Without reading the list, which may have megabytes.
pub(crate) async fn revocation_list_number(
    tables: &mut Tables,
    issuer: CaKeyId,
) -> Result<Option<u64>, StoreError> {
    let row = tables
        .row(LIST, NEWEST_NUMBER, arguments![hex::encode(issuer.0)])
        .await?;
    row.map(|mut row| row.number()).transpose()
}

/// Takes the place of the list before it; the numbers only rise.
pub(crate) async fn insert_revocation_list(
    tables: &mut Tables,
    list: &StoredRevocationList,
) -> Result<(), StoreError> {
    let newest = revocation_list_number(tables, list.issuer).await?;
    if newest.is_some_and(|newest| newest >= list.number) {
        return Err(StoreError::Conflict);
    }
    let issuer = hex::encode(list.issuer.0);
    let row = arguments![
        issuer.as_str(),
        integer(list.number),
        list.this_update,
        list.next_update,
        integer(list.entries),
        list.der.as_slice(),
    ];
    let inserted = tables.change(LIST, INSERT_LIST, row).await;
    inserted.map_err(conflict)?;
    tables
        .change(LIST, DELETE_OLDER, arguments![issuer, integer(list.number)])
        .await?;
    Ok(())
}

pub(crate) async fn decisions(tables: &mut Tables) -> Result<Vec<TrustDecision>, StoreError> {
    let rows = tables.rows(DECISION, DECISIONS, vec![]).await?;
    rows.into_iter()
        .map(|mut row| {
            Ok(TrustDecision {
                service: row.text()?,
                status: ServiceStatus {
                    status: from_word(&row.text()?).ok_or(row.corrupt())?,
                    since: row.moment()?,
                },
                decided_at: row.moment()?,
            })
        })
        .collect()
}

pub(crate) async fn insert_decision(
    tables: &mut Tables,
    decision: &TrustDecision,
) -> Result<(), StoreError> {
    let last = tables.count(DECISION, LAST_DECISION, vec![]).await?;
    let row = arguments![
        integer(last + 1),
        decision.service.as_str(),
        to_word(decision.status.status),
        decision.status.since,
        decision.decided_at,
    ];
    let inserted = tables.change(DECISION, INSERT_DECISION, row).await;
    inserted.map_err(conflict)?;
    Ok(())
}

pub(crate) async fn trusted_list(
    tables: &mut Tables,
) -> Result<Option<StoredTrustedList>, StoreError> {
    let row = tables.row(TRUSTED, NEWEST_TRUSTED, vec![]).await?;
    row.map(|mut row| {
        Ok(StoredTrustedList {
            sequence: row.number()?,
            issued_at: row.moment()?,
            next_update: row.moment()?,
            content: row.array()?,
            xml: row.text()?,
            list_of_lists: row.text()?,
        })
    })
    .transpose()
}

pub(crate) async fn insert_trusted_list(
    tables: &mut Tables,
    list: &StoredTrustedList,
) -> Result<(), StoreError> {
    let newest = trusted_list(tables).await?;
    if newest.is_some_and(|newest| newest.sequence >= list.sequence) {
        return Err(StoreError::Conflict);
    }
    let row = arguments![
        integer(list.sequence),
        list.issued_at,
        list.next_update,
        list.content.as_slice(),
        list.xml.as_str(),
        list.list_of_lists.as_str(),
    ];
    let inserted = tables.change(TRUSTED, INSERT_TRUSTED, row).await;
    inserted.map_err(conflict)?;
    Ok(())
}

fn read_list(mut row: Row) -> Result<StoredRevocationList, StoreError> {
    Ok(StoredRevocationList {
        issuer: CaKeyId(text::from_hex(&row.text()?, LIST)?),
        number: row.number()?,
        this_update: row.moment()?,
        next_update: row.moment()?,
        entries: row.number()?,
        der: row.bytes()?,
    })
}

/// The number was free when it was looked at: somebody else took it since.
fn conflict(error: StoreError) -> StoreError {
    match error {
        StoreError::Duplicate { .. } => StoreError::Conflict,
        other => other,
    }
}

fn integer(number: u64) -> i64 {
    i64::try_from(number).expect("nothing is counted to 2^63")
}

const STATUSES: [(&str, Status); 4] = [
    ("granted", Status::Granted),
    ("withdrawn", Status::Withdrawn),
    (
        "recognised_at_national_level",
        Status::RecognisedAtNationalLevel,
    ),
    (
        "deprecated_at_national_level",
        Status::DeprecatedAtNationalLevel,
    ),
];

fn to_word(status: Status) -> &'static str {
    STATUSES
        .iter()
        .find(|(_, known)| *known == status)
        .map(|(word, _)| *word)
        .expect("every status has a word")
}

fn from_word(word: &str) -> Option<Status> {
    STATUSES
        .iter()
        .find(|(known, _)| *known == word)
        .map(|(_, status)| *status)
}
