//! Every device-link flow that the published client has, certificate choice and the signature that continues it.

use openssl::{base64::encode_block, sha::sha256};
use rust_client::{
    chain::certificate,
    phone::{OK_TESTNUMBER, Phone},
    relying_party::{client, confirmation},
    site::Site,
};
use smart_id_rust_client::{
    client::smart_id_client::SmartIdClient,
    error::SmartIdClientError,
    models::{
        api::{
            authentication_session::{
                AuthenticationCertificateLevel, AuthenticationDeviceLinkRequest,
            },
            certificate_choice_session::{
                CertificateChoiceDeviceLinkRequest, CertificateChoiceNotificationRequest,
            },
            session_status::{EndResult, SessionStatusResponse},
            signature_session::{SignatureDeviceLinkRequest, SignatureNotificationLinkedRequest},
        },
        common::SessionConfig,
        device_link::DeviceLinkType,
        signature::{HashingAlgorithm, SignatureAlgorithm},
    },
};

const CALLBACK: &str = "https://rp.example.com/back?value=RrKjjT4aggzu27YBddX1bQ";
const DOCUMENT: &[u8] = b"We, the undersigned.";

/// The client puts the callback of a same-device link into its QR codes as well, where the API wants none: whoever shows
/// both with this client has two sessions.
fn callback(link_type: &DeviceLinkType) -> Option<String> {
    (*link_type != DeviceLinkType::QR).then(|| CALLBACK.to_owned())
}

fn log_in(client: &SmartIdClient, link_type: &DeviceLinkType) -> AuthenticationDeviceLinkRequest {
    AuthenticationDeviceLinkRequest::new(
        &client.cfg,
        vec![confirmation()],
        SignatureAlgorithm::RsassaPss,
        AuthenticationCertificateLevel::QUALIFIED,
        callback(link_type),
        HashingAlgorithm::sha3_512,
    )
    .unwrap()
}

fn sign(client: &SmartIdClient, link_type: &DeviceLinkType) -> SignatureDeviceLinkRequest {
    SignatureDeviceLinkRequest::new(
        &client.cfg,
        vec![confirmation()],
        encode_block(DOCUMENT),
        SignatureAlgorithm::RsassaPss,
        HashingAlgorithm::sha_256,
        callback(link_type),
    )
    .unwrap()
}

/// The person uses the client's link; the client judges the result.
async fn answered(
    client: &SmartIdClient,
    phone: &Phone,
    link_type: DeviceLinkType,
) -> (SessionStatusResponse, String) {
    let link = client.generate_device_link(link_type, "eng").unwrap();
    let said = phone.scan(&link).await;
    let status = client
        .get_session_status()
        .await
        .unwrap_or_else(|error| panic!("{link}: {error}"));
    assert_eq!(status.result.as_ref().unwrap().end_result, EndResult::OK);
    (status, said)
}

