//! A relying party's side: requests, device links, and an e-service that phones return to.

use crate::process::{Server, request};
use base64ct::{Base64, Encoding};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};
use wire::{
    SessionType,
    device_link::{AuthCodeFields, DeviceLinkType, UnprotectedLink, auth_code},
};

/// `DEMO` of the demo, and the one that may ask for Basic accounts.
pub(crate) const DEMO: (&str, &str) = ("00000000-0000-4000-8000-000000000000", "DEMO");
pub(crate) const ADVANCED: (&str, &str) = ("00000000-0000-4000-8000-000000000001", "DEMO ADVANCED");

/// What is signed: any 64 bytes.
fn data() -> String {
    Base64::encode_string(&[7; 64])
}

fn interactions() -> String {
    Base64::encode_string(br#"[{"type":"confirmationMessage","displayText200":"Hello?"}]"#)
}

/// One JSON request; status and body.
pub(crate) fn call(demo: &Server, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let headers = "content-type: application/json\r\n";
    let (status, _, answer) = request(&demo.address(), method, path, headers, &body.to_string());
    (status, serde_json::from_str(&answer).unwrap_or(Value::Null))
}

/// A POST to the RP API that must succeed.
pub(crate) fn post(demo: &Server, path: &str, body: &Value) -> Value {
    let (status, answer) = call(demo, "POST", &format!("/smart-id-rp/v3/{path}"), body);
    assert_eq!(status, 200, "{path}: {answer}");
    answer
}

/// The body of a request for an authentication.
pub(crate) fn authentication((uuid, name): (&str, &str)) -> Value {
    json!({
        "relyingPartyUUID": uuid,
        "relyingPartyName": name,
        "certificateLevel": if name == "DEMO" { "QUALIFIED" } else { "ADVANCED" },
        "signatureProtocol": "ACSP_V2",
        "signatureProtocolParameters": {
            "rpChallenge": data(),
            "signatureAlgorithm": "rsassa-pss",
            "signatureAlgorithmParameters": { "hashAlgorithm": "SHA-512" },
        },
        "interactions": interactions(),
        "vcType": "numeric4",
    })
}

/// The body of a request for a signature.
pub(crate) fn signature((uuid, name): (&str, &str)) -> Value {
    json!({
        "relyingPartyUUID": uuid,
        "relyingPartyName": name,
        "certificateLevel": if name == "DEMO" { "QUALIFIED" } else { "ADVANCED" },
        "signatureProtocol": "RAW_DIGEST_SIGNATURE",
        "signatureProtocolParameters": {
            "digest": data(),
            "signatureAlgorithm": "rsassa-pss",
            "signatureAlgorithmParameters": { "hashAlgorithm": "SHA-512" },
        },
        "interactions": interactions(),
    })
}

/// The body of a request for a certificate.
pub(crate) fn certificate_choice((uuid, name): (&str, &str)) -> Value {
    json!({ "relyingPartyUUID": uuid, "relyingPartyName": name })
}

/// Starts a session by a notification; its id.
pub(crate) fn start(demo: &Server, path: &str, body: &Value) -> String {
    text(&post(demo, path, body)["sessionID"])
}

/// The session's status, once it is complete or after this time.
pub(crate) fn status(demo: &Server, session: &str, patience_ms: u32) -> Value {
    let path = format!("/smart-id-rp/v3/session/{session}?timeoutMs={patience_ms}");
    let (status, answer) = call(demo, "GET", &path, &json!({}));
    assert_eq!(status, 200, "{answer}");
    answer
}

/// The session's result, which must come.
pub(crate) fn result(demo: &Server, session: &str) -> Value {
    let status = status(demo, session, 30_000);
    assert_eq!(status["state"], "COMPLETE", "{status}");
    status["result"].clone()
}

/// A device-link session that was started.
pub(crate) struct Started {
    pub(crate) session: String,
    answer: Value,
    request: Value,
    session_type: SessionType,
}

impl Started {
    pub(crate) fn new(demo: &Server, path: &str, request: Value) -> Self {
        let answer = post(demo, path, &request);
        let session_type = match path {
            path if path.starts_with("authentication") => SessionType::Authentication,
            path if path.contains("certificate-choice") => SessionType::CertificateChoice,
            _ => SessionType::Signature,
        };
        Self {
            session: text(&answer["sessionID"]),
            answer,
            request,
            session_type,
        }
    }

    /// A device link as a relying party makes it.
    pub(crate) fn link(&self, link_type: DeviceLinkType) -> String {
        let unprotected = UnprotectedLink {
            base: self.answer["deviceLinkBase"].as_str().unwrap(),
            link_type,
            session_token: self.answer["sessionToken"].as_str().unwrap(),
            session_type: self.session_type,
            language: "eng",
        }
        .text();
        let parameters = &self.request["signatureProtocolParameters"];
        let of = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let challenge = of(match self.session_type {
            SessionType::Authentication => &parameters["rpChallenge"],
            _ => &parameters["digest"],
        });
        let same_device = !matches!(link_type, DeviceLinkType::Qr { .. });
        let fields = AuthCodeFields {
            scheme_name: "smart-id-demo",
            session_type: self.session_type,
            challenge_or_digest: &challenge,
            relying_party_name: &of(&self.request["relyingPartyName"]),
            brokered_rp_name: "",
            interactions: &of(&self.request["interactions"]),
            initial_callback_url: &match same_device {
                true => of(&self.request["initialCallbackUrl"]),
                false => String::new(),
            },
        };
        let code = auth_code(&self.secret(), &fields, &unprotected);
        format!("{unprotected}&authCode={code}")
    }

    pub(crate) fn secret(&self) -> Vec<u8> {
        Base64::decode_vec(self.answer["sessionSecret"].as_str().unwrap()).unwrap()
    }
}

/// Has a mock account's phone use a device link; the status.
pub(crate) fn use_link(demo: &Server, number: &str, link: &str, more: &Value) -> u16 {
    let mut body = json!({ "documentNumber": number, "deviceLink": link, "flowType": "QR" });
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    call(demo, "POST", "/mock/device-link", &body).0
}

pub(crate) fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value}"))
        .to_owned()
}

