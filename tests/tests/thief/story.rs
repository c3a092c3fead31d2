//! One phone through all that can happen to it, with everything that a thief could ever take kept.

use crate::{
    attack::{
        record::Record,
        suspects::{Body, Message, Suspects},
        thief::Thief,
        unfold::unfold,
    },
    log,
};
use device::{Event, View};
use engine::{
    domain::{AccountLevel, KeyState},
    ports::{ServerKeys, Store},
};
use hkdf::Hkdf;
use jiff::SignedDuration;
use serde_json::Value;
use sha2::{Digest, Sha256};
use splitkey::{
    ClientModulus, EncodedMessage, Hash, JointSalt, PartialSignature, Profile, Purpose, Scheme,
    message::{Operation, Proofs, ServerShares, Submit},
    seal::Kind,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::OnceLock,
};
use tests::{Exchange, Fault, PIN1, PIN2, SimulatedPhone, World, pin};

/// Whose phone it is.
pub(crate) const PERSON: &str = "PNOEE-40504040001";

/// A phone's storage, all traffic, and, for controls only, what was inside the sealed messages.
pub(crate) struct Taken {
    pub(crate) keystore: [u8; 32],
    /// What was stored, decrypted, with what was happening.
    pub(crate) snapshots: Vec<(String, Vec<u8>)>,
    pub(crate) exchanges: Vec<Exchange>,
    /// Kind, ciphertext, plaintext.
    pub(crate) opened: Vec<(Kind, Vec<u8>, Vec<u8>)>,
}

pub(crate) struct Story {
    pub(crate) taken: Taken,
    pub(crate) logs: Vec<u8>,
    /// What the phone drew.
    pub(crate) draws: Vec<[u8; 32]>,
    /// The server's transport key.
    pub(crate) receiver: Vec<u8>,
    pub(crate) judge: Judge,
    pub(crate) thief: Thief,
}

/// The server's own check, for a message and the authentication key.
pub(crate) struct Judge {
    pub(crate) message: EncodedMessage,
    pub(crate) n1: ClientModulus,
    pub(crate) server_part: PartialSignature,
}

/// Told once for all tests.
pub(crate) fn story() -> &'static Story {
    static STORY: OnceLock<Story> = OnceLock::new();
    STORY.get_or_init(|| {
        log::capture();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(tell())
    })
}

async fn tell() -> Story {
    let world = World::new().await;
    let mut teller = Teller {
        phone: SimulatedPhone::new(),
        world: &world,
        labels: Vec::new(),
    };
    teller.register().await;
    teller.use_it().await;
    let Teller { phone, labels, .. } = teller;

    let mut taken = taken(&world, &phone).await;
    for ((label, _), told) in taken.snapshots.iter_mut().zip(labels) {
        *label = told;
    }
    let receiver = world
        .vault()
        .transport_key()
        .await
        .unwrap()
        .statement
        .public_key
        .0
        .to_vec();
    let suspects = [PIN1, PIN2].iter().enumerate().map(|(index, pin)| {
        let record = taken.record(index);
        // Ten thousand, the right one among them: all that have as many digits as PIN1, or PIN2's first one.
        let prefix = &pin[..pin.len() - 4];
        let pins = (0..10_000)
            .map(|number| format!("{prefix}{number:04}"))
            .collect();
        Suspects::compute(&record, pins, taken.messages(&record), &taken.keystore)
    });
    let thief = Thief::new(
        suspects.collect(),
        taken.keystore,
        &taken.exchanges,
        vec![receiver.clone()],
    );
    Story {
        judge: judge(&world).await,
        logs: log::captured(),
        draws: phone.draws,
        receiver,
        taken,
        thief,
    }
}

/// Everything that this phone ever stored and this server was ever sent.
pub(crate) async fn taken(world: &World, phone: &SimulatedPhone) -> Taken {
    let keystore = *phone.keystore_secret();
    let states = phone.history.iter().flatten();
    let exchanges = world.traffic();
    Taken {
        keystore,
        snapshots: states
            .map(|stored| (String::new(), open_state(stored, &keystore)))
            .collect(),
        opened: open_all(world, &exchanges).await,
        exchanges,
    }
}

