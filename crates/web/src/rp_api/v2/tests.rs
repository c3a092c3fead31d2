use crate::testkit::{OTHER_ADDRESS, RP_ADDRESS, Site, certificate, json_post};
use axum::{body::Body, http::Request};
use base64ct::{Base64, Encoding};
use engine::domain::Api;
use serde_json::{Value, json};
use std::time::Instant;
use wire::{EndResult, InteractionType, SessionId};

const OPERATIONS: [&str; 3] = ["authentication", "signature", "certificatechoice"];
const PERSON: &str = "etsi/PNOEE-40504040001";
const DOCUMENT: &str = "document/PNOEE-40504040001-MOCK-Q";
const PRIVATE: &str = "private/JIO/JIOIDNR-1234567890123456";

fn path(operation: &str, target: &str) -> String {
    format!("/smart-id-rp/v2/{operation}/{target}")
}

/// A valid request for each operation.
fn request() -> Value {
    let mut request = certificate();
    request["hash"] = json!(Base64::encode_string(&[7; 64]));
    request["hashType"] = json!("SHA512");
    request["allowedInteractionsOrder"] =
        json!([{ "type": "displayTextAndPIN", "displayText60": "Log in?" }]);
    request
}

fn with(name: &str, value: Value) -> Value {
    let mut request = request();
    request[name] = value;
    request
}

#[tokio::test]
async fn whoever_is_unknown_is_not_found() {
    let site = Site::new().await;
    for operation in OPERATIONS {
        for (target, code) in [
            (PERSON, "unknown_person"),
            (DOCUMENT, "unknown_document"),
            (PRIVATE, "unknown_private_identifier"),
        ] {
            site.post(&path(operation, target), &request())
                .await
                .problem(404, code);
        }
    }
}

#[tokio::test]
async fn a_private_identifier_is_looked_for_after_the_request_is_checked() {
    let site = Site::new().await;
    for operation in OPERATIONS {
        let path = path(operation, PRIVATE);
        site.post(&path, &with("relyingPartyName", json!("")))
            .await
            .problem(400, "invalid_request");
        site.post_from(OTHER_ADDRESS, &path, &request())
            .await
            .problem(401, "address_not_allowed");
        site.post(&path, &with("capabilities", json!(["x"])))
            .await
            .problem(403, "not_permitted");
    }
    // Whatever it is: no form is agreed.
    for target in ["private/A/%20%C3%A4", "private/%ff/1", "private/%2F/%2F"] {
        site.post(&path("signature", target), &request())
            .await
            .problem(404, "unknown_private_identifier");
    }
}

#[tokio::test]
async fn the_relying_party_is_checked() {
    let site = Site::new().await;
    for operation in OPERATIONS {
        let path = path(operation, PERSON);
        site.post_from(OTHER_ADDRESS, &path, &request())
            .await
            .problem(401, "address_not_allowed");
        site.post(&path, &with("relyingPartyName", json!("EMOD")))
            .await
            .problem(401, "name_not_allowed");
        let nobody = json!("00000000-0000-4000-8000-00000000dead");
        site.post(&path, &with("relyingPartyUUID", nobody))
            .await
            .problem(403, "unknown_relying_party");
        let answer = site
            .post(&path, &with("certificateLevel", json!("ADVANCED")))
            .await;
        assert_eq!(
            answer.problem(403, "not_permitted")["errors"][0]["pointer"],
            "/certificateLevel"
        );
        let share = json!({ "shareMdClientIpAddress": true });
        let answer = site.post(&path, &with("requestProperties", share)).await;
        assert_eq!(
            answer.problem(403, "not_permitted")["errors"][0]["pointer"],
            "/requestProperties/shareMdClientIpAddress"
        );
    }
}

#[tokio::test]
async fn malformed_fields_are_all_named() {
    let site = Site::new().await;
    let mut request = with("hashType", json!("SHA256"));
    request["relyingPartyName"] = json!("x".repeat(33));
    request["nonce"] = json!("");
    request["allowedInteractionsOrder"] = json!("W10=");
    for (operation, expected) in [
        (
            "authentication",
            &[
                "/relyingPartyName",
                "/nonce",
                "/hash",
                "/allowedInteractionsOrder",
            ][..],
        ),
        (
            "signature",
            &[
                "/relyingPartyName",
                "/nonce",
                "/hash",
                "/allowedInteractionsOrder",
            ],
        ),
        ("certificatechoice", &["/relyingPartyName", "/nonce"]),
    ] {
        let problem = site
            .post(&path(operation, PERSON), &request)
            .await
            .problem(400, "invalid_request");
        let errors = problem["errors"].as_array().unwrap();
        let pointers: Vec<_> = errors.iter().map(|error| &error["pointer"]).collect();
        assert_eq!(pointers, expected, "{operation}");
        assert_eq!(errors[0]["paramName"], "relyingPartyName");
    }
}

