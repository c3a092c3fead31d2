//! `GET /tl` and `GET /tl/lotl`: the trusted list and the list of lists that points to it (TS 119 612).

use crate::{client_address::ClientAddress, conditional::Published, problem::Failure, state::App};
use axum::{Router, extract::State, http::HeaderMap, response::Response, routing::get};
use engine::service::{Infrastructure, TrustedListAnswer};
use sha2::{Digest, Sha256};

/// TS 119 612 §6.1.
const MEDIA_TYPE: &str = "application/vnd.etsi.tsl+xml";

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/tl", get(trusted_list))
        .route("/tl/lotl", get(list_of_lists))
}

async fn trusted_list(
    State(app): State<App>,
    client: ClientAddress,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    app.count_validation(client)?;
    answer(app.service.trusted_list().await, &headers)
}

async fn list_of_lists(
    State(app): State<App>,
    client: ClientAddress,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    app.count_validation(client)?;
    answer(app.service.list_of_lists().await, &headers)
}

fn answer(
    list: Result<Option<TrustedListAnswer>, Infrastructure>,
    headers: &HeaderMap,
) -> Result<Response, Failure> {
    let list = list
        .map_err(Failure::NotReady)?
        .ok_or(Failure::UnknownRoute)?;
    let published = Published {
        sha256: Sha256::digest(&list.xml).into(),
        body: list.xml.into(),
        media_type: MEDIA_TYPE,
        made_at: list.issued_at,
    };
    Ok(published.answer(headers))
}

#[cfg(test)]
mod tests;
