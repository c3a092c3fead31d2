//! A hostile relying party, or one whose requests are changed on the way: a change is refused, or it changes what is
//! signed, so that the signature does not verify under the honest request; or it is listed here with the reason.

use crate::{
    PERSON, block_on, cases,
    json::variants,
    judge,
    message::{Message, random},
    stage::{Moment, Stage},
};
use base64ct::{Base64, Encoding};
use device::Event;
use pki::x509::Certificate;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use sha2::Digest;
use splitkey::{Hash, Profile, PublicKey, Scheme};
use tests::{PIN1, PIN2, authentication_request, pin, signature_request};
use wire::{FlowType, InteractionType, acsp_v2};

/// Fields that no signature covers: who asks for what level decides who may answer, not what is signed.
const NOT_SIGNED: [(&str, &str); 8] = [
    (
        "/certificateLevel",
        "which accounts may answer; the certificate that comes back shows it",
    ),
    (
        "/requestProperties",
        "what the answer shall contain besides the signature",
    ),
    ("/capabilities", "none is known"),
    ("/nonce", "tells equal requests apart, for the server only"),
    (
        "/relyingPartyUUID",
        "who pays; the name is what is shown and signed",
    ),
    ("/unknown", "the RP API ignores what it does not know"),
    ("/vcType", "one word only"),
    ("/signatureProtocol", "one word only"),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Authentication,
    Signature,
}

impl Kind {
    fn request(self) -> Value {
        match self {
            Self::Authentication => authentication_request(),
            Self::Signature => signature_request(),
        }
    }

    fn message(self, body: Vec<u8>) -> Message {
        let what = match self {
            Self::Authentication => "authentication",
            Self::Signature => "signature",
        };
        Message {
            method: "POST".to_owned(),
            path: format!("/smart-id-rp/v3/{what}/notification/etsi/{PERSON}"),
            headers: vec![("content-type".to_owned(), b"application/json".to_vec())],
            body,
        }
    }

    fn pin(self) -> &'static str {
        match self {
            Self::Authentication => PIN1,
            Self::Signature => PIN2,
        }
    }
}

/// Whether the result verifies as the answer to this request.
fn verifies(kind: Kind, request: &Value, status: &Value) -> bool {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let parameters = &request["signatureProtocolParameters"];
    let digest = match kind {
        Kind::Signature => Base64::decode_vec(&text(&parameters["digest"])).unwrap(),
        Kind::Authentication => {
            let payload = acsp_v2::payload(&acsp_v2::Fields {
                scheme_name: "smart-id-demo",
                server_random: &text(&status["signature"]["serverRandom"]),
                rp_challenge: &text(&parameters["rpChallenge"]),
                user_challenge: &text(&status["signature"]["userChallenge"]),
                relying_party_name: &text(&request["relyingPartyName"]),
                brokered_rp_name: "",
                interactions: &text(&request["interactions"]),
                interaction_type_used: InteractionType::from_word(&text(
                    &status["interactionTypeUsed"],
                ))
                .unwrap(),
                initial_callback_url: "",
                flow_type: FlowType::Notification,
            });
            sha2::Sha256::digest(payload).to_vec()
        }
    };
    let certificate = Base64::decode_vec(&text(&status["cert"]["value"])).unwrap();
    let certificate = Certificate::parse(&certificate).unwrap();
    let modulus = certificate.public_key().rsa_modulus().unwrap();
    let signature = Base64::decode_vec(&text(&status["signature"]["value"])).unwrap();
    PublicKey::new(Profile::from_id(1).unwrap(), modulus)
        .unwrap()
        .verify(Scheme::Pss(Hash::Sha256), &digest, &signature)
        .is_ok()
}

/// Lets the person answer the session and returns what the relying party gets.
async fn answered(stage: &mut Stage, kind: Kind, session: &str) -> Value {
    let Stage { world, phone, .. } = stage;
    assert!(phone.open(world, session, |_| false).await.is_none());
    phone.act(world, Event::EnterPin(pin(kind.pin()))).await;
    let status = world.status(session).await.json();
    assert_eq!(status["result"]["endResult"], "OK", "{status}");
    status
}

fn not_signed(pointer: &str, what: &str) -> bool {
    let covered =
        |(field, _): &&(&str, &str)| pointer == *field || pointer.starts_with(&format!("{field}/"));
    // Written otherwise or with more, the document says the same.
    NOT_SIGNED.iter().any(|entry| covered(&entry)) || what == "an unknown member"
}

