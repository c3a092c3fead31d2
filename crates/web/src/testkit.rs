//! What the tests of this crate share: the router over the real engine, database and vault.

use crate::{Limits, WebSettings, router};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::ConnectInfo,
    http::{HeaderMap, Request, StatusCode, header},
};
use engine::{
    Policy, Service,
    domain::{
        Api, CaKeyId, Flow, RelyingPartyRights, RequestKind, SchemeOperator, Session,
        SessionRequest, SessionState, Signing,
    },
    ports::{Clock, Entropy, Store, UnitOfWork},
    service::NewRelyingParty,
};
use http_body_util::BodyExt;
use jiff::Timestamp;
use p256::ecdsa::{Signature, SigningKey, signature::Signer};
use pki::x509::Certificate;
use rand_core::{Rng, UnwrapErr};
use serde_json::{Value, json};
use std::{net::SocketAddr, sync::Arc, time::SystemTime};
use store::{ColumnKey, Options, SqliteStore};
use tempfile::TempDir;
use tower::ServiceExt;
use vault::{Ceremony, CeremonyConfig, SoftwareVault, UnlockKey};
use wire::{
    CertificateLevel, DeviceId, EndResult, HashAlgorithm, Interactions, RelyingPartyUuid,
    SessionId, SignatureAlgorithm, http_signature,
};
use zeroize::Zeroizing;

/// The relying party of the tests; it may call from [`RP_ADDRESS`] only.
pub(crate) const RP: &str = "00000000-0000-4000-8000-000000000000";
pub(crate) const RP_ADDRESS: &str = "192.0.2.10:40000";
/// Some phone or stranger.
pub(crate) const OTHER_ADDRESS: &str = "198.51.100.7:50000";

struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .expect("after 1970");
        Timestamp::from_second(since.as_secs().try_into().expect("before 9999"))
            .expect("before 9999")
    }
}

struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        UnwrapErr(getrandom::SysRng).fill_bytes(buffer);
    }
}

/// A whole server without a socket.
pub(crate) struct Site {
    pub(crate) router: Router,
    pub(crate) service: Service,
    pub(crate) settings: WebSettings,
    store: Arc<SqliteStore>,
    _directory: TempDir,
}

impl Site {
    pub(crate) async fn new() -> Self {
        Self::with(WebSettings {
            limits: Limits::generous(),
            ..WebSettings::default()
        })
        .await
    }

    pub(crate) async fn with(settings: WebSettings) -> Self {
        let mut rng = UnwrapErr(getrandom::SysRng);
        let directory = tempfile::tempdir().unwrap();
        let config: CeremonyConfig =
            toml::from_str(include_str!("../../vault/ceremony.toml")).unwrap();
        let ceremony = Ceremony::perform(&config, SystemClock.now(), &mut rng).unwrap();
        let unlock = UnlockKey::from_bytes(Zeroizing::new([9; 32]));
        let vault =
            SoftwareVault::create(&directory.path().join("vault"), unlock, ceremony, &mut rng)
                .unwrap();
        let vault = Arc::new(vault);
        let key = ColumnKey::new(1, Zeroizing::new([7; 32]));
        let options = Options {
            migrate: true,
            ..Options::default()
        };
        let store = Arc::new(SqliteStore::open(":memory:", key, options).await.unwrap());
        let service = Service::new(
            store.clone(),
            vault.clone(),
            vault,
            Arc::new(SystemClock),
            Arc::new(SystemEntropy),
            Policy {
                trusted_list: Some(scheme_operator()),
                ..Policy::default()
            },
        );
        service.rotate_transport_keys().await.unwrap();
        let relying_party = NewRelyingParty {
            uuid: Some(RP.parse().unwrap()),
            names: vec!["DEMO".to_owned()],
            networks: vec!["192.0.2.0/24".parse().unwrap()],
            rights: RelyingPartyRights::default(),
        };
        service.add_relying_party(relying_party).await.unwrap();
        let router = router(service.clone(), settings.clone());
        Self {
            router,
            service,
            settings,
            store,
            _directory: directory,
        }
    }

