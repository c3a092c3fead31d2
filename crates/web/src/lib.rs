//! The server's HTTP side: what comes in is taken apart, one use case of the engine is called, what comes out is
//! written down.
//!
//! * `/smart-id-rp/v3`: the Relying Party API (`rp_api`),
//! * `/device/v1`: what phones speak (`device_api`),
//! * `/certs/{name}.pem|crt`: CA certificates and those of the services around them,
//! * `/ocsp/{ca}`, `/crl/{ca}.crl`, `/tsa`, `/tl`, `/tl/lotl`: what validators ask,
//! * `/openapi/`: OpenAPI documents of the above ([`openapi`]),
//! * `/health/live`, `/health/ready`, `/metrics`.
//!
//! No policy and no SQL lives here. Every error is one RFC 9457 problem document, made in one exhaustive match
//! (`problem`); every request is one log line (`docs/request-log.md`). It refuses to guess who calls: headers of
//! proxies count only when they come from a configured proxy ([`TrustedProxies`]).
//!
//! Start at [`router`]. Whoever accepts the connections has to
//! serve it with `into_make_service_with_connect_info::<SocketAddr>()`, and bound the time a connection may take
//! for its request head and the number of connections: those are known only there.

mod body;
mod certificates;
mod client_address;
mod conditional;
mod device_api;
mod health;
mod long_poll;
mod metrics;
mod ocsp;
pub mod openapi;
mod path;
mod problem;
mod rate_limit;
mod request_log;
mod revocation_lists;
mod router;
mod rp_api;
mod settings;
mod slashes;
mod state;
mod time_stamps;
mod trusted_list;

#[cfg(test)]
mod testkit;

pub use client_address::{ForwardedHeader, TrustedProxies};
pub use metrics::JobMetrics;
pub use rate_limit::{Client, Rate};
pub use router::{router, router_with};
pub use settings::{Limits, WebSettings};
