//! Each limit answers 429 with a stable code and `Retry-After`, and the phone says it in a sentence. (Registrations per
//! address: `web::device_api::registrations`.)

use crate::PERSON;
use device::{Event, View};
use jiff::SignedDuration;
use tests::{Answer, PIN1, World, authentication_request};
use wire::{SessionId, device_v1};

const MINUTE: SignedDuration = SignedDuration::from_secs(61);

fn assert_told_to_wait(answer: &Answer) {
    assert_eq!(answer.status, 429, "{}", answer.json());
    assert_eq!(answer.json()["code"], "too_many_requests");
    let seconds: u64 = answer.retry_after().unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
}

fn assert_says(view: &View) {
    let View::Problem(problem) = view else {
        panic!("{view:?}")
    };
    assert_eq!(problem.code(), "too_many_requests");
    assert_eq!(
        problem.to_string(),
        "Too many requests in a short time. Wait a minute, then try again."
    );
}

#[tokio::test]
async fn a_phone_begins_six_signatures_a_minute() {
    let world = World::with(|policy| policy.begins_per_minute = 6).await;
    let mut phone = world.phone(PERSON).await;
    let session = world.ask_to_authenticate(PERSON).await;
    let id: SessionId = session.parse().unwrap();
    phone.act(&world, Event::Refresh).await;
    for _ in 0..6 {
        let view = phone.act(&world, Event::Open(id)).await;
        assert!(matches!(view, View::Confirm(_)), "{view:?}");
    }
    assert_says(&phone.act(&world, Event::Open(id)).await);
    let sign = device_v1::Operation::Sign;
    let answer = phone
        .dump()
        .ask_to_begin(&world, sign, Some(&session))
        .await;
    assert_told_to_wait(&answer);

    // Rotating has a budget of its own.
    let view = phone.act(&world, Event::Rotate).await;
    assert!(matches!(view, View::Rotated), "{view:?}");
    world.pass(MINUTE);
    let view = phone.answer(&world, &session, PIN1).await;
    assert!(matches!(view, View::Completed(_)), "{view:?}");
}

#[tokio::test]
async fn rotations_and_inquiries_have_a_budget_and_whoever_uses_it_up_cannot_sign() {
    let world = World::with(|policy| policy.maintenance_per_minute = 12).await;
    let mut phone = world.phone(PERSON).await;
    let session = world.ask_to_authenticate(PERSON).await;
    for _ in 0..12 {
        let view = phone.act(&world, Event::Rotate).await;
        assert!(matches!(view, View::Rotated), "{view:?}");
    }
    let dump = phone.dump();
    for operation in [device_v1::Operation::Rotate, device_v1::Operation::Sync] {
        assert_told_to_wait(&dump.ask_to_begin(&world, operation, None).await);
    }
    let sign = device_v1::Operation::Sign;
    assert_told_to_wait(&dump.ask_to_begin(&world, sign, Some(&session)).await);
    assert_says(&phone.act(&world, Event::Rotate).await);

    world.pass(MINUTE);
    let view = phone.answer(&world, &session, PIN1).await;
    assert!(matches!(view, View::Completed(_)), "{view:?}");
}

#[tokio::test]
async fn ten_rotations_that_come_to_nothing_freeze_signing_and_are_on_record() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let session = world.ask_to_authenticate(PERSON).await;
    let id: SessionId = session.parse().unwrap();
    let thief = phone.dump();
    // However often: one rotation by the owner is enough to sign again.
    for _ in 0..40 {
        thief
            .begin(&world, device_v1::Operation::Rotate, None)
            .await;
    }
    phone.act(&world, Event::Refresh).await;
    let view = phone.act(&world, Event::Open(id)).await;
    let View::Problem(problem) = &view else {
        panic!("{view:?}")
    };
    assert_eq!(problem.code(), "frozen");
    let frozen = world
        .audit_trail()
        .await
        .iter()
        .filter(|record| record.event.code() == "signing_frozen")
        .count();
    assert_eq!(frozen, 1);
    phone.act(&world, Event::Rotate).await;
    let view = phone.answer(&world, &session, PIN1).await;
    assert!(matches!(view, View::Completed(_)), "{view:?}");
}

#[tokio::test]
async fn one_relying_party_does_not_keep_another_from_asking() {
    let world = World::with(|policy| {
        policy.prompts_per_minute = 3;
        policy.prompts_per_minute_in_all = 5;
    })
    .await;
    world.phone(PERSON).await;
    let target = format!("authentication/notification/etsi/{PERSON}");
    let mut others = Vec::new();
    for number in 1..=2 {
        let uuid = format!("00000000-0000-4000-8000-00000000000{number}");
        world.relying_party(&uuid, "OTHER").await;
        let mut request = authentication_request();
        request["relyingPartyUUID"] = uuid.into();
        request["relyingPartyName"] = "OTHER".into();
        others.push(request);
    }
    let first = authentication_request();
    for _ in 0..3 {
        assert_eq!(world.post(&target, &first).await.status, 200);
    }
    assert_told_to_wait(&world.post(&target, &first).await);
    // The others still may, but a person is not asked without end by all of them together.
    assert_eq!(world.post(&target, &others[0]).await.status, 200);
    assert_eq!(world.post(&target, &others[1]).await.status, 200);
    assert_told_to_wait(&world.post(&target, &others[1]).await);
    world.pass(MINUTE);
    assert_eq!(world.post(&target, &first).await.status, 200);
}

#[tokio::test]
async fn one_address_guesses_credentials_sixty_times_at_once() {
    let world = World::with_production_limits().await;
    for _ in 0..60 {
        let answer = world
            .send("GET", "/device/v1/account", &[], Vec::new())
            .await;
        assert_eq!(answer.status, 401);
    }
    let answer = world
        .send("GET", "/device/v1/account", &[], Vec::new())
        .await;
    assert_told_to_wait(&answer);
}
