//! Certificates are recorded before they are signed, and an independent look finds whatever does not agree.

use crate::{PERSON, revocation::standing};
use device::{Event, View};
use engine::{
    domain::{
        Account, AccountLevel, AuditEvent, CertificateKind, CertificateRecord, CloseReason,
        Revocation, RevocationReason, Standing,
    },
    ports::Store,
    service::{CertificateReport, Completed},
};
use jiff::SignedDuration;
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use tests::{PIN1, PIN2, SimulatedPhone, World, pin};

async fn check(world: &World) -> CertificateReport {
    let report = world.service().check_certificates(&mut |_| {}).await;
    report.unwrap()
}

async fn records(world: &World) -> Vec<CertificateRecord> {
    let mut reader = world.store().read().await.unwrap();
    reader.certificate_records(None, 1000).await.unwrap()
}

/// Around the store, as another program would.
pub(crate) async fn tamper(world: &World, sql: &str) {
    let location = format!("sqlite:{}", world.database().display());
    let mut connection = SqliteConnection::connect(&location).await.unwrap();
    let done = sqlx::query(AssertSqlSafe(sql.to_owned()))
        .execute(&mut connection)
        .await
        .unwrap();
    assert_ne!(done.rows_affected(), 0, "{sql}");
    connection.close().await.unwrap();
}

/// Puts another record into one's place, as somebody would who has the database's keys.
async fn replace(world: &World, serial: &str, change: impl FnOnce(&mut CertificateRecord)) {
    let records = records(world).await;
    let mut record = records
        .into_iter()
        .find(|record| record.serial.to_string() == serial)
        .unwrap();
    tamper(
        world,
        &format!("DELETE FROM certificate_record WHERE upper(serial) = '{serial}'"),
    )
    .await;
    change(&mut record);
    let mut uow = world.store().write().await.unwrap();
    uow.record_certificate(&record).await.unwrap();
    uow.commit().await.unwrap();
}

async fn change(world: &World, phone: &SimulatedPhone, change: impl FnOnce(&mut Account)) {
    let number = phone.document_number().parse().unwrap();
    let mut uow = world.store().write().await.unwrap();
    let mut account = uow.account_by_document(&number).await.unwrap().unwrap();
    change(&mut account);
    uow.save_account(&mut account).await.unwrap();
    uow.commit().await.unwrap();
}

fn serial(der: &[u8]) -> String {
    let certificate = pki::x509::Certificate::parse(der).unwrap();
    certificate.serial().to_string()
}

/// A world with a qualified and a basic account.
async fn two_people() -> (World, SimulatedPhone, SimulatedPhone) {
    let world = World::new().await;
    let phone = world.phone(PERSON).await;
    world.pass(SignedDuration::from_mins(1));
    let mut other = SimulatedPhone::new();
    other
        .register_at(&world, "PNOEE-60001019906", AccountLevel::Advanced)
        .await;
    (world, phone, other)
}

#[tokio::test]
async fn an_honest_database_has_nothing_to_find() {
    let (mut world, phone, _) = two_people().await;
    for _ in 0..2 {
        let report = check(&world).await;
        assert_eq!(report.findings, []);
        assert_eq!((report.records, report.issued, report.keys), (4, 4, 4));
        assert_eq!(
            (report.waiting, report.abandoned, report.revoked),
            (0, 0, 0)
        );
        assert_eq!(report.compared.len(), 2, "{:?}", report.compared);
        world.restart().await;
    }
    let number = phone.document_number().parse().unwrap();
    let reason = RevocationReason::AffiliationChanged;
    world
        .service()
        .close_account(&number, reason)
        .await
        .unwrap();
    let report = check(&world).await;
    assert_eq!((report.findings.as_slice(), report.revoked), (&[][..], 2));
}

