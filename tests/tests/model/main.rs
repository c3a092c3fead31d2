//! Clones, crashes and a bad network: the model searched exhaustively, searched again without one rule at a time, and
//! walked side by side with the real phone and the real server.
//!
//! `SMART_ID_DEEP=1` goes deeper; `.ci/run` sets it.

#![expect(
    clippy::unwrap_used,
    reason = "a failed step of a test is a failed test"
)]

mod conformance;
mod scenarios;
mod search;
mod side_by_side;

/// Whether there is time for more.
fn deep() -> bool {
    std::env::var_os("SMART_ID_DEEP").is_some()
}