impl Taken {
    /// The key record of the account as stored last: authentication, signature.
    pub(crate) fn record_bytes(&self, index: usize) -> Vec<u8> {
        let last: Value = serde_json::from_slice(&self.snapshots.last().unwrap().1).unwrap();
        base64(last["account"]["keys"][index]["record"].as_str().unwrap())
    }

    pub(crate) fn record(&self, index: usize) -> Record {
        Record::read(&self.record_bytes(index), &self.keystore).unwrap()
    }

    /// Every message that this key signed or should have signed.
    pub(crate) fn messages(&self, record: &Record) -> Vec<Message> {
        let digests = digests_by_transaction(&self.snapshots);
        let wire: Vec<u8> = self
            .exchanges
            .iter()
            .flat_map(|exchange| exchange.answer.clone())
            .collect();
        let published = unfold(&wire);
        let bodies = self.opened.iter();
        let mut messages: Vec<_> = bodies
            .filter_map(|(kind, _, plaintext)| {
                message(*kind, plaintext, record, &digests, &self.exchanges)
            })
            .map(|message| with_root(message, record, &published))
            .collect();
        let mut sorts = BTreeSet::new();
        for message in &mut messages {
            let signed = message.body.as_ref().is_some_and(|body| body.signed);
            message.thorough = sorts.insert((signed, message.root.is_some()));
        }
        messages
    }

    /// d1″ of this key, from the sealed message that brought it.
    pub(crate) fn server_share(&self, record: &Record) -> Vec<u8> {
        let handed_over = self
            .opened
            .iter()
            .filter(|(kind, _, _)| *kind == Kind::ServerShares);
        let mut shares = handed_over
            .flat_map(|(_, _, plaintext)| ServerShares::decode(plaintext).unwrap().shares);
        let share = shares
            .find(|share| share.key_id.0 == record.key_id)
            .unwrap()
            .share;
        let n1 = ClientModulus::from_stored(record.profile, &record.n1).unwrap();
        share.check(&n1).unwrap().expose_secret().to_vec()
    }
}

struct Teller<'a> {
    world: &'a World,
    phone: SimulatedPhone,
    /// One for each state of the phone's history.
    labels: Vec<String>,
}

