//! How often a relying party may ask.

use crate::{
    body::{JSON, JSON_LIMIT, read, require_media_type},
    client_address::ClientAddress,
    problem::Failure,
    state::App,
};
use axum::{
    body::Body,
    extract::{Request, State},
    http::Method,
    middleware::Next,
    response::Response,
};
use serde::Deserialize;
use std::borrow::Cow;
use wire::RelyingPartyUuid;

/// The middleware around the routes of the RP API: counts what starts a session or asks for a certificate in the name of a
/// relying party.
///
/// It comes before the rules of the request are looked at: a client in a loop mostly sends what is refused.
pub(crate) async fn limit(
    State(app): State<App>,
    client: ClientAddress,
    request: Request,
    next: Next,
) -> Result<Response, Failure> {
    // What is not read here, the handler refuses.
    if request.method() != Method::POST || require_media_type(request.headers(), JSON).is_err() {
        return Ok(next.run(request).await);
    }
    let (parts, body) = request.into_parts();
    let whole = Request::from_parts(parts.clone(), body);
    let body = read(whole, JSON_LIMIT, app.settings.body_timeout).await?;
    if let Some(relying_party) = named_in(&body) {
        app.count_request(relying_party, client)?;
    }
    Ok(next.run(Request::from_parts(parts, Body::from(body))).await)
}

/// The relying party that a body names, if it is a body that the handler could understand.
fn named_in(body: &[u8]) -> Option<RelyingPartyUuid> {
    #[derive(Deserialize)]
    struct Named<'a> {
        #[serde(rename = "relyingPartyUUID", borrow)]
        uuid: Cow<'a, str>,
    }
    let named: Named<'_> = serde_json::from_slice(body).ok()?;
    named.uuid.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Limits, Rate, WebSettings,
        testkit::{RP, Site, authentication, certificate},
    };

    const PERSON: &str = "/smart-id-rp/v3/authentication/notification/etsi/PNOEE-40504040001";
    const DOCUMENT: &str = "/smart-id-rp/v3/signature/certificate/PNOEE-40504040001-MOCK-Q";

    async fn site() -> Site {
        let limits = Limits {
            requests: Rate {
                burst: 3,
                per_minute: 1,
            },
            ..Limits::generous()
        };
        Site::with(WebSettings {
            limits,
            ..WebSettings::default()
        })
        .await
    }

    #[tokio::test]
    async fn a_relying_party_has_its_rate_whatever_it_asks_for() {
        let site = site().await;
        site.post(PERSON, &authentication())
            .await
            .problem(404, "unknown_person");
        site.post(DOCUMENT, &certificate())
            .await
            .problem(404, "unknown_document");
        // What is refused for its fields counts as well.
        let empty = serde_json::json!({ "relyingPartyUUID": RP });
        site.post(PERSON, &empty)
            .await
            .problem(400, "invalid_request");
        let answer = site.post(PERSON, &authentication()).await;
        let problem = answer.problem(429, "too_many_requests");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.starts_with("this relying party sends"), "{detail}");
        assert!((1..=61).contains(&answer.header("retry-after").parse().unwrap()));
        // What was started can be fetched.
        let session = site.pending_session().await;
        let path = format!("/smart-id-rp/v3/session/{session}?timeoutMs=1000");
        site.get(&path).await.json();
    }

    #[tokio::test]
    async fn a_stranger_who_names_it_does_not_use_it_up() {
        let site = site().await;
        for _ in 0..3 {
            site.post_from("198.51.100.7:1", PERSON, &authentication())
                .await
                .problem(401, "address_not_allowed");
        }
        site.post_from("198.51.100.7:1", PERSON, &authentication())
            .await
            .problem(429, "too_many_requests");
        site.post(PERSON, &authentication())
            .await
            .problem(404, "unknown_person");
    }

    #[tokio::test]
    async fn another_relying_party_at_the_same_address_has_a_rate_of_its_own() {
        let site = site().await;
        for _ in 0..4 {
            site.post(PERSON, &authentication()).await;
        }
        let mut other = authentication();
        other["relyingPartyUUID"] = "00000000-0000-4000-8000-00000000dead".into();
        site.post(PERSON, &other)
            .await
            .problem(403, "unknown_relying_party");
    }

    #[test]
    fn a_relying_party_is_read_out_of_a_body_or_the_body_is_left_to_others() {
        let named = |text: &str| named_in(text.as_bytes()).map(|uuid| uuid.to_string());
        let body = format!(r#"{{"a":[1,{{}}],"relyingPartyUUID":"{RP}"}}"#);
        assert_eq!(named(&body).as_deref(), Some(RP));
        let escaped = body.replace("0000-0000", r"000\u0030-0000");
        assert_eq!(named(&escaped).as_deref(), Some(RP));
        let twice = format!(r#"{{"relyingPartyUUID":"{RP}","relyingPartyUUID":"{RP}"}}"#);
        for other in ["", "[]", "{}", r#"{"relyingPartyUUID":1}"#, &twice] {
            assert_eq!(named(other), None, "{other}");
        }
    }
}
