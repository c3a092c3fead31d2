//! Time-stamps and trusted lists made per second, against the bare P-384 signature of the same key that is the floor. Both
//! verify what they signed: the second bench is the floor with that.
#![expect(clippy::unwrap_used, reason = "a bench may stop at the first fault")]

use divan::Bencher;
use divan::counter::ItemsCount;
use jiff::SignedDuration;
use p384::ecdsa::signature::Signer as _;
use p384::pkcs8::EncodePublicKey;
use pki::trusted_list::{
    SchemeOperator, ServiceKind, ServiceStatus, Status, TrustService, TrustedList,
};
use pki::tsp::{TimeStampRequest, TimeStampToken, TimeStampingUnit, UnsignedToken};
use pki::x509::{
    CaName, Certificate, IssuingCaConfig, RootConfig, RootPublication, build_list_signer,
    build_time_stamping_unit, ceremony, lint,
};
use pki::{PublicKey, SignatureAlgorithm, Signer, SignerError};
use rand_core::{TryCryptoRng, TryRng};

/// What libdigidocpp asks: SHA-256, a nonce of 20 octets, certificates wanted.
const REQUEST: &[u8] = b"\x30\x4f\x02\x01\x01\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20\
    01234567890123456789012345678901\x02\x1401234567890123456789\x01\x01\xff";

fn main() {
    divan::main();
}

#[divan::bench]
fn raw_p384_signature(bencher: Bencher<'_, '_>) {
    let key = MemoryKey::from_seed(2);
    let message = [0x5a; 400];
    bencher
        .counter(ItemsCount::new(1_u32))
        .bench(|| key.sign(&message).unwrap());
}

#[divan::bench]
fn raw_p384_signature_and_verification(bencher: Bencher<'_, '_>) {
    let key = MemoryKey::from_seed(2);
    let public = PublicKey::from_spki_der(key.public_key_spki()).unwrap();
    let message = [0x5a; 400];
    bencher.counter(ItemsCount::new(1_u32)).bench(|| {
        let signature = key.sign(&message).unwrap();
        public
            .verify(SignatureAlgorithm::EcdsaSha384, &message, &signature)
            .unwrap();
    });
}

#[divan::bench]
fn time_stamp(bencher: Bencher<'_, '_>) {
    let scene = Scene::new();
    bencher
        .counter(ItemsCount::new(1_u32))
        .bench(|| scene.token().response());
}

#[divan::bench]
fn read_and_verify_time_stamp(bencher: Bencher<'_, '_>) {
    let scene = Scene::new();
    let request = TimeStampRequest::parse(REQUEST).unwrap();
    let token = scene.token();
    bencher.counter(ItemsCount::new(1_u32)).bench(|| {
        let token = TimeStampToken::parse(token.der()).unwrap();
        token
            .verify(&scene.unit.certificate, request.imprint(), request.nonce())
            .unwrap()
            .time()
    });
}

#[divan::bench]
fn build_and_sign_list(bencher: Bencher<'_, '_>) {
    let scene = Scene::new();
    bencher
        .counter(ItemsCount::new(1_u32))
        .bench(|| scene.list.build(&scene.list_signer).sign(&scene.key));
}

struct Scene {
    key: MemoryKey,
    unit: TimeStampingUnit,
    list_signer: Certificate,
    list: TrustedList,
}

