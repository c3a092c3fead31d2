//! Tokens that do not verify, and one by somebody else that does.

use der::asn1::OctetString;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::KeyUsages;

use super::structures::{Attribute, SetBytes};
use super::*;
use crate::VerificationError;
use crate::testkit::{TIME_STAMPING, certificate, extended_key_usage, key_usage, name};

const NONCE: [u8; 20] = [0x51; 20];

fn verify(der: &[u8], unit: &Certificate) -> Result<(), TokenError> {
    TimeStampToken::parse(der)?
        .verify(unit, &imprint(), Some(&NONCE))
        .map(|_| ())
}

/// The real token of SK's demo unit (P-256 key, ecdsa-with-SHA512, with signingTime), made by software that nobody here wrote.
fn sk() -> (TimeStampToken, Certificate) {
    let der = include_bytes!("../../../../../vectors/pki/tst-demo-sk-tsu-2025e.der");
    let pem = include_str!("../../../../../vectors/pki/tsu-demo-2025e.pem");
    (
        TimeStampToken::parse(der).unwrap(),
        Certificate::parse_pem(pem).unwrap().remove(0),
    )
}

#[test]
fn the_real_token_of_sk_verifies() {
    let (token, unit) = sk();
    let imprint = token.imprint.clone();
    let verified = token.verify(&unit, &imprint, None).unwrap();
    assert_eq!(verified.time().to_string(), "2026-05-28T07:26:07Z");
    let other = MessageImprint::of(DigestAlgorithm::Sha256, b"other");
    assert_eq!(
        token.verify(&unit, &other, None).unwrap_err(),
        TokenError::OtherImprint
    );
}

#[test]
fn every_changed_byte_of_a_token_is_refused() {
    let (token, unit) = honest();
    assert_eq!(verify(token.der(), &unit), Ok(()));
    for at in 0..token.der().len() {
        let mut der = token.der().to_vec();
        der[at] ^= [0x01, 0x80, 0xff, 0x20][at % 4];
        assert!(verify(&der, &unit).is_err(), "byte {at}");
    }
}

#[test]
fn every_changed_byte_of_sks_token_is_refused() {
    let (token, unit) = sk();
    let imprint = token.imprint.clone();
    for at in 0..token.der().len() {
        let mut der = token.der().to_vec();
        der[at] ^= 0x01;
        let refused = TimeStampToken::parse(&der)
            .is_ok_and(|token| token.verify(&unit, &imprint, None).is_ok());
        assert!(!refused, "byte {at}");
    }
}

#[test]
fn half_a_token_and_bytes_after_it_are_refused() {
    let (token, _) = honest();
    for length in 0..token.der().len() {
        let cut = TimeStampToken::parse(&token.der()[..length]);
        assert!(matches!(cut, Err(TokenError::Malformed(_))), "{length}");
    }
    let longer = [token.der(), &[0]].concat();
    assert!(matches!(
        TimeStampToken::parse(&longer),
        Err(TokenError::Malformed(_))
    ));
    let long = vec![0; 64 * 1024 + 1];
    assert_eq!(
        TimeStampToken::parse(&long).unwrap_err(),
        TokenError::TooLong
    );
}

#[test]
fn another_nonce_another_message_and_another_unit_are_refused() {
    let (token, unit) = honest();
    let imprint = imprint();
    let refused = |unit, imprint, nonce| token.verify(unit, imprint, nonce).unwrap_err();
    assert_eq!(refused(&unit, &imprint, Some(&[1])), TokenError::OtherNonce);
    let other = MessageImprint::of(DigestAlgorithm::Sha256, b"other");
    assert_eq!(
        refused(&unit, &other, Some(&NONCE)),
        TokenError::OtherImprint
    );
    // The same digest by name of another algorithm would be another length; the same message is another imprint.
    let longer = MessageImprint::of(DigestAlgorithm::Sha512, MESSAGE);
    assert_eq!(refused(&unit, &longer, None), TokenError::OtherImprint);
    let other = sk().1;
    let (token, _) = honest();
    assert_eq!(
        token.verify(&other, &imprint, None).unwrap_err(),
        TokenError::OtherUnit
    );
}

#[test]
fn a_token_without_nonce_does_not_answer_a_request_with_one() {
    let key = Key::p384(7);
    let mut asked = request(DigestAlgorithm::Sha256);
    asked.nonce = None;
    let token = token(&asked, &unit(&key), &key);
    let unit = unit_certificate(&key);
    token.verify(&unit, &imprint(), None).unwrap();
    assert_eq!(
        token.verify(&unit, &imprint(), Some(&NONCE)).unwrap_err(),
        TokenError::OtherNonce
    );
}

