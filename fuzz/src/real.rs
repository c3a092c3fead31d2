//! A real server with a real phone on it, made once: where honest messages come from.

use device::{Effect, Event, NewKeys, Phone, SoftwareKeystore, View};
use engine::{
    domain::AccountLevel,
    ports::{CaSigner, ServerKeys},
};
use pki::x509::{Certificate, IssuingCa, Linted};
use rand_core::SeedableRng;
use serde_json::Value;
use std::{
    collections::VecDeque,
    sync::OnceLock,
};
use tests::{PIN1, PIN2, World, pin};
use tokio::runtime::Runtime;
use wire::{RegistrationCode, SessionId};

/// Whose account it is.
pub(crate) const PERSON: &str = "PNOEE-40504040001";

/// The PIN key derivation of the tests: the fuzzer has no time for a slow one.
const TEST_KDF: u8 = 255;

/// The secret of the phone's keystore.
const KEYSTORE: [u8; 32] = [7; 32];

/// A request of the phone, and the answer.
#[derive(Clone)]
pub(crate) struct Exchange {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) answer: Vec<u8>,
}

/// The server and what happened on it.
pub(crate) struct Real {
    pub(crate) world: World,
    pub(crate) runtime: Runtime,
    /// Registration, a login answered, a signature answered, a rotation.
    pub(crate) exchanges: Vec<Exchange>,
    /// What is on the phone's disk at the end, and before the answer to each exchange.
    pub(crate) disks: Vec<Vec<u8>>,
    /// A login that waits.
    pub(crate) waiting: SessionId,
    certificates: [Vec<u8>; 3],
}

pub(crate) fn keystore() -> SoftwareKeystore {
    SoftwareKeystore::from_secret(&KEYSTORE)
}

pub(crate) fn real() -> &'static Real {
    static REAL: OnceLock<Real> = OnceLock::new();
    REAL.get_or_init(|| {
        let runtime = Runtime::new().expect("a runtime");
        let world = runtime.block_on(World::new());
        let Script {
            exchanges,
            disks,
            waiting,
            certificates,
            ..
        } = runtime.block_on(play(&world));
        let waiting = waiting.expect("asked");
        let certificates = certificates.expect("registered");
        Real {
            world,
            runtime,
            exchanges,
            disks,
            waiting,
            certificates,
        }
    })
}

struct Script<'a> {
    world: &'a World,
    phone: Phone,
    rng: chacha20::ChaCha20Rng,
    view: Option<View>,
    disk: Option<Vec<u8>>,
    exchanges: Vec<Exchange>,
    disks: Vec<Vec<u8>>,
    waiting: Option<SessionId>,
    certificates: Option<[Vec<u8>; 3]>,
}

async fn play(world: &World) -> Script<'_> {
    let mut script = Script {
        world,
        phone: Phone::new(None),
        rng: chacha20::ChaCha20Rng::seed_from_u64(3),
        view: None,
        disk: None,
        exchanges: Vec::new(),
        disks: Vec::new(),
        waiting: None,
        certificates: None,
    };
    script
        .act(Event::Register {
            replace: false,
            birth_date: None,
        })
        .await;
    script
        .act(Event::ChoosePins {
            pin1: pin(PIN1),
            pin2: pin(PIN2),
        })
        .await;
    let Some(View::AwaitingIdentity { code, .. }) = &script.view else {
        panic!("{:?}", script.view)
    };
    let code: RegistrationCode = code.clone();
    world.vouch(&code, PERSON, AccountLevel::Qualified).await;
    script.act(Event::Refresh).await;
    script
        .act(Event::RepeatPins {
            pin1: pin(PIN1),
            pin2: pin(PIN2),
        })
        .await;
    script.certificates = script
        .phone
        .certificates()
        .map(|all| all.map(<[u8]>::to_vec));
    for (session, digits) in [
        (world.ask_to_authenticate(PERSON).await, PIN1),
        (world.ask_to_sign(PERSON).await, PIN2),
    ] {
        script.answer(session.parse().expect("an id"), digits).await;
    }
    script.act(Event::Rotate).await;
    let refused = world.ask_to_authenticate(PERSON).await;
    script.act(Event::Refresh).await;
    script
        .act(Event::Open(refused.parse().expect("an id")))
        .await;
    script.act(Event::Refuse).await;
    let waiting = world.ask_to_authenticate(PERSON).await;
    script.act(Event::Refresh).await;
    script.waiting = Some(waiting.parse().expect("an id"));
    script.disks.extend(script.disk.clone());
    script
}

