//! The Relying Party API v3.

mod examples;
mod requests;

use super::{
    answers,
    document::Parts,
    fields::{path_parameters, with, words},
    operation::{
        Operation, any_failures, body_failures, reference, relying_party_failures, wrong_field,
        wrong_parameter,
    },
};
use crate::{path::PathSegment, problem::Failure};
use engine::{policy::RESULT_RETENTION, service::RelyingPartyError};
use serde_json::{Value, json};
use wire::{DocumentNumber, FlowType, InteractionType, SemanticsIdentifier, SessionId, rp_v3};

const AUTHENTICATION: &str = "Authentication";
const SIGNATURE: &str = "Signature";
const CERTIFICATE: &str = "Certificate";
const STATUS: &str = "Status";

pub(super) fn document() -> Value {
    let mut parameters = path_parameters();
    parameters.push(("timeoutMs", answers::timeout_parameter()));
    let mut schemas = requests::schemas();
    schemas.extend([
        ("SessionCreated", answers::session_created()),
        (
            "NotificationSignatureCreated",
            answers::notification_signature_created(),
        ),
        ("DeviceLinkSessionCreated", answers::device_link_created()),
        ("CertificateByDocument", answers::certificate_by_document()),
        (
            "SessionStatus",
            answers::session_status(InteractionType::NOTIFICATION),
        ),
        ("SessionResult", answers::session_result()),
        (
            "AuthenticationSignature",
            answers::authentication_signature(),
        ),
        ("DigestSignature", answers::digest_signature()),
        ("CertificateChoice", answers::certificate_choice()),
        ("Certificate", answers::certificate()),
    ]);
    Parts {
        title: "Relying Party API v3",
        version: "3.2.3",
        summary: "Log people in and let them sign, with the phone.",
        description: introduction(),
        tags: vec![
            (
                AUTHENTICATION,
                "Who is it? A session whose result is a signature over a fresh challenge.",
            ),
            (
                SIGNATURE,
                "Sign a digest. The document itself never comes here.",
            ),
            (
                CERTIFICATE,
                "The signing certificate, for signature formats that need it beforehand.",
            ),
            (STATUS, "The result of a session, waited for."),
        ],
        operations: operations(),
        parameters,
        schemas,
    }
    .document()
}

fn introduction() -> String {
    format!(
        "Each POST starts a session (but the one for a certificate, which answers at once); GET waits for its result, which stays \
         readable for {} minutes.\n\n\
         **Who asks** is known by `relyingPartyUUID` together with the IP address; there is no other credential. \
         `smart-id rp add` makes a relying party, the demo has `00000000-0000-4000-8000-000000000000`, named `DEMO`.\n\n\
         **Same device, other device.** Device-link flows ({}) bind the session to the phone that opens the link; prefer them. \
         Notification flows ask all phones of a person who is named by the request.\n\n\
         **Unknown fields** of a request are ignored, and `null` in an optional field counts as absent. Answers may get more fields; clients have to ignore them.\n\n\
         **Errors** are problem documents (RFC 9457, `application/problem+json`) with a stable `code`. Beside those listed with each \
         operation there are 404 `unknown_path` where there is nothing, 405 `method_not_allowed` for another method (see `Allow`), \
         and 480 for the long gone version 1 of this API. What is no HTTP/1.1 or HTTP/2 at all may be answered 400 or 431 without a body.\n\n\
         Repeated slashes in a path count as one. This describes the protocol that SK ID Solutions publishes as version 3.2.3; the \
         implementation and these texts are independent of it.",
        RESULT_RETENTION.as_mins(),
        words(&[FlowType::Qr, FlowType::Web2App, FlowType::App2App]),
    )
}

