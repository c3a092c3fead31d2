use crate::{Dump, World};
use device::{Effect, Event, NewKeys, Phone, PinEntry, Request, SoftwareKeystore, View};
use engine::domain::AccountLevel;
use rand_core::{Rng, UnwrapErr};
use std::collections::VecDeque;
use wire::SessionId;

/// PINs of every simulated phone.
pub const PIN1: &str = "4826";
/// PINs of every simulated phone.
pub const PIN2: &str = "73915";

/// What the network does to the next submission of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The request never arrives.
    LoseRequest,
    /// The request arrives, the answer does not.
    LoseAnswer,
}

/// A request as it went out: path, headers, body.
pub type Sent = (String, Vec<(&'static str, String)>, Vec<u8>);

/// A phone: the real brain, a keystore, and what is on its disk.
pub struct SimulatedPhone {
    phone: Phone,
    keystore_secret: [u8; 32],
    disk: Option<Vec<u8>>,
    last: Option<View>,
    /// Applied to the next submission, once.
    pub fault: Option<Fault>,
    /// The last submission as it went out: path, headers, body.
    pub sent: Option<Sent>,
}

impl Default for SimulatedPhone {
    fn default() -> Self {
        Self::new()
    }
}

impl SimulatedPhone {
    /// A phone with nothing on it.
    #[must_use]
    pub fn new() -> Self {
        let mut keystore_secret = [0; 32];
        UnwrapErr(getrandom::SysRng).fill_bytes(&mut keystore_secret);
        Self {
            phone: Phone::new(None),
            keystore_secret,
            disk: None,
            last: None,
            fault: None,
            sent: None,
        }
    }

    /// A copy of everything that is stored on the phone, keystore included.
    ///
    /// # Panics
    /// There is nothing on it.
    #[must_use]
    pub fn copy(&self) -> Self {
        let mut copy = Self {
            keystore_secret: self.keystore_secret,
            disk: self.disk.clone(),
            ..Self::new()
        };
        copy.reboot();
        copy
    }

    /// Everything that is stored on the phone, opened: what whoever reads storage and keystore has.
    ///
    /// # Panics
    /// There is no account on it.
    #[must_use]
    pub fn dump(&self) -> Dump {
        let disk = self.disk.as_ref().expect("something stored");
        Dump::open(disk, &self.keystore_secret)
    }

    /// Forgets all that is only in memory.
    ///
    /// # Panics
    /// There is nothing on the disk.
    pub fn reboot(&mut self) {
        let keystore = SoftwareKeystore::from_secret(&self.keystore_secret);
        self.phone = Phone::restore(self.disk.as_ref().expect("something stored"), &keystore)
            .expect("restored");
    }

    /// Feeds an event and carries out all effects, until the phone waits for the person.
    ///
    /// # Panics
    /// The phone shows nothing.
    pub async fn act(&mut self, world: &World, event: Event) -> View {
        let keystore = SoftwareKeystore::from_secret(&self.keystore_secret);
        let mut rng = UnwrapErr(getrandom::SysRng);
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            for effect in self.phone.handle(event, &keystore, world.now(), &mut rng) {
                match effect {
                    Effect::Persist(bytes) => self.disk = Some(bytes),
                    Effect::Wipe => self.disk = None,
                    Effect::GenerateKeys(profile) => {
                        let keys = NewKeys::generate(profile, &mut |_| {}, &mut rng).expect("keys");
                        events.push_back(Event::KeysGenerated(Box::new(keys)));
                    }
                    Effect::Send(request) => {
                        let submission = request.path.starts_with("/device/v1/transactions/");
                        if submission {
                            self.sent = Some((
                                request.path.clone(),
                                request.headers.clone(),
                                request.body.clone(),
                            ));
                        }
                        let fault = if submission { self.fault.take() } else { None };
                        if fault == Some(Fault::LoseRequest) {
                            events.push_back(Event::NoAnswer { id: request.id });
                            continue;
                        }
                        let answer = world
                            .send(
                                request.method.as_str(),
                                &request.path,
                                &request.headers,
                                request.body,
                            )
                            .await;
                        events.push_back(if fault == Some(Fault::LoseAnswer) {
                            Event::NoAnswer { id: request.id }
                        } else {
                            Event::Response {
                                id: request.id,
                                status: answer.status,
                                body: answer.body,
                            }
                        });
                    }
                    Effect::Show(view) => self.last = Some(view),
                }
            }
        }
        self.last.clone().expect("the phone shows something")
    }

    /// Feeds one event and stores what is to be stored; what is to be sent is returned, and sent by nobody.
    pub fn step(&mut self, world: &World, event: Event) -> Vec<Request> {
        let keystore = SoftwareKeystore::from_secret(&self.keystore_secret);
        let mut rng = UnwrapErr(getrandom::SysRng);
        let mut requests = Vec::new();
        for effect in self.phone.handle(event, &keystore, world.now(), &mut rng) {
            match effect {
                Effect::Persist(bytes) => self.disk = Some(bytes),
                Effect::Wipe => self.disk = None,
                Effect::Send(request) => requests.push(request),
                Effect::Show(view) => self.last = Some(view),
                Effect::GenerateKeys(_) => {}
            }
        }
        requests
    }

    /// What the phone shows.
    #[must_use]
    pub fn view(&self) -> Option<&View> {
        self.last.as_ref()
    }

    /// Whether the phone waits for an answer.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.phone.is_waiting()
    }

    /// Registers through all steps; an operator vouches.
    ///
    /// # Panics
    /// A step fails.
    pub async fn register(&mut self, world: &World, person: &str) {
        let replace = self.phone.has_account();
        self.act(
            world,
            Event::Register {
                replace,
                birth_date: None,
            },
        )
        .await;
        let view = self
            .act(
                world,
                Event::ChoosePins {
                    pin1: pin(PIN1),
                    pin2: pin(PIN2),
                },
            )
            .await;
        let View::AwaitingIdentity { code, .. } = view else {
            panic!("{view:?}")
        };
        world.vouch(&code, person, AccountLevel::Qualified).await;
        let view = self.act(world, Event::Refresh).await;
        assert!(matches!(view, View::RepeatPins { .. }), "{view:?}");
        let view = self
            .act(
                world,
                Event::RepeatPins {
                    pin1: pin(PIN1),
                    pin2: pin(PIN2),
                },
            )
            .await;
        assert!(matches!(view, View::Registered(_)), "{view:?}");
    }

    /// Opens a waiting request, confirms it and comes to the PIN pad.
    pub async fn open(&mut self, world: &World, session: &str) -> View {
        self.act(world, Event::Refresh).await;
        let session: SessionId = session.parse().expect("a session id");
        let mut view = self.act(world, Event::Open(session)).await;
        while matches!(view, View::ConfirmDevice(_) | View::Confirm(_)) {
            view = self.act(world, Event::Confirm).await;
        }
        view
    }

    /// Answers a request with a PIN.
    pub async fn answer(&mut self, world: &World, session: &str, digits: &str) -> View {
        let view = self.open(world, session).await;
        if !matches!(view, View::EnterPin { .. }) {
            return view;
        }
        self.act(world, Event::EnterPin(pin(digits))).await
    }

    /// The account's document number.
    ///
    /// # Panics
    /// There is no account.
    #[must_use]
    pub fn document_number(&self) -> String {
        self.phone
            .account()
            .expect("an account")
            .document_number
            .to_string()
    }

    /// Certificates: authentication, signature, issuing CA.
    ///
    /// # Panics
    /// There is no account.
    #[must_use]
    pub fn certificates(&self) -> [Vec<u8>; 3] {
        self.phone
            .certificates()
            .expect("an account")
            .map(<[u8]>::to_vec)
    }

    /// Whether there is an account in use on this phone.
    #[must_use]
    pub fn has_account(&self) -> bool {
        self.phone.has_account()
    }
}

/// Digits as typed.
#[must_use]
pub fn pin(digits: &str) -> PinEntry {
    PinEntry::new(digits.to_owned())
}
