use crate::{Dump, World};
use device::{Effect, Event, NewKeys, Phone, PinEntry, Request, SoftwareKeystore, View};
use engine::domain::AccountLevel;
use rand_core::{Rng, TryCryptoRng, TryRng, UnwrapErr};
use std::{collections::VecDeque, convert::Infallible};
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
    /// The power fails before the effect of this number from now.
    pub crash_before: Option<usize>,
    /// Every state that was ever made durable; `None` after a wipe.
    pub history: Vec<Option<Vec<u8>>>,
    /// Every 32 bytes that the phone drew: nonces and ephemeral keys. They are stored nowhere; a test that plants one
    /// has it from here.
    pub draws: Vec<[u8; 32]>,
    /// Addresses that it opened in its browser.
    pub opened: Vec<String>,
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
            crash_before: None,
            history: Vec::new(),
            draws: Vec::new(),
            opened: Vec::new(),
        }
    }

    /// A copy of everything that is stored on the phone, keystore included.
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

    /// What the keystore's keys are derived from.
    #[must_use]
    pub fn keystore_secret(&self) -> &[u8; 32] {
        &self.keystore_secret
    }

    /// Forgets all that is only in memory.
    ///
    /// # Panics
    /// What was stored does not open.
    pub fn reboot(&mut self) {
        let keystore = SoftwareKeystore::from_secret(&self.keystore_secret);
        self.last = None;
        self.phone = match &self.disk {
            Some(stored) => Phone::restore(stored, &keystore).expect("restored"),
            None => Phone::new(None),
        };
    }

    /// Feeds an event and carries out all effects, until the phone waits for the person.
    ///
    /// # Panics
    /// The phone shows nothing.
    pub async fn act(&mut self, world: &World, event: Event) -> View {
        self.try_act(world, event)
            .await
            .expect("the phone shows something")
    }

    /// The same; nothing if the power failed, as [`crash_before`](Self::crash_before) wanted. Then the phone has
    /// rebooted and shows nothing yet.
    pub async fn try_act(&mut self, world: &World, event: Event) -> Option<View> {
        let keystore = SoftwareKeystore::from_secret(&self.keystore_secret);
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let mut rng = Draws(&mut self.draws);
            for effect in self.phone.handle(event, &keystore, world.now(), &mut rng) {
                match &mut self.crash_before {
                    Some(0) => {
                        self.crash_before = None;
                        self.reboot();
                        return None;
                    }
                    Some(left) => *left -= 1,
                    None => {}
                }
                match effect {
                    Effect::Persist(bytes) => self.store(Some(bytes)),
                    Effect::Wipe => self.store(None),
                    Effect::GenerateKeys(profile) => {
                        let mut rng = UnwrapErr(getrandom::SysRng);
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
                    Effect::OpenUrl(url) => self.opened.push(url),
                }
            }
        }
        self.last.clone()
    }

    fn store(&mut self, state: Option<Vec<u8>>) {
        self.history.push(state.clone());
        self.disk = state;
    }

    /// Feeds one event and stores what is to be stored; what is to be sent is returned, and sent by nobody.
    pub fn step(&mut self, world: &World, event: Event) -> Vec<Request> {
        let keystore = SoftwareKeystore::from_secret(&self.keystore_secret);
        let mut rng = UnwrapErr(getrandom::SysRng);
        let mut requests = Vec::new();
        for effect in self.phone.handle(event, &keystore, world.now(), &mut rng) {
            match effect {
                Effect::Persist(bytes) => self.store(Some(bytes)),
                Effect::Wipe => self.store(None),
                Effect::Send(request) => requests.push(request),
                Effect::Show(view) => self.last = Some(view),
                Effect::OpenUrl(url) => self.opened.push(url),
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
        self.register_at(world, person, AccountLevel::Qualified)
            .await;
    }

    /// The same, at a level.
    ///
    /// # Panics
    /// A step fails.
    pub async fn register_at(&mut self, world: &World, person: &str, level: AccountLevel) {
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
        world.vouch(&code, person, level).await;
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
        while matches!(
            view,
            View::ConfirmDevice(_) | View::Confirm(_) | View::ChooseCertificate(_)
        ) {
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

/// The system's randomness, with the short draws noted.
struct Draws<'a>(&'a mut Vec<[u8; 32]>);

impl TryRng for Draws<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(UnwrapErr(getrandom::SysRng).next_u32())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(UnwrapErr(getrandom::SysRng).next_u64())
    }

    fn try_fill_bytes(&mut self, buffer: &mut [u8]) -> Result<(), Infallible> {
        UnwrapErr(getrandom::SysRng).fill_bytes(buffer);
        if let Ok(draw) = <[u8; 32]>::try_from(&*buffer) {
            self.0.push(draw);
        }
        Ok(())
    }
}

impl TryCryptoRng for Draws<'_> {}

/// Digits as typed.
#[must_use]
pub fn pin(digits: &str) -> PinEntry {
    PinEntry::new(digits.to_owned())
}