fn operations() -> Vec<Operation> {
    let mut all = Vec::new();
    for (path, id, target) in [
        (
            "/v3/authentication/device-link/anonymous",
            "authenticateByDeviceLink",
            Target::Anybody,
        ),
        (
            "/v3/authentication/device-link/etsi/{semantics-identifier}",
            "authenticatePersonByDeviceLink",
            Target::Person,
        ),
        (
            "/v3/authentication/device-link/document/{document-number}",
            "authenticateDocumentByDeviceLink",
            Target::Document,
        ),
    ] {
        all.push(start(path, id, target, AUTHENTICATION, "Authentication by device link",
            "Starts an authentication that waits for a device link, shown as a QR code or opened on the same phone.",
            ("DeviceLinkAuthenticationRequest", requests::device_link_authentication_examples()),
            Started::DeviceLink));
    }
    for (path, id, target) in [
        (
            "/v3/authentication/notification/etsi/{semantics-identifier}",
            "authenticatePersonByNotification",
            Target::Person,
        ),
        (
            "/v3/authentication/notification/document/{document-number}",
            "authenticateDocumentByNotification",
            Target::Document,
        ),
    ] {
        all.push(start(path, id, target, AUTHENTICATION, "Authentication by notification",
            "Asks the person's phone at once. Show the verification code: the last two bytes of SHA-256 over the decoded \
             `rpChallenge`, as a big-endian number modulo 10000, in four digits.",
            ("NotificationAuthenticationRequest", requests::authentication_examples()),
            Started::Session));
    }
    for (path, id, target) in [
        (
            "/v3/signature/device-link/etsi/{semantics-identifier}",
            "signPersonByDeviceLink",
            Target::Person,
        ),
        (
            "/v3/signature/device-link/document/{document-number}",
            "signDocumentByDeviceLink",
            Target::Document,
        ),
    ] {
        all.push(start(
            path,
            id,
            target,
            SIGNATURE,
            "Signature by device link",
            "Starts a signature that waits for a device link.",
            (
                "DeviceLinkSignatureRequest",
                requests::device_link_signature_examples(),
            ),
            Started::DeviceLink,
        ));
    }
    for (path, id, target) in [
        (
            "/v3/signature/notification/etsi/{semantics-identifier}",
            "signPersonByNotification",
            Target::Person,
        ),
        (
            "/v3/signature/notification/document/{document-number}",
            "signDocumentByNotification",
            Target::Document,
        ),
    ] {
        all.push(start(
            path,
            id,
            target,
            SIGNATURE,
            "Signature by notification",
            "Asks the person's phone at once. Show the verification code of the answer.",
            (
                "NotificationSignatureRequest",
                requests::signature_examples(),
            ),
            Started::WithCode,
        ));
    }
    all.push(start("/v3/signature/notification/linked/{document-number}", "signLinked", Target::Document, SIGNATURE,
        "Signature after a certificate choice",
        "Signs with the account that the person has just chosen by a device link; the app still waits for it, so no code is shown. \
         `linkedSessionID` has to name a certificate choice of the same relying party by device link, ended OK with this \
         very document number, and not used yet.",
        ("LinkedSignatureRequest", requests::linked_signature_examples()),
        Started::Session));
    all.push(start("/v3/signature/certificate-choice/device-link/anonymous", "chooseCertificateByDeviceLink", Target::Anybody,
        CERTIFICATE, "Certificate choice by device link",
        "Lets the person choose the account to sign with. The app stays open for the linked signature that follows.",
        ("DeviceLinkCertificateChoiceRequest", requests::device_link_certificate_examples()),
        Started::DeviceLink));
    all.push(start(
        "/v3/signature/certificate-choice/notification/etsi/{semantics-identifier}",
        "choosePersonsCertificateByNotification",
        Target::Person,
        CERTIFICATE,
        "Certificate choice by notification",
        "Lets the person choose the account to sign with; a signature by document number follows.",
        (
            "NotificationCertificateChoiceRequest",
            requests::certificate_choice_examples(),
        ),
        Started::Session,
    ));
    all.push(certificate());
    all.push(status());
    all
}

/// Who is asked.
#[derive(Clone, Copy, PartialEq)]
enum Target {
    Anybody,
    Person,
    Document,
}

/// What the answer has.
#[derive(Clone, Copy, PartialEq)]
enum Started {
    Session,
    WithCode,
    DeviceLink,
}

