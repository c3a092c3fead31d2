//! `/device/v1/registrations`: from a phone without an account to one with an account.

use super::{
    Done,
    signed::{Signed, SignedHead, octets},
};
use crate::{
    body::JSON_LIMIT, client_address::ClientAddress, path::FromPath, problem::Failure, state::App,
};
use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::IntoResponse,
    routing::{get, post, put},
};
use wire::{
    RegistrationId,
    device_v1::{RegistrationOffer, RegistrationStatus},
};

/// Sealed shares and proofs of two keys of the largest profile have less than 3 KiB.
const SEALED_LIMIT: usize = 8 * 1024;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/device/v1/registrations", post(start))
        .route(
            "/device/v1/registrations/{registration-id}",
            get(status).delete(abandon),
        )
        .route(
            "/device/v1/registrations/{registration-id}/server-shares",
            put(server_shares),
        )
        .route(
            "/device/v1/registrations/{registration-id}/proofs",
            post(proofs),
        )
}

async fn start(
    State(app): State<App>,
    client: ClientAddress,
    signed: Signed<JSON_LIMIT>,
) -> Result<(StatusCode, Json<RegistrationOffer>), Failure> {
    let body = signed.json()?;
    let request = signed.request()?;
    // Counted once it is one; checking moduli and giving key halves away is what costs.
    app.count_registration(client)?;
    let offer = app.service.start_registration(&request, &body).await?;
    Ok((StatusCode::CREATED, Json(offer)))
}

async fn status(
    State(app): State<App>,
    FromPath(id): FromPath<RegistrationId>,
    signed: SignedHead,
) -> Result<Json<RegistrationStatus>, Failure> {
    Ok(Json(
        app.service
            .registration_status(&signed.request()?, id)
            .await?,
    ))
}

async fn server_shares(
    State(app): State<App>,
    FromPath(id): FromPath<RegistrationId>,
    signed: Signed<SEALED_LIMIT>,
) -> Result<impl IntoResponse, Failure> {
    let sealed = signed.octets()?;
    Ok(octets(
        app.service
            .take_server_shares(&signed.request()?, id, sealed)
            .await?,
    ))
}

async fn proofs(
    State(app): State<App>,
    FromPath(id): FromPath<RegistrationId>,
    signed: Signed<SEALED_LIMIT>,
) -> Result<impl IntoResponse, Failure> {
    let sealed = signed.octets()?;
    Ok(octets(
        app.service
            .prove_possession(&signed.request()?, id, sealed)
            .await?,
    ))
}

async fn abandon(
    State(app): State<App>,
    FromPath(id): FromPath<RegistrationId>,
    signed: SignedHead,
) -> Result<Json<Done>, Failure> {
    app.service
        .abandon_registration(&signed.request()?, id)
        .await?;
    Ok(Json(Done {}))
}

#[cfg(test)]
mod tests {
    use super::SEALED_LIMIT;
    use crate::{
        Limits, Rate, WebSettings,
        testkit::{OTHER_ADDRESS, Site, json_post},
    };
    use serde_json::{Value, json};

    const REGISTRATIONS: &str = "/device/v1/registrations";
    const REGISTRATION: &str = "/device/v1/registrations/00000000-0000-4000-8000-000000000000";
    const JSON: &str = "application/json";
    const OCTETS: &str = "application/octet-stream";

    /// Well-formed, with moduli that no server takes.
    fn request() -> Value {
        use p256::ecdsa::SigningKey;
        let key = SigningKey::from_slice(&[5; 32]).unwrap();
        let public = key.verifying_key().to_sec1_point(false);
        let n1 = wire::Bytes(vec![0xff; 384]);
        json!({
            "deviceId": wire::DeviceId([3; 16]),
            "devicePublicKey": wire::Bytes(public.as_bytes().to_vec()),
            "tokenHash": wire::FixedBytes([0; 32]),
            "keys": [
                { "purpose": "authentication", "profile": 3, "n1": n1 },
                { "purpose": "signature", "profile": 3, "n1": n1 },
            ],
        })
    }

