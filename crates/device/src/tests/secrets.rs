//! What is stored tells no PIN and no share.

use super::world::{Fault, PIN1, PIN2, World, pin};
use crate::{Event, View};
use base64ct::{Base64, Encoding};
use std::collections::BTreeSet;
use wire::InteractionType::DisplayTextAndPin;

/// A phone through all that it can go through, with everything that it ever stored.
fn life() -> World {
    let mut world = World::registered(70);
    for (digits, fault) in [
        (PIN1, None),
        ("000001", None),
        (PIN1, Some(Fault::LoseAnswer)),
        (PIN1, Some(Fault::LoseRequest)),
    ] {
        world.log_in(&[(DisplayTextAndPin, "Log in?")]);
        world.fault = fault.map(|fault| (0, fault));
        world.event(Event::EnterPin(pin(digits)));
        world.restart();
        world.event(Event::AppStart);
    }
    world.event(Event::Refresh);
    assert!(matches!(world.view(), View::Home { .. }));
    world
}

#[test]
fn nothing_stored_contains_a_pin_a_share_or_a_partial_signature() {
    let world = life();
    assert!(world.history.len() > 10 && world.server.partial_signatures.len() > 4);
    let mut secrets: Vec<Vec<u8>> = vec![PIN1.into(), PIN2.into()];
    secrets.extend(world.server.server_shares.iter().cloned());
    secrets.extend(world.server.partial_signatures.iter().cloned());
    for stored in &world.history {
        let json = world.plaintext(stored);
        let mut texts = vec![stored.clone(), json.clone()];
        texts.extend(base64_fields(&json));
        for secret in &secrets {
            let in_base64 = Base64::encode_string(secret);
            for text in &texts {
                assert!(!contains(text, secret) && !contains(text, in_base64.as_bytes()));
            }
        }
    }
}

/// A new field has to be thought about: may it be on the phone at all (splitkey.md §3)?
#[test]
fn the_fields_of_the_stored_state_are_these() {
    let world = life();
    let mut fields = BTreeSet::new();
    for stored in &world.history {
        names(
            &serde_json::from_slice(&world.plaintext(stored)).unwrap(),
            &mut fields,
        );
    }
    let expected = "account certificate closed code control_code date_of_birth device digest document_number enrolment \
        exchange expires_at givenName given_name hash_algorithm interaction issuing_ca kdf key keyId keys kind next_token \
        nonce notAfter notBefore pending person profile proofs publicKey record refusal registration \
        relying_party_name brokered_rp_name request response_key return_to root_key scheme_name sealed semanticsIdentifier seq \
        server session_id signature signature_algorithm signing statement surname text token transaction \
        verification_code dateOfBirth";
    let expected: BTreeSet<String> = expected
        .split_whitespace()
        .filter(|name| *name != "date_of_birth")
        .map(str::to_owned)
        .collect();
    assert_eq!(fields, expected);
}

#[test]
fn nothing_of_a_settled_submission_stays() {
    let world = life();
    let account = world.state().account.unwrap();
    assert!(account.pending.is_none() && account.refusal.is_none());
    let json = world.plaintext(world.stored.as_ref().unwrap());
    assert!(!contains(&json, b"response_key") && !contains(&json, b"next_token"));
}

#[test]
fn the_server_shares_are_never_stored_not_even_sealed() {
    let mut world = World::new(71);
    world.hand_over();
    let sealed = world
        .requests
        .iter()
        .find(|request| request.path.ends_with("/server-shares"))
        .unwrap();
    let encoded = Base64::encode_string(&sealed.body);
    for stored in &world.history {
        assert!(!contains(&world.plaintext(stored), encoded.as_bytes()));
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

fn base64_fields(json: &[u8]) -> Vec<Vec<u8>> {
    fn walk(value: &serde_json::Value, found: &mut Vec<Vec<u8>>) {
        match value {
            serde_json::Value::String(text) => found.extend(Base64::decode_vec(text)),
            serde_json::Value::Array(items) => items.iter().for_each(|item| walk(item, found)),
            serde_json::Value::Object(fields) => {
                fields.values().for_each(|field| walk(field, found))
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk(&serde_json::from_slice(json).unwrap(), &mut found);
    found
}

fn names(value: &serde_json::Value, found: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::Array(items) => items.iter().for_each(|item| names(item, found)),
        serde_json::Value::Object(fields) => {
            for (name, field) in fields {
                found.insert(name.clone());
                names(field, found);
            }
        }
        _ => {}
    }
}
