//! Certificate choice, by link and by notification, and the signature that continues one.

use super::*;
use engine::service::NewRelyingParty;
use pki::x509::Certificate;

const NOTIFICATION: &str = "signature/certificate-choice/notification/etsi";

async fn choose_by_notification(world: &World, person: &str) -> String {
    let answer = world
        .post(&format!("{NOTIFICATION}/{person}"), &certificate_request())
        .await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    let answer = answer.json();
    assert_eq!(answer.as_object().unwrap().len(), 1, "{answer}");
    answer["sessionID"].as_str().unwrap().to_owned()
}

fn continuation(session: &str) -> Value {
    let mut request = signature_request();
    request["linkedSessionID"] = json!(session);
    request
}

async fn linked_signature(world: &World, document: &str, session: &str) -> String {
    let path = format!("signature/notification/linked/{document}");
    let answer = world.post(&path, &continuation(session)).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    let answer = answer.json();
    assert_eq!(answer.as_object().unwrap().len(), 1, "no code: {answer}");
    answer["sessionID"].as_str().unwrap().to_owned()
}

/// The signing certificate of the phone, at its account's level.
fn assert_chosen(status: &Value, phone: &SimulatedPhone, flow_type: &str) {
    let [_, signature, _] = phone.certificates();
    assert_eq!(
        *status,
        json!({
            "state": "COMPLETE",
            "result": { "endResult": "OK", "documentNumber": phone.document_number() },
            "signature": { "flowType": flow_type },
            "cert": {
                "value": base64ct::Base64::encode_string(&signature),
                "certificateLevel": "QUALIFIED",
            },
            "interactionTypeUsed": "displayTextAndPIN",
        })
    );
    let certificate = Certificate::parse(&signature).unwrap();
    assert!(certificate.key_usage().unwrap().non_repudiation());
}

#[tokio::test]
async fn whoever_scans_gives_the_signing_certificate_without_a_pin() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    for link_type in LINKS {
        let session = certificate_choice(&world).await;
        let view = phone
            .act(&world, Event::Scan(session.link(link_type)))
            .await;
        assert!(matches!(view, View::ChooseCertificate(_)), "{view:?}");
        assert_eq!(world.result(&session.id).await, "");
        let view = phone.act(&world, Event::Confirm).await;
        assert!(matches!(view, View::CertificateGiven(_)), "{view:?}");
        let status = world.status(&session.id).await.json();
        assert_chosen(&status, &phone, link_type.flow_type().as_str());
        // The e-service waits for the signature, not for a return.
        assert!(phone.opened.is_empty());
    }
}

#[tokio::test]
async fn a_refused_choice_goes_back_to_the_e_service() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let session = certificate_choice(&world).await;
    phone
        .act(&world, Event::Scan(session.link(DeviceLinkType::Web2App)))
        .await;
    phone.act(&world, Event::Refuse).await;
    assert_eq!(world.result(&session.id).await, "USER_REFUSED");
    assert_eq!(phone.opened.len(), 1);
    assert!(parameter(&phone.opened[0], "userChallengeVerifier").is_none());
}

#[tokio::test]
async fn of_several_devices_the_one_that_confirms_gives_its_certificate() {
    let world = World::new().await;
    let mut one = world.phone(PERSON).await;
    let mut other = world.phone(PERSON).await;
    let session = choose_by_notification(&world, PERSON).await;
    let id = session.parse().unwrap();
    for phone in [&mut one, &mut other] {
        phone.act(&world, Event::Refresh).await;
        let view = phone.act(&world, Event::Open(id)).await;
        let View::ChooseCertificate(shown) = view else {
            panic!("{view:?}")
        };
        assert!(shown.several_devices);
    }
    let view = other.act(&world, Event::Confirm).await;
    assert!(matches!(view, View::CertificateGiven(_)), "{view:?}");
    let view = one.act(&world, Event::Confirm).await;
    assert_eq!(view, View::Problem(Problem::RequestGone));
    let status = world.status(&session).await.json();
    assert_chosen(&status, &other, "Notification");

    let session = choose_by_notification(&world, PERSON).await;
    one.act(&world, Event::Refresh).await;
    one.act(&world, Event::Open(session.parse().unwrap())).await;
    one.act(&world, Event::Refuse).await;
    assert_eq!(world.result(&session).await, "USER_REFUSED_CERT_CHOICE");
}

