//! `GET /metrics`: numbers for operators, in OpenMetrics text. No label carries anything about a person.

use crate::state::App;
use axum::{Router, extract::State, http::header, response::IntoResponse, routing::get};
use engine::service::PublicationReport;
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

use std::time::Duration;

const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// From a millisecond up to the longest long poll.
const DURATION_BUCKETS: [f64; 13] = [
    0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 61.0, 91.0, 121.0,
];

/// What is counted. Each process counts for itself.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    duration: Family<RouteLabels, Histogram, fn() -> Histogram>,
    sessions_started: Family<KindLabels, Counter>,
    session_results: Family<ResultLabels, Counter>,
    long_polls: Gauge,
    ocsp_answers: Family<OutcomeLabels, Counter>,
    time_stamps: Family<OutcomeLabels, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: String,
    status: u16,
    code: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    method: &'static str,
    route: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabels {
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabels {
    end_result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AuthorityLabels {
    authority: String,
}

/// Numbers that the process's jobs keep, for whoever reads `/metrics`.
#[derive(Clone, Debug, Default)]
pub struct JobMetrics {
    weak_keys: Gauge,
    key_scan: Gauge,
    revocation_lists: Family<AuthorityLabels, Gauge>,
    trusted_list: Gauge,
}

impl JobMetrics {
    /// The newest revocation lists and the newest trusted list are of these moments.
    pub fn published(&self, report: &PublicationReport) {
        for (authority, this_update) in &report.revocation_lists {
            let labels = AuthorityLabels {
                authority: authority.clone(),
            };
            self.revocation_lists
                .get_or_create(&labels)
                .set(this_update.as_second());
        }
        if let Some(issued_at) = report.trusted_list {
            self.trusted_list.set(issued_at.as_second());
        }
    }

    /// A scan over all keys came to its end at this second since 1970 and found this many weak ones.
    pub fn keys_scanned(&self, weak: u64, at: i64) {
        self.weak_keys.set(i64::try_from(weak).unwrap_or(i64::MAX));
        self.key_scan.set(at);
    }
}

/// A long poll that is open; it is over when this is dropped, however that comes.
pub(crate) struct OpenLongPoll(Gauge);

impl Metrics {
    pub(crate) fn new(jobs: &JobMetrics) -> Self {
        let mut registry = Registry::with_prefix("smart_id");
        let requests = Family::default();
        let duration = Family::new_with_constructor(
            (|| Histogram::new(DURATION_BUCKETS)) as fn() -> Histogram,
        );
        let sessions_started = Family::default();
        let session_results = Family::default();
        let long_polls = Gauge::default();
        let ocsp_answers = Family::default();
        let time_stamps = Family::default();
        let of = |unit: &str| Unit::Other(unit.to_owned());
        registry.register_with_unit(
            "http",
            "HTTP requests answered, by route, status and error code; 499 is a client that left before the answer",
            of("requests"),
            requests.clone(),
        );
        registry.register_with_unit(
            "http_request_duration",
            "Time from the head of a request to the head of its answer, waiting in long polls included",
            Unit::Seconds,
            duration.clone(),
        );
        registry.register_with_unit(
            "started",
            "Sessions started by relying parties, by kind; a repetition within 15 s counts as well",
            of("sessions"),
            sessions_started.clone(),
        );
        registry.register_with_unit(
            "given",
            "Session results given to relying parties, by endResult; one that is fetched twice counts twice",
            of("session_results"),
            session_results.clone(),
        );
        registry.register_with_unit(
            "open",
            "Requests that are waiting for a session to end",
            of("long_polls"),
            long_polls.clone(),
        );
        registry.register_with_unit(
            "weak",
            "Keys in use whose modulus shares a factor with another one, by the last scan; anything but 0 is an alarm",
            of("keys"),
            jobs.weak_keys.clone(),
        );
        registry.register_with_unit(
            "last_key_scan_timestamp",
            "When the last scan over all keys came to its end; 0 before the first one",
            Unit::Seconds,
            jobs.key_scan.clone(),
        );
        registry.register_with_unit(
            "ocsp",
            "Certificates that OCSP answered for, by status; a request without such an answer counts once, by the reason",
            of("answers"),
            ocsp_answers.clone(),
        );
        registry.register_with_unit(
            "given",
            "Answers to time-stamp requests: granted, or why none was given",
            of("time_stamps"),
            time_stamps.clone(),
        );
        registry.register_with_unit(
            "newest_revocation_list_timestamp",
            "thisUpdate of the newest revocation list, by authority; more than half a day ago is an alarm",
            Unit::Seconds,
            jobs.revocation_lists.clone(),
        );
        registry.register_with_unit(
            "trusted_list_timestamp",
            "When the newest trusted list was issued; more than 30 days ago is an alarm, 0 where there is none",
            Unit::Seconds,
            jobs.trusted_list.clone(),
        );
        Self {
            registry,
            requests,
            duration,
            sessions_started,
            session_results,
            long_polls,
            ocsp_answers,
            time_stamps,
        }
    }

    /// One request was answered; `code` is the problem's, empty for a success.
    pub(crate) fn answered(
        &self,
        method: &'static str,
        route: &str,
        status: u16,
        code: &str,
        took: Duration,
    ) {
        let route = route.to_owned();
        self.duration
            .get_or_create(&RouteLabels {
                method,
                route: route.clone(),
            })
            .observe(took.as_secs_f64());
        self.requests
            .get_or_create(&RequestLabels {
                method,
                route,
                status,
                code: code.to_owned(),
            })
            .inc();
    }

    pub(crate) fn session_started(&self, kind: &'static str) {
        self.sessions_started
            .get_or_create(&KindLabels { kind })
            .inc();
    }

    pub(crate) fn session_result(&self, end_result: &'static str) {
        self.session_results
            .get_or_create(&ResultLabels { end_result })
            .inc();
    }

    pub(crate) fn ocsp_answered(&self, outcome: &'static str) {
        self.ocsp_answers
            .get_or_create(&OutcomeLabels { outcome })
            .inc();
    }

    pub(crate) fn time_stamp_answered(&self, outcome: &'static str) {
        self.time_stamps
            .get_or_create(&OutcomeLabels { outcome })
            .inc();
    }

    pub(crate) fn open_long_poll(&self) -> OpenLongPoll {
        self.long_polls.inc();
        OpenLongPoll(self.long_polls.clone())
    }

    fn text(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to a string does not fail");
        text
    }
}

impl Drop for OpenLongPoll {
    fn drop(&mut self) {
        self.0.dec();
    }
}

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/metrics", get(metrics))
}

async fn metrics(State(app): State<App>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, MEDIA_TYPE)], app.metrics.text())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::Site;

    #[test]
    fn every_metric_has_unit_and_description() {
        let jobs = JobMetrics::default();
        let metrics = Metrics::new(&jobs);
        metrics.answered("GET", "/x", 200, "", Duration::from_millis(2));
        metrics.session_started("signature");
        metrics.session_result("OK");
        let _open = metrics.open_long_poll();
        metrics.ocsp_answered("good");
        metrics.time_stamp_answered("granted");
        jobs.published(&PublicationReport {
            revocation_lists: vec![("eid-q".to_owned(), jiff::Timestamp::UNIX_EPOCH)],
            trusted_list: None,
        });
        let text = metrics.text();
        let names = |what: &str| -> Vec<String> {
            let line = format!("# {what} ");
            text.lines()
                .filter_map(|text| {
                    text.strip_prefix(&line)?
                        .split(' ')
                        .next()
                        .map(str::to_owned)
                })
                .collect()
        };
        assert_eq!(names("TYPE").len(), 11, "{text}");
        assert_eq!(names("TYPE"), names("UNIT"));
        assert_eq!(names("TYPE"), names("HELP"));
    }

    #[test]
    fn what_a_job_found_is_told() {
        let jobs = JobMetrics::default();
        let metrics = Metrics::new(&jobs);
        jobs.keys_scanned(2, 1_800_000_000);
        let text = metrics.text();
        assert!(text.contains("\nsmart_id_weak_keys 2\n"), "{text}");
        assert!(
            text.contains("\nsmart_id_last_key_scan_timestamp_seconds 1800000000\n"),
            "{text}"
        );
    }

    #[tokio::test]
    async fn the_text_is_openmetrics() {
        let answer = Site::new().await.get("/metrics").await;
        assert_eq!(answer.header("content-type"), MEDIA_TYPE);
        assert!(answer.text().ends_with("# EOF\n"));
    }

    #[tokio::test]
    async fn requests_are_counted_by_route_and_not_by_path() {
        let site = Site::new().await;
        site.get("/certs/nobody.pem").await;
        site.get("/nowhere").await;
        for (route, code) in [
            ("/certs/{file}", "unknown_path"),
            ("unmatched", "unknown_path"),
        ] {
            let labels = format!(r#"{{method="GET",route="{route}",status="404",code="{code}"}}"#);
            let metric = format!("smart_id_http_requests_total{labels}");
            assert_eq!(
                site.metric(&metric).await.as_deref(),
                Some("1"),
                "{}",
                site.get("/metrics").await.text()
            );
        }
    }
}
