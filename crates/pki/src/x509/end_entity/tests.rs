use der::{Decode, Encode};
use jiff::civil::date;

use super::*;
use crate::x509::tbs::TbsCertificate;
use crate::x509::testkit::{ReplayRng, issuing_ca, modulus, now, rng, subject, unsigned};
use crate::x509::{Certificate, Publication, lint};

const EID_Q: &str = include_str!("../../../../../vectors/pki/ca-test-eid-q-2024e.pem");
const EID_NQ: &str = include_str!("../../../../../vectors/pki/ca-test-eid-nq-2021e.pem");

macro_rules! sample {
    ($name:literal) => {
        include_bytes!(concat!(
            "../../../../../vectors/pki/smartid-test-",
            $name,
            ".der"
        ))
    };
}

fn sk_authority(level: Level) -> IssuingCa {
    let (pem, certificate, ocsp, list) = match level {
        Level::Qualified => (EID_Q, "TEST_EID-Q_2024E", "eidq2024e", "test_eid-q_2024e"),
        Level::Basic => (
            EID_NQ,
            "TEST_EID-NQ_2021E",
            "eidnq2021e",
            "test_eid-nq_2021e",
        ),
    };
    let publication = Publication {
        ca_issuers_url: format!("http://c.sk.ee/{certificate}.der.crt"),
        ocsp_url: format!("http://aia.demo.sk.ee/{ocsp}"),
        crl_url: format!("http://c.sk.ee/{list}.crl"),
        practice_statement_url:
            "https://www.skidsolutions.eu/resources/certification-practice-statement/".into(),
        disclosure_statement_url:
            "https://www.skidsolutions.eu/resources/conditions-for-use-of-certificates/".into(),
        oids: SchemeOids::SK,
    };
    IssuingCa::new(
        Certificate::parse_pem(pem).unwrap().remove(0),
        level,
        publication,
    )
    .unwrap()
}

fn person(
    country: &str,
    surname: &str,
    code: &str,
    document: &str,
    date_of_birth: Date,
) -> Subject {
    Subject {
        country: country.into(),
        surname: surname.into(),
        given_name: "OK".into(),
        semantics_identifier: code.into(),
        date_of_birth,
        document_number: format!("{code}-{document}"),
    }
}

/// Builds what a real certificate certifies. Only what cannot be written down here (serial, key, begin) is read from it.
fn rebuild(
    sample: &[u8],
    profile: EndEntityProfile,
    subject: &Subject,
) -> (Certificate, UnsignedCertificate) {
    let real = Certificate::parse(sample).unwrap();
    let entity = EndEntity {
        profile,
        subject,
        modulus: real.public_key().rsa_modulus().unwrap(),
    };
    let mut replay = ReplayRng(real.serial().as_bytes(), 0);
    let built = entity
        .build(&sk_authority(profile.level), real.not_before(), &mut replay)
        .unwrap();
    (real, built)
}

fn assert_identical(sample: &[u8], profile: EndEntityProfile, subject: &Subject) {
    let (real, built) = rebuild(sample, profile, subject);
    assert!(real.tbs_der() == built.tbs_der(), "{}", real.serial());
    assert_eq!(lint(&built).map(|_| ()), Ok(()));
}

#[test]
fn sk_signature_certificates_are_rebuilt_byte_for_byte() {
    let profile = EndEntityProfile::QUALIFIED_SIGNATURE;
    let born = date(1905, 4, 4);
    let of_2024 = person("EE", "TESTNUMBER", "PNOEE-40504040001", "MOCK-Q", born);
    assert_identical(sample!("2024e-sign-ee-2024"), profile, &of_2024);
    let of_2026 = person("EE", "TEST", "PNOEE-40504040001", "DEM0-Q", born);
    assert_identical(sample!("2024e-sign-ee-40504040001"), profile, &of_2026);
}

#[test]
fn sk_authentication_certificates_are_rebuilt_byte_for_byte() {
    let profile = EndEntityProfile::QUALIFIED_AUTHENTICATION;
    let short = person(
        "EE",
        "TESTNUMBER",
        "PNOEE-40504040001",
        "MOCK-Q",
        date(1905, 4, 4),
    );
    assert_identical(sample!("2024e-auth-ee-6143bit"), profile, &short);
    let of_2026 = person(
        "EE",
        "TEST",
        "PNOEE-40504040001",
        "DEM0-Q",
        date(1905, 4, 4),
    );
    assert_identical(sample!("2024e-auth-ee-40504040001"), profile, &of_2026);
    let of_2025 = person(
        "EE",
        "TEST",
        "PNOEE-40404040009",
        "MOCK-Q",
        date(1904, 4, 4),
    );
    assert_identical(sample!("2024e-auth-ee-40404040009"), profile, &of_2025);
}

