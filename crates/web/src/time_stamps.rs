//! `POST /tsa`: time-stamps (RFC 3161 §3.4). A refusal of the protocol has the status 200 as well.

use crate::{
    body,
    client_address::ClientAddress,
    ocsp::{LIMIT, der},
    problem::Failure,
    state::App,
};
use axum::{
    Router,
    extract::{Request, State},
    response::Response,
    routing::post,
};

const QUERY: &str = "application/timestamp-query";
const REPLY: &str = "application/timestamp-reply";

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/tsa", post(time_stamp))
}

async fn time_stamp(
    State(app): State<App>,
    client: ClientAddress,
    request: Request,
) -> Result<Response, Failure> {
    app.count_validation(client)?;
    body::require_media_type(request.headers(), QUERY)?;
    let body = body::read(request, LIMIT, app.settings.body_timeout).await?;
    let answer = app
        .service
        .time_stamp(&body)
        .await
        .ok_or(Failure::UnknownRoute)?;
    for outcome in &answer.outcomes {
        app.metrics.time_stamp_answered(outcome);
    }
    Ok(der(answer, REPLY))
}

#[cfg(test)]
mod tests;
