//! The phone's key generation (splitkey.md §1, §2).

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crypto_bigint::{BoxedUint, Limb, Resize};

use crate::PUBLIC_EXPONENT;
use crate::integer;
use crate::modulus::ClientModulus;
use crate::prime::{GenerationError, Kind, Progress, Watched, generate_pair};
use crate::profile::Profile;
use crate::scrub::scrubbed;
use crate::share::{ClientShare, ServerShare};

/// A fresh n1 with its exponent already split. The primes, φ(n1) and d1 are gone when this exists.
pub struct ClientHalf {
    /// The modulus, for the server and for the key record.
    pub n1: ClientModulus,
    /// d1′, to be masked with the PIN.
    pub client_share: ClientShare,
    /// d1″, to be sealed to the server and then forgotten.
    pub server_share: ServerShare,
}

impl ClientHalf {
    /// Generates a key; about half a second natively at 6144 bits, several on a phone. `progress` is called for every
    /// candidate and both primes.
    ///
    /// # Errors
    /// [`GenerationError::Entropy`] if the random generator fails its health test; the device must not make keys.
    pub fn generate<R: CryptoRng + ?Sized>(
        profile: Profile,
        progress: &mut dyn FnMut(Progress),
        rng: &mut R,
    ) -> Result<Self, GenerationError> {
        scrubbed(|| Self::generate_unscrubbed(profile, progress, rng))
    }

    fn generate_unscrubbed<R: CryptoRng + ?Sized>(
        profile: Profile,
        progress: &mut dyn FnMut(Progress),
        rng: &mut R,
    ) -> Result<Self, GenerationError> {
        let mut rng = Watched::start(rng)?;
        let (p, q) = generate_pair(profile, Kind::LSafe, progress, &mut rng)?;
        let half = Self::split(profile, &p, &q, &mut rng);
        rng.finish()?;
        Ok(half)
    }

    /// A half over primes that everybody knows. Its shares are fresh, as after any registration.
    ///
    /// # Security
    /// Whoever has the primes signs without PIN and without the phone, up to the server's part. For the accounts of test
    /// labs only; the server refuses published keys unless its policy says otherwise.
    ///
    /// # Errors
    /// [`PublishedPrimesError`]: they do not make a modulus of the profile.
    pub fn dangerous_from_published_primes<R: CryptoRng + ?Sized>(
        profile: Profile,
        primes: &PublishedPrimes,
        rng: &mut R,
    ) -> Result<Self, PublishedPrimesError> {
        let len = profile.k() as usize / 8;
        if primes.p.len() != len || primes.q.len() != len {
            return Err(PublishedPrimesError);
        }
        let (p, q) = (integer::read(&primes.p), integer::read(&primes.q));
        let n1 = ClientModulus::from_stored(profile, &primes.modulus())
            .map_err(|_| PublishedPrimesError)?;
        let phi = totient(&integer::read(n1.as_bytes()), &p, &q);
        let e = BoxedUint::from(PUBLIC_EXPONENT).resize_unchecked(phi.bits_precision());
        if !integer::coprime(&phi, &e) {
            return Err(PublishedPrimesError);
        }
        Ok(scrubbed(|| Self::split(profile, &p, &q, rng)))
    }

    fn split<R: CryptoRng + ?Sized>(
        profile: Profile,
        p: &BoxedUint,
        q: &BoxedUint,
        rng: &mut R,
    ) -> Self {
        let n1 = integer::product(p, q);
        let phi = totient(&n1, p, q);
        let d1 = integer::inverse_of_public_exponent(&phi);
        let modulus = ClientModulus::from_stored(profile, &integer::write(&n1, profile.n1_len()))
            .expect("two primes of this size make a modulus of the profile");
        let (client_share, server_share) = loop {
            // splitkey.md §2: d1′ keeps its full length; a shorter one lets the server factor n1.
            let mut client = Zeroizing::new(vec![0; profile.share_len()]);
            rng.fill_bytes(&mut client);
            let reduced = integer::remainder(&integer::read(&client), &phi);
            let server = integer::write(&integer::subtract(&d1, &reduced, &phi), profile.n1_len());
            // The server refuses a share below 2^(2k−64), which happens once in 2^64 times.
            if let Ok(server) = ServerShare::check(&server, &modulus) {
                break (ClientShare::new(client), server);
            }
        };
        Self {
            n1: modulus,
            client_share,
            server_share,
        }
    }
}

/// The primes of a key that protects nothing: they are printed in source code.
///
/// Not a secret, so neither zeroised nor hidden; never made of a person's key, whose primes are gone once it exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedPrimes {
    /// Big-endian, as long as a prime of its profile.
    pub p: Vec<u8>,
    /// The other one.
    pub q: Vec<u8>,
}

/// The primes do not make a modulus of the profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the published primes do not make a modulus of this profile")]
pub struct PublishedPrimesError;

impl PublishedPrimes {
    /// Finds primes to be published, by the rules of a phone's own (splitkey.md §1).
    ///
    /// # Errors
    /// [`GenerationError::Entropy`] if the random generator fails its health test.
    pub fn dangerous_generate<R: CryptoRng + ?Sized>(
        profile: Profile,
        rng: &mut R,
    ) -> Result<Self, GenerationError> {
        let mut rng = Watched::start(rng)?;
        let (p, q) = generate_pair(profile, Kind::LSafe, &mut |_| {}, &mut rng)?;
        rng.finish()?;
        let bytes = |prime: &BoxedUint| integer::write(prime, profile.k() as usize / 8).to_vec();
        Ok(Self {
            p: bytes(&p),
            q: bytes(&q),
        })
    }

    /// n1, big-endian.
    pub fn modulus(&self) -> Vec<u8> {
        let n1 = integer::product(&integer::read(&self.p), &integer::read(&self.q));
        integer::write(&n1, self.p.len() + self.q.len()).to_vec()
    }
}

/// φ = n − p − q + 1.
fn totient(n: &BoxedUint, p: &BoxedUint, q: &BoxedUint) -> Zeroizing<BoxedUint> {
    let mut phi = Zeroizing::new(n.clone());
    phi.wrapping_sub_assign(p);
    phi.wrapping_sub_assign(q);
    phi.wrapping_add_assign(Limb::ONE);
    phi
}
