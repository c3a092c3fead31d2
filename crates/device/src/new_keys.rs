use rand_core::CryptoRng;
use splitkey::{ClientHalf, GenerationError, Profile, Progress};

/// Both key halves of a new account; never stored before their shares are masked and sealed.
pub struct NewKeys {
    pub(crate) authentication: ClientHalf,
    pub(crate) signature: ClientHalf,
}

/// How far the generation of both keys is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyProgress {
    /// Primes found, of four.
    pub primes: u8,
    /// Candidates tested for the current key.
    pub candidates: u32,
}

impl NewKeys {
    /// Generates both keys, one after the other; about a second natively, several on a phone.
    ///
    /// # Errors
    /// [`GenerationError::Entropy`]: the random generator repeats itself and this device must not make keys.
    pub fn generate<R: CryptoRng + ?Sized>(
        profile: Profile,
        progress: &mut dyn FnMut(KeyProgress),
        rng: &mut R,
    ) -> Result<Self, GenerationError> {
        let mut half = |done: u8| {
            let mut report = |Progress { primes, candidates }: Progress| {
                progress(KeyProgress {
                    primes: done + primes,
                    candidates,
                });
            };
            ClientHalf::generate(profile, &mut report, rng)
        };
        Ok(Self {
            authentication: half(0)?,
            signature: half(2)?,
        })
    }
}
