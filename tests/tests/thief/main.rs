//! Thieves at work: somebody with a phone's whole storage and all traffic looks for the PIN, somebody with one share
//! alone tries to sign. What they try is real, and is shown to work where something was planted for it.

#![expect(
    clippy::unwrap_used,
    reason = "a failed step of a test is a failed test"
)]

mod alone;
mod attack;
mod erasure;
mod exhaustive;
mod log;
mod oracle;
mod story;
mod taken;
