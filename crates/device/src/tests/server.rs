//! The server's side of the protocol, in memory, from splitkey's own arithmetic.
//!
//! As much of `docs/protocol/splitkey.md` §2 and §4 as a phone can tell from outside, and a switch for each lie that a
//! dishonest server could tell.

mod lie;
mod registration;
mod transactions;

use crate::{Method, Request};
use base64ct::{Base64, Encoding};
use jiff::{SignedDuration, Timestamp};
pub(super) use lie::{AnswerTwist, Lie, Moduli, Twists};
use p256::ecdsa::SigningKey;
use rand_core::Rng;
use serde::Serialize;
use splitkey::{
    ClientModulus, CompositeModulus, DeviceId, Hash, Kdf, KeyId, Profile, PublicKey, Scheme,
    ServerHalf, ServerShare, TokenHash, TransactionId,
    seal::{ResponseSealer, SealingKey},
};
use uuid::Uuid;
use wire::{
    HashAlgorithm, Interaction, InteractionType, Interactions, RegistrationId, SessionId,
    SignatureAlgorithm, VerificationCode, device_v1 as v1, http_signature::SignedRequest,
    problem::Problem, verification_code,
};

pub(super) struct Key {
    pub(super) id: KeyId,
    n1: ClientModulus,
    half: ServerHalf,
    pub(super) composite: CompositeModulus,
    nonce: [u8; 32],
    share: Option<ServerShare>,
    failures: u8,
    locked_until: Option<Timestamp>,
}

/// A registration or, once it is active, an account.
pub(super) struct Account {
    registration: RegistrationId,
    device: DeviceId,
    device_key: Vec<u8>,
    token: TokenHash,
    pub(super) seq: u64,
    pub(super) keys: [Key; 2],
    offer: v1::RegistrationOffer,
    person: Option<v1::RegisteredPerson>,
    proofs: Option<([u8; 32], v1::RegistrationCompleted)>,
    pub(super) state: State,
    expires_at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Registering,
    Active,
    Ended,
    /// By its owner or a replacement.
    Closed,
    Cloned,
}

