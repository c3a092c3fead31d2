//! The e-services that may ask: table `relying_party`.

use crate::{
    sql::{Argument, Row, arguments},
    tables::Tables,
    text,
};
use engine::{domain::RelyingParty, ports::StoreError};
use wire::RelyingPartyUuid;

const RELYING_PARTY: &str = "relying_party";

macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT uuid, names, networks, rights, enabled, version FROM relying_party ",
            $condition
        )
    };
}

pub(crate) const BY_UUID: &str = select!("WHERE uuid = $1");
const ALL: &str = select!("ORDER BY uuid");
const INSERT: &str = "INSERT INTO relying_party (uuid, version, names, networks, rights, enabled) \
     VALUES ($1, $2, $3, $4, $5, $6)";
pub(crate) const SAVE: &str = "UPDATE relying_party SET names = $3, networks = $4, rights = $5, enabled = $6, \
     version = $2 + 1 WHERE uuid = $1 AND version = $2";

pub(crate) async fn find(
    tables: &mut Tables,
    uuid: RelyingPartyUuid,
) -> Result<Option<RelyingParty>, StoreError> {
    let row = tables
        .row(RELYING_PARTY, BY_UUID, arguments![uuid.0.to_string()])
        .await?;
    row.map(read).transpose()
}

/// By first name, ignoring case; sorted here, since databases disagree on the order of letters.
pub(crate) async fn all(tables: &mut Tables) -> Result<Vec<RelyingParty>, StoreError> {
    let rows = tables.rows(RELYING_PARTY, ALL, vec![]).await?;
    let mut all = rows.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
    all.sort_by_cached_key(|one| one.names.first().map(|name| name.to_lowercase()));
    Ok(all)
}

pub(crate) async fn insert(
    tables: &mut Tables,
    relying_party: &RelyingParty,
) -> Result<(), StoreError> {
    tables
        .change(RELYING_PARTY, INSERT, write(relying_party))
        .await?;
    Ok(())
}

pub(crate) async fn save(
    tables: &mut Tables,
    relying_party: &mut RelyingParty,
) -> Result<(), StoreError> {
    tables
        .compare_and_swap(RELYING_PARTY, SAVE, write(relying_party))
        .await?;
    relying_party.version += 1;
    Ok(())
}

fn write(relying_party: &RelyingParty) -> Vec<Argument> {
    arguments![
        relying_party.uuid.0.to_string(),
        relying_party.version,
        text::to_json(&relying_party.names),
        text::to_json(&relying_party.networks),
        text::to_json(&relying_party.rights),
        relying_party.enabled,
    ]
}

fn read(mut row: Row) -> Result<RelyingParty, StoreError> {
    Ok(RelyingParty {
        uuid: RelyingPartyUuid(row.parsed()?),
        names: text::from_json(row.text()?.as_bytes(), RELYING_PARTY)?,
        networks: text::from_json(row.text()?.as_bytes(), RELYING_PARTY)?,
        rights: text::from_json(row.text()?.as_bytes(), RELYING_PARTY)?,
        enabled: row.integer()? != 0,
        version: row.integer()?,
    })
}
