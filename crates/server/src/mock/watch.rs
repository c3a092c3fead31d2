//! In front of the RP API: the account that a relying party asks for is there when its request arrives, and its phone
//! hears of a session as by a push.

use super::{Mock, account::Account, phone::Line};
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{Method, StatusCode},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use std::sync::Arc;
use tracing::warn;
use wire::{DocumentNumber, SemanticsIdentifier, SessionId};

/// Most of an answer of the RP API to a POST; the longest has a certificate.
const MAX_ANSWER: usize = 64 * 1024;

/// Whom a request of a relying party is about.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Person(SemanticsIdentifier),
    Document(DocumentNumber),
}

/// What the mock reads of an answer.
#[derive(Deserialize)]
struct Started {
    #[serde(rename = "sessionID")]
    session: SessionId,
}

impl Mock {
    /// The same routes, with the mock in front of them.
    pub fn in_front_of(&self, router: Router) -> Router {
        router.layer(from_fn_with_state(self.clone(), watch))
    }

    async fn asked_for(&self, asked: &Asked) -> Vec<Arc<Account>> {
        match asked {
            Asked::Document(number) => self.account(number).into_iter().collect(),
            Asked::Person(person) => {
                let mut accounts = self.accounts_of(person);
                // Somebody registered a phone for her by hand: that one answers.
                if !accounts.is_empty() && self.has_other_account(person).await {
                    accounts.retain(|account| account.line().is_some());
                }
                accounts
            }
        }
    }
}

async fn watch(State(mock): State<Mock>, request: Request, next: Next) -> Response {
    let Some((asked, notifies)) = read(&request) else {
        return next.run(request).await;
    };
    let mut phones = Vec::new();
    for account in mock.asked_for(&asked).await {
        match mock.phone_of(&account).await {
            Ok(line) => phones.push(line),
            // The relying party is told what it would be told without the mock.
            Err(error) => warn!(error = format!("{error:#}"), "the mock has no phone"),
        }
    }
    let response = next.run(request).await;
    if phones.is_empty() || !notifies || response.status() != StatusCode::OK {
        return response;
    }
    wake(&phones, response).await
}

/// Tells the phones which session it is, out of the answer to the relying party.
async fn wake(phones: &[Line], response: Response) -> Response {
    let (head, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, MAX_ANSWER).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    // A certificate by document number has no session.
    if let Ok(Started { session }) = serde_json::from_slice(&bytes) {
        phones.iter().for_each(|phone| phone.wake(session));
    }
    Response::from_parts(head, Body::from(bytes))
}

/// Whom the request is about, and whether her phone is to hear of it.
fn read(request: &Request) -> Option<(Asked, bool)> {
    if request.method() != Method::POST {
        return None;
    }
    let parts: Vec<_> = request
        .uri()
        .path()
        .split('/')
        .filter(|part| !part.is_empty())
        .collect();
    let ["smart-id-rp", _, way @ .., by, whom] = parts.as_slice() else {
        return None;
    };
    let asked = match *by {
        "etsi" => Asked::Person(whom.parse().ok()?),
        "document" | "linked" | "certificate" => Asked::Document(whom.parse().ok()?),
        _ => return None,
    };
    Some((asked, !way.contains(&"device-link")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(method: &str, path: &str) -> Option<(String, bool)> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .body(Body::empty())
            .unwrap();
        read(&request).map(|(asked, notifies)| {
            let whom = match asked {
                Asked::Person(person) => person.to_string(),
                Asked::Document(number) => number.to_string(),
            };
            (whom, notifies)
        })
    }

    #[test]
    fn the_path_tells_whom_a_relying_party_means() {
        let (person, number) = ("PNOLV-050405-10009", "PNOLV-050405-10009-DEM0-Q");
        for (path, whom, notifies) in [
            (
                format!("/smart-id-rp/v3/authentication/notification/etsi/{person}"),
                person,
                true,
            ),
            (
                format!("/smart-id-rp//v3//signature/notification/document/{number}/"),
                number,
                true,
            ),
            (
                format!("/smart-id-rp/v3/signature/notification/linked/{number}"),
                number,
                true,
            ),
            (
                format!("/smart-id-rp/v3/signature/certificate/{number}"),
                number,
                true,
            ),
            (
                format!("/smart-id-rp/v3/authentication/device-link/etsi/{person}"),
                person,
                false,
            ),
            (
                format!("/smart-id-rp/v3/signature/device-link/document/{number}"),
                number,
                false,
            ),
            (
                format!("/smart-id-rp/v2/authentication/etsi/{person}"),
                person,
                true,
            ),
            (
                format!("/smart-id-rp/v2/certificatechoice/document/{number}"),
                number,
                true,
            ),
        ] {
            assert_eq!(
                asked("POST", &path),
                Some((whom.to_owned(), notifies)),
                "{path}"
            );
        }
    }

    #[test]
    fn other_requests_are_nobodys() {
        for (method, path) in [
            (
                "GET",
                "/smart-id-rp/v3/authentication/notification/etsi/PNOEE-40504040001",
            ),
            ("POST", "/smart-id-rp/v3/authentication/notification/etsi/x"),
            (
                "POST",
                "/smart-id-rp/v3/authentication/device-link/anonymous",
            ),
            ("POST", "/smart-id-rp/etsi/PNOEE-40504040001"),
            ("POST", "/device/v1/etsi/PNOEE-40504040001"),
            ("POST", "/"),
        ] {
            assert_eq!(asked(method, path), None, "{path}");
        }
    }
}
