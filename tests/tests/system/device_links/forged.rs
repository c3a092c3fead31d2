//! Change one thing, and the link must fail.

use super::*;

/// What became of a session whose link was changed: the phone that used it has nothing, and no PIN was asked for.
async fn refused(world: &World, phone: &mut SimulatedPhone, link: String, session: &LinkSession) {
    let view = phone.act(world, Event::Scan(link.clone())).await;
    let code = code(&view);
    let result = world.result(&session.id).await;
    match code {
        // The authCode is the only thing that ends the session: whoever made the link knew its token.
        "wrong_auth_code" => assert_eq!(result, "PROTOCOL_FAILURE", "{link}"),
        "not_a_device_link" | "device_link_gone" | "device_link_stale" => {
            assert_eq!(result, "", "{link}");
        }
        other => panic!("{other}: {link}"),
    }
}

#[tokio::test]
async fn any_changed_character_of_a_link_is_refused() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let mut session = authentication(&world, "anonymous").await;
    let mut ended = 0;
    for link_type in LINKS {
        let length = session.link(link_type).len();
        for place in 0..length {
            if !world.is_running(&session.id).await {
                ended += 1;
                session = authentication(&world, "anonymous").await;
            }
            let honest = session.link(link_type);
            let mut bytes = honest.clone().into_bytes();
            // To a neighbour that is often as good a character as this one.
            bytes[place] = match bytes[place] {
                b'9' => b'8',
                b'z' => b'y',
                b'Z' => b'Y',
                byte => byte + 1,
            };
            let changed = String::from_utf8(bytes).unwrap();
            assert_ne!(changed, honest);
            refused(&world, &mut phone, changed, &session).await;
        }
    }
    assert!(ended > 100, "most of it is covered by the code: {ended}");
    // The control.
    let session = authentication(&world, "anonymous").await;
    let view = answer(&mut phone, &world, session.qr(0), PIN1).await;
    assert!(matches!(view, View::Completed(_)), "{view:?}");
}

#[tokio::test]
async fn a_link_made_from_anything_else_than_was_sent_is_refused() {
    type Change = (&'static str, fn(&mut LinkSession));
    let changes: [Change; 9] = [
        ("the secret", |session| session.secret[17] ^= 1),
        ("the length of the secret", |session| {
            session.secret.pop();
        }),
        ("the challenge", |session| {
            session.request["signatureProtocolParameters"]["rpChallenge"] =
                json!(base64ct::Base64::encode_string(&[8; 64]));
        }),
        ("the digest", |session| {
            session.request["signatureProtocolParameters"]["digest"] =
                json!(base64ct::Base64::encode_string(&[8; 32]));
        }),
        ("the interactions", |session| {
            let text = session.request["interactions"].as_str().unwrap();
            session.request["interactions"] = json!(text.replacen('W', "X", 1));
        }),
        ("the callback", |session| {
            session.request["initialCallbackUrl"] = json!(format!("{CALLBACK}x"));
        }),
        ("the name's case", |session| {
            session.request["relyingPartyName"] = json!("Demo");
        }),
        ("whom it acts for", |session| {
            session.brokered_name = "x".to_owned();
        }),
        ("what it is for, and the protocol", |session| {
            session.session_type = match session.session_type {
                wire::SessionType::Authentication => wire::SessionType::Signature,
                _ => wire::SessionType::Authentication,
            };
        }),
    ];
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let person = format!("etsi/{PERSON}");
    for (what, change) in changes {
        for link_type in LINKS {
            let honest = if what == "the digest" {
                signature(&world, &person).await
            } else {
                authentication(&world, &person).await
            };
            let mut forged = honest.clone();
            change(&mut forged);
            if forged.link(link_type) == honest.link(link_type) {
                // A QR code has no callback in it.
                assert_eq!(what, "the callback");
                continue;
            }
            let view = phone.act(&world, Event::Scan(forged.link(link_type))).await;
            assert_eq!(code(&view), "wrong_auth_code", "{what}");
            assert_eq!(world.result(&honest.id).await, "PROTOCOL_FAILURE", "{what}");
            // One chance: the right link comes too late.
            let view = phone.act(&world, Event::Scan(honest.link(link_type))).await;
            assert_eq!(code(&view), "device_link_gone", "{what}");
        }
    }
}

/// Made with the secret, but saying that it is for something else.
#[tokio::test]
async fn a_link_that_names_another_session_type_is_refused() {
    use wire::device_link::{AuthCodeFields, auth_code};
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    for other in ["cert", "sign"] {
        let session = authentication(&world, "anonymous").await;
        let honest = session.qr(0);
        let (unprotected, _) = honest.rsplit_once("&authCode=").unwrap();
        let changed = unprotected.replace("sessionType=auth", &format!("sessionType={other}"));
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let code = auth_code(
            &session.secret,
            &AuthCodeFields {
                scheme_name: "smart-id-demo",
                session_type: wire::SessionType::Authentication,
                challenge_or_digest: &text(
                    &session.request["signatureProtocolParameters"]["rpChallenge"],
                ),
                relying_party_name: "DEMO",
                brokered_rp_name: "",
                interactions: &text(&session.request["interactions"]),
                initial_callback_url: "",
            },
            &changed,
        );
        let view = phone
            .act(&world, Event::Scan(format!("{changed}&authCode={code}")))
            .await;
        assert_eq!(super::code(&view), "wrong_auth_code", "{other}");
        assert_eq!(world.result(&session.id).await, "PROTOCOL_FAILURE");
    }
}

#[tokio::test]
async fn a_link_of_one_session_does_not_open_another() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let one = authentication(&world, "anonymous").await;
    let other = authentication(&world, "anonymous").await;
    assert_ne!(one.token, other.token);
    assert_ne!(one.secret, other.secret);
    let mut mixed = one.clone();
    mixed.token.clone_from(&other.token);
    let view = phone.act(&world, Event::Scan(mixed.qr(0))).await;
    assert_eq!(code(&view), "wrong_auth_code");
    assert_eq!(world.result(&other.id).await, "PROTOCOL_FAILURE");
    assert_eq!(world.result(&one.id).await, "");
}

#[tokio::test]
async fn what_the_phone_learns_makes_no_link() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let session = authentication(&world, "anonymous").await;
    let link = session.link(DeviceLinkType::Web2App);
    let view = answer(&mut phone, &world, link, PIN1).await;
    assert!(matches!(view, View::Completed(_)), "{view:?}");
    let secrets = [
        session.secret.clone(),
        base64ct::Base64::encode_string(&session.secret).into_bytes(),
        Base64UrlUnpadded::encode_string(&session.secret).into_bytes(),
        hex(&session.secret).into_bytes(),
    ];
    let holds = |text: &[u8]| {
        secrets
            .iter()
            .any(|secret| text.windows(secret.len()).any(|window| window == secret))
    };
    let mut to_relying_party = 0;
    for exchange in world.traffic() {
        let answers = holds(&exchange.answer);
        if exchange.head.starts_with("POST /smart-id-rp/") {
            to_relying_party += u32::from(answers);
        } else {
            assert!(!answers && !holds(&exchange.body), "{}", exchange.head);
        }
    }
    assert_eq!(to_relying_party, 1, "the control");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
