//! Key records on the phone.

use proptest::prelude::*;
use zeroize::Zeroizing;

use super::rng;
use super::vectors::Vectors;
use crate::*;

fn keys() -> SoftwareDeviceKeys {
    SoftwareDeviceKeys::from_secret(&[42; 32])
}

fn pin(digits: &str) -> Pin {
    Pin::new(digits).unwrap()
}

#[cfg(debug_assertions)]
const KDF: Kdf = Kdf::Test;
#[cfg(not(debug_assertions))]
const KDF: Kdf = Kdf::Argon2id;

fn record(vectors: &Vectors) -> KeyRecord {
    KeyRecord::mask(
        vectors.client_share(),
        &pin("1234"),
        &vectors.context(),
        KDF,
        &keys(),
        &mut rng(40),
    )
}

#[test]
fn the_right_pin_restores_the_share_from_storage() {
    for vectors in Vectors::all() {
        let stored = KeyRecord::from_bytes(&record(&vectors).to_bytes()).unwrap();
        let share = stored.unmask(&pin("1234"), &keys()).unwrap();
        assert_eq!(share.as_bytes(), vectors.client_share().as_bytes());
        assert_eq!(stored.context().key_id, vectors.context().key_id);
        assert_eq!(stored.context().public_key.modulus(), vectors.n.as_bytes());
    }
}

#[test]
fn the_record_of_the_default_profile_has_some_1600_bytes() {
    let vectors = Vectors::all().last().unwrap();
    assert_eq!(
        record(&vectors).to_bytes().len(),
        4 + 2 + 16 + 768 + 384 + 10 + 16 + 12 + 400 + 16
    );
}

#[test]
fn masking_twice_uses_fresh_salt_and_nonce() {
    let vectors = Vectors::smallest();
    let mut rng = rng(41);
    let mut mask = || {
        KeyRecord::mask(
            vectors.client_share(),
            &pin("1234"),
            &vectors.context(),
            KDF,
            &keys(),
            &mut rng,
        )
        .to_bytes()
    };
    let (first, second) = (mask(), mask());
    let header = 22 + 3 * vectors.profile.n1_len() + 10;
    assert_eq!(first[..header], second[..header]);
    assert!(
        first[header..]
            .chunks(8)
            .zip(second[header..].chunks(8))
            .all(|(a, b)| a != b)
    );
}

#[test]
fn another_device_cannot_open_the_record() {
    let record = record(&Vectors::smallest());
    let other = SoftwareDeviceKeys::from_secret(&[43; 32]);
    assert_eq!(
        record.unmask(&pin("1234"), &other).err(),
        Some(pin::UnwrapError)
    );
}

#[test]
fn records_of_unknown_kind_are_refused() {
    let vectors = Vectors::smallest();
    let bytes = record(&vectors).to_bytes();
    let kdf = 22 + 3 * vectors.profile.n1_len();
    let with = |index: usize, value: u8| {
        let mut bytes = bytes.clone();
        bytes[index] = value;
        KeyRecord::from_bytes(&bytes).err()
    };
    assert_eq!(with(0, b'X'), Some(RecordError::Malformed));
    assert_eq!(with(4, 9), Some(RecordError::Malformed));
    assert_eq!(with(5, 3), Some(RecordError::Malformed));
    assert_eq!(with(kdf, 77), Some(RecordError::UnknownKdf));
    assert_eq!(
        with(kdf + 4, 9),
        Some(RecordError::UnknownKdf),
        "other memory"
    );
    assert_eq!(
        with(kdf + 8, 9),
        Some(RecordError::UnknownKdf),
        "other passes"
    );
    assert_eq!(
        with(kdf + 9, 9),
        Some(RecordError::UnknownKdf),
        "other lanes"
    );
    assert!(
        matches!(with(23, bytes[23] ^ 1), Some(RecordError::Modulus(_))),
        "n is no multiple of n1"
    );
    for len in 0..bytes.len() {
        assert!(
            KeyRecord::from_bytes(&bytes[..len]).is_err(),
            "truncated to {len}"
        );
    }
    assert!(KeyRecord::from_bytes(&[&bytes[..], &[0]].concat()).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_pin_gives_a_share_and_a_part_in_range(digits in "[0-9]{4,12}") {
        let vectors = Vectors::smallest();
        let share = record(&vectors).unmask(&pin(&digits), &keys()).unwrap();
        prop_assert_eq!(share.as_bytes().len(), vectors.profile.share_len());
        prop_assert_eq!(share.as_bytes() == vectors.client_share().as_bytes(), digits == "1234");
        let part = partial_signature(&vectors.em(), &share, &vectors.n1);
        prop_assert!(UncheckedPartialSignature::from(part).check(&vectors.n1).is_ok());
    }

    #[test]
    fn a_changed_record_does_not_open(bit: prop::sample::Index) {
        let mut bytes = record(&Vectors::smallest()).to_bytes();
        let bit = bit.index(8 * bytes.len());
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(record) = KeyRecord::from_bytes(&bytes) {
            prop_assert_eq!(record.unmask(&pin("1234"), &keys()).err(), Some(pin::UnwrapError));
        }
    }

    /// Unmasking has one error, and that speaks of the storage; no PIN finds it sooner or later than another.
    #[test]
    fn whether_a_record_opens_does_not_depend_on_the_pin(
        one in "[0-9]{4,12}",
        other in "[0-9]{4,12}",
        change in prop::option::of((any::<prop::sample::Index>(), 1..=u8::MAX)),
    ) {
        let mut bytes = record(&Vectors::smallest()).to_bytes();
        if let Some((at, mask)) = change {
            let at = at.index(bytes.len());
            bytes[at] ^= mask;
        }
        if let Ok(record) = KeyRecord::from_bytes(&bytes) {
            let [one, other] = [one, other].map(|digits| record.unmask(&pin(&digits), &keys()).err());
            prop_assert_eq!(one, other);
            prop_assert_eq!(one.is_some(), change.is_some());
        }
    }

    #[test]
    fn wrapping_binds_nonce_and_header(plaintext: Vec<u8>, aad: Vec<u8>, nonce: [u8; 12]) {
        let keys = keys();
        let wrapped = keys.wrap(&nonce, &aad, &plaintext);
        prop_assert_eq!(keys.unwrap(&nonce, &aad, &wrapped).unwrap(), Zeroizing::new(plaintext));
        let mut other = nonce;
        other[0] ^= 1;
        prop_assert!(keys.unwrap(&other, &aad, &wrapped).is_err());
        prop_assert!(keys.unwrap(&nonce, &[&aad[..], &[0]].concat(), &wrapped).is_err());
        prop_assert!(keys.unwrap(&nonce, &aad, &wrapped[1..]).is_err());
    }
}
