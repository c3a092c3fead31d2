//! `GET /crl/{ca}.crl`: revocation lists, where certificates point to (RFC 5280 §4.2.1.13).

use crate::{
    client_address::ClientAddress, conditional::Published, path::FromPath, problem::Failure,
    state::App,
};
use axum::{
    Router, body::Bytes, extract::State, http::HeaderMap, response::Response, routing::get,
};

/// RFC 2585 §4.2.
const MEDIA_TYPE: &str = "application/pkix-crl";

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/crl/{file}", get(revocation_list))
}

async fn revocation_list(
    State(app): State<App>,
    client: ClientAddress,
    FromPath(file): FromPath<String>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    app.count_validation(client)?;
    let ca = file.strip_suffix(".crl").ok_or(Failure::UnknownRoute)?;
    let list = app.service.revocation_list(ca).await;
    let list = list
        .map_err(Failure::NotReady)?
        .ok_or(Failure::UnknownRoute)?;
    let published = Published {
        body: Bytes::from_owner(list.der),
        sha256: list.sha256,
        media_type: MEDIA_TYPE,
        made_at: list.this_update,
    };
    Ok(published.answer(&headers))
}

#[cfg(test)]
mod tests {
    use crate::{Limits, Rate, WebSettings, testkit::Site};
    use axum::{body::Body, http::Request};
    use pki::crl::RevocationList;

    #[tokio::test]
    async fn every_authority_has_its_list_from_the_first_request_on() {
        let site = Site::new().await;
        for ca in ["root", "eid-q", "eid-nq"] {
            let path = format!("/crl/{ca}.crl");
            let answer = site.get(&path).await;
            assert_eq!(answer.status, 200, "{ca}");
            assert_eq!(answer.header("content-type"), "application/pkix-crl");
            assert_eq!(answer.header("cache-control"), "public, max-age=60");
            let list = RevocationList::parse(&answer.body).unwrap();
            let certificate = site.certificate(ca);
            list.verify(certificate.public_key()).unwrap();
            assert!(list.is_empty());
            let request = Request::get(&path)
                .header("if-none-match", answer.header("etag"))
                .body(Body::empty())
                .unwrap();
            let again = site.send_from(crate::testkit::OTHER_ADDRESS, request).await;
            assert_eq!((again.status.as_u16(), again.body.len()), (304, 0));
            let head = Request::head(&path).body(Body::empty()).unwrap();
            let head = site.send_from(crate::testkit::OTHER_ADDRESS, head).await;
            assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
            assert_eq!(head.header("etag"), answer.header("etag"));
            assert_eq!(head.header("content-length"), answer.body.len().to_string());
        }
    }

    #[tokio::test]
    async fn whoever_asks_too_often_has_to_wait() {
        let limits = Limits {
            validations: Rate {
                burst: 2,
                per_minute: 1,
            },
            ..Limits::generous()
        };
        let site = Site::with(WebSettings {
            limits,
            ..WebSettings::default()
        })
        .await;
        for _ in 0..2 {
            assert_eq!(site.get("/crl/eid-q.crl").await.status, 200);
        }
        site.get("/crl/eid-q.crl")
            .await
            .problem(429, "too_many_requests");
        site.get("/tl").await.problem(429, "too_many_requests");
    }

    #[tokio::test]
    async fn other_names_and_methods_have_none() {
        let site = Site::new().await;
        for file in ["eid-q", "eid-q.crt", "nobody.crl", ".crl", "tsu.crl"] {
            site.get(&format!("/crl/{file}"))
                .await
                .problem(404, "unknown_path");
        }
        site.post("/crl/eid-q.crl", &serde_json::json!({}))
            .await
            .problem(405, "method_not_allowed");
    }

    #[tokio::test]
    async fn without_database_there_is_none_now() {
        let site = Site::new().await;
        site.break_down().await;
        site.get("/crl/eid-q.crl").await.problem(503, "unavailable");
    }
}
