//! The model and the real crates, step by step: every action of the model is done to the real phone, the real network
//! (requests that are held, lost, repeated) and the real server, and then both are compared.

use device::{Event, Method, Request, View};
use engine::{
    domain::{self, AccountState, CloseReason, LockState, TransactionId, TransactionState},
    ports::Store,
};
use jiff::{SignedDuration, Timestamp};
use model::{
    Account, Action, Bounds, Copies, Model, Operation, Outcome, Rules, Said, Stage, State, Tx,
    Verdict, Waiting,
};
use std::collections::HashMap;
use tests::{Answer, PIN1, PIN2, SimulatedPhone, World, pin};

/// Neither is PIN1 nor PIN2.
const WRONG: &str = "95137";
/// For this long a signed request is good (`wire::http_signature`).
const FRESH: SignedDuration = SignedDuration::from_secs(60);
/// Every transaction is over by then, and no lock is; a signature of one is just still taken.
const EXPIRY: SignedDuration = SignedDuration::from_secs(120);

/// A message in the network's hands.
#[derive(Clone)]
struct Message {
    request: Request,
    sent_at: Timestamp,
}

/// The two worlds.
pub(crate) struct SideBySide {
    pub(crate) world: World,
    phones: [Option<SimulatedPhone>; 2],
    model: Model,
    pub(crate) state: State,
    person: String,
    document_number: wire::DocumentNumber,
    /// What each phone waits for an answer to.
    outgoing: [Option<Request>; 2],
    /// Submissions as last sent.
    submissions: HashMap<Tx, Message>,
    /// Begin requests as last sent.
    begins: Vec<(Operation, Message)>,
    /// Real names of transactions.
    transactions: Vec<TransactionId>,
    /// Answers under way.
    offers: HashMap<(u8, Tx), Answer>,
    said: Vec<(u8, Said, Answer)>,
    done: Vec<Action>,
    shown: Vec<View>,
}

impl SideBySide {
    pub(crate) async fn new(person: &str, copies: Copies) -> Self {
        let world = World::new().await;
        let phone = world.phone(person).await;
        let document_number = phone.document_number().parse().expect("a number");
        Self {
            world,
            phones: [Some(phone), None],
            model: Model {
                bounds: Bounds {
                    transactions: 10,
                    keys: 2,
                    tries: 3,
                    copies,
                    handlers: false,
                },
                rules: Rules::default(),
            },
            state: State::default(),
            person: person.to_owned(),
            document_number,
            outgoing: [None, None],
            submissions: HashMap::new(),
            begins: Vec::new(),
            transactions: Vec::new(),
            offers: HashMap::new(),
            said: Vec::new(),
            done: Vec::new(),
            shown: Vec::new(),
        }
    }

    /// What can be done in both.
    pub(crate) fn possible(&self) -> Vec<Action> {
        let mut all = Vec::new();
        self.model.actions(&self.state, &mut all);
        let quiet = self
            .state
            .phones
            .iter()
            .all(|phone| phone.waiting == Waiting::Nothing);
        all.retain(|action| match action {
            // A locked key is not asked for: its session is over at once, and the phone never begins.
            Action::Begin {
                operation: Operation::Sign(key),
                ..
            } => !self.state.server.keys[usize::from(*key)].locked,
            // The late copy of a begin for a session that is over has no effect here; it has in the model.
            Action::ArriveBegin {
                operation,
                waiter: None,
            } => {
                !matches!(operation, Operation::Sign(_))
                    && self
                        .begins
                        .iter()
                        .any(|(of, message)| of == operation && self.is_fresh(message))
            }
            Action::Arrive { tx } => self.submissions.get(tx).is_some_and(|m| self.is_fresh(m)),
            // Time is one for all: done by `time_passes`, which stands for every Expire at once.
            Action::Expire { .. } | Action::Unlock { .. } => quiet,
            // Jobs and the 24 hours have tests of their own.
            Action::Sweep { .. }
            | Action::Abandon { .. }
            | Action::Overdue { .. }
            | Action::Forget { .. } => false,
            _ => true,
        });
        all
    }

