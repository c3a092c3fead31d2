use super::{Database, fixtures::*};
use engine::domain::{
    AccountLevel, EndReason, PerPurpose, Registration, RegistrationState, Vouched, Wrapped,
};
use engine::ports::Store;
use jiff::SignedDuration;

fn every_state() -> Vec<RegistrationState> {
    let shares = PerPurpose {
        authentication: Wrapped(vec![1; 412]),
        signature: Wrapped(vec![2; 412]),
    };
    let vouched = Vouched {
        person: person(7),
        level: AccountLevel::Advanced,
        evidence: "operator alice".to_owned(),
        document_suffix: Some("MOCK".parse().expect("four characters")),
    };
    let signatures = PerPurpose {
        authentication: vec![3; 768],
        signature: vec![4; 768],
    };
    let mut states = vec![
        RegistrationState::AwaitingServerShares,
        RegistrationState::AwaitingIdentity {
            shares: shares.clone(),
        },
        RegistrationState::AwaitingProof {
            shares,
            vouched,
            charged: Some([5; 32]),
        },
        RegistrationState::Active {
            account: account_id(1),
            proofs: [5; 32],
            signatures,
        },
    ];
    let reasons = [
        EndReason::Abandoned,
        EndReason::Expired,
        EndReason::Refused,
        EndReason::ProofFailed,
    ];
    states.extend(reasons.map(|reason| RegistrationState::Ended { reason, at: at(60) }));
    states
}

async fn stored(store: &dyn Store, number: u8) -> Registration {
    read(store)
        .await
        .registration(registration_id(number))
        .await
        .expect("reads")
        .expect("there")
}

pub(crate) async fn a_registration_comes_back_as_it_was_in_every_state(database: &dyn Database) {
    let store = populated(database).await;
    let mut registration = registration(7);
    commit!(store, |uow| uow.insert_registration(&registration));
    assert_same_registration(&stored(&*store, 7).await, &registration);
    registration.replaces = Some(account_id(2));
    for (version, state) in (1..).zip(every_state()) {
        registration.state = state;
        registration.proof_attempts += 1;
        commit!(store, |uow| uow.save_registration(&mut registration));
        assert_eq!(registration.version, version);
        assert_same_registration(&stored(&*store, 7).await, &registration);
    }
    registration.forget_server_halves();
    commit!(store, |uow| uow.save_registration(&mut registration));
    assert_same_registration(&stored(&*store, 7).await, &registration);
    assert!(
        read(&*store)
            .await
            .registration(registration_id(9))
            .await
            .expect("reads")
            .is_none()
    );
}

pub(crate) async fn a_code_finds_the_unfinished_registration_only(database: &dyn Database) {
    let store = populated(database).await;
    let mut registration = registration(7);
    commit!(store, |uow| uow.insert_registration(&registration));
    let typed = registration
        .code
        .to_string()
        .to_lowercase()
        .parse()
        .expect("code");
    for state in every_state() {
        let unfinished = !matches!(
            state,
            RegistrationState::Active { .. } | RegistrationState::Ended { .. }
        );
        registration.state = state;
        commit!(store, |uow| uow.save_registration(&mut registration));
        let found = read(&*store)
            .await
            .registration_by_code(&typed)
            .await
            .expect("reads");
        assert_eq!(found.is_some(), unfinished);
    }
    let unknown = "0000-0000".parse().expect("code");
    assert!(
        read(&*store)
            .await
            .registration_by_code(&unknown)
            .await
            .expect("reads")
            .is_none()
    );
}

pub(crate) async fn a_code_is_free_again_when_its_registration_is_over(database: &dyn Database) {
    let store = populated(database).await;
    let mut first = registration(7);
    commit!(store, |uow| uow.insert_registration(&first));
    let mut second = registration(8);
    second.code = first.code.clone();
    assert!(is_duplicate(
        &write(&*store).await.insert_registration(&second).await,
        "registration"
    ));
    first.end(EndReason::Abandoned, at(60));
    commit!(store, |uow| uow.save_registration(&mut first));
    commit!(store, |uow| uow.insert_registration(&second));
    let found = read(&*store)
        .await
        .registration_by_code(&second.code)
        .await
        .expect("reads")
        .expect("there");
    assert_eq!(found.id, second.id);
}

pub(crate) async fn a_device_has_one_unfinished_registration(database: &dyn Database) {
    let store = populated(database).await;
    commit!(store, |uow| uow.insert_registration(&registration(7)));
    let mut second = registration(8);
    second.device = device_id(7);
    assert!(is_duplicate(
        &write(&*store).await.insert_registration(&second).await,
        "registration"
    ));
}

pub(crate) async fn the_newest_registration_of_a_device_is_found(database: &dyn Database) {
    let store = populated(database).await;
    let mut first = registration(7);
    first.end(EndReason::Expired, at(60));
    commit!(store, |uow| uow.insert_registration(&first));
    let mut second = registration(8);
    second.device = device_id(7);
    commit!(store, |uow| uow.insert_registration(&second));

    let mut reader = read(&*store).await;
    let found = reader
        .registration_by_device(device_id(7))
        .await
        .expect("reads")
        .expect("there");
    assert_same_registration(&found, &second);
    assert!(
        reader
            .registration_by_device(device_id(9))
            .await
            .expect("reads")
            .is_none()
    );
}

pub(crate) async fn registrations_are_overdue_from_their_end_until_they_are_over(
    database: &dyn Database,
) {
    let store = populated(database).await;
    for (number, state) in (1..).zip(every_state()) {
        commit!(store, |uow| uow.insert_registration(&Registration {
            state,
            ..registration(number)
        }));
    }
    let mut reader = read(&*store).await;
    let end = registration(1).expires_at;
    let just_before = end - SignedDuration::from_nanos(1);
    assert!(
        reader
            .overdue_registrations(just_before, 10)
            .await
            .expect("reads")
            .is_empty()
    );
    assert_eq!(
        reader.overdue_registrations(end, 10).await.expect("reads"),
        [registration_id(1)]
    );
    let all = [registration_id(1), registration_id(2), registration_id(3)];
    let late = end + MINUTE;
    assert_eq!(
        reader.overdue_registrations(late, 10).await.expect("reads"),
        all
    );
    assert_eq!(
        reader.overdue_registrations(late, 2).await.expect("reads"),
        all[..2]
    );
}

pub(crate) async fn the_second_of_two_changes_conflicts(database: &dyn Database) {
    let store = populated(database).await;
    commit!(store, |uow| uow.insert_registration(&registration(7)));
    let (mut first, mut second) = (registration(7), registration(7));
    first.proof_attempts = 1;
    commit!(store, |uow| uow.save_registration(&mut first));
    second.end(EndReason::Refused, at(60));
    assert!(is_conflict(
        &write(&*store).await.save_registration(&mut second).await
    ));
    assert_same_registration(&stored(&*store, 7).await, &first);
}
