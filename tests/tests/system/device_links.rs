//! Device links: QR codes, links of a browser or an app on the same phone (RP API v3, "Device link flows").

mod certificates;
mod forged;
mod refused;

use crate::{
    PERSON,
    flows::{acsp_payload, verify},
};
use base64ct::{Base64UrlUnpadded, Encoding};
use device::{Event, Problem, View};
use jiff::SignedDuration;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use splitkey::{Hash, Scheme};
use tests::{
    LinkSession, PIN1, PIN2, SimulatedPhone, World, authentication_request, pin, signature_request,
};
use wire::device_link::DeviceLinkType;

const CALLBACK: &str = "https://rp.example.com/back?value=RrKjjT4aggzu27YBddX1bQ";

const LINKS: [DeviceLinkType; 3] = [
    DeviceLinkType::Qr { elapsed_seconds: 0 },
    DeviceLinkType::Web2App,
    DeviceLinkType::App2App,
];

/// A request for a device-link session, with a place to return to.
fn linked(mut request: Value) -> Value {
    request.as_object_mut().unwrap().remove("vcType");
    request["initialCallbackUrl"] = json!(CALLBACK);
    request
}

fn certificate_request() -> Value {
    let mut request = signature_request();
    let fields = request.as_object_mut().unwrap();
    for name in [
        "signatureProtocol",
        "signatureProtocolParameters",
        "interactions",
    ] {
        fields.remove(name);
    }
    linked(request)
}

async fn authentication(world: &World, target: &str) -> LinkSession {
    LinkSession::start(
        world,
        &format!("authentication/device-link/{target}"),
        &linked(authentication_request()),
    )
    .await
}

async fn signature(world: &World, target: &str) -> LinkSession {
    LinkSession::start(
        world,
        &format!("signature/device-link/{target}"),
        &linked(signature_request()),
    )
    .await
}

async fn certificate_choice(world: &World) -> LinkSession {
    LinkSession::start(
        world,
        "signature/certificate-choice/device-link/anonymous",
        &certificate_request(),
    )
    .await
}

/// Scans, and says yes to everything that is shown.
async fn answer(phone: &mut SimulatedPhone, world: &World, link: String, digits: &str) -> View {
    let mut view = phone.act(world, Event::Scan(link)).await;
    loop {
        let event = match view {
            View::Confirm(_) | View::ConfirmDevice(_) | View::ChooseCertificate(_) => {
                Event::Confirm
            }
            View::EnterPin { .. } => Event::EnterPin(pin(digits)),
            last => return last,
        };
        view = phone.act(world, event).await;
    }
}

fn code(view: &View) -> &str {
    match view {
        View::Problem(problem) => problem.code(),
        _ => panic!("{view:?}"),
    }
}

/// The query of a callback URL, by name.
fn parameter<'a>(url: &'a str, name: &str) -> Option<&'a str> {
    let (_, query) = url.split_once('?')?;
    query
        .split('&')
        .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

#[tokio::test]
async fn a_person_logs_in_by_every_kind_of_link_to_every_kind_of_target() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let document = format!("document/{}", phone.document_number());
    let person = format!("etsi/{PERSON}");
    for target in ["anonymous", &person, &document] {
        for link_type in LINKS {
            let session = authentication(&world, target).await;
            let view = answer(&mut phone, &world, session.link(link_type), PIN1).await;
            assert!(matches!(view, View::Completed(_)), "{target}: {view:?}");

            let status = world.status(&session.id).await.json();
            let flow_type = link_type.flow_type();
            assert_eq!(status["signature"]["flowType"], flow_type.as_str());
            let same_device =
                link_type == DeviceLinkType::Web2App || link_type == DeviceLinkType::App2App;
            let callback = if same_device { CALLBACK } else { "" };
            let payload = acsp_payload(&status, &session.request, callback, flow_type);
            verify(&status, Scheme::Pss(Hash::Sha256), &Sha256::digest(payload));

            let opened = std::mem::take(&mut phone.opened);
            if !same_device {
                assert!(opened.is_empty(), "{opened:?}");
                continue;
            }
            let [url] = &opened[..] else {
                panic!("{opened:?}")
            };
            assert!(url.starts_with(CALLBACK), "{url}");
            assert_eq!(
                parameter(url, "sessionSecretDigest").unwrap(),
                Base64UrlUnpadded::encode_string(&Sha256::digest(&session.secret))
            );
            let verifier = parameter(url, "userChallengeVerifier").unwrap();
            assert_eq!(
                status["signature"]["userChallenge"],
                Base64UrlUnpadded::encode_string(&Sha256::digest(verifier))
            );
        }
    }
}

