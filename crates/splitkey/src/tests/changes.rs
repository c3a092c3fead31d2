//! Change one thing anywhere in a signature, and it is refused.

use proptest::prelude::*;
use zeroize::Zeroizing;

use super::rng;
use super::vectors::Vectors;
use crate::*;

/// A finished signing of one message, of which the tests change one part.
struct Signing {
    vectors: Vectors,
    em: EncodedMessage,
    phone: PartialSignature,
    server: PartialSignature,
    s2: ServerSignatureHalf,
}

impl Signing {
    fn new() -> Self {
        let vectors = Vectors::smallest();
        let em = vectors.em();
        let phone = partial_signature(&em, &vectors.client_share(), &vectors.n1);
        let server = vectors.server_share.apply(&em, &vectors.n1, &mut rng(30));
        let s2 = vectors.server_half.sign(&em, &mut rng(31)).unwrap();
        Self {
            vectors,
            em,
            phone,
            server,
            s2,
        }
    }

    fn half(&self) -> ClientSignatureHalf {
        check_client_half(&self.em, &self.phone, &self.server, &self.vectors.n1).unwrap()
    }
}

fn flipped(bytes: &[u8], bit: prop::sample::Index) -> Vec<u8> {
    let (mut bytes, bit) = (bytes.to_vec(), bit.index(8 * bytes.len()));
    bytes[bit / 8] ^= 1 << (bit % 8);
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_changed_message_is_a_wrong_pin(bit: prop::sample::Index) {
        let signing = Signing::new();
        let em = EncodedMessage::from_bytes(
            signing.vectors.profile,
            signing.em.scheme(),
            flipped(signing.em.as_bytes(), bit),
        );
        prop_assert_ne!(em.fingerprint(), signing.em.fingerprint());
        let verdict = check_client_half(&em, &signing.phone, &signing.server, &signing.vectors.n1);
        prop_assert_eq!(verdict.err(), Some(WrongPin));
        prop_assert!(complete(signing.half(), &signing.s2, &signing.vectors.n, &em).is_err());
    }

    #[test]
    fn a_changed_part_of_the_phone_is_a_wrong_pin(bit: prop::sample::Index) {
        let signing = Signing::new();
        let changed = flipped(signing.phone.expose_secret(), bit);
        // Out of range, or refused by the check of s1.
        if let Ok(phone) = UncheckedPartialSignature::new(Zeroizing::new(changed)).check(&signing.vectors.n1) {
            let verdict = check_client_half(&signing.em, &phone, &signing.server, &signing.vectors.n1);
            prop_assert_eq!(verdict.err(), Some(WrongPin));
        }
    }

    #[test]
    fn a_changed_part_of_the_server_is_refused(bit: prop::sample::Index) {
        let signing = Signing::new();
        let server = PartialSignature(Zeroizing::new(flipped(signing.server.expose_secret(), bit)));
        let verdict = check_client_half(&signing.em, &signing.phone, &server, &signing.vectors.n1);
        prop_assert_eq!(verdict.err(), Some(WrongPin));
    }

    #[test]
    fn a_changed_share_of_the_phone_is_a_wrong_pin(bit: prop::sample::Index) {
        let signing = Signing::new();
        let share = ClientShare::new(Zeroizing::new(flipped(signing.vectors.client_share().as_bytes(), bit)));
        let phone = partial_signature(&signing.em, &share, &signing.vectors.n1);
        let verdict = check_client_half(&signing.em, &phone, &signing.server, &signing.vectors.n1);
        prop_assert_eq!(verdict.err(), Some(WrongPin));
    }

    #[test]
    fn a_changed_server_half_is_withheld(bit: prop::sample::Index) {
        let signing = Signing::new();
        let s2 = ServerSignatureHalf(Zeroizing::new(flipped(&signing.s2.0, bit)));
        prop_assert!(complete(signing.half(), &s2, &signing.vectors.n, &signing.em).is_err());
    }

    #[test]
    fn a_changed_modulus_does_not_verify(bit: prop::sample::Index) {
        let signing = Signing::new();
        let signature = complete(signing.half(), &signing.s2, &signing.vectors.n, &signing.em).unwrap();
        let digest = Hash::Sha256.digest(&[b"any"]);
        let changed = flipped(signing.vectors.n.as_bytes(), bit);
        prop_assert!(CompositeModulus::check(signing.vectors.profile, &changed, signing.vectors.n1.as_bytes()).is_err());
        if let Ok(key) = PublicKey::new(signing.vectors.profile, &changed) {
            prop_assert!(key.verify(signature.scheme(), &digest, signature.as_bytes()).is_err());
        }
    }

    #[test]
    fn a_changed_signature_does_not_verify(bit: prop::sample::Index, message in any::<[u8; 8]>(), scheme in 0..2_u8) {
        let signing = Signing::new();
        let vectors = &signing.vectors;
        let (hash, digest) = (Hash::Sha256, Hash::Sha256.digest(&[&message]));
        let scheme = if scheme == 0 { Scheme::Pss(hash) } else { Scheme::Pkcs1v15(hash) };
        let salt = JointSalt { r: [1; 32], c: [2; 32] };
        let em = EncodedMessage::encode(vectors.profile, scheme, &digest, &salt).unwrap();
        let phone = partial_signature(&em, &vectors.client_share(), &vectors.n1);
        let server = vectors.server_share.apply(&em, &vectors.n1, &mut rng(32));
        let half = check_client_half(&em, &phone, &server, &vectors.n1).unwrap();
        let s2 = vectors.server_half.sign(&em, &mut rng(33)).unwrap();
        let signature = complete(half, &s2, &vectors.n, &em).unwrap();
        let key = vectors.n.public_key();
        prop_assert_eq!(key.verify(scheme, &digest, signature.as_bytes()).unwrap(), signature.clone());
        prop_assert!(key.verify(scheme, &digest, &flipped(signature.as_bytes(), bit)).is_err());
        prop_assert!(key.verify(scheme, &flipped(&digest, bit), signature.as_bytes()).is_err());
        prop_assert!(key.verify(scheme, &digest[1..], signature.as_bytes()).is_err());
        prop_assert_eq!(key.verify(scheme, &digest, &signature.as_bytes()[1..]), Err(SignatureError::Length));
    }

    #[test]
    fn a_changed_token_is_another_token(bit: prop::sample::Index, token: [u8; 32], r: [u8; 32], c: [u8; 32], seq: u64) {
        let (first, device) = (FreshnessToken::from_bytes(token), DeviceId([5; 16]));
        let next = first.next(device, seq, &r, &c).hash();
        let changed = FreshnessToken::from_bytes(flipped(&token, bit).try_into().unwrap());
        prop_assert!(changed.hash() != first.hash());
        prop_assert!(changed.next(device, seq, &r, &c).hash() != next);
        let array = |bytes: &[u8]| -> [u8; 32] { flipped(bytes, bit).try_into().unwrap() };
        prop_assert!(first.next(device, seq, &array(&r), &c).hash() != next);
        prop_assert!(first.next(device, seq, &r, &array(&c)).hash() != next);
        prop_assert!(first.next(device, seq.wrapping_add(1), &r, &c).hash() != next);
        prop_assert!(first.next(DeviceId([6; 16]), seq, &r, &c).hash() != next);
    }
}

