//! Bodies of requests, with examples that work against `smart-id demo`.

use super::schema;
use crate::openapi::fields::{
    capabilities, certificate_level, interactions, nonce, object, relying_party_name,
    relying_party_uuid, request_properties, signature_parameters, uuid, with,
};
use serde_json::{Map, Value, json};
use wire::{CertificateLevel, InteractionType, rp_v3::MAX_CALLBACK_URL};

/// The README's request.
const AUTHENTICATION: &str = include_str!("../../../../../docs/examples/authentication.json");

/// SHA-512 of the empty text.
const DIGEST: &str =
    "z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==";

pub(super) fn schemas() -> Vec<(&'static str, Value)> {
    vec![
        (
            "NotificationAuthenticationRequest",
            authentication(
                json!({ "vcType": vc_type(), "interactions": interactions(InteractionType::NOTIFICATION) }),
                &["vcType"],
                "An authentication that asks the phone at once.",
            ),
        ),
        (
            "DeviceLinkAuthenticationRequest",
            authentication(
                json!({ "initialCallbackUrl": schema("InitialCallbackUrl"), "interactions": interactions(InteractionType::DEVICE_LINK) }),
                &[],
                "An authentication by device link.",
            ),
        ),
        (
            "NotificationSignatureRequest",
            signature(
                json!({ "interactions": interactions(InteractionType::NOTIFICATION) }),
                &[],
                "A signature that asks the phone at once.",
            ),
        ),
        (
            "DeviceLinkSignatureRequest",
            signature(
                json!({ "initialCallbackUrl": schema("InitialCallbackUrl"), "interactions": interactions(InteractionType::DEVICE_LINK) }),
                &[],
                "A signature by device link.",
            ),
        ),
        (
            "LinkedSignatureRequest",
            signature(
                json!({
                    "linkedSessionID": uuid("The certificate choice that came before."),
                    "interactions": interactions(InteractionType::DEVICE_LINK),
                }),
                &["linkedSessionID"],
                "A signature after a certificate choice.",
            ),
        ),
        (
            "NotificationCertificateChoiceRequest",
            certificate_choice(
                json!({}),
                "A certificate choice that asks the phone at once.",
            ),
        ),
        (
            "DeviceLinkCertificateChoiceRequest",
            certificate_choice(
                json!({ "initialCallbackUrl": schema("InitialCallbackUrl") }),
                "A certificate choice by device link.",
            ),
        ),
        (
            "CertificateRequest",
            object(
                &COMMON,
                common(CertificateLevel::ALL),
                "A question for a certificate.",
            ),
        ),
        (
            "AuthenticationParameters",
            signature_parameters(
                "rpChallenge",
                "Base64 of 32 to 64 random bytes, fresh for each request and kept by the relying party until it has verified the signature.",
                false,
            ),
        ),
        (
            "SignatureParameters",
            signature_parameters(
                "digest",
                "Base64 of the digest to be signed, as long as the hash that is named.",
                true,
            ),
        ),
        (
            "InitialCallbackUrl",
            json!({
                "type": ["string", "null"],
                "maxLength": MAX_CALLBACK_URL,
                "pattern": r"^https:\/\/[^|#\s\u0000-\u001f\u007f-\u009f]+$",
                "description": "Where the app sends the browser after a same-device flow, confirmed or refused; `sessionSecretDigest` and, for an \
                    authentication, `userChallengeVerifier` are added to its query. Only QR flows work without it.",
            }),
        ),
    ]
}

const COMMON: [&str; 2] = ["relyingPartyUUID", "relyingPartyName"];

fn common(levels: &[CertificateLevel]) -> Value {
    json!({
        "relyingPartyUUID": relying_party_uuid(),
        "relyingPartyName": relying_party_name(),
        "certificateLevel": certificate_level(levels),
    })
}

fn session(levels: &[CertificateLevel]) -> Value {
    with(
        common(levels),
        json!({ "requestProperties": request_properties(), "capabilities": capabilities() }),
    )
}

