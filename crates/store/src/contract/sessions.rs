use super::{Database, fixtures::*};
use engine::domain::{RequestKind, Session, SessionState};
use engine::ports::{Store, StoreError};
use jiff::SignedDuration;
use wire::{EndResult, InteractionType, RelyingPartyUuid};

fn every_state() -> Vec<SessionState> {
    let mut states = vec![
        SessionState::Pending,
        claimed(account_id(1)),
        completing(account_id(1), transaction_id(1)),
        completed(account_id(1), at(30)),
    ];
    let results = [
        EndResult::UserRefused,
        EndResult::UserRefusedInteraction(InteractionType::DisplayTextAndPin),
        EndResult::UserRefusedCertChoice,
        EndResult::Timeout,
        EndResult::DocumentUnusable,
        EndResult::WrongVc,
        EndResult::RequiredInteractionNotSupportedByApp,
        EndResult::ProtocolFailure,
        EndResult::ExpectedLinkedSession,
        EndResult::ServerError,
    ];
    states.extend(results.map(|result| SessionState::Failed { result, at: at(31) }));
    states
}

async fn stored(store: &dyn Store, number: u8) -> Session {
    read(store)
        .await
        .session(session_id(number))
        .await
        .expect("reads")
        .expect("there")
}

fn ids(sessions: &[Session]) -> Vec<wire::SessionId> {
    sessions.iter().map(|session| session.id).collect()
}

pub(crate) async fn a_session_comes_back_as_it_was_in_every_state(database: &dyn Database) {
    let store = populated(database).await;
    let mut session = session(1);
    session.request.kind = RequestKind::Authentication {
        rp_challenge: "cnBDaGFsbGVuZ2U=".to_owned(),
    };
    session.request.fingerprint = None;
    commit!(store, |uow| uow.insert_session(&session));
    assert_same_session(&stored(&*store, 1).await, &session);
    for (version, state) in (1..).zip(every_state()) {
        session.state = state;
        commit!(store, |uow| uow.save_session(&mut session));
        assert_eq!(session.version, version);
        assert_same_session(&stored(&*store, 1).await, &session);
    }
    assert!(
        read(&*store)
            .await
            .session(session_id(9))
            .await
            .expect("reads")
            .is_none()
    );
}

pub(crate) async fn a_session_is_inserted_in_any_state(database: &dyn Database) {
    let store = populated(database).await;
    for (number, state) in (1..).zip(every_state()) {
        let mut session = session(number);
        session.state = state;
        commit!(store, |uow| uow.insert_session(&session));
        assert_same_session(&stored(&*store, number).await, &session);
    }
    assert!(is_duplicate(
        &write(&*store).await.insert_session(&session(1)).await,
        "session"
    ));
}

pub(crate) async fn open_sessions_are_those_to_answer_and_those_claimed(database: &dyn Database) {
    let store = populated(database).await;
    // In the order of their age: 4 (pending), 3 (claimed by 1), 2 (claimed by 2), 1 (finished), 5 (not for 1).
    let mut sessions: Vec<Session> = [4, 3, 2, 1, 5].map(session).into_iter().collect();
    for (age, session) in (0..).zip(&mut sessions) {
        session.created_at = at(age);
    }
    sessions[1].state = claimed(account_id(1));
    sessions[2].state = completing(account_id(2), transaction_id(1));
    sessions[3].state = completed(account_id(1), at(30));
    sessions[4].candidates = vec![account_id(2)];
    for session in &sessions {
        commit!(store, |uow| uow.insert_session(session));
    }
    // Claimed without having been a candidate, as after a scanned link.
    let mut linked = session(6);
    linked.candidates.clear();
    linked.state = claimed(account_id(1));
    linked.created_at = at(-1);
    commit!(store, |uow| uow.insert_session(&linked));

    let mut reader = read(&*store).await;
    let of_first = reader.open_sessions_of(account_id(1)).await.expect("reads");
    assert_eq!(
        ids(&of_first),
        [session_id(6), session_id(4), session_id(3)]
    );
    assert_same_session(&of_first[1], &sessions[0]);
    let of_second = reader.open_sessions_of(account_id(2)).await.expect("reads");
    assert_eq!(
        ids(&of_second),
        [session_id(4), session_id(2), session_id(5)]
    );
    assert!(
        reader
            .open_sessions_of(account_id(3))
            .await
            .expect("reads")
            .is_empty()
    );
}

pub(crate) async fn the_newest_unfinished_session_with_the_fingerprint_is_found(
    database: &dyn Database,
) {
    let store = populated(database).await;
    for number in 1..=3 {
        let mut session = session(number);
        session.request.fingerprint = Some([7; 32]);
        if number == 3 {
            session.fail(EndResult::UserRefused, at(30));
        }
        commit!(store, |uow| uow.insert_session(&session));
    }
    let mut reader = read(&*store).await;
    let created = session(2).created_at;
    let found = reader
        .session_by_fingerprint(RELYING_PARTY, &[7; 32], created)
        .await
        .expect("reads");
    assert_eq!(found.expect("there").id, session_id(2));
    let later = created + SignedDuration::from_nanos(1);
    assert!(
        reader
            .session_by_fingerprint(RELYING_PARTY, &[7; 32], later)
            .await
            .expect("reads")
            .is_none()
    );
    assert!(
        reader
            .session_by_fingerprint(RELYING_PARTY, &[8; 32], created)
            .await
            .expect("reads")
            .is_none()
    );
    let other = RelyingPartyUuid(uuid::Uuid::from_u128(5));
    assert!(
        reader
            .session_by_fingerprint(other, &[7; 32], created)
            .await
            .expect("reads")
            .is_none()
    );
}

