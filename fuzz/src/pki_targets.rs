//! Certificates that others made, persons whose names others chose, and what is asked and said about certificates.

use super::real;
use jiff::Timestamp;
use pki::x509::{Certificate, EndEntity, EndEntityProfile, Subject, lint, verify_chain};
use pki::{Revocation, RevocationReason};
use std::sync::OnceLock;

pub(crate) mod certificate {
    use super::*;

    struct Honest {
        end_entity: Certificate,
        issuer: Certificate,
        root: Certificate,
        at: Timestamp,
    }

    fn honest() -> &'static Honest {
        static HONEST: OnceLock<Honest> = OnceLock::new();
        HONEST.get_or_init(|| {
            let [end_entity, issuer, root] =
                real::chain().map(|der| Certificate::parse(&der).expect("a certificate"));
            let at = end_entity.not_before();
            Honest {
                end_entity,
                issuer,
                root,
                at,
            }
        })
    }

    pub(crate) fn run(data: &[u8]) {
        if let Ok(text) = std::str::from_utf8(data) {
            for certificate in Certificate::parse_pem(text).unwrap_or_default() {
                look_at(&certificate);
            }
        }
        let Ok(certificate) = Certificate::parse(data) else {
            return;
        };
        assert_eq!(certificate.der(), data, "DER has one encoding");
        look_at(&certificate);
        let pem = Certificate::parse_pem(&certificate.to_pem()).expect("what we write, we read");
        assert_eq!(pem.len(), 1);
        assert_eq!(pem[0].der(), data);
        let Honest {
            end_entity,
            issuer,
            root,
            at,
        } = honest();
        // Whatever is changed in a certificate: it leads to no root any more.
        let own = |honest: &Certificate| honest.der() == data;
        let verified = verify_chain(&certificate, issuer, root, *at).is_ok();
        assert_eq!(verified, own(end_entity), "another end entity verifies");
        assert!(verify_chain(end_entity, &certificate, root, *at).is_err() || own(issuer));
        assert!(verify_chain(end_entity, issuer, &certificate, *at).is_err() || own(root));
    }

    fn look_at(certificate: &Certificate) {
        let _ = (certificate.document_number(), certificate.date_of_birth());
        let _ = (certificate.key_usage(), certificate.extended_key_usage());
        let _ = (
            certificate.ocsp_url(),
            certificate.ca_issuers_url(),
            certificate.crl_urls(),
        );
        let _ = (
            certificate.is_ca(),
            certificate.claims_qualified_signatures(),
        );
        let _ = (certificate.qc_statements(), certificate.policies().count());
        let _ = (
            certificate.public_key().rsa_modulus(),
            certificate.public_key().rsa_exponent(),
        );
        let _ = (
            certificate.subject(),
            certificate.issuer(),
            certificate.serial(),
        );
        let _ = certificate.verify_signature(certificate.public_key());
    }

    pub(crate) fn seeds() -> Vec<Vec<u8>> {
        let Honest {
            end_entity,
            issuer,
            root,
            ..
        } = honest();
        let pem = end_entity.to_pem().into_bytes();
        let mut seeds: Vec<_> = [end_entity, issuer, root]
            .map(|certificate| certificate.der().to_vec())
            .into();
        seeds.push(pem);
        seeds
    }
}

pub(crate) mod subject {
    use super::*;
    use engine::domain::AccountLevel;
    use rand_core::SeedableRng;

    const SEPARATOR: char = '\n';

    pub(crate) fn run(data: &[u8]) {
        let Ok(text) = std::str::from_utf8(data) else {
            return;
        };
        let parts: Vec<&str> = text.split(SEPARATOR).collect();
        let [country, surname, given_name, identifier, document, ..] = parts.as_slice() else {
            return;
        };
        let subject = Subject {
            country: (*country).to_owned(),
            surname: (*surname).to_owned(),
            given_name: (*given_name).to_owned(),
            semantics_identifier: (*identifier).to_owned(),
            date_of_birth: jiff::civil::date(1905, 4, 4),
            document_number: (*document).to_owned(),
        };
        let mut rng = chacha20::ChaCha20Rng::seed_from_u64(1);
        let not_before = "2026-11-24T12:00:00Z".parse().expect("a time");
        let issuer = real::issuer(AccountLevel::Qualified);
        let built = EndEntity {
            profile: EndEntityProfile::QUALIFIED_SIGNATURE,
            subject: &subject,
            modulus: real::modulus(),
        }
        .build(&issuer, not_before, &mut rng);
        let Ok(unsigned) = built else { return };
        let Ok(linted) = lint(&unsigned) else { return };
        let certificate = real::sign(AccountLevel::Qualified, linted);
        // What passes says of the person what was said of her, and nothing else.
        let name = format!("{}", certificate.subject());
        let number = certificate.document_number();
        assert_eq!(number.as_deref(), Some(*document), "{name}");
        assert_eq!(certificate.date_of_birth(), Some(subject.date_of_birth));
        assert!(document.starts_with(identifier), "{name}");
        for part in [country, surname, given_name, identifier] {
            assert!(
                !part.is_empty() && !part.chars().any(char::is_control),
                "{name}"
            );
        }
    }

