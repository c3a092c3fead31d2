//! The server's brain: what an account, a session and a transaction are, and how they change.
//!
//! Pure: no socket, file, thread, ambient clock or ambient randomness. Everything from outside comes
//! through [`ports`]; every rule a person was promised (PIN locks, clone detection, expiry, "ignored
//! requests disappear") is decided here and committed by the store in one transaction each.
//!
//! * [`domain`]: the entities and their states,
//! * [`ports`]: what the engine asks of the database, the key vault, the clock and the CA,
//! * [`service`]: the use cases, in the words of the two APIs that call them.

pub mod domain;
pub mod fixture_keys;
pub mod policy;
pub mod ports;
pub mod service;

pub use policy::Policy;
pub use service::Service;