    /// What a phone showed during the last action, one after the other.
    pub(crate) fn shown(&self) -> &[View] {
        &self.shown
    }

    fn is_fresh(&self, message: &Message) -> bool {
        self.world.now().duration_since(message.sent_at) <= FRESH
    }

    /// Does it to both and compares them.
    pub(crate) async fn take(&mut self, action: Action) -> Option<Outcome> {
        self.done.push(action);
        self.shown.clear();
        let before = self.state;
        let step = self.model.apply(&before, action);
        assert!(
            step.violation.is_none(),
            "{:?}: {:?}",
            step.violation,
            self.done
        );
        self.state = step.state;
        match action {
            Action::Begin { who, operation } => self.ask(who, operation).await,
            Action::Settle { who } => self.pump(who, Event::Refresh).await,
            Action::EnterPin { who, right, crash } => {
                let asked = before.phone(who).asked.expect("enabled only then");
                let key = match before.tx(asked).operation {
                    Operation::Sign(key) => key,
                    // Over in the model, which has forgotten what it was for; the phone has not.
                    _ => u8::from(
                        !matches!(self.phone(who).view(), Some(View::EnterPin { request, .. }) if matches!(request.purpose(), domain::Purpose::Authentication)),
                    ),
                };
                let digits = match (right, key) {
                    (true, 0) => PIN1,
                    (true, _) => PIN2,
                    _ => WRONG,
                };
                self.event(who, Event::EnterPin(pin(digits)), crash).await;
            }
            Action::HearOffer { who, tx, crash } => {
                let answer = self.offers.remove(&(who, tx)).expect("it was answered");
                self.hear(who, answer, crash).await;
                if let Some(View::Confirm(_)) = self.phone(who).view()
                    && !self.phone(who).is_waiting()
                {
                    self.pump(who, Event::Confirm).await;
                }
            }
            Action::Hear { who, said } => {
                let place = self
                    .said
                    .iter()
                    .position(|(to, what, _)| *to == who && *what == said)
                    .unwrap_or_else(|| panic!("{said:?} was never said: {:?}", self.done));
                let (_, _, answer) = self.said.swap_remove(place);
                self.hear(who, answer, false).await;
            }
            Action::NoAnswer { who } => {
                let request = self.outgoing[usize::from(who)].take().expect("waits");
                self.pump(who, Event::NoAnswer { id: request.id }).await;
            }
            Action::Crash { who } => {
                self.phone_mut(who).reboot();
                self.outgoing[usize::from(who)] = None;
            }
            Action::Delete { who } => {
                self.event(who, Event::Delete, false).await;
                let request = self.outgoing[usize::from(who)].take().expect("asked");
                assert_eq!(self.send(&request).await.status, 200);
                self.pump(who, Event::NoAnswer { id: request.id }).await;
            }
            Action::ArriveBegin { operation, waiter } => {
                self.arrive_begin(operation, waiter, step.outcome).await;
            }
            Action::Arrive { tx } => self.arrive(&before, tx, step.outcome).await,
            Action::Expire { .. } => {
                self.world.pass(EXPIRY);
                self.overdue(&before);
                self.expire_all();
            }
            Action::Unlock { .. } => {
                self.world.pass(SignedDuration::from_hours(24));
                self.world
                    .service()
                    .rotate_transport_keys()
                    .await
                    .expect("vault");
                self.unlock_all();
                self.expire_all();
                self.overdue(&self.state.clone());
            }
            Action::Copy => {
                self.phones[1] = Some(self.phone(0).copy());
            }
            other => panic!("{other:?} is not possible here"),
        }
        self.go_on();
        self.compare().await;
        step.outcome
    }

