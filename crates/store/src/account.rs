//! Accounts and their keys: tables `account` and `account_key`.

use crate::{
    cipher::{Column, column},
    moment,
    sql::{Row, arguments},
    tables::Tables,
    text,
};
use engine::{
    domain::{
        Account, AccountId, AccountKey, AccountLevel, AccountName, AccountState, CloseReason,
        Device, DeviceId, KeyId, KeyState, PerPurpose, Person, Profile, Purpose, TokenHash,
        TransactionId, Wrapped,
    },
    ports::{KeyHolder, StoreError, StoredModuli},
};
use jiff::{Timestamp, civil};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use wire::{DocumentNumber, SemanticsIdentifier};

const ACCOUNT: &str = "account";
const KEY: &str = "account_key";
const PERSON: Column = column!("account", "person");
const CERTIFICATE: Column = column!("account_key", "certificate");
const SERVER_SHARE: Column = column!("account_key", "server_share");
const SERVER_HALF: Column = column!("account_key", "server_half");

macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT id, semantics_identifier, person, document_number, level, device_id, device_public_key, \
             device_token, device_seq, device_superseded, state, created_at, expires_at, version FROM account ",
            $condition
        )
    };
}

pub(crate) const BY_ID: &str = select!("WHERE id = $1");
pub(crate) const BY_DEVICE: &str = select!("WHERE device_id = $1");
pub(crate) const BY_DOCUMENT: &str = select!("WHERE document_number = $1");
pub(crate) const ACTIVE_OF: &str =
    select!("WHERE semantics_identifier = $1 AND closed_at IS NULL ORDER BY created_at, id");
pub(crate) const NAME: &str =
    "SELECT id, document_number, closed_at, state FROM account WHERE id = $1";
pub(crate) const NAME_BY_DOCUMENT: &str =
    "SELECT id, document_number, closed_at, state FROM account WHERE document_number = $1";
pub(crate) const KNOWS_PERSON: &str =
    "SELECT id FROM account WHERE semantics_identifier = $1 LIMIT 1";
pub(crate) const OVERDUE: &str = "SELECT id FROM account WHERE closed_at IS NULL AND expires_at <= $1 ORDER BY expires_at, id LIMIT $2";
pub(crate) const KEYS_OF: &str = "SELECT purpose, id, profile, n1, n2, n, certificate, pin, server_share, server_half, \
     destroyed_at, destroyed_reason, in_flight FROM account_key WHERE account_id = $1 ORDER BY purpose";
pub(crate) const MODULI: &str = "SELECT account_key.id, account_id, purpose, n1, n2 FROM account_key \
     JOIN account ON account.id = account_id \
     WHERE account_key.id > $1 AND created_at >= $2 AND created_at < $3 ORDER BY account_key.id LIMIT $4";

pub(crate) const KEYS_AFTER: &str = "SELECT account_id, level, created_at, purpose, account_key.id, profile, n1, n2, n, \
     certificate, pin, server_share, server_half, destroyed_at, destroyed_reason, in_flight FROM account_key \
     JOIN account ON account.id = account_id WHERE account_key.id > $1 ORDER BY account_key.id LIMIT $2";

const INSERT: &str = "INSERT INTO account (id, semantics_identifier, person, document_number, level, device_id, \
     device_public_key, device_token, device_seq, device_superseded, state, closed_at, created_at, expires_at, version) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
pub(crate) const SAVE: &str = "UPDATE account SET semantics_identifier = $2, person = $3, document_number = $4, \
     level = $5, device_id = $6, device_public_key = $7, device_token = $8, device_seq = $9, device_superseded = $10, \
     state = $11, closed_at = $12, created_at = $13, expires_at = $14, version = $15 + 1 \
     WHERE id = $1 AND version = $15";
pub(crate) const CLOSE: &str = "UPDATE account SET state = $2, closed_at = $3, version = version + 1 \
     WHERE id = $1 AND closed_at IS NULL";
pub(crate) const DESTROY: &str = "UPDATE account_key SET server_share = NULL, server_half = NULL, destroyed_at = $2, \
     destroyed_reason = $3, in_flight = NULL WHERE account_id = $1 AND destroyed_at IS NULL";
const INSERT_KEY: &str = "INSERT INTO account_key (account_id, purpose, id, profile, n1, n2, n, certificate, pin, \
     server_share, server_half, destroyed_at, destroyed_reason, in_flight) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
