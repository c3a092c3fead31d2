//! R4: both signatures and both certificates are checked before there is an account.

use super::{proofs::proof_of_possession, sole};
use crate::{
    Contradiction, Phone, Problem, View, certificate,
    exchange::{Answer, Next, Step},
    phone::Flow,
    state::{Enrolment, StoredExchange},
};
use wire::{
    Bytes,
    device_v1::{self, RegisteredPerson, RegistrationCompleted},
};

impl Phone {
    pub(crate) fn registration_completed(&mut self, answer: Answer, step: &mut Step<'_>) {
        let Some(enrolment) = &mut self.state.enrolment else {
            return;
        };
        let body = match answer.body() {
            Ok(body) => body,
            Err(Problem::Server { code, .. }) if code == "proof_failed" => {
                // A PIN was not the one chosen; this proof is spent, the next gets a new nonce.
                enrolment.proofs = None;
                let person = enrolment.person.clone();
                self.persist(step);
                if let Some(person) = person {
                    step.show(View::RepeatPins {
                        person,
                        refusal: None,
                        mismatch: true,
                    });
                }
                return;
            }
            Err(Problem::Server { code, .. }) if code == "cannot_open" => {
                // The server's key of the day is gone and the proof with it.
                enrolment.proofs = None;
                self.stale_key = true;
                self.persist(step);
                return self.proceed(Next::PollRegistration, step);
            }
            Err(problem) => return self.enrolment_problem(problem, step),
        };
        let Some(enrolment) = self.state.enrolment.take() else {
            return;
        };
        let malformed = Contradiction::Malformed("the completed registration");
        let Some(plaintext) = enrolment
            .proofs
            .as_ref()
            .and_then(|exchange: &StoredExchange| exchange.open(&body))
        else {
            // Whoever ends the TLS could have made it: nothing is given up for an answer that does not open.
            self.state.enrolment = Some(enrolment);
            return step.contradiction(malformed);
        };
        let accepted = serde_json::from_slice::<RegistrationCompleted>(&plaintext)
            .map_err(|_| Problem::Contradiction(malformed))
            .and_then(|completed| {
                let person = enrolment.person.clone().ok_or(Problem::Storage)?;
                let certificates = check(&enrolment, &completed, &person)?;
                Ok((completed, person, certificates))
            });
        match accepted {
            Ok((completed, person, certificates)) => {
                // R91: an account that was here before is replaced; the server has closed it.
                self.state.account =
                    Some(enrolment.into_account(&completed, &person, certificates));
                self.state.closed = None;
                self.flow = Flow::Idle;
                self.keys.clear();
                self.listed.clear();
                self.persist(step);
                if let Some(account) = self.account() {
                    step.show(View::Registered(account));
                }
            }
            Err(problem) => {
                self.state.enrolment = Some(enrolment);
                self.distrust(problem, step);
            }
        }
    }
}

/// Both certificates, if they and both signatures are of the keys that were agreed on.
fn check(
    enrolment: &Enrolment,
    completed: &RegistrationCompleted,
    person: &RegisteredPerson,
) -> Result<[Bytes; 2], Problem> {
    if *completed.document_number.person() != person.semantics_identifier {
        return Err(Problem::Contradiction(Contradiction::DocumentNumber));
    }
    let [authentication, signature] = &enrolment.keys;
    let one = |key: &crate::state::EnrolledKey, purpose| -> Result<Bytes, Problem> {
        let record = key.record().map_err(|_| Problem::Storage)?;
        let context = record.context();
        let proof = proof_of_possession(context, key.nonce.0);
        let signature = sole(
            completed
                .signatures
                .iter()
                .filter(|signature| signature.purpose == purpose),
        )?;
        context
            .public_key
            .verify(proof.scheme(), proof.digest(), signature.signature.as_ref())
            .map_err(|_| Problem::Contradiction(Contradiction::Proof))?;
        let issued = sole(
            completed
                .certificates
                .iter()
                .filter(|certificate| certificate.purpose == purpose),
        )?;
        certificate::check(
            issued.certificate.as_ref(),
            context.public_key.modulus(),
            person,
            &completed.document_number,
        )
        .map_err(|fault| Problem::Contradiction(Contradiction::Certificate(fault)))?;
        Ok(issued.certificate.clone())
    };
    Ok([
        one(authentication, device_v1::Purpose::Authentication)?,
        one(signature, device_v1::Purpose::Signature)?,
    ])
}
