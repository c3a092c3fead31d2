//! The demo as somebody sees it who starts it for the first time.

use crate::process::{Server, get, request, run, stderr, stdout};
use serde_json::{Value, json};
use std::{fs, net::TcpListener, os::unix::process::ExitStatusExt, path::Path, time::Duration};

const STOP: Duration = Duration::from_secs(15);

#[test]
fn it_is_ready_within_five_seconds_and_stops_on_sigterm() {
    let mut demo = Server::demo(None);
    assert!(demo.took < Duration::from_secs(5), "{:?}", demo.took);
    let address = demo.address();
    assert_eq!(get(&address, "/health/ready").0, 200);
    let data = demo.data();
    assert!(Path::new(&data).exists());
    demo.terminate();
    assert_eq!(demo.wait(STOP).code(), Some(0));
    assert!(!Path::new(&data).exists(), "temporary data are deleted");
}

#[test]
fn it_announces_every_address_then_what_to_do() {
    let demo = Server::demo(None);
    let text = demo.announcement.join("\n");
    let address = demo.address();
    for needed in [
        &*format!("http://{address}/smart-id-rp/v3"),
        &format!("http://{address}/device/v1"),
        &format!("http://{address}/certs/root.pem"),
        &format!("http://{address}/health/ready"),
        &format!("http://{address}/metrics"),
        "00000000-0000-4000-8000-000000000000",
        "00000000-0000-0000-0000-000000000000",
        "00000000-0000-4000-8000-000000000001",
        "smart-id-demo",
    ] {
        assert!(text.contains(needed), "{needed} in {text}");
    }
    let ready = demo.announcement.last().unwrap();
    assert!(
        ready.starts_with("ready") && ready.contains(&format!("http://{address}/")),
        "{ready}"
    );
    assert!(ready.contains("smart-id device register --url"), "{ready}");
}

#[test]
fn a_folder_that_comes_up_at_another_address_says_what_its_certificates_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("demo");
    let first = {
        let demo = Server::demo(Some(&path));
        let text = demo.announcement.join("\n");
        assert!(!text.contains("certificates of this folder"), "{text}");
        demo.address().to_string()
    };
    let text = Server::demo(Some(&path)).announcement.join("\n");
    assert!(
        text.contains(&format!("name http://{first} for OCSP")),
        "{text}"
    );
    assert!(text.contains(&format!("--listen {first}")), "{text}");
}

/// Older clients have another UUID for DEMO (rp-api.md §2).
#[test]
fn both_uuids_of_demo_may_ask_through_both_versions() {
    let demo = Server::demo(None);
    let new: Value = serde_json::from_str(include_str!(
        "../../../../docs/examples/authentication.json"
    ))
    .unwrap();
    let mut old = json!({
        "hash": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "hashType": "SHA256",
        "allowedInteractionsOrder": [{ "type": "displayTextAndPIN", "displayText60": "Log in?" }],
    });
    old["relyingPartyName"] = new["relyingPartyName"].clone();
    for (path, body) in [
        (
            "v3/authentication/notification/etsi/PASKZ-987654321012",
            new,
        ),
        ("v2/authentication/etsi/PASKZ-987654321012", old),
    ] {
        for (uuid, expected) in [
            ("00000000-0000-4000-8000-000000000000", 404),
            ("00000000-0000-0000-0000-000000000000", 404),
            ("00000000-0000-0000-0000-000000000009", 403),
        ] {
            let mut body = body.clone();
            body["relyingPartyUUID"] = json!(uuid);
            let (status, _, answer) = request(
                &demo.address(),
                "POST",
                &format!("/smart-id-rp/{path}"),
                "content-type: application/json\r\n",
                &body.to_string(),
            );
            assert_eq!(status, expected, "{path} {uuid}: {answer}");
        }
    }
}

