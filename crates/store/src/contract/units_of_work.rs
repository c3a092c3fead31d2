use super::{Database, fixtures::*};
use engine::domain::AccountState;
use engine::ports::{Store, StoreError};
use std::{sync::Arc, task::Poll, time::Duration};
use tokio::time::timeout;

/// Long enough for anything that is to happen.
const SOON: Duration = Duration::from_secs(10);

pub(crate) async fn a_unit_of_work_reads_its_own_writes(database: &dyn Database) {
    let store = populated(database).await;
    let mut uow = write(&*store).await;
    uow.insert_account(&account(9)).await.expect("inserts");
    let mut stored = uow
        .account(account_id(9))
        .await
        .expect("reads")
        .expect("there");
    stored.device.seq = 77;
    uow.save_account(&mut stored).await.expect("saves");
    let again = uow
        .account(account_id(9))
        .await
        .expect("reads")
        .expect("there");
    assert_same_account(&again, &stored);
}

pub(crate) async fn nothing_is_visible_before_the_commit(database: &dyn Database) {
    let store = populated(database).await;
    let mut uow = write(&*store).await;
    uow.insert_account(&account(9)).await.expect("inserts");
    assert!(
        read(&*store)
            .await
            .account(account_id(9))
            .await
            .expect("reads")
            .is_none()
    );
    uow.commit().await.expect("commits");
    assert!(
        read(&*store)
            .await
            .account(account_id(9))
            .await
            .expect("reads")
            .is_some()
    );
}

pub(crate) async fn dropping_rolls_back(database: &dyn Database) {
    let store = populated(database).await;
    let mut uow = write(&*store).await;
    uow.insert_account(&account(9)).await.expect("inserts");
    let mut changed = account(1);
    changed.device.seq = 77;
    uow.save_account(&mut changed).await.expect("saves");
    drop(uow);

    let mut uow = write(&*store).await;
    assert!(uow.account(account_id(9)).await.expect("reads").is_none());
    assert_same_account(
        &uow.account(account_id(1))
            .await
            .expect("reads")
            .expect("there"),
        &account(1),
    );
}

pub(crate) async fn a_reader_keeps_its_snapshot(database: &dyn Database) {
    let store = populated(database).await;
    let mut reader = read(&*store).await;
    assert!(
        reader
            .account(account_id(9))
            .await
            .expect("reads")
            .is_none()
    );
    commit!(store, |uow| uow.insert_account(&account(9)));
    assert!(
        reader
            .account(account_id(9))
            .await
            .expect("reads")
            .is_none()
    );
    assert!(
        !reader
            .knows_person(&account(9).person.semantics_identifier)
            .await
            .expect("reads")
    );
    drop(reader);
    assert!(
        read(&*store)
            .await
            .account(account_id(9))
            .await
            .expect("reads")
            .is_some()
    );
}

pub(crate) async fn what_was_committed_survives_a_crash_and_nothing_else(database: &dyn Database) {
    let store = populated(database).await;
    commit!(store, |uow| uow.insert_session(&session(1)));
    let mut uow = write(&*store).await;
    uow.insert_session(&session(2)).await.expect("inserts");
    // No commit, no close: the process is gone.
    drop(uow);
    drop(store);

    let store = database.open().await;
    let mut reader = read(&*store).await;
    assert!(
        reader
            .session(session_id(1))
            .await
            .expect("reads")
            .is_some()
    );
    assert!(
        reader
            .session(session_id(2))
            .await
            .expect("reads")
            .is_none()
    );
    drop(reader);
    commit!(store, |uow| uow.insert_session(&session(2)));
}

pub(crate) async fn after_a_failed_statement_nothing_is_committed(database: &dyn Database) {
    let store = populated(database).await;
    let mut uow = write(&*store).await;
    uow.insert_account(&account(9)).await.expect("inserts");
    assert!(is_duplicate(
        &uow.insert_relying_party(&relying_party()).await,
        "relying_party"
    ));
    assert!(matches!(
        uow.account(account_id(9)).await,
        Err(StoreError::Unavailable(_))
    ));
    assert!(matches!(
        uow.insert_account(&account(8)).await,
        Err(StoreError::Unavailable(_))
    ));
    assert!(matches!(
        uow.commit().await,
        Err(StoreError::Unavailable(_))
    ));
    assert!(
        read(&*store)
            .await
            .account(account_id(9))
            .await
            .expect("reads")
            .is_none()
    );
}

