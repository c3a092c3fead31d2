//! RP API v2, with the same phones.

use crate::{PERSON, flows::verify};
use base64ct::{Base64, Encoding};
use device::{Event, View};
use engine::domain::AccountLevel;
use jiff::SignedDuration;
use pki::x509::Certificate;
use serde_json::{Value, json};
use splitkey::{Hash, Profile, Scheme};
use std::time::{Duration, Instant};
use tests::{
    Answer, PIN1, PIN2, SimulatedPhone, World, authentication_request, pin, signature_request,
};
use wire::{SessionId, VerificationCode, device_v1::Refusal, verification_code};

const TYPES: [(&str, &str); 4] = [
    ("displayTextAndPIN", "displayText60"),
    ("verificationCodeChoice", "displayText60"),
    ("confirmationMessage", "displayText200"),
    (
        "confirmationMessageAndVerificationCodeChoice",
        "displayText200",
    ),
];

/// A request that every operation takes, with one interaction; each has a nonce of its own.
fn request(interaction: &str) -> Value {
    let (_, text) = TYPES
        .iter()
        .find(|(kind, _)| *kind == interaction)
        .expect("a type of v2");
    json!({
        "relyingPartyUUID": "00000000-0000-4000-8000-000000000000",
        "relyingPartyName": "DEMO",
        "hash": Base64::encode_string(&[9; 32]),
        "hashType": "SHA256",
        "allowedInteractionsOrder": [{ "type": interaction, *text: "Hello?" }],
        "nonce": signature_request()["nonce"],
    })
}

async fn post(world: &World, path: &str, body: &Value) -> Answer {
    let json = [("content-type", "application/json".to_owned())];
    let path = format!("/smart-id-rp/v2/{path}");
    world
        .send("POST", &path, &json, body.to_string().into_bytes())
        .await
}

/// Starts a session; the answer is its id and nothing else.
async fn ask(world: &World, path: &str, body: &Value) -> String {
    let answer = post(world, path, body).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    let id = answer.json()["sessionID"]
        .as_str()
        .expect("an id")
        .to_owned();
    assert_eq!(answer.json(), json!({ "sessionID": id }));
    id
}

async fn log_in(world: &World, interaction: &str) -> String {
    let path = format!("authentication/etsi/{PERSON}");
    ask(world, &path, &request(interaction)).await
}

async fn read(world: &World, version: &str, session: &str) -> Answer {
    let path = format!("/smart-id-rp/{version}/session/{session}?timeoutMs=1000");
    world.send("GET", &path, &[], Vec::new()).await
}

async fn status(world: &World, session: &str) -> Value {
    let answer = read(world, "v2", session).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    answer.json()
}

/// Opens a request, goes through whatever its interaction asks up to the PIN pad, with the right code.
async fn open(world: &World, phone: &mut SimulatedPhone, session: &str) -> View {
    match phone.open(world, session).await {
        View::ChooseCode { .. } => {
            phone
                .act(world, Event::ChooseCode(verification_code(&[9; 32])))
                .await
        }
        view => view,
    }
}

async fn answer(world: &World, phone: &mut SimulatedPhone, session: &str, digits: &str) -> View {
    let view = open(world, phone, session).await;
    assert!(matches!(view, View::EnterPin { .. }), "{view:?}");
    phone.act(world, Event::EnterPin(pin(digits))).await
}

/// The names of what a status has.
fn names(status: &Value) -> Vec<&str> {
    status
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect()
}

#[tokio::test]
async fn an_authentication_signs_the_given_hash_of_each_kind() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    for (kind, hash, scheme) in [
        ("SHA256", vec![1; 32], Hash::Sha256),
        ("SHA384", vec![2; 48], Hash::Sha384),
        ("SHA512", vec![3; 64], Hash::Sha512),
    ] {
        let mut request = request("displayTextAndPIN");
        request["hashType"] = json!(kind);
        request["hash"] = json!(Base64::encode_string(&hash));
        let session = ask(&world, &format!("authentication/etsi/{PERSON}"), &request).await;
        let view = phone.open(&world, &session).await;
        let View::EnterPin { request, .. } = view else {
            panic!("{view:?}")
        };
        assert_eq!(request.shown_code(), Some(&verification_code(&hash)));
        let view = phone.act(&world, Event::EnterPin(pin(PIN1))).await;
        assert!(matches!(view, View::Completed(_)), "{view:?}");

        let status = status(&world, &session).await;
        let certificate = verify(&status, Scheme::Pkcs1v15(scheme), &hash);
        assert!(certificate.key_usage().unwrap().digital_signature());
        assert_eq!(
            names(&status),
            [
                "cert",
                "interactionFlowUsed",
                "result",
                "signature",
                "state"
            ]
        );
        assert_eq!(
            status["result"],
            json!({ "endResult": "OK", "documentNumber": phone.document_number() })
        );
        assert_eq!(
            status["signature"]["algorithm"],
            format!("{}WithRSAEncryption", kind.to_lowercase())
        );
        assert_eq!(names(&status["signature"]), ["algorithm", "value"]);
        assert_eq!(status["cert"]["certificateLevel"], "QUALIFIED");
    }
}

