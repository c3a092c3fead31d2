use crate::testkit::{OTHER_ADDRESS, Site};
use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use base64ct::{Base64, Encoding};

#[tokio::test]
async fn both_lists_are_there_from_the_first_request_on_and_can_be_kept() {
    let site = Site::new().await;
    for path in ["/tl", "/tl/lotl"] {
        let answer = site.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!(
            answer.header("content-type"),
            "application/vnd.etsi.tsl+xml"
        );
        assert_eq!(answer.header("cache-control"), "public, max-age=60");
        let signer = Base64::encode_string(site.certificate("trust-list").der());
        assert!(answer.text().contains(&signer));
        let request = Request::get(path)
            .header("if-modified-since", answer.header("last-modified"))
            .body(Body::empty())
            .unwrap();
        let again = site.send_from(OTHER_ADDRESS, request).await;
        assert_eq!(again.status, StatusCode::NOT_MODIFIED);
        // Nobody waits for a second one that says the same.
        assert_eq!(site.get(path).await.body, answer.body);
    }
    let list = site.get("/tl").await.text();
    for name in ["eid-q", "eid-nq", "tsu"] {
        let certificate = Base64::encode_string(site.certificate(name).der());
        assert!(list.contains(&certificate), "{name}");
    }
}

#[tokio::test]
async fn without_database_there_is_none_now() {
    let site = Site::new().await;
    site.break_down().await;
    for path in ["/tl", "/tl/lotl"] {
        site.get(path).await.problem(503, "unavailable");
    }
    site.post("/tl", &serde_json::json!({}))
        .await
        .problem(405, "method_not_allowed");
}