    pub(crate) fn seeds() -> Vec<Vec<u8>> {
        [
            [
                "EE",
                "TESTNUMBER",
                "OK",
                "PNOEE-40504040001",
                "PNOEE-40504040001-DEM0-Q",
            ],
            [
                "LV",
                "BĒRZIŅŠ-KĻAVA",
                "ĢIRTS",
                "PNOLV-020100-29990",
                "PNOLV-020100-29990-MOCK-Q",
            ],
        ]
        .map(|parts| parts.join("\n").into_bytes())
        .into()
    }
}

/// An authority and its responder, made by pki's own ceremony with keys that everybody knows.
mod trust {
    use super::*;
    use p384::{
        ecdsa::{Signature, SigningKey, signature::Signer as _},
        pkcs8::EncodePublicKey,
    };
    use pki::{
        ObjectIdentifier, SignatureAlgorithm, Signer, SignerError,
        x509::{
            CaName, IssuingCa, IssuingCaConfig, Level, Publication, RootConfig, RootPublication,
            SchemeOids, SerialNumber, build_responder, ceremony,
        },
    };
    use rand_core::SeedableRng;

    pub(super) const SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
    pub(super) const SHA256: ObjectIdentifier =
        ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");

    pub(super) struct Trust {
        pub(super) issuer: Certificate,
        pub(super) issuer_key: Key,
        pub(super) responder: Certificate,
        pub(super) responder_key: Key,
        pub(super) now: Timestamp,
    }

