//! Tests of the crate as a whole; those of single modules are beside their code.

mod changes;
mod messages;
mod records;
mod registration;
mod roots;
mod sealing;
mod vectors;

use chacha20::ChaCha20Rng;
use rand_core::SeedableRng;

/// A generator that gives the same bytes in every run.
pub(crate) fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}
