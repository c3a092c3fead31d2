use super::{Database, fixtures::*};
use engine::{
    domain::{
        AccountLevel, CaKeyId, CertificateKind, CertificateRecord, CloseReason, Issued, Purpose,
        Revocation, RevocationReason, RevokedCertificate, SerialNumber, Standing,
    },
    ports::{Store, StoreError},
};
use jiff::Timestamp;

pub(crate) const CA: CaKeyId = CaKeyId([0xca; 20]);
const OTHER_CA: CaKeyId = CaKeyId([0xcb; 20]);

const PERSON: CertificateKind = CertificateKind::EndEntity {
    level: AccountLevel::Qualified,
    purpose: Purpose::Signature,
};

fn serial(number: u8) -> SerialNumber {
    SerialNumber::from_bytes(vec![number; 16])
}

/// Recorded at second `number`, valid until second 1000.
pub(crate) fn record(issuer: CaKeyId, number: u8, kind: CertificateKind) -> CertificateRecord {
    CertificateRecord {
        issuer,
        serial: serial(number),
        kind,
        tbs: vec![number; 1500],
        recorded_at: at(i64::from(number)),
        expires_at: at(1000),
        issued: None,
        revocation: None,
    }
}

fn to_account(number: u8) -> Issued {
    Issued::to_account(&[number], account_id(1), at(100))
}

fn revocation(seconds: i64, reason: RevocationReason) -> Revocation {
    Revocation {
        at: at(seconds),
        reason,
    }
}

async fn standing(store: &dyn Store, issuer: CaKeyId, number: u8) -> Standing {
    let mut reader = read(store).await;
    reader
        .standing(issuer, &serial(number))
        .await
        .expect("reads")
}

async fn found(store: &dyn Store, number: u8) -> Option<CertificateRecord> {
    let mut reader = read(store).await;
    reader
        .certificate_record(CA, &serial(number))
        .await
        .expect("reads")
}

pub(crate) async fn a_record_comes_back_as_it_was_in_every_state(database: &dyn Database) {
    let store = populated(database).await;
    let mut number = 0;
    let kinds = [AccountLevel::Advanced, AccountLevel::Qualified].map(|level| {
        [Purpose::Authentication, Purpose::Signature]
            .map(|purpose| CertificateKind::EndEntity { level, purpose })
    });
    for kind in kinds.into_iter().flatten() {
        for reason in [None].into_iter().chain(RevocationReason::ALL.map(Some)) {
            for issued in [None, Some(to_account(7))] {
                number += 1;
                let expected = CertificateRecord {
                    issued,
                    revocation: reason.map(|reason| revocation(200, reason)),
                    ..record(CA, number, kind)
                };
                commit!(store, |uow| uow.record_certificate(&expected));
                assert_eq!(found(&*store, number).await, Some(expected));
            }
        }
    }
    let responder = CertificateRecord {
        issued: Some(Issued::to_responder(&[1, 2, 3], at(5))),
        ..record(CA, 99, CertificateKind::OcspResponder)
    };
    commit!(store, |uow| uow.record_certificate(&responder));
    assert_eq!(found(&*store, 99).await, Some(responder));
    assert_eq!(found(&*store, 100).await, None);
}

pub(crate) async fn a_serial_number_is_recorded_once_below_its_issuer(database: &dyn Database) {
    let store = database.open().await;
    commit!(store, |uow| uow.record_certificate(&record(CA, 1, PERSON)));
    assert!(is_duplicate(
        &write(&*store)
            .await
            .record_certificate(&record(CA, 1, PERSON))
            .await,
        "certificate_record"
    ));
    commit!(store, |uow| uow
        .record_certificate(&record(OTHER_CA, 1, PERSON)));
}

pub(crate) async fn a_certificate_is_given_out_once(database: &dyn Database) {
    let store = populated(database).await;
    commit!(store, |uow| uow.record_certificate(&record(CA, 1, PERSON)));
    commit!(store, |uow| uow.certificate_issued(
        CA,
        &serial(1),
        &to_account(1)
    ));
    assert_eq!(
        found(&*store, 1).await.and_then(|record| record.issued),
        Some(to_account(1))
    );
    assert_eq!(standing(&*store, CA, 1).await, Standing::Issued(None));
    for (issuer, number) in [(CA, 1), (CA, 2), (OTHER_CA, 1)] {
        let mut uow = write(&*store).await;
        let again = uow
            .certificate_issued(issuer, &serial(number), &to_account(2))
            .await;
        assert!(is_conflict(&again));
    }
}