impl Teller<'_> {
    /// Labels what was stored since the last call.
    fn note(&mut self, label: &str) {
        self.labels
            .resize(self.phone.history.len(), label.to_owned());
    }

    async fn act(&mut self, label: &str, event: Event) -> View {
        let view = self.phone.act(self.world, event).await;
        self.note(label);
        view
    }

    /// The power fails before the effect of this number. Whether it did, and what was shown if not.
    async fn crash(&mut self, label: &str, effect: usize, event: Event) -> Option<View> {
        self.phone.crash_before = Some(effect);
        let view = self.phone.try_act(self.world, event).await;
        self.phone.crash_before = None;
        self.note(&format!("{label}, power failed before effect {effect}"));
        if view.is_none() {
            self.act(&format!("{label}, restarted"), Event::AppStart)
                .await;
        }
        view
    }

    async fn register(&mut self) {
        // Before the server's shares are acknowledged every crash costs the keys, and the phone begins anew.
        let mut effect = 0;
        let code = loop {
            let register = Event::Register {
                replace: false,
                birth_date: None,
            };
            self.act("registration begun", register).await;
            match self.crash("PINs chosen", effect, choose_pins()).await {
                Some(View::AwaitingIdentity { code, .. }) => break code,
                Some(view) => panic!("{view:?}"),
                None => effect += 1,
            }
            let Some(enrolment) = self.waiting_code().await else {
                continue;
            };
            break enrolment;
        };
        assert!(effect >= 5, "there was something to interrupt: {effect}");
        self.world
            .vouch(&code, PERSON, AccountLevel::Qualified)
            .await;
        self.act("identity proven", Event::Refresh).await;
        let mistyped = Event::RepeatPins {
            pin1: pin("9513"),
            pin2: pin(PIN2),
        };
        let view = self.act("PINs repeated wrongly", mistyped).await;
        assert!(
            matches!(view, View::RepeatPins { mismatch: true, .. }),
            "{view:?}"
        );
        for effect in 0.. {
            let view = self.crash("PINs repeated", effect, repeat_pins()).await;
            if view.is_some() || self.phone.has_account() {
                break;
            }
        }
        assert!(self.phone.has_account());
    }

    /// The code, if the interrupted registration goes on.
    async fn waiting_code(&mut self) -> Option<wire::RegistrationCode> {
        match self.act("restarted", Event::Refresh).await {
            View::AwaitingIdentity { code, .. } => Some(code),
            _ => None,
        }
    }

    async fn use_it(&mut self) {
        self.answer("right PIN1", PIN1, None).await;
        self.answer("wrong PIN1", "9513", None).await;
        self.answer("right PIN1 again", PIN1, None).await;
        let session = self.world.ask_to_sign(PERSON).await;
        let view = self.phone.answer(self.world, &session, "80808").await;
        assert!(matches!(view, View::WrongPin { .. }), "{view:?}");
        self.note("wrong PIN2");
        let session = self.world.ask_to_sign(PERSON).await;
        let view = self.phone.answer(self.world, &session, PIN2).await;
        assert!(matches!(view, View::Completed(_)), "{view:?}");
        self.note("right PIN2");
        assert_eq!(self.world.result(&session).await, "OK");

        self.answer("request lost", PIN1, Some(Fault::LoseRequest))
            .await;
        self.act("request lost, sent again", Event::Refresh).await;
        self.answer("answer lost", PIN1, Some(Fault::LoseAnswer))
            .await;
        self.phone.reboot();
        self.act("answer lost, restarted", Event::AppStart).await;
        self.answer("wrong PIN, answer lost", "0246", Some(Fault::LoseAnswer))
            .await;
        self.act("wrong PIN, answer lost, asked again", Event::Refresh)
            .await;

        self.answer("answer lost for long", PIN1, Some(Fault::LoseAnswer))
            .await;
        self.world.pass(SignedDuration::from_secs(200));
        self.act("answer lost for long, synced", Event::Refresh)
            .await;
        self.answer("request lost for long", PIN1, Some(Fault::LoseRequest))
            .await;
        self.world.pass(SignedDuration::from_secs(200));
        self.act("request lost for long, synced", Event::Refresh)
            .await;

        let session = self.world.ask_to_authenticate(PERSON).await;
        self.phone.open(self.world, &session).await;
        self.act("refused", Event::Refuse).await;
        self.act("rotated", Event::Rotate).await;

        for effect in 0.. {
            let session = self.world.ask_to_authenticate(PERSON).await;
            let view = self.phone.open(self.world, &session).await;
            assert!(matches!(view, View::EnterPin { .. }), "{view:?}");
            self.note("opened");
            let entered = self
                .crash("PIN1 entered", effect, Event::EnterPin(pin(PIN1)))
                .await;
            self.act("looked again", Event::Refresh).await;
            if entered.is_some() {
                break;
            }
        }
        for effect in 0.. {
            if self
                .crash("rotation", effect, Event::Rotate)
                .await
                .is_some()
            {
                break;
            }
        }
        self.answer("right PIN1 at last", PIN1, None).await;
        self.act("at home", Event::Refresh).await;
    }

    async fn answer(&mut self, label: &str, digits: &str, fault: Option<Fault>) {
        let session = self.world.ask_to_authenticate(PERSON).await;
        let view = self.phone.open(self.world, &session).await;
        assert!(matches!(view, View::EnterPin { .. }), "{label}: {view:?}");
        self.note(&format!("{label}, opened"));
        self.phone.fault = fault;
        let view = self.act(label, Event::EnterPin(pin(digits))).await;
        let expected = match (fault, digits == PIN1) {
            (None, true) => matches!(view, View::Completed(_)),
            (None, false) => matches!(view, View::WrongPin { .. }),
            (Some(_), _) => matches!(view, View::Problem(_)),
        };
        assert!(expected, "{label}: {view:?}");
        // What the relying party is given is on the wire, too.
        if digits == PIN1 && fault != Some(Fault::LoseRequest) {
            assert_eq!(self.world.result(&session).await, "OK", "{label}");
        }
    }
}

