use der::asn1::{Any, Int};
use der::{Decode, Encode};
use jiff::SignedDuration;

use super::structures::{ContentInfo, Request, Response, SignerInfo, TstInfo};
use super::*;
use crate::testkit::{Counter, Key, now, unit_certificate};
use crate::x509::Certificate;
use crate::{DigestAlgorithm, ObjectIdentifier};

mod failures;
mod refusals;
mod tokens;

const POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("0.4.0.2023.1.1");
const MESSAGE: &[u8] = b"a signature value";

fn unit(key: &Key) -> TimeStampingUnit {
    TimeStampingUnit {
        certificate: unit_certificate(key),
        chain: Vec::new(),
        policy: POLICY,
        accuracy: SignedDuration::from_secs(1),
        qualified: true,
    }
}

/// What clients ask: a nonce as long as libdigidocpp's, certificates wanted.
fn request(algorithm: DigestAlgorithm) -> Request {
    let imprint = structures::Imprint {
        algorithm: algorithm.identifier(),
        digest: der::asn1::OctetString::new(algorithm.digest(MESSAGE)).unwrap(),
    };
    Request {
        version: Int::new(&[1]).unwrap(),
        message_imprint: Any::encode_from(&imprint).unwrap(),
        policy: None,
        nonce: Some(Int::new(&[0x51; 20]).unwrap()),
        wants_certificates: true,
        extensions: None,
    }
}

fn parsed(request: &Request) -> TimeStampRequest {
    TimeStampRequest::parse(&request.to_der().unwrap()).unwrap()
}

fn imprint() -> MessageImprint {
    MessageImprint::of(DigestAlgorithm::Sha256, MESSAGE)
}

fn token(request: &Request, unit: &TimeStampingUnit, key: &Key) -> TimeStampToken {
    UnsignedToken::build(&parsed(request), unit, now(), &mut Counter(1))
        .unwrap()
        .sign(key)
        .unwrap()
}

fn honest() -> (TimeStampToken, Certificate) {
    let key = Key::p384(7);
    let unit = unit(&key);
    let token = token(&request(DigestAlgorithm::Sha256), &unit, &key);
    (token, unit.certificate)
}
