//! The mock on a server that is no demo.

use crate::{
    Demo,
    process::{Server, get, run, stderr},
    relying_party::{DEMO, authentication, call, result, start},
};
use serde_json::{Value, json};
use std::{fs, path::PathBuf, time::Duration};

/// A deployment that a demo left behind, with another configuration.
fn deployment(change: impl FnOnce(String) -> String) -> (Demo, PathBuf) {
    let mut demo = Demo::start();
    let config = demo.end();
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, change(text)).unwrap();
    (demo, config)
}

#[test]
fn a_test_system_has_a_mock_if_it_wants_one_with_keys_of_its_own() {
    let (_folder, config) = deployment(|text| text + "[mock]\nenabled = true\ndelay_ms = 0\n");
    let server = Server::serve(&config);
    let (status, _) = call(&server, "GET", "/mock/accounts", &json!({}));
    assert_eq!(status, 200);
    // Published keys are refused here, so these are new ones.
    let path = "authentication/notification/document/PNOEE-40504040001-DEM0-Q";
    let session = start(&server, path, &authentication(DEMO));
    assert_eq!(
        result(&server, &session),
        json!({ "endResult": "OK", "documentNumber": "PNOEE-40504040001-DEM0-Q" })
    );
}

#[test]
fn an_account_that_the_server_does_not_delete_stays_until_it_does() {
    let mut demo = Demo::start();
    let made = json!({ "semanticsIdentifier": "PNOEE-40504040001", "documentSuffix": "T001" });
    assert_eq!(call(&demo, "POST", "/mock/accounts", &made).0, 201);
    let config = demo.end();
    let text = fs::read_to_string(&config).unwrap() + "[mock]\nenabled = true\n";
    let delete = |server: &Server| {
        let path = "/mock/accounts/PNOEE-40504040001-T001-Q";
        let (status, problem) = call(server, "DELETE", path, &json!({}));
        (status, problem["code"].clone())
    };

    let maintenance = text.replace("[http]\n", "[http]\nmaintenance = true\n");
    assert_ne!(maintenance, text);
    fs::write(&config, maintenance).unwrap();
    let mut server = Server::serve(&config);
    for _ in 0..2 {
        assert_eq!(delete(&server), (503, json!("unavailable")));
    }
    server.terminate();
    server.wait(Duration::from_secs(15));

    fs::write(&config, text).unwrap();
    let server = Server::serve(&config);
    assert_eq!(delete(&server), (204, Value::Null));
    assert_eq!(delete(&server), (404, json!("unknown_document")));
}

#[test]
fn there_is_no_mock_unless_it_is_asked_for() {
    let (_folder, config) = deployment(|text| text);
    let server = Server::serve(&config);
    assert_eq!(get(&server.address(), "/mock/accounts").0, 404);
    let path = "/smart-id-rp/v3/authentication/notification/etsi/PNOEE-40504040001";
    let (status, problem) = call(&server, "POST", path, &authentication(DEMO));
    assert_eq!((status, &problem["code"]), (404, &json!("unknown_person")));
}

#[test]
fn a_live_system_does_not_start_with_a_mock() {
    let (_folder, config) = deployment(|text| {
        text.replace("\"smart-id-demo\"", "\"smart-id\"") + "[mock]\nenabled = true\n"
    });
    let output = run(&["serve", "--config", config.to_str().unwrap()]);
    assert!(!output.status.success());
    assert!(
        stderr(&output).contains("the mock is for test systems"),
        "{}",
        stderr(&output)
    );
}
