use crate::{
    PERSON,
    judge::{self, Rows},
    message::{Change, Message},
};
use device::{Effect, Event, Keystore, NewKeys, Phone, SoftwareKeystore, View};
use engine::{domain::AccountLevel, ports::ServerKeys};
use jiff::SignedDuration;
use rand_core::{Rng, UnwrapErr};
use splitkey::seal::{Kind, ResponseOpener, SealedRequest, SealingPublicKey};
use std::collections::VecDeque;
use tests::{Answer, LinkSession, PIN1, PIN2, Snapshot, World, authentication_request, pin};
use wire::{DeviceId, RegistrationCode, http_signature};
use zeroize::Zeroizing;

/// Which message comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    Registration,
    ServerShares,
    RegistrationStatus,
    Proofs,
    Abandon,
    Account,
    Delete,
    Pending,
    BeginSign,
    Sign,
    Refusal,
    DeviceLink,
    Consent,
    BeginRotate,
    Rotate,
    BeginSync,
    Sync,
}

pub(crate) const MOMENTS: [Moment; 17] = [
    Moment::Registration,
    Moment::ServerShares,
    Moment::RegistrationStatus,
    Moment::Proofs,
    Moment::Abandon,
    Moment::Account,
    Moment::Delete,
    Moment::Pending,
    Moment::BeginSign,
    Moment::Sign,
    Moment::Refusal,
    Moment::DeviceLink,
    Moment::Consent,
    Moment::BeginRotate,
    Moment::Rotate,
    Moment::BeginSync,
    Moment::Sync,
];

/// A server at the moment before one honest message of a phone, and that message.
pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) phone: Handset,
    pub(crate) message: Message,
    /// The request of a relying party that is about to be answered.
    pub(crate) session: Option<String>,
    before: Snapshot,
    rows: Rows,
}

/// A real phone whose requests can be held back.
pub(crate) struct Handset {
    phone: Phone,
    pub(crate) keystore: SoftwareKeystore,
    view: Option<View>,
    disk: Option<Vec<u8>>,
    /// What was on the disk when the message was held back.
    stored: Option<Vec<u8>>,
}

impl Handset {
    fn new() -> Self {
        let mut secret = [0; 32];
        UnwrapErr(getrandom::SysRng).fill_bytes(&mut secret);
        Self {
            phone: Phone::new(None),
            keystore: SoftwareKeystore::from_secret(&secret),
            view: None,
            disk: None,
            stored: None,
        }
    }

    /// The app is started again, as it was when the message was held back.
    pub(crate) fn restart(&mut self) {
        let stored = self.stored.as_ref().unwrap();
        self.phone = Phone::restore(stored, &self.keystore).unwrap();
    }

    /// Feeds an event and carries out what comes of it, up to the request that is to be held back.
    pub(crate) async fn until(
        &mut self,
        world: &World,
        event: Event,
        hold: impl Fn(&Message) -> bool,
    ) -> Option<device::Request> {
        let mut rng = UnwrapErr(getrandom::SysRng);
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let effects = self
                .phone
                .handle(event, &self.keystore, world.now(), &mut rng);
            for effect in effects {
                match effect {
                    Effect::Persist(bytes) => self.disk = Some(bytes),
                    Effect::Wipe => self.disk = None,
                    Effect::Show(view) => self.view = Some(view),
                    Effect::OpenUrl(_) => {}
                    Effect::GenerateKeys(profile) => {
                        let keys = NewKeys::generate(profile, &mut |_| {}, &mut rng).unwrap();
                        events.push_back(Event::KeysGenerated(Box::new(keys)));
                    }
                    Effect::Send(request) => {
                        let message = Message::from(&request);
                        if hold(&message) {
                            return Some(request);
                        }
                        let answer = world.dispatch(message.request().unwrap()).await;
                        events.push_back(Event::Response {
                            id: request.id,
                            status: answer.status,
                            body: answer.body,
                        });
                    }
                }
            }
        }
        None
    }

    /// The same, for events after which nothing is to be held back.
    pub(crate) async fn act(&mut self, world: &World, event: Event) {
        assert!(self.until(world, event, |_| false).await.is_none());
    }

    async fn register(
        &mut self,
        world: &World,
        hold: impl Fn(&Message) -> bool,
    ) -> Option<Message> {
        let hold = |message: &Message| hold(message);
        let start = Event::Register {
            replace: false,
            birth_date: None,
        };
        self.act(world, start).await;
        let (pin1, pin2) = (pin(PIN1), pin(PIN2));
        if let Some(held) = self
            .until(world, Event::ChoosePins { pin1, pin2 }, hold)
            .await
        {
            return Some(Message::from(&held));
        }
        let Some(View::AwaitingIdentity { code, .. }) = &self.view else {
            panic!("{:?}", self.view)
        };
        let code: RegistrationCode = code.clone();
        world.vouch(&code, PERSON, AccountLevel::Qualified).await;
        self.act(world, Event::Refresh).await;
        let (pin1, pin2) = (pin(PIN1), pin(PIN2));
        let repeat = Event::RepeatPins { pin1, pin2 };
        let held = self.until(world, repeat, hold).await;
        held.map(|held| Message::from(&held))
    }

    /// Up to the request to begin, or beyond it to the PIN.
    pub(crate) async fn open(
        &mut self,
        world: &World,
        session: &str,
        hold: impl Fn(&Message) -> bool,
    ) -> Option<device::Request> {
        self.act(world, Event::Refresh).await;
        let open = Event::Open(session.parse().unwrap());
        let mut held = self.until(world, open, &hold).await;
        while held.is_none()
            && matches!(
                self.view,
                Some(View::ConfirmDevice(_) | View::Confirm(_) | View::ChooseCertificate(_))
            )
        {
            held = self.until(world, Event::Confirm, &hold).await;
        }
        held
    }
}