#[test]
fn the_basic_certificate_differs_from_sks_by_the_date_of_birth_alone() {
    let subject = person(
        "LT",
        "TESTNUMBER",
        "PNOLT-40504049999",
        "MOCK-NQ",
        date(1905, 4, 4),
    );
    let (real, built) = rebuild(
        sample!("nq2021e-auth-lt"),
        EndEntityProfile::BASIC_AUTHENTICATION,
        &subject,
    );
    assert_eq!(lint(&built).map(|_| ()), Ok(()));
    let mut skeleton = TbsCertificate::from_der(built.tbs_der()).unwrap();
    let extensions = skeleton.extensions.as_mut().unwrap();
    let before = extensions.len();
    extensions.retain(|extension| extension.extn_id != oids::SUBJECT_DIRECTORY_ATTRIBUTES);
    assert_eq!(extensions.len(), before - 1);
    assert!(real.tbs_der() == skeleton.to_der().unwrap());
}

#[test]
fn all_profiles_carry_a_belgian_date_of_birth() {
    for profile in EndEntityProfile::ALL {
        let built = unsigned(profile);
        assert_eq!(lint(&built).map(|_| ()), Ok(()));
        let facts = crate::x509::certificate::Facts::read(built.tbs_der()).unwrap();
        assert_eq!(facts.extensions.birth(), Some(date(1905, 4, 4)));
        assert_eq!(facts.subject.surname(), Some("ÕUNAPUU-PEETERS"));
    }
}

#[test]
fn the_serial_has_sixteen_octets_and_is_positive_whatever_the_randomness() {
    for octets in [[0x00; 16], [0xff; 16], [0x80; 16], [0x7f; 16]] {
        let serial = serial_number(&mut ReplayRng(&octets, 0));
        assert!(serial[0] > 0 && serial[0] < 0x80);
    }
}

#[test]
fn leading_zeros_of_the_modulus_and_fractions_of_the_second_do_not_matter() {
    let subject = subject(Level::Basic);
    let issuer = issuing_ca(Level::Basic);
    let build = |modulus: &[u8], not_before| {
        let entity = EndEntity {
            profile: EndEntityProfile::BASIC_SIGNATURE,
            subject: &subject,
            modulus,
        };
        entity.build(&issuer, not_before, &mut rng()).unwrap().tbs
    };
    let padded = [&[0, 0], modulus().as_slice()].concat();
    let later = now() + jiff::SignedDuration::from_millis(999);
    assert!(build(&modulus(), now()) == build(&padded, later));
}

#[test]
fn an_address_that_is_not_ascii_cannot_be_built() {
    let publication = Publication {
        crl_url: "http://näide.ee/list".into(),
        ..issuing_ca(Level::Basic).publication().clone()
    };
    let issuer = IssuingCa::new(
        issuing_ca(Level::Basic).certificate().clone(),
        Level::Basic,
        publication,
    )
    .unwrap();
    let subject = subject(Level::Basic);
    let entity = EndEntity {
        profile: EndEntityProfile::BASIC_SIGNATURE,
        subject: &subject,
        modulus: &modulus(),
    };
    assert!(matches!(
        entity.build(&issuer, now(), &mut rng()),
        Err(BuildError::Encoding(_))
    ));
}

#[test]
fn a_validity_beyond_the_calendar_cannot_be_built() {
    let subject = subject(Level::Basic);
    let entity = EndEntity {
        profile: EndEntityProfile::BASIC_SIGNATURE,
        subject: &subject,
        modulus: &modulus(),
    };
    let issuer = issuing_ca(Level::Basic);
    assert!(matches!(
        entity.build(&issuer, Timestamp::MAX, &mut rng()),
        Err(BuildError::Time(_))
    ));
}

#[test]
fn an_empty_modulus_cannot_be_built() {
    let subject = subject(Level::Basic);
    let entity = EndEntity {
        profile: EndEntityProfile::BASIC_SIGNATURE,
        subject: &subject,
        modulus: &[],
    };
    let built = entity.build(&issuing_ca(Level::Basic), now(), &mut rng());
    // DER has an integer without octets as zero; the lint refuses that.
    assert!(built.is_err() || built.is_ok_and(|built| lint(&built).is_err()));
}
