//! HTTP for the headless phone and for the tour's relying party.

use anyhow::{Context, Result, bail};
use std::time::Duration;
use ureq::{Agent, http::Request};

/// Longer than the longest long poll that we ask for.
const TIMEOUT: Duration = Duration::from_secs(70);

/// A server, by its origin.
pub(crate) struct Transport {
    origin: String,
    agent: Agent,
}

/// What came back.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Transport {
    /// Checks the origin; connects to nothing yet.
    pub(crate) fn new(origin: &str) -> Result<Self> {
        let origin = origin.trim_end_matches('/');
        if origin.starts_with("https://") {
            bail!(
                "the headless phone speaks plain http only: use it beside the server, not across a network"
            );
        }
        if !origin.starts_with("http://") {
            bail!("{origin} is no address of a server; write it like http://127.0.0.1:8080");
        }
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(TIMEOUT))
            .max_redirects(0)
            .build();
        Ok(Self {
            origin: origin.to_owned(),
            agent: Agent::new_with_config(config),
        })
    }

    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// Sends a request; an error means that no answer came.
    pub(crate) fn send<'h>(
        &self,
        method: &str,
        path: &str,
        headers: impl IntoIterator<Item = (&'h str, &'h str)>,
        body: Vec<u8>,
    ) -> Result<Reply> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.origin));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let response = if body.is_empty() {
            self.agent.run(request.body(())?)
        } else {
            self.agent.run(request.body(body)?)
        };
        let response = response.with_context(|| format!("no answer from {}", self.origin))?;
        let status = response.status().as_u16();
        let body = response
            .into_body()
            .read_to_vec()
            .with_context(|| format!("the answer of {} broke off", self.origin))?;
        Ok(Reply { status, body })
    }

    /// POSTs JSON.
    pub(crate) fn post(&self, path: &str, body: &serde_json::Value) -> Result<Reply> {
        self.send(
            "POST",
            path,
            [("content-type", "application/json")],
            body.to_string().into_bytes(),
        )
    }

    /// GETs.
    pub(crate) fn get(&self, path: &str) -> Result<Reply> {
        self.send("GET", path, [], Vec::new())
    }
}

impl Reply {
    /// The body as JSON if the status is a success; the problem's own words otherwise.
    pub(crate) fn json(&self) -> Result<serde_json::Value> {
        let body: serde_json::Value = serde_json::from_slice(&self.body).unwrap_or_default();
        if (200..300).contains(&self.status) {
            return Ok(body);
        }
        let text = body["detail"]
            .as_str()
            .or(body["title"].as_str())
            .unwrap_or("no reason given");
        let fields: Vec<_> = body["errors"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|error| error["detail"].as_str())
            .collect();
        let fields = if fields.is_empty() {
            String::new()
        } else {
            format!(" ({})", fields.join("; "))
        };
        bail!("the server answered {}: {text}{fields}", self.status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_http_origins_are_taken() {
        assert_eq!(
            Transport::new("http://127.0.0.1:8080/").unwrap().origin(),
            "http://127.0.0.1:8080"
        );
        for origin in ["https://id.example.org", "127.0.0.1:8080", "ftp://a", ""] {
            assert!(Transport::new(origin).is_err(), "{origin}");
        }
    }

    #[test]
    fn a_problem_document_is_told_in_its_own_words() {
        let body = br#"{"title":"Bad Request","detail":"Invalid request parameters found","errors":[{"detail":"Invalid x"}]}"#;
        let error = Reply {
            status: 400,
            body: body.to_vec(),
        }
        .json()
        .unwrap_err()
        .to_string();
        assert_eq!(
            error,
            "the server answered 400: Invalid request parameters found (Invalid x)"
        );
    }
}
