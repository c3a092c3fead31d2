//! A certificate ends with what it stands for, in the same commit and for the right reason.

use crate::PERSON;
use device::{Event, View};
use engine::domain::{
    AccountLevel, AuditEvent, CaKeyId, OPERATOR_REASONS, Purpose, Revocation, RevocationReason,
    Standing,
};
use jiff::SignedDuration;
use pki::x509::Certificate;
use tests::{PIN1, PIN2, SimulatedPhone, World, pin};

const WRONG: &str = "9513";

/// What OCSP has to say of a certificate.
pub(crate) async fn standing(world: &World, der: &[u8]) -> Standing {
    let certificate = Certificate::parse(der).unwrap();
    let issuer = CaKeyId::of_issuer(&certificate).unwrap();
    let mut reader = world_reader(world).await;
    reader.standing(issuer, certificate.serial()).await.unwrap()
}

async fn world_reader(world: &World) -> Box<dyn engine::ports::Reader> {
    use engine::ports::Store;
    world.store().read().await.unwrap()
}

/// The standing of both certificates of an account, authentication first.
async fn standings(world: &World, certificates: &[Vec<u8>; 3]) -> [Standing; 2] {
    [
        standing(world, &certificates[0]).await,
        standing(world, &certificates[1]).await,
    ]
}

const GOOD: Standing = Standing::Issued(None);

fn revoked_now(world: &World, reason: RevocationReason) -> Standing {
    Standing::Issued(Some(Revocation {
        at: world.now(),
        reason,
    }))
}

/// Purpose and reason of every revocation in the audit trail, in their order.
async fn revocations(world: &World) -> Vec<(Option<u8>, String)> {
    let trail = world.audit_trail().await.into_iter();
    trail
        .filter_map(|record| match record.event {
            AuditEvent::CertificateRevoked {
                purpose, reason, ..
            } => Some((purpose, reason)),
            _ => None,
        })
        .collect()
}

fn both(reason: &str) -> [(Option<u8>, String); 2] {
    [Purpose::Authentication, Purpose::Signature]
        .map(|purpose| (Some(purpose.id()), reason.to_owned()))
}

async fn whole(world: &World) {
    let report = world.service().check_certificates(&mut |_| {}).await;
    assert_eq!(report.unwrap().findings, []);
}

#[tokio::test]
async fn both_certificates_are_good_while_the_account_is_in_use() {
    let mut world = World::new().await;
    for level in [AccountLevel::Qualified, AccountLevel::Advanced] {
        let mut phone = SimulatedPhone::new();
        phone.register_at(&world, PERSON, level).await;
        assert_eq!(standings(&world, &phone.certificates()).await, [GOOD; 2]);
        world.restart().await;
        assert_eq!(standings(&world, &phone.certificates()).await, [GOOD; 2]);
    }
    whole(&world).await;
}

#[tokio::test]
async fn the_owner_deletes_her_account() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let certificates = phone.certificates();
    world.pass(SignedDuration::from_mins(7));
    phone.act(&world, Event::Delete).await;
    let expected = revoked_now(&world, RevocationReason::CessationOfOperation);
    assert_eq!(standings(&world, &certificates).await, [expected; 2]);
    assert_eq!(revocations(&world).await, both("cessationOfOperation"));
    whole(&world).await;
}

