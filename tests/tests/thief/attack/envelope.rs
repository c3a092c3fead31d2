//! Opening recorded sealed messages with whatever key may have been left behind (RFC 9180, base mode).

use aes_gcm::{
    Aes256Gcm, KeyInit, Nonce,
    aead::{Aead, Payload},
};
use hkdf::Hkdf;
use p256::{PublicKey, SecretKey, elliptic_curve::sec1::ToSec1Point};
use sha2::Sha256;

/// DHKEM(P-256, HKDF-SHA256).
const KEM: &[u8] = b"KEM\x00\x10";
/// The same, HKDF-SHA256 and AES-256-GCM.
const SUITE: &[u8] = b"HPKE\x00\x10\x00\x01\x00\x02";
/// Of the three kinds of messages.
pub(crate) const INFOS: [&[u8]; 3] = [
    b"splitkey/hpke/server-shares/v1",
    b"splitkey/hpke/proofs/v1",
    b"splitkey/hpke/submit/v1",
];

/// The public key of a scalar: compares it with ephemeral keys of recorded messages.
pub(crate) fn public_point(scalar: &[u8]) -> Option<Vec<u8>> {
    let key = SecretKey::from_slice(scalar).ok()?;
    Some(key.public_key().to_sec1_point(false).as_bytes().to_vec())
}

/// The scalar that DHKEM makes of 32 random bytes (RFC 9180 §7.1.3): who reads the generator reads the messages.
pub(crate) fn derive_scalar(drawn: &[u8]) -> Vec<u8> {
    let prk = extract(KEM, &[], b"dkp_prk", drawn);
    expand(KEM, &prk, b"candidate", &[0], 32)
}

/// The shared secret, if `scalar` is the sender's ephemeral key or the receiver's own.
pub(crate) fn shared_secret(scalar: &[u8], receiver: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let encapsulated = sealed.get(..65)?;
    let mine = public_point(scalar)?;
    let other = match (mine == encapsulated, mine == receiver) {
        (true, _) => receiver,
        (_, true) => encapsulated,
        _ => return None,
    };
    let other = PublicKey::from_sec1_bytes(other).ok()?;
    let scalar = SecretKey::from_slice(scalar).ok()?;
    let product = other.to_projective() * *scalar.to_nonzero_scalar();
    let point = PublicKey::from_affine(product.to_affine())
        .ok()?
        .to_sec1_point(false);
    let dh = point.as_bytes().get(1..33)?;
    let prk = extract(KEM, &[], b"eae_prk", dh);
    let parties = [encapsulated, receiver].concat();
    Some(expand(KEM, &prk, b"shared_secret", &parties, 32))
}

/// The plaintext, if these are key and base nonce of the context.
pub(crate) fn open_with_context(key: &[u8], nonce: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let cipher = Aes256Gcm::new_from_slice(key).ok()?;
    let nonce: [u8; 12] = nonce.try_into().ok()?;
    let payload = Payload {
        msg: sealed.get(65..)?,
        aad: b"",
    };
    cipher.decrypt(&Nonce::from(nonce), payload).ok()
}

/// Key and base nonce of a context.
pub(crate) fn context(shared: &[u8], info: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let psk_id_hash = extract(SUITE, &[], b"psk_id_hash", &[]);
    let info_hash = extract(SUITE, &[], b"info_hash", info);
    let schedule = [&[0][..], &psk_id_hash, &info_hash].concat();
    let secret = extract(SUITE, shared, b"secret", &[]);
    (
        expand(SUITE, &secret, b"key", &schedule, 32),
        expand(SUITE, &secret, b"base_nonce", &schedule, 12),
    )
}

fn extract(suite: &[u8], salt: &[u8], label: &[u8], ikm: &[u8]) -> Vec<u8> {
    let labeled = [b"HPKE-v1", suite, label, ikm].concat();
    Hkdf::<Sha256>::extract(Some(salt), &labeled).0.to_vec()
}

fn expand(suite: &[u8], prk: &[u8], label: &[u8], info: &[u8], len: u16) -> Vec<u8> {
    let mut out = vec![0; len.into()];
    Hkdf::<Sha256>::from_prk(prk)
        .unwrap()
        .expand_multi_info(
            &[&len.to_be_bytes(), b"HPKE-v1", suite, label, info],
            &mut out,
        )
        .unwrap();
    out
}
