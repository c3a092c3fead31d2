//! What can happen, and what must never.

mod phone;
mod server;
mod thief;

use crate::state::{Account, MAX, Operation, Stage, State, Token, Tx, Verdict, Waiting};

/// What makes copies, if anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copies {
    /// There is one phone only.
    None,
    /// The copy runs our software.
    Honest,
    /// The copy sends whatever can be made from what was copied.
    Hostile,
}

/// How far a search goes. Crashes, losses and repetitions have no bound.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Transactions that may be begun, those of repeated begins included.
    pub transactions: u8,
    /// Keys that are used: 1 or 2.
    pub keys: u8,
    /// Wrong PINs in a row that lock a key.
    pub tries: u8,
    /// When a copy may be made, and what it does.
    pub copies: Copies,
    /// Checking and charging are seen as two steps of a handler, with anything in between.
    pub handlers: bool,
}

/// The rules of `splitkey.md`; a search without one of them has to find what it is for.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// A phone syncs before it drops a pending submission (§4.3).
    pub sync_before_dropping: bool,
    /// `begin` cancels what awaits a submission, in the same transaction (§4.3).
    pub cancel_at_begin: bool,
    /// The transaction is looked at again under the lock (§4.2 step 4).
    pub recheck: bool,
    /// Only then the token is compared (§4.2 step 4).
    pub liveness_first: bool,
    /// T_{i+1} depends on the server's r (§4.2 step 2).
    pub token_bound: bool,
    /// The server checks that T_{i+1} was made from T_i, r and c (§4.2 step 3).
    pub next_checked: bool,
    /// A stale token ends the account whether or not the PIN is right (§4.3).
    pub whatever_pin: bool,
    /// The attempt is committed before its verdict is computed (§4.4).
    pub charge_first: bool,
    /// One evaluation at a time for each key (§4.4).
    pub one_at_a_time: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            sync_before_dropping: true,
            cancel_at_begin: true,
            recheck: true,
            liveness_first: true,
            token_bound: true,
            next_checked: true,
            whatever_pin: true,
            charge_first: true,
            one_at_a_time: true,
        }
    }
}

/// Rules within bounds.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "said by the types")]
pub struct Model {
    pub bounds: Bounds,
    pub rules: Rules,
}

/// Something that happens. `who` is 0 for the phone and 1 for its copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "fields are named after what they hold")]
pub enum Action {
    /// The person starts something on a phone where nothing is pending.
    Begin { who: u8, operation: Operation },
    /// The phone sends its pending submission again, or asks.
    Settle { who: u8 },
    /// The person enters a PIN; the submission is stored, and sent unless the phone crashes in between.
    EnterPin { who: u8, right: bool, crash: bool },
    /// An offer arrives; a rotation is stored, and sent unless the phone crashes in between.
    HearOffer { who: u8, tx: Tx, crash: bool },
    /// A verdict or a refusal arrives.
    Hear { who: u8, said: Said },
    /// The phone waits no longer.
    NoAnswer { who: u8 },
    /// The phone loses its memory.
    Crash { who: u8 },
    /// The owner deletes the account.
    Delete { who: u8 },
    /// A begin request arrives, perhaps again; the phone that waits for it may get the offer.
    ArriveBegin {
        operation: Operation,
        waiter: Option<u8>,
    },
    /// A submission arrives, perhaps again.
    Arrive { tx: Tx },
    /// A handler has checked a submission without a lock.
    Admit { tx: Tx },
    /// It goes on.
    Charge { tx: Tx },
    /// The job finishes an interrupted evaluation.
    Sweep { tx: Tx },
    /// The job gives one up: the vault did not answer in time.
    Abandon { tx: Tx },
    /// A transaction's time is over.
    Expire { tx: Tx },
    /// An evaluation takes so long that its session is over.
    Overdue { tx: Tx },
    /// A verdict is forgotten after 24 hours.
    Forget { tx: Tx },
    /// A lock ends.
    Unlock { key: u8 },
    /// Storage and keystore of the phone are copied.
    Copy,
    /// The hostile copy begins and gets the offer.
    ThiefBegins { operation: Operation },
    /// The hostile copy submits.
    ThiefSubmits {
        tx: Tx,
        token: Token,
        next: Token,
        right: bool,
    },
    /// The hostile copy sends the submission that it found pending.
    ThiefSends { tx: Tx },
}

/// What a phone can be told, other than an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// A verdict.
    Verdict(Verdict),
    /// The account is closed, in a sealed answer.
    Closed,
    /// Any other refusal of a submission.
    No,
    /// A begin was refused.
    NotBegun,
}

/// What the server did about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Begun.
    Offer(Tx),
    /// Not begun.
    NotBegun,
    /// Answered with this verdict.
    Verdict(Verdict),
    /// Charged; the verdict is to come.
    Charged,
    /// An evaluation that stood in the way was finished; the handler goes on at the next arrival.
    Continue,
    /// Checked without a lock.
    Admitted,
    /// `tx_gone`.
    Gone,
    /// `account_closed`.
    Closed,
    /// `busy`.
    Busy,
    /// `locked`.
    Locked,
}