#[tokio::test]
async fn the_ninth_wrong_pin_ends_one_certificate_and_deletion_the_other() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let certificates = phone.certificates();
    for count in 1..=9 {
        assert_eq!(standings(&world, &certificates).await, [GOOD; 2]);
        let session = world.ask_to_authenticate(PERSON).await;
        let view = phone.answer(&world, &session, WRONG).await;
        assert!(matches!(view, View::WrongPin { destroyed, .. } if destroyed == (count == 9)));
        if count < 9 && count % 3 == 0 {
            world.pass(SignedDuration::from_hours(24));
            world.jobs().await;
        }
    }
    let locked = revoked_now(&world, RevocationReason::CessationOfOperation);
    assert_eq!(standings(&world, &certificates).await, [locked, GOOD]);
    assert_eq!(
        revocations(&world).await,
        [(
            Some(Purpose::Authentication.id()),
            "cessationOfOperation".to_owned()
        )]
    );
    whole(&world).await;
    let session = world.ask_to_sign(PERSON).await;
    phone.answer(&world, &session, PIN2).await;
    assert_eq!(world.result(&session).await, "OK");

    world.pass(SignedDuration::from_hours(1));
    phone.act(&world, Event::Delete).await;
    let deleted = revoked_now(&world, RevocationReason::CessationOfOperation);
    assert_eq!(standings(&world, &certificates).await, [locked, deleted]);
    assert_eq!(revocations(&world).await.len(), 2);
    whole(&world).await;
}

#[tokio::test]
async fn two_copies_of_a_phone() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let certificates = phone.certificates();
    let mut copy = phone.copy();
    copy.act(&world, Event::Rotate).await;
    assert_eq!(standings(&world, &certificates).await, [GOOD; 2]);
    world.pass(SignedDuration::from_mins(1));
    phone.act(&world, Event::Rotate).await;
    let expected = revoked_now(&world, RevocationReason::KeyCompromise);
    assert_eq!(standings(&world, &certificates).await, [expected; 2]);
    assert_eq!(revocations(&world).await, both("keyCompromise"));
    whole(&world).await;
}

#[tokio::test]
async fn an_account_that_another_one_on_the_same_device_replaces() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let before = phone.certificates();
    world.pass(SignedDuration::from_mins(1));
    phone.register(&world, PERSON).await;
    let expected = revoked_now(&world, RevocationReason::Superseded);
    assert_eq!(standings(&world, &before).await, [expected; 2]);
    assert_eq!(standings(&world, &phone.certificates()).await, [GOOD; 2]);
    assert_eq!(revocations(&world).await, both("superseded"));
    whole(&world).await;
}

#[tokio::test]
async fn an_operator_closes_for_each_reason_and_no_other() {
    let world = World::new().await;
    for reason in RevocationReason::ALL {
        let phone = world.phone(PERSON).await;
        let certificates = phone.certificates();
        let number = phone.document_number().parse().unwrap();
        let closed = world.service().close_account(&number, reason).await;
        if OPERATOR_REASONS.contains(&reason) {
            closed.unwrap();
            let expected = revoked_now(&world, reason);
            assert_eq!(standings(&world, &certificates).await, [expected; 2]);
            assert!(revocations(&world).await.ends_with(&both(reason.name())));
        } else {
            closed.unwrap_err();
            assert_eq!(standings(&world, &certificates).await, [GOOD; 2]);
        }
        // The first reason stands.
        world.pass(SignedDuration::from_mins(1));
        let again = match reason {
            RevocationReason::KeyCompromise => RevocationReason::Superseded,
            _ => RevocationReason::KeyCompromise,
        };
        let before = standings(&world, &certificates).await;
        if before != [GOOD; 2] {
            let told = world.service().close_account(&number, again).await;
            let told = told.unwrap_err().to_string();
            assert!(told.contains("was closed before"), "{told}");
            let kept = format!("for {}", reason.name());
            assert_eq!(told.matches(&kept).count(), 2, "{told}");
            assert_eq!(standings(&world, &certificates).await, before);
            // The same command once more is no error: the first one may have been cut off.
            let same = world
                .service()
                .close_account(&number, reason)
                .await
                .unwrap();
            assert!(same.closed_before.is_some() && same.revoked.is_empty());
        }
    }
    whole(&world).await;
}

