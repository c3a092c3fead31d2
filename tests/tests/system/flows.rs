use crate::PERSON;
use base64ct::{Base64, Encoding};
use device::{Event, View};
use engine::{domain::AccountLevel, service::NewRelyingParty};
use jiff::SignedDuration;
use pki::x509::Certificate;
use serde_json::{Value, json};
use splitkey::{Hash, Profile, PublicKey, Scheme};
use tests::{PIN1, PIN2, SimulatedPhone, World, authentication_request, pin, signature_request};
use wire::{FlowType, InteractionType, acsp_v2};

/// Checks a finished session as its relying party would: signature over what was asked, under the returned certificate.
pub(crate) fn verify(status: &Value, scheme: Scheme, digest: &[u8]) -> Certificate {
    let text = |pointer: &str| {
        status
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_else(|| panic!("{pointer}: {status}"))
    };
    assert_eq!(text("/result/endResult"), "OK");
    let certificate =
        Certificate::parse(&Base64::decode_vec(text("/cert/value")).unwrap()).unwrap();
    let modulus = certificate.public_key().rsa_modulus().unwrap();
    let profile = (0..9)
        .filter_map(Profile::from_id)
        .find(|profile| profile.n_len() == modulus.len())
        .unwrap();
    let signature = Base64::decode_vec(text("/signature/value")).unwrap();
    PublicKey::new(profile, modulus)
        .unwrap()
        .verify(scheme, digest, &signature)
        .unwrap();
    certificate
}

fn acsp_digest(status: &Value, request: &Value) -> Vec<u8> {
    use sha2::Digest;
    let payload = acsp_payload(status, request, "", FlowType::Notification);
    sha2::Sha256::digest(payload).to_vec()
}

/// What the relying party says was signed.
pub(crate) fn acsp_payload(
    status: &Value,
    request: &Value,
    callback: &str,
    flow_type: FlowType,
) -> String {
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    acsp_v2::payload(&acsp_v2::Fields {
        scheme_name: "smart-id-demo",
        server_random: &text(&status["signature"]["serverRandom"]),
        rp_challenge: &text(&request["signatureProtocolParameters"]["rpChallenge"]),
        user_challenge: &text(&status["signature"]["userChallenge"]),
        relying_party_name: &text(&request["relyingPartyName"]),
        brokered_rp_name: "",
        interactions: &text(&request["interactions"]),
        interaction_type_used: InteractionType::from_word(&text(&status["interactionTypeUsed"]))
            .expect("a type"),
        initial_callback_url: callback,
        flow_type,
    })
}

#[tokio::test]
async fn a_person_registers_logs_in_and_signs() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;

    let session = world.ask_to_authenticate(PERSON).await;
    assert_eq!(world.result(&session).await, "");
    let view = phone.answer(&world, &session, PIN1).await;
    assert!(matches!(view, View::Completed(_)), "{view:?}");
    let status = world.status(&session).await.json();
    let digest = acsp_digest(&status, &authentication_request());
    let certificate = verify(&status, Scheme::Pss(Hash::Sha256), &digest);
    assert_eq!(
        certificate.document_number().as_deref(),
        Some(phone.document_number().as_str())
    );
    assert!(certificate.key_usage().unwrap().digital_signature());

    let session = world.ask_to_sign(PERSON).await;
    phone.answer(&world, &session, PIN2).await;
    let status = world.status(&session).await.json();
    let certificate = verify(&status, Scheme::Pss(Hash::Sha256), &[9; 32]);
    assert!(certificate.key_usage().unwrap().non_repudiation());
    assert_eq!(
        world.status(&session).await.json(),
        status,
        "repeated reads give the same result"
    );
}

#[tokio::test]
async fn real_key_sizes_give_6144_bit_signatures_in_both_paddings() {
    let world = World::with(|policy| policy.profile = Profile::Rsa6144).await;
    let mut phone = world.phone(PERSON).await;
    let mut request = signature_request();
    request["signatureProtocolParameters"] = json!({
        "digest": Base64::encode_string(&[9; 64]),
        "signatureAlgorithm": "sha512WithRSAEncryption"
    });
    for (scheme, parameters) in [
        (Scheme::Pkcs1v15(Hash::Sha512), None),
        (
            Scheme::Pss(Hash::Sha3_512),
            Some(json!({ "hashAlgorithm": "SHA3-512" })),
        ),
    ] {
        if let Some(parameters) = parameters {
            request["signatureProtocolParameters"]["signatureAlgorithm"] = json!("rsassa-pss");
            request["signatureProtocolParameters"]["signatureAlgorithmParameters"] = parameters;
        }
        let started = world
            .post(&format!("signature/notification/etsi/{PERSON}"), &request)
            .await
            .json();
        let session = started["sessionID"].as_str().unwrap().to_owned();
        assert!(matches!(
            phone.answer(&world, &session, PIN2).await,
            View::Completed(_)
        ));
        let status = world.status(&session).await.json();
        let certificate = verify(&status, scheme, &[9; 64]);
        assert_eq!(certificate.public_key().rsa_modulus().unwrap().len(), 768);
    }
}

