//! `POST signature/certificate-choice/…`: which certificate will the person sign with?

use super::{Start, device_link_created};
use crate::{body::JsonBody, path::FromPath, problem::Failure, state::App};
use axum::{Json, Router, routing::post};
use engine::service::{StartedSession, Target};
use wire::{
    SemanticsIdentifier,
    rp_v3::{CertificateChoiceRequest, Channel, DeviceLinkSessionCreated, SessionCreated},
};

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route(
            "/smart-id-rp/v3/signature/certificate-choice/device-link/anonymous",
            post(link_anybody),
        )
        .route(
            "/smart-id-rp/v3/signature/certificate-choice/notification/etsi/{semantics-identifier}",
            post(notify_person),
        )
}

async fn link_anybody(
    start: Start,
    body: JsonBody,
) -> Result<Json<DeviceLinkSessionCreated>, Failure> {
    device_link_created(choose(&start, Target::Anybody, &body, Channel::DeviceLink).await?)
}

async fn notify_person(
    start: Start,
    FromPath(person): FromPath<SemanticsIdentifier>,
    body: JsonBody,
) -> Result<Json<SessionCreated>, Failure> {
    let target = Target::Person(person);
    let session = choose(&start, target, &body, Channel::Notification).await?;
    Ok(Json(SessionCreated {
        session_id: session.id,
    }))
}

async fn choose(
    start: &Start,
    target: Target,
    JsonBody(body): &JsonBody,
    channel: Channel,
) -> Result<StartedSession, Failure> {
    let request = CertificateChoiceRequest::parse(body, channel)?;
    let service = &start.app.service;
    let session = service
        .start_certificate_choice(&start.caller, &target, &request)
        .await?;
    start.app.metrics.session_started("certificate_choice");
    Ok(session)
}

#[cfg(test)]
mod tests {
    use crate::testkit::{OTHER_ADDRESS, Site, certificate};
    use serde_json::json;

    const ANYBODY: &str = "/smart-id-rp/v3/signature/certificate-choice/device-link/anonymous";
    const PERSON: &str =
        "/smart-id-rp/v3/signature/certificate-choice/notification/etsi/PNOEE-40504040001";

    #[tokio::test]
    async fn an_unknown_person_is_not_found() {
        Site::new()
            .await
            .post(PERSON, &certificate())
            .await
            .problem(404, "unknown_person");
    }

    #[tokio::test]
    async fn whoever_scans_may_choose() {
        let answer = Site::new().await.post(ANYBODY, &certificate()).await.json();
        assert_eq!(answer["sessionToken"].as_str().unwrap().len(), 24);
        assert_eq!(answer["sessionSecret"].as_str().unwrap().len(), 24);
    }

    #[tokio::test]
    async fn the_relying_party_is_checked() {
        let site = Site::new().await;
        for path in [ANYBODY, PERSON] {
            site.post_from(OTHER_ADDRESS, path, &certificate())
                .await
                .problem(401, "address_not_allowed");
        }
    }

    #[tokio::test]
    async fn each_request_for_a_link_has_a_session_of_its_own() {
        let site = Site::new().await;
        let first = site.post(ANYBODY, &certificate()).await.json();
        let second = site.post(ANYBODY, &certificate()).await.json();
        for name in ["sessionID", "sessionToken", "sessionSecret"] {
            assert_ne!(first[name], second[name], "{name}");
        }
        let mut wrong = certificate();
        wrong["nonce"] = json!("");
        site.post(ANYBODY, &wrong)
            .await
            .problem(400, "invalid_request");
    }
}