#[tokio::test]
async fn what_ends_by_itself_is_not_revoked() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let certificates = phone.certificates();
    world.pass(SignedDuration::from_hours(24 * 1095));
    assert_eq!(world.jobs().await.expired_accounts, 1);
    assert_eq!(standings(&world, &certificates).await, [GOOD; 2]);
    // Nor what is deleted afterwards, before the job has seen it.
    phone = world.phone(PERSON).await;
    let later = phone.certificates();
    world.pass(SignedDuration::from_hours(24 * 1095));
    let number = phone.document_number().parse().unwrap();
    let reason = RevocationReason::KeyCompromise;
    world
        .service()
        .close_account(&number, reason)
        .await
        .unwrap();
    assert_eq!(standings(&world, &later).await, [GOOD; 2]);
    assert_eq!(revocations(&world).await, []);
    whole(&world).await;
}

/// The attempt is charged, the key vault does not answer; the account is closed; then the vault is back.
#[tokio::test]
async fn no_signature_is_finished_for_a_certificate_that_was_revoked_meanwhile() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let session = world.ask_to_sign(PERSON).await;
    world.watch().set_down(true);
    phone.answer(&world, &session, PIN2).await;
    assert_eq!(world.result(&session).await, "");
    let number = phone.document_number().parse().unwrap();
    let reason = RevocationReason::KeyCompromise;
    world
        .service()
        .close_account(&number, reason)
        .await
        .unwrap();
    world.watch().set_down(false);
    world.pass(SignedDuration::from_secs(31));
    world.jobs().await;
    assert_eq!(world.result(&session).await, "DOCUMENT_UNUSABLE");
    whole(&world).await;
}

/// Whoever commits first: a session that came out OK did so before the revocation.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_and_completing_at_once_never_gives_a_signature_after_the_revocation() {
    let world = World::new().await;
    for round in 0..12_u64 {
        let mut phone = world.phone(PERSON).await;
        let number = phone.document_number().parse().unwrap();
        let session = world.ask_to_sign(PERSON).await;
        let view = phone.open(&world, &session).await;
        assert!(matches!(view, View::EnterPin { .. }), "{view:?}");
        let seen = world.audit_trail().await.len();
        let close = async {
            tokio::time::sleep(std::time::Duration::from_millis(round * 2)).await;
            let reason = RevocationReason::KeyCompromise;
            world.service().close_account(&number, reason).await
        };
        let (_, closed) = tokio::join!(phone.act(&world, Event::EnterPin(pin(PIN2))), close);
        closed.unwrap();
        world.pass(SignedDuration::from_secs(31));
        world.jobs().await;
        let result = world.result(&session).await;
        let trail = world.audit_trail().await;
        let place = |wanted: &dyn Fn(&AuditEvent) -> bool| {
            trail[seen..]
                .iter()
                .position(|record| wanted(&record.event))
        };
        let revoked = place(&|event| matches!(event, AuditEvent::CertificateRevoked { .. }));
        let completed = place(
            &|event| matches!(event, AuditEvent::SessionEnded { result, .. } if result == "OK"),
        );
        match result.as_str() {
            // The trail is in the order of the commits.
            "OK" => assert!(completed.unwrap() < revoked.unwrap(), "{round}"),
            "DOCUMENT_UNUSABLE" => assert_eq!(completed, None, "{round}"),
            other => panic!("{other}"),
        }
    }
    whole(&world).await;
}

/// A log-in with a key whose certificate is revoked is refused, the same moment.
#[tokio::test]
async fn nobody_is_asked_for_a_revoked_certificate() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let open = world.ask_to_authenticate(PERSON).await;
    let number = phone.document_number().parse().unwrap();
    let reason = RevocationReason::PrivilegeWithdrawn;
    world
        .service()
        .close_account(&number, reason)
        .await
        .unwrap();
    assert_eq!(world.result(&open).await, "DOCUMENT_UNUSABLE");
    phone.answer(&world, &open, PIN1).await;
    assert_eq!(world.result(&open).await, "DOCUMENT_UNUSABLE");
    let answer = world
        .post(
            &format!("authentication/notification/etsi/{PERSON}"),
            &tests::authentication_request(),
        )
        .await;
    assert_eq!(answer.status, 404, "{}", answer.json());
}

