//! Primality: Miller–Rabin over `modexp`, so that it runs on the fast backend, and a strong Lucas test.

use crypto_bigint::{BoxedUint, Limb, Odd, U256, U1024, U1536, Uint, UnsignedWithMontyForm};
use crypto_primes::hazmat::{LucasCheck, SelfridgeBase, lucas_test};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::integer;

/// Whether an odd number of at most 1536 bits is prime, wrongly so with a probability below 2^−100 for random candidates: base 2 first,
/// since it is enough for nearly all composites, then eight random bases, then strong Lucas with Selfridge's
/// parameters (splitkey.md §1).
pub(crate) fn is_prime<R: CryptoRng>(candidate: &BoxedUint, rng: &mut R) -> bool {
    let Some(test) = MillerRabin::new(candidate) else {
        return false;
    };
    test.passes(&BoxedUint::from(2_u32))
        && (0..ROUNDS).all(|_| test.passes(&random_base(candidate, rng)))
        && strong_lucas(candidate)
}

/// Whether an odd number is composite for certain; no prime is called composite.
pub(crate) fn is_composite(number: &BoxedUint) -> bool {
    MillerRabin::new(number).is_none_or(|test| !test.passes(&BoxedUint::from(2_u32)))
}

/// The number to be tested as n − 1 = 2^s·d, with d odd.
struct MillerRabin {
    modulus: modexp::Modulus,
    minus_one: Zeroizing<Vec<u8>>,
    s: u32,
    d: Zeroizing<Vec<u8>>,
}

impl MillerRabin {
    fn new(candidate: &BoxedUint) -> Option<Self> {
        let modulus = modexp::Modulus::new(&Zeroizing::new(candidate.to_be_bytes())).ok()?;
        let minus_one = Zeroizing::new(candidate.wrapping_sub(Limb::ONE));
        let s = minus_one.trailing_zeros();
        let d = Zeroizing::new(minus_one.shr(s));
        let len = modulus.len();
        Some(Self {
            minus_one: integer::write(&minus_one, len),
            d: integer::write(&d, len),
            s,
            modulus,
        })
    }

    fn passes(&self, base: &BoxedUint) -> bool {
        let len = self.modulus.len();
        let Ok(mut power) = self.modulus.pow_secret(&integer::write(base, len), &self.d) else {
            return false;
        };
        if integer::bit_length(&power) == 1 || power == self.minus_one {
            return true;
        }
        for _ in 1..self.s {
            power = self
                .modulus
                .mul(&power, &power)
                .expect("a power is reduced");
            if power == self.minus_one {
                return true;
            }
        }
        false
    }
}

/// Uniform in [2, n − 2], but for 2^−64.
fn random_base<R: CryptoRng>(candidate: &BoxedUint, rng: &mut R) -> Zeroizing<BoxedUint> {
    let mut bytes = Zeroizing::new(vec![0; candidate.to_be_bytes().len() + 8]);
    rng.fill_bytes(&mut bytes);
    let range = Zeroizing::new(candidate.wrapping_sub(Limb::from(3_u32)));
    let mut base = integer::remainder(&integer::read(&bytes), &range);
    base.wrapping_add_assign(Limb::from(2_u32));
    base
}

/// On fixed-size integers: the copies that the library makes of a prime stay on the stack, where the next calls
/// overwrite them, instead of in freed heap memory.
fn strong_lucas(candidate: &BoxedUint) -> bool {
    fn test<const LIMBS: usize>(candidate: &BoxedUint) -> bool
    where
        Uint<LIMBS>: UnsignedWithMontyForm,
    {
        let mut number = Zeroizing::new(Uint::<LIMBS>::ZERO);
        for (word, source) in number.as_mut_words().iter_mut().zip(candidate.as_words()) {
            *word = *source;
        }
        let odd: Option<Odd<Uint<LIMBS>>> = Odd::new(*number).into();
        odd.is_some_and(|odd| !lucas_test(odd, SelfridgeBase, LucasCheck::Strong).is_composite())
    }
    match candidate.bits_precision() {
        0..=256 => test::<{ U256::LIMBS }>(candidate),
        257..=1024 => test::<{ U1024::LIMBS }>(candidate),
        _ => test::<{ U1536::LIMBS }>(candidate),
    }
}

const ROUNDS: u32 = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::rng;

    #[test]
    fn agrees_with_trial_division_from_5_on() {
        let mut rng = rng(7);
        for number in (5..4000_u32).step_by(2) {
            let prime = (3..number)
                .step_by(2)
                .take_while(|d| d * d <= number)
                .all(|d| number % d != 0);
            assert_eq!(
                is_prime(&BoxedUint::from(number), &mut rng),
                prime,
                "{number}"
            );
        }
    }

    #[test]
    fn strong_pseudoprimes_to_base_two_are_found_out() {
        // https://oeis.org/A001262
        for number in [
            2047_u32, 3277, 4033, 4681, 8321, 15_841, 29_341, 42_799, 49_141, 52_633,
        ] {
            assert!(
                !is_composite(&BoxedUint::from(number)),
                "passes base 2: {number}"
            );
            assert!(!is_prime(&BoxedUint::from(number), &mut rng(8)), "{number}");
        }
    }

    #[test]
    fn strong_lucas_pseudoprimes_are_found_out() {
        // https://oeis.org/A217255
        for number in [5459_u32, 5777, 10_877, 16_109, 18_971] {
            assert!(strong_lucas(&BoxedUint::from(number)));
            assert!(!is_prime(&BoxedUint::from(number), &mut rng(9)), "{number}");
        }
    }

    #[test]
    fn mersenne_numbers() {
        for (exponent, prime) in [
            (127_u32, true),
            (521, true),
            (607, true),
            (257, false),
            (523, false),
        ] {
            let power = BoxedUint::one_with_precision(640).shl(exponent);
            assert_eq!(
                is_prime(&power.wrapping_sub(Limb::ONE), &mut rng(10)),
                prime,
                "2^{exponent} − 1"
            );
        }
    }
}
