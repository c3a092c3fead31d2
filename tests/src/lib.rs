//! The harness of the whole-system tests: a real server on a real database and vault with a clock that the test sets,
//! and phones that are the real `device` crate, talking to the real router. Nothing of ours is replaced.
//!
//! Key sizes are those of the 1024-bit test profile where the build has it, so that a test costs milliseconds; the
//! same tests run with real sizes in a release build.

mod authorities;
mod dump;
mod keys;
mod link;
mod phone;
mod world;

pub use dump::Dump;
pub use keys::Watch;
pub use link::LinkSession;
pub use phone::{Fault, PIN1, PIN2, Sent, SimulatedPhone, pin};
pub use world::{Answer, Exchange, Snapshot, World, authentication_request, signature_request};
