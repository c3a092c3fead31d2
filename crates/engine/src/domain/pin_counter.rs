use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Consecutive wrong PINs after which a key is locked, and for how long (R84).
const LOCKS: [(u8, SignedDuration); 2] = [
    (3, SignedDuration::from_hours(3)),
    (6, SignedDuration::from_hours(24)),
];

/// Consecutive wrong PINs that destroy the key (R84).
const DESTROYED_AT: u8 = 9;

/// Wrong PINs between two locks.
const TRIES_PER_STAGE: u8 = 3;

/// `splitkey.md` §4.4: 30 failures in 30 days lock the key whatever came between them, against
/// patient guessing between the owner's own logins.
const PATIENT_LIMIT: usize = 30;
const PATIENT_WINDOW: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Wrong-PIN counting for one key: consecutive failures with their locks, and the 30-day counter.
///
/// An attempt is charged *before* it is evaluated ([`PinCounter::charge`]) and given back by
/// [`PinCounter::succeed`]. A crash in between leaves it charged: that costs the person an attempt at
/// worst and never gives an attacker one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinCounter {
    consecutive: u8,
    locked_until: Option<Timestamp>,
    recent: Vec<Timestamp>,
}

/// Whether a key takes a PIN now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockState {
    /// The next PIN is evaluated.
    Open {
        /// Wrong PINs until the next lock.
        attempts_left: u8,
    },
    /// No PIN is evaluated before this moment.
    LockedUntil(Timestamp),
    /// No PIN is evaluated ever again.
    Destroyed,
}

/// Proof that an attempt was charged; evaluation needs it.
#[derive(Debug)]
pub struct Attempt(());

/// What a wrong PIN led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrongPin {
    /// Wrong PINs until the next lock; 0 when this one locked the key.
    pub attempts_left: u8,
    /// The end of the lock that this attempt set, if it set one.
    pub locked_until: Option<Timestamp>,
    /// This attempt was the last: the key is to be destroyed.
    pub destroyed: bool,
}

impl PinCounter {
    /// Charges one attempt, before anything is computed.
    ///
    /// # Errors
    /// The lock that forbids it.
    pub fn charge(&mut self, now: Timestamp) -> Result<Attempt, LockState> {
        match self.state(now) {
            LockState::Open { .. } => {
                self.consecutive += 1;
                self.recent
                    .retain(|at| now.duration_since(*at) < PATIENT_WINDOW);
                self.recent.push(now);
                Ok(Attempt(()))
            }
            closed => Err(closed),
        }
    }

    /// The charged attempt had the right PIN: it is given back and the consecutive count starts anew.
    ///
    /// The 30-day counter keeps what came before.
    pub fn succeed(&mut self) {
        self.consecutive = 0;
        self.locked_until = None;
        self.recent.pop();
    }

    /// The charged attempt had a wrong PIN: sets the lock that follows from the count.
    pub fn fail(&mut self, now: Timestamp) -> WrongPin {
        let stage = LOCKS.iter().find(|(count, _)| *count == self.consecutive);
        let patient = (self.recent.len() >= PATIENT_LIMIT)
            .then(|| self.recent.first().copied())
            .flatten()
            .map(|oldest| oldest + PATIENT_WINDOW);
        let locked_until = stage.map(|(_, lock)| now + *lock).max(patient);
        self.locked_until = self.locked_until.max(locked_until);
        let destroyed = self.consecutive >= DESTROYED_AT;
        WrongPin {
            attempts_left: if locked_until.is_some() || destroyed {
                0
            } else {
                self.attempts_left()
            },
            locked_until,
            destroyed,
        }
    }

