//! Arithmetic of an attacker: public numbers, no care about time.

use crypto_bigint::{BoxedUint, ConcatenatingMul, Gcd, Limb, Resize};
use modexp::Modulus;

/// OS2IP.
pub(crate) fn read(bytes: &[u8]) -> BoxedUint {
    let bits = u32::try_from(8 * bytes.len()).unwrap();
    BoxedUint::from_be_slice_truncated(bytes, bits)
}

/// I2OSP to `len` bytes; higher bytes must be zero.
pub(crate) fn write(value: &BoxedUint, len: usize) -> Vec<u8> {
    let wide = value.to_be_bytes();
    let mut out = vec![0; len];
    for (byte, source) in out.iter_mut().rev().zip(wide.iter().rev()) {
        *byte = *source;
    }
    out
}

pub(crate) fn modulo(value: &BoxedUint, modulus: &BoxedUint) -> BoxedUint {
    value.rem(modulus.as_nz_vartime().unwrap())
}

pub(crate) fn divide(value: &BoxedUint, divisor: &BoxedUint) -> (BoxedUint, BoxedUint) {
    value.div_rem_vartime(divisor.as_nz_vartime().unwrap())
}

pub(crate) fn product(left: &BoxedUint, right: &BoxedUint) -> BoxedUint {
    left.concatenating_mul(right)
}

pub(crate) fn small(value: u64) -> BoxedUint {
    BoxedUint::from(value)
}

/// The same number at another width, which it must fit.
pub(crate) fn resized(value: &BoxedUint, bits: u32) -> BoxedUint {
    value.resize_unchecked(bits)
}

/// The greatest common divisor.
pub(crate) fn gcd(left: &BoxedUint, right: &BoxedUint) -> BoxedUint {
    let bits = left.bits_precision().max(right.bits_precision());
    resized(left, bits).gcd_vartime(&resized(right, bits))
}

/// A factor of `number` that it shares with `other`, if it is a proper one.
pub(crate) fn proper_factor(number: &BoxedUint, other: &BoxedUint) -> Option<BoxedUint> {
    let common = gcd(number, other);
    let bits = number.bits_precision();
    let proper =
        !bool::from(common.is_one()) && resized(&common, bits) != *number && common.bit_width() > 1;
    proper.then_some(common)
}

/// ⌊√value⌋, and whether it is exact.
pub(crate) fn square_root(value: &BoxedUint) -> (BoxedUint, bool) {
    let root = value.floor_sqrt_vartime();
    let bits = 2 * root.bits_precision().max(value.bits_precision());
    let exact = product(&root, &root).resize_unchecked(bits) == resized(value, bits);
    (root, exact)
}

pub(crate) fn add_one(value: &mut BoxedUint) {
    value.wrapping_add_assign(Limb::ONE);
}

/// Numbers modulo an odd n, as strings of n's length.
pub(crate) struct Ring {
    pub(crate) n: BoxedUint,
    pub(crate) len: usize,
    arithmetic: Modulus,
}

impl Ring {
    pub(crate) fn new(n: &[u8]) -> Self {
        let n = n
            .iter()
            .position(|byte| *byte != 0)
            .map_or(n, |zeros| &n[zeros..]);
        Self {
            n: read(n),
            len: n.len(),
            arithmetic: Modulus::new(n).unwrap(),
        }
    }

    pub(crate) fn reduce(&self, value: &[u8]) -> Vec<u8> {
        write(&modulo(&read(value), &self.n), self.len)
    }

    pub(crate) fn number(&self, value: u64) -> Vec<u8> {
        write(&small(value), self.len)
    }

    pub(crate) fn mul(&self, left: &[u8], right: &[u8]) -> Vec<u8> {
        self.arithmetic.mul(left, right).unwrap().to_vec()
    }

    pub(crate) fn pow(&self, base: &[u8], exponent: &[u8]) -> Vec<u8> {
        self.arithmetic.pow_secret(base, exponent).unwrap().to_vec()
    }

    /// To the power e.
    pub(crate) fn encrypt(&self, base: &[u8]) -> Vec<u8> {
        let e = splitkey::PUBLIC_EXPONENT.into();
        self.arithmetic.pow_public(base, e).unwrap().to_vec()
    }

    pub(crate) fn invert(&self, value: &[u8]) -> Option<Vec<u8>> {
        let inverse: Option<BoxedUint> = read(value)
            .resize_unchecked(self.n.bits_precision())
            .invert_odd_mod(self.n.as_odd_vartime()?)
            .into();
        Some(write(&inverse?, self.len))
    }

    /// All inverses for the price of one and three multiplications each (Montgomery).
    pub(crate) fn invert_all(&self, values: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let mut product = self.number(1);
        let mut before = Vec::with_capacity(values.len());
        for value in values {
            before.push(product.clone());
            product = self.mul(&product, value);
        }
        let mut inverse = self.invert(&product).expect("powers are units");
        let mut inverses = vec![Vec::new(); values.len()];
        for ((value, before), place) in values.iter().zip(before).zip(&mut inverses).rev() {
            *place = self.mul(&inverse, &before);
            inverse = self.mul(&inverse, value);
        }
        inverses
    }
}

#[test]
fn the_attacker_can_count() {
    let ring = Ring::new(&[1, 1]);
    assert_eq!(ring.pow(&[3], &[0, 0x80]), [1, 0]);
    assert_eq!(ring.mul(&ring.invert(&[0, 7]).unwrap(), &[0, 7]), [0, 1]);
    let values: Vec<_> = (1..9).map(|value| ring.number(value)).collect();
    for (value, inverse) in values.iter().zip(ring.invert_all(&values)) {
        assert_eq!(ring.mul(value, &inverse), [0, 1]);
    }
    assert_eq!(square_root(&small(1 << 20)), (small(1 << 10), true));
    assert!(!square_root(&small((1 << 20) + 1)).1);
    assert_eq!(
        proper_factor(&small(91), &small(14)).map(|factor| write(&factor, 1)),
        Some(vec![7])
    );
}
