//! Offers, acknowledgements and completions.

use super::{contradiction, shorten, unopened};
use crate::{
    CertificateFault, Contradiction, Event, View,
    tests::{
        server::Moduli,
        world::{PIN1, PIN2, World, person, pin},
    },
};
use splitkey::ModulusError;
use wire::device_v1::{Purpose, RegistrationCompleted, RegistrationOffer};

type OfferTwist = fn(&mut RegistrationOffer, &Moduli);
type CompletionTwist = fn(&mut RegistrationCompleted);

#[test]
fn a_forged_offer_gets_no_server_share() {
    let modulus = |error| Contradiction::Modulus(error);
    let cases: [(&str, OfferTwist, Contradiction); 15] = [
        (
            "n2 even",
            |offer, moduli| set(offer, 0, &moduli.n1[0], &even(&moduli.n2[0])),
            modulus(ModulusError::Even),
        ),
        (
            "n2 = n1",
            |offer, moduli| set(offer, 0, &moduli.n1[0], &moduli.n1[0]),
            modulus(ModulusError::NotCoprime),
        ),
        (
            "n2 a bit longer",
            |offer, moduli| set(offer, 1, &moduli.n1[1], &longer()),
            modulus(ModulusError::BitLength),
        ),
        (
            "n a bit shorter",
            |offer, moduli| set(offer, 1, &moduli.n1[1], &smallest()),
            modulus(ModulusError::CompositeBitLength),
        ),
        (
            "n2 = 1",
            |offer, moduli| set(offer, 0, &moduli.n1[0], &[1]),
            modulus(ModulusError::CompositeBitLength),
        ),
        (
            "n no multiple",
            |offer, _| offer.keys[0].n.0[3] ^= 1,
            modulus(ModulusError::NotAMultiple),
        ),
        (
            "n truncated",
            |offer, _| shorten(&mut offer.keys[0].n.0),
            modulus(ModulusError::CompositeBitLength),
        ),
        (
            "n with a zero before",
            |offer, _| offer.keys[0].n.0.insert(0, 0),
            modulus(ModulusError::CompositeBitLength),
        ),
        (
            "no n",
            |offer, _| offer.keys[1].n.0.clear(),
            modulus(ModulusError::CompositeBitLength),
        ),
        (
            "n of the other key",
            |offer, _| swap_moduli(offer),
            modulus(ModulusError::NotAMultiple),
        ),
        (
            "one n2 for both",
            |offer, moduli| set(offer, 1, &moduli.n1[1], &moduli.n2[0]),
            modulus(ModulusError::SharedFactor),
        ),
        (
            "one id for both",
            |offer, _| offer.keys[1].key_id = offer.keys[0].key_id,
            Contradiction::Keys,
        ),
        (
            "one key only",
            |offer, _| drop(offer.keys.pop()),
            Contradiction::Keys,
        ),
        (
            "no keys",
            |offer, _| offer.keys.clear(),
            Contradiction::Keys,
        ),
        (
            "a third key",
            |offer, _| offer.keys.push(offer.keys[0].clone()),
            Contradiction::Keys,
        ),
    ];
    for (lie, twist, expected) in cases {
        let mut world = World::new(80);
        world.server.twists.offer = Some(twist);
        world.hand_over();
        assert_eq!(contradiction(&world), Some(&expected), "{lie}");
        assert!(
            world.server.server_shares.is_empty() && !world.phone.is_registering(),
            "{lie}"
        );
        assert!(world.state().enrolment.is_none(), "{lie}");
        // With an honest server, and new keys, it goes on.
        world.server.twists.offer = None;
        world.register();
        assert!(
            matches!(world.view(), View::Registered(_)),
            "{lie}: {:?}",
            world.view()
        );
    }
}

