//! `/device/v1/account`: the account on the phone, and its end.

use super::{Done, signed::SignedHead};
use crate::{problem::Failure, state::App};
use axum::{Json, Router, extract::State, routing::get};
use wire::device_v1::AccountStatus;

pub(super) fn routes() -> Router<App> {
    Router::new().route("/device/v1/account", get(status).delete(delete))
}

async fn status(
    State(app): State<App>,
    signed: SignedHead,
) -> Result<Json<AccountStatus>, Failure> {
    let device = signed.authenticate(&app).await?;
    Ok(Json(app.service.account_status(&device).await?))
}

async fn delete(State(app): State<App>, signed: SignedHead) -> Result<Json<Done>, Failure> {
    let device = signed.authenticate(&app).await?;
    app.service.delete_account(&device).await?;
    Ok(Json(Done {}))
}

#[cfg(test)]
mod tests {
    use crate::testkit::Site;

    #[tokio::test]
    async fn an_unknown_device_is_unauthorised() {
        let site = Site::new().await;
        for method in ["GET", "DELETE"] {
            site.signed(method, "/device/v1/account", "", b"")
                .await
                .problem(401, "not_authenticated");
        }
    }

    #[tokio::test]
    async fn the_path_is_checked_as_it_was_sent() {
        let site = Site::new().await;
        site.signed("GET", "/device//v1/account", "", b"")
            .await
            .problem(401, "not_authenticated");
        let answer = site.signed("PUT", "/device/v1/account", "", b"").await;
        answer.problem(405, "method_not_allowed");
        assert_eq!(answer.header("allow"), "GET,HEAD,DELETE");
    }

    #[tokio::test]
    async fn a_query_is_not_signed_and_therefore_refused() {
        let site = Site::new().await;
        for query in ["?", "?x=1"] {
            let path = format!("/device/v1/account{query}");
            let request = crate::testkit::signed("GET", "/device/v1/account", "", b"");
            let (mut parts, body) = request.into_parts();
            parts.uri = path.parse().unwrap();
            let request = axum::http::Request::from_parts(parts, body);
            let problem = site
                .send_from(crate::testkit::OTHER_ADDRESS, request)
                .await
                .problem(401, "not_authenticated");
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.contains("does not have the form"), "{detail}");
        }
    }
}
