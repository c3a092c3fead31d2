use std::sync::LazyLock;

use super::*;
use crate::Signer;
use crate::x509::build_responder;
use crate::x509::tbs::TbsCertificate;
use crate::x509::testkit::{P384Signer, altered, rng, sign_unlinted};

fn check_at(answer: &OcspResponse, at: Timestamp) -> Result<CertificateStatus, OcspCheckError> {
    answer.check(&request(), &issuer(), at, MAX_AGE)
}

/// An answer by a responder whose certificate was changed before it was signed.
fn answered_by(
    signer: &dyn Signer,
    alter: impl FnOnce(&mut TbsCertificate),
) -> Result<CertificateStatus, OcspCheckError> {
    let issuing = issuing_ca(Level::Qualified);
    let spki = responder_signer().public_key_spki().to_vec();
    let mut unsigned = altered(
        build_responder(&issuing, &spki, now(), &mut rng()).unwrap(),
        alter,
    );
    unsigned.issuer.public_key = crate::PublicKey::from_spki_der(signer.public_key_spki()).unwrap();
    let responder = sign_unlinted(unsigned, signer);
    let answer = UnsignedOcspResponse::build(
        &request(),
        &[CertificateStatus::Good],
        &responder,
        now(),
        now(),
    )
    .unwrap()
    .sign(&responder_signer())
    .unwrap();
    check_at(&answer, now())
}

fn remove(tbs: &mut TbsCertificate, oid: ObjectIdentifier) {
    tbs.extensions
        .as_mut()
        .unwrap()
        .retain(|extension| extension.extn_id != oid);
}

#[test]
fn an_answer_is_believed_for_a_while() {
    let answer = answer_to(&request(), CertificateStatus::Good);
    let second = SignedDuration::from_secs(1);
    assert!(check_at(&answer, now() + MAX_AGE).is_ok());
    assert_eq!(
        check_at(&answer, now() + MAX_AGE + second),
        Err(OcspCheckError::TooOld)
    );
}

#[test]
fn an_answer_from_the_future_is_not_believed() {
    let ahead = now() + SignedDuration::from_secs(60);
    let at = |made| {
        let answer = UnsignedOcspResponse::build(
            &request(),
            &[CertificateStatus::Good],
            &responder(),
            made,
            made,
        );
        check_at(&answer.unwrap().sign(&responder_signer()).unwrap(), now())
    };
    assert_eq!(at(ahead), Ok(CertificateStatus::Good));
    assert_eq!(
        at(ahead + SignedDuration::from_secs(1)),
        Err(OcspCheckError::InTheFuture)
    );
}

#[test]
fn an_answer_to_another_question_is_not_believed() {
    let answer = answer_to(&request(), CertificateStatus::Good);
    let check =
        |other: &OcspRequest, issuer: &Certificate| answer.check(other, issuer, now(), MAX_AGE);
    let other =
        |hash, last, nonce: Option<&[u8]>| OcspRequest::new(cert_id(hash, last), nonce).unwrap();
    let good = other(oids::SHA256, 7, Some(NONCE));
    assert!(check(&good, &issuer()).is_ok());
    assert_eq!(
        check(&other(oids::SHA256, 8, Some(NONCE)), &issuer()),
        Err(OcspCheckError::OtherCertificate)
    );
    assert_eq!(
        check(&other(oids::SHA1, 7, Some(NONCE)), &issuer()),
        Err(OcspCheckError::OtherCertificate)
    );
    assert_eq!(
        check(&other(oids::SHA256, 7, Some(&[1; 32])), &issuer()),
        Err(OcspCheckError::Nonce)
    );
    // Whoever asked without a nonce may get any answer that is fresh.
    assert!(check(&other(oids::SHA256, 7, None), &issuer()).is_ok());
    let without = answer_to(&other(oids::SHA256, 7, None), CertificateStatus::Good);
    assert_eq!(
        without.check(&good, &issuer(), now(), MAX_AGE),
        Err(OcspCheckError::Nonce)
    );
    assert_eq!(
        check(&good, &make_ceremony().root),
        Err(OcspCheckError::ResponderNotIssued)
    );
    let foreign = CertId::new(oids::SHA256, &make_ceremony().root, &serial(7)).unwrap();
    let foreign = OcspRequest::new(foreign, Some(NONCE)).unwrap();
    assert_eq!(check(&foreign, &issuer()), Err(OcspCheckError::OtherIssuer));
}

