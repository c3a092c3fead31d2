//! Schemas of what a success carries.

use super::{
    fields::{base64, one_of, text, uuid},
    operation::reference,
};
use serde_json::{Value, json};
use wire::{EndResult, FlowType, HashAlgorithm, InteractionType, SignatureAlgorithm, rp_v3};

pub(super) fn session_created() -> Value {
    json!({
        "type": "object",
        "description": "A session has started.",
        "required": ["sessionID"],
        "properties": { "sessionID": session_id() },
    })
}

pub(super) fn notification_signature_created() -> Value {
    json!({
        "type": "object",
        "description": "A session has started. Show the code to the person, who compares it with the phone's.",
        "required": ["sessionID", "vc"],
        "properties": {
            "sessionID": session_id(),
            "vc": {
                "type": "object",
                "description": "The verification code, random for each session.",
                "required": ["type", "value"],
                "properties": {
                    "type": { "const": "numeric4" },
                    "value": { "type": "string", "pattern": "^[0-9]{4}$", "description": "Four digits; leading zeros count." },
                },
            },
        },
    })
}

pub(super) fn device_link_created() -> Value {
    json!({
        "type": "object",
        "description": "A session has started and waits for a phone that opens its device link.",
        "required": ["sessionID", "sessionToken", "sessionSecret", "deviceLinkBase"],
        "properties": {
            "sessionID": session_id(),
            "sessionToken": { "type": "string", "pattern": "^[A-Za-z0-9]{24}$",
                "description": "Names the session in its device links; no secret." },
            "sessionSecret": { "type": "string", "contentEncoding": "base64", "pattern": "^[A-Za-z0-9+/]{24}$",
                "description": "Base64 of 18 random bytes: the key of `authCode`. It must stay in the relying party's back end." },
            "deviceLinkBase": { "type": "string", "format": "uri", "pattern": "^https?://[^?#]+$",
                "description": "What device links begin with; has no `?`." },
        },
    })
}

pub(super) fn certificate() -> Value {
    json!({
        "type": "object",
        "required": ["value", "certificateLevel"],
        "properties": {
            "value": base64("The certificate: base64 of the DER, in one line."),
            "certificateLevel": one_of(&["QUALIFIED", "ADVANCED"],
                "The account's level; `QSCD` is asked for, never answered."),
        },
    })
}

pub(super) fn certificate_by_document() -> Value {
    json!({
        "type": "object",
        "required": ["state"],
        "properties": {
            "state": one_of(&["OK", "DOCUMENT_UNUSABLE"],
                "`DOCUMENT_UNUSABLE`: the account exists, its signing key cannot be used now; the person's app knows why."),
            "cert": reference("schemas", "Certificate"),
        },
        "oneOf": [
            { "properties": { "state": { "const": "OK" } }, "required": ["cert"] },
            { "properties": { "state": { "const": "DOCUMENT_UNUSABLE" } }, "not": { "required": ["cert"] } },
        ],
    })
}

