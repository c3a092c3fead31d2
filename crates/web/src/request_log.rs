//! One line, one id and one count for every request; also the body of every problem document.
//!
//! The line is documented in `docs/request-log.md`. It has no address, no query and no identifier from the path: it
//! says nothing about any person.

use crate::{
    client_address::{ClientAddress, peer},
    problem::{Api, Failure, Rejection},
    state::App,
};
use axum::{
    body::Body,
    extract::{MatchedPath, Request, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, Response as HttpResponse, StatusCode, header,
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;
use wire::problem::MEDIA_TYPE;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest request id that is taken from a proxy.
const MAX_REQUEST_ID: usize = 64;

/// Status of a request whose client left before the answer, in log and metrics only.
const CLIENT_CLOSED: u16 = 499;

/// What failed on our side behind an answer of 200 that says so in its own words, as OCSP's do: travels in the response's
/// extensions.
#[derive(Clone, Debug)]
pub(crate) struct OwnFault(pub(crate) String);

/// The middleware around every route.
pub(crate) async fn observe(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let Some(peer) = peer(request.extensions()) else {
        tracing::error!(target: "request", "serve the router with into_make_service_with_connect_info::<SocketAddr>()");
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let proxies = &app.settings.proxies;
    let client = proxies.client(peer, request.headers());
    let id = request_id(request.headers(), proxies.trust(peer.to_canonical()));
    let mut line = Line::new(&app, &request, &id);
    request.extensions_mut().insert(client);

    let mut response = next.run(request).await;
    let rejection = response.extensions_mut().remove::<Rejection>();
    if let Some(rejection) = &rejection {
        response = with_problem(response, rejection, &id);
    }
    let headers = response.headers_mut();
    headers.insert(
        REQUEST_ID,
        HeaderValue::from_str(&id).expect("visible ASCII"),
    );
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    // Answers are for one caller at one time, unless a handler says otherwise.
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    let fault = response.extensions_mut().remove::<OwnFault>();
    line.answered(response.status(), rejection, fault);
    response
}

/// The middleware around the routes where credentials are checked: whoever guesses too often has to wait.
pub(crate) async fn limit_failures(
    State((app, api)): State<(App, Api)>,
    client: ClientAddress,
    request: Request,
    next: Next,
) -> Result<Response, Failure> {
    app.check_failures(api, client)?;
    let response = next.run(request).await;
    if response
        .extensions()
        .get::<Rejection>()
        .is_some_and(|rejection| rejection.unauthenticated)
    {
        app.count_failure(api, client);
    }
    Ok(response)
}

/// The id that a trusted proxy gave the request, or a new one.
fn request_id(headers: &HeaderMap, from_proxy: bool) -> String {
    headers
        .get(REQUEST_ID)
        .filter(|_| from_proxy)
        .and_then(|value| value.to_str().ok())
        .filter(|id| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            (1..=MAX_REQUEST_ID).contains(&id.len()) && id.bytes().all(plain)
        })
        .map_or_else(|| Uuid::new_v4().to_string(), str::to_owned)
}

/// The response with the problem document as its body; only a 5xx names the request, for whoever reports it.
fn with_problem(response: Response, rejection: &Rejection, id: &str) -> Response {
    let mut problem = rejection.problem.clone();
    if response.status().is_server_error() {
        problem.instance = Some(format!("/request-id/{id}"));
    }
    let body = serde_json::to_vec(&problem).expect("text and numbers");
    let (mut parts, _) = response.into_parts();
    parts
        .headers
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    parts.headers.remove(header::CONTENT_LENGTH);
    HttpResponse::from_parts(parts, Body::from(body))
}

/// The line of one request; written when this is dropped, so that a client that leaves has one as well.
struct Line {
    app: App,
    method: &'static str,
    route: String,
    request_id: String,
    start: Instant,
    outcome: Option<(StatusCode, Option<Rejection>)>,
    fault: Option<OwnFault>,
}

impl Line {
    fn new(app: &App, request: &Request, id: &str) -> Self {
        Self {
            app: app.clone(),
            method: known(request.method()),
            route: request
                .extensions()
                .get::<MatchedPath>()
                .map_or_else(|| "unmatched".to_owned(), |path| path.as_str().to_owned()),
            request_id: id.to_owned(),
            start: Instant::now(),
            outcome: None,
            fault: None,
        }
    }

    fn answered(
        &mut self,
        status: StatusCode,
        rejection: Option<Rejection>,
        fault: Option<OwnFault>,
    ) {
        self.outcome = Some((status, rejection));
        self.fault = fault;
    }

    /// `cause`: of what somebody has to look into.
    fn write(&self, status: u16, code: &str, cause: Option<&str>, took: Duration) {
        let Self {
            method,
            route,
            request_id,
            ..
        } = self;
        let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        if let Some(cause) = cause {
            tracing::error!(target: "request", method, route, status, code, duration_ms, request_id, cause, "answered");
        } else {
            tracing::info!(target: "request", method, route, status, code, duration_ms, request_id, "answered");
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let took = self.start.elapsed();
        let (status, code, cause) = match &self.outcome {
            None => (CLIENT_CLOSED, "", None),
            // A 5xx that is not one of ours should not be: even its cause is unknown.
            Some((status, None)) => (status.as_u16(), "", status.is_server_error().then_some("")),
            Some((status, Some(rejection))) => (
                status.as_u16(),
                rejection.problem.code.as_str(),
                rejection.cause.as_deref(),
            ),
        };
        let cause = cause.or(self.fault.as_ref().map(|fault| fault.0.as_str()));
        self.app
            .metrics
            .answered(self.method, &self.route, status, code, took);
        self.write(status, code, cause, took);
    }
}

/// Methods are labels of metrics; clients must not invent new ones.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        WebSettings,
        testkit::{OTHER_ADDRESS, Site, authentication},
    };
    use axum::{body::Body, http::Request};
    use serde_json::Value;
    use std::{
        io,
        sync::{Arc, Mutex},
        time::Duration,
    };
    use tracing::instrument::WithSubscriber;

    const DOCUMENTATION: &str = include_str!("../../../docs/request-log.md");

    /// What was logged.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Log {
        /// The lines that are written while the future runs.
        async fn of(work: impl Future<Output = ()>) -> (String, Vec<Value>) {
            let log = Self::default();
            let writer = log.clone();
            let subscriber = tracing_subscriber::fmt()
                .json()
                .with_writer(move || writer.clone())
                .finish();
            work.with_subscriber(subscriber).await;
            let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
            let lines = text
                .lines()
                .map(|line| serde_json::from_str::<Value>(line).unwrap());
            let requests = lines.filter(|line| line["target"] == "request").collect();
            (text, requests)
        }
    }

    #[tokio::test]
    async fn a_request_is_one_line_without_user_data() {
        let site = Site::new().await;
        let path = "/smart-id-rp/v3/authentication/notification/etsi/PNOEE-40504040001?secret=1";
        let (text, lines) = Log::of(async {
            site.post(path, &authentication())
                .await
                .problem(404, "unknown_person");
        })
        .await;
        assert_eq!(lines.len(), 1, "{text}");
        let fields = lines[0]["fields"].as_object().unwrap();
        assert_eq!(fields["method"], "POST");
        assert_eq!(
            fields["route"],
            "/smart-id-rp/v3/authentication/notification/etsi/{semantics-identifier}"
        );
        assert_eq!(fields["status"], 404);
        assert_eq!(fields["code"], "unknown_person");
        assert_eq!(lines[0]["level"], "INFO");
        for name in fields.keys().filter(|name| *name != "message") {
            assert!(
                DOCUMENTATION.contains(&format!("| `{name}` |")),
                "docs/request-log.md lacks {name}"
            );
        }
        for private in ["40504040001", "192.0.2.10", "secret", "DEMO"] {
            assert!(!text.contains(private), "{text}");
        }
    }

    #[tokio::test]
    async fn our_own_fault_is_logged_with_its_cause_under_the_id_that_the_caller_has() {
        let site = Site::new().await;
        site.break_down().await;
        let mut id = String::new();
        let (_, lines) = Log::of(async {
            id = site
                .get("/health/ready")
                .await
                .header("x-request-id")
                .to_owned();
        })
        .await;
        let [line] = lines.as_slice() else {
            panic!("{lines:?}")
        };
        assert_eq!(
            (&line["level"], &line["fields"]["status"]),
            (&"ERROR".into(), &503.into())
        );
        assert_eq!(line["fields"]["request_id"], id);
        assert!(
            line["fields"]["cause"]
                .as_str()
                .unwrap()
                .starts_with("database: "),
            "{line}"
        );
    }

    #[tokio::test]
    async fn trouble_behind_an_ocsp_answer_is_logged_with_its_cause() {
        let site = Site::new().await;
        let question = crate::ocsp::tests::question(&site, "eid-q");
        site.break_down().await;
        let (_, lines) = Log::of(async {
            site.post_bytes(
                "/ocsp/eid-q",
                "application/ocsp-request",
                question.der().to_vec(),
            )
            .await;
        })
        .await;
        let fields = &lines[0]["fields"];
        assert_eq!(
            (&lines[0]["level"], &fields["status"]),
            (&"ERROR".into(), &200.into())
        );
        let cause = fields["cause"].as_str().unwrap();
        assert!(cause.starts_with("database: "), "{cause}");
    }

    #[tokio::test]
    async fn maintenance_is_no_error() {
        let site = Site::with(WebSettings {
            maintenance: true,
            ..WebSettings::default()
        })
        .await;
        let (_, lines) = Log::of(async {
            site.get("/device/v1/configuration")
                .await
                .problem(503, "under_maintenance");
        })
        .await;
        assert_eq!(
            (&lines[0]["level"], &lines[0]["fields"]["status"]),
            (&"INFO".into(), &503.into())
        );
    }

    #[tokio::test]
    async fn a_client_that_leaves_has_its_line() {
        let site = Site::new().await;
        let id = site.pending_session().await;
        let path = format!("/smart-id-rp/v3/session/{id}");
        let mut logged = (String::new(), Vec::new());
        // On a busy machine the time may be over before the request was begun, and then there is nothing to tell.
        for _ in 0..10 {
            logged = Log::of(async {
                let _ = tokio::time::timeout(Duration::from_millis(200), site.get(&path)).await;
            })
            .await;
            if !logged.1.is_empty() {
                break;
            }
        }
        let (text, lines) = logged;
        assert_eq!(
            (lines.len(), &lines[0]["fields"]["status"]),
            (1, &499.into()),
            "{text}"
        );
        assert!(!text.contains(&id.to_string()));
    }

    #[tokio::test]
    async fn invented_methods_make_no_new_labels() {
        let site = Site::new().await;
        let (_, lines) = Log::of(async {
            let request = Request::builder()
                .method("BREW")
                .uri("/health/live")
                .body(Body::empty())
                .unwrap();
            site.send_from(OTHER_ADDRESS, request)
                .await
                .problem(405, "method_not_allowed");
        })
        .await;
        assert_eq!(lines[0]["fields"]["method"], "other");
    }
}
