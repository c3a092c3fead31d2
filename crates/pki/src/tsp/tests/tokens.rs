//! Tokens as we make them.

use super::*;
use crate::oids;
use proptest::prelude::*;

fn info(token: &TimeStampToken) -> TstInfo {
    TstInfo::from_der(token.tst_info_der()).unwrap()
}

fn signed_data(token: &TimeStampToken) -> structures::SignedData {
    ContentInfo::from_der(token.der()).unwrap().content
}

#[test]
fn a_token_says_what_en_319_422_wants() {
    let (token, certificate) = honest();
    let info = info(&token);
    assert_eq!(info.policy, POLICY);
    assert_eq!(info.serial.as_bytes(), (1..17).collect::<Vec<u8>>());
    // Whole seconds, although the clock said three quarters more.
    assert_eq!(info.time.value(), b"20260301120000Z");
    let accuracy = info.accuracy.unwrap();
    assert_eq!(
        (accuracy.seconds, accuracy.millis, accuracy.micros),
        (Some(1), None, None)
    );
    assert!(!info.ordering);
    let authority = build::directory_name(certificate.subject()).unwrap();
    assert_eq!(info.authority, Some(authority));
    let [statements] = info.extensions.unwrap().try_into().unwrap();
    assert_eq!(
        (statements.extn_id, statements.critical),
        (oids::QC_STATEMENTS, false)
    );
    // The very octets of the real token of SK's demo unit.
    assert_eq!(
        statements.extn_value.as_bytes(),
        b"\x30\x0b\x30\x09\x06\x07\x04\x00\x81\x97\x5e\x01\x01"
    );
}

#[test]
fn a_unit_that_is_not_qualified_does_not_say_so() {
    let key = Key::p384(7);
    let mut unit = unit(&key);
    unit.qualified = false;
    let token = token(&request(DigestAlgorithm::Sha256), &unit, &key);
    assert!(info(&token).extensions.is_none());
}

#[test]
fn accuracy_is_stated_to_the_microsecond_rounded_up() {
    let key = Key::p384(7);
    let stated = |accuracy: SignedDuration| {
        let unit = TimeStampingUnit {
            accuracy,
            ..unit(&key)
        };
        let accuracy = info(&token(&request(DigestAlgorithm::Sha256), &unit, &key)).accuracy;
        let accuracy = accuracy.unwrap();
        (accuracy.seconds, accuracy.millis, accuracy.micros)
    };
    assert_eq!(
        stated(SignedDuration::from_millis(500)),
        (None, Some(500), None)
    );
    assert_eq!(
        stated(SignedDuration::from_micros(2_000_003)),
        (Some(2), None, Some(3))
    );
    assert_eq!(
        stated(SignedDuration::from_nanos(999_999_001)),
        (Some(1), None, None)
    );
}

#[test]
fn certificates_are_embedded_only_if_wanted() {
    let key = Key::p384(7);
    let mut asked = request(DigestAlgorithm::Sha256);
    let with = token(&asked, &unit(&key), &key);
    assert_eq!(with.certificates, [unit(&key).certificate.der()]);
    asked.wants_certificates = false;
    let without = token(&asked, &unit(&key), &key);
    assert!(signed_data(&without).certificates.is_none());
}

#[test]
fn the_chain_is_embedded_beside_the_units_certificate() {
    let key = Key::p384(7);
    let above = unit_certificate(&Key::p384(8));
    let unit = TimeStampingUnit {
        chain: vec![above.clone()],
        ..unit(&key)
    };
    let token = token(&request(DigestAlgorithm::Sha256), &unit, &key);
    assert_eq!(token.certificates.len(), 2);
    assert!(token.certificates.contains(&above.der().to_vec()));
}

#[test]
fn the_message_has_the_versions_of_rfc_5652_and_one_signer() {
    let data = signed_data(&honest().0);
    assert_eq!(data.version, 3);
    let signer: SignerInfo = data.signers.only().unwrap();
    assert_eq!(signer.version, 1);
    assert!(signer.unsigned_attributes.is_none() && data.revocation.is_none());
}

#[test]
fn the_digests_follow_the_units_key() {
    let units = [
        (Key::p256(7), DigestAlgorithm::Sha256),
        (Key::p384(7), DigestAlgorithm::Sha384),
        (Key::p521(7), DigestAlgorithm::Sha512),
    ];
    for (key, digest) in units {
        let unit = unit(&key);
        let token = token(&request(DigestAlgorithm::Sha512), &unit, &key);
        assert_eq!(token.digest_algorithms, [digest.identifier()]);
        assert_eq!(token.signer.digest_algorithm, digest.identifier());
        let imprint = MessageImprint::of(DigestAlgorithm::Sha512, MESSAGE);
        let nonce = [0x51; 20];
        let verified = token
            .verify(&unit.certificate, &imprint, Some(&nonce))
            .unwrap();
        assert_eq!(verified.time().as_second(), now().as_second());
    }
}

