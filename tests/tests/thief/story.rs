//! One phone through all that can happen to it, with everything that a thief could ever take kept.

use crate::{
    attack::{suspects::Suspects, thief::Thief},
    log,
    taken::{Taken, taken},
};
use device::{Event, View};
use engine::{
    domain::{AccountLevel, KeyState},
    ports::{ServerKeys, Store},
};
use jiff::SignedDuration;
use splitkey::{
    ClientModulus, EncodedMessage, Hash, JointSalt, PartialSignature, Profile, Purpose, Scheme,
};
use std::sync::OnceLock;
use tests::{Fault, PIN1, PIN2, SimulatedPhone, World, pin};

/// Whose phone it is.
pub(crate) const PERSON: &str = "PNOEE-40504040001";

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