pub(crate) const SAVE_KEY: &str = "UPDATE account_key SET id = $3, profile = $4, n1 = $5, n2 = $6, n = $7, \
     certificate = $8, pin = $9, server_share = $10, server_half = $11, destroyed_at = $12, destroyed_reason = $13, \
     in_flight = $14 WHERE account_id = $1 AND purpose = $2";

pub(crate) async fn name(
    tables: &mut Tables,
    id: AccountId,
) -> Result<Option<AccountName>, StoreError> {
    let row = tables
        .row(ACCOUNT, NAME, arguments![id.0.to_string()])
        .await?;
    row.map(read_name).transpose()
}

pub(crate) async fn name_by_document(
    tables: &mut Tables,
    number: &DocumentNumber,
) -> Result<Option<AccountName>, StoreError> {
    let row = tables
        .row(ACCOUNT, NAME_BY_DOCUMENT, arguments![number.to_string()])
        .await?;
    row.map(read_name).transpose()
}

fn read_name(mut row: Row) -> Result<AccountName, StoreError> {
    let (id, document_number) = (AccountId(row.parsed()?), row.parsed()?);
    let closed_at = row.optional_integer()?.map(moment::from_column);
    let reason = match text::from_json(row.text()?.as_bytes(), ACCOUNT) {
        Ok(AccountState::Closed { reason, .. }) => Some(reason),
        Ok(AccountState::Active) | Err(_) => None,
    };
    Ok(AccountName {
        id,
        document_number,
        closed: closed_at.map(|at| (at, reason)),
    })
}

pub(crate) async fn find(
    tables: &mut Tables,
    id: AccountId,
) -> Result<Option<Account>, StoreError> {
    let row = tables
        .row(ACCOUNT, BY_ID, arguments![id.0.to_string()])
        .await?;
    complete(tables, row).await
}

pub(crate) async fn find_by_device(
    tables: &mut Tables,
    id: DeviceId,
) -> Result<Option<Account>, StoreError> {
    let row = tables
        .row(ACCOUNT, BY_DEVICE, arguments![hex::encode(id.0)])
        .await?;
    complete(tables, row).await
}

pub(crate) async fn find_by_document(
    tables: &mut Tables,
    number: &DocumentNumber,
) -> Result<Option<Account>, StoreError> {
    let row = tables
        .row(ACCOUNT, BY_DOCUMENT, arguments![number.to_string()])
        .await?;
    complete(tables, row).await
}

pub(crate) async fn active_of(
    tables: &mut Tables,
    person: &SemanticsIdentifier,
) -> Result<Vec<Account>, StoreError> {
    let rows = tables
        .rows(ACCOUNT, ACTIVE_OF, arguments![person.to_string()])
        .await?;
    let mut accounts = Vec::with_capacity(rows.len());
    for row in rows {
        accounts.extend(complete(tables, Some(row)).await?);
    }
    Ok(accounts)
}

pub(crate) async fn knows_person(
    tables: &mut Tables,
    person: &SemanticsIdentifier,
) -> Result<bool, StoreError> {
    Ok(tables
        .row(ACCOUNT, KNOWS_PERSON, arguments![person.to_string()])
        .await?
        .is_some())
}

