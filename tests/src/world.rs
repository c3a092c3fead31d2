use crate::{SimulatedPhone, Watch, authorities::WatchedAuthorities, keys::WatchedKeys};
use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{HeaderMap, Request, header},
};
use base64ct::{Base64, Encoding};
use engine::{
    Policy, Service,
    domain::{AccountId, AccountLevel, Api, AuditEvent, AuditRecord, Person, RelyingPartyRights},
    ports::{Clock, Entropy, Store},
    service::{IdentityRequest, JobReport, NewRelyingParty, SessionStatus},
};
use http_body_util::BodyExt;
use jiff::{SignedDuration, Timestamp, civil::Date};
use rand_core::{Rng, UnwrapErr};
use serde_json::{Value, json};
use splitkey::{Kdf, Profile};
use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use store::{ColumnKey, Options, SqliteStore};
use tempfile::TempDir;
use tower::ServiceExt;
use vault::{Ceremony, CeremonyConfig, SoftwareVault, UnlockKey, VaultError};
use web::{Limits, WebSettings};
use wire::RegistrationCode;
use zeroize::Zeroizing;

/// The relying party of the tests.
const RP: &str = "00000000-0000-4000-8000-000000000000";

/// A clock that stands still until the test moves it.
struct ManualClock {
    now: Mutex<Timestamp>,
    /// What the clock says of itself.
    was_set_lately: AtomicBool,
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.now.lock().expect("no panic while held")
    }

    fn was_set_lately(&self) -> bool {
        self.was_set_lately.load(Ordering::SeqCst)
    }
}

struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        UnwrapErr(getrandom::SysRng).fill_bytes(buffer);
    }
}

/// A whole server without a socket; database and vault are files and survive [`World::restart`].
pub struct World {
    directory: TempDir,
    clock: Arc<ManualClock>,
    policy: Policy,
    limits: Limits,
    watch: Arc<Watch>,
    running: Option<Running>,
    traffic: Mutex<Vec<Exchange>>,
}

struct Running {
    router: Router,
    service: Service,
    store: Arc<SqliteStore>,
    vault: Arc<SoftwareVault>,
}

/// A request and its answer, as whoever ends the TLS reads them.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// Method, path and headers, one a line.
    pub head: String,
    /// The body that was sent.
    pub body: Vec<u8>,
    /// Status and headers of the answer, one a line.
    pub answer_head: String,
    /// The body that came back.
    pub answer: Vec<u8>,
}

/// The database of a [`World`] at one moment.
#[derive(Clone)]
pub struct Snapshot {
    database: Vec<u8>,
    now: Timestamp,
}

/// What the server answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// `Retry-After`, if there is one.
    #[must_use]
    pub fn retry_after(&self) -> Option<&str> {
        let value = self.headers.get(header::RETRY_AFTER)?;
        value.to_str().ok()
    }

    /// The body as JSON, null if it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

/// The smallest profile that this build has.
fn profile() -> Profile {
    Profile::from_id(1).unwrap_or_default()
}

/// The cheapest KDF that this build has.
fn kdf() -> Kdf {
    Kdf::from_id(255).unwrap_or_default()
}

impl World {
    /// A fresh server with one relying party, `DEMO`, that may ask for everything.
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// The same with other settings.
    pub async fn with(change: impl FnOnce(&mut Policy)) -> Self {
        let mut policy = Policy {
            profile: profile(),
            kdf: kdf(),
            prompts_per_minute: 1_000,
            prompts_per_minute_in_all: 1_000,
            begins_per_minute: 1_000,
            maintenance_per_minute: 1_000,
            ..Policy::default()
        };
        change(&mut policy);
        Self::found(policy, Limits::generous()).await
    }

    /// The same with the limits per client that a production server has.
    pub async fn with_production_limits() -> Self {
        let policy = Policy {
            profile: profile(),
            ..Policy::default()
        };
        Self::found(policy, Limits::default()).await
    }

    async fn found(policy: Policy, limits: Limits) -> Self {
        let now = "2026-11-24T12:00:00Z".parse().expect("a time");
        let directory = tempfile::tempdir().expect("a directory");
        let mut rng = UnwrapErr(getrandom::SysRng);
        let config: CeremonyConfig =
            toml::from_str(include_str!("../../crates/vault/ceremony.toml")).expect("the sample");
        let ceremony = Ceremony::perform(&config, now, &mut rng).expect("ceremony");
        SoftwareVault::create(
            &directory.path().join("vault"),
            unlock_key(),
            ceremony,
            &mut rng,
        )
        .expect("vault");
        let mut world = Self {
            directory,
            clock: Arc::new(ManualClock {
                now: Mutex::new(now),
                was_set_lately: AtomicBool::new(false),
            }),
            policy,
            limits,
            watch: Arc::default(),
            running: None,
            traffic: Mutex::default(),
        };
        world.start().await;
        world.relying_party(RP, "DEMO").await;
        world
    }

