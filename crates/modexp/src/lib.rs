//! Modular arithmetic with secret exponents, in time that depends on lengths only.
//!
//! A [`Modulus`] is prepared once and then raises numbers to powers. Everything is a big-endian byte string; the time
//! of [`pow_secret`](Modulus::pow_secret) depends on the length of the modulus and of the exponent *string*, never on
//! the bits in them: an exponent with leading zero bytes takes as long as one without.
//!
//! Two backends have the same API: [`native`] (AWS-LC, the default where it can be linked) and [`portable`]
//! (crypto-bigint, everywhere). [`Modulus`] is the faster one available.
//!
//! The crate refuses to be more than that: no key formats, no padding, no randomness, no blinding.
//!
//! ```
//! let modulus = modexp::Modulus::new(&[0x01, 0x01])?; // 257
//! let power = modulus.pow_secret(&[3], &[0x00, 0x80])?; // 3^128 = −1 modulo 257
//! assert_eq!(power.as_slice(), [0x01, 0x00]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(all(feature = "native", not(target_family = "wasm")))]
pub mod native;
pub mod portable;

#[cfg(all(feature = "native", not(target_family = "wasm")))]
pub use native::Modulus;
#[cfg(not(all(feature = "native", not(target_family = "wasm"))))]
pub use portable::Modulus;

/// The longest modulus, in bytes (6144 bits).
pub const MAX_MODULUS_LEN: usize = 768;

/// The longest exponent, in bytes (8192 bits).
pub const MAX_EXPONENT_LEN: usize = 1024;

/// Why a number cannot serve as a modulus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ModulusError {
    /// Montgomery arithmetic needs an odd modulus.
    #[error("the modulus is even")]
    Even,
    /// Modulo 0 or 1 there is nothing to compute.
    #[error("the modulus is less than 3")]
    TooSmall,
    /// Longer than [`MAX_MODULUS_LEN`].
    #[error("the modulus is longer than {MAX_MODULUS_LEN} bytes")]
    TooLong,
}

/// Why a number cannot take part in an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OperandError {
    /// The base or a factor is not less than the modulus, or its string is longer than the modulus.
    #[error("the operand is not less than the modulus")]
    NotReduced,
    /// Longer than [`MAX_EXPONENT_LEN`].
    #[error("the exponent is longer than {MAX_EXPONENT_LEN} bytes")]
    ExponentTooLong,
}

/// Strips leading zeros and checks what both backends need of a modulus.
fn checked_modulus(bytes: &[u8]) -> Result<&[u8], ModulusError> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let significant = bytes.get(zeros..).unwrap_or_default();
    match significant {
        [] | [1] => Err(ModulusError::TooSmall),
        [.., last] if last % 2 == 0 => Err(ModulusError::Even),
        _ if significant.len() > MAX_MODULUS_LEN => Err(ModulusError::TooLong),
        _ => Ok(significant),
    }
}

#[cfg(test)]
mod tests;
