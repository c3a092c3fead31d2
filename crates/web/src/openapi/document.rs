//! A whole document.

use super::operation::{Operation, header_components, problem_schema};
use serde_json::{Map, Value, json};

/// Path of the Relying Party API below the origin, without its version.
const SERVER: &str = "/smart-id-rp";

/// What a document is made of.
pub(super) struct Parts {
    pub(super) title: &'static str,
    pub(super) version: &'static str,
    pub(super) summary: &'static str,
    pub(super) description: String,
    /// Names of the groups of operations, and what they are for.
    pub(super) tags: Vec<(&'static str, &'static str)>,
    pub(super) operations: Vec<Operation>,
    pub(super) parameters: Vec<(&'static str, Value)>,
    pub(super) schemas: Vec<(&'static str, Value)>,
}

impl Parts {
    /// Puts them together.
    pub(super) fn document(self) -> Value {
        let mut responses = Map::new();
        let paths: Map<_, _> = self
            .operations
            .into_iter()
            .map(|operation| {
                let (path, item) = operation.describe(&mut responses);
                (path.to_owned(), item)
            })
            .collect();
        let tags: Vec<_> = self
            .tags
            .into_iter()
            .map(|(name, description)| json!({ "name": name, "description": description }))
            .collect();
        let mut schemas = named(self.schemas);
        schemas.insert("Problem".to_owned(), problem_schema());
        json!({
            "openapi": "3.1.1",
            "info": {
                "title": self.title,
                "version": self.version,
                "summary": self.summary,
                "description": self.description,
                "license": { "name": "Apache-2.0 OR MIT", "identifier": "Apache-2.0 OR MIT" },
            },
            "servers": [{ "url": SERVER, "description": "On the server that this document comes from." }],
            "tags": tags,
            // Relying parties are known by UUID and address, which no security scheme of OpenAPI describes.
            "security": [],
            "paths": paths,
            "components": {
                "schemas": schemas,
                "parameters": named(self.parameters),
                "responses": responses,
                "headers": header_components(),
            },
        })
    }
}

fn named(list: Vec<(&'static str, Value)>) -> Map<String, Value> {
    list.into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
