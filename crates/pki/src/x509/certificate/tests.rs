use std::sync::LazyLock;

use jiff::civil::date;
use proptest::prelude::*;

use super::*;
use crate::x509::testkit::{issuing_ca, issuing_signer, unsigned};
use crate::x509::{EndEntityProfile, IssuingCa, lint};

macro_rules! samples {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_bytes!(concat!("../../../../../vectors/pki/smartid-test-", $name, ".der")).as_slice())),*]
    };
}

const SAMPLES: [(&str, &[u8]); 12] = samples![
    "2024e-auth-ee-40404040009",
    "2024e-auth-ee-40504040001",
    "2024e-auth-ee-6143bit",
    "2024e-sign-ee-2024",
    "2024e-sign-ee-40504040001",
    "eidsk2016-auth-2019-oldcn-4095",
    "eidsk2016-auth-lv-2023",
    "eidsk2016-auth-lv-329999-2021",
    "eidsk2016-ee-2023",
    "eidsk2016-lt-2024",
    "eidsk2016-sign-2016-oldcn",
    "nq2021e-auth-lt",
];

fn sample(name: &str) -> Certificate {
    let (_, der) = SAMPLES.iter().find(|(found, _)| *found == name).unwrap();
    Certificate::parse(der).unwrap()
}

fn issued() -> Certificate {
    lint(&unsigned(EndEntityProfile::QUALIFIED_SIGNATURE))
        .unwrap()
        .sign(&issuing_signer())
        .unwrap()
}

#[test]
fn every_real_certificate_is_read() {
    for (name, der) in SAMPLES {
        let certificate =
            Certificate::parse(der).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!(certificate.der(), der);
        let bits = certificate.public_key().rsa_modulus().unwrap().len() * 8;
        assert!(bits == 4096 || bits == 6144, "{name}");
        assert_eq!(certificate.serial().as_bytes().len(), 16, "{name}");
        assert_eq!(
            certificate.subject_key_identifier(),
            Some(certificate.public_key().key_identifier().as_slice()),
            "{name}"
        );
        assert!(!certificate.is_ca());
        assert!(certificate.ocsp_url().is_some() && certificate.ca_issuers_url().is_some());
    }
}

#[test]
fn a_signature_certificate_says_whose_and_what_it_is() {
    let certificate = sample("2024e-sign-ee-40504040001");
    let subject = certificate.subject();
    assert_eq!(
        subject.to_string(),
        r"C=EE, CN=TEST\,OK, SN=TEST, GN=OK, serialNumber=PNOEE-40504040001"
    );
    assert_eq!(subject.common_name(), Some("TEST,OK"));
    assert_eq!(
        (subject.country(), subject.surname(), subject.given_name()),
        (Some("EE"), Some("TEST"), Some("OK"))
    );
    assert_eq!(subject.serial_number(), Some("PNOEE-40504040001"));
    assert_eq!(
        certificate.issuer().organization_identifier(),
        Some("NTREE-10747013")
    );
    assert_eq!(
        certificate.issuer().organization(),
        Some("SK ID Solutions AS")
    );
    assert_eq!(
        certificate.serial().to_string(),
        "660F8E676332F3899EFDD8813265C9B0"
    );
    assert_eq!(
        certificate.not_before(),
        "2026-01-06T14:25:01Z".parse().unwrap()
    );
    assert_eq!(
        certificate.not_after(),
        "2029-01-05T14:25:00Z".parse().unwrap()
    );
    assert_eq!(
        certificate.document_number().as_deref(),
        Some("PNOEE-40504040001-DEM0-Q")
    );
    assert_eq!(certificate.date_of_birth(), Some(date(1905, 4, 4)));
    assert_eq!(
        certificate.ocsp_url(),
        Some("http://aia.demo.sk.ee/eidq2024e")
    );
    assert_eq!(
        certificate.crl_urls(),
        ["http://c.sk.ee/test_eid-q_2024e.crl"]
    );
    assert_eq!(certificate.level(&SchemeOids::SK), Some(Level::Qualified));
    assert!(certificate.key_usage().unwrap().non_repudiation());
    assert!(certificate.claims_qualified_signatures());
    assert_eq!(certificate.signature_algorithm_oid(), oids::ECDSA_SHA384);
}

#[test]
fn levels_purposes_and_generations_are_told_apart() {
    let login = sample("2024e-auth-ee-6143bit");
    assert_eq!(login.level(&SchemeOids::SK), Some(Level::Qualified));
    assert_eq!(
        login.extended_key_usage(),
        [SchemeOids::SK.authentication_usage]
    );
    assert!(login.key_usage().unwrap().digital_signature() && !login.claims_qualified_signatures());
    let basic = sample("nq2021e-auth-lt");
    assert_eq!(basic.level(&SchemeOids::SK), Some(Level::Basic));
    assert_eq!(basic.date_of_birth(), None);
    let old = sample("eidsk2016-auth-2019-oldcn-4095");
    assert_eq!(
        (old.level(&SchemeOids::SK), old.level(&SchemeOids::SK_2016)),
        (None, Some(Level::Qualified))
    );
    assert_eq!(old.document_number(), None);
    assert!(sample("eidsk2016-ee-2023").claims_qualified_signatures());
}