#[test]
fn a_responder_that_the_issuer_did_not_name_is_not_believed() {
    assert_eq!(
        answered_by(&issuing_signer(), |_| ()),
        Ok(CertificateStatus::Good)
    );
    assert_eq!(
        answered_by(&P384Signer::from_seed(9), |_| ()),
        Err(OcspCheckError::ResponderNotIssued)
    );
    let other_name = make_ceremony().root;
    assert_eq!(
        answered_by(&issuing_signer(), |tbs| {
            use der::Decode;
            tbs.issuer = der::asn1::Any::from_der(other_name.subject().der()).unwrap();
        }),
        Err(OcspCheckError::ResponderNotIssued)
    );
}

#[test]
fn a_responder_needs_the_permission_and_the_promise() {
    assert_eq!(
        answered_by(&issuing_signer(), |tbs| remove(
            tbs,
            oids::EXTENDED_KEY_USAGE
        )),
        Err(OcspCheckError::ResponderNotPermitted)
    );
    assert_eq!(
        answered_by(&issuing_signer(), |tbs| remove(tbs, oids::OCSP_NO_CHECK)),
        Err(OcspCheckError::ResponderRevocable)
    );
    let usage = |tbs: &mut TbsCertificate| {
        let usage = tbs.extensions.as_mut().unwrap().last_mut().unwrap();
        assert_eq!(usage.extn_id, oids::KEY_USAGE);
        // nonRepudiation instead of digitalSignature.
        usage.extn_value = der::asn1::OctetString::new(vec![3, 2, 6, 0x40]).unwrap();
    };
    assert_eq!(
        answered_by(&issuing_signer(), usage),
        Err(OcspCheckError::ResponderNotPermitted)
    );
    let critical = |tbs: &mut TbsCertificate| {
        tbs.extensions.as_mut().unwrap()[1].critical = true;
    };
    assert_eq!(
        answered_by(&issuing_signer(), critical),
        Err(OcspCheckError::ResponderNotPermitted)
    );
}

#[test]
fn a_responder_whose_certificate_is_over_is_not_believed() {
    let answer = answer_to(&request(), CertificateStatus::Good);
    let age = SignedDuration::from_hours(24 * 100);
    let end = responder().not_after();
    let check = |at| answer.check(&request(), &issuer(), at, age);
    assert!(check(end).is_ok());
    assert_eq!(
        check(end + SignedDuration::from_secs(1)),
        Err(OcspCheckError::ResponderNotValid)
    );
    // Made before the certificate began.
    let early = responder().not_before() - SignedDuration::from_secs(30);
    let answer = UnsignedOcspResponse::build(
        &request(),
        &[CertificateStatus::Good],
        &responder(),
        early,
        early,
    );
    let answer = answer.unwrap().sign(&responder_signer()).unwrap();
    assert_eq!(
        answer.check(&request(), &issuer(), responder().not_before(), MAX_AGE),
        Err(OcspCheckError::ResponderNotValid)
    );
}

#[test]
fn an_answer_without_its_responders_certificate_is_not_believed() {
    let mut answer = answer_to(&request(), CertificateStatus::Good);
    answer.certificates.clear();
    assert_eq!(
        check_at(&answer, now()),
        Err(OcspCheckError::NoResponderCertificate)
    );
    answer.certificates.push(vec![0x30, 0]);
    assert!(matches!(
        check_at(&answer, now()),
        Err(OcspCheckError::Certificate(ParseError::Malformed(_)))
    ));
}

#[test]
fn the_issuer_itself_may_answer() {
    let answer = UnsignedOcspResponse::build(
        &request(),
        &[CertificateStatus::Good],
        &issuer(),
        now(),
        now(),
    );
    let answer = answer.unwrap().sign(&issuing_signer()).unwrap();
    assert_eq!(check_at(&answer, now()), Ok(CertificateStatus::Good));
}

static HONEST: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let status = revoked(RevocationReason::Superseded);
    answer_to(&request(), status).der().to_vec()
});

static ISSUER: LazyLock<Certificate> = LazyLock::new(issuer);

#[test]
fn an_answer_with_any_octet_changed_is_not_believed() {
    for at in 0..HONEST.len() {
        let mut der = HONEST.clone();
        der[at] ^= 0x40;
        let believed = OcspResponse::parse(&der)
            .ok()
            .and_then(|answer| answer.check(&request(), &ISSUER, now(), MAX_AGE).ok());
        assert_eq!(believed, None, "octet {at}");
    }
}

proptest! {
    #[test]
    fn an_answer_with_any_octet_changed_in_any_way_is_not_believed(
        at in 0..HONEST.len(),
        flip in 1..=255_u8,
    ) {
        let mut der = HONEST.clone();
        der[at] ^= flip;
        let believed = OcspResponse::parse(&der)
            .ok()
            .and_then(|answer| answer.check(&request(), &ISSUER, now(), MAX_AGE).ok());
        prop_assert_eq!(believed, None);
    }
}
