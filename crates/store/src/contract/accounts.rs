use super::{Database, fixtures::*};
use engine::domain::{AccountLevel, AccountState, CloseReason};
use jiff::SignedDuration;

const REASONS: [CloseReason; 6] = [
    CloseReason::DeletedByOwner,
    CloseReason::DeletedByOperator,
    CloseReason::PinLocked,
    CloseReason::Cloned,
    CloseReason::Expired,
    CloseReason::Replaced,
];

pub(crate) async fn an_account_comes_back_as_it_was_in_every_state(database: &dyn Database) {
    let store = database.open().await;
    let mut account = account(1);
    account.level = AccountLevel::Advanced;
    commit!(store, |uow| uow.insert_account(&account));
    assert_same_account(
        &read(&*store)
            .await
            .account(account.id)
            .await
            .expect("reads")
            .expect("there"),
        &account,
    );

    // Wrong PINs, a lock, an evaluation under way, a freshness chain that moved on.
    for second in 0..3 {
        account.keys.signature.pin.charge(at(second)).expect("open");
        account.keys.signature.pin.fail(at(second));
    }
    account.keys.authentication.pin.charge(at(9)).expect("open");
    account.keys.authentication.in_flight = Some(transaction_id(7));
    account.device.seq = u64::try_from(i64::MAX).expect("positive");
    account.device.superseded = u32::MAX;
    account.device.token.0 = [0xee; 32];
    commit!(store, |uow| uow.save_account(&mut account));
    assert_eq!(account.version, 1);
    assert_same_account(
        &read(&*store)
            .await
            .account(account.id)
            .await
            .expect("reads")
            .expect("there"),
        &account,
    );

    account
        .keys
        .signature
        .destroy(CloseReason::PinLocked, at(10));
    commit!(store, |uow| uow.save_account(&mut account));
    assert_same_account(
        &read(&*store)
            .await
            .account(account.id)
            .await
            .expect("reads")
            .expect("there"),
        &account,
    );

    for (number, reason) in (10..).zip(REASONS) {
        let mut closed = super::fixtures::account(number);
        closed.close(reason, at(11));
        commit!(store, |uow| uow.insert_account(&closed));
        assert_same_account(
            &read(&*store)
                .await
                .account(closed.id)
                .await
                .expect("reads")
                .expect("there"),
            &closed,
        );
    }
}

pub(crate) async fn an_account_is_found_by_device_document_and_person(database: &dyn Database) {
    let store = populated(database).await;
    // A second, older device of person 2.
    let mut second = account(9);
    second.person = person(2);
    second.created_at = at(-5);
    commit!(store, |uow| uow.insert_account(&second));

    let mut reader = read(&*store).await;
    let expected = account(2);
    let by_device = reader
        .account_by_device(expected.device.id)
        .await
        .expect("reads")
        .expect("there");
    assert_same_account(&by_device, &expected);
    let by_document = reader
        .account_by_document(&expected.document_number)
        .await
        .expect("reads")
        .expect("there");
    assert_same_account(&by_document, &expected);
    let person = &expected.person.semantics_identifier;
    let of_person = reader.active_accounts_of(person).await.expect("reads");
    assert_eq!(
        of_person
            .iter()
            .map(|account| account.id)
            .collect::<Vec<_>>(),
        [second.id, expected.id]
    );
    assert!(reader.knows_person(person).await.expect("reads"));
}

pub(crate) async fn closed_accounts_are_found_but_not_active(database: &dyn Database) {
    let store = populated(database).await;
    let mut closed = account(1);
    closed.close(CloseReason::DeletedByOwner, at(20));
    commit!(store, |uow| uow.save_account(&mut closed));

    let mut reader = read(&*store).await;
    let person = &closed.person.semantics_identifier;
    assert!(
        reader
            .active_accounts_of(person)
            .await
            .expect("reads")
            .is_empty()
    );
    assert!(reader.knows_person(person).await.expect("reads"));
    let by_device = reader
        .account_by_device(closed.device.id)
        .await
        .expect("reads")
        .expect("there");
    let by_document = reader
        .account_by_document(&closed.document_number)
        .await
        .expect("reads")
        .expect("there");
    for found in [by_device, by_document] {
        assert_eq!(
            found.state,
            AccountState::Closed {
                reason: CloseReason::DeletedByOwner,
                at: at(20)
            }
        );
    }
}

