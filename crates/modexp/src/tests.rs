//! Both backends against each other, against arithmetic in `u128`, and at the edges.

use proptest::prelude::*;

use crate::{ModulusError, OperandError, portable};

#[cfg(all(feature = "native", not(target_family = "wasm")))]
use crate::native;

/// Runs one body against every backend there is.
macro_rules! backends {
    ($name:ident, $body:expr) => {
        #[test]
        fn $name() {
            $body(|modulus: &[u8]| portable::Modulus::new(modulus).map(Backend::Portable));
            #[cfg(all(feature = "native", not(target_family = "wasm")))]
            $body(|modulus: &[u8]| native::Modulus::new(modulus).map(Backend::Native));
        }
    };
}

enum Backend {
    Portable(portable::Modulus),
    #[cfg(all(feature = "native", not(target_family = "wasm")))]
    Native(native::Modulus),
}

impl Backend {
    fn pow(&self, base: &[u8], exponent: &[u8]) -> Result<Vec<u8>, OperandError> {
        match self {
            Self::Portable(modulus) => modulus.pow_secret(base, exponent),
            #[cfg(all(feature = "native", not(target_family = "wasm")))]
            Self::Native(modulus) => modulus.pow_secret(base, exponent),
        }
        .map(|power| power.to_vec())
    }

    fn pow_public(&self, base: &[u8], exponent: u64) -> Result<Vec<u8>, OperandError> {
        match self {
            Self::Portable(modulus) => modulus.pow_public(base, exponent),
            #[cfg(all(feature = "native", not(target_family = "wasm")))]
            Self::Native(modulus) => modulus.pow_public(base, exponent),
        }
        .map(|power| power.to_vec())
    }

    fn mul(&self, left: &[u8], right: &[u8]) -> Result<Vec<u8>, OperandError> {
        match self {
            Self::Portable(modulus) => modulus.mul(left, right),
            #[cfg(all(feature = "native", not(target_family = "wasm")))]
            Self::Native(modulus) => modulus.mul(left, right),
        }
        .map(|product| product.to_vec())
    }
}

type Make = fn(&[u8]) -> Result<Backend, ModulusError>;

/// 2^127 − 1, a prime.
const PRIME: u128 = (1 << 127) - 1;

fn big(value: u128) -> [u8; 16] {
    value.to_be_bytes()
}

backends!(unusable_moduli_are_refused, |make: Make| {
    for (modulus, reason) in [
        (&[][..], ModulusError::TooSmall),
        (&[0, 0], ModulusError::TooSmall),
        (&[0, 1], ModulusError::TooSmall),
        (&[2], ModulusError::Even),
        (&[1, 0], ModulusError::Even),
        (&[0xff; 769], ModulusError::TooLong),
    ] {
        assert_eq!(make(modulus).err(), Some(reason), "{modulus:?}");
    }
    assert!(make(&[0xff; 768]).is_ok());
});

backends!(operands_out_of_range_are_refused, |make: Make| {
    let modulus = make(&[0x01, 0x01]).unwrap();
    for operand in [&[1, 1][..], &[1, 2], &[0xff, 0xff], &[0, 0, 1]] {
        assert_eq!(modulus.pow(operand, &[1]), Err(OperandError::NotReduced));
        assert_eq!(
            modulus.pow_public(operand, 1),
            Err(OperandError::NotReduced)
        );
        assert_eq!(modulus.mul(operand, &[1]), Err(OperandError::NotReduced));
        assert_eq!(modulus.mul(&[1], operand), Err(OperandError::NotReduced));
    }
    assert_eq!(
        modulus.pow(&[2], &[0; 1025]),
        Err(OperandError::ExponentTooLong)
    );
    assert!(modulus.pow(&[2], &[0xff; 1024]).is_ok());
});

backends!(bases_zero_one_and_minus_one, |make: Make| {
    let modulus = make(&big(PRIME)).unwrap();
    let minus_one = big(PRIME - 1);
    assert_eq!(modulus.pow(&[], &[5]).unwrap(), big(0));
    assert_eq!(modulus.pow(&[0], &[5]).unwrap(), big(0));
    assert_eq!(modulus.pow(&[1], &[0xff; 40]).unwrap(), big(1));
    assert_eq!(modulus.pow(&minus_one, &[3]).unwrap(), minus_one);
    assert_eq!(modulus.pow(&minus_one, &[4]).unwrap(), big(1));
    assert_eq!(modulus.mul(&minus_one, &minus_one).unwrap(), big(1));
});

