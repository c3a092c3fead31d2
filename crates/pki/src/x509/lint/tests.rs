use const_oid::ObjectIdentifier;
use der::asn1::{Any, AnyRef, Int, OctetString, SetOfVec};
use der::{Decode, Encode, Tag};
use jiff::SignedDuration;
use x509_cert::ext::Extension;

use super::key_rules::{MAX_MODULUS_BITS, MIN_MODULUS_BITS};
use super::*;
use crate::oids;
use crate::x509::name::DistinguishedName;
use crate::x509::profile::{EndEntityProfile, Level};
use crate::x509::tbs::TbsCertificate;
use crate::x509::testkit::{
    altered, ca_name, issuing_ca, issuing_signer, make_ceremony, modulus, now, rng, root_config,
    root_signer, subject, unsigned,
};
use crate::x509::{
    CeremonyError, EndEntity, IssuingCa, IssuingCaConfig, Publication, Subject, ceremony,
};
use crate::{PublicKey, Signer};

pub(super) const SIGNATURE: EndEntityProfile = EndEntityProfile::QUALIFIED_SIGNATURE;
pub(super) const AUTHENTICATION: EndEntityProfile = EndEntityProfile::QUALIFIED_AUTHENTICATION;

pub(super) fn findings(certificate: &UnsignedCertificate) -> Vec<LintFinding> {
    lint(certificate).err().unwrap_or_default()
}

/// Changing a good certificate this way is found, and nothing else is.
pub(super) fn assert_finds(alter: impl FnOnce(&mut TbsCertificate), finding: LintFinding) {
    assert_eq!(findings(&altered(unsigned(SIGNATURE), alter)), [finding]);
}

pub(super) fn assert_finds_content(oid: ObjectIdentifier, hex: &[u8]) {
    assert_finds(
        |tbs| set_value(tbs, oid, hex),
        LintFinding::ExtensionContent(oid),
    );
}

pub(super) fn set_value(tbs: &mut TbsCertificate, oid: ObjectIdentifier, value: &[u8]) {
    extension(tbs, oid).extn_value = OctetString::new(value).unwrap();
}

/// Replaces text in an extension's value by other text of the same length.
pub(super) fn replace(tbs: &mut TbsCertificate, oid: ObjectIdentifier, from: &[u8], to: &[u8]) {
    assert_eq!(from.len(), to.len());
    let mut value = extension(tbs, oid).extn_value.as_bytes().to_vec();
    let at = value
        .windows(from.len())
        .position(|window| window == from)
        .unwrap();
    value[at..at + to.len()].copy_from_slice(to);
    set_value(tbs, oid, &value);
}

pub(super) fn extension(tbs: &mut TbsCertificate, oid: ObjectIdentifier) -> &mut Extension {
    tbs.extensions
        .as_mut()
        .unwrap()
        .iter_mut()
        .find(|extension| extension.extn_id == oid)
        .unwrap()
}

pub(super) fn set_subject(tbs: &mut TbsCertificate, attributes: &[(ObjectIdentifier, &str)]) {
    tbs.subject = Any::from_der(DistinguishedName::build(attributes).unwrap().der()).unwrap();
}

pub(super) fn set_spki(tbs: &mut TbsCertificate, spki: &[u8]) {
    tbs.subject_public_key_info = Any::from_der(spki).unwrap();
    let identifier = *PublicKey::from_spki_der(spki).unwrap().key_identifier();
    set_value(
        tbs,
        oids::SUBJECT_KEY_IDENTIFIER,
        &[&[4, 20], identifier.as_slice()].concat(),
    );
}

pub(super) fn set_modulus(tbs: &mut TbsCertificate, modulus: &[u8]) {
    set_spki(
        tbs,
        PublicKey::from_rsa_modulus(modulus).unwrap().spki_der(),
    );
}

pub(super) fn time(tag: Tag, text: &str) -> Any {
    Any::new(tag, text.as_bytes()).unwrap()
}

pub(super) fn findings_for(subject: &Subject) -> Vec<LintFinding> {
    let entity = EndEntity {
        profile: SIGNATURE,
        subject,
        modulus: &modulus(),
    };
    findings(
        &entity
            .build(&issuing_ca(Level::Qualified), now(), &mut rng())
            .unwrap(),
    )
}

pub(super) fn findings_with(publication: Publication) -> Vec<LintFinding> {
    let issuer = IssuingCa::new(
        make_ceremony().issuing.remove(0),
        Level::Qualified,
        publication,
    )
    .unwrap();
    let subject = subject(Level::Qualified);
    let entity = EndEntity {
        profile: SIGNATURE,
        subject: &subject,
        modulus: &modulus(),
    };
    findings(&entity.build(&issuer, now(), &mut rng()).unwrap())
}

mod extensions;
mod key;
mod services;
mod subject;

#[test]
fn every_profile_passes_as_built() {
    for profile in EndEntityProfile::ALL {
        assert_eq!(findings(&unsigned(profile)), []);
    }
}

