//! What validators are told, while time passes and processes work side by side.

use crate::PERSON;
use engine::{
    Service,
    domain::{
        AccountLevel, CaKeyId, CertificateKind, CertificateRecord, RevocationReason,
        SchemeOperator, SerialNumber, Status,
    },
    ports::Store,
    service::{OcspOutcome, OperatorError},
};
use jiff::{SignedDuration, Timestamp};
use pki::{
    DigestAlgorithm, ObjectIdentifier,
    crl::RevocationList,
    ocsp::{CertId, CertificateStatus, OcspRequest, OcspResponse},
    tsp::{MessageImprint, TimeStampRequest, TimeStampToken},
    x509::Certificate,
};
use tests::{SimulatedPhone, World};

const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SECOND: SignedDuration = SignedDuration::from_secs(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);

async fn world() -> World {
    World::with(|policy| {
        policy.trusted_list = Some(SchemeOperator {
            name: "Example Identity".to_owned(),
            territory: "EE".to_owned(),
            information_url: "http://127.0.0.1:8080/certs".to_owned(),
            contact_url: "mailto:trust@example.org".to_owned(),
            street_address: "1 Example Street".to_owned(),
            locality: "Tallinn".to_owned(),
            postal_code: "10111".to_owned(),
            scheme_name: "Example list".to_owned(),
        });
    })
    .await
}

fn authority(world: &World, name: &str) -> Certificate {
    let mut published = world.service().published_certificates().into_iter();
    let found = published.find(|published| published.name == name).unwrap();
    Certificate::parse(&found.certificate).unwrap()
}

/// What a validator makes of a process's answer about a serial number.
async fn ask(
    world: &World,
    service: &Service,
    ca: &str,
    serial: &SerialNumber,
) -> CertificateStatus {
    let issuer = authority(world, ca);
    let asked = CertId::new(SHA256, &issuer, serial).unwrap();
    let request = OcspRequest::new(asked, Some(&[7; 32])).unwrap();
    let answer = service.ocsp(ca, request.der()).await.unwrap();
    assert!(answer.failure.is_none(), "{:?}", answer.failure);
    let response = OcspResponse::parse(&answer.der).unwrap();
    let status = response
        .check(&request, &issuer, world.now(), SECOND)
        .unwrap();
    let outcome = match status {
        CertificateStatus::Good => OcspOutcome::Good,
        CertificateStatus::Revoked(_) => OcspOutcome::Revoked,
        CertificateStatus::Unknown => OcspOutcome::Unknown,
    };
    assert_eq!(answer.outcomes, [outcome]);
    status
}

async fn list(world: &World, service: &Service, ca: &str) -> RevocationList {
    let answer = service.revocation_list(ca).await.unwrap().unwrap();
    let list = RevocationList::parse(&answer.der).unwrap();
    list.check_issuer(&authority(world, ca)).unwrap();
    list
}

/// An account of a level with its authority's name and its signature certificate.
async fn account(
    world: &World,
    level: AccountLevel,
) -> (SimulatedPhone, &'static str, Certificate) {
    let mut phone = SimulatedPhone::new();
    phone.register_at(world, PERSON, level).await;
    let certificate = Certificate::parse(&phone.certificates()[1]).unwrap();
    let ca = match level {
        AccountLevel::Qualified => "eid-q",
        AccountLevel::Advanced => "eid-nq",
    };
    (phone, ca, certificate)
}

#[tokio::test]
async fn what_one_process_revokes_every_process_says_at_once() {
    let world = world().await;
    let other = world.another_process().await;
    for level in [AccountLevel::Qualified, AccountLevel::Advanced] {
        let (phone, ca, certificate) = account(&world, level).await;
        let serial = certificate.serial();
        for service in [world.service(), &other] {
            let status = ask(&world, service, ca, serial).await;
            assert_eq!(status, CertificateStatus::Good);
            service.renew_publications().await.unwrap();
            assert!(list(&world, service, ca).await.revocation(serial).is_none());
        }
        let number = phone.document_number().parse().unwrap();
        other
            .close_account(&number, RevocationReason::KeyCompromise)
            .await
            .unwrap();
        // No second has passed on this clock.
        for service in [world.service(), &other] {
            let CertificateStatus::Revoked(revocation) = ask(&world, service, ca, serial).await
            else {
                panic!("{ca} does not know of the revocation");
            };
            assert_eq!(revocation.at, world.now());
            assert_eq!(revocation.reason, RevocationReason::KeyCompromise);
        }
        // One round of the job of either process.
        world.service().renew_publications().await.unwrap();
        let revoked = list(&world, &other, ca).await.revocation(serial).unwrap();
        assert_eq!(revoked.reason, RevocationReason::KeyCompromise);
    }
}

