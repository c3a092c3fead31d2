//! Who may not use a link, and how a person says no.

use super::*;
use device::PinEntry;
use engine::{domain::AccountLevel, service::NewRelyingParty};
use wire::InteractionType;

#[tokio::test]
async fn a_link_for_somebody_is_nobody_else_s() {
    let world = World::new().await;
    let mut owner = world.phone(PERSON).await;
    let mut second = world.phone(PERSON).await;
    let mut stranger = world.phone("PNOEE-40404040009").await;
    let document = format!("document/{}", owner.document_number());
    let person = format!("etsi/{PERSON}");

    let session = signature(&world, &document).await;
    for phone in [&mut stranger, &mut second] {
        let view = phone.act(&world, Event::Scan(session.qr(0))).await;
        assert_eq!(code(&view), "wrong_person");
    }
    // The session goes on, and the right phone takes it.
    let view = answer(&mut owner, &world, session.qr(0), PIN2).await;
    assert!(matches!(view, View::Completed(_)), "{view:?}");

    let session = authentication(&world, &person).await;
    let view = stranger.act(&world, Event::Scan(session.qr(0))).await;
    assert_eq!(code(&view), "wrong_person");
    let view = answer(&mut second, &world, session.qr(0), PIN1).await;
    assert!(matches!(view, View::Completed(_)), "{view:?}");
}

#[tokio::test]
async fn an_account_of_a_lower_level_than_asked_for_is_told_so() {
    let world = World::new().await;
    let mut basic = SimulatedPhone::new();
    basic
        .register_at(&world, PERSON, AccountLevel::Advanced)
        .await;
    let session = authentication(&world, "anonymous").await;
    let view = basic.act(&world, Event::Scan(session.qr(0))).await;
    assert_eq!(code(&view), "level_too_low");
    assert_eq!(world.result(&session.id).await, "");
    let answer = world
        .post(
            &format!("authentication/device-link/etsi/{PERSON}"),
            &linked(authentication_request()),
        )
        .await;
    assert_eq!(answer.status, 404);
    assert_eq!(
        answer.json()["errors"][0]["code"],
        "NO_SUITABLE_ACCOUNT_FOUND"
    );
}

#[tokio::test]
async fn a_locked_key_ends_the_session_that_it_scans() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    for _ in 0..3 {
        let session = authentication(&world, "anonymous").await;
        let view = answer(&mut phone, &world, session.qr(0), "9513").await;
        assert!(matches!(view, View::WrongPin { .. }), "{view:?}");
    }
    let session = authentication(&world, "anonymous").await;
    let view = phone.act(&world, Event::Scan(session.qr(0))).await;
    assert!(
        matches!(view, View::Problem(_)) && code(&view) == "key_locked",
        "{view:?}"
    );
    assert_eq!(world.result(&session.id).await, "DOCUMENT_UNUSABLE");
    // PIN2 is another key.
    let session = signature(&world, &format!("etsi/{PERSON}")).await;
    let view = answer(&mut phone, &world, session.qr(0), PIN2).await;
    assert!(matches!(view, View::Completed(_)), "{view:?}");
    // Everybody who could answer is locked: the relying party knows at once.
    let session = authentication(&world, &format!("etsi/{PERSON}")).await;
    assert_eq!(world.result(&session.id).await, "DOCUMENT_UNUSABLE");
}

#[tokio::test]
async fn a_refusal_goes_back_to_the_e_service_as_well() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    for (link_type, to_pin_pad) in [
        (DeviceLinkType::Web2App, false),
        (DeviceLinkType::App2App, true),
        (DeviceLinkType::Qr { elapsed_seconds: 0 }, true),
    ] {
        let session = authentication(&world, "anonymous").await;
        phone
            .act(&world, Event::Scan(session.link(link_type)))
            .await;
        if to_pin_pad {
            phone.act(&world, Event::Confirm).await;
        }
        let view = phone.act(&world, Event::Refuse).await;
        assert!(matches!(view, View::Refused { .. }), "{view:?}");
        let status = world.status(&session.id).await.json();
        assert_eq!(
            status["result"],
            json!({
                "endResult": "USER_REFUSED_INTERACTION",
                "details": { "interaction": InteractionType::ConfirmationMessage },
            })
        );
        let opened = std::mem::take(&mut phone.opened);
        if link_type.flow_type() == wire::FlowType::Qr {
            assert!(opened.is_empty());
            continue;
        }
        assert_eq!(
            parameter(&opened[0], "sessionSecretDigest").unwrap(),
            Base64UrlUnpadded::encode_string(&Sha256::digest(&session.secret))
        );
        assert!(parameter(&opened[0], "userChallengeVerifier").is_some());
    }
}

