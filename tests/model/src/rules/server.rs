//! `crates/engine/src/service/{begin,submit,sync,evaluate,jobs}.rs`.

use super::{Model, Outcome, Step, Violation};
use crate::state::{Account, Operation, Stage, State, Submission, Transaction, Tx, Verdict};

impl Model {
    /// `begin`: supersedes whatever awaits a submission.
    pub(super) fn begin(&self, state: &mut State, operation: Operation) -> Outcome {
        if state.server.account != Account::Open {
            return Outcome::NotBegun;
        }
        if let Operation::Sign(key) = operation
            && state.server.keys[usize::from(key)].locked
        {
            return Outcome::NotBegun;
        }
        if self.rules.cancel_at_begin {
            cancel_awaiting(state);
        }
        let tx = state.server.begun;
        state.server.begun += 1;
        *state.tx_mut(tx) = Transaction {
            operation,
            stage: Stage::Awaiting,
            ..Transaction::default()
        };
        Outcome::Offer(tx)
    }

    /// `submit`: step 3 without a lock, then step 4, or the stored answer.
    pub(super) fn arrive(&self, step: &mut Step, tx: Tx) -> Outcome {
        if !self.rules.liveness_first
            && step.state.server.account == Account::Open
            && step.state.tx(tx).operation != Operation::Sync
            && self.submission(&step.state, tx).token != step.state.server.token
        {
            self.close(&mut step.state, Account::Cloned);
            return Outcome::Closed;
        }
        let row = step.state.tx(tx);
        match row.stage {
            Stage::Awaiting if !row.expired => self.charge(step, tx),
            Stage::Done(verdict) => Outcome::Verdict(verdict),
            Stage::Processing => Outcome::Verdict(self.evaluate(&mut step.state, tx)),
            _ => Outcome::Gone,
        }
    }

    /// Transaction 1, under the lock.
    pub(super) fn charge(&self, step: &mut Step, tx: Tx) -> Outcome {
        let state = &mut step.state;
        let row = *state.tx(tx);
        let submission = self.submission(state, tx);
        if self.rules.recheck {
            match row.stage {
                Stage::Awaiting if !row.expired => {}
                Stage::Done(verdict) => return Outcome::Verdict(verdict),
                Stage::Processing => return Outcome::Verdict(self.evaluate(state, tx)),
                _ => return Outcome::Gone,
            }
        }
        if state.server.account != Account::Open {
            return Outcome::Closed;
        }
        match row.operation {
            Operation::Sync => self.sync(step, tx, submission),
            Operation::Rotate => {
                if submission.token != state.server.token {
                    self.close(state, Account::Cloned);
                    return Outcome::Closed;
                }
                self.spend(step, tx, submission);
                step.state.tx_mut(tx).stage = Stage::Done(Verdict::Rotated);
                Outcome::Verdict(Verdict::Rotated)
            }
            Operation::Sign(key) => self.charge_attempt(step, tx, submission, key),
        }
    }

    fn charge_attempt(&self, step: &mut Step, tx: Tx, submission: Submission, key: u8) -> Outcome {
        let state = &mut step.state;
        let place = usize::from(key);
        if submission.token != state.server.token && (self.rules.whatever_pin || submission.right) {
            self.close(state, Account::Cloned);
            return Outcome::Closed;
        }
        if self.rules.one_at_a_time && state.server.keys[place].in_flight.is_some() {
            return Outcome::Busy;
        }
        if state.server.keys[place].locked {
            return Outcome::Locked;
        }
        if !self.rules.charge_first && !submission.right {
            // The verdict is seen, and the process dies before it commits.
            state.ghost.evaluated[place] += 1;
            return Outcome::Verdict(Verdict::WrongPin);
        }
        state.server.keys[place].failed += 1;
        state.server.keys[place].in_flight = Some(tx);
        self.spend(step, tx, submission);
        step.state.tx_mut(tx).stage = Stage::Processing;
        Outcome::Charged
    }

