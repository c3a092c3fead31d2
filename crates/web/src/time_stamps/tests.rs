use super::*;
use crate::testkit::{Answer, Site};
use axum::http::StatusCode;
use pki::{
    DigestAlgorithm,
    tsp::{MessageImprint, TimeStampFailure, TimeStampToken},
};

const DOCUMENT: &[u8] = b"a signature value";

/// TimeStampReq, version 1, SHA-256 of [`DOCUMENT`], certReq (RFC 3161 §2.4.1).
fn query() -> Vec<u8> {
    use sha2::{Digest, Sha256};
    let head = [
        0x30, 0x39, 0x02, 0x01, 0x01, 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
        0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20,
    ];
    [&head[..], &Sha256::digest(DOCUMENT), &[0x01, 0x01, 0xff]].concat()
}

#[track_caller]
fn reply(answer: &Answer) -> &[u8] {
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(answer.header("content-type"), REPLY);
    assert_eq!(answer.header("cache-control"), "no-store");
    &answer.body
}

#[tokio::test]
async fn a_document_is_stamped_by_the_unit() {
    let site = Site::new().await;
    let answer = site.post_bytes("/tsa", QUERY, query()).await;
    // TimeStampResp: SEQUENCE { SEQUENCE { INTEGER granted }, token }.
    let (head, token) = reply(&answer).split_at(9);
    assert_eq!(head[4..], [0x30, 0x03, 0x02, 0x01, 0x00]);
    let token = TimeStampToken::parse(token).unwrap();
    let imprint = MessageImprint::of(DigestAlgorithm::Sha256, DOCUMENT);
    let unit = site.certificate("tsu");
    let stamped = token.verify(&unit, &imprint, None).unwrap();
    let age = jiff::Timestamp::now().duration_since(stamped.time());
    assert!(age.abs().as_secs() < 60, "{age}");
    let metric = "smart_id_given_time_stamps_total{outcome=\"granted\"}";
    assert_eq!(site.metric(metric).await.as_deref(), Some("1"));
}

#[tokio::test]
async fn what_the_protocol_refuses_is_refused_in_its_words() {
    let site = Site::new().await;
    let mut version = query();
    version[4] = 2;
    let mut algorithm = query();
    // SHA-224.
    algorithm[19] = 4;
    for (body, expected) in [
        (Vec::new(), "bad_data_format"),
        (vec![0; 60], "bad_data_format"),
        (version, "bad_request"),
        (algorithm, "bad_algorithm"),
    ] {
        let answer = site.post_bytes("/tsa", QUERY, body).await;
        let body = reply(&answer);
        // PKIStatus rejection.
        assert!(body.windows(3).any(|part| part == [0x02, 0x01, 0x02]));
        let metric = format!("smart_id_given_time_stamps_total{{outcome=\"{expected}\"}}");
        assert!(site.metric(&metric).await.is_some(), "{expected}");
    }
    assert_eq!(TimeStampFailure::BadAlgorithm.code(), "bad_algorithm");
}

#[tokio::test]
async fn what_is_no_request_at_all_is_a_problem_document() {
    let site = Site::new().await;
    for media_type in ["application/json", "application/timestamp-reply", ""] {
        site.post_bytes("/tsa", media_type, query())
            .await
            .problem(415, "unsupported_media_type");
    }
    site.post_bytes("/tsa", QUERY, vec![0; LIMIT + 1])
        .await
        .problem(413, "body_too_large");
    site.get("/tsa").await.problem(405, "method_not_allowed");
}