/// One change to the database each; the look has to name the certificate and what is wrong with it.
#[tokio::test]
async fn whatever_was_changed_in_the_database_is_found() {
    let (mut world, phone, other) = two_people().await;
    let [authentication, signature, _] = phone.certificates();
    let (login, signing) = (serial(&authentication), serial(&signature));
    let [others, ..] = other.certificates();
    let honest = world.snapshot().await;
    let row = |set: &str| {
        format!("UPDATE certificate_record SET {set} WHERE upper(serial) = '{signing}'")
    };

    let statements = [
        (
            row("revoked_at = 1, reason = 1"),
            "revoked, and its key is in use",
        ),
        (
            row("issued_at = NULL, sha256 = NULL, account_id = NULL"),
            "was never given out",
        ),
        (row("account_id = NULL"), "its account is not there"),
        (
            row("expires_at = expires_at + 1000000000"),
            "another end of validity",
        ),
        (
            row("kind = 'basic_signature'"),
            "another level than its account",
        ),
        (
            row("kind = 'qualified_authentication'"),
            "given out for another key",
        ),
        (
            row("sha256 = zeroblob(32)"),
            "not the one that was given out",
        ),
        (
            row("account_id = (SELECT id FROM account WHERE level = 'ADVANCED')"),
            "differs from its record",
        ),
        (
            format!("DELETE FROM certificate_record WHERE upper(serial) = '{signing}'"),
            "has no record",
        ),
        (
            "DELETE FROM published_certificate WHERE name = 'eid-q'".to_owned(),
            "neither signature nor profile",
        ),
    ];
    for (sql, expected) in statements {
        tamper(&world, &sql).await;
        found(&world, &signing, expected, &sql).await;
        world.rewind(&honest).await;
    }

    let wrong_tbs = records(&world)
        .await
        .into_iter()
        .find(|record| record.serial.to_string() == login)
        .unwrap()
        .tbs;
    replace(&world, &signing, |record| record.tbs = wrong_tbs).await;
    found(&world, &signing, "differs from its record", "another TBS").await;
    found(&world, &signing, "of another serial number", "another TBS").await;
    world.rewind(&honest).await;
    replace(&world, &signing, |record| record.tbs.truncate(99)).await;
    found(&world, &signing, "record cannot be read", "a damaged TBS").await;
    world.rewind(&honest).await;
    replace(&world, &signing, |record| {
        // The last octet of the last extension, keyUsage: other bits.
        *record.tbs.last_mut().unwrap() ^= 0x20;
    })
    .await;
    found(
        &world,
        &signing,
        "differs from its record",
        "one bit of the TBS",
    )
    .await;
    world.rewind(&honest).await;

    type Change = Box<dyn FnOnce(&mut Account)>;
    let changes: Vec<(&str, Change)> = vec![
        (
            "given out for another key",
            Box::new(|account| {
                std::mem::swap(
                    &mut account.keys.authentication.certificate,
                    &mut account.keys.signature.certificate,
                );
            }),
        ),
        (
            "not the one that was given out",
            Box::new(|account| *account.keys.signature.certificate.last_mut().unwrap() ^= 1),
        ),
        (
            "another person than the account",
            Box::new(|account| account.person.surname.push('S')),
        ),
        (
            "another document number",
            Box::new(|account| {
                account.document_number = "PNOEE-40504040001-ABCD-Q".parse().unwrap();
            }),
        ),
        (
            "public key is not the account's",
            Box::new(|account| *account.keys.signature.n.last_mut().unwrap() ^= 2),
        ),
        (
            "validity is not the account's",
            Box::new(|account| account.expires_at += SignedDuration::from_secs(1)),
        ),
        (
            "another level than its account",
            Box::new(|account| account.level = AccountLevel::Advanced),
        ),
    ];
    for (expected, what) in changes {
        change(&world, &phone, what).await;
        found(&world, &signing, expected, expected).await;
        world.rewind(&honest).await;
    }
    change(&world, &phone, |account| {
        account.keys.signature.certificate = others;
    })
    .await;
    found(
        &world,
        &signing,
        "not the one that was given out",
        "another's",
    )
    .await;
    world.rewind(&honest).await;

    // A signature that nobody made, with a record that fits it.
    let mut forged = signature.clone();
    *forged.last_mut().unwrap() ^= 1;
    let sha256 = Sha256::digest(&forged).into();
    change(&world, &phone, |account| {
        account.keys.signature.certificate = forged;
    })
    .await;
    replace(&world, &signing, |record| {
        record.issued.as_mut().unwrap().sha256 = sha256;
    })
    .await;
    let report = check(&world).await;
    assert_eq!(report.findings.len(), 1, "{:?}", report.findings);
    assert!(report.findings[0].what.contains("signature"));
    world.rewind(&honest).await;

    // What ended, and did not end everywhere.
    let number = phone.document_number().parse().unwrap();
    let reason = RevocationReason::KeyCompromise;
    world
        .service()
        .close_account(&number, reason)
        .await
        .unwrap();
    assert_eq!(check(&world).await.findings, []);
    let closed = world.snapshot().await;
    for (set, expected) in [
        ("revoked_at = NULL, reason = NULL", "it is not revoked"),
        ("reason = 2", "for another reason"),
        ("revoked_at = revoked_at + 1000000000", "at another second"),
    ] {
        tamper(&world, &row(set)).await;
        found(&world, &signing, expected, set).await;
        world.rewind(&closed).await;
    }

    // Nothing of it was left behind: each was found for itself.
    world.rewind(&honest).await;
    assert_eq!(check(&world).await.findings, []);
}