#[tokio::test]
async fn a_person_signs_by_every_kind_of_link() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let document = format!("document/{}", phone.document_number());
    let person = format!("etsi/{PERSON}");
    for target in [&person, &document] {
        for link_type in LINKS {
            let session = signature(&world, target).await;
            let view = answer(&mut phone, &world, session.link(link_type), PIN2).await;
            assert!(matches!(view, View::Completed(_)), "{target}: {view:?}");
            let status = world.status(&session.id).await.json();
            verify(&status, Scheme::Pss(Hash::Sha256), &[9; 32]);
            assert_eq!(
                status["signature"]["flowType"],
                link_type.flow_type().as_str()
            );
            for url in std::mem::take(&mut phone.opened) {
                assert!(parameter(&url, "sessionSecretDigest").is_some());
                assert!(parameter(&url, "userChallengeVerifier").is_none(), "{url}");
            }
        }
    }
}

#[tokio::test]
async fn a_link_without_callback_leads_nowhere_afterwards() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let mut request = linked(authentication_request());
    request
        .as_object_mut()
        .unwrap()
        .remove("initialCallbackUrl");
    let session =
        LinkSession::start(&world, "authentication/device-link/anonymous", &request).await;
    let view = answer(
        &mut phone,
        &world,
        session.link(DeviceLinkType::Web2App),
        PIN1,
    )
    .await;
    assert!(matches!(view, View::Completed(_)), "{view:?}");
    assert!(phone.opened.is_empty());
    let status = world.status(&session.id).await.json();
    let flow_type = DeviceLinkType::Web2App.flow_type();
    let payload = acsp_payload(&status, &session.request, "", flow_type);
    verify(&status, Scheme::Pss(Hash::Sha256), &Sha256::digest(payload));
}

#[tokio::test]
async fn no_phone_lists_a_link_that_it_did_not_use_and_the_one_that_did_keeps_it() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let mut other = world.phone(PERSON).await;
    let session = authentication(&world, &format!("etsi/{PERSON}")).await;
    let View::Home { pending, .. } = phone.act(&world, Event::Refresh).await else {
        panic!()
    };
    assert!(pending.is_empty(), "{pending:?}");

    let view = phone.act(&world, Event::Scan(session.qr(0))).await;
    assert!(matches!(view, View::Confirm(_)), "{view:?}");
    phone.reboot();
    phone.act(&world, Event::AppStart).await;
    let view = phone.answer(&world, &session.id, PIN1).await;
    let View::Home { pending, .. } = other.act(&world, Event::Refresh).await else {
        panic!()
    };
    assert!(pending.is_empty(), "{pending:?}");
    assert!(matches!(view, View::Completed(_)), "{view:?}");
    assert_eq!(world.result(&session.id).await, "OK");
}

#[tokio::test]
async fn a_wrong_pin_may_be_followed_by_the_right_one_and_the_callback_is_the_last_one_s() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let session = authentication(&world, "anonymous").await;
    let link = session.link(DeviceLinkType::App2App);
    let view = answer(&mut phone, &world, link, "9513").await;
    assert!(matches!(view, View::WrongPin { .. }), "{view:?}");
    assert!(phone.opened.is_empty());
    let mut view = phone.act(&world, Event::TryAgain).await;
    if matches!(view, View::Confirm(_)) {
        view = phone.act(&world, Event::Confirm).await;
    }
    assert!(matches!(view, View::EnterPin { .. }), "{view:?}");
    let view = phone.act(&world, Event::EnterPin(pin(PIN1))).await;
    assert!(matches!(view, View::Completed(_)), "{view:?}");
    let status = world.status(&session.id).await.json();
    let verifier = parameter(&phone.opened[0], "userChallengeVerifier").unwrap();
    assert_eq!(
        status["signature"]["userChallenge"],
        Base64UrlUnpadded::encode_string(&Sha256::digest(verifier))
    );
}