#[tokio::test]
async fn both_certificates_are_issued_together_and_are_ready_at_once() {
    let world = World::new().await;
    let phone = world.phone(PERSON).await;
    let [authentication, signature, ca] = phone.certificates();
    let [authentication, signature, ca] =
        [authentication, signature, ca].map(|der| Certificate::parse(&der).unwrap());
    assert_eq!(authentication.not_before(), signature.not_before());
    let lifetime = authentication
        .not_after()
        .duration_since(authentication.not_before());
    assert_eq!(
        lifetime,
        SignedDuration::from_hours(1095 * 24) - SignedDuration::from_secs(1)
    );
    for certificate in [&authentication, &signature] {
        certificate.verify_signature(ca.public_key()).unwrap();
        assert_eq!(
            certificate.date_of_birth().unwrap().to_string(),
            "1905-04-04"
        );
        assert_eq!(certificate.subject().serial_number(), Some(PERSON));
    }
    let answer = world
        .post(
            &format!("signature/certificate/{}", phone.document_number()),
            &json!({ "relyingPartyUUID": "00000000-0000-4000-8000-000000000000", "relyingPartyName": "DEMO" }),
        )
        .await;
    assert_eq!(answer.json()["state"], "OK");
    assert_eq!(
        answer.json()["cert"]["value"],
        Base64::encode_string(signature.der())
    );
}

#[tokio::test]
async fn an_ignored_request_disappears_at_its_deadline_and_costs_nothing() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let session = world.ask_to_authenticate(PERSON).await;
    assert!(matches!(
        phone.open(&world, &session).await,
        View::EnterPin { .. }
    ));

    world.pass(SignedDuration::from_secs(89));
    assert_eq!(world.result(&session).await, "");
    world.pass(SignedDuration::from_secs(1));
    assert_eq!(world.result(&session).await, "TIMEOUT");
    // A late PIN is refused and not counted, even a wrong one.
    let view = phone.act(&world, Event::EnterPin(pin("9513"))).await;
    assert!(
        !matches!(view, View::WrongPin { .. } | View::Completed(_)),
        "{view:?}"
    );
    let session = world.ask_to_authenticate(PERSON).await;
    let View::WrongPin { attempts_left, .. } = phone.answer(&world, &session, "9513").await else {
        panic!()
    };
    assert_eq!(attempts_left, 2);
}

#[tokio::test]
async fn a_result_is_readable_for_five_minutes() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let session = world.ask_to_authenticate(PERSON).await;
    phone.answer(&world, &session, PIN1).await;
    world.pass(SignedDuration::from_secs(299));
    assert_eq!(world.result(&session).await, "OK");
    world.pass(SignedDuration::from_secs(1));
    assert_eq!(world.status(&session).await.status, 404);
    assert!(world.jobs().await.purged > 0);
    assert_eq!(world.status(&session).await.status, 404);
}

#[tokio::test]
async fn an_account_expires_after_three_years_to_the_second() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    world.pass(SignedDuration::from_hours(1095 * 24) - SignedDuration::from_secs(1));
    // The transport key of three years ago is gone; a phone fetches today's.
    world.jobs().await;
    let session = world.ask_to_authenticate(PERSON).await;
    assert!(matches!(
        phone.answer(&world, &session, PIN1).await,
        View::Completed(_)
    ));
    world.pass(SignedDuration::from_secs(1));
    let answer = world
        .post(
            &format!("authentication/notification/etsi/{PERSON}"),
            &authentication_request(),
        )
        .await;
    assert_eq!(answer.status, 404);
    assert_eq!(world.jobs().await.expired_accounts, 1);
    let view = phone.act(&world, Event::Refresh).await;
    assert!(matches!(view, View::AccountClosed { .. }), "{view:?}");
}

#[tokio::test]
async fn deleting_takes_effect_at_once() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let number = phone.document_number();
    let session = world.ask_to_authenticate(PERSON).await;
    phone.act(&world, Event::Refresh).await;
    assert!(matches!(
        phone.act(&world, Event::Delete).await,
        View::Deleted
    ));
    assert!(!phone.has_account());
    assert_eq!(world.result(&session).await, "DOCUMENT_UNUSABLE");
    for path in [format!("etsi/{PERSON}"), format!("document/{number}")] {
        let answer = world
            .post(
                &format!("authentication/notification/{path}"),
                &authentication_request(),
            )
            .await;
        assert_eq!(answer.status, 404, "{path}");
    }
}