/// A token of this unit, whatever its certificate says: signed without the self-check.
fn token_under(extensions: Vec<Extension>) -> Result<(), TokenError> {
    let key = Key::p384(7);
    let certificate = certificate(&key, &name("TEST TIMESTAMPING UNIT"), extensions);
    // Verification looks at the certificate first.
    let (token, _) = honest();
    token.verify(&certificate, &imprint(), None).map(|_| ())
}

#[test]
fn a_certificate_that_is_not_critically_and_only_for_time_stamping_is_refused() {
    let client = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2");
    let only = || extended_key_usage(true, &[TIME_STAMPING]);
    let refused = Err(TokenError::NotForTimeStamping);
    assert_eq!(token_under(vec![]), refused);
    assert_eq!(
        token_under(vec![extended_key_usage(true, &[client])]),
        refused
    );
    let both = extended_key_usage(true, &[TIME_STAMPING, client]);
    assert_eq!(token_under(vec![both]), refused);
    let not_critical = extended_key_usage(false, &[TIME_STAMPING]);
    assert_eq!(
        token_under(vec![not_critical]),
        Err(TokenError::UsageNotCritical)
    );
    let signs_certificates = key_usage(KeyUsages::KeyCertSign);
    assert_eq!(token_under(vec![signs_certificates, only()]), refused);
    // Past these checks: it is the other certificate that the signature is bound to.
    let non_repudiation = key_usage(KeyUsages::NonRepudiation);
    assert_eq!(
        token_under(vec![non_repudiation, only()]),
        Err(TokenError::UnitCertificateMissing)
    );
}

#[test]
fn a_certificate_that_shares_name_number_and_key_is_still_another() {
    let key = Key::p384(7);
    let mut asked = request(DigestAlgorithm::Sha256);
    asked.wants_certificates = false;
    let token = token(&asked, &unit(&key), &key);
    let usage = extended_key_usage(true, &[TIME_STAMPING]);
    let other = certificate(&key, &name("TEST TIMESTAMPING UNIT"), vec![usage]);
    assert_eq!(
        token.verify(&other, &imprint(), None).unwrap_err(),
        TokenError::OtherCertificate
    );
}

#[test]
fn a_signature_by_another_key_is_refused() {
    let by = |other: Option<Key>| {
        altered(
            |_| {},
            |signer, key| {
                let attributes: Vec<Attribute> = signer.signed_attributes.elements().unwrap();
                resign(signer, other.as_ref().unwrap_or(key), &attributes);
            },
        )
    };
    assert_eq!(by(None), Ok(()));
    let wrong = TokenError::Signature(VerificationError::WrongSignature);
    assert_eq!(by(Some(Key::p384(8))), Err(wrong));
}

/// The honest token with something changed, and the signature made again over what is then there.
fn altered(
    alter_content: impl FnOnce(&mut structures::SignedData),
    alter_signer: impl FnOnce(&mut SignerInfo, &Key),
) -> Result<(), TokenError> {
    let key = Key::p384(7);
    let (token, unit) = honest();
    let mut message = ContentInfo::from_der(token.der()).unwrap();
    let mut signer: SignerInfo = message.content.signers.only().unwrap();
    alter_signer(&mut signer, &key);
    message.content.signers = SetBytes::new(&[&signer]).unwrap();
    alter_content(&mut message.content);
    verify(&message.to_der().unwrap(), &unit)
}

fn resign(signer: &mut SignerInfo, key: &Key, attributes: &[Attribute]) {
    use crate::Signer;
    let attributes: Vec<&dyn structures::Encodable> = attributes
        .iter()
        .map(|each| each as &dyn structures::Encodable)
        .collect();
    signer.signed_attributes = SetBytes::new(&attributes).unwrap();
    let signature = key
        .sign(&signer.signed_attributes.to_der().unwrap())
        .unwrap();
    signer.signature = OctetString::new(signature).unwrap();
}