impl Script<'_> {
    async fn answer(&mut self, session: SessionId, digits: &str) {
        self.act(Event::Refresh).await;
        self.act(Event::Open(session)).await;
        while matches!(self.view, Some(View::Confirm(_) | View::ConfirmDevice(_))) {
            self.act(Event::Confirm).await;
        }
        self.act(Event::EnterPin(pin(digits))).await;
        assert!(
            matches!(self.view, Some(View::Completed(_))),
            "{:?}",
            self.view
        );
    }

    async fn act(&mut self, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let now = self.world.now();
            for effect in self.phone.handle(event, &keystore(), now, &mut self.rng) {
                match effect {
                    Effect::Persist(bytes) => self.disk = Some(bytes),
                    Effect::Wipe => self.disk = None,
                    Effect::Show(view) => self.view = Some(view),
                    Effect::OpenUrl(_) => {}
                    Effect::GenerateKeys(profile) => {
                        let keys = NewKeys::generate(profile, &mut |_| {}, &mut self.rng);
                        let keys = Box::new(keys.expect("keys"));
                        events.push_back(Event::KeysGenerated(keys));
                    }
                    Effect::Send(request) => {
                        self.disks.extend(self.disk.clone());
                        let method = request.method.as_str();
                        let (path, headers) = (&request.path, &request.headers);
                        let body = request.body.clone();
                        let answer = self.world.send(method, path, headers, body).await;
                        let body = with_test_kdf(path, answer.body);
                        self.exchanges.push(Exchange {
                            method,
                            path: request.path.clone(),
                            headers: request.headers.clone(),
                            body: request.body.clone(),
                            answer: body.clone(),
                        });
                        let (id, status) = (request.id, answer.status);
                        events.push_back(Event::Response { id, status, body });
                    }
                }
            }
        }
    }
}

fn with_test_kdf(path: &str, body: Vec<u8>) -> Vec<u8> {
    if !path.ends_with("/configuration") {
        return body;
    }
    let mut configuration: Value = serde_json::from_slice(&body).expect("JSON");
    configuration["kdf"] = TEST_KDF.into();
    configuration.to_string().into_bytes()
}

/// JSON bodies of requests and answers.
pub(crate) fn bodies() -> Vec<Vec<u8>> {
    let mut bodies: Vec<Vec<u8>> = real()
        .exchanges
        .iter()
        .flat_map(|exchange| [exchange.body.clone(), exchange.answer.clone()])
        .filter(|body| body.len() > 2 && serde_json::from_slice::<Value>(body).is_ok())
        .collect();
    let verdicts = [
        r#"{"status":"signed","seq":1,"signature":"AAAA"}"#,
        r#"{"status":"wrongPin","seq":3,"attemptsLeft":0,"lockedSeconds":10800,"final":false}"#,
        r#"{"status":"advanced","verdict":{"status":"rotated","seq":1}}"#,
        r#"{"status":"notAdvanced"}"#,
        r#"{"status":"refused","code":"locked","lockedSeconds":3}"#,
        r#"{"reason":"interaction","interaction":"confirmationMessage"}"#,
        r#"{"operation":"sync","seq":1}"#,
    ];
    bodies.extend(verdicts.map(|text| text.as_bytes().to_vec()));
    bodies
}

/// End entity, issuing CA, root.
pub(crate) fn chain() -> [Vec<u8>; 3] {
    let real = real();
    let [authentication, _, issuer] = real.certificates.clone();
    let parsed = Certificate::parse(&issuer).expect("a certificate");
    let root = real
        .world
        .vault()
        .published()
        .into_iter()
        .map(|published| published.certificate)
        .find(|der| Certificate::parse(der).is_ok_and(|root| root.subject() == parsed.issuer()))
        .expect("a root");
    [authentication, issuer, root]
}

pub(crate) fn modulus() -> &'static [u8] {
    static MODULUS: OnceLock<Vec<u8>> = OnceLock::new();
    MODULUS.get_or_init(|| {
        let [end_entity, ..] = chain();
        let certificate = Certificate::parse(&end_entity).expect("a certificate");
        certificate
            .public_key()
            .rsa_modulus()
            .expect("RSA")
            .to_vec()
    })
}

pub(crate) fn issuer(level: AccountLevel) -> IssuingCa {
    real().world.vault().issuer(level).ca.clone()
}

pub(crate) fn sign(level: AccountLevel, linted: Linted) -> Certificate {
    let real = real();
    let vault = real.world.vault();
    real.runtime
        .block_on(vault.sign(vault.issuer(level).id, linted))
        .expect("signed")
}

/// What a phone sealed, as the server reads it.
pub(crate) fn opened(kind: splitkey::seal::Kind, sealed: &[u8]) -> Option<Vec<u8>> {
    let real = real();
    let vault = real.world.vault();
    let opened = real.runtime.block_on(vault.open(kind, sealed)).ok()?;
    Some(opened.plaintext.to_vec())
}
