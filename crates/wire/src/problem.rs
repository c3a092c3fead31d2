//! Problem documents (RFC 9457) as our APIs give them.

use serde::{Deserialize, Serialize};

/// Media type of a problem document.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// An error, for a program (`status`, `code`) and for the person who reads its log (`title`, `detail`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Always `about:blank`: the status says what kind of problem it is.
    pub r#type: String,
    /// The status in words.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// Stable snake_case code of this very error.
    pub code: String,
    /// What is wrong with this request.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub detail: Option<String>,
    /// The request's id, to find it in the server's log.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub instance: Option<String>,
    /// Fields that are wrong.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub errors: Vec<FieldError>,
}

/// One wrong field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldError {
    /// A documented code, for example `NO_SUITABLE_ACCOUNT_FOUND`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub code: Option<String>,
    /// What is wrong with it.
    pub detail: String,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub param_name: Option<String>,
    /// Where it stands in the body (RFC 6901).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pointer: Option<String>,
}

impl FieldError {
    /// A wrong field of the body at this JSON pointer; its name is the pointer's last part.
    #[must_use]
    pub fn at(pointer: &str, detail: impl Into<String>) -> Self {
        Self {
            code: None,
            detail: detail.into(),
            param_name: pointer
                .rsplit('/')
                .next()
                .filter(|name| !name.is_empty())
                .map(str::to_owned),
            pointer: Some(pointer.to_owned()),
        }
    }

    /// A wrong part of the path or the query.
    #[must_use]
    pub fn parameter(name: &str, detail: impl Into<String>) -> Self {
        Self {
            code: None,
            detail: detail.into(),
            param_name: Some(name.to_owned()),
            pointer: None,
        }
    }
}