pub(super) struct Session {
    pub(super) id: SessionId,
    kind: v1::RequestKind,
    pub(super) relying_party_name: String,
    pub(super) interactions: Interactions,
    algorithm: SignatureAlgorithm,
    hash: HashAlgorithm,
    rp_challenge: String,
    digest: Vec<u8>,
    pub(super) code: VerificationCode,
    several_devices: bool,
    deadline: Timestamp,
    pub(super) end: Option<End>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum End {
    Refused(v1::Refusal),
    Signed {
        payload: Vec<u8>,
        scheme: Scheme,
        signature: Vec<u8>,
    },
    Failed(&'static str),
}

struct Transaction {
    id: TransactionId,
    account: usize,
    operation: v1::Operation,
    session: Option<SessionId>,
    server_random: String,
    r: [u8; 32],
    expires_at: Timestamp,
    state: TransactionState,
}

enum TransactionState {
    Awaiting,
    Cancelled,
    Done {
        request: [u8; 32],
        verdict: v1::Verdict,
    },
}

pub(super) struct Server {
    rng: chacha20::ChaCha20Rng,
    root: SigningKey,
    sealing: SealingKey,
    profile: Profile,
    kdf: Kdf,
    pub(super) accounts: Vec<Account>,
    pub(super) sessions: Vec<Session>,
    transactions: Vec<Transaction>,
    pub(super) lie: Option<Lie>,
    pub(super) twists: Twists,
    /// `(m, s1′)` as they came in, for the test that looks for them on the phone.
    pub(super) partial_signatures: Vec<Vec<u8>>,
    pub(super) server_shares: Vec<Vec<u8>>,
    /// Requests seen, by method and path with ids left out.
    pub(super) log: Vec<String>,
    /// Answers to give instead of evaluating a signature.
    pub(super) answer_instead: Option<&'static str>,
}

type Outcome = Result<(u16, Vec<u8>), (u16, &'static str)>;

impl Server {
    pub(super) fn new(profile: Profile, kdf: Kdf, seed: u64) -> Self {
        let mut rng = super::rng(seed);
        Self {
            root: SigningKey::from_slice(&[3; 32]).unwrap(),
            sealing: SealingKey::generate(&mut rng),
            rng,
            profile,
            kdf,
            accounts: Vec::new(),
            sessions: Vec::new(),
            transactions: Vec::new(),
            lie: None,
            twists: Twists::default(),
            partial_signatures: Vec::new(),
            server_shares: Vec::new(),
            log: Vec::new(),
            answer_instead: None,
        }
    }

    pub(super) fn root_key(&self) -> [u8; 65] {
        self.root
            .verifying_key()
            .to_sec1_point(false)
            .as_bytes()
            .try_into()
            .unwrap()
    }

    /// The key of the day is replaced; what was sealed to the old one opens no more.
    pub(super) fn replace_sealing_key(&mut self) {
        self.sealing = SealingKey::generate(&mut self.rng);
    }

    pub(super) fn vouch(&mut self, person: &v1::RegisteredPerson) {
        let registration = self.accounts.last_mut().expect("a registration");
        assert!(
            registration.keys.iter().all(|key| key.share.is_some()),
            "both shares were handed over"
        );
        registration.person = Some(person.clone());
    }

    pub(super) fn authenticate(
        &mut self,
        relying_party: &str,
        interactions: &[(InteractionType, &str)],
        now: Timestamp,
    ) -> SessionId {
        let challenge: [u8; 48] = self.random();
        let code = verification_code(&challenge);
        self.start(
            v1::RequestKind::Authentication,
            relying_party,
            interactions,
            now,
            |session| {
                session.rp_challenge = Base64::encode_string(&challenge);
                session.code = code;
            },
        )
    }

    pub(super) fn request_signature(
        &mut self,
        digest: &[u8],
        algorithm: SignatureAlgorithm,
        interactions: &[(InteractionType, &str)],
        now: Timestamp,
    ) -> SessionId {
        self.start(
            v1::RequestKind::Signature,
            "DEMO",
            interactions,
            now,
            |session| {
                session.digest = digest.to_vec();
                session.algorithm = algorithm;
                session.hash = algorithm.fixed_hash().unwrap_or(HashAlgorithm::Sha256);
            },
        )
    }

    pub(super) fn show_on_several_devices(&mut self) {
        self.sessions.last_mut().expect("a session").several_devices = true;
    }

    pub(super) fn end_of(&self, session: SessionId) -> Option<&End> {
        self.sessions
            .iter()
            .find(|known| known.id == session)
            .expect("a session")
            .end
            .as_ref()
    }

    /// The relying party's own check of what it got.
    pub(super) fn verify(&self, session: SessionId) -> bool {
        let session = self
            .sessions
            .iter()
            .find(|known| known.id == session)
            .expect("a session");
        let Some(End::Signed {
            payload,
            scheme,
            signature,
        }) = &session.end
        else {
            return false;
        };
        let account = self.accounts.last().expect("an account");
        let key = &account.keys[usize::from(session.kind == v1::RequestKind::Signature)];
        let digest = match session.kind {
            v1::RequestKind::Authentication => scheme.hash().digest(&[payload]),
            v1::RequestKind::Signature | v1::RequestKind::CertificateChoice => payload.clone(),
        };
        PublicKey::new(self.profile, key.composite.as_bytes())
            .unwrap()
            .verify(*scheme, &digest, signature)
            .is_ok()
    }

    pub(super) fn answer(&mut self, request: &Request, now: Timestamp) -> (u16, Vec<u8>) {
        let path = request
            .path
            .strip_prefix("/device/v1")
            .expect("the device API")
            .to_owned();
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        self.log.push(format!(
            "{} {}",
            request.method.as_str(),
            parts.first().unwrap_or(&"")
        ));
        match self.dispatch(request, &parts, now) {
            Ok(answer) if is_sealed(request) => {
                let earlier = std::mem::replace(&mut self.twists.earlier, answer.1.clone());
                match self.twists.answer {
                    Some(twist) => twist(answer, &earlier),
                    None => answer,
                }
            }
            Ok(answer) => answer,
            Err((status, code)) => {
                let problem = Problem {
                    r#type: "about:blank".to_owned(),
                    title: "Problem".to_owned(),
                    status,
                    code: code.to_owned(),
                    detail: None,
                    instance: None,
                    errors: Vec::new(),
                };
                (status, serde_json::to_vec(&problem).unwrap())
            }
        }
    }

    fn dispatch(&mut self, request: &Request, parts: &[&str], now: Timestamp) -> Outcome {
        match (request.method, parts) {
            (Method::Get, ["configuration"]) => json(200, &self.configuration(now)),
            (Method::Post, ["registrations"]) => self.register(request, now),
            (method, ["registrations", id, rest @ ..]) => {
                let id: RegistrationId = id.parse().unwrap();
                let index = self
                    .accounts
                    .iter()
                    .position(|account| account.registration == id);
                let index = index.ok_or((404, "unknown_registration"))?;
                authentic(request, &self.accounts[index].device_key, now);
                self.registration(method, rest, index, &request.body, now)
            }
            (method, parts) => {
                let signed = signed(request);
                let index = self
                    .accounts
                    .iter()
                    .position(|account| account.device.0 == signed.device_id().0)
                    .ok_or((401, "not_authenticated"))?;
                authentic(request, &self.accounts[index].device_key, now);
                self.account(method, parts, index, &request.body, now)
            }
        }
    }

    fn sealed(&mut self, answer: &ResponseSealer, body: &impl Serialize) -> Vec<u8> {
        answer.seal(&serde_json::to_vec(body).unwrap(), &mut self.rng)
    }

    fn start(
        &mut self,
        kind: v1::RequestKind,
        relying_party: &str,
        interactions: &[(InteractionType, &str)],
        now: Timestamp,
        fill: impl FnOnce(&mut Session),
    ) -> SessionId {
        let list: Vec<_> = interactions
            .iter()
            .map(|(kind, text)| Interaction {
                kind: *kind,
                text: (*text).to_owned(),
            })
            .collect();
        let mut session = Session {
            id: SessionId(Uuid::from_bytes(self.random())),
            kind,
            relying_party_name: relying_party.to_owned(),
            interactions: Interactions::encode(&list).unwrap(),
            algorithm: SignatureAlgorithm::RsassaPss,
            hash: HashAlgorithm::Sha256,
            rp_challenge: String::new(),
            digest: Vec::new(),
            code: VerificationCode::generate(&mut self.rng),
            several_devices: false,
            deadline: now + SignedDuration::from_secs(90),
            end: None,
        };
        fill(&mut session);
        let id = session.id;
        self.sessions.push(session);
        id
    }

    fn random<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.rng.fill_bytes(&mut bytes);
        bytes
    }
}

/// R3a, R3b and submissions: their answers are sealed.
fn is_sealed(request: &Request) -> bool {
    let mut headers = request.headers.iter();
    headers.any(|(_, value)| value == "application/octet-stream")
}

fn signed(request: &Request) -> SignedRequest<'_> {
    let header = |name: &str| {
        request
            .headers
            .iter()
            .find(|(header, _)| *header == name)
            .map(|(_, value)| value.as_str())
    };
    SignedRequest::parse(
        request.method.as_str(),
        &request.path,
        &request.body,
        header("Content-Digest"),
        header("Signature-Input"),
        header("Signature"),
    )
    .expect("an honest phone signs")
}

fn authentic(request: &Request, key: &[u8], now: Timestamp) {
    signed(request)
        .verify(key, now)
        .expect("an honest phone signs with its own key");
}

fn json(status: u16, body: &impl Serialize) -> Outcome {
    Ok((status, serde_json::to_vec(body).unwrap()))
}

pub(super) fn hash(algorithm: HashAlgorithm) -> Hash {
    match algorithm {
        HashAlgorithm::Sha256 => Hash::Sha256,
        HashAlgorithm::Sha384 => Hash::Sha384,
        HashAlgorithm::Sha512 => Hash::Sha512,
        HashAlgorithm::Sha3_256 => Hash::Sha3_256,
        HashAlgorithm::Sha3_384 => Hash::Sha3_384,
        HashAlgorithm::Sha3_512 => Hash::Sha3_512,
    }
}
