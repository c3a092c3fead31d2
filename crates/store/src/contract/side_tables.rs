use super::{Database, fixtures::*};
use engine::domain::{
    AuditEvent, AuditRecord, CloseReason, EndReason, RelyingParty, RelyingPartyRights,
};
use engine::ports::{KeyHolder, Store, StoreError, StoredModuli};
use jiff::Timestamp;
use splitkey::Profile;
use std::sync::Arc;
use uuid::Uuid;
use wire::RelyingPartyUuid;

pub(crate) async fn a_relying_party_comes_back_as_it_was(database: &dyn Database) {
    let store = database.open().await;
    let mut one = relying_party();
    commit!(store, |uow| uow.insert_relying_party(&one));
    assert_eq!(
        read(&*store)
            .await
            .relying_party(one.uuid)
            .await
            .expect("reads")
            .as_ref(),
        Some(&one)
    );

    one.names = vec!["Other".to_owned()];
    one.networks.clear();
    one.rights = RelyingPartyRights::default();
    one.enabled = false;
    commit!(store, |uow| uow.save_relying_party(&mut one));
    assert_eq!(one.version, 1);
    assert_eq!(
        read(&*store)
            .await
            .relying_party(one.uuid)
            .await
            .expect("reads")
            .as_ref(),
        Some(&one)
    );

    let mut outdated = relying_party();
    assert!(is_conflict(
        &write(&*store).await.save_relying_party(&mut outdated).await
    ));
    let unknown = RelyingPartyUuid(Uuid::from_u128(5));
    assert_eq!(
        read(&*store)
            .await
            .relying_party(unknown)
            .await
            .expect("reads"),
        None
    );
}

pub(crate) async fn relying_parties_are_listed_by_name(database: &dyn Database) {
    let store = database.open().await;
    for (number, name) in (1..).zip(["Õpetaja", "bank", "Arst"]) {
        let uuid = RelyingPartyUuid(Uuid::from_u128(number));
        let one = RelyingParty {
            uuid,
            names: vec![name.to_owned()],
            ..relying_party()
        };
        commit!(store, |uow| uow.insert_relying_party(&one));
    }
    let all = read(&*store).await.relying_parties().await.expect("reads");
    let names: Vec<_> = all.iter().filter_map(|one| one.names.first()).collect();
    assert_eq!(names, ["Arst", "bank", "Õpetaja"]);
}

pub(crate) async fn a_relying_party_is_added_once(database: &dyn Database) {
    let store = populated(database).await;
    assert!(is_duplicate(
        &write(&*store)
            .await
            .insert_relying_party(&relying_party())
            .await,
        "relying_party"
    ));
}

pub(crate) async fn halves_leave_the_pool_in_the_order_they_came(database: &dyn Database) {
    let store = database.open().await;
    for number in [3, 1, 2] {
        commit!(store, |uow| uow
            .pool_half(Profile::Rsa6144, &half(Profile::Rsa6144, number)));
    }
    commit!(store, |uow| uow
        .pool_half(Profile::Rsa4096, &half(Profile::Rsa4096, 9)));
    let mut reader = read(&*store).await;
    assert_eq!(
        reader.pooled_halves(Profile::Rsa6144).await.expect("reads"),
        3
    );
    assert_eq!(
        reader.pooled_halves(Profile::Rsa4096).await.expect("reads"),
        1
    );
    drop(reader);

    for number in [3, 1, 2] {
        let taken = commit!(store, |uow| uow.take_pooled_half(Profile::Rsa6144)).expect("one left");
        let expected = half(Profile::Rsa6144, number);
        assert_eq!(taken.modulus.as_bytes(), expected.modulus.as_bytes());
        assert_eq!(taken.modulus.profile(), Profile::Rsa6144);
        assert_eq!(taken.wrapped, expected.wrapped);
    }
    assert!(commit!(store, |uow| uow.take_pooled_half(Profile::Rsa6144)).is_none());
    assert_eq!(
        read(&*store)
            .await
            .pooled_halves(Profile::Rsa4096)
            .await
            .expect("reads"),
        1
    );
}

pub(crate) async fn a_half_is_pooled_once(database: &dyn Database) {
    let store = database.open().await;
    let one = half(Profile::Rsa4096, 1);
    commit!(store, |uow| uow.pool_half(Profile::Rsa4096, &one));
    assert!(is_duplicate(
        &write(&*store).await.pool_half(Profile::Rsa4096, &one).await,
        "pooled_half"
    ));
}

