//! Who publishes the trusted list.

use engine::domain::SchemeOperator;
use serde::Deserialize;

/// Scheme operator and scheme, as the list names them (TS 119 612 §5.3).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "RawTrustedList")]
pub struct TrustedListConfig(SchemeOperator);

impl TrustedListConfig {
    /// What the engine has to know.
    #[must_use]
    pub fn operator(&self) -> SchemeOperator {
        self.0.clone()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTrustedList {
    scheme_name: String,
    operator_name: String,
    territory: String,
    information_url: String,
    contact_url: String,
    street_address: String,
    locality: String,
    postal_code: String,
}

/// A value that no trusted list may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum NotAnOperator {
    #[error("{0} is empty")]
    Empty(&'static str),
    #[error("{0} has characters that XML cannot carry")]
    Unprintable(&'static str),
    #[error("territory: expected two capital letters, like EE (ISO 3166-1)")]
    Territory,
    #[error("information_url: expected http:// or https://")]
    InformationUrl,
    #[error("contact_url: expected mailto: or https://")]
    ContactUrl,
}

impl TryFrom<RawTrustedList> for TrustedListConfig {
    type Error = NotAnOperator;

    fn try_from(raw: RawTrustedList) -> Result<Self, NotAnOperator> {
        for (name, text) in [
            ("scheme_name", &raw.scheme_name),
            ("operator_name", &raw.operator_name),
            ("information_url", &raw.information_url),
            ("contact_url", &raw.contact_url),
            ("street_address", &raw.street_address),
            ("locality", &raw.locality),
            ("postal_code", &raw.postal_code),
        ] {
            if text.trim().is_empty() {
                return Err(NotAnOperator::Empty(name));
            }
            if text.chars().any(char::is_control) {
                return Err(NotAnOperator::Unprintable(name));
            }
        }
        let letters = raw.territory.bytes().all(|byte| byte.is_ascii_uppercase());
        if raw.territory.len() != 2 || !letters {
            return Err(NotAnOperator::Territory);
        }
        let begins = |url: &str, schemes: [&str; 2]| {
            let graphic = url.bytes().all(|byte| byte.is_ascii_graphic());
            graphic && schemes.iter().any(|scheme| url.starts_with(scheme))
        };
        if !begins(&raw.information_url, ["http://", "https://"]) {
            return Err(NotAnOperator::InformationUrl);
        }
        if !begins(&raw.contact_url, ["mailto:", "https://"]) {
            return Err(NotAnOperator::ContactUrl);
        }
        Ok(Self(SchemeOperator {
            name: raw.operator_name,
            territory: raw.territory,
            information_url: raw.information_url,
            contact_url: raw.contact_url,
            street_address: raw.street_address,
            locality: raw.locality,
            postal_code: raw.postal_code,
            scheme_name: raw.scheme_name,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
scheme_name = "Example list"
operator_name = "Example Identity"
territory = "EE"
information_url = "https://id.example.org/certs"
contact_url = "mailto:trust@example.org"
street_address = "1 Example Street"
locality = "Tallinn"
postal_code = "10111"
"#;

    #[test]
    fn what_no_list_may_have_is_refused_by_name() {
        toml::from_str::<TrustedListConfig>(GOOD).unwrap();
        for (from, to, expected) in [
            ("\"EE\"", "\"Estonia\"", "territory"),
            ("\"EE\"", "\"ee\"", "territory"),
            ("https://id", "ftp://id", "information_url"),
            ("mailto:", "", "contact_url"),
            ("Tallinn", " ", "locality is empty"),
            ("Tallinn", "a\\u0001", "locality has characters"),
            ("locality", "place", "unknown field"),
        ] {
            let error = toml::from_str::<TrustedListConfig>(&GOOD.replace(from, to)).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