#[tokio::test]
async fn a_linked_signature_comes_to_the_phone_that_chose_and_then_goes_back() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let mut second = world.phone(PERSON).await;
    for link_type in LINKS {
        let choice = certificate_choice(&world).await;
        answer(&mut phone, &world, choice.link(link_type), PIN2).await;
        let session = linked_signature(&world, &phone.document_number(), &choice.id).await;
        let View::Home { pending, .. } = second.act(&world, Event::Refresh).await else {
            panic!()
        };
        assert!(pending.is_empty(), "{pending:?}");
        let View::Home { pending, .. } = phone.act(&world, Event::Refresh).await else {
            panic!()
        };
        assert_eq!(pending[0].verification_code, None);
        let view = phone.answer(&world, &session, PIN2).await;
        assert!(matches!(view, View::Completed(_)), "{view:?}");
        let status = world.status(&session).await.json();
        let certificate = verify(&status, Scheme::Pss(Hash::Sha256), &[9; 32]);
        let [_, chosen, _] = phone.certificates();
        assert_eq!(certificate.der(), chosen);
        assert_eq!(status["signature"]["flowType"], "Notification");
        let opened = std::mem::take(&mut phone.opened);
        if link_type.flow_type() == wire::FlowType::Qr {
            assert!(opened.is_empty());
            continue;
        }
        assert!(opened[0].starts_with(CALLBACK));
        assert_eq!(
            parameter(&opened[0], "sessionSecretDigest").unwrap(),
            Base64UrlUnpadded::encode_string(&Sha256::digest(&choice.secret)),
            "of the certificate choice"
        );
        world.pass(SignedDuration::from_mins(1));
    }
}

#[tokio::test]
async fn only_an_own_choice_by_link_that_ended_ok_with_this_account_is_continued() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let other = world.phone("PNOEE-40404040009").await;
    let document = phone.document_number();
    let refused = async |document: &str, session: &str| {
        let path = format!("signature/notification/linked/{document}");
        let answer = world.post(&path, &continuation(session)).await;
        assert_eq!(answer.status, 400, "{}", answer.json());
        let problem = answer.json();
        assert_eq!(problem["errors"][0]["pointer"], "/linkedSessionID");
    };
    refused(&document, "00000000-0000-4000-8000-000000000001").await;

    let running = certificate_choice(&world).await;
    refused(&document, &running.id).await;
    phone.act(&world, Event::Scan(running.qr(0))).await;
    phone.act(&world, Event::Refuse).await;
    refused(&document, &running.id).await;

    let login = authentication(&world, "anonymous").await;
    answer(&mut phone, &world, login.qr(0), PIN1).await;
    refused(&document, &login.id).await;

    let notified = choose_by_notification(&world, PERSON).await;
    phone.answer(&world, &notified, PIN2).await;
    assert_eq!(world.result(&notified).await, "OK");
    refused(&document, &notified).await;

    let chosen = certificate_choice(&world).await;
    answer(&mut phone, &world, chosen.qr(0), PIN2).await;
    refused(&other.document_number(), &chosen.id).await;

    let stranger = world
        .service()
        .add_relying_party(NewRelyingParty {
            uuid: None,
            names: vec!["OTHER".to_owned()],
            networks: Vec::new(),
            rights: Default::default(),
        })
        .await
        .unwrap();
    let mut request = continuation(&chosen.id);
    request["relyingPartyUUID"] = json!(stranger.uuid);
    request["relyingPartyName"] = json!("OTHER");
    let path = format!("signature/notification/linked/{document}");
    assert_eq!(world.post(&path, &request).await.status, 400);

    // The control; and the phone does not wait for ever.
    linked_signature(&world, &document, &chosen.id).await;
    world.pass(SignedDuration::from_secs(90));
    refused(&document, &chosen.id).await;
}