pub(crate) async fn what_was_revoked_is_not_given_out_any_more(database: &dyn Database) {
    let store = populated(database).await;
    commit!(store, |uow| uow.record_certificate(&record(CA, 1, PERSON)));
    let cessation = revocation(50, RevocationReason::CessationOfOperation);
    assert!(commit!(store, |uow| uow.revoke_certificate(
        CA,
        &serial(1),
        cessation
    )));
    let mut uow = write(&*store).await;
    let issued = uow.certificate_issued(CA, &serial(1), &to_account(1)).await;
    assert!(is_conflict(&issued));
    drop(uow);
    // A signature may exist somewhere.
    assert_eq!(
        standing(&*store, CA, 1).await,
        Standing::Issued(Some(cessation))
    );
}

pub(crate) async fn the_first_revocation_stands(database: &dyn Database) {
    let store = populated(database).await;
    commit!(store, |uow| uow.record_certificate(&record(CA, 1, PERSON)));
    commit!(store, |uow| uow.certificate_issued(
        CA,
        &serial(1),
        &to_account(1)
    ));
    let first = revocation(150, RevocationReason::KeyCompromise);
    let second = revocation(151, RevocationReason::Superseded);
    assert!(commit!(store, |uow| uow.revoke_certificate(
        CA,
        &serial(1),
        first
    )));
    assert!(!commit!(store, |uow| uow.revoke_certificate(
        CA,
        &serial(1),
        second
    )));
    assert_eq!(
        standing(&*store, CA, 1).await,
        Standing::Issued(Some(first))
    );
    // Of others nothing is revoked.
    assert!(!commit!(store, |uow| uow.revoke_certificate(
        OTHER_CA,
        &serial(1),
        first
    )));
}

pub(crate) async fn what_has_expired_is_not_revoked_unless_nobody_has_it(database: &dyn Database) {
    let store = populated(database).await;
    for number in [1, 2, 3] {
        commit!(store, |uow| uow
            .record_certificate(&record(CA, number, PERSON)));
    }
    for number in [1, 2] {
        commit!(store, |uow| uow.certificate_issued(
            CA,
            &serial(number),
            &to_account(number)
        ));
    }
    let last = revocation(1000, RevocationReason::Superseded);
    let late = revocation(1001, RevocationReason::Superseded);
    assert!(!commit!(store, |uow| uow.revoke_certificate(
        CA,
        &serial(1),
        late
    )));
    assert!(commit!(store, |uow| uow.revoke_certificate(
        CA,
        &serial(2),
        last
    )));
    assert!(commit!(store, |uow| uow.revoke_certificate(
        CA,
        &serial(3),
        late
    )));
    assert_eq!(standing(&*store, CA, 1).await, Standing::Issued(None));
}

fn given_to(number: u8, account: u8, kind: CertificateKind) -> CertificateRecord {
    CertificateRecord {
        issued: Some(Issued::to_account(&[number], account_id(account), at(100))),
        ..record(CA, number, kind)
    }
}

fn persons(level: AccountLevel, purpose: Purpose) -> CertificateKind {
    CertificateKind::EndEntity { level, purpose }
}