pub(crate) async fn a_half_that_was_taken_and_not_committed_stays(database: &dyn Database) {
    let store = database.open().await;
    commit!(store, |uow| uow
        .pool_half(Profile::Rsa4096, &half(Profile::Rsa4096, 1)));
    let mut uow = write(&*store).await;
    assert!(
        uow.take_pooled_half(Profile::Rsa4096)
            .await
            .expect("takes")
            .is_some()
    );
    assert!(
        uow.take_pooled_half(Profile::Rsa4096)
            .await
            .expect("takes")
            .is_none()
    );
    drop(uow);
    assert!(commit!(store, |uow| uow.take_pooled_half(Profile::Rsa4096)).is_some());
}

pub(crate) async fn two_takers_get_two_halves(database: &dyn Database) {
    let store = database.open().await;
    for number in 1..=20 {
        commit!(store, |uow| uow
            .pool_half(Profile::Rsa4096, &half(Profile::Rsa4096, number)));
    }
    async fn take_all(store: Arc<dyn Store>) -> Vec<Vec<u8>> {
        let mut taken = Vec::new();
        loop {
            let attempt = async {
                let mut uow = store.write().await?;
                let half = uow.take_pooled_half(Profile::Rsa4096).await?;
                uow.commit().await?;
                Ok(half)
            };
            match attempt.await {
                Ok(Some(half)) => taken.push(half.modulus.as_bytes().to_vec()),
                Ok(None) => return taken,
                Err(StoreError::Conflict) => {}
                Err(other) => panic!("{other}"),
            }
        }
    }
    let (first, second) = (take_all(Arc::clone(&store)), take_all(Arc::clone(&store)));
    let (first, second) = (tokio::spawn(first), tokio::spawn(second));
    let mut all = [first.await.expect("runs"), second.await.expect("runs")].concat();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 20);
}

fn record(at: Timestamp, event: AuditEvent) -> AuditRecord {
    AuditRecord {
        at,
        account: None,
        relying_party: None,
        session: None,
        event,
    }
}

pub(crate) async fn every_audit_event_comes_back(database: &dyn Database) {
    let store = database.open().await;
    let registration = registration_id(1);
    let text = || "text".to_owned();
    let events = [
        AuditEvent::RegistrationStarted { registration },
        AuditEvent::IdentityProven {
            registration,
            evidence: text(),
        },
        AuditEvent::ProofFailed {
            registration,
            attempts: 2,
        },
        AuditEvent::RegistrationEnded {
            registration,
            reason: EndReason::ProofFailed,
        },
        AuditEvent::CertificateIssued {
            purpose: 1,
            serial: text(),
            sha256: text(),
        },
        AuditEvent::AccountOpened {
            document_number: text(),
        },
        AuditEvent::AccountClosed {
            reason: CloseReason::Cloned,
        },
        AuditEvent::KeyDestroyed {
            purpose: 2,
            reason: CloseReason::PinLocked,
        },
        AuditEvent::CertificateRevoked {
            purpose: Some(2),
            serial: text(),
            reason: text(),
        },
        AuditEvent::CertificateRevoked {
            purpose: None,
            serial: text(),
            reason: text(),
        },
        AuditEvent::SessionStarted {
            kind: text(),
            interactions_sha256: text(),
        },
        AuditEvent::SessionClaimed {
            transaction: text(),
        },
        AuditEvent::AttemptCharged {
            purpose: 1,
            consecutive: 3,
            transaction: text(),
        },
        AuditEvent::PinAccepted {
            purpose: 1,
            transaction: text(),
        },
        AuditEvent::PinRefused {
            purpose: 1,
            consecutive: 3,
            locked_until: Some(at(9)),
        },
        AuditEvent::SessionEnded {
            result: text(),
            kind: None,
            signature_sha256: None,
            evidence_sha256: Some(text()),
        },
        AuditEvent::SessionEnded {
            result: text(),
            kind: Some(text()),
            signature_sha256: Some(text()),
            evidence_sha256: None,
        },
        AuditEvent::CloneDetected { seq: u64::MAX },
        AuditEvent::TokenRotated { seq: 1 },
        AuditEvent::RelyingPartyChanged { change: text() },
        AuditEvent::WeakModulusFound {
            weakness: text(),
            keys: vec![text(), text()],
        },
    ];
    let records: Vec<_> = events
        .into_iter()
        .map(|event| AuditRecord {
            account: Some(account_id(1)),
            relying_party: Some(RELYING_PARTY),
            session: Some(session_id(1)),
            ..record(at(1), event)
        })
        .collect();
    let mut uow = write(&*store).await;
    for record in &records {
        uow.record(record).await.expect("records");
    }
    uow.commit().await.expect("commits");
    // All of one moment: in the order in which they were written.
    assert_eq!(
        read(&*store)
            .await
            .audit_records(at(1), at(2))
            .await
            .expect("reads"),
        records
    );
}