async fn found(world: &World, serial: &str, expected: &str, what: &str) {
    let findings = check(world).await.findings;
    assert!(
        findings
            .iter()
            .any(|one| one.subject.ends_with(serial) && one.what.contains(expected)),
        "{what}: {expected:?} not in {findings:?}"
    );
}

/// Each cell that nobody can read is one finding, with all the others that there are.
#[tokio::test]
async fn whatever_cannot_be_read_is_found_and_ends_no_look() {
    let (mut world, phone, other) = two_people().await;
    let [authentication, signature, _] = phone.certificates();
    let (login, signing) = (serial(&authentication), serial(&signature));
    let honest = world.snapshot().await;
    let record = |set: &str| {
        format!("UPDATE certificate_record SET {set} WHERE upper(serial) = '{signing}'")
    };
    let number = phone.document_number();
    let row = |table: &str, set: &str, column: &str| {
        format!(
            "UPDATE {table} SET {set} WHERE {column} = (SELECT id FROM account WHERE document_number = '{number}')"
        )
    };
    for (sql, what) in [
        // Who has no keys cannot even move a record.
        (
            record(&format!(
                "tbs = (SELECT tbs FROM certificate_record WHERE upper(serial) = '{login}')"
            )),
            "its record cannot be read: stored certificate_record.tbs",
        ),
        (record("tbs = randomblob(60)"), "its record cannot be read"),
        (record("kind = 'x'"), "its record cannot be read"),
        (record("revoked_at = 1, reason = 77"), "cannot be read"),
        (record("account_id = 'x'"), "cannot be read"),
        (
            row("account_key", "certificate = randomblob(60)", "account_id"),
            "its account cannot be read: stored account_key.certificate",
        ),
        (
            row("account_key", "server_half = 'x'", "account_id"),
            "its account cannot be read",
        ),
        (row("account", "person = 'x'", "id"), "cannot be read"),
        (row("account", "state = '{'", "id"), "cannot be read"),
    ] {
        tamper_unchecked(&world, &sql).await;
        found(&world, &signing, what, &sql).await;
        // What is wrong elsewhere is found beside it.
        change(&world, &other, |account| {
            account.person.surname.push('S');
        })
        .await;
        let [others, ..] = other.certificates();
        found(&world, &serial(&others), "another person", &sql).await;
        world.rewind(&honest).await;
    }
    assert_eq!(check(&world).await.findings, []);
}

/// As [`tamper`], without what the database itself would refuse: bits fall out of files.
async fn tamper_unchecked(world: &World, sql: &str) {
    let location = format!("sqlite:{}", world.database().display());
    let mut connection = SqliteConnection::connect(&location).await.unwrap();
    for setting in ["foreign_keys = OFF", "ignore_check_constraints = ON"] {
        let pragma = AssertSqlSafe(format!("PRAGMA {setting}"));
        sqlx::query(pragma).execute(&mut connection).await.unwrap();
    }
    let statement = sqlx::query(AssertSqlSafe(sql.to_owned()));
    let done = statement.execute(&mut connection).await.unwrap();
    assert_ne!(done.rows_affected(), 0, "{sql}");
    connection.close().await.unwrap();
}

