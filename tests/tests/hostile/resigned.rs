//! A hostile phone: JSON bodies changed and properly signed, so that the change reaches the decoder.

use crate::{
    block_on,
    json::{Variant, variants},
    message::Change,
    stage::{Moment, Stage},
};
use base64ct::{Base64, Encoding};
use serde_json::Value;

/// What has to come of a change, and why it is not a refusal.
#[expect(dead_code, reason = "the reasons are for whoever reads the test")]
enum Expected {
    Refused,
    /// Taken like the honest message.
    Taken(&'static str),
    /// Answered with this status, and what the protocol says happens.
    Answered(u16, &'static str),
    /// One or the other, by chance.
    Either(&'static str),
}

use Expected::{Answered, Either, Refused, Taken};

type Rule = fn(&Variant, &Value) -> Expected;

async fn every_change_is_refused(moment: Moment, rule: Rule) {
    let mut stage = Stage::at(moment).await;
    let honest: Value = serde_json::from_slice(&stage.message.body).unwrap();
    let (mut refused, mut others) = (0, Vec::new());
    for variant in variants(&honest) {
        let changed = serde_json::from_slice::<Value>(&variant.text).unwrap_or_default();
        match rule(&variant, &changed) {
            Refused => {
                let message = stage.resigned(&variant.text);
                let what = format!("{moment:?} {}: {}", variant.pointer, variant.what);
                let code = stage.refuses(&Change { what, message }).await;
                refused += usize::from(code.is_some());
            }
            expected => others.push((variant, expected)),
        }
    }
    assert!(refused > 50, "{refused}");
    stage.honest_is_taken().await;
    // The list of exceptions has none that is refused after all.
    for (variant, expected) in others {
        stage.rewind().await;
        let answer = stage.send(&stage.resigned(&variant.text)).await;
        let what = format!(
            "{moment:?} {} {}: {}",
            variant.pointer,
            variant.what,
            answer.json()
        );
        let success = (200..300).contains(&answer.status);
        match expected {
            Taken(_) => assert!(success, "{what}"),
            Answered(status, _) => assert_eq!(answer.status, status, "{what}"),
            Refused | Either(_) => assert!(answer.status < 500, "{what}"),
        }
    }
}

/// The value is base64 of as many bytes as before.
fn other_bytes(changed: &Value, pointer: &str, length: usize) -> bool {
    let text = changed
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default();
    Base64::decode_vec(text).is_ok_and(|bytes| bytes.len() == length)
}

fn seq(variant: &Variant, changed: &Value) -> Expected {
    if variant.pointer == "/seq"
        && changed["seq"].is_u64()
        && !variant.what.starts_with("member twice")
    {
        Taken("a difference is no error (splitkey.md §4.3): the token decides")
    } else {
        Refused
    }
}

#[test]
fn a_registration() {
    block_on(every_change_is_refused(
        Moment::Registration,
        |variant, changed| {
            let pointer = variant.pointer.as_str();
            match (pointer, variant.what.as_str()) {
                (_, "member twice" | "member twice, the other first") => Refused,
                ("/keys", "reversed") => Taken("keys are told apart by their purpose"),
                ("/tokenHash", _) if other_bytes(changed, pointer, 32) => {
                    Taken("the phone's own choice; with another it loses its own chain")
                }
                ("/keys/0/n1" | "/keys/1/n1", _) if other_bytes(changed, pointer, 64) => {
                    Either("another number may be a modulus as well; its proof will fail")
                }
                _ => Refused,
            }
        },
    ));
}

#[test]
fn a_begin_of_a_signature() {
    block_on(every_change_is_refused(
        Moment::BeginSign,
        |variant, changed| {
            let shows = changed["interactionTypes"].as_array();
            match (variant.pointer.as_str(), variant.what.as_str()) {
                ("/sessionId", "capitals") => {
                    Taken("RFC 9562 §4: hexadecimal digits in either case")
                }
                ("/interactionTypes", "missing" | "[]") => {
                    Answered(409, "a phone that can show nothing ends the session")
                }
                ("/interactionTypes", what)
                    if what == "reversed"
                        || what == "doubled"
                        || what == "many"
                        || what.starts_with("without") =>
                {
                    let shown = |kind: &Value| kind == "confirmationMessage";
                    if shows.is_some_and(|kinds| kinds.iter().any(shown)) {
                        Taken("what this phone can show is its own affair, in any order")
                    } else {
                        Answered(
                            409,
                            "a phone that cannot show what is asked ends the session",
                        )
                    }
                }
                _ => seq(variant, changed),
            }
        },
    ));
}

#[test]
fn a_begin_of_a_rotation() {
    block_on(every_change_is_refused(Moment::BeginRotate, seq));
}

#[test]
fn a_begin_of_a_sync() {
    block_on(every_change_is_refused(Moment::BeginSync, seq));
}

#[test]
fn a_refusal() {
    block_on(every_change_is_refused(Moment::Refusal, |_, _| Refused));
}

#[test]
fn a_device_link() {
    // What the link says is covered by its authCode (system `device_links::forged`); here its envelope.
    block_on(every_change_is_refused(Moment::DeviceLink, |_, _| Refused));
}

#[test]
fn a_consent() {
    block_on(async {
        let stage = Stage::at(Moment::Consent).await;
        let mut refused = 0;
        for text in [
            "",
            "{",
            "[]",
            "null",
            "\"x\"",
            r#"{"unknown":1}"#,
            "{}{}",
            "{},",
        ] {
            let message = stage.resigned(text.as_bytes());
            let what = format!("consent {text}");
            refused += u32::from(stage.refuses(&Change { what, message }).await.is_some());
        }
        assert_eq!(refused, 8);
        stage.honest_is_taken().await;
    });
}
