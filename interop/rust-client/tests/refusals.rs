//! What the published client makes of sessions that end without a signature, and of requests that are turned away.

use rust_client::{
    phone::{OK_TESTNUMBER, Phone},
    relying_party::{authentication, client, config, confirmation},
    site::Site,
};
use smart_id_rust_client::{
    client::smart_id_client::SmartIdClient,
    error::SmartIdClientError,
    models::{common::VCCode, interaction::Interaction, signature::HashingAlgorithm},
};

async fn start(client: &SmartIdClient, person: &str) -> Result<VCCode, SmartIdClientError> {
    start_with(client, person, confirmation()).await
}

async fn start_with(
    client: &SmartIdClient,
    person: &str,
    interaction: Interaction,
) -> Result<VCCode, SmartIdClientError> {
    let request = authentication(&client.cfg, HashingAlgorithm::sha_512, interaction).unwrap();
    client
        .start_authentication_notification_etsi_session(request, person.to_owned())
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_arrives_as_an_error() {
    let site = Site::start().await;
    let phone = Phone::register(&site, &OK_TESTNUMBER).await;
    let client = client(&site.base, None);

    // The phone refuses where the request is shown: USER_REFUSED_INTERACTION, which the client does not know.
    start(&client, OK_TESTNUMBER.semantics_identifier)
        .await
        .unwrap();
    phone.refuse().await;
    let error = client.get_session_status().await.expect_err("refused");
    assert_eq!(
        error.to_string(),
        "Smart ID client exception: Unknown session end result"
    );

    // A session that nobody answers stays open: the long poll ends, and the session can be asked again.
    let mut impatient = config(&site.base);
    impatient.long_polling_timeout = 1000;
    let impatient = SmartIdClient::new(&impatient, None, vec![], vec![]);
    start(&impatient, OK_TESTNUMBER.semantics_identifier)
        .await
        .unwrap();
    for _ in 0..2 {
        let error = impatient.get_session_status().await.expect_err("not yet");
        assert!(
            matches!(
                error,
                SmartIdClientError::StatusRequestLongPollingTimeoutException
            ),
            "{error}"
        );
    }
    phone.approve().await;
    impatient.get_session_status().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_code_arrives_as_an_error_and_the_right_one_as_a_log_in() {
    let site = Site::start().await;
    let phone = Phone::register(&site, &OK_TESTNUMBER).await;
    let client = client(&site.base, None);
    let choice = || Interaction::ConfirmationMessageAndVerificationCodeChoice {
        display_text_200: "Which code?".to_owned(),
    };

    let code = start_with(&client, OK_TESTNUMBER.semantics_identifier, choice())
        .await
        .unwrap();
    phone.choose_wrongly(&code.value).await;
    let error = client.get_session_status().await.expect_err("wrong code");
    assert!(
        matches!(
            error,
            SmartIdClientError::UserSelectedWrongVerificationCodeException
        ),
        "{error}"
    );

    let code = start_with(&client, OK_TESTNUMBER.semantics_identifier, choice())
        .await
        .unwrap();
    phone.choose(&code.value).await;
    client.get_session_status().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_pin_arrives_as_an_error() {
    let site = Site::start().await;
    let phone = Phone::register(&site, &OK_TESTNUMBER).await;
    let client = client(&site.base, None);
    start(&client, OK_TESTNUMBER.semantics_identifier)
        .await
        .unwrap();
    for _ in 0..3 {
        phone.mistype().await;
    }
    let error = client.get_session_status().await.expect_err("locked");
    assert!(
        matches!(error, SmartIdClientError::DocumentUnusableException),
        "{error}"
    );

    // The next session ends so at once.
    start(&client, OK_TESTNUMBER.semantics_identifier)
        .await
        .unwrap();
    let error = client.get_session_status().await.expect_err("still locked");
    assert!(
        matches!(error, SmartIdClientError::DocumentUnusableException),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_turned_away_arrives_as_an_error() {
    let site = Site::start().await;
    let error = start(&client(&site.base, None), "PNOEE-30303039914")
        .await
        .expect_err("nobody");
    assert!(
        matches!(error, SmartIdClientError::NotFoundException),
        "{error}"
    );

    for (uuid, name, status) in [
        ("11111111-1111-4111-8111-111111111111", "DEMO", 403),
        ("00000000-0000-4000-8000-000000000000", "NOBODY", 401),
    ] {
        let mut stranger = config(&site.base);
        stranger.relying_party_uuid = uuid.to_owned();
        stranger.relying_party_name = name.to_owned();
        let stranger = SmartIdClient::new(&stranger, None, vec![], vec![]);
        let error = start(&stranger, OK_TESTNUMBER.semantics_identifier)
            .await
            .expect_err(name);
        // The client has no name for these: the problem document arrives as text.
        let SmartIdClientError::SmartIDAPIException(problem) = &error else {
            panic!("{error}")
        };
        let problem: serde_json::Value = serde_json::from_str(problem).expect(problem);
        assert_eq!(problem["status"], status);
    }
}
