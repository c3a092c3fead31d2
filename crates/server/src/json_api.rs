//! What the small JSON interfaces beside the two APIs have in common: fields that are all checked, problem documents.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value};
use std::{fmt::Display, str::FromStr};
use wire::problem::{FieldError, MEDIA_TYPE, Problem};

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