backends!(exponents_zero_and_with_leading_zeros, |make: Make| {
    let modulus = make(&big(PRIME)).unwrap();
    for zero in [&[][..], &[0], &[0; 50]] {
        assert_eq!(modulus.pow(&[7], zero).unwrap(), big(1));
        assert_eq!(modulus.pow(&[0], zero).unwrap(), big(1));
    }
    assert_eq!(modulus.pow_public(&[7], 0).unwrap(), big(1));
    let mut padded = vec![0; 60];
    padded.extend(65_537_u32.to_be_bytes());
    assert_eq!(modulus.pow(&[7], &padded), modulus.pow(&[7], &[1, 0, 1]));
    assert_eq!(modulus.pow(&[7], &padded), modulus.pow_public(&[7], 65_537));
});

backends!(
    fermats_little_theorem_holds_for_a_prime_modulus,
    |make: Make| {
        let modulus = make(&big(PRIME)).unwrap();
        for base in 2..50_u8 {
            assert_eq!(modulus.pow(&[base], &big(PRIME - 1)).unwrap(), big(1));
        }
    }
);

/// Square and multiply in `u128`, for moduli below 2^64.
fn schoolbook(base: u64, exponent: u64, modulus: u64) -> u64 {
    let (modulus, mut power, mut square, mut rest) =
        (u128::from(modulus), 1, u128::from(base), exponent);
    while rest > 0 {
        if rest % 2 == 1 {
            power = power * square % modulus;
        }
        square = square * square % modulus;
        rest /= 2;
    }
    u64::try_from(power % modulus).unwrap()
}

fn trimmed(modulus: u64) -> usize {
    (8 - modulus.leading_zeros() / 8) as usize
}

proptest! {
    #[test]
    fn backends_agree_with_schoolbook_arithmetic(base: u64, exponent: u64, modulus in 1..u64::MAX / 2) {
        let modulus = 2 * modulus + 1;
        let base = base % modulus;
        let expected = zeroize::Zeroizing::new(schoolbook(base, exponent, modulus).to_be_bytes()[8 - trimmed(modulus)..].to_vec());
        let base = &base.to_be_bytes()[8 - trimmed(modulus)..];
        let portable = portable::Modulus::new(&modulus.to_be_bytes()).unwrap();
        prop_assert_eq!(&portable.pow_secret(base, &exponent.to_be_bytes()).unwrap(), &expected);
        prop_assert_eq!(&portable.pow_public(base, exponent).unwrap(), &expected);
        #[cfg(all(feature = "native", not(target_family = "wasm")))]
        {
            let native = native::Modulus::new(&modulus.to_be_bytes()).unwrap();
            prop_assert_eq!(&native.pow_secret(base, &exponent.to_be_bytes()).unwrap(), &expected);
            prop_assert_eq!(&native.pow_public(base, exponent).unwrap(), &expected);
        }
    }
}

#[cfg(all(feature = "native", not(target_family = "wasm")))]
proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn backends_agree(
        mut modulus in prop::collection::vec(any::<u8>(), 1..=768),
        left in prop::collection::vec(any::<u8>(), 0..=768),
        right in prop::collection::vec(any::<u8>(), 0..=768),
        exponent in prop::collection::vec(any::<u8>(), 0..=420),
        small: u64,
    ) {
        *modulus.last_mut().unwrap() |= 3;
        let (native, portable) = (native::Modulus::new(&modulus).unwrap(), portable::Modulus::new(&modulus).unwrap());
        prop_assert_eq!(native.len(), portable.len());
        prop_assert_eq!(native.pow_secret(&left, &exponent), portable.pow_secret(&left, &exponent));
        prop_assert_eq!(native.pow_public(&left, small), portable.pow_public(&left, small));
        prop_assert_eq!(native.mul(&left, &right), portable.mul(&left, &right));
    }

    #[test]
    fn backends_agree_at_the_lengths_in_use(
        len in prop::sample::select(vec![32_usize, 64, 128, 192, 256, 384, 512, 768]),
        seed in prop::collection::vec(any::<u8>(), 3 * 768),
        exponent in prop::collection::vec(any::<u8>(), 400),
    ) {
        let mut modulus = seed[..len].to_vec();
        modulus[0] |= 0x80;
        modulus[len - 1] |= 1;
        let mut base = seed[768..768 + len].to_vec();
        base[0] &= 0x7f;
        let mut other = seed[1536..1536 + len].to_vec();
        other[0] &= 0x7f;
        let (native, portable) = (native::Modulus::new(&modulus).unwrap(), portable::Modulus::new(&modulus).unwrap());
        prop_assert_eq!(native.pow_secret(&base, &exponent).unwrap(), portable.pow_secret(&base, &exponent).unwrap());
        prop_assert_eq!(native.mul(&base, &other).unwrap(), portable.mul(&base, &other).unwrap());
    }
}
