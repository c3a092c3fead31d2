//! Server halves that wait for a registration: table `pooled_half`.

use crate::{
    cipher::{Column, column},
    sql::arguments,
    tables::Tables,
};
use engine::{
    domain::{Profile, ServerModulus, Wrapped},
    ports::{NewServerHalf, StoreError},
};
use sha2::{Digest, Sha256};

const POOLED_HALF: &str = "pooled_half";
const SERVER_HALF: Column = column!("pooled_half", "server_half");

pub(crate) const COUNT: &str = "SELECT COUNT(*) FROM pooled_half WHERE profile = $1";
pub(crate) const OLDEST: &str =
    "SELECT id, modulus, server_half FROM pooled_half WHERE profile = $1 ORDER BY position LIMIT 1";
const ADD: &str = "INSERT INTO pooled_half (id, profile, position, modulus, server_half) \
     SELECT $1, $2, COALESCE(MAX(position), 0) + 1, $3, $4 FROM pooled_half WHERE profile = $2";
pub(crate) const MODULI: &str =
    "SELECT profile, modulus FROM pooled_half ORDER BY profile, position";
pub(crate) const REMOVE: &str = "DELETE FROM pooled_half WHERE id = $1";

pub(crate) async fn count(tables: &mut Tables, profile: Profile) -> Result<u64, StoreError> {
    tables
        .count(POOLED_HALF, COUNT, arguments![profile.id()])
        .await
}

pub(crate) async fn add(
    tables: &mut Tables,
    profile: Profile,
    half: &NewServerHalf,
) -> Result<(), StoreError> {
    let modulus = half.modulus.as_bytes();
    let id = hex::encode(Sha256::digest(modulus));
    let secret = tables.encrypt(SERVER_HALF, &id, &half.wrapped.0)?;
    tables
        .change(
            POOLED_HALF,
            ADD,
            arguments![id, profile.id(), modulus, secret],
        )
        .await?;
    Ok(())
}

pub(crate) async fn take(
    tables: &mut Tables,
    profile: Profile,
) -> Result<Option<NewServerHalf>, StoreError> {
    let Some(mut row) = tables
        .row(POOLED_HALF, OLDEST, arguments![profile.id()])
        .await?
    else {
        return Ok(None);
    };
    let (id, modulus, secret) = (row.text()?, row.bytes()?, row.bytes()?);
    let modulus = ServerModulus::from_bytes(profile, &modulus).map_err(|_| row.corrupt())?;
    let wrapped = Wrapped(tables.decrypt(SERVER_HALF, &id, &secret)?.to_vec());
    // Whoever deletes the row has the half; where the lock is finer than SQLite's, another may be faster.
    tables
        .compare_and_swap(POOLED_HALF, REMOVE, arguments![id])
        .await?;
    Ok(Some(NewServerHalf { modulus, wrapped }))
}

pub(crate) async fn moduli(tables: &mut Tables) -> Result<Vec<ServerModulus>, StoreError> {
    let rows = tables.rows(POOLED_HALF, MODULI, arguments![]).await?;
    rows.into_iter()
        .map(|mut row| {
            let profile = Profile::from_id(row.number()?).ok_or(row.corrupt())?;
            ServerModulus::from_bytes(profile, &row.bytes()?).map_err(|_| row.corrupt())
        })
        .collect()
}