fn post(path: &'static str) -> impl Fn(&Message) -> bool {
    move |message| message.method == "POST" && message.path == path
}

fn submission(message: &Message) -> bool {
    message.path.starts_with("/device/v1/transactions/")
}

const TRANSACTIONS: &str = "/device/v1/transactions";

impl Stage {
    pub(crate) async fn at(moment: Moment) -> Self {
        judge::watch_panics();
        let mut world = World::new().await;
        let mut phone = Handset::new();
        let mut session = None;
        let message = match moment {
            Moment::Registration => {
                phone
                    .register(&world, post("/device/v1/registrations"))
                    .await
            }
            Moment::ServerShares => {
                phone
                    .register(&world, |message| message.method == "PUT")
                    .await
            }
            Moment::RegistrationStatus | Moment::Abandon => {
                let held = phone.register(&world, |message| message.path.ends_with("/proofs"));
                let proofs = held.await.unwrap();
                let path = proofs.path.strip_suffix("/proofs").unwrap();
                let method = if moment == Moment::Abandon {
                    "DELETE"
                } else {
                    "GET"
                };
                Some(sign(
                    &phone.keystore,
                    &world,
                    device_of(&proofs),
                    method,
                    path,
                    None,
                    b"",
                ))
            }
            Moment::Proofs => {
                phone
                    .register(&world, |message| message.path.ends_with("/proofs"))
                    .await
            }
            registered => {
                assert!(phone.register(&world, |_| false).await.is_none());
                let (held, asked) = Self::registered(&mut phone, &world, registered).await;
                session = asked;
                Some(held)
            }
        };
        phone.stored.clone_from(&phone.disk);
        let before = world.snapshot().await;
        let rows = judge::rows(&world).await;
        Self {
            message: message.unwrap_or_else(|| panic!("the phone sends {moment:?}")),
            world,
            phone,
            session,
            before,
            rows,
        }
    }

    async fn registered(
        phone: &mut Handset,
        world: &World,
        moment: Moment,
    ) -> (Message, Option<String>) {
        let mut session = None;
        let held = match moment {
            Moment::Account | Moment::Pending => {
                let held = phone
                    .until(world, Event::Refresh, |message| {
                        message.path == TRANSACTIONS
                    })
                    .await;
                if moment == Moment::Account {
                    let device = device_of(&Message::from(&held.unwrap()));
                    let path = "/device/v1/account";
                    let message = sign(&phone.keystore, world, device, "GET", path, None, b"");
                    return (message, None);
                }
                held
            }
            Moment::Delete => {
                phone
                    .until(world, Event::Delete, |message| message.method == "DELETE")
                    .await
            }
            Moment::DeviceLink => {
                let mut request = authentication_request();
                request.as_object_mut().unwrap().remove("vcType");
                let path = "authentication/device-link/anonymous";
                let linked = LinkSession::start(world, path, &request).await;
                session = Some(linked.id.clone());
                phone
                    .until(world, Event::Scan(linked.qr(0)), |message| {
                        message.path.ends_with("/device-links")
                    })
                    .await
            }
            Moment::Consent => {
                let mut request = authentication_request();
                request
                    .as_object_mut()
                    .unwrap()
                    .retain(|name, _| name.starts_with("relyingParty"));
                let path = format!("signature/certificate-choice/notification/etsi/{PERSON}");
                let answer = world.post(&path, &request).await.json();
                let asked = answer["sessionID"].as_str().unwrap().to_owned();
                session = Some(asked.clone());
                phone
                    .open(world, &asked, |message| message.path.ends_with("/consent"))
                    .await
            }
            Moment::BeginRotate => phone.until(world, Event::Rotate, post(TRANSACTIONS)).await,
            Moment::Rotate => phone.until(world, Event::Rotate, submission).await,
            _ => {
                let asked = world.ask_to_authenticate(PERSON).await;
                session = Some(asked.clone());
                Self::asked(phone, world, moment, &asked).await
            }
        };
        let held = held.unwrap_or_else(|| panic!("{moment:?}: {:?}", phone.view));
        (Message::from(&held), session)
    }

