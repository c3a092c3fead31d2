//! Reading a request's body: of the right type, bounded in size and time.

use crate::{problem::Failure, state::App};
use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use std::time::Duration;

/// Largest JSON body (issue 2: "body over 64 KiB 413").
pub(crate) const JSON_LIMIT: usize = 64 * 1024;

/// Media type of the RP API and of the device API's ordinary bodies.
pub(crate) const JSON: &str = "application/json";

/// A body that says it is JSON; not parsed yet.
pub(crate) struct JsonBody(pub(crate) Bytes);

impl FromRequest<App> for JsonBody {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Result<Self, Failure> {
        require_media_type(request.headers(), JSON)?;
        read(request, JSON_LIMIT, app.settings.body_timeout)
            .await
            .map(Self)
    }
}

/// Refuses a body of another type, of none, or of two.
///
/// # Errors
/// 415.
pub(crate) fn require_media_type(
    headers: &HeaderMap,
    expected: &'static str,
) -> Result<(), Failure> {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let given = match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().unwrap_or_default(),
        _ => "",
    };
    // Parameters do not matter: JSON is UTF-8 whatever its charset says (RFC 8259 §11).
    let essence = given.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case(expected) {
        Ok(())
    } else {
        Err(Failure::UnsupportedMediaType { expected })
    }
}

/// Reads the whole body.
///
/// # Errors
/// 413 above `limit` bytes, 408 when it takes longer than `timeout`, 400 when it breaks off.
pub(crate) async fn read(
    request: Request,
    limit: usize,
    timeout: Duration,
) -> Result<Bytes, Failure> {
    let announced = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(Failure::BodyTooLarge { limit });
    }
    let body: Body = request.into_body();
    match tokio::time::timeout(timeout, Limited::new(body, limit).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Failure::BodyTooLarge { limit }),
        Ok(Err(_)) => Err(Failure::BodyIncomplete),
        Err(_) => Err(Failure::BodyTooSlow),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body::Frame;
    use std::{
        convert::Infallible,
        pin::Pin,
        task::{Context, Poll},
    };

    const TIMEOUT: Duration = Duration::from_secs(10);

    fn media_type(given: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        if let Some(given) = given {
            headers.insert(header::CONTENT_TYPE, given.parse().unwrap());
        }
        require_media_type(&headers, JSON).is_ok()
    }

    #[test]
    fn only_the_media_type_counts_not_its_parameters() {
        assert!(media_type(Some("application/json")));
        assert!(media_type(Some("Application/JSON; charset=utf-8")));
        for other in [
            None,
            Some(""),
            Some("text/json"),
            Some("application/jsonx"),
            Some("text/plain; application/json"),
        ] {
            assert!(!media_type(other), "{other:?}");
        }
    }

    #[test]
    fn two_media_types_are_none() {
        let mut headers = HeaderMap::new();
        headers.append(header::CONTENT_TYPE, JSON.parse().unwrap());
        headers.append(header::CONTENT_TYPE, JSON.parse().unwrap());
        assert!(require_media_type(&headers, JSON).is_err());
    }

    #[tokio::test]
    async fn a_body_of_exactly_the_limit_is_read() {
        let request = Request::new(Body::from(vec![b'x'; 16]));
        assert_eq!(
            read(request, 16, TIMEOUT).await.map(|body| body.len()).ok(),
            Some(16)
        );
    }

    #[tokio::test]
    async fn a_larger_body_is_refused_announced_or_not() {
        let announced = Request::builder()
            .header(header::CONTENT_LENGTH, 17)
            .body(Body::empty())
            .unwrap();
        let unannounced = Request::new(Body::from(vec![b'x'; 17]));
        for request in [announced, unannounced] {
            assert!(matches!(
                read(request, 16, TIMEOUT).await,
                Err(Failure::BodyTooLarge { limit: 16 })
            ));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_ends_is_given_up() {
        let request = Request::new(Body::new(Silent));
        let start = tokio::time::Instant::now();
        assert!(matches!(
            read(request, 16, TIMEOUT).await,
            Err(Failure::BodyTooSlow)
        ));
        assert_eq!(start.elapsed(), TIMEOUT);
    }

    /// A client that sends nothing and does not hang up.
    struct Silent;

    impl axum::body::HttpBody for Silent {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Pending
        }
    }
}
