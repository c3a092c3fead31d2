//! Requests that get no token.

use super::*;
use crate::testkit::{Unreachable, certificate, extended_key_usage, name};
use crate::x509::IssueError;
use crate::{SignatureAlgorithm, SignerError};
use x509_cert::ext::Extension;

fn refused(request: &Request) -> TimeStampFailure {
    TimeStampRequest::parse(&request.to_der().unwrap()).unwrap_err()
}

fn honest_request() -> Request {
    request(DigestAlgorithm::Sha256)
}

#[test]
fn a_digest_by_another_hash_function_is_a_bad_algorithm() {
    // SHA-1, MD5, SHA-224, SHA3-256.
    let others = [
        "1.3.14.3.2.26",
        "1.2.840.113549.2.5",
        "2.16.840.1.101.3.4.2.4",
        "2.16.840.1.101.3.4.2.8",
    ];
    for oid in others {
        let mut request = honest_request();
        let mut imprint: structures::Imprint = request.message_imprint.decode_as().unwrap();
        imprint.algorithm.oid = oid.parse().unwrap();
        request.message_imprint = Any::encode_from(&imprint).unwrap();
        assert_eq!(refused(&request), TimeStampFailure::BadAlgorithm, "{oid}");
    }
}

#[test]
fn a_hash_function_with_parameters_other_than_null_is_a_bad_algorithm() {
    let with = |parameters: Any| {
        let mut request = honest_request();
        let mut imprint: structures::Imprint = request.message_imprint.decode_as().unwrap();
        imprint.algorithm.parameters = Some(parameters);
        request.message_imprint = Any::encode_from(&imprint).unwrap();
        request
    };
    let number = Any::encode_from(&Int::new(&[1]).unwrap()).unwrap();
    assert_eq!(refused(&with(number)), TimeStampFailure::BadAlgorithm);
    let null = with(Any::from(der::asn1::Null));
    assert_eq!(parsed(&null).imprint(), &imprint());
}

#[test]
fn a_digest_of_another_length_is_bad_data() {
    for length in [0, 31, 33, 48] {
        let mut request = honest_request();
        let mut imprint: structures::Imprint = request.message_imprint.decode_as().unwrap();
        imprint.digest = der::asn1::OctetString::new(vec![1; length]).unwrap();
        request.message_imprint = Any::encode_from(&imprint).unwrap();
        assert_eq!(refused(&request).code(), "bad_data_format", "{length}");
    }
}

#[test]
fn another_version_is_a_bad_request() {
    for version in [[0].as_slice(), &[2], &[0xff], &[1, 1]] {
        let mut request = honest_request();
        request.version = Int::new(version).unwrap();
        assert_eq!(refused(&request).code(), "bad_request");
    }
}

#[test]
fn a_nonce_of_64_octets_is_echoed_and_a_longer_one_is_a_bad_request() {
    let key = Key::p384(7);
    let mut request = honest_request();
    request.nonce = Some(Int::new(&[0x51; 64]).unwrap());
    let made = token(&request, &unit(&key), &key);
    assert_eq!(
        made.nonce.as_ref().map(Int::as_bytes),
        Some([0x51; 64].as_slice())
    );
    request.nonce = Some(Int::new(&[0x51; 65]).unwrap());
    assert_eq!(refused(&request).code(), "bad_request");
}

#[test]
fn an_extension_is_not_accepted_whether_critical_or_not() {
    for critical in [true, false] {
        let mut request = honest_request();
        request.extensions = Some(vec![Extension {
            extn_id: "1.2.3.4".parse().unwrap(),
            critical,
            extn_value: der::asn1::OctetString::new([5, 0]).unwrap(),
        }]);
        assert_eq!(refused(&request), TimeStampFailure::UnacceptedExtension);
    }
    let mut request = honest_request();
    request.extensions = Some(Vec::new());
    assert_eq!(refused(&request).code(), "bad_data_format");
}

#[test]
fn bytes_after_the_request_and_half_a_request_are_bad_data() {
    let der = honest_request().to_der().unwrap();
    let after = [der.as_slice(), &[0]].concat();
    let code = |der: &[u8]| TimeStampRequest::parse(der).unwrap_err().code();
    assert_eq!(code(&after), "bad_data_format");
    assert_eq!(code(&[]), "bad_data_format");
    for length in 0..der.len() {
        assert_eq!(code(&der[..length]), "bad_data_format");
    }
}

#[test]
fn a_request_of_more_than_16_kib_is_bad_data() {
    let mut request = honest_request();
    request.nonce = Some(Int::new(&[0x51; 17_000]).unwrap());
    assert_eq!(
        refused(&request),
        TimeStampFailure::BadDataFormat("it is longer than 16 KiB".into())
    );
}