#[test]
fn bytes_that_are_no_certificate_are_found() {
    let mut certificate = unsigned(SIGNATURE);
    certificate.tbs.push(0);
    assert!(matches!(
        findings(&certificate)[..],
        [LintFinding::Unreadable(_)]
    ));
}

#[test]
fn another_version_is_found() {
    assert_finds(|tbs| tbs.version = 1, LintFinding::Version);
}

#[test]
fn a_serial_that_is_zero_or_negative_is_found() {
    assert_finds(
        |tbs| tbs.serial_number = Int::new(&[0]).unwrap(),
        LintFinding::SerialNotPositive,
    );
    assert_finds(
        |tbs| tbs.serial_number = Int::new(&[0x80; 16]).unwrap(),
        LintFinding::SerialNotPositive,
    );
}

#[test]
fn a_serial_of_21_octets_is_found_and_of_20_is_not() {
    assert_finds(
        |tbs| tbs.serial_number = Int::new(&[1; 21]).unwrap(),
        LintFinding::SerialTooLong,
    );
    let fits = altered(unsigned(SIGNATURE), |tbs| {
        tbs.serial_number = Int::new(&[1; 20]).unwrap()
    });
    assert_eq!(findings(&fits), []);
}

#[test]
fn a_serial_of_63_bits_is_found_and_of_64_is_not() {
    assert_finds(
        |tbs| tbs.serial_number = Int::new(&[0x7f; 8]).unwrap(),
        LintFinding::SerialTooShort,
    );
    let octets = [&[0], [0x80; 8].as_slice()].concat();
    let fits = altered(unsigned(SIGNATURE), |tbs| {
        tbs.serial_number = Int::new(&octets).unwrap()
    });
    assert_eq!(findings(&fits), []);
}

#[test]
fn another_signature_algorithm_or_parameters_are_found() {
    assert_finds(
        |tbs| tbs.signature.oid = oids::ECDSA_SHA256,
        LintFinding::SignatureAlgorithm,
    );
    assert_finds(
        |tbs| tbs.signature.parameters = Some(Any::from(AnyRef::NULL)),
        LintFinding::SignatureAlgorithm,
    );
}

#[test]
fn another_issuer_name_is_found() {
    let root = make_ceremony().root;
    assert_finds(
        |tbs| tbs.issuer = Any::from_der(root.subject().der()).unwrap(),
        LintFinding::IssuerName,
    );
}

#[test]
fn a_time_of_the_wrong_type_is_found() {
    assert_finds(
        |tbs| tbs.validity.not_before = time(Tag::GeneralizedTime, "20260301120000Z"),
        LintFinding::TimeEncoding,
    );
    assert_finds(
        |tbs| tbs.validity.not_after = time(Tag::GeneralizedTime, "20290228115959Z"),
        LintFinding::TimeEncoding,
    );
}

#[test]
fn a_lifetime_one_second_off_is_found() {
    assert_finds(
        |tbs| tbs.validity.not_after = time(Tag::UtcTime, "290228115958Z"),
        LintFinding::Lifetime,
    );
    assert_finds(
        |tbs| tbs.validity.not_after = time(Tag::UtcTime, "290228120000Z"),
        LintFinding::Lifetime,
    );
}

#[test]
fn a_validity_outside_the_issuers_is_found() {
    let subject = subject(Level::Qualified);
    let entity = EndEntity {
        profile: SIGNATURE,
        subject: &subject,
        modulus: &modulus(),
    };
    let issuer = issuing_ca(Level::Qualified);
    let first = issuer.certificate().not_before();
    let last_start = issuer.certificate().not_after() - END_ENTITY_LIFETIME;
    let second = SignedDuration::from_secs(1);
    let at = |start| findings(&entity.build(&issuer, start, &mut rng()).unwrap());
    assert_eq!(at(first), []);
    assert_eq!(at(last_start), []);
    assert_eq!(at(first - second), [LintFinding::OutsideIssuerValidity]);
    assert_eq!(
        at(last_start + second),
        [LintFinding::OutsideIssuerValidity]
    );
}

#[test]
fn an_authority_that_breaks_its_profile_is_not_made() {
    let attempt = |name: &str, spki: Vec<u8>| {
        let config = IssuingCaConfig {
            name: ca_name(name),
            public_key_spki: spki,
        };
        ceremony(&root_config(), &root_signer(), &[config], now(), &mut rng())
    };
    let good_key = || issuing_signer().public_key_spki().to_vec();
    assert!(matches!(attempt("", good_key()),
        Err(CeremonyError::Lint(found)) if found == [LintFinding::StringContent(oids::COMMON_NAME)]));
    let rsa = PublicKey::from_rsa_modulus(&modulus())
        .unwrap()
        .spki_der()
        .to_vec();
    assert!(
        matches!(attempt("EID-Q", rsa), Err(CeremonyError::Lint(found)) if found == [LintFinding::KeyKind])
    );
    assert!(matches!(
        attempt("EID-Q", vec![0x30, 0]),
        Err(CeremonyError::PublicKey(_))
    ));
}
