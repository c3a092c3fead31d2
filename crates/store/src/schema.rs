//! The schema's history, and whether a database stands where this software needs it.

use crate::{
    cipher::{Column, column},
    error::OpenError,
    sql::arguments,
    tables::Tables,
};
use sqlx::{
    SqlSafeStr,
    migrate::{AppliedMigration, Migration, MigrationType, Migrator},
};
use std::{collections::HashMap, sync::LazyLock};

/// All migrations, the oldest first. Released ones are never edited: their checksums are frozen below.
static MIGRATIONS: LazyLock<Migrator> = LazyLock::new(|| {
    Migrator::with_migrations(vec![
        migration(1, "initial", include_str!("../migrations/0001_initial.sql")),
        migration(
            2,
            "audit chain",
            include_str!("../migrations/0002_audit_chain.sql"),
        ),
        migration(
            3,
            "device links",
            include_str!("../migrations/0003_device_links.sql"),
        ),
        migration(
            4,
            "trust services",
            include_str!("../migrations/0004_trust_services.sql"),
        ),
    ])
});

/// The version that brings the audit chain.
pub(crate) const AUDIT_CHAIN: i64 = 2;

/// The version that brings the records of certificates.
pub(crate) const CERTIFICATE_RECORDS: i64 = 4;

/// Where sqlx notes what was applied.
pub(crate) const HISTORY_TABLE: &str = "_sqlx_migrations";

const KEYS: &str = "column_key";
const PROOF: Column = column!("column_key", "proof");

pub(crate) fn migrations() -> &'static Migrator {
    &MIGRATIONS
}

/// The first so many migrations: a database as an earlier software left it.
#[cfg(test)]
pub(crate) fn migrations_up_to(version: i64) -> Migrator {
    let earlier = MIGRATIONS
        .iter()
        .filter(|migration| migration.version <= version);
    Migrator::with_migrations(earlier.cloned().collect())
}

/// The version this software needs.
pub(crate) fn needed_version() -> i64 {
    MIGRATIONS
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap_or(0)
}

/// The version a database with this history has.
pub(crate) fn version_of(applied: &[AppliedMigration]) -> i64 {
    applied
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap_or(0)
}

/// Checks that the history is the beginning of ours.
///
/// # Errors
/// It is newer, or a different one.
pub(crate) fn check_history(applied: &[AppliedMigration]) -> Result<(), OpenError> {
    let found = version_of(applied);
    if found > needed_version() {
        return Err(OpenError::Newer {
            found,
            known: needed_version(),
        });
    }
    let applied: HashMap<i64, &[u8]> = applied
        .iter()
        .map(|one| (one.version, &*one.checksum))
        .collect();
    for ours in MIGRATIONS
        .iter()
        .filter(|migration| migration.version <= found)
    {
        if applied.get(&ours.version) != Some(&&*ours.checksum) {
            return Err(OpenError::OtherHistory(ours.version));
        }
    }
    Ok(())
}

/// Checks that the history is exactly ours.
///
/// # Errors
/// It is older, newer, or a different one.
pub(crate) fn check_current(applied: &[AppliedMigration]) -> Result<(), OpenError> {
    check_history(applied)?;
    let (found, needed) = (version_of(applied), needed_version());
    if found < needed {
        Err(OpenError::Outdated { found, needed })
    } else {
        Ok(())
    }
}

/// Checks that each column key is the one of its number that this database knows, and makes new ones
/// known: a wrong key is found when the server starts, not after it wrote rows that nobody can read.
pub(crate) async fn prove_column_keys(tables: &mut Tables) -> Result<(), OpenError> {
    const KNOWN: &str = "SELECT id, proof FROM column_key";
    const ADD: &str = "INSERT INTO column_key (id, proof) VALUES ($1, $2)";
    let mut known = HashMap::new();
    for mut row in tables.rows(KEYS, KNOWN, vec![]).await? {
        known.insert(row.number::<u8>()?, row.bytes()?);
    }
    let cipher = tables.cipher();
    for key in cipher.keys() {
        let row = key.id().to_string();
        match known.get(&key.id()) {
            Some(proof) => {
                cipher
                    .decrypt(PROOF, &row, proof)
                    .map_err(|_| OpenError::WrongColumnKey(key.id()))?;
            }
            None => {
                let proof = cipher.encrypt_under(key, PROOF, &row, b"")?;
                tables
                    .change(KEYS, ADD, arguments![key.id(), proof])
                    .await?;
            }
        }
    }
    Ok(())
}

fn migration(version: i64, description: &'static str, sql: &'static str) -> Migration {
    Migration::new(
        version,
        description.into(),
        MigrationType::Simple,
        sql.into_sql_str(),
        false,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(version: i64, checksum: &[u8]) -> AppliedMigration {
        AppliedMigration {
            version,
            checksum: checksum.to_vec().into(),
        }
    }

    fn ours() -> Vec<AppliedMigration> {
        MIGRATIONS
            .iter()
            .map(|one| applied(one.version, &one.checksum))
            .collect()
    }

    #[test]
    fn released_migrations_are_never_edited() {
        let frozen = include_str!("../migrations/frozen.sha384");
        let actual: Vec<String> = MIGRATIONS
            .iter()
            .map(|one| format!("{:04} {}", one.version, hex::encode(&one.checksum)))
            .collect();
        assert_eq!(frozen.lines().collect::<Vec<_>>(), actual);
    }

    #[test]
    fn the_current_history_is_accepted() {
        check_current(&ours()).expect("ours");
    }

    #[test]
    fn an_empty_database_is_outdated() {
        let error = check_current(&[]).expect_err("empty");
        assert!(
            matches!(error, OpenError::Outdated { found: 0, needed } if needed == needed_version())
        );
    }

    #[test]
    fn a_newer_database_is_refused() {
        let mut history = ours();
        history.push(applied(needed_version() + 1, b"future"));
        assert!(matches!(
            check_history(&history),
            Err(OpenError::Newer { .. })
        ));
    }

    #[test]
    fn another_history_is_refused() {
        assert!(matches!(
            check_history(&[applied(1, b"edited")]),
            Err(OpenError::OtherHistory(1))
        ));
    }
}