#[test]
fn a_signed_attribute_that_is_missing_or_repeated_is_refused() {
    for oid in [
        structures::CONTENT_TYPE,
        structures::MESSAGE_DIGEST,
        structures::SIGNING_CERTIFICATE_V2,
    ] {
        let missing = altered(
            |_| {},
            |signer, key| {
                let mut attributes: Vec<Attribute> = signer.signed_attributes.elements().unwrap();
                attributes.retain(|attribute| attribute.oid != oid);
                resign(signer, key, &attributes);
            },
        );
        assert_eq!(missing, Err(TokenError::Attribute(oid)));
        let repeated = altered(
            |_| {},
            |signer, key| {
                let mut attributes: Vec<Attribute> = signer.signed_attributes.elements().unwrap();
                let twin = attributes
                    .iter()
                    .find(|attribute| attribute.oid == oid)
                    .unwrap();
                let twin = Attribute {
                    oid,
                    values: twin.values.clone(),
                };
                attributes.push(twin);
                resign(signer, key, &attributes);
            },
        );
        assert_eq!(repeated, Err(TokenError::Attribute(oid)));
    }
}

fn with_attribute(
    oid: ObjectIdentifier,
    value: &dyn structures::Encodable,
) -> Result<(), TokenError> {
    altered(
        |_| {},
        |signer, key| {
            let mut attributes: Vec<Attribute> = signer.signed_attributes.elements().unwrap();
            attributes.retain(|attribute| attribute.oid != oid);
            attributes.push(Attribute {
                oid,
                values: SetBytes::new(&[value]).unwrap(),
            });
            resign(signer, key, &attributes);
        },
    )
}

#[test]
fn attributes_that_say_something_else_are_refused_although_signed() {
    let data = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
    assert_eq!(
        with_attribute(structures::CONTENT_TYPE, &data),
        Err(TokenError::Attribute(structures::CONTENT_TYPE))
    );
    let digest = OctetString::new(DigestAlgorithm::Sha384.digest(b"other")).unwrap();
    assert_eq!(
        with_attribute(structures::MESSAGE_DIGEST, &digest),
        Err(TokenError::ContentChanged)
    );
    let protection = structures::AlgorithmProtection {
        digest_algorithm: DigestAlgorithm::Sha256.identifier(),
        signature_algorithm: crate::SignatureAlgorithm::EcdsaSha384.identifier(),
    };
    assert_eq!(
        with_attribute(structures::ALGORITHM_PROTECTION, &protection),
        Err(TokenError::Algorithm)
    );
    let nobody = structures::SigningCertificateV2 {
        certificates: vec![],
        policies: None,
    };
    assert_eq!(
        with_attribute(structures::SIGNING_CERTIFICATE_V2, &nobody),
        Err(TokenError::Attribute(structures::SIGNING_CERTIFICATE_V2))
    );
}

#[test]
fn a_certificate_identifier_with_another_issuer_or_number_is_refused() {
    let (_, unit) = honest();
    let named = |serial: &[u8], issuer: Vec<Any>| {
        let value = structures::SigningCertificateV2 {
            certificates: vec![structures::EssCertIdV2 {
                algorithm: None,
                digest: OctetString::new(DigestAlgorithm::Sha256.digest(unit.der())).unwrap(),
                issuer_serial: Some(structures::IssuerSerial {
                    issuer,
                    serial: Int::new(serial).unwrap(),
                }),
            }],
            policies: None,
        };
        with_attribute(structures::SIGNING_CERTIFICATE_V2, &value)
    };
    let issuer = build::directory_name(unit.issuer()).unwrap();
    let serial = unit.serial().as_bytes();
    assert_eq!(named(serial, vec![issuer.clone()]), Ok(()));
    let refused = Err(TokenError::OtherCertificate);
    assert_eq!(named(&[9], vec![issuer.clone()]), refused);
    assert_eq!(named(serial, vec![]), refused);
    let other = build::directory_name(sk().1.issuer()).unwrap();
    assert_eq!(named(serial, vec![other]), refused);
}

#[test]
fn two_signers_or_none_are_refused() {
    let none = altered(|data| data.signers = SetBytes::new(&[]).unwrap(), |_, _| {});
    assert_eq!(none, Err(TokenError::NotOneSigner));
    let two = altered(
        |data| {
            let signer: SignerInfo = data.signers.only().unwrap();
            data.signers = SetBytes::new(&[&signer, &signer]).unwrap();
        },
        |_, _| {},
    );
    assert_eq!(two, Err(TokenError::NotOneSigner));
}

#[test]
fn revocation_lists_in_a_token_are_refused() {
    let refused = altered(
        |data| data.revocation = Some(SetBytes::new(&[]).unwrap()),
        |_, _| {},
    );
    assert_eq!(refused, Err(TokenError::RevocationLists));
}

