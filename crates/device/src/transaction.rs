//! Requests that wait, and the person's answers to them.

mod links;
mod offer;
mod settlement;
mod submission;

use crate::{
    Contradiction, Effect, INTERACTIONS, KeyView, KeyViewState, Method, PendingView, Phone,
    PinEntry, PinRefusal, Problem, RequestView, View,
    code_choice::three_codes,
    exchange::{Answer, Awaiting, Body, Next, Purpose, Step},
    phone::Flow,
    state::UnsentRefusal,
    view::purpose_of,
};
pub(crate) use offer::Chosen;
use offer::{Verifier, return_address};
pub(crate) use settlement::Doubt;
use wire::{
    InteractionType, Interactions, SessionId, VerificationCode,
    device_v1::{self, PendingSession, PendingTransactions, Refusal},
};

impl Phone {
    /// Asks what waits.
    pub(crate) fn list(&mut self, next: Next, step: &mut Step<'_>) {
        let Some(account) = &self.state.account else {
            return;
        };
        let device = account.device();
        self.send(
            step,
            Method::Get,
            "/transactions",
            Body::None,
            Some(device),
            Awaiting::PendingList(next),
        );
    }

    pub(crate) fn listed(&mut self, answer: Answer, next: Next, step: &mut Step<'_>) {
        let list = match answer.json::<PendingTransactions>("the list of requests") {
            Ok(list) => list,
            Err(problem) => return self.account_problem(problem, step),
        };
        self.keys = list.account.keys.iter().map(key_view).collect();
        self.listed = list.pending;
        if self.refuse_unexpected(step) {
            return;
        }
        if let Next::Open(session) = next {
            return match self
                .listed
                .iter()
                .find(|listed| listed.session_id == session)
            {
                Some(_) => self.open(session, step),
                None => step.problem(Problem::RequestGone),
            };
        }
        let pending = self.listed.iter().map(pending_view).collect();
        if let Some(account) = self.account() {
            step.show(View::Home { account, pending });
        }
    }

    /// Opens a request of the list; one that is not on it is looked for once.
    pub(crate) fn open(&mut self, session: SessionId, step: &mut Step<'_>) {
        self.flow = Flow::Idle;
        let Some(listed) = self
            .listed
            .iter()
            .find(|listed| listed.session_id == session)
        else {
            return self.list(Next::Open(session), step);
        };
        if step.now >= listed.expires_at {
            return step.problem(Problem::RequestGone);
        }
        let listed = Box::new(listed.clone());
        if self
            .expected
            .as_ref()
            .is_some_and(|expected| Some(expected.session) == listed.linked_session_id)
        {
            self.expected = None;
        }
        if listed.kind == device_v1::RequestKind::CertificateChoice {
            // Confirming the certificate is confirming the device.
            step.show(View::ChooseCertificate(pending_view(&listed)));
            self.flow = Flow::ChoosingCertificate(listed);
        } else if listed.several_devices {
            step.show(View::ConfirmDevice(pending_view(&listed)));
            self.flow = Flow::ConfirmingDevice(listed);
        } else {
            self.begin(
                Purpose::Sign {
                    listed,
                    confirmed: None,
                },
                step,
            );
        }
    }

    pub(crate) fn confirm(&mut self, step: &mut Step<'_>) {
        match std::mem::replace(&mut self.flow, Flow::Idle) {
            Flow::ConfirmingDevice(listed) => self.begin(
                Purpose::Sign {
                    listed,
                    confirmed: None,
                },
                step,
            ),
            Flow::ChoosingCertificate(listed) => self.consent(listed, step),
            Flow::Deciding(chosen)
                if chosen.request.interaction == InteractionType::ConfirmationMessage =>
            {
                self.ask_pin(chosen, step);
            }
            other => self.flow = other,
        }
    }

    pub(crate) fn choose_code(&mut self, code: &VerificationCode, step: &mut Step<'_>) {
        match std::mem::replace(&mut self.flow, Flow::Idle) {
            Flow::Deciding(chosen) if chosen.request.interaction.has_code_choice() => {
                if Some(code) == chosen.request.verification_code.as_ref() {
                    self.ask_pin(chosen, step);
                } else {
                    self.refuse_chosen(*chosen, Refusal::WrongVerificationCode {}, step);
                }
            }
            other => self.flow = other,
        }
    }