/// What must never happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// An honest phone without a copy was judged a clone.
    HonestAccused,
    /// Both copies spent tokens.
    TwoBranches,
    /// A stale copy was answered instead of found out.
    Undetected,
    /// A wrong PIN was evaluated that was not charged, or that a lock forbids.
    FreeGuess,
    /// A counter went down without a right PIN.
    CounterDecreased,
    /// The phone, left alone with a good network, does not come to a signature.
    Stuck,
}

/// One step.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "said by the types")]
pub struct Step {
    pub state: State,
    pub outcome: Option<Outcome>,
    pub violation: Option<Violation>,
}

impl Model {
    /// Everything that can happen next. An account that is closed stays so, and nothing more is of interest.
    pub fn actions(&self, state: &State, all: &mut Vec<Action>) {
        all.clear();
        if state.server.account != Account::Open {
            return;
        }
        for who in 0..2 {
            self.phone_actions(state, who, all);
        }
        let room = state.server.begun < self.bounds.transactions;
        for operation in self.operations() {
            if room && state.begins & bit_of(operation) != 0 {
                all.push(Action::ArriveBegin {
                    operation,
                    waiter: None,
                });
                for who in 0..2 {
                    if state.phone(who).waiting == Waiting::Begun(operation) {
                        all.push(Action::ArriveBegin {
                            operation,
                            waiter: Some(who),
                        });
                    }
                }
            }
        }
        for tx in 0..state.server.begun {
            self.transaction_actions(state, tx, all);
        }
        for key in 0..self.bounds.keys {
            if state.server.keys[usize::from(key)].locked {
                all.push(Action::Unlock { key });
            }
        }
        self.thief_actions(state, room, all);
    }

    fn transaction_actions(&self, state: &State, tx: Tx, all: &mut Vec<Action>) {
        let row = state.tx(tx);
        if row.sent {
            all.push(Action::Arrive { tx });
            if self.bounds.handlers {
                if row.stage == Stage::Awaiting && !row.expired && !row.admitted {
                    all.push(Action::Admit { tx });
                }
                if row.admitted {
                    all.push(Action::Charge { tx });
                }
            }
        }
        if row.stage == Stage::Processing {
            all.push(Action::Sweep { tx });
            if row.expired {
                all.push(Action::Abandon { tx });
                if !row.overdue {
                    all.push(Action::Overdue { tx });
                }
            }
        }
        let known = (0..2)
            .any(|who| state.phone(who).pending == Some(tx) || state.phone(who).asked == Some(tx));
        if !row.expired && (known || row.stage == Stage::Awaiting || row.stage == Stage::Processing)
        {
            all.push(Action::Expire { tx });
        }
        if row.expired && known && matches!(row.stage, Stage::Done(_)) {
            all.push(Action::Forget { tx });
        }
    }

    /// Does it.
    #[must_use]
    pub fn apply(&self, before: &State, action: Action) -> Step {
        let mut step = Step {
            state: *before,
            outcome: None,
            violation: None,
        };
        match action {
            Action::ArriveBegin { operation, waiter } => {
                let outcome = self.begin(&mut step.state, operation);
                if let Some(who) = waiter {
                    tell(&mut step.state, who, outcome);
                }
                step.outcome = Some(outcome);
            }
            Action::Arrive { tx } => self.arrives(&mut step, tx),
            Action::Admit { tx } => {
                step.state.tx_mut(tx).admitted = true;
                step.outcome = Some(Outcome::Admitted);
            }
            Action::Charge { tx } => {
                step.state.tx_mut(tx).admitted = false;
                let outcome = self.charge(&mut step, tx);
                self.answer(&mut step, tx, outcome);
            }
            Action::Sweep { tx } => {
                self.evaluate(&mut step.state, tx);
            }
            Action::Abandon { tx } => self.abandon(&mut step.state, tx),
            Action::Expire { tx } => step.state.tx_mut(tx).expired = true,
            Action::Overdue { tx } => step.state.tx_mut(tx).overdue = true,
            Action::Forget { tx } => step.state.tx_mut(tx).stage = Stage::Over,
            Action::Unlock { key } => {
                step.state.server.keys[usize::from(key)].locked = false;
                step.state.ghost.unlocks[usize::from(key)] += 1;
                // The shortest lock outlives every transaction.
                for tx in 0..step.state.server.begun {
                    step.state.tx_mut(tx).expired = true;
                }
            }
            Action::Delete { .. } => self.close(&mut step.state, Account::Deleted),
            Action::Copy => self.copy(&mut step.state),
            Action::ThiefBegins { operation } => {
                let outcome = self.begin(&mut step.state, operation);
                if let Outcome::Offer(tx) = outcome {
                    step.state.thief.offers |= 1 << tx;
                }
                step.outcome = Some(outcome);
            }
            Action::ThiefSubmits {
                tx,
                token,
                next,
                right,
            } => {
                self.thief_submits(&mut step, tx, token, next, right);
            }
            Action::ThiefSends { tx } => step.state.tx_mut(tx).sent = true,
            phone => self.phone_step(&mut step.state, phone),
        }
        if step.violation.is_none() {
            step.violation = self.violated(before, &step.state);
        }
        self.normalise(&mut step.state);
        step
    }

