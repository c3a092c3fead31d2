//! OCSP answers and revocation lists per second, next to the bare signature of the same key.
//!
//! The responder's RSA key is `rsa`'s here; the vault's own, with AWS-LC, is measured in its crate.
use super::scene::{Counter, MemoryKey, Scene, now};
use divan::Bencher;
use divan::counter::ItemsCount;
use pki::crl::{RevocationList, RevokedCertificate, UnsignedRevocationList};
use pki::ocsp::{CertId, CertificateStatus, OcspRequest, OcspResponse, UnsignedOcspResponse};
use pki::x509::{Certificate, SerialNumber, build_responder, lint};
use pki::{
    ObjectIdentifier, Revocation, RevocationReason, SignatureAlgorithm, Signer, SignerError,
};

/// Lines of the long list.
const LINES: u32 = 10_000;

#[divan::bench]
fn raw_rsa_3072_signature(bencher: Bencher<'_, '_>) {
    let key = RsaKey::published();
    let message = [0x5a; 400];
    bencher
        .counter(ItemsCount::new(1_u32))
        .bench(|| key.sign(&message).unwrap());
}

#[divan::bench]
fn ocsp_answer_rsa_3072(bencher: Bencher<'_, '_>) {
    let key = RsaKey::published();
    let responder = Responder::new(&key);
    bencher
        .counter(ItemsCount::new(1_u32))
        .bench(|| responder.answer());
}

#[divan::bench]
fn ocsp_answer_p384(bencher: Bencher<'_, '_>) {
    let key = MemoryKey::from_seed(3);
    let responder = Responder::new(&key);
    bencher
        .counter(ItemsCount::new(1_u32))
        .bench(|| responder.answer());
}

#[divan::bench]
fn ocsp_parse_and_build(bencher: Bencher<'_, '_>) {
    let key = RsaKey::published();
    let responder = Responder::new(&key);
    bencher
        .counter(ItemsCount::new(1_u32))
        .bench(|| responder.build());
}

#[divan::bench]
fn revocation_list_of_10_000_build(bencher: Bencher<'_, '_>) {
    let issuer = Scene::new().issuer.certificate().clone();
    let revoked = lines();
    bencher
        .counter(ItemsCount::new(LINES))
        .bench(|| build(&issuer, &revoked));
}

#[divan::bench]
fn revocation_list_of_10_000_build_and_sign(bencher: Bencher<'_, '_>) {
    let scene = Scene::new();
    let issuer = scene.issuer.certificate();
    let revoked = lines();
    bencher
        .counter(ItemsCount::new(LINES))
        .bench(|| build(issuer, &revoked).sign(&scene.key).unwrap());
}

#[divan::bench]
fn revocation_list_of_10_000_parse(bencher: Bencher<'_, '_>) {
    let scene = Scene::new();
    let list = build(scene.issuer.certificate(), &lines());
    let list = list.sign(&scene.key).unwrap();
    bencher
        .counter(ItemsCount::new(LINES))
        .bench(|| RevocationList::parse(list.der()).unwrap());
}

fn lines() -> Vec<RevokedCertificate> {
    let line = |number: u32| {
        let mut serial = [0x40; 16];
        // Spread, so that sorting has something to do.
        serial[12..].copy_from_slice(&number.wrapping_mul(0x9e37_79b1).to_be_bytes());
        RevokedCertificate {
            serial: SerialNumber::from_bytes(serial.to_vec()),
            revocation: Revocation {
                at: now(),
                reason: RevocationReason::CessationOfOperation,
            },
        }
    };
    (0..LINES).map(line).collect()
}

fn build(issuer: &Certificate, revoked: &[RevokedCertificate]) -> UnsignedRevocationList {
    let next = now() + jiff::SignedDuration::from_hours(24);
    UnsignedRevocationList::build(issuer, 7, now(), next, revoked).unwrap()
}

struct Responder<'a, S> {
    key: &'a S,
    certificate: Certificate,
    cutoff: jiff::Timestamp,
    request: Vec<u8>,
}

impl<'a, S: Signer> Responder<'a, S> {
    fn new(key: &'a S) -> Self {
        let scene = Scene::new();
        let issuer = scene.issuer.certificate();
        let spki = key.public_key_spki();
        let unsigned = build_responder(&scene.issuer, spki, now(), &mut Counter(3)).unwrap();
        let sha1 = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
        let serial = SerialNumber::from_bytes(vec![0x40; 16]);
        let id = CertId::new(sha1, issuer, &serial).unwrap();
        Self {
            key,
            certificate: lint(&unsigned).unwrap().sign(&scene.key).unwrap(),
            cutoff: issuer.not_before(),
            request: OcspRequest::new(id, Some(&[7; 32])).unwrap().der().to_vec(),
        }
    }

    fn build(&self) -> UnsignedOcspResponse {
        let request = OcspRequest::parse(&self.request).unwrap();
        let good = [CertificateStatus::Good];
        UnsignedOcspResponse::build(&request, &good, &self.certificate, self.cutoff, now()).unwrap()
    }

    fn answer(&self) -> OcspResponse {
        self.build().sign(self.key).unwrap()
    }
}

struct RsaKey {
    key: rsa::PrivateKey,
    spki: Vec<u8>,
}

impl RsaKey {
    /// A key that everybody knows.
    fn published() -> Self {
        use rsa::pkcs8::{DecodePrivateKey, EncodePublicKey};
        let der = include_bytes!("../../../../vectors/pki/published-rsa-3072.pk8");
        let key = rsa::PrivateKey::from_pkcs8_der(der).unwrap();
        let spki = key.to_public_key().to_public_key_der().unwrap().into_vec();
        Self { key, spki }
    }
}

impl Signer for RsaKey {
    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::RsaSha256
    }

    fn public_key_spki(&self) -> &[u8] {
        &self.spki
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        use sha2::Digest;
        let scheme = rsa::Pkcs1v15Sign::new::<sha2::Sha256>();
        Ok(self
            .key
            .sign(scheme, &sha2::Sha256::digest(message))
            .unwrap())
    }
}