#[test]
fn the_welcome_page_speaks_the_browsers_language() {
    let demo = Server::demo(None);
    let address = demo.address();
    let (status, head, body) = request(&address, "GET", "/", "accept-language: lv\r\n", "");
    assert_eq!(status, 200);
    assert!(
        head.contains("content-security-policy: default-src 'none'"),
        "{head}"
    );
    assert!(body.contains("<html lang=\"lv\">") && body.contains(&address));
    assert_eq!(get(&address, "/style.css").0, 200);
    for name in ["root", "eid-q", "eid-nq"] {
        assert!(
            get(&address, &format!("/certs/{name}.pem"))
                .2
                .contains("BEGIN CERTIFICATE"),
            "{name}"
        );
    }
}

#[test]
fn the_openapi_document_that_is_printed_is_the_one_that_is_served() {
    let demo = Server::demo(None);
    let address = demo.address();
    let printed = stdout(&run(&["openapi", "--api", "rp-api-v3"]));
    let document: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(document["openapi"], "3.1.1");
    let (status, _, served) = get(&address, "/openapi/rp-api-v3.json");
    assert_eq!((status, served), (200, printed));
    assert!(
        get(&address, "/openapi/")
            .2
            .contains("/openapi/rp-api-v3.json")
    );
}

#[test]
fn vouching_is_refused_with_problem_documents() {
    let demo = Server::demo(None);
    let address = demo.address();
    let vouch = |body: &Value| {
        let body = body.to_string();
        let (status, head, body) = request(
            &address,
            "POST",
            "/demo/identities",
            "content-type: application/json\r\n",
            &body,
        );
        assert!(
            head.contains("content-type: application/problem+json"),
            "{head}"
        );
        (
            status,
            serde_json::from_str::<Value>(&body).unwrap()["code"]
                .as_str()
                .unwrap()
                .to_owned(),
        )
    };
    let person = json!({
        "registrationCode": "7K3M-9QXA", "semanticsIdentifier": "PNOEE-40504040001", "givenName": "OK",
        "surname": "TESTNUMBER", "dateOfBirth": "1905-04-04",
    });
    assert_eq!(
        vouch(&person),
        (404, "unknown_registration_code".to_owned())
    );
    assert_eq!(vouch(&json!({})), (400, "invalid_request".to_owned()));
    let mut wrong_number = person.clone();
    wrong_number["semanticsIdentifier"] = json!("PNOEE-40504040002");
    assert_eq!(vouch(&wrong_number), (400, "invalid_person".to_owned()));
    assert_eq!(
        vouch(&json!({ "registrationCode": "x".repeat(5000) })),
        (413, "body_too_large".to_owned())
    );
}

#[test]
fn data_in_a_folder_are_kept_and_reused() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("demo");
    let root = |demo: &Server| get(&demo.address(), "/certs/root.pem").2;

    let mut first = Server::demo(Some(&data));
    let certificate = root(&first);
    let path = data.to_str().unwrap();
    // Beside the running server, which has the vault to itself.
    let added = run(&["rp", "add", "--data", path, "--name", "Example Bank"]);
    assert!(added.status.success(), "{}", stderr(&added));
    let checked = run(&["check", "all", "--data", path]);
    assert!(
        checked.status.success(),
        "{}{}",
        stdout(&checked),
        stderr(&checked)
    );
    first.terminate();
    assert_eq!(first.wait(STOP).code(), Some(0));

    let second = Server::demo(Some(&data));
    assert_eq!(root(&second), certificate);
    let listed = stdout(&run(&["rp", "list", "--data", path]));
    assert!(
        listed.contains("Example Bank") && listed.contains(stdout(&added).trim()),
        "{listed}"
    );
    drop(second);
    let checked = run(&["check", "all", "--data", path]);
    assert!(
        checked.status.success(),
        "{}{}",
        stdout(&checked),
        stderr(&checked)
    );
    assert!(
        [
            "root",
            "authority eid-q",
            "time-stamping unit tsu",
            "signer of the trusted list"
        ]
        .iter()
        .all(|what| stdout(&checked).contains(what)),
        "{}",
        stdout(&checked)
    );
}