fn choose_pins() -> Event {
    Event::ChoosePins {
        pin1: pin(PIN1),
        pin2: pin(PIN2),
    }
}

fn repeat_pins() -> Event {
    Event::RepeatPins {
        pin1: pin(PIN1),
        pin2: pin(PIN2),
    }
}

/// The stored state without its encryption, as a thief with the keystore reads it.
pub(crate) fn open_state(stored: &[u8], keystore: &[u8; 32]) -> Vec<u8> {
    use splitkey::DeviceKeys;
    let (header, rest) = stored.split_at(5);
    let (nonce, ciphertext) = rest.split_first_chunk().unwrap();
    let keys = device::SoftwareKeystore::from_secret(keystore);
    keys.unwrap(nonce, header, ciphertext).unwrap().to_vec()
}

pub(crate) fn base64(text: &str) -> Vec<u8> {
    use base64ct::{Base64, Encoding};
    Base64::decode_vec(text).unwrap()
}

/// All sealed requests with what is inside; those that were sent twice once.
async fn open_all(world: &World, exchanges: &[Exchange]) -> Vec<(Kind, Vec<u8>, Vec<u8>)> {
    let mut opened = Vec::new();
    let mut seen = BTreeSet::new();
    for exchange in exchanges {
        let kind = match exchange.head.lines().next().unwrap() {
            head if head.ends_with("/server-shares") => Kind::ServerShares,
            head if head.ends_with("/proofs") => Kind::Proofs,
            head if head.starts_with("POST /device/v1/transactions/") => Kind::Submit,
            _ => continue,
        };
        if seen.insert(exchange.body.clone()) {
            let plaintext = world
                .vault()
                .open(kind, &exchange.body)
                .await
                .unwrap()
                .plaintext;
            opened.push((kind, exchange.body.clone(), plaintext.to_vec()));
        }
    }
    opened
}

async fn judge(world: &World) -> Judge {
    let device = world
        .service()
        .accounts_of(&PERSON.parse().unwrap())
        .await
        .unwrap();
    let number = device.first().unwrap().document_number.clone();
    let account = world
        .store()
        .read()
        .await
        .unwrap()
        .account_by_document(&number)
        .await
        .unwrap()
        .unwrap();
    let key = account.keys.of(Purpose::Authentication);
    let KeyState::Ready { server_share, .. } = &key.state else {
        panic!("the key is ready")
    };
    let n1 = ClientModulus::from_stored(key.profile, &key.n1).unwrap();
    let message = message_for(key.profile, b"judged");
    let server_part = world
        .vault()
        .apply_share(key.id, server_share, &n1, &message)
        .await
        .unwrap();
    Judge {
        message,
        n1,
        server_part,
    }
}

/// Some message to sign.
pub(crate) fn message_for(profile: Profile, text: &[u8]) -> EncodedMessage {
    let digest = Hash::Sha256.digest(&[text]);
    let salt = JointSalt {
        r: [1; 32],
        c: [2; 32],
    };
    EncodedMessage::encode(profile, Scheme::Pss(Hash::Sha256), &digest, &salt).unwrap()
}

