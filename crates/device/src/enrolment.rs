//! From a phone without an account to one with two keys (splitkey.md §2), or to nothing.

mod completion;
mod offer;
mod proofs;

use crate::{
    ChosenPins, Contradiction, Effect, Method, NewKeys, Phone, PinEntry, Problem, View,
    exchange::{Answer, Awaiting, Body, Next, Step},
    phone::Flow,
    state::Enrolment,
    view::RegistrationEnd,
};
use jiff::civil::Date;
use offer::HandOver;
use splitkey::{DeviceId, FreshnessToken};
use wire::device_v1::{self, OwnModulus, RegistrationRequest, Replacement};

/// A registration before its keys are handed over. A crash here costs the keys; the next try makes new ones.
pub(crate) struct Draft {
    birth_date: Option<Date>,
    progress: Progress,
}

enum Progress {
    ChoosingPins,
    MakingKeys(ChosenPins),
    /// R1 is sent.
    Offering(Box<Offering>),
    /// R3a is sent. d1″ is in it, sealed, and nowhere else.
    HandingOver(Box<HandOver>),
}

/// R1 and what is needed to go on from R2.
struct Offering {
    pins: ChosenPins,
    keys: NewKeys,
    token: FreshnessToken,
    device: DeviceId,
    /// Sent again byte for byte if no answer comes.
    body: Vec<u8>,
}

impl Phone {
    pub(crate) fn start_registration(
        &mut self,
        replace: bool,
        birth_date: Option<Date>,
        step: &mut Step<'_>,
    ) {
        if self.state.enrolment.is_some() {
            return self.proceed(Next::PollRegistration, step);
        }
        if self.state.account.is_some() && !replace {
            return step.problem(Problem::AccountExists);
        }
        self.flow = Flow::Enrolling(Draft {
            birth_date,
            progress: Progress::ChoosingPins,
        });
        self.proceed(Next::ChoosePins, step);
    }

    pub(crate) fn choose_pins(&mut self, pin1: &PinEntry, pin2: &PinEntry, step: &mut Step<'_>) {
        let Flow::Enrolling(draft) = &mut self.flow else {
            return;
        };
        let (Progress::ChoosingPins, Some(server)) = (&draft.progress, &self.state.server) else {
            return;
        };
        match ChosenPins::check(pin1, pin2, draft.birth_date) {
            Err(refusal) => step.show(View::ChoosePins {
                refusal: Some(refusal),
            }),
            Ok(pins) => {
                let Some((profile, _)) = server.parameters() else {
                    return step.problem(Problem::UpdateNeeded);
                };
                draft.progress = Progress::MakingKeys(pins);
                step.show(View::MakingKeys);
                step.effects.push(Effect::GenerateKeys(profile));
            }
        }
    }

    /// R1: both n1 and h(T₀), before anything of the server's is known.
    pub(crate) fn offer_moduli(&mut self, keys: NewKeys, step: &mut Step<'_>) {
        let Flow::Enrolling(draft) = std::mem::replace(&mut self.flow, Flow::Idle) else {
            return;
        };
        let Progress::MakingKeys(pins) = draft.progress else {
            self.flow = Flow::Enrolling(draft);
            return;
        };
        let device = DeviceId(step.random());
        let token = FreshnessToken::generate(step.rng);
        let public_key = step.keystore.public_key();
        let request = RegistrationRequest {
            device_id: wire::DeviceId(device.0),
            device_public_key: public_key.into(),
            token_hash: token.hash().0.into(),
            keys: vec![
                own_modulus(device_v1::Purpose::Authentication, &keys.authentication.n1),
                own_modulus(device_v1::Purpose::Signature, &keys.signature.n1),
            ],
            replaces: self.state.account.as_ref().map(|account| {
                let statement =
                    device_v1::replacement_statement(&wire::DeviceId(device.0), &public_key);
                Replacement {
                    device_id: wire::DeviceId(account.device().0),
                    signature: step.keystore.sign(&statement).into(),
                }
            }),
        };
        let body = serde_json::to_vec(&request).expect("texts and numbers");
        let offering = Offering {
            pins,
            keys,
            token,
            device,
            body,
        };
        self.flow = Flow::Enrolling(Draft {
            progress: Progress::Offering(Box::new(offering)),
            ..draft
        });
        self.resend_enrolment(step);
    }

    /// Sends the current step of the draft, for the first time or again.
    pub(crate) fn resend_enrolment(&mut self, step: &mut Step<'_>) {
        let Flow::Enrolling(draft) = &self.flow else {
            return;
        };
        match &draft.progress {
            Progress::ChoosingPins => self.proceed(Next::ChoosePins, step),
            Progress::MakingKeys(_) => step.show(View::MakingKeys),
            Progress::Offering(offering) => {
                let (body, device) = (Body::Json(offering.body.clone()), offering.device);
                let awaiting = Awaiting::RegistrationOffer;
                self.send(
                    step,
                    Method::Post,
                    "/registrations",
                    body,
                    Some(device),
                    awaiting,
                );
            }
            Progress::HandingOver(hand_over) => {
                let path = format!(
                    "/registrations/{}/server-shares",
                    hand_over.enrolment.registration
                );
                let (body, device) = (
                    Body::Sealed(hand_over.sealed.clone()),
                    hand_over.enrolment.device(),
                );
                self.send(
                    step,
                    Method::Put,
                    &path,
                    body,
                    Some(device),
                    Awaiting::SharesTaken,
                );
            }
        }
    }

