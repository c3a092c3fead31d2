//! The accounts of the documentation.

use crate::{
    Demo,
    process::{Server, run, stdout},
    relying_party::{
        ADVANCED, DEMO, authentication, call, certificate_choice, post, result, signature, start,
        status,
    },
};
use base64ct::{Base64, Encoding};
use serde_json::{Value, json};
use std::{fs, thread};

/// So that tests do not wait: the account answers after a hundredth of a second.
fn hurry(demo: &Server, number: &str) {
    let path = format!("/mock/accounts/{number}");
    let (status, body) = call(demo, "PUT", &path, &json!({ "delayMs": 10 }));
    assert_eq!(status, 200, "{body}");
}

fn registered(demo: &Server) -> Vec<String> {
    let (_, list) = call(demo, "GET", "/mock/accounts", &json!({}));
    let accounts = list["accounts"].as_array().expect("accounts").iter();
    accounts
        .filter(|account| account["registered"] == true)
        .map(|account| account["documentNumber"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn every_account_ends_as_documented() {
    let demo = Demo::start();
    assert!(registered(&demo).is_empty(), "made when they are asked for");
    // The account that answers nothing first: when the others are done, it still waits.
    let silent = "PNOEE-30403039983";
    hurry(&demo, &format!("{silent}-MOCK-Q"));
    let unanswered = start(
        &demo,
        &format!("authentication/notification/etsi/{silent}"),
        &authentication(DEMO),
    );
    let interaction = |word: &str| json!({ "endResult": "USER_REFUSED_INTERACTION", "details": { "interaction": word } });
    let choice = "confirmationMessageAndVerificationCodeChoice";
    for (person, ends) in [
        (
            "PNOEE-40504040001",
            json!({ "endResult": "OK", "documentNumber": "PNOEE-40504040001-DEMO-Q" }),
        ),
        ("PNOEE-30403039917", json!({ "endResult": "USER_REFUSED" })),
        ("PNOEE-30403039928", interaction("displayTextAndPIN")),
        ("PNOEE-30403039939", interaction("verificationCodeChoice")),
        ("PNOEE-30403039946", interaction("confirmationMessage")),
        ("PNOEE-30403039950", interaction(choice)),
        ("PNOEE-30403039972", json!({ "endResult": "WRONG_VC" })),
    ] {
        hurry(&demo, &format!("{person}-MOCK-Q"));
        for (kind, body) in [
            ("authentication", authentication(DEMO)),
            ("signature", signature(DEMO)),
        ] {
            let session = start(&demo, &format!("{kind}/notification/etsi/{person}"), &body);
            assert_eq!(result(&demo, &session), ends, "{kind} by {person}");
        }
        // A certificate choice shows no interaction that could be refused.
        let path = format!("signature/certificate-choice/notification/etsi/{person}");
        let session = start(&demo, &path, &certificate_choice(DEMO));
        let end = match ends["endResult"].as_str().unwrap() {
            "USER_REFUSED" => "USER_REFUSED",
            _ => "OK",
        };
        assert_eq!(result(&demo, &session)["endResult"], end, "{person}");
    }
    assert_eq!(status(&demo, &unanswered, 1000)["state"], "RUNNING");
    assert_eq!(registered(&demo).len(), 8);
}

#[test]
fn an_account_goes_by_every_spelling_and_level() {
    let demo = Demo::start();
    for (asked, path, relying_party) in [
        (
            "PNOEE-40404040009-MOCK-Q",
            "document/PNOEE-40404040009-MOCK-Q",
            DEMO,
        ),
        (
            "PNOEE-40404040009-DEM2-Q",
            "document/PNOEE-40404040009-DEM2-Q",
            DEMO,
        ),
        ("PNOEE-40404040009-MOCK-Q", "etsi/PNOEE-40404040009", DEMO),
        (
            "PNOLT-40504049999-DEM0-NQ",
            "document/PNOLT-40504049999-DEM0-NQ",
            ADVANCED,
        ),
        // Its check digit is wrong.
        ("PNOBE-05040400032-DEMO-Q", "etsi/PNOBE-05040400032", DEMO),
    ] {
        hurry(&demo, asked);
        let path = format!("signature/notification/{path}");
        let session = start(&demo, &path, &signature(relying_party));
        let status = status(&demo, &session, 30_000);
        assert_eq!(status["result"]["documentNumber"], asked, "{status}");
        let level = if asked.ends_with("-NQ") {
            "ADVANCED"
        } else {
            "QUALIFIED"
        };
        assert_eq!(status["cert"]["certificateLevel"], level, "{path}");
    }

    let certificate = |number: &str| {
        post(
            &demo,
            &format!("signature/certificate/{number}"),
            &certificate_choice(DEMO),
        )
    };
    // Asked for first: that registers it as well.
    let answer = certificate("PNOLT-40504040001-DEME-Q");
    assert_eq!(answer["state"], "OK");
    assert_eq!(answer, certificate("PNOLT-40504040001-MOCK-Q"));
    let der = Base64::decode_vec(answer["cert"]["value"].as_str().unwrap()).unwrap();
    let certificate = pki::x509::Certificate::parse(&der).unwrap();
    assert_eq!(
        certificate.document_number().as_deref(),
        Some("PNOLT-40504040001-MOCK-Q")
    );
    assert_eq!(
        certificate.date_of_birth().unwrap().to_string(),
        "1905-04-04"
    );
}

#[test]
fn requests_at_once_register_the_account_once_and_are_all_answered() {
    let demo = Demo::start();
    let person = "PNOLV-050405-10009";
    thread::scope(|scope| {
        let asking: Vec<_> = [
            format!("etsi/{person}"),
            format!("etsi/{person}"),
            format!("document/{person}-MOCK-Q"),
            format!("document/{person}-DEM0-Q"),
        ]
        .into_iter()
        .map(|target| {
            let demo: &Server = &demo;
            scope.spawn(move || {
                let path = format!("authentication/notification/{target}");
                result(demo, &start(demo, &path, &authentication(DEMO)))
            })
        })
        .collect();
        for answered in asking {
            assert_eq!(answered.join().unwrap()["endResult"], "OK");
        }
    });
    let data = demo.data().to_str().unwrap();
    let list = stdout(&run(&["account", "list", "--data", data, person]));
    assert_eq!(list.matches("-DEM0-Q").count(), 1, "{list}");
    assert_eq!(
        list.lines().filter(|line| line.contains(person)).count(),
        1,
        "{list}"
    );
}

#[test]
fn a_restarted_demo_has_the_same_accounts_and_nobody_answers_in_the_end() {
    let person = "PNOEE-50001029996";
    let path = format!("signature/notification/etsi/{person}");
    let certificate = |demo: &Server| -> Value {
        hurry(demo, &format!("{person}-DEMO-Q"));
        let session = start(demo, &path, &signature(DEMO));
        status(demo, &session, 30_000)["cert"].clone()
    };
    let mut demo = Demo::start();
    let before = certificate(&demo);
    assert!(before.is_object());

    // Sessions live for three seconds from now on.
    let config = demo.data().join("smart-id.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(
        &config,
        text.replace("[limits]", "[limits]\nsession_seconds = 3"),
    )
    .unwrap();
    demo.restart();
    assert_eq!(registered(&demo), [format!("{person}-DEMO-Q")]);
    assert_eq!(
        certificate(&demo),
        before,
        "the same account at another port"
    );

    let silent = "authentication/notification/etsi/PNOLV-030403-10083";
    let session = start(&demo, silent, &authentication(DEMO));
    assert_eq!(result(&demo, &session), json!({ "endResult": "TIMEOUT" }));
}

#[test]
fn a_phone_that_was_registered_by_hand_answers_for_its_person() {
    let demo = Demo::start();
    let phones = tempfile::tempdir().unwrap();
    let file = phones.path().join("my.phone");
    let file = file.to_str().unwrap();
    let url = format!("http://{}", demo.address());
    let person = "PNOEE-40504040001";
    let registered_by_hand = run(&[
        "device",
        "register",
        "--file",
        file,
        "--url",
        &url,
        "--pin1",
        "4826",
        "--pin2",
        "73915",
        "--person",
        person,
        "--given-name",
        "OK",
        "--surname",
        "TESTNUMBER",
        "--date-of-birth",
        "1905-04-04",
    ]);
    assert!(registered_by_hand.status.success());
    let session = start(
        &demo,
        &format!("authentication/notification/etsi/{person}"),
        &authentication(DEMO),
    );
    assert_eq!(status(&demo, &session, 2000)["state"], "RUNNING");
    assert!(registered(&demo).is_empty(), "the mock stands back");
    let approved = run(&["device", "approve", "--file", file, "--pin1", "4826"]);
    assert!(approved.status.success());
    let number = result(&demo, &session)["documentNumber"].clone();

    // By its number the mock's account is meant, and nobody else can answer.
    let other = format!("{person}-DEMO-Q");
    hurry(&demo, &other);
    let path = format!("authentication/notification/document/{other}");
    let session = start(&demo, &path, &authentication(DEMO));
    assert_eq!(result(&demo, &session)["documentNumber"], other);
    assert_ne!(number, other);
    // Both have the next request: the phone that was registered by hand answers.
    let session = start(
        &demo,
        &format!("authentication/notification/etsi/{person}"),
        &authentication(DEMO),
    );
    assert_eq!(status(&demo, &session, 1000)["state"], "RUNNING");
    assert!(
        run(&["device", "approve", "--file", file, "--pin1", "4826"])
            .status
            .success()
    );
    assert_eq!(result(&demo, &session)["documentNumber"], number);
}
