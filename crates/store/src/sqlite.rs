use crate::{
    audit, certificate,
    cipher::ColumnCipher,
    error::{CheckpointError, OpenError, SqlError},
    schema,
    sql::{self, Argument, Datum},
    tables::Tables,
    unit_of_work::Work,
    wakeups::Wakeups,
};
use async_trait::async_trait;
use engine::ports::{Reader, Store, StoreError, UnitOfWork};
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection as _, Row as _, Sqlite, SqliteConnection, TypeInfo,
    ValueRef,
    migrate::{AppliedMigration, Migrate},
    sqlite::{
        SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
        SqliteRow, SqliteSynchronous,
    },
};
use std::{
    path::Path,
    pin::Pin,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tempfile::TempDir;
use wire::SessionId;

/// The store on SQLite, for one server process at a time.
///
/// Commands of other processes may read and write the same file beside it; only the wake-ups of
/// [`Store::session_changed`] do not cross processes.
pub struct SqliteStore {
    writer: SqlitePool,
    readers: SqlitePool,
    cipher: Arc<ColumnCipher>,
    wakeups: Arc<Wakeups>,
    /// Something was erased whose old pages the log may still have.
    erased: Arc<AtomicBool>,
    /// Deletes a temporary database with the store.
    _temporary: Option<TempDir>,
}

/// How a database is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// Migrates before it opens, instead of refusing an outdated schema; creates a file that is not there.
    pub migrate: bool,
    /// Connections for reading.
    pub readers: u32,
    /// How long to wait for a connection, or for the lock of another process, before giving up.
    pub busy_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            migrate: false,
            readers: 8,
            busy_timeout: Duration::from_secs(5),
        }
    }
}

impl SqliteStore {
    /// Opens the database in a file. `location` is a path or a `sqlite:` URL; `:memory:` stands for a
    /// temporary file that goes away with the store.
    ///
    /// # Errors
    /// There is no such file, its schema is not the one this software needs, a column key is not the one
    /// that it was written under, or it cannot be read and written.
    pub async fn open(
        location: &str,
        column_keys: impl Into<ColumnCipher>,
        options: Options,
    ) -> Result<Self, OpenError> {
        let (place, temporary) = Place::find(location)?;
        let cipher = Arc::new(column_keys.into());
        if options.migrate {
            place.migrate(Arc::clone(&cipher)).await?;
        }
        place.must_exist()?;
        let connect = place.connect().busy_timeout(options.busy_timeout);
        let pool = || {
            SqlitePoolOptions::new()
                .acquire_timeout(options.busy_timeout)
                .test_before_acquire(false)
                .after_release(|connection, _| Box::pin(is_reusable(connection)))
        };
        let store = Self {
            writer: pool()
                .max_connections(1)
                .connect_with(connect.clone())
                .await?,
            readers: pool()
                .max_connections(options.readers.max(1))
                .connect_with(connect.pragma("query_only", "ON"))
                .await?,
            cipher,
            wakeups: Arc::default(),
            erased: Arc::default(),
            _temporary: temporary,
        };
        store.check_schema().await?;
        let mut tables = store.writing().await?;
        schema::prove_column_keys(&mut tables).await?;
        // A chain without a head must not pass for one that begins.
        audit::reseal(&mut tables).await?;
        tables.commit().await?;
        Ok(store)
    }

    /// Brings the schema of a database to the version that this software needs, creating the file if it
    /// is not there. Returns the versions before and after; they are equal if nothing was to be done.
    ///
    /// # Errors
    /// The schema is newer than this software or has another history, or the database cannot be written.
    /// A migration that fails leaves nothing behind.
    pub async fn migrate(
        location: &str,
        column_keys: impl Into<ColumnCipher>,
    ) -> Result<(i64, i64), OpenError> {
        let (place, _temporary) = Place::find(location)?;
        place.migrate(Arc::new(column_keys.into())).await
    }

    /// Closes all connections, once what is under way has ended.
    pub async fn close(&self) {
        // Another process may have the file open, so that closing it here does not empty the log.
        if self.erased.load(Ordering::SeqCst) {
            // A failure leaves it to whoever has the file open next. What a checkpoint could not make durable is closed all
            // the same: SQLite moves the log once more when the last connection closes, and tells nobody how that went.
            let _ = self.checkpoint().await;
        }
        self.readers.close().await;
        self.writer.close().await;
    }

