//! Accounts that testers make.

use crate::{
    Demo,
    process::{Server, request},
    relying_party::{ADVANCED, DEMO, authentication, call, result, start, text},
};
use serde_json::{Value, json};

fn made(demo: &Server, body: &Value) -> Value {
    let (status, account) = call(demo, "POST", "/mock/accounts", body);
    assert_eq!(status, 201, "{account}");
    account
}

fn refused(demo: &Server, method: &str, path: &str, body: &Value) -> (u16, String) {
    let (status, problem) = call(demo, method, path, body);
    assert_eq!(problem["status"], status, "{problem}");
    (status, text(&problem["code"]))
}

#[test]
fn an_account_is_made_used_changed_and_deleted() {
    let mut demo = Demo::start();
    let account = made(
        &demo,
        &json!({
            "semanticsIdentifier": "PNOLV-329999-99901", "givenName": "MARY ÄNN", "surname": "TESTER",
            "dateOfBirth": "1999-12-31", "certificateLevel": "ADVANCED", "documentSuffix": "T001", "delayMs": 0,
        }),
    );
    let number = "PNOLV-329999-99901-T001-NQ";
    assert_eq!(account["documentNumber"], number);
    assert_eq!(
        (&account["outcome"], &account["registered"]),
        (&json!("OK"), &json!(true))
    );

    let path = format!("authentication/notification/document/{number}");
    let ask = |demo: &Server| result(demo, &start(demo, &path, &authentication(ADVANCED)));
    assert_eq!(
        ask(&demo),
        json!({ "endResult": "OK", "documentNumber": number })
    );

    let of = format!("/mock/accounts/{number}");
    let (status, changed) = call(&demo, "PUT", &of, &json!({ "outcome": "WRONG_VC" }));
    assert_eq!((status, &changed["delayMs"]), (200, &json!(0)), "{changed}");
    assert_eq!(ask(&demo), json!({ "endResult": "WRONG_VC" }));

    // It is there after a restart, and behaves the same.
    demo.restart();
    assert_eq!(ask(&demo), json!({ "endResult": "WRONG_VC" }));

    assert_eq!(call(&demo, "DELETE", &of, &json!({})).0, 204);
    let (status, problem) = call(
        &demo,
        "POST",
        &format!("/smart-id-rp/v3/{path}"),
        &authentication(ADVANCED),
    );
    assert_eq!(
        (status, &problem["code"]),
        (404, &json!("unknown_document"))
    );
    assert_eq!(
        refused(&demo, "PUT", &of, &json!({})),
        (404, "unknown_document".to_owned())
    );
    // A number is given once.
    let again = json!({
        "semanticsIdentifier": "PNOLV-329999-99901", "dateOfBirth": "1999-12-31",
        "certificateLevel": "ADVANCED", "documentSuffix": "T001",
    });
    assert_eq!(
        refused(&demo, "POST", "/mock/accounts", &again),
        (409, "document_number_taken".to_owned())
    );
}

#[test]
fn what_cannot_be_made_is_refused_with_a_reason() {
    let demo = Demo::start();
    for (body, status, code) in [
        (json!({}), 400, "invalid_request"),
        (json!([]), 400, "malformed_body"),
        (
            json!({ "semanticsIdentifier": "PNOFI-131052-308T", "dateOfBirth": "1952-10-13" }),
            400,
            "invalid_person",
        ),
        (
            json!({ "semanticsIdentifier": "PNOEE-40504040001", "givenName": " " }),
            400,
            "invalid_person",
        ),
        (
            json!({ "semanticsIdentifier": "PNOEE-40504040001", "documentSuffix": "DEM0" }),
            409,
            "document_number_taken",
        ),
        (
            json!({ "semanticsIdentifier": "PNOEE-40504040001", "givenName": "x".repeat(20_000) }),
            413,
            "body_too_large",
        ),
    ] {
        assert_eq!(
            refused(&demo, "POST", "/mock/accounts", &body),
            (status, code.to_owned()),
            "{body}"
        );
    }
    let documented = "/mock/accounts/PNOEE-40504040001-DEMO-Q";
    assert_eq!(
        refused(&demo, "DELETE", documented, &json!({})),
        (409, "documented_account".to_owned())
    );
    assert_eq!(
        refused(&demo, "PUT", documented, &json!({ "outcome": "MAYBE" })),
        (400, "invalid_request".to_owned())
    );
    assert_eq!(
        refused(&demo, "PUT", "/mock/accounts/x", &json!({})),
        (404, "unknown_document".to_owned())
    );
    // A refused account leaves nothing behind.
    let (_, list) = call(&demo, "GET", "/mock/accounts", &json!({}));
    let accounts = list["accounts"].as_array().unwrap();
    assert_eq!(accounts.len(), 72);
    assert!(accounts.iter().all(|account| account["documented"] == true));
}

#[test]
fn a_body_that_does_not_say_it_is_json_is_refused_so_that_no_web_page_can_send_one() {
    let demo = Demo::start();
    let number = "PNOEE-40504040001-DEMO-Q";
    let change = json!({ "outcome": "OK", "delayMs": 0 }).to_string();
    let of = format!("/mock/accounts/{number}");
    for (method, path, body) in [
        ("POST", "/mock/accounts", "{}"),
        ("POST", "/mock/device-link", "{}"),
        ("PUT", of.as_str(), change.as_str()),
        ("POST", "/demo/identities", "{}"),
    ] {
        for headers in [
            "",
            "content-type: text/plain\r\n",
            "content-type: application/x-www-form-urlencoded\r\n",
            "content-type: text/plain; application/json\r\n",
            "content-type: application/json\r\ncontent-type: text/plain\r\n",
        ] {
            let (status, head, answer) = request(&demo.address(), method, path, headers, body);
            assert!(head.contains("application/problem+json"), "{head}");
            let problem: Value = serde_json::from_str(&answer).unwrap();
            assert_eq!(
                (status, &problem["code"]),
                (415, &json!("unsupported_media_type")),
                "{method} {path} {headers}"
            );
        }
    }
    let json = "Content-Type: Application/JSON; charset=utf-8\r\n";
    let (status, _, answer) = request(&demo.address(), "PUT", &of, json, &change);
    assert_eq!(status, 200, "{answer}");
}

#[test]
fn a_documented_account_behaves_as_it_is_told() {
    let demo = Demo::start();
    let number = "PNOEE-30403039917-MOCK-Q";
    let change = json!({ "outcome": "OK", "delayMs": 0 });
    let (status, account) = call(&demo, "PUT", &format!("/mock/accounts/{number}"), &change);
    assert_eq!(
        (status, &account["outcome"]),
        (200, &json!("OK")),
        "{account}"
    );
    let path = format!("authentication/notification/document/{number}");
    let session = start(&demo, &path, &authentication(DEMO));
    assert_eq!(result(&demo, &session)["endResult"], "OK");
}
