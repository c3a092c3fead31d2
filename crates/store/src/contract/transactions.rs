use super::{Database, fixtures::*};
use engine::domain::{
    Evaluation, Operation, Transaction, TransactionState, Verdict, Wrapped, WrongPin,
};
use engine::ports::Store;
use jiff::SignedDuration;

fn evaluation() -> Evaluation {
    Evaluation {
        partial_signature: Wrapped(vec![5; 420]),
        fingerprint: Some([3; 32]),
        client_nonce: [6; 32],
        user_challenge: "dXNlckNoYWxsZW5nZQ".to_owned(),
        device_ip: Some("192.0.2.9".parse().expect("address")),
        since: at(40),
        pin_accepted: false,
    }
}

fn every_state() -> Vec<TransactionState> {
    let outcome = WrongPin {
        attempts_left: 0,
        locked_until: Some(at(99)),
        destroyed: true,
    };
    let wrong = Verdict::WrongPin { seq: 3, outcome };
    let verdicts = [
        Verdict::Signed {
            seq: u64::MAX,
            signature: vec![9; 768],
        },
        wrong.clone(),
        Verdict::Rotated { seq: 4 },
        Verdict::NotAdvanced,
        Verdict::Advanced { missed: None },
        Verdict::Advanced {
            missed: Some(Box::new(wrong)),
        },
        Verdict::Failed { seq: 5 },
    ];
    let mut states = vec![
        TransactionState::Awaiting,
        TransactionState::Processing {
            request: [1; 32],
            evaluation: evaluation(),
        },
        TransactionState::Processing {
            request: [1; 32],
            evaluation: Evaluation {
                pin_accepted: true,
                device_ip: None,
                ..evaluation()
            },
        },
        TransactionState::Cancelled,
    ];
    states.extend(verdicts.map(|verdict| TransactionState::Done {
        request: [2; 32],
        verdict,
        at: at(50),
    }));
    states
}

async fn stored(store: &dyn Store, number: u8) -> Transaction {
    read(store)
        .await
        .transaction(transaction_id(number))
        .await
        .expect("reads")
        .expect("there")
}

pub(crate) async fn a_transaction_comes_back_as_it_was_in_every_state(database: &dyn Database) {
    let store = populated(database).await;
    let sign = transaction(1).operation;
    for (number, operation) in (1..).zip([sign, Operation::Rotate, Operation::Sync]) {
        let mut transaction = transaction(number);
        transaction.operation = operation;
        commit!(store, |uow| uow.insert_transaction(&transaction));
        assert_same_transaction(&stored(&*store, number).await, &transaction);
        for (version, state) in (1..).zip(every_state()) {
            transaction.state = state;
            commit!(store, |uow| uow.save_transaction(&mut transaction));
            assert_eq!(transaction.version, version);
            assert_same_transaction(&stored(&*store, number).await, &transaction);
        }
    }
    assert!(
        read(&*store)
            .await
            .transaction(transaction_id(9))
            .await
            .expect("reads")
            .is_none()
    );
    let again = write(&*store)
        .await
        .insert_transaction(&transaction(1))
        .await;
    assert!(is_duplicate(&again, "device_transaction"));
}

pub(crate) async fn awaiting_transactions_are_those_without_submission(database: &dyn Database) {
    let store = populated(database).await;
    for (number, state) in (1..).zip(every_state()) {
        commit!(store, |uow| uow.insert_transaction(&Transaction {
            state,
            ..transaction(number)
        }));
    }
    let older = Transaction {
        created_at: at(-9),
        ..transaction(50)
    };
    commit!(store, |uow| uow.insert_transaction(&older));
    let others = Transaction {
        account: account_id(2),
        ..transaction(51)
    };
    commit!(store, |uow| uow.insert_transaction(&others));

    let awaiting = read(&*store)
        .await
        .awaiting_transactions_of(account_id(1))
        .await
        .expect("reads");
    assert_eq!(awaiting.len(), 2);
    assert_same_transaction(&awaiting[0], &older);
    assert_same_transaction(&awaiting[1], &transaction(1));
}

pub(crate) async fn only_signing_counts(database: &dyn Database) {
    let store = populated(database).await;
    for number in 1..=5 {
        let mut transaction = transaction(number);
        match number {
            3 => transaction.operation = Operation::Rotate,
            4 => transaction.operation = Operation::Sync,
            5 => transaction.account = account_id(2),
            _ => transaction.state = TransactionState::Cancelled,
        }
        commit!(store, |uow| uow.insert_transaction(&transaction));
    }
    let mut reader = read(&*store).await;
    assert_eq!(
        reader
            .count_transactions_of(account_id(1), at(1))
            .await
            .expect("reads"),
        2
    );
    assert_eq!(
        reader
            .count_transactions_of(account_id(1), at(2))
            .await
            .expect("reads"),
        1
    );
    assert_eq!(
        reader
            .count_transactions_of(account_id(1), at(3))
            .await
            .expect("reads"),
        0
    );
    assert_eq!(
        reader
            .count_transactions_of(account_id(2), at(1))
            .await
            .expect("reads"),
        1
    );
    for (since, expected) in [(at(1), 2), (at(4), 1), (at(5), 0)] {
        assert_eq!(
            reader
                .count_maintenance_of(account_id(1), since)
                .await
                .expect("reads"),
            expected
        );
    }
}

pub(crate) async fn processing_transactions_are_stuck_from_their_charge_on(
    database: &dyn Database,
) {
    let store = populated(database).await;
    for (number, state) in (1..).zip(every_state()) {
        commit!(store, |uow| uow.insert_transaction(&Transaction {
            state,
            ..transaction(number)
        }));
    }
    let mut reader = read(&*store).await;
    let just_before = at(40) - SignedDuration::from_nanos(1);
    assert!(
        reader
            .stuck_transactions(just_before, 10)
            .await
            .expect("reads")
            .is_empty()
    );
    let stuck = [transaction_id(2), transaction_id(3)];
    assert_eq!(
        reader.stuck_transactions(at(40), 10).await.expect("reads"),
        stuck
    );
    assert_eq!(
        reader.stuck_transactions(at(41), 1).await.expect("reads"),
        stuck[..1]
    );
}

pub(crate) async fn a_submission_that_comes_second_conflicts(database: &dyn Database) {
    let store = populated(database).await;
    commit!(store, |uow| uow.insert_transaction(&transaction(1)));
    let (mut first, mut second) = (transaction(1), transaction(1));
    first.state = TransactionState::Processing {
        request: [1; 32],
        evaluation: evaluation(),
    };
    second.state = TransactionState::Cancelled;
    commit!(store, |uow| uow.save_transaction(&mut first));
    assert!(is_conflict(
        &write(&*store).await.save_transaction(&mut second).await
    ));
    assert_same_transaction(&stored(&*store, 1).await, &first);
}
