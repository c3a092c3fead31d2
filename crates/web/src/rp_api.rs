//! The Relying Party API v3 (`docs` of SK, version 3.2.3).

mod authentication;
mod certificate;
mod certificate_choice;
mod session;
mod signature;

use crate::{client_address::ClientAddress, problem::Failure, state::App};
use axum::{
    Json, Router,
    extract::{FromRequestParts, State},
    http::request::Parts,
};
use base64ct::{Base64, Encoding};
use engine::service::{Caller, StartedSession};
use wire::rp_v3::DeviceLinkSessionCreated;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .merge(authentication::routes())
        .merge(signature::routes())
        .merge(certificate_choice::routes())
        .merge(certificate::routes())
        .merge(session::routes())
}

/// What every request that starts something has to work with.
struct Start {
    app: App,
    caller: Caller,
}

impl FromRequestParts<App> for Start {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let ClientAddress(address) = ClientAddress::from_request_parts(parts, app).await?;
        let Ok(State(app)) = State::from_request_parts(parts, app).await;
        Ok(Self {
            app,
            caller: Caller { address },
        })
    }
}

/// The answer to a started device-link session.
fn device_link_created(session: StartedSession) -> Result<Json<DeviceLinkSessionCreated>, Failure> {
    let link = session
        .device_link
        .ok_or(Failure::Internal("a device link without secret"))?;
    Ok(Json(DeviceLinkSessionCreated {
        session_id: session.id,
        session_token: link.session_token,
        session_secret: Base64::encode_string(link.session_secret.expose_secret()),
        device_link_base: link.device_link_base,
    }))
}