    #[tokio::test]
    async fn a_modulus_that_is_none_is_named() {
        let body = request().to_string();
        let answer = Site::new()
            .await
            .signed("POST", REGISTRATIONS, JSON, body.as_bytes())
            .await;
        let problem = answer.problem(400, "invalid_request");
        assert_eq!(problem["errors"][0]["paramName"], "keys[authentication].n1");
    }

    #[tokio::test]
    async fn an_unsigned_registration_is_unauthorised() {
        let site = Site::new().await;
        let unsigned = json_post(REGISTRATIONS, request().to_string());
        site.send_from(OTHER_ADDRESS, unsigned)
            .await
            .problem(401, "not_authenticated");
        let mut other_key = request();
        other_key["deviceId"] = json!(wire::DeviceId([4; 16]));
        let answer = site
            .signed(
                "POST",
                REGISTRATIONS,
                JSON,
                other_key.to_string().as_bytes(),
            )
            .await;
        answer.problem(401, "not_authenticated");
    }

    #[tokio::test]
    async fn a_body_that_is_no_registration_is_malformed() {
        let site = Site::new().await;
        for body in ["", "{}", "[]", "{\"deviceId\":1}"] {
            site.signed("POST", REGISTRATIONS, JSON, body.as_bytes())
                .await
                .problem(400, "malformed_body");
        }
        site.signed("POST", REGISTRATIONS, OCTETS, b"{}")
            .await
            .problem(415, "unsupported_media_type");
    }

    #[tokio::test]
    async fn a_client_may_start_only_so_many() {
        let limits = Limits {
            registrations: Rate {
                burst: 2,
                per_minute: 6,
            },
            ..Limits::generous()
        };
        let site = Site::with(WebSettings {
            limits,
            ..WebSettings::default()
        })
        .await;
        let body = request().to_string();
        for _ in 0..2 {
            site.signed("POST", REGISTRATIONS, JSON, body.as_bytes())
                .await
                .problem(400, "invalid_request");
        }
        let answer = site
            .signed("POST", REGISTRATIONS, JSON, body.as_bytes())
            .await;
        answer.problem(429, "too_many_requests");
        assert!((1..=11).contains(&answer.header("retry-after").parse().unwrap()));
    }

    #[tokio::test]
    async fn an_unknown_registration_is_not_found() {
        let site = Site::new().await;
        site.signed("GET", REGISTRATION, JSON, b"")
            .await
            .problem(404, "unknown_registration");
        site.signed("DELETE", REGISTRATION, JSON, b"")
            .await
            .problem(404, "unknown_registration");
        let shares = format!("{REGISTRATION}/server-shares");
        site.signed("PUT", &shares, OCTETS, b"x")
            .await
            .problem(404, "unknown_registration");
        let proofs = format!("{REGISTRATION}/proofs");
        site.signed("POST", &proofs, OCTETS, b"x")
            .await
            .problem(404, "unknown_registration");
    }

    #[tokio::test]
    async fn sealed_bodies_are_octets_and_bounded() {
        let site = Site::new().await;
        for (method, step) in [("PUT", "server-shares"), ("POST", "proofs")] {
            let path = format!("{REGISTRATION}/{step}");
            site.signed(method, &path, JSON, b"x")
                .await
                .problem(415, "unsupported_media_type");
            let large = vec![0; SEALED_LIMIT + 1];
            site.signed(method, &path, OCTETS, &large)
                .await
                .problem(413, "body_too_large");
        }
    }

    #[tokio::test]
    async fn a_malformed_id_is_named() {
        let answer = Site::new()
            .await
            .signed("GET", "/device/v1/registrations/x", JSON, b"")
            .await;
        assert_eq!(
            answer.problem(400, "invalid_request")["errors"][0]["paramName"],
            "registrationId"
        );
    }
}
