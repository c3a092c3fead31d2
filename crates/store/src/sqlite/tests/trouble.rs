//! Locks, full disks, power cuts.

use super::*;

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
    let mut other = file.connect().await;
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
async fn what_was_committed_is_in_the_files_when_the_power_fails() {
    let file = fresh().await;
    let store = file.store().await;
    commit!(store, |uow| uow.insert_account(&account(1)));
    let mut uow = write(&store).await;
    uow.insert_account(&account(2)).await.expect("inserts");
    // What a disk holds at this moment, without any closing.
    let after = empty();
    for suffix in ["", "-wal"] {
        std::fs::copy(file.location() + suffix, after.location() + suffix).expect("copies");
    }
    let store = after.store().await;
    let mut reader = read(&store).await;
    let stored = reader
        .account(account_id(1))
        .await
        .expect("reads")
        .expect("there");
    assert_same_account(&stored, &account(1));
    assert!(
        reader
            .account(account_id(2))
            .await
            .expect("reads")
            .is_none()
    );
}

#[tokio::test]
async fn only_a_checkpoint_moves_commits_into_the_file() {
    let file = fresh().await;
    let store = file.store().await;
    let size = || std::fs::metadata(file.location()).expect("there").len();
    store.checkpoint().await.expect("works");
    let before = size();
    // More than the thousand pages after which SQLite would do it by itself.
    for number in 1..100 {
        commit!(store, |uow| uow.insert_account(&account(number)));
    }
    let log = std::fs::metadata(file.location() + "-wal").expect("there");
    assert!(log.len() > 1000 * 4096, "{log:?}");
    assert_eq!(size(), before);
    store.checkpoint().await.expect("works");
    assert!(size() > before);
    assert_eq!(store.damage().await.expect("reads"), Vec::<String>::new());
}

#[tokio::test]
async fn a_checkpoint_waits_for_nobody() {
    let file = fresh().await;
    let store = file.store().await;
    let mut reader = read(&store).await;
    assert!(
        reader
            .account(account_id(1))
            .await
            .expect("reads")
            .is_none()
    );
    commit!(store, |uow| uow.insert_account(&account(1)));
    let writer = write(&store).await;
    store
        .checkpoint()
        .await
        .expect("as far as the reader lets it");
    drop((reader, writer));
}

#[tokio::test]
async fn damage_is_found_and_named() {
    let file = fresh().await;
    let store = file.store().await;
    commit!(store, |uow| uow.insert_account(&account(1)));
    store.close().await;
    file.tamper("PRAGMA foreign_keys = OFF; DELETE FROM account WHERE TRUE")
        .await;
    let store = file.store().await;
    let found = store.damage().await.expect("reads");
    assert_eq!(found, vec!["a row of account_key refers to nothing"; 2]);
    store.close().await;

    // The first page of a tree that is not the schema's.
    let mut bytes = std::fs::read(file.location()).expect("reads");
    let page = bytes.len() - 4096;
    bytes[page..page + 100].fill(0xff);
    std::fs::write(file.location(), bytes).expect("writes");
    let found = file.store().await.damage().await.expect("reads");
    assert!(found.len() > 2, "{found:?}");
}

/// As under load, where there is always some reader: the log is moved, but never begun again by itself.
#[tokio::test]
async fn a_log_that_has_become_long_is_emptied() {
    let file = fresh().await;
    let store = file.store().await;
    let length =
        || std::fs::metadata(format!("{}-wal", file.location())).map_or(0, |log| log.len());
    for number in 0..=u8::MAX {
        let one = engine::domain::Evidence {
            session: session_id(number),
            relying_party: RELYING_PARTY,
            account: None,
            ended_at: at(1),
            text: "x".repeat(300_000),
        };
        commit!(store, |uow| uow.insert_evidence(&one));
        if number == 0 {
            store.checkpoint().await.expect("works");
            assert!(length() > 0, "a short one stays");
        }
    }
    assert!(length() > 64 * 1024 * 1024);
    store.checkpoint().await.expect("works");
    assert_eq!(length(), 0);
}