#[test]
fn other_versions_and_other_content_are_refused() {
    let version = altered(|data| data.version = 1, |_, _| {});
    assert_eq!(version, Err(TokenError::UnknownVersion));
    let version = altered(|_| {}, |signer, _| signer.version = 3);
    assert_eq!(version, Err(TokenError::UnknownVersion));
    let content = altered(
        |data| data.content.content_type = "1.2.840.113549.1.7.1".parse().unwrap(),
        |_, _| {},
    );
    assert_eq!(content, Err(TokenError::NotATimeStamp));
}

#[test]
fn a_digest_algorithm_that_is_not_announced_or_not_accepted_is_refused() {
    let refused = Err(TokenError::Algorithm);
    let other = DigestAlgorithm::Sha256.identifier();
    let announced = altered(
        |data| data.digest_algorithms = SetBytes::new(&[&other]).unwrap(),
        |_, _| {},
    );
    assert_eq!(announced, refused);
    let sha1 = || spki::AlgorithmIdentifierOwned {
        oid: "1.3.14.3.2.26".parse().unwrap(),
        parameters: None,
    };
    assert_eq!(
        altered(|_| {}, |signer, _| signer.digest_algorithm = sha1()),
        refused
    );
    assert_eq!(
        altered(|_| {}, |signer, _| signer.signature_algorithm = sha1()),
        refused
    );
    // SHA-256 for the content, SHA-384 for the signature.
    let mixed = altered(|_| {}, |signer, _| signer.digest_algorithm = other.clone());
    assert_eq!(mixed, refused);
}

/// The honest token's TSTInfo with something changed.
fn with_info(alter: impl FnOnce(&mut TstInfo)) -> Result<(), TokenError> {
    altered(
        |data| {
            let mut info = TstInfo::from_der(data.content.content.as_bytes()).unwrap();
            alter(&mut info);
            data.content.content = OctetString::new(info.to_der().unwrap()).unwrap();
        },
        |_, _| {},
    )
}

#[test]
fn a_tst_info_of_another_form_is_refused() {
    let version = with_info(|info| info.version = Int::new(&[2]).unwrap());
    assert_eq!(version, Err(TokenError::UnknownVersion));
    let unknown: ObjectIdentifier = "1.2.3.4".parse().unwrap();
    let extension = |critical| {
        with_info(|info| {
            info.extensions = Some(vec![Extension {
                extn_id: unknown,
                critical,
                extn_value: OctetString::new([5, 0]).unwrap(),
            }]);
        })
    };
    assert_eq!(
        extension(true),
        Err(TokenError::UnknownCriticalExtension(unknown))
    );
    assert_eq!(extension(false), Err(TokenError::ContentChanged));
    let imprint = with_info(|info| {
        let mut imprint: structures::Imprint = info.message_imprint.decode_as().unwrap();
        imprint.algorithm.oid = "1.3.14.3.2.26".parse().unwrap();
        info.message_imprint = Any::encode_from(&imprint).unwrap();
    });
    assert_eq!(imprint, Err(TokenError::ImprintAlgorithm));
}

#[test]
fn only_the_forms_of_time_that_rfc_3161_allows_are_read() {
    let read = |text: &str| {
        let time = Any::new(der::Tag::GeneralizedTime, text.as_bytes()).unwrap();
        time::decode(&time).map(|time| time.to_string())
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(read("20260301120000Z"), some("2026-03-01T12:00:00Z"));
    assert_eq!(read("20260301120000.5Z"), some("2026-03-01T12:00:00.5Z"));
    assert_eq!(
        read("20260301120000.000000001Z"),
        some("2026-03-01T12:00:00.000000001Z")
    );
    for other in [
        "",
        "Z",
        "20260301120000",
        "20260301120000.Z",
        "20260301120000.50Z",
        "202603011200Z",
        "20260301120000+0000",
        "20260301120000,5Z",
        "20260230120000Z",
        "20260301250000Z",
        "2026030112000éZ",
        "20260301120000.0000000001Z",
        "+2260301120000Z",
        "2026030112000+.5Z",
        "20260301120000.+5Z",
    ] {
        assert_eq!(read(other), None, "{other}");
        let changed = with_info(|info| {
            info.time = Any::new(der::Tag::GeneralizedTime, other.as_bytes()).unwrap();
        });
        assert_eq!(changed, Err(TokenError::Time), "{other}");
    }
    let utc = Any::new(der::Tag::UtcTime, b"260301120000Z".as_slice()).unwrap();
    assert_eq!(time::decode(&utc), None);
}

#[test]
fn a_time_after_the_certificate_is_refused() {
    let expired = with_info(|info| {
        info.time = time::encode("2031-01-01T00:00:00Z".parse().unwrap()).unwrap();
    });
    assert_eq!(expired, Err(TokenError::OutsideValidity));
}