    pub(crate) fn enter_pin(&mut self, pin: &PinEntry, step: &mut Step<'_>) {
        let Flow::AskingPin(chosen) = &self.flow else {
            return;
        };
        if step.now >= chosen.expires_at {
            self.flow = Flow::Idle;
            return step.problem(Problem::RequestGone);
        }
        let purpose = chosen.request.purpose();
        match pin.parse(purpose) {
            Err(problem) => {
                let refusal = Some(PinRefusal { purpose, problem });
                step.show(View::EnterPin {
                    request: chosen.request.clone(),
                    refusal,
                });
            }
            Ok(pin) => {
                if let Flow::AskingPin(chosen) = std::mem::replace(&mut self.flow, Flow::Idle) {
                    self.sign(*chosen, &pin, step);
                }
            }
        }
    }

    /// The same request once more; what was confirmed need not be confirmed again if it is still the same.
    pub(crate) fn try_again(&mut self, step: &mut Step<'_>) {
        let Flow::MayRetry(confirmed) = std::mem::replace(&mut self.flow, Flow::Idle) else {
            return;
        };
        let listed = self
            .listed
            .iter()
            .find(|listed| listed.session_id == confirmed.session_id)
            .cloned();
        match listed {
            Some(listed) => {
                self.begin(
                    Purpose::Sign {
                        listed: Box::new(listed),
                        confirmed: Some(confirmed),
                    },
                    step,
                );
            }
            None => self.proceed(Next::Open(confirmed.session_id), step),
        }
    }

    pub(crate) fn refuse(&mut self, step: &mut Step<'_>) {
        match std::mem::replace(&mut self.flow, Flow::Idle) {
            Flow::ConfirmingDevice(listed) => {
                self.refuse_session(listed.session_id, Refusal::DeviceChoice {}, None, step)
            }
            Flow::ChoosingCertificate(listed) => {
                // "Which of your devices?" is what a certificate choice asks if there are several.
                let refusal = if listed.several_devices {
                    Refusal::DeviceChoice {}
                } else {
                    Refusal::User {}
                };
                self.refuse_session(listed.session_id, refusal, None, step);
            }
            Flow::Deciding(chosen) => {
                let interaction = chosen.request.interaction;
                self.refuse_chosen(*chosen, Refusal::Interaction { interaction }, step);
            }
            Flow::AskingPin(chosen) => {
                let interaction = match chosen.request.interaction {
                    // RP API v2 §2.3.11.5: once the right code is chosen, what is cancelled is the PIN screen.
                    InteractionType::VerificationCodeChoice => InteractionType::DisplayTextAndPin,
                    other => other,
                };
                self.refuse_chosen(*chosen, Refusal::Interaction { interaction }, step);
            }
            Flow::MayRetry(request) => {
                self.refuse_session(request.session_id, Refusal::User {}, None, step)
            }
            Flow::Enrolling(draft) => {
                self.flow = Flow::Enrolling(draft);
                self.refuse_registration(step);
            }
            Flow::Idle if self.state.enrolment.is_some() => self.refuse_registration(step),
            Flow::Idle => {}
        }
    }

    fn refuse_chosen(&mut self, chosen: Chosen, refusal: Refusal, step: &mut Step<'_>) {
        self.refuse_session(chosen.request.session_id, refusal, chosen.return_to, step);
    }

    /// Remembers the refusal before it is sent: a wrong code must not get a second choice after a crash.
    fn refuse_session(
        &mut self,
        session: SessionId,
        refusal: Refusal,
        return_to: Option<String>,
        step: &mut Step<'_>,
    ) {
        // Nothing is signed, so any verifier is as good as another.
        let return_to = return_to.or_else(|| {
            let verifier = Verifier::new(step);
            let listed = self
                .listed
                .iter()
                .find(|listed| listed.session_id == session)?;
            return_address(listed, &verifier)
        });
        let Some(account) = &mut self.state.account else {
            return;
        };
        account.refusal = Some(UnsentRefusal {
            session,
            refusal,
            return_to,
        });
        self.listed.retain(|listed| listed.session_id != session);
        self.persist(step);
        step.show(View::Refused {
            wrong_code: refusal == Refusal::WrongVerificationCode {},
        });
        self.send_refusal(Next::Stay, step);
    }

    /// Sends a refusal that waits, if one does.
    pub(crate) fn send_refusal(&mut self, next: Next, step: &mut Step<'_>) -> bool {
        let Some(account) = &self.state.account else {
            return false;
        };
        let Some(UnsentRefusal {
            session, refusal, ..
        }) = &account.refusal
        else {
            return false;
        };
        let (path, body, device) = (
            format!("/sessions/{session}/refusal"),
            Body::json(refusal),
            account.device(),
        );
        self.send(
            step,
            Method::Post,
            &path,
            body,
            Some(device),
            Awaiting::RefusalTaken(next),
        );
        true
    }

