use super::*;
use crate::{
    Limits, Rate, WebSettings,
    testkit::{Answer, OTHER_ADDRESS, Site},
};
use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use base64ct::{Base64, Base64Url};
use jiff::{SignedDuration, Timestamp};
use pki::{
    ObjectIdentifier,
    ocsp::{CertId, CertificateStatus, OcspFailure, OcspRequest, OcspResponse},
    x509::SerialNumber,
};

const SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");

/// A question about a certificate that was never issued. Its nonce makes base64 with `/` and `+` in it.
pub(crate) fn question(site: &Site, ca: &str) -> OcspRequest {
    let issuer = site.certificate(ca);
    let serial = SerialNumber::from_bytes(vec![0x12, 0x34]);
    let asked = CertId::new(SHA1, &issuer, &serial).unwrap();
    OcspRequest::new(asked, Some(&[0xff; 32])).unwrap()
}

fn seconds_ago(seconds: i64) -> Timestamp {
    Timestamp::now() - SignedDuration::from_secs(seconds)
}

/// The answer is the responder's, fresh, to this very question.
#[track_caller]
fn check(site: &Site, ca: &str, question: &OcspRequest, answer: &Answer) -> CertificateStatus {
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/ocsp-response");
    assert_eq!(answer.header("cache-control"), "no-store");
    let response = OcspResponse::parse(&answer.body).unwrap();
    let issuer = site.certificate(ca);
    let age = SignedDuration::from_secs(60);
    response
        .check(question, &issuer, Timestamp::now(), age)
        .unwrap()
}

#[track_caller]
fn is_failure(answer: &Answer, failure: OcspFailure) {
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/ocsp-response");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.body, failure.response());
}

fn percent_encoded(text: &str) -> String {
    text.replace('+', "%2B")
        .replace('/', "%2f")
        .replace('=', "%3D")
}

#[tokio::test]
async fn both_authorities_answer_posts() {
    let site = Site::new().await;
    for ca in ["eid-q", "eid-nq"] {
        let question = question(&site, ca);
        for path in [format!("/ocsp/{ca}"), format!("//ocsp//{ca}/")] {
            let answer = site
                .post_bytes(&path, REQUEST, question.der().to_vec())
                .await;
            let status = check(&site, ca, &question, &answer);
            assert_eq!(status, CertificateStatus::Unknown);
        }
    }
    // As the clocks of clients have it: the responder was certified before it answered.
    let question = question(&site, "eid-q");
    let answer = site
        .post_bytes("/ocsp/eid-q", REQUEST, question.der().to_vec())
        .await;
    let response = OcspResponse::parse(&answer.body).unwrap();
    let age = SignedDuration::from_secs(600);
    response
        .check(&question, &site.certificate("eid-q"), seconds_ago(30), age)
        .unwrap();
}

#[tokio::test]
async fn every_way_of_writing_base64_into_a_path_is_understood() {
    let site = Site::new().await;
    let question = question(&site, "eid-q");
    let standard = Base64::encode_string(question.der());
    let url_safe = Base64Url::encode_string(question.der());
    assert!(standard.contains("//"), "{standard}");
    assert!(url_safe.contains("__"), "{url_safe}");
    for text in [
        standard.clone(),
        url_safe.clone(),
        percent_encoded(&standard),
        percent_encoded(&url_safe),
        standard.trim_end_matches('=').to_owned(),
        url_safe.trim_end_matches('=').to_owned(),
        // An address that ends in a slash, and one more.
        format!("/{standard}"),
    ] {
        let answer = site.get(&format!("/ocsp/eid-q/{text}")).await;
        check(&site, "eid-q", &question, &answer);
        let head = Request::head(format!("/ocsp/eid-q/{text}"));
        let head = head.body(Body::empty()).unwrap();
        let head = site.send_from(OTHER_ADDRESS, head).await;
        assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
    }
}

#[tokio::test]
async fn what_is_no_request_is_malformed() {
    let site = Site::new().await;
    let good = question(&site, "eid-q").der().to_vec();
    let longer = [good.as_slice(), &[0]].concat();
    for body in [
        Vec::new(),
        vec![0x30],
        vec![0; 100],
        good[1..].to_vec(),
        longer,
    ] {
        let answer = site.post_bytes("/ocsp/eid-q", REQUEST, body).await;
        is_failure(&answer, OcspFailure::MalformedRequest);
    }
    for path in [
        "!",
        "%",
        "%2",
        "%zz",
        "%ff",
        "MEU",
        "a b".replace(' ', "%20").as_str(),
        "=",
        "/",
    ] {
        let answer = site.get(&format!("/ocsp/eid-q/{path}")).await;
        is_failure(&answer, OcspFailure::MalformedRequest);
    }
}

