//! Identifiers in paths.

use crate::problem::Failure;
use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::request::Parts,
};
use std::{fmt::Display, str::FromStr};
use wire::problem::FieldError;

/// What may stand in a path.
pub(crate) trait PathSegment: FromStr<Err: Display> {
    /// Its name in the documentation of the API.
    const NAME: &'static str;
}

impl PathSegment for wire::SemanticsIdentifier {
    const NAME: &'static str = "semantics-identifier";
}

impl PathSegment for wire::DocumentNumber {
    const NAME: &'static str = "document-number";
}

impl PathSegment for wire::SessionId {
    const NAME: &'static str = "sessionID";
}

impl PathSegment for wire::RegistrationId {
    const NAME: &'static str = "registrationId";
}

impl PathSegment for wire::TransactionId {
    const NAME: &'static str = "transactionId";
}

/// A file name.
impl PathSegment for String {
    const NAME: &'static str = "file";
}

/// The one parameter of the route, parsed.
pub(crate) struct FromPath<T>(pub(crate) T);

impl<T: PathSegment, S: Send + Sync> FromRequestParts<S> for FromPath<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let wrong = |detail: String| Failure::Fields(vec![FieldError::parameter(T::NAME, detail)]);
        let parameters = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|_| wrong(format!("Invalid {}: not UTF-8", T::NAME)))?;
        let (_, text) = parameters
            .iter()
            .next()
            .ok_or(Failure::Internal("a route without its parameter"))?;
        text.parse()
            .map(Self)
            .map_err(|error: T::Err| wrong(format!("Invalid {}: {error}", T::NAME)))
    }
}