    /// Once nothing is pending, the real phone goes on with the rotation that it was about to begin. In the model that is
    /// the person's next step.
    fn go_on(&mut self) {
        for who in 0..2 {
            let Some(request) = &self.outgoing[usize::from(who)] else {
                continue;
            };
            let rotates = serde_json::from_slice::<serde_json::Value>(&request.body)
                .is_ok_and(|body| body["operation"] == "rotate");
            if rotates && self.state.phone(who).waiting == Waiting::Nothing {
                let operation = Operation::Rotate;
                let sent_at = self.world.now();
                let request = request.clone();
                self.begins.push((operation, Message { request, sent_at }));
                let action = Action::Begin { who, operation };
                self.done.push(action);
                self.state = self.model.apply(&self.state, action).state;
            }
        }
    }

    /// In the real world time passes for all transactions.
    fn expire_all(&mut self) {
        let mut all = Vec::new();
        self.model.actions(&self.state, &mut all);
        for action in all {
            if matches!(action, Action::Expire { .. }) {
                self.state = self.model.apply(&self.state, action).state;
            }
        }
    }

    /// What had expired before by now is too late.
    fn overdue(&mut self, before: &State) {
        for tx in 0..before.server.begun {
            let row = before.tx(tx);
            if row.expired && row.stage == Stage::Processing {
                self.state = self.model.apply(&self.state, Action::Overdue { tx }).state;
            }
        }
    }

    fn unlock_all(&mut self) {
        for key in 0..2 {
            if self.state.server.keys[usize::from(key)].locked {
                self.state = self.model.apply(&self.state, Action::Unlock { key }).state;
            }
        }
    }

    async fn ask(&mut self, who: u8, operation: Operation) {
        let event = match operation {
            Operation::Rotate => Event::Rotate,
            Operation::Sync => panic!("no person asks for a sync"),
            Operation::Sign(key) => {
                let session = if key == 0 {
                    self.world.ask_to_authenticate(&self.person).await
                } else {
                    self.world.ask_to_sign(&self.person).await
                };
                Event::Open(session.parse().expect("an id"))
            }
        };
        self.pump(who, event).await;
    }

    async fn arrive_begin(
        &mut self,
        operation: Operation,
        waiter: Option<u8>,
        outcome: Option<Outcome>,
    ) {
        let request = match waiter {
            Some(who) => self.outgoing[usize::from(who)].clone().expect("waits"),
            None => {
                let (_, message) = self
                    .begins
                    .iter()
                    .rev()
                    .find(|(of, _)| *of == operation)
                    .expect("sent once");
                message.request.clone()
            }
        };
        let answer = self.send(&request).await;
        match outcome {
            Some(Outcome::Offer(tx)) => {
                assert_eq!(answer.status, 201, "{} {:?}", answer.json(), self.done);
                let id = answer.json()["transactionId"].clone();
                let id: wire::TransactionId = serde_json::from_value(id).expect("an id");
                self.transactions.push(TransactionId(id.0));
                if let Some(who) = waiter {
                    self.offers.insert((who, tx), answer);
                }
            }
            Some(Outcome::NotBegun) => {
                assert!(answer.status >= 400, "{} {:?}", answer.json(), self.done);
                if let Some(who) = waiter {
                    self.said.push((who, Said::NotBegun, answer));
                }
            }
            other => panic!("{other:?}"),
        }
    }

    async fn arrive(&mut self, before: &State, tx: Tx, outcome: Option<Outcome>) {
        let message = self.submissions[&tx].clone();
        let charged = outcome == Some(Outcome::Charged);
        // The process would die between the two transactions: the vault does not answer, and no answer leaves.
        self.world.watch().set_down(charged);
        let evaluations = self.world.watch().evaluations();
        let answer = self.send(&message.request).await;
        self.world.watch().set_down(false);
        assert_eq!(answer.status, 200, "{} {:?}", answer.json(), self.done);
        if outcome == Some(Outcome::Continue) {
            // The real server goes on by itself, the model at the next arrival.
            let step = self.model.apply(&self.state, Action::Arrive { tx });
            self.state = step.state;
            self.remember(before, tx, step.outcome, &answer);
            return;
        }
        let evaluated = self.world.watch().evaluations() - evaluations;
        let processing = before.tx(tx).stage == Stage::Processing;
        assert_eq!(evaluated, u64::from(processing), "{:?}", self.done);
        self.remember(before, tx, outcome, &answer);
    }