    pub(crate) fn refusal_taken(&mut self, answer: Answer, next: Next, step: &mut Step<'_>) {
        let over = match answer.body() {
            Ok(_) => true,
            // Whatever the request came to, there is nothing left to refuse; another phone may have said yes.
            Err(Problem::Server { code, .. })
                if code == "session_gone" || code == "session_completing" =>
            {
                step.problem(Problem::RequestGone);
                true
            }
            Err(problem) => {
                self.account_problem(problem, step);
                false
            }
        };
        if !over {
            return;
        }
        let refused = self
            .state
            .account
            .as_mut()
            .and_then(|account| account.refusal.take());
        self.persist(step);
        if let Some(url) = refused.and_then(|refused| refused.return_to) {
            step.effects.push(Effect::OpenUrl(url));
        }
        if next != Next::Stay {
            self.proceed(next, step);
        }
    }

    /// Deletes the account: at the server first, then here.
    pub(crate) fn delete(&mut self, step: &mut Step<'_>) {
        match &self.state.account {
            Some(account) => {
                let device = account.device();
                let awaiting = Awaiting::AccountDeleted;
                self.send(
                    step,
                    Method::Delete,
                    "/account",
                    Body::None,
                    Some(device),
                    awaiting,
                );
            }
            None if self.state.enrolment.is_some() => self.refuse_registration(step),
            None => self.wipe(step),
        }
    }

    pub(crate) fn deleted(&mut self, answer: Answer, step: &mut Step<'_>) {
        match answer.body() {
            Ok(_) => self.wipe(step),
            Err(Problem::Server { code, .. }) if code == "account_closed" => self.wipe(step),
            Err(problem) => step.problem(problem),
        }
    }

    fn wipe(&mut self, step: &mut Step<'_>) {
        *self = Self::new(None);
        step.effects.push(Effect::Wipe);
        step.show(View::Deleted);
    }

    /// Shows a problem that the account's server told, in the view that it has.
    ///
    /// Nothing is erased on such an answer: it is not sealed, and whoever ends the TLS could have made it.
    pub(crate) fn account_problem(&mut self, problem: Problem, step: &mut Step<'_>) {
        let Problem::Server { code, .. } = &problem else {
            return step.problem(problem);
        };
        match (code.as_str(), &self.state.account) {
            ("account_closed", Some(account)) => {
                step.show(View::AccountClosed {
                    document_number: account.document_number.clone(),
                });
            }
            ("session_gone" | "session_completing", _) => step.problem(Problem::RequestGone),
            ("no_common_interaction", _) => step.problem(Problem::NoCommonInteraction),
            ("cannot_open", _) => {
                self.stale_key = true;
                step.problem(Problem::Unsettled);
            }
            _ => step.problem(problem),
        }
    }

    /// Shows the request that was begun, and asks what its interaction asks.
    fn decide(
        &mut self,
        chosen: Box<Chosen>,
        confirmed: Option<&RequestView>,
        step: &mut Step<'_>,
    ) {
        if confirmed == Some(&chosen.request) {
            return self.ask_pin(chosen, step);
        }
        match chosen.request.interaction {
            InteractionType::DisplayTextAndPin => return self.ask_pin(chosen, step),
            InteractionType::ConfirmationMessage => {
                step.show(View::Confirm(chosen.request.clone()))
            }
            InteractionType::ConfirmationMessageAndVerificationCodeChoice
            | InteractionType::VerificationCodeChoice => {
                let request = chosen.request.clone();
                let Some(code) = &request.verification_code else {
                    return step.contradiction(Contradiction::VerificationCode);
                };
                let codes = three_codes(step.keystore, request.session_id, code);
                step.show(View::ChooseCode { request, codes });
            }
        }
        self.flow = Flow::Deciding(chosen);
    }

    fn ask_pin(&mut self, chosen: Box<Chosen>, step: &mut Step<'_>) {
        step.show(View::EnterPin {
            request: chosen.request.clone(),
            refusal: None,
        });
        self.flow = Flow::AskingPin(chosen);
    }

