use super::*;

const SK_GOOD: &[u8] = include_bytes!("../../../../../vectors/pki/ocsp-sk-demo-esteid2018.der");
const SK_REVOKED: &[u8] = include_bytes!("../../../../../vectors/pki/ocsp-sk-demo-revoked.der");
const ZETES: &[u8] = include_bytes!("../../../../../vectors/pki/ocsp-zetes-test-esteid2025.der");

fn esteid2018() -> Certificate {
    let der = include_bytes!("../../../../../vectors/pki/ca-test-esteid2018.der");
    Certificate::parse(der).unwrap()
}

/// The request that a sample answers.
fn asked(answer: &OcspResponse) -> OcspRequest {
    OcspRequest::new(
        CertId::read(&answer.responses[0].certificate).unwrap(),
        None,
    )
    .unwrap()
}

#[test]
fn sks_answers_are_read_and_believed_at_their_time() {
    let revoked = CertificateStatus::Revoked(Revocation {
        at: "2021-09-18T00:10:14Z".parse().unwrap(),
        reason: RevocationReason::Unspecified,
    });
    for (der, at, status) in [
        (SK_GOOD, "2021-09-17T18:25:24Z", CertificateStatus::Good),
        (SK_REVOKED, "2021-09-18T00:13:43Z", revoked),
    ] {
        let at: Timestamp = at.parse().unwrap();
        let answer = OcspResponse::parse(der).unwrap();
        let request = asked(&answer);
        let check = |issuer: &Certificate, at| answer.check(&request, issuer, at, MAX_AGE);
        assert_eq!(check(&esteid2018(), at), Ok(status));
        assert_eq!(check(&esteid2018(), at + MAX_AGE), Ok(status));
        assert_eq!(
            check(&esteid2018(), at + MAX_AGE + SignedDuration::from_secs(1)),
            Err(OcspCheckError::TooOld)
        );
        assert_eq!(
            check(&issuer(), at),
            Err(OcspCheckError::ResponderNotIssued)
        );
    }
}

#[test]
fn an_answer_by_rsa_with_another_octet_is_not_believed() {
    let answer = OcspResponse::parse(SK_GOOD).unwrap();
    let at = answer.produced_at;
    let request = asked(&answer);
    let mut other = answer.clone();
    let last = other.signature.len() - 1;
    other.signature[last] ^= 1;
    assert_eq!(
        other.check(&request, &esteid2018(), at, MAX_AGE),
        Err(OcspCheckError::Signature(VerificationError::WrongSignature))
    );
}

#[test]
fn zetes_answer_is_read_with_its_certificates() {
    let answer = OcspResponse::parse(ZETES).unwrap();
    assert_eq!(answer.certificates.len(), 3);
    let authority = Certificate::parse(&answer.certificates[1]).unwrap();
    let at = answer.produced_at;
    assert_eq!(
        answer.check(&asked(&answer), &authority, at, MAX_AGE),
        Ok(CertificateStatus::Good)
    );
    // The nonce that was sent is not in the samples, but another is not it.
    let id = CertId::read(&answer.responses[0].certificate).unwrap();
    let other = OcspRequest::new(id, Some(NONCE)).unwrap();
    assert_eq!(
        answer.check(&other, &authority, at, MAX_AGE),
        Err(OcspCheckError::Nonce)
    );
}
