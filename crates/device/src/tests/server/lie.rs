//! What a dishonest server says.

use super::Server;
use base64ct::{Base64, Encoding};
use uuid::Uuid;
use wire::{
    Interaction, InteractionType, Interactions, SessionId, VerificationCode, device_v1 as v1,
};

/// What a dishonest server may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lie {
    OtherRootKey,
    UnvouchedKey,
    ForeignModulus,
    SameKeyTwice,
    OtherPersonsDocument,
    WrongProof,
    CertificateOverOtherKey,
    CertificateOfOtherPerson,
    CertificateOfOtherAccount,
    SwappedCertificates,
    OtherRelyingParty,
    OtherText,
    LaterInteraction,
    OtherCode,
    CodeOfOtherChallenge,
    OtherSchemeName,
    CallbackUrl,
    OtherKey,
    OtherSession,
    LongDigest,
    NoOffer,
    WrongSignature,
}

/// Lies that a test tells itself: what an honest server was about to say is changed on its way out.
#[derive(Default)]
pub(crate) struct Twists {
    /// R2, with the moduli.
    pub(crate) offer: Option<fn(&mut v1::RegistrationOffer, &Moduli)>,
    /// R4, before it is sealed.
    pub(crate) completion: Option<fn(&mut v1::RegistrationCompleted)>,
    /// The answer to a begin.
    pub(crate) transaction: Option<fn(&mut v1::TransactionOffer)>,
    /// The verdict, before it is sealed. What the server itself remembers stays.
    pub(crate) verdict: Option<VerdictTwist>,
    /// Whatever goes out to a request that changes something, after sealing; gets the answer before it as well.
    pub(crate) answer: Option<AnswerTwist>,
    /// The last sealed answer.
    pub(super) earlier: Vec<u8>,
}

/// Changes a verdict.
pub(crate) type VerdictTwist = Box<dyn Fn(&mut v1::Verdict)>;

/// Changes status and body; the body of the answer before it is there as well.
pub(crate) type AnswerTwist = fn((u16, Vec<u8>), &[u8]) -> (u16, Vec<u8>);

/// Authentication, signature.
pub(crate) struct Moduli {
    pub(crate) n1: [Vec<u8>; 2],
    pub(crate) n2: [Vec<u8>; 2],
}

impl Server {
    pub(super) fn lie_about(&mut self, offer: &mut v1::SignOffer, index: usize) {
        match self.lie {
            Some(Lie::OtherRelyingParty) => offer.relying_party_name = "BANK".to_owned(),
            Some(Lie::OtherText) => {
                let text = Interaction {
                    kind: InteractionType::DisplayTextAndPin,
                    text: "Pay 1 €".to_owned(),
                };
                offer.interactions = Interactions::encode(&[text]).unwrap().base64().to_owned();
            }
            Some(Lie::LaterInteraction) => {
                let interactions = Interactions::parse(&offer.interactions).unwrap();
                offer.interaction_type_used = interactions.list().last().unwrap().kind;
            }
            Some(Lie::OtherCode) => {
                offer.verification_code = Some(VerificationCode::generate(&mut self.rng))
            }
            Some(Lie::CodeOfOtherChallenge) => {
                offer.rp_challenge = Some(Base64::encode_string(&self.random::<48>()));
            }
            Some(Lie::OtherSchemeName) => offer.scheme_name = "smart-id".to_owned(),
            Some(Lie::CallbackUrl) => offer.initial_callback_url = "https://example.org".to_owned(),
            Some(Lie::OtherKey) => {
                let keys = &self.accounts[index].keys;
                let other = if keys[0].id.0 == offer.key_id.0 {
                    &keys[1]
                } else {
                    &keys[0]
                };
                offer.key_id = wire::KeyId(other.id.0);
            }
            Some(Lie::OtherSession) => offer.session_id = SessionId(Uuid::from_u128(5)),
            Some(Lie::LongDigest) => offer.digest = Some(vec![1; 64].into()),
            _ => {}
        }
    }
}
