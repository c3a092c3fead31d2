//! R3b: the PINs once more, unmasked from storage, which proves that what is stored works.

use crate::{
    Contradiction, Method, Phone, PinEntry, PinProblem, PinRefusal, Problem, RestoreError, View,
    exchange::{Awaiting, Body, Next, Step},
    pin_rules::with_birth_date,
    state::{EnrolledKey, Enrolment, StoredExchange},
    view::RegistrationEnd,
};
use splitkey::{
    Pin, ProofOfPossession, Purpose, UncheckedPartialSignature,
    message::{KeyProof, Proofs},
    partial_signature,
    seal::{self, SealedRequest},
};

impl Phone {
    pub(crate) fn repeat_pins(&mut self, pin1: &PinEntry, pin2: &PinEntry, step: &mut Step<'_>) {
        let Some(enrolment) = &self.state.enrolment else {
            return;
        };
        let Some(person) = enrolment
            .person
            .clone()
            .filter(|_| enrolment.proofs.is_none())
        else {
            return;
        };
        let parse = |entry: &PinEntry, purpose| {
            entry
                .parse(purpose)
                .map_err(|problem| PinRefusal { purpose, problem })
        };
        let pins = parse(pin1, Purpose::Authentication)
            .and_then(|pin1| parse(pin2, Purpose::Signature).map(|pin2| [pin1, pin2]));
        let pins = match pins {
            Ok(pins) => pins,
            Err(refusal) => {
                return step.show(View::RepeatPins {
                    person,
                    refusal: Some(refusal),
                    mismatch: false,
                });
            }
        };
        if let Some(purpose) = with_birth_date(pin1, pin2, person.date_of_birth) {
            // Another PIN would need another mask over the same share, which would give both away (splitkey.md §3).
            let refusal = PinRefusal {
                purpose,
                problem: PinProblem::BirthDate,
            };
            let (registration, device) = (enrolment.registration, enrolment.device());
            self.forget_enrolment(RegistrationEnd::BirthDate(refusal), step);
            return self.abandon(registration, device, step);
        }
        let Some(server) = self
            .state
            .server
            .as_ref()
            .filter(|server| server.sealing_key(step.now).is_some())
        else {
            return self.proceed(Next::PollRegistration, step);
        };
        let sealing_key = server.sealing_key(step.now).expect("filtered above");
        let Ok(proofs) = prove(enrolment, &pins, step) else {
            return self.distrust(Problem::Storage, step);
        };
        drop(pins);
        let plaintext = proofs.encode();
        drop(proofs);
        let Ok((request, opener)) =
            SealedRequest::seal(seal::Kind::Proofs, &sealing_key, &plaintext, step.rng)
        else {
            return step.contradiction(Contradiction::ServerKey);
        };
        drop(plaintext);
        if let Some(enrolment) = &mut self.state.enrolment {
            enrolment.proofs = Some(StoredExchange::new(&request, &opener));
        }
        self.persist(step);
        self.send_proofs(step);
    }

    /// Sends R3b, for the first time or again: the server knows a repetition by its ciphertext.
    pub(super) fn send_proofs(&mut self, step: &mut Step<'_>) {
        let Some(enrolment) = &self.state.enrolment else {
            return;
        };
        let Some(proofs) = &enrolment.proofs else {
            return;
        };
        let path = format!("/registrations/{}/proofs", enrolment.registration);
        let (body, device) = (Body::Sealed(proofs.sealed().to_vec()), enrolment.device());
        self.send(
            step,
            Method::Post,
            &path,
            body,
            Some(device),
            Awaiting::RegistrationCompleted,
        );
    }
}

fn prove(
    enrolment: &Enrolment,
    pins: &[Pin; 2],
    step: &mut Step<'_>,
) -> Result<Proofs, RestoreError> {
    let [pin1, pin2] = pins;
    let [authentication, signature] = &enrolment.keys;
    let (authentication, signature) = (
        prove_one(authentication, pin1, step)?,
        prove_one(signature, pin2, step)?,
    );
    let profile = authentication.0;
    Ok(Proofs {
        profile,
        proofs: vec![authentication.1, signature.1],
    })
}

fn prove_one(
    key: &EnrolledKey,
    pin: &Pin,
    step: &mut Step<'_>,
) -> Result<(splitkey::Profile, KeyProof), RestoreError> {
    let record = key.record()?;
    let context = record.context();
    let share = record
        .unmask(pin, step.keystore)
        .map_err(|_| RestoreError::Damaged)?;
    let c = step.random();
    let message = proof_of_possession(context, key.nonce.0).encode(c);
    let partial_signature =
        UncheckedPartialSignature::from(partial_signature(&message, &share, &context.n1));
    Ok((
        context.profile(),
        KeyProof {
            key_id: context.key_id,
            c,
            partial_signature,
        },
    ))
}

pub(super) fn proof_of_possession(
    context: &splitkey::KeyContext,
    nonce: [u8; 32],
) -> ProofOfPossession {
    let n = context.public_key.modulus();
    ProofOfPossession::new(context.profile(), context.purpose, context.key_id, nonce, n)
}
