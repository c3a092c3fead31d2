//! The phone against a server in memory.

mod certificate;
mod enrolment;
mod faults;
mod forgeries;
mod hash_authentications;
mod lies;
mod secrets;
mod server;
mod transactions;
mod world;

use rand_core::SeedableRng;

pub(crate) fn rng(seed: u64) -> chacha20::ChaCha20Rng {
    chacha20::ChaCha20Rng::seed_from_u64(seed)
}
