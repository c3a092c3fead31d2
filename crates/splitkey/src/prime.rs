//! Generation of the primes, the phone's and the server's (splitkey.md §1).
//!
//! Sieving needs the residues of a secret number and is not constant time; no generator's is. It happens once per key.

mod entropy;
pub(crate) mod primality;
mod sieve;
pub(crate) mod small_primes;

use crypto_bigint::{BoxedUint, Limb, Resize};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::integer;
use crate::profile::Profile;
pub(crate) use entropy::Watched;
use sieve::Sieve;

/// How far the generation of a key is. There is no telling how many candidates a prime will take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Primes found, of two.
    pub primes: u8,
    /// Candidates tested for both primes so far; some 55 per prime are needed on average at 1536 bits.
    pub candidates: u32,
}

/// Why a key was not generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GenerationError {
    /// The random generator repeats itself; the device must not make keys.
    #[error("the random generator failed its health test")]
    Entropy,
}

/// Which structure a prime must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The phone's: p ≡ 3 mod 4 and no odd prime up to 65537 divides p − 1.
    LSafe,
    /// The server's: any prime with gcd(e, p − 1) = 1.
    Ordinary,
}

/// Two primes whose product has exactly 2k bits and is at least 0.711·2^(2k).
pub(crate) fn generate_pair<R: CryptoRng + ?Sized>(
    profile: Profile,
    kind: Kind,
    progress: &mut dyn FnMut(Progress),
    rng: &mut Watched<'_, R>,
) -> Result<(Zeroizing<BoxedUint>, Zeroizing<BoxedUint>), GenerationError> {
    let mut state = Progress {
        primes: 0,
        candidates: 0,
    };
    let mut report = |found: bool| {
        if found {
            state.primes += 1
        } else {
            state.candidates += 1
        }
        progress(state);
    };
    let p = generate(profile, kind, &mut || report(false), rng)?;
    report(true);
    let q = loop {
        let q = generate(profile, kind, &mut || report(false), rng)?;
        if far_apart(&p, &q, profile) {
            break q;
        }
    };
    report(true);
    Ok((p, q))
}

/// A prime p with 27·2^(k−5) ≤ p < 2^k, so that four of them make exactly 4k bits.
fn generate<R: CryptoRng + ?Sized>(
    profile: Profile,
    kind: Kind,
    tested: &mut dyn FnMut(),
    rng: &mut Watched<'_, R>,
) -> Result<Zeroizing<BoxedUint>, GenerationError> {
    loop {
        let mut sieve = Sieve::new(random_start(profile, rng), kind);
        while let Some(candidate) = sieve.draw(rng) {
            rng.check()?;
            tested();
            if primality::is_prime(&candidate, rng) {
                return Ok(candidate);
            }
        }
    }
}

/// Uniform in [27·2^(k−5), 2^k − 2^20), which leaves room for a sieve.
fn random_start<R: CryptoRng>(profile: Profile, rng: &mut R) -> Zeroizing<BoxedUint> {
    let k = profile.k();
    let least = Zeroizing::new(BoxedUint::from(27_u32).resize_unchecked(k).shl(k - 5));
    // 2^k − 27·2^(k−5) = 5·2^(k−5)
    let mut width = Zeroizing::new(BoxedUint::from(5_u32).resize_unchecked(k).shl(k - 5));
    width.wrapping_sub_assign(Limb::from(1_u32 << 20));
    // 128 bits more than needed, so that the remainder is as good as uniform.
    let mut bytes = Zeroizing::new(vec![0; k as usize / 8 + 16]);
    rng.fill_bytes(&mut bytes);
    let mut start = integer::remainder(&integer::read(&bytes), &width);
    start.wrapping_add_assign(&*least);
    start
}

/// |p − q| > 2^(k−100): Fermat's method finds closer primes.
fn far_apart(p: &BoxedUint, q: &BoxedUint, profile: Profile) -> bool {
    let difference = Zeroizing::new(if p > q {
        p.wrapping_sub(q)
    } else {
        q.wrapping_sub(p)
    });
    difference.bit_width() > profile.k() - 100
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(debug_assertions)]
    use crate::tests::rng;

    #[test]
    #[cfg(debug_assertions)]
    fn l_safe_primes_have_the_structure_of_the_specification() {
        let mut rng = rng(1);
        let mut rng = Watched::start(&mut rng).unwrap();
        for _ in 0..4 {
            let (p, q) =
                generate_pair(Profile::Test1024, Kind::LSafe, &mut |_| (), &mut rng).unwrap();
            for prime in [&p, &q] {
                let half = prime.shr(1);
                assert_eq!(prime.as_words()[0] % 4, 3);
                assert_eq!(small_primes::smallest_factor(prime), None);
                assert_eq!(small_primes::smallest_factor(&half), None);
                assert!(crypto_primes::is_prime(
                    crypto_primes::Flavor::Any,
                    &**prime
                ));
            }
        }
    }

    #[test]
    #[cfg(debug_assertions)]
    fn ordinary_primes_leave_the_public_exponent_invertible() {
        let mut rng = rng(2);
        let mut rng = Watched::start(&mut rng).unwrap();
        for _ in 0..8 {
            let (p, q) =
                generate_pair(Profile::Test1024, Kind::Ordinary, &mut |_| (), &mut rng).unwrap();
            for prime in [&p, &q] {
                assert_ne!(small_primes::residue(prime, 65_537), 1);
                assert!(crypto_primes::is_prime(
                    crypto_primes::Flavor::Any,
                    &**prime
                ));
                // 27/32 of the range and more
                assert!(prime.to_be_bytes()[0] >= 216);
            }
        }
    }

    #[test]
    #[cfg(debug_assertions)]
    fn progress_counts_two_primes() {
        let mut steps = Vec::new();
        let mut report = |step| steps.push(step);
        crate::ClientHalf::generate(Profile::Test1024, &mut report, &mut rng(3)).unwrap();
        assert_eq!(steps.last().unwrap().primes, 2);
        assert!(steps.is_sorted_by_key(|step| (step.candidates, step.primes)));
    }

    #[test]
    fn close_primes_are_told_from_distant_ones() {
        let k = Profile::Rsa4096.k();
        let p = BoxedUint::from(27_u32).resize_unchecked(k).shl(k - 5);
        let near = p.wrapping_add(BoxedUint::from(1_u32).resize_unchecked(k).shl(k - 101));
        let far = p.wrapping_add(BoxedUint::from(1_u32).resize_unchecked(k).shl(k - 100));
        assert!(!far_apart(&p, &near, Profile::Rsa4096));
        assert!(!far_apart(&near, &p, Profile::Rsa4096));
        assert!(far_apart(&p, &far, Profile::Rsa4096));
        assert!(!far_apart(&p, &p, Profile::Rsa4096));
    }
}