    async fn asked(
        phone: &mut Handset,
        world: &World,
        moment: Moment,
        session: &str,
    ) -> Option<device::Request> {
        if moment == Moment::BeginSign {
            return phone.open(world, session, post(TRANSACTIONS)).await;
        }
        assert!(phone.open(world, session, |_| false).await.is_none());
        if moment == Moment::Refusal {
            return phone
                .until(world, Event::Refuse, |message| {
                    message.path.ends_with("/refusal")
                })
                .await;
        }
        let held = phone
            .until(world, Event::EnterPin(pin(PIN1)), submission)
            .await;
        if moment == Moment::Sign {
            return held;
        }
        // The submission is lost, and too late when it is sent again: the phone has to ask.
        phone.act(world, Event::NoAnswer { id: held?.id }).await;
        world.pass(SignedDuration::from_secs(100));
        let is_sync = |message: &Message| {
            post(TRANSACTIONS)(message) && message.body.windows(4).any(|word| word == b"sync")
        };
        let held = phone.until(world, Event::Refresh, is_sync).await?;
        if moment == Moment::BeginSync {
            return Some(held);
        }
        let answer = world.dispatch(Message::from(&held).request()?).await;
        let begun = Event::Response {
            id: held.id,
            status: answer.status,
            body: answer.body,
        };
        phone.until(world, begun, submission).await
    }

    /// Back to the moment before the message.
    pub(crate) async fn rewind(&mut self) {
        self.world.rewind(&self.before).await;
    }

    pub(crate) async fn send(&self, message: &Message) -> Answer {
        self.world.dispatch(message.request().expect("HTTP")).await
    }

    /// The change is refused and leaves no trace; its code. `None` if nothing was changed, or HTTP itself refuses.
    pub(crate) async fn refuses(&self, change: &Change) -> Option<String> {
        if change.message == self.message {
            return None;
        }
        let request = change.message.request()?;
        let answer = self.world.dispatch(request).await;
        let code = judge::refusal(&change.what, &change.message, &answer);
        assert_eq!(
            judge::rows(&self.world).await,
            self.rows,
            "{} left a trace",
            change.what
        );
        Some(code)
    }

    /// The honest message is still taken: what was tried before has broken nothing.
    pub(crate) async fn honest_is_taken(&self) {
        let answer = self.send(&self.message).await;
        assert!(
            (200..300).contains(&answer.status),
            "{}: {}",
            answer.status,
            answer.json()
        );
        judge::no_panics();
    }

    pub(crate) fn device(&self) -> DeviceId {
        device_of(&self.message)
    }

    /// The message with another body, properly signed.
    pub(crate) fn resigned(&self, body: &[u8]) -> Message {
        let media_type = self.message.header("content-type").map(<[u8]>::to_vec);
        let (method, path) = (&self.message.method, &self.message.path);
        let (keystore, world) = (&self.phone.keystore, &self.world);
        sign(
            keystore,
            world,
            self.device(),
            method,
            path,
            media_type,
            body,
        )
    }

    /// What the phone sealed, as the server reads it.
    pub(crate) async fn plaintext(&self, kind: Kind) -> Zeroizing<Vec<u8>> {
        let opened = self.world.vault().open(kind, &self.message.body).await;
        opened.unwrap_or_else(|error| panic!("{error}")).plaintext
    }

    /// The message with another plaintext, properly sealed and signed outside.
    pub(crate) async fn resealed(&self, kind: Kind, plaintext: &[u8]) -> (Message, ResponseOpener) {
        let key = self.world.vault().transport_key().await.unwrap();
        let key = SealingPublicKey::from_bytes(&key.statement.public_key.0).unwrap();
        let mut rng = UnwrapErr(getrandom::SysRng);
        let (sealed, opener) = SealedRequest::seal(kind, &key, plaintext, &mut rng).unwrap();
        (self.resigned(sealed.as_bytes()), opener)
    }
}

fn device_of(message: &Message) -> DeviceId {
    let input = std::str::from_utf8(message.header("signature-input").unwrap()).unwrap();
    let (_, rest) = input.split_once("keyid=\"").unwrap();
    rest.split('"').next().unwrap().parse().unwrap()
}

fn sign(
    keystore: &SoftwareKeystore,
    world: &World,
    device: DeviceId,
    method: &str,
    path: &str,
    media_type: Option<Vec<u8>>,
    body: &[u8],
) -> Message {
    let signer = |bytes: &[u8]| keystore.sign(bytes);
    let signed = http_signature::sign(method, path, body, device, signer, world.now());
    let mut headers: Vec<_> = media_type
        .map(|media_type| ("content-type".to_owned(), media_type))
        .into_iter()
        .collect();
    headers.extend([
        (
            "content-digest".to_owned(),
            signed.content_digest.into_bytes(),
        ),
        (
            "signature-input".to_owned(),
            signed.signature_input.into_bytes(),
        ),
        ("signature".to_owned(), signed.signature.into_bytes()),
    ]);
    Message {
        method: method.to_owned(),
        path: path.to_owned(),
        headers,
        body: body.to_vec(),
    }
}
