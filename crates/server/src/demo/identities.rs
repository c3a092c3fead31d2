//! `POST /demo/identities`: whoever asks is believed. Only in the demo; elsewhere an operator or an ID-card vouches.

use crate::json_api::{self, Fields, JsonBody};
use anyhow::Error;
use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use engine::{
    Service,
    domain::{AccountLevel, Person},
    ports::StoreError,
    service::{IdentityRequest, Infrastructure, OperatorError},
};
use serde_json::{Map, Value, json};
use std::str::FromStr;
use tracing::error;
use wire::{RegistrationCode, problem::FieldError};

const MAX_BODY: usize = 4096;

pub(super) fn routes(service: Service) -> Router {
    Router::new()
        .route("/demo/identities", post(vouch))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(service)
}

async fn vouch(
    State(service): State<Service>,
    JsonBody(body): JsonBody,
) -> Result<Json<Value>, Refusal> {
    let (code, identity) = parse(&body)?;
    service.prove_identity(&code, &identity).await?;
    Ok(Json(json!({})))
}

fn parse(body: &[u8]) -> Result<(RegistrationCode, IdentityRequest), Refusal> {
    let body: Map<String, Value> = serde_json::from_slice(body)
        .map_err(|error| Refusal::Body(StatusCode::BAD_REQUEST, error.to_string()))?;
    let mut fields = Fields::of(&body);
    let code = fields.required("registrationCode");
    let semantics_identifier = fields.required("semanticsIdentifier");
    let given_name = fields.required("givenName");
    let surname = fields.required("surname");
    let date_of_birth = fields.required("dateOfBirth");
    let level = fields.optional::<Level>("level");
    match (
        code,
        semantics_identifier,
        given_name,
        surname,
        date_of_birth,
        fields.errors,
    ) {
        (
            Some(code),
            Some(semantics_identifier),
            Some(given_name),
            Some(surname),
            Some(date_of_birth),
            errors,
        ) if errors.is_empty() => {
            let person = Person {
                semantics_identifier,
                given_name,
                surname,
                date_of_birth,
            };
            let level = level.map_or(AccountLevel::Qualified, |Level(level)| level);
            Ok((
                code,
                IdentityRequest {
                    person,
                    level,
                    evidence: "demo: believed unseen".to_owned(),
                    document_suffix: None,
                    invented: false,
                },
            ))
        }
        (.., errors) => Err(Refusal::Fields(errors)),
    }
}

/// A level in the words of the RP API.
struct Level(AccountLevel);

impl FromStr for Level {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "QUALIFIED" => Ok(Self(AccountLevel::Qualified)),
            "ADVANCED" => Ok(Self(AccountLevel::Advanced)),
            _ => Err("expected QUALIFIED or ADVANCED"),
        }
    }
}

enum Refusal {
    Body(StatusCode, String),
    Fields(Vec<FieldError>),
    Operator(OperatorError),
}

impl From<OperatorError> for Refusal {
    fn from(error: OperatorError) -> Self {
        Self::Operator(error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Body(status, detail) => json_api::malformed(status, detail),
            Self::Fields(errors) => json_api::invalid(errors),
            Self::Operator(OperatorError::Infrastructure(inner)) => {
                let (status, code) = match &inner {
                    Infrastructure::Store(StoreError::Conflict | StoreError::Unavailable(_)) => {
                        (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
                    }
                    _ => (StatusCode::INTERNAL_SERVER_ERROR, "internal_error"),
                };
                error!(
                    error = format!("{:#}", Error::new(inner)),
                    "vouching failed"
                );
                json_api::problem(status, code, None, Vec::new())
            }
            Self::Operator(error) => {
                let (status, code) = match &error {
                    OperatorError::UnknownCode(_) => {
                        (StatusCode::NOT_FOUND, "unknown_registration_code")
                    }
                    OperatorError::NotReady => (StatusCode::CONFLICT, "not_ready"),
                    OperatorError::AlreadyProven => (StatusCode::CONFLICT, "already_proven"),
                    _ => (StatusCode::BAD_REQUEST, "invalid_person"),
                };
                json_api::problem(status, code, Some(error.to_string()), Vec::new())
            }
        }
        .into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::header;
    use wire::problem::MEDIA_TYPE;

    fn body() -> Value {
        json!({
            "registrationCode": "7K3M-9QXA", "semanticsIdentifier": "PNOEE-40504040001", "givenName": "OK",
            "surname": "TESTNUMBER", "dateOfBirth": "1905-04-04",
        })
    }

    fn refusal(body: &Value) -> (StatusCode, Vec<String>) {
        let Err(refusal) = parse(body.to_string().as_bytes()) else {
            panic!("accepted {body}")
        };
        let pointers = match &refusal {
            Refusal::Fields(errors) => errors
                .iter()
                .filter_map(|error| error.pointer.clone())
                .collect(),
            _ => Vec::new(),
        };
        (refusal.into_response().status(), pointers)
    }

    #[test]
    fn the_level_is_qualified_unless_said_otherwise() {
        for (level, expected) in [
            (json!(null), AccountLevel::Qualified),
            (json!("QUALIFIED"), AccountLevel::Qualified),
            (json!("ADVANCED"), AccountLevel::Advanced),
        ] {
            let mut body = body();
            body["level"] = level;
            let Ok((_, identity)) = parse(body.to_string().as_bytes()) else {
                panic!("refused")
            };
            assert_eq!(identity.level, expected);
        }
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let mut body = body();
        body["semanticsIdentifier"] = json!("40504040001");
        body["dateOfBirth"] = json!("4.4.1905");
        body["level"] = json!("BEST");
        body["givenName"] = json!(1);
        body.as_object_mut().unwrap().remove("surname");
        let expected = [
            "/semanticsIdentifier",
            "/givenName",
            "/surname",
            "/dateOfBirth",
            "/level",
        ];
        assert_eq!(
            refusal(&body),
            (
                StatusCode::BAD_REQUEST,
                expected.map(str::to_owned).to_vec()
            )
        );
    }

    #[test]
    fn what_is_no_json_object_is_refused() {
        assert_eq!(refusal(&json!([])), (StatusCode::BAD_REQUEST, Vec::new()));
    }

    #[test]
    fn a_phone_that_is_not_that_far_is_a_conflict() {
        assert_eq!(
            Refusal::from(OperatorError::NotReady)
                .into_response()
                .status(),
            StatusCode::CONFLICT
        );
        assert_eq!(
            Refusal::from(OperatorError::AlreadyProven)
                .into_response()
                .status(),
            StatusCode::CONFLICT
        );
        let unknown = OperatorError::UnknownCode("7K3M-9QXA".parse().unwrap());
        let response = Refusal::from(unknown).into_response();
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        assert_eq!(response.headers()[header::CONTENT_TYPE], MEDIA_TYPE);
    }
}
