//! `/device/v1/transactions`: what waits for the phone, and how it answers.

use super::signed::{Signed, SignedHead, octets};
use crate::{
    body::JSON_LIMIT, client_address::ClientAddress, path::FromPath, problem::Failure, state::App,
};
use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::IntoResponse,
    routing::{get, post},
};
use wire::{
    TransactionId,
    device_v1::{PendingTransactions, TransactionOffer},
};

/// Largest sealed submission (`splitkey.md` §4.2).
const SEALED_LIMIT: usize = 4 * 1024;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/device/v1/transactions", get(pending).post(begin))
        .route("/device/v1/transactions/{transaction-id}", post(submit))
}

async fn pending(
    State(app): State<App>,
    signed: SignedHead,
) -> Result<Json<PendingTransactions>, Failure> {
    let device = signed.authenticate(&app).await?;
    Ok(Json(app.service.pending(&device).await?))
}

async fn begin(
    State(app): State<App>,
    signed: Signed<JSON_LIMIT>,
) -> Result<(StatusCode, Json<TransactionOffer>), Failure> {
    let device = signed.authenticate(&app).await?;
    let offer = app.service.begin(&device, &signed.json()?).await?;
    Ok((StatusCode::CREATED, Json(offer)))
}

async fn submit(
    State(app): State<App>,
    ClientAddress(address): ClientAddress,
    FromPath(id): FromPath<TransactionId>,
    signed: Signed<SEALED_LIMIT>,
) -> Result<impl IntoResponse, Failure> {
    let device = signed.authenticate(&app).await?;
    let id = engine::domain::TransactionId(id.0);
    Ok(octets(
        app.service
            .submit(&device, id, signed.octets()?, address)
            .await?,
    ))
}

#[cfg(test)]
mod tests {
    use super::SEALED_LIMIT;
    use crate::testkit::{OTHER_ADDRESS, Site, signed};
    use axum::{body::Body, http::Request};

    const TRANSACTIONS: &str = "/device/v1/transactions";
    const TRANSACTION: &str = "/device/v1/transactions/00000000000000000000000000000000";
    const JSON: &str = "application/json";
    const OCTETS: &str = "application/octet-stream";

    #[tokio::test]
    async fn an_unknown_device_is_unauthorised_whatever_it_asks() {
        let site = Site::new().await;
        site.signed("GET", TRANSACTIONS, JSON, b"")
            .await
            .problem(401, "not_authenticated");
        site.signed("POST", TRANSACTIONS, JSON, b"{}")
            .await
            .problem(401, "not_authenticated");
        site.signed("POST", TRANSACTION, OCTETS, b"x")
            .await
            .problem(401, "not_authenticated");
    }

    #[tokio::test]
    async fn a_request_without_a_signature_is_told_what_is_missing() {
        let request = Request::get(TRANSACTIONS).body(Body::empty()).unwrap();
        let problem = Site::new()
            .await
            .send_from(OTHER_ADDRESS, request)
            .await
            .problem(401, "not_authenticated");
        assert!(
            problem["detail"]
                .as_str()
                .unwrap()
                .contains("Signature-Input"),
            "{problem}"
        );
    }

    #[tokio::test]
    async fn a_repeated_signature_header_is_not_a_signature() {
        let mut request = signed("GET", TRANSACTIONS, JSON, b"");
        let again = request.headers()["signature"].clone();
        request.headers_mut().append("signature", again);
        let problem = Site::new()
            .await
            .send_from(OTHER_ADDRESS, request)
            .await
            .problem(401, "not_authenticated");
        assert!(
            problem["detail"].as_str().unwrap().contains("missing"),
            "{problem}"
        );
    }

    #[tokio::test]
    async fn a_submission_has_at_most_4_kib_and_a_list_no_body() {
        let site = Site::new().await;
        let large = vec![0; SEALED_LIMIT + 1];
        site.signed("POST", TRANSACTION, OCTETS, &large)
            .await
            .problem(413, "body_too_large");
        site.signed("GET", TRANSACTIONS, JSON, b"x")
            .await
            .problem(413, "body_too_large");
    }

    #[tokio::test]
    async fn a_malformed_id_is_named() {
        let answer = Site::new()
            .await
            .signed("POST", "/device/v1/transactions/XY", OCTETS, b"x")
            .await;
        assert_eq!(
            answer.problem(400, "invalid_request")["errors"][0]["paramName"],
            "transactionId"
        );
    }
}
