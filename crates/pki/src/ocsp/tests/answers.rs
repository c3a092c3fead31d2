use super::*;

#[test]
fn each_status_is_answered_and_believed() {
    let statuses = RevocationReason::ALL.map(revoked);
    let all = [CertificateStatus::Good, CertificateStatus::Unknown]
        .into_iter()
        .chain(statuses);
    for status in all {
        let request = request();
        let answer = answer_to(&OcspRequest::parse(request.der()).unwrap(), status);
        let read = OcspResponse::parse(answer.der()).unwrap();
        assert_eq!(read.check(&request, &issuer(), now(), MAX_AGE), Ok(status));
    }
}

#[test]
fn certid_and_nonce_are_echoed_byte_for_byte() {
    let issuer = issuer();
    for (hash, parameters) in [
        (oids::SHA1, None),
        (oids::SHA1, Some([5, 0])),
        (oids::SHA256, None),
        (oids::SHA384, Some([5, 0])),
        (oids::SHA512, None),
    ] {
        for nonce in [
            [&[4, 32], NONCE].concat(),
            // SK's older clients: no OCTET STRING inside.
            vec![0x47, 0xff, 0xaf, 0xc9, 0x18, 0x11, 0x77, 0x0e],
            vec![0x30],
        ] {
            let id = requests::cert_id_with(&issuer, hash, parameters);
            let nonce = requests::extension(oids::OCSP_NONCE, false, &nonce);
            let der = requests::request_of(&[&id], &[&nonce]);
            let request = OcspRequest::parse(&der).unwrap();
            assert!(request.certificates()[0].names_issuer(&issuer));
            let answer = answer_to(&request, CertificateStatus::Good);
            for part in [&id, &nonce] {
                let found = answer.der().windows(part.len()).filter(|w| w == part);
                assert_eq!(found.count(), 1);
            }
            assert_eq!(
                answer.check(&request, &issuer, now(), MAX_AGE),
                Ok(CertificateStatus::Good)
            );
        }
    }
}

#[test]
fn a_request_for_several_certificates_is_answered_in_its_order() {
    let ids = [1, 2, 3].map(|last| cert_id(oids::SHA1, last));
    let ids: Vec<&[u8]> = ids.iter().map(CertId::der).collect();
    let request = OcspRequest::parse(&requests::request_of(&ids, &[])).unwrap();
    let statuses = [
        CertificateStatus::Good,
        revoked(RevocationReason::KeyCompromise),
        CertificateStatus::Unknown,
    ];
    let answer = UnsignedOcspResponse::build(
        &request,
        &statuses,
        &responder(),
        issuer().not_before(),
        now(),
    )
    .unwrap()
    .sign(&responder_signer())
    .unwrap();
    assert_eq!(
        answer.check_all(&request, &issuer(), now(), MAX_AGE),
        Ok(statuses.to_vec())
    );
    assert_eq!(
        answer.check(&request, &issuer(), now(), MAX_AGE),
        Err(OcspCheckError::OtherCertificate)
    );
}

#[test]
fn one_status_for_each_certificate_or_no_answer() {
    for statuses in [&[][..], &[CertificateStatus::Good; 2]] {
        assert!(
            UnsignedOcspResponse::build(&request(), statuses, &responder(), now(), now()).is_err()
        );
    }
}

#[test]
fn fractions_of_a_second_are_dropped() {
    let late: Timestamp = "2026-03-01T12:00:00.999Z".parse().unwrap();
    let answer = UnsignedOcspResponse::build(
        &request(),
        &[CertificateStatus::Good],
        &responder(),
        late,
        late,
    )
    .unwrap()
    .sign(&responder_signer())
    .unwrap();
    assert_eq!(answer.produced_at, now());
    assert_eq!(answer.responses[0].this_update, now());
    assert_eq!(answer.responses[0].next_update, None);
}

#[test]
fn the_responders_certificate_is_embedded_and_named_by_its_subject() {
    let answer = answer_to(&request(), CertificateStatus::Good);
    assert_eq!(answer.certificates, [responder().der().to_vec()]);
    assert_eq!(
        answer.responder,
        response::ResponderId::ByName(responder().subject().der().to_vec())
    );
}

#[test]
fn the_archive_cutoff_is_among_the_single_extensions() {
    let answer = answer_to(&request(), CertificateStatus::Good);
    let cutoff = asn1::value(
        der::Tag::GeneralizedTime,
        // The authority's notBefore.
        b"20260301110000Z",
    )
    .unwrap();
    let extension = requests::extension(oids::OCSP_ARCHIVE_CUTOFF, false, &cutoff);
    let single = asn1::explicit(1, &asn1::sequence(&[&extension]).unwrap()).unwrap();
    assert_eq!(
        answer
            .der()
            .windows(single.len())
            .filter(|window| *window == single)
            .count(),
        1
    );
}

#[test]
fn an_unspecified_reason_is_left_out() {
    let with = answer_to(&request(), revoked(RevocationReason::KeyCompromise));
    let without = answer_to(&request(), revoked(RevocationReason::Unspecified));
    // [0] EXPLICIT ENUMERATED: five octets.
    assert_eq!(with.tbs_der().len(), without.tbs_der().len() + 5);
}

#[test]
fn another_key_than_the_responders_does_not_answer() {
    let unsigned = UnsignedOcspResponse::build(
        &request(),
        &[CertificateStatus::Good],
        &responder(),
        now(),
        now(),
    )
    .unwrap();
    assert!(matches!(
        unsigned.sign(&issuing_signer()),
        Err(IssueError::WrongSigner)
    ));
    let sha512 = RsaSigner::published(SignatureAlgorithm::RsaSha512);
    assert!(unsigned.sign(&sha512).is_ok());
    let not_its_own = RsaSigner::published(SignatureAlgorithm::EcdsaSha384);
    assert!(matches!(
        unsigned.sign(&not_its_own),
        Err(IssueError::Unverified(VerificationError::UnsupportedKey))
    ));
}

#[test]
fn failures_are_answers_of_five_octets() {
    let failures = [
        (OcspFailure::MalformedRequest, 1),
        (OcspFailure::InternalError, 2),
        (OcspFailure::TryLater, 3),
        (OcspFailure::Unauthorized, 6),
    ];
    for (failure, number) in failures {
        let der = failure.response();
        assert_eq!(der, [0x30, 3, 0x0a, 1, number]);
        assert_eq!(
            OcspResponse::parse(&der).unwrap_err(),
            OcspResponseError::Failure(number)
        );
    }
}