/// What is published and what the audit trail says, against the records: also what somebody deleted or changed everywhere
/// but there.
#[tokio::test]
async fn lists_and_audit_trail_are_compared_with_the_records() {
    let (mut world, phone, other) = two_people().await;
    world.service().renew_publications().await.unwrap();
    let issuer = records(&world).await[0].issuer;
    let empty = {
        let mut reader = world.store().read().await.unwrap();
        let list = reader.revocation_list(issuer).await.unwrap().unwrap();
        list.der
            .iter()
            .map(|octet| format!("{octet:02x}"))
            .collect::<String>()
    };
    world.pass(SignedDuration::from_mins(1));
    let reason = RevocationReason::KeyCompromise;
    for phone in [&phone, &other] {
        let number = phone.document_number().parse().unwrap();
        world
            .service()
            .close_account(&number, reason)
            .await
            .unwrap();
    }
    // A list is due and not there yet.
    let report = check(&world).await;
    assert_eq!((report.findings.as_slice(), report.lines), (&[][..], 10));
    world.service().renew_publications().await.unwrap();
    world.pass(SignedDuration::from_mins(1));
    assert_eq!(check(&world).await.findings, []);
    let honest = world.snapshot().await;

    let responder = records(&world).await;
    let responder = responder
        .iter()
        .find(|record| record.kind == CertificateKind::OcspResponder)
        .unwrap();
    let responder = responder.serial.to_string();
    let signing = serial(&phone.certificates()[1]);
    let record = |set: &str| {
        format!("UPDATE certificate_record SET {set} WHERE upper(serial) = '{signing}'")
    };
    let number = phone.document_number();
    let of_account = format!("(SELECT id FROM account WHERE document_number = '{number}')");
    let lists = "of eid-";
    let of: String = issuer
        .0
        .iter()
        .map(|octet| format!("{octet:02x}"))
        .collect();
    let cases: Vec<(&str, Vec<String>, &str)> = vec![
        (
            lists,
            vec!["UPDATE revocation_list SET der = x'3000'".to_owned()],
            "cannot be read",
        ),
        (
            lists,
            vec![
                "UPDATE revocation_list SET der = (SELECT max(der) FROM revocation_list)"
                    .to_owned(),
            ],
            "issuer",
        ),
        (
            lists,
            vec![format!("UPDATE revocation_list SET der = x'{empty}'")],
            "is not on it",
        ),
        // The list of before as it was, with all that it was filed under.
        (
            lists,
            vec![format!(
                "UPDATE revocation_list SET der = x'{empty}', number = 1, entries = 0, \
                 this_update = this_update - 60000000000, next_update = next_update - 60000000000 WHERE issuer = '{of}'"
            )],
            "is not on it",
        ),
        (
            lists,
            vec!["UPDATE revocation_list SET this_update = this_update + 1000000000".to_owned()],
            "another number, time or length",
        ),
        (
            lists,
            vec![record("revoked_at = NULL, reason = NULL")],
            "1 certificates on it are not revoked",
        ),
        (lists, vec![record("reason = 4")], "another time or reason"),
        (
            &signing,
            vec![record("reason = 4")],
            "revoked for keyCompromise, the audit trail says",
        ),
        (
            &responder,
            vec![format!(
                "DELETE FROM certificate_record WHERE upper(serial) = '{responder}'"
            )],
            "it has no record",
        ),
        (
            &responder,
            vec![format!(
                "UPDATE certificate_record SET revoked_at = recorded_at, reason = 1 WHERE upper(serial) = '{responder}'"
            )],
            "a responder's certificate is revoked",
        ),
        (
            &signing,
            vec![record("issued_at = recorded_at - 3600000000000")],
            "given out before it was recorded",
        ),
        (
            &signing,
            vec![record("revoked_at = recorded_at - 3600000000000")],
            "revoked before it was recorded",
        ),
        (
            &signing,
            vec![format!(
                "UPDATE account SET state = '\"Active\"' WHERE id = {of_account}"
            )],
            "its account is in use",
        ),
        // Everything of an account, and its list made anew.
        (
            &signing,
            vec![
                format!("DELETE FROM certificate_record WHERE account_id = {of_account}"),
                format!("DELETE FROM account_key WHERE account_id = {of_account}"),
                format!("DELETE FROM account WHERE document_number = '{number}'"),
                "DELETE FROM revocation_list".to_owned(),
            ],
            "the audit trail has it, and it has no record",
        ),
    ];
    for (subject, statements, expected) in cases {
        for sql in &statements {
            tamper_unchecked(&world, sql).await;
        }
        let findings = check(&world).await.findings;
        assert!(
            findings
                .iter()
                .any(|one| one.subject.contains(subject) && one.what.contains(expected)),
            "{statements:?}: {expected:?} not in {findings:?}"
        );
        world.rewind(&honest).await;
    }
    assert_eq!(check(&world).await.findings, []);
}

