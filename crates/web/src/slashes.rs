//! Clients join base and path with one slash or two (`/v3//session/…`); both mean the same here.

use axum::{
    extract::Request,
    http::{Uri, uri::PathAndQuery},
};

/// The path before repeated slashes were collapsed; phones sign that one.
#[derive(Clone)]
pub(crate) struct PathAsSent(pub(crate) String);

/// Segments before the base64 of an OCSP request in a path, which may have any slashes (RFC 6960 §A.1).
const OCSP: &str = "/ocsp/";

/// Collapses repeated slashes in the path.
pub(crate) fn collapse(mut request: Request) -> Request {
    let path = request.uri().path();
    if !path.contains("//") {
        return request;
    }
    let as_sent = PathAsSent(path.to_owned());
    if let Some(uri) = with_path(request.uri(), &single(path)) {
        *request.uri_mut() = uri;
        request.extensions_mut().insert(as_sent);
    }
    request
}

fn single(path: &str) -> String {
    let mut collapsed = String::with_capacity(path.len());
    let mut slashes = 0;
    for (at, character) in path.char_indices() {
        if character != '/' {
            collapsed.push(character);
        } else if !collapsed.ends_with('/') {
            collapsed.push(character);
            slashes += 1;
        }
        // `/ocsp/{ca}/`, and then what is the client's.
        if slashes == 3 && collapsed.starts_with(OCSP) {
            collapsed.push_str(&path[at + 1..]);
            break;
        }
    }
    collapsed
}

fn with_path(uri: &Uri, path: &str) -> Option<Uri> {
    let path_and_query = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(path_and_query).ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    fn collapsed(uri: &str) -> String {
        collapse(Request::get(uri).body(Body::empty()).unwrap())
            .uri()
            .to_string()
    }

    #[test]
    fn repeated_slashes_of_the_path_collapse_and_the_query_stays() {
        assert_eq!(
            collapsed("/smart-id-rp//v3///session/x?a=//b"),
            "/smart-id-rp/v3/session/x?a=//b"
        );
        assert_eq!(collapsed("//v3"), "/v3");
        assert_eq!(collapsed("/v3/session"), "/v3/session");
        assert_eq!(
            collapsed("http://example.org//v3//x"),
            "http://example.org/v3/x"
        );
        assert_eq!(collapsed("/v3/v3"), "/v3/v3");
    }

    #[test]
    fn slashes_of_an_ocsp_request_stay() {
        for (sent, expected) in [
            ("/ocsp/eid-q/MEUw//a/b//", "/ocsp/eid-q/MEUw//a/b//"),
            ("//ocsp//eid-q/M//a", "/ocsp/eid-q/M//a"),
            ("/ocsp/eid-q//M//a", "/ocsp/eid-q//M//a"),
            ("/ocsp//eid-q", "/ocsp/eid-q"),
            ("/ocspx//eid-q//M//a", "/ocspx/eid-q/M/a"),
        ] {
            assert_eq!(collapsed(sent), expected);
        }
    }

    #[test]
    fn the_path_as_sent_is_kept_for_the_phone_s_signature() {
        let request = collapse(
            Request::get("/device//v1/account")
                .body(Body::empty())
                .unwrap(),
        );
        assert_eq!(
            request.extensions().get::<PathAsSent>().unwrap().0,
            "/device//v1/account"
        );
    }
}