/// SHA-256 of the session's secret in the address that the phone returns to.
fn assert_returned(said: &str, session: &SessionConfig) {
    let secret = match session {
        SessionConfig::AuthenticationDeviceLink { session_secret, .. }
        | SessionConfig::SignatureDeviceLink { session_secret, .. } => session_secret,
        other => panic!("{other:?}"),
    };
    let secret = openssl::base64::decode_block(secret).unwrap();
    let digest = encode_block(&sha256(&secret))
        .replace('+', "-")
        .replace('/', "_");
    let expected = format!(
        "{CALLBACK}&sessionSecretDigest={}",
        digest.trim_end_matches('=')
    );
    assert!(said.contains(&expected), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_accepts_log_ins_by_every_link() {
    let site = Site::start().await;
    let phone = Phone::register(&site, &OK_TESTNUMBER).await;
    let client = client(&site.base, None);
    let person = OK_TESTNUMBER.semantics_identifier;
    let mut document = String::new();
    for link_type in [
        DeviceLinkType::QR,
        DeviceLinkType::Web2App,
        DeviceLinkType::App2App,
    ] {
        for target in ["anonymous", "etsi", "document"] {
            let request = log_in(&client, &link_type);
            let started = match target {
                "anonymous" => {
                    client
                        .start_authentication_device_link_anonymous_session(request)
                        .await
                }
                "etsi" => {
                    client
                        .start_authentication_device_link_etsi_session(request, person.to_owned())
                        .await
                }
                _ => {
                    client
                        .start_authentication_device_link_document_session(
                            request,
                            document.clone(),
                        )
                        .await
                }
            };
            started.unwrap();
            let (status, said) = answered(&client, &phone, link_type.clone()).await;
            document = status.result.unwrap().document_number.unwrap();
            let accepted = certificate(&status.cert.unwrap().value).unwrap();
            assert!(site.chain("eid-q").await.verifies(&accepted).unwrap());
            if link_type != DeviceLinkType::QR {
                assert_returned(&said, &client.get_session().unwrap());
                assert!(said.contains("&userChallengeVerifier="), "{said}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_accepts_signatures_by_every_link() {
    let site = Site::start().await;
    let phone = Phone::register(&site, &OK_TESTNUMBER).await;
    let client = client(&site.base, None);
    for link_type in [
        DeviceLinkType::QR,
        DeviceLinkType::Web2App,
        DeviceLinkType::App2App,
    ] {
        client
            .start_signature_device_link_etsi_session(
                sign(&client, &link_type),
                OK_TESTNUMBER.semantics_identifier.to_owned(),
            )
            .await
            .unwrap();
        let (status, said) = answered(&client, &phone, link_type.clone()).await;
        if link_type != DeviceLinkType::QR {
            assert_returned(&said, &client.get_session().unwrap());
        }
        let document = status.result.unwrap().document_number.unwrap();
        client
            .start_signature_device_link_document_session(sign(&client, &link_type), document)
            .await
            .unwrap();
        answered(&client, &phone, link_type).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_chooses_a_certificate_and_has_its_linked_signature() {
    let site = Site::start().await;
    let phone = Phone::register(&site, &OK_TESTNUMBER).await;
    let client = client(&site.base, None);
    client
        .start_certificate_choice_anonymous_session(CertificateChoiceDeviceLinkRequest::new(
            &client.cfg,
        ))
        .await
        .unwrap();
    let choice = client.get_session().unwrap().session_id().to_owned();
    let (status, _) = answered(&client, &phone, DeviceLinkType::QR).await;
    let chosen = status.cert.unwrap().value;
    let document = status.result.unwrap().document_number.unwrap();

    let request = SignatureNotificationLinkedRequest::new(
        &client.cfg,
        vec![confirmation()],
        encode_block(DOCUMENT),
        SignatureAlgorithm::RsassaPss,
        choice,
        HashingAlgorithm::sha_512,
    )
    .unwrap();
    client
        .start_signature_notification_document_linked_session(request, document)
        .await
        .unwrap();
    phone.approve_signature().await;
    let status = client.get_session_status().await.unwrap();
    assert_eq!(status.cert.unwrap().value, chosen);

    client
        .start_certificate_choice_notification_etsi_session(
            CertificateChoiceNotificationRequest::new(&client.cfg),
            OK_TESTNUMBER.semantics_identifier.to_owned(),
        )
        .await
        .unwrap();
    phone.give_certificate().await;
    let status = client.get_session_status().await.unwrap();
    assert_eq!(status.cert.unwrap().value, chosen);
}

/// Faults of the client (version 0.3.3), which the server must not take for links of the relying party.
#[tokio::test(flavor = "multi_thread")]
async fn links_that_the_client_makes_wrongly_end_the_session() {
    let site = Site::start().await;
    let phone = Phone::register(&site, &OK_TESTNUMBER).await;
    let client = client(&site.base, None);

    // A QR code of a session that has a callback: the client puts the callback into the authCode.
    client
        .start_authentication_device_link_anonymous_session(log_in(
            &client,
            &DeviceLinkType::Web2App,
        ))
        .await
        .unwrap();
    assert_ended(&client, &phone, DeviceLinkType::QR).await;

    // A same-device certificate choice: the client names a signature protocol, where the API has none.
    let mut request = CertificateChoiceDeviceLinkRequest::new(&client.cfg);
    request.initial_callback_url = Some(CALLBACK.to_owned());
    client
        .start_certificate_choice_anonymous_session(request)
        .await
        .unwrap();
    assert_ended(&client, &phone, DeviceLinkType::App2App).await;
}

async fn assert_ended(client: &SmartIdClient, phone: &Phone, link_type: DeviceLinkType) {
    let link = client.generate_device_link(link_type, "eng").unwrap();
    let said = phone.scan_in_vain(&link).await;
    assert!(said.contains("not made by the e-service"), "{said}");
    let error = client.get_session_status().await.expect_err("ended");
    assert!(
        matches!(error, SmartIdClientError::ProtocolFailureException),
        "{error}"
    );
}
