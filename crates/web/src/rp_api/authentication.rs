//! `POST authentication/notification/…` and `authentication/device-link/…`.

use super::{Start, device_link_created};
use crate::{body::JsonBody, path::FromPath, problem::Failure, state::App};
use axum::{Json, Router, routing::post};
use engine::service::{StartedSession, Target};
use wire::{
    DocumentNumber, SemanticsIdentifier,
    rp_v3::{AuthenticationRequest, Channel, DeviceLinkSessionCreated, SessionCreated},
};

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route(
            "/smart-id-rp/v3/authentication/notification/etsi/{semantics-identifier}",
            post(notify_person),
        )
        .route(
            "/smart-id-rp/v3/authentication/notification/document/{document-number}",
            post(notify_document),
        )
        .route(
            "/smart-id-rp/v3/authentication/device-link/anonymous",
            post(link_anybody),
        )
        .route(
            "/smart-id-rp/v3/authentication/device-link/etsi/{semantics-identifier}",
            post(link_person),
        )
        .route(
            "/smart-id-rp/v3/authentication/device-link/document/{document-number}",
            post(link_document),
        )
}

async fn notify_person(
    start: Start,
    FromPath(person): FromPath<SemanticsIdentifier>,
    body: JsonBody,
) -> Result<Json<SessionCreated>, Failure> {
    notify(&start, Target::Person(person), &body).await
}

async fn notify_document(
    start: Start,
    FromPath(number): FromPath<DocumentNumber>,
    body: JsonBody,
) -> Result<Json<SessionCreated>, Failure> {
    notify(&start, Target::Document(number), &body).await
}

async fn link_anybody(
    start: Start,
    body: JsonBody,
) -> Result<Json<DeviceLinkSessionCreated>, Failure> {
    link(&start, Target::Anybody, &body).await
}

async fn link_person(
    start: Start,
    FromPath(person): FromPath<SemanticsIdentifier>,
    body: JsonBody,
) -> Result<Json<DeviceLinkSessionCreated>, Failure> {
    link(&start, Target::Person(person), &body).await
}

async fn link_document(
    start: Start,
    FromPath(number): FromPath<DocumentNumber>,
    body: JsonBody,
) -> Result<Json<DeviceLinkSessionCreated>, Failure> {
    link(&start, Target::Document(number), &body).await
}

async fn notify(
    start: &Start,
    target: Target,
    body: &JsonBody,
) -> Result<Json<SessionCreated>, Failure> {
    let session = authenticate(start, target, body, Channel::Notification).await?;
    Ok(Json(SessionCreated {
        session_id: session.id,
    }))
}

async fn link(
    start: &Start,
    target: Target,
    body: &JsonBody,
) -> Result<Json<DeviceLinkSessionCreated>, Failure> {
    device_link_created(authenticate(start, target, body, Channel::DeviceLink).await?)
}

async fn authenticate(
    start: &Start,
    target: Target,
    JsonBody(body): &JsonBody,
    channel: Channel,
) -> Result<StartedSession, Failure> {
    let request = AuthenticationRequest::parse(body, channel)?;
    let service = &start.app.service;
    let session = service
        .start_authentication(&start.caller, &target, &request)
        .await?;
    start.app.metrics.session_started("authentication");
    Ok(session)
}

#[cfg(test)]
mod tests {
    use crate::testkit::{OTHER_ADDRESS, RP_ADDRESS, Site, authentication, json_post};
    use axum::{
        body::Body,
        http::{Request, header},
    };
    use base64ct::{Base64, Encoding};
    use serde_json::{Value, json};

    const PERSON: &str = "/smart-id-rp/v3/authentication/notification/etsi/PNOEE-40504040001";
    const DOCUMENT: &str =
        "/smart-id-rp/v3/authentication/notification/document/PNOEE-40504040001-MOCK-Q";

    const LINKS: [&str; 3] = [
        "/smart-id-rp/v3/authentication/device-link/anonymous",
        "/smart-id-rp/v3/authentication/device-link/etsi/PNOEE-40504040001",
        "/smart-id-rp/v3/authentication/device-link/document/PNOEE-40504040001-MOCK-Q",
    ];

