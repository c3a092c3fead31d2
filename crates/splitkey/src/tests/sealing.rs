//! HPKE and the answers.

use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::DhP256HkdfSha256;
use hpke::{Deserializable, OpModeR};
use proptest::prelude::*;

use super::rng;
use crate::seal::{
    Kind, ResponseOpener, SealError, SealedRequest, SealingKey, SealingPublicKey, fingerprint,
    open_request,
};

const KINDS: [Kind; 3] = [Kind::ServerShares, Kind::Proofs, Kind::Submit];

fn key() -> SealingKey {
    SealingKey::generate(&mut rng(50))
}

/// RFC 9180 Appendix A.3.1, the recipient's key pair.
#[test]
fn rfc_9180_key_derivation_gives_the_published_key_pair() {
    let ikm =
        hex::decode("668b37171f1072f3cf12ea8a236a45df23fc13b82af3609ad1e354f6ef817550").unwrap();
    let (private, public) = <DhP256HkdfSha256 as hpke::Kem>::derive_keypair(&ikm);
    let expected = "04fe8c19ce0905191ebc298a9245792531f26f0cece2460639e8bc39cb7f706a826a779b4cf969b8a0e539c7f62fb3\
                    d30ad6aa8f80e30f1d128aafd68a2ce72ea0";
    assert_eq!(hex::encode(hpke::Serializable::to_bytes(&public)), expected);
    let key = SealingKey::from_secret_bytes(&hpke::Serializable::to_bytes(&private)).unwrap();
    assert_eq!(hex::encode(key.public_key().to_bytes()), expected);
}

/// RFC 9180 Appendix A.3.1.1, first message. The suite differs from ours in AES-128 only; the RFC has none with P-256
/// and AES-256.
#[test]
fn rfc_9180_base_mode_opens_the_published_ciphertext() {
    let hex = |text: &str| hex::decode(text).unwrap();
    let private = hex("f3ce7fdae57e1a310d87f1ebbde6f328be0a99cdbcadf4d6589cf29de4b8ffd2");
    let enc = hex(
        "04a92719c6195d5085104f469a8b9814d5838ff72b60501e2c4466e5e67b325ac98536d7b61a1af4b78e5b7f951c0900be863c403c\
         e65c9bfcb9382657222d18c4",
    );
    let ciphertext = hex(
        "5ad590bb8baa577f8619db35a36311226a896e7342a6d836d8b7bcd2f20b6c7f9076ac232e3ab2523f39513434",
    );
    let private = Deserializable::from_bytes(&private).unwrap();
    let enc = Deserializable::from_bytes(&enc).unwrap();
    let mut context = hpke::setup_receiver::<hpke::aead::AesGcm128, HkdfSha256, DhP256HkdfSha256>(
        &OpModeR::Base,
        &private,
        &enc,
        b"Ode on a Grecian Urn",
    )
    .unwrap();
    let plaintext = context.open(&ciphertext, b"Count-0").unwrap();
    assert_eq!(plaintext, b"Beauty is truth, truth beauty");
}

#[test]
fn a_request_and_its_answers_reach_the_other_side() {
    for kind in KINDS {
        let (request, opener) =
            SealedRequest::seal(kind, &key().public_key(), b"question", &mut rng(51)).unwrap();
        assert_eq!(request.as_bytes().len(), 65 + 8 + 16);
        let (plaintext, sealer) = open_request(kind, &key(), request.as_bytes()).unwrap();
        assert_eq!(*plaintext, b"question");
        let (first, second) = (
            sealer.seal(b"answer", &mut rng(52)),
            sealer.seal(b"answer", &mut rng(53)),
        );
        assert_ne!(first, second, "a fresh nonce each");
        assert_eq!(*opener.open(&first).unwrap(), b"answer");
        assert_eq!(*opener.open(&second).unwrap(), b"answer");
    }
}

#[test]
fn a_retransmission_is_answered_by_a_sealer_of_its_own() {
    let (request, opener) =
        SealedRequest::seal(Kind::Submit, &key().public_key(), b"q", &mut rng(54)).unwrap();
    let again = SealedRequest::from_bytes(request.as_bytes().to_vec());
    assert_eq!(
        fingerprint(again.as_bytes()),
        fingerprint(request.as_bytes())
    );
    let (_, sealer) = open_request(Kind::Submit, &key(), again.as_bytes()).unwrap();
    let stored = ResponseOpener::from_secret(*opener.expose_secret(), &again).unwrap();
    assert_eq!(
        *stored.open(&sealer.seal(b"answer", &mut rng(55))).unwrap(),
        b"answer"
    );
}

