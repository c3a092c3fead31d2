//! Sessions and the accounts that may answer them: tables `session` and `session_candidate`.

use crate::{
    cipher::{Column, column},
    sql::{Row, arguments},
    tables::Tables,
    text,
};
use engine::{
    domain::{AccountId, RequestKind, Session, SessionRequest, SessionState, SessionStateRecord},
    ports::StoreError,
};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use wire::{RelyingPartyUuid, SessionId};

const SESSION: &str = "session";
const CANDIDATE: &str = "session_candidate";
pub(crate) const REQUEST: Column = column!("session", "request");
pub(crate) const STATE: Column = column!("session", "state");

macro_rules! columns {
    () => {
        "s.id, s.relying_party_uuid, s.request, s.created_at, s.deadline, s.state, s.version"
    };
}

pub(crate) const BY_ID: &str = concat!("SELECT ", columns!(), " FROM session s WHERE s.id = $1");
pub(crate) const BY_TOKEN: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM session s WHERE s.token_sha256 = $1"
);
/// Those this account has claimed, and those it may claim.
pub(crate) const OPEN_OF: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM session s WHERE s.claimed_by = $1 AND s.finished_at IS NULL UNION ALL SELECT ",
    columns!(),
    " FROM session_candidate c JOIN session s ON s.id = c.session_id \
     WHERE c.account_id = $1 AND s.claimed_by IS NULL AND s.finished_at IS NULL ORDER BY 4, 1"
);
pub(crate) const BY_FINGERPRINT: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM session s WHERE s.relying_party_uuid = $1 AND s.fingerprint = $2 AND s.created_at >= $3 \
     AND s.finished_at IS NULL ORDER BY s.created_at DESC, s.id LIMIT 1"
);
pub(crate) const COUNT_OF: &str =
    "SELECT COUNT(*) FROM session_candidate WHERE account_id = $1 AND created_at >= $2";
pub(crate) const COUNT_BETWEEN: &str = "SELECT COUNT(*) FROM session_candidate c JOIN session s ON s.id = c.session_id \
     WHERE c.account_id = $1 AND c.created_at >= $2 AND s.relying_party_uuid = $3";
pub(crate) const OVERDUE: &str = "SELECT id FROM session WHERE finished_at IS NULL AND state_code IN ('pending', 'claimed') AND deadline <= $1 \
     ORDER BY deadline, id LIMIT $2";
pub(crate) const CANDIDATES_OF: &str =
    "SELECT account_id FROM session_candidate WHERE session_id = $1 ORDER BY position";
pub(crate) const PURGE: &str = "DELETE FROM session WHERE finished_at <= $1";

const INSERT: &str = "INSERT INTO session (id, relying_party_uuid, request, fingerprint, created_at, deadline, \
     state_code, claimed_by, finished_at, state, version, token_sha256) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
const INSERT_CANDIDATE: &str = "INSERT INTO session_candidate (session_id, account_id, position, created_at) VALUES ($1, $2, $3, $4)";
pub(crate) const SAVE: &str = "UPDATE session SET state_code = $3, claimed_by = $4, finished_at = $5, state = $6, \
     version = $2 + 1 WHERE id = $1 AND version = $2";

pub(crate) async fn find(
    tables: &mut Tables,
    id: SessionId,
) -> Result<Option<Session>, StoreError> {
    let row = tables
        .row(SESSION, BY_ID, arguments![id.0.to_string()])
        .await?;
    complete(tables, row).await
}

pub(crate) async fn find_by_token(
    tables: &mut Tables,
    token: &str,
) -> Result<Option<Session>, StoreError> {
    let row = tables
        .row(SESSION, BY_TOKEN, arguments![token_sha256(token)])
        .await?;
    complete(tables, row).await
}

pub(crate) async fn open_of(
    tables: &mut Tables,
    account: AccountId,
) -> Result<Vec<Session>, StoreError> {
    let rows = tables
        .rows(SESSION, OPEN_OF, arguments![account.0.to_string()])
        .await?;
    let mut sessions = Vec::with_capacity(rows.len());
    for row in rows {
        sessions.extend(complete(tables, Some(row)).await?);
    }
    Ok(sessions)
}

pub(crate) async fn find_by_fingerprint(
    tables: &mut Tables,
    relying_party: RelyingPartyUuid,
    fingerprint: &[u8; 32],
    since: Timestamp,
) -> Result<Option<Session>, StoreError> {
    let arguments = arguments![relying_party.0.to_string(), hex::encode(fingerprint), since];
    let row = tables.row(SESSION, BY_FINGERPRINT, arguments).await?;
    complete(tables, row).await
}