    fn remember(&mut self, before: &State, tx: Tx, outcome: Option<Outcome>, answer: &Answer) {
        let said = match outcome {
            Some(Outcome::Verdict(Verdict::Failed)) => Said::No,
            Some(Outcome::Verdict(verdict)) => Said::Verdict(verdict),
            Some(Outcome::Closed) => Said::Closed,
            Some(Outcome::Gone | Outcome::Busy | Outcome::Locked) => Said::No,
            _ => return,
        };
        for who in 0..2 {
            let phone = before.phone(who);
            let waits = match phone.waiting {
                Waiting::Verdict => phone.pending == Some(tx),
                Waiting::Sync(sync) => sync == tx,
                _ => false,
            };
            if waits
                && !self
                    .said
                    .iter()
                    .any(|(to, what, _)| *to == who && *what == said)
            {
                self.said.push((who, said, answer.clone()));
            }
        }
    }

    async fn hear(&mut self, who: u8, answer: Answer, crash: bool) {
        let request = self.outgoing[usize::from(who)].take().expect("waits");
        let event = Event::Response {
            id: request.id,
            status: answer.status,
            body: answer.body,
        };
        self.event(who, event, crash).await;
    }

    async fn pump(&mut self, who: u8, event: Event) {
        self.event(who, event, false).await;
    }

    /// Feeds an event; what a phone only reads is answered at once, what it changes is held.
    async fn event(&mut self, who: u8, event: Event, crash: bool) {
        let mut events = vec![event];
        while let Some(event) = events.pop() {
            let world = &self.world;
            let phone = self.phones[usize::from(who)]
                .as_mut()
                .expect("there is one");
            let requests = phone.step(world, event);
            self.shown.extend(phone.view().cloned());
            for request in requests {
                if request.method == Method::Get {
                    let answer = self.send(&request).await;
                    events.push(Event::Response {
                        id: request.id,
                        status: answer.status,
                        body: answer.body,
                    });
                } else if !crash {
                    self.hold(who, request);
                }
            }
        }
        if crash {
            self.phone_mut(who).reboot();
        }
    }

    fn hold(&mut self, who: u8, request: Request) {
        let message = Message {
            request: request.clone(),
            sent_at: self.world.now(),
        };
        if request.path.ends_with("/transactions") {
            if let Waiting::Begun(operation) = self.state.phone(who).waiting {
                self.begins.push((operation, message));
            }
        } else if let Some((_, id)) = request.path.rsplit_once("/transactions/") {
            let tx = self
                .transactions
                .iter()
                .position(|known| wire::TransactionId(known.0).to_string() == id)
                .expect("begun before");
            self.submissions
                .insert(Tx::try_from(tx).expect("few"), message);
        }
        // What was under way to an older request finds nobody.
        self.offers.retain(|(to, _), _| *to != who);
        self.said.retain(|(to, _, _)| *to != who);
        self.outgoing[usize::from(who)] = Some(request);
    }

    async fn send(&self, request: &Request) -> Answer {
        let method = request.method.as_str();
        self.world
            .send(
                method,
                &request.path,
                &request.headers,
                request.body.clone(),
            )
            .await
    }

    fn phone(&self, who: u8) -> &SimulatedPhone {
        self.phones[usize::from(who)]
            .as_ref()
            .expect("there is one")
    }

    fn phone_mut(&mut self, who: u8) -> &mut SimulatedPhone {
        self.phones[usize::from(who)]
            .as_mut()
            .expect("there is one")
    }