#[tokio::test]
async fn real_key_sizes_sign_as_well() {
    let world = World::with(|policy| policy.profile = Profile::Rsa6144).await;
    let mut phone = world.phone(PERSON).await;
    let session = log_in(&world, "verificationCodeChoice").await;
    answer(&world, &mut phone, &session, PIN1).await;
    let status = status(&world, &session).await;
    let certificate = verify(&status, Scheme::Pkcs1v15(Hash::Sha256), &[9; 32]);
    assert_eq!(certificate.public_key().rsa_modulus().unwrap().len(), 768);
}

#[tokio::test]
async fn a_certificate_is_chosen_and_then_signs() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let number = phone.document_number();
    for target in [format!("etsi/{PERSON}"), format!("document/{number}")] {
        let request = request("confirmationMessage");
        let session = ask(&world, &format!("certificatechoice/{target}"), &request).await;
        let view = phone.open(&world, &session).await;
        assert!(!matches!(view, View::EnterPin { .. }), "{view:?}");
        let chosen = status(&world, &session).await;
        assert_eq!(
            names(&chosen),
            ["cert", "interactionFlowUsed", "result", "state"]
        );
        assert_eq!(
            chosen["result"],
            json!({ "endResult": "OK", "documentNumber": number })
        );
        assert_eq!(
            chosen["cert"],
            json!({
                "value": Base64::encode_string(&phone.certificates()[1]),
                "certificateLevel": "QUALIFIED"
            })
        );

        let session = ask(&world, &format!("signature/{target}"), &request).await;
        let view = answer(&world, &mut phone, &session, PIN2).await;
        assert!(matches!(view, View::Completed(_)), "{view:?}");
        let signed = status(&world, &session).await;
        let certificate = verify(&signed, Scheme::Pkcs1v15(Hash::Sha256), &[9; 32]);
        assert!(certificate.key_usage().unwrap().non_repudiation());
        assert_eq!(signed["cert"], chosen["cert"]);
    }
}

#[tokio::test]
async fn every_interaction_is_shown_and_told() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    for (interaction, _) in TYPES {
        let mut request = request(interaction);
        // The first that the phone shows is taken.
        for (other, text) in TYPES.iter().filter(|(other, _)| *other != interaction) {
            let order = request["allowedInteractionsOrder"].as_array_mut().unwrap();
            order.push(json!({ "type": other, *text: "Not this." }));
        }
        for (operation, digits) in [("authentication", PIN1), ("signature", PIN2)] {
            let session = ask(&world, &format!("{operation}/etsi/{PERSON}"), &request).await;
            let view = answer(&world, &mut phone, &session, digits).await;
            let View::Completed(shown) = view else {
                panic!("{interaction}: {view:?}")
            };
            assert_eq!(shown.text, "Hello?");
            assert_eq!(
                status(&world, &session).await["interactionFlowUsed"],
                interaction
            );
        }
    }
}

/// What the person does instead of entering the PIN.
#[derive(Clone, Copy)]
enum Act {
    /// Refuses the first screen.
    Refuse,
    /// Refuses at the PIN.
    RefuseAtPin,
    /// Does not even open it.
    Decline(Refusal),
    ChooseWrongCode,
    Wait,
}

