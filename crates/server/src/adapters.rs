//! The engine's clock and randomness, from the operating system.

use engine::ports::{Clock, Entropy};
use jiff::{SignedDuration, Timestamp};
use rustix::time::{ClockId, clock_gettime};
use std::sync::{Mutex, PoisonError};

/// The machine's clock, which notices that it was set.
pub struct SystemClock(Mutex<Steadiness>);

/// Wall-clock time against the time since the machine was started. Both are slowed and hurried alike to keep in step with the
/// world; only the first is ever set.
#[derive(Clone, Copy)]
struct Steadiness {
    /// The difference, when it was last looked at.
    difference: SignedDuration,
    /// When it was found to be another, since the machine's start.
    set_at: Option<SignedDuration>,
}

/// Setting the clock by less is no matter: time-stamps promise a second.
const TOLERANCE: SignedDuration = SignedDuration::from_millis(500);

/// After this time without another jump it is taken as right again.
const LATELY: SignedDuration = SignedDuration::from_mins(5);

impl SystemClock {
    /// From now on jumps are noticed.
    #[must_use]
    pub fn new() -> Self {
        let (now, since_start) = both();
        Self(Mutex::new(Steadiness {
            difference: now.as_duration() - since_start,
            set_at: None,
        }))
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn was_set_lately(&self) -> bool {
        let mut steadiness = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (now, since_start) = both();
        steadiness.look(now, since_start);
        steadiness.was_set_lately(since_start)
    }
}

/// Both times of one moment. A thread that has to wait between the two readings must not take that for a jump, so they are
/// read again until nothing came in between.
fn both() -> (Timestamp, SignedDuration) {
    loop {
        let (before, now, after) = (since_start(), Timestamp::now(), since_start());
        if after - before < TOLERANCE / 10 {
            return (now, after);
        }
    }
}

/// Includes the time in which the machine slept.
fn since_start() -> SignedDuration {
    #[cfg(target_os = "linux")]
    let time = clock_gettime(ClockId::Boottime);
    #[cfg(not(target_os = "linux"))]
    let time = clock_gettime(ClockId::Monotonic);
    // Below a second, so that it fits.
    let nanoseconds = i32::try_from(time.tv_nsec).unwrap_or(0);
    SignedDuration::new(time.tv_sec, nanoseconds)
}

impl Steadiness {
    fn look(&mut self, now: Timestamp, since_start: SignedDuration) {
        let difference = now.as_duration() - since_start;
        if (difference - self.difference).abs() > TOLERANCE {
            self.set_at = Some(since_start);
            self.difference = difference;
        }
    }

    fn was_set_lately(&self, since_start: SignedDuration) -> bool {
        self.set_at.is_some_and(|at| since_start < at + LATELY)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + milliseconds).unwrap()
    }

    fn started(milliseconds: i64) -> SignedDuration {
        SignedDuration::from_millis(milliseconds)
    }

    fn steady() -> Steadiness {
        Steadiness {
            difference: at(0).as_duration(),
            set_at: None,
        }
    }

    #[test]
    fn a_clock_that_runs_is_not_one_that_was_set() {
        let mut clock = steady();
        for seconds in [1, 60, 86_400 * 365] {
            clock.look(at(seconds * 1000 + 400), started(seconds * 1000));
            assert!(!clock.was_set_lately(started(seconds * 1000)));
        }
        assert!(!SystemClock::new().was_set_lately());
    }

    #[test]
    fn a_jump_either_way_is_noticed_and_over_after_five_steady_minutes() {
        for jump in [-3_600_000, -600, 600, 3_600_000] {
            let mut clock = steady();
            clock.look(at(1000 + jump), started(1000));
            assert!(clock.was_set_lately(started(1000)), "{jump}");
            clock.look(at(300_999 + jump), started(300_999));
            assert!(clock.was_set_lately(started(300_999)), "{jump}");
            clock.look(at(301_000 + jump), started(301_000));
            assert!(!clock.was_set_lately(started(301_000)), "{jump}");
            // Back again is another jump.
            clock.look(at(302_000), started(302_000));
            assert!(clock.was_set_lately(started(302_000)), "{jump}");
        }
    }
}
