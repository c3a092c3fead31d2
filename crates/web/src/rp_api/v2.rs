//! The Relying Party API v2, on the same sessions: whom to ask stands in the path, every answer is `{"sessionID"}`.

mod session;

use super::Start;
use crate::{body::JsonBody, path::FromPath, problem::Failure, state::App};
use axum::{Json, Router, routing::post};
use engine::service::{RelyingPartyError, StartedSession, Target};
use std::future::Future;
use wire::{
    DocumentNumber, SemanticsIdentifier,
    rp_v2::{BASE_PATH, CertificateChoiceRequest, HashRequest, SessionCreated},
};

pub(super) fn routes() -> Router<App> {
    Router::new()
        .merge(endpoints::<Authentication>())
        .merge(endpoints::<Signature>())
        .merge(endpoints::<CertificateChoice>())
        .merge(session::routes())
}

/// The three ways to say whom to ask (v2 §2.3.2).
fn endpoints<O: Operation>() -> Router<App> {
    let path = format!("{BASE_PATH}/{}", O::PATH);
    Router::new()
        .route(
            &format!("{path}/etsi/{{semantics-identifier}}"),
            post(ask_person::<O>),
        )
        .route(
            &format!("{path}/document/{{document-number}}"),
            post(ask_document::<O>),
        )
        .route(
            &format!("{path}/private/{{issuer}}/{{encoded-identifier}}"),
            post(ask_private::<O>),
        )
}

async fn ask_person<O: Operation>(
    start: Start,
    FromPath(person): FromPath<SemanticsIdentifier>,
    body: JsonBody,
) -> Result<Json<SessionCreated>, Failure> {
    ask::<O>(&start, &Target::Person(person), &body).await
}

async fn ask_document<O: Operation>(
    start: Start,
    FromPath(number): FromPath<DocumentNumber>,
    body: JsonBody,
) -> Result<Json<SessionCreated>, Failure> {
    ask::<O>(&start, &Target::Document(number), &body).await
}

/// Whatever issuer and identifier are: their form is a matter of agreement, and there is none.
async fn ask_private<O: Operation>(
    start: Start,
    body: JsonBody,
) -> Result<Json<SessionCreated>, Failure> {
    ask::<O>(&start, &Target::Private, &body).await
}

async fn ask<O: Operation>(
    start: &Start,
    target: &Target,
    JsonBody(body): &JsonBody,
) -> Result<Json<SessionCreated>, Failure> {
    let session = O::start(start, target, body).await?;
    start.app.metrics.session_started(O::METRIC);
    Ok(Json(SessionCreated {
        session_id: session.id,
    }))
}

/// What a session is started for.
trait Operation: Send + 'static {
    /// Its segment of the path.
    const PATH: &str;
    /// As the metrics call it.
    const METRIC: &'static str;

    fn start(
        start: &Start,
        target: &Target,
        body: &[u8],
    ) -> impl Future<Output = Result<StartedSession, Failure>> + Send;
}

struct Authentication;
struct Signature;
struct CertificateChoice;

impl Operation for Authentication {
    const PATH: &str = "authentication";
    const METRIC: &'static str = "authentication";

    async fn start(start: &Start, target: &Target, body: &[u8]) -> Result<StartedSession, Failure> {
        let request = HashRequest::authentication(body)?;
        let service = &start.app.service;
        let session = service.start_v2_authentication(&start.caller, target, &request);
        session.await.map_err(failure)
    }
}

impl Operation for Signature {
    const PATH: &str = "signature";
    const METRIC: &'static str = "signature";

    async fn start(start: &Start, target: &Target, body: &[u8]) -> Result<StartedSession, Failure> {
        let request = HashRequest::signature(body)?;
        let service = &start.app.service;
        let session = service.start_v2_signature(&start.caller, target, &request);
        session.await.map_err(failure)
    }
}

impl Operation for CertificateChoice {
    const PATH: &str = "certificatechoice";
    const METRIC: &'static str = "certificate_choice";

    async fn start(start: &Start, target: &Target, body: &[u8]) -> Result<StartedSession, Failure> {
        let request = CertificateChoiceRequest::parse(body)?;
        let service = &start.app.service;
        let session = service.start_v2_certificate_choice(&start.caller, target, &request);
        session.await.map_err(failure)
    }
}

/// Where v2 has another status than v3 (v2 §2.3.3).
///
/// 472, "person should view app or portal now", is never answered: what it could mean here, that all her accounts of the
/// level are locked, is the session's end DOCUMENT_UNUSABLE as in v3. No endpoint lists 472 among its errors, while the
/// documentation of that end says the same to the person; and only a session leaves a trace that she finds in her app.
fn failure(error: RelyingPartyError) -> Failure {
    match error {
        RelyingPartyError::NoSuitableAccount => Failure::NoSuitableAccountV2,
        other => other.into(),
    }
}

#[cfg(test)]
mod tests;
