//! The page at `/`: what this is, where everything is, what to try.

mod language;
mod page;
mod texts;

use axum::{
    Router,
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderMap, HeaderName, header},
    response::{IntoResponse, Response},
    routing::get,
};
use language::Language;
use serde::Deserialize;

/// Nothing but our own style sheet; no script, no frame, no other host.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const STYLE: &str = include_str!("welcome/style.css");

pub(super) fn routes(url: &str) -> Router {
    Router::new()
        .route("/", get(welcome))
        .route("/demo/style.css", get(style))
        .with_state(url.to_owned())
}

#[derive(Deserialize)]
struct Choice {
    lang: Option<String>,
}

async fn welcome(
    State(url): State<String>,
    choice: Result<Query<Choice>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let chosen = choice
        .ok()
        .and_then(|Query(choice)| choice.lang)
        .and_then(|code| Language::from_code(&code));
    let language = chosen.unwrap_or_else(|| {
        let accepted = headers
            .get(header::ACCEPT_LANGUAGE)
            .and_then(|value| value.to_str().ok());
        accepted.map_or(Language::English, Language::accepted)
    });
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_LANGUAGE, language.code()),
        (header::VARY, "accept-language"),
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (headers, page::render(language, &url)).into_response()
}

async fn style() -> ([(HeaderName, &'static str); 3], &'static str) {
    let headers = [
        (header::CONTENT_TYPE, "text/css; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, STYLE)
}

#[cfg(test)]
mod tests;