/// `GET session/{sessionID}`: running, failed, or one of three ways of success.
pub(super) fn session_status(interactions: &[InteractionType]) -> Value {
    let failed: Vec<_> = EndResult::CODES
        .iter()
        .filter(|code| **code != "USER_REFUSED_INTERACTION")
        .collect();
    let no_success = json!({ "anyOf": [
        { "required": ["signatureProtocol"] }, { "required": ["signature"] }, { "required": ["cert"] },
        { "required": ["interactionTypeUsed"] },
    ] });
    let ended = |result: Value| {
        json!({
            "properties": { "state": { "const": "COMPLETE" }, "result": result },
            "required": ["result"],
            "not": no_success,
        })
    };
    let ok = |title: &str, protocol: Option<&str>, signature: &str| {
        let mut schema = json!({
            "title": title,
            "properties": {
                "state": { "const": "COMPLETE" },
                "result": { "properties": { "endResult": { "const": "OK" } }, "required": ["documentNumber"] },
                "signature": reference("schemas", signature),
            },
            "required": ["result", "signature", "cert", "interactionTypeUsed"],
        });
        match protocol {
            Some(protocol) => {
                schema["properties"]["signatureProtocol"] = json!({ "const": protocol });
                schema["required"]
                    .as_array_mut()
                    .expect("a list")
                    .push(json!("signatureProtocol"));
            }
            None => schema["not"] = json!({ "required": ["signatureProtocol"] }),
        }
        schema
    };
    json!({
        "type": "object",
        "description": "What has become of a session.",
        "required": ["state"],
        "properties": {
            "state": one_of(&["RUNNING", "COMPLETE"], "Whether the session is over."),
            "result": reference("schemas", "SessionResult"),
            "signatureProtocol": one_of(&["ACSP_V2", "RAW_DIGEST_SIGNATURE"],
                "`ACSP_V2` for an authentication, `RAW_DIGEST_SIGNATURE` for a signature, absent for a certificate choice."),
            "signature": { "type": "object", "description": "Depends on the protocol." },
            "cert": reference("schemas", "Certificate"),
            "interactionTypeUsed": one_of(interactions, "What the person was shown."),
            "deviceIpAddress": { "type": "string", "anyOf": [{ "format": "ipv4" }, { "format": "ipv6" }],
                "description": "Where the phone answered from; only if asked for and permitted." },
            "ignoredProperties": { "type": "array", "minItems": 1, "items": { "type": "string" },
                "description": "Names in `requestProperties` that the server does not know." },
        },
        "oneOf": [
            {
                "title": "Running",
                "properties": { "state": { "const": "RUNNING" } },
                "not": { "anyOf": [{ "required": ["result"] }, no_success] },
            },
            ended(json!({ "properties": { "endResult": { "enum": failed } },
                "not": { "anyOf": [{ "required": ["details"] }, { "required": ["documentNumber"] }] } })),
            ended(json!({ "properties": { "endResult": { "const": "USER_REFUSED_INTERACTION" } },
                "required": ["details"], "not": { "required": ["documentNumber"] } })),
            ok("Authentication", Some("ACSP_V2"), "AuthenticationSignature"),
            ok("Signature", Some("RAW_DIGEST_SIGNATURE"), "DigestSignature"),
            ok("Certificate choice", None, "CertificateChoice"),
        ],
    })
}

pub(super) fn session_result() -> Value {
    let mut codes = vec!["OK"];
    codes.extend(EndResult::CODES);
    json!({
        "type": "object",
        "required": ["endResult"],
        "properties": {
            "endResult": one_of(&codes,
                "How the session ended. `USER_REFUSED`: refused outside an interaction. `USER_REFUSED_INTERACTION`: at the one in \
                 `details`. `USER_REFUSED_CERT_CHOICE`: cancelled when asked which device. `TIMEOUT`: nobody answered in time. \
                 `DOCUMENT_UNUSABLE`: the account or its key cannot be used; the app knows why. `WRONG_VC`: a wrong verification \
                 code was chosen. `REQUIRED_INTERACTION_NOT_SUPPORTED_BY_APP`: the phone shows none of the interactions. \
                 `PROTOCOL_FAILURE`: phone or relying party broke the protocol, for example by a wrong `authCode`. \
                 `EXPECTED_LINKED_SESSION`: another request came while a linked one was awaited. `SERVER_ERROR`: we failed."),
            "documentNumber": { "type": "string", "pattern": wire::DocumentNumber::PATTERN,
                "description": "The account that was used; only with `OK`. Asks the same device again." },
            "details": {
                "type": "object",
                "description": "Only with `USER_REFUSED_INTERACTION`.",
                "required": ["interaction"],
                "properties": { "interaction": text("The interaction that was refused.") },
            },
        },
    })
}

