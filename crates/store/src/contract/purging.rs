use super::{Database, fixtures::*};
use engine::domain::{
    EndReason, Evaluation, PerPurpose, Registration, RegistrationState, SessionState, Transaction,
    TransactionState, Verdict, Wrapped,
};
use engine::ports::{Retention, Store};
use jiff::{SignedDuration, Timestamp};
use wire::EndResult;

fn everything_until(until: Timestamp) -> Retention {
    Retention {
        sessions: until,
        transactions: until,
        registrations: until,
    }
}

fn processing() -> TransactionState {
    let evaluation = Evaluation {
        partial_signature: Wrapped(vec![5; 420]),
        fingerprint: Some([3; 32]),
        client_nonce: [6; 32],
        user_challenge: String::new(),
        device_ip: None,
        since: at(0),
        pin_accepted: false,
    };
    TransactionState::Processing {
        request: [1; 32],
        evaluation,
    }
}

fn shares() -> PerPurpose<Wrapped> {
    PerPurpose {
        authentication: Wrapped(vec![1; 412]),
        signature: Wrapped(vec![2; 412]),
    }
}

async fn purge(store: &dyn Store, horizon: Retention) -> u64 {
    let mut uow = write(store).await;
    let rows = uow.purge(horizon).await.expect("purges");
    uow.commit().await.expect("commits");
    rows
}

pub(crate) async fn finished_things_go_at_their_horizon(database: &dyn Database) {
    let store = populated(database).await;
    let end = at(500);
    let mut failed = session(1);
    failed.fail(EndResult::Timeout, end);
    let mut done = session(2);
    done.state = completed(account_id(1), end);
    let verdict = TransactionState::Done {
        request: [1; 32],
        verdict: Verdict::NotAdvanced,
        at: end,
    };
    let mut ended = registration(1);
    ended.end(EndReason::Abandoned, end);
    let mut uow = write(&*store).await;
    uow.insert_session(&failed).await.expect("inserts");
    uow.insert_session(&done).await.expect("inserts");
    uow.insert_transaction(&Transaction {
        state: verdict,
        ..transaction(1)
    })
    .await
    .expect("inserts");
    uow.insert_registration(&ended).await.expect("inserts");
    uow.commit().await.expect("commits");

    assert_eq!(
        purge(
            &*store,
            everything_until(end - SignedDuration::from_nanos(1))
        )
        .await,
        0
    );
    let only_sessions = Retention {
        sessions: end,
        transactions: at(0),
        registrations: at(0),
    };
    assert_eq!(purge(&*store, only_sessions).await, 2);
    assert_eq!(purge(&*store, everything_until(end)).await, 2);
    let mut reader = read(&*store).await;
    assert!(
        reader
            .session(session_id(1))
            .await
            .expect("reads")
            .is_none()
    );
    assert!(
        reader
            .session(session_id(2))
            .await
            .expect("reads")
            .is_none()
    );
    assert!(
        reader
            .transaction(transaction_id(1))
            .await
            .expect("reads")
            .is_none()
    );
    assert!(
        reader
            .registration(registration_id(1))
            .await
            .expect("reads")
            .is_none()
    );
    drop(reader);

    // What has no moment of its own to have ended at: cancelled, never submitted, become an account.
    let expiry = transaction(1).expires_at;
    let awaiting = transaction(1);
    let cancelled = Transaction {
        state: TransactionState::Cancelled,
        expires_at: expiry,
        ..transaction(2)
    };
    let signatures = PerPurpose {
        authentication: vec![3; 768],
        signature: vec![4; 768],
    };
    let active = RegistrationState::Active {
        account: account_id(1),
        proofs: [5; 32],
        signatures,
    };
    let active = Registration {
        state: active,
        expires_at: expiry,
        ..registration(1)
    };
    let mut uow = write(&*store).await;
    uow.insert_transaction(&awaiting).await.expect("inserts");
    uow.insert_transaction(&cancelled).await.expect("inserts");
    uow.insert_registration(&active).await.expect("inserts");
    uow.commit().await.expect("commits");
    assert_eq!(
        purge(
            &*store,
            everything_until(expiry - SignedDuration::from_nanos(1))
        )
        .await,
        0
    );
    assert_eq!(purge(&*store, everything_until(expiry)).await, 3);
}

pub(crate) async fn unfinished_things_stay_however_old(database: &dyn Database) {
    let store = populated(database).await;
    let sessions = [
        SessionState::Pending,
        claimed(account_id(1)),
        completing(account_id(1), transaction_id(1)),
    ];
    for (number, state) in (1..).zip(sessions) {
        let mut session = session(number);
        session.state = state;
        commit!(store, |uow| uow.insert_session(&session));
    }
    commit!(store, |uow| uow.insert_transaction(&Transaction {
        state: processing(),
        ..transaction(1)
    }));
    let registrations = [
        RegistrationState::AwaitingServerShares,
        RegistrationState::AwaitingIdentity { shares: shares() },
    ];
    for (number, state) in (1..).zip(registrations) {
        commit!(store, |uow| uow.insert_registration(&Registration {
            state,
            ..registration(number)
        }));
    }
    assert_eq!(purge(&*store, everything_until(Timestamp::MAX)).await, 0);
    assert!(
        read(&*store)
            .await
            .account(account_id(1))
            .await
            .expect("reads")
            .is_some()
    );
}

pub(crate) async fn candidates_go_with_their_session(database: &dyn Database) {
    let store = populated(database).await;
    let mut failed = session(1);
    failed.fail(EndResult::Timeout, at(500));
    commit!(store, |uow| uow.insert_session(&failed));
    assert_eq!(
        read(&*store)
            .await
            .count_sessions_of(account_id(1), Timestamp::MIN)
            .await
            .expect("reads"),
        1
    );
    assert_eq!(purge(&*store, everything_until(at(500))).await, 1);
    assert_eq!(
        read(&*store)
            .await
            .count_sessions_of(account_id(1), Timestamp::MIN)
            .await
            .expect("reads"),
        0
    );
}
