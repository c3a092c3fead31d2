//! R2 → R3a: the composite moduli are checked, the shares masked and the server's halves handed over.

use super::{Draft, Offering, Progress, awaiting_identity, sole};
use crate::{
    Contradiction, Phone, Problem,
    exchange::{Answer, Step},
    phone::Flow,
    server::TrustedServer,
    state::{EnrolledKey, Enrolment},
};
use splitkey::{
    ClientHalf, CompositeModulus, KeyContext, KeyId, KeyRecord, Pin, PublicKey, Purpose,
    message::ServerShares,
    seal::{self, ResponseOpener, SealedRequest},
};
use wire::device_v1::{self, RegistrationOffer};

/// R3a on its way.
pub(super) struct HandOver {
    /// To be stored with the acknowledgement.
    pub(super) enrolment: Enrolment,
    /// Both d1″; the phone cannot open it.
    pub(super) sealed: Vec<u8>,
    opener: ResponseOpener,
}

impl Phone {
    pub(crate) fn offered(&mut self, answer: Answer, step: &mut Step<'_>) {
        let offer = match answer.json::<RegistrationOffer>("the offer") {
            Ok(offer) => offer,
            Err(problem) => return self.enrolment_problem(problem, step),
        };
        let Flow::Enrolling(draft) = std::mem::replace(&mut self.flow, Flow::Idle) else {
            return;
        };
        let (Progress::Offering(offering), Some(server)) = (draft.progress, &self.state.server)
        else {
            return;
        };
        match hand_over(*offering, &offer, server, step) {
            Err(problem) => self.distrust(problem, step),
            Ok(hand_over) => {
                let progress = Progress::HandingOver(Box::new(hand_over));
                self.flow = Flow::Enrolling(Draft {
                    birth_date: draft.birth_date,
                    progress,
                });
                self.resend_enrolment(step);
            }
        }
    }

    /// The server has d1″: from here on a restart goes on with these keys.
    pub(crate) fn shares_taken(&mut self, answer: Answer, step: &mut Step<'_>) {
        let body = match answer.body() {
            Ok(body) => body,
            Err(problem) => return self.enrolment_problem(problem, step),
        };
        let Flow::Enrolling(draft) = std::mem::replace(&mut self.flow, Flow::Idle) else {
            return;
        };
        let Progress::HandingOver(hand_over) = draft.progress else {
            return;
        };
        if hand_over.opener.open(&body).is_err() {
            let progress = Progress::HandingOver(hand_over);
            self.flow = Flow::Enrolling(Draft {
                birth_date: draft.birth_date,
                progress,
            });
            return step.contradiction(Contradiction::Malformed("the acknowledgement"));
        }
        let view = awaiting_identity(&hand_over.enrolment);
        self.state.enrolment = Some(hand_over.enrolment);
        self.persist(step);
        step.show(view);
    }
}

/// Checks the offer and seals R3a. The primes, d1 and d1″ are gone when this returns.
fn hand_over(
    offering: Offering,
    offer: &RegistrationOffer,
    server: &TrustedServer,
    step: &mut Step<'_>,
) -> Result<HandOver, Problem> {
    let Offering {
        pins,
        keys,
        token,
        device,
        body: _,
    } = offering;
    let offered = |purpose| sole(offer.keys.iter().filter(move |key| key.purpose == purpose));
    let authentication = offered(device_v1::Purpose::Authentication)?;
    let signature = offered(device_v1::Purpose::Signature)?;
    if authentication.key_id == signature.key_id || authentication.n == signature.n {
        return Err(Problem::Contradiction(Contradiction::Keys));
    }
    let (profile, kdf) = server.parameters().ok_or(Problem::UpdateNeeded)?;
    let sealing_key = server
        .sealing_key(step.now)
        .ok_or(Problem::Contradiction(Contradiction::ServerKey))?;

    let authentication_n = check_modulus(&keys.authentication, authentication)?;
    let signature_n = check_modulus(&keys.signature, signature)?;
    // splitkey.md §2: each n2 is single-use; with one for both, anybody divides it out of the public keys.
    if authentication_n.shares_a_factor(&signature_n) {
        let error = splitkey::ModulusError::SharedFactor;
        return Err(Problem::Contradiction(Contradiction::Modulus(error)));
    }
    let plaintext = ServerShares::encode(
        profile,
        &[
            (
                KeyId(authentication.key_id.0),
                &keys.authentication.server_share,
            ),
            (KeyId(signature.key_id.0), &keys.signature.server_share),
        ],
    );
    let (sealed, opener) =
        SealedRequest::seal(seal::Kind::ServerShares, &sealing_key, &plaintext, step.rng)
            .map_err(|_| Problem::Contradiction(Contradiction::ServerKey))?;
    let mut mask =
        |half: ClientHalf, public_key, offered: &device_v1::OfferedKey, purpose, pin: &Pin| {
            let context = KeyContext {
                purpose,
                key_id: KeyId(offered.key_id.0),
                n1: half.n1,
                public_key,
            };
            let record = KeyRecord::mask(
                half.client_share,
                pin,
                &context,
                kdf,
                step.keystore,
                step.rng,
            );
            EnrolledKey::new(&record, offered.pop_nonce.0)
        };
    let records = [
        mask(
            keys.authentication,
            authentication_n,
            authentication,
            Purpose::Authentication,
            &pins.pin1,
        ),
        mask(
            keys.signature,
            signature_n,
            signature,
            Purpose::Signature,
            &pins.pin2,
        ),
    ];
    let enrolment = Enrolment::new(
        device,
        offer.registration_id,
        offer.registration_code.clone(),
        offer.control_code.clone(),
        offer.expires_at,
        &token,
        records,
    );
    Ok(HandOver {
        enrolment,
        sealed: sealed.as_bytes().to_vec(),
        opener,
    })
}

/// splitkey.md §2: n mod n1 = 0, n/n1 odd, of 2k bits and coprime to n1.
fn check_modulus(half: &ClientHalf, offered: &device_v1::OfferedKey) -> Result<PublicKey, Problem> {
    CompositeModulus::check(half.n1.profile(), offered.n.as_ref(), half.n1.as_bytes())
        .map_err(|error| Problem::Contradiction(Contradiction::Modulus(error)))
}
