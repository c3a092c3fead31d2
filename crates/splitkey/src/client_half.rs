//! The phone's key generation (splitkey.md §1, §2).

use rand_core::{CryptoRng, Rng};
use zeroize::Zeroizing;

use crypto_bigint::{BoxedUint, Limb};

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
        let n1 = integer::product(&p, &q);
        let phi = totient(&n1, &p, &q);
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
        rng.finish()?;
        Ok(Self {
            n1: modulus,
            client_share,
            server_share,
        })
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
