//! `POST /device/v1/sessions/{id}/refusal`: the person says no, or the phone cannot say yes.
//! `POST /device/v1/sessions/{id}/consent`: the person gives the account's certificate.
//! `POST /device/v1/device-links`: the phone scanned a device link, or was opened by one.

use super::{Done, signed::Signed};
use crate::{
    body::JSON_LIMIT, client_address::ClientAddress, path::FromPath, problem::Failure, state::App,
};
use axum::{Json, Router, extract::State, routing::post};
use wire::{
    SessionId,
    device_link::DeviceLink,
    device_v1::{Consent, Consented, DeviceLinkUse, PendingSession},
    problem::FieldError,
};

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/device/v1/sessions/{session-id}/refusal", post(refuse))
        .route("/device/v1/sessions/{session-id}/consent", post(consent))
        .route("/device/v1/device-links", post(use_link))
}

async fn use_link(
    State(app): State<App>,
    signed: Signed<JSON_LIMIT>,
) -> Result<Json<PendingSession>, Failure> {
    let device = signed.authenticate(&app).await?;
    let body: DeviceLinkUse = signed.json()?;
    let link = DeviceLink::parse(&body.device_link).map_err(|error| {
        let detail = format!("Invalid deviceLink: {error}");
        Failure::Fields(vec![FieldError::at("/deviceLink", detail)])
    })?;
    Ok(Json(app.service.use_device_link(&device, &link).await?))
}

async fn consent(
    State(app): State<App>,
    ClientAddress(address): ClientAddress,
    FromPath(id): FromPath<SessionId>,
    signed: Signed<JSON_LIMIT>,
) -> Result<Json<Consented>, Failure> {
    let device = signed.authenticate(&app).await?;
    let Consent {} = signed.json()?;
    Ok(Json(app.service.consent(&device, id, address).await?))
}

async fn refuse(
    State(app): State<App>,
    FromPath(id): FromPath<SessionId>,
    signed: Signed<JSON_LIMIT>,
) -> Result<Json<Done>, Failure> {
    let device = signed.authenticate(&app).await?;
    app.service.refuse(&device, id, &signed.json()?).await?;
    Ok(Json(Done {}))
}

#[cfg(test)]
mod tests {
    use crate::testkit::Site;

    const REFUSAL: &str = "/device/v1/sessions/00000000-0000-4000-8000-000000000000/refusal";

    #[tokio::test]
    async fn an_unknown_device_is_unauthorised() {
        let body = br#"{"reason":"user"}"#;
        let answer = Site::new()
            .await
            .signed("POST", REFUSAL, "application/json", body)
            .await;
        answer.problem(401, "not_authenticated");
    }

    #[tokio::test]
    async fn a_malformed_id_is_named() {
        let answer = Site::new()
            .await
            .signed(
                "POST",
                "/device/v1/sessions/x/refusal",
                "application/json",
                b"",
            )
            .await;
        assert_eq!(
            answer.problem(400, "invalid_request")["errors"][0]["paramName"],
            "sessionID"
        );
    }
}