#[test]
fn another_policy_is_not_accepted_and_the_units_own_is() {
    let key = Key::p384(7);
    let mut request = honest_request();
    let build = |request: &Request| {
        UnsignedToken::build(&parsed(request), &unit(&key), now(), &mut Counter(1))
    };
    request.policy = Some("1.2.3.4".parse().unwrap());
    assert_eq!(
        build(&request).unwrap_err(),
        TimeStampFailure::UnacceptedPolicy
    );
    request.policy = Some(POLICY);
    build(&request).unwrap().sign(&key).unwrap();
}

#[test]
fn a_unit_does_not_stamp_outside_its_certificates_validity() {
    let key = Key::p384(7);
    let build = |at: &str| {
        let now = at.parse().unwrap();
        UnsignedToken::build(
            &parsed(&honest_request()),
            &unit(&key),
            now,
            &mut Counter(1),
        )
        .map(|_| ())
    };
    assert_eq!(build("2030-12-31T23:59:59.9Z"), Ok(()));
    let failed = Err(TimeStampFailure::SystemFailure);
    assert_eq!(build("2031-01-01T00:00:00Z"), failed);
    assert_eq!(build("2025-12-31T23:59:59.9Z"), failed);
}

#[test]
fn a_time_that_has_no_encoding_is_not_available() {
    let key = Key::p384(7);
    let now = "-000001-01-01T00:00:00Z".parse().unwrap();
    let refused = UnsignedToken::build(
        &parsed(&honest_request()),
        &unit(&key),
        now,
        &mut Counter(1),
    );
    assert_eq!(refused.unwrap_err(), TimeStampFailure::TimeNotAvailable);
}

#[test]
fn an_answer_without_token_names_the_failure_by_its_bit_and_in_words() {
    let failures = [
        (TimeStampFailure::BadAlgorithm, 0),
        (TimeStampFailure::BadRequest("why"), 2),
        (TimeStampFailure::BadDataFormat("why".into()), 5),
        (TimeStampFailure::TimeNotAvailable, 14),
        (TimeStampFailure::UnacceptedPolicy, 15),
        (TimeStampFailure::UnacceptedExtension, 16),
        (TimeStampFailure::SystemFailure, 25),
    ];
    let mut codes = std::collections::BTreeSet::new();
    for (failure, bit) in failures {
        let response = Response::from_der(&failure.response()).unwrap();
        assert!(response.token.is_none());
        assert_eq!(response.status.status, 2);
        assert_eq!(response.status.text, Some(vec![failure.to_string()]));
        let bits: Vec<bool> = response.status.failure.unwrap().bits().collect();
        // DER: the last bit is the one that is set.
        let only: Vec<bool> = (0..=bit).map(|place| place == bit).collect();
        assert_eq!(bits, only);
        assert!(codes.insert(failure.code()));
    }
}

#[test]
fn the_bit_of_unaccepted_policy_is_encoded_as_openssl_does() {
    let response = TimeStampFailure::UnacceptedPolicy.response();
    assert!(response.ends_with(&[0x03, 0x03, 0x00, 0x00, 0x01]));
}

#[test]
fn no_token_exists_if_the_key_is_another_or_at_fault() {
    let key = || Key::p384(7);
    let unsigned = UnsignedToken::build(
        &parsed(&honest_request()),
        &unit(&key()),
        now(),
        &mut Counter(1),
    )
    .unwrap();
    let signed = |signer: &dyn crate::Signer| unsigned.sign(signer).map(|_| ());
    assert!(signed(&key()).is_ok());
    assert!(matches!(
        signed(&Key::p384(8)),
        Err(IssueError::WrongSigner)
    ));
    let other = key().claiming(SignatureAlgorithm::EcdsaSha256);
    assert!(matches!(signed(&other), Err(IssueError::WrongAlgorithm)));
    assert!(matches!(
        signed(&key().faulty()),
        Err(IssueError::Unverified(_))
    ));
    assert!(matches!(
        signed(&Unreachable(key())),
        Err(IssueError::Signer(SignerError::Unavailable(_)))
    ));
}

#[test]
fn a_certificate_that_is_not_for_time_stamping_makes_no_token() {
    let key = Key::p384(7);
    let mut unit = unit(&key);
    let ocsp = "1.3.6.1.5.5.7.3.9".parse().unwrap();
    let usage = extended_key_usage(true, &[ocsp]);
    unit.certificate = certificate(&key, &name("TEST RESPONDER"), vec![usage]);
    let unsigned =
        UnsignedToken::build(&parsed(&honest_request()), &unit, now(), &mut Counter(1)).unwrap();
    assert!(matches!(unsigned.sign(&key), Err(IssueError::Changed)));
}
