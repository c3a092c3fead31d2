use super::*;
use crate::{
    rp_api,
    testkit::{OTHER_ADDRESS, Site, json_post},
};
use axum::{body::Body, http::Request};
use serde_json::json;
use std::{collections::BTreeSet, fs, path::PathBuf};
use wire::rp_v3::{
    AuthenticationRequest, CertificateByDocumentRequest, CertificateChoiceRequest,
    CertificateResponse, Channel, DeviceLinkSessionCreated, LinkedSignatureRequest, SessionStatus,
    SignatureRequest,
};

#[test]
fn the_files_in_docs_are_what_the_code_says() {
    for api in Api::ALL {
        let name = api.name();
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("../../docs/openapi")
            .join(format!("{name}.json"));
        let file = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            file == api.text(),
            "docs/openapi/{name}.json is not what the code says; write it again:\n\
             cargo run -- openapi --api {name} > docs/openapi/{name}.json"
        );
    }
}

/// Every `$ref` in a document.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                match value {
                    Value::String(target) if name == "$ref" => {
                        found.insert(target.clone());
                    }
                    other => references(other, found),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_component_is_used() {
    for api in Api::ALL {
        let document = api.document();
        let mut used = BTreeSet::new();
        references(&document, &mut used);
        let mut there = BTreeSet::new();
        for (kind, components) in document["components"].as_object().unwrap() {
            for name in components.as_object().unwrap().keys() {
                there.insert(format!("#/components/{kind}/{name}"));
            }
        }
        assert_eq!(used, there, "{}", api.name());
    }
}

/// Method and path of each operation, parameters without their names.
fn documented(api: Api) -> BTreeSet<String> {
    let document = api.document();
    let base = document["servers"][0]["url"].as_str().unwrap().to_owned();
    let mut all = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            all.insert(format!("{method} {}", nameless(&format!("{base}{path}"))));
        }
    }
    all
}

