//! A phone in memory: nothing of a disk of its own is in what is measured.

use crate::connection::Connection;
use device::{Effect, Event, NewKeys, PinEntry, SoftwareKeystore, View};
use jiff::Timestamp;
use rand_core::UnwrapErr;
use serde_json::json;
use std::{collections::VecDeque, time::Instant};
use wire::SessionId;

/// Of a person as relying parties ask for her.
pub(crate) const PERSON: &str = "PNOEE-40504040001";

pub(crate) struct Phone {
    phone: device::Phone,
    keystore: SoftwareKeystore,
    server: Connection,
    /// When the last refusal was sent.
    refused: Option<Instant>,
}

impl Phone {
    /// Registers at a demo.
    pub(crate) fn register(address: &str) -> Self {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).unwrap();
        let mut phone = Self {
            phone: device::Phone::new(None),
            keystore: SoftwareKeystore::from_secret(&secret),
            server: Connection::open(address),
            refused: None,
        };
        let pin = |digits: &str| PinEntry::new(digits.to_owned());
        phone.act(Event::Register {
            replace: false,
            birth_date: None,
        });
        let (pin1, pin2) = (pin("4826"), pin("73915"));
        let waiting = phone.act(Event::ChoosePins { pin1, pin2 });
        let View::AwaitingIdentity { code, .. } = waiting else {
            panic!("{waiting}");
        };
        let identity = json!({
            "registrationCode": code,
            "semanticsIdentifier": PERSON,
            "givenName": "OK",
            "surname": "TESTNUMBER",
            "dateOfBirth": "1905-04-04",
        });
        let mut demo = Connection::open(address);
        demo.post("/demo/identities", &identity.to_string());
        phone.act(Event::Refresh);
        let (pin1, pin2) = (pin("4826"), pin("73915"));
        let registered = phone.act(Event::RepeatPins { pin1, pin2 });
        assert!(matches!(registered, View::Registered(_)), "{registered}");
        phone
    }

    /// The person opens a request and says no. Returns when that was sent.
    pub(crate) fn refuse(&mut self, session: SessionId) -> Instant {
        // The server does not keep one that is idle for long.
        self.server = self.server.again();
        self.act(Event::Refresh);
        let shown = self.act(Event::Open(session));
        assert!(matches!(shown, View::Confirm(_)), "{shown}");
        self.act(Event::Refuse);
        self.refused.take().expect("a refusal was sent")
    }

    /// What is shown in the end.
    fn act(&mut self, event: Event) -> View {
        let mut rng = UnwrapErr(getrandom::SysRng);
        let mut shown = None;
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let now = Timestamp::now();
            for effect in self.phone.handle(event, &self.keystore, now, &mut rng) {
                match effect {
                    Effect::GenerateKeys(profile) => {
                        let keys = NewKeys::generate(profile, &mut |_| {}, &mut rng).unwrap();
                        events.push_back(Event::KeysGenerated(Box::new(keys)));
                    }
                    Effect::Send(request) => events.push_back(self.send(&request)),
                    Effect::Show(view) => shown = Some(view),
                    _ => {}
                }
            }
        }
        shown.expect("something is shown")
    }

    fn send(&mut self, request: &device::Request) -> Event {
        if request.path.ends_with("/refusal") {
            self.refused = Some(Instant::now());
        }
        let headers = request.headers.iter();
        let headers = headers.map(|(name, value)| (*name, value.as_str()));
        let method = request.method.as_str();
        let (status, body) = self
            .server
            .exchange(method, &request.path, headers, &request.body);
        Event::Response {
            id: request.id,
            status,
            body,
        }
    }
}