#[expect(clippy::too_many_arguments, reason = "a row of the table above")]
fn start(
    path: &'static str,
    id: &'static str,
    target: Target,
    tag: &'static str,
    summary: &'static str,
    description: &str,
    body: (&'static str, Value),
    started: Started,
) -> Operation {
    let (parameters, whom) = match target {
        Target::Anybody => (vec![], "Whoever opens the link is asked."),
        Target::Person => (
            vec![SemanticsIdentifier::NAME],
            "The person is named by a number of theirs.",
        ),
        Target::Document => (
            vec![DocumentNumber::NAME],
            "One account, and so one device, is asked.",
        ),
    };
    let session = json!({ "sessionID": "3f2504e0-4f89-41d3-9a0c-0305e82c3301" });
    let (schema, example) = match started {
        Started::Session => ("SessionCreated", session),
        Started::WithCode => (
            "NotificationSignatureCreated",
            with(
                session,
                json!({ "vc": { "type": "numeric4", "value": "0492" } }),
            ),
        ),
        Started::DeviceLink => (
            "DeviceLinkSessionCreated",
            with(
                session,
                json!({
                    "sessionToken": "xhCkPfPPqGEM4WTbTWjk8vQN",
                    "sessionSecret": "eR1tYJRfWdyl+6x5jNJKVRLA",
                    "deviceLinkBase": "http://127.0.0.1:8080/device-link",
                }),
            ),
        ),
    };
    let mut failures = target_failures(target);
    failures.extend([wrong_field(
        "/relyingPartyUUID",
        "Invalid relyingPartyUUID: must be a UUID",
    )]);
    failures.extend(relying_party_failures());
    failures.extend(body_failures());
    failures.extend(any_failures());
    Operation {
        path,
        id,
        tag,
        summary,
        description: format!("{description} {whom}"),
        parameters,
        body: Some(body),
        answer: (
            schema,
            "The session has started.",
            json!({ "started": { "value": example } }),
        ),
        links: json!({ "result": {
            "operationId": "sessionStatus",
            "parameters": { SessionId::NAME: "$response.body#/sessionID" },
            "description": "The session's result.",
        } }),
        failures,
    }
}

fn target_failures(target: Target) -> Vec<Failure> {
    match target {
        Target::Anybody => vec![],
        Target::Person => vec![
            RelyingPartyError::UnknownPerson.into(),
            RelyingPartyError::NoSuitableAccount.into(),
        ],
        Target::Document => vec![
            RelyingPartyError::UnknownDocument.into(),
            RelyingPartyError::NoSuitableAccount.into(),
        ],
    }
}

fn certificate() -> Operation {
    let mut failures = target_failures(Target::Document);
    failures.push(wrong_field(
        "/relyingPartyUUID",
        "Invalid relyingPartyUUID: must be a UUID",
    ));
    failures.extend(relying_party_failures());
    failures.extend(body_failures());
    failures.extend(any_failures());
    Operation {
        path: "/v3/signature/certificate/{document-number}",
        id: "certificateByDocumentNumber",
        tag: CERTIFICATE,
        summary: "Certificate by document number",
        description: "The signing certificate of an account. Answers at once; nobody is asked."
            .to_owned(),
        parameters: vec![DocumentNumber::NAME],
        body: Some(("CertificateRequest", requests::certificate_examples())),
        answer: (
            "CertificateByDocument",
            "Whether the account can sign, and its certificate.",
            examples::certificate(),
        ),
        links: Value::Null,
        failures,
    }
}

fn status() -> Operation {
    let mut failures = vec![
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
        path: "/v3/session/{sessionID}",
        id: "sessionStatus",
        tag: STATUS,
        summary: "Result of a session",
        description: format!(
            "A long poll: answers when the session is over, or `RUNNING` when the time is. A session that nobody answers ends \
             `TIMEOUT` by itself. Results stay readable for {} minutes after the end and do not change. The session's \
             relying party has to ask from one of its addresses.",
            RESULT_RETENTION.as_mins()
        ),
        parameters: vec![SessionId::NAME, "timeoutMs"],
        body: None,
        answer: (
            "SessionStatus",
            "The session, running or over.",
            examples::session_status(),
        ),
        links: Value::Null,
        failures,
    }
}

/// A reference to a schema.
fn schema(name: &str) -> Value {
    reference("schemas", name)
}
