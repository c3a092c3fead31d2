//! `GET /device/v1/configuration`: what a phone needs to know before it can sign or seal anything.

use crate::{problem::Failure, state::App};
use axum::{Json, Router, extract::State, routing::get};
use engine::service::DeviceError;
use wire::device_v1::Configuration;

pub(super) fn routes() -> Router<App> {
    Router::new().route("/device/v1/configuration", get(configuration))
}

async fn configuration(State(app): State<App>) -> Result<Json<Configuration>, Failure> {
    Ok(Json(
        app.service
            .configuration()
            .await
            .map_err(DeviceError::from)?,
    ))
}

#[cfg(test)]
mod tests {
    use crate::testkit::Site;

    #[tokio::test]
    async fn the_server_key_is_vouched_for_by_the_root_key() {
        let site = Site::new().await;
        let answer = site.get("/device/v1/configuration").await;
        assert_eq!(answer.status, 200);
        let configuration: wire::device_v1::Configuration =
            serde_json::from_slice(&answer.body).unwrap();
        let valid_at = configuration.server_key.statement.not_before;
        assert!(
            configuration
                .server_key
                .verify(&configuration.root_key.0, valid_at)
                .is_ok()
        );
    }
}
