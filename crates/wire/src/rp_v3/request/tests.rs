use super::*;
use crate::{CertificateLevel, HashAlgorithm, SignatureAlgorithm, rp_v3::MAX_CALLBACK_URL};
use base64ct::{Base64, Encoding};
use proptest::prelude::*;
use serde_json::json;

fn interactions(json: &str) -> String {
    Base64::encode_string(json.as_bytes())
}

fn authentication() -> Value {
    json!({
        "relyingPartyUUID": "00000000-0000-4000-8000-000000000000",
        "relyingPartyName": "DEMO",
        "certificateLevel": "QUALIFIED",
        "signatureProtocol": "ACSP_V2",
        "signatureProtocolParameters": {
            "rpChallenge": Base64::encode_string(&[7; 64]),
            "signatureAlgorithm": "rsassa-pss",
            "signatureAlgorithmParameters": { "hashAlgorithm": "SHA3-512" }
        },
        "interactions": interactions(r#"[{"type":"displayTextAndPIN","displayText60":"Hello"}]"#),
        "vcType": "numeric4"
    })
}

fn signature() -> Value {
    json!({
        "relyingPartyUUID": "00000000-0000-4000-8000-000000000000",
        "relyingPartyName": "DEMO",
        "signatureProtocol": "RAW_DIGEST_SIGNATURE",
        "signatureProtocolParameters": {
            "digest": Base64::encode_string(&[7; 32]),
            "signatureAlgorithm": "rsassa-pss",
            "signatureAlgorithmParameters": { "hashAlgorithm": "SHA-256" }
        },
        "interactions": interactions(r#"[{"type":"confirmationMessage","displayText200":"Sign?"}]"#)
    })
}

/// The body with the value at `pointer` replaced, or removed.
fn with(mut body: Value, pointer: &str, value: Option<Value>) -> Value {
    let (parent, name) = pointer.rsplit_once('/').expect("pointer");
    let parent = body
        .pointer_mut(parent)
        .expect("parent")
        .as_object_mut()
        .expect("object");
    match value {
        Some(value) => parent.insert(name.to_owned(), value),
        None => parent.remove(name),
    };
    body
}

fn pointers<T: std::fmt::Debug>(result: Result<T, RequestError>) -> Vec<String> {
    match result {
        Err(RequestError::Fields(errors)) => errors
            .into_iter()
            .map(|error| error.pointer.expect("pointer"))
            .collect(),
        other => panic!("{other:?}"),
    }
}

fn authenticate(body: &Value) -> Result<AuthenticationRequest, RequestError> {
    AuthenticationRequest::parse(body.to_string().as_bytes(), Channel::Notification)
}

fn sign(body: &Value) -> Result<SignatureRequest, RequestError> {
    SignatureRequest::parse(body.to_string().as_bytes(), Channel::Notification)
}

#[test]
fn valid_requests_are_taken() {
    let request = authenticate(&authentication()).unwrap();
    assert_eq!(request.common.relying_party_name, "DEMO");
    assert_eq!(request.signature.hash, HashAlgorithm::Sha3_512);
    assert_eq!(request.rp_challenge.bytes(), [7; 64]);
    assert_eq!(
        sign(&signature()).unwrap().common.certificate_level,
        CertificateLevel::Qualified
    );
}

#[test]
fn each_wrong_field_is_named() {
    const P: &str = "/signatureProtocolParameters";
    let pss = |hash: Value| json!({ "hashAlgorithm": hash });
    let cases = [
        ("/relyingPartyUUID", None),
        ("/relyingPartyUUID", Some(json!("x"))),
        ("/relyingPartyUUID", Some(json!(5))),
        ("/relyingPartyName", None),
        ("/relyingPartyName", Some(json!(""))),
        ("/certificateLevel", Some(json!("GOLD"))),
        ("/certificateLevel", Some(json!("QSCD"))),
        ("/signatureProtocol", None),
        ("/signatureProtocol", Some(json!("RAW_DIGEST_SIGNATURE"))),
        (P, None),
        (P, Some(json!([]))),
        ("/signatureProtocolParameters/rpChallenge", None),
        (
            "/signatureProtocolParameters/rpChallenge",
            Some(json!("%%%%")),
        ),
        (
            "/signatureProtocolParameters/rpChallenge",
            Some(json!(Base64::encode_string(&[7; 31]))),
        ),
        (
            "/signatureProtocolParameters/rpChallenge",
            Some(json!(Base64::encode_string(&[7; 67]))),
        ),
        (
            "/signatureProtocolParameters/rpChallenge",
            Some(json!(Base64::encode_string(&[7; 32]).trim_end_matches('='))),
        ),
        ("/signatureProtocolParameters/signatureAlgorithm", None),
        (
            "/signatureProtocolParameters/signatureAlgorithm",
            Some(json!("md5WithRSAEncryption")),
        ),
        (
            "/signatureProtocolParameters/signatureAlgorithmParameters",
            None,
        ),
        (
            "/signatureProtocolParameters/signatureAlgorithmParameters",
            Some(json!("SHA-256")),
        ),
        ("/interactions", None),
        ("/interactions", Some(json!("%"))),
        ("/interactions", Some(json!(interactions("[]")))),
        ("/vcType", None),
        ("/vcType", Some(json!("alpha2"))),
        ("/nonce", Some(json!("n"))),
        ("/requestProperties", Some(json!("x"))),
        ("/capabilities", Some(json!("x"))),
        ("/capabilities", Some(json!([1]))),
    ];
    for (pointer, value) in cases {
        let body = with(authentication(), pointer, value.clone());
        assert_eq!(pointers(authenticate(&body)), [pointer], "{value:?}");
    }
    let body = with(
        authentication(),
        "/signatureProtocolParameters/signatureAlgorithmParameters",
        Some(pss(json!("MD5"))),
    );
    assert_eq!(
        pointers(authenticate(&body)),
        ["/signatureProtocolParameters/signatureAlgorithmParameters/hashAlgorithm"]
    );
    let body = with(
        authentication(),
        "/requestProperties",
        Some(json!({ "shareMdClientIpAddress": "yes" })),
    );
    assert_eq!(
        pointers(authenticate(&body)),
        ["/requestProperties/shareMdClientIpAddress"]
    );
}

#[test]
fn all_wrong_fields_are_reported_at_once() {
    let result = AuthenticationRequest::parse(b"{}", Channel::Notification);
    assert_eq!(
        pointers(result),
        [
            "/relyingPartyUUID",
            "/relyingPartyName",
            "/signatureProtocol",
            "/vcType",
            "/signatureProtocolParameters",
            "/interactions"
        ]
    );
}

#[test]
fn a_digest_must_have_the_length_of_its_hash_and_no_more() {
    let long = with(
        signature(),
        "/signatureProtocolParameters/digest",
        Some(json!(Base64::encode_string(&[7; 64]))),
    );
    assert_eq!(
        pointers(sign(&long)),
        ["/signatureProtocolParameters/digest"]
    );
    // A SHA-512 digest under the name SHA3-512 is taken: only lengths can be compared.
    let other = with(
        long,
        "/signatureProtocolParameters/signatureAlgorithmParameters",
        Some(json!({"hashAlgorithm":"SHA3-512"})),
    );
    assert!(sign(&other).is_ok());
}

#[test]
fn pkcs1_algorithms_fix_their_hash_and_take_no_parameters() {
    let name = "/signatureProtocolParameters/signatureAlgorithm";
    let parameters = "/signatureProtocolParameters/signatureAlgorithmParameters";
    let body = with(signature(), name, Some(json!("sha256WithRSAEncryption")));
    assert_eq!(pointers(sign(&body)), [parameters]);
    let request = sign(&with(body, parameters, None)).unwrap();
    assert_eq!(
        request.signature.algorithm,
        SignatureAlgorithm::Sha256WithRsaEncryption
    );
    assert_eq!(request.signature.hash, HashAlgorithm::Sha256);
}

#[test]
fn a_nonce_has_1_to_30_characters() {
    for (nonce, valid) in [
        ("n", true),
        (&"ä".repeat(30), true),
        ("", false),
        (&"n".repeat(31), false),
    ] {
        assert_eq!(
            sign(&with(signature(), "/nonce", Some(json!(nonce)))).is_ok(),
            valid,
            "{nonce}"
        );
    }
}

#[test]
fn unknown_fields_are_ignored_and_unknown_properties_are_told() {
    let properties = json!({ "shareMdClientIpAddress": true, "colour": "red" });
    let body = with(
        with(signature(), "/requestProperties", Some(properties)),
        "/more",
        Some(json!(1)),
    );
    let request = sign(&body).unwrap();
    assert!(request.common.share_md_client_ip_address);
    assert_eq!(request.common.ignored_properties, ["colour"]);
}

#[test]
fn a_question_for_a_certificate_has_no_wishes_for_a_session() {
    let body = json!({
        "relyingPartyUUID": "00000000-0000-4000-8000-000000000000",
        "relyingPartyName": "DEMO",
        "capabilities": ["everything"],
        "requestProperties": 1,
    });
    let request = CertificateByDocumentRequest::parse(body.to_string().as_bytes()).unwrap();
    assert!(request.common.capabilities.is_empty());
    assert!(request.common.ignored_properties.is_empty());
}

#[test]
fn equal_requests_have_equal_fingerprints_whatever_their_spacing() {
    let compact = signature().to_string();
    let spaced = serde_json::to_string_pretty(&signature()).unwrap();
    let of = |text: &str| {
        SignatureRequest::parse(text.as_bytes(), Channel::Notification)
            .unwrap()
            .fingerprint
    };
    assert_eq!(of(&compact), of(&spaced));
    assert_ne!(
        of(&compact),
        of(&with(signature(), "/nonce", Some(json!("1"))).to_string())
    );
}

fn device_link(mut body: Value) -> Value {
    body.as_object_mut().unwrap().remove("vcType");
    body["initialCallbackUrl"] = json!("https://rp.example.com/back?value=1");
    body
}

#[test]
fn a_device_link_request_has_a_callback_and_no_code() {
    let body = device_link(authentication());
    let parse = |body: &Value| {
        AuthenticationRequest::parse(body.to_string().as_bytes(), Channel::DeviceLink)
    };
    let request = parse(&body).unwrap();
    assert_eq!(
        request.initial_callback_url,
        "https://rp.example.com/back?value=1"
    );
    let without = parse(&with(body.clone(), "/initialCallbackUrl", None)).unwrap();
    assert_eq!(without.initial_callback_url, "");
    let long = format!("https://{}", "a".repeat(MAX_CALLBACK_URL - 7));
    for wrong in [
        "http://rp.example.com/",
        "https://",
        "https://rp.example.com/a|b",
        "https://rp.example.com/#a",
        "https://rp.example.com/ a",
        "https://rp.example.com/\n",
        "rp.example.com",
        "",
        &long,
    ] {
        let body = with(body.clone(), "/initialCallbackUrl", Some(json!(wrong)));
        assert_eq!(pointers(parse(&body)), ["/initialCallbackUrl"], "{wrong}");
    }
    let longest = long.strip_suffix('a').unwrap();
    assert!(parse(&with(body, "/initialCallbackUrl", Some(json!(longest)))).is_ok());
}

#[test]
fn codes_are_chosen_in_notification_flows_only() {
    let choice = interactions(
        r#"[{"type":"confirmationMessageAndVerificationCodeChoice","displayText200":"Sign?"}]"#,
    );
    let body = with(signature(), "/interactions", Some(json!(choice)));
    sign(&body).unwrap();
    let bytes = body.to_string();
    let device_link = SignatureRequest::parse(bytes.as_bytes(), Channel::DeviceLink);
    assert_eq!(pointers(device_link), ["/interactions"]);
    let body = with(
        body,
        "/linkedSessionID",
        Some(json!("00000000-0000-4000-8000-000000000001")),
    );
    let linked = LinkedSignatureRequest::parse(body.to_string().as_bytes());
    assert_eq!(pointers(linked), ["/interactions"]);
    let old = interactions(r#"[{"type":"verificationCodeChoice","displayText60":"Sign?"}]"#);
    let body = with(signature(), "/interactions", Some(json!(old)));
    assert_eq!(pointers(sign(&body)), ["/interactions"]);
}

#[test]
fn a_linked_request_names_the_session_that_it_continues() {
    let parse = |value: Option<Value>| {
        LinkedSignatureRequest::parse(
            with(signature(), "/linkedSessionID", value)
                .to_string()
                .as_bytes(),
        )
    };
    let id = "00000000-0000-4000-8000-000000000001";
    let request = parse(Some(json!(id))).unwrap();
    assert_eq!(request.linked_session.to_string(), id);
    for wrong in [None, Some(json!("x")), Some(json!(1))] {
        assert_eq!(pointers(parse(wrong)), ["/linkedSessionID"]);
    }
}

#[test]
fn a_certificate_choice_may_ask_for_a_qscd_and_has_a_nonce() {
    let body = json!({
        "relyingPartyUUID": "00000000-0000-4000-8000-000000000000",
        "relyingPartyName": "DEMO",
        "certificateLevel": "QSCD",
        "nonce": "n",
    });
    let parse = |body: &Value| {
        CertificateChoiceRequest::parse(body.to_string().as_bytes(), Channel::Notification)
    };
    assert_eq!(
        parse(&body).unwrap().common.certificate_level,
        CertificateLevel::Qscd
    );
    for wrong in ["", "1234567890123456789012345678901"] {
        let body = with(body.clone(), "/nonce", Some(json!(wrong)));
        assert_eq!(pointers(parse(&body)), ["/nonce"]);
    }
}

#[test]
fn what_is_no_json_object_is_refused_as_such() {
    for body in [&b""[..], b"[]", b"null", b"{", b"\xff", b"\"x\""] {
        assert!(
            matches!(
                AuthenticationRequest::parse(body, Channel::Notification),
                Err(RequestError::NotAnObject(_))
            ),
            "{body:?}"
        );
    }
    let deep = "[".repeat(100_000);
    assert!(matches!(
        SignatureRequest::parse(deep.as_bytes(), Channel::Notification),
        Err(RequestError::NotAnObject(_))
    ));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(body in any::<Vec<u8>>()) {
        let _ = AuthenticationRequest::parse(&body, Channel::DeviceLink);
        let _ = SignatureRequest::parse(&body, Channel::DeviceLink);
        let _ = LinkedSignatureRequest::parse(&body);
        let _ = CertificateChoiceRequest::parse(&body, Channel::DeviceLink);
        let _ = CertificateByDocumentRequest::parse(&body);
    }

    #[test]
    fn no_mutated_body_makes_it_panic(position in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut body = authentication().to_string().into_bytes();
        let at = position.index(body.len());
        body[at] = byte;
        let _ = AuthenticationRequest::parse(&body, Channel::DeviceLink);
    }
}