#[test]
fn a_forged_completion_makes_no_account() {
    let certificate = |fault| Contradiction::Certificate(fault);
    let cases: [(&str, CompletionTwist, Contradiction); 12] = [
        (
            "another bit",
            |told| told.signatures[0].signature.0[40] ^= 1,
            Contradiction::Proof,
        ),
        (
            "a short proof",
            |told| shorten(&mut told.signatures[1].signature.0),
            Contradiction::Proof,
        ),
        (
            "an empty proof",
            |told| told.signatures[1].signature.0.clear(),
            Contradiction::Proof,
        ),
        (
            "a proof of zeros",
            |told| told.signatures[1].signature.0.fill(0),
            Contradiction::Proof,
        ),
        (
            "one proof twice",
            |told| told.signatures[1] = told.signatures[0].clone(),
            Contradiction::Keys,
        ),
        (
            "one proof only",
            |told| drop(told.signatures.pop()),
            Contradiction::Keys,
        ),
        (
            "a third proof",
            |told| told.signatures.push(told.signatures[0].clone()),
            Contradiction::Keys,
        ),
        (
            "one certificate only",
            |told| drop(told.certificates.pop()),
            Contradiction::Keys,
        ),
        (
            "one certificate twice",
            |told| told.certificates[1].purpose = Purpose::Authentication,
            Contradiction::Keys,
        ),
        (
            "e = 3",
            |told| other_exponent(&mut told.certificates[0].certificate.0),
            certificate(CertificateFault::Key),
        ),
        (
            "no certificate",
            |told| told.certificates[0].certificate.0.clear(),
            certificate(CertificateFault::Malformed),
        ),
        (
            "more after it",
            |told| told.certificates[1].certificate.0.push(0),
            certificate(CertificateFault::Malformed),
        ),
    ];
    for (lie, twist, expected) in cases {
        let mut world = World::new(81);
        world.server.twists.completion = Some(twist);
        world.register();
        assert_eq!(contradiction(&world), Some(&expected), "{lie}");
        assert!(
            !world.phone.has_account() && world.state().enrolment.is_none(),
            "{lie}"
        );
    }
}

#[test]
fn an_answer_that_does_not_open_ends_no_registration() {
    for (lie, twist) in unopened() {
        let mut world = World::new(82);
        world.server.twists.answer = Some(twist);
        world.hand_over();
        let expected = Contradiction::Malformed("the acknowledgement");
        assert_eq!(contradiction(&world), Some(&expected), "{lie}");
        assert!(
            world.stored.is_none() || world.state().enrolment.is_none(),
            "{lie}: d1″ is not forgotten yet"
        );
        world.server.twists.answer = None;
        world.event(Event::Refresh);
        assert!(
            matches!(world.view(), View::AwaitingIdentity { .. }),
            "{lie}: {:?}",
            world.view()
        );

        world.server.vouch(&person());
        world.event(Event::Refresh);
        world.server.twists.answer = Some(twist);
        world.event(Event::RepeatPins {
            pin1: pin(PIN1),
            pin2: pin(PIN2),
        });
        let expected = Contradiction::Malformed("the completed registration");
        assert_eq!(contradiction(&world), Some(&expected), "{lie}");
        assert!(
            world.state().enrolment.is_some() && !world.phone.has_account(),
            "{lie}"
        );
        world.restart();
        world.server.twists.answer = None;
        world.event(Event::AppStart);
        assert!(
            matches!(world.view(), View::Registered(_)),
            "{lie}: {:?}",
            world.view()
        );
    }
}

fn swap_moduli(offer: &mut RegistrationOffer) {
    let [first, second] = offer.keys.as_mut_slice() else {
        panic!("two keys")
    };
    std::mem::swap(&mut first.n, &mut second.n);
}

fn other_exponent(certificate: &mut [u8]) {
    let exponent = [2, 3, 1, 0, 1];
    let at = certificate
        .windows(5)
        .position(|window| window == exponent)
        .unwrap();
    certificate[at + 4] = 3;
}

/// n = n1·n2 for an n2 of the liar's choice, without leading zeros.
fn set(offer: &mut RegistrationOffer, key: usize, n1: &[u8], n2: &[u8]) {
    let mut product = vec![0_u8; n1.len() + n2.len()];
    for (i, left) in n1.iter().rev().enumerate() {
        let mut carry = 0;
        for (j, right) in n2
            .iter()
            .rev()
            .chain([&0])
            .enumerate()
            .take(product.len() - i)
        {
            let place = product.len() - 1 - i - j;
            let sum = u32::from(product[place]) + u32::from(*left) * u32::from(*right) + carry;
            product[place] = (sum & 0xff) as u8;
            carry = sum >> 8;
        }
    }
    let zeros = product.iter().take_while(|byte| **byte == 0).count();
    offer.keys[key].n.0 = product.split_off(zeros);
}

fn even(n2: &[u8]) -> Vec<u8> {
    let mut even = n2.to_vec();
    *even.last_mut().unwrap() ^= 1;
    even
}

/// 2^2k + 1.
fn longer() -> Vec<u8> {
    [&[1][..], &[0; 63], &[1]].concat()
}

/// 2^(2k − 1) + 1.
fn smallest() -> Vec<u8> {
    [&[0x80][..], &[0; 62], &[1]].concat()
}