#[tokio::test]
async fn a_qscd_is_for_signatures_and_their_certificates() {
    let site = Site::new().await;
    let request = with("certificateLevel", json!("QSCD"));
    site.post(&path("authentication", PERSON), &request)
        .await
        .problem(400, "invalid_request");
    for operation in ["signature", "certificatechoice"] {
        site.post(&path(operation, PERSON), &request)
            .await
            .problem(404, "unknown_person");
    }
}

#[tokio::test]
async fn a_malformed_identifier_in_the_path_is_named() {
    let site = Site::new().await;
    for operation in OPERATIONS {
        for (target, name) in [
            ("etsi/pnoee-40504040001", "semantics-identifier"),
            ("document/PNOEE-40504040001-MOCK-X", "document-number"),
        ] {
            let problem = site
                .post(&path(operation, target), &request())
                .await
                .problem(400, "invalid_request");
            assert_eq!(problem["errors"][0]["paramName"], name);
        }
    }
}

#[tokio::test]
async fn what_is_no_json_object_or_no_post_is_refused() {
    let site = Site::new().await;
    for operation in OPERATIONS {
        let path = path(operation, PERSON);
        for body in ["", "{", "[]", "null"] {
            site.send_from(RP_ADDRESS, json_post(&path, body))
                .await
                .problem(400, "malformed_body");
        }
        let answer = site.get(&path).await;
        answer.problem(405, "method_not_allowed");
        assert_eq!(answer.header("allow"), "POST");
    }
}

#[tokio::test]
async fn repeated_slashes_lead_to_the_same_place() {
    let path = path("authentication", PERSON).replace("/v2/", "//v2///");
    Site::new()
        .await
        .post(&path, &request())
        .await
        .problem(404, "unknown_person");
}

fn status_path(version: &str, id: SessionId) -> String {
    format!("/smart-id-rp/{version}/session/{id}?timeoutMs=1000")
}

#[tokio::test]
async fn a_session_is_read_in_its_own_version_only() {
    let site = Site::new().await;
    let (old, new) = (
        site.pending_session_of(Api::V2).await,
        site.pending_session().await,
    );
    for (version, id, other) in [("v2", old, "v3"), ("v3", new, "v2")] {
        site.end_session(id, EndResult::Timeout).await;
        site.get(&status_path(other, id))
            .await
            .problem(404, "unknown_session");
        assert_eq!(
            site.get(&status_path(version, id)).await.json()["state"],
            "COMPLETE"
        );
    }
}

#[tokio::test]
async fn a_malformed_id_or_timeout_is_named() {
    let site = Site::new().await;
    let problem = site
        .get("/smart-id-rp/v2/session/nonsense")
        .await
        .problem(400, "invalid_request");
    assert_eq!(problem["errors"][0]["paramName"], "sessionID");
    let id = SessionId(uuid::Uuid::new_v4());
    for timeout in ["999", "120001", "x"] {
        let answer = site
            .get(&format!("/smart-id-rp/v2/session/{id}?timeoutMs={timeout}"))
            .await;
        assert_eq!(
            answer.problem(400, "invalid_request")["errors"][0]["paramName"],
            "timeoutMs"
        );
    }
    site.get(&status_path("v2", id))
        .await
        .problem(404, "unknown_session");
}

#[tokio::test]
async fn another_address_is_unauthorised() {
    let site = Site::new().await;
    let id = site.pending_session_of(Api::V2).await;
    let request = Request::get(status_path("v2", id))
        .body(Body::empty())
        .unwrap();
    site.send_from(OTHER_ADDRESS, request)
        .await
        .problem(401, "address_not_allowed");
}

#[tokio::test]
async fn a_running_session_is_waited_for_and_its_end_is_in_the_words_of_v2() {
    let site = Site::new().await;
    let id = site.pending_session_of(Api::V2).await;
    let start = Instant::now();
    assert_eq!(
        site.get(&status_path("v2", id)).await.json(),
        json!({ "state": "RUNNING" })
    );
    assert!(start.elapsed().as_millis() >= 950);
    let refused = EndResult::UserRefusedInteraction(InteractionType::VerificationCodeChoice);
    site.end_session(id, refused).await;
    assert_eq!(
        site.get(&status_path("v2", id)).await.json(),
        json!({
            "state": "COMPLETE",
            "result": { "endResult": "USER_REFUSED_VC_CHOICE" },
            "ignoredProperties": ["colour"],
        })
    );
    let given = r#"smart_id_given_session_results_total{end_result="USER_REFUSED_VC_CHOICE"}"#;
    assert_eq!(site.metric(given).await.as_deref(), Some("1"));
}

#[tokio::test]
async fn the_end_of_a_session_wakes_who_waits() {
    let site = std::sync::Arc::new(Site::new().await);
    let id = site.pending_session_of(Api::V2).await;
    let waiting = tokio::spawn({
        let site = site.clone();
        async move { site.get(&format!("/smart-id-rp/v2/session/{id}")).await }
    });
    while site.metric("smart_id_open_long_polls").await.as_deref() != Some("1") {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    site.end_session(id, EndResult::ProtocolFailure).await;
    let status = waiting.await.unwrap().json();
    assert_eq!(
        status["result"],
        json!({ "endResult": "DOCUMENT_UNUSABLE" })
    );
}