pub(crate) async fn count_of(
    tables: &mut Tables,
    account: AccountId,
    since: Timestamp,
) -> Result<u64, StoreError> {
    tables
        .count(
            CANDIDATE,
            COUNT_OF,
            arguments![account.0.to_string(), since],
        )
        .await
}

pub(crate) async fn count_between(
    tables: &mut Tables,
    relying_party: RelyingPartyUuid,
    account: AccountId,
    since: Timestamp,
) -> Result<u64, StoreError> {
    let arguments = arguments![account.0.to_string(), since, relying_party.0.to_string()];
    tables.count(CANDIDATE, COUNT_BETWEEN, arguments).await
}

pub(crate) async fn overdue(
    tables: &mut Tables,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<SessionId>, StoreError> {
    let rows = tables
        .rows(SESSION, OVERDUE, arguments![now, limit])
        .await?;
    rows.into_iter()
        .map(|mut row| row.parsed().map(SessionId))
        .collect()
}

pub(crate) async fn insert(tables: &mut Tables, session: &Session) -> Result<(), StoreError> {
    let id = session.id.0.to_string();
    let request = tables.encrypt(REQUEST, &id, &text::to_secret_json(&session.request))?;
    let row = arguments![
        id.as_str(),
        session.relying_party.0.to_string(),
        request,
        session.request.fingerprint.map(hex::encode),
        session.created_at,
        session.deadline,
        session.state.code().as_str(),
        claimed_by(session),
        session.finished_at(),
        state(tables, session)?,
        session.version,
        session
            .request
            .device_link()
            .map(|link| token_sha256(&link.session_token)),
    ];
    tables.change(SESSION, INSERT, row).await?;
    for (position, account) in (0_u32..).zip(&session.candidates) {
        let row = arguments![
            id.as_str(),
            account.0.to_string(),
            position,
            session.created_at
        ];
        tables.change(CANDIDATE, INSERT_CANDIDATE, row).await?;
    }
    Ok(())
}

pub(crate) async fn save(tables: &mut Tables, session: &mut Session) -> Result<(), StoreError> {
    let row = arguments![
        session.id.0.to_string(),
        session.version,
        session.state.code().as_str(),
        claimed_by(session),
        session.finished_at(),
        state(tables, session)?,
    ];
    tables.compare_and_swap(SESSION, SAVE, row).await?;
    session.version += 1;
    Ok(())
}

pub(crate) async fn purge(tables: &mut Tables, until: Timestamp) -> Result<u64, StoreError> {
    tables.change(SESSION, PURGE, arguments![until]).await
}

/// Whoever reads the database must not be able to make QR codes of it.
fn token_sha256(token: &str) -> String {
    hex::encode(Sha256::digest(token))
}

fn claimed_by(session: &Session) -> Option<String> {
    session.claimed_by().map(|account| account.0.to_string())
}

fn state(tables: &Tables, session: &Session) -> Result<Vec<u8>, StoreError> {
    let record = SessionStateRecord::from(&session.state);
    tables.encrypt(
        STATE,
        &session.id.0.to_string(),
        &text::to_secret_json(&record),
    )
}

/// The session of a row, with its candidates.
async fn complete(tables: &mut Tables, row: Option<Row>) -> Result<Option<Session>, StoreError> {
    let Some(mut row) = row else { return Ok(None) };
    let id = row.text()?;
    let relying_party = RelyingPartyUuid(row.parsed()?);
    let request = tables.decrypt(REQUEST, &id, &row.bytes()?)?;
    let request: SessionRequest = text::from_json(&request, REQUEST.what)?;
    let (created_at, deadline) = (row.moment()?, row.moment()?);
    let record = tables.decrypt(STATE, &id, &row.bytes()?)?;
    let record: SessionStateRecord = text::from_json(&record, STATE.what)?;
    // A finished result is given out only if its signature verifies now, whatever the row says.
    let state = record
        .restore(&request)
        .map_err(|error| StoreError::Corrupt { what: error.what })?;
    if let (
        RequestKind::Signature { digest } | RequestKind::HashAuthentication { hash: digest },
        SessionState::Completed(completed),
    ) = (&request.kind, &state)
        && completed.digest != *digest
    {
        return Err(StoreError::Corrupt { what: "digest" });
    }
    let version = row.integer()?;
    let id = SessionId(id.parse().map_err(|_| row.corrupt())?);
    let candidates = candidates(tables, id).await?;
    Ok(Some(Session {
        id,
        relying_party,
        request,
        candidates,
        created_at,
        deadline,
        state,
        version,
    }))
}

async fn candidates(tables: &mut Tables, id: SessionId) -> Result<Vec<AccountId>, StoreError> {
    let rows = tables
        .rows(CANDIDATE, CANDIDATES_OF, arguments![id.0.to_string()])
        .await?;
    rows.into_iter()
        .map(|mut row| row.parsed().map(AccountId))
        .collect()
}
