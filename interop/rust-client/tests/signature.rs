//! Signing by notification, judged by the published client.

use openssl::{
    base64::{decode_block, encode_block},
    hash::MessageDigest,
    rsa::Padding,
    sign::{RsaPssSaltlen, Verifier},
};
use rust_client::{
    chain::certificate,
    phone::{OK_TESTNUMBER, Phone},
    relying_party::{client, client_in_session, confirmation, signature, with_another_bit},
    replay::serve_once,
    site::Site,
};
use serde_json::{Value, json};
use smart_id_rust_client::{
    error::SmartIdClientError,
    models::{
        api::{certificate_choice_session::SigningCertificateRequest, session_status::EndResult},
        common::{CertificateLevel, SessionConfig},
        signature::HashingAlgorithm,
    },
};

const DOCUMENT: &[u8] = b"We, the undersigned.";

#[tokio::test(flavor = "multi_thread")]
async fn the_client_accepts_a_signature_that_the_person_gave() {
    let site = Site::start().await;
    let phone = Phone::register(&site, &OK_TESTNUMBER).await;
    let client = client(&site.base, None);
    let hash = HashingAlgorithm::sha_512;
    let request = signature(
        &client.cfg,
        &encode_block(DOCUMENT),
        hash.clone(),
        confirmation(),
    )
    .unwrap();
    let person = OK_TESTNUMBER.semantics_identifier.to_owned();
    client
        .start_signature_notification_etsi_session(request, person)
        .await
        .unwrap();
    let SessionConfig::SignatureNotification { vc, .. } = client.get_session().unwrap() else {
        panic!("not a signature session");
    };
    assert!(
        phone.pending().await.contains(&vc.value),
        "the phone shows the server's code {}",
        vc.value
    );

    // The client waits while the person confirms.
    let (status, _) = tokio::join!(client.get_session_status(), phone.approve_signature());
    let status = status.unwrap();
    let result = status.result.unwrap();
    assert_eq!(result.end_result, EndResult::OK);
    let cert = status.cert.unwrap();
    let accepted = certificate(&cert.value).unwrap();
    assert!(site.chain("eid-q").await.verifies(&accepted).unwrap());
    assert!(
        !site.chain("eid-nq").await.verifies(&accepted).unwrap(),
        "the other CA did not issue it"
    );

    // What the client accepted is a signature over the document, to OpenSSL as well.
    let key = accepted.public_key().unwrap();
    let value = decode_block(&status.signature.unwrap().get_value()).unwrap();
    let verify = |document: &[u8]| {
        let mut verifier = Verifier::new(MessageDigest::sha512(), &key).unwrap();
        verifier.set_rsa_padding(Padding::PKCS1_PSS).unwrap();
        verifier
            .set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)
            .unwrap();
        verifier.verify_oneshot(&value, document).unwrap()
    };
    assert!(verify(DOCUMENT));
    assert!(!verify(b"We, the undersigned!"));

    // By document number: the same certificate beforehand, then a signature by it.
    let document = result.document_number.unwrap();
    let wanted = SigningCertificateRequest {
        relying_party_uuid: client.cfg.relying_party_uuid.clone(),
        relying_party_name: client.cfg.relying_party_name.clone(),
        certificate_level: CertificateLevel::QUALIFIED,
    };
    let beforehand = client
        .get_signing_certificate(document.clone(), wanted)
        .await
        .unwrap();
    assert_eq!(beforehand.value, cert.value);
    let request = signature(
        &client.cfg,
        &encode_block(DOCUMENT),
        HashingAlgorithm::sha3_384,
        confirmation(),
    )
    .unwrap();
    client
        .start_signature_notification_document_session(request, document.clone())
        .await
        .unwrap();
    phone.approve_signature().await;
    let status = client.get_session_status().await.unwrap();
    assert_eq!(status.result.unwrap().document_number, Some(document));
    assert_eq!(status.cert.unwrap().value, cert.value);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_refuses_a_signature_that_was_changed_on_the_way() {
    let site = Site::start().await;
    let phone = Phone::register(&site, &OK_TESTNUMBER).await;
    let rp = client(&site.base, None);
    let request = signature(
        &rp.cfg,
        &encode_block(DOCUMENT),
        HashingAlgorithm::sha_256,
        confirmation(),
    )
    .unwrap();
    let person = OK_TESTNUMBER.semantics_identifier.to_owned();
    rp.start_signature_notification_etsi_session(request, person)
        .await
        .unwrap();
    phone.approve_signature().await;
    let session = rp.get_session().unwrap();
    let genuine = site.session(session.session_id()).await;
    let judge = async |answer: &Value, session: &SessionConfig| {
        let replay = serve_once(answer).await.unwrap();
        client_in_session(&replay, session.clone(), None)
            .get_session_status()
            .await
    };
    judge(&genuine, &session)
        .await
        .expect("unchanged, it is accepted");

    let mut changed = genuine.clone();
    changed["signature"]["value"] = json!(with_another_bit(
        genuine["signature"]["value"].as_str().unwrap()
    ));
    let refusal = judge(&changed, &session)
        .await
        .expect_err("another signature");
    assert!(
        matches!(refusal, SmartIdClientError::InvalidResponseSignature(_)),
        "{refusal}"
    );

    let mut other_document = session.clone();
    if let SessionConfig::SignatureNotification { digest, .. } = &mut other_document {
        *digest = with_another_bit(digest);
    }
    assert_ne!(other_document, session);
    let refusal = judge(&genuine, &other_document)
        .await
        .expect_err("another document");
    assert!(
        matches!(refusal, SmartIdClientError::InvalidResponseSignature(_)),
        "{refusal}"
    );
}