fn authentication(more: Value, required: &[&str], description: &str) -> Value {
    let mut properties = with(
        session(&[CertificateLevel::Advanced, CertificateLevel::Qualified]),
        json!({
            "signatureProtocol": { "const": "ACSP_V2" },
            "signatureProtocolParameters": schema("AuthenticationParameters"),
        }),
    );
    properties = with(properties, more);
    let mut names = COMMON.to_vec();
    names.extend([
        "signatureProtocol",
        "signatureProtocolParameters",
        "interactions",
    ]);
    names.extend(required);
    let mut schema = object(&names, properties, description);
    // A challenge makes each request another one; a nonce would be a misunderstanding.
    schema["not"] = json!({
        "required": ["nonce"],
        "properties": { "nonce": { "not": { "type": "null" } } },
    });
    schema
}

fn signature(more: Value, required: &[&str], description: &str) -> Value {
    let properties = with(
        session(CertificateLevel::ALL),
        json!({
            "signatureProtocol": { "const": "RAW_DIGEST_SIGNATURE" },
            "signatureProtocolParameters": schema("SignatureParameters"),
            "nonce": nonce(),
        }),
    );
    let mut names = COMMON.to_vec();
    names.extend([
        "signatureProtocol",
        "signatureProtocolParameters",
        "interactions",
    ]);
    names.extend(required);
    object(&names, with(properties, more), description)
}

fn certificate_choice(more: Value, description: &str) -> Value {
    let properties = with(session(CertificateLevel::ALL), json!({ "nonce": nonce() }));
    object(&COMMON, with(properties, more), description)
}

fn vc_type() -> Value {
    json!({ "const": "numeric4", "description": "The kind of verification code." })
}

/// The README's request, without the fields that only it has.
fn template() -> Value {
    serde_json::from_str(AUTHENTICATION).expect("an example that a test parses")
}

pub(super) fn authentication_examples() -> Value {
    examples(template())
}

pub(super) fn device_link_authentication_examples() -> Value {
    examples(with_callback(without(template(), "vcType")))
}

pub(super) fn signature_examples() -> Value {
    let pkcs1 = with(
        digest_to_sign(),
        json!({ "signatureProtocolParameters": { "digest": DIGEST, "signatureAlgorithm": "sha512WithRSAEncryption" } }),
    );
    json!({ "rsassa-pss": { "value": digest_to_sign() }, "pkcs1": { "summary": "RSASSA-PKCS1-v1_5", "value": pkcs1 } })
}

pub(super) fn device_link_signature_examples() -> Value {
    examples(with_callback(digest_to_sign()))
}

pub(super) fn linked_signature_examples() -> Value {
    examples(with(
        digest_to_sign(),
        json!({ "linkedSessionID": "3f2504e0-4f89-41d3-9a0c-0305e82c3301" }),
    ))
}

pub(super) fn certificate_examples() -> Value {
    examples(who())
}

pub(super) fn certificate_choice_examples() -> Value {
    examples(with(who(), json!({ "nonce": "invoice 4711" })))
}

pub(super) fn device_link_certificate_examples() -> Value {
    examples(with_callback(who()))
}

fn examples(value: Value) -> Value {
    json!({ "demo": { "value": value } })
}

fn who() -> Value {
    let mut template = template();
    let mut who = Map::new();
    for name in ["relyingPartyUUID", "relyingPartyName", "certificateLevel"] {
        who.insert(name.to_owned(), template[name].take());
    }
    who.into()
}

fn digest_to_sign() -> Value {
    with(
        without(template(), "vcType"),
        json!({
            "signatureProtocol": "RAW_DIGEST_SIGNATURE",
            "signatureProtocolParameters": {
                "digest": DIGEST,
                "signatureAlgorithm": "rsassa-pss",
                "signatureAlgorithmParameters": { "hashAlgorithm": "SHA-512" },
            },
        }),
    )
}

fn with_callback(value: Value) -> Value {
    with(
        value,
        json!({ "initialCallbackUrl": "https://rp.example.com/callback?value=RrKjjT4aggzu27YBddX1bQ" }),
    )
}

fn without(mut value: Value, name: &str) -> Value {
    if let Some(object) = value.as_object_mut() {
        object.remove(name);
    }
    value
}