impl Scene {
    fn new() -> Self {
        let key = MemoryKey::from_seed(2);
        let root_key = MemoryKey::from_seed(1);
        let root = RootConfig {
            name: name("ROOT"),
            publication: RootPublication {
                ca_issuers_url: "http://example.org/root.crt".into(),
                ocsp_url: None,
                crl_url: "http://example.org/root.crl".into(),
                practice_statement_url: "https://example.org/cps/".into(),
            },
        };
        let config = IssuingCaConfig {
            name: name("EID-Q"),
            public_key_spki: key.public_key_spki().to_vec(),
        };
        let made = ceremony(&root, &root_key, &[config], now(), &mut Counter(0)).unwrap();
        let spki = key.public_key_spki();
        let certificate = build_time_stamping_unit(
            &name("TSU"),
            spki,
            &root,
            &made.root,
            now(),
            &mut Counter(1),
        );
        let unit = lint(&certificate.unwrap())
            .unwrap()
            .sign(&root_key)
            .unwrap();
        let signer = build_list_signer(&name("LIST"), &key, now(), &mut Counter(2)).unwrap();
        Self {
            list: list(&made.issuing[0], &unit),
            unit: TimeStampingUnit {
                certificate: unit,
                chain: Vec::new(),
                policy: "0.4.0.2023.1.1".parse().unwrap(),
                accuracy: SignedDuration::from_secs(1),
                qualified: true,
            },
            list_signer: lint(&signer).unwrap().sign(&key).unwrap(),
            key,
        }
    }

    fn token(&self) -> TimeStampToken {
        let request = TimeStampRequest::parse(REQUEST).unwrap();
        UnsignedToken::build(&request, &self.unit, now(), &mut Counter(3))
            .unwrap()
            .sign(&self.key)
            .unwrap()
    }
}

/// Four services, as a server with both levels and a second authority has.
fn list(authority: &Certificate, unit: &Certificate) -> TrustedList {
    let policy = "1.3.6.1.4.1.10015.17.2".parse().unwrap();
    let kinds = [
        (ServiceKind::QualifiedCa { policy }, authority),
        (ServiceKind::QualifiedCa { policy }, authority),
        (ServiceKind::Ca, authority),
        (ServiceKind::QualifiedTimeStamping, unit),
    ];
    let services = kinds.map(|(kind, certificate)| TrustService {
        kind,
        name: "A service".into(),
        certificate: certificate.clone(),
        statuses: vec![ServiceStatus {
            status: Status::Granted,
            since: now(),
        }],
    });
    TrustedList {
        operator: SchemeOperator {
            name: "Open Smart-ID".into(),
            territory: "EE".into(),
            information_url: "https://example.org/".into(),
            contact_url: "mailto:trust@example.org".into(),
            street_address: "1 Street".into(),
            locality: "Tallinn".into(),
            postal_code: "10111".into(),
            scheme_name: "a list".into(),
        },
        sequence: 1,
        issued_at: now(),
        next_update: now() + SignedDuration::from_hours(720),
        location: "http://example.org/tl".into(),
        provider_name: "Open Smart-ID".into(),
        provider_trade_name: "NTREE-10000000".into(),
        services: services.into(),
    }
}

fn now() -> jiff::Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn name(common_name: &str) -> CaName {
    CaName {
        common_name: common_name.into(),
        organization_identifier: "NTREE-10000000".into(),
        organization: "Open Smart-ID".into(),
        country: "EE".into(),
    }
}

struct MemoryKey {
    key: p384::ecdsa::SigningKey,
    spki: Vec<u8>,
}

impl MemoryKey {
    fn from_seed(seed: u8) -> Self {
        let key = p384::ecdsa::SigningKey::from_slice(&[seed; 48]).unwrap();
        let spki = key.verifying_key().to_public_key_der().unwrap().into_vec();
        Self { key, spki }
    }
}

impl Signer for MemoryKey {
    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::EcdsaSha384
    }

    fn public_key_spki(&self) -> &[u8] {
        &self.spki
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        let signature: p384::ecdsa::Signature = self.key.sign(message);
        Ok(signature.to_der().as_bytes().to_vec())
    }
}

/// Repeatable octets, so that each run does the same work.
struct Counter(u8);

impl TryRng for Counter {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        let mut octets = [0; 4];
        self.try_fill_bytes(&mut octets)?;
        Ok(u32::from_be_bytes(octets))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut octets = [0; 8];
        self.try_fill_bytes(&mut octets)?;
        Ok(u64::from_be_bytes(octets))
    }

    fn try_fill_bytes(&mut self, destination: &mut [u8]) -> Result<(), Self::Error> {
        for octet in destination {
            self.0 = self.0.wrapping_add(1);
            *octet = self.0;
        }
        Ok(())
    }
}

impl TryCryptoRng for Counter {}