    /// Begins a transaction. While a submission is unsettled, only a sync (splitkey.md §4.3).
    pub(crate) fn begin(&mut self, purpose: Purpose, step: &mut Step<'_>) {
        let Some(account) = &self.state.account else {
            return;
        };
        if account.pending.is_some() && !matches!(purpose, Purpose::Sync(_)) {
            return step.problem(Problem::Unsettled);
        }
        let (operation, session_id, interaction_types) = match &purpose {
            Purpose::Sign { listed, .. } => (
                device_v1::Operation::Sign,
                Some(listed.session_id),
                INTERACTIONS.to_vec(),
            ),
            Purpose::Rotate(_) => (device_v1::Operation::Rotate, None, Vec::new()),
            Purpose::Sync(_) => (device_v1::Operation::Sync, None, Vec::new()),
        };
        let begin = device_v1::Begin {
            operation,
            seq: account.seq,
            session_id,
            interaction_types,
        };
        let (body, device) = (Body::json(&begin), account.device());
        self.send(
            step,
            Method::Post,
            "/transactions",
            body,
            Some(device),
            Awaiting::Begun(purpose),
        );
    }

    pub(crate) fn begin_rotation(&mut self, next: Next, step: &mut Step<'_>) {
        // What follows must not rotate again.
        let next = if next == Next::RotateThenHome {
            Next::Home
        } else {
            next
        };
        self.begin(Purpose::Rotate(next), step);
    }

    pub(crate) fn begun(&mut self, purpose: Purpose, answer: Answer, step: &mut Step<'_>) {
        let offer = match answer.json::<device_v1::TransactionOffer>("the transaction") {
            Ok(offer) => offer,
            Err(problem) => return self.not_begun(&purpose, problem, step),
        };
        let operation = match purpose {
            Purpose::Sign { .. } => device_v1::Operation::Sign,
            Purpose::Rotate(_) => device_v1::Operation::Rotate,
            Purpose::Sync(_) => device_v1::Operation::Sync,
        };
        if offer.operation != operation {
            return step.contradiction(Contradiction::Malformed("the transaction"));
        }
        match purpose {
            Purpose::Rotate(next) => self.rotate(&offer, next, step),
            Purpose::Sync(next) => self.sync(&offer, next, step),
            Purpose::Sign { listed, confirmed } => {
                let (Some(account), Some(server)) = (&self.state.account, &self.state.server)
                else {
                    return;
                };
                match Chosen::check(&offer, &listed, account, server, step) {
                    Ok(chosen) => self.decide(Box::new(chosen), confirmed.as_deref(), step),
                    Err(contradiction) => step.contradiction(contradiction),
                }
            }
        }
    }

    fn not_begun(&mut self, purpose: &Purpose, problem: Problem, step: &mut Step<'_>) {
        if let (Purpose::Sign { listed, .. }, Problem::Server { code, .. }) = (purpose, &problem) {
            let purpose = purpose_of(listed.kind);
            let until = self
                .keys
                .iter()
                .find(|key| key.purpose == purpose)
                .and_then(|key| match key.state {
                    KeyViewState::Locked { until } => until,
                    _ => None,
                });
            match code.as_str() {
                "key_locked" => return step.show(View::Locked { purpose, until }),
                "key_closed" => {
                    return step.show(View::Locked {
                        purpose,
                        until: None,
                    });
                }
                _ => {}
            }
        }
        self.account_problem(problem, step);
    }
}

/// A request of the list as it is shown.
pub(crate) fn pending_view(listed: &PendingSession) -> PendingView {
    let interactions = listed
        .interactions
        .as_ref()
        .and_then(|interactions| Interactions::parse(interactions).ok());
    let interaction = interactions
        .as_ref()
        .and_then(|interactions| interactions.first_supported(INTERACTIONS));
    let text = interactions
        .as_ref()
        .zip(interaction)
        .and_then(|(interactions, kind)| interactions.text(kind));
    // Whoever is to choose the right code must not read it in the list.
    let told = matches!(
        interaction,
        Some(InteractionType::DisplayTextAndPin | InteractionType::ConfirmationMessage)
    );
    PendingView {
        session_id: listed.session_id,
        kind: listed.kind,
        relying_party_name: listed.relying_party_name.clone(),
        brokered_rp_name: listed.brokered_rp_name.clone(),
        text: text.map(str::to_owned),
        verification_code: listed.verification_code.clone().filter(|_| told),
        several_devices: listed.several_devices,
        expires_at: listed.expires_at,
    }
}

fn key_view(status: &device_v1::KeyStatus) -> KeyView {
    KeyView {
        purpose: match status.purpose {
            device_v1::Purpose::Authentication => splitkey::Purpose::Authentication,
            device_v1::Purpose::Signature => splitkey::Purpose::Signature,
        },
        state: match status.state.as_str() {
            "ready" => KeyViewState::Ready {
                attempts_left: status.attempts_left,
            },
            "locked" => KeyViewState::Locked {
                until: status.locked_until,
            },
            _ => KeyViewState::Destroyed,
        },
    }
}
