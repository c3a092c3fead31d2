//! One operation: what it takes, and every answer that it gives.

use crate::{
    body::JSON_LIMIT,
    problem::{Failure, Rejection},
};
use axum::http::header;
use engine::service::{Infrastructure, RelyingPartyError};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, time::Duration};
use wire::problem::{FieldError, MEDIA_TYPE, Problem};

/// Says when each code is given.
const PROBLEM_CODES: &str = include_str!("../../../../docs/problem-codes.md");

pub(super) struct Operation {
    pub(super) path: &'static str,
    pub(super) id: &'static str,
    pub(super) tag: &'static str,
    pub(super) summary: &'static str,
    pub(super) description: String,
    /// Names of shared parameters.
    pub(super) parameters: Vec<&'static str>,
    /// Name of the body's schema, and examples; with a body the method is POST, else GET.
    pub(super) body: Option<(&'static str, Value)>,
    /// Name of the answer's schema, what it means, and examples.
    pub(super) answer: (&'static str, &'static str, Value),
    /// OpenAPI links to what can be done with the answer.
    pub(super) links: Value,
    pub(super) failures: Vec<Failure>,
}

impl Operation {
    /// The path item; its problems are added to the shared ones.
    pub(super) fn describe(self, shared: &mut Map<String, Value>) -> (&'static str, Value) {
        let method = if self.body.is_some() { "post" } else { "get" };
        let mut responses: Map<_, _> = problems(&self.failures)
            .into_iter()
            .map(|(status, response)| (status, share(response, shared)))
            .collect();
        let (schema, meaning, examples) = self.answer;
        let mut answer = json!({
            "description": meaning,
            "headers": headers(&["X-Request-Id", "Cache-Control"]),
            "content": { "application/json": { "schema": reference("schemas", schema), "examples": examples } },
        });
        if self.links.is_object() {
            answer["links"] = self.links;
        }
        responses.insert("200".to_owned(), answer);
        let mut operation = json!({
            "operationId": self.id,
            "tags": [self.tag],
            "summary": self.summary,
            "description": self.description,
            "responses": responses,
        });
        if !self.parameters.is_empty() {
            let parameters = self
                .parameters
                .iter()
                .map(|name| reference("parameters", name));
            operation["parameters"] = parameters.collect();
        }
        if let Some((schema, examples)) = self.body {
            operation["requestBody"] = json!({
                "required": true,
                "description": format!("UTF-8 JSON of at most {JSON_LIMIT} bytes. No name may come twice in an object."),
                "content": { "application/json": { "schema": reference("schemas", schema), "examples": examples } },
            });
        }
        (self.path, json!({ method: operation }))
    }
}

/// A `$ref` to a component.
pub(super) fn reference(kind: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{kind}/{name}") })
}

/// What any request may fail of.
pub(super) fn any_failures() -> Vec<Failure> {
    vec![
        Failure::TooManyRequests {
            retry_after: Duration::from_secs(1),
        },
        Failure::Panic,
        RelyingPartyError::Infrastructure(Infrastructure::Crowded).into(),
    ]
}

/// What any request with a body may fail of.
pub(super) fn body_failures() -> Vec<Failure> {
    vec![
        Failure::Malformed("the body is not a JSON object: it is another JSON value".to_owned()),
        Failure::BodyIncomplete,
        Failure::BodyTooSlow,
        Failure::BodyTooLarge { limit: JSON_LIMIT },
        Failure::UnsupportedMediaType {
            expected: crate::body::JSON,
        },
    ]
}

/// What a relying party may do wrong about itself.
pub(super) fn relying_party_failures() -> Vec<Failure> {
    vec![
        RelyingPartyError::UnknownRelyingParty.into(),
        RelyingPartyError::AddressNotAllowed.into(),
        RelyingPartyError::NameNotAllowed.into(),
        RelyingPartyError::NotPermitted {
            what: "accounts of the level ADVANCED",
            pointer: "/certificateLevel",
        }
        .into(),
    ]
}

/// A wrong field of the body.
pub(super) fn wrong_field(pointer: &str, detail: &str) -> Failure {
    Failure::Fields(vec![FieldError::at(pointer, detail)])
}

/// A wrong part of path or query.
pub(super) fn wrong_parameter(name: &str, detail: &str) -> Failure {
    Failure::Fields(vec![FieldError::parameter(name, detail)])
}

/// Shared headers of answers.
pub(super) fn header_components() -> Value {
    let header = |description: &str, schema: Value, required: bool| json!({ "description": description, "required": required, "schema": schema });
    json!({
        "X-Request-Id": header("Names the request in the server's log.", json!({ "type": "string", "minLength": 1 }), true),
        "Cache-Control": header("Answers are for one caller at one time.", json!({ "const": "no-store" }), true),
        "Retry-After": header("Seconds after which the request may be tried again.",
            json!({ "type": "integer", "minimum": 1 }), true),
    })
}

/// Schema of a problem document.
pub(super) fn problem_schema() -> Value {
    json!({
        "type": "object",
        "description": "An error (RFC 9457).",
        "required": ["type", "title", "status", "code"],
        "properties": {
            "type": { "const": "about:blank", "description": "The status says what kind of problem it is." },
            "title": { "type": "string", "description": "The status in words." },
            "status": { "type": "integer", "minimum": 400, "maximum": 599, "description": "The HTTP status." },
            "code": { "type": "string", "pattern": "^[a-z_]+$",
                "description": "This very error, for programs; stable. Listed with each status." },
            "detail": { "type": "string", "description": "For people; may change. Absent with a 5xx." },
            "instance": { "type": "string", "pattern": "^/request-id/.+$",
                "description": "With a 5xx: the request's id, under which the server's log has the cause." },
            "errors": {
                "type": "array",
                "minItems": 1,
                "description": "The fields that are wrong, all of them.",
                "items": {
                    "type": "object",
                    "required": ["detail"],
                    "properties": {
                        "code": { "const": "NO_SUITABLE_ACCOUNT_FOUND",
                            "description": "Only with the problem `no_suitable_account`." },
                        "detail": { "type": "string", "description": "What is wrong, for people." },
                        "paramName": { "type": "string", "description": "Name of the field or parameter." },
                        "pointer": { "type": "string", "format": "json-pointer",
                            "description": "Where it stands in the body (RFC 6901)." },
                    },
                },
            },
        },
    })
}

/// One answer for each status.
fn problems(failures: &[Failure]) -> BTreeMap<String, Problems> {
    let mut by_status: BTreeMap<u16, Vec<(Problem, bool)>> = BTreeMap::new();
    for failure in failures {
        let (problem, retry) = problem(failure);
        let known = by_status.entry(problem.status).or_default();
        if known.iter().all(|(other, _)| other.code != problem.code) {
            known.push((problem, retry));
        }
    }
    by_status
        .into_iter()
        .map(|(status, problems)| (status.to_string(), response(status, &problems)))
        .collect()
}

/// Puts a response among the shared ones, if it is not there yet.
fn share(response: Problems, shared: &mut Map<String, Value>) -> Value {
    let mut name = response.name.clone();
    let mut number = 1;
    while shared
        .get(&name)
        .is_some_and(|other| *other != response.content)
    {
        number += 1;
        name = format!("{}-{number}", response.name);
    }
    let reference = reference("responses", &name);
    shared.insert(name, response.content);
    reference
}

/// All problems of one status.
struct Problems {
    name: String,
    content: Value,
}

fn response(status: u16, problems: &[(Problem, bool)]) -> Problems {
    let mut meaning = String::new();
    let mut examples = Map::new();
    for (problem, _) in problems {
        meaning.push_str(&format!("* `{}`: {}\n", problem.code, when(problem)));
        examples.insert(problem.code.clone(), json!({ "value": problem }));
    }
    let codes: Vec<_> = problems.iter().map(|(problem, _)| &problem.code).collect();
    let mut names = vec!["X-Request-Id", "Cache-Control"];
    if problems.iter().all(|(_, retry)| *retry) {
        names.push("Retry-After");
    }
    let name = problems
        .first()
        .map_or_else(String::new, |(first, _)| format!("{status}.{}", first.code));
    let content = json!({
        "description": meaning.trim_end(),
        "headers": headers(&names),
        "content": {
            MEDIA_TYPE: {
                "schema": {
                    "allOf": [
                        reference("schemas", "Problem"),
                        { "properties": { "status": { "const": status }, "code": { "enum": codes } } },
                    ],
                },
                "examples": examples,
            },
        },
    });
    Problems { name, content }
}

/// The document that a failure becomes, and whether it says when to come again.
fn problem(failure: &Failure) -> (Problem, bool) {
    let response = failure.response();
    let rejection = response.extensions().get::<Rejection>();
    let mut problem = rejection.expect("every failure has one").problem.clone();
    if response.status().is_server_error() {
        problem.instance = Some("/request-id/8b0c9a52-2f0a-4a8e-9d5b-6a3d0f0c1c55".to_owned());
    }
    (
        problem,
        response.headers().contains_key(header::RETRY_AFTER),
    )
}

/// What `docs/problem-codes.md` says about a code of the Relying Party API.
fn when(problem: &Problem) -> &'static str {
    let row = format!("| {} | `{}` | ", problem.status, problem.code);
    PROBLEM_CODES
        .lines()
        .find_map(|line| line.strip_prefix(&row))
        .map_or("see the documentation of the codes", |rest| {
            rest.trim_end_matches(" |")
        })
}

fn headers(names: &[&str]) -> Value {
    names
        .iter()
        .map(|name| ((*name).to_owned(), reference("headers", name)))
        .collect::<Map<_, _>>()
        .into()
}
