//! The odd primes up to ℓ = 65537, and residues by them.

use std::sync::LazyLock;

use crypto_bigint::{BoxedUint, Limb, NonZero, Word};

use crate::integer::word;

/// All odd primes up to 65537, which is itself a prime and our public exponent.
pub(crate) static ODD_PRIMES: LazyLock<Vec<u32>> = LazyLock::new(|| {
    let mut composite = vec![false; LIMIT + 1];
    let mut primes = Vec::new();
    for number in (3..=LIMIT).step_by(2) {
        if composite.get(number) == Some(&false) {
            primes.push(u32::try_from(number).expect("at most 65537"));
            for multiple in composite
                .iter_mut()
                .skip(number * number)
                .step_by(2 * number)
            {
                *multiple = true;
            }
        }
    }
    primes
});

/// The residues of `number` by every odd prime, in their order.
///
/// Divides by products of primes that fit a word, then splits the residues: a third of the long divisions.
pub(crate) fn residues(number: &BoxedUint) -> impl Iterator<Item = (u32, u32)> {
    PRODUCTS.iter().flat_map(|(product, primes)| {
        let residue =
            word(number.rem_limb(NonZero::new(Limb(*product)).expect("a product of primes")));
        primes.iter().map(move |prime| {
            (
                *prime,
                u32::try_from(residue % u64::from(*prime)).expect("less than the prime"),
            )
        })
    })
}

/// The smallest odd prime up to 65537 that divides `number`.
pub(crate) fn smallest_factor(number: &BoxedUint) -> Option<u32> {
    residues(number).find_map(|(prime, residue)| (residue == 0).then_some(prime))
}

/// `number` mod `divisor`, which is not zero.
pub(crate) fn residue(number: &BoxedUint, divisor: u32) -> u32 {
    let residue = number.rem_limb(NonZero::new(Limb::from(divisor)).expect("not zero"));
    u32::try_from(word(residue)).expect("less than the divisor")
}

/// base^exponent mod modulus, for small public numbers.
pub(crate) fn power(base: u32, mut exponent: u32, modulus: u32) -> u32 {
    let modulus = u64::from(modulus);
    let (mut power, mut square) = (1 % modulus, u64::from(base) % modulus);
    while exponent > 0 {
        if exponent % 2 == 1 {
            power = power * square % modulus;
        }
        square = square * square % modulus;
        exponent /= 2;
    }
    u32::try_from(power).expect("less than the modulus")
}

const LIMIT: usize = 65_537;

/// Consecutive primes with their product, as many as fit a word.
static PRODUCTS: LazyLock<Vec<(Word, Vec<u32>)>> = LazyLock::new(|| {
    let mut groups: Vec<(Word, Vec<u32>)> = Vec::new();
    for prime in ODD_PRIMES.iter().copied() {
        match groups.last_mut() {
            Some((product, primes)) if product.checked_mul(Word::from(prime)).is_some() => {
                *product *= Word::from(prime);
                primes.push(prime);
            }
            _ => groups.push((Word::from(prime), vec![prime])),
        }
    }
    groups
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_6542_primes_from_3_to_65537() {
        assert_eq!(ODD_PRIMES.len(), 6542);
        assert_eq!(ODD_PRIMES[..5], [3, 5, 7, 11, 13]);
        assert_eq!(ODD_PRIMES.last(), Some(&65_537));
    }

    #[test]
    fn residues_are_those_of_single_divisions() {
        let number = BoxedUint::from_be_slice_vartime(&[0x9b; 100]);
        assert_eq!(residues(&number).count(), ODD_PRIMES.len());
        assert!(residues(&number).all(|(prime, found)| found == residue(&number, prime)));
    }

    #[test]
    fn powers_of_small_numbers() {
        assert_eq!(power(3, 0, 7), 1);
        assert_eq!(power(3, 5, 7), 5);
        assert_eq!(power(65_536, 2, 65_537), 1);
        assert_eq!(power(5, 5, 1), 0);
    }
}
