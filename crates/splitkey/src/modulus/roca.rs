//! The fingerprint of CVE-2017-15361 (Nemec et al., "The Return of Coppersmith's Attack", CCS 2017, §2.2).
//!
//! Infineon's library made primes p = k·M + (65537^a mod M) with M a product of the first primes. A modulus of two
//! such primes is a power of 65537 modulo every prime factor of M; a random one is so with a probability of 2^−27.

use crypto_bigint::BoxedUint;

use crate::prime::small_primes::{ODD_PRIMES, power, residue};

/// Whether `modulus` is a power of 65537 modulo each odd prime up to 167.
pub(super) fn fingerprint(modulus: &BoxedUint) -> bool {
    ODD_PRIMES
        .iter()
        .take_while(|prime| **prime <= LARGEST)
        .all(|prime| powers_of_generator(*prime).any(|power| power == residue(modulus, *prime)))
}

fn powers_of_generator(prime: u32) -> impl Iterator<Item = u32> {
    (0..prime - 1).map(move |exponent| power(65_537, exponent, prime))
}

/// The 39th prime: M of the shortest keys. Longer keys have more factors, so this catches them, too.
const LARGEST: u32 = 167;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::rng;
    use rand_core::Rng;

    #[test]
    fn random_moduli_do_not_have_the_fingerprint() {
        let mut rng = rng(13);
        for _ in 0..200 {
            let mut bytes = [0; 256];
            rng.fill_bytes(&mut bytes);
            bytes[255] |= 1;
            assert!(!fingerprint(&BoxedUint::from_be_slice_vartime(&bytes)));
        }
    }

    #[test]
    fn powers_of_the_generator_have_it() {
        let mut number = zeroize::Zeroizing::new(BoxedUint::one());
        for _ in 0..20 {
            number = crate::integer::product(&number, &BoxedUint::from(65_537_u32));
            assert!(fingerprint(&number));
        }
    }
}