/// What a sealed message carried for this key, if anything.
fn message(
    kind: Kind,
    plaintext: &[u8],
    record: &Record,
    digests: &BTreeMap<[u8; 16], Vec<u8>>,
    exchanges: &[Exchange],
) -> Option<Message> {
    let (digest, r, c, s1) = match kind {
        Kind::ServerShares => return None,
        Kind::Proofs => {
            let proofs = Proofs::decode(plaintext).unwrap();
            let proof = proofs
                .proofs
                .into_iter()
                .find(|proof| proof.key_id.0 == record.key_id)?;
            let nonce = pop_nonce(exchanges, &record.key_id);
            let ids = [record.profile.id(), record.purpose];
            let digest = Sha256::new()
                .chain_update(b"splitkey-pop/v1")
                .chain_update(ids)
                .chain_update(record.key_id)
                .chain_update(nonce)
                .chain_update(&record.n)
                .finalize();
            (
                digest.to_vec(),
                nonce,
                proof.c,
                proof.partial_signature.expose_secret().to_vec(),
            )
        }
        Kind::Submit => {
            let submit = Submit::decode(plaintext).unwrap().submit;
            let Operation::Sign {
                key_id,
                partial_signature,
                fingerprint,
                ..
            } = &submit.operation
            else {
                return None;
            };
            if key_id.0 != record.key_id {
                return None;
            }
            let digest = digests.get(&submit.transaction_id.0).unwrap().clone();
            let em = pss(&digest, &submit.r, &submit.c, record.n.len());
            assert_eq!(
                Sha256::digest(&em).as_slice(),
                fingerprint,
                "the thief encodes as the phone does"
            );
            (
                digest,
                submit.r,
                submit.c,
                partial_signature.expose_secret().to_vec(),
            )
        }
    };
    let s1_at = plaintext
        .windows(s1.len())
        .position(|window| window == s1)
        .unwrap();
    Some(Message {
        em: pss(&digest, &r, &c, record.n.len()),
        root: None,
        thorough: false,
        body: Some(Body {
            plaintext: plaintext.to_vec(),
            s1_at,
            signed: kind == Kind::Submit,
        }),
    })
}

/// The root, if a signature of this message was ever given out.
fn with_root(message: Message, record: &Record, published: &BTreeSet<Vec<u8>>) -> Message {
    let ring = crate::attack::number::Ring::new(&record.n);
    let signature = published
        .iter()
        .filter(|field| field.len() == ring.len && *field < &record.n)
        .find(|signature| ring.encrypt(signature) == message.em);
    let n1 = crate::attack::number::Ring::new(&record.n1);
    Message {
        root: signature.map(|signature| n1.reduce(signature)),
        ..message
    }
}

/// EMSA-PSS with SHA-256 and the joint salt (RFC 8017 §9.1.1, splitkey.md §4.1).
pub(crate) fn pss(digest: &[u8], r: &[u8; 32], c: &[u8; 32], len: usize) -> Vec<u8> {
    let mut salt = [0; 32];
    Hkdf::<Sha256>::new(Some(r), c)
        .expand_multi_info(&[b"splitkey/pss-salt/v1", &[1], digest], &mut salt)
        .unwrap();
    let h = Sha256::new()
        .chain_update([0; 8])
        .chain_update(digest)
        .chain_update(salt)
        .finalize();
    let db_len = len - 33;
    let mut db = [vec![0; db_len - 33], vec![1], salt.to_vec()].concat();
    for (counter, block) in (0_u32..).zip(db.chunks_mut(32)) {
        let mask = Sha256::new()
            .chain_update(h)
            .chain_update(counter.to_be_bytes())
            .finalize();
        block
            .iter_mut()
            .zip(mask)
            .for_each(|(byte, mask)| *byte ^= mask);
    }
    db[0] &= 0x7f;
    [&db[..], &h, &[0xbc]].concat()
}

fn pop_nonce(exchanges: &[Exchange], key_id: &[u8; 16]) -> [u8; 32] {
    let offers = exchanges
        .iter()
        .filter(|exchange| exchange.head.starts_with("POST /device/v1/registrations\n"))
        .filter_map(|exchange| {
            serde_json::from_slice::<wire::device_v1::RegistrationOffer>(&exchange.answer).ok()
        });
    let mut keys = offers.flat_map(|offer| offer.keys);
    keys.find(|key| key.key_id.0 == *key_id)
        .unwrap()
        .pop_nonce
        .0
}

/// What was to be signed, from the pending records of all snapshots.
fn digests_by_transaction(snapshots: &[(String, Vec<u8>)]) -> BTreeMap<[u8; 16], Vec<u8>> {
    let pending = snapshots.iter().filter_map(|(_, plaintext)| {
        let state: Value = serde_json::from_slice(plaintext).unwrap();
        let pending = &state["account"]["pending"];
        let id: wire::TransactionId = pending["transaction"].as_str()?.parse().unwrap();
        Some((id.0, base64(pending["signing"]["digest"].as_str()?)))
    });
    pending.collect()
}
