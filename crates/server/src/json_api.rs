//! What the small JSON interfaces beside the two APIs have in common: fields that are all checked, problem documents.

use axum::{
    Json,
    body::Bytes,
    extract::{FromRequest, Request},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value};
use std::{fmt::Display, str::FromStr};
use wire::problem::{FieldError, MEDIA_TYPE, Problem};

/// A body that says it is JSON; not parsed yet.
///
/// # Security
/// Any web page can have a browser POST a body here, but none that says so: for that the browser asks first, and is
/// told nothing.
pub(crate) struct JsonBody(pub(crate) Bytes);

impl<S: Send + Sync> FromRequest<S> for JsonBody {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        if !is_json(request.headers()) {
            return Err(problem(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                Some("Content-Type must be application/json".to_owned()),
                Vec::new(),
            ));
        }
        let body = Bytes::from_request(request, state).await;
        body.map(Self)
            .map_err(|error| malformed(error.status(), error.body_text()))
    }
}

/// Parameters do not matter: JSON is UTF-8 whatever its charset says (RFC 8259 §11).
fn is_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    let essence = value.to_str().unwrap_or_default().split(';').next();
    essence
        .unwrap_or_default()
        .trim()
        .eq_ignore_ascii_case("application/json")
}

/// Takes fields out of a body and collects what is wrong with them.
pub(crate) struct Fields<'a> {
    body: &'a Map<String, Value>,
    /// What is wrong, in the order in which it was found.
    pub(crate) errors: Vec<FieldError>,
}

impl<'a> Fields<'a> {
    pub(crate) fn of(body: &'a Map<String, Value>) -> Self {
        Self {
            body,
            errors: Vec::new(),
        }
    }

    pub(crate) fn required<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        if self.body.get(name).is_none_or(Value::is_null) {
            self.wrong(name, format!("{name} is missing"));
        }
        self.optional(name)
    }

    pub(crate) fn optional<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        let value = self.body.get(name).filter(|value| !value.is_null())?;
        let parsed = match value {
            Value::String(text) => text.parse().map_err(|error: T::Err| error.to_string()),
            _ => Err("expected a string".to_owned()),
        };
        parsed.map_err(|error| self.wrong(name, error)).ok()
    }

    /// A whole number up to `most`.
    pub(crate) fn optional_number(&mut self, name: &str, most: u64) -> Option<u64> {
        let value = self.body.get(name).filter(|value| !value.is_null())?;
        let number = value.as_u64().filter(|number| *number <= most);
        if number.is_none() {
            self.wrong(name, format!("expected a whole number from 0 to {most}"));
        }
        number
    }

    pub(crate) fn wrong(&mut self, name: &str, why: impl Into<String>) {
        self.errors.push(FieldError::at(&format!("/{name}"), why));
    }
}

/// An answer that is a problem document.
pub(crate) struct Refusal(Box<Response>);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        *self.0
    }
}

/// A problem document.
pub(crate) fn problem(
    status: StatusCode,
    code: &str,
    detail: Option<String>,
    errors: Vec<FieldError>,
) -> Refusal {
    let problem = Problem {
        r#type: "about:blank".to_owned(),
        title: status.canonical_reason().unwrap_or("Error").to_owned(),
        status: status.as_u16(),
        code: code.to_owned(),
        detail,
        instance: None,
        errors,
    };
    let mut response = (status, Json(problem)).into_response();
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    Refusal(Box::new(response))
}

/// The problem of fields that are wrong.
pub(crate) fn invalid(errors: Vec<FieldError>) -> Refusal {
    let detail = "Invalid request parameters found".to_owned();
    problem(
        StatusCode::BAD_REQUEST,
        "invalid_request",
        Some(detail),
        errors,
    )
}

/// The problem of a body that is no JSON object, too large, or broken off.
pub(crate) fn malformed(status: StatusCode, detail: String) -> Refusal {
    let code = match status {
        StatusCode::PAYLOAD_TOO_LARGE => "body_too_large",
        _ => "malformed_body",
    };
    problem(status, code, Some(detail), Vec::new())
}
