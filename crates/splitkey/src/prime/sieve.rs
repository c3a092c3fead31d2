//! One sieve for p and (p − 1)/2: ℓ-safe primes at the price of ordinary ones (splitkey.md §1, "Cost").

use crypto_bigint::{BoxedUint, Limb};
use rand_core::CryptoRng;
use zeroize::{Zeroize, Zeroizing};

use super::Kind;
use super::small_primes::{power, residues};
use crate::PUBLIC_EXPONENT;

/// Candidates start + step·i that no small prime rules out, drawn in random order.
///
/// The random order keeps primes after long gaps from being preferred.
pub(super) struct Sieve {
    start: Zeroizing<BoxedUint>,
    step: u32,
    candidates: Vec<u32>,
}

impl Sieve {
    /// Sieves upwards from `start`, which becomes 3 mod 4 or odd as the kind needs.
    pub(super) fn new(mut start: Zeroizing<BoxedUint>, kind: Kind) -> Self {
        let (low_bits, step): (u32, u32) = match kind {
            Kind::LSafe => (3, 4),
            Kind::Ordinary => (1, 2),
        };
        if let Some(lowest) = start.as_mut_limbs().first_mut() {
            *lowest |= Limb::from(low_bits);
        }
        let mut alive = vec![true; WINDOW];
        for (prime, residue) in residues(&start) {
            // step is a power of two: its inverse mod an odd prime is a power of (prime + 1)/2.
            let inverse = power(prime.div_ceil(2), step.trailing_zeros(), prime);
            strike(&mut alive, prime, residue, inverse, 0);
            // p ≡ 1 mod r means that r divides p − 1. For a server's prime only r = e matters.
            if kind == Kind::LSafe || prime == PUBLIC_EXPONENT {
                strike(&mut alive, prime, residue, inverse, 1);
            }
        }
        let candidates = (0..)
            .zip(alive)
            .filter_map(|(index, alive)| alive.then_some(index))
            .collect();
        Self {
            start,
            step,
            candidates,
        }
    }

    /// The next candidate, of the width of the start.
    pub(super) fn draw<R: CryptoRng>(&mut self, rng: &mut R) -> Option<Zeroizing<BoxedUint>> {
        let left = u64::try_from(self.candidates.len()).expect("at most the window");
        let drawn =
            usize::try_from(rng.next_u64().checked_rem(left)?).expect("less than the length");
        let index = self.candidates.swap_remove(drawn);
        let mut candidate = Zeroizing::new(BoxedUint::clone(&self.start));
        candidate.wrapping_add_assign(Limb::from(index * self.step));
        Some(candidate)
    }
}

impl Drop for Sieve {
    fn drop(&mut self) {
        self.candidates.zeroize();
    }
}

/// Strikes every i with start + step·i ≡ `excluded` mod `prime`; `inverse` is that of the step.
fn strike(alive: &mut [bool], prime: u32, residue: u32, inverse: u32, excluded: u32) {
    let distance = u64::from(prime + excluded - residue) * u64::from(inverse) % u64::from(prime);
    let first = usize::try_from(distance).expect("less than the prime");
    for candidate in alive.iter_mut().skip(first).step_by(prime as usize) {
        *candidate = false;
    }
}

/// Candidates per sieve; 4 × this stays below the 2^20 that the random start leaves.
const WINDOW: usize = 1 << 15;

const _: () = assert!(WINDOW * 4 < 1 << 20);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::rng;

    fn small_start() -> Zeroizing<BoxedUint> {
        Zeroizing::new(BoxedUint::from_be_slice_vartime(&[
            0xd9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16,
        ]))
    }

    #[test]
    fn the_sieve_leaves_exactly_the_candidates_that_divisions_leave() {
        for (kind, step) in [(Kind::LSafe, 4_u32), (Kind::Ordinary, 2)] {
            let mut sieve = Sieve::new(small_start(), kind);
            let start = sieve.start.clone();
            let mut left: Vec<u32> = sieve.candidates.clone();
            left.sort_unstable();
            let expected: Vec<u32> = (0..4096)
                .filter(|index| {
                    let candidate = start.wrapping_add(Limb::from(index * step));
                    residues(&candidate).all(|(prime, residue)| {
                        residue != 0
                            && !(residue == 1 && (kind == Kind::LSafe || prime == PUBLIC_EXPONENT))
                    })
                })
                .collect();
            assert!(!expected.is_empty());
            assert!(
                left.iter()
                    .copied()
                    .filter(|index| *index < 4096)
                    .eq(expected),
                "{kind:?}"
            );
            let first = sieve.draw(&mut rng(5)).unwrap();
            assert!(*first >= *start);
        }
    }

    #[test]
    fn a_sieve_runs_dry() {
        let mut sieve = Sieve::new(small_start(), Kind::LSafe);
        let count = sieve.candidates.len();
        let mut rng = rng(6);
        let mut drawn: Vec<_> = std::iter::from_fn(|| sieve.draw(&mut rng))
            .map(|p| p.to_be_bytes())
            .collect();
        assert_eq!(drawn.len(), count);
        drawn.sort();
        drawn.dedup();
        assert_eq!(drawn.len(), count);
    }
}
