//! The Relying Party API v2, for software that still speaks it.

use super::{
    answers,
    document::Parts,
    fields::{
        base64, base64_of, capabilities, certificate_level, interaction_list, nonce, object,
        one_of, path_parameters, relying_party_name, relying_party_uuid, request_properties, text,
        with,
    },
    operation::{
        Operation, any_failures, body_failures, reference, relying_party_failures, wrong_field,
        wrong_parameter,
    },
};
use crate::{path::PathSegment, problem::Failure};
use engine::{policy::RESULT_RETENTION, service::RelyingPartyError};
use serde_json::{Map, Value, json};
use wire::{
    CertificateLevel, DocumentNumber, InteractionType, SemanticsIdentifier, SessionId,
    rp_v2::MAX_NAME_BYTES, rp_v3,
};

const AUTHENTICATION: &str = "Authentication";
const SIGNATURE: &str = "Signature";
const CERTIFICATE: &str = "Certificate choice";
const STATUS: &str = "Status";

/// `hashType` and the length of such a hash, in bytes.
const HASHES: &[(&str, usize)] = &[("SHA256", 32), ("SHA384", 48), ("SHA512", 64)];

/// `signature.algorithm`.
const ALGORITHMS: &[&str] = &[
    "sha256WithRSAEncryption",
    "sha384WithRSAEncryption",
    "sha512WithRSAEncryption",
];

/// `result.endResult` beside `OK`.
pub(super) const END_RESULTS: &[&str] = &[
    "USER_REFUSED",
    "TIMEOUT",
    "DOCUMENT_UNUSABLE",
    "WRONG_VC",
    "REQUIRED_INTERACTION_NOT_SUPPORTED_BY_APP",
    "USER_REFUSED_CERT_CHOICE",
    "USER_REFUSED_DISPLAYTEXTANDPIN",
    "USER_REFUSED_VC_CHOICE",
    "USER_REFUSED_CONFIRMATIONMESSAGE",
    "USER_REFUSED_CONFIRMATIONMESSAGE_WITH_VC_CHOICE",
];

pub(super) fn document() -> Value {
    let mut parameters = path_parameters();
    parameters.push(("timeoutMs", answers::timeout_parameter()));
    for (name, description, example) in [
        ("issuer", "A private company that gives identifiers.", "ATM"),
        (
            "encoded-identifier",
            "The person's number with that issuer.",
            "1234567890123456",
        ),
    ] {
        let parameter = json!({
            "name": name,
            "in": "path",
            "required": true,
            "description": description,
            "schema": { "type": "string", "minLength": 1 },
            "example": example,
        });
        parameters.push((name, parameter));
    }
    Parts {
        title: "Relying Party API v2",
        version: "2.3",
        summary: "The previous version of the interface, for software that still speaks it.",
        description: format!(
            "New software uses v3, which binds a session to the device that asked for it; here the person has to compare codes.\n\n\
             Each POST asks the person's phones and starts a session; GET waits for its result, which stays readable for {} minutes. \
             Sessions of v2 are read here, those of v3 there.\n\n\
             **Verification code.** The relying party shows the last two bytes of SHA-256 over the decoded `hash`, as a big-endian \
             number modulo 10000, in four digits, for authentications and signatures alike.\n\n\
             **Who asks** is known by `relyingPartyUUID` together with the IP address. **Unknown fields** are ignored, and `null` in an \
             optional field counts as absent. **Errors** are problem documents (RFC 9457) with a stable `code`; one has a status \
             of its own: 471 instead of 404 for a person who has accounts, but none that fits. (472, which the published documentation \
             lists too, is never answered: a session whose accounts are all locked ends DOCUMENT_UNUSABLE.)",
            RESULT_RETENTION.as_mins()
        ),
        tags: vec![
            (AUTHENTICATION, "Who is it? The phone signs a hash of something random."),
            (SIGNATURE, "Sign a hash of a document."),
            (CERTIFICATE, "Let the person choose the account to sign with."),
            (STATUS, "The result of a session, waited for."),
        ],
        operations: operations(),
        parameters,
        schemas: vec![
            ("AuthenticationRequest", request(&[CertificateLevel::Advanced, CertificateLevel::Qualified], "An authentication.")),
            ("SignatureRequest", request(CertificateLevel::ALL, "A signature.")),
            ("CertificateChoiceRequest", object(
                &["relyingPartyUUID", "relyingPartyName"],
                common(CertificateLevel::ALL),
                "A certificate choice.",
            )),
            ("AllowedInteractions", allowed_interactions()),
            ("SessionCreated", answers::session_created()),
            ("SessionStatus", session_status()),
            ("SessionResult", session_result()),
            ("SignatureValue", signature_value()),
            ("Certificate", answers::certificate()),
        ],
    }
    .document()
}

