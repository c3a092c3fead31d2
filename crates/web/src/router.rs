use crate::{
    certificates, device_api, health, metrics, ocsp, openapi,
    problem::{Api, Failure},
    request_log, revocation_lists, rp_api,
    settings::WebSettings,
    slashes,
    state::{App, AppState},
    time_stamps, trusted_list,
};
use axum::{
    Router,
    extract::Request,
    middleware::{Next, from_fn, from_fn_with_state},
    response::IntoResponse,
};
use engine::Service;
use tower::util::MapRequest;
use tower_http::catch_panic::CatchPanicLayer;

/// Everything that this crate serves.
///
/// To be served with `into_make_service_with_connect_info::<SocketAddr>()`, since relying parties are known by
/// their addresses. Every path is answered, if only by 404: other routers come in by [`router_with`], not around it.
pub fn router(service: Service, settings: WebSettings) -> Router {
    router_with(service, settings, Router::new())
}

/// The same with more routes, which get the same log lines, metrics and request ids.
///
/// # Panics
/// `more` has a path of ours.
pub fn router_with(service: Service, settings: WebSettings, more: Router) -> Router {
    let app = AppState::new(service, settings);
    let limit_requests = from_fn_with_state(app.clone(), rp_api::limit_requests);
    let mut rp_routes = rp_api::routes().route_layer(limit_requests);
    let mut device_routes = device_api::routes();
    if app.settings.maintenance {
        rp_routes = closed(rp_routes, Api::RelyingParty);
        device_routes = closed(device_routes, Api::Device);
    }
    // Each API counts its own: junk from one phone behind an address must not keep the e-services there out.
    let guarded = |routes: Router<App>, api: Api| {
        routes.route_layer(from_fn_with_state(
            (app.clone(), api),
            request_log::limit_failures,
        ))
    };
    let routes = Router::new()
        .merge(guarded(rp_routes, Api::RelyingParty))
        .merge(guarded(device_routes, Api::Device))
        .merge(rp_api::old_routes())
        .merge(certificates::routes())
        .merge(ocsp::routes())
        .merge(revocation_lists::routes())
        .merge(time_stamps::routes())
        .merge(trusted_list::routes())
        .merge(health::routes())
        .merge(openapi::routes())
        .merge(metrics::routes())
        .merge(more.with_state(()))
        .fallback(async || Failure::UnknownRoute)
        .method_not_allowed_fallback(async || Failure::MethodNotAllowed)
        .layer(CatchPanicLayer::custom(|_| Failure::Panic.into_response()))
        .layer(from_fn_with_state(app.clone(), request_log::observe))
        .with_state(app);
    // Slashes have to collapse before a route is looked up.
    Router::new().fallback_service(MapRequest::new(routes, slashes::collapse as fn(_) -> _))
}

