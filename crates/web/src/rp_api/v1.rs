//! The first version of the RP API, which nobody serves any more.

use crate::{problem::Failure, state::App};
use axum::{Router, routing::any};

/// Everything below `/smart-id-rp/v1`, whatever the method.
pub(crate) fn routes() -> Router<App> {
    let too_old = any(async || Failure::ClientTooOld);
    Router::new()
        .route("/smart-id-rp/v1", too_old.clone())
        .route("/smart-id-rp/v1/", too_old.clone())
        .route("/smart-id-rp/v1/{*path}", too_old)
}

#[cfg(test)]
mod tests {
    use crate::testkit::{Site, authentication};

    #[tokio::test]
    async fn clients_of_the_first_version_are_told_that_they_are_too_old() {
        let site = Site::new().await;
        for path in [
            "/smart-id-rp/v1",
            "/smart-id-rp/v1/",
            "/smart-id-rp//v1/session/de305d54-75b4-431b-adb2-eb6b9e546014",
        ] {
            site.get(path).await.problem(480, "client_too_old");
        }
        let path = "/smart-id-rp/v1/authentication/pno/EE/40504040001";
        let problem = site.post(path, &authentication()).await;
        assert_eq!(
            problem.problem(480, "client_too_old")["title"],
            "The client is too old and not supported any more"
        );
        site.get("/smart-id-rp/v10/session")
            .await
            .problem(404, "unknown_path");
    }
}