pub(crate) async fn of_concurrent_changes_none_is_lost(database: &dyn Database) {
    let store = populated(database).await;
    async fn spend_token(store: &dyn Store) -> Result<(), StoreError> {
        let mut uow = store.write().await?;
        let mut account = uow.account(account_id(1)).await?.expect("there");
        account.device.seq += 1;
        uow.save_account(&mut account).await?;
        uow.commit().await
    }
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let mut done = 0;
                while done < 10 {
                    match spend_token(&*store).await {
                        Ok(()) => done += 1,
                        Err(StoreError::Conflict) => {}
                        Err(other) => panic!("{other}"),
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("runs");
    }
    let stored = read(&*store)
        .await
        .account(account_id(1))
        .await
        .expect("reads")
        .expect("there");
    assert_eq!(
        (stored.device.seq, stored.version),
        (account(1).device.seq + 40, 40)
    );
}

pub(crate) async fn a_commit_wakes_whoever_waits_for_the_session(database: &dyn Database) {
    let store = populated(database).await;
    commit!(store, |uow| uow.insert_session(&session(1)));
    let waiters: Vec<_> = (0..3)
        .map(|_| tokio::spawn(store.session_changed(session_id(1))))
        .collect();
    let mut taken = session(1);
    taken.state = claimed(account_id(1));
    commit!(store, |uow| uow.save_session(&mut taken));
    for waiter in waiters {
        timeout(SOON, waiter).await.expect("woken").expect("runs");
    }
}

pub(crate) async fn a_rollback_wakes_nobody(database: &dyn Database) {
    let store = populated(database).await;
    commit!(store, |uow| uow.insert_session(&session(1)));
    let mut changed = store.session_changed(session_id(1));
    let mut taken = session(1);
    taken.state = claimed(account_id(1));
    let mut uow = write(&*store).await;
    uow.save_session(&mut taken).await.expect("saves");
    drop(uow);
    // A unit of work of another session in between shows that the rollback is through.
    commit!(store, |uow| uow.insert_session(&session(2)));
    let woken =
        std::future::poll_fn(|context| Poll::Ready(changed.as_mut().poll(context).is_ready()))
            .await;
    assert!(!woken);
}

pub(crate) async fn a_change_between_asking_and_reading_is_not_missed(database: &dyn Database) {
    let store = populated(database).await;
    for number in 1..=50 {
        commit!(store, |uow| uow.insert_session(&session(number)));
        let writer = {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let mut taken = session(number);
                taken.state = claimed(account_id(1));
                commit!(store, |uow| uow.save_session(&mut taken));
            })
        };
        let claimed = async {
            loop {
                let changed = store.session_changed(session_id(number));
                let session = read(&*store)
                    .await
                    .session(session_id(number))
                    .await
                    .expect("reads")
                    .expect("there");
                if session.claimed_by().is_some() {
                    break;
                }
                changed.await;
            }
        };
        timeout(SOON, claimed).await.expect("sees the claim");
        writer.await.expect("runs");
    }
}

pub(crate) async fn a_commit_goes_through_when_its_caller_goes_away(database: &dyn Database) {
    let store = populated(database).await;
    commit!(store, |uow| uow.insert_session(&session(1)));
    let changed = store.session_changed(session_id(1));
    let mut taken = session(1);
    taken.state = claimed(account_id(1));
    let mut uow = write(&*store).await;
    uow.save_session(&mut taken).await.expect("saves");
    let mut commit = uow.commit();
    // Polled once, then dropped, like a request whose connection breaks.
    let _ =
        std::future::poll_fn(|context| Poll::Ready(commit.as_mut().poll(context).is_ready())).await;
    drop(commit);
    timeout(SOON, changed).await.expect("woken");
    let stored = read(&*store)
        .await
        .session(session_id(1))
        .await
        .expect("reads")
        .expect("there");
    assert_eq!(stored.claimed_by(), Some(account_id(1)));
}

pub(crate) async fn the_store_is_ready(database: &dyn Database) {
    let store = populated(database).await;
    store.ready().await.expect("ready");
    let account = read(&*store)
        .await
        .account(account_id(1))
        .await
        .expect("reads")
        .expect("there");
    assert_eq!(account.state, AccountState::Active);
}
