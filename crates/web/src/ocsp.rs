//! `POST /ocsp/{ca}` and `GET /ocsp/{ca}/{request}`: live answers about certificates (RFC 6960 appendix A).
//!
//! Every answer of the protocol, a refusal as well, has the status 200 (RFC 6960 §A.2); problem documents are for what is no
//! question at all: another media type, too many bytes, too many questions.

use crate::{
    body,
    client_address::ClientAddress,
    path::FromPath,
    problem::{Failure, chain},
    request_log::OwnFault,
    state::{App, AppState},
};
use axum::{
    Router,
    extract::{Request, State},
    http::{Uri, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64ct::{Base64Unpadded, Encoding};
use engine::service::TrustAnswer;

const REQUEST: &str = "application/ocsp-request";
const RESPONSE: &str = "application/ocsp-response";

/// Largest request of a validator; those of clients have less than a hundred bytes for each certificate.
pub(crate) const LIMIT: usize = 16 * 1024;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/ocsp/{ca}", post(posted))
        .route("/ocsp/{ca}/", post(posted))
        .route("/ocsp/{ca}/{*request}", get(in_path))
}

async fn posted(
    State(app): State<App>,
    client: ClientAddress,
    FromPath(ca): FromPath<String>,
    request: Request,
) -> Result<Response, Failure> {
    app.count_validation(client)?;
    body::require_media_type(request.headers(), REQUEST)?;
    let body = body::read(request, LIMIT, app.settings.body_timeout).await?;
    answer(&app, &ca, &body).await
}

async fn in_path(
    State(app): State<App>,
    client: ClientAddress,
    uri: Uri,
) -> Result<Response, Failure> {
    app.count_validation(client)?;
    let mut segments = uri.path().splitn(4, '/').skip(2);
    let ca = segments.next().unwrap_or_default();
    // What is no base64, or not even text, is no request either, and OCSP has its own word for that.
    let request = segments.next().and_then(decode);
    answer(&app, ca, &request.unwrap_or_default()).await
}

async fn answer(app: &AppState, ca: &str, request: &[u8]) -> Result<Response, Failure> {
    let answer = app
        .service
        .ocsp(ca, request)
        .await
        .ok_or(Failure::UnknownRoute)?;
    for outcome in &answer.outcomes {
        app.metrics.ocsp_answered(outcome.code());
    }
    Ok(der(answer, RESPONSE))
}

/// An answer in DER, with what failed behind it.
pub(crate) fn der<O>(answer: TrustAnswer<O>, media_type: &'static str) -> Response {
    let mut response = ([(header::CONTENT_TYPE, media_type)], answer.der).into_response();
    if let Some(failure) = answer.failure {
        let fault = OwnFault(chain(&failure));
        response.extensions_mut().insert(fault);
    }
    response
}

/// The DER in a path: base64 of either alphabet, percent-encoded as far as the client likes, with or without padding.
fn decode(path: &str) -> Option<Vec<u8>> {
    let mut text = Vec::with_capacity(path.len());
    let mut octets = path.trim_start_matches('/').bytes();
    while let Some(octet) = octets.next() {
        let octet = match octet {
            b'%' => {
                let digits = [octets.next()?, octets.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            octet => octet,
        };
        text.push(match octet {
            b'-' => b'+',
            b'_' => b'/',
            octet => octet,
        });
    }
    let text = std::str::from_utf8(&text).ok()?.trim_end_matches('=');
    Base64Unpadded::decode_vec(text).ok()
}

#[cfg(test)]
mod tests;