    /// Moves what is committed from the log into the database file, as far as no reader needs the log. Call it about
    /// once a second: the log grows until then. It is safe beside readers, writers and other processes.
    ///
    /// After something was erased, shares of a destroyed key for example, it also empties the log, which has the pages of
    /// before, as soon as no reader is in the way; so it does when the log has become long.
    ///
    /// # Errors
    /// After [`CheckpointError::NotDurable`] the process has to end, *without* closing the database. The kernel reports
    /// a failed write-back once and then takes the pages for written. SQLite would write again only what it moved this
    /// time, not what an earlier checkpoint moved as far as a reader let it; the next sync would succeed, the log be
    /// overwritten, and commits that were acknowledged be gone. Whoever opens the files next moves the whole log.
    pub async fn checkpoint(&self) -> Result<(), CheckpointError> {
        let mut connection = self.readers.acquire().await?;
        let (_, pages, _): (i64, i64, i64) = sqlx::query_as("PRAGMA wal_checkpoint(PASSIVE)")
            .fetch_one(&mut *connection)
            .await?;
        let erased = self.erased.swap(false, Ordering::SeqCst);
        let long = pages > LONG_LOG;
        if erased || long {
            // Readers that overlap without end would let the log grow without end: then, and only then, they and the
            // writer are kept waiting for a moment.
            let patience_ms = if long { 100 } else { 0 };
            let emptied = empty_log(&mut connection, patience_ms).await;
            if erased && !matches!(emptied, Ok(true)) {
                self.erased.store(true, Ordering::SeqCst);
            }
            emptied?;
        }
        Ok(())
    }

    /// What is wrong with the file itself: damaged pages, indexes that miss rows, references to nothing. Reads all of
    /// it; empty if nothing is wrong.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn damage(&self) -> Result<Vec<String>, OpenError> {
        // At most so many findings: one is enough to restore a backup.
        const PAGES: &str = "PRAGMA integrity_check(10)";
        const REFERENCES: &str = "PRAGMA foreign_key_check";
        let mut connection = self.readers.acquire().await?;
        let pages: Vec<String> = sqlx::query_scalar(PAGES)
            .fetch_all(&mut *connection)
            .await?;
        let mut found: Vec<String> = pages.into_iter().filter(|line| line != "ok").collect();
        for row in sqlx::query(REFERENCES).fetch_all(&mut *connection).await? {
            let table: String = row.try_get(0)?;
            found.push(format!("a row of {table} refers to nothing"));
        }
        Ok(found)
    }

    async fn check_schema(&self) -> Result<(), OpenError> {
        let mut connection = self.readers.acquire().await?;
        schema::check_current(&history(&mut connection).await?)
    }

    async fn writing(&self) -> Result<Tables, StoreError> {
        // The lock is taken at once: a deferred transaction that begins to write later may find its
        // snapshot outdated, and all its work lost.
        self.begin(&self.writer, "BEGIN IMMEDIATE").await
    }

    async fn begin(
        &self,
        pool: &SqlitePool,
        statement: &'static str,
    ) -> Result<Tables, StoreError> {
        let transaction = pool
            .begin_with(statement)
            .await
            .map_err(|error| SqlError::from(error).on("transaction"))?;
        Ok(Tables::new(
            Box::new(Transaction(transaction)),
            Arc::clone(&self.cipher),
        ))
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn write(&self) -> Result<Box<dyn UnitOfWork>, StoreError> {
        Ok(Box::new(Work::new(
            self.writing().await?,
            Arc::clone(&self.wakeups),
            Arc::clone(&self.erased),
        )))
    }

    async fn read(&self) -> Result<Box<dyn Reader>, StoreError> {
        let tables = self.begin(&self.readers, "BEGIN DEFERRED").await?;
        Ok(Box::new(Work::new(
            tables,
            Arc::clone(&self.wakeups),
            Arc::clone(&self.erased),
        )))
    }

    fn session_changed(&self, id: SessionId) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(self.wakeups.changed(id))
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.check_schema()
            .await
            .map_err(|error| StoreError::Unavailable(Box::new(error)))
    }
}

/// Where a database is.
struct Place(SqliteConnectOptions);

impl Place {
    fn find(location: &str) -> Result<(Self, Option<TempDir>), OpenError> {
        if matches!(
            location,
            ":memory:" | "sqlite::memory:" | "sqlite://:memory:"
        ) {
            // A real file, so that write-ahead log, readers and fsync are those of production.
            let folder = tempfile::tempdir().map_err(OpenError::File)?;
            let options = SqliteConnectOptions::new().filename(folder.path().join("smart-id.db"));
            return Ok((Self(options), Some(folder)));
        }
        let options = match location.starts_with("sqlite:") {
            true => SqliteConnectOptions::from_str(location)?,
            false => SqliteConnectOptions::new().filename(location),
        };
        Ok((Self(options), None))
    }

    fn connect(&self) -> SqliteConnectOptions {
        self.0
            .clone()
            .create_if_missing(false)
            .journal_mode(SqliteJournalMode::Wal)
            // An attempt is charged durably before any answer depends on it; NORMAL would lose commits
            // to a power cut in WAL mode.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            // SQLite's own checkpoints would hide a failed sync.
            .pragma("wal_autocheckpoint", "0")
            // A destroyed key share is overwritten, not just unlinked; `checkpoint` sees to the log.
            .pragma("secure_delete", "ON")
            .disable_statement_logging()
    }