pub(crate) async fn overdue(
    tables: &mut Tables,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<AccountId>, StoreError> {
    let rows = tables
        .rows(ACCOUNT, OVERDUE, arguments![now, limit])
        .await?;
    rows.into_iter()
        .map(|mut row| row.parsed().map(AccountId))
        .collect()
}

pub(crate) async fn moduli(
    tables: &mut Tables,
    from: Timestamp,
    until: Timestamp,
    after: Option<KeyId>,
    limit: u32,
) -> Result<Vec<StoredModuli>, StoreError> {
    // No identifier is smaller than the empty text.
    let after = after.map_or_else(String::new, |key| hex::encode(key.0));
    let arguments = arguments![after, from, until, limit];
    let rows = tables.rows(KEY, MODULI, arguments).await?;
    rows.into_iter()
        .map(|mut row| {
            Ok(StoredModuli {
                key: KeyId(text::from_hex(&row.text()?, KEY)?),
                holder: KeyHolder::Account(AccountId(row.parsed()?)),
                purpose: Purpose::from_id(row.number()?).ok_or(row.corrupt())?,
                n1: row.bytes()?,
                n2: row.bytes()?,
            })
        })
        .collect()
}

/// A key and what of its account its certificate's record needs.
pub(crate) struct IssuedKey {
    pub(crate) account: AccountId,
    pub(crate) level: AccountLevel,
    pub(crate) opened: Timestamp,
    pub(crate) key: AccountKey,
}

/// Keys of all accounts in the order of their ids, after this one.
pub(crate) async fn keys_after(
    tables: &mut Tables,
    after: &str,
    limit: u32,
) -> Result<Vec<IssuedKey>, StoreError> {
    let rows = tables
        .rows(KEY, KEYS_AFTER, arguments![after, limit])
        .await?;
    rows.into_iter()
        .map(|mut row| {
            Ok(IssuedKey {
                account: AccountId(row.parsed()?),
                level: text::from_word(row.text()?, ACCOUNT)?,
                opened: row.moment()?,
                key: read_key(tables, row)?,
            })
        })
        .collect()
}

/// What [`Account::close`] does, without reading anything.
pub(crate) async fn close_unread(
    tables: &mut Tables,
    id: AccountId,
    reason: CloseReason,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let state = text::to_json(&AccountState::Closed { reason, at: now });
    let account = arguments![id.0.to_string(), state, now];
    let closed = tables.change(ACCOUNT, CLOSE, account).await? > 0;
    let keys = arguments![id.0.to_string(), now, text::to_word(&reason)];
    tables.change(KEY, DESTROY, keys).await?;
    Ok(closed)
}

pub(crate) async fn insert(tables: &mut Tables, account: &Account) -> Result<(), StoreError> {
    let row = write(tables, account)?;
    tables.change(ACCOUNT, INSERT, row).await?;
    for key in account.keys.iter() {
        let row = write_key(tables, account.id, key)?;
        tables.change(KEY, INSERT_KEY, row).await?;
    }
    Ok(())
}

pub(crate) async fn save(tables: &mut Tables, account: &mut Account) -> Result<(), StoreError> {
    let row = write(tables, account)?;
    tables.compare_and_swap(ACCOUNT, SAVE, row).await?;
    for key in account.keys.iter() {
        let row = write_key(tables, account.id, key)?;
        tables.compare_and_swap(KEY, SAVE_KEY, row).await?;
    }
    account.version += 1;
    Ok(())
}

/// What is encrypted of a person; her identifier has a column to be looked up by.
#[derive(Serialize, Deserialize)]
struct PersonRecord {
    given_name: String,
    surname: String,
    date_of_birth: civil::Date,
}

fn write(tables: &Tables, account: &Account) -> Result<Vec<crate::sql::Argument>, StoreError> {
    let id = account.id.0.to_string();
    let person = text::to_secret_json(&PersonRecord {
        given_name: account.person.given_name.clone(),
        surname: account.person.surname.clone(),
        date_of_birth: account.person.date_of_birth,
    });
    let closed_at = match account.state {
        AccountState::Active => None,
        AccountState::Closed { at, .. } => Some(at),
    };
    let Device {
        id: device_id,
        public_key,
        token,
        seq,
        superseded,
    } = &account.device;
    let person = tables.encrypt(PERSON, &id, &person)?;
    Ok(arguments![
        id,
        account.person.semantics_identifier.to_string(),
        person,
        account.document_number.to_string(),
        text::to_word(&account.level),
        hex::encode(device_id.0),
        public_key.as_slice(),
        token.0.as_slice(),
        i64::try_from(*seq).expect("a phone does not live to spend 2^63 tokens"),
        *superseded,
        text::to_json(&account.state),
        closed_at,
        account.created_at,
        account.expires_at,
        account.version,
    ])
}

fn write_key(
    tables: &Tables,
    account: AccountId,
    key: &AccountKey,
) -> Result<Vec<crate::sql::Argument>, StoreError> {
    let id = hex::encode(key.id.0);
    let certificate = tables.encrypt(CERTIFICATE, &id, &key.certificate)?;
    let (share, half, destroyed_at, reason) = match &key.state {
        KeyState::Ready {
            server_share,
            server_half,
        } => (
            Some(tables.encrypt(SERVER_SHARE, &id, &server_share.0)?),
            Some(tables.encrypt(SERVER_HALF, &id, &server_half.0)?),
            None,
            None,
        ),
        KeyState::Destroyed { at, reason } => (None, None, Some(*at), Some(text::to_word(reason))),
    };
    Ok(arguments![
        account.0.to_string(),
        key.purpose.id(),
        id,
        key.profile.id(),
        key.n1.as_slice(),
        key.n2.as_slice(),
        key.n.as_slice(),
        certificate,
        text::to_json(&key.pin),
        share,
        half,
        destroyed_at,
        reason,
        key.in_flight.map(|transaction| hex::encode(transaction.0)),
    ])
}

/// The account of a row, with its keys.
async fn complete(tables: &mut Tables, row: Option<Row>) -> Result<Option<Account>, StoreError> {
    let Some(mut row) = row else { return Ok(None) };
    let id = row.text()?;
    let keys = keys(tables, &id).await?;
    let semantics_identifier = row.parsed()?;
    let person = tables.decrypt(PERSON, &id, &row.bytes()?)?;
    let person: PersonRecord = text::from_json(&person, PERSON.what)?;
    Ok(Some(Account {
        id: AccountId(id.parse::<Uuid>().map_err(|_| row.corrupt())?),
        person: Person {
            semantics_identifier,
            given_name: person.given_name,
            surname: person.surname,
            date_of_birth: person.date_of_birth,
        },
        document_number: row.parsed()?,
        level: text::from_word(row.text()?, ACCOUNT)?,
        device: Device {
            id: DeviceId(text::from_hex(&row.text()?, ACCOUNT)?),
            public_key: row.bytes()?,
            token: TokenHash(row.array()?),
            seq: row.number()?,
            superseded: row.number()?,
        },
        keys,
        state: text::from_json(row.text()?.as_bytes(), ACCOUNT)?,
        created_at: row.moment()?,
        expires_at: row.moment()?,
        version: row.integer()?,
    }))
}

async fn keys(tables: &mut Tables, account: &str) -> Result<PerPurpose<AccountKey>, StoreError> {
    let (mut authentication, mut signature) = (None, None);
    for row in tables.rows(KEY, KEYS_OF, arguments![account]).await? {
        let key = read_key(tables, row)?;
        match key.purpose {
            Purpose::Authentication => authentication = Some(key),
            Purpose::Signature => signature = Some(key),
        }
    }
    match (authentication, signature) {
        (Some(authentication), Some(signature)) => Ok(PerPurpose {
            authentication,
            signature,
        }),
        _ => Err(StoreError::Corrupt { what: KEY }),
    }
}

fn read_key(tables: &Tables, mut row: Row) -> Result<AccountKey, StoreError> {
    let purpose = Purpose::from_id(row.number()?).ok_or(row.corrupt())?;
    let id = row.text()?;
    let profile = Profile::from_id(row.number()?).ok_or(row.corrupt())?;
    let (n1, n2, n) = (row.bytes()?, row.bytes()?, row.bytes()?);
    let certificate = tables.decrypt(CERTIFICATE, &id, &row.bytes()?)?.to_vec();
    let pin = text::from_json(row.text()?.as_bytes(), KEY)?;
    let (share, half) = (row.optional_bytes()?, row.optional_bytes()?);
    let (destroyed_at, reason) = (row.optional_integer()?, row.optional_text()?);
    let wrapped = |column, cell: &[u8]| {
        tables
            .decrypt(column, &id, cell)
            .map(|bytes| Wrapped(bytes.to_vec()))
    };
    let state = match (share, half, destroyed_at, reason) {
        (Some(share), Some(half), None, None) => KeyState::Ready {
            server_share: wrapped(SERVER_SHARE, &share)?,
            server_half: wrapped(SERVER_HALF, &half)?,
        },
        (None, None, Some(at), Some(reason)) => KeyState::Destroyed {
            at: moment::from_column(at),
            reason: text::from_word(reason, KEY)?,
        },
        _ => return Err(row.corrupt()),
    };
    let in_flight = match row.optional_text()? {
        Some(transaction) => Some(TransactionId(text::from_hex(&transaction, KEY)?)),
        None => None,
    };
    Ok(AccountKey {
        id: KeyId(text::from_hex(&id, KEY)?),
        purpose,
        profile,
        n1,
        n2,
        n,
        certificate,
        pin,
        state,
        in_flight,
    })
}