pub(super) fn authentication_signature() -> Value {
    let mut schema = signature(
        "Over the text that both sides compute (ACSP_V2): `schemeName|ACSP_V2|serverRandom|rpChallenge|userChallenge|base64(relyingPartyName)|base64(brokeredRpName)|base64(SHA-256(interactions))|interactionTypeUsed|initialCallbackUrl|flowType`, made with the authentication key.",
    );
    schema["required"]
        .as_array_mut()
        .expect("a list")
        .extend([json!("serverRandom"), json!("userChallenge")]);
    let mut server_random = base64("The server's part of the signed text, used as it stands.");
    server_random["minLength"] = json!(24);
    schema["properties"]["serverRandom"] = server_random;
    schema["properties"]["userChallenge"] = json!({
        "type": "string",
        "contentEncoding": "base64url",
        "pattern": "^[A-Za-z0-9_-]{43}$",
        "description": "The phone's part: base64url of SHA-256 over `userChallengeVerifier`, which comes back with the callback \
            of a same-device flow.",
    });
    schema
}

pub(super) fn digest_signature() -> Value {
    signature("Over the digest of the request, made with the signing key.")
}

fn signature(description: &str) -> Value {
    let pss = HashAlgorithm::ALL.iter().map(|hash| {
        json!({
            "properties": {
                "hashAlgorithm": { "const": hash },
                "maskGenAlgorithm": { "properties": { "parameters": { "properties": { "hashAlgorithm": { "const": hash } } } } },
                "saltLength": { "const": hash.digest_len() },
            },
        })
    });
    let pss: Vec<_> = pss.collect();
    json!({
        "type": "object",
        "description": description,
        "required": ["value", "flowType", "signatureAlgorithm"],
        "properties": {
            "value": base64("The signature, as long as the key's modulus."),
            "flowType": flow_type(),
            "signatureAlgorithm": one_of(SignatureAlgorithm::ALL, "As the request had it."),
            "signatureAlgorithmParameters": {
                "type": "object",
                "description": "Only with `rsassa-pss`: everything that a verifier needs.",
                "required": ["hashAlgorithm", "maskGenAlgorithm", "saltLength", "trailerField"],
                "properties": {
                    "hashAlgorithm": one_of(HashAlgorithm::ALL, "The hash, as the request had it."),
                    "maskGenAlgorithm": {
                        "type": "object",
                        "required": ["algorithm", "parameters"],
                        "properties": {
                            "algorithm": { "const": "id-mgf1" },
                            "parameters": {
                                "type": "object",
                                "required": ["hashAlgorithm"],
                                "properties": { "hashAlgorithm": one_of(HashAlgorithm::ALL, "The same hash.") },
                            },
                        },
                    },
                    "saltLength": { "type": "integer", "description": "In bytes; as long as the hash." },
                    "trailerField": { "const": "0xbc" },
                },
                "oneOf": pss,
            },
        },
        "if": { "properties": { "signatureAlgorithm": { "const": SignatureAlgorithm::RsassaPss } } },
        "then": { "required": ["signatureAlgorithmParameters"] },
        "else": { "not": { "required": ["signatureAlgorithmParameters"] } },
    })
}

pub(super) fn certificate_choice() -> Value {
    json!({
        "type": "object",
        "description": "Nothing was signed.",
        "required": ["flowType"],
        "properties": { "flowType": flow_type() },
        "additionalProperties": false,
    })
}

/// The status's long poll.
pub(super) fn timeout_parameter() -> Value {
    json!({
        "name": "timeoutMs",
        "in": "query",
        "required": false,
        "description": "How long to wait for the end of the session, in milliseconds. The answer leaves at the end of the session or \
            some 50 ms before this time is over, whatever is first. Digits only; at most once.",
        "schema": {
            "type": "integer",
            "minimum": rp_v3::MIN_TIMEOUT_MS,
            "maximum": rp_v3::MAX_TIMEOUT_MS,
            "default": rp_v3::DEFAULT_TIMEOUT_MS,
        },
        "example": 10_000,
    })
}

fn session_id() -> Value {
    uuid("Asks for the session's result.")
}

fn flow_type() -> Value {
    one_of(FlowType::ALL, "How phone and session found each other.")
}