#[tokio::test]
async fn every_other_end_has_its_word() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let [short, choice, long, both] = TYPES.map(|(kind, _)| kind);
    for (interaction, act, word) in [
        (short, Act::Refuse, "USER_REFUSED_DISPLAYTEXTANDPIN"),
        (choice, Act::Refuse, "USER_REFUSED_VC_CHOICE"),
        (choice, Act::RefuseAtPin, "USER_REFUSED_DISPLAYTEXTANDPIN"),
        (long, Act::Refuse, "USER_REFUSED_CONFIRMATIONMESSAGE"),
        (
            both,
            Act::Refuse,
            "USER_REFUSED_CONFIRMATIONMESSAGE_WITH_VC_CHOICE",
        ),
        (choice, Act::ChooseWrongCode, "WRONG_VC"),
        (both, Act::ChooseWrongCode, "WRONG_VC"),
        (long, Act::Decline(Refusal::User {}), "USER_REFUSED"),
        (
            short,
            Act::Decline(Refusal::UnsupportedInteraction {}),
            "REQUIRED_INTERACTION_NOT_SUPPORTED_BY_APP",
        ),
        // v3 has a word for it.
        (
            short,
            Act::Decline(Refusal::ExpectedLinkedSession {}),
            "DOCUMENT_UNUSABLE",
        ),
        (short, Act::Wait, "TIMEOUT"),
    ] {
        let session = log_in(&world, interaction).await;
        let id: SessionId = session.parse().unwrap();
        match act {
            Act::Refuse => {
                phone.act(&world, Event::Refresh).await;
                phone.act(&world, Event::Open(id)).await;
                phone.act(&world, Event::Refuse).await;
            }
            Act::RefuseAtPin => {
                open(&world, &mut phone, &session).await;
                phone.act(&world, Event::Refuse).await;
            }
            Act::Decline(refusal) => {
                phone.act(&world, Event::Refresh).await;
                let event = Event::Decline {
                    session: id,
                    refusal,
                };
                phone.act(&world, event).await;
            }
            Act::ChooseWrongCode => {
                let wrong = wrong_code(&phone.open(&world, &session).await);
                phone.act(&world, Event::ChooseCode(wrong)).await;
            }
            Act::Wait => world.pass(SignedDuration::from_secs(90)),
        }
        assert_eq!(
            status(&world, &session).await,
            json!({ "state": "COMPLETE", "result": { "endResult": word } })
        );
    }
}

fn wrong_code(view: &View) -> VerificationCode {
    let View::ChooseCode { codes, .. } = view else {
        panic!("{view:?}")
    };
    let right = verification_code(&[9; 32]);
    assert!(codes.contains(&right));
    codes
        .iter()
        .find(|code| **code != right)
        .expect("another")
        .clone()
}

#[tokio::test]
async fn cancelling_where_the_device_is_chosen_has_its_word() {
    let world = World::new().await;
    let mut first = world.phone(PERSON).await;
    let mut second = world.phone(PERSON).await;
    for operation in ["authentication", "certificatechoice"] {
        let path = format!("{operation}/etsi/{PERSON}");
        let session = ask(&world, &path, &request("displayTextAndPIN")).await;
        let id: SessionId = session.parse().unwrap();
        first.act(&world, Event::Refresh).await;
        second.act(&world, Event::Refresh).await;
        second.act(&world, Event::Open(id)).await;
        second.act(&world, Event::Refuse).await;
        assert_eq!(
            status(&world, &session).await["result"],
            json!({ "endResult": "USER_REFUSED_CERT_CHOICE" })
        );
    }
}

/// Not 472: the session tells it, and the person's app why.
#[tokio::test]
async fn a_locked_key_ends_the_session_at_once() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let session = log_in(&world, "displayTextAndPIN").await;
    for _ in 0..3 {
        answer(&world, &mut phone, &session, "9513").await;
    }
    let unusable = json!({ "endResult": "DOCUMENT_UNUSABLE" });
    assert_eq!(status(&world, &session).await["result"], unusable);
    let session = log_in(&world, "displayTextAndPIN").await;
    assert_eq!(status(&world, &session).await["result"], unusable);
    // The other key is not locked.
    let path = format!("certificatechoice/etsi/{PERSON}");
    let session = ask(&world, &path, &request("displayTextAndPIN")).await;
    phone.open(&world, &session).await;
    assert_eq!(status(&world, &session).await["result"]["endResult"], "OK");
}

