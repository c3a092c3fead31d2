//! What relying parties are billed for, out of the audit trail of sessions that really took place.

use crate::PERSON;
use device::{Event, View};
use engine::{
    domain::{AuditEvent, AuditRecord, Charge, CountedSession},
    ports::Store,
    service::{NewRelyingParty, Statement, UsageReport, UsageRequest},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use std::collections::BTreeMap;
use tests::{PIN1, PIN2, World, authentication_request, signature_request};
use wire::{RelyingPartyUuid, SessionId};

const WRONG: &str = "9513";
const MINUTE: SignedDuration = SignedDuration::from_mins(1);

async fn usage(world: &World, from: &str, until: &str) -> UsageReport {
    let request = UsageRequest {
        from: from.parse().unwrap(),
        until: until.parse().unwrap(),
        relying_party: None,
        details: true,
    };
    let report = world.service().usage(request).await.unwrap();
    for statement in &report.statements {
        adds_up(statement);
    }
    report
}

/// Every session of the details is in exactly one row, and the rows hold nothing else.
fn adds_up(statement: &Statement) {
    let mut sums = BTreeMap::<_, u64>::new();
    for CountedSession {
        kind,
        result,
        charge,
        ..
    } in statement.sessions.as_ref().expect("asked for")
    {
        *sums
            .entry((kind.clone(), result.clone(), *charge))
            .or_default() += 1;
    }
    let rows: BTreeMap<_, _> = statement
        .rows
        .iter()
        .map(|row| {
            (
                (row.kind.clone(), row.result.clone(), row.charge),
                row.sessions,
            )
        })
        .collect();
    assert_eq!(rows, sums);
    let by_charge =
        [Charge::Billable, Charge::Free, Charge::Unknown].map(|charge| statement.count(charge));
    assert_eq!(by_charge.iter().sum::<u64>(), statement.sessions());
}

fn rows(statement: &Statement) -> Vec<(&str, &str, &str, u64)> {
    statement
        .rows
        .iter()
        .map(|row| (&*row.kind, &*row.result, row.charge.code(), row.sessions))
        .collect()
}

#[tokio::test]
async fn every_outcome_is_counted_once_and_only_signatures_are_billable() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;

    // OK, and OK after a wrong PIN: one session each.
    let session = world.ask_to_authenticate(PERSON).await;
    phone.answer(&world, &session, PIN1).await;
    let session = world.ask_to_sign(PERSON).await;
    assert!(matches!(
        phone.answer(&world, &session, "95130").await,
        View::WrongPin { .. }
    ));
    assert!(matches!(
        phone.answer(&world, &session, PIN2).await,
        View::Completed(_)
    ));

    // The same request again within 15 seconds is the same session.
    let (path, request) = (
        format!("signature/notification/etsi/{PERSON}"),
        signature_request(),
    );
    let first = world.post(&path, &request).await.json();
    world.pass(SignedDuration::from_secs(10));
    let again = world.post(&path, &request).await.json();
    assert_eq!(first["sessionID"], again["sessionID"]);
    phone
        .answer(&world, first["sessionID"].as_str().unwrap(), PIN2)
        .await;

    // She refuses.
    let session = world.ask_to_authenticate(PERSON).await;
    phone.act(&world, Event::Refresh).await;
    phone
        .act(&world, Event::Open(session.parse().unwrap()))
        .await;
    phone.act(&world, Event::Refuse).await;

    // Nobody answers.
    world.ask_to_sign(PERSON).await;
    world.pass(2 * MINUTE);
    world.jobs().await;

    // Three wrong PINs end the third request; the fourth finds the key locked.
    for _ in 0..2 {
        let session = world.ask_to_authenticate(PERSON).await;
        phone.answer(&world, &session, WRONG).await;
        world.pass(2 * MINUTE);
        world.jobs().await;
    }
    let session = world.ask_to_authenticate(PERSON).await;
    phone.answer(&world, &session, WRONG).await;
    world.ask_to_authenticate(PERSON).await;

    // Refused at once, therefore no session; and one that still runs.
    let unknown = world
        .post(
            "authentication/notification/etsi/PNOEE-50001029996",
            &authentication_request(),
        )
        .await;
    assert_eq!(unknown.status, 404);
    world.ask_to_sign(PERSON).await;

    let report = usage(&world, "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z").await;
    let [statement] = &*report.statements else {
        panic!("{report:?}")
    };
    assert_eq!(
        rows(statement),
        [
            ("authentication", "DOCUMENT_UNUSABLE", "no", 2),
            ("authentication", "OK", "yes", 1),
            ("authentication", "TIMEOUT", "no", 2),
            ("authentication", "USER_REFUSED_INTERACTION", "no", 1),
            ("signature", "OK", "yes", 2),
            ("signature", "TIMEOUT", "no", 1),
        ]
    );
    assert_eq!(
        (statement.sessions(), statement.count(Charge::Billable)),
        (9, 3)
    );
    assert!(report.anomalies.is_empty(), "{:?}", report.anomalies);
}