#[test]
fn pem_reads_back_and_text_around_it_is_ignored() {
    let (one, two) = (issued(), issuing_ca(Level::Basic).certificate().clone());
    let text = format!(
        "Subject: somebody\n{}\nanother\n{}",
        one.to_pem(),
        two.to_pem()
    );
    assert_eq!(Certificate::parse_pem(&text), Ok(vec![one.clone(), two]));
    assert_eq!(
        Certificate::parse_pem(&one.to_pem().replace('\n', "\r\n")),
        Ok(vec![one])
    );
}

#[test]
fn damaged_or_absent_pem_is_refused() {
    let pem = issued().to_pem();
    for text in [
        "",
        "no certificate",
        &pem[..pem.len() - 30],
        &pem.replace("MII", "M!I"),
    ] {
        assert_eq!(Certificate::parse_pem(text), Err(ParseError::Pem));
    }
}

#[test]
fn data_after_the_certificate_is_refused() {
    let longer = [issued().der(), &[0]].concat();
    assert!(matches!(
        Certificate::parse(&longer),
        Err(ParseError::Malformed(_))
    ));
}

#[test]
fn a_certificate_too_long_is_refused_unread() {
    assert_eq!(
        Certificate::parse(&vec![0x30; MAX_DER_LEN + 1]),
        Err(ParseError::TooLong)
    );
}

#[test]
fn every_shorter_prefix_is_refused() {
    let certificate = issued();
    for length in 0..certificate.der().len() {
        assert!(
            Certificate::parse(&certificate.der()[..length]).is_err(),
            "{length}"
        );
    }
}

#[test]
fn an_outer_algorithm_other_than_the_signed_one_is_refused() {
    let mut der = issued().der().to_vec();
    let oid = [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3];
    let at = der
        .windows(oid.len())
        .rposition(|window| window == oid)
        .unwrap();
    der[at + 7] = 2;
    assert_eq!(Certificate::parse(&der), Err(ParseError::AlgorithmsDiffer));
}

#[test]
fn a_signature_with_unused_bits_is_refused() {
    let certificate = issued();
    let mut der = certificate.der().to_vec();
    let at = der.len() - certificate.signature().len() - 1;
    der[at] = 1;
    let last = der.len() - 1;
    der[last] &= 0xfe;
    assert!(matches!(
        Certificate::parse(&der),
        Err(ParseError::SignatureBits)
    ));
}

#[test]
fn a_repeated_extension_is_refused() {
    let twice = crate::x509::testkit::altered(unsigned(EndEntityProfile::BASIC_SIGNATURE), |tbs| {
        let extensions = tbs.extensions.as_mut().unwrap();
        extensions.push(extensions[0].clone());
    });
    assert_eq!(
        Facts::read(&twice.tbs).unwrap_err(),
        ParseError::RepeatedExtension(oids::BASIC_CONSTRAINTS)
    );
}

#[test]
fn a_malformed_known_extension_is_refused() {
    let broken =
        crate::x509::testkit::altered(unsigned(EndEntityProfile::BASIC_SIGNATURE), |tbs| {
            tbs.extensions.as_mut().unwrap()[0].extn_value =
                der::asn1::OctetString::new(*b"\x05\x00").unwrap();
        });
    let refused = Facts::read(&broken.tbs).unwrap_err();
    assert!(matches!(
        refused,
        ParseError::Extension {
            oid: oids::BASIC_CONSTRAINTS,
            ..
        }
    ));
}

#[test]
fn names_print_without_giving_a_line_feed_or_a_separator_away() {
    let name = DistinguishedName::build(&[
        (oids::COMMON_NAME, "A\nB+C\"\\=é"),
        (oids::DATE_OF_BIRTH, "x"),
    ])
    .unwrap();
    assert_eq!(
        name.to_string(),
        r#"CN=A\0AB\+C\"\\\=é, 1.3.6.1.5.5.7.9.1=x"#
    );
    assert_eq!(format!("{name:?}"), "DistinguishedName(2 attributes)");
}

#[test]
fn each_byte_changed_makes_the_certificate_unreadable_or_unverified() {
    let certificate = issued();
    let issuer = issuing_ca(Level::Qualified);
    for index in 0..certificate.der().len() {
        assert!(
            !survives(&certificate, &issuer, index, 0x01),
            "octet {index}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_change_of_a_byte_makes_the_certificate_unreadable_or_unverified(index: prop::sample::Index, mask in 1_u8..) {
        static PAIR: LazyLock<(Certificate, IssuingCa)> = LazyLock::new(|| (issued(), issuing_ca(Level::Qualified)));
        let (certificate, issuer) = &*PAIR;
        let index = index.index(certificate.der().len());
        prop_assert!(!survives(certificate, issuer, index, mask));
    }

    #[test]
    fn arbitrary_octets_never_panic(octets: Vec<u8>) {
        let _ = Certificate::parse(&octets);
    }

    #[test]
    fn a_real_certificate_with_changed_octets_never_panics(which in 0..SAMPLES.len(), index: prop::sample::Index, octet: u8) {
        let mut der = SAMPLES[which].1.to_vec();
        let index = index.index(der.len());
        der[index] = octet;
        let _ = Certificate::parse(&der);
    }
}

fn survives(certificate: &Certificate, issuer: &IssuingCa, index: usize, mask: u8) -> bool {
    let mut der = certificate.der().to_vec();
    der[index] ^= mask;
    Certificate::parse(&der).is_ok_and(|changed| {
        changed
            .verify_signature(issuer.certificate().public_key())
            .is_ok()
    })
}