fn operations() -> Vec<Operation> {
    let mut all = Vec::new();
    for (path, id, tag, schema, target) in [
        (
            "/v2/authentication/etsi/{semantics-identifier}",
            "authenticatePerson",
            AUTHENTICATION,
            "AuthenticationRequest",
            Target::Person,
        ),
        (
            "/v2/authentication/document/{document-number}",
            "authenticateDocument",
            AUTHENTICATION,
            "AuthenticationRequest",
            Target::Document,
        ),
        (
            "/v2/authentication/private/{issuer}/{encoded-identifier}",
            "authenticatePrivate",
            AUTHENTICATION,
            "AuthenticationRequest",
            Target::Private,
        ),
        (
            "/v2/signature/etsi/{semantics-identifier}",
            "signPerson",
            SIGNATURE,
            "SignatureRequest",
            Target::Person,
        ),
        (
            "/v2/signature/document/{document-number}",
            "signDocument",
            SIGNATURE,
            "SignatureRequest",
            Target::Document,
        ),
        (
            "/v2/signature/private/{issuer}/{encoded-identifier}",
            "signPrivate",
            SIGNATURE,
            "SignatureRequest",
            Target::Private,
        ),
        (
            "/v2/certificatechoice/etsi/{semantics-identifier}",
            "choosePersonsCertificate",
            CERTIFICATE,
            "CertificateChoiceRequest",
            Target::Person,
        ),
        (
            "/v2/certificatechoice/document/{document-number}",
            "chooseDocumentsCertificate",
            CERTIFICATE,
            "CertificateChoiceRequest",
            Target::Document,
        ),
        (
            "/v2/certificatechoice/private/{issuer}/{encoded-identifier}",
            "choosePrivateCertificate",
            CERTIFICATE,
            "CertificateChoiceRequest",
            Target::Private,
        ),
    ] {
        all.push(start(path, id, tag, schema, target));
    }
    all.push(status());
    all
}

/// How the person is named.
#[derive(Clone, Copy)]
enum Target {
    Person,
    Document,
    Private,
}

