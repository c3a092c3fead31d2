//! The little arithmetic of `integer`, against numbers small enough to check by other means.

use crypto_bigint::BoxedUint;
use proptest::prelude::*;

use crate::{PUBLIC_EXPONENT, integer};

fn wide(value: u128) -> BoxedUint {
    BoxedUint::from(value)
}

proptest! {
    #[test]
    fn the_inverse_of_the_public_exponent_inverts_it(phi in 1_u128 << 64..1 << 100) {
        let (phi, e) = (phi * 2, u128::from(PUBLIC_EXPONENT));
        prop_assume!(phi % e != 0);
        let d = integer::write(&integer::inverse_of_public_exponent(&wide(phi)), 16);
        let d = u128::from_be_bytes(d.as_slice().try_into().unwrap());
        prop_assert!(d < phi);
        prop_assert_eq!(d * e % phi, 1);
    }

    #[test]
    fn strings_compare_like_numbers(left: u64, right: u64) {
        let less = |left: u64, right: u64| integer::less_than(&left.to_be_bytes(), &right.to_be_bytes());
        prop_assert_eq!(less(left, right), left < right);
        prop_assert_eq!(less(left, left), false);
        prop_assert_eq!(less(left, left.saturating_add(1)), left < u64::MAX);
    }

    #[test]
    fn bit_lengths(value: u64, zeros in 0..5_usize) {
        let bytes = [&vec![0; zeros][..], &value.to_be_bytes()].concat();
        prop_assert_eq!(integer::bit_length(&bytes), 64 - value.leading_zeros() as usize);
    }

    #[test]
    fn numbers_survive_reading_and_writing(bytes in prop::collection::vec(any::<u8>(), 1..80), more in 0..20_usize) {
        let padded = [&vec![0; more][..], &bytes].concat();
        prop_assert_eq!(integer::write(&integer::read(&bytes), bytes.len() + more).to_vec(), padded);
    }
}