fn nameless(path: &str) -> String {
    let parts = path
        .split('/')
        .map(|part| if part.starts_with('{') { "{}" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

/// The same of the router, which tells it by `Debug` only.
fn served() -> BTreeSet<String> {
    let text = format!("{:?}", rp_api::routes());
    let paths: BTreeSet<_> = text
        .split('"')
        .filter(|word| word.starts_with("/smart-id-rp/"))
        .collect();
    assert!(paths.len() > 3, "the router says what it has: {text}");
    let mut all = BTreeSet::new();
    for path in paths {
        let method = if path.contains("/session/") {
            "get"
        } else {
            "post"
        };
        all.insert(format!("{method} {}", nameless(path)));
    }
    all
}

#[test]
fn what_is_served_is_documented_and_nothing_else() {
    let documented: BTreeSet<_> = Api::ALL.iter().flat_map(|api| documented(*api)).collect();
    assert_eq!(documented, served());
}

#[tokio::test]
async fn each_operation_has_its_method_and_no_other() {
    let site = Site::new().await;
    for operation in Api::ALL.iter().flat_map(|api| documented(*api)) {
        let (method, path) = operation.split_once(' ').unwrap();
        let request = Request::delete(path.replace("{}", "x"))
            .body(Body::empty())
            .unwrap();
        let answer = site.send_from(OTHER_ADDRESS, request).await;
        answer.problem(405, "method_not_allowed");
        let allowed = answer.header("allow").to_lowercase();
        let allowed: Vec<_> = allowed
            .split(',')
            .filter(|method| *method != "head")
            .collect();
        assert_eq!(allowed, [method], "{path}");
    }
}

/// Examples of requests by the name of their schema.
fn request_examples(document: &Value) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    for item in document["paths"].as_object().unwrap().values() {
        let body = &item["post"]["requestBody"]["content"]["application/json"];
        let Some(schema) = body["schema"]["$ref"].as_str() else {
            continue;
        };
        for example in body["examples"].as_object().unwrap().values() {
            let name = schema.rsplit('/').next().unwrap().to_owned();
            all.push((name, example["value"].clone()));
        }
    }
    all
}

#[test]
fn the_examples_are_requests_that_we_take() {
    let examples = request_examples(&Api::RpV3.document());
    assert!(examples.len() >= 13);
    for (name, example) in examples {
        let body = example.to_string();
        let body = body.as_bytes();
        use Channel::{DeviceLink, Notification};
        let wrong = match name.as_str() {
            "NotificationAuthenticationRequest" => {
                AuthenticationRequest::parse(body, Notification).err()
            }
            "DeviceLinkAuthenticationRequest" => {
                AuthenticationRequest::parse(body, DeviceLink).err()
            }
            "NotificationSignatureRequest" => SignatureRequest::parse(body, Notification).err(),
            "DeviceLinkSignatureRequest" => SignatureRequest::parse(body, DeviceLink).err(),
            "LinkedSignatureRequest" => LinkedSignatureRequest::parse(body).err(),
            "NotificationCertificateChoiceRequest" => {
                CertificateChoiceRequest::parse(body, Notification).err()
            }
            "DeviceLinkCertificateChoiceRequest" => {
                CertificateChoiceRequest::parse(body, DeviceLink).err()
            }
            "CertificateRequest" => CertificateByDocumentRequest::parse(body).err(),
            other => panic!("what parses {other}?"),
        };
        assert_eq!(wrong, None, "{name}");
    }
}

#[test]
fn the_examples_of_v2_are_requests_that_we_take() {
    use wire::rp_v2::{CertificateChoiceRequest, HashRequest};
    let examples = request_examples(&Api::RpV2.document());
    assert!(examples.len() >= 9, "{}", examples.len());
    for (name, example) in examples {
        let body = example.to_string();
        let body = body.as_bytes();
        let wrong = match name.as_str() {
            "AuthenticationRequest" => HashRequest::authentication(body).err(),
            "SignatureRequest" => HashRequest::signature(body).err(),
            "CertificateChoiceRequest" => CertificateChoiceRequest::parse(body).err(),
            other => panic!("what parses {other}?"),
        };
        assert_eq!(wrong, None, "{name}");
    }
}

#[test]
fn v2_names_every_end_that_we_give_and_no_other() {
    use wire::{EndResult, InteractionType};
    let refused = InteractionType::ALL
        .iter()
        .map(|interaction| EndResult::UserRefusedInteraction(*interaction));
    let ends = refused.chain([
        EndResult::UserRefused,
        EndResult::UserRefusedCertChoice,
        EndResult::Timeout,
        EndResult::DocumentUnusable,
        EndResult::WrongVc,
        EndResult::RequiredInteractionNotSupportedByApp,
        EndResult::ProtocolFailure,
        EndResult::ExpectedLinkedSession,
        EndResult::ServerError,
    ]);
    let given: BTreeSet<_> = ends.map(|end| wire::rp_v2::end_result(&end)).collect();
    let named: BTreeSet<_> = rp_v2::END_RESULTS.iter().copied().collect();
    assert_eq!(given, named);
}

#[test]
fn the_examples_of_answers_are_what_we_write() {
    let document = Api::RpV3.document();
    let answer = |path: &str, method: &str| {
        let content = &document["paths"][path][method]["responses"]["200"]["content"];
        let examples = content["application/json"]["examples"].as_object().unwrap();
        examples
            .values()
            .map(|example| example["value"].clone())
            .collect::<Vec<_>>()
    };
    for example in answer("/v3/session/{sessionID}", "get") {
        let read: SessionStatus = serde_json::from_value(example.clone()).unwrap();
        assert_eq!(serde_json::to_value(read).unwrap(), example);
    }
    for example in answer("/v3/signature/certificate/{document-number}", "post") {
        let read: CertificateResponse = serde_json::from_value(example.clone()).unwrap();
        assert_eq!(serde_json::to_value(read).unwrap(), example);
    }
    let linked = "/v3/authentication/device-link/anonymous";
    for example in answer(linked, "post") {
        let read: DeviceLinkSessionCreated = serde_json::from_value(example.clone()).unwrap();
        assert_eq!(serde_json::to_value(read).unwrap(), example);
    }
}

/// The codes that a document lists for a status of an operation.
fn codes(document: &Value, path: &str, method: &str, status: &str) -> BTreeSet<String> {
    let shared = &document["paths"][path][method]["responses"][status]["$ref"];
    let pointer = shared.as_str().unwrap_or("#/none").trim_start_matches('#');
    let Some(response) = document.pointer(pointer) else {
        return BTreeSet::new();
    };
    let codes = &response["content"]["application/problem+json"]["schema"]["allOf"][1]["properties"]
        ["code"]["enum"];
    let codes = codes.as_array().cloned().unwrap_or_default();
    codes
        .iter()
        .map(|code| code.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn every_code_is_explained_where_the_codes_are_listed() {
    for api in Api::ALL {
        assert!(
            !api.text().contains("see the documentation of the codes"),
            "{}",
            api.name()
        );
    }
}

#[tokio::test]
async fn failures_are_those_that_are_documented() {
    const PATH: &str = "/v3/signature/notification/etsi/{semantics-identifier}";
    let site = Site::new().await;
    let document = Api::RpV3.document();
    let path = "/smart-id-rp/v3/signature/notification/etsi/PNOEE-40504040001";
    let good = crate::testkit::signature();
    let with = |name: &str, value: &str| {
        let mut body = good.clone();
        body[name] = json!(value);
        body.to_string()
    };
    let bodies = [
        good.to_string(),
        "{}".to_owned(),
        "[".to_owned(),
        "x".repeat(70_000),
        with("relyingPartyName", "EMOD"),
        with("relyingPartyUUID", "00000000-0000-4000-8000-00000000dead"),
        with("certificateLevel", "ADVANCED"),
    ];
    let mut seen = BTreeSet::new();
    for body in bodies {
        for address in [crate::testkit::RP_ADDRESS, OTHER_ADDRESS] {
            let answer = site.send_from(address, json_post(path, body.clone())).await;
            let problem: Value = serde_json::from_slice(&answer.body).unwrap();
            let (status, code) = (answer.status.as_str(), problem["code"].as_str().unwrap());
            assert!(
                codes(&document, PATH, "post", status).contains(code),
                "{status} {code}"
            );
            seen.insert(code.to_owned());
        }
    }
    assert!(seen.len() >= 7, "{seen:?}");
}

#[tokio::test]
async fn the_documents_and_pages_are_served() {
    let site = Site::new().await;
    for api in Api::ALL {
        let name = api.name();
        let answer = site.get(&format!("/openapi/{name}.json")).await;
        assert_eq!(answer.json(), api.document());
        let page = site.get(&format!("/openapi/{name}")).await;
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        assert!(
            page.header("content-security-policy")
                .starts_with("default-src 'none'")
        );
        for (path, item) in api.document()["paths"].as_object().unwrap() {
            let shown = path.rsplit('/').next().unwrap();
            assert!(page.text().contains(shown), "{path}");
            for operation in item.as_object().unwrap().values() {
                let anchor = format!("id=\"{}\"", operation["operationId"].as_str().unwrap());
                assert_eq!(page.text().matches(&anchor).count(), 1, "{anchor}");
            }
        }
        assert!(!page.text().contains("<script"));
        assert!(
            site.get("/openapi/")
                .await
                .text()
                .contains(&format!("/openapi/{name}.json"))
        );
    }
    assert_eq!(
        site.get("/openapi/style.css").await.header("content-type"),
        "text/css; charset=utf-8"
    );
    assert_eq!(site.get("/openapi").await.header("location"), "/openapi/");
}