pub(crate) async fn an_account_s_certificates_are_revoked_by_their_records(
    database: &dyn Database,
) {
    use AccountLevel::{Advanced, Qualified};
    use Purpose::{Authentication, Signature};
    let store = populated(database).await;
    for one in [
        given_to(1, 1, persons(Qualified, Signature)),
        given_to(2, 1, persons(Qualified, Authentication)),
        given_to(3, 2, persons(Advanced, Signature)),
        given_to(4, 2, persons(Advanced, Authentication)),
        // Recorded for account 2 and not given out; given out with it, and over.
        record(CA, 5, persons(Advanced, Signature)),
        CertificateRecord {
            expires_at: at(199),
            ..given_to(6, 2, persons(Advanced, Signature))
        },
    ] {
        commit!(store, |uow| uow.record_certificate(&one));
    }
    let compromise = revocation(200, RevocationReason::KeyCompromise);
    let later = revocation(201, RevocationReason::Superseded);
    let numbers = |revoked: Vec<engine::domain::CertificateSummary>| {
        let each = revoked.iter().map(|one| one.serial.as_bytes()[0]);
        each.collect::<Vec<_>>()
    };
    let of = |account, purpose, revocation| {
        let store = store.clone();
        async move {
            commit!(store, |uow| uow.revoke_certificates_of(
                account_id(account),
                purpose,
                revocation
            ))
        }
    };
    assert_eq!(numbers(of(1, Some(Authentication), compromise).await), [2]);
    assert_eq!(standing(&*store, CA, 1).await, Standing::Issued(None));
    // The first revocation stands; authentication comes first.
    assert_eq!(numbers(of(1, None, later).await), [1]);
    assert_eq!(numbers(of(1, None, later).await), [0u8; 0]);
    assert_eq!(numbers(of(2, None, later).await), [4, 3]);
    assert_eq!(numbers(of(3, None, later).await), [0u8; 0]);
    for (number, expected) in [
        (1, Standing::Issued(Some(later))),
        (2, Standing::Issued(Some(compromise))),
        (3, Standing::Issued(Some(later))),
        (4, Standing::Issued(Some(later))),
        (5, Standing::NeverIssued),
        (6, Standing::Issued(None)),
    ] {
        assert_eq!(standing(&*store, CA, number).await, expected, "{number}");
    }
}

pub(crate) async fn accounts_whose_records_say_less_than_their_keys_are_found(
    database: &dyn Database,
) {
    use AccountLevel::{Advanced, Qualified};
    use Purpose::{Authentication, Signature};
    let store = populated(database).await;
    // One record of two; both; none.
    for one in [
        given_to(1, 1, persons(Qualified, Signature)),
        given_to(2, 2, persons(Advanced, Signature)),
        given_to(3, 2, persons(Advanced, Authentication)),
        record(CA, 4, persons(Qualified, Signature)),
    ] {
        commit!(store, |uow| uow.record_certificate(&one));
    }
    let found = async || {
        let mut reader = read(&*store).await;
        let mut unrecorded = Vec::new();
        while let Some(id) = reader
            .accounts_without_records(unrecorded.last().copied(), 1)
            .await
            .expect("reads")
            .pop()
        {
            unrecorded.push(id);
        }
        let all = reader.accounts_without_records(None, 10).await;
        assert_eq!(all.expect("reads"), unrecorded);
        let good = reader.accounts_left_good(None, 10).await.expect("reads");
        if let Some(first) = good.first() {
            let rest = reader.accounts_left_good(Some(*first), 10).await;
            assert_eq!(rest.expect("reads"), good[1..]);
            let one = reader.accounts_left_good(None, 1).await.expect("reads");
            assert_eq!(one, good[..1]);
        }
        (unrecorded, good)
    };
    let unrecorded = vec![account_id(1), account_id(3)];
    assert_eq!(found().await, (unrecorded.clone(), vec![]));

    let destroy = async |number: u8, purpose, reason, now| {
        let mut uow = write(&*store).await;
        let account = uow.account(account_id(number)).await.expect("reads");
        let mut account = account.expect("there");
        account.keys.of_mut(purpose).destroy(reason, now);
        uow.save_account(&mut account).await.expect("saves");
        uow.commit().await.expect("commits");
    };
    // Of this key no certificate is recorded; this one ended by itself.
    destroy(1, Authentication, CloseReason::PinLocked, at(200)).await;
    destroy(1, Signature, CloseReason::Expired, at(200)).await;
    assert_eq!(found().await, (unrecorded.clone(), vec![]));
    destroy(2, Signature, CloseReason::PinLocked, at(200)).await;
    let good = vec![account_id(2)];
    assert_eq!(found().await, (unrecorded.clone(), good));
    let locked = revocation(200, RevocationReason::CessationOfOperation);
    commit!(store, |uow| uow.revoke_certificate(CA, &serial(2), locked));
    assert_eq!(found().await, (unrecorded.clone(), vec![]));
    // After the certificate's end.
    destroy(2, Authentication, CloseReason::Cloned, at(1001)).await;
    assert_eq!(found().await, (unrecorded, vec![]));
}

