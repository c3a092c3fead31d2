//! Fresh keys on both sides, from generation to the proof of possession.

use super::rng;
use super::vectors::Vectors;
use crate::message::{Proofs, ServerShares};
use crate::seal::{Kind, SealedRequest, SealingKey, open_request};
use crate::*;

#[cfg(debug_assertions)]
const PROFILE: Profile = Profile::Test1024;
#[cfg(not(debug_assertions))]
const PROFILE: Profile = Profile::Rsa4096;

#[cfg(debug_assertions)]
const KDF: Kdf = Kdf::Test;
#[cfg(not(debug_assertions))]
const KDF: Kdf = Kdf::Argon2id;

/// The way of splitkey.md §2: R1 n1, R2 n, R3a d1″, PIN, R3b s1′, R4 signature.
fn register(profile: Profile, seed: u64) {
    let mut rng = rng(seed);
    let phone = ClientHalf::generate(profile, &mut |_| (), &mut rng).unwrap();
    let (key_id, nonce, purpose) = (KeyId([1; 16]), [2; 32], Purpose::Signature);

    // Server: n1 arrives, n is answered.
    let n1 = ClientModulus::validate(profile, phone.n1.as_bytes(), &[]).unwrap();
    let half = ServerHalf::generate(profile, &mut rng).unwrap();
    assert!(half.modulus().suits_every_client());
    let n = CompositeModulus::new(&n1, half.modulus()).unwrap();
    let sealing = SealingKey::generate(&mut rng);

    // Phone: checks n, seals d1″, masks d1′.
    let public_key = CompositeModulus::check(profile, n.as_bytes(), phone.n1.as_bytes()).unwrap();
    let shares = ServerShares::encode(profile, &[(key_id, &phone.server_share)]);
    let (sealed, _) =
        SealedRequest::seal(Kind::ServerShares, &sealing.public_key(), &shares, &mut rng).unwrap();
    let context = KeyContext {
        purpose,
        key_id,
        n1: phone.n1.clone(),
        public_key: public_key.clone(),
    };
    let (pin, keys) = (
        Pin::new("24680").unwrap(),
        SoftwareDeviceKeys::from_secret(&[3; 32]),
    );
    let record =
        KeyRecord::mask(phone.client_share, &pin, &context, KDF, &keys, &mut rng).to_bytes();

    // Server: keeps d1″ provisionally.
    let (opened, _) = open_request(Kind::ServerShares, &sealing, sealed.as_bytes()).unwrap();
    let share = ServerShares::decode(&opened)
        .unwrap()
        .shares
        .remove(0)
        .share
        .check(&n1)
        .unwrap();

    // Phone: unmasks from storage and proves possession.
    let record = KeyRecord::from_bytes(&record).unwrap();
    let proof = ProofOfPossession::new(profile, purpose, key_id, nonce, public_key.modulus());
    let part = partial_signature(
        &proof.encode([4; 32]),
        &record.unmask(&pin, &keys).unwrap(),
        &context.n1,
    );
    let proofs = Proofs {
        profile,
        proofs: vec![message::KeyProof {
            key_id,
            c: [4; 32],
            partial_signature: part.into(),
        }],
    };
    let proofs = Proofs::decode(&proofs.encode()).unwrap();

    // Server: completes and verifies.
    let em = ProofOfPossession::new(profile, purpose, key_id, nonce, n.as_bytes())
        .encode(proofs.proofs[0].c);
    let part = proofs.proofs[0].partial_signature.check(&n1).unwrap();
    let s1 = check_client_half(&em, &part, &share.apply(&em, &n1, &mut rng), &n1).unwrap();
    let restored = ServerHalf::from_secret_bytes(profile, &half.to_secret_bytes()).unwrap();
    let signature = complete(s1, &restored.sign(&em, &mut rng).unwrap(), &n, &em).unwrap();

    // Phone: verifies under its n.
    assert!(
        public_key
            .verify(proof.scheme(), proof.digest(), signature.as_bytes())
            .is_ok()
    );
}

