use super::*;
use crate::{CertificateLevel, verification_code};
use base64ct::{Base64, Encoding};
use proptest::prelude::*;
use serde_json::json;

fn body() -> Value {
    json!({
        "relyingPartyUUID": "00000000-0000-0000-0000-000000000000",
        "relyingPartyName": "DEMO",
        "certificateLevel": "QUALIFIED",
        "hash": Base64::encode_string(&[7; 64]),
        "hashType": "SHA512",
        "allowedInteractionsOrder": [
            { "type": "verificationCodeChoice", "displayText60": "Log in?" },
            { "type": "displayTextAndPIN", "displayText60": "Log in?" }
        ]
    })
}

/// The body with this field replaced, or removed.
fn with(mut body: Value, name: &str, value: Option<Value>) -> Value {
    let fields = body.as_object_mut().expect("object");
    match value {
        Some(value) => fields.insert(name.to_owned(), value),
        None => fields.remove(name),
    };
    body
}

fn authenticate(body: &Value) -> Result<HashRequest, RequestError> {
    HashRequest::authentication(body.to_string().as_bytes())
}

fn sign(body: &Value) -> Result<HashRequest, RequestError> {
    HashRequest::signature(body.to_string().as_bytes())
}

fn choose(body: &Value) -> Result<CertificateChoiceRequest, RequestError> {
    CertificateChoiceRequest::parse(body.to_string().as_bytes())
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

#[test]
fn valid_requests_are_taken() {
    let request = authenticate(&body()).unwrap();
    assert_eq!(request.common.relying_party_name, "DEMO");
    assert_eq!(request.hash.bytes(), [7; 64]);
    assert_eq!(
        request.interactions.list()[0].kind,
        InteractionType::VerificationCodeChoice
    );
    assert_eq!(sign(&body()), Ok(request));
    let choice = choose(&with(body(), "certificateLevel", None)).unwrap();
    assert_eq!(choice.common.certificate_level, CertificateLevel::Qualified);
}

#[test]
fn the_hash_type_is_hash_and_signature_algorithm() {
    use SignatureAlgorithm as S;
    for (word, algorithm, length) in [
        ("SHA256", S::Sha256WithRsaEncryption, 32),
        ("SHA384", S::Sha384WithRsaEncryption, 48),
        ("SHA512", S::Sha512WithRsaEncryption, 64),
    ] {
        let body = with(body(), "hashType", Some(json!(word)));
        for given in [32, 48, 64] {
            let hash = Base64::encode_string(&vec![1; given]);
            let parsed = authenticate(&with(body.clone(), "hash", Some(json!(hash))));
            if given == length {
                let signature = parsed.unwrap().signature;
                assert_eq!(signature.algorithm, algorithm);
                assert_eq!(algorithm.fixed_hash(), Some(signature.hash));
            } else {
                assert_eq!(pointers(parsed), ["/hash"], "{word} {given}");
            }
        }
    }
}

#[test]
fn each_wrong_field_is_named() {
    let cases = [
        ("relyingPartyUUID", None),
        ("relyingPartyUUID", Some(json!("x"))),
        ("relyingPartyName", None),
        ("relyingPartyName", Some(json!(""))),
        ("relyingPartyName", Some(json!(5))),
        ("relyingPartyName", Some(json!("ä".repeat(16) + "b"))),
        ("certificateLevel", Some(json!("GOLD"))),
        ("nonce", Some(json!(""))),
        ("nonce", Some(json!("n".repeat(31)))),
        ("requestProperties", Some(json!("x"))),
        ("capabilities", Some(json!([1]))),
        ("hash", None),
        ("hash", Some(json!(7))),
        ("hash", Some(json!("%%%%"))),
        ("hash", Some(json!(Base64::encode_string(&[7; 20])))),
        ("hash", Some(json!("A".repeat(86)))),
        ("hashType", None),
        ("hashType", Some(json!("SHA-512"))),
        ("hashType", Some(json!("SHA3-512"))),
        ("hashType", Some(json!("SHA1"))),
        ("allowedInteractionsOrder", None),
        ("allowedInteractionsOrder", Some(json!([]))),
        ("allowedInteractionsOrder", Some(json!({}))),
        ("allowedInteractionsOrder", Some(json!("W10="))),
        (
            "allowedInteractionsOrder",
            Some(json!([{ "type": "dance", "displayText60": "a" }])),
        ),
        (
            "allowedInteractionsOrder",
            Some(json!([{ "type": "verificationCodeChoice", "displayText200": "a" }])),
        ),
        (
            "allowedInteractionsOrder",
            Some(json!([{ "type": "verificationCodeChoice", "displayText60": "a".repeat(61) }])),
        ),
        (
            "allowedInteractionsOrder",
            Some(json!([{ "type": "confirmationMessage", "displayText200": "a".repeat(201) }])),
        ),
    ];
    for (name, value) in cases {
        let body = with(body(), name, value.clone());
        let pointer = format!("/{name}");
        assert_eq!(pointers(authenticate(&body)), [&*pointer], "{value:?}");
        assert_eq!(pointers(sign(&body)), [&*pointer], "{value:?}");
        let of_all = ["hash", "hashType", "allowedInteractionsOrder"];
        if of_all.contains(&name) {
            choose(&body).expect("not a field of a certificate choice");
        } else {
            assert_eq!(pointers(choose(&body)), [&*pointer], "{value:?}");
        }
    }
}

#[test]
fn all_wrong_fields_are_reported_at_once() {
    assert_eq!(
        pointers(HashRequest::signature(b"{}")),
        [
            "/relyingPartyUUID",
            "/relyingPartyName",
            "/hashType",
            "/hash",
            "/allowedInteractionsOrder"
        ]
    );
    let request = json!({ "relyingPartyName": "x".repeat(33), "nonce": "" });
    assert_eq!(
        pointers(choose(&request)),
        ["/relyingPartyUUID", "/relyingPartyName", "/nonce"]
    );
}

#[test]
fn a_name_has_at_most_32_bytes() {
    let name = |name: String| authenticate(&with(body(), "relyingPartyName", Some(json!(name))));
    assert!(name("ä".repeat(16)).is_ok());
    assert_eq!(pointers(name("ä".repeat(17))), ["/relyingPartyName"]);
}

#[test]
fn all_four_interactions_are_allowed_in_their_order() {
    let list = json!([
        { "type": "confirmationMessageAndVerificationCodeChoice", "displayText200": "Sign \"ü\"?" },
        { "type": "confirmationMessage", "displayText200": "b", "displayText60": null },
        { "type": "verificationCodeChoice", "displayText60": "c" },
        { "type": "displayTextAndPIN", "displayText60": "d" },
    ]);
    let request = sign(&with(body(), "allowedInteractionsOrder", Some(list))).unwrap();
    let kinds: Vec<_> = request
        .interactions
        .list()
        .iter()
        .map(|interaction| interaction.kind.as_str())
        .collect();
    assert_eq!(
        kinds,
        [
            "confirmationMessageAndVerificationCodeChoice",
            "confirmationMessage",
            "verificationCodeChoice",
            "displayTextAndPIN"
        ]
    );
    // What is stored and told to the phone is the same list.
    let kept = Interactions::parse(request.interactions.base64());
    assert_eq!(kept, Ok(request.interactions));
}

#[test]
fn only_a_signature_or_a_certificate_may_need_a_qscd() {
    let body = with(body(), "certificateLevel", Some(json!("QSCD")));
    assert_eq!(pointers(authenticate(&body)), ["/certificateLevel"]);
    let level = sign(&body).unwrap().common.certificate_level;
    assert_eq!(level, CertificateLevel::Qscd);
    let level = choose(&body).unwrap().common.certificate_level;
    assert_eq!(level, CertificateLevel::Qscd);
}

#[test]
fn every_request_may_have_a_nonce_and_properties() {
    let properties = json!({ "shareMdClientIpAddress": true, "vcChoice": true });
    let body = with(
        with(body(), "requestProperties", Some(properties)),
        "nonce",
        Some(json!("ä".repeat(30))),
    );
    for common in [
        authenticate(&body).unwrap().common,
        sign(&body).unwrap().common,
        choose(&body).unwrap().common,
    ] {
        assert!(common.share_md_client_ip_address);
        assert_eq!(common.ignored_properties, ["vcChoice"]);
    }
}

#[test]
fn equal_requests_have_equal_fingerprints_whatever_their_spacing() {
    let spaced = serde_json::to_string_pretty(&body()).unwrap();
    let first = authenticate(&body()).unwrap().fingerprint;
    let second = HashRequest::authentication(spaced.as_bytes()).unwrap();
    assert_eq!(first, second.fingerprint);
    let nonce = authenticate(&with(body(), "nonce", Some(json!("1")))).unwrap();
    assert_ne!(first, nonce.fingerprint);
}

#[test]
fn what_is_no_json_object_is_refused_as_such() {
    let deep = "[".repeat(100_000);
    for body in [&b""[..], b"[]", b"null", b"{", b"\xff", deep.as_bytes()] {
        assert!(matches!(
            HashRequest::authentication(body),
            Err(RequestError::NotAnObject(_))
        ));
        assert!(matches!(
            CertificateChoiceRequest::parse(body),
            Err(RequestError::NotAnObject(_))
        ));
    }
}

/// A pair from the tests of SK's Java client 2 (`SignableHashTest`).
#[test]
fn the_code_comes_from_the_hash() {
    use sha2::{Digest, Sha512};
    let code = verification_code(&Sha512::digest("Hello World!"));
    assert_eq!(code.to_string(), "4664");
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(body in any::<Vec<u8>>()) {
        let _ = HashRequest::authentication(&body);
        let _ = HashRequest::signature(&body);
        let _ = CertificateChoiceRequest::parse(&body);
    }

    #[test]
    fn no_mutated_body_makes_it_panic(position in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut body = body().to_string().into_bytes();
        let at = position.index(body.len());
        body[at] = byte;
        let _ = HashRequest::authentication(&body);
        let _ = CertificateChoiceRequest::parse(&body);
    }
}