#[test]
fn another_kind_key_or_context_does_not_open() {
    let (request, _) =
        SealedRequest::seal(Kind::Submit, &key().public_key(), b"q", &mut rng(56)).unwrap();
    for kind in [Kind::ServerShares, Kind::Proofs] {
        assert_eq!(
            open_request(kind, &key(), request.as_bytes()).err(),
            Some(SealError::Request)
        );
    }
    let other = SealingKey::generate(&mut rng(57));
    assert_eq!(
        open_request(Kind::Submit, &other, request.as_bytes()).err(),
        Some(SealError::Request)
    );
    // The same suite without our info.
    let private = Deserializable::from_bytes(key().to_secret_bytes().as_ref()).unwrap();
    let (enc, ciphertext) = request.as_bytes().split_at(65);
    let enc = Deserializable::from_bytes(enc).unwrap();
    let mut context = hpke::setup_receiver::<AesGcm256, HkdfSha256, DhP256HkdfSha256>(
        &OpModeR::Base,
        &private,
        &enc,
        b"",
    )
    .unwrap();
    assert!(context.open(ciphertext, b"").is_err());
}

#[test]
fn an_answer_to_another_request_does_not_open() {
    let seal = |seed| {
        SealedRequest::seal(Kind::Submit, &key().public_key(), b"q", &mut rng(seed)).unwrap()
    };
    let ((mine, opener), (other, _)) = (seal(58), seal(59));
    let (_, sealer) = open_request(Kind::Submit, &key(), other.as_bytes()).unwrap();
    let answer = sealer.seal(b"answer", &mut rng(60));
    assert_eq!(opener.open(&answer).err(), Some(SealError::Response));
    let (_, sealer) = open_request(Kind::Submit, &key(), mine.as_bytes()).unwrap();
    let answer = sealer.seal(b"answer", &mut rng(61));
    let mut other_nonce = answer.clone();
    other_nonce[31] ^= 1;
    assert_eq!(opener.open(&other_nonce).err(), Some(SealError::Response));
    assert_eq!(opener.open(&answer[..31]).err(), Some(SealError::Response));
    assert!(opener.open(&answer).is_ok());
}

#[test]
fn what_is_not_a_key_or_a_request_is_refused() {
    assert_eq!(
        SealingPublicKey::from_bytes(&[4; 65]).err(),
        Some(SealError::Key)
    );
    assert_eq!(
        SealingPublicKey::from_bytes(&[2; 33]).err(),
        Some(SealError::Key)
    );
    assert_eq!(
        SealingKey::from_secret_bytes(&[0; 32]).err(),
        Some(SealError::Key)
    );
    assert_eq!(
        SealingKey::from_secret_bytes(&[0xff; 32]).err(),
        Some(SealError::Key)
    );
    assert_eq!(
        SealingKey::from_secret_bytes(&[1; 31]).err(),
        Some(SealError::Key)
    );
    for len in [0, 64, 65, 80] {
        assert_eq!(
            open_request(Kind::Submit, &key(), &vec![4; len]).err(),
            Some(SealError::Request),
            "{len}"
        );
    }
    let restored = SealingKey::from_secret_bytes(key().to_secret_bytes().as_ref()).unwrap();
    assert_eq!(
        restored.public_key().to_bytes(),
        key().public_key().to_bytes()
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_changed_message_does_not_open(bit: prop::sample::Index, plaintext: Vec<u8>) {
        let flip = |bytes: &[u8]| {
            let (mut bytes, bit) = (bytes.to_vec(), bit.index(8 * bytes.len()));
            bytes[bit / 8] ^= 1 << (bit % 8);
            bytes
        };
        let (request, opener) =
            SealedRequest::seal(Kind::Proofs, &key().public_key(), &plaintext, &mut rng(62)).unwrap();
        prop_assert!(open_request(Kind::Proofs, &key(), &flip(request.as_bytes())).is_err());
        let (opened, sealer) = open_request(Kind::Proofs, &key(), request.as_bytes()).unwrap();
        prop_assert_eq!(&*opened, &plaintext);
        let answer = sealer.seal(&plaintext, &mut rng(63));
        prop_assert!(opener.open(&flip(&answer)).is_err());
    }
}
