//! `GET /health/live` and `GET /health/ready`, for whoever starts, stops and balances processes.

use crate::{problem::Failure, state::App};
use axum::{Json, Router, extract::State, routing::get};
use serde::Serialize;
use std::time::Duration;

/// A database that takes longer is not ready; probes commonly wait a few seconds.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Serialize)]
struct Health {
    status: &'static str,
}

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
}

/// The process answers; nothing is said of what it depends on.
async fn live() -> Json<Health> {
    Json(Health { status: "live" })
}

/// Database and keys can be used, and the process is not about to stop.
async fn ready(State(app): State<App>) -> Result<Json<Health>, Failure> {
    if app.settings.stop.is_cancelled() {
        return Err(Failure::Stopping);
    }
    match tokio::time::timeout(PATIENCE, app.service.ready()).await {
        Ok(ready) => ready.map_err(Failure::NotReady)?,
        Err(_) => return Err(Failure::NotReadyInTime),
    }
    Ok(Json(Health { status: "ready" }))
}

#[cfg(test)]
mod tests {
    use crate::testkit::Site;
    use serde_json::json;

    #[tokio::test]
    async fn a_healthy_process_is_live_and_ready() {
        let site = Site::new().await;
        assert_eq!(
            site.get("/health/live").await.json(),
            json!({ "status": "live" })
        );
        assert_eq!(
            site.get("/health/ready").await.json(),
            json!({ "status": "ready" })
        );
    }

    #[tokio::test]
    async fn a_stopping_process_is_live_but_not_ready() {
        let site = Site::new().await;
        site.settings.stop.cancel();
        site.get("/health/live").await.json();
        site.get("/health/ready").await.problem(503, "stopping");
    }

    #[tokio::test]
    async fn without_a_database_nothing_is_ready_and_nobody_learns_why() {
        let site = Site::new().await;
        site.break_down().await;
        site.get("/health/live").await.json();
        let answer = site.get("/health/ready").await;
        let problem = answer.problem(503, "unavailable");
        assert!(problem.get("detail").is_none(), "{problem}");
        assert_eq!(
            problem["instance"],
            format!("/request-id/{}", answer.header("x-request-id"))
        );
        assert_eq!(answer.header("retry-after"), "1");
    }
}