/// A phone whose proofs are sent while the authority signs nothing.
async fn unsigned(world: &World) -> SimulatedPhone {
    let mut phone = SimulatedPhone::new();
    let register = Event::Register {
        replace: false,
        birth_date: None,
    };
    phone.act(world, register).await;
    let (pin1, pin2) = (pin(PIN1), pin(PIN2));
    let view = phone.act(world, Event::ChoosePins { pin1, pin2 }).await;
    let View::AwaitingIdentity { code, .. } = view else {
        panic!("{view:?}")
    };
    world.vouch(&code, PERSON, AccountLevel::Qualified).await;
    phone.act(world, Event::Refresh).await;
    world.watch().set_authorities_down(true);
    let (pin1, pin2) = (pin(PIN1), pin(PIN2));
    phone.try_act(world, Event::RepeatPins { pin1, pin2 }).await;
    world.watch().set_authorities_down(false);
    phone
}

/// As if the server had died between the record and the signature, or between the signature and the account.
#[tokio::test]
async fn what_is_recorded_and_not_given_out_is_unknown_then_revoked() {
    let mut world = World::new().await;
    unsigned(&world).await;
    let [record] = &records(&world).await[..] else {
        panic!("one record before the first signature")
    };
    assert_eq!((record.issued.as_ref(), record.revocation), (None, None));
    assert_eq!(record.recorded_at, world.now());
    let standing = async |world: &World| {
        let mut reader = world.store().read().await.unwrap();
        let standing = reader.standing(record.issuer, &record.serial).await;
        standing.unwrap()
    };
    assert_eq!(standing(&world).await, Standing::NeverIssued);
    let report = check(&world).await;
    assert_eq!((report.findings.as_slice(), report.waiting), (&[][..], 1));

    world.restart().await;
    world.pass(SignedDuration::from_secs(599));
    assert_eq!(world.jobs().await.abandoned_certificates, 0);
    assert_eq!(standing(&world).await, Standing::NeverIssued);
    world.pass(SignedDuration::from_secs(1));
    assert_eq!(world.jobs().await.abandoned_certificates, 1);
    assert_eq!(world.jobs().await.abandoned_certificates, 0);
    let revoked = Revocation {
        at: world.now(),
        reason: RevocationReason::CessationOfOperation,
    };
    assert_eq!(standing(&world).await, Standing::Issued(Some(revoked)));
    let trail = world.audit_trail().await;
    let event = AuditEvent::CertificateRevoked {
        purpose: None,
        serial: record.serial.to_string().to_lowercase(),
        reason: "cessationOfOperation".to_owned(),
    };
    assert_eq!(trail.iter().filter(|one| one.event == event).count(), 1);
    let report = check(&world).await;
    assert_eq!((report.findings.as_slice(), report.abandoned), (&[][..], 1));
}