#[tokio::test]
async fn for_other_authorities_nobody_is_authorised() {
    let site = Site::new().await;
    let question = question(&site, "eid-nq").der().to_vec();
    let answer = site
        .post_bytes("/ocsp/eid-q", REQUEST, question.clone())
        .await;
    is_failure(&answer, OcspFailure::Unauthorized);
    for ca in ["root", "nobody", "tsu"] {
        site.post_bytes(&format!("/ocsp/{ca}"), REQUEST, question.clone())
            .await
            .problem(404, "unknown_path");
    }
}

#[tokio::test]
async fn what_is_no_question_at_all_is_a_problem_document() {
    let site = Site::new().await;
    let question = question(&site, "eid-q").der().to_vec();
    for media_type in ["application/json", "application/ocsp-response", ""] {
        site.post_bytes("/ocsp/eid-q", media_type, question.clone())
            .await
            .problem(415, "unsupported_media_type");
    }
    site.post_bytes("/ocsp/eid-q", REQUEST, vec![0; LIMIT + 1])
        .await
        .problem(413, "body_too_large");
    site.get("/ocsp/eid-q")
        .await
        .problem(405, "method_not_allowed");
    let put = Request::put("/ocsp/eid-q/MA").body(Body::empty()).unwrap();
    site.send_from(OTHER_ADDRESS, put)
        .await
        .problem(405, "method_not_allowed");
}

#[tokio::test]
async fn whoever_asks_too_often_has_to_wait_and_others_do_not() {
    let limits = Limits {
        validations: Rate {
            burst: 3,
            per_minute: 1,
        },
        ..Limits::generous()
    };
    let site = Site::with(WebSettings {
        limits,
        ..WebSettings::default()
    })
    .await;
    let question = question(&site, "eid-q");
    for _ in 0..2 {
        site.post_bytes("/ocsp/eid-q", REQUEST, question.der().to_vec())
            .await;
    }
    // One count for all that costs a signature.
    site.post_bytes("/tsa", "application/timestamp-query", vec![])
        .await;
    let refused = [
        site.post_bytes("/ocsp/eid-q", REQUEST, question.der().to_vec())
            .await,
        site.post_bytes("/tsa", "application/timestamp-query", vec![])
            .await,
    ];
    for answer in refused {
        answer.problem(429, "too_many_requests");
        assert!(!answer.header("retry-after").is_empty());
    }
    // From another address.
    let answer = site
        .get(&format!(
            "/ocsp/eid-q/{}",
            Base64Url::encode_string(question.der())
        ))
        .await;
    check(&site, "eid-q", &question, &answer);
}

#[tokio::test]
async fn without_database_the_client_is_told_to_try_later() {
    // With the responder in memory, and without.
    for warm in [true, false] {
        let site = Site::new().await;
        let question = question(&site, "eid-q");
        let ask = async || {
            site.post_bytes("/ocsp/eid-q", REQUEST, question.der().to_vec())
                .await
        };
        if warm {
            check(&site, "eid-q", &question, &ask().await);
        }
        site.break_down().await;
        is_failure(&ask().await, OcspFailure::TryLater);
        let name = "smart_id_ocsp_answers_total{outcome=\"try_later\"}";
        assert_eq!(site.metric(name).await.as_deref(), Some("1"));
    }
}

#[tokio::test]
async fn answers_are_counted_by_status() {
    let site = Site::new().await;
    let question = question(&site, "eid-q");
    for _ in 0..2 {
        site.post_bytes("/ocsp/eid-q", REQUEST, question.der().to_vec())
            .await;
    }
    site.get("/ocsp/eid-q/!").await;
    for (outcome, count) in [("unknown", "2"), ("malformed_request", "1")] {
        let name = format!("smart_id_ocsp_answers_total{{outcome=\"{outcome}\"}}");
        assert_eq!(
            site.metric(&name).await.as_deref(),
            Some(count),
            "{outcome}"
        );
    }
}

#[tokio::test]
async fn a_hundred_first_questions_make_one_responder() {
    let site = Site::new().await;
    let question = question(&site, "eid-q");
    let asked: Vec<_> = (0..100)
        .map(|_| {
            let (router, body) = (site.router.clone(), question.der().to_vec());
            tokio::spawn(async move {
                let request = Request::post("/ocsp/eid-q")
                    .header(header::CONTENT_TYPE, REQUEST)
                    .body(Body::from(body))
                    .unwrap();
                crate::testkit::send_to(&router, OTHER_ADDRESS, request).await
            })
        })
        .collect();
    let mut answered = 0;
    for answer in asked {
        let answer = answer.await.unwrap();
        // More than a few do not wait for it.
        if answer.body == OcspFailure::TryLater.response() {
            continue;
        }
        check(&site, "eid-q", &question, &answer);
        answered += 1;
    }
    assert!(answered > 0);
    assert_eq!(site.responders("eid-q").await, 1);
}
