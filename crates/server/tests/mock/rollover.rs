//! A new issuing authority takes over from the first, in a demo as anybody can try it.

use crate::{
    Demo,
    process::{get, run, stderr, stdout},
    relying_party::{DEMO, authentication, call, start, status},
};
use base64ct::{Base64, Encoding};
use pki::x509::Certificate;
use serde_json::json;
use std::{fs, time::Duration};

/// Makes an account of a person with this code; its document number.
fn account(demo: &Demo, code: &str, suffix: &str) -> String {
    let body = json!({
        "semanticsIdentifier": code, "givenName": "ROLL", "surname": "OVER",
        "dateOfBirth": "1999-12-31", "certificateLevel": "QUALIFIED", "documentSuffix": suffix, "delayMs": 0,
    });
    let (status, account) = call(demo, "POST", "/mock/accounts", &body);
    assert_eq!(status, 201, "{account}");
    account["documentNumber"].as_str().unwrap().to_owned()
}

/// Logs in; who issued the certificate, and for which addresses.
fn issuer(demo: &Demo, number: &str) -> (String, String) {
    let path = format!("authentication/notification/document/{number}");
    let session = start(demo, &path, &authentication(DEMO));
    let status = status(demo, &session, 30_000);
    assert_eq!(status["result"]["endResult"], "OK", "{status}");
    let der = Base64::decode_vec(status["cert"]["value"].as_str().unwrap()).unwrap();
    let certificate = Certificate::parse(&der).unwrap();
    (
        certificate.issuer().common_name().unwrap().to_owned(),
        certificate.ocsp_url().unwrap().to_owned(),
    )
}

#[test]
fn after_an_extension_new_accounts_have_the_new_authority_and_old_ones_keep_theirs() {
    let mut demo = Demo::start();
    let old = account(&demo, "PNOLV-329999-99901", "T001");
    let before = issuer(&demo, &old);
    assert_eq!(before.0, "Open Smart-ID DEMO EID-Q");

    let file = demo.data().join("ceremony.toml");
    let config = file.to_str().unwrap().to_owned();
    let running = run(&["ceremony", "--config", &config, "--extend"]);
    assert!(!running.status.success());
    assert!(
        stderr(&running).contains("in use by another process") && stderr(&running).contains("stop"),
        "{}",
        stderr(&running)
    );
    demo.server.terminate();
    demo.server.wait(Duration::from_secs(15));

    let text = fs::read_to_string(&file).unwrap();
    let (before_it, successor) = text.split_once("# [[certificates.successors]]").unwrap();
    let successor = successor.replace("\n# ", "\n");
    fs::write(
        &file,
        format!("{before_it}[[certificates.successors]]{successor}"),
    )
    .unwrap();
    let extended = run(&["ceremony", "--config", &config, "--extend"]);
    assert!(extended.status.success(), "{}", stderr(&extended));
    assert!(stdout(&extended).contains("new eid-q-2: "));

    demo.restart_after_end();
    let new = account(&demo, "PNOLV-329999-99902", "T002");
    let (name, ocsp) = issuer(&demo, &new);
    assert_eq!(name, "Open Smart-ID DEMO EID-Q 2");
    assert!(ocsp.ends_with("/ocsp/eid-q-2"), "{ocsp}");
    assert_eq!(issuer(&demo, &old), before);
    for name in ["root", "eid-q", "eid-nq", "eid-q-2", "tsu", "trust-list"] {
        let address = demo.address();
        assert_eq!(
            get(&address, &format!("/certs/{name}.pem")).0,
            200,
            "{name}"
        );
    }
}