#[test]
fn fresh_keys_prove_possession() {
    for seed in 70..78 {
        register(PROFILE, seed);
    }
}

#[test]
fn fresh_keys_of_the_default_profile_prove_possession() {
    register(Profile::default(), 80);
}

#[test]
fn a_proof_is_bound_to_key_purpose_nonce_and_modulus() {
    let n = Vectors::smallest().n.as_bytes().to_vec();
    let profile = Vectors::smallest().profile;
    let digest = |purpose, key, nonce, n: &[u8]| {
        ProofOfPossession::new(profile, purpose, KeyId([key; 16]), [nonce; 32], n)
            .digest()
            .to_vec()
    };
    let original = digest(Purpose::Authentication, 1, 1, &n);
    assert_ne!(original, digest(Purpose::Signature, 1, 1, &n));
    assert_ne!(original, digest(Purpose::Authentication, 2, 1, &n));
    assert_ne!(original, digest(Purpose::Authentication, 1, 2, &n));
    assert_ne!(original, digest(Purpose::Authentication, 1, 1, &n[1..]));
}

#[test]
fn server_shares_must_be_long_and_reduced() {
    for vectors in Vectors::all() {
        let (len, n1) = (vectors.profile.n1_len(), &vectors.n1);
        let mut least = vec![0; len];
        least[7] = 1;
        assert!(ServerShare::check(&least, n1).is_ok(), "2^(2k−64)");
        let mut below = vec![0xff; len];
        below[..8].fill(0);
        assert_eq!(
            ServerShare::check(&below, n1).err(),
            Some(ShareError::TooSmall)
        );
        assert_eq!(
            ServerShare::check(&vec![0; len], n1).err(),
            Some(ShareError::TooSmall)
        );
        assert_eq!(
            ServerShare::check(n1.as_bytes(), n1).err(),
            Some(ShareError::TooLarge)
        );
        assert_eq!(
            ServerShare::check(&vec![0xff; len], n1).err(),
            Some(ShareError::TooLarge)
        );
        assert_eq!(
            ServerShare::check(&least[1..], n1).err(),
            Some(ShareError::Length)
        );
        assert_eq!(
            ServerShare::check(&[&[0], &least[..]].concat(), n1).err(),
            Some(ShareError::Length)
        );
    }
}

#[test]
fn the_phone_refuses_a_composite_that_does_not_fit() {
    let vectors = Vectors::smallest();
    let (profile, n1) = (vectors.profile, vectors.n1.as_bytes());
    let check = |n: &[u8]| CompositeModulus::check(profile, n, n1).err();
    let mut changed = vectors.n.as_bytes().to_vec();
    *changed.last_mut().unwrap() ^= 2;
    assert_eq!(check(&changed), Some(ModulusError::NotAMultiple));
    assert_eq!(check(&changed[1..]), Some(ModulusError::CompositeBitLength));
    let mut even = vectors.n.as_bytes().to_vec();
    *even.last_mut().unwrap() ^= 1;
    assert_eq!(check(&even), Some(ModulusError::Even));
    let square = integer::write(
        &integer::product(&integer::read(n1), &integer::read(n1)),
        profile.n_len(),
    );
    assert_eq!(check(&square), Some(ModulusError::NotCoprime));
}

#[test]
fn two_public_keys_with_one_server_half_are_noticed() {
    let profile = Vectors::smallest().profile;
    let halves = [1, 2].map(|seed| ServerHalf::generate(profile, &mut rng(seed)).unwrap());
    let phones =
        [3, 4].map(|seed| ClientHalf::generate(profile, &mut |_| (), &mut rng(seed)).unwrap());
    let key = |phone: usize, half: usize| {
        let composite = CompositeModulus::new(&phones[phone].n1, halves[half].modulus()).unwrap();
        composite.public_key().clone()
    };
    assert!(key(0, 0).shares_a_factor(&key(1, 0)));
    assert!(!key(0, 0).shares_a_factor(&key(1, 1)));
}

