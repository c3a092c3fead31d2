//! OpenSSL's modular exponentiation, in the shape of `modexp`, to compare the two in one run.
//!
//! OpenSSL has two ways that matter: `BN_mod_exp_mont_consttime`, which its RSA uses with private keys, and the sliding
//! window of `BN_mod_exp_mont`, which leaks the exponent and is here only to show what constant time costs.

use openssl::{
    bn::{BigNum, BigNumContext},
    error::ErrorStack,
};

/// (modulus bits, exponent bits): the phone's and the server's share under a half of `sk-6144`, a root modulo that half,
/// and a root modulo one of its primes (`splitkey.md` §1).
pub const SIZES: [(usize, usize); 3] = [(3072, 3200), (3072, 3072), (1536, 1536)];

/// An exponentiation that is ready to take bases.
pub struct Exponentiation {
    modulus: BigNum,
    exponent: BigNum,
    context: BigNumContext,
}

impl Exponentiation {
    /// `BN_mod_exp_mont_consttime`: `BN_mod_exp` takes that way when a flag on the exponent asks for it.
    ///
    /// # Errors
    ///
    /// When OpenSSL cannot allocate.
    pub fn constant_time(modulus: &[u8], exponent: &[u8]) -> Result<Self, ErrorStack> {
        let mut exponentiation = Self::variable_time(modulus, exponent)?;
        exponentiation.exponent.set_const_time();
        Ok(exponentiation)
    }

    /// `BN_mod_exp_mont`: sliding window, in time that tells about the exponent.
    ///
    /// # Errors
    ///
    /// When OpenSSL cannot allocate.
    pub fn variable_time(modulus: &[u8], exponent: &[u8]) -> Result<Self, ErrorStack> {
        Ok(Self {
            modulus: BigNum::from_slice(modulus)?,
            exponent: BigNum::from_slice(exponent)?,
            context: BigNumContext::new()?,
        })
    }

    /// `base` to the power of the exponent, as long as the modulus. Bytes in and out, as `modexp` has it.
    ///
    /// # Errors
    ///
    /// When OpenSSL refuses: the modulus is even or zero.
    pub fn raise(&mut self, base: &[u8]) -> Result<Vec<u8>, ErrorStack> {
        let base = BigNum::from_slice(base)?;
        let mut power = BigNum::new()?;
        power.mod_exp(&base, &self.exponent, &self.modulus, &mut self.context)?;
        power.to_vec_padded(self.modulus.num_bytes())
    }
}

/// An odd number of exactly `bits` bits, without structure that a multiplier could profit from.
#[must_use]
pub fn odd_number(bits: usize) -> Vec<u8> {
    let mut number: Vec<u8> = (0..bits / 8)
        .map(|i| (i.wrapping_mul(151) ^ 0xb5) as u8)
        .collect();
    if let Some(last) = number.last_mut() {
        *last |= 1;
    }
    number
}

/// A number that is less than [`odd_number`]`(bits)`.
#[must_use]
pub fn base(bits: usize) -> Vec<u8> {
    let mut base = odd_number(bits);
    if let Some(first) = base.first_mut() {
        *first >>= 2;
    }
    base
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openssl_and_both_backends_of_modexp_agree() {
        for (modulus_bits, exponent_bits) in SIZES {
            let (modulus, exponent, base) = (
                odd_number(modulus_bits),
                odd_number(exponent_bits),
                base(modulus_bits),
            );
            let openssl = Exponentiation::variable_time(&modulus, &exponent)
                .unwrap()
                .raise(&base)
                .unwrap();
            let constant_time = Exponentiation::constant_time(&modulus, &exponent)
                .unwrap()
                .raise(&base)
                .unwrap();
            let native = modexp::native::Modulus::new(&modulus)
                .unwrap()
                .pow_secret(&base, &exponent)
                .unwrap();
            let portable = modexp::portable::Modulus::new(&modulus)
                .unwrap()
                .pow_secret(&base, &exponent)
                .unwrap();
            assert_eq!(constant_time, openssl);
            assert_eq!(native.as_slice(), openssl);
            assert_eq!(portable.as_slice(), openssl);
        }
    }

    #[test]
    fn numbers_have_exactly_the_bits_asked_for() {
        for (modulus_bits, _) in SIZES {
            let modulus = BigNum::from_slice(&odd_number(modulus_bits)).unwrap();
            assert_eq!(modulus.num_bits() as usize, modulus_bits);
            assert!(modulus.is_bit_set(0));
        }
    }
}