fn start(
    path: &'static str,
    id: &'static str,
    tag: &'static str,
    schema: &'static str,
    target: Target,
) -> Operation {
    let (parameters, summary, unknown) = match target {
        Target::Person => (
            vec![SemanticsIdentifier::NAME],
            "By national number",
            RelyingPartyError::UnknownPerson,
        ),
        Target::Document => (
            vec![DocumentNumber::NAME],
            "By document number",
            RelyingPartyError::UnknownDocument,
        ),
        Target::Private => (
            vec!["issuer", "encoded-identifier"],
            "By a private company's number",
            RelyingPartyError::UnknownPrivateIdentifier,
        ),
    };
    let example = match schema {
        "CertificateChoiceRequest" => who(),
        _ => with(
            who(),
            json!({
                "hash": HASH,
                "hashType": "SHA512",
                "allowedInteractionsOrder": [{ "type": "displayTextAndPIN", "displayText60": "Log in to the demo?" }],
            }),
        ),
    };
    let mut failures = vec![
        unknown.into(),
        Failure::NoSuitableAccountV2,
        wrong_field(
            "/relyingPartyUUID",
            "Invalid relyingPartyUUID: must be a UUID",
        ),
    ];
    failures.extend(relying_party_failures());
    failures.extend(body_failures());
    failures.extend(any_failures());
    Operation {
        path,
        id,
        tag,
        summary,
        description: match target {
            Target::Person => "All phones of the person are asked.",
            Target::Document => "The one phone with this account is asked.",
            Target::Private => "For people who are known by the number of a private company. Accounts of this server have none, so a well-formed request gets 404.",
        }
        .to_owned(),
        parameters,
        body: Some((schema, json!({ "demo": { "value": example } }))),
        answer: ("SessionCreated", "The session has started.", json!({
            "started": { "value": { "sessionID": "3f2504e0-4f89-41d3-9a0c-0305e82c3301" } },
        })),
        links: json!({ "result": {
            "operationId": "sessionStatus",
            "parameters": { SessionId::NAME: "$response.body#/sessionID" },
            "description": "The session's result.",
        } }),
        failures,
    }
}

/// SHA-512 of the empty text.
const HASH: &str =
    "z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==";

fn who() -> Value {
    json!({
        "relyingPartyUUID": "00000000-0000-4000-8000-000000000000",
        "relyingPartyName": "DEMO",
        "certificateLevel": "QUALIFIED",
    })
}

fn status() -> Operation {
    let mut failures: Vec<Failure> = vec![
        wrong_parameter(
            "timeoutMs",
            &format!(
                "Invalid timeoutMs: must be a number from {} to {}",
                rp_v3::MIN_TIMEOUT_MS,
                rp_v3::MAX_TIMEOUT_MS
            ),
        ),
        RelyingPartyError::AddressNotAllowed.into(),
        RelyingPartyError::UnknownSession.into(),
    ];
    failures.extend(any_failures());
    Operation {
        path: "/v2/session/{sessionID}",
        id: "sessionStatus",
        tag: STATUS,
        summary: "Result of a session",
        description: format!(
            "A long poll: answers when the session is over, or `RUNNING` when the time is. Results stay readable for {} minutes \
             after the end and do not change.",
            RESULT_RETENTION.as_mins()
        ),
        parameters: vec![SessionId::NAME, "timeoutMs"],
        body: None,
        answer: (
            "SessionStatus",
            "The session, running or over.",
            json!({
                "running": { "value": { "state": "RUNNING" } },
                "refused": { "value": { "state": "COMPLETE", "result": { "endResult": "USER_REFUSED_DISPLAYTEXTANDPIN" } } },
            }),
        ),
        links: Value::Null,
        failures,
    }
}

fn common(levels: &[CertificateLevel]) -> Value {
    let mut name = relying_party_name();
    name["maxLength"] = json!(MAX_NAME_BYTES);
    name["description"] = json!(format!(
        "{} At most {MAX_NAME_BYTES} bytes of UTF-8.",
        name["description"].as_str().unwrap_or_default()
    ));
    json!({
        "relyingPartyUUID": relying_party_uuid(),
        "relyingPartyName": name,
        "certificateLevel": certificate_level(levels),
        "nonce": nonce(),
        "requestProperties": request_properties(),
        "capabilities": capabilities(),
    })
}

fn request(levels: &[CertificateLevel], description: &str) -> Value {
    let words: Vec<_> = HASHES.iter().map(|(word, _)| *word).collect();
    let mut hash = base64_of(32..=64);
    hash["description"] = json!("Base64 of the hash to be signed, as long as `hashType` says.");
    let properties = with(
        common(levels),
        json!({
            "hash": hash,
            "hashType": one_of(&words, "The hash's algorithm."),
            "allowedInteractionsOrder": reference("schemas", "AllowedInteractions"),
        }),
    );
    let names = [
        "relyingPartyUUID",
        "relyingPartyName",
        "hash",
        "hashType",
        "allowedInteractionsOrder",
    ];
    let mut schema = object(&names, properties, description);
    let fitting = HASHES.iter().map(|(word, length)| {
        json!({ "properties": { "hashType": { "const": word }, "hash": base64_of(*length..=*length) } })
    });
    schema["oneOf"] = fitting.collect();
    schema
}

