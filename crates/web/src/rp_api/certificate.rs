//! `POST signature/certificate/{document-number}`: the signing certificate, for a relying party that prepares a
//! document. No session, nobody is asked.

use crate::{
    body::JsonBody, client_address::ClientAddress, path::FromPath, problem::Failure, state::App,
};
use axum::{Json, Router, extract::State, routing::post};
use engine::{
    domain::AccountLevel,
    service::{Caller, CertificateAnswer},
};
use wire::{
    DocumentNumber,
    rp_v3::{Certificate, CertificateByDocumentRequest, CertificateResponse, CertificateState},
};

pub(super) fn routes() -> Router<App> {
    Router::new().route(
        "/smart-id-rp/v3/signature/certificate/{document-number}",
        post(certificate),
    )
}

async fn certificate(
    State(app): State<App>,
    ClientAddress(address): ClientAddress,
    FromPath(number): FromPath<DocumentNumber>,
    JsonBody(body): JsonBody,
) -> Result<Json<CertificateResponse>, Failure> {
    let request = CertificateByDocumentRequest::parse(&body)?;
    let answer = app
        .service
        .signing_certificate(&Caller { address }, &number, &request)
        .await?;
    Ok(Json(match answer {
        CertificateAnswer::Ok { certificate, level } => CertificateResponse {
            state: CertificateState::Ok,
            cert: Some(Certificate::new(
                &certificate,
                level == AccountLevel::Qualified,
            )),
        },
        CertificateAnswer::DocumentUnusable => CertificateResponse {
            state: CertificateState::DocumentUnusable,
            cert: None,
        },
    }))
}

#[cfg(test)]
mod tests {
    use crate::testkit::{OTHER_ADDRESS, Site, certificate};
    use serde_json::json;

    const DOCUMENT: &str = "/smart-id-rp/v3/signature/certificate/PNOEE-40504040001-MOCK-Q";

    #[tokio::test]
    async fn an_unknown_document_is_not_found() {
        Site::new()
            .await
            .post(DOCUMENT, &certificate())
            .await
            .problem(404, "unknown_document");
    }

    #[tokio::test]
    async fn a_malformed_document_number_is_named() {
        let answer = Site::new()
            .await
            .post(&DOCUMENT.replace("MOCK", "x"), &certificate())
            .await;
        assert_eq!(
            answer.problem(400, "invalid_request")["errors"][0]["paramName"],
            "document-number"
        );
    }

    #[tokio::test]
    async fn the_relying_party_is_checked() {
        let site = Site::new().await;
        site.post_from(OTHER_ADDRESS, DOCUMENT, &certificate())
            .await
            .problem(401, "address_not_allowed");
        let nobody = json!({ "relyingPartyName": "DEMO" });
        let problem = site
            .post(DOCUMENT, &nobody)
            .await
            .problem(400, "invalid_request");
        assert_eq!(problem["errors"][0]["pointer"], "/relyingPartyUUID");
    }
}
