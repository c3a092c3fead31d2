//! The server's side of the protocol, in memory, from splitkey's own arithmetic.
//!
//! As much of `docs/protocol/splitkey.md` §2 and §4 as a phone can tell from outside, and a switch for each lie that a
//! dishonest server could tell.

use super::certificate::certificate;
use crate::{Method, Request};
use base64ct::{Base64, Encoding};
use jiff::{SignedDuration, Timestamp};
use p256::ecdsa::{Signature, SigningKey, VerifyingKey, signature::Verifier};
use rand_core::Rng;
use serde::Serialize;
use splitkey::{
    ClientModulus, CompositeModulus, DeviceId, EncodedMessage, Hash, JointSalt, Kdf, KeyId,
    Profile, ProofOfPossession, PublicKey, Purpose, Scheme, ServerHalf, ServerShare, TokenHash,
    TransactionId, check_client_half, complete,
    message::{Operation, Proofs, ServerShares, Submit},
    seal::{self, Kind, ResponseSealer, SealingKey},
};
use std::collections::BTreeMap;
use uuid::Uuid;
use wire::{
    CertificateLevel, FixedBytes, FlowType, HashAlgorithm, Interaction, InteractionType,
    Interactions, RegistrationId, SessionId, SignatureAlgorithm, VerificationCode, acsp_v2,
    device_v1 as v1,
    http_signature::SignedRequest,
    problem::Problem,
    server_key::{ServerKeyStatement, SignedStatement},
    verification_code,
};

