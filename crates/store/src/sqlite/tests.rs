use super::*;
use crate::{
    cipher::ColumnKey,
    contract::{Database, fixtures::*},
};
use zeroize::Zeroizing;

mod audit_chain;
mod certificate_records;
mod encryption;
mod indexes;
mod trouble;

crate::contract::contract!(fresh);

/// A database in a folder of its own.
struct File {
    folder: TempDir,
}

#[async_trait]
impl Database for File {
    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(self.store().await)
    }
}

impl File {
    fn location(&self) -> String {
        self.folder
            .path()
            .join("store.db")
            .to_str()
            .expect("UTF-8")
            .to_owned()
    }

    async fn store(&self) -> SqliteStore {
        self.try_open(key(1, 7)).await.expect("opens")
    }

    async fn try_open(&self, keys: impl Into<ColumnCipher>) -> Result<SqliteStore, OpenError> {
        SqliteStore::open(&self.location(), keys, Options::default()).await
    }

    /// Around the store, as another program would.
    async fn connect(&self) -> SqliteConnection {
        SqliteConnectOptions::new()
            .filename(self.location())
            .connect()
            .await
            .expect("connects")
    }

    /// Runs a statement behind the store's back.
    async fn tamper(&self, sql: &'static str) {
        let mut connection = self.connect().await;
        sqlx::query(sql)
            .execute(&mut connection)
            .await
            .expect("runs");
        connection.close().await.expect("closes");
    }
}

fn empty() -> File {
    File {
        folder: tempfile::tempdir().expect("a folder"),
    }
}

async fn fresh() -> File {
    let file = empty();
    SqliteStore::migrate(&file.location(), key(1, 7))
        .await
        .expect("migrates");
    file
}

fn key(id: u8, fill: u8) -> ColumnKey {
    ColumnKey::new(id, Zeroizing::new([fill; 32]))
}

fn is_corrupt<T>(result: &Result<T, StoreError>, expected: &str) -> bool {
    matches!(result, Err(StoreError::Corrupt { what }) if *what == expected)
}

#[tokio::test]
async fn a_database_that_is_not_there_is_not_made_by_opening() {
    let file = empty();
    assert!(matches!(
        file.try_open(key(1, 7)).await,
        Err(OpenError::NotFound(_))
    ));
    assert!(!file.folder.path().join("store.db").exists());
}

#[tokio::test]
async fn an_empty_database_is_outdated_until_it_is_migrated() {
    let file = empty();
    std::fs::write(file.location(), b"").expect("writes");
    assert!(matches!(
        file.try_open(key(1, 7)).await,
        Err(OpenError::Outdated { found: 0, .. })
    ));
    let needed = schema::needed_version();
    assert_eq!(
        SqliteStore::migrate(&file.location(), key(1, 7))
            .await
            .expect("migrates"),
        (0, needed)
    );
    assert_eq!(
        SqliteStore::migrate(&file.location(), key(1, 7))
            .await
            .expect("migrates"),
        (needed, needed)
    );
    file.store().await.ready().await.expect("ready");
}

#[tokio::test]
async fn a_newer_schema_is_refused_by_opening_migrating_and_readiness() {
    let file = fresh().await;
    let store = file.store().await;
    file.tamper(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (9999, 'future', TRUE, X'00', 0)",
    )
    .await;
    assert!(matches!(
        file.try_open(key(1, 7)).await,
        Err(OpenError::Newer { found: 9999, .. })
    ));
    assert!(matches!(
        SqliteStore::migrate(&file.location(), key(1, 7)).await,
        Err(OpenError::Newer { found: 9999, .. })
    ));
    assert!(matches!(
        store.ready().await,
        Err(StoreError::Unavailable(_))
    ));
}

#[tokio::test]
async fn a_schema_of_another_history_is_refused() {
    let file = fresh().await;
    file.tamper("UPDATE _sqlx_migrations SET checksum = X'00'")
        .await;
    assert!(matches!(
        file.try_open(key(1, 7)).await,
        Err(OpenError::OtherHistory(1))
    ));
    assert!(matches!(
        SqliteStore::migrate(&file.location(), key(1, 7)).await,
        Err(OpenError::OtherHistory(1))
    ));
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() {
    let file = empty();
    std::fs::write(file.location(), vec![b'x'; 8192]).expect("writes");
    assert!(matches!(
        file.try_open(key(1, 7)).await,
        Err(OpenError::Database(_))
    ));
}

#[tokio::test]
async fn migrating_first_makes_the_database() {
    let file = empty();
    let options = Options {
        migrate: true,
        ..Options::default()
    };
    SqliteStore::open(&file.location(), key(1, 7), options)
        .await
        .expect("opens")
        .ready()
        .await
        .expect("ready");
}

#[tokio::test]
async fn a_url_opens_the_same_file() {
    let file = fresh().await;
    let url = format!("sqlite://{}", file.location());
    SqliteStore::open(&url, key(1, 7), Options::default())
        .await
        .expect("opens")
        .ready()
        .await
        .expect("ready");
}

#[tokio::test]
async fn a_temporary_database_goes_away_with_the_store() {
    let options = Options {
        migrate: true,
        ..Options::default()
    };
    let store = SqliteStore::open(":memory:", key(1, 7), options)
        .await
        .expect("opens");
    commit!(store, |uow| uow.insert_account(&account(1)));
    let folder = store
        ._temporary
        .as_ref()
        .expect("temporary")
        .path()
        .to_owned();
    assert!(folder.exists());
    store.close().await;
    drop(store);
    assert!(!folder.exists());
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let file = fresh().await;
    let _store = file.store().await;
    let mut names = Vec::new();
    for entry in std::fs::read_dir(file.folder.path()).expect("lists") {
        let entry = entry.expect("lists");
        assert_eq!(
            entry.metadata().expect("there").permissions().mode() & 0o077,
            0,
            "{entry:?}"
        );
        names.push(entry.file_name());
    }
    assert!(names.len() > 1, "database and log: {names:?}");
}

#[tokio::test]
async fn connections_are_durable_and_check_references() {
    let file = fresh().await;
    let store = file.store().await;
    for (pool, query_only) in [(&store.writer, 0), (&store.readers, 1)] {
        let pragma = |sql: &'static str| sqlx::query_scalar::<_, i64>(sql).fetch_one(pool);
        assert_eq!(
            pragma("PRAGMA synchronous").await.expect("reads"),
            2,
            "FULL"
        );
        assert_eq!(pragma("PRAGMA foreign_keys").await.expect("reads"), 1);
        assert_eq!(pragma("PRAGMA secure_delete").await.expect("reads"), 1);
        assert_eq!(
            pragma("PRAGMA query_only").await.expect("reads"),
            query_only
        );
        let mode: String = sqlx::query_scalar("PRAGMA journal_mode")
            .fetch_one(pool)
            .await
            .expect("reads");
        assert_eq!(mode, "wal");
    }
}

#[tokio::test]
async fn a_reference_to_nothing_is_refused() {
    let file = fresh().await;
    let store = file.store().await;
    let result = write(&store).await.insert_session(&session(1)).await;
    assert!(matches!(result, Err(StoreError::Unavailable(_))));
}