#[tokio::test]
async fn one_person_has_several_accounts_and_the_first_phone_to_confirm_answers() {
    let world = World::new().await;
    let mut first = world.phone(PERSON).await;
    let mut second = world.phone(PERSON).await;
    assert_ne!(first.document_number(), second.document_number());

    let session = world.ask_to_authenticate(PERSON).await;
    first.act(&world, Event::Refresh).await;
    let View::Home { pending, .. } = second.act(&world, Event::Refresh).await else {
        panic!()
    };
    assert_eq!(pending.len(), 1);
    let view = second
        .act(&world, Event::Open(session.parse().unwrap()))
        .await;
    assert!(
        matches!(view, View::ConfirmDevice(_)),
        "no PIN before the device is confirmed: {view:?}"
    );
    assert!(matches!(
        second.answer(&world, &session, PIN1).await,
        View::Completed(_)
    ));
    let View::Home { pending, .. } = first.act(&world, Event::Refresh).await else {
        panic!()
    };
    assert!(pending.is_empty(), "the other phone no longer shows it");
    let status = world.status(&session).await.json();
    assert_eq!(status["result"]["documentNumber"], second.document_number());
}

#[tokio::test]
async fn registering_again_on_a_device_replaces_its_account() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let old = phone.document_number();
    phone.register(&world, PERSON).await;
    assert_ne!(phone.document_number(), old);
    let by_document = world
        .post(
            &format!("authentication/notification/document/{old}"),
            &authentication_request(),
        )
        .await;
    assert_eq!(by_document.status, 404);
    let session = world.ask_to_authenticate(PERSON).await;
    assert!(matches!(
        phone.answer(&world, &session, PIN1).await,
        View::Completed(_)
    ));
}

#[tokio::test]
async fn a_registration_code_is_valid_for_fifteen_minutes() {
    let world = World::new().await;
    let mut phone = SimulatedPhone::new();
    phone
        .act(
            &world,
            Event::Register {
                replace: false,
                birth_date: None,
            },
        )
        .await;
    let view = phone
        .act(
            &world,
            Event::ChoosePins {
                pin1: pin(PIN1),
                pin2: pin(PIN2),
            },
        )
        .await;
    let View::AwaitingIdentity {
        code, control_code, ..
    } = view
    else {
        panic!("{view:?}")
    };
    assert_eq!(
        world.service().control_code(&code).await.unwrap(),
        control_code
    );
    world.pass(SignedDuration::from_secs(15 * 60 - 1));
    assert!(world.service().control_code(&code).await.is_ok());
    world.pass(SignedDuration::from_secs(1));
    assert!(world.service().control_code(&code).await.is_err());
    assert_eq!(world.jobs().await.expired_registrations, 1);
    let view = phone.act(&world, Event::Refresh).await;
    assert!(matches!(view, View::RegistrationEnded { .. }), "{view:?}");
}

#[tokio::test]
async fn refusing_ends_the_request_on_all_phones() {
    let world = World::new().await;
    let mut first = world.phone(PERSON).await;
    let mut second = world.phone(PERSON).await;
    let session = world.ask_to_authenticate(PERSON).await;
    second.act(&world, Event::Refresh).await;
    first.act(&world, Event::Refresh).await;
    first
        .act(&world, Event::Open(session.parse().unwrap()))
        .await;
    let view = first.act(&world, Event::Refuse).await;
    assert!(matches!(view, View::Refused { .. }), "{view:?}");
    assert_eq!(world.result(&session).await, "USER_REFUSED_CERT_CHOICE");
    let View::Home { pending, .. } = second.act(&world, Event::Refresh).await else {
        panic!()
    };
    assert!(pending.is_empty());
}

#[tokio::test]
async fn refusing_a_confirmation_names_the_interaction() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let session = world.ask_to_authenticate(PERSON).await;
    phone.act(&world, Event::Refresh).await;
    let view = phone
        .act(&world, Event::Open(session.parse().unwrap()))
        .await;
    assert!(matches!(view, View::Confirm(_)), "{view:?}");
    phone.act(&world, Event::Refuse).await;
    let status = world.status(&session).await.json();
    assert_eq!(
        status["result"],
        json!({ "endResult": "USER_REFUSED_INTERACTION", "details": { "interaction": "confirmationMessage" } })
    );
}

