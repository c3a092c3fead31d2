//! Device links for the accounts' phones: `POST /mock/device-link`.

use crate::{
    Demo,
    process::Server,
    relying_party::{
        DEMO, EService, Started, authentication, call, certificate_choice, post, result, signature,
        start, status, use_link,
    },
};
use serde_json::{Value, json};
use std::{thread, time::Duration};
use wire::device_link::{DeviceLinkType, session_secret_digest};

const NUMBER: &str = "PNOEE-40404040009-MOCK-Q";
const LINKED: &str = "signature/notification/linked/PNOEE-40404040009-MOCK-Q";
const NOW: DeviceLinkType = DeviceLinkType::Qr { elapsed_seconds: 0 };

/// Has the account made: a QR code is good for five seconds, and on a busy machine making one takes longer.
fn prepare(demo: &Server, number: &str) {
    let path = format!("signature/certificate/{number}");
    post(demo, &path, &certificate_choice(DEMO));
}

fn without_vc(mut request: Value) -> Value {
    request.as_object_mut().unwrap().remove("vcType");
    request
}

fn with_callback(request: Value, url: &str) -> Value {
    let mut request = without_vc(request);
    request["initialCallbackUrl"] = json!(url);
    request
}

/// The body of the request for the signature that continues this certificate choice.
fn linked_to(choice: &Started) -> Value {
    let mut request = signature(DEMO);
    request["linkedSessionID"] = json!(choice.session);
    request
}

#[test]
fn a_qr_code_leads_to_the_end_of_the_accounts_row() {
    let demo = Demo::start();
    prepare(&demo, NUMBER);
    for (path, request) in [
        ("authentication/device-link/anonymous", authentication(DEMO)),
        (
            "authentication/device-link/etsi/PNOEE-40404040009",
            authentication(DEMO),
        ),
        (
            "signature/device-link/document/PNOEE-40404040009-DEMO-Q",
            signature(DEMO),
        ),
    ] {
        let started = Started::new(&demo, path, without_vc(request));
        assert_eq!(use_link(&demo, NUMBER, &started.link(NOW), &json!({})), 200);
        let status = status(&demo, &started.session, 30_000);
        assert_eq!(status["result"]["endResult"], "OK", "{path}: {status}");
        assert_eq!(status["signature"]["flowType"], "QR");
    }
    for (number, end) in [
        ("PNOEE-30403039917-MOCK-Q", "USER_REFUSED"),
        ("PNOEE-30403039939-MOCK-Q", "USER_REFUSED_INTERACTION"),
        ("PNOEE-30403039972-MOCK-Q", "WRONG_VC"),
    ] {
        prepare(&demo, number);
        let path = "authentication/device-link/anonymous";
        let started = Started::new(&demo, path, without_vc(authentication(DEMO)));
        assert_eq!(use_link(&demo, number, &started.link(NOW), &json!({})), 200);
        assert_eq!(
            result(&demo, &started.session)["endResult"],
            end,
            "{number}"
        );
    }
}

#[test]
fn links_that_come_faster_than_the_phone_signs_are_all_used_in_time() {
    let demo = Demo::start();
    prepare(&demo, NUMBER);
    behave(&demo, "OK");
    let path = "authentication/device-link/anonymous";
    // Their signatures take longer than a QR code is good for.
    let sessions: Vec<_> = (0..30)
        .map(|_| {
            let started = Started::new(&demo, path, without_vc(authentication(DEMO)));
            assert_eq!(use_link(&demo, NUMBER, &started.link(NOW), &json!({})), 200);
            started.session
        })
        .collect();
    for session in sessions {
        assert_eq!(result(&demo, &session)["endResult"], "OK");
    }
}

