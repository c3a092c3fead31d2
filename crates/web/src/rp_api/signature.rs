//! `POST signature/notification/etsi/{semantics-identifier}` and `…/document/{document-number}`.

use crate::{
    body::JsonBody, client_address::ClientAddress, path::FromPath, problem::Failure, state::App,
};
use axum::{Json, Router, extract::State, routing::post};
use engine::service::{Caller, Target};
use wire::{
    DocumentNumber, SemanticsIdentifier,
    rp_v3::{NotificationSignatureCreated, SignatureRequest},
};

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route(
            "/smart-id-rp/v3/signature/notification/etsi/{semantics-identifier}",
            post(by_person),
        )
        .route(
            "/smart-id-rp/v3/signature/notification/document/{document-number}",
            post(by_document),
        )
}

async fn by_person(
    State(app): State<App>,
    client: ClientAddress,
    FromPath(person): FromPath<SemanticsIdentifier>,
    body: JsonBody,
) -> Result<Json<NotificationSignatureCreated>, Failure> {
    start(&app, client, Target::Person(person), body).await
}

async fn by_document(
    State(app): State<App>,
    client: ClientAddress,
    FromPath(number): FromPath<DocumentNumber>,
    body: JsonBody,
) -> Result<Json<NotificationSignatureCreated>, Failure> {
    start(&app, client, Target::Document(number), body).await
}

async fn start(
    app: &App,
    ClientAddress(address): ClientAddress,
    target: Target,
    JsonBody(body): JsonBody,
) -> Result<Json<NotificationSignatureCreated>, Failure> {
    let request = SignatureRequest::parse(&body)?;
    let session = app
        .service
        .start_signature(&Caller { address }, &target, &request)
        .await?;
    app.metrics.session_started("signature");
    Ok(Json(NotificationSignatureCreated {
        session_id: session.id,
        vc: session.verification_code.into(),
    }))
}

#[cfg(test)]
mod tests {
    use crate::testkit::{OTHER_ADDRESS, Site, signature};
    use serde_json::json;

    const PERSON: &str = "/smart-id-rp/v3/signature/notification/etsi/PNOEE-40504040001";
    const DOCUMENT: &str =
        "/smart-id-rp/v3/signature/notification/document/PNOEE-40504040001-MOCK-Q";

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
