//! What became of a submission: verdicts, and the inquiry when there is none (splitkey.md §4.3).

use super::offer::scheme;
use crate::{
    Contradiction, Effect, Phone, Problem, View,
    exchange::{Answer, Next, Purpose, Step},
    phone::Flow,
    state::{ClosedAccount, PendingSignature},
    view::lock_end,
};
use splitkey::seal::ResponseOpener;
use wire::device_v1::Verdict;

/// Why the phone has to ask what became of a submission.
pub(crate) enum Doubt {
    /// A refusal; shown once it is certain that nothing was charged.
    Refused {
        code: String,
        locked_seconds: Option<u64>,
    },
    /// The answer is no verdict of this submission.
    NoVerdict,
}

impl Phone {
    /// Settles a pending submission, if there is one: sends it again while it can still be taken, else asks.
    pub(crate) fn settle(&mut self, next: Next, step: &mut Step<'_>) -> bool {
        let Some(pending) = self
            .state
            .account
            .as_ref()
            .and_then(|account| account.pending.as_ref())
        else {
            return false;
        };
        if self.doubt.is_none() && step.now < pending.expires_at {
            self.send_pending(next, step);
        } else {
            self.begin(Purpose::Sync(next), step);
        }
        true
    }

    /// The answer to a submission.
    pub(crate) fn judged(&mut self, answer: Answer, next: Next, step: &mut Step<'_>) {
        let body = match answer {
            Answer::Good(body) => body,
            // Whether it arrived is unknown; Refresh sends it again.
            Answer::Missing => return step.problem(Problem::NoAnswer),
            Answer::Bad { code, .. } => {
                self.stale_key |= code == "cannot_open";
                return self.inquire(Doubt::NoVerdict, next, step);
            }
        };
        let Some(pending) = self
            .state
            .account
            .as_ref()
            .and_then(|account| account.pending.as_ref())
        else {
            return;
        };
        let verdict = pending
            .exchange
            .open(&body)
            .and_then(|plaintext| serde_json::from_slice::<Verdict>(&plaintext).ok());
        match (verdict, pending.signing.is_some()) {
            (Some(verdict @ (Verdict::Signed { .. } | Verdict::WrongPin { .. })), true)
            | (Some(verdict @ Verdict::Rotated { .. }), false) => self.accept(verdict, next, step),
            (Some(Verdict::Refused { code, .. }), _) if code == "account_closed" => {
                self.close(step)
            }
            (
                Some(Verdict::Refused {
                    code,
                    locked_seconds,
                }),
                _,
            ) => {
                self.inquire(
                    Doubt::Refused {
                        code,
                        locked_seconds,
                    },
                    next,
                    step,
                );
            }
            _ => self.inquire(Doubt::NoVerdict, next, step),
        }
    }

    /// The answer to a sync.
    pub(crate) fn synced(
        &mut self,
        opener: &ResponseOpener,
        answer: Answer,
        next: Next,
        step: &mut Step<'_>,
    ) {
        let body = match answer {
            Answer::Good(body) => body,
            Answer::Missing => return step.problem(Problem::NoAnswer),
            Answer::Bad {
                status,
                code,
                detail,
            } => {
                return self.account_problem(
                    Problem::Server {
                        status,
                        code,
                        detail,
                    },
                    step,
                );
            }
        };
        let verdict = opener
            .open(&body)
            .ok()
            .and_then(|plaintext| serde_json::from_slice::<Verdict>(&plaintext).ok());
        match verdict {
            Some(Verdict::NotAdvanced) => {
                // It never arrived, and now never will.
                let pending = self
                    .state
                    .account
                    .as_mut()
                    .and_then(|account| account.pending.take());
                self.persist(step);
                let doubt = self.doubt.take();
                if let Some(signing) = pending.and_then(|pending| pending.signing) {
                    step.show(not_sent(signing, doubt, step.now));
                }
                self.resume(next, step);
            }
            Some(Verdict::Advanced { verdict }) => {
                self.doubt = None;
                self.settled(verdict.map(|verdict| *verdict), next, step);
            }
            Some(Verdict::Refused { code, .. }) if code == "account_closed" => self.close(step),
            _ => step.problem(Problem::Unsettled),
        }
    }