#[test]
fn signed_attributes_are_in_der_order() {
    let (token, _) = honest();
    let data = signed_data(&token);
    let signer: SignerInfo = data.signers.only().unwrap();
    let attributes = signer.signed_attributes.element_bytes().unwrap();
    assert!(attributes.is_sorted());
    assert_eq!(attributes.len(), 4);
}

#[test]
fn an_answer_with_a_token_is_granted() {
    let (token, _) = honest();
    let response = Response::from_der(&token.response()).unwrap();
    assert_eq!(response.status.status, 0);
    assert!(response.status.failure.is_none());
    assert_eq!(response.token.unwrap().to_der().unwrap(), token.der());
}

#[test]
fn a_serial_number_of_zeros_is_still_positive_and_sixteen_octets_long() {
    let key = Key::p384(7);
    let asked = parsed(&request(DigestAlgorithm::Sha256));
    for first in [0, 0x7f, 0x80, 0xff] {
        let unsigned =
            UnsignedToken::build(&asked, &unit(&key), now(), &mut Counter(first)).unwrap();
        let serial = info(&unsigned.sign(&key).unwrap()).serial;
        assert_eq!(serial.as_bytes().len(), 16);
        assert!(serial.as_bytes()[0] < 0x80);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_was_asked_is_echoed_byte_for_byte(
        nonce in prop::option::of(prop::collection::vec(any::<u8>(), 1..64)),
        digest in prop::collection::vec(any::<u8>(), 64),
        null in any::<bool>(),
        which in 0_usize..3,
        wants_certificates: bool,
    ) {
        let key = Key::p384(7);
        let algorithm = [DigestAlgorithm::Sha256, DigestAlgorithm::Sha384, DigestAlgorithm::Sha512][which];
        let mut identifier = algorithm.identifier();
        identifier.parameters = null.then(|| Any::from(der::asn1::Null));
        let imprint = structures::Imprint {
            algorithm: identifier,
            digest: der::asn1::OctetString::new(&digest[..algorithm.length()]).unwrap(),
        };
        // An INTEGER of DER: no redundant first octet.
        let nonce = nonce.map(|mut octets| { octets[0] = octets[0] & 0x3f | 0x40; octets });
        let asked = Request {
            message_imprint: Any::encode_from(&imprint).unwrap(),
            nonce: nonce.as_ref().map(|octets| Int::new(octets).unwrap()),
            wants_certificates,
            ..request(DigestAlgorithm::Sha256)
        };
        let token = token(&asked, &unit(&key), &key);
        let info = info(&token);
        prop_assert_eq!(info.message_imprint, asked.message_imprint);
        prop_assert_eq!(info.nonce, asked.nonce);
    }
}

/// One negative, one of a single zero: whatever INTEGER somebody chose.
#[test]
fn strange_nonces_are_echoed_too() {
    let key = Key::p384(7);
    for octets in [[0_u8].as_slice(), &[0xff], &[0x80, 0, 0], &[0, 0x80]] {
        let mut asked = request(DigestAlgorithm::Sha256);
        asked.nonce = Some(Int::new(octets).unwrap());
        assert_eq!(info(&token(&asked, &unit(&key), &key)).nonce, asked.nonce);
    }
}

#[test]
fn a_clients_request_is_answered_and_its_token_verifies() {
    let key = Key::p384(7);
    let asked = TimeStampRequest::new(imprint(), &[0x51; 20]).unwrap();
    let arrived = TimeStampRequest::parse(&asked.to_der().unwrap()).unwrap();
    assert_eq!(arrived.imprint(), asked.imprint());
    assert_eq!(arrived.nonce(), Some([0x51; 20].as_slice()));
    let token = UnsignedToken::build(&arrived, &unit(&key), now(), &mut Counter(0))
        .unwrap()
        .sign(&key)
        .unwrap();
    let received = TimeStampToken::parse_response(&token.response()).unwrap();
    let verified = received.verify(&unit_certificate(&key), &imprint(), asked.nonce());
    assert_eq!(verified.unwrap().time(), received.time);
}

#[test]
fn a_request_is_not_made_with_a_nonce_that_is_no_positive_number() {
    for nonce in [[].as_slice(), &[0], &[0x80], &[1; 65]] {
        assert!(
            TimeStampRequest::new(imprint(), nonce).is_err(),
            "{nonce:?}"
        );
    }
}

#[test]
fn an_answer_without_token_tells_the_servers_reason() {
    let failure = TimeStampFailure::UnacceptedPolicy;
    let error = TimeStampToken::parse_response(&failure.response()).unwrap_err();
    assert_eq!(error, TokenError::Refused(failure.to_string()));
    let (token, _) = honest();
    // The token alone is no answer.
    assert!(TimeStampToken::parse_response(token.der()).is_err());
}