#[tokio::test]
async fn what_was_never_given_out_is_never_good() {
    let world = world().await;
    let (_, _, theirs) = account(&world, AccountLevel::Advanced).await;
    let issuer = authority(&world, "eid-q");
    let id = issuer.subject_key_identifier().unwrap().try_into().unwrap();
    let recorded = SerialNumber::from_bytes(vec![0x11; 16]);
    let record = CertificateRecord {
        issuer: CaKeyId(id),
        serial: recorded.clone(),
        kind: CertificateKind::OcspResponder,
        tbs: vec![0x30, 0],
        recorded_at: world.now(),
        expires_at: world.now() + DAY,
        issued: None,
        revocation: None,
    };
    let mut uow = world.store().write().await.unwrap();
    uow.record_certificate(&record).await.unwrap();
    uow.commit().await.unwrap();
    for serial in [
        &recorded,
        &SerialNumber::from_bytes(vec![0x22; 16]),
        // Another authority's.
        theirs.serial(),
    ] {
        let status = ask(&world, world.service(), "eid-q", serial).await;
        assert_eq!(status, CertificateStatus::Unknown);
    }
}

#[tokio::test]
async fn the_responder_is_renewed_long_before_its_end_and_all_processes_have_the_same() {
    let world = world().await;
    let other = world.another_process().await;
    let (_, ca, certificate) = account(&world, AccountLevel::Qualified).await;
    let id = authority(&world, ca)
        .subject_key_identifier()
        .unwrap()
        .try_into()
        .unwrap();
    let responders = async || {
        let mut reader = world.store().read().await.unwrap();
        let records = reader.responder_records(CaKeyId(id), world.now()).await;
        records.unwrap().len()
    };
    for service in [world.service(), &other] {
        service.renew_publications().await.unwrap();
    }
    assert_eq!(responders().await, 1);
    world.pass(DAY * 59);
    for service in [world.service(), &other] {
        service.renew_publications().await.unwrap();
    }
    assert_eq!(responders().await, 1);
    world.pass(DAY * 2);
    for service in [world.service(), &other] {
        service.renew_publications().await.unwrap();
        service.renew_publications().await.unwrap();
    }
    assert_eq!(responders().await, 2);
    // The first one has ended, and nobody has to do anything for that.
    world.pass(DAY * 40);
    for service in [world.service(), &other] {
        let status = ask(&world, service, ca, certificate.serial()).await;
        assert_eq!(status, CertificateStatus::Good);
    }
    assert_eq!(responders().await, 1);
    // A server that was away for a year makes one when it is asked.
    world.pass(DAY * 365);
    let status = ask(&world, world.service(), ca, certificate.serial()).await;
    assert_eq!(status, CertificateStatus::Good);
}

#[tokio::test]
async fn a_revocation_list_is_renewed_by_time_and_never_of_an_earlier_time() {
    let world = world().await;
    let service = world.service();
    let numbered = async || {
        service.renew_publications().await.unwrap();
        let list = list(&world, service, "eid-q").await;
        (list.number().unwrap(), list.this_update())
    };
    let begun = world.now();
    assert_eq!(numbered().await, (1, begun));
    world.pass(DAY / 2 - SECOND);
    assert_eq!(numbered().await, (1, begun));
    world.pass(SECOND);
    let second = world.now();
    assert_eq!(numbered().await, (2, second));
    // The clock is set back by as much as clocks differ: nothing is due, and what comes by a revocation is of no earlier
    // time. What a clock that was far ahead made is replaced: see `clocks`.
    world.pass(SignedDuration::from_mins(-4));
    assert_eq!(numbered().await, (2, second));
    let (phone, ..) = account(&world, AccountLevel::Qualified).await;
    let number = phone.document_number().parse().unwrap();
    service
        .close_account(&number, RevocationReason::Superseded)
        .await
        .unwrap();
    assert_eq!(numbered().await, (3, second));
    assert_eq!(list(&world, service, "eid-q").await.len(), 2);
    world.pass(DAY);
    assert_eq!(numbered().await, (4, world.now()));
}

#[tokio::test]
async fn processes_that_publish_at_once_do_not_get_into_each_other_s_way() {
    let world = world().await;
    let others = [world.another_process().await, world.another_process().await];
    for round in 1..=3 {
        let all = [world.service(), &others[0], &others[1]].map(|service| {
            let service = service.clone();
            tokio::spawn(async move { service.renew_publications().await })
        });
        for one in all {
            one.await.unwrap().unwrap();
        }
        for ca in ["eid-q", "eid-nq"] {
            let list = list(&world, &others[1], ca).await;
            assert_eq!(list.number(), Some(round));
        }
        world.pass(DAY / 2);
    }
}

