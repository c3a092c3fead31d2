//! Pages for people: the demo's `/`, which tells what this is, where everything is and what to try; where a device link
//! leads without the app (R52, R53); and what the authorities publish.

mod certificates;
mod language;
mod link;
mod page;
mod texts;
mod welcome;

use axum::{
    Router,
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderMap, HeaderName, header},
    response::{IntoResponse, Response},
    routing::get,
};
use engine::Service;
use language::Language;
use serde::Deserialize;

/// Nothing but our own style sheet; no script, no frame, no other host.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const STYLE: &str = include_str!("pages/style.css");

/// What every deployment shows.
pub(crate) fn routes() -> Router {
    Router::new()
        .route("/device-link", get(device_link))
        .route("/style.css", get(style))
}

/// What the authorities of a deployment publish, and by what rules.
pub(crate) fn certificate_routes(service: Service) -> Router {
    Router::new()
        .route("/certs", get(certificates))
        .with_state(service)
}

/// What the demo at `url` shows besides.
pub(crate) fn demo_routes(url: &str) -> Router {
    Router::new()
        .route("/", get(welcome))
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
    let language = language(choice, &headers);
    answer(language, welcome::render(language, &url))
}

/// The link's parameters are neither read nor shown: opening it in a browser uses nothing up and tells nothing.
async fn device_link(
    choice: Result<Query<Choice>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let language = language(choice, &headers);
    answer(language, link::render(language))
}

async fn certificates(
    State(service): State<Service>,
    choice: Result<Query<Choice>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let language = language(choice, &headers);
    let publications = certificates::Publications::of(&service);
    answer(language, certificates::render(language, &publications))
}

fn language(choice: Result<Query<Choice>, QueryRejection>, headers: &HeaderMap) -> Language {
    let chosen = choice
        .ok()
        .and_then(|Query(choice)| choice.lang)
        .and_then(|code| Language::from_code(&code));
    chosen.unwrap_or_else(|| {
        let accepted = headers
            .get(header::ACCEPT_LANGUAGE)
            .and_then(|value| value.to_str().ok());
        accepted.map_or(Language::English, Language::accepted)
    })
}

fn answer(language: Language, page: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_LANGUAGE, language.code()),
        (header::VARY, "accept-language"),
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (headers, page).into_response()
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