    /// A verdict on the submission itself. A signature that does not verify promotes nothing: who can make it holds the
    /// other half of the key, so this is how the phone knows its server (splitkey.md §4.2 step 10).
    fn accept(&mut self, verdict: Verdict, next: Next, step: &mut Step<'_>) {
        if let Verdict::Signed { signature, .. } = &verdict {
            let verified = self.state.account.as_ref().is_some_and(|account| {
                let signing = account
                    .pending
                    .as_ref()
                    .and_then(|pending| pending.signing.as_ref());
                signing.is_some_and(|signing| self.verifies(signing, signature.as_ref()))
            });
            if !verified {
                step.contradiction(Contradiction::Signature);
                return self.inquire(Doubt::NoVerdict, next, step);
            }
        }
        self.settled(Some(verdict), next, step);
    }

    /// T_{i+1} is the server's current token: promotes it, and shows the verdict as far as there is one.
    fn settled(&mut self, verdict: Option<Verdict>, next: Next, step: &mut Step<'_>) {
        let Some(account) = &mut self.state.account else {
            return;
        };
        let signing = account.promote();
        self.persist(step);
        let Some(signing) = signing else {
            if next == Next::Rotate {
                return step.show(View::Rotated);
            }
            return self.resume(next, step);
        };
        match verdict {
            Some(Verdict::Signed { signature, .. }) => {
                if self.verifies(&signing, signature.as_ref()) {
                    step.show(View::Completed(signing.request));
                    return_to(signing.return_to, step);
                } else {
                    step.contradiction(Contradiction::Signature);
                }
            }
            Some(Verdict::WrongPin {
                attempts_left,
                locked_seconds,
                r#final,
                ..
            }) => {
                let locked_until = lock_end(locked_seconds, step.now);
                if attempts_left > 0 && locked_until.is_none() && !r#final {
                    self.flow = Flow::MayRetry(Box::new(signing.request.clone()));
                }
                step.show(View::WrongPin {
                    request: signing.request,
                    attempts_left,
                    locked_until,
                    destroyed: r#final,
                });
            }
            Some(Verdict::Refused { code, .. }) => {
                step.show(View::Failed {
                    request: signing.request,
                    code: Some(code),
                });
                return_to(signing.return_to, step);
            }
            _ => {
                step.show(View::Failed {
                    request: signing.request,
                    code: None,
                });
                return_to(signing.return_to, step);
            }
        }
        self.resume(next, step);
    }

    fn verifies(&self, signing: &PendingSignature, signature: &[u8]) -> bool {
        let Some(account) = &self.state.account else {
            return false;
        };
        account
            .record(signing.request.purpose())
            .is_ok_and(|record| {
                let scheme = scheme(signing.signature_algorithm, signing.hash_algorithm);
                record
                    .context()
                    .public_key
                    .verify(scheme, signing.digest.as_ref(), signature)
                    .is_ok()
            })
    }

    /// Asks, because of a doubt. The pending submission stays until its answer.
    fn inquire(&mut self, doubt: Doubt, next: Next, step: &mut Step<'_>) {
        self.doubt = Some(doubt);
        self.proceed(next, step);
    }

    /// The server, by a sealed answer, says that there are two copies of this phone, or that the account is closed:
    /// nothing that is left here is of use to anybody but a thief.
    fn close(&mut self, step: &mut Step<'_>) {
        let Some(account) = self.state.account.take() else {
            return;
        };
        let document_number = account.document_number.clone();
        self.state.closed = Some(ClosedAccount {
            document_number: document_number.clone(),
        });
        self.flow = Flow::Idle;
        self.listed.clear();
        self.persist(step);
        step.show(View::AccountClosed { document_number });
    }

    fn resume(&mut self, next: Next, step: &mut Step<'_>) {
        if next != Next::Stay {
            self.proceed(next, step);
        }
    }
}

/// Back to the e-service (RP API v3, "Callback URLs").
fn return_to(url: Option<String>, step: &mut Step<'_>) {
    step.effects.extend(url.map(Effect::OpenUrl));
}

fn not_sent(signing: PendingSignature, doubt: Option<Doubt>, now: jiff::Timestamp) -> View {
    let request = signing.request;
    match doubt {
        Some(Doubt::Refused {
            code,
            locked_seconds,
        }) if code == "locked" => View::Locked {
            purpose: request.purpose(),
            until: lock_end(locked_seconds, now),
        },
        Some(Doubt::Refused { code, .. }) if code == "key_closed" => View::Locked {
            purpose: request.purpose(),
            until: None,
        },
        Some(Doubt::Refused { code, .. }) => View::Failed {
            request,
            code: Some(code),
        },
        Some(Doubt::NoVerdict) | None => View::NotSent(request),
    }
}
