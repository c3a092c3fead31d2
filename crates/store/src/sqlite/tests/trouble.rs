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
