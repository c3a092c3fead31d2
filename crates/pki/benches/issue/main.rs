//! Certificates issued per second, against the bare P-384 signature that is the floor; and what is said about them after.
#![expect(clippy::unwrap_used, reason = "a bench may stop at the first fault")]

mod scene;
mod status;
mod tokens;

use divan::Bencher;
use divan::counter::ItemsCount;
use pki::x509::{Certificate, EndEntityProfile, Profile, relint};
use pki::{SignatureAlgorithm, Signer};
use scene::{MemoryKey, Scene};

fn main() {
    divan::main();
}

#[divan::bench]
fn raw_p384_signature(bencher: Bencher<'_, '_>) {
    let key = MemoryKey::from_seed(2);
    let message = [0x5a; 1740];
    bencher
        .counter(ItemsCount::new(1_u32))
        .bench(|| key.sign(&message).unwrap());
}

#[divan::bench]
fn raw_p384_signature_and_verification(bencher: Bencher<'_, '_>) {
    let key = MemoryKey::from_seed(2);
    let public = pki::PublicKey::from_spki_der(key.public_key_spki()).unwrap();
    let message = [0x5a; 1740];
    bencher.counter(ItemsCount::new(1_u32)).bench(|| {
        let signature = key.sign(&message).unwrap();
        public
            .verify(SignatureAlgorithm::EcdsaSha384, &message, &signature)
            .unwrap();
    });
}

#[divan::bench]
fn build_and_lint(bencher: Bencher<'_, '_>) {
    let scene = Scene::new();
    bencher
        .counter(ItemsCount::new(1_u32))
        .bench(|| scene.build_and_lint());
}

#[divan::bench]
fn build_lint_and_sign(bencher: Bencher<'_, '_>) {
    let scene = Scene::new();
    bencher
        .counter(ItemsCount::new(1_u32))
        .bench(|| scene.build_and_lint().sign(&scene.key).unwrap());
}

#[divan::bench]
fn parse(bencher: Bencher<'_, '_>) {
    let scene = Scene::new();
    let certificate = scene.build_and_lint().sign(&scene.key).unwrap();
    bencher
        .counter(ItemsCount::new(1_u32))
        .bench(|| Certificate::parse(certificate.der()).unwrap());
}

#[divan::bench]
fn relint_issued(bencher: Bencher<'_, '_>) {
    let scene = Scene::new();
    let certificate = scene.build_and_lint().sign(&scene.key).unwrap();
    let profile = Profile::EndEntity(EndEntityProfile::QUALIFIED_SIGNATURE);
    bencher
        .counter(ItemsCount::new(1_u32))
        .bench(|| relint(&certificate, profile, &scene.issuer).unwrap());
}