    /// Whether a PIN is evaluated at `now`.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> LockState {
        if self.consecutive >= DESTROYED_AT {
            return LockState::Destroyed;
        }
        match self.locked_until {
            Some(until) if now < until => LockState::LockedUntil(until),
            _ => LockState::Open {
                attempts_left: self.attempts_left(),
            },
        }
    }

    /// Wrong PINs in 30 days, if they are so many that the key is locked for them.
    #[must_use]
    pub fn patient_failures(&self) -> Option<u32> {
        (self.recent.len() >= PATIENT_LIMIT)
            .then(|| u32::try_from(self.recent.len()).unwrap_or(u32::MAX))
    }

    /// Consecutive wrong PINs so far, an attempt under evaluation included.
    #[must_use]
    pub fn consecutive(&self) -> u8 {
        self.consecutive
    }

    fn attempts_left(&self) -> u8 {
        TRIES_PER_STAGE - self.consecutive % TRIES_PER_STAGE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).expect("in range")
    }

    fn wrong(counter: &mut PinCounter, now: Timestamp) -> WrongPin {
        counter.charge(now).expect("open");
        counter.fail(now)
    }

    const HOUR: i64 = 3600;

    #[test]
    fn third_wrong_pin_locks_for_three_hours_to_the_second() {
        let mut counter = PinCounter::default();
        assert_eq!(wrong(&mut counter, at(0)).attempts_left, 2);
        assert_eq!(wrong(&mut counter, at(1)).attempts_left, 1);
        let third = wrong(&mut counter, at(2));
        assert_eq!(
            (third.attempts_left, third.locked_until),
            (0, Some(at(2 + 3 * HOUR)))
        );
        assert_eq!(
            counter.charge(at(1 + 3 * HOUR)).unwrap_err(),
            LockState::LockedUntil(at(2 + 3 * HOUR))
        );
        assert_eq!(
            counter.state(at(2 + 3 * HOUR)),
            LockState::Open { attempts_left: 3 }
        );
    }

    #[test]
    fn sixth_wrong_pin_locks_for_a_day_and_the_ninth_for_good() {
        let mut counter = PinCounter::default();
        let mut now = 0;
        for count in 1..=9 {
            let outcome = wrong(&mut counter, at(now));
            let expected = match count {
                3 => Some(at(now + 3 * HOUR)),
                6 => Some(at(now + 24 * HOUR)),
                _ => None,
            };
            assert_eq!(outcome.locked_until, expected, "after {count}");
            assert_eq!(outcome.destroyed, count == 9);
            now += 25 * HOUR;
        }
        assert_eq!(
            counter.charge(at(i64::from(u32::MAX))).unwrap_err(),
            LockState::Destroyed
        );
    }

    #[test]
    fn the_right_pin_starts_the_count_anew() {
        let mut counter = PinCounter::default();
        wrong(&mut counter, at(0));
        wrong(&mut counter, at(1));
        counter.charge(at(2)).expect("open");
        counter.succeed();
        assert_eq!(counter.state(at(3)), LockState::Open { attempts_left: 3 });
    }

    #[test]
    fn an_attempt_that_was_never_evaluated_stays_charged() {
        let mut counter = PinCounter::default();
        counter.charge(at(0)).expect("open");
        assert_eq!(counter.state(at(1)), LockState::Open { attempts_left: 2 });
    }

    #[test]
    fn thirty_failures_in_thirty_days_lock_however_often_the_owner_logs_in_between() {
        let mut counter = PinCounter::default();
        let mut last = None;
        for day in 0..15 {
            for minute in 0..2 {
                last = Some(wrong(&mut counter, at(day * 24 * HOUR + minute * 60)));
            }
            if day < 14 {
                counter.charge(at(day * 24 * HOUR + 300)).expect("open");
                counter.succeed();
            }
        }
        // The lock ends when the oldest of the thirty is thirty days old.
        assert_eq!(last.expect("wrong").locked_until, Some(at(30 * 24 * HOUR)));
        assert!(counter.charge(at(29 * 24 * HOUR)).is_err());
        assert!(counter.charge(at(30 * 24 * HOUR)).is_ok());
    }

    #[test]
    fn a_clock_that_jumps_back_opens_no_lock() {
        let mut counter = PinCounter::default();
        for second in 0..3 {
            wrong(&mut counter, at(second));
        }
        assert!(counter.charge(at(-1_000_000)).is_err());
    }
}