    /// Op 3: compares both tokens.
    fn sync(&self, step: &mut Step, tx: Tx, submission: Submission) -> Outcome {
        let state = &mut step.state;
        let pending = submission.pending;
        if pending != tx && state.tx(pending).stage == Stage::Processing {
            self.evaluate(state, pending);
            return Outcome::Continue;
        }
        let verdict = if submission.token == state.server.token {
            if pending != tx && state.tx(pending).stage == Stage::Awaiting {
                state.tx_mut(pending).stage = Stage::Over;
            }
            Verdict::NotAdvanced
        } else if submission.next == state.server.token {
            Verdict::Advanced
        } else {
            self.close(state, Account::Cloned);
            return Outcome::Closed;
        };
        state.tx_mut(tx).stage = Stage::Done(verdict);
        if state.ghost.branch != 0 && state.ghost.branch != submission.from + 1 {
            step.violation = Some(Violation::Undetected);
        }
        Outcome::Verdict(verdict)
    }

    /// The chain moves on.
    fn spend(&self, step: &mut Step, tx: Tx, submission: Submission) {
        let state = &mut step.state;
        state.server.token = submission.next;
        state.server.seq += 1;
        let ghost = &mut state.ghost;
        if ghost.copied && ghost.shared != Some(tx) {
            let branch = submission.from + 1;
            if ghost.branch == 0 {
                ghost.branch = branch;
            } else if ghost.branch != branch {
                step.violation = Some(Violation::TwoBranches);
            }
        }
    }

    /// Transaction 2.
    pub(super) fn evaluate(&self, state: &mut State, tx: Tx) -> Verdict {
        let right = self.submission(state, tx).right;
        let late = state.tx(tx).overdue;
        let verdict = match state.tx(tx).operation {
            Operation::Sign(key) => {
                let place = usize::from(key);
                let ours = state.server.keys[place].in_flight == Some(tx);
                let counter = &mut state.server.keys[place];
                if state.server.account != Account::Open || (!ours && self.rules.one_at_a_time) {
                    Verdict::Failed
                } else {
                    counter.in_flight = None;
                    if right {
                        counter.failed = 0;
                        counter.locked = false;
                        state.ghost.evaluated[place] = 0;
                        state.ghost.unlocks[place] = 0;
                        // The PIN was right, but nobody waits for the signature any more.
                        if late {
                            Verdict::Failed
                        } else {
                            Verdict::Signed
                        }
                    } else {
                        counter.locked |= counter.failed.is_multiple_of(self.bounds.tries);
                        state.ghost.evaluated[place] += 1;
                        Verdict::WrongPin
                    }
                }
            }
            Operation::Rotate | Operation::Sync => unreachable!("only signing is evaluated"),
        };
        let row = state.tx_mut(tx);
        row.stage = Stage::Done(verdict);
        row.overdue = false;
        verdict
    }

    /// Given up: the attempt stays charged, with the lock that follows.
    pub(super) fn abandon(&self, state: &mut State, tx: Tx) {
        if let Operation::Sign(key) = state.tx(tx).operation {
            let counter = &mut state.server.keys[usize::from(key)];
            if counter.in_flight == Some(tx) {
                counter.in_flight = None;
                counter.locked |= counter.failed.is_multiple_of(self.bounds.tries);
            }
        }
        let row = state.tx_mut(tx);
        row.stage = Stage::Done(Verdict::Failed);
        row.overdue = false;
    }

    /// `close_in`.
    pub(super) fn close(&self, state: &mut State, account: Account) {
        state.server.account = account;
        for key in &mut state.server.keys {
            key.in_flight = None;
        }
        cancel_awaiting(state);
    }

    fn submission(&self, state: &State, tx: Tx) -> Submission {
        state
            .tx(tx)
            .submission
            .expect("only what was sent arrives, and only what arrived is evaluated")
    }
}

fn cancel_awaiting(state: &mut State) {
    for tx in 0..state.server.begun {
        let row = state.tx_mut(tx);
        if row.stage == Stage::Awaiting {
            row.stage = Stage::Over;
        }
    }
}