/// Its vault has the two authorities and nothing around them, and the root's key was not kept.
#[test]
fn a_demo_of_the_version_before_starts_without_time_stamps_and_trusted_list() {
    let folder = tempfile::tempdir().unwrap();
    let made = folder.path().join("made");
    drop(Server::demo(Some(&made)));
    let old = folder.path().join("old");
    fs::create_dir(&old).unwrap();
    fs::copy(made.join("column-1.key"), old.join("column-1.key")).unwrap();
    // That version knew no list.
    let configuration = fs::read_to_string(made.join("smart-id.toml")).unwrap();
    let (before, rest) = configuration.split_once("[trusted_list]").unwrap();
    let (_, after) = rest.split_once("# Generous").unwrap();
    fs::write(old.join("smart-id.toml"), format!("{before}#{after}")).unwrap();
    let vault = include_bytes!("../../../vault/src/vault/tests/old/vault");
    fs::write(old.join("vault"), vault).unwrap();
    fs::write(old.join("vault.key"), "09".repeat(32)).unwrap();

    let demo = Server::demo(Some(&old));
    let address = demo.address();
    for name in ["root", "eid-q", "eid-nq"] {
        assert_eq!(
            get(&address, &format!("/certs/{name}.pem")).0,
            200,
            "{name}"
        );
    }
    for path in ["/certs/tsu.pem", "/certs/trust-list.pem", "/tl"] {
        assert_eq!(get(&address, path).0, 404, "{path}");
    }
    drop(demo);
    let checked = run(&["check", "vault", "--data", old.to_str().unwrap()]);
    assert!(checked.status.success(), "{}", stdout(&checked));
    assert!(
        stdout(&checked).contains("no revocation list of the root"),
        "{}",
        stdout(&checked)
    );
}

#[test]
fn a_second_demo_on_the_same_data_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let _first = Server::demo(Some(folder.path()));
    let second = run(&[
        "demo",
        "--listen",
        "127.0.0.1:0",
        "--data",
        folder.path().to_str().unwrap(),
    ]);
    assert!(!second.status.success());
    assert!(
        stderr(&second).contains("in use by another process"),
        "{}",
        stderr(&second)
    );
}

/// An old server that goes on writes what the new schema does not expect.
#[test]
fn a_database_is_migrated_only_while_no_server_runs() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Server::demo(Some(folder.path()));
    let path = folder.path().to_str().unwrap();
    // Nothing is to be done.
    let current = run(&["migrate", "--data", path]);
    assert!(current.status.success(), "{}", stderr(&current));
    assert!(stdout(&current).contains("already"), "{}", stdout(&current));

    let config = fs::read_to_string(folder.path().join("smart-id.toml")).unwrap();
    let outdated = folder.path().join("outdated.toml");
    fs::write(&outdated, config.replace("smart-id.db", "outdated.db")).unwrap();
    let migrate = || run(&["migrate", "--config", outdated.to_str().unwrap()]);
    let refused = migrate();
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        stderr(&refused).contains("only while no server runs")
            && stderr(&refused).contains("stop the other one first"),
        "{}",
        stderr(&refused)
    );
    assert!(!folder.path().join("outdated.db").exists());
    drop(demo);
    let migrated = migrate();
    assert!(migrated.status.success(), "{}", stderr(&migrated));
}

#[test]
fn a_busy_port_names_the_option() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = run(&["demo", "--listen", &address]);
    assert_eq!(output.status.code(), Some(1));
    let message = stderr(&output);
    assert!(
        message.contains("--listen") && message.contains(&address),
        "{message}"
    );
}

#[test]
fn an_unknown_registration_code_is_named() {
    let demo = Server::demo(None);
    let data = demo.data();
    let output = run(&[
        "account",
        "vouch",
        "7K3M-9QXA",
        "--data",
        &data,
        "--person",
        "PNOEE-40504040001",
        "--given-name",
        "OK",
        "--surname",
        "TESTNUMBER",
        "--date-of-birth",
        "1905-04-04",
    ]);
    assert!(!output.status.success());
    assert!(
        stderr(&output).contains("no open registration has the code 7K3M-9QXA"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn no_core_is_dumped() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = Server::demo(Some(folder.path()));
    let limits = fs::read_to_string(format!("/proc/{}/limits", demo.id())).unwrap();
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .unwrap();
    assert_eq!(core.split_whitespace().rev().nth(1), Some("0"), "{core}");
    demo.kill();
    assert_eq!(demo.wait(STOP).signal(), Some(9));
}
