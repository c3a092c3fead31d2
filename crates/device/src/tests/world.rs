//! One phone, one server, and a network between them that can be told to fail.

use super::server::Server;
use crate::{
    Effect, Event, NewKeys, Phone, PinEntry, Request, SoftwareKeystore, View, state::State,
};
use jiff::{SignedDuration, Timestamp};
use splitkey::{Kdf, Profile};
use std::collections::VecDeque;
use wire::{InteractionType, SessionId, device_v1::RegisteredPerson};

pub(super) const PIN1: &str = "830629";
pub(super) const PIN2: &str = "7194036";

/// What the network does to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It does not arrive.
    LoseRequest,
    /// It arrives, its answer does not.
    LoseAnswer,
    /// It arrives twice, and the second answer counts.
    Duplicate,
}

pub(super) struct World {
    pub(super) server: Server,
    pub(super) phone: Phone,
    pub(super) keystore: SoftwareKeystore,
    /// What was made durable last.
    pub(super) stored: Option<Vec<u8>>,
    pub(super) now: Timestamp,
    pub(super) rng: chacha20::ChaCha20Rng,
    /// All that was shown, the last one last.
    pub(super) views: Vec<View>,
    /// For the request of this number from now, counted from 0.
    pub(super) fault: Option<(usize, Fault)>,
    /// The power fails before the effect of this number from now.
    pub(super) crash_before: Option<usize>,
    pub(super) crashed: bool,
    /// Everything ever stored, for the tests that look into it.
    pub(super) history: Vec<Vec<u8>>,
    /// Addresses that it opened in its browser.
    pub(super) opened: Vec<String>,
    pub(super) requests: Vec<Request>,
    profile: Profile,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        Self::of(Profile::Test1024, Kdf::Test, seed)
    }

    pub(super) fn of(profile: Profile, kdf: Kdf, seed: u64) -> Self {
        let server = Server::new(profile, kdf, seed);
        Self {
            phone: Phone::new(Some(server.root_key())),
            server,
            keystore: SoftwareKeystore::from_secret(&[7; 32]),
            stored: None,
            now: "2026-11-24T20:00:00Z".parse().unwrap(),
            rng: super::rng(seed + 1),
            views: Vec::new(),
            fault: None,
            crash_before: None,
            crashed: false,
            history: Vec::new(),
            opened: Vec::new(),
            requests: Vec::new(),
            profile,
        }
    }

    /// A world with a registered phone.
    pub(super) fn registered(seed: u64) -> Self {
        let mut world = Self::new(seed);
        world.register();
        assert!(
            matches!(world.view(), View::Registered(_)),
            "{:?}",
            world.view()
        );
        world
    }

    pub(super) fn register(&mut self) {
        self.hand_over();
        self.finish_registration();
    }

    /// Up to the acknowledgement of the server's shares.
    pub(super) fn hand_over(&mut self) {
        self.event(Event::Register {
            replace: true,
            birth_date: None,
        });
        self.event(Event::ChoosePins {
            pin1: pin(PIN1),
            pin2: pin(PIN2),
        });
    }

    pub(super) fn finish_registration(&mut self) {
        self.server.vouch(&person());
        self.event(Event::Refresh);
        self.event(Event::RepeatPins {
            pin1: pin(PIN1),
            pin2: pin(PIN2),
        });
    }

    pub(super) fn event(&mut self, event: Event) {
        let mut queue = VecDeque::from([event]);
        while let Some(event) = queue.pop_front() {
            for effect in self
                .phone
                .handle(event, &self.keystore, self.now, &mut self.rng)
            {
                if let Some(left) = &mut self.crash_before {
                    if *left == 0 {
                        return self.crash();
                    }
                    *left -= 1;
                }
                queue.extend(self.carry_out(effect));
            }
        }
    }

    fn carry_out(&mut self, effect: Effect) -> Option<Event> {
        match effect {
            Effect::Persist(bytes) => {
                self.history.push(bytes.clone());
                self.stored = Some(bytes);
                None
            }
            Effect::Wipe => {
                self.stored = None;
                None
            }
            Effect::Show(view) => {
                assert!(!view.to_string().is_empty());
                self.views.push(view);
                None
            }
            Effect::OpenUrl(url) => {
                self.opened.push(url);
                None
            }
            Effect::GenerateKeys(profile) => {
                assert_eq!(profile, self.profile);
                let keys = NewKeys::generate(profile, &mut |_| (), &mut self.rng).unwrap();
                Some(Event::KeysGenerated(Box::new(keys)))
            }
            Effect::Send(request) => Some(self.send(&request)),
        }
    }

    fn send(&mut self, request: &Request) -> Event {
        self.requests.push(request.clone());
        let fault = match &mut self.fault {
            Some((0, fault)) => {
                let fault = *fault;
                self.fault = None;
                Some(fault)
            }
            Some((left, _)) => {
                *left -= 1;
                None
            }
            None => None,
        };
        let id = request.id;
        match fault {
            Some(Fault::LoseRequest) => Event::NoAnswer { id },
            Some(Fault::LoseAnswer) => {
                let _ = self.server.answer(request, self.now);
                Event::NoAnswer { id }
            }
            Some(Fault::Duplicate) => {
                let _ = self.server.answer(request, self.now);
                let (status, body) = self.server.answer(request, self.now);
                Event::Response { id, status, body }
            }
            None => {
                let (status, body) = self.server.answer(request, self.now);
                Event::Response { id, status, body }
            }
        }
    }

    /// The power fails: what is not stored is gone.
    pub(super) fn crash(&mut self) {
        self.crashed = true;
        self.crash_before = None;
        self.restart();
    }

    pub(super) fn restart(&mut self) {
        let root_key = self.server.root_key();
        self.phone = match &self.stored {
            Some(bytes) => Phone::restore(bytes, &self.keystore).expect("what was stored opens"),
            None => Phone::new(Some(root_key)),
        };
    }

    pub(super) fn log_in(&mut self, interactions: &[(InteractionType, &str)]) -> SessionId {
        let session = self.server.authenticate("DEMO", interactions, self.now);
        self.event(Event::Refresh);
        self.event(Event::Open(session));
        session
    }

    pub(super) fn view(&self) -> &View {
        self.views.last().expect("something was shown")
    }

    pub(super) fn pass(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
    }

    /// What is stored, as it is inside the encryption.
    pub(super) fn plaintext(&self, stored: &[u8]) -> Vec<u8> {
        use splitkey::DeviceKeys;
        let (header, rest) = stored.split_at(5);
        let (nonce, ciphertext) = rest.split_first_chunk::<12>().unwrap();
        self.keystore
            .unwrap(nonce, header, ciphertext)
            .unwrap()
            .to_vec()
    }

    pub(super) fn state(&self) -> State {
        State::open(
            self.stored.as_ref().expect("something is stored"),
            &self.keystore,
        )
        .unwrap()
    }
}

pub(super) fn pin(digits: &str) -> PinEntry {
    PinEntry::new(digits.to_owned())
}

pub(super) fn person() -> RegisteredPerson {
    RegisteredPerson {
        semantics_identifier: "PNOEE-40504040001".parse().unwrap(),
        given_name: "OK".to_owned(),
        surname: "TESTNUMBER".to_owned(),
        date_of_birth: jiff::civil::date(1905, 4, 4),
    }
}
