//! `GET session/{sessionID}?timeoutMs=`: the result of a session, waited for.

use crate::{
    client_address::ClientAddress, long_poll::long_poll, path::FromPath, problem::Failure,
    state::App,
};
use axum::{
    Json, Router,
    extract::{RawQuery, State},
    routing::get,
};
use engine::{
    domain::{AccountLevel, Api, Chosen, Completed, RequestKind, SessionRequest},
    service::{RelyingPartyError, SessionStatus},
};
use std::{net::IpAddr, time::Duration};
use tokio::time::Instant;
use wire::{
    InteractionType, SessionId,
    problem::FieldError,
    rp_v3::{
        self, Certificate, DEFAULT_TIMEOUT_MS, MAX_TIMEOUT_MS, MIN_TIMEOUT_MS, Signature,
        SignatureValue,
    },
};

/// How long before `timeoutMs` the answer leaves: some clients hang up right after it.
const HEAD_START: Duration = Duration::from_millis(50);

pub(super) fn routes() -> Router<App> {
    Router::new().route("/smart-id-rp/v3/session/{session-id}", get(session))
}

async fn session(
    State(app): State<App>,
    ClientAddress(address): ClientAddress,
    FromPath(id): FromPath<SessionId>,
    RawQuery(query): RawQuery,
) -> Result<Json<rp_v3::SessionStatus>, Failure> {
    let deadline = Instant::now() + timeout(query.as_deref().unwrap_or_default())? - HEAD_START;
    // Only who may ask for a session that runs takes part in the waiting: nobody else can end another's.
    let status = match app.service.session_status(Api::V3, id, address).await? {
        SessionStatus::Running => wait(&app, address, id, deadline).await?,
        over => over,
    };
    describe(&app, status).map(Json)
}

async fn wait(
    app: &App,
    address: IpAddr,
    id: SessionId,
    deadline: Instant,
) -> Result<SessionStatus, RelyingPartyError> {
    let _open = app.metrics.open_long_poll();
    let waiting = app.long_polls.join(id);
    long_poll(
        waiting.until(deadline),
        waiting.over(),
        || app.service.listen(id),
        || app.service.session_status(Api::V3, id, address),
        |status| !matches!(status, SessionStatus::Running),
    )
    .await
}

/// `timeoutMs` of the query, or the default.
fn timeout(query: &str) -> Result<Duration, Failure> {
    let mut given = query
        .split('&')
        .filter_map(|pair| pair.strip_prefix("timeoutMs="));
    let timeout_ms = match (given.next(), given.next()) {
        (None, _) => Some(DEFAULT_TIMEOUT_MS),
        (Some(text), None) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
        _ => None,
    };
    timeout_ms
        .filter(|timeout_ms| (MIN_TIMEOUT_MS..=MAX_TIMEOUT_MS).contains(timeout_ms))
        .map(Duration::from_millis)
        .ok_or_else(|| {
            let detail = format!(
                "Invalid timeoutMs: must be a number from {MIN_TIMEOUT_MS} to {MAX_TIMEOUT_MS}"
            );
            Failure::Fields(vec![FieldError::parameter("timeoutMs", detail)])
        })
}

fn describe(app: &App, status: SessionStatus) -> Result<rp_v3::SessionStatus, Failure> {
    Ok(match status {
        SessionStatus::Running => rp_v3::SessionStatus::running(),
        SessionStatus::Failed {
            result,
            ignored_properties,
        } => {
            app.metrics.session_result(result.code());
            rp_v3::SessionStatus::failed(&result, ignored_properties)
        }
        SessionStatus::Completed { request, completed } => {
            app.metrics.session_result("OK");
            return describe_completed(*request, *completed);
        }
        SessionStatus::Chosen { request, chosen } => {
            app.metrics.session_result("OK");
            describe_chosen(*request, *chosen)
        }
    })
}

fn describe_completed(
    request: SessionRequest,
    completed: Completed,
) -> Result<rp_v3::SessionStatus, Failure> {
    let signing = request
        .signing
        .ok_or(Failure::Internal("a signature that nobody asked for"))?;
    let signature = SignatureValue {
        value: completed.signature.as_bytes().to_vec(),
        algorithm: signing.signature_algorithm,
        hash: signing.hash_algorithm,
        flow_type: completed.flow_type,
    };
    let signature = match request.kind {
        RequestKind::Authentication { .. } => Signature::Authentication {
            signature,
            server_random: completed.server_random,
            user_challenge: completed.user_challenge,
        },
        RequestKind::Signature { .. } => Signature::Signature { signature },
        RequestKind::HashAuthentication { .. } | RequestKind::CertificateChoice => {
            return Err(Failure::Internal("a result of another kind"));
        }
    };
    Ok(rp_v3::SessionStatus::ok(
        completed.document_number,
        signature,
        Certificate::new(
            &completed.certificate,
            completed.level == AccountLevel::Qualified,
        ),
        completed.interaction,
        completed.device_ip,
        request.ignored_properties,
    ))
}

