//! Of all PINs exactly one passes at the server, and nothing but the server tells which.

use crate::{
    attack::record::in_parallel,
    story::{message_for, story},
};
use engine::{
    Policy,
    domain::KeyState,
    ports::{ServerKeys, Store},
};
use splitkey::{
    ClientModulus, EncodedMessage, Kdf, KeyRecord, PartialSignature, Pin, Profile, Purpose,
    SoftwareDeviceKeys, check_client_half, partial_signature,
};
use std::collections::BTreeSet;
use tests::{PIN1, PIN2, World};

#[test]
fn of_ten_thousand_pins_on_one_stored_share_exactly_one_passes_at_the_server() {
    let story = story();
    let pins: Vec<String> = (0..10_000).map(|number| format!("{number:04}")).collect();
    let judge = &story.judge;
    let tried = try_all(
        &story.taken.record_bytes(0),
        &story.taken.keystore,
        &pins,
        &judge.message,
        &judge.server_part,
        &judge.n1,
    );
    let passed: Vec<&str> = tried
        .iter()
        .filter(|tried| tried.passed)
        .map(|tried| tried.pin.as_str())
        .collect();
    assert_eq!(passed, [PIN1]);
    let distinct: BTreeSet<_> = tried.iter().map(|tried| &tried.partial_signature).collect();
    assert_eq!(distinct.len(), 10_000, "no two PINs give one share");
}

#[tokio::test]
async fn of_fifty_pins_with_real_sizes_and_the_real_kdf_one_passes_at_the_server() {
    let real = |policy: &mut Policy| {
        policy.profile = Profile::Rsa6144;
        policy.kdf = Kdf::Argon2id;
    };
    let world = World::with(real).await;
    let phone = world.phone("PNOEE-50001029996").await;
    let number = phone.document_number().parse().unwrap();
    let account = world
        .store()
        .read()
        .await
        .unwrap()
        .account_by_document(&number)
        .await
        .unwrap()
        .unwrap();
    let key = account.keys.of(Purpose::Signature);
    let KeyState::Ready { server_share, .. } = &key.state else {
        panic!("the key is ready")
    };
    let n1 = ClientModulus::from_stored(key.profile, &key.n1).unwrap();
    let message = message_for(key.profile, b"judged");
    let server_part = world
        .vault()
        .apply_share(key.id, server_share, &n1, &message)
        .await
        .unwrap();
    let stored = phone.history.last().unwrap().as_ref().unwrap();
    let state = crate::taken::open_state(stored, phone.keystore_secret());
    let state: serde_json::Value = serde_json::from_slice(&state).unwrap();
    let record = crate::taken::base64(state["account"]["keys"][1]["record"].as_str().unwrap());

    let others = (0..49).map(|number| format!("{:05}", 73_000 + 997 * number % 27_000));
    let pins: Vec<String> = others
        .filter(|pin| pin != PIN2)
        .chain([PIN2.to_owned()])
        .collect();
    let tried = try_all(
        &record,
        phone.keystore_secret(),
        &pins,
        &message,
        &server_part,
        &n1,
    );
    let passed: Vec<&str> = tried
        .iter()
        .filter(|tried| tried.passed)
        .map(|tried| tried.pin.as_str())
        .collect();
    assert_eq!((tried.len(), passed), (50, vec![PIN2]));
}

struct Try {
    pin: String,
    partial_signature: Vec<u8>,
    passed: bool,
}

/// Unmasks with each PIN and lets the server judge what comes of it.
fn try_all(
    record: &[u8],
    keystore: &[u8; 32],
    pins: &[String],
    message: &EncodedMessage,
    server_part: &PartialSignature,
    n1: &ClientModulus,
) -> Vec<Try> {
    let record = KeyRecord::from_bytes(record).unwrap();
    in_parallel(pins, |pin| {
        // What a phone's own keystore holds.
        let keys = SoftwareDeviceKeys::from_secret(keystore);
        let share = record
            .unmask(&Pin::new(pin).unwrap(), &keys)
            .expect("every PIN unmasks");
        let part = partial_signature(message, &share, n1);
        Try {
            pin: pin.clone(),
            partial_signature: part.expose_secret().to_vec(),
            passed: check_client_half(message, &part, server_part, n1).is_ok(),
        }
    })
}
