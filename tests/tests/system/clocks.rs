//! What is published when the clock is wrong, and when an authority has ended.

use engine::{
    domain::{AuditEvent, SchemeOperator},
    service::OcspOutcome,
};
use jiff::SignedDuration;
use pki::{
    ObjectIdentifier, Revocation, RevocationReason,
    crl::RevocationList,
    ocsp::{CertId, CertificateStatus, OcspRequest, OcspResponse},
    x509::{Certificate, SerialNumber},
};
use tests::World;

use crate::PERSON;

const YEAR: SignedDuration = SignedDuration::from_hours(365 * 24);

fn operator() -> SchemeOperator {
    SchemeOperator {
        name: "Example Identity".into(),
        territory: "EE".into(),
        information_url: "https://id.example.org/certs".into(),
        contact_url: "mailto:trust@example.org".into(),
        street_address: "1 Example Street".into(),
        locality: "Tallinn".into(),
        postal_code: "10111".into(),
        scheme_name: "Example list".into(),
    }
}

async fn revocation_list(world: &World) -> RevocationList {
    let answer = world.service().revocation_list("eid-q").await.unwrap();
    RevocationList::parse(&answer.unwrap().der).unwrap()
}

fn issuer(world: &World) -> Certificate {
    let published = world.service().published_certificates().into_iter();
    let mut issuers = published.filter(|published| published.name == "eid-q");
    Certificate::parse(&issuers.next().unwrap().certificate).unwrap()
}

fn question(world: &World, serial: &SerialNumber) -> OcspRequest {
    let sha1 = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
    let asked = CertId::new(sha1, &issuer(world), serial).unwrap();
    OcspRequest::new(asked, None).unwrap()
}

/// What OCSP answers about a number that was never issued.
async fn ask(world: &World) -> Vec<OcspOutcome> {
    let request = question(world, &SerialNumber::from_bytes(vec![1]));
    let answer = world.service().ocsp("eid-q", request.der()).await.unwrap();
    answer.outcomes
}

async fn responders(world: &World) -> usize {
    let trail = world.audit_trail().await.into_iter();
    let certified = |event| matches!(event, AuditEvent::ResponderCertified { .. });
    trail
        .filter(|record| certified(record.event.clone()))
        .count()
}

#[tokio::test]
async fn lists_that_a_wrong_clock_made_are_replaced_when_it_is_right_again() {
    let world = World::with(|policy| policy.trusted_list = Some(operator())).await;
    world.service().renew_publications().await.unwrap();
    world.pass(YEAR);
    world.service().renew_publications().await.unwrap();
    let wrong = revocation_list(&world).await;
    assert_eq!(
        (wrong.number(), wrong.this_update()),
        (Some(2), world.now())
    );

    world.pass(-YEAR);
    world.service().renew_publications().await.unwrap();
    let list = revocation_list(&world).await;
    assert_eq!((list.number(), list.this_update()), (Some(3), world.now()));
    let trusted = world.service().trusted_list().await.unwrap().unwrap();
    assert_eq!((trusted.sequence, trusted.issued_at), (3, world.now()));

    // Once, and not again and again.
    world.service().renew_publications().await.unwrap();
    assert_eq!(revocation_list(&world).await.number(), Some(3));
    let trusted = world.service().trusted_list().await.unwrap().unwrap();
    assert_eq!(trusted.sequence, 3);
}

#[tokio::test]
async fn an_authority_that_has_ended_or_not_begun_answers_nothing_and_certifies_nobody() {
    let world = World::new().await;
    assert_eq!(ask(&world).await, [OcspOutcome::Unknown]);
    let before = responders(&world).await;
    assert_eq!(before, 1);
    for away in [SignedDuration::from_hours(-2), YEAR * 15] {
        world.pass(away);
        assert_eq!(ask(&world).await, [OcspOutcome::Unauthorized]);
        assert_eq!(ask(&world).await, [OcspOutcome::Unauthorized]);
        world.service().renew_publications().await.unwrap();
        assert_eq!(responders(&world).await, before, "{away}");
        world.pass(-away);
    }
    assert_eq!(ask(&world).await, [OcspOutcome::Unknown]);
}

#[tokio::test]
async fn what_was_revoked_while_the_clock_was_ahead_is_revoked_when_it_is_right_again() {
    let world = World::new().await;
    let phone = world.phone(PERSON).await;
    let [certificate, ..] = phone.certificates();
    let certificate = Certificate::parse(&certificate).unwrap();
    world.pass(YEAR);
    let number = phone.document_number().parse().unwrap();
    let reason = RevocationReason::KeyCompromise;
    world
        .service()
        .close_account(&number, reason)
        .await
        .unwrap();
    world.pass(-YEAR);

    let now = Revocation {
        at: world.now(),
        reason,
    };
    let request = question(&world, certificate.serial());
    let answer = world.service().ocsp("eid-q", request.der()).await.unwrap();
    let answer = OcspResponse::parse(&answer.der).unwrap();
    let minute = SignedDuration::from_mins(1);
    let status = answer.check(&request, &issuer(&world), world.now(), minute);
    assert_eq!(status.unwrap(), CertificateStatus::Revoked(now));
    let list = revocation_list(&world).await;
    assert_eq!(list.revocation(certificate.serial()), Some(now));
}
