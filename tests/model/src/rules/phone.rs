//! `crates/device/src/transaction/*.rs`.

use super::{Action, Model, Said, bit_of};
use crate::state::{Account, Operation, Phone, State, Submission, Tx, Verdict, Waiting};

impl Model {
    pub(super) fn phone_actions(&self, state: &State, who: u8, all: &mut Vec<Action>) {
        let phone = state.phone(who);
        if phone.shut {
            return;
        }
        if *phone
            != (Phone {
                token: phone.token,
                pending: phone.pending,
                ..Phone::default()
            })
        {
            all.push(Action::Crash { who });
        }
        if phone.waiting == Waiting::Nothing {
            if let Some(tx) = phone.asked {
                for right in [true, false] {
                    for crash in [false, true] {
                        if !(crash && state.tx(tx).expired) {
                            all.push(Action::EnterPin { who, right, crash });
                        }
                    }
                }
            }
            if phone.pending.is_some() {
                all.push(Action::Settle { who });
            } else {
                for operation in self.operations() {
                    if operation != Operation::Sync {
                        all.push(Action::Begin { who, operation });
                    }
                }
            }
            if state.server.account == Account::Open {
                all.push(Action::Delete { who });
            }
            return;
        }
        all.push(Action::NoAnswer { who });
        for tx in 0..state.server.begun {
            if phone.offers & (1 << tx) != 0 {
                all.push(Action::HearOffer {
                    who,
                    tx,
                    crash: false,
                });
                if phone.waiting == Waiting::Begun(Operation::Rotate) {
                    all.push(Action::HearOffer {
                        who,
                        tx,
                        crash: true,
                    });
                }
            }
        }
        for said in Said::ALL {
            if phone.said & said.bit() != 0 {
                all.push(Action::Hear { who, said });
            }
        }
    }

    pub(super) fn phone_step(&self, state: &mut State, action: Action) {
        match action {
            Action::Begin { who, operation } => ask(state, who, operation),
            Action::Settle { who } => self.settle(state, who),
            Action::EnterPin { who, right, crash } => {
                let Some(tx) = state.phone_mut(who).asked.take() else {
                    return;
                };
                if !state.tx(tx).expired {
                    self.submit(state, who, tx, right, crash);
                }
            }
            Action::HearOffer { who, tx, crash } => self.hear_offer(state, who, tx, crash),
            Action::Hear { who, said } => self.hear(state, who, said),
            Action::NoAnswer { who } => {
                let phone = state.phone_mut(who);
                if phone.waiting == Waiting::Verdict && !self.rules.sync_before_dropping {
                    phone.pending = None;
                }
                wait_for(phone, Waiting::Nothing);
            }
            Action::Crash { who } => state.phone_mut(who).crash(),
            _ => unreachable!("all other actions are the server's, the network's or the thief's"),
        }
    }

    /// `settle`: sends again while that can still be taken, else asks.
    fn settle(&self, state: &mut State, who: u8) {
        let phone = state.phone(who);
        let Some(tx) = phone.pending else {
            return;
        };
        if !phone.doubt && !state.tx(tx).expired {
            state.tx_mut(tx).sent = true;
            wait_for(state.phone_mut(who), Waiting::Verdict);
        } else {
            ask(state, who, Operation::Sync);
        }
    }

    fn hear_offer(&self, state: &mut State, who: u8, tx: Tx, crash: bool) {
        let phone = state.phone_mut(who);
        let Waiting::Begun(operation) = phone.waiting else {
            return;
        };
        wait_for(phone, Waiting::Nothing);
        match operation {
            Operation::Sign(_) => phone.asked = Some(tx),
            Operation::Rotate => self.submit(state, who, tx, false, crash),
            Operation::Sync => {
                let Some(pending) = phone.pending else {
                    return;
                };
                let token = phone.token;
                let next = state.tx(pending).submission.map_or(0, |about| about.next);
                wait_for(state.phone_mut(who), Waiting::Sync(tx));
                let row = state.tx_mut(tx);
                row.submission = Some(Submission {
                    from: who,
                    token,
                    next,
                    right: false,
                    pending,
                });
                row.sent = true;
            }
        }
    }

    /// Stores the submission, then sends it.
    fn submit(&self, state: &mut State, who: u8, tx: Tx, right: bool, crash: bool) {
        let token = state.phone(who).token;
        let next = self.next(token, tx);
        let row = state.tx_mut(tx);
        row.submission = Some(Submission {
            from: who,
            token,
            next,
            right,
            pending: tx,
        });
        row.sent = !crash;
        let phone = state.phone_mut(who);
        phone.pending = Some(tx);
        if crash {
            phone.crash();
        } else {
            wait_for(phone, Waiting::Verdict);
        }
    }

    /// `judged`, `synced` and `not_begun`.
    fn hear(&self, state: &mut State, who: u8, said: Said) {
        let phone = *state.phone(who);
        let next = phone
            .pending
            .and_then(|tx| state.tx(tx).submission)
            .map_or(0, |about| about.next);
        let now = state.phone_mut(who);
        match (phone.waiting, said) {
            (
                Waiting::Verdict,
                Said::Verdict(Verdict::Signed | Verdict::WrongPin | Verdict::Rotated),
            ) => {
                wait_for(now, Waiting::Nothing);
                now.promote(next);
            }
            (Waiting::Sync(_), Said::Verdict(Verdict::Advanced)) => {
                wait_for(now, Waiting::Nothing);
                now.promote(next);
                now.doubt = false;
            }
            (Waiting::Sync(_), Said::Verdict(Verdict::NotAdvanced)) => {
                wait_for(now, Waiting::Nothing);
                now.pending = None;
                now.doubt = false;
            }
            (Waiting::Verdict | Waiting::Sync(_), Said::Closed) => {
                now.crash();
                now.pending = None;
                now.shut = true;
            }
            (Waiting::Verdict, _) if self.rules.sync_before_dropping => {
                now.doubt = true;
                ask(state, who, Operation::Sync);
            }
            (Waiting::Verdict, _) => {
                wait_for(now, Waiting::Nothing);
                now.pending = None;
            }
            _ => wait_for(now, Waiting::Nothing),
        }
    }
}

/// Sends a begin request.
fn ask(state: &mut State, who: u8, operation: Operation) {
    state.begins |= bit_of(operation);
    let phone = state.phone_mut(who);
    // A new request on the screen takes the place of the old one.
    phone.asked = None;
    wait_for(phone, Waiting::Begun(operation));
}

fn wait_for(phone: &mut Phone, what: Waiting) {
    phone.waiting = what;
    phone.offers = 0;
    phone.said = 0;
}
