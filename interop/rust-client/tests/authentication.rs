//! Log-in by notification, judged by the published client.

use rust_client::{
    chain::certificate,
    phone::{OK_TESTNUMBER, Phone},
    relying_party::{authentication, client, client_in_session, confirmation, with_another_bit},
    replay::serve_once,
    site::Site,
};
use serde_json::{Value, json};
use smart_id_rust_client::{
    client::smart_id_client::SmartIdClient,
    error::SmartIdClientError,
    models::{
        api::session_status::EndResult, common::SessionConfig, interaction::Interaction,
        signature::HashingAlgorithm, user_identity::UserIdentity,
    },
};

fn identity(surname: &str) -> UserIdentity {
    UserIdentity {
        given_name: OK_TESTNUMBER.given_name.to_owned(),
        surname: surname.to_owned(),
        identity_code: OK_TESTNUMBER.semantics_identifier.to_owned(),
    }
}

/// Returns the verification code that the client shows.
async fn start(client: &SmartIdClient, hash: HashingAlgorithm, interaction: Interaction) -> String {
    let request = authentication(&client.cfg, hash, interaction).unwrap();
    let person = OK_TESTNUMBER.semantics_identifier.to_owned();
    let code = client
        .start_authentication_notification_etsi_session(request, person)
        .await
        .unwrap();
    code.value
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_accepts_a_log_in_that_the_person_confirmed() {
    let site = Site::start().await;
    let phone = Phone::register(&site, &OK_TESTNUMBER).await;
    let client = client(&site.base, Some(identity(OK_TESTNUMBER.surname)));
    let code = start(&client, HashingAlgorithm::sha_512, confirmation()).await;
    assert!(
        phone.pending().await.contains(&code),
        "the phone shows the client's code {code}"
    );

    // The client waits while the person confirms.
    let (status, _) = tokio::join!(client.get_session_status(), phone.approve());
    let status = status.unwrap();
    let result = status.result.unwrap();
    assert_eq!(result.end_result, EndResult::OK);

    let accepted = certificate(&status.cert.unwrap().value).unwrap();
    assert!(site.chain("eid-q").await.verifies(&accepted).unwrap());
    assert!(
        !site.chain("eid-nq").await.verifies(&accepted).unwrap(),
        "the other CA did not issue it"
    );
    assert_eq!(
        accepted.public_key().unwrap().rsa().unwrap().n().num_bits(),
        6144
    );

    // Again by the document number of the first answer, and with a SHA-3 hash.
    let document = result.document_number.unwrap();
    let request = authentication(&client.cfg, HashingAlgorithm::sha3_256, confirmation()).unwrap();
    client
        .start_authentication_notification_document_session(request, document.clone())
        .await
        .unwrap();
    phone.approve().await;
    let status = client.get_session_status().await.unwrap();
    assert_eq!(status.result.unwrap().document_number, Some(document));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_refuses_a_log_in_that_was_changed_on_the_way() {
    let site = Site::start().await;
    let phone = Phone::register(&site, &OK_TESTNUMBER).await;
    let rp = client(&site.base, None);
    start(&rp, HashingAlgorithm::sha_256, confirmation()).await;
    phone.approve().await;
    let session = rp.get_session().unwrap();
    let genuine = site.session(session.session_id()).await;
    let judge = async |answer: &Value, session: &SessionConfig, identity: Option<UserIdentity>| {
        let replay = serve_once(answer).await.unwrap();
        client_in_session(&replay, session.clone(), identity)
            .get_session_status()
            .await
    };
    judge(&genuine, &session, None)
        .await
        .expect("unchanged, it is accepted");

    for (pointer, other) in [
        (
            "/signature/value",
            json!(with_another_bit(
                genuine["signature"]["value"].as_str().unwrap()
            )),
        ),
        (
            "/signature/serverRandom",
            json!("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        ),
        (
            "/signature/userChallenge",
            json!("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        ),
        ("/signature/flowType", json!("QR")),
        (
            "/signature/signatureAlgorithmParameters/saltLength",
            json!(20),
        ),
        (
            "/interactionTypeUsed",
            json!("confirmationMessageAndVerificationCodeChoice"),
        ),
    ] {
        let mut changed = genuine.clone();
        let field = changed.pointer_mut(pointer).expect(pointer);
        assert_ne!(*field, other);
        *field = other;
        let refusal = judge(&changed, &session, None).await.expect_err(pointer);
        assert!(
            matches!(refusal, SmartIdClientError::InvalidResponseSignature(_)),
            "{pointer}: {refusal}"
        );
    }

    let mut lower = genuine.clone();
    lower["cert"]["certificateLevel"] = json!("ADVANCED");
    let refusal = judge(&lower, &session, None)
        .await
        .expect_err("a lower level");
    assert!(
        matches!(
            refusal,
            SmartIdClientError::FailedToValidateSessionResponseCertificate(_)
        ),
        "{refusal}"
    );

    let refusal = judge(&genuine, &session, Some(identity("ELSE")))
        .await
        .expect_err("another person");
    assert!(
        matches!(
            refusal,
            SmartIdClientError::FailedToValidateSessionResponseCertificate(_)
        ),
        "{refusal}"
    );

    // What another session asked for, or another relying party.
    let mut other_challenge = session.clone();
    let mut other_name = session.clone();
    if let SessionConfig::AuthenticationNotification { rp_challenge, .. } = &mut other_challenge {
        *rp_challenge = with_another_bit(rp_challenge);
    }
    if let SessionConfig::AuthenticationNotification {
        relying_party_name, ..
    } = &mut other_name
    {
        *relying_party_name = "DEMa".to_owned();
    }
    for other in [other_challenge, other_name] {
        assert_ne!(other, session);
        let refusal = judge(&genuine, &other, None)
            .await
            .expect_err("another request");
        assert!(
            matches!(refusal, SmartIdClientError::InvalidResponseSignature(_)),
            "{refusal}"
        );
    }
}