#[tokio::test]
async fn a_wrong_verification_code_ends_the_request() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let mut request = authentication_request();
    request["interactions"] = json!(Base64::encode_string(
        br#"[{"type":"confirmationMessageAndVerificationCodeChoice","displayText200":"Hello?"}]"#
    ));
    for right in [true, false] {
        let started = world
            .post(
                &format!("authentication/notification/etsi/{PERSON}"),
                &request,
            )
            .await
            .json();
        let session = started["sessionID"].as_str().unwrap().to_owned();
        let view = phone.open(&world, &session).await;
        let View::ChooseCode { codes, .. } = view else {
            panic!("{view:?}")
        };
        let expected = wire::verification_code(&[7; 64]);
        let choice = codes
            .into_iter()
            .find(|code| (*code == expected) == right)
            .unwrap();
        let view = phone.act(&world, Event::ChooseCode(choice)).await;
        if right {
            assert!(matches!(view, View::EnterPin { .. }), "{view:?}");
            assert!(matches!(
                phone.act(&world, Event::EnterPin(pin(PIN1))).await,
                View::Completed(_)
            ));
        } else {
            assert_eq!(world.result(&session).await, "WRONG_VC");
        }
    }
}

#[tokio::test]
async fn basic_accounts_answer_only_who_may_ask_for_them() {
    let world = World::new().await;
    let mut phone = SimulatedPhone::new();
    phone
        .act(
            &world,
            Event::Register {
                replace: false,
                birth_date: None,
            },
        )
        .await;
    let view = phone
        .act(
            &world,
            Event::ChoosePins {
                pin1: pin(PIN1),
                pin2: pin(PIN2),
            },
        )
        .await;
    let View::AwaitingIdentity { code, .. } = view else {
        panic!("{view:?}")
    };
    world.vouch(&code, PERSON, AccountLevel::Advanced).await;
    phone.act(&world, Event::Refresh).await;
    phone
        .act(
            &world,
            Event::RepeatPins {
                pin1: pin(PIN1),
                pin2: pin(PIN2),
            },
        )
        .await;
    assert!(phone.document_number().ends_with("-NQ"));

    let path = format!("authentication/notification/etsi/{PERSON}");
    let refused = world.post(&path, &authentication_request()).await;
    assert_eq!(refused.status, 404);
    assert_eq!(
        refused.json()["errors"][0]["code"],
        "NO_SUITABLE_ACCOUNT_FOUND"
    );
    let mut request = authentication_request();
    request["certificateLevel"] = json!("ADVANCED");
    let session = world.post(&path, &request).await.json()["sessionID"]
        .as_str()
        .unwrap()
        .to_owned();
    phone.answer(&world, &session, PIN1).await;
    assert_eq!(
        world.status(&session).await.json()["cert"]["certificateLevel"],
        "ADVANCED"
    );

    let other = world
        .service()
        .add_relying_party(NewRelyingParty {
            uuid: None,
            names: vec!["OTHER".into()],
            networks: vec![],
            rights: Default::default(),
        })
        .await
        .unwrap();
    request["relyingPartyUUID"] = json!(other.uuid);
    request["relyingPartyName"] = json!("Other");
    assert_eq!(world.post(&path, &request).await.status, 403);
}

/// A phone that waits for its PINs to be repeated.
async fn phone_to_repeat_pins(world: &World) -> SimulatedPhone {
    let mut phone = SimulatedPhone::new();
    phone
        .act(
            world,
            Event::Register {
                replace: false,
                birth_date: None,
            },
        )
        .await;
    let view = phone
        .act(
            world,
            Event::ChoosePins {
                pin1: pin(PIN1),
                pin2: pin(PIN2),
            },
        )
        .await;
    let View::AwaitingIdentity { code, .. } = view else {
        panic!("{view:?}")
    };
    world.vouch(&code, PERSON, AccountLevel::Qualified).await;
    phone.act(world, Event::Refresh).await;
    phone
}

#[tokio::test]
async fn a_pin_repeated_wrongly_can_be_repeated_again() {
    let world = World::new().await;
    let mut phone = phone_to_repeat_pins(&world).await;
    let view = phone
        .act(
            &world,
            Event::RepeatPins {
                pin1: pin("9513"),
                pin2: pin(PIN2),
            },
        )
        .await;
    assert!(
        matches!(view, View::RepeatPins { mismatch: true, .. }),
        "{view:?}"
    );
    assert!(!phone.has_account());
    let view = phone
        .act(
            &world,
            Event::RepeatPins {
                pin1: pin(PIN1),
                pin2: pin(PIN2),
            },
        )
        .await;
    assert!(matches!(view, View::Registered(_)), "{view:?}");
}

#[tokio::test]
async fn five_failed_proofs_end_a_registration() {
    let world = World::new().await;
    let mut phone = phone_to_repeat_pins(&world).await;
    let mut view = View::Welcome;
    for _ in 0..5 {
        view = phone
            .act(
                &world,
                Event::RepeatPins {
                    pin1: pin(PIN1),
                    pin2: pin("95137"),
                },
            )
            .await;
    }
    assert!(matches!(view, View::RegistrationEnded { .. }), "{view:?}");
    assert!(
        world
            .service()
            .accounts_of(&PERSON.parse().unwrap())
            .await
            .unwrap()
            .is_empty()
    );
}