#[test]
fn a_stored_server_half_must_be_two_factors_of_the_profile() {
    let vectors = Vectors::smallest();
    let secret = vectors.server_half.to_secret_bytes();
    let restore = |bytes: &[u8]| ServerHalf::from_secret_bytes(vectors.profile, bytes).err();
    assert_eq!(restore(&secret), None);
    assert_eq!(restore(&secret[1..]), Some(ServerHalfError::Malformed));
    assert_eq!(
        restore(&[&secret[..], &[0]].concat()),
        Some(ServerHalfError::Malformed)
    );
    assert_eq!(
        restore(&vec![0; secret.len()]),
        Some(ServerHalfError::Malformed)
    );
    let (p, _) = secret.split_at(secret.len() / 2);
    assert_eq!(
        restore(&[p, p].concat()),
        Some(ServerHalfError::Malformed),
        "p = q"
    );
    let mut even = secret.to_vec();
    *even.last_mut().unwrap() ^= 1;
    assert_eq!(restore(&even), Some(ServerHalfError::Malformed));
}

/// A bit flip in memory or in the database: what does not check is not given out.
#[test]
fn a_damaged_server_half_signs_nothing() {
    let vectors = Vectors::smallest();
    let mut secret = vectors.server_half.to_secret_bytes();
    let middle = secret.len() / 4;
    secret[middle] ^= 1;
    let damaged = ServerHalf::from_secret_bytes(vectors.profile, &secret).unwrap();
    assert_eq!(
        damaged.sign(&vectors.em(), &mut rng(81)).err(),
        Some(ServerHalfError::Fault)
    );
}

#[test]
#[cfg(debug_assertions)]
fn moduli_of_the_infineon_generator_are_refused() {
    // Made by the formula of the attack: p = k·M + (65537^a mod M), M the product of the first 39 primes, 256 bits.
    let n1 = include_str!("../../../../vectors/splitkey/roca-512.hex");
    let n1 = hex::decode(n1.trim()).unwrap();
    let verdict = ClientModulus::validate(Profile::Test1024, &n1, &[]);
    assert_eq!(verdict.err(), Some(ModulusError::BrokenGenerator));
}

#[test]
fn published_primes_make_the_same_modulus_and_other_shares_each_time() {
    let mut rng = rng(11);
    let primes = PublishedPrimes::dangerous_generate(PROFILE, &mut rng).unwrap();
    let half =
        |rng: &mut _| ClientHalf::dangerous_from_published_primes(PROFILE, &primes, rng).unwrap();
    let (first, second) = (half(&mut rng), half(&mut rng));
    assert_eq!(first.n1.as_bytes(), primes.modulus());
    assert_eq!(second.n1.as_bytes(), primes.modulus());
    // The rules for a phone's modulus hold for it as for any other.
    ClientModulus::validate(PROFILE, &primes.modulus(), &[]).unwrap();
    let shares = |half: &ClientHalf| {
        ServerShares::encode(PROFILE, &[(KeyId([1; 16]), &half.server_share)]).to_vec()
    };
    assert_ne!(shares(&first), shares(&second));
}

#[test]
fn primes_of_another_size_are_refused() {
    let mut rng = rng(12);
    let primes = PublishedPrimes::dangerous_generate(PROFILE, &mut rng).unwrap();
    let refused = |p: &[u8], q: &[u8]| {
        let primes = PublishedPrimes {
            p: p.to_vec(),
            q: q.to_vec(),
        };
        ClientHalf::dangerous_from_published_primes(PROFILE, &primes, &mut super::rng(13)).is_err()
    };
    let zeros = vec![0; primes.q.len()];
    assert!(refused(&[], &[]));
    assert!(refused(&primes.p, &primes.q[1..]));
    assert!(refused(&primes.p, &[&[0], &primes.q[..]].concat()));
    assert!(refused(&primes.p, &zeros));
    assert!(!refused(&primes.p, &primes.q));
}