async fn every_change_is_refused_or_signed(kind: Kind) {
    let mut stage = Stage::at(Moment::Account).await;
    let mut request = kind.request();
    // Everything that the API knows is there, so that everything is changed.
    request["requestProperties"] = json!({ "shareMdClientIpAddress": true });
    request["capabilities"] = json!([]);
    let honest = request.to_string();
    let mut accepted = Vec::new();
    let mut refused = 0;
    for variant in variants(&request) {
        let message = kind.message(variant.text.clone());
        let before = judge::rows(&stage.world).await;
        let answer = stage.send(&message).await;
        let what = format!("{kind:?} {}: {}", variant.pointer, variant.what);
        if answer.status == 200 {
            accepted.push(variant);
            stage.rewind().await;
        } else {
            judge::refusal(&what, &message, &answer);
            assert_eq!(
                judge::rows(&stage.world).await,
                before,
                "{what} left a trace"
            );
            refused += 1;
        }
    }
    assert!(refused > 300, "{refused}");
    let (unsigned, signed): (Vec<_>, Vec<_>) = accepted
        .into_iter()
        .partition(|variant| not_signed(&variant.pointer, &variant.what));
    let names: Vec<_> = signed
        .iter()
        .map(|variant| (&variant.pointer, &variant.what))
        .collect();
    assert!(
        signed.len() < 12,
        "few changes are valid requests: {names:?}"
    );
    // Of a raw digest, nothing but the digest is signed: who asks, and what is shown, only the code protects
    // (splitkey.md §4.1).
    let covered = |pointer: &str| kind == Kind::Authentication || pointer.ends_with("/digest");
    let accepted = signed
        .into_iter()
        .map(|variant| (!covered(&variant.pointer), variant.text))
        .chain(
            unsigned
                .into_iter()
                .take(1)
                .map(|variant| (true, variant.text)),
        )
        .chain([(true, honest.into_bytes())]);
    for (verifies_still, text) in accepted {
        stage.rewind().await;
        stage.phone.restart();
        let started = stage.send(&kind.message(text.clone())).await.json();
        let session = started["sessionID"].as_str().unwrap().to_owned();
        let status = answered(&mut stage, kind, &session).await;
        let what = String::from_utf8_lossy(&text);
        assert_eq!(verifies(kind, &request, &status), verifies_still, "{what}");
    }
}

#[test]
fn every_change_of_an_authentication_is_refused_or_signed() {
    block_on(every_change_is_refused_or_signed(Kind::Authentication));
}

#[test]
fn every_change_of_a_signature_request_is_refused_or_signed() {
    block_on(every_change_is_refused_or_signed(Kind::Signature));
}

#[test]
fn every_bit_of_a_result_counts() {
    block_on(async {
        let mut stage = Stage::at(Moment::Account).await;
        for kind in [Kind::Authentication, Kind::Signature] {
            stage.rewind().await;
            stage.phone.restart();
            let request = kind.request();
            let message = kind.message(request.to_string().into_bytes());
            let started = stage.send(&message).await.json();
            let session = started["sessionID"].as_str().unwrap().to_owned();
            let status = answered(&mut stage, kind, &session).await;
            assert!(verifies(kind, &request, &status));
            let value = status["signature"]["value"].as_str().unwrap();
            let signature = Base64::decode_vec(value).unwrap();
            for bit in 0..signature.len() * 8 {
                let mut changed = signature.clone();
                changed[bit / 8] ^= 1 << (bit % 8);
                let mut status = status.clone();
                status["signature"]["value"] = json!(Base64::encode_string(&changed));
                assert!(!verifies(kind, &request, &status), "bit {bit}");
            }
            if kind == Kind::Authentication {
                for field in ["serverRandom", "userChallenge"] {
                    let text = status["signature"][field].as_str().unwrap();
                    for at in 0..text.len() {
                        let mut changed = text.as_bytes().to_vec();
                        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
                        let mut status = status.clone();
                        status["signature"][field] = json!(String::from_utf8(changed).unwrap());
                        assert!(!verifies(kind, &request, &status), "{field} {at}");
                    }
                }
            }
        }
    });
}

/// Whatever the bytes: an answer below 500, and a problem document if it is none of the API's.
#[test]
fn no_garbage_makes_the_server_fail() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let stage = runtime.block_on(Stage::at(Moment::Account));
    let document = stage.world.service();
    let person = PERSON.parse().unwrap();
    let number = runtime.block_on(document.accounts_of(&person)).unwrap()[0]
        .document_number
        .clone();
    let mut messages: Vec<Message> = [Kind::Authentication, Kind::Signature]
        .map(|kind| kind.message(kind.request().to_string().into_bytes()))
        .into();
    for path in [
        format!("authentication/notification/document/{number}"),
        format!("signature/notification/document/{number}"),
        format!("signature/certificate/{number}"),
        format!("signature/notification/linked/{number}"),
        format!("signature/certificate-choice/notification/etsi/{PERSON}"),
        "signature/certificate-choice/device-link/anonymous".to_owned(),
        "authentication/device-link/anonymous".to_owned(),
        format!("authentication/device-link/etsi/{PERSON}"),
        format!("signature/device-link/document/{number}"),
    ] {
        messages.push(Message {
            path: format!("/smart-id-rp/v3/{path}"),
            ..messages[0].clone()
        });
    }
    // One that runs would be waited for.
    let session = "00000000-0000-4000-8000-000000000000";
    messages.push(Message {
        method: "GET".to_owned(),
        path: format!("/smart-id-rp/v3/session/{session}?timeoutMs=1000"),
        headers: vec![("accept".to_owned(), b"application/json".to_vec())],
        body: Vec::new(),
    });
    for path in [
        "/device/v1/configuration",
        "/certs/root.pem",
        "/health/ready",
        "/metrics",
    ] {
        messages.push(Message {
            method: "GET".to_owned(),
            path: path.to_owned(),
            headers: vec![("accept".to_owned(), b"*/*".to_vec())],
            body: Vec::new(),
        });
    }
    let judge = |what: &str, message: &Message| {
        if let Some(request) = message.request() {
            let answer = runtime.block_on(stage.world.dispatch(request));
            if answer.status != 200 {
                judge::refusal(what, message, &answer);
            }
            judge::no_panics();
        }
    };
    let mut runner = TestRunner::new(Config::with_cases(cases(60)));
    for message in &messages {
        for change in message.changes() {
            judge(&change.what, &change.message);
        }
        runner
            .run(&random(), |random| {
                let change = message.changed(random);
                judge(&change.what, &change.message);
                Ok(())
            })
            .unwrap();
    }
}