/// An e-service on https, with a certificate of its own making, that tells what browsers ask it for.
pub(crate) struct EService {
    pub(crate) url: String,
    visits: mpsc::Receiver<(String, String)>,
}

impl EService {
    pub(crate) fn open() -> Self {
        let certificate = CertificateDer::from(include_bytes!("e-service.cert.der").as_slice());
        // Protects nothing: it is in this repository.
        let key = PrivatePkcs8KeyDer::from(include_bytes!("e-service.key.der").as_slice());
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], PrivateKeyDer::Pkcs8(key))
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let (tell, visits) = mpsc::channel();
        thread::spawn(move || {
            for socket in listener.incoming() {
                let tls = ServerConnection::new(Arc::clone(&config)).unwrap();
                let mut stream = BufReader::new(StreamOwned::new(tls, socket.unwrap()));
                let mut head = Vec::new();
                loop {
                    let mut line = String::new();
                    if stream.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
                        break;
                    }
                    head.push(line.trim().to_owned());
                }
                let answer = "HTTP/1.1 302 Found\r\nlocation: https://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
                let _ = stream.get_mut().write_all(answer.as_bytes());
                let path = head.first().and_then(|line| line.split(' ').nth(1));
                let cookie = head.iter().find_map(|line| line.strip_prefix("cookie: "));
                let visit = (
                    path.unwrap_or_default().to_owned(),
                    cookie.unwrap_or_default().to_owned(),
                );
                if tell.send(visit).is_err() {
                    return;
                }
            }
        });
        Self { url, visits }
    }

    /// The next visit: path with query, and cookie.
    pub(crate) fn visit(&self) -> (String, String) {
        self.visits
            .recv_timeout(Duration::from_secs(20))
            .expect("somebody comes")
    }

    /// Nobody comes for a while.
    pub(crate) fn is_left_alone(&self) -> bool {
        self.visits
            .recv_timeout(Duration::from_millis(700))
            .is_err()
    }
}