    /// A valid request for a link.
    fn link() -> Value {
        let mut request = authentication();
        request.as_object_mut().unwrap().remove("vcType");
        request["initialCallbackUrl"] = json!("https://rp.example.com/back?value=1");
        request
    }

    #[tokio::test]
    async fn whoever_uses_the_link_may_log_in() {
        let site = Site::new().await;
        let first = site.post(LINKS[0], &link()).await.json();
        let text = |name: &str| first[name].as_str().unwrap();
        assert_eq!(text("sessionID").len(), 36);
        let token = text("sessionToken");
        assert!(token.len() == 24 && token.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        let secret = text("sessionSecret");
        assert!(secret.len() == 24 && Base64::decode_vec(secret).unwrap().len() == 18);
        assert!(text("deviceLinkBase").ends_with("/device-link"));
        assert_eq!(first.as_object().unwrap().len(), 4);
        // Every challenge is new, so there is no repetition.
        let second = site.post(LINKS[0], &link()).await.json();
        for name in ["sessionID", "sessionToken", "sessionSecret"] {
            assert_ne!(first[name], second[name], "{name}");
        }
    }

    #[tokio::test]
    async fn a_link_for_somebody_unknown_is_not_found() {
        let site = Site::new().await;
        site.post(LINKS[1], &link())
            .await
            .problem(404, "unknown_person");
        site.post(LINKS[2], &link())
            .await
            .problem(404, "unknown_document");
    }

    #[tokio::test]
    async fn the_relying_party_of_a_link_is_checked() {
        let site = Site::new().await;
        for path in LINKS {
            site.post_from(OTHER_ADDRESS, path, &link())
                .await
                .problem(401, "address_not_allowed");
            let mut request = link();
            request["relyingPartyUUID"] = json!("00000000-0000-4000-8000-00000000dead");
            site.post(path, &request)
                .await
                .problem(403, "unknown_relying_party");
            let mut request = link();
            request["certificateLevel"] = json!("ADVANCED");
            site.post(path, &request)
                .await
                .problem(403, "not_permitted");
        }
    }

    #[tokio::test]
    async fn a_link_has_its_own_fields() {
        let site = Site::new().await;
        let cases = [
            ("initialCallbackUrl", json!("http://rp.example.com/")),
            ("initialCallbackUrl", json!("https://rp.example.com/#a")),
            ("signatureProtocol", json!("RAW_DIGEST_SIGNATURE")),
            ("nonce", json!("1")),
            (
                "interactions",
                json!(Base64::encode_string(
                    br#"[{"type":"confirmationMessageAndVerificationCodeChoice","displayText200":"a"}]"#
                )),
            ),
        ];
        for (name, value) in cases {
            let mut request = link();
            request[name] = value;
            let problem = site
                .post(LINKS[0], &request)
                .await
                .problem(400, "invalid_request");
            assert_eq!(problem["errors"][0]["pointer"], format!("/{name}"));
        }
        // A code is for notifications; here the field is one of the unknown ones.
        let mut request = link();
        request["vcType"] = json!("alpha");
        site.post(LINKS[0], &request).await.json();
    }

    fn with(name: &str, value: Value) -> Value {
        let mut request = authentication();
        request[name] = value;
        request
    }

    #[tokio::test]
    async fn an_unknown_relying_party_is_forbidden() {
        let request = with(
            "relyingPartyUUID",
            json!("00000000-0000-4000-8000-00000000dead"),
        );
        Site::new()
            .await
            .post(PERSON, &request)
            .await
            .problem(403, "unknown_relying_party");
    }

    #[tokio::test]
    async fn another_address_or_name_is_unauthorised() {
        let site = Site::new().await;
        site.post_from(OTHER_ADDRESS, PERSON, &authentication())
            .await
            .problem(401, "address_not_allowed");
        let answer = site
            .post(PERSON, &with("relyingPartyName", json!("EMOD")))
            .await;
        assert_eq!(
            answer.problem(401, "name_not_allowed")["errors"][0]["pointer"],
            "/relyingPartyName"
        );
    }

    #[tokio::test]
    async fn the_name_is_compared_ignoring_case() {
        let site = Site::new().await;
        site.post(PERSON, &with("relyingPartyName", json!("dEMo")))
            .await
            .problem(404, "unknown_person");
    }

    #[tokio::test]
    async fn an_unknown_person_or_document_is_not_found() {
        let site = Site::new().await;
        site.post(PERSON, &authentication())
            .await
            .problem(404, "unknown_person");
        site.post(DOCUMENT, &authentication())
            .await
            .problem(404, "unknown_document");
    }

    #[tokio::test]
    async fn a_right_that_was_not_given_is_forbidden() {
        let site = Site::new().await;
        let answer = site
            .post(PERSON, &with("certificateLevel", json!("ADVANCED")))
            .await;
        assert_eq!(
            answer.problem(403, "not_permitted")["errors"][0]["pointer"],
            "/certificateLevel"
        );
        let share = json!({ "shareMdClientIpAddress": true });
        let answer = site.post(PERSON, &with("requestProperties", share)).await;
        assert_eq!(
            answer.problem(403, "not_permitted")["errors"][0]["pointer"],
            "/requestProperties/shareMdClientIpAddress"
        );
    }

    #[tokio::test]
    async fn malformed_fields_are_all_named() {
        let site = Site::new().await;
        let mut request = with("vcType", json!("numeric5"));
        request["signatureProtocolParameters"]["rpChallenge"] = json!("short");
        let problem = site
            .post(PERSON, &request)
            .await
            .problem(400, "invalid_request");
        assert_eq!(problem["detail"], "Invalid request parameters found");
        let pointers: Vec<_> = problem["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|error| &error["pointer"])
            .collect();
        assert_eq!(
            pointers,
            ["/vcType", "/signatureProtocolParameters/rpChallenge"]
        );
        assert_eq!(problem["errors"][0]["paramName"], "vcType");
        assert!(
            problem["errors"][0]["detail"]
                .as_str()
                .unwrap()
                .starts_with("Invalid vcType")
        );
    }

    #[tokio::test]
    async fn a_malformed_identifier_in_the_path_is_named() {
        let site = Site::new().await;
        for (path, name) in [
            (PERSON.replace("PNOEE", "pnoee"), "semantics-identifier"),
            (PERSON.replace("PNOEE", "%ff"), "semantics-identifier"),
            (DOCUMENT.replace("-Q", "-X"), "document-number"),
        ] {
            let problem = site
                .post(&path, &authentication())
                .await
                .problem(400, "invalid_request");
            assert_eq!(problem["errors"][0]["paramName"], name);
        }
    }

    #[tokio::test]
    async fn what_is_no_json_object_is_malformed() {
        let site = Site::new().await;
        for body in ["", "{", "[]", "null", "\"text\"", "{}x"] {
            site.send_from(RP_ADDRESS, json_post(PERSON, body))
                .await
                .problem(400, "malformed_body");
        }
    }

    #[tokio::test]
    async fn a_body_may_have_64_kib_and_no_more() {
        let site = Site::new().await;
        let mut body = authentication().to_string();
        let padding = " ".repeat(64 * 1024 - body.len());
        body.push_str(&padding);
        site.send_from(RP_ADDRESS, json_post(PERSON, body.clone()))
            .await
            .problem(404, "unknown_person");
        body.push(' ');
        site.send_from(RP_ADDRESS, json_post(PERSON, body))
            .await
            .problem(413, "body_too_large");
    }

    #[tokio::test]
    async fn another_content_type_is_unsupported() {
        let site = Site::new().await;
        let text = authentication().to_string();
        let request = Request::post(PERSON)
            .header(header::CONTENT_TYPE, "text/plain")
            .body(Body::from(text));
        site.send_from(RP_ADDRESS, request.unwrap())
            .await
            .problem(415, "unsupported_media_type");
    }

    #[tokio::test]
    async fn another_method_is_told_the_right_one() {
        let answer = Site::new().await.get(PERSON).await;
        answer.problem(405, "method_not_allowed");
        assert_eq!(answer.header("allow"), "POST");
    }

    #[tokio::test]
    async fn repeated_slashes_lead_to_the_same_place() {
        let path = PERSON.replace("/v3/", "//v3///");
        Site::new()
            .await
            .post(&path, &authentication())
            .await
            .problem(404, "unknown_person");
    }
}
