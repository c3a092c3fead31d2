use crate::PERSON;
use engine::domain::{Network, RelyingPartyRights};
use engine::service::NewRelyingParty;
use serde_json::{Value, json};
use tests::{World, authentication_request, signature_request};

fn path(target: &str) -> String {
    format!("authentication/notification/{target}")
}

#[tokio::test]
async fn every_refusal_has_its_status() {
    let world = World::new().await;
    world.phone(PERSON).await;
    let person = path(&format!("etsi/{PERSON}"));
    let with = |field: &str, value: Value| {
        let mut request = authentication_request();
        request[field] = value;
        request
    };
    for (target, request, status) in [
        (
            person.clone(),
            with(
                "relyingPartyUUID",
                json!("11111111-1111-4111-8111-111111111111"),
            ),
            403,
        ),
        (
            person.clone(),
            with("relyingPartyName", json!("SOMEBODY")),
            401,
        ),
        (
            person.clone(),
            with("capabilities", json!(["ADVANCED"])),
            403,
        ),
        (person.clone(), with("interactions", json!("%")), 400),
        (
            path("etsi/PNOEE-50001029996"),
            authentication_request(),
            404,
        ),
        (path("etsi/nobody"), authentication_request(), 400),
        (
            path("document/PNOEE-50001029996-AAAA-Q"),
            authentication_request(),
            404,
        ),
        (path("document/x"), authentication_request(), 400),
    ] {
        let answer = world.post(&target, &request).await;
        assert_eq!(
            answer.status,
            status,
            "{target} {request}: {}",
            answer.json()
        );
        assert_eq!(answer.json()["status"], status, "a problem document");
    }
    assert_eq!(
        world
            .status("11111111-1111-4111-8111-111111111111")
            .await
            .status,
        404
    );
    assert_eq!(world.status("x").await.status, 400);
}

#[tokio::test]
async fn a_malformed_field_is_named_with_its_pointer() {
    let world = World::new().await;
    let mut request = authentication_request();
    request["signatureProtocolParameters"]["rpChallenge"] = json!("short");
    let answer = world.post(&path(&format!("etsi/{PERSON}")), &request).await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.json()["errors"][0]["pointer"],
        "/signatureProtocolParameters/rpChallenge"
    );
    assert_eq!(answer.json()["errors"][0]["paramName"], "rpChallenge");
}

#[tokio::test]
async fn a_body_over_64_kib_is_too_large() {
    let world = World::new().await;
    let mut request = authentication_request();
    request["more"] = json!("x".repeat(64 * 1024));
    assert_eq!(
        world
            .post(&path(&format!("etsi/{PERSON}")), &request)
            .await
            .status,
        413
    );
}

#[tokio::test]
async fn another_ip_address_is_unauthorised() {
    let world = World::new().await;
    world.phone(PERSON).await;
    let networks: Vec<Network> = vec!["198.51.100.0/24".parse().unwrap()];
    let elsewhere = world
        .service()
        .add_relying_party(NewRelyingParty {
            uuid: None,
            names: vec!["ELSEWHERE".into()],
            networks,
            rights: RelyingPartyRights::default(),
        })
        .await
        .unwrap();
    let mut request = authentication_request();
    request["relyingPartyUUID"] = json!(elsewhere.uuid);
    request["relyingPartyName"] = json!("ELSEWHERE");
    assert_eq!(
        world
            .post(&path(&format!("etsi/{PERSON}")), &request)
            .await
            .status,
        401
    );
}

#[tokio::test]
async fn the_same_signature_request_within_15_seconds_is_the_same_session() {
    let world = World::new().await;
    world.phone(PERSON).await;
    let request = signature_request();
    let target = format!("signature/notification/etsi/{PERSON}");
    let first = world.post(&target, &request).await.json();
    world.pass(jiff::SignedDuration::from_secs(14));
    assert_eq!(
        world.post(&target, &request).await.json(),
        first,
        "the verification code, too"
    );
    assert_ne!(
        world.post(&target, &signature_request()).await.json()["sessionID"],
        first["sessionID"]
    );
    world.pass(jiff::SignedDuration::from_secs(2));
    assert_ne!(
        world.post(&target, &request).await.json()["sessionID"],
        first["sessionID"]
    );
}

#[tokio::test]
async fn whoever_asks_too_often_is_told_to_wait() {
    let world = World::with(|policy| policy.prompts_per_minute = 3).await;
    world.phone(PERSON).await;
    for _ in 0..3 {
        world.ask_to_authenticate(PERSON).await;
    }
    let target = path(&format!("etsi/{PERSON}"));
    assert_eq!(
        world.post(&target, &authentication_request()).await.status,
        429
    );
    world.pass(jiff::SignedDuration::from_secs(61));
    assert_eq!(
        world.post(&target, &authentication_request()).await.status,
        200
    );
}
