use der::Encode;
use der::asn1::OctetString;
use sha2::Digest;

use super::*;

/// A CertID with whatever parameters.
pub(super) fn cert_id_with(
    issuer: &Certificate,
    hash: ObjectIdentifier,
    parameters: Option<[u8; 2]>,
) -> Vec<u8> {
    let key = issuer.public_key().key_bits();
    let name = issuer.subject().der();
    let hashes = match hash {
        oids::SHA1 => [name, key].map(|part| sha1::Sha1::digest(part).to_vec()),
        oids::SHA256 => [name, key].map(|part| sha2::Sha256::digest(part).to_vec()),
        oids::SHA384 => [name, key].map(|part| sha2::Sha384::digest(part).to_vec()),
        _ => [name, key].map(|part| sha2::Sha512::digest(part).to_vec()),
    };
    let [name, key] = hashes.map(|hash| octets(&hash));
    let algorithm = asn1::sequence(&[
        &hash.to_der().unwrap(),
        parameters.as_ref().map_or(&[], |null| null.as_slice()),
    ]);
    let serial = asn1::value(der::Tag::Integer, serial(7).as_bytes()).unwrap();
    asn1::sequence(&[&algorithm.unwrap(), &name, &key, &serial]).unwrap()
}

pub(super) fn extension(oid: ObjectIdentifier, critical: bool, value: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if critical { &[1, 1, 0xff] } else { &[] };
    asn1::sequence(&[&oid.to_der().unwrap(), critical, &octets(value)]).unwrap()
}

pub(super) fn request_of(ids: &[&[u8]], extensions: &[&[u8]]) -> Vec<u8> {
    let requests: Vec<Vec<u8>> = ids
        .iter()
        .map(|id| asn1::sequence(&[id]).unwrap())
        .collect();
    wrapped(&[], &requests, extensions)
}

/// `before`: version and requestorName.
fn wrapped(before: &[u8], requests: &[Vec<u8>], extensions: &[&[u8]]) -> Vec<u8> {
    let requests = asn1::sequence(&[&requests.concat()]).unwrap();
    let extensions = match extensions {
        [] => Vec::new(),
        some => asn1::explicit(2, &asn1::sequence(some).unwrap()).unwrap(),
    };
    asn1::sequence(&[&asn1::sequence(&[before, &requests, &extensions]).unwrap()]).unwrap()
}

fn octets(value: &[u8]) -> Vec<u8> {
    OctetString::new(value).unwrap().to_der().unwrap()
}

fn good_id() -> Vec<u8> {
    cert_id(oids::SHA1, 7).der().to_vec()
}

fn error_of(der: &[u8]) -> OcspRequestError {
    OcspRequest::parse(der).unwrap_err()
}

#[test]
fn what_a_client_writes_is_read() {
    for nonce in [None, Some(&[1][..]), Some(&[0xff; 128])] {
        let made = OcspRequest::new(cert_id(oids::SHA1, 9), nonce).unwrap();
        let read = OcspRequest::parse(made.der()).unwrap();
        assert_eq!(read.certificates(), made.certificates());
        assert_eq!(read.nonce(), made.nonce());
        assert_eq!(read.certificates()[0].serial(), &serial(9));
    }
}

#[test]
fn a_nonce_has_1_to_128_octets() {
    let with =
        |value: &[u8]| request_of(&[&good_id()], &[&extension(oids::OCSP_NONCE, false, value)]);
    assert_eq!(error_of(&with(&[])), OcspRequestError::NonceLength(0));
    assert_eq!(error_of(&with(&[4, 0])), OcspRequestError::NonceLength(0));
    assert_eq!(
        error_of(&with(&octets(&[7; 129]))),
        OcspRequestError::NonceLength(129)
    );
    assert_eq!(
        error_of(&with(&[7; 129])),
        OcspRequestError::NonceLength(129)
    );
    assert!(OcspRequest::parse(&with(&octets(&[7; 128]))).is_ok());
    assert!(OcspRequest::parse(&with(&[7; 128])).is_ok());
    for nonce in [&[][..], &[0; 129]] {
        assert!(OcspRequest::new(cert_id(oids::SHA1, 7), Some(nonce)).is_err());
    }
}

#[test]
fn one_to_sixteen_certificates_are_answered_about() {
    let id = good_id();
    let of = |count| request_of(&vec![id.as_slice(); count], &[]);
    assert_eq!(error_of(&of(0)), OcspRequestError::NoCertificate);
    assert!(OcspRequest::parse(&of(1)).is_ok());
    assert_eq!(
        OcspRequest::parse(&of(MAX_CERTIFICATES))
            .unwrap()
            .certificates()
            .len(),
        MAX_CERTIFICATES
    );
    assert_eq!(
        error_of(&of(MAX_CERTIFICATES + 1)),
        OcspRequestError::TooManyCertificates
    );
}

