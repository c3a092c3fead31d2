//! `POST signature/notification/…`, `signature/device-link/…` and `signature/notification/linked/…`.

use super::{Start, device_link_created};
use crate::{body::JsonBody, path::FromPath, problem::Failure, state::App};
use axum::{Json, Router, routing::post};
use engine::service::{StartedSession, Target};
use wire::{
    DocumentNumber, SemanticsIdentifier,
    rp_v3::{
        Channel, DeviceLinkSessionCreated, LinkedSignatureRequest, NotificationSignatureCreated,
        SessionCreated, SignatureRequest,
    },
};

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route(
            "/smart-id-rp/v3/signature/notification/etsi/{semantics-identifier}",
            post(notify_person),
        )
        .route(
            "/smart-id-rp/v3/signature/notification/document/{document-number}",
            post(notify_document),
        )
        .route(
            "/smart-id-rp/v3/signature/notification/linked/{document-number}",
            post(linked),
        )
        .route(
            "/smart-id-rp/v3/signature/device-link/etsi/{semantics-identifier}",
            post(link_person),
        )
        .route(
            "/smart-id-rp/v3/signature/device-link/document/{document-number}",
            post(link_document),
        )
}

async fn notify_person(
    start: Start,
    FromPath(person): FromPath<SemanticsIdentifier>,
    body: JsonBody,
) -> Result<Json<NotificationSignatureCreated>, Failure> {
    notify(&start, Target::Person(person), &body).await
}

async fn notify_document(
    start: Start,
    FromPath(number): FromPath<DocumentNumber>,
    body: JsonBody,
) -> Result<Json<NotificationSignatureCreated>, Failure> {
    notify(&start, Target::Document(number), &body).await
}

async fn link_person(
    start: Start,
    FromPath(person): FromPath<SemanticsIdentifier>,
    body: JsonBody,
) -> Result<Json<DeviceLinkSessionCreated>, Failure> {
    let target = Target::Person(person);
    device_link_created(sign(&start, target, &body, Channel::DeviceLink).await?)
}

async fn link_document(
    start: Start,
    FromPath(number): FromPath<DocumentNumber>,
    body: JsonBody,
) -> Result<Json<DeviceLinkSessionCreated>, Failure> {
    let target = Target::Document(number);
    device_link_created(sign(&start, target, &body, Channel::DeviceLink).await?)
}

async fn linked(
    start: Start,
    FromPath(number): FromPath<DocumentNumber>,
    JsonBody(body): JsonBody,
) -> Result<Json<SessionCreated>, Failure> {
    let request = LinkedSignatureRequest::parse(&body)?;
    let service = &start.app.service;
    let session = service
        .start_linked_signature(&start.caller, &number, &request)
        .await?;
    start.app.metrics.session_started("signature");
    Ok(Json(SessionCreated {
        session_id: session.id,
    }))
}

async fn notify(
    start: &Start,
    target: Target,
    body: &JsonBody,
) -> Result<Json<NotificationSignatureCreated>, Failure> {
    let session = sign(start, target, body, Channel::Notification).await?;
    let code = session
        .verification_code
        .ok_or(Failure::Internal("a notification without code"))?;
    Ok(Json(NotificationSignatureCreated {
        session_id: session.id,
        vc: code.into(),
    }))
}

async fn sign(
    start: &Start,
    target: Target,
    JsonBody(body): &JsonBody,
    channel: Channel,
) -> Result<StartedSession, Failure> {
    let request = SignatureRequest::parse(body, channel)?;
    let service = &start.app.service;
    let session = service
        .start_signature(&start.caller, &target, &request)
        .await?;
    start.app.metrics.session_started("signature");
    Ok(session)
}

#[cfg(test)]
mod tests {
    use crate::testkit::{OTHER_ADDRESS, Site, signature};
    use serde_json::json;

    const PERSON: &str = "/smart-id-rp/v3/signature/notification/etsi/PNOEE-40504040001";
    const DOCUMENT: &str =
        "/smart-id-rp/v3/signature/notification/document/PNOEE-40504040001-MOCK-Q";

    const LINKED: &str = "/smart-id-rp/v3/signature/notification/linked/PNOEE-40504040001-MOCK-Q";
    const LINKS: [&str; 2] = [
        "/smart-id-rp/v3/signature/device-link/etsi/PNOEE-40504040001",
        "/smart-id-rp/v3/signature/device-link/document/PNOEE-40504040001-MOCK-Q",
    ];

    #[tokio::test]
    async fn a_signature_is_for_somebody_known() {
        let site = Site::new().await;
        site.post(LINKS[0], &signature())
            .await
            .problem(404, "unknown_person");
        site.post(LINKS[1], &signature())
            .await
            .problem(404, "unknown_document");
        let anybody = "/smart-id-rp/v3/signature/device-link/anonymous";
        site.post(anybody, &signature())
            .await
            .problem(404, "unknown_path");
        let mut request = signature();
        request["linkedSessionID"] = json!("00000000-0000-4000-8000-000000000001");
        site.post(LINKED, &request)
            .await
            .problem(404, "unknown_document");
    }

    #[tokio::test]
    async fn a_linked_signature_names_what_it_continues() {
        let site = Site::new().await;
        let problem = site
            .post(LINKED, &signature())
            .await
            .problem(400, "invalid_request");
        assert_eq!(problem["errors"][0]["pointer"], "/linkedSessionID");
        let mut request = signature();
        request["linkedSessionID"] = json!("00000000-0000-4000-8000-000000000001");
        site.post_from(OTHER_ADDRESS, LINKED, &request)
            .await
            .problem(401, "address_not_allowed");
    }

    #[tokio::test]
    async fn an_unknown_person_or_document_is_not_found() {
        let site = Site::new().await;
        site.post(PERSON, &signature())
            .await
            .problem(404, "unknown_person");
        site.post(DOCUMENT, &signature())
            .await
            .problem(404, "unknown_document");
    }

    #[tokio::test]
    async fn the_relying_party_is_checked() {
        let site = Site::new().await;
        site.post_from(OTHER_ADDRESS, PERSON, &signature())
            .await
            .problem(401, "address_not_allowed");
        let mut request = signature();
        request["relyingPartyUUID"] = json!("00000000-0000-4000-8000-00000000dead");
        site.post(DOCUMENT, &request)
            .await
            .problem(403, "unknown_relying_party");
    }

    #[tokio::test]
    async fn a_digest_of_another_length_than_its_hash_is_named() {
        let mut request = signature();
        request["signatureProtocolParameters"]["signatureAlgorithmParameters"]["hashAlgorithm"] =
            json!("SHA-256");
        let problem = Site::new()
            .await
            .post(PERSON, &request)
            .await
            .problem(400, "invalid_request");
        assert_eq!(
            problem["errors"][0]["pointer"],
            "/signatureProtocolParameters/digest"
        );
    }
}
