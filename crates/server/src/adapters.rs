//! The engine's clock and randomness, from the operating system.

use engine::ports::{Clock, Entropy};
use jiff::Timestamp;

/// The machine's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// The operating system's randomness.
pub struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        // There is nothing sensible to go on with: every use is a key, a nonce or an identifier.
        getrandom::fill(buffer).expect("the operating system gives randomness");
    }
}
