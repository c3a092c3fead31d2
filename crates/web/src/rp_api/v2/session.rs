//! `GET session/{sessionID}?timeoutMs=` of v2: the same waiting as in v3, another body.

use super::super::session::status_in_time;
use crate::{client_address::ClientAddress, path::FromPath, problem::Failure, state::App};
use axum::{
    Json, Router,
    extract::{RawQuery, State},
    routing::get,
};
use engine::{
    domain::{AccountLevel, Api, Chosen, Completed, SessionRequest},
    service::SessionStatus,
};
use wire::{
    InteractionType, SessionId,
    rp_v2::{self, Certificate, end_result},
};

pub(super) fn routes() -> Router<App> {
    Router::new().route("/smart-id-rp/v2/session/{session-id}", get(session))
}

async fn session(
    State(app): State<App>,
    ClientAddress(address): ClientAddress,
    FromPath(id): FromPath<SessionId>,
    RawQuery(query): RawQuery,
) -> Result<Json<rp_v2::SessionStatus>, Failure> {
    let status = status_in_time(&app, Api::V2, address, id, query.as_deref()).await?;
    describe(&app, status).map(Json)
}

fn describe(app: &App, status: SessionStatus) -> Result<rp_v2::SessionStatus, Failure> {
    Ok(match status {
        SessionStatus::Running => rp_v2::SessionStatus::running(),
        SessionStatus::Failed {
            result,
            ignored_properties,
        } => {
            app.metrics.session_result(end_result(&result));
            rp_v2::SessionStatus::failed(&result, ignored_properties)
        }
        SessionStatus::Completed { request, completed } => {
            app.metrics.session_result("OK");
            return describe_completed(*request, *completed);
        }
        SessionStatus::Chosen { request, chosen } => {
            app.metrics.session_result("OK");
            describe_chosen(*request, *chosen)
        }
    })
}

fn describe_completed(
    request: SessionRequest,
    completed: Completed,
) -> Result<rp_v2::SessionStatus, Failure> {
    let signing = request
        .signing
        .ok_or(Failure::Internal("a signature that nobody asked for"))?;
    Ok(rp_v2::SessionStatus::ok(
        completed.document_number,
        Some((completed.signature.as_bytes(), signing.signature_algorithm)),
        Certificate::new(
            &completed.certificate,
            completed.level == AccountLevel::Qualified,
        ),
        completed.interaction,
        completed.device_ip,
        request.ignored_properties,
    ))
}

fn describe_chosen(request: SessionRequest, chosen: Chosen) -> rp_v2::SessionStatus {
    rp_v2::SessionStatus::ok(
        chosen.document_number,
        None,
        Certificate::new(&chosen.certificate, chosen.level == AccountLevel::Qualified),
        // The documentation has the field in every OK, and this value where there is nothing to show.
        InteractionType::DisplayTextAndPin,
        chosen.device_ip,
        request.ignored_properties,
    )
}