    /// Adds a relying party that may ask for everything.
    ///
    /// # Panics
    /// There is one with this UUID.
    pub async fn relying_party(&self, uuid: &str, name: &str) {
        self.service()
            .add_relying_party(NewRelyingParty {
                uuid: Some(uuid.parse().expect("a UUID")),
                names: vec![name.to_owned()],
                networks: Vec::new(),
                rights: RelyingPartyRights {
                    advanced_level: true,
                    share_device_ip: true,
                    ..RelyingPartyRights::default()
                },
            })
            .await
            .expect("added");
    }

    /// Writes a line into the audit trail that no use case wrote.
    ///
    /// # Panics
    /// The database cannot be written.
    pub async fn plant(&self, account: AccountId, event: AuditEvent) {
        let record = AuditRecord {
            at: self.now(),
            account: Some(account),
            relying_party: None,
            session: None,
            event,
        };
        let mut uow = self.store().write().await.expect("database");
        uow.record(&record).await.expect("database");
        uow.commit().await.expect("database");
    }

    /// Work of the server before that nobody waits for any more runs to its end, and holds the file until then.
    async fn open_vault(&self) -> SoftwareVault {
        let file = self.directory.path().join("vault");
        for _ in 0..500 {
            match SoftwareVault::open(&file, unlock_key()) {
                Err(VaultError::InUse(_)) => tokio::time::sleep(Duration::from_millis(10)).await,
                opened => return opened.expect("vault"),
            }
        }
        panic!("the vault stays in use")
    }

    async fn start(&mut self) {
        let vault = Arc::new(self.open_vault().await);
        let store = SqliteStore::open(
            self.database().to_str().expect("UTF-8"),
            ColumnKey::new(1, Zeroizing::new([7; 32])),
            Options {
                migrate: true,
                ..Options::default()
            },
        )
        .await
        .expect("database");
        let store = Arc::new(store);
        let service = Service::new(
            store.clone(),
            Arc::new(WatchedKeys {
                vault: vault.clone(),
                watch: self.watch.clone(),
            }),
            Arc::new(WatchedAuthorities {
                vault: vault.clone(),
                watch: self.watch.clone(),
            }),
            self.clock.clone(),
            Arc::new(SystemEntropy),
            self.policy.clone(),
        );
        service
            .rotate_transport_keys()
            .await
            .expect("transport keys");
        service.remember_certificates().await.expect("certificates");
        let settings = WebSettings {
            limits: self.limits,
            ..WebSettings::default()
        };
        let router = web::router(service.clone(), settings);
        self.running = Some(Running {
            router,
            service,
            store,
            vault,
        });
    }

    /// The engine of another process on the same database; to be dropped before the server stops.
    ///
    /// # Panics
    /// The database cannot be opened.
    pub async fn another_process(&self) -> Service {
        let store = SqliteStore::open(
            self.database().to_str().expect("UTF-8"),
            ColumnKey::new(1, Zeroizing::new([7; 32])),
            Options::default(),
        )
        .await
        .expect("database");
        Service::new(
            Arc::new(store),
            self.vault().clone(),
            self.vault().clone(),
            self.clock.clone(),
            Arc::new(SystemEntropy),
            self.policy.clone(),
        )
    }

    /// Stops the server and starts it again on the same files.
    pub async fn restart(&mut self) {
        self.stop().await;
        self.start().await;
    }

    async fn stop(&mut self) {
        let Running {
            router,
            service,
            store,
            vault,
        } = self.running.take().expect("running");
        drop((router, service, vault));
        store.close().await;
        drop(store);
    }

    /// Everything that the database holds now.
    ///
    /// # Panics
    /// The file cannot be read.
    pub async fn snapshot(&mut self) -> Snapshot {
        // Closing moves the write-ahead log into the file.
        self.stop().await;
        let database = std::fs::read(self.database()).expect("a database");
        self.start().await;
        let now = self.now();
        Snapshot { database, now }
    }