pub(crate) async fn a_summary_says_what_the_record_says(database: &dyn Database) {
    let store = populated(database).await;
    let signature = given_to(1, 1, PERSON);
    let authentication = CertificateRecord {
        revocation: Some(revocation(150, RevocationReason::Superseded)),
        ..given_to(
            2,
            1,
            persons(AccountLevel::Qualified, Purpose::Authentication),
        )
    };
    let waiting = record(CA, 3, PERSON);
    let summary = |record: &CertificateRecord| engine::domain::CertificateSummary {
        issuer: record.issuer,
        serial: record.serial.clone(),
        kind: Some(record.kind),
        expires_at: record.expires_at,
        account: record.issued.as_ref().and_then(|issued| issued.account),
        revocation: record.revocation,
    };
    let all = [&signature, &authentication, &waiting];
    for one in all {
        commit!(store, |uow| uow.record_certificate(one));
    }
    let mut reader = read(&*store).await;
    for one in all {
        let found = reader.certificate_summary(CA, &one.serial).await;
        assert_eq!(found.expect("reads"), Some(summary(one)));
        let other = reader.certificate_summary(OTHER_CA, &one.serial).await;
        assert_eq!(other.expect("reads"), None);
    }
    assert_eq!(
        reader.certificates_of(account_id(1)).await.expect("reads"),
        [summary(&authentication), summary(&signature)]
    );
    assert_eq!(
        reader.certificates_of(account_id(2)).await.expect("reads"),
        []
    );
}

pub(crate) async fn what_was_never_given_out_has_no_standing(database: &dyn Database) {
    let store = database.open().await;
    commit!(store, |uow| uow.record_certificate(&record(CA, 1, PERSON)));
    for (issuer, number) in [(CA, 1), (CA, 2), (OTHER_CA, 1)] {
        assert_eq!(
            standing(&*store, issuer, number).await,
            Standing::NeverIssued
        );
    }
    // Part of a number is another number.
    let mut reader = read(&*store).await;
    for octets in [vec![], vec![1; 15], vec![1; 17], vec![0xff; 400]] {
        let standing = reader.standing(CA, &SerialNumber::from_bytes(octets)).await;
        assert_eq!(standing.expect("reads"), Standing::NeverIssued);
    }
}

pub(crate) async fn revoked_certificates_are_listed_by_serial_number_below_their_issuer(
    database: &dyn Database,
) {
    let store = database.open().await;
    for number in 1..=6 {
        commit!(store, |uow| uow
            .record_certificate(&record(CA, number, PERSON)));
    }
    commit!(store, |uow| uow
        .record_certificate(&record(OTHER_CA, 4, PERSON)));
    let expected: Vec<_> = [
        (2, RevocationReason::KeyCompromise),
        (3, RevocationReason::Unspecified),
        (6, RevocationReason::PrivilegeWithdrawn),
    ]
    .map(|(number, reason)| RevokedCertificate {
        serial: serial(number),
        revocation: revocation(i64::from(number), reason),
    })
    .into();
    for one in expected.iter().rev() {
        commit!(store, |uow| uow.revoke_certificate(
            CA,
            &one.serial,
            one.revocation
        ));
    }
    let mut reader = read(&*store).await;
    assert_eq!(
        reader.revoked_certificates(CA).await.expect("reads"),
        expected
    );
    assert_eq!(reader.count_revoked(CA).await.expect("reads"), 3);
    assert_eq!(
        reader.revoked_certificates(OTHER_CA).await.expect("reads"),
        []
    );
    assert_eq!(reader.count_revoked(OTHER_CA).await.expect("reads"), 0);
}

pub(crate) async fn pages_of_records_add_up_to_the_whole(database: &dyn Database) {
    let store = database.open().await;
    let mut expected = Vec::new();
    for issuer in [OTHER_CA, CA] {
        for number in [5, 1, 3, 2, 4] {
            let one = record(issuer, number, PERSON);
            commit!(store, |uow| uow.record_certificate(&one));
            expected.push(one);
        }
    }
    expected.sort_by(|one, other| (one.issuer, &one.serial).cmp(&(other.issuer, &other.serial)));
    let mut reader = read(&*store).await;
    for limit in [1, 3, 10, 11] {
        let mut records: Vec<CertificateRecord> = Vec::new();
        loop {
            let after = records
                .last()
                .map(|last| (last.issuer, last.serial.clone()));
            let after = after.as_ref().map(|(issuer, serial)| (*issuer, serial));
            let page = reader
                .certificate_records(after, limit)
                .await
                .expect("reads");
            assert!(page.len() <= limit as usize);
            if page.is_empty() {
                break;
            }
            records.extend(page);
        }
        assert_eq!(records, expected, "{limit}");
    }
}