fn allowed_interactions() -> Value {
    let mut schema = interaction_list(InteractionType::ALL);
    schema["description"] = json!(
        "What the person is shown, the preferred way first. The first that the phone can show is taken; if there is none, the \
         session ends `REQUIRED_INTERACTION_NOT_SUPPORTED_BY_APP`. No type may come twice; texts are counted in characters."
    );
    schema
}

fn signature_value() -> Value {
    json!({
        "type": "object",
        "description": "RSASSA-PKCS1-v1_5 over the hash of the request.",
        "required": ["value", "algorithm"],
        "properties": {
            "value": base64("The signature, as long as the key's modulus."),
            "algorithm": one_of(ALGORITHMS, "The hash of the request in another spelling."),
        },
    })
}

fn session_result() -> Value {
    let mut codes = vec!["OK"];
    codes.extend(END_RESULTS);
    json!({
        "type": "object",
        "required": ["endResult"],
        "properties": {
            "endResult": one_of(&codes,
                "How the session ended. `USER_REFUSED_…` names what the person refused: the PIN (`DISPLAYTEXTANDPIN`), the choice of a code \
                 (`VC_CHOICE`), the long text (`CONFIRMATIONMESSAGE`), both together, or the choice of a device (`CERT_CHOICE`)."),
            "documentNumber": { "type": "string", "pattern": DocumentNumber::PATTERN, "description": "The account that was used; only with `OK`." },
        },
        "if": { "properties": { "endResult": { "const": "OK" } } },
        "then": { "required": ["documentNumber"] },
        "else": { "not": { "required": ["documentNumber"] } },
    })
}

fn session_status() -> Value {
    let success = ["signature", "cert", "interactionFlowUsed"];
    let none: Vec<_> = success
        .iter()
        .map(|name| json!({ "required": [name] }))
        .collect();
    let mut properties = Map::new();
    properties.insert(
        "state".to_owned(),
        one_of(&["RUNNING", "COMPLETE"], "Whether the session is over."),
    );
    properties.insert("result".to_owned(), reference("schemas", "SessionResult"));
    properties.insert(
        "signature".to_owned(),
        reference("schemas", "SignatureValue"),
    );
    properties.insert("cert".to_owned(), reference("schemas", "Certificate"));
    properties.insert(
        "interactionFlowUsed".to_owned(),
        one_of(InteractionType::ALL, "What the person was shown."),
    );
    properties.insert(
        "deviceIpAddress".to_owned(),
        text("Where the phone answered from; only if asked for and permitted."),
    );
    properties.insert(
        "ignoredProperties".to_owned(),
        json!({
            "type": "array", "minItems": 1, "items": { "type": "string" },
            "description": "Names in `requestProperties` that the server does not know.",
        }),
    );
    json!({
        "type": "object",
        "description": "What has become of a session. The signature is absent after a certificate choice.",
        "required": ["state"],
        "properties": properties,
        "oneOf": [
            { "title": "Running", "properties": { "state": { "const": "RUNNING" } },
              "not": { "anyOf": [{ "required": ["result"] }, { "anyOf": none }] } },
            { "title": "Failed", "properties": { "state": { "const": "COMPLETE" },
                "result": { "properties": { "endResult": { "not": { "const": "OK" } } } } },
              "required": ["result"], "not": { "anyOf": none } },
            { "title": "OK", "properties": { "state": { "const": "COMPLETE" },
                "result": { "properties": { "endResult": { "const": "OK" } } } },
              "required": ["result", "cert", "interactionFlowUsed"] },
        ],
    })
}