    /// In one transaction: what was there before the audit chain and before the records of certificates is linked and
    /// recorded with the migration that brings them, or not at all.
    async fn migrate(&self, cipher: Arc<ColumnCipher>) -> Result<(i64, i64), OpenError> {
        self.create()?;
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(self.connect())
            .await?;
        let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
        let applied = history(&mut transaction).await?;
        schema::check_history(&applied)?;
        schema::migrations()
            .run_direct(None, &mut *transaction, false)
            .await?;
        let mut tables = Tables::new(Box::new(Transaction(transaction)), cipher);
        schema::prove_column_keys(&mut tables).await?;
        let before = schema::version_of(&applied);
        if before < schema::AUDIT_CHAIN {
            audit::found(&mut tables).await?;
        }
        if before < schema::CERTIFICATE_RECORDS {
            certificate::found(&mut tables).await?;
        }
        tables.commit().await?;
        pool.close().await;
        Ok((before, schema::needed_version()))
    }

    /// Makes an empty file that only its owner can read; SQLite gives its logs the same rights.
    fn create(&self) -> Result<(), OpenError> {
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(self.path()) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                Err(OpenError::File(error))
            }
            _ => Ok(()),
        }
    }

    fn must_exist(&self) -> Result<(), OpenError> {
        match self.path().exists() {
            true => Ok(()),
            false => Err(OpenError::NotFound(self.path().to_owned())),
        }
    }

    fn path(&self) -> &Path {
        self.0.get_filename()
    }
}

/// Pages in a log that has to be emptied soon: 64 MiB.
const LONG_LOG: i64 = 16_384;

/// Empties the log, if nobody is in the way for so long; says whether it did. Writers wait meanwhile.
async fn empty_log(
    connection: &mut SqliteConnection,
    patience_ms: u32,
) -> Result<bool, sqlx::Error> {
    let waits: i64 = sqlx::query_scalar("PRAGMA busy_timeout")
        .fetch_one(&mut *connection)
        .await?;
    sqlx::query(AssertSqlSafe(format!(
        "PRAGMA busy_timeout = {patience_ms}"
    )))
    .execute(&mut *connection)
    .await?;
    let busy: Result<i64, _> = sqlx::query_scalar("PRAGMA wal_checkpoint(TRUNCATE)")
        .fetch_one(&mut *connection)
        .await;
    sqlx::query(AssertSqlSafe(format!("PRAGMA busy_timeout = {waits}")))
        .execute(&mut *connection)
        .await?;
    match busy {
        Ok(busy) => Ok(busy == 0),
        Err(sqlx::Error::Database(error)) if error.code().is_some_and(|code| code == "5") => {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// Whether a connection that comes back to its pool is outside any transaction.
///
/// When the disk is full or fails, SQLite rolls back by itself, the driver's own rollback then fails, and
/// the driver would believe for ever that it is inside a transaction.
async fn is_reusable(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    // Waits until the rollback that dropping started is through.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

/// Which migrations were applied; none if there is no table that says so.
async fn history(connection: &mut SqliteConnection) -> Result<Vec<AppliedMigration>, OpenError> {
    const TABLES: &str = "SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name = $1";
    let tables: i64 = sqlx::query_scalar(TABLES)
        .bind(schema::HISTORY_TABLE)
        .fetch_one(&mut *connection)
        .await?;
    match tables {
        0 => Ok(Vec::new()),
        _ => Ok(connection
            .list_applied_migrations(schema::HISTORY_TABLE)
            .await?),
    }
}

struct Transaction(sqlx::Transaction<'static, Sqlite>);

#[async_trait]
impl sql::Connection for Transaction {
    async fn rows(
        &mut self,
        sql: &'static str,
        arguments: Vec<Argument>,
    ) -> Result<Vec<Vec<Datum>>, SqlError> {
        let rows = bind(sql, arguments).fetch_all(&mut *self.0).await?;
        rows.iter()
            .map(|row| (0..row.len()).map(|column| datum(row, column)).collect())
            .collect()
    }

    async fn execute(
        &mut self,
        sql: &'static str,
        arguments: Vec<Argument>,
    ) -> Result<u64, SqlError> {
        Ok(bind(sql, arguments)
            .execute(&mut *self.0)
            .await?
            .rows_affected())
    }

    async fn commit(self: Box<Self>) -> Result<(), SqlError> {
        Ok(self.0.commit().await?)
    }
}

fn bind(
    sql: &'static str,
    arguments: Vec<Argument>,
) -> sqlx::query::Query<'static, Sqlite, SqliteArguments> {
    arguments
        .into_iter()
        .fold(sqlx::query(sql), |query, argument| match argument {
            Argument::Integer(value) => query.bind(value),
            Argument::Text(value) => query.bind(value),
            Argument::Bytes(value) => query.bind(value),
        })
}

fn datum(row: &SqliteRow, column: usize) -> Result<Datum, SqlError> {
    let value = row.try_get_raw(column)?;
    if value.is_null() {
        return Ok(Datum::Null);
    }
    let type_info = value.type_info();
    Ok(match type_info.name() {
        "INTEGER" => Datum::Integer(row.try_get(column)?),
        "TEXT" => Datum::Text(row.try_get(column)?),
        // A type that we never write is left to the mapping to refuse.
        _ => Datum::Bytes(row.try_get_unchecked(column)?),
    })
}

#[cfg(test)]
mod tests;