pub(crate) async fn audit_records_are_listed_from_inclusive_until_exclusive_in_order(
    database: &dyn Database,
) {
    let store = database.open().await;
    let of = |seq| {
        record(
            at(i64::try_from(seq).expect("small")),
            AuditEvent::TokenRotated { seq },
        )
    };
    for seq in [3, 1, 4, 2] {
        commit!(store, |uow| uow.record(&of(seq)));
    }
    let mut reader = read(&*store).await;
    assert_eq!(
        reader.audit_records(at(2), at(4)).await.expect("reads"),
        [of(2), of(3)]
    );
    let all = reader
        .audit_records(Timestamp::MIN, Timestamp::MAX)
        .await
        .expect("reads");
    assert_eq!(all, [of(1), of(2), of(3), of(4)]);
}

pub(crate) async fn audit_pages_add_up_to_the_whole(database: &dyn Database) {
    let store = database.open().await;
    let of = |seq| record(at(1), AuditEvent::TokenRotated { seq });
    // Many of one moment, in one unit of work and in several.
    for unit in 0..3 {
        let mut uow = write(&*store).await;
        for line in 0..5 {
            uow.record(&of(unit * 5 + line)).await.expect("records");
        }
        uow.commit().await.expect("commits");
    }
    for seq in [100, 101, 102] {
        let later = record(
            at(i64::try_from(seq).expect("small")),
            AuditEvent::TokenRotated { seq },
        );
        commit!(store, |uow| uow.record(&later));
    }
    let mut reader = read(&*store).await;
    let (from, until) = (at(1), at(102));
    let whole = reader.audit_records(from, until).await.expect("reads");
    assert_eq!(whole.len(), 17);
    for limit in [1, 2, 5, 16, 17, 18] {
        let (mut records, mut after, mut pages) = (Vec::new(), None, 0);
        loop {
            let page = reader
                .audit_page(from, until, after.as_ref(), limit)
                .await
                .expect("reads");
            assert!(page.records.len() <= limit as usize);
            records.extend(page.records);
            pages += 1;
            assert!(pages < 20, "pages end");
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        assert_eq!(records, whole, "{limit}");
    }
}

pub(crate) async fn moduli_of_every_key_are_listed_once(database: &dyn Database) {
    let store = populated(database).await;
    let mut closed = account(2);
    closed.close(CloseReason::DeletedByOwner, at(50));
    commit!(store, |uow| uow.save_account(&mut closed));
    let open = registration(7);
    let mut ended = registration(8);
    commit!(store, |uow| uow.insert_registration(&open));
    commit!(store, |uow| uow.insert_registration(&ended));
    ended.end(EndReason::Abandoned, at(60));
    commit!(store, |uow| uow.save_registration(&mut ended));
    let pooled = half(Profile::Rsa6144, 5);
    commit!(store, |uow| uow.pool_half(Profile::Rsa6144, &pooled));

    let mut reader = read(&*store).await;
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = reader
            .account_moduli(Timestamp::MIN, Timestamp::MAX, after, 4)
            .await
            .expect("reads");
        let Some(last) = page.last() else { break };
        after = Some(last.key);
        found.extend(page);
    }
    let mut expected: Vec<StoredModuli> = [account(1), account(2), account(3)]
        .iter()
        .flat_map(|account| {
            account.keys.iter().map(|key| StoredModuli {
                holder: KeyHolder::Account(account.id),
                key: key.id,
                purpose: key.purpose,
                n1: key.n1.clone(),
                n2: key.n2.clone(),
            })
        })
        .collect();
    expected.sort_by_key(|one| one.key);
    assert_eq!(found, expected);

    // Account 2 was opened at second 2.
    for (from, until, keys) in [
        (at(2), at(3), 2),
        (at(2), Timestamp::MAX, 4),
        (at(4), at(9), 0),
    ] {
        let some = reader.account_moduli(from, until, None, 100).await;
        assert_eq!(some.expect("reads").len(), keys);
    }

    let registered = reader.registration_moduli(None, 100).await.expect("reads");
    let holder = KeyHolder::Registration(open.id);
    assert_eq!(registered.len(), 2);
    for (one, key) in registered.iter().zip(open.keys.iter()) {
        assert_eq!((one.holder, one.key), (holder, key.id));
        assert_eq!((&one.n1, &one.n2), (&key.n1, &key.n2));
    }
    let after = reader.registration_moduli(Some(open.id), 100).await;
    assert_eq!(after.expect("reads"), []);

    let pool = reader.pooled_moduli().await.expect("reads");
    let pool: Vec<_> = pool.iter().map(|modulus| modulus.as_bytes()).collect();
    assert_eq!(pool, [pooled.modulus.as_bytes()]);
}
