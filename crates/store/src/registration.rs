//! Accounts in the making: table `registration`.

use crate::{
    cipher::{Column, column},
    sql::{Row, arguments},
    tables::Tables,
    text,
};
use engine::{
    domain::{
        AccountId, DeviceId, OfferedKey, PerPurpose, Purpose, Registration, RegistrationState,
        TokenHash,
    },
    ports::{KeyHolder, StoreError, StoredModuli},
};
use jiff::Timestamp;
use wire::{RegistrationCode, RegistrationId};

const REGISTRATION: &str = "registration";
const KEYS: Column = column!("registration", "keys");
const STATE: Column = column!("registration", "state");

macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT id, code, control_code, device_id, device_public_key, device_token, replaces, created_at, \
             expires_at, proof_attempts, keys, state, version FROM registration ",
            $condition
        )
    };
}

pub(crate) const BY_ID: &str = select!("WHERE id = $1");
pub(crate) const BY_CODE: &str = select!("WHERE code = $1 AND ended_at IS NULL");
pub(crate) const BY_DEVICE: &str =
    select!("WHERE device_id = $1 ORDER BY created_at DESC, id LIMIT 1");
pub(crate) const OVERDUE: &str = "SELECT id FROM registration WHERE ended_at IS NULL AND expires_at <= $1 ORDER BY expires_at, id LIMIT $2";
pub(crate) const MODULI: &str =
    "SELECT id, keys FROM registration WHERE ended_at IS NULL AND id > $1 ORDER BY id LIMIT $2";
pub(crate) const PURGE: &str = "DELETE FROM registration WHERE ended_at <= $1";

const INSERT: &str = "INSERT INTO registration (id, version, code, control_code, device_id, device_public_key, \
     device_token, replaces, created_at, expires_at, proof_attempts, state_code, ended_at, keys, state) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
pub(crate) const SAVE: &str = "UPDATE registration SET code = $3, control_code = $4, device_id = $5, \
     device_public_key = $6, device_token = $7, replaces = $8, created_at = $9, expires_at = $10, \
     proof_attempts = $11, state_code = $12, ended_at = $13, keys = $14, state = $15, version = $2 + 1 \
     WHERE id = $1 AND version = $2";

pub(crate) async fn find(
    tables: &mut Tables,
    id: RegistrationId,
) -> Result<Option<Registration>, StoreError> {
    let row = tables
        .row(REGISTRATION, BY_ID, arguments![id.0.to_string()])
        .await?;
    row.map(|row| read(tables, row)).transpose()
}

pub(crate) async fn find_by_code(
    tables: &mut Tables,
    code: &RegistrationCode,
) -> Result<Option<Registration>, StoreError> {
    let row = tables
        .row(REGISTRATION, BY_CODE, arguments![code.to_string()])
        .await?;
    row.map(|row| read(tables, row)).transpose()
}

pub(crate) async fn find_by_device(
    tables: &mut Tables,
    device: DeviceId,
) -> Result<Option<Registration>, StoreError> {
    let row = tables
        .row(REGISTRATION, BY_DEVICE, arguments![hex::encode(device.0)])
        .await?;
    row.map(|row| read(tables, row)).transpose()
}

pub(crate) async fn overdue(
    tables: &mut Tables,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<RegistrationId>, StoreError> {
    let rows = tables
        .rows(REGISTRATION, OVERDUE, arguments![now, limit])
        .await?;
    rows.into_iter()
        .map(|mut row| row.parsed().map(RegistrationId))
        .collect()
}

pub(crate) async fn moduli(
    tables: &mut Tables,
    after: Option<RegistrationId>,
    limit: u32,
) -> Result<Vec<StoredModuli>, StoreError> {
    // No identifier is smaller than the empty text.
    let after = after.map_or_else(String::new, |id| id.0.to_string());
    let mut moduli = Vec::new();
    for mut row in tables
        .rows(REGISTRATION, MODULI, arguments![after, limit])
        .await?
    {
        let id = row.text()?;
        let holder =
            KeyHolder::Registration(RegistrationId(id.parse().map_err(|_| row.corrupt())?));
        let keys: PerPurpose<OfferedKey> =
            text::from_json(&tables.decrypt(KEYS, &id, &row.bytes()?)?, KEYS.what)?;
        for purpose in [Purpose::Authentication, Purpose::Signature] {
            let OfferedKey {
                id: key, n1, n2, ..
            } = keys.of(purpose).clone();
            moduli.push(StoredModuli {
                holder,
                key,
                purpose,
                n1,
                n2,
            });
        }
    }
    Ok(moduli)
}

pub(crate) async fn insert(
    tables: &mut Tables,
    registration: &Registration,
) -> Result<(), StoreError> {
    let row = write(tables, registration)?;
    tables.change(REGISTRATION, INSERT, row).await?;
    Ok(())
}

pub(crate) async fn save(
    tables: &mut Tables,
    registration: &mut Registration,
) -> Result<(), StoreError> {
    let row = write(tables, registration)?;
    tables.compare_and_swap(REGISTRATION, SAVE, row).await?;
    registration.version += 1;
    Ok(())
}

/// What became an account ended, at the latest, when its time was over.
pub(crate) async fn purge(tables: &mut Tables, until: Timestamp) -> Result<u64, StoreError> {
    tables.change(REGISTRATION, PURGE, arguments![until]).await
}

fn write(
    tables: &Tables,
    registration: &Registration,
) -> Result<Vec<crate::sql::Argument>, StoreError> {
    let id = registration.id.0.to_string();
    let (code, ended_at) = match &registration.state {
        RegistrationState::AwaitingServerShares => ("awaiting_server_shares", None),
        RegistrationState::AwaitingIdentity { .. } => ("awaiting_identity", None),
        RegistrationState::AwaitingProof { .. } => ("awaiting_proof", None),
        RegistrationState::Active { .. } => ("active", Some(registration.expires_at)),
        RegistrationState::Ended { at, .. } => ("ended", Some(*at)),
    };
    let keys = tables.encrypt(KEYS, &id, &text::to_secret_json(&registration.keys))?;
    let state = tables.encrypt(STATE, &id, &text::to_secret_json(&registration.state))?;
    Ok(arguments![
        id,
        registration.version,
        registration.code.to_string(),
        registration.control_code.to_string(),
        hex::encode(registration.device.0),
        registration.device_public_key.as_slice(),
        registration.token.0.as_slice(),
        registration.replaces.map(|account| account.0.to_string()),
        registration.created_at,
        registration.expires_at,
        registration.proof_attempts,
        code,
        ended_at,
        keys,
        state,
    ])
}

fn read(tables: &Tables, mut row: Row) -> Result<Registration, StoreError> {
    let id = row.text()?;
    Ok(Registration {
        id: RegistrationId(id.parse().map_err(|_| row.corrupt())?),
        code: row.parsed()?,
        control_code: row.parsed()?,
        device: DeviceId(text::from_hex(&row.text()?, REGISTRATION)?),
        device_public_key: row.bytes()?,
        token: TokenHash(row.array()?),
        replaces: match row.optional_text()? {
            Some(account) => Some(AccountId(account.parse().map_err(|_| row.corrupt())?)),
            None => None,
        },
        created_at: row.moment()?,
        expires_at: row.moment()?,
        proof_attempts: row.number()?,
        keys: text::from_json(&tables.decrypt(KEYS, &id, &row.bytes()?)?, KEYS.what)?,
        state: text::from_json(&tables.decrypt(STATE, &id, &row.bytes()?)?, STATE.what)?,
        version: row.integer()?,
    })
}