pub(crate) async fn a_device_a_document_number_and_a_key_belong_to_one_account(
    database: &dyn Database,
) {
    let store = populated(database).await;
    let mut closed = account(1);
    closed.close(CloseReason::DeletedByOwner, at(20));
    commit!(store, |uow| uow.save_account(&mut closed));

    let mut same_device = account(9);
    same_device.device.id = closed.device.id;
    assert!(is_duplicate(
        &write(&*store).await.insert_account(&same_device).await,
        "account"
    ));
    let mut same_document = account(9);
    same_document.document_number = closed.document_number.clone();
    assert!(is_duplicate(
        &write(&*store).await.insert_account(&same_document).await,
        "account"
    ));
    let mut same_key = account(9);
    same_key.keys.signature.id = closed.keys.signature.id;
    assert!(is_duplicate(
        &write(&*store).await.insert_account(&same_key).await,
        "account_key"
    ));
    assert!(is_duplicate(
        &write(&*store).await.insert_account(&account(2)).await,
        "account"
    ));
}

pub(crate) async fn the_second_of_two_changes_conflicts(database: &dyn Database) {
    let store = populated(database).await;
    let (mut first, mut second) = (account(1), account(1));
    first.device.seq = 100;
    commit!(store, |uow| uow.save_account(&mut first));
    assert_eq!(first.version, 1);
    second.device.seq = 200;
    assert!(is_conflict(
        &write(&*store).await.save_account(&mut second).await
    ));
    assert_eq!(second.version, 0);
    assert_same_account(
        &read(&*store)
            .await
            .account(first.id)
            .await
            .expect("reads")
            .expect("there"),
        &first,
    );

    let mut nowhere = account(9);
    assert!(is_conflict(
        &write(&*store).await.save_account(&mut nowhere).await
    ));
}

pub(crate) async fn accounts_are_overdue_from_their_end_on(database: &dyn Database) {
    let store = populated(database).await;
    let mut closed = account(1);
    closed.close(CloseReason::Expired, at(20));
    commit!(store, |uow| uow.save_account(&mut closed));

    let mut reader = read(&*store).await;
    let end = account(2).expires_at;
    let just_before = end - SignedDuration::from_nanos(1);
    assert!(
        reader
            .overdue_accounts(just_before, 10)
            .await
            .expect("reads")
            .is_empty()
    );
    assert_eq!(
        reader.overdue_accounts(end, 10).await.expect("reads"),
        [account_id(2)]
    );
    let later = account(3).expires_at;
    assert_eq!(
        reader.overdue_accounts(later, 10).await.expect("reads"),
        [account_id(2), account_id(3)]
    );
    assert_eq!(
        reader.overdue_accounts(later, 1).await.expect("reads"),
        [account_id(2)]
    );
}

pub(crate) async fn an_account_that_is_not_there_is_not_found(database: &dyn Database) {
    let store = populated(database).await;
    let mut reader = read(&*store).await;
    let missing = account(9);
    assert!(reader.account(missing.id).await.expect("reads").is_none());
    assert!(
        reader
            .account_by_device(missing.device.id)
            .await
            .expect("reads")
            .is_none()
    );
    assert!(
        reader
            .account_by_document(&missing.document_number)
            .await
            .expect("reads")
            .is_none()
    );
    assert!(
        reader
            .active_accounts_of(&missing.person.semantics_identifier)
            .await
            .expect("reads")
            .is_empty()
    );
    assert!(
        !reader
            .knows_person(&missing.person.semantics_identifier)
            .await
            .expect("reads")
    );
}

pub(crate) async fn an_account_is_closed_without_being_read(database: &dyn Database) {
    let store = populated(database).await;
    let locked = CloseReason::PinLocked;
    let mut account = account(2);
    account.keys.authentication.destroy(locked, at(10));
    account.keys.signature.in_flight = Some(transaction_id(7));
    commit!(store, |uow| uow.save_account(&mut account));
    let name = async || {
        let mut reader = read(&*store).await;
        let number = &account.document_number;
        let name = reader.account_name_by_document(number).await;
        let name = name.expect("reads").expect("there");
        let same = reader.account_name(account.id).await.expect("reads");
        assert_eq!(same.as_ref(), Some(&name));
        assert_eq!((name.id, &name.document_number), (account.id, number));
        name.closed
    };
    assert_eq!(name().await, None);

    let reason = CloseReason::DeletedByOperator;
    let close = async |reason, now| {
        commit!(store, |uow| uow
            .close_unread_account(account.id, reason, now))
    };
    assert!(close(reason, at(11)).await);
    assert!(!close(CloseReason::Cloned, at(12)).await);
    assert_eq!(name().await, Some((at(11), Some(reason))));
    // As if it had been read, closed and written.
    let mut expected = account.clone();
    expected.close(reason, at(11));
    expected.version += 1;
    let mut reader = read(&*store).await;
    let stored = reader.account(account.id).await.expect("reads");
    assert_same_account(&stored.expect("there"), &expected);
    let other = reader.account(account_id(1)).await.expect("reads");
    assert!(other.expect("there").is_active(at(11)));
    assert_eq!(
        reader.account_name(account_id(9)).await.expect("reads"),
        None
    );
}