/// What an account's certificates are is known by their records: not by a cell that bits fell out of, nor by one that
/// another's certificate was put into.
#[tokio::test]
async fn whatever_stands_with_a_key_its_certificate_can_be_revoked() {
    let mut world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let other = world.phone("PNOEE-60001019906").await;
    let (certificates, others) = (phone.certificates(), other.certificates());
    let number: wire::DocumentNumber = phone.document_number().parse().unwrap();
    let honest = world.snapshot().await;
    let cell = |value: &str| {
        format!(
            "UPDATE account_key SET certificate = {value} WHERE purpose = 2 AND account_id = \
             (SELECT id FROM account WHERE document_number = '{number}')"
        )
    };
    let key = |world: &World| world.store().clone();
    let swapped = async |world: &World, certificate: Vec<u8>| {
        use engine::ports::Store;
        let mut uow = key(world).write().await.unwrap();
        let mut account = uow.account_by_document(&number).await.unwrap().unwrap();
        account.keys.signature.certificate = certificate;
        uow.save_account(&mut account).await.unwrap();
        uow.commit().await.unwrap();
    };
    let reason = RevocationReason::KeyCompromise;

    // A cell that nobody can decrypt.
    crate::certificates::tamper(&world, &cell("CAST(X'01' || randomblob(60) AS BLOB)")).await;
    let closing = world
        .service()
        .close_account(&number, reason)
        .await
        .unwrap();
    assert_eq!(closing.unreadable, Some("account_key.certificate"));
    assert_eq!(closing.revoked.len(), 2);
    let expected = revoked_now(&world, reason);
    assert_eq!(standings(&world, &certificates).await, [expected; 2]);
    assert_eq!(standings(&world, &others).await, [GOOD; 2]);
    assert_eq!(revocations(&world).await, both("keyCompromise"));
    let other = RevocationReason::Superseded;
    let again = world.service().close_account(&number, other).await;
    let told = again.unwrap_err().to_string();
    assert!(told.contains("was closed before"), "{told}");
    world.rewind(&honest).await;

    // No certificate at all, and another's, which is not revoked: by the operator and by the owner.
    for certificate in [vec![0x30; 60], others[1].clone()] {
        for by_owner in [false, true] {
            swapped(&world, certificate.clone()).await;
            let expected = if by_owner {
                phone.copy().act(&world, Event::Delete).await;
                revoked_now(&world, RevocationReason::CessationOfOperation)
            } else {
                let closing = world
                    .service()
                    .close_account(&number, reason)
                    .await
                    .unwrap();
                assert_eq!(closing.unreadable, None);
                revoked_now(&world, reason)
            };
            assert_eq!(standings(&world, &certificates).await, [expected; 2]);
            assert_eq!(standings(&world, &others).await, [GOOD; 2]);
            world.rewind(&honest).await;
        }
    }

    // The ninth wrong PIN ends the certificate of that key, whatever stands with it.
    swapped(&world, others[1].clone()).await;
    for count in 1..=9 {
        let session = world.ask_to_sign(PERSON).await;
        phone.answer(&world, &session, "95137").await;
        if count < 9 && count % 3 == 0 {
            world.pass(SignedDuration::from_hours(24));
            world.jobs().await;
        }
    }
    let locked = revoked_now(&world, RevocationReason::CessationOfOperation);
    assert_eq!(standings(&world, &certificates).await, [GOOD, locked]);
    assert_eq!(standings(&world, &others).await, [GOOD; 2]);
}