    fn arrives(&self, step: &mut Step, tx: Tx) {
        let outcome = self.arrive(step, tx);
        self.answer(step, tx, outcome);
    }

    /// Whoever waits for the answer to this submission may hear it.
    fn answer(&self, step: &mut Step, tx: Tx, outcome: Outcome) {
        for who in 0..2 {
            let phone = step.state.phone(who);
            let waits = match phone.waiting {
                Waiting::Verdict => phone.pending == Some(tx),
                Waiting::Sync(sync) => sync == tx,
                _ => false,
            };
            if waits {
                tell(&mut step.state, who, outcome);
            }
        }
        step.outcome = Some(outcome);
    }

    fn violated(&self, before: &State, after: &State) -> Option<Violation> {
        if after.server.account == Account::Cloned && !after.ghost.copied {
            return Some(Violation::HonestAccused);
        }
        for key in 0..2 {
            let (old, new) = (&before.server.keys[key], &after.server.keys[key]);
            let allowed = u32::from(self.bounds.tries) * (u32::from(after.ghost.unlocks[key]) + 1);
            if after.ghost.evaluated[key] > new.failed || u32::from(new.failed) > allowed {
                return Some(Violation::FreeGuess);
            }
            let right = old.in_flight.is_some_and(|tx| {
                before
                    .tx(tx)
                    .submission
                    .is_some_and(|submission| submission.right)
            });
            if new.failed < old.failed && !right && self.rules.one_at_a_time {
                return Some(Violation::CounterDecreased);
            }
        }
        None
    }

    /// Forgets what can no longer matter, so that histories meet in one state.
    fn normalise(&self, state: &mut State) {
        // Without these rules a dead transaction still matters.
        if !self.rules.recheck || !self.rules.liveness_first {
            return;
        }
        for tx in 0..state.server.begun {
            let pending = state.phones.iter().any(|phone| phone.pending == Some(tx));
            let asked = state
                .phones
                .iter()
                .any(|phone| phone.asked == Some(tx) || phone.offers & (1 << tx) != 0);
            let awaited = state
                .phones
                .iter()
                .any(|phone| phone.waiting == Waiting::Sync(tx));
            let thiefs = state.thief.offers & (1 << tx) != 0;
            let row = state.tx_mut(tx);
            if row.stage == Stage::Awaiting
                && (row.expired || (row.submission.is_none() && !asked && !thiefs))
            {
                row.stage = Stage::Over;
            }
            if matches!(row.stage, Stage::Done(_) | Stage::Over) && !pending && !awaited {
                let expired = row.expired && asked;
                *row = Default::default();
                row.expired = expired;
                state.thief.offers &= !(1 << tx);
            } else if row.stage != Stage::Awaiting {
                row.admitted = false;
                state.thief.offers &= !(1 << tx);
            }
        }
    }

    fn operations(&self) -> impl Iterator<Item = Operation> + use<> {
        (0..self.bounds.keys)
            .map(Operation::Sign)
            .chain([Operation::Rotate, Operation::Sync])
    }

    /// The token after this one, made in this transaction.
    fn next(&self, token: Token, tx: Tx) -> Token {
        if self.rules.token_bound {
            tx + 1
        } else {
            token + 1
        }
    }
}

/// An answer is under way.
fn tell(state: &mut State, who: u8, outcome: Outcome) {
    let phone = state.phone_mut(who);
    let said = match outcome {
        Outcome::Offer(tx) => {
            phone.offers |= 1 << tx;
            return;
        }
        // The handler has no answer yet.
        Outcome::Charged | Outcome::Continue | Outcome::Admitted => return,
        Outcome::NotBegun => Said::NotBegun,
        // The engine tells no verdict of what it could not evaluate.
        Outcome::Verdict(Verdict::Failed) => Said::No,
        Outcome::Verdict(verdict) => Said::Verdict(verdict),
        Outcome::Closed => Said::Closed,
        Outcome::Gone | Outcome::Busy | Outcome::Locked => Said::No,
    };
    phone.said |= said.bit();
}

fn bit_of(operation: Operation) -> u8 {
    match operation {
        Operation::Sign(key) => 1 << key,
        Operation::Rotate => 4,
        Operation::Sync => 8,
    }
}

impl Said {
    /// All that can be said.
    pub(crate) const ALL: [Self; 8] = [
        Self::Verdict(Verdict::Signed),
        Self::Verdict(Verdict::WrongPin),
        Self::Verdict(Verdict::Rotated),
        Self::Verdict(Verdict::NotAdvanced),
        Self::Verdict(Verdict::Advanced),
        Self::Closed,
        Self::No,
        Self::NotBegun,
    ];

    pub(crate) fn bit(self) -> u16 {
        Self::ALL
            .iter()
            .position(|said| *said == self)
            .map_or(0, |place| 1 << place)
    }
}

const _: () = assert!(MAX <= 15, "tokens and transactions have a bit each in 16");
