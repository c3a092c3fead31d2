//! `GET /certs/{name}.pem` and `GET /certs/{name}.crt`: root and issuing CA certificates, where user certificates
//! point to (RFC 5280 §4.2.2.1, caIssuers).

use crate::{path::FromPath, problem::Failure, state::App};
use axum::{
    Router,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};
use base64ct::{Base64, Encoding};

/// They change when a CA is added, which is announced long before.
const CACHE: &str = "public, max-age=3600";

/// Characters in a line of PEM (RFC 7468 §2).
const PEM_LINE: usize = 64;

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/certs/{file}", get(certificate))
}

async fn certificate(
    State(app): State<App>,
    FromPath(file): FromPath<String>,
) -> Result<Response, Failure> {
    let (name, ending) = file.rsplit_once('.').ok_or(Failure::UnknownRoute)?;
    let published = app.service.published_certificates();
    let published = published
        .iter()
        .find(|published| published.name == name)
        .ok_or(Failure::UnknownRoute)?;
    // RFC 2585 §4 for DER, RFC 8555 §9.1 for PEM.
    let (media_type, body) = match ending {
        "crt" => ("application/pkix-cert", published.certificate.clone()),
        "pem" => (
            "application/pem-certificate-chain",
            pem(&published.certificate).into_bytes(),
        ),
        _ => return Err(Failure::UnknownRoute),
    };
    Ok((
        [
            (header::CONTENT_TYPE, media_type),
            (header::CACHE_CONTROL, CACHE),
        ],
        body,
    )
        .into_response())
}

fn pem(der: &[u8]) -> String {
    let base64 = Base64::encode_string(der);
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(PEM_LINE));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str("-----END CERTIFICATE-----\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::Site;

    #[test]
    fn pem_has_lines_of_64_characters() {
        let text = pem(&[0; 50]);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 4);
        assert_eq!(lines[1].len(), 64);
        assert_eq!(lines[2], "AAA=");
        assert_eq!(pem(&[0; 48]).lines().count(), 3);
    }

    #[tokio::test]
    async fn every_published_certificate_is_there_in_both_forms() {
        let site = Site::new().await;
        let published = site.service.published_certificates();
        assert_eq!(published.len(), 5);
        for certificate in published {
            let der = site.get(&format!("/certs/{}.crt", certificate.name)).await;
            assert_eq!(der.header("content-type"), "application/pkix-cert");
            assert_eq!(der.header("cache-control"), CACHE);
            assert_eq!(der.body, certificate.certificate);
            let text = site.get(&format!("/certs/{}.pem", certificate.name)).await;
            assert_eq!(
                text.header("content-type"),
                "application/pem-certificate-chain"
            );
            assert_eq!(text.text(), pem(&certificate.certificate));
        }
    }

    #[tokio::test]
    async fn other_names_are_not_found() {
        let site = Site::new().await;
        for file in ["root", "root.key", "nobody.crt", ".pem", "..%2Froot.crt"] {
            site.get(&format!("/certs/{file}"))
                .await
                .problem(404, "unknown_path");
        }
    }
}
