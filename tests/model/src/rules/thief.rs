//! The copy that keeps to no protocol: everything that can be made from what was copied.

use super::{Action, Copies, Model, Outcome, Step};
use crate::state::{Account, Operation, Phone, Stage, State, Submission, Token, Tx};

impl Model {
    pub(super) fn thief_actions(&self, state: &State, room: bool, all: &mut Vec<Action>) {
        if !state.ghost.copied {
            if self.bounds.copies != Copies::None && !state.phones[0].shut {
                all.push(Action::Copy);
            }
            return;
        }
        if self.bounds.copies != Copies::Hostile {
            return;
        }
        if room {
            for operation in self.operations() {
                all.push(Action::ThiefBegins { operation });
            }
        }
        if let Some(tx) = state.ghost.shared
            && state.tx(tx).submission.is_some()
            && !state.tx(tx).sent
        {
            all.push(Action::ThiefSends { tx });
        }
        for tx in 0..state.server.begun {
            let row = state.tx(tx);
            if state.thief.offers & (1 << tx) == 0 || row.stage != Stage::Awaiting || row.expired {
                continue;
            }
            for token in known(state) {
                self.submissions_of(state, tx, token, all);
            }
        }
    }

    fn submissions_of(&self, state: &State, tx: Tx, token: Token, all: &mut Vec<Action>) {
        let sign = matches!(state.tx(tx).operation, Operation::Sign(_));
        let sync = state.tx(tx).operation == Operation::Sync;
        let honest = (!sync).then(|| self.next(token, tx));
        // Without the check any known token may be named as the next one.
        let others = known(state).filter(|_| sync || !self.rules.next_checked);
        for next in honest.into_iter().chain(others) {
            for right in [false, true] {
                if sign || !right {
                    all.push(Action::ThiefSubmits {
                        tx,
                        token,
                        next,
                        right,
                    });
                }
            }
        }
    }

    pub(super) fn copy(&self, state: &mut State) {
        let phone = state.phones[0];
        state.ghost.copied = true;
        state.ghost.shared = phone.pending;
        match self.bounds.copies {
            Copies::Hostile => {
                state.thief.known = 1 << phone.token;
                if let Some(about) = phone.pending.and_then(|tx| state.tx(tx).submission) {
                    state.thief.known |= 1 << about.next;
                }
            }
            Copies::Honest | Copies::None => {
                state.phones[1] = Phone {
                    token: phone.token,
                    pending: phone.pending,
                    ..Phone::default()
                };
            }
        }
    }

    /// The submission is made when it arrives; making it earlier would gain nothing.
    pub(super) fn thief_submits(
        &self,
        step: &mut Step,
        tx: Tx,
        token: Token,
        next: Token,
        right: bool,
    ) {
        let row = step.state.tx_mut(tx);
        row.submission = Some(Submission {
            from: 1,
            token,
            next,
            right,
            pending: tx,
        });
        row.sent = true;
        let outcome = self.charge(step, tx);
        step.outcome = Some(outcome);
        if step.state.server.account == Account::Open {
            if matches!(outcome, Outcome::Busy | Outcome::Locked) {
                let row = step.state.tx_mut(tx);
                row.submission = None;
                row.sent = false;
            } else {
                step.state.thief.known |= 1 << next;
            }
        }
    }
}

fn known(state: &State) -> impl Iterator<Item = Token> + use<> {
    let known = state.thief.known;
    (0..16).filter(move |token| known & (1 << token) != 0)
}
