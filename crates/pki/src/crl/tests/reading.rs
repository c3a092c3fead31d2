use std::sync::LazyLock;

use super::*;

/// A list with its parts changed, signed by the issuer.
struct Parts {
    version: Vec<u8>,
    algorithm: Vec<u8>,
    this_update: Vec<u8>,
    next_update: Vec<u8>,
    revoked: Vec<u8>,
    extensions: Vec<Vec<u8>>,
}

impl Parts {
    fn good() -> Self {
        Self {
            version: vec![2, 1, 1],
            algorithm: SignatureAlgorithm::EcdsaSha384
                .identifier()
                .to_der()
                .unwrap(),
            this_update: time(Tag::UtcTime, "260301120000Z"),
            next_update: time(Tag::UtcTime, "260302120000Z"),
            revoked: asn1::sequence(&[&entry(&[])]).unwrap(),
            extensions: vec![extension(oids::CRL_NUMBER, false, &[2, 1, 7])],
        }
    }

    fn parse(&self) -> Result<RevocationList, ParseError> {
        let extensions: Vec<&[u8]> = self.extensions.iter().map(Vec::as_slice).collect();
        let extensions = asn1::explicit(0, &asn1::sequence(&extensions).unwrap()).unwrap();
        let tbs = asn1::sequence(&[
            &self.version,
            &self.algorithm,
            issuer().subject().der(),
            &self.this_update,
            &self.next_update,
            &self.revoked,
            &extensions,
        ])
        .unwrap();
        let signature = issuing_signer().sign(&tbs).unwrap();
        let der = signed::assemble(&tbs, SignatureAlgorithm::EcdsaSha384, &signature, &[]);
        RevocationList::parse(&der.unwrap())
    }

    fn error(&self) -> ParseError {
        self.parse().unwrap_err()
    }

    fn list_error(&self) -> RevocationListError {
        match self.error() {
            ParseError::RevocationList(error) => error,
            other => panic!("{other:?}"),
        }
    }
}

fn time(tag: Tag, text: &str) -> Vec<u8> {
    asn1::value(tag, text.as_bytes()).unwrap()
}

fn entry(extensions: &[&[u8]]) -> Vec<u8> {
    let extensions = match extensions {
        [] => Vec::new(),
        some => asn1::sequence(some).unwrap(),
    };
    asn1::sequence(&[
        &[2, 1, 5],
        &time(Tag::UtcTime, "260228120000Z"),
        &extensions,
    ])
    .unwrap()
}

fn extension(oid: ObjectIdentifier, critical: bool, value: &[u8]) -> Vec<u8> {
    x509_cert::ext::Extension {
        extn_id: oid,
        critical,
        extn_value: OctetString::new(value).unwrap(),
    }
    .to_der()
    .unwrap()
}

fn with(change: impl FnOnce(&mut Parts)) -> Parts {
    let mut parts = Parts::good();
    change(&mut parts);
    parts
}

fn with_entry(extensions: &[&[u8]]) -> Parts {
    with(|parts| parts.revoked = asn1::sequence(&[&entry(extensions)]).unwrap())
}

#[test]
fn a_list_put_together_by_hand_is_read() {
    let list = Parts::good().parse().unwrap();
    assert_eq!((list.len(), list.number()), (1, Some(7)));
    assert_eq!(list.check_issuer(&issuer()), Ok(()));
    let five = list.revocation(&SerialNumber::from_bytes(vec![5])).unwrap();
    assert_eq!(five.reason, RevocationReason::Unspecified);
    let bare = with(|parts| {
        parts.next_update.clear();
        parts.revoked.clear();
    });
    let list = bare.parse().unwrap();
    assert_eq!((list.len(), list.next_update()), (0, None));
}

#[test]
fn another_version_is_refused() {
    for version in [vec![], vec![2, 1, 0], vec![2, 1, 2]] {
        assert_eq!(
            with(|parts| parts.version = version).list_error(),
            RevocationListError::Version
        );
    }
}

#[test]
fn an_empty_field_of_revoked_certificates_is_refused() {
    assert_eq!(
        with(|parts| parts.revoked = vec![0x30, 0]).list_error(),
        RevocationListError::EmptyField
    );
}

#[test]
fn a_certificate_on_it_twice_is_refused() {
    let twice = asn1::sequence(&[&entry(&[]), &entry(&[])]).unwrap();
    assert_eq!(
        with(|parts| parts.revoked = twice).list_error(),
        RevocationListError::RepeatedCertificate
    );
}

#[test]
fn a_serial_number_of_21_octets_is_refused() {
    let long = asn1::sequence(&[
        &asn1::value(Tag::Integer, &[1; 21]).unwrap(),
        &time(Tag::UtcTime, "260228120000Z"),
    ])
    .unwrap();
    assert_eq!(
        with(|parts| parts.revoked = asn1::sequence(&[&long]).unwrap()).list_error(),
        RevocationListError::SerialTooLong
    );
}

#[test]
fn unknown_critical_extensions_are_refused() {
    // A delta list, a list of some certificates, an entry of another issuer's certificate.
    for oid in ["2.5.29.27", "2.5.29.28"].map(ObjectIdentifier::new_unwrap) {
        let of =
            |critical| with(|parts| parts.extensions.push(extension(oid, critical, &[2, 1, 0])));
        assert!(of(false).parse().is_ok());
        assert_eq!(
            of(true).list_error(),
            RevocationListError::UnknownCriticalExtension(oid)
        );
    }
    let certificate_issuer = ObjectIdentifier::new_unwrap("2.5.29.29");
    let foreign = extension(certificate_issuer, true, &[0x30, 0]);
    assert_eq!(
        with_entry(&[&foreign]).list_error(),
        RevocationListError::UnknownCriticalExtension(certificate_issuer)
    );
    let invalidity_date = extension(ObjectIdentifier::new_unwrap("2.5.29.24"), false, &[5, 0]);
    assert!(with_entry(&[&invalidity_date]).parse().is_ok());
}

