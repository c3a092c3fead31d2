//! Health tests of the random generator while it feeds a key (splitkey.md §1; after NIST SP 800-90B §4.4).
//!
//! They catch a generator that is stuck, constant or periodic. They cannot tell a predictable one from a good one.

use rand_core::{CryptoRng, Infallible, Rng, TryCryptoRng, TryRng};
use zeroize::Zeroizing;

use super::GenerationError;

/// A generator whose every byte passes the repetition count and the adaptive proportion test.
pub(crate) struct Watched<'a, R: ?Sized> {
    rng: &'a mut R,
    last: Option<u8>,
    repetitions: u32,
    sample: u8,
    matches: u32,
    position: u32,
    healthy: bool,
}

impl<'a, R: CryptoRng + ?Sized> Watched<'a, R> {
    /// Tests 1024 bytes, which are thrown away, before anything is used.
    pub(crate) fn start(rng: &'a mut R) -> Result<Self, GenerationError> {
        let mut watched = Self {
            rng,
            last: None,
            repetitions: 0,
            sample: 0,
            matches: 0,
            position: 0,
            healthy: true,
        };
        watched.fill_bytes(&mut *Zeroizing::new([0; 1024]));
        watched.check()?;
        Ok(watched)
    }

    /// Whether every byte so far was healthy.
    pub(crate) fn check(&self) -> Result<(), GenerationError> {
        if self.healthy {
            Ok(())
        } else {
            Err(GenerationError::Entropy)
        }
    }

    /// The verdict over all bytes drawn.
    pub(crate) fn finish(self) -> Result<(), GenerationError> {
        self.check()
    }

    fn observe(&mut self, byte: u8) {
        self.repetitions = if self.last == Some(byte) {
            self.repetitions + 1
        } else {
            1
        };
        self.last = Some(byte);
        if self.position == 0 {
            (self.sample, self.matches) = (byte, 0);
        }
        self.matches += u32::from(byte == self.sample);
        self.position = (self.position + 1) % WINDOW;
        self.healthy &= self.repetitions < REPETITIONS && self.matches < PROPORTION;
    }
}

impl<R: CryptoRng + ?Sized> TryRng for Watched<'_, R> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_be_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_be_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        self.rng.fill_bytes(dst);
        dst.iter().for_each(|byte| self.observe(*byte));
        Ok(())
    }
}

impl<R: CryptoRng + ?Sized> TryCryptoRng for Watched<'_, R> {}

/// SP 800-90B §4.4.1: this many equal bytes in a row happen with 2^−64 if every byte has 8 bits of entropy.
const REPETITIONS: u32 = 9;

/// SP 800-90B §4.4.2: window of the adaptive proportion test, in bytes.
const WINDOW: u32 = 512;

/// The first byte of a window this often in it, itself included: less than 2^−64 at 8 bits of entropy per byte.
const PROPORTION: u32 = 28;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::rng;

    /// Gives `good` random bytes, then repeats a pattern.
    struct Failing {
        rng: chacha20::ChaCha20Rng,
        good: usize,
        pattern: &'static [u8],
        drawn: usize,
    }

    impl TryRng for Failing {
        type Error = Infallible;
        fn try_next_u32(&mut self) -> Result<u32, Infallible> {
            unreachable!("the tests draw bytes")
        }
        fn try_next_u64(&mut self) -> Result<u64, Infallible> {
            unreachable!("the tests draw bytes")
        }
        fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
            self.rng.fill_bytes(dst);
            for byte in dst {
                if self.drawn >= self.good {
                    *byte = self.pattern[self.drawn % self.pattern.len()];
                }
                self.drawn += 1;
            }
            Ok(())
        }
    }

    impl TryCryptoRng for Failing {}

    fn failing(good: usize, pattern: &'static [u8]) -> Failing {
        Failing {
            rng: rng(11),
            good,
            pattern,
            drawn: 0,
        }
    }

    #[test]
    fn a_good_generator_passes_a_megabyte() {
        let mut rng = rng(12);
        let mut watched = Watched::start(&mut rng).unwrap();
        watched.fill_bytes(&mut vec![0; 1 << 20]);
        assert!(watched.finish().is_ok());
    }

    #[test]
    fn a_constant_or_periodic_generator_fails_at_once() {
        for pattern in [
            &[0_u8][..],
            &[0xff],
            &[1, 2],
            &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
        ] {
            assert_eq!(
                Watched::start(&mut failing(0, pattern)).err(),
                Some(GenerationError::Entropy)
            );
        }
    }

    #[test]
    fn a_generator_that_fails_later_is_caught() {
        let mut rng = failing(5000, &[7]);
        let mut watched = Watched::start(&mut rng).unwrap();
        watched.fill_bytes(&mut [0; 3976]);
        assert!(watched.check().is_ok());
        watched.fill_bytes(&mut [0; 9]);
        assert_eq!(watched.finish(), Err(GenerationError::Entropy));
    }

    #[test]
    #[cfg(debug_assertions)]
    fn no_key_comes_from_a_failing_generator() {
        let mut rng = failing(1200, &[7]);
        let made = crate::ClientHalf::generate(crate::Profile::Test1024, &mut |_| (), &mut rng);
        assert_eq!(made.err(), Some(GenerationError::Entropy));
    }
}