    /// Sends a request from an address.
    pub(crate) async fn send_from(&self, address: &str, request: Request<Body>) -> Answer {
        send_to(&self.router, address, request).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send_from(RP_ADDRESS, Request::get(path).body(Body::empty()).unwrap())
            .await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_from(RP_ADDRESS, path, body).await
    }

    pub(crate) async fn post_from(&self, address: &str, path: &str, body: &Value) -> Answer {
        self.send_from(address, json_post(path, body.to_string()))
            .await
    }

    /// A request signed by a device that nobody knows.
    pub(crate) async fn signed(
        &self,
        method: &str,
        path: &str,
        media_type: &str,
        body: &[u8],
    ) -> Answer {
        self.send_from(OTHER_ADDRESS, signed(method, path, media_type, body))
            .await
    }

    /// A session that waits for a phone.
    pub(crate) async fn pending_session(&self) -> SessionId {
        self.pending_session_of(Api::V3).await
    }

    /// The same of either version of the API.
    pub(crate) async fn pending_session_of(&self, api: Api) -> SessionId {
        let now = SystemClock.now();
        let session = Session {
            id: SessionId(uuid::Uuid::new_v4()),
            relying_party: RP.parse::<RelyingPartyUuid>().unwrap(),
            request: SessionRequest {
                api,
                ..session_request()
            },
            candidates: Vec::new(),
            created_at: now,
            deadline: now + jiff::SignedDuration::from_secs(600),
            state: SessionState::Pending,
            version: 0,
        };
        let mut uow = self.store.write().await.unwrap();
        uow.insert_session(&session).await.unwrap();
        uow.commit().await.unwrap();
        session.id
    }

    /// A certificate that is published under this name.
    pub(crate) fn certificate(&self, name: &str) -> Certificate {
        let mut published = self.service.published_certificates().into_iter();
        let published = published.find(|published| published.name == name).unwrap();
        Certificate::parse(&published.certificate).unwrap()
    }

    /// How many responder certificates an authority has given out.
    pub(crate) async fn responders(&self, ca: &str) -> usize {
        let id = self
            .certificate(ca)
            .subject_key_identifier()
            .unwrap()
            .to_vec();
        let issuer = CaKeyId(id.try_into().unwrap());
        let mut reader = self.store.read().await.unwrap();
        let records = reader.responder_records(issuer, SystemClock.now()).await;
        records.unwrap().len()
    }

    /// POSTs bytes of a type as somebody.
    pub(crate) async fn post_bytes(
        &self,
        path: &str,
        media_type: &str,
        body: impl Into<Body>,
    ) -> Answer {
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, media_type)
            .body(body.into())
            .unwrap();
        self.send_from(OTHER_ADDRESS, request).await
    }

    /// Ends a session as the engine does.
    pub(crate) async fn end_session(&self, id: SessionId, result: EndResult) {
        let mut uow: Box<dyn UnitOfWork> = self.store.write().await.unwrap();
        let mut session = uow.session(id).await.unwrap().unwrap();
        session.fail(result, SystemClock.now());
        uow.save_session(&mut session).await.unwrap();
        uow.commit().await.unwrap();
    }

    /// The database is gone.
    pub(crate) async fn break_down(&self) {
        self.store.close().await;
    }

    /// One line of the metrics.
    pub(crate) async fn metric(&self, name: &str) -> Option<String> {
        let text = self.get("/metrics").await.text();
        text.lines()
            .find(|line| line.starts_with(name))
            .and_then(|line| line.rsplit(' ').next())
            .map(str::to_owned)
    }
}