#[tokio::test]
async fn a_lost_answer_leads_back_to_the_e_service_all_the_same() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let session = authentication(&world, "anonymous").await;
    let link = session.link(DeviceLinkType::Web2App);
    phone.act(&world, Event::Scan(link)).await;
    phone.act(&world, Event::Confirm).await;
    phone.fault = Some(tests::Fault::LoseAnswer);
    let view = phone.act(&world, Event::EnterPin(pin(PIN1))).await;
    assert_eq!(view, View::Problem(Problem::NoAnswer));
    phone.reboot();
    phone.act(&world, Event::AppStart).await;
    assert_eq!(world.result(&session.id).await, "OK");
    let status = world.status(&session.id).await.json();
    let verifier = parameter(&phone.opened[0], "userChallengeVerifier").unwrap();
    assert_eq!(
        status["signature"]["userChallenge"],
        Base64UrlUnpadded::encode_string(&Sha256::digest(verifier))
    );
}

#[tokio::test]
async fn of_two_phones_at_one_link_one_wins_and_the_other_is_told() {
    let world = World::new().await;
    let mut one = world.phone(PERSON).await;
    let mut other = world.phone("PNOEE-40404040009").await;
    for _ in 0..5 {
        let session = authentication(&world, "anonymous").await;
        let (first, second) = tokio::join!(
            one.act(&world, Event::Scan(session.qr(0))),
            other.act(&world, Event::Scan(session.qr(0))),
        );
        let won = |view: &View| matches!(view, View::Confirm(_));
        assert!(won(&first) != won(&second), "{first:?} {second:?}");
        let loser = if won(&first) { &second } else { &first };
        assert_eq!(code(loser), "device_link_taken");
        let winner = if won(&first) { &mut one } else { &mut other };
        winner.act(&world, Event::Confirm).await;
        let view = winner.act(&world, Event::EnterPin(pin(PIN1))).await;
        assert!(matches!(view, View::Completed(_)), "{view:?}");
        // Who came too late is told the same after the end, and so is whoever scans once more.
        for phone in [&mut one, &mut other] {
            let view = phone.act(&world, Event::Scan(session.qr(0))).await;
            assert_eq!(code(&view), "device_link_gone");
        }
    }
}

#[tokio::test]
async fn the_phone_that_has_a_link_may_use_it_again_in_the_same_way_only() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let session = authentication(&world, "anonymous").await;
    for _ in 0..2 {
        let view = phone.act(&world, Event::Scan(session.qr(0))).await;
        assert!(matches!(view, View::Confirm(_)), "{view:?}");
    }
    let web = session.link(DeviceLinkType::Web2App);
    let view = phone.act(&world, Event::Scan(web)).await;
    assert_eq!(code(&view), "device_link_taken");
    assert_eq!(world.result(&session.id).await, "");
}

#[tokio::test]
async fn a_code_is_good_for_five_seconds_and_a_link_as_long_as_its_session() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let session = authentication(&world, "anonymous").await;
    world.pass(SignedDuration::from_secs(30));
    for elapsed in [0, 24, 32, 1000] {
        let view = phone.act(&world, Event::Scan(session.qr(elapsed))).await;
        assert_eq!(code(&view), "device_link_stale", "{elapsed}");
        assert_eq!(world.result(&session.id).await, "", "{elapsed}");
    }
    let view = phone.act(&world, Event::Scan(session.qr(31))).await;
    assert!(matches!(view, View::Confirm(_)), "{view:?}");

    let session = authentication(&world, "anonymous").await;
    world.pass(SignedDuration::from_secs(89));
    let link = session.link(DeviceLinkType::App2App);
    let view = phone.act(&world, Event::Scan(link.clone())).await;
    assert!(matches!(view, View::Confirm(_)), "{view:?}");
    world.pass(SignedDuration::from_secs(1));
    assert_eq!(world.result(&session.id).await, "TIMEOUT");
    let view = phone.act(&world, Event::Scan(link)).await;
    assert_eq!(code(&view), "device_link_gone");
}

#[tokio::test]
async fn links_disturb_nobody_and_so_use_up_no_one_s_prompts() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    for _ in 0..20 {
        authentication(&world, &format!("etsi/{PERSON}")).await;
    }
    let session = world.ask_to_authenticate(PERSON).await;
    let view = phone.answer(&world, &session, PIN1).await;
    assert!(matches!(view, View::Completed(_)), "{view:?}");
}
