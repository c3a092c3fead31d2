use rand_core::CryptoRng;
use splitkey::{
    ClientHalf, GenerationError, Profile, Progress, PublishedPrimes, PublishedPrimesError,
};

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

    /// Keys over primes that everybody knows, for an account of a test lab.
    ///
    /// # Security
    /// See [`ClientHalf::dangerous_from_published_primes`]: such an account proves nothing.
    ///
    /// # Errors
    /// [`PublishedPrimesError`]: the primes are of another profile.
    pub fn dangerous_from_published_primes<R: CryptoRng + ?Sized>(
        profile: Profile,
        authentication: &PublishedPrimes,
        signature: &PublishedPrimes,
        rng: &mut R,
    ) -> Result<Self, PublishedPrimesError> {
        let mut half =
            |primes| ClientHalf::dangerous_from_published_primes(profile, primes, &mut *rng);
        Ok(Self {
            authentication: half(authentication)?,
            signature: half(signature)?,
        })
    }
}
