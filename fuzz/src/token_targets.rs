//! Time-stamps: requests that strangers send, tokens that strangers made.

use p384::ecdsa::{Signature, SigningKey, signature::Signer as _};
use p384::pkcs8::EncodePublicKey;
use pki::tsp::{TimeStampRequest, TimeStampToken, TimeStampingUnit, UnsignedToken};
use pki::x509::{CaName, RootConfig, RootPublication, build_time_stamping_unit, ceremony, lint};
use pki::{SignatureAlgorithm, Signer, SignerError};
use rand_core::SeedableRng;
use std::sync::OnceLock;

pub(crate) mod time_stamp_request {
    use super::*;

    /// What can be read is stamped, and the token answers it; what cannot, is told why.
    pub(crate) fn run(data: &[u8]) {
        let scene = scene();
        let token = TimeStampRequest::parse(data).and_then(|request| {
            let token = scene.token(&request)?;
            Ok((request, token))
        });
        match token {
            Ok((request, token)) => {
                let unit = &scene.unit.certificate;
                token
                    .verify(unit, request.imprint(), request.nonce())
                    .expect("our own token answers the request");
            }
            Err(failure) => {
                let response = failure.response();
                assert!(response.starts_with(&[0x30]) && response.len() < 1024);
            }
        }
    }

    pub(crate) fn seeds() -> Vec<Vec<u8>> {
        requests()
    }
}

pub(crate) mod time_stamp_token {
    use super::*;

    /// Nothing verifies but what the unit signed.
    pub(crate) fn run(data: &[u8]) {
        let scene = scene();
        for der in [data, &super::super::changed(scene.honest.der(), data)] {
            let Ok(token) = TimeStampToken::parse(der) else {
                continue;
            };
            assert_eq!(token.der(), der, "the token is kept as it came");
            let unit = &scene.unit.certificate;
            let (imprint, nonce) = (scene.request.imprint(), scene.request.nonce());
            if token.verify(unit, imprint, nonce).is_ok() {
                // What stands around the signed content may differ, as of any CMS message.
                assert_eq!(token.tst_info_der(), scene.honest.tst_info_der());
            }
        }
    }

    pub(crate) fn seeds() -> Vec<Vec<u8>> {
        vec![scene().honest.der().to_vec(), vec![0, 0], vec![128, 1]]
    }
}

struct Scene {
    key: Key,
    unit: TimeStampingUnit,
    request: TimeStampRequest,
    honest: TimeStampToken,
}

fn scene() -> &'static Scene {
    static SCENE: OnceLock<Scene> = OnceLock::new();
    SCENE.get_or_init(|| {
        let (key, root_key) = (Key::from_seed(7), Key::from_seed(8));
        let name = |common_name: &str| CaName {
            common_name: common_name.into(),
            organization_identifier: "NTREE-10000000".into(),
            organization: "Open Smart-ID".into(),
            country: "EE".into(),
        };
        let root = RootConfig {
            name: name("ROOT"),
            publication: RootPublication {
                ca_issuers_url: "http://example.org/root.crt".into(),
                ocsp_url: None,
                crl_url: "http://example.org/root.crl".into(),
                practice_statement_url: "https://example.org/cps/".into(),
            },
        };
        let rng = &mut rng();
        let made = ceremony(&root, &root_key, &[], now(), rng).expect("a root");
        let unsigned =
            build_time_stamping_unit(&name("TSU"), &key.spki, &root, &made.root, now(), rng);
        let linted = lint(&unsigned.expect("a unit")).expect("a unit's certificate");
        let unit = TimeStampingUnit {
            certificate: linted.sign(&root_key).expect("signed"),
            chain: Vec::new(),
            policy: "0.4.0.2023.1.1".parse().expect("an identifier"),
            accuracy: jiff::SignedDuration::from_secs(1),
            qualified: true,
        };
        let request = TimeStampRequest::parse(&requests()[0]).expect("a request");
        let honest = stamp(&request, &unit, &key).expect("a token");
        Scene {
            key,
            unit,
            request,
            honest,
        }
    })
}

impl Scene {
    fn token(
        &self,
        request: &TimeStampRequest,
    ) -> Result<TimeStampToken, pki::tsp::TimeStampFailure> {
        stamp(request, &self.unit, &self.key)
    }
}

fn stamp(
    request: &TimeStampRequest,
    unit: &TimeStampingUnit,
    key: &Key,
) -> Result<TimeStampToken, pki::tsp::TimeStampFailure> {
    let unsigned = UnsignedToken::build(request, unit, now(), &mut rng())?;
    Ok(unsigned.sign(key).expect("what can be built can be signed"))
}

fn now() -> jiff::Timestamp {
    "2026-03-01T12:00:00Z".parse().expect("a time")
}

fn rng() -> chacha20::ChaCha20Rng {
    chacha20::ChaCha20Rng::from_seed([9; 32])
}

/// As clients ask: each digest, with and without nonce, policy, certificates.
fn requests() -> Vec<Vec<u8>> {
    let nonce = [&[2, 20], [0x51; 20].as_slice()].concat();
    let policy = b"\x06\x06\x04\x00\x8f\x67\x01\x01".as_slice();
    let extension = b"\xa0\x0b\x30\x09\x06\x03\x2a\x03\x04\x04\x02\x05\x00".as_slice();
    let certificates = b"\x01\x01\xff".as_slice();
    vec![
        request(1, 32, &[&nonce, certificates]),
        request(2, 48, &[policy, &nonce]),
        request(3, 64, &[]),
        request(1, 32, &[&[2, 1, 0xff], certificates, extension]),
    ]
}

fn request(algorithm: u8, length: u8, rest: &[&[u8]]) -> Vec<u8> {
    let sequence = |content: &[u8]| {
        let length = u8::try_from(content.len()).expect("short");
        let header = if length < 128 {
            vec![0x30, length]
        } else {
            vec![0x30, 0x81, length]
        };
        [header.as_slice(), content].concat()
    };
    let oid = b"\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02".as_slice();
    let identifier = sequence(&[oid, &[algorithm, 5, 0]].concat());
    let digest = [&[4, length], vec![0x5a; length.into()].as_slice()].concat();
    let imprint = sequence(&[identifier, digest].concat());
    sequence(&[[2, 1, 1].as_slice(), &imprint, &rest.concat()].concat())
}

struct Key {
    key: SigningKey,
    spki: Vec<u8>,
}

impl Key {
    fn from_seed(seed: u8) -> Self {
        let key = SigningKey::from_slice(&[seed; 48]).expect("a scalar");
        let spki = key
            .verifying_key()
            .to_public_key_der()
            .expect("a key")
            .into_vec();
        Self { key, spki }
    }
}

impl Signer for Key {
    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::EcdsaSha384
    }

    fn public_key_spki(&self) -> &[u8] {
        &self.spki
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        let signature: Signature = self.key.sign(message);
        Ok(signature.to_der().as_bytes().to_vec())
    }
}