fn since(statuses: &[engine::domain::ServiceStatus]) -> Vec<(Status, Timestamp)> {
    statuses
        .iter()
        .map(|status| (status.status, status.since))
        .collect()
}

#[tokio::test]
async fn the_trusted_list_tells_every_decision_and_is_renewed_by_time() {
    let world = world().await;
    let service = world.service();
    let sequence = async || {
        service.renew_publications().await.unwrap();
        service.trusted_list().await.unwrap().unwrap().sequence
    };
    assert_eq!(sequence().await, 1);
    assert_eq!(sequence().await, 1);
    let begun = authority(&world, "eid-q").not_before();
    let operator = world.another_process().await;
    let withdrawn = operator
        .decide_trust("eid-q", Status::Withdrawn, None)
        .await
        .unwrap();
    assert_eq!(withdrawn.since, world.now());
    assert_eq!(sequence().await, 2);
    let granted = operator
        .decide_trust("eid-q", Status::Granted, None)
        .await
        .unwrap();
    assert_eq!(granted.since, withdrawn.since + SECOND);
    assert_eq!(sequence().await, 3);
    let services = operator.trust_services().await.unwrap();
    let names: Vec<_> = services
        .iter()
        .map(|service| (service.name.as_str(), service.kind))
        .collect();
    assert_eq!(
        names,
        [
            ("eid-nq", "CA/PKC"),
            ("eid-q", "CA/QC"),
            ("tsu", "TSA/QTST")
        ]
    );
    assert_eq!(
        since(&services[1].statuses),
        [
            (Status::Granted, granted.since),
            (Status::Withdrawn, withdrawn.since),
            (Status::Granted, begun),
        ]
    );
    let xml = service.trusted_list().await.unwrap().unwrap().xml;
    assert_eq!(xml.matches("<ServiceHistoryInstance>").count(), 2);
    for (name, status) in [("root", Status::Granted), ("trust-list", Status::Withdrawn)] {
        let refused = operator.decide_trust(name, status, None).await;
        assert!(matches!(
            refused,
            Err(OperatorError::UnknownTrustService(_))
        ));
    }
    let again = operator.decide_trust("tsu", Status::Granted, None).await;
    assert!(matches!(again, Err(OperatorError::InvalidTrustDecision(_))));
    world.pass(DAY * 29);
    assert_eq!(sequence().await, 3);
    world.pass(DAY);
    assert_eq!(sequence().await, 4);
    // Set back a little: what says the same stays.
    world.pass(SignedDuration::from_mins(-4));
    assert_eq!(sequence().await, 4);
}

#[tokio::test]
async fn no_time_is_stamped_while_nobody_knows_whether_the_clock_is_right() {
    let world = world().await;
    let imprint = MessageImprint::of(DigestAlgorithm::Sha256, b"signature");
    let request = TimeStampRequest::new(imprint, &[7; 16]).unwrap();
    let request = request.to_der().unwrap();
    let stamped = async || {
        let answer = world.service().time_stamp(&request).await.unwrap();
        TimeStampToken::parse_response(&answer.der)
    };
    assert!(stamped().await.is_ok());
    world.say_that_the_clock_was_set(true);
    let refused = stamped().await.unwrap_err().to_string();
    assert!(
        refused.contains("time source is not available"),
        "{refused}"
    );
    world.say_that_the_clock_was_set(false);
    assert!(stamped().await.is_ok());
}

#[tokio::test]
async fn while_no_responder_can_be_certified_questions_leave_one_record_a_minute() {
    let world = world().await;
    world.watch().set_authorities_down(true);
    let asked = CertId::new(
        SHA256,
        &authority(&world, "eid-q"),
        &SerialNumber::from_bytes(vec![1]),
    );
    let request = OcspRequest::new(asked.unwrap(), None).unwrap();
    let outcome = async || {
        let answer = world.service().ocsp("eid-q", request.der()).await.unwrap();
        answer.outcomes[0]
    };
    let records = async || {
        let store = world.store();
        let mut reader = store.read().await.unwrap();
        reader.certificate_records(None, 100).await.unwrap().len()
    };
    for _ in 0..5 {
        assert_eq!(outcome().await, OcspOutcome::TryLater);
    }
    assert_eq!(records().await, 1);
    world.watch().set_authorities_down(false);
    assert_eq!(outcome().await, OcspOutcome::TryLater);
    world.pass(SignedDuration::from_mins(1));
    assert_eq!(outcome().await, OcspOutcome::Unknown);
    assert_eq!(records().await, 2);
}
