//! The server's checks of n1, in the order of splitkey.md §1.1.
//!
//! They protect the *user*: a weak n1 would let the server sign alone. They do not prove that n1 has two prime
//! factors; the proof of possession shows what matters, knowledge of e-th roots. Everything here is public.

use std::sync::LazyLock;

use crypto_bigint::{BoxedUint, Limb};

use super::{ModulusError, Prepared, roca};
use crate::integer;
use crate::prime::{primality, small_primes};

/// All checks after length and parity, which `Prepared` makes.
pub(super) fn check(n1: &Prepared, others: &[&[u8]]) -> Result<(), ModulusError> {
    let number = integer::read(&n1.bytes);
    let refuse = |found: bool, reason| if found { Err(reason) } else { Ok(()) };
    refuse(
        small_primes::smallest_factor(&number).is_some(),
        ModulusError::SmallFactor,
    )?;
    refuse(is_perfect_power(&number), ModulusError::PerfectPower)?;
    refuse(!primality::is_composite(&number), ModulusError::Prime)?;
    refuse(fermat_finds_factors(&number), ModulusError::ClosePrimes)?;
    refuse(
        pollard_finds_factors(n1, &number),
        ModulusError::SmoothFactor,
    )?;
    refuse(roca::fingerprint(&number), ModulusError::BrokenGenerator)?;
    let shared = others
        .iter()
        .any(|other| !integer::coprime(&number, &integer::read(other)));
    refuse(shared, ModulusError::SharedFactor)
}

/// Whether `number`, which has no factor up to 65537, is a b-th power with b ≥ 2.
///
/// A b-th power is a b-th power residue modulo every prime r, that is, its (r − 1)/b-th power is 1 for r ≡ 1 mod b.
/// Anything else passes one such test with probability 1/b, so as many primes are asked as make that 2^−96. Never
/// misses a power.
fn is_perfect_power(number: &BoxedUint) -> bool {
    // The base exceeds 2^16, so b < bits/16.
    let longest = number.bit_width_vartime() / 16;
    [2].into_iter()
        .chain(small_primes::ODD_PRIMES.iter().copied())
        .take_while(|b| *b <= longest)
        .any(|b| {
            let enough = (96.0 / f64::from(b).log2()).ceil() as usize;
            small_primes::ODD_PRIMES
                .iter()
                .filter(|r| *r % b == 1)
                .take(enough)
                .all(|r| {
                    small_primes::power(small_primes::residue(number, *r), (r - 1) / b, *r) == 1
                })
        })
}

/// Fermat's method: a² − n is a square for some a just above √n if the factors are close.
fn fermat_finds_factors(number: &BoxedUint) -> bool {
    let mut a = number.floor_sqrt_vartime();
    a.wrapping_add_assign(Limb::ONE);
    let mut rest = integer::product(&a, &a);
    rest.wrapping_sub_assign(number);
    (0..FERMAT_STEPS).any(|_| {
        let square = is_square(&rest);
        // (a + 1)² − n = a² − n + 2a + 1
        rest.wrapping_add_assign(&a);
        a.wrapping_add_assign(Limb::ONE);
        rest.wrapping_add_assign(&a);
        square
    })
}

fn is_square(number: &BoxedUint) -> bool {
    // Only 12 of the 64 residues modulo 64 are squares; the root is for those.
    let low = integer::word(number.as_limbs().first().copied().unwrap_or(Limb::ZERO)) % 64;
    matches!(low, 0 | 1 | 4 | 9 | 16 | 17 | 25 | 33 | 36 | 41 | 49 | 57) && {
        let root = number.floor_sqrt_vartime();
        *integer::product(&root, &root) == *number
    }
}

/// Pollard's p − 1 with B1 = 4096: finds p if p − 1 is a product of prime powers up to the bound.
fn pollard_finds_factors(n1: &Prepared, number: &BoxedUint) -> bool {
    let power = n1
        .arithmetic
        .pow_secret(&[3], &SMOOTH_EXPONENT)
        .expect("within the limits of modexp");
    let mut minus_one = integer::read(&power);
    minus_one.wrapping_sub_assign(Limb::ONE);
    // gcd = n means 3 has the same smooth order modulo every factor; that is as bad as one factor alone.
    !integer::coprime(number, &minus_one)
}

const FERMAT_STEPS: u32 = 100;

/// ∏ r^⌊log_r 4096⌋ over the primes r < 4096: some 5900 bits.
static SMOOTH_EXPONENT: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let primes = [2].into_iter().chain(
        small_primes::ODD_PRIMES
            .iter()
            .copied()
            .take_while(|prime| *prime < 4096),
    );
    let product = primes.fold(BoxedUint::one_with_precision(6144), |product, prime| {
        let powers = std::iter::successors(Some(prime), |power| {
            Some(power * prime).filter(|power| *power <= 4096)
        });
        product.wrapping_mul(BoxedUint::from(powers.last().unwrap_or(prime)))
    });
    product.to_be_bytes_trimmed_vartime().into_vec()
});
