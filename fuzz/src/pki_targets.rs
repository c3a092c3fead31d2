//! Certificates that others made, and persons whose names others chose.

use super::real;
use jiff::Timestamp;
use pki::x509::{Certificate, EndEntity, EndEntityProfile, Subject, lint, verify_chain};
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
