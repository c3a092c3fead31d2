use super::*;
use crate::{
    account, audit,
    cipher::ColumnKey,
    contract::{Database, fixtures::*},
    pooled_half, registration, relying_party, session, transaction,
};
use engine::domain::Wrapped;
use sqlx::AssertSqlSafe;
use zeroize::Zeroizing;

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

    /// Runs a statement behind the store's back.
    async fn tamper(&self, sql: &'static str) {
        let mut connection = SqliteConnectOptions::new()
            .filename(self.location())
            .connect()
            .await
            .expect("connects");
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
    SqliteStore::migrate(&file.location())
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
        SqliteStore::migrate(&file.location())
            .await
            .expect("migrates"),
        (0, needed)
    );
    assert_eq!(
        SqliteStore::migrate(&file.location())
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
        SqliteStore::migrate(&file.location()).await,
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
        SqliteStore::migrate(&file.location()).await,
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

#[tokio::test]
async fn a_wrong_column_key_is_refused_when_opening() {
    let file = fresh().await;
    file.store().await;
    assert!(matches!(
        file.try_open(key(1, 8)).await,
        Err(OpenError::WrongColumnKey(1))
    ));
    file.try_open(key(1, 7)).await.expect("the right key");
}

#[tokio::test]
async fn a_new_column_key_takes_over_beside_the_older() {
    let file = fresh().await;
    commit!(file.store().await, |uow| uow.insert_account(&account(1)));
    let both = || ColumnCipher::new(key(2, 9), vec![key(1, 7)]).expect("distinct");
    let store = file.try_open(both()).await.expect("opens");
    commit!(store, |uow| uow.insert_account(&account(2)));
    for number in [1, 2] {
        let stored = read(&store)
            .await
            .account(account_id(number))
            .await
            .expect("reads")
            .expect("there");
        assert_same_account(&stored, &account(number));
    }
    let newest_only = file.try_open(key(2, 9)).await.expect("opens");
    assert!(is_corrupt(
        &read(&newest_only).await.account(account_id(1)).await,
        "account_key.server_share"
    ));
    assert!(
        read(&newest_only)
            .await
            .account(account_id(2))
            .await
            .expect("reads")
            .is_some()
    );
    let swapped = ColumnCipher::new(key(1, 9), vec![key(2, 7)]).expect("distinct");
    assert!(matches!(
        file.try_open(swapped).await,
        Err(OpenError::WrongColumnKey(_))
    ));
}

/// Every encrypted column: how to read it, its name, and statements that damage it in two rows.
#[tokio::test]
async fn a_ciphertext_that_was_moved_or_changed_is_refused_by_name() {
    macro_rules! damaged {
        ($table:literal, $column:literal, $one:literal, $other:literal, $read:expr) => {
            for sql in [
                concat!(
                    "UPDATE ",
                    $table,
                    " SET ",
                    $column,
                    " = (SELECT o.",
                    $column,
                    " FROM ",
                    $table,
                    " o WHERE o.",
                    $other,
                    ") WHERE ",
                    $one
                ),
                concat!(
                    "UPDATE ",
                    $table,
                    " SET ",
                    $column,
                    " = CAST(substr(",
                    $column,
                    ", 1, 20) || X'00' || substr(",
                    $column,
                    ", 22) AS BLOB) WHERE ",
                    $one
                ),
                concat!("UPDATE ", $table, " SET ", $column, " = X'' WHERE ", $one),
            ] {
                let file = fresh().await;
                let store = populated(&file).await;
                let mut uow = write(&*store).await;
                for number in 1..=2 {
                    uow.insert_transaction(&transaction(number))
                        .await
                        .expect("inserts");
                    uow.insert_registration(&registration(number))
                        .await
                        .expect("inserts");
                    let half = half(splitkey::Profile::Rsa4096, number);
                    uow.pool_half(splitkey::Profile::Rsa4096, &half)
                        .await
                        .expect("pools");
                }
                uow.commit().await.expect("commits");
                let mut reader = write(&*store).await;
                assert!($read(&mut *reader).await.is_ok());
                drop(reader);
                file.tamper(sql).await;
                let mut reader = write(&*store).await;
                let result = $read(&mut *reader).await;
                assert!(
                    is_corrupt(&result, concat!($table, ".", $column)),
                    "{sql}: {result:?}"
                );
            }
        };
    }
    async fn account_1(uow: &mut dyn UnitOfWork) -> Result<(), StoreError> {
        uow.account(account_id(1))
            .await
            .map(|found| assert!(found.is_some()))
    }
    async fn registration_1(uow: &mut dyn UnitOfWork) -> Result<(), StoreError> {
        uow.registration(registration_id(1))
            .await
            .map(|found| assert!(found.is_some()))
    }
    async fn transaction_1(uow: &mut dyn UnitOfWork) -> Result<(), StoreError> {
        uow.transaction(transaction_id(1))
            .await
            .map(|found| assert!(found.is_some()))
    }
    async fn half_1(uow: &mut dyn UnitOfWork) -> Result<(), StoreError> {
        uow.take_pooled_half(splitkey::Profile::Rsa4096)
            .await
            .map(|found| assert!(found.is_some()))
    }
    damaged!(
        "account",
        "person",
        "device_id = '01010101010101010101010101010101'",
        "device_id = '02020202020202020202020202020202'",
        account_1
    );
    damaged!(
        "account_key",
        "server_share",
        "id = '01010101010101010101010101010101'",
        "id = '02010101010101010101010101010101'",
        account_1
    );
    damaged!(
        "account_key",
        "server_half",
        "id = '01010101010101010101010101010101'",
        "id = '01020202020202020202020202020202'",
        account_1
    );
    damaged!(
        "device_transaction",
        "state",
        "id = '01010101010101010101010101010101'",
        "id = '02020202020202020202020202020202'",
        transaction_1
    );
    damaged!(
        "registration",
        "keys",
        "device_id = '01010101010101010101010101010101'",
        "device_id = '02020202020202020202020202020202'",
        registration_1
    );
    damaged!(
        "registration",
        "state",
        "device_id = '01010101010101010101010101010101'",
        "device_id = '02020202020202020202020202020202'",
        registration_1
    );
    damaged!(
        "pooled_half",
        "server_half",
        "position = 1",
        "position = 2",
        half_1
    );
}

#[tokio::test]
async fn a_ciphertext_in_another_column_is_refused() {
    let file = fresh().await;
    let store = populated(&file).await;
    file.tamper("UPDATE account_key SET server_half = server_share")
        .await;
    assert!(is_corrupt(
        &read(&*store).await.account(account_id(1)).await,
        "account_key.server_half"
    ));
}

#[tokio::test]
async fn a_finished_session_whose_signature_does_not_verify_is_refused() {
    let file = fresh().await;
    let store = populated(&file).await;
    let mut done = session(1);
    done.state = completed(account_id(1), at(30));
    commit!(store, |uow| uow.insert_session(&done));
    // A well-formed signature by the right key, over something else.
    let other = include_bytes!("../../vectors/finished-session/signature-of-another-session.bin");
    let mut connection = SqliteConnectOptions::new()
        .filename(file.location())
        .connect()
        .await
        .expect("connects");
    sqlx::query("UPDATE session SET state = json_set(state, '$.signature', $1)")
        .bind(base64ct_standard(other))
        .execute(&mut connection)
        .await
        .expect("runs");
    assert!(is_corrupt(
        &read(&*store).await.session(done.id).await,
        "signature"
    ));

    // The right signature under a scheme that was not asked for.
    let mut done = session(2);
    done.state = completed(account_id(1), at(30));
    done.request.hash_algorithm = wire::HashAlgorithm::Sha3_512;
    commit!(store, |uow| uow.insert_session(&done));
    assert!(is_corrupt(
        &read(&*store).await.session(done.id).await,
        "signature"
    ));
}

#[tokio::test]
async fn rows_that_we_cannot_have_written_are_refused() {
    for (sql, what) in [
        ("UPDATE account SET level = 'SUPER'", "account"),
        ("UPDATE account SET device_seq = -1", "account"),
        ("UPDATE account SET device_token = X'00'", "account"),
        (
            "UPDATE account SET semantics_identifier = 'nobody'",
            "account",
        ),
        ("UPDATE account SET state = '{}'", "account"),
        ("UPDATE account_key SET profile = 99", "account_key"),
        ("UPDATE account_key SET in_flight = 'zz'", "account_key"),
        ("UPDATE account_key SET pin = 'null'", "account_key"),
        ("UPDATE account_key SET n1 = 5", "account_key"),
        ("DELETE FROM account_key WHERE purpose = 2", "account_key"),
    ] {
        let file = fresh().await;
        let store = populated(&file).await;
        file.tamper(sql).await;
        assert!(
            is_corrupt(&read(&*store).await.account(account_id(1)).await, what),
            "{sql}"
        );
    }
}

#[tokio::test]
async fn names_and_secrets_are_nowhere_in_the_files() {
    let file = fresh().await;
    let store = populated(&file).await;
    let secret = b"a share that nobody may see";
    let mut one = account(9);
    if let engine::domain::KeyState::Ready { server_share, .. } = &mut one.keys.signature.state {
        *server_share = Wrapped(secret.to_vec());
    }
    commit!(store, |uow| uow.insert_account(&one));
    commit!(store, |uow| uow.insert_session(&session(1)));
    drop(store);
    let mut all = Vec::new();
    for entry in std::fs::read_dir(file.folder.path()).expect("lists") {
        all.extend(std::fs::read(entry.expect("lists").path()).expect("reads"));
    }
    let holds = |needle: &[u8]| all.windows(needle.len()).any(|window| window == needle);
    assert!(holds(one.document_number.to_string().as_bytes()));
    for needle in [
        &secret[..],
        one.person.surname.as_bytes(),
        one.person.given_name.as_bytes(),
        b"2005-04-04",
    ] {
        assert!(!holds(needle), "{}", String::from_utf8_lossy(needle));
    }
}

#[tokio::test]
async fn the_lock_of_another_process_is_a_conflict() {
    let file = fresh().await;
    let options = Options {
        busy_timeout: Duration::from_millis(50),
        ..Options::default()
    };
    let store = SqliteStore::open(&file.location(), key(1, 7), options)
        .await
        .expect("opens");
    let mut other = SqliteConnectOptions::new()
        .filename(file.location())
        .connect()
        .await
        .expect("connects");
    sqlx::query("BEGIN IMMEDIATE")
        .execute(&mut other)
        .await
        .expect("locks");
    assert!(matches!(store.write().await, Err(StoreError::Conflict)));
    assert!(
        read(&store)
            .await
            .account(account_id(1))
            .await
            .expect("reads")
            .is_none()
    );
    sqlx::query("ROLLBACK")
        .execute(&mut other)
        .await
        .expect("unlocks");
    store.write().await.expect("free again");
}

#[tokio::test]
async fn a_writer_that_never_ends_makes_the_others_give_up() {
    let file = fresh().await;
    let options = Options {
        busy_timeout: Duration::from_millis(50),
        ..Options::default()
    };
    let store = SqliteStore::open(&file.location(), key(1, 7), options)
        .await
        .expect("opens");
    let endless = write(&store).await;
    assert!(matches!(
        store.write().await,
        Err(StoreError::Unavailable(_))
    ));
    drop(endless);
    store.write().await.expect("free again");
}

#[tokio::test]
async fn a_full_disk_is_told_and_leaves_nothing_half_done() {
    let file = fresh().await;
    let store = file.store().await;
    let limit = |sql: &'static str| sqlx::query(sql).execute(&store.writer);
    limit("PRAGMA max_page_count = 1").await.expect("sets"); // as many as there are
    let mut uow = write(&store).await;
    let mut error = None;
    for number in 1..100 {
        if let Err(failed) = uow.insert_account(&account(number)).await {
            error = Some(failed);
            break;
        }
    }
    let Some(StoreError::Unavailable(source)) = error else {
        panic!("{error:?}")
    };
    assert!(source.to_string().contains("full"), "{source}");
    assert!(matches!(
        uow.commit().await,
        Err(StoreError::Unavailable(_))
    ));
    assert!(
        read(&store)
            .await
            .account(account_id(1))
            .await
            .expect("reads")
            .is_none()
    );
    limit("PRAGMA max_page_count = 1000000")
        .await
        .expect("sets");
    commit!(store, |uow| uow.insert_account(&account(1)));
}

#[tokio::test]
async fn a_closed_store_is_unavailable() {
    let file = fresh().await;
    let store = file.store().await;
    store.close().await;
    assert!(matches!(
        store.write().await,
        Err(StoreError::Unavailable(_))
    ));
    assert!(matches!(
        store.read().await,
        Err(StoreError::Unavailable(_))
    ));
    assert!(matches!(
        store.ready().await,
        Err(StoreError::Unavailable(_))
    ));
}

#[tokio::test]
async fn every_lookup_uses_an_index() {
    let file = fresh().await;
    let store = file.store().await;
    for sql in [
        account::BY_ID,
        account::BY_DEVICE,
        account::BY_DOCUMENT,
        account::ACTIVE_OF,
        account::KNOWS_PERSON,
        account::OVERDUE,
        account::KEYS_OF,
        account::SAVE,
        account::SAVE_KEY,
        session::BY_ID,
        session::OPEN_OF,
        session::BY_FINGERPRINT,
        session::COUNT_OF,
        session::OVERDUE,
        session::CANDIDATES_OF,
        session::SAVE,
        session::PURGE,
        transaction::BY_ID,
        transaction::AWAITING_OF,
        transaction::COUNT_OF,
        transaction::STUCK,
        transaction::SAVE,
        transaction::PURGE,
        registration::BY_ID,
        registration::BY_CODE,
        registration::BY_DEVICE,
        registration::OVERDUE,
        registration::SAVE,
        registration::PURGE,
        relying_party::BY_UUID,
        relying_party::SAVE,
        pooled_half::COUNT,
        pooled_half::OLDEST,
        pooled_half::REMOVE,
        audit::BETWEEN,
    ] {
        let plan: Vec<(i64, i64, i64, String)> =
            sqlx::query_as(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")))
                .fetch_all(&store.readers)
                .await
                .expect("explains");
        let steps: Vec<&str> = plan
            .iter()
            .map(|(_, _, _, detail)| detail.as_str())
            .collect();
        assert!(
            steps.iter().any(|step| step.starts_with("SEARCH")),
            "{sql}: {steps:?}"
        );
        assert!(
            !steps.iter().any(|step| step.starts_with("SCAN")),
            "{sql}: {steps:?}"
        );
    }
}

#[tokio::test]
async fn deleting_what_others_refer_to_needs_no_scan() {
    // The cascade from session to its candidates searches by the session's id.
    let file = fresh().await;
    let store = file.store().await;
    let sql = "EXPLAIN QUERY PLAN DELETE FROM session_candidate WHERE session_id = $1";
    let plan: Vec<(i64, i64, i64, String)> = sqlx::query_as(sql)
        .fetch_all(&store.writer)
        .await
        .expect("explains");
    assert!(
        plan.iter()
            .all(|(_, _, _, detail)| detail.starts_with("SEARCH")),
        "{plan:?}"
    );
}

fn base64ct_standard(bytes: &[u8]) -> String {
    use base64ct::{Base64, Encoding};
    Base64::encode_string(bytes)
}
