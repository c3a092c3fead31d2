use crate::PERSON;
use device::Event;
use tests::{PIN1, World};

#[tokio::test]
async fn a_submission_of_another_phone_s_transaction_is_refused() {
    let world = World::new().await;
    let mut victim = world.phone(PERSON).await;
    let mut attacker = world.phone("PNOEE-50001029996").await;
    let session = world.ask_to_authenticate(PERSON).await;
    victim.open(&world, &session).await;
    let own = world.ask_to_authenticate("PNOEE-50001029996").await;
    attacker.answer(&world, &own, PIN1).await;
    let (path, headers, body) = attacker.sent.clone().unwrap();
    // Signed for another path: not authentic.
    let (prefix, _) = path.rsplit_once('/').unwrap();
    let other = format!("{prefix}/{}", "0".repeat(32));
    assert_eq!(world.send("POST", &other, &headers, body).await.status, 401);
    assert_eq!(world.result(&session).await, "");
}

#[tokio::test]
async fn garbage_in_a_sealed_body_is_refused_and_counts_nothing() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let session = world.ask_to_authenticate(PERSON).await;
    phone.fault = Some(tests::Fault::LoseRequest);
    phone.answer(&world, &session, PIN1).await;
    let (path, headers, mut body) = phone.sent.clone().unwrap();
    let last = body.len() - 1;
    body[last] ^= 1;
    let answer = world.send("POST", &path, &headers, body).await;
    assert_eq!(answer.status, 401, "the digest of the body is signed");
    // The phone sends what it has stored once more, and nothing was lost.
    phone.act(&world, Event::Refresh).await;
    assert_eq!(world.result(&session).await, "OK");
}

#[tokio::test]
async fn unsigned_requests_get_nothing() {
    let world = World::new().await;
    world.phone(PERSON).await;
    for (method, path) in [
        ("GET", "/device/v1/account"),
        ("DELETE", "/device/v1/account"),
        ("GET", "/device/v1/transactions"),
        ("POST", "/device/v1/transactions"),
    ] {
        let body = if method == "POST" {
            b"{}".to_vec()
        } else {
            Vec::new()
        };
        assert_eq!(
            world.send(method, path, &[], body).await.status,
            401,
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn an_identifier_of_a_device_is_used_once() {
    let world = World::new().await;
    let phone = world.phone(PERSON).await;
    assert!(phone.has_account());
    // The same registration request again, from a copy of the traffic: no second account comes of it.
    let accounts = world
        .service()
        .accounts_of(&PERSON.parse().unwrap())
        .await
        .unwrap();
    assert_eq!(accounts.len(), 1);
}