    pub(crate) fn poll_registration(&mut self, step: &mut Step<'_>) {
        let Some(enrolment) = &self.state.enrolment else {
            return step.show(View::Welcome);
        };
        if enrolment.proofs.is_some() {
            return self.send_proofs(step);
        }
        let (path, device) = (
            format!("/registrations/{}", enrolment.registration),
            enrolment.device(),
        );
        self.send(
            step,
            Method::Get,
            &path,
            Body::None,
            Some(device),
            Awaiting::RegistrationStatus,
        );
    }

    pub(crate) fn registration_status(&mut self, answer: Answer, step: &mut Step<'_>) {
        let Some(enrolment) = &mut self.state.enrolment else {
            return;
        };
        let status = match answer.json::<device_v1::RegistrationStatus>("the registration") {
            Ok(status) => status,
            Err(problem) => return self.enrolment_problem(problem, step),
        };
        match (status.state, status.person) {
            (device_v1::RegistrationState::AwaitingIdentity, _) => {
                let view = awaiting_identity(enrolment);
                step.show(view);
            }
            (device_v1::RegistrationState::AwaitingProof, Some(person)) => {
                if enrolment.person.as_ref() != Some(&person) {
                    enrolment.person = Some(person.clone());
                    self.persist(step);
                }
                step.show(View::RepeatPins {
                    person,
                    refusal: None,
                    mismatch: false,
                });
            }
            // Without our shares or with an account that we have no certificates of, there is nothing to go on with.
            _ => {
                let reason = status.refusal.unwrap_or_else(|| "lost".to_owned());
                self.forget_enrolment(RegistrationEnd::Server(reason), step);
            }
        }
    }

    /// The person says no, at whatever step (R38).
    pub(crate) fn refuse_registration(&mut self, step: &mut Step<'_>) {
        let handed_over = match &self.flow {
            Flow::Enrolling(Draft {
                progress: Progress::HandingOver(hand_over),
                ..
            }) => Some((
                hand_over.enrolment.registration,
                hand_over.enrolment.device(),
            )),
            _ => self
                .state
                .enrolment
                .as_ref()
                .map(|enrolment| (enrolment.registration, enrolment.device())),
        };
        self.forget_enrolment(RegistrationEnd::Refused, step);
        if let Some((registration, device)) = handed_over {
            self.abandon(registration, device, step);
        }
    }

    /// Tells the server; if it does not hear, the registration expires by itself.
    fn abandon(
        &mut self,
        registration: wire::RegistrationId,
        device: DeviceId,
        step: &mut Step<'_>,
    ) {
        let path = format!("/registrations/{registration}");
        self.send(
            step,
            Method::Delete,
            &path,
            Body::None,
            Some(device),
            Awaiting::RegistrationAbandoned,
        );
    }

    /// Forgets the keys of the registration: the next one starts with new primes.
    pub(crate) fn forget_enrolment(&mut self, reason: RegistrationEnd, step: &mut Step<'_>) {
        self.flow = Flow::Idle;
        if self.state.enrolment.take().is_some() {
            self.persist(step);
        }
        step.show(View::RegistrationEnded { reason });
    }

    /// Ends the registration if the server says that it is over; otherwise it goes on later.
    fn enrolment_problem(&mut self, problem: Problem, step: &mut Step<'_>) {
        let over = match &problem {
            Problem::Server { code, .. } => match code.as_str() {
                "registration_ended" => Some("expired"),
                "unknown_registration" | "device_exists" | "wrong_step" => Some("lost"),
                _ => None,
            },
            _ => None,
        };
        match over {
            Some(reason) => self.forget_enrolment(RegistrationEnd::Server(reason.to_owned()), step),
            None => step.problem(problem),
        }
    }

    /// Ends the registration because the server is not honest.
    fn distrust(&mut self, problem: Problem, step: &mut Step<'_>) {
        self.flow = Flow::Idle;
        if self.state.enrolment.take().is_some() {
            self.persist(step);
        }
        step.problem(problem);
    }
}

fn awaiting_identity(enrolment: &Enrolment) -> View {
    View::AwaitingIdentity {
        code: enrolment.code.clone(),
        control_code: enrolment.control_code.clone(),
        expires_at: enrolment.expires_at,
    }
}

fn own_modulus(purpose: device_v1::Purpose, n1: &splitkey::ClientModulus) -> OwnModulus {
    OwnModulus {
        purpose,
        profile: n1.profile().id(),
        n1: n1.as_bytes().to_vec().into(),
    }
}

/// One of each, and no second.
fn sole<T>(mut items: impl Iterator<Item = T>) -> Result<T, Problem> {
    match (items.next(), items.next()) {
        (Some(item), None) => Ok(item),
        _ => Err(Problem::Contradiction(Contradiction::Keys)),
    }
}