#[test]
fn either_nonce_changes_the_salt_of_pss_and_none_that_of_pkcs1() {
    let profile = Vectors::smallest().profile;
    let digest = Hash::Sha256.digest(&[b"text"]);
    let fingerprint = |scheme, r, c| {
        let salt = JointSalt {
            r: [r; 32],
            c: [c; 32],
        };
        EncodedMessage::encode(profile, scheme, &digest, &salt)
            .unwrap()
            .fingerprint()
    };
    let (pss, pkcs1) = (Scheme::Pss(Hash::Sha256), Scheme::Pkcs1v15(Hash::Sha256));
    assert_ne!(fingerprint(pss, 1, 1), fingerprint(pss, 1, 2));
    assert_ne!(fingerprint(pss, 1, 1), fingerprint(pss, 2, 1));
    assert_eq!(fingerprint(pkcs1, 1, 1), fingerprint(pkcs1, 2, 2));
}

#[test]
fn digests_of_the_wrong_length_are_not_encoded() {
    let profile = Vectors::smallest().profile;
    let salt = JointSalt {
        r: [0; 32],
        c: [0; 32],
    };
    for hash in Hash::ALL {
        for len in [0, hash.digest_len() - 1, hash.digest_len() + 1] {
            let encoded = EncodedMessage::encode(profile, Scheme::Pss(hash), &vec![0; len], &salt);
            assert_eq!(encoded.err(), Some(EncodingError::DigestLength));
        }
    }
}

#[test]
#[cfg(debug_assertions)]
fn sha_512_with_pss_does_not_fit_the_test_profile() {
    let salt = JointSalt {
        r: [0; 32],
        c: [0; 32],
    };
    for hash in [Hash::Sha512, Hash::Sha3_512] {
        let encoded = EncodedMessage::encode(Profile::Test1024, Scheme::Pss(hash), &[0; 64], &salt);
        assert_eq!(encoded.err(), Some(EncodingError::ModulusTooShort));
        assert!(
            EncodedMessage::encode(Profile::Rsa4096, Scheme::Pss(hash), &[0; 64], &salt).is_ok()
        );
    }
}
