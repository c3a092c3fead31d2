use crate::{
    body::{self, JSON, require_media_type},
    problem::Failure,
    slashes::PathAsSent,
    state::App,
};
use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::{HeaderMap, Method, header},
    response::IntoResponse,
};
use engine::service::AuthenticatedDevice;
use serde::de::DeserializeOwned;
use wire::http_signature::SignedRequest;

const OCTETS: &str = "application/octet-stream";

/// A request with a body of at most `LIMIT` bytes that claims to be signed; whether it is, the engine says.
pub(super) struct Signed<const LIMIT: usize> {
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

/// A signed request without a body.
pub(super) type SignedHead = Signed<0>;

impl<const LIMIT: usize> FromRequest<App> for Signed<LIMIT> {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Result<Self, Failure> {
        let mut path = match request.extensions().get::<PathAsSent>() {
            Some(PathAsSent(path)) => path.clone(),
            None => request.uri().path().to_owned(),
        };
        // A query is not signed; with the path it is refused.
        if let Some(query) = request.uri().query() {
            path = format!("{path}?{query}");
        }
        let (method, headers) = (request.method().clone(), request.headers().clone());
        let body = body::read(request, LIMIT, app.settings.body_timeout).await?;
        Ok(Self {
            method,
            path,
            headers,
            body,
        })
    }
}

impl<const LIMIT: usize> Signed<LIMIT> {
    /// What the engine checks.
    ///
    /// # Errors
    /// The headers of the signature are missing or have another form.
    pub(super) fn request(&self) -> Result<SignedRequest<'_>, Failure> {
        Ok(SignedRequest::parse(
            self.method.as_str(),
            &self.path,
            &self.body,
            self.single("content-digest"),
            self.single("signature-input"),
            self.single("signature"),
        )?)
    }

    /// The phone with an account that signed it.
    ///
    /// # Errors
    /// 401.
    pub(super) async fn authenticate(&self, app: &App) -> Result<AuthenticatedDevice, Failure> {
        Ok(app.service.authenticate(&self.request()?).await?)
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// Another media type, or not what the API says.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        require_media_type(&self.headers, JSON)?;
        // serde would read an array for an object, member by member.
        if self.body.trim_ascii_start().first() != Some(&b'{') {
            let error = "invalid body: a JSON object is expected";
            return Err(Failure::Malformed(error.to_owned()));
        }
        serde_json::from_slice(&self.body)
            .map_err(|error| Failure::Malformed(format!("invalid body: {error}")))
    }

    /// The body as bytes.
    ///
    /// # Errors
    /// Another media type.
    pub(super) fn octets(&self) -> Result<&[u8], Failure> {
        require_media_type(&self.headers, OCTETS)?;
        Ok(&self.body)
    }

    /// A header that stands there once; one that is repeated could be read in two ways.
    fn single(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (Some(value), None) => value.to_str().ok(),
            _ => None,
        }
    }
}

/// A sealed answer.
pub(super) fn octets(sealed: Vec<u8>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, OCTETS)], sealed)
}