pub(crate) async fn abandoned_records_are_those_that_nobody_got(database: &dyn Database) {
    let store = populated(database).await;
    for number in [4, 2, 1, 3, 9] {
        commit!(store, |uow| uow
            .record_certificate(&record(CA, number, PERSON)));
    }
    commit!(store, |uow| uow.certificate_issued(
        CA,
        &serial(1),
        &to_account(1)
    ));
    let cessation = revocation(50, RevocationReason::CessationOfOperation);
    commit!(store, |uow| uow.revoke_certificate(
        CA,
        &serial(3),
        cessation
    ));
    let mut reader = read(&*store).await;
    let mut of = async |before: Timestamp, limit| {
        let found = reader.abandoned_records(before, limit).await;
        let serials = found.expect("reads").into_iter().map(|(issuer, serial)| {
            assert_eq!(issuer, CA);
            serial
        });
        serials.collect::<Vec<_>>()
    };
    assert_eq!(of(at(4), 10).await, [serial(2), serial(4)]);
    assert_eq!(of(at(3), 10).await, [serial(2)]);
    assert_eq!(of(at(9), 2).await, [serial(2), serial(4)]);
    assert_eq!(of(at(1), 10).await, []);
}

pub(crate) async fn responders_are_those_given_out_and_valid_the_newest_first(
    database: &dyn Database,
) {
    let store = populated(database).await;
    let responder = |issuer, number: u8| CertificateRecord {
        expires_at: at(100 + i64::from(number)),
        issued: Some(Issued::to_responder(&[number], at(5))),
        ..record(issuer, number, CertificateKind::OcspResponder)
    };
    for one in [
        responder(CA, 3),
        responder(CA, 1),
        responder(CA, 2),
        responder(OTHER_CA, 4),
        CertificateRecord {
            issued: None,
            ..responder(CA, 5)
        },
        CertificateRecord {
            issued: Some(to_account(6)),
            ..record(CA, 6, PERSON)
        },
    ] {
        commit!(store, |uow| uow.record_certificate(&one));
    }
    let mut reader = read(&*store).await;
    assert_eq!(
        reader.responder_records(CA, at(101)).await.expect("reads"),
        [responder(CA, 3), responder(CA, 2)]
    );
    assert_eq!(
        reader
            .responder_records(OTHER_CA, at(104))
            .await
            .expect("reads"),
        []
    );
}

pub(crate) async fn of_a_revocation_and_a_giving_out_at_once_one_conflicts(
    database: &dyn Database,
) {
    let store = populated(database).await;
    for number in 1..=20 {
        commit!(store, |uow| uow
            .record_certificate(&record(CA, number, PERSON)));
        let (giving, revoking) = (store.clone(), store.clone());
        let give = async move {
            let mut uow = giving.write().await?;
            uow.certificate_issued(CA, &serial(number), &to_account(number))
                .await?;
            uow.commit().await
        };
        let revoke = async move {
            let mut uow = revoking.write().await?;
            let cessation = revocation(60, RevocationReason::CessationOfOperation);
            uow.revoke_certificate(CA, &serial(number), cessation)
                .await?;
            uow.commit().await
        };
        let (give, revoke) = (tokio::spawn(give), tokio::spawn(revoke));
        let given = give.await.expect("runs");
        revoke.await.expect("runs").expect("revokes");
        // Whoever came first: it is revoked, and given out only if that came before.
        let stored = found(&*store, number).await.expect("there");
        assert!(stored.revocation.is_some());
        match given {
            Ok(()) => assert!(stored.issued.is_some()),
            Err(StoreError::Conflict) => assert_eq!(stored.issued, None),
            Err(other) => panic!("{other}"),
        }
    }
}