#[tokio::test]
async fn while_the_linked_signature_is_awaited_nothing_else_is_answered() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let choice = certificate_choice(&world).await;
    answer(&mut phone, &world, choice.qr(0), PIN2).await;

    let stranger = world.ask_to_sign(PERSON).await;
    let View::Home { pending, .. } = phone.act(&world, Event::Refresh).await else {
        panic!()
    };
    assert!(pending.is_empty(), "{pending:?}");
    assert_eq!(world.result(&stranger).await, "EXPECTED_LINKED_SESSION");

    let session = linked_signature(&world, &phone.document_number(), &choice.id).await;
    let view = phone.answer(&world, &session, PIN2).await;
    assert!(matches!(view, View::Completed(_)), "{view:?}");

    // That was it; and a wait is over after a while by itself.
    let session = world.ask_to_authenticate(PERSON).await;
    let view = phone.answer(&world, &session, PIN1).await;
    assert!(matches!(view, View::Completed(_)), "{view:?}");
    let choice = certificate_choice(&world).await;
    answer(&mut phone, &world, choice.qr(0), PIN2).await;
    world.pass(SignedDuration::from_secs(90));
    let session = world.ask_to_authenticate(PERSON).await;
    let view = phone.answer(&world, &session, PIN1).await;
    assert!(matches!(view, View::Completed(_)), "{view:?}");
}

/// Two customers of one shop ask for the same at the same moment: each has a link of her own.
#[tokio::test]
async fn equal_requests_for_links_get_links_of_their_own() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let mut request = certificate_request();
    request.as_object_mut().unwrap().remove("nonce");
    let path = "signature/certificate-choice/device-link/anonymous";
    let one = LinkSession::start(&world, path, &request).await;
    let other = LinkSession::start(&world, path, &request).await;
    assert_ne!(one.id, other.id);
    assert_ne!(one.token, other.token);
    answer(&mut phone, &world, one.qr(0), PIN2).await;
    assert_eq!(world.result(&one.id).await, "OK");
    assert_eq!(world.result(&other.id).await, "");
    // A notification for a known person is repeated without harm.
    let mut request = certificate_request();
    request.as_object_mut().unwrap().remove("nonce");
    let path = format!("{NOTIFICATION}/{PERSON}");
    let first = world.post(&path, &request).await.json();
    assert_eq!(world.post(&path, &request).await.json(), first);
    request["nonce"] = json!("1");
    assert_ne!(world.post(&path, &request).await.json(), first);
}

#[tokio::test]
async fn what_was_scanned_before_a_choice_is_answered_after_it() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let login = authentication(&world, "anonymous").await;
    phone.act(&world, Event::Scan(login.qr(0))).await;
    let choice = certificate_choice(&world).await;
    answer(&mut phone, &world, choice.qr(0), PIN2).await;
    let view = phone.answer(&world, &login.id, PIN1).await;
    assert!(matches!(view, View::Completed(_)), "{view:?}");
}

#[tokio::test]
async fn a_locked_pin2_gives_no_certificate() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    for _ in 0..3 {
        let session = world.ask_to_sign(PERSON).await;
        phone.answer(&world, &session, "95135").await;
        world.pass(SignedDuration::from_mins(1));
    }
    let session = choose_by_notification(&world, PERSON).await;
    assert_eq!(world.result(&session).await, "DOCUMENT_UNUSABLE");
    let session = certificate_choice(&world).await;
    let view = phone.act(&world, Event::Scan(session.qr(0))).await;
    assert_eq!(code(&view), "key_locked");
    assert_eq!(world.result(&session.id).await, "DOCUMENT_UNUSABLE");
}

#[tokio::test]
async fn the_phone_s_address_is_told_only_to_who_asked_and_may() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let trusted = world
        .service()
        .add_relying_party(NewRelyingParty {
            uuid: None,
            names: vec!["BANK".to_owned()],
            networks: Vec::new(),
            rights: engine::domain::RelyingPartyRights {
                share_device_ip: true,
                ..Default::default()
            },
        })
        .await
        .unwrap();
    let mut request = certificate_request();
    request["relyingPartyUUID"] = json!(trusted.uuid);
    request["relyingPartyName"] = json!("BANK");
    request["requestProperties"] = json!({ "shareMdClientIpAddress": true, "colour": 1 });
    let path = "signature/certificate-choice/device-link/anonymous";
    let session = LinkSession::start(&world, path, &request).await;
    answer(&mut phone, &world, session.qr(0), PIN2).await;
    let status = world.status(&session.id).await.json();
    assert_eq!(status["deviceIpAddress"], "192.0.2.1");
    assert_eq!(status["ignoredProperties"], json!(["colour"]));
}