#[test]
fn a_longer_request_is_not_read() {
    let long = request_of(
        &[&good_id()],
        &[&extension(
            ObjectIdentifier::new_unwrap("1.2.3"),
            false,
            &[0; 16 * 1024],
        )],
    );
    assert_eq!(error_of(&long), OcspRequestError::TooLong);
}

#[test]
fn another_version_is_refused_and_version_1_said_aloud_is_not() {
    let version = |number| asn1::explicit(0, &[2, 1, number]).unwrap();
    let request = vec![asn1::sequence(&[&good_id()]).unwrap()];
    let with = |number| wrapped(&version(number), &request, &[]);
    assert_eq!(error_of(&with(1)), OcspRequestError::Version);
    assert!(OcspRequest::parse(&with(0)).is_ok());
}

#[test]
fn a_requestors_name_and_signature_are_passed_over() {
    let name = asn1::explicit(1, &asn1::explicit(4, issuer().subject().der()).unwrap()).unwrap();
    let request = vec![asn1::sequence(&[&good_id()]).unwrap()];
    let named = wrapped(&name, &request, &[]);
    assert!(OcspRequest::parse(&named).is_ok());
    let inner = der::asn1::AnyRef::try_from(named.as_slice())
        .unwrap()
        .value();
    let signature = asn1::explicit(
        0,
        &asn1::sequence(&[
            &asn1::sequence(&[&oids::ECDSA_SHA256.to_der().unwrap()]).unwrap(),
            &[3, 2, 0, 0xff],
        ])
        .unwrap(),
    )
    .unwrap();
    let signed = asn1::sequence(&[inner, &signature]).unwrap();
    assert!(OcspRequest::parse(&signed).is_ok());
}

#[test]
fn only_unknown_extensions_that_are_not_critical_are_passed_over() {
    let unknown = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.4");
    let of = |critical| extension(unknown, critical, &[0x30, 0]);
    let refusal = OcspRequestError::UnknownCriticalExtension(unknown);
    let id = good_id();
    let outer = |critical| request_of(&[&id], &[&of(critical)]);
    assert!(OcspRequest::parse(&outer(false)).is_ok());
    assert_eq!(error_of(&outer(true)), refusal);
    let single = |critical| {
        let extensions = asn1::explicit(0, &asn1::sequence(&[&of(critical)]).unwrap()).unwrap();
        wrapped(&[], &[asn1::sequence(&[&id, &extensions]).unwrap()], &[])
    };
    assert!(OcspRequest::parse(&single(false)).is_ok());
    assert_eq!(error_of(&single(true)), refusal);
    // The nonce is known, but says nothing about one certificate.
    let critical_nonce = extension(oids::OCSP_NONCE, true, &octets(NONCE));
    assert!(OcspRequest::parse(&request_of(&[&id], &[&critical_nonce])).is_ok());
}

#[test]
fn a_repeated_extension_is_refused() {
    let nonce = extension(oids::OCSP_NONCE, false, &octets(NONCE));
    assert_eq!(
        error_of(&request_of(&[&good_id()], &[&nonce, &nonce])),
        OcspRequestError::RepeatedExtension(oids::OCSP_NONCE)
    );
}

#[test]
fn what_is_not_der_is_refused() {
    let good = request_of(&[&good_id()], &[]);
    assert!(OcspRequest::parse(&good).is_ok());
    let cases = [
        Vec::new(),
        vec![0x30, 0x80],
        good[..good.len() - 1].to_vec(),
        [good.as_slice(), &[0]].concat(),
    ];
    for der in cases {
        assert!(matches!(error_of(&der), OcspRequestError::Malformed(_)));
    }
}

#[test]
fn a_certificate_of_another_authority_is_not_ours() {
    let root = make_ceremony().root;
    for hash in [oids::SHA1, oids::SHA256, oids::SHA384, oids::SHA512] {
        let id = cert_id(hash, 7);
        assert!(id.names_issuer(&issuer()));
        assert!(!id.names_issuer(&root));
    }
    assert!(CertId::new(oids::RSA_SHA256, &issuer(), &serial(7)).is_err());
    // Both hashes count, and the parameters must be absent or NULL.
    let good = cert_id_with(&issuer(), oids::SHA1, Some([5, 0]));
    for at in [good.len() - 40, good.len() - 15] {
        let mut other = good.clone();
        other[at] ^= 1;
        let id = CertId::read(&other).unwrap();
        assert!(!id.names_issuer(&issuer()), "octet {at}");
    }
    let strange = cert_id_with(&issuer(), oids::SHA1, Some([4, 0]));
    assert!(!CertId::read(&strange).unwrap().names_issuer(&issuer()));
}
