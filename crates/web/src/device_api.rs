//! What phones speak: registration, pending requests, transactions, the account.
//!
//! Every request but the one for the configuration is signed by the device's key ([`wire::http_signature`]).

mod account;
mod configuration;
mod registrations;
mod sessions;
mod signed;
mod transactions;

use crate::state::App;
use axum::Router;
use serde::Serialize;

/// `{}`: done, and nothing to say.
#[derive(Serialize)]
struct Done {}

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .merge(configuration::routes())
        .merge(registrations::routes())
        .merge(transactions::routes())
        .merge(sessions::routes())
        .merge(account::routes())
}
