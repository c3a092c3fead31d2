//! OpenAPI 3.1 descriptions of what this crate serves, and a page for people.
//!
//! They are built from the words, lengths and patterns of `wire` and from the failures of `problem`, so they
//! cannot tell another story than the parsers (ADR 13). `docs/openapi/` has them as files.

mod answers;
mod document;
mod fields;
mod operation;
mod page;
mod routes;
mod rp_v2;
mod rp_v3;

pub(crate) use routes::routes;

use serde_json::Value;

/// An interface that is described.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// The Relying Party API v3.
    RpV3,
    /// The Relying Party API v2.
    RpV2,
}

impl Api {
    /// All of them.
    pub const ALL: &[Self] = &[Self::RpV3, Self::RpV2];

    /// Its name in addresses, file names and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::RpV3 => "rp-api-v3",
            Self::RpV2 => "rp-api-v2",
        }
    }

    /// Its OpenAPI document.
    #[must_use]
    pub fn document(self) -> Value {
        match self {
            Self::RpV3 => rp_v3::document(),
            Self::RpV2 => rp_v2::document(),
        }
    }

    /// The document as text, indented, with a line feed at the end.
    #[must_use]
    pub fn text(self) -> String {
        format!("{:#}\n", self.document())
    }
}

#[cfg(test)]
mod tests;
