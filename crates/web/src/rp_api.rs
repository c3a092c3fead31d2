//! The Relying Party API v3 (`docs` of SK, version 3.2.3): notification flows, certificate by document number,
//! session status.

mod authentication;
mod certificate;
mod frequency;
mod session;
mod signature;
mod v1;

pub(crate) use frequency::limit as limit_requests;
pub(crate) use v1::routes as old_routes;

use crate::state::App;
use axum::Router;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .merge(authentication::routes())
        .merge(signature::routes())
        .merge(certificate::routes())
        .merge(session::routes())
}
