//! Answers as `smart-id demo` gave them.

use serde_json::{Value, json};

const AUTHENTICATION: &str =
    include_str!("../../../../../docs/examples/session-authentication.json");
const SIGNATURE: &str = include_str!("../../../../../docs/examples/session-signature.json");
const CERTIFICATE_CHOICE: &str =
    include_str!("../../../../../docs/examples/session-certificate-choice.json");

pub(super) fn session_status() -> Value {
    json!({
        "running": { "value": { "state": "RUNNING" } },
        "authentication": { "value": read(AUTHENTICATION) },
        "signature": { "summary": "RSASSA-PKCS1-v1_5", "value": read(SIGNATURE) },
        "certificate-choice": { "summary": "By QR code", "value": read(CERTIFICATE_CHOICE) },
        "refused": { "value": {
            "state": "COMPLETE",
            "result": { "endResult": "USER_REFUSED_INTERACTION", "details": { "interaction": "displayTextAndPIN" } },
        } },
        "timeout": { "value": { "state": "COMPLETE", "result": { "endResult": "TIMEOUT" } } },
    })
}

pub(super) fn certificate() -> Value {
    json!({
        "ok": { "value": { "state": "OK", "cert": read(SIGNATURE)["cert"] } },
        "unusable": { "value": { "state": "DOCUMENT_UNUSABLE" } },
    })
}

fn read(text: &str) -> Value {
    serde_json::from_str(text).expect("an example that a test reads")
}