#[tokio::test]
async fn the_ip_address_is_shared_and_unknown_properties_come_back() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let mut request = request("displayTextAndPIN");
    request["requestProperties"] =
        json!({ "shareMdClientIpAddress": true, "vcChoice": true, "colour": "red" });
    for (operation, digits) in [
        ("authentication", Some(PIN1)),
        ("signature", Some(PIN2)),
        ("certificatechoice", None),
    ] {
        let session = ask(&world, &format!("{operation}/etsi/{PERSON}"), &request).await;
        match digits {
            Some(digits) => answer(&world, &mut phone, &session, digits).await,
            None => phone.open(&world, &session).await,
        };
        let status = status(&world, &session).await;
        assert_eq!(status["result"]["endResult"], "OK", "{operation}");
        assert_eq!(status["deviceIpAddress"], "192.0.2.1", "{operation}");
        assert_eq!(
            status["ignoredProperties"],
            json!(["colour", "vcChoice"]),
            "{operation}"
        );
    }
    request["requestProperties"] = json!({ "colour": "red" });
    let session = ask(&world, &format!("authentication/etsi/{PERSON}"), &request).await;
    answer(&world, &mut phone, &session, PIN1).await;
    let status = status(&world, &session).await;
    assert!(status.get("deviceIpAddress").is_none(), "{status}");
}

#[tokio::test]
async fn the_same_request_within_15_seconds_is_the_same_session() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let number = phone.document_number();
    for operation in ["authentication", "signature", "certificatechoice"] {
        let path = format!("{operation}/etsi/{PERSON}");
        let same = request("displayTextAndPIN");
        let first = ask(&world, &path, &same).await;
        world.pass(SignedDuration::from_secs(14));
        assert_eq!(ask(&world, &path, &same).await, first, "{operation}");
        let mut without_nonce = same.clone();
        without_nonce.as_object_mut().unwrap().remove("nonce");
        assert_ne!(ask(&world, &path, &without_nonce).await, first);
        assert_ne!(
            ask(&world, &path, &request("displayTextAndPIN")).await,
            first
        );
        let document = format!("{operation}/document/{number}");
        assert_ne!(ask(&world, &document, &same).await, first);
        world.pass(SignedDuration::from_secs(2));
        let later = ask(&world, &path, &same).await;
        assert_ne!(later, first, "{operation}");
        // What is over is not given again.
        let id: SessionId = later.parse().unwrap();
        phone.act(&world, Event::Refresh).await;
        let refusal = Refusal::User {};
        let event = Event::Decline {
            session: id,
            refusal,
        };
        phone.act(&world, event).await;
        assert_eq!(
            status(&world, &later).await["result"]["endResult"],
            "USER_REFUSED"
        );
        assert_ne!(ask(&world, &path, &same).await, later, "{operation}");
    }
    // The same body means another thing elsewhere.
    let same = request("displayTextAndPIN");
    let login = ask(&world, &format!("authentication/etsi/{PERSON}"), &same).await;
    let signature = ask(&world, &format!("signature/etsi/{PERSON}"), &same).await;
    assert_ne!(login, signature);
}

#[tokio::test]
async fn a_long_poll_ends_with_the_session() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let session = log_in(&world, "displayTextAndPIN").await;
    let path = format!("/smart-id-rp/v2/session/{session}");
    let started = Instant::now();
    let (polled, _) = tokio::join!(world.send("GET", &path, &[], Vec::new()), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        answer(&world, &mut phone, &session, PIN1).await
    });
    assert_eq!(polled.json()["result"]["endResult"], "OK");
    assert!(
        started.elapsed() < Duration::from_secs(30),
        "woken, not over"
    );
    assert_eq!(polled.json(), status(&world, &session).await);
    world.pass(SignedDuration::from_secs(300));
    assert_eq!(read(&world, "v2", &session).await.status, 404);
}

#[tokio::test]
async fn a_basic_account_is_471_unless_it_will_do() {
    let world = World::new().await;
    let mut phone = SimulatedPhone::new();
    phone
        .register_at(&world, PERSON, AccountLevel::Advanced)
        .await;
    let number = phone.document_number();
    for operation in ["authentication", "signature", "certificatechoice"] {
        for target in [format!("etsi/{PERSON}"), format!("document/{number}")] {
            let path = format!("{operation}/{target}");
            let refused = post(&world, &path, &request("displayTextAndPIN")).await;
            assert_eq!(refused.status, 471, "{}", refused.json());
            assert_eq!(refused.json()["code"], "no_suitable_account");
            let title = &refused.json()["title"];
            assert_eq!(title, "No suitable account of requested type found");
        }
    }
    for (operation, digits) in [("authentication", PIN1), ("signature", PIN2)] {
        let mut request = request("displayTextAndPIN");
        request["certificateLevel"] = json!("ADVANCED");
        let session = ask(&world, &format!("{operation}/etsi/{PERSON}"), &request).await;
        answer(&world, &mut phone, &session, digits).await;
        let status = status(&world, &session).await;
        let certificate = verify(&status, Scheme::Pkcs1v15(Hash::Sha256), &[9; 32]);
        assert_eq!(status["cert"]["certificateLevel"], "ADVANCED");
        assert_eq!(certificate.document_number().as_deref(), Some(&*number));
    }
}