#[tokio::test]
async fn sessions_of_an_account_that_cannot_be_read_end_with_it() {
    let world = World::new().await;
    let phone = world.phone(PERSON).await;
    let number = phone.document_number().parse().unwrap();
    let session = world.ask_to_authenticate(PERSON).await;
    let cell = "UPDATE account_key SET server_share = randomblob(60) WHERE purpose = 1";
    crate::certificates::tamper(&world, cell).await;
    let reason = RevocationReason::PrivilegeWithdrawn;
    world
        .service()
        .close_account(&number, reason)
        .await
        .unwrap();
    assert_eq!(world.result(&session).await, "DOCUMENT_UNUSABLE");
    // What was damaged is deleted: the rest can be read and agrees.
    whole(&world).await;
}

/// Account and certificate are closed, and the certificate was left good by something that this software did not do.
#[tokio::test]
async fn closing_again_revokes_what_was_left_good_as_of_then() {
    let world = World::new().await;
    let phone = world.phone(PERSON).await;
    let certificates = phone.certificates();
    let number = phone.document_number().parse().unwrap();
    let reason = RevocationReason::Superseded;
    world
        .service()
        .close_account(&number, reason)
        .await
        .unwrap();
    let then = revoked_now(&world, reason);
    let good = "UPDATE certificate_record SET revoked_at = NULL, reason = NULL WHERE kind LIKE '%signature'";
    crate::certificates::tamper(&world, good).await;
    assert_eq!(standings(&world, &certificates).await, [then, GOOD]);
    world.pass(SignedDuration::from_hours(1));
    let closing = world
        .service()
        .close_account(&number, reason)
        .await
        .unwrap();
    assert!(closing.closed_before.is_some());
    assert_eq!(closing.revoked.len(), 1);
    assert_eq!(standings(&world, &certificates).await, [then; 2]);
    whole(&world).await;
}

#[tokio::test]
async fn a_certificate_without_an_account_in_use_is_revoked_by_its_serial_number() {
    let mut world = World::new().await;
    let phone = world.phone(PERSON).await;
    let certificates = phone.certificates();
    let number: wire::DocumentNumber = phone.document_number().parse().unwrap();
    let serial = Certificate::parse(&certificates[1])
        .unwrap()
        .serial()
        .clone();
    let reason = RevocationReason::KeyCompromise;
    let revoke = async |world: &World, reason| {
        let revoked = world.service().revoke_by_serial(&serial, reason).await;
        revoked.map_err(|error| error.to_string())
    };
    // Its account is in use: that is closed instead, also if it cannot be read.
    let refused = revoke(&world, reason).await.unwrap_err();
    assert!(
        refused.contains(&format!("smart-id account close {number}")),
        "{refused}"
    );
    let honest = world.snapshot().await;
    let damaged = "UPDATE account_key SET certificate = randomblob(60)";
    crate::certificates::tamper(&world, damaged).await;
    let refused = revoke(&world, reason).await.unwrap_err();
    assert!(refused.contains("is in use"), "{refused}");
    world.rewind(&honest).await;

    let lost = "UPDATE certificate_record SET account_id = NULL WHERE kind LIKE '%signature'";
    crate::certificates::tamper(&world, lost).await;
    revoke(&world, RevocationReason::CaCompromise)
        .await
        .unwrap_err();
    assert_eq!(standings(&world, &certificates).await, [GOOD; 2]);
    revoke(&world, reason).await.unwrap();
    let expected = revoked_now(&world, reason);
    assert_eq!(standings(&world, &certificates).await, [GOOD, expected]);
    let purpose = Some(Purpose::Signature.id());
    assert_eq!(
        revocations(&world).await,
        [(purpose, "keyCompromise".to_owned())]
    );
    let again = revoke(&world, RevocationReason::Superseded)
        .await
        .unwrap_err();
    assert!(
        again.contains("revoked before") && again.contains("keyCompromise"),
        "{again}"
    );
    assert_eq!(standings(&world, &certificates).await, [GOOD, expected]);
    let unknown = engine::domain::SerialNumber::from_bytes(vec![7; 16]);
    let unknown = world.service().revoke_by_serial(&unknown, reason).await;
    assert!(
        unknown
            .unwrap_err()
            .to_string()
            .contains("no certificate of ours")
    );
}
