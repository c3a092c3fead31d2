//! What an OCSP answer, a time-stamp and a certificate cost through the port, each beside the bare signature by a key of
//! the same kind in the same run.
//!
//! `ocsp` over `rsa_3072` and `time_stamp` over `p384` tell what building, checking and handing over cost.

use std::hint::black_box;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256};
use divan::Bencher;
use engine::domain::AccountLevel;
use engine::ports::CaSigner;
use getrandom::SysRng;
use jiff::{SignedDuration, Timestamp};
use p384::ecdsa::signature::Signer as _;
use p384::elliptic_curve::Generate as _;
use pki::ObjectIdentifier;
use pki::crl::UnsignedRevocationList;
use pki::ocsp::{CertId, CertificateStatus, OcspRequest, UnsignedOcspResponse};
use pki::tsp::{TimeStampRequest, UnsignedToken};
use pki::x509::{Certificate, SerialNumber, build_responder, lint};
use rand_core::UnwrapErr;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use vault::{Ceremony, SoftwareVault, UnlockKey};

const SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");

/// About as long as what stands under an OCSP answer or in a certificate.
const MESSAGE: [u8; 500] = [7; 500];

struct Server {
    runtime: Runtime,
    vault: SoftwareVault,
    responder: Certificate,
    _directory: TempDir,
}

impl Server {
    fn new() -> Self {
        let (directory, mut rng) = (tempfile::tempdir().expect("a directory"), UnwrapErr(SysRng));
        let config = toml::from_str(include_str!("../ceremony.toml")).expect("the sample is valid");
        let ceremony = Ceremony::perform(&config, now(), &mut rng).expect("a ceremony");
        let path = directory.path().join("vault");
        let vault = SoftwareVault::create(&path, UnlockKey::generate(&mut rng), ceremony, &mut rng)
            .expect("a vault");
        let runtime = Runtime::new().expect("a runtime");
        let issuer = vault.issuer(AccountLevel::Qualified);
        let responder = runtime.block_on(async {
            let spki = vault.responder_key().await.expect("a key");
            let unsigned = build_responder(&issuer.ca, &spki, now(), &mut rng).expect("built");
            let linted = lint(&unsigned).expect("clean");
            vault.sign(issuer.id, linted).await.expect("signed")
        });
        Self {
            runtime,
            vault,
            responder,
            _directory: directory,
        }
    }

    fn question(&self) -> Vec<u8> {
        let issuer = self.vault.issuer(AccountLevel::Qualified);
        let serial = SerialNumber::from_bytes(vec![0x11; 16]);
        let asked = CertId::new(SHA1, issuer.ca.certificate(), &serial).expect("a CertID");
        let request = OcspRequest::new(asked, Some(&[5; 32])).expect("a request");
        request.der().to_vec()
    }
}

fn now() -> Timestamp {
    Timestamp::from_second(1_772_366_400).expect("in range")
}

/// From the bytes of the request to those of the answer.
#[divan::bench]
fn ocsp(bencher: Bencher<'_, '_>) {
    let server = Server::new();
    let question = server.question();
    let since = server
        .vault
        .issuer(AccountLevel::Qualified)
        .ca
        .certificate()
        .not_before();
    let statuses = [CertificateStatus::Good];
    bencher.bench_local(|| {
        let request = OcspRequest::parse(black_box(&question)).expect("a request");
        let answer =
            UnsignedOcspResponse::build(&request, &statuses, &server.responder, since, now())
                .expect("an answer");
        let signed = server.runtime.block_on(server.vault.sign_ocsp(answer));
        signed.expect("signed")
    });
}

#[divan::bench]
fn rsa_3072(bencher: Bencher<'_, '_>) {
    let key = KeyPair::generate(KeySize::Rsa3072).expect("a key");
    let mut signature = vec![0; key.public_modulus_len()];
    bencher.bench_local(|| {
        let message = black_box(&MESSAGE);
        key.sign(
            &RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            message,
            &mut signature,
        )
    });
}

/// From the bytes of the request to the token.
#[divan::bench]
fn time_stamp(bencher: Bencher<'_, '_>) {
    let server = Server::new();
    let unit = server.vault.time_stamping_unit().expect("a unit");
    let query = query();
    bencher.bench_local(|| {
        let request = TimeStampRequest::parse(black_box(&query)).expect("a request");
        let token =
            UnsignedToken::build(&request, &unit, now(), &mut UnwrapErr(SysRng)).expect("a token");
        let signed = server.runtime.block_on(server.vault.sign_token(token));
        signed.expect("signed")
    });
}

/// TimeStampReq (RFC 3161 §2.4.1): version 1, a SHA-256 imprint, certReq.
fn query() -> Vec<u8> {
    let sha256 = b"\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00";
    let imprint = [&b"\x30\x31"[..], sha256, b"\x04\x20", &[7; 32]].concat();
    let body = [&b"\x02\x01\x01"[..], &imprint, b"\x01\x01\xff"].concat();
    [
        &[0x30, u8::try_from(body.len()).expect("it is short")][..],
        &body,
    ]
    .concat()
}

/// A responder's certificate, built, linted and signed.
#[divan::bench]
fn certificate(bencher: Bencher<'_, '_>) {
    let server = Server::new();
    let issuer = server.vault.issuer(AccountLevel::Qualified);
    let spki = server
        .runtime
        .block_on(server.vault.responder_key())
        .expect("a key");
    bencher.bench_local(|| {
        let unsigned = build_responder(&issuer.ca, black_box(&spki), now(), &mut UnwrapErr(SysRng))
            .expect("built");
        let linted = lint(&unsigned).expect("clean");
        let signed = server
            .runtime
            .block_on(server.vault.sign(issuer.id, linted));
        signed.expect("signed")
    });
}

/// Of an authority that has revoked nothing.
#[divan::bench]
fn revocation_list(bencher: Bencher<'_, '_>) {
    let server = Server::new();
    let issuer = server.vault.issuer(AccountLevel::Qualified);
    let next = now() + SignedDuration::from_hours(24);
    bencher.bench_local(|| {
        let list =
            UnsignedRevocationList::build(issuer.ca.certificate(), 1, now(), next, black_box(&[]))
                .expect("a list");
        let signed = server
            .runtime
            .block_on(server.vault.sign_revocation_list(issuer.id, list));
        signed.expect("signed")
    });
}

/// What the vault's P-384 keys sign with.
#[divan::bench]
fn p384(bencher: Bencher<'_, '_>) {
    let key = p384::ecdsa::SigningKey::generate_from_rng(&mut UnwrapErr(SysRng));
    bencher.bench_local(|| -> p384::ecdsa::Signature { key.sign(black_box(&MESSAGE)) });
}

/// The same curve in AWS-LC, to compare.
#[divan::bench]
fn p384_aws_lc(bencher: Bencher<'_, '_>) {
    let key = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_ASN1_SIGNING).expect("a key");
    bencher.bench_local(|| key.sign(&SystemRandom::new(), black_box(&MESSAGE)).is_ok());
}

fn main() {
    divan::main();
}
