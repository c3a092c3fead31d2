//! What is written down of everything that happens: that nobody changes it unseen, and that it shows what happened to
//! somebody who trusts nobody.

#![expect(
    clippy::unwrap_used,
    reason = "a failed step of a test is a failed test"
)]

mod evidence;
mod story;
mod tampering;