#[tokio::test]
async fn a_session_across_midnight_of_the_first_counts_in_the_month_in_which_it_ends() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let midnight: Timestamp = "2026-12-01T00:00:00Z".parse().unwrap();
    world.pass(midnight.duration_since(world.now()) - MINUTE);
    world.jobs().await;
    let before = world.ask_to_authenticate(PERSON).await;
    phone.answer(&world, &before, PIN1).await;
    let across = world.ask_to_authenticate(PERSON).await;
    world.pass(MINUTE);
    phone.answer(&world, &across, PIN1).await;
    assert_eq!(world.result(&across).await, "OK");

    for (from, until, session) in [
        ("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z", &before),
        ("2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z", &across),
    ] {
        let report = usage(&world, from, until).await;
        assert_eq!(
            rows(&report.statements[0]),
            [("authentication", "OK", "yes", 1)]
        );
        let sessions = report.statements[0].sessions.as_ref().unwrap();
        assert_eq!(sessions[0].session.to_string(), *session);
        assert!(report.anomalies.is_empty(), "{:?}", report.anomalies);
    }
}

#[tokio::test]
async fn each_relying_party_gets_its_own_statement_disabled_ones_too() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let new = |name: &str| NewRelyingParty {
        uuid: None,
        names: vec![name.to_owned()],
        networks: vec![],
        rights: Default::default(),
    };
    let other = world
        .service()
        .add_relying_party(new("OTHER"))
        .await
        .unwrap();
    let quiet = world
        .service()
        .add_relying_party(new("QUIET"))
        .await
        .unwrap();
    let session = world.ask_to_authenticate(PERSON).await;
    phone.answer(&world, &session, PIN1).await;
    let mut request = signature_request();
    request["relyingPartyUUID"] = json!(other.uuid);
    request["relyingPartyName"] = json!("OTHER");
    let answer = world
        .post(&format!("signature/notification/etsi/{PERSON}"), &request)
        .await
        .json();
    phone
        .answer(&world, answer["sessionID"].as_str().unwrap(), PIN2)
        .await;
    world
        .service()
        .enable_relying_party(other.uuid, false)
        .await
        .unwrap();

    let report = usage(&world, "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z").await;
    let of = |uuid: RelyingPartyUuid| {
        report
            .statements
            .iter()
            .find(|one| one.relying_party == uuid)
            .unwrap()
    };
    assert_eq!(report.statements.len(), 3);
    assert_eq!(rows(of(other.uuid)), [("signature", "OK", "yes", 1)]);
    assert_eq!(of(other.uuid).names, ["OTHER"]);
    assert_eq!(rows(of(quiet.uuid)), []);

    let request = UsageRequest {
        relying_party: Some(other.uuid),
        ..report.request
    };
    let one = world.service().usage(request).await.unwrap();
    assert_eq!(one.statements.len(), 1);
    assert_eq!(one.statements[0].rows, of(other.uuid).rows);
    let nobody = UsageRequest {
        relying_party: Some("00000000-0000-4000-8000-0000000000ff".parse().unwrap()),
        ..request
    };
    assert!(world.service().usage(nobody).await.is_err());
}

#[tokio::test]
async fn what_somebody_wrote_into_the_trail_is_told_and_not_billed() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let session = world.ask_to_authenticate(PERSON).await;
    phone.answer(&world, &session, PIN1).await;
    let end = |session: &str| AuditRecord {
        at: world.now(),
        account: None,
        relying_party: Some("00000000-0000-4000-8000-000000000000".parse().unwrap()),
        session: Some(session.parse::<SessionId>().unwrap()),
        event: AuditEvent::SessionEnded {
            result: "OK".to_owned(),
            kind: Some("signature".to_owned()),
            signature_sha256: None,
            evidence_sha256: None,
        },
    };
    // A second end of a real session, and an end of one that never was.
    world.pass(MINUTE);
    let mut uow = world.store().write().await.unwrap();
    uow.record(&end(&session)).await.unwrap();
    uow.record(&end("00000000-0000-4000-8000-00000000beef"))
        .await
        .unwrap();
    uow.commit().await.unwrap();

    let report = usage(&world, "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z").await;
    assert_eq!(
        rows(&report.statements[0]),
        [
            ("authentication", "OK", "yes", 1),
            ("signature", "OK", "unknown", 1)
        ]
    );
    let mut codes: Vec<_> = report
        .anomalies
        .iter()
        .map(|anomaly| anomaly.what.code())
        .collect();
    codes.sort_unstable();
    assert_eq!(codes, ["ended_twice", "ended_without_start"]);
}
