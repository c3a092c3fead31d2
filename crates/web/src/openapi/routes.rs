//! `GET /openapi/`: the pages; `GET /openapi/{name}.json`: the documents.

use super::{Api, page};
use crate::state::App;
use axum::{
    Router,
    http::{HeaderName, header},
    response::{Html, IntoResponse, Redirect},
    routing::get,
};

/// Nothing but our own style sheet; no script, no frame, no other host.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A new version of the server has other documents.
const CACHE: (HeaderName, &str) = (header::CACHE_CONTROL, "no-cache");

pub(crate) fn routes() -> Router<App> {
    let mut routes = Router::new()
        .route("/openapi", get(async || Redirect::permanent("/openapi/")))
        .route("/openapi/", get(async || html(page::overview())))
        .route(
            "/openapi/style.css",
            get(async || file("text/css; charset=utf-8", page::STYLE.to_owned())),
        );
    for api in Api::ALL.iter().copied() {
        let name = api.name();
        routes = routes
            .route(
                &format!("/openapi/{name}"),
                get(async move || html(page::of(api))),
            )
            .route(
                &format!("/openapi/{name}.json"),
                get(async move || file("application/json", api.text())),
            );
    }
    routes
}

fn html(page: String) -> impl IntoResponse {
    let headers = [
        CACHE,
        (header::CONTENT_LANGUAGE, "en"),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (headers, Html(page))
}

fn file(media_type: &'static str, content: String) -> impl IntoResponse {
    ([CACHE, (header::CONTENT_TYPE, media_type)], content)
}