/// The phone asks again: other certificates than those of before, and the job leaves what was given out alone.
#[tokio::test]
async fn a_registration_that_goes_on_gets_certificates_of_its_own() {
    let world = World::new().await;
    let mut phone = unsigned(&world).await;
    let view = phone.act(&world, Event::Refresh).await;
    let (pin1, pin2) = (pin(PIN1), pin(PIN2));
    let view = match view {
        View::Registered(_) => view,
        _ => phone.act(&world, Event::RepeatPins { pin1, pin2 }).await,
    };
    assert!(matches!(view, View::Registered(_)), "{view:?}");
    world.pass(SignedDuration::from_mins(10));
    assert_eq!(world.jobs().await.abandoned_certificates, 1);
    let [authentication, signature, _] = phone.certificates();
    for der in [authentication, signature] {
        assert_eq!(standing(&world, &der).await, Standing::Issued(None));
    }
    let report = check(&world).await;
    assert_eq!((report.findings.as_slice(), report.issued), (&[][..], 2));
}

/// A server of before the records, which nobody stopped when the database was migrated, opened one account and closed
/// another; of a third it destroyed one key.
#[tokio::test]
async fn what_software_without_records_did_is_recorded_and_revoked_at_the_next_start() {
    let (world, phone, other) = two_people().await;
    let third = world.phone("PNOEE-50001029996").await;
    let by_document = |set: &str, phone: &SimulatedPhone| {
        let number = phone.document_number();
        format!("{set} = (SELECT id FROM account WHERE document_number = '{number}')")
    };
    let unrecorded = "DELETE FROM certificate_record WHERE account_id";
    tamper(&world, &by_document(unrecorded, &phone)).await;
    world.pass(SignedDuration::from_mins(1));
    let end = world.now();
    change(&world, &other, |account| {
        account.close(CloseReason::DeletedByOwner, end);
    })
    .await;
    tamper(&world, &by_document(unrecorded, &third)).await;
    change(&world, &third, |account| {
        account.keys.signature.destroy(CloseReason::PinLocked, end);
    })
    .await;
    assert_eq!(check(&world).await.findings.len(), 10);
    let before = world.audit_trail().await.len();

    world.pass(SignedDuration::from_hours(1));
    let completed = world.service().complete_records().await.unwrap();
    let expected = Completed {
        recorded: 4,
        revoked: 3,
        left: 0,
    };
    assert_eq!(completed, expected);
    assert_eq!(check(&world).await.findings, []);
    let revoked = Standing::Issued(Some(Revocation {
        at: end,
        reason: RevocationReason::CessationOfOperation,
    }));
    for (phone, expected) in [
        (&phone, [Standing::Issued(None); 2]),
        (&other, [revoked; 2]),
        (&third, [Standing::Issued(None), revoked]),
    ] {
        let [authentication, signature, _] = phone.certificates();
        for (der, expected) in [authentication, signature].iter().zip(expected) {
            assert_eq!(standing(&world, der).await, expected);
        }
    }
    let trail = world.audit_trail().await;
    let events = trail[before..].iter().map(|record| record.event.code());
    assert_eq!(events.collect::<Vec<_>>(), ["certificate_revoked"; 3]);

    let again = world.service().complete_records().await.unwrap();
    assert_eq!(again, Completed::default());
}

/// A record is what makes a certificate good: whoever writes into the database does not get one for what he signed.
#[tokio::test]
async fn what_no_authority_of_ours_signed_gets_no_record() {
    let (world, phone, _) = two_people().await;
    let unrecorded = "DELETE FROM certificate_record WHERE kind = 'qualified_signature'";
    tamper(&world, unrecorded).await;
    let [_, signature, _] = phone.certificates();
    change(&world, &phone, |account| {
        *account.keys.signature.certificate.last_mut().unwrap() ^= 1;
    })
    .await;
    let completed = world.service().complete_records().await.unwrap();
    assert_eq!((completed.recorded, completed.left), (0, 1));
    assert_eq!(standing(&world, &signature).await, Standing::NeverIssued);
    change(&world, &phone, |account| {
        *account.keys.signature.certificate.last_mut().unwrap() ^= 1;
    })
    .await;
    let completed = world.service().complete_records().await.unwrap();
    assert_eq!((completed.recorded, completed.left), (1, 0));
    assert_eq!(standing(&world, &signature).await, Standing::Issued(None));
    assert_eq!(check(&world).await.findings, []);
}
