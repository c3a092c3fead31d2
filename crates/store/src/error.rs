use engine::ports::StoreError;
use sqlx::{error::ErrorKind, migrate::MigrateError};
use std::path::PathBuf;

/// Why a database cannot be opened; for the operator.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file is not there.
    #[error("there is no database at {0}; migrating creates it")]
    NotFound(PathBuf),
    /// The schema is older than this software needs.
    #[error(
        "the database has schema version {found}, this software needs {needed}; migrate it first"
    )]
    Outdated {
        /// In the database; 0 if it is empty.
        found: i64,
        /// In this software.
        needed: i64,
    },
    /// The schema is newer than this software knows.
    #[error("the database has schema version {found}, this software knows versions up to {known}")]
    Newer {
        /// In the database.
        found: i64,
        /// In this software.
        known: i64,
    },
    /// A migration in the database is not the one of this number in this software.
    #[error(
        "schema version {0} of the database is not the one that this software knows by that number"
    )]
    OtherHistory(i64),
    /// The column key is not the one that the database was written under.
    #[error("column key {0} is not the key of that number that the database was written under")]
    WrongColumnKey(u8),
    /// The file cannot be made.
    #[error("the database file cannot be made")]
    File(#[source] std::io::Error),
    /// The database does not work.
    #[error("the database cannot be used")]
    Database(#[from] sqlx::Error),
    /// A migration failed; it left nothing behind.
    #[error("migrating the database failed")]
    Migration(#[from] MigrateError),
    /// A statement failed.
    #[error("the database cannot be read or written")]
    Statement(#[from] StoreError),
}

/// Why the log could not be moved into the database file.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The database file could not be made durable, and nobody knows any more which of its pages are: see
    /// [`SqliteStore::checkpoint`](crate::SqliteStore::checkpoint).
    #[error("the database file could not be made durable")]
    NotDurable(#[source] sqlx::Error),
    /// Anything else, a full disk for example; the next try does it all again.
    #[error("the log cannot be moved into the database file")]
    Failed(#[source] sqlx::Error),
}

impl From<sqlx::Error> for CheckpointError {
    fn from(error: sqlx::Error) -> Self {
        const SQLITE_IOERR_FSYNC: &str = "1034";
        let database = error.as_database_error();
        match database
            .is_some_and(|error| error.code().is_some_and(|code| code == SQLITE_IOERR_FSYNC))
        {
            true => Self::NotDurable(error),
            false => Self::Failed(error),
        }
    }
}

/// Why a statement failed, as far as anybody acts on the difference.
#[derive(Debug)]
pub(crate) enum SqlError {
    /// A unique value stands already.
    Duplicate,
    /// Another transaction is in the way; the whole unit of work can be tried again.
    Busy,
    /// Anything else.
    Broken(Box<dyn std::error::Error + Send + Sync>),
}

impl SqlError {
    /// In the words of the port, for a statement on `table`.
    pub(crate) fn on(self, table: &'static str) -> StoreError {
        match self {
            Self::Duplicate => StoreError::Duplicate { what: table },
            Self::Busy => StoreError::Conflict,
            Self::Broken(source) => StoreError::Unavailable(source),
        }
    }
}

impl From<sqlx::Error> for SqlError {
    fn from(error: sqlx::Error) -> Self {
        match error.as_database_error() {
            Some(database) if database.kind() == ErrorKind::UniqueViolation => Self::Duplicate,
            Some(database) if database.code().is_some_and(|code| is_busy(&code)) => Self::Busy,
            _ => Self::Broken(Box::new(error)),
        }
    }
}

/// Whether an extended result code of SQLite is one of SQLITE_BUSY or SQLITE_LOCKED.
fn is_busy(code: &str) -> bool {
    const SQLITE_BUSY: i32 = 5;
    const SQLITE_LOCKED: i32 = 6;
    // The low byte of an extended code is the primary code (sqlite.org/rescode.html §3).
    code.parse::<i32>()
        .is_ok_and(|code| [SQLITE_BUSY, SQLITE_LOCKED].contains(&(code & 0xff)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn busy_and_locked_in_all_their_forms_ask_to_try_again() {
        for code in ["5", "6", "261", "262", "517", "773"] {
            assert!(is_busy(code), "{code}");
        }
        for code in ["1", "10", "13", "14", "1555", "2067", "", "busy"] {
            assert!(!is_busy(code), "{code}");
        }
    }
}