#[tokio::test]
async fn a_qualified_account_answers_what_needs_less_or_a_qscd() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    for level in ["ADVANCED", "QSCD"] {
        let mut request = request("displayTextAndPIN");
        request["certificateLevel"] = json!(level);
        let session = ask(&world, &format!("signature/etsi/{PERSON}"), &request).await;
        answer(&world, &mut phone, &session, PIN2).await;
        assert_eq!(
            status(&world, &session).await["cert"]["certificateLevel"],
            "QUALIFIED"
        );
    }
}

#[tokio::test]
async fn a_session_is_read_through_its_own_version_only() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let old = log_in(&world, "displayTextAndPIN").await;
    let new = world.ask_to_authenticate(PERSON).await;
    for (session, other) in [(&old, "v3"), (&new, "v2")] {
        assert_eq!(read(&world, other, session).await.status, 404);
        phone.answer(&world, session, PIN1).await;
        assert_eq!(read(&world, other, session).await.status, 404);
    }
    assert_eq!(status(&world, &old).await["result"]["endResult"], "OK");
    assert_eq!(world.result(&new).await, "OK");
}

#[tokio::test]
async fn both_versions_count_towards_one_limit() {
    let world = World::with(|policy| policy.prompts_per_minute = 2).await;
    world.phone(PERSON).await;
    log_in(&world, "displayTextAndPIN").await;
    world.ask_to_authenticate(PERSON).await;
    let path = format!("authentication/etsi/{PERSON}");
    let refused = post(&world, &path, &request("displayTextAndPIN")).await;
    assert_eq!(refused.status, 429);
    let path = format!("authentication/notification/etsi/{PERSON}");
    let refused = world.post(&path, &authentication_request()).await;
    assert_eq!(refused.status, 429);
}

#[tokio::test]
async fn nobody_has_a_private_identifier() {
    let world = World::new().await;
    world.phone(PERSON).await;
    for identifier in [PERSON, "1"] {
        let path = format!("authentication/private/EE/{identifier}");
        let refused = post(&world, &path, &request("displayTextAndPIN")).await;
        assert_eq!(refused.status, 404);
        assert_eq!(refused.json()["code"], "unknown_private_identifier");
    }
}

#[tokio::test]
async fn evidence_of_both_keys_and_of_a_choice_stays() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let login = log_in(&world, "verificationCodeChoice").await;
    answer(&world, &mut phone, &login, PIN1).await;
    let path = format!("certificatechoice/etsi/{PERSON}");
    let choice = ask(&world, &path, &request("displayTextAndPIN")).await;
    phone.open(&world, &choice).await;
    let refusal = log_in(&world, "verificationCodeChoice").await;
    phone.open(&world, &refusal).await;
    phone.act(&world, Event::Refuse).await;

    let evidence = async |session: &str| {
        let evidence = world
            .service()
            .transaction_evidence(session.parse().unwrap());
        evidence.await.unwrap()
    };
    let login = evidence(&login).await;
    let signed = login.record.signed.as_ref().expect("a signature");
    assert_eq!(
        (&signed.payload, signed.digest.as_ref()),
        (&None, &[9; 32][..])
    );
    let certificate = &login
        .certificates
        .as_ref()
        .expect("whose it is")
        .certificate;
    let own = Certificate::parse(&phone.certificates()[0]).unwrap();
    assert_eq!(certificate.der(), own.der());
    assert_eq!(login.record.shown_text().as_deref(), Some("Hello?"));

    let choice = evidence(&choice).await.record;
    assert_eq!(
        (&*choice.kind, &*choice.end_result),
        ("certificate_choice", "OK")
    );
    assert!(choice.signed.is_none());
    // In the words of the API that was asked.
    assert_eq!(
        evidence(&refusal).await.record.end_result,
        "USER_REFUSED_VC_CHOICE"
    );
}