pub(crate) async fn send_to(router: &Router, address: &str, mut request: Request<Body>) -> Answer {
    let address: SocketAddr = address.parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(address));
    let (parts, body) = router.clone().oneshot(request).await.unwrap().into_parts();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: body.collect().await.unwrap().to_bytes(),
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).unwrap()
    }

    /// The body of a success, which is exactly 200 and JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        assert_eq!(
            (self.status, self.header("content-type")),
            (StatusCode::OK, "application/json"),
            "{self:?}"
        );
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The body of an error, after checking that it is a problem document with this status and code.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert!(!self.header("x-request-id").is_empty());
        let problem: Value = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(problem["type"], "about:blank");
        assert_eq!(problem["status"], status);
        assert_eq!(problem["code"], code, "{problem}");
        problem
    }
}

pub(crate) fn json_post(path: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post(path)
        .header(header::CONTENT_TYPE, "application/json")
        .body(body.into())
        .unwrap()
}

/// A request signed by a device that nobody knows.
pub(crate) fn signed(method: &str, path: &str, media_type: &str, body: &[u8]) -> Request<Body> {
    let key = SigningKey::from_slice(&[5; 32]).unwrap();
    let signer = |message: &[u8]| {
        let signature: Signature = key.sign(message);
        signature.to_bytes().into()
    };
    let headers = http_signature::sign(
        method,
        path,
        body,
        DeviceId([3; 16]),
        signer,
        SystemClock.now(),
    );
    Request::builder()
        .method(method)
        .uri(path)
        .header(header::CONTENT_TYPE, media_type)
        .header("content-digest", headers.content_digest)
        .header("signature-input", headers.signature_input)
        .header("signature", headers.signature)
        .body(Body::from(body.to_vec()))
        .unwrap()
}

/// A valid authentication request.
pub(crate) fn authentication() -> Value {
    serde_json::from_str(include_str!("../../../docs/examples/authentication.json")).unwrap()
}

/// A valid signature request.
pub(crate) fn signature() -> Value {
    let mut request = authentication();
    let fields = request.as_object_mut().unwrap();
    fields.remove("vcType");
    fields["signatureProtocol"] = json!("RAW_DIGEST_SIGNATURE");
    let parameters = fields["signatureProtocolParameters"]
        .as_object_mut()
        .unwrap();
    let digest = parameters.remove("rpChallenge").unwrap();
    parameters.insert("digest".to_owned(), digest);
    request
}

/// A valid request for a certificate.
pub(crate) fn certificate() -> Value {
    json!({ "relyingPartyUUID": RP, "relyingPartyName": "demo" })
}

fn scheme_operator() -> SchemeOperator {
    SchemeOperator {
        name: "Example Identity".to_owned(),
        territory: "EE".to_owned(),
        information_url: "http://127.0.0.1:8080/certs".to_owned(),
        contact_url: "mailto:trust@example.org".to_owned(),
        street_address: "1 Example Street".to_owned(),
        locality: "Tallinn".to_owned(),
        postal_code: "10111".to_owned(),
        scheme_name: "Example list".to_owned(),
    }
}

fn session_request() -> SessionRequest {
    let interactions = authentication()["interactions"]
        .as_str()
        .unwrap()
        .to_owned();
    SessionRequest {
        api: Api::V3,
        kind: RequestKind::Signature {
            digest: vec![0; 64],
        },
        relying_party_name: "DEMO".to_owned(),
        brokered_rp_name: String::new(),
        certificate_level: CertificateLevel::Qualified,
        signing: Some(Signing {
            signature_algorithm: SignatureAlgorithm::RsassaPss,
            hash_algorithm: HashAlgorithm::Sha512,
            interactions: Interactions::parse(&interactions).unwrap(),
        }),
        flow: Flow::Notification,
        verification_code: Some("0042".parse().unwrap()),
        share_device_ip: false,
        ignored_properties: vec!["colour".to_owned()],
        document_alias: None,
        fingerprint: None,
    }
}