pub(crate) async fn sessions_are_counted_for_every_candidate(database: &dyn Database) {
    let store = populated(database).await;
    for number in 1..=4 {
        let mut session = session(number);
        if number == 4 {
            session.candidates = vec![account_id(2)];
        }
        if number == 2 {
            session.fail(EndResult::UserRefused, at(30));
        }
        commit!(store, |uow| uow.insert_session(&session));
    }
    let mut reader = read(&*store).await;
    assert_eq!(
        reader
            .count_sessions_of(account_id(1), at(1))
            .await
            .expect("reads"),
        3
    );
    assert_eq!(
        reader
            .count_sessions_of(account_id(1), at(2))
            .await
            .expect("reads"),
        2
    );
    assert_eq!(
        reader
            .count_sessions_of(account_id(2), at(2))
            .await
            .expect("reads"),
        3
    );
    assert_eq!(
        reader
            .count_sessions_of(account_id(2), at(5))
            .await
            .expect("reads"),
        0
    );
    assert_eq!(
        reader
            .count_sessions_of(account_id(3), jiff::Timestamp::MIN)
            .await
            .expect("reads"),
        0
    );
    let (asked, other) = (
        session(1).relying_party,
        RelyingPartyUuid(uuid::Uuid::max()),
    );
    for (relying_party, expected) in [(asked, 2), (other, 0)] {
        assert_eq!(
            reader
                .count_sessions_between(relying_party, account_id(1), at(2))
                .await
                .expect("reads"),
            expected
        );
    }
}

pub(crate) async fn sessions_are_overdue_from_their_deadline_until_they_finish(
    database: &dyn Database,
) {
    let store = populated(database).await;
    // The fourth is being evaluated: its evaluation ends it, not its deadline.
    for number in 1..=4 {
        let mut session = session(number);
        if number == 4 {
            session.state = completing(account_id(1), transaction_id(1));
        }
        commit!(store, |uow| uow.insert_session(&session));
    }
    let mut reader = read(&*store).await;
    let deadline = session(1).deadline;
    let just_before = deadline - SignedDuration::from_nanos(1);
    assert!(
        reader
            .overdue_sessions(just_before, 10)
            .await
            .expect("reads")
            .is_empty()
    );
    assert_eq!(
        reader.overdue_sessions(deadline, 10).await.expect("reads"),
        [session_id(1)]
    );
    let late = at(1000);
    let all = [session_id(1), session_id(2), session_id(3)];
    assert_eq!(reader.overdue_sessions(late, 10).await.expect("reads"), all);
    assert_eq!(
        reader.overdue_sessions(late, 2).await.expect("reads"),
        all[..2]
    );
    drop(reader);

    let mut first = session(1);
    first.fail(EndResult::Timeout, late);
    commit!(store, |uow| uow.save_session(&mut first));
    assert_eq!(
        read(&*store)
            .await
            .overdue_sessions(late, 10)
            .await
            .expect("reads"),
        all[1..]
    );
}

pub(crate) async fn a_session_is_found_by_the_token_of_its_link(database: &dyn Database) {
    let store = populated(database).await;
    let session = linked_session(1, "wGIrqveE6AuGDATZKmR1mtAZ");
    commit!(store, |uow| uow.insert_session(&session));
    let mut reader = read(&*store).await;
    let found = reader.session_by_token("wGIrqveE6AuGDATZKmR1mtAZ").await;
    let found = found.expect("reads").expect("there");
    assert_eq!(found.id, session.id);
    assert_eq!(found.request, session.request);
    for other in ["wGIrqveE6AuGDATZKmR1mtAz", ""] {
        let found = reader.session_by_token(other).await.expect("reads");
        assert!(found.is_none(), "{other}");
    }
    drop(reader);
    let again = linked_session(2, "wGIrqveE6AuGDATZKmR1mtAZ");
    let mut uow = write(&*store).await;
    assert!(matches!(
        uow.insert_session(&again).await,
        Err(StoreError::Duplicate { .. })
    ));
}

pub(crate) async fn a_claim_that_comes_second_conflicts(database: &dyn Database) {
    let store = populated(database).await;
    commit!(store, |uow| uow.insert_session(&session(1)));
    let (mut first, mut second) = (session(1), session(1));
    first.state = claimed(account_id(1));
    second.state = claimed(account_id(2));
    commit!(store, |uow| uow.save_session(&mut first));
    assert!(is_conflict(
        &write(&*store).await.save_session(&mut second).await
    ));
    assert_eq!(stored(&*store, 1).await.claimed_by(), Some(account_id(1)));
}
