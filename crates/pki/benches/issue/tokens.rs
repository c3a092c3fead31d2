//! Time-stamps and trusted lists made per second, against the bare P-384 signature that is the floor. Both verify what they
//! signed: `raw_p384_signature_and_verification` is the floor with that.

use divan::Bencher;
use divan::counter::ItemsCount;
use jiff::SignedDuration;
use pki::Signer;
use pki::trusted_list::{
    SchemeOperator, ServiceKind, ServiceStatus, Status, TrustService, TrustedList,
};
use pki::tsp::{TimeStampRequest, TimeStampToken, TimeStampingUnit, UnsignedToken};
use pki::x509::{Certificate, build_list_signer, build_time_stamping_unit, lint};

use super::scene::{Authorities, Counter, MemoryKey, name, now};

/// What libdigidocpp asks: SHA-256, a nonce of 20 octets, certificates wanted.
const REQUEST: &[u8] = b"\x30\x4f\x02\x01\x01\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20\
    01234567890123456789012345678901\x02\x1401234567890123456789\x01\x01\xff";

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
        let Authorities {
            root,
            root_key,
            made,
        } = Authorities::over(&key);
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
