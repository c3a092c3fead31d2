//! Published keys are for the demo: a server that serves people refuses them.

use crate::{
    Demo,
    process::Server,
    relying_party::{DEMO, authentication, certificate_choice, post, result, start},
};
use device::{Event, PinEntry, View};
use server::{headless::handset::Handset, mock::fixture_keys};
use std::path::Path;
use wire::DocumentNumber;

/// Registers with the keys of a documented account, up to where somebody has to vouch.
fn register_with_published_keys(server: &str, file: &Path) -> View {
    let number: DocumentNumber = "PNOEE-40404040009-MOCK-Q".parse().unwrap();
    let mut handset = Handset::open(file, Some(server), None).unwrap();
    handset.dangerous_use_published_keys(fixture_keys::of(&number).unwrap());
    let register = Event::Register {
        replace: false,
        birth_date: None,
    };
    handset.act(register).unwrap();
    let choice = Event::ChoosePins {
        pin1: PinEntry::new("4826".to_owned()),
        pin2: PinEntry::new("73915".to_owned()),
    };
    handset.act_to(choice).unwrap()
}

#[test]
fn a_server_that_is_no_demo_takes_no_published_key_and_uses_none() {
    let mut demo = Demo::start();
    let address = demo.address();
    let url = format!("http://{address}");
    let person = "PNOEE-40404040009";
    let path = format!("authentication/notification/etsi/{person}");
    let session = start(&demo, &path, &authentication(DEMO));
    assert_eq!(result(&demo, &session)["endResult"], "OK");
    // The demo takes them.
    let view = register_with_published_keys(&url, &demo.data().join("first.phone"));
    assert!(matches!(view, View::AwaitingIdentity { .. }), "{view}");
    let server = Server::serve(&demo.end());
    let view = register_with_published_keys(&url, &demo.data().join("second.phone"));
    assert!(matches!(view, View::Problem(_)), "{view}");

    let certificate = |server: &Server| {
        let path = format!("signature/certificate/{person}-MOCK-Q");
        post(server, &path, &certificate_choice(DEMO))["state"].clone()
    };
    assert_eq!(certificate(&server), "DOCUMENT_UNUSABLE");

    // The demo's account is in the same database: whoever asks it is told at once that it cannot answer.
    let ask = serde_json::to_string(&authentication(DEMO)).unwrap();
    let headers = "content-type: application/json\r\n";
    let path = format!("/smart-id-rp/v3/{path}");
    let (status, _, body) = crate::process::request(&address, "POST", &path, headers, &ask);
    assert_eq!(status, 200, "{body}");
    let started: serde_json::Value = serde_json::from_str(&body).unwrap();
    let session = started["sessionID"].as_str().unwrap();
    let path = format!("/smart-id-rp/v3/session/{session}?timeoutMs=1000");
    let (status, _, body) = crate::process::request(&address, "GET", &path, "", "");
    assert_eq!(status, 200, "{body}");
    let ended: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(ended["result"]["endResult"], "DOCUMENT_UNUSABLE");
    drop(server);
}
