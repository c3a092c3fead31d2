//! The real binary under garbage, slow and endless bodies, floods and half-open connections: memory and file descriptors
//! stay bounded, others are served meanwhile, and afterwards everything works.

#![expect(
    clippy::unwrap_used,
    reason = "a failed step of a test is a failed test"
)]

mod attack;
mod endurance;
mod http2;

#[path = "../process/mod.rs"]
#[expect(
    dead_code,
    reason = "shared with the tests of the commands, which need all of it"
)]
mod process;