#[test]
fn a_wrong_code_ends_the_session_and_a_stale_one_or_another_person_does_nothing() {
    let demo = Demo::start();
    prepare(&demo, NUMBER);
    let path = "authentication/device-link/anonymous";
    let anonymous = || Started::new(&demo, path, without_vc(authentication(DEMO)));
    let forged = anonymous();
    let mut link = forged.link(NOW);
    link.pop();
    // 43 characters have two bits to spare: only every fourth letter can be the last one.
    let last = if forged.link(NOW).ends_with('A') {
        'E'
    } else {
        'A'
    };
    link.push(last);
    assert_eq!(use_link(&demo, NUMBER, &link, &json!({})), 200);
    assert_eq!(
        result(&demo, &forged.session)["endResult"],
        "PROTOCOL_FAILURE"
    );

    let future = anonymous();
    let early = future.link(DeviceLinkType::Qr {
        elapsed_seconds: 60,
    });
    assert_eq!(use_link(&demo, NUMBER, &early, &json!({})), 200);
    let path = "authentication/device-link/etsi/PNOLT-40404040009";
    let anothers = Started::new(&demo, path, without_vc(authentication(DEMO)));
    assert_eq!(
        use_link(&demo, NUMBER, &anothers.link(NOW), &json!({})),
        200
    );
    let stale = anonymous();
    let old = stale.link(NOW);
    thread::sleep(Duration::from_millis(6100));
    assert_eq!(use_link(&demo, NUMBER, &old, &json!({})), 200);
    thread::sleep(Duration::from_millis(1500));
    for started in [&future, &anothers, &stale] {
        assert_eq!(status(&demo, &started.session, 1000)["state"], "RUNNING");
    }
    // The same session, by a link that is fresh.
    let fresh = stale.link(DeviceLinkType::Qr { elapsed_seconds: 8 });
    assert_eq!(use_link(&demo, NUMBER, &fresh, &json!({})), 200);
    assert_eq!(result(&demo, &stale.session)["endResult"], "OK");
}

#[test]
fn after_a_same_device_flow_the_browser_is_back_at_the_e_service() {
    let demo = Demo::start();
    let service = EService::open();
    for (number, link_type, flow, end) in [
        (NUMBER, DeviceLinkType::Web2App, "Web2App", "OK"),
        (NUMBER, DeviceLinkType::App2App, "App2App", "OK"),
        (
            "PNOEE-30403039917-MOCK-Q",
            DeviceLinkType::Web2App,
            "Web2App",
            "USER_REFUSED",
        ),
    ] {
        let callback = format!("{}/back?value={flow}{end}", service.url);
        let path = "authentication/device-link/anonymous";
        let request = with_callback(authentication(DEMO), &callback);
        let started = Started::new(&demo, path, request);
        let more = json!({
            "flowType": flow, "browserCookie": format!("flow={flow}"), "initialCallbackUrl": callback,
        });
        let link = started.link(link_type);
        assert_eq!(use_link(&demo, number, &link, &more), 200);
        assert_eq!(result(&demo, &started.session)["endResult"], end);
        let (visited, cookie) = service.visit();
        let digest = session_secret_digest(&started.secret());
        let expected =
            format!("/back?value={flow}{end}&sessionSecretDigest={digest}&userChallengeVerifier=");
        assert!(visited.starts_with(&expected), "{visited}");
        assert_eq!(cookie, format!("flow={flow}"));
    }
    assert!(service.is_left_alone(), "no redirect is followed");
}