/// What a dishonest server may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lie {
    OtherRootKey,
    UnvouchedKey,
    ForeignModulus,
    SameKeyTwice,
    OtherPersonsDocument,
    WrongProof,
    CertificateOverOtherKey,
    CertificateOfOtherPerson,
    CertificateOfOtherAccount,
    SwappedCertificates,
    OtherRelyingParty,
    OtherText,
    LaterInteraction,
    OtherCode,
    CodeOfOtherChallenge,
    OtherSchemeName,
    CallbackUrl,
    OtherKey,
    OtherSession,
    LongDigest,
    NoOffer,
    WrongSignature,
}

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
            v1::RequestKind::Signature => payload.clone(),
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

    fn configuration(&mut self, now: Timestamp) -> v1::Configuration {
        let statement = ServerKeyStatement {
            key_id: FixedBytes([1; 16]),
            public_key: FixedBytes(self.sealing.public_key().to_bytes()),
            not_before: now - SignedDuration::from_hours(1),
            not_after: now + SignedDuration::from_hours(24),
        };
        let mut root = self.root.clone();
        if self.lie == Some(Lie::OtherRootKey) {
            root = SigningKey::from_slice(&[4; 32]).unwrap();
        }
        let mut server_key: SignedStatement = statement.sign(&root);
        if self.lie == Some(Lie::UnvouchedKey) {
            server_key.statement.public_key.0 =
                SealingKey::generate(&mut self.rng).public_key().to_bytes();
        }
        v1::Configuration {
            scheme_name: "smart-id-demo".to_owned(),
            root_key: FixedBytes(
                root.verifying_key()
                    .to_sec1_point(false)
                    .as_bytes()
                    .try_into()
                    .unwrap(),
            ),
            server_key,
            profile: self.profile.id(),
            kdf: self.kdf.id(),
            minimum_version: 1,
            session_seconds: 90,
        }
    }

    fn register(&mut self, request: &Request, now: Timestamp) -> Outcome {
        let body: v1::RegistrationRequest = serde_json::from_slice(&request.body).unwrap();
        authentic(request, &body.device_public_key.0, now);
        if let Some(earlier) = self
            .accounts
            .iter()
            .find(|account| account.device.0 == body.device_id.0)
        {
            return json(201, &earlier.offer);
        }
        if let Some(replacement) = &body.replaces {
            let old = self
                .accounts
                .iter()
                .find(|account| account.device.0 == replacement.device_id.0)
                .unwrap();
            let statement = v1::replacement_statement(&body.device_id, &body.device_public_key.0);
            let signature = Signature::from_slice(&replacement.signature.0).unwrap();
            VerifyingKey::from_sec1_bytes(&old.device_key)
                .unwrap()
                .verify(&statement, &signature)
                .unwrap();
        }
        let moduli: Vec<_> = body.keys.iter().map(|key| key.n1.0.clone()).collect();
        let [authentication, signature] = [&moduli[0], &moduli[1]].map(|n1| self.key(n1));
        let mut offer = v1::RegistrationOffer {
            registration_id: RegistrationId(Uuid::from_bytes(self.random())),
            registration_code: wire::RegistrationCode::generate(&mut self.rng),
            control_code: wire::ControlCode::generate(&mut self.rng),
            expires_at: now + SignedDuration::from_mins(15),
            keys: vec![
                offered(v1::Purpose::Authentication, &authentication),
                offered(v1::Purpose::Signature, &signature),
            ],
        };
        match self.lie {
            Some(Lie::ForeignModulus) => {
                let foreign = ServerHalf::generate(self.profile, &mut self.rng).unwrap();
                let n1 =
                    ClientModulus::from_stored(self.profile, foreign.modulus().as_bytes()).unwrap();
                let n = CompositeModulus::new(&n1, authentication.half.modulus()).unwrap();
                offer.keys[0].n = n.as_bytes().to_vec().into();
            }
            Some(Lie::SameKeyTwice) => offer.keys[1].purpose = v1::Purpose::Authentication,
            _ => {}
        }
        self.accounts.push(Account {
            registration: offer.registration_id,
            device: DeviceId(body.device_id.0),
            device_key: body.device_public_key.0.to_vec(),
            token: TokenHash(body.token_hash.0),
            seq: 0,
            keys: [authentication, signature],
            offer: offer.clone(),
            person: None,
            proofs: None,
            state: State::Registering,
            expires_at: offer.expires_at,
        });
        json(201, &offer)
    }

    fn key(&mut self, n1: &[u8]) -> Key {
        let n1 = ClientModulus::validate(self.profile, n1, &[]).unwrap();
        let half = ServerHalf::generate(self.profile, &mut self.rng).unwrap();
        let composite = CompositeModulus::new(&n1, half.modulus()).unwrap();
        Key {
            id: KeyId(self.random()),
            n1,
            half,
            composite,
            nonce: self.random(),
            share: None,
            failures: 0,
            locked_until: None,
        }
    }

    fn registration(
        &mut self,
        method: Method,
        rest: &[&str],
        index: usize,
        body: &[u8],
        now: Timestamp,
    ) -> Outcome {
        let registration = &mut self.accounts[index];
        if registration.state == State::Registering && now >= registration.expires_at {
            registration.state = State::Ended;
        }
        match (method, rest) {
            (Method::Get, []) => json(200, &registration.status()),
            (Method::Delete, []) => {
                registration.state = State::Ended;
                json(200, &BTreeMap::<(), ()>::new())
            }
            (Method::Put, ["server-shares"]) => {
                let (plaintext, answer) =
                    seal::open_request(Kind::ServerShares, &self.sealing, body)
                        .map_err(|_| (400, "cannot_open"))?;
                if registration.state != State::Registering {
                    return Err((410, "registration_ended"));
                }
                let shares = ServerShares::decode(&plaintext).unwrap();
                for key in &mut registration.keys {
                    let sent = shares
                        .shares
                        .iter()
                        .find(|sent| sent.key_id == key.id)
                        .unwrap();
                    let share = sent.share.check(&key.n1).unwrap();
                    self.server_shares.push(share.expose_secret().to_vec());
                    key.share = Some(share);
                }
                Ok((200, answer.seal(b"{}", &mut self.rng)))
            }
            (Method::Post, ["proofs"]) => self.prove(index, body),
            other => panic!("no such request: {other:?}"),
        }
    }

    fn prove(&mut self, index: usize, body: &[u8]) -> Outcome {
        let (plaintext, answer) = seal::open_request(Kind::Proofs, &self.sealing, body)
            .map_err(|_| (400, "cannot_open"))?;
        let fingerprint = seal::fingerprint(body);
        if let Some((first, completed)) = &self.accounts[index].proofs {
            assert_eq!(
                *first, fingerprint,
                "an honest phone repeats its proofs byte for byte"
            );
            return Ok((
                200,
                answer.seal(&serde_json::to_vec(completed).unwrap(), &mut self.rng),
            ));
        }
        if self.accounts[index].state != State::Registering {
            return Err((410, "registration_ended"));
        }
        let proofs = Proofs::decode(&plaintext).unwrap();
        let mut signatures = Vec::new();
        for (key, purpose) in self.accounts[index]
            .keys
            .iter()
            .zip([Purpose::Authentication, Purpose::Signature])
        {
            let proof = proofs
                .proofs
                .iter()
                .find(|proof| proof.key_id == key.id)
                .unwrap();
            self.partial_signatures
                .push(proof.partial_signature.expose_secret().to_vec());
            let message = ProofOfPossession::new(
                self.profile,
                purpose,
                key.id,
                key.nonce,
                key.composite.as_bytes(),
            )
            .encode(proof.c);
            let partial = proof.partial_signature.check(&key.n1).unwrap();
            let share = key
                .share
                .as_ref()
                .unwrap()
                .apply(&message, &key.n1, &mut self.rng);
            let Ok(half) = check_client_half(&message, &partial, &share, &key.n1) else {
                return Err((422, "proof_failed"));
            };
            let root = key.half.sign(&message, &mut self.rng).unwrap();
            signatures.push(
                complete(half, &root, &key.composite, &message)
                    .unwrap()
                    .into_bytes(),
            );
        }
        let mut person = self.accounts[index]
            .person
            .clone()
            .expect("somebody vouched");
        let number: wire::DocumentNumber = format!("{}-MOCK-Q", person.semantics_identifier)
            .parse()
            .unwrap();
        let mut certified = number.clone();
        let mut reported = number;
        let mut moduli =
            [0, 1].map(|key| self.accounts[index].keys[key].composite.as_bytes().to_vec());
        match self.lie {
            Some(Lie::WrongProof) => signatures.swap(0, 1),
            Some(Lie::SwappedCertificates) => moduli.swap(0, 1),
            Some(Lie::CertificateOverOtherKey) => moduli[1][5] ^= 1,
            Some(Lie::CertificateOfOtherPerson) => person.surname = "OTHER".to_owned(),
            Some(Lie::CertificateOfOtherAccount) => {
                certified = "PNOEE-40504040001-ELSE-Q".parse().unwrap()
            }
            Some(Lie::OtherPersonsDocument) => {
                reported = "PNOEE-39901019992-MOCK-Q".parse().unwrap();
                certified = reported.clone();
            }
            _ => {}
        }
        let purposes = [v1::Purpose::Authentication, v1::Purpose::Signature];
        let completed = v1::RegistrationCompleted {
            document_number: reported,
            certificates: purposes
                .iter()
                .zip(&moduli)
                .map(|(purpose, n)| v1::IssuedCertificate {
                    purpose: *purpose,
                    certificate: certificate(n, &person, &certified).into(),
                })
                .collect(),
            signatures: purposes
                .iter()
                .zip(signatures)
                .map(|(purpose, signature)| v1::ProofSignature {
                    purpose: *purpose,
                    signature: signature.into(),
                })
                .collect(),
            issuing_ca: vec![0x30, 0].into(),
            expires_at: "2029-11-24T00:00:00Z".parse().unwrap(),
        };
        for old in &mut self.accounts[..index] {
            if old.state == State::Active {
                old.state = State::Closed;
            }
        }
        let account = &mut self.accounts[index];
        account.state = State::Active;
        account.proofs = Some((fingerprint, completed.clone()));
        Ok((
            200,
            answer.seal(&serde_json::to_vec(&completed).unwrap(), &mut self.rng),
        ))
    }

    fn account(
        &mut self,
        method: Method,
        parts: &[&str],
        index: usize,
        body: &[u8],
        now: Timestamp,
    ) -> Outcome {
        if self.accounts[index].state != State::Active {
            return Err((403, "account_closed"));
        }
        match (method, parts) {
            (Method::Get, ["transactions"]) => json(200, &self.pending(index, now)),
            (Method::Post, ["transactions"]) => {
                let begin: v1::Begin = serde_json::from_slice(body).unwrap();
                json(201, &self.begin(index, &begin, now)?)
            }
            (Method::Post, ["transactions", id]) => {
                let id = TransactionId(id.parse::<wire::TransactionId>().unwrap().0);
                let (plaintext, answer) = seal::open_request(Kind::Submit, &self.sealing, body)
                    .map_err(|_| (400, "cannot_open"))?;
                let verdict = self.submit(index, id, &plaintext, seal::fingerprint(body), now);
                Ok((200, self.sealed(&answer, &verdict)))
            }
            (Method::Post, ["sessions", id, "refusal"]) => {
                let id: SessionId = id.parse().unwrap();
                let session = self
                    .sessions
                    .iter_mut()
                    .find(|session| session.id == id)
                    .ok_or((404, "session_gone"))?;
                if session.end.is_some() || now >= session.deadline {
                    return Err((404, "session_gone"));
                }
                session.end = Some(End::Refused(serde_json::from_slice(body).unwrap()));
                json(200, &BTreeMap::<(), ()>::new())
            }
            (Method::Delete, ["account"]) => {
                self.accounts[index].state = State::Closed;
                json(200, &BTreeMap::<(), ()>::new())
            }
            other => panic!("no such request: {other:?}"),
        }
    }

    fn pending(&self, index: usize, now: Timestamp) -> v1::PendingTransactions {
        let account = &self.accounts[index];
        let completed = account
            .proofs
            .as_ref()
            .map(|(_, completed)| completed)
            .unwrap();
        let person = account.person.as_ref().unwrap();
        v1::PendingTransactions {
            pending: self
                .sessions
                .iter()
                .filter(|session| session.end.is_none() && now < session.deadline)
                .map(|session| v1::PendingSession {
                    session_id: session.id,
                    kind: session.kind,
                    relying_party_name: session.relying_party_name.clone(),
                    brokered_rp_name: String::new(),
                    interactions: session.interactions.base64().to_owned(),
                    verification_code: session.code.clone(),
                    several_devices: session.several_devices,
                    expires_at: session.deadline,
                })
                .collect(),
            account: v1::AccountStatus {
                document_number: completed.document_number.clone(),
                semantics_identifier: person.semantics_identifier.clone(),
                given_name: person.given_name.clone(),
                surname: person.surname.clone(),
                level: "QUALIFIED".to_owned(),
                expires_at: completed.expires_at,
                state: "active".to_owned(),
                keys: account
                    .keys
                    .iter()
                    .zip([v1::Purpose::Authentication, v1::Purpose::Signature])
                    .map(|(key, purpose)| v1::KeyStatus {
                        purpose,
                        state: match key.locked_until {
                            _ if key.failures >= 9 => "destroyed",
                            Some(until) if now < until => "locked",
                            _ => "ready",
                        }
                        .to_owned(),
                        attempts_left: 3 - key.failures % 3,
                        locked_until: key.locked_until.filter(|until| now < *until),
                    })
                    .collect(),
            },
        }
    }

    fn begin(
        &mut self,
        index: usize,
        begin: &v1::Begin,
        now: Timestamp,
    ) -> Result<v1::TransactionOffer, (u16, &'static str)> {
        let (mut server_random, mut expires_at, mut sign) =
            (String::new(), now + SignedDuration::from_secs(120), None);
        if let Some(id) = begin.session_id {
            server_random = Base64::encode_string(&self.random::<24>());
            let session = self
                .sessions
                .iter()
                .find(|session| session.id == id && session.end.is_none() && now < session.deadline)
                .ok_or((404, "session_gone"))?;
            let key =
                &self.accounts[index].keys[usize::from(session.kind == v1::RequestKind::Signature)];
            if key.failures >= 9 {
                return Err((403, "key_closed"));
            }
            if key.locked_until.is_some_and(|until| now < until) {
                return Err((423, "key_locked"));
            }
            expires_at = session.deadline;
            let interaction = session
                .interactions
                .first_supported(&begin.interaction_types)
                .unwrap();
            let authentication = session.kind == v1::RequestKind::Authentication;
            let mut offer = v1::SignOffer {
                session_id: id,
                key_id: wire::KeyId(key.id.0),
                kind: session.kind,
                scheme_name: "smart-id-demo".to_owned(),
                relying_party_name: session.relying_party_name.clone(),
                brokered_rp_name: String::new(),
                certificate_level: CertificateLevel::Qualified,
                interactions: session.interactions.base64().to_owned(),
                interaction_type_used: interaction,
                flow_type: FlowType::Notification,
                signature_algorithm: session.algorithm,
                hash_algorithm: session.hash,
                rp_challenge: authentication.then(|| session.rp_challenge.clone()),
                server_random: authentication.then(|| server_random.clone()),
                digest: (!authentication).then(|| session.digest.clone().into()),
                verification_code: session.code.clone(),
                initial_callback_url: String::new(),
            };
            self.lie_about(&mut offer, index);
            sign = (self.lie != Some(Lie::NoOffer)).then_some(offer);
        }
        for transaction in &mut self.transactions {
            if transaction.account == index
                && matches!(transaction.state, TransactionState::Awaiting)
            {
                transaction.state = TransactionState::Cancelled;
            }
        }
        let (id, r) = (TransactionId(self.random()), self.random());
        self.transactions.push(Transaction {
            id,
            account: index,
            operation: begin.operation,
            session: begin.session_id,
            server_random,
            r,
            expires_at,
            state: TransactionState::Awaiting,
        });
        Ok(v1::TransactionOffer {
            transaction_id: wire::TransactionId(id.0),
            r: r.into(),
            expires_at,
            operation: begin.operation,
            sign,
        })
    }

    fn lie_about(&mut self, offer: &mut v1::SignOffer, index: usize) {
        match self.lie {
            Some(Lie::OtherRelyingParty) => offer.relying_party_name = "BANK".to_owned(),
            Some(Lie::OtherText) => {
                let text = Interaction {
                    kind: InteractionType::DisplayTextAndPin,
                    text: "Pay 1 €".to_owned(),
                };
                offer.interactions = Interactions::encode(&[text]).unwrap().base64().to_owned();
            }
            Some(Lie::LaterInteraction) => {
                let interactions = Interactions::parse(&offer.interactions).unwrap();
                offer.interaction_type_used = interactions.list().last().unwrap().kind;
            }
            Some(Lie::OtherCode) => {
                offer.verification_code = VerificationCode::generate(&mut self.rng)
            }
            Some(Lie::CodeOfOtherChallenge) => {
                offer.rp_challenge = Some(Base64::encode_string(&self.random::<48>()));
            }
            Some(Lie::OtherSchemeName) => offer.scheme_name = "smart-id".to_owned(),
            Some(Lie::CallbackUrl) => offer.initial_callback_url = "https://example.org".to_owned(),
            Some(Lie::OtherKey) => {
                let keys = &self.accounts[index].keys;
                let other = if keys[0].id.0 == offer.key_id.0 {
                    &keys[1]
                } else {
                    &keys[0]
                };
                offer.key_id = wire::KeyId(other.id.0);
            }
            Some(Lie::OtherSession) => offer.session_id = SessionId(Uuid::from_u128(5)),
            Some(Lie::LongDigest) => offer.digest = Some(vec![1; 64].into()),
            _ => {}
        }
    }

    fn submit(
        &mut self,
        index: usize,
        id: TransactionId,
        plaintext: &[u8],
        request: [u8; 32],
        now: Timestamp,
    ) -> v1::Verdict {
        let signed = Submit::decode(plaintext).expect("an honest phone's message");
        let device_key = VerifyingKey::from_sec1_bytes(&self.accounts[index].device_key).unwrap();
        device_key
            .verify(
                &signed.signed,
                &Signature::from_slice(&signed.signature).unwrap(),
            )
            .unwrap();
        let submit = signed.submit;
        let Some(at) = self
            .transactions
            .iter()
            .position(|transaction| transaction.id == id)
        else {
            return refused("tx_gone");
        };
        let transaction = &self.transactions[at];
        match &transaction.state {
            TransactionState::Done {
                request: first,
                verdict,
            } if *first == request => return verdict.clone(),
            TransactionState::Awaiting if now < transaction.expires_at => {}
            _ => return refused("tx_gone"),
        }
        assert_eq!(
            (submit.r, submit.device_id),
            (transaction.r, self.accounts[index].device)
        );
        let current = self.accounts[index].token;
        let verdict = match (&submit.operation, transaction.operation) {
            (Operation::Sync { pending }, v1::Operation::Sync) => {
                if submit.token.hash() == current {
                    let pending = self
                        .transactions
                        .iter_mut()
                        .find(|transaction| transaction.id == *pending);
                    if let Some(pending) = pending
                        && matches!(pending.state, TransactionState::Awaiting)
                    {
                        pending.state = TransactionState::Cancelled;
                    }
                    v1::Verdict::NotAdvanced
                } else if submit.next == current {
                    let missed = self
                        .transactions
                        .iter()
                        .find(|transaction| transaction.id == *pending);
                    let verdict = missed.and_then(|missed| match &missed.state {
                        TransactionState::Done { verdict, .. } => Some(Box::new(verdict.clone())),
                        _ => None,
                    });
                    v1::Verdict::Advanced { verdict }
                } else {
                    self.accounts[index].state = State::Cloned;
                    return refused("account_closed");
                }
            }
            (Operation::Rotate, v1::Operation::Rotate)
            | (Operation::Sign { .. }, v1::Operation::Sign) => {
                if let (Operation::Sign { .. }, Some(code)) =
                    (&submit.operation, self.answer_instead.take())
                {
                    return refused(code);
                }
                if let Operation::Sign { .. } = &submit.operation
                    && let Err(code) = self.message(at, index, &submit)
                {
                    self.transactions[at].state = TransactionState::Cancelled;
                    return refused(code);
                }
                if submit.token.hash() != current {
                    self.accounts[index].state = State::Cloned;
                    return refused("account_closed");
                }
                assert_eq!(submit.seq, self.accounts[index].seq, "i of T_i");
                self.accounts[index].token = submit.next;
                self.accounts[index].seq += 1;
                let seq = self.accounts[index].seq;
                match submit.operation {
                    Operation::Rotate => v1::Verdict::Rotated { seq },
                    _ => self.evaluate(at, index, &submit, seq, now),
                }
            }
            _ => panic!("the operation is the transaction's"),
        };
        self.transactions[at].state = TransactionState::Done {
            request,
            verdict: verdict.clone(),
        };
        verdict
    }

    fn message(
        &self,
        at: usize,
        index: usize,
        submit: &Submit,
    ) -> Result<(EncodedMessage, Vec<u8>, Scheme), &'static str> {
        let transaction = &self.transactions[at];
        let session = self
            .sessions
            .iter()
            .find(|session| Some(session.id) == transaction.session)
            .unwrap();
        let Operation::Sign {
            purpose,
            key_id,
            fingerprint,
            user_challenge,
            ..
        } = &submit.operation
        else {
            return Err("malformed");
        };
        let key = &self.accounts[index].keys[usize::from(*purpose == Purpose::Signature)];
        assert_eq!(*key_id, key.id);
        let hash = hash(session.hash);
        let scheme = match session.algorithm {
            SignatureAlgorithm::RsassaPss => Scheme::Pss(hash),
            _ => Scheme::Pkcs1v15(hash),
        };
        // From the relying party's own words, not from what the phone was told.
        let (payload, digest) = match session.kind {
            v1::RequestKind::Signature => (session.digest.clone(), session.digest.clone()),
            v1::RequestKind::Authentication => {
                let payload = acsp_v2::payload(&acsp_v2::Fields {
                    scheme_name: "smart-id-demo",
                    server_random: &transaction.server_random,
                    rp_challenge: &session.rp_challenge,
                    user_challenge: std::str::from_utf8(user_challenge).unwrap(),
                    relying_party_name: &session.relying_party_name,
                    brokered_rp_name: "",
                    interactions: session.interactions.base64(),
                    interaction_type_used: session
                        .interactions
                        .first_supported(InteractionType::ALL)
                        .unwrap(),
                    initial_callback_url: "",
                    flow_type: FlowType::Notification,
                });
                let digest = hash.digest(&[payload.as_bytes()]);
                (payload.into_bytes(), digest)
            }
        };
        let salt = JointSalt {
            r: transaction.r,
            c: submit.c,
        };
        let message = EncodedMessage::encode(self.profile, scheme, &digest, &salt).unwrap();
        if message.fingerprint() != *fingerprint {
            return Err("dtbs_mismatch");
        }
        Ok((message, payload, scheme))
    }

    fn evaluate(
        &mut self,
        at: usize,
        index: usize,
        submit: &Submit,
        seq: u64,
        now: Timestamp,
    ) -> v1::Verdict {
        let (message, payload, scheme) = self.message(at, index, submit).unwrap();
        let Operation::Sign {
            purpose,
            partial_signature,
            ..
        } = &submit.operation
        else {
            unreachable!()
        };
        self.partial_signatures
            .push(partial_signature.expose_secret().to_vec());
        let id = self.transactions[at].session;
        let key = &mut self.accounts[index].keys[usize::from(*purpose == Purpose::Signature)];
        let partial = partial_signature.check(&key.n1).unwrap();
        let share = key
            .share
            .as_ref()
            .unwrap()
            .apply(&message, &key.n1, &mut self.rng);
        let session = self
            .sessions
            .iter_mut()
            .find(|session| Some(session.id) == id)
            .unwrap();
        let Ok(half) = check_client_half(&message, &partial, &share, &key.n1) else {
            key.failures += 1;
            let lock = match key.failures {
                3 => Some(3 * 3600),
                6 => Some(24 * 3600),
                _ => None,
            };
            key.locked_until = lock.map(|seconds| now + SignedDuration::from_secs(seconds));
            if key.failures.is_multiple_of(3) {
                session.end = Some(End::Failed("DOCUMENT_UNUSABLE"));
            }
            return v1::Verdict::WrongPin {
                seq,
                attempts_left: if key.failures.is_multiple_of(3) {
                    0
                } else {
                    3 - key.failures % 3
                },
                locked_seconds: lock.map(|seconds| seconds.unsigned_abs()),
                r#final: key.failures >= 9,
            };
        };
        key.failures = 0;
        let root = key.half.sign(&message, &mut self.rng).unwrap();
        let signature = complete(half, &root, &key.composite, &message)
            .unwrap()
            .into_bytes();
        session.end = Some(End::Signed {
            payload,
            scheme,
            signature: signature.clone(),
        });
        let mut told = signature;
        if self.lie == Some(Lie::WrongSignature) {
            told[100] ^= 1;
        }
        v1::Verdict::Signed {
            seq,
            signature: told.into(),
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

impl Account {
    /// Somebody has to vouch.
    pub(super) fn awaits_person(&self) -> bool {
        self.status().state == v1::RegistrationState::AwaitingIdentity
    }

    fn status(&self) -> v1::RegistrationStatus {
        let state = match self.state {
            State::Registering if self.keys.iter().any(|key| key.share.is_none()) => {
                v1::RegistrationState::AwaitingServerShares
            }
            State::Registering if self.person.is_none() => v1::RegistrationState::AwaitingIdentity,
            State::Registering => v1::RegistrationState::AwaitingProof,
            State::Active => v1::RegistrationState::Active,
            _ => v1::RegistrationState::Ended,
        };
        v1::RegistrationStatus {
            state,
            person: self
                .person
                .clone()
                .filter(|_| state == v1::RegistrationState::AwaitingProof),
            document_number: None,
            refusal: (state == v1::RegistrationState::Ended).then(|| "expired".to_owned()),
            expires_at: self.expires_at,
        }
    }
}

fn offered(purpose: v1::Purpose, key: &Key) -> v1::OfferedKey {
    v1::OfferedKey {
        purpose,
        key_id: wire::KeyId(key.id.0),
        n: key.composite.as_bytes().to_vec().into(),
        pop_nonce: key.nonce.into(),
    }
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

fn refused(code: &str) -> v1::Verdict {
    v1::Verdict::Refused {
        code: code.to_owned(),
        locked_seconds: None,
    }
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