    pub(super) fn trust() -> &'static Trust {
        static TRUST: OnceLock<Trust> = OnceLock::new();
        TRUST.get_or_init(|| {
            let now = "2026-11-24T12:00:00Z".parse().expect("a time");
            let [root_key, issuer_key, responder_key] = [1, 2, 3].map(Key::from_seed);
            let mut rng = chacha20::ChaCha20Rng::seed_from_u64(1);
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
                public_key_spki: issuer_key.spki.clone(),
            };
            let made = ceremony(&root, &root_key, &[config], now, &mut rng);
            let issuer = made.expect("a ceremony").issuing.remove(0);
            let publication = Publication {
                ca_issuers_url: "http://example.org/eid-q.crt".into(),
                ocsp_url: "http://example.org/ocsp".into(),
                crl_url: "http://example.org/eid-q.crl".into(),
                practice_statement_url: "https://example.org/cps/".into(),
                disclosure_statement_url: "https://example.org/pds/".into(),
                oids: SchemeOids::SK,
            };
            let authority = IssuingCa::new(issuer.clone(), Level::Qualified, publication);
            let authority = authority.expect("an authority");
            let unsigned = build_responder(&authority, &responder_key.spki, now, &mut rng);
            let linted = lint(&unsigned.expect("a responder")).expect("by its profile");
            Trust {
                issuer,
                responder: linted.sign(&issuer_key).expect("signed"),
                issuer_key,
                responder_key,
                now,
            }
        })
    }

    pub(super) fn serial(last: u8) -> SerialNumber {
        SerialNumber::from_bytes([&[0x40; 15], [last].as_slice()].concat())
    }

    fn name(common_name: &str) -> CaName {
        CaName {
            common_name: common_name.into(),
            organization_identifier: "NTREE-10000000".into(),
            organization: "Open Smart-ID".into(),
            country: "EE".into(),
        }
    }

    pub(super) struct Key {
        key: SigningKey,
        spki: Vec<u8>,
    }

    impl Key {
        fn from_seed(seed: u8) -> Self {
            let key = SigningKey::from_slice(&[seed; 48]).expect("a scalar");
            let spki = key.verifying_key().to_public_key_der().expect("a key");
            Self {
                key,
                spki: spki.into_vec(),
            }
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
}

/// Revocations that take turns.
fn revocation(index: usize, at: Timestamp) -> Revocation {
    let all = RevocationReason::ALL;
    Revocation {
        at,
        reason: all[index % all.len()],
    }
}

pub(crate) mod ocsp_request {
    use super::trust::{SHA1, SHA256, serial, trust};
    use super::*;
    use pki::ocsp::{
        CertId, CertificateStatus, OcspCheckError, OcspRequest, OcspResponse, UnsignedOcspResponse,
    };

    pub(crate) fn run(data: &[u8]) {
        let Ok(request) = OcspRequest::parse(data) else {
            return;
        };
        assert_eq!(request.der(), data, "what came is kept");
        let asked = request.certificates();
        let trust = trust();
        let statuses: Vec<_> = (0..asked.len())
            .map(|index| match index % 3 {
                0 => CertificateStatus::Unknown,
                1 => CertificateStatus::Good,
                _ => CertificateStatus::Revoked(revocation(index, trust.now)),
            })
            .collect();
        let cutoff = trust.issuer.not_before();
        let answer =
            UnsignedOcspResponse::build(&request, &statuses, &trust.responder, cutoff, trust.now)
                .expect("whatever is asked can be answered")
                .sign(&trust.responder_key)
                .expect("and signed");
        let read = OcspResponse::parse(answer.der()).expect("what we write, we read");
        let checked = read.check_all(
            &request,
            &trust.issuer,
            trust.now,
            jiff::SignedDuration::ZERO,
        );
        // Byte for byte: the check compares CertIDs and nonce so.
        if asked.iter().all(|id| id.names_issuer(&trust.issuer)) {
            assert_eq!(checked, Ok(statuses));
        } else {
            assert_eq!(checked, Err(OcspCheckError::OtherIssuer));
        }
    }

    pub(crate) fn seeds() -> Vec<Vec<u8>> {
        let of = |hash, nonce: Option<&[u8]>| {
            let id = CertId::new(hash, &trust().issuer, &serial(7)).expect("a CertID");
            let request = OcspRequest::new(id, nonce).expect("a request");
            request.der().to_vec()
        };
        vec![
            of(SHA1, None),
            of(SHA1, Some(&[0xa5; 32])),
            of(SHA256, Some(&[1])),
        ]
    }
}

pub(crate) mod ocsp_response {
    use super::trust::{SHA256, serial, trust};
    use super::*;
    use pki::ocsp::{CertId, CertificateStatus, OcspRequest, OcspResponse, UnsignedOcspResponse};

    struct Honest {
        request: OcspRequest,
        status: CertificateStatus,
        answer: Vec<u8>,
    }

    fn honest() -> &'static Honest {
        static HONEST: OnceLock<Honest> = OnceLock::new();
        HONEST.get_or_init(|| {
            let trust = trust();
            let id = CertId::new(SHA256, &trust.issuer, &serial(7)).expect("a CertID");
            let request = OcspRequest::new(id, Some(&[0xa5; 32])).expect("a request");
            let status = CertificateStatus::Revoked(revocation(1, trust.now));
            let answer = UnsignedOcspResponse::build(
                &request,
                &[status],
                &trust.responder,
                trust.issuer.not_before(),
                trust.now,
            );
            let answer = answer.expect("built").sign(&trust.responder_key);
            Honest {
                request,
                status,
                answer: answer.expect("signed").der().to_vec(),
            }
        })
    }

    pub(crate) fn run(data: &[u8]) {
        let answer = &honest().answer;
        believe(data, data == answer);
        // Most input is no answer at all: the honest one, changed here and there, goes deeper.
        let changed = super::super::changed(answer, data);
        believe(&changed, changed == *answer);
    }

    fn believe(der: &[u8], is_honest: bool) {
        let Honest {
            request, status, ..
        } = honest();
        let day = jiff::SignedDuration::from_hours(24);
        let checked = OcspResponse::parse(der)
            .ok()
            .and_then(|read| read.check(request, &trust().issuer, trust().now, day).ok());
        assert_eq!(checked, is_honest.then_some(*status), "another is believed");
    }

    pub(crate) fn seeds() -> Vec<Vec<u8>> {
        vec![honest().answer.clone(), vec![], vec![0x10, 1, 0x80, 4]]
    }
}

pub(crate) mod crl {
    use super::trust::{serial, trust};
    use super::*;
    use pki::crl::{RevocationList, RevokedCertificate, UnsignedRevocationList};

    fn honest() -> &'static [u8] {
        static HONEST: OnceLock<Vec<u8>> = OnceLock::new();
        HONEST.get_or_init(|| {
            let trust = trust();
            let lines: Vec<_> = (0..7)
                .map(|index| RevokedCertificate {
                    serial: serial(index),
                    revocation: revocation(usize::from(index), trust.now),
                })
                .collect();
            let next = trust.now + jiff::SignedDuration::from_hours(24);
            let list = UnsignedRevocationList::build(&trust.issuer, 7, trust.now, next, &lines);
            let list = list.expect("built").sign(&trust.issuer_key);
            list.expect("signed").der().to_vec()
        })
    }

    pub(crate) fn run(data: &[u8]) {
        look_at(data);
        look_at(&super::super::changed(honest(), data));
    }

    fn look_at(der: &[u8]) {
        let Ok(list) = RevocationList::parse(der) else {
            assert_ne!(der, honest());
            return;
        };
        assert_eq!(list.der(), der);
        let found = (0..=255).filter(|last| list.revocation(&serial(*last)).is_some());
        assert!(found.count() <= list.len());
        let _ = (list.number(), list.next_update(), list.expired_since());
        let verified = list.check_issuer(&trust().issuer).is_ok();
        assert_eq!(verified, der == honest(), "another list verifies");
    }

    pub(crate) fn seeds() -> Vec<Vec<u8>> {
        vec![honest().to_vec(), vec![], vec![0x10, 1, 0x80, 4]]
    }
}