#[test]
fn a_linked_signature_follows_the_certificate_choice_and_then_the_browser_returns() {
    let demo = Demo::start();
    let service = EService::open();
    let callback = format!("{}/signed", service.url);
    let path = "signature/certificate-choice/device-link/anonymous";
    let choice = Started::new(
        &demo,
        path,
        with_callback(certificate_choice(DEMO), &callback),
    );
    let more = json!({
        "flowType": "Web2App", "browserCookie": "s=1", "initialCallbackUrl": callback,
    });
    let link = choice.link(DeviceLinkType::Web2App);
    assert_eq!(use_link(&demo, NUMBER, &link, &more), 200);
    let chosen = result(&demo, &choice.session);
    assert_eq!(
        chosen,
        json!({ "endResult": "OK", "documentNumber": NUMBER })
    );
    assert!(service.is_left_alone(), "there is something to sign yet");

    // Another tester's: the account is everybody's, so the phone does not wait for the linked signature.
    let path = format!("authentication/notification/document/{NUMBER}");
    let session = start(&demo, &path, &authentication(DEMO));
    assert_eq!(result(&demo, &session)["endResult"], "OK");

    let session = start(&demo, LINKED, &linked_to(&choice));
    assert_eq!(result(&demo, &session)["endResult"], "OK");
    let (visited, cookie) = service.visit();
    let digest = session_secret_digest(&choice.secret());
    assert_eq!(visited, format!("/signed?sessionSecretDigest={digest}"));
    assert_eq!(cookie, "s=1");
}

#[test]
fn what_is_no_device_link_request_is_refused_with_a_reason() {
    let demo = Demo::start();
    prepare(&demo, NUMBER);
    let path = "authentication/device-link/anonymous";
    let started = Started::new(&demo, path, without_vc(authentication(DEMO)));
    let good = json!({
        "documentNumber": NUMBER, "deviceLink": started.link(NOW), "flowType": "QR",
    });
    for (name, value) in [
        ("documentNumber", json!("PNOEE-40404040009-XXXX-Q")),
        ("documentNumber", json!(null)),
        (
            "deviceLink",
            json!("https://sid.demo.sk.ee/device-link/?..."),
        ),
        ("flowType", json!("Web2App")),
    ] {
        let mut body = good.clone();
        body[name] = value;
        let (status, problem) = call(&demo, "POST", "/mock/device-link", &body);
        assert_eq!(status, 400, "{problem}");
        let errors = problem["errors"].as_array().unwrap();
        assert!(
            errors
                .iter()
                .any(|error| error["pointer"] == format!("/{name}")),
            "{problem}"
        );
    }
    assert_eq!(status(&demo, &started.session, 1000)["state"], "RUNNING");
    assert_eq!(call(&demo, "POST", "/mock/device-link", &good).0, 200);
    assert_eq!(result(&demo, &started.session)["endResult"], "OK");
}

#[test]
fn after_a_restart_the_phones_answer_what_they_had_to() {
    let mut demo = Demo::start();
    prepare(&demo, NUMBER);
    let path = "signature/certificate-choice/device-link/anonymous";
    let choice = Started::new(&demo, path, without_vc(certificate_choice(DEMO)));
    assert_eq!(use_link(&demo, NUMBER, &choice.link(NOW), &json!({})), 200);
    assert_eq!(result(&demo, &choice.session)["endResult"], "OK");

    // The phone is told of each, and its person does nothing.
    behave(&demo, "TIMEOUT");
    let path = format!("authentication/notification/document/{NUMBER}");
    let notified = start(&demo, &path, &authentication(DEMO));
    let linked = start(&demo, LINKED, &linked_to(&choice));
    let path = "authentication/device-link/anonymous";
    let scanned = Started::new(&demo, path, without_vc(authentication(DEMO)));
    assert_eq!(use_link(&demo, NUMBER, &scanned.link(NOW), &json!({})), 200);
    let sessions = [&notified, &linked, &scanned.session];
    thread::sleep(Duration::from_secs(2));
    behave(&demo, "OK");
    for session in sessions {
        assert_eq!(status(&demo, session, 1000)["state"], "RUNNING");
    }

    demo.restart();
    for session in sessions {
        assert_eq!(result(&demo, session)["endResult"], "OK");
    }
}

/// From now on this is what comes of the account's sessions, at once.
fn behave(demo: &Server, outcome: &str) {
    let change = json!({ "outcome": outcome, "delayMs": 0 });
    let path = format!("/mock/accounts/{NUMBER}");
    assert_eq!(call(demo, "PUT", &path, &change).0, 200);
}