/// The same routes while the system is under maintenance: none of them does anything.
fn closed(routes: Router<App>, api: Api) -> Router<App> {
    routes.route_layer(from_fn(move |_: Request, _: Next| async move {
        Failure::UnderMaintenance(api)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Limits, Rate, TrustedProxies,
        testkit::{OTHER_ADDRESS, RP_ADDRESS, Site, authentication, send_to},
    };
    use axum::{body::Body, http::Request, routing::get};
    use std::{
        net::SocketAddr,
        time::{Duration, Instant},
    };
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
    };

    const PERSON: &str = "/smart-id-rp/v3/authentication/notification/etsi/PNOEE-40504040001";

    async fn panics() -> &'static str {
        panic!("secret")
    }

    fn request(path: &str) -> Request<Body> {
        Request::get(path).body(Body::empty()).unwrap()
    }

    #[tokio::test]
    async fn what_is_nowhere_is_a_problem_document() {
        let site = Site::new().await;
        for path in [
            "/",
            "/smart-id-rp/v3",
            "/smart-id-rp/v3/v3/session",
            "/smart-id-rp/v2",
            "/smart-id-rp/v2/session",
            "/smart-id-rp/v2/authentication/pno/EE/40504040001",
            "/a/b?c",
        ] {
            let problem = site.get(path).await.problem(404, "unknown_path");
            assert!(problem.get("instance").is_none());
        }
    }

    #[tokio::test]
    async fn every_answer_has_an_id_and_is_not_stored() {
        let site = Site::new().await;
        let answers = [
            site.get("/health/live").await,
            site.get("/health/live").await,
            site.get("/x").await,
        ];
        for answer in &answers {
            assert_eq!(answer.header("x-request-id").len(), 36);
            assert_eq!(answer.header("cache-control"), "no-store");
            assert_eq!(answer.header("x-content-type-options"), "nosniff");
        }
        assert_ne!(
            answers[0].header("x-request-id"),
            answers[1].header("x-request-id")
        );
    }

    #[tokio::test]
    async fn only_a_trusted_proxy_names_the_request() {
        let proxies = TrustedProxies {
            networks: vec!["198.51.100.0/24".parse().unwrap()],
            ..TrustedProxies::default()
        };
        let site = Site::with(WebSettings {
            proxies,
            ..WebSettings::default()
        })
        .await;
        let with_id = |id: &str| {
            let mut request = request("/health/live");
            request
                .headers_mut()
                .insert("x-request-id", id.parse().unwrap());
            request
        };
        let from_proxy = site.send_from(OTHER_ADDRESS, with_id("proxy-1")).await;
        assert_eq!(from_proxy.header("x-request-id"), "proxy-1");
        let odd = site.send_from(OTHER_ADDRESS, with_id("a b")).await;
        assert_ne!(odd.header("x-request-id"), "a b");
        let stranger = site.send_from(RP_ADDRESS, with_id("proxy-1")).await;
        assert_ne!(stranger.header("x-request-id"), "proxy-1");
    }

    #[tokio::test]
    async fn a_panic_is_a_500_that_says_nothing() {
        let site = Site::new().await;
        let more = Router::new().route("/panic", get(panics));
        let router = router_with(site.service.clone(), site.settings.clone(), more);
        let answer = send_to(&router, OTHER_ADDRESS, request("/panic")).await;
        let problem = answer.problem(500, "internal_error");
        assert!(problem.get("detail").is_none());
        assert_eq!(
            problem["instance"],
            format!("/request-id/{}", answer.header("x-request-id"))
        );
        assert!(!answer.text().contains("secret"));
    }

    #[tokio::test]
    async fn under_maintenance_only_those_who_watch_are_served() {
        let site = Site::with(WebSettings {
            maintenance: true,
            ..WebSettings::default()
        })
        .await;
        let session = format!("/smart-id-rp/v3/session/{}", site.pending_session().await);
        let answers = [
            site.post(PERSON, &authentication()).await,
            site.get(&session).await,
        ];
        for answer in answers {
            let problem = answer.problem(580, "under_maintenance");
            assert_eq!(
                problem["title"],
                "System is under maintenance, retry again later"
            );
            assert_eq!(answer.header("retry-after"), "60");
        }
        for path in ["/device/v1/configuration", "/device/v1/account"] {
            let answer = site.get(path).await;
            answer.problem(503, "under_maintenance");
            assert_eq!(answer.header("retry-after"), "60");
        }
        site.get("/health/ready").await.json();
        for path in [
            "/metrics",
            "/certs/root.pem",
            "/crl/eid-q.crl",
            "/tl",
            "/ocsp/eid-q/MA",
        ] {
            assert_eq!(site.get(path).await.status, 200, "{path}");
        }
        site.get("/smart-id-rp/v1/session/x")
            .await
            .problem(480, "client_too_old");
    }

    #[tokio::test]
    async fn each_api_says_in_its_own_way_that_the_database_is_gone() {
        let site = Site::new().await;
        site.break_down().await;
        let answer = site.post(PERSON, &authentication()).await;
        let problem = answer.problem(580, "under_maintenance");
        assert!(problem.get("detail").is_none());
        assert_eq!(answer.header("retry-after"), "1");
        let metric = r#"status="580",code="under_maintenance"} 1"#;
        assert!(site.get("/metrics").await.text().contains(metric));
        site.signed("GET", "/device/v1/account", "", b"")
            .await
            .problem(503, "unavailable");
    }

    #[tokio::test]
    async fn without_a_peer_address_nothing_is_served() {
        use tower::ServiceExt;
        let site = Site::new().await;
        let response = site
            .router
            .clone()
            .oneshot(request("/health/live"))
            .await
            .unwrap();
        assert_eq!(response.status(), 500);
    }

    #[tokio::test]
    async fn whoever_guesses_too_often_has_to_wait_and_others_do_not() {
        let limits = Limits {
            failures: Rate {
                burst: 3,
                per_minute: 1,
            },
            ..Limits::generous()
        };
        let site = Site::with(WebSettings {
            limits,
            ..WebSettings::default()
        })
        .await;
        let mut wrong = authentication();
        wrong["relyingPartyName"] = "EMOD".into();
        for _ in 0..3 {
            site.post(PERSON, &wrong)
                .await
                .problem(401, "name_not_allowed");
        }
        let answer = site.post(PERSON, &authentication()).await;
        answer.problem(429, "too_many_requests");
        assert!((1..=61).contains(&answer.header("retry-after").parse().unwrap()));
        site.post_from("192.0.2.11:1", PERSON, &authentication())
            .await
            .problem(404, "unknown_person");
        site.get("/health/live").await.json();
        // The other API has a count of its own.
        let path = "/device/v1/account";
        let answer = site.send_from(RP_ADDRESS, request(path)).await;
        answer.problem(401, "not_authenticated");
    }

    #[tokio::test]
    async fn honest_mistakes_are_not_counted() {
        let limits = Limits {
            failures: Rate {
                burst: 1,
                per_minute: 1,
            },
            ..Limits::generous()
        };
        let site = Site::with(WebSettings {
            limits,
            ..WebSettings::default()
        })
        .await;
        for _ in 0..5 {
            site.post(PERSON, &authentication())
                .await
                .problem(404, "unknown_person");
            site.post(PERSON, &serde_json::json!({}))
                .await
                .problem(400, "invalid_request");
        }
    }

    #[tokio::test]
    async fn a_slow_body_does_not_hold_the_connection() {
        let body_timeout = Duration::from_millis(300);
        let site = Site::with(WebSettings {
            body_timeout,
            ..WebSettings::default()
        })
        .await;
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
        let head = format!(
            "POST {PERSON} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{{"
        );
        let start = Instant::now();
        client.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
        assert!(answer.contains("body_too_slow"), "{answer}");
        assert!(start.elapsed() < Duration::from_secs(3));
    }
}