#[tokio::test]
async fn a_request_may_be_declined_without_being_opened() {
    use wire::device_v1::Refusal;
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let choice = InteractionType::VerificationCodeChoice;
    for (refusal, result) in [
        (Refusal::User {}, "USER_REFUSED"),
        (Refusal::WrongVerificationCode {}, "WRONG_VC"),
        (
            Refusal::Interaction {
                interaction: choice,
            },
            "USER_REFUSED_INTERACTION",
        ),
        (
            Refusal::UnsupportedInteraction {},
            "REQUIRED_INTERACTION_NOT_SUPPORTED_BY_APP",
        ),
    ] {
        let session = world.ask_to_sign(PERSON).await;
        let id = session.parse().unwrap();
        let decline = Event::Decline {
            session: id,
            refusal,
        };
        let view = phone.act(&world, decline).await;
        assert_eq!(view, View::Problem(Problem::RequestGone), "not listed yet");
        phone.act(&world, Event::Refresh).await;
        let decline = Event::Decline {
            session: id,
            refusal,
        };
        let view = phone.act(&world, decline).await;
        assert!(matches!(view, View::Refused { .. }), "{view:?}");
        assert_eq!(world.result(&session).await, result);
        world.pass(SignedDuration::from_mins(1));
    }
}

#[tokio::test]
async fn what_is_no_device_link_is_told_without_asking_the_server() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let before = world.traffic().len();
    for text in ["", "https://example.com/", "WIFI:S:x;;", "4711"] {
        let view = phone.act(&world, Event::Scan(text.to_owned())).await;
        assert_eq!(view, View::Problem(Problem::NotADeviceLink), "{text}");
    }
    assert_eq!(world.traffic().len(), before);
    let elsewhere = authentication(&world, "anonymous")
        .await
        .qr(0)
        .replace("/device-link", "/other-link");
    let view = phone.act(&world, Event::Scan(elsewhere)).await;
    assert_eq!(code(&view), "device_link_gone");
}

#[tokio::test]
async fn a_phone_without_account_says_so() {
    let world = World::new().await;
    let mut phone = SimulatedPhone::new();
    let session = authentication(&world, "anonymous").await;
    let view = phone.act(&world, Event::Scan(session.qr(0))).await;
    assert_eq!(view, View::Welcome);
    let _: PinEntry = pin(PIN1);
}

#[tokio::test]
async fn whom_a_relying_party_acts_for_is_shown_signed_and_part_of_the_code() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let broker = world
        .service()
        .add_relying_party(NewRelyingParty {
            uuid: None,
            names: vec!["BROKER".to_owned()],
            networks: Vec::new(),
            rights: engine::domain::RelyingPartyRights {
                brokered_name: "Õunapood OÜ".to_owned(),
                ..Default::default()
            },
        })
        .await
        .unwrap();
    let mut request = linked(authentication_request());
    request["relyingPartyUUID"] = json!(broker.uuid);
    request["relyingPartyName"] = json!("broker");
    let mut session =
        LinkSession::start(&world, "authentication/device-link/anonymous", &request).await;
    session.brokered_name = "Õunapood OÜ".to_owned();
    let View::Confirm(shown) = phone.act(&world, Event::Scan(session.qr(0))).await else {
        panic!()
    };
    assert_eq!(shown.brokered_rp_name, "Õunapood OÜ");
    assert_eq!(shown.relying_party_name, "broker");

    let mut forgetful =
        LinkSession::start(&world, "authentication/device-link/anonymous", &request).await;
    forgetful.brokered_name = String::new();
    let view = phone.act(&world, Event::Scan(forgetful.qr(0))).await;
    assert_eq!(code(&view), "wrong_auth_code");
}
