//! Answers that everybody may keep for a short while, and ask whether they are still the newest (RFC 9110 §13).

use axum::{
    body::Bytes,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use std::fmt::Write;

/// What changes at once is not to be kept for long.
const CACHE: &str = "public, max-age=60";

/// What is published: bytes, their type, and when they were made, in seconds since 1970.
pub(crate) struct Published {
    pub(crate) body: Bytes,
    /// SHA-256 of it.
    pub(crate) sha256: [u8; 32],
    pub(crate) media_type: &'static str,
    pub(crate) made_at: jiff::Timestamp,
}

impl Published {
    /// The answer: 304 for whoever has it already.
    pub(crate) fn answer(self, asked: &HeaderMap) -> Response {
        let tag = tag(&self.sha256);
        let made = http_date(self.made_at);
        let headers: [(HeaderName, HeaderValue); 3] = [
            (header::CACHE_CONTROL, HeaderValue::from_static(CACHE)),
            (header::ETAG, ascii(&tag)),
            (header::LAST_MODIFIED, ascii(&made)),
        ];
        if self.is_known(asked, &tag, &made) {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        let media_type = [(header::CONTENT_TYPE, self.media_type)];
        (headers, media_type, self.body).into_response()
    }

    /// RFC 9110 §13.2.2: `If-None-Match` comes first; `If-Modified-Since` counts only without it.
    fn is_known(&self, asked: &HeaderMap, tag: &str, made: &str) -> bool {
        let mut tags = asked.get_all(header::IF_NONE_MATCH).iter().peekable();
        if tags.peek().is_some() {
            return tags
                .filter_map(|value| value.to_str().ok())
                .flat_map(|value| value.split(','))
                .map(|known| known.trim().trim_start_matches("W/"))
                .any(|known| known == "*" || known == tag);
        }
        // What we gave out ourselves comes back as it was; two lists of one second are told apart by their tags.
        asked
            .get(header::IF_MODIFIED_SINCE)
            .is_some_and(|value| value.as_bytes() == made.as_bytes())
    }
}

fn tag(sha256: &[u8; 32]) -> String {
    let mut tag = String::from("\"");
    for octet in &sha256[..16] {
        write!(tag, "{octet:02x}").expect("a string takes all text");
    }
    tag.push('"');
    tag
}

/// RFC 9110 §5.6.7.
fn http_date(at: jiff::Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

fn ascii(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("printable ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(headers: &[(HeaderName, &str)]) -> Response {
        let published = Published {
            body: Bytes::from_static(b"list"),
            sha256: [7; 32],
            media_type: "application/pkix-crl",
            made_at: "2026-11-24T12:00:00Z".parse().unwrap(),
        };
        let mut asked = HeaderMap::new();
        for (name, value) in headers {
            asked.append(name.clone(), value.parse().unwrap());
        }
        published.answer(&asked)
    }

    #[test]
    fn whoever_has_it_is_told_so() {
        let first = ask(&[]);
        assert_eq!(first.status(), 200);
        let made = "Tue, 24 Nov 2026 12:00:00 GMT";
        assert_eq!(first.headers()[header::LAST_MODIFIED], made);
        assert_eq!(first.headers()[header::CACHE_CONTROL], CACHE);
        let tag = first.headers()[header::ETAG].to_str().unwrap().to_owned();
        let (none_match, since) = (header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE);
        for known in [
            vec![(none_match.clone(), tag.as_str())],
            vec![
                (none_match.clone(), "\"x\", W/\"y\""),
                (none_match.clone(), &tag),
            ],
            vec![(none_match.clone(), "*")],
            vec![(since.clone(), made)],
        ] {
            let answer = ask(&known);
            assert_eq!(answer.status(), 304, "{known:?}");
            assert_eq!(answer.headers()[header::ETAG], tag);
        }
        for other in [
            vec![(none_match.clone(), "\"x\"")],
            // The tag decides where there is one.
            vec![(none_match, "\"x\""), (since.clone(), made)],
            vec![(since, "Tue, 24 Nov 2026 11:59:59 GMT")],
        ] {
            assert_eq!(ask(&other).status(), 200, "{other:?}");
        }
    }
}