fn describe_chosen(request: SessionRequest, chosen: Chosen) -> rp_v3::SessionStatus {
    rp_v3::SessionStatus::ok(
        chosen.document_number,
        Signature::CertificateChoice {
            flow_type: chosen.flow_type,
        },
        Certificate::new(&chosen.certificate, chosen.level == AccountLevel::Qualified),
        // The documentation has the field in every OK, and this value where there is nothing to show.
        InteractionType::DisplayTextAndPin,
        chosen.device_ip,
        request.ignored_properties,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        TrustedProxies, WebSettings,
        testkit::{OTHER_ADDRESS, Site},
    };
    use axum::{body::Body, http::Request};
    use serde_json::json;
    use std::{net::SocketAddr, sync::Arc};
    use tokio::{io::AsyncWriteExt, net::TcpStream};
    use wire::EndResult;

    fn milliseconds(query: &str) -> Option<u128> {
        timeout(query).ok().map(|timeout| timeout.as_millis())
    }

    #[test]
    fn the_timeout_is_what_the_query_says_or_the_default() {
        assert_eq!(milliseconds(""), Some(60_500));
        assert_eq!(milliseconds("other=1"), Some(60_500));
        assert_eq!(milliseconds("timeoutMs=1000"), Some(1_000));
        assert_eq!(milliseconds("a=b&timeoutMs=120000&c"), Some(120_000));
    }

    #[test]
    fn a_timeout_out_of_bounds_is_refused() {
        for query in [
            "timeoutMs=999",
            "timeoutMs=120001",
            "timeoutMs=0",
            "timeoutMs=-1000",
            "timeoutMs=",
            "timeoutMs=1e4",
            "timeoutMs=+2000",
            "timeoutMs=99999999999999999999",
            "timeoutMs=2000&timeoutMs=3000",
        ] {
            assert_eq!(milliseconds(query), None, "{query}");
        }
    }

    fn path(id: SessionId) -> String {
        format!("/smart-id-rp/v3/session/{id}?timeoutMs=1000")
    }

    /// Waits until the number of open long polls is this.
    async fn until_open(site: &Site, expected: &str) {
        for _ in 0..500 {
            if site.metric("smart_id_open_long_polls").await.as_deref() == Some(expected) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("there are not {expected} open long polls");
    }

    #[tokio::test]
    async fn an_unknown_session_is_not_found() {
        let id = SessionId(uuid::Uuid::new_v4());
        Site::new()
            .await
            .get(&path(id))
            .await
            .problem(404, "unknown_session");
    }

    #[tokio::test]
    async fn a_malformed_id_or_timeout_is_named() {
        let site = Site::new().await;
        let problem = site
            .get("/smart-id-rp/v3/session/nonsense")
            .await
            .problem(400, "invalid_request");
        assert_eq!(problem["errors"][0]["paramName"], "sessionID");
        let id = SessionId(uuid::Uuid::new_v4());
        let answer = site
            .get(&format!("/smart-id-rp/v3/session/{id}?timeoutMs=999"))
            .await;
        assert_eq!(
            answer.problem(400, "invalid_request")["errors"][0]["paramName"],
            "timeoutMs"
        );
    }

    #[tokio::test]
    async fn another_address_is_unauthorised() {
        let site = Site::new().await;
        let id = site.pending_session().await;
        let request = Request::get(path(id)).body(Body::empty()).unwrap();
        site.send_from(OTHER_ADDRESS, request)
            .await
            .problem(401, "address_not_allowed");
    }

    #[tokio::test]
    async fn a_running_session_is_answered_shortly_before_the_timeout() {
        let site = Site::new().await;
        let id = site.pending_session().await;
        let start = Instant::now();
        assert_eq!(
            site.get(&path(id)).await.json(),
            json!({ "state": "RUNNING" })
        );
        let took = start.elapsed();
        assert!(
            took >= Duration::from_millis(950) && took < Duration::from_secs(3),
            "{took:?}"
        );
    }

    #[tokio::test]
    async fn the_end_of_a_session_is_answered_at_once_and_again() {
        let site = Arc::new(Site::new().await);
        let id = site.pending_session().await;
        let waiting = tokio::spawn({
            let site = site.clone();
            async move { site.get(&format!("/smart-id-rp/v3/session/{id}")).await }
        });
        until_open(&site, "1").await;
        let ended = Instant::now();
        site.end_session(id, EndResult::UserRefused).await;
        let expected = json!({
            "state": "COMPLETE",
            "result": { "endResult": "USER_REFUSED" },
            "ignoredProperties": ["colour"],
        });
        assert_eq!(waiting.await.unwrap().json(), expected);
        assert!(
            ended.elapsed() < Duration::from_secs(1),
            "{:?}",
            ended.elapsed()
        );
        assert_eq!(site.get(&path(id)).await.json(), expected);
        let given = r#"smart_id_given_session_results_total{end_result="USER_REFUSED"}"#;
        assert_eq!(site.metric(given).await.as_deref(), Some("2"));
    }

    #[tokio::test]
    async fn a_stop_answers_running_at_once() {
        let site = Arc::new(Site::new().await);
        let id = site.pending_session().await;
        let waiting = tokio::spawn({
            let site = site.clone();
            async move { site.get(&format!("/smart-id-rp/v3/session/{id}")).await }
        });
        until_open(&site, "1").await;
        let stopped = Instant::now();
        site.settings.stop.cancel();
        assert_eq!(waiting.await.unwrap().json(), json!({ "state": "RUNNING" }));
        assert!(
            stopped.elapsed() < Duration::from_secs(1),
            "{:?}",
            stopped.elapsed()
        );
    }

    #[tokio::test]
    async fn eight_polls_wait_for_one_session_and_the_oldest_makes_room() {
        let site = Arc::new(Site::new().await);
        let (id, other) = (site.pending_session().await, site.pending_session().await);
        let poll = |id: SessionId| {
            let site = site.clone();
            tokio::spawn(async move { site.get(&format!("/smart-id-rp/v3/session/{id}")).await })
        };
        let elsewhere = poll(other);
        until_open(&site, "1").await;
        let mut polls = Vec::new();
        for number in 2..=9 {
            polls.push(poll(id));
            until_open(&site, &number.to_string()).await;
        }
        // Who may not ask takes nobody's place.
        let request = Request::get(path(id)).body(Body::empty()).unwrap();
        site.send_from(OTHER_ADDRESS, request)
            .await
            .problem(401, "address_not_allowed");
        assert!(polls.iter().all(|poll| !poll.is_finished()));

        polls.push(poll(id));
        let oldest = polls.remove(0).await.unwrap();
        assert_eq!(oldest.json(), json!({ "state": "RUNNING" }));
        until_open(&site, "9").await;
        assert!(polls.iter().all(|poll| !poll.is_finished()));
        assert!(!elsewhere.is_finished());
        site.end_session(id, EndResult::UserRefused).await;
        for poll in polls {
            assert_eq!(poll.await.unwrap().json()["state"], "COMPLETE");
        }
        assert!(!elsewhere.is_finished());
        elsewhere.abort();
    }

    #[tokio::test]
    async fn beyond_the_polls_of_all_the_answer_comes_after_a_second() {
        let site = Site::with(WebSettings {
            long_polls: 1,
            ..WebSettings::default()
        })
        .await;
        let site = Arc::new(site);
        let (first, second) = (site.pending_session().await, site.pending_session().await);
        let waiting = tokio::spawn({
            let site = site.clone();
            async move { site.get(&format!("/smart-id-rp/v3/session/{first}")).await }
        });
        until_open(&site, "1").await;
        let answer = site.get(&format!("/smart-id-rp/v3/session/{second}")).await;
        assert_eq!(answer.json(), json!({ "state": "RUNNING" }));
        assert!(!waiting.is_finished(), "who waited first goes on");
        waiting.abort();
    }

    #[tokio::test]
    async fn a_client_that_leaves_frees_everything() {
        // The relying party calls through a proxy, which is this test.
        let proxies = TrustedProxies {
            networks: vec!["127.0.0.1".parse().unwrap()],
            ..TrustedProxies::default()
        };
        let site = Site::with(WebSettings {
            proxies,
            ..WebSettings::default()
        })
        .await;
        let id = site.pending_session().await;
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
            .await
            .unwrap();
        let address = listener.local_addr().unwrap();
        let app = site
            .router
            .clone()
            .into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, app).await });
        let mut client = TcpStream::connect(address).await.unwrap();
        let request = format!(
            "GET /smart-id-rp/v3/session/{id} HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.10\r\n\r\n"
        );
        client.write_all(request.as_bytes()).await.unwrap();
        until_open(&site, "1").await;
        drop(client);
        until_open(&site, "0").await;
    }
}
