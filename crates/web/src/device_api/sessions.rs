//! `POST /device/v1/sessions/{id}/refusal`: the person says no, or the phone cannot say yes.

use super::{Done, signed::Signed};
use crate::{body::JSON_LIMIT, path::FromPath, problem::Failure, state::App};
use axum::{Json, Router, extract::State, routing::post};
use wire::SessionId;

pub(super) fn routes() -> Router<App> {
    Router::new().route("/device/v1/sessions/{session-id}/refusal", post(refuse))
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
