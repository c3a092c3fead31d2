//! What the tests of the published client `smart-id-rust-client` stand on: the real binary as server and as phone, and
//! the checks that this client leaves out.
//!
//! The client is the relying party, its own verification included. Its faults (`rp-api.md` §13) shape the tests: it
//! computes the wrong payload for displayTextAndPIN, so confirmations are asked for, and it throws the result of its
//! chain verification away, so [`chain`] verifies what it accepted once more.

pub mod chain;
pub mod phone;
pub mod relying_party;
pub mod replay;
pub mod site;