    /// The whole of the server's rows and of the phones' storage against the model.
    async fn compare(&self) {
        let done = &self.done;
        let mut reader = self.world.store().read().await.expect("database");
        let person = self.person.parse().expect("an identifier");
        let open = self
            .world
            .service()
            .accounts_of(&person)
            .await
            .expect("database");
        let account = reader
            .account_by_document(&self.document_number)
            .await
            .expect("database")
            .expect("registered");
        let expected = match self.state.server.account {
            Account::Open => None,
            Account::Deleted => Some(CloseReason::DeletedByOwner),
            Account::Cloned => Some(CloseReason::Cloned),
        };
        let found = match account.state {
            AccountState::Active => None,
            AccountState::Closed { reason, .. } => Some(reason),
        };
        assert_eq!(found, expected, "{done:?}");
        assert_eq!(open.len(), usize::from(expected.is_none()));
        assert_eq!(
            account.device.seq,
            u64::from(self.state.server.seq),
            "{done:?}"
        );
        let now = self.world.now();
        for (key, expected) in account.keys.iter().zip(&self.state.server.keys) {
            assert_eq!(key.pin.consecutive(), expected.failed, "{done:?}");
            assert_eq!(
                key.in_flight.is_some(),
                expected.in_flight.is_some(),
                "{done:?}"
            );
            let locked = matches!(key.pin.state(now), LockState::LockedUntil(_));
            assert_eq!(locked, expected.locked, "{done:?}");
        }
        for (tx, id) in (0..).zip(&self.transactions) {
            let row = reader
                .transaction(*id)
                .await
                .expect("database")
                .expect("begun");
            let found = match &row.state {
                TransactionState::Awaiting => Stage::Awaiting,
                TransactionState::Processing { .. } => Stage::Processing,
                TransactionState::Cancelled => Stage::Over,
                TransactionState::Done { verdict, .. } => Stage::Done(match verdict {
                    domain::Verdict::Signed { .. } => Verdict::Signed,
                    domain::Verdict::WrongPin { .. } => Verdict::WrongPin,
                    domain::Verdict::Rotated { .. } => Verdict::Rotated,
                    domain::Verdict::NotAdvanced => Verdict::NotAdvanced,
                    domain::Verdict::Advanced { .. } => Verdict::Advanced,
                    domain::Verdict::Failed { .. } => Verdict::Failed,
                }),
            };
            // The model forgets what can no longer matter.
            let expected = self.state.tx(tx).stage;
            assert!(
                found == expected
                    || (expected == Stage::Over && (found != Stage::Awaiting || !row.is_live(now)))
                    || expected == Stage::Over && self.nobody_has(tx),
                "transaction {tx}: {found:?}, {expected:?}: {done:?}"
            );
        }
        for who in 0..2 {
            self.compare_phone(who, &account);
        }
    }

    /// Whether the offer of a transaction reached nobody.
    fn nobody_has(&self, tx: Tx) -> bool {
        !self.submissions.contains_key(&tx)
    }

    fn compare_phone(&self, who: u8, account: &domain::Account) {
        let (done, expected) = (&self.done, self.state.phone(who));
        let Some(phone) = &self.phones[usize::from(who)] else {
            return;
        };
        assert_eq!(phone.has_account(), !expected.shut, "{done:?}");
        if expected.shut {
            return;
        }
        let dump = phone.dump();
        let pending = expected
            .pending
            .map(|tx| wire::TransactionId(self.transactions[usize::from(tx)].0).to_string());
        assert_eq!(dump.pending_transaction(), pending, "phone {who}: {done:?}");
        let current = dump.token().hash() == account.device.token;
        assert_eq!(
            current,
            expected.token == self.state.server.token,
            "phone {who}: {done:?}"
        );
        let outgoing = self.outgoing[usize::from(who)].as_ref();
        let path = outgoing.map(|request| request.path.as_str());
        let of = |tx: Tx| wire::TransactionId(self.transactions[usize::from(tx)].0).to_string();
        let fits = match expected.waiting {
            Waiting::Nothing => path.is_none(),
            Waiting::Begun(_) => path.is_some_and(|path| path.ends_with("/transactions")),
            Waiting::Verdict => expected
                .pending
                .is_some_and(|tx| path.is_some_and(|path| path.ends_with(&of(tx)))),
            Waiting::Sync(tx) => path.is_some_and(|path| path.ends_with(&of(tx))),
        };
        assert!(
            fits,
            "phone {who} waits for {path:?}, not {:?}: {done:?}",
            expected.waiting
        );
        assert_eq!(phone.is_waiting(), path.is_some(), "{done:?}");
    }
}
