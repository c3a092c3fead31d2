//! Big-endian strings to numbers and back, and the little arithmetic the protocol needs beyond exponentiation.
//!
//! Numbers keep the width of the string they came from. Unless a function says otherwise its time depends on widths
//! only. Results are wiped on drop; temporaries inside crypto-bigint are not.

use crypto_bigint::{BoxedUint, ConcatenatingMul, Gcd, Limb, NonZero, Resize};
use zeroize::Zeroizing;

use crate::PUBLIC_EXPONENT;

/// OS2IP, at the width of the string.
pub(crate) fn read(bytes: &[u8]) -> Zeroizing<BoxedUint> {
    Zeroizing::new(BoxedUint::from_be_slice_truncated(bytes, bits(bytes.len())))
}

/// I2OSP to `len` bytes, which the value must fit.
pub(crate) fn write(value: &BoxedUint, len: usize) -> Zeroizing<Vec<u8>> {
    let wide = Zeroizing::new(value.to_be_bytes());
    let mut out = Zeroizing::new(vec![0; len]);
    for (byte, source) in out.iter_mut().rev().zip(wide.iter().rev()) {
        *byte = *source;
    }
    debug_assert!(
        wide.iter().rev().skip(len).all(|byte| *byte == 0),
        "the value fits"
    );
    out
}

/// `value` mod `modulus`, at the width of the modulus, which must not be zero.
pub(crate) fn remainder(value: &BoxedUint, modulus: &BoxedUint) -> Zeroizing<BoxedUint> {
    Zeroizing::new(value.rem(nonzero(modulus)))
}

/// Quotient and remainder of `value` by a `divisor` that is not zero.
pub(crate) fn divide(
    value: &BoxedUint,
    divisor: &BoxedUint,
) -> (Zeroizing<BoxedUint>, Zeroizing<BoxedUint>) {
    let (quotient, rest) = value.div_rem(nonzero(divisor));
    (Zeroizing::new(quotient), Zeroizing::new(rest))
}

/// `left − right` mod `modulus` for reduced operands of the modulus's width.
pub(crate) fn subtract(
    left: &BoxedUint,
    right: &BoxedUint,
    modulus: &BoxedUint,
) -> Zeroizing<BoxedUint> {
    Zeroizing::new(left.sub_mod(right, nonzero(modulus)))
}

/// `left · right`, at the sum of their widths.
pub(crate) fn product(left: &BoxedUint, right: &BoxedUint) -> Zeroizing<BoxedUint> {
    Zeroizing::new(left.concatenating_mul(right))
}

/// `left · right` mod `modulus`.
pub(crate) fn multiply(
    left: &BoxedUint,
    right: &BoxedUint,
    modulus: &BoxedUint,
) -> Zeroizing<BoxedUint> {
    remainder(&product(left, right), modulus)
}

/// The inverse of `value` modulo an odd `modulus` of the same width, if there is one.
pub(crate) fn invert(value: &BoxedUint, modulus: &BoxedUint) -> Option<Zeroizing<BoxedUint>> {
    let inverse: Option<BoxedUint> = value.invert_odd_mod(modulus.as_odd_vartime()?).into();
    inverse.map(Zeroizing::new)
}

/// gcd = 1, for public numbers.
pub(crate) fn coprime(left: &BoxedUint, right: &BoxedUint) -> bool {
    let bits = left.bits_precision().max(right.bits_precision());
    let gcd = left
        .resize_unchecked(bits)
        .gcd_vartime(&right.resize_unchecked(bits));
    gcd.is_one().into()
}

/// e⁻¹ mod `phi`, for secret `phi` with gcd(e, φ) = 1.
///
/// φ is even, so the usual inversion modulo an odd number does not apply; e is a small prime, so there is something
/// simpler: d = (1 + φ·t) / e with t = −φ⁻¹ mod e.
pub(crate) fn inverse_of_public_exponent(phi: &BoxedUint) -> Zeroizing<BoxedUint> {
    let e = u64::from(PUBLIC_EXPONENT);
    let phi_mod_e =
        word(phi.rem_limb(NonZero::<Limb>::new(Limb::from(PUBLIC_EXPONENT)).expect("not zero")));
    debug_assert_ne!(phi_mod_e, 0, "the prime sieve excludes p ≡ 1 mod e");
    // Fermat: x^(e − 2) = x⁻¹ modulo the prime e. The exponent 2^16 − 1 is fixed, so are the steps.
    let (mut inverse, negated) = (1, e - phi_mod_e);
    for _ in 0..16 {
        inverse = inverse * inverse % e * negated % e;
    }
    debug_assert_eq!(inverse * negated % e, 1);
    let t = Zeroizing::new(BoxedUint::from(inverse));
    let mut numerator = product(phi, &t);
    numerator.wrapping_add_assign(Limb::ONE);
    let (quotient, rest) = numerator
        .div_rem_limb(NonZero::<Limb>::new(Limb::from(PUBLIC_EXPONENT)).expect("not zero"));
    debug_assert_eq!(word(rest), 0);
    let quotient = Zeroizing::new(quotient);
    Zeroizing::new((&*quotient).resize_unchecked(phi.bits_precision()))
}

/// The bit length of a public number.
pub(crate) fn bit_length(bytes: &[u8]) -> usize {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    match bytes.get(zeros) {
        None => 0,
        Some(first) => 8 * (bytes.len() - zeros) - first.leading_zeros() as usize,
    }
}

/// Less than, for strings of equal length, in time independent of their content.
pub(crate) fn less_than(left: &[u8], right: &[u8]) -> bool {
    debug_assert_eq!(left.len(), right.len());
    let borrow = left
        .iter()
        .rev()
        .zip(right.iter().rev())
        .fold(0_u16, |borrow, (left, right)| {
            (u16::from(*left)
                .wrapping_sub(u16::from(*right))
                .wrapping_sub(borrow)
                >> 8)
                & 1
        });
    borrow == 1
}

fn nonzero(value: &BoxedUint) -> &NonZero<BoxedUint> {
    value
        .as_nz_vartime()
        .expect("moduli are checked not to be zero")
}

pub(crate) fn word(limb: Limb) -> u64 {
    #[cfg_attr(
        target_pointer_width = "64",
        expect(clippy::useless_conversion, reason = "a word may have 32 bits")
    )]
    u64::from(limb.0)
}

pub(crate) fn bits(len: usize) -> u32 {
    u32::try_from(8 * len).expect("at most a few thousand bits")
}
