//! The mock: test accounts whose phones answer by themselves.

pub mod documented;
pub mod fixture_keys;
mod outcome;

pub use outcome::Outcome;