#[test]
fn repeated_extensions_are_refused() {
    let number = || extension(oids::CRL_NUMBER, false, &[2, 1, 7]);
    assert_eq!(
        with(|parts| parts.extensions.push(number())).error(),
        ParseError::RepeatedExtension(oids::CRL_NUMBER)
    );
    let reason = extension(oids::CRL_REASON, false, &[0x0a, 1, 1]);
    assert_eq!(
        with_entry(&[&reason, &reason]).error(),
        ParseError::RepeatedExtension(oids::CRL_REASON)
    );
}

#[test]
fn malformed_extensions_are_refused() {
    // A negative number, one of 21 octets, a time that is none, reasons we do not know: hold, removal, 7, and none.
    for (oid, value) in [
        (oids::CRL_NUMBER, vec![2, 1, 0x80]),
        (oids::CRL_NUMBER, [&[2, 21][..], &[1; 21]].concat()),
        (
            oids::EXPIRED_CERTS_ON_CRL,
            time(Tag::UtcTime, "260301120000Z"),
        ),
        (oids::AUTHORITY_KEY_IDENTIFIER, vec![4, 0]),
    ] {
        let error = with(|parts| parts.extensions = vec![extension(oid, false, &value)]).error();
        assert!(matches!(error, ParseError::Extension { oid: found, .. } if found == oid));
    }
    for value in [[0x0a, 1, 6], [0x0a, 1, 8], [0x0a, 1, 7], [2, 1, 1]] {
        let error = with_entry(&[&extension(oids::CRL_REASON, false, &value)]).error();
        assert!(matches!(error, ParseError::Extension { .. }), "{value:?}");
    }
    let long = [&[2, 20][..], &[1; 20]].concat();
    let list = with(|parts| parts.extensions = vec![extension(oids::CRL_NUMBER, false, &long)]);
    assert_eq!(list.parse().unwrap().number(), None);
}

#[test]
fn times_of_the_wrong_type_are_refused() {
    let late = || time(Tag::GeneralizedTime, "20260301120000Z");
    for parts in [
        with(|parts| parts.this_update = late()),
        with(|parts| parts.next_update = late()),
    ] {
        assert!(matches!(parts.error(), ParseError::Validity(_)));
    }
    let entry = asn1::sequence(&[&[2, 1, 5], &late()]).unwrap();
    let parts = with(|parts| parts.revoked = asn1::sequence(&[&entry]).unwrap());
    assert!(matches!(parts.error(), ParseError::Validity(_)));
}

#[test]
fn what_is_no_der_list_is_refused() {
    let good = list(&each_reason());
    for der in [
        Vec::new(),
        good.der()[..good.der().len() - 1].to_vec(),
        [good.der(), &[0]].concat(),
        vec![0x30, 0],
        issuer().der().to_vec(),
    ] {
        let error = RevocationList::parse(&der).unwrap_err();
        assert!(
            matches!(
                error,
                ParseError::RevocationList(
                    RevocationListError::Malformed(_) | RevocationListError::Version
                )
            ),
            "{error:?}"
        );
    }
    assert!(matches!(
        RevocationList::parse(&vec![0; MAX_LIST_LEN + 1]),
        Err(ParseError::RevocationList(RevocationListError::TooLong))
    ));
}

#[test]
fn the_two_algorithm_fields_must_be_equal() {
    let other = SignatureAlgorithm::EcdsaSha256
        .identifier()
        .to_der()
        .unwrap();
    assert_eq!(
        with(|parts| parts.algorithm = other).error(),
        ParseError::AlgorithmsDiffer
    );
}

#[test]
fn another_issuers_list_is_not_its() {
    let list = list(&each_reason());
    let root = make_ceremony().root;
    assert_eq!(
        list.check_issuer(&root),
        Err(RevocationListError::OtherIssuer)
    );
    assert_eq!(
        list.verify(root.public_key()),
        Err(VerificationError::WrongSignature)
    );
    assert_eq!(
        list.verify(responder().public_key()),
        Err(VerificationError::UnsupportedKey)
    );
    // Of the same name, with another key: after a rollover that kept the name.
    let namesake = {
        use crate::x509::testkit::{ca_name, rng, root_config};
        use crate::x509::{IssuingCaConfig, ceremony};
        let config = IssuingCaConfig {
            name: ca_name("DEMO Open Smart-ID EID-Q"),
            public_key_spki: P384Signer::from_seed(8).public_key_spki().to_vec(),
        };
        ceremony(&root_config(), &root_signer(), &[config], now(), &mut rng())
            .unwrap()
            .issuing
            .remove(0)
    };
    assert_eq!(
        list.check_issuer(&namesake),
        Err(RevocationListError::OtherIssuerKey)
    );
    assert!(matches!(
        with(|_| ()).parse().unwrap().check_issuer(&namesake),
        Err(RevocationListError::Signature(_))
    ));
}

static HONEST: LazyLock<Vec<u8>> = LazyLock::new(|| list(&each_reason()).der().to_vec());
static ISSUER: LazyLock<Certificate> = LazyLock::new(issuer);

proptest! {
    #[test]
    fn a_list_with_any_octet_changed_is_not_its_issuers(
        at in 0..HONEST.len(),
        flip in 1..=255_u8,
    ) {
        let mut der = HONEST.clone();
        der[at] ^= flip;
        let verified = RevocationList::parse(&der)
            .is_ok_and(|list| list.check_issuer(&ISSUER).is_ok());
        prop_assert!(!verified);
    }
}