    /// Goes back to a snapshot, clock included.
    ///
    /// # Panics
    /// The file cannot be written.
    pub async fn rewind(&mut self, to: &Snapshot) {
        self.stop().await;
        std::fs::write(self.database(), &to.database).expect("written");
        *self.clock.now.lock().expect("no panic while held") = to.now;
        self.start().await;
    }

    /// The engine itself, for what has no API.
    #[must_use]
    pub fn service(&self) -> &Service {
        &self.running.as_ref().expect("running").service
    }

    /// The database, for what an attacker or a crash does to it.
    #[must_use]
    pub fn store(&self) -> &Arc<SqliteStore> {
        &self.running.as_ref().expect("running").store
    }

    /// The key vault, for what an attacker inside the server does with it.
    #[must_use]
    pub fn vault(&self) -> &Arc<SoftwareVault> {
        &self.running.as_ref().expect("running").vault
    }

    /// Everything that went over both APIs so far.
    #[must_use]
    pub fn traffic(&self) -> Vec<Exchange> {
        self.traffic.lock().expect("no panic while held").clone()
    }

    /// The database's file, for what somebody writes to it behind the store's back.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.directory.path().join("smart-id.db")
    }

    /// What the key vault is asked for, and whether it can be reached.
    #[must_use]
    pub fn watch(&self) -> &Watch {
        &self.watch
    }

    /// Starts again on the same files with other settings.
    pub async fn restart_with(&mut self, change: impl FnOnce(&mut Policy)) {
        change(&mut self.policy);
        self.restart().await;
    }

    /// The audit trail from the beginning.
    ///
    /// # Panics
    /// The database cannot be read.
    pub async fn audit_trail(&self) -> Vec<AuditRecord> {
        let mut reader = self.store().read().await.expect("database");
        reader
            .audit_records(Timestamp::MIN, Timestamp::MAX)
            .await
            .expect("database")
    }

    /// The files of database and vault as they lie on the disk, write-ahead log included: name and bytes.
    #[must_use]
    pub fn files(&self) -> Vec<(String, Vec<u8>)> {
        let read = |entry: std::io::Result<std::fs::DirEntry>| {
            let entry = entry.expect("an entry");
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, std::fs::read(entry.path()).expect("a readable file"))
        };
        let entries = std::fs::read_dir(self.directory.path()).expect("the directory");
        entries.map(read).collect()
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Moves the clock.
    pub fn pass(&self, time: SignedDuration) {
        let mut now = self.clock.now.lock().expect("no panic while held");
        *now += time;
    }

    /// Has the clock tell of itself that somebody set it.
    pub fn say_that_the_clock_was_set(&self, lately: bool) {
        self.clock.was_set_lately.store(lately, Ordering::SeqCst);
    }

    /// One round of the background jobs.
    pub async fn jobs(&self) -> JobReport {
        self.service()
            .rotate_transport_keys()
            .await
            .expect("transport keys");
        let report = self.service().run_jobs().await.expect("jobs");
        self.store().checkpoint().await.expect("checkpoint");
        report
    }

    /// Sends a request to the router as from 192.0.2.1.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, String)],
        body: Vec<u8>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        let mut head = format!("{method} {path}\n");
        for (name, value) in headers {
            request = request.header(*name, value);
            head += &format!("{name}: {value}\n");
        }
        let request = request.body(Body::from(body.clone())).expect("a request");
        let answer = self.dispatch(request).await;
        let exchange = Exchange {
            head,
            body,
            answer_head: format!("{}\n{:?}\n", answer.status, answer.headers),
            answer: answer.body.clone(),
        };
        self.traffic
            .lock()
            .expect("no panic while held")
            .push(exchange);
        answer
    }

    /// Sends any request to the router as from 192.0.2.1.
    pub async fn dispatch(&self, mut request: Request<Body>) -> Answer {
        let address: SocketAddr = "192.0.2.1:40000".parse().expect("an address");
        request.extensions_mut().insert(ConnectInfo(address));
        let router = self.running.as_ref().expect("running").router.clone();
        let response = router.oneshot(request).await.expect("infallible");
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = response
            .into_body()
            .collect()
            .await
            .expect("a body")
            .to_bytes()
            .to_vec();
        Answer {
            status,
            headers,
            body,
        }
    }

    /// POSTs JSON as a relying party.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        let json = [(header::CONTENT_TYPE.as_str(), "application/json".to_owned())];
        self.send(
            "POST",
            &format!("/smart-id-rp/v3/{path}"),
            &json,
            body.to_string().into_bytes(),
        )
        .await
    }

    /// The status of a session now: long polls are for the tests that mean them.
    pub async fn status(&self, session: &str) -> Answer {
        self.send(
            "GET",
            &format!("/smart-id-rp/v3/session/{session}?timeoutMs=1000"),
            &[],
            Vec::new(),
        )
        .await
    }

    /// Whether a session runs, without waiting for its end.
    ///
    /// # Panics
    /// There is none.
    pub async fn is_running(&self, session: &str) -> bool {
        let id = session.parse().expect("a session id");
        let address = "192.0.2.1".parse().expect("an address");
        let status = self
            .service()
            .session_status(Api::V3, id, address)
            .await
            .expect("a session");
        matches!(status, SessionStatus::Running)
    }

    /// The end result of a session; empty while it runs.
    pub async fn result(&self, session: &str) -> String {
        if self.is_running(session).await {
            return String::new();
        }
        let status = self.status(session).await;
        assert_eq!(status.status, 200, "{}", status.json());
        status.json()["result"]["endResult"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// Starts an authentication of a person and returns the session's id.
    pub async fn ask_to_authenticate(&self, person: &str) -> String {
        let answer = self
            .post(
                &format!("authentication/notification/etsi/{person}"),
                &authentication_request(),
            )
            .await;
        assert_eq!(answer.status, 200, "{}", answer.json());
        answer.json()["sessionID"]
            .as_str()
            .expect("an id")
            .to_owned()
    }

    /// Starts a signature by a person and returns the session's id.
    pub async fn ask_to_sign(&self, person: &str) -> String {
        let answer = self
            .post(
                &format!("signature/notification/etsi/{person}"),
                &signature_request(),
            )
            .await;
        assert_eq!(answer.status, 200, "{}", answer.json());
        answer.json()["sessionID"]
            .as_str()
            .expect("an id")
            .to_owned()
    }

    /// A phone with an account for this person, registered through all steps.
    pub async fn phone(&self, person: &str) -> SimulatedPhone {
        let mut phone = SimulatedPhone::new();
        phone.register(self, person).await;
        phone
    }

    /// Vouches for a person as an operator does.
    pub async fn vouch(&self, code: &RegistrationCode, person: &str, level: AccountLevel) {
        let identity = IdentityRequest {
            person: Person {
                semantics_identifier: person.parse().expect("an identifier"),
                given_name: "OK".to_owned(),
                surname: "TESTNUMBER".to_owned(),
                date_of_birth: Date::constant(1905, 4, 4),
            },
            level,
            evidence: "operator test".to_owned(),
            document_suffix: None,
            invented: false,
        };
        self.service()
            .prove_identity(code, &identity)
            .await
            .expect("vouched");
    }
}

fn unlock_key() -> UnlockKey {
    UnlockKey::from_bytes(Zeroizing::new([9; 32]))
}

fn interactions() -> String {
    Base64::encode_string(br#"[{"type":"confirmationMessage","displayText200":"Hello?"}]"#)
}

/// A valid authentication request; SHA-256, since PSS with SHA-512 does not fit the test profile.
#[must_use]
pub fn authentication_request() -> Value {
    json!({
        "relyingPartyUUID": RP,
        "relyingPartyName": "DEMO",
        "certificateLevel": "QUALIFIED",
        "signatureProtocol": "ACSP_V2",
        "signatureProtocolParameters": {
            "rpChallenge": Base64::encode_string(&[7; 64]),
            "signatureAlgorithm": "rsassa-pss",
            "signatureAlgorithmParameters": { "hashAlgorithm": "SHA-256" }
        },
        "interactions": interactions(),
        "vcType": "numeric4"
    })
}

/// A valid signature request; each has a nonce of its own, so that none is taken for a repetition.
#[must_use]
pub fn signature_request() -> Value {
    json!({
        "relyingPartyUUID": RP,
        "relyingPartyName": "DEMO",
        "certificateLevel": "QUALIFIED",
        "signatureProtocol": "RAW_DIGEST_SIGNATURE",
        "signatureProtocolParameters": {
            "digest": Base64::encode_string(&[9; 32]),
            "signatureAlgorithm": "rsassa-pss",
            "signatureAlgorithmParameters": { "hashAlgorithm": "SHA-256" }
        },
        "interactions": interactions(),
        "nonce": format!("{:016x}", UnwrapErr(getrandom::SysRng).next_u64())
    })
}
