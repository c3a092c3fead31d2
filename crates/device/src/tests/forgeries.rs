//! A malicious server's half, one field at a time, and answers that whoever ends the TLS makes up: the phone gives
//! no signature for them and loses nothing that it needs.

use super::{
    server::{End, Moduli},
    world::{PIN1, PIN2, World, person, pin},
};
use crate::{CertificateFault, Contradiction, Event, Problem, View};
use base64ct::{Base64, Encoding};
use splitkey::ModulusError;
use wire::{
    HashAlgorithm,
    InteractionType::DisplayTextAndPin,
    SignatureAlgorithm,
    device_v1::{
        Operation, Purpose, RegistrationCompleted, RegistrationOffer, RequestKind, SignOffer,
        TransactionOffer, Verdict,
    },
};

type OfferTwist = fn(&mut RegistrationOffer, &Moduli);
type CompletionTwist = fn(&mut RegistrationCompleted);
type TransactionTwist = fn(&mut TransactionOffer);
type AnswerTwist = fn((u16, Vec<u8>), &[u8]) -> (u16, Vec<u8>);

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

#[test]
fn a_forged_transaction_takes_no_pin() {
    let cases: [(&str, TransactionTwist, Contradiction); 14] = [
        (
            "another operation",
            |offer| offer.operation = Operation::Rotate,
            Contradiction::Malformed("the transaction"),
        ),
        (
            "another kind",
            |offer| sign(offer).kind = RequestKind::Signature,
            Contradiction::Session,
        ),
        (
            "a digest as well",
            |offer| sign(offer).digest = Some(vec![7; 32].into()),
            Contradiction::SigningData,
        ),
        (
            "a digest instead",
            |offer| instead(offer),
            Contradiction::SigningData,
        ),
        (
            "no challenge",
            |offer| sign(offer).rp_challenge = None,
            Contradiction::SigningData,
        ),
        (
            "no server random",
            |offer| sign(offer).server_random = None,
            Contradiction::SigningData,
        ),
        (
            "a short challenge",
            |offer| sign(offer).rp_challenge = Some(Base64::encode_string(&[7; 31])),
            Contradiction::SigningData,
        ),
        (
            "a long challenge",
            |offer| sign(offer).rp_challenge = Some(Base64::encode_string(&[7; 65])),
            Contradiction::SigningData,
        ),
        (
            "a separator in it",
            |offer| sign(offer).rp_challenge = Some("a|b".repeat(16)),
            Contradiction::SigningData,
        ),
        (
            "a short server random",
            |offer| sign(offer).server_random = Some(Base64::encode_string(&[7; 17])),
            Contradiction::SigningData,
        ),
        (
            "a separator there",
            |offer| sign(offer).server_random = Some("a|b".repeat(16)),
            Contradiction::SigningData,
        ),
        (
            "another hash than the scheme's",
            |offer| mismatched(offer),
            Contradiction::SigningData,
        ),
        (
            "for somebody else",
            |offer| sign(offer).brokered_rp_name = "BANK".to_owned(),
            Contradiction::NotAsListed,
        ),
        (
            "texts that are none",
            |offer| sign(offer).interactions = "e30=".to_owned(),
            Contradiction::NotAsListed,
        ),
    ];
    for (lie, twist, expected) in cases {
        let mut world = World::registered(83);
        let given = world.server.partial_signatures.len();
        world.server.twists.transaction = Some(twist);
        world.log_in(&[(DisplayTextAndPin, "Log in?")]);
        assert_eq!(contradiction(&world), Some(&expected), "{lie}");
        world.event(Event::EnterPin(pin(PIN1)));
        assert_eq!(world.server.partial_signatures.len(), given, "{lie}");
        world.server.twists.transaction = None;
        logs_in(&mut world, lie);
    }
}

#[test]
fn a_transaction_that_is_over_already_takes_no_pin() {
    let mut world = World::registered(84);
    let given = world.server.partial_signatures.len();
    world.server.twists.transaction =
        Some(|offer| offer.expires_at = "2020-01-01T00:00:00Z".parse().unwrap());
    world.log_in(&[(DisplayTextAndPin, "Log in?")]);
    world.event(Event::EnterPin(pin(PIN1)));
    assert!(
        matches!(world.view(), View::Problem(Problem::RequestGone)),
        "{:?}",
        world.view()
    );
    assert_eq!(world.server.partial_signatures.len(), given);
}

/// The server holds the transport key and so seals whatever it wants.
#[test]
fn a_forged_signature_completes_nothing() {
    let mut old = World::registered(85);
    logs_in(&mut old, "to have an old signature");
    let Some(End::Signed {
        signature: of_another_session,
        ..
    }) = old.server.sessions.last().unwrap().end.clone()
    else {
        panic!("a signature")
    };
    let changes: [(&str, Box<dyn Fn(&mut Vec<u8>)>); 6] = [
        ("another bit", Box::new(|signature| signature[9] ^= 1)),
        ("zeros", Box::new(|signature| signature.fill(0))),
        ("nothing", Box::new(Vec::clear)),
        ("a byte less", Box::new(shorten)),
        ("a byte more", Box::new(|signature| signature.insert(0, 0))),
        (
            "another session's",
            Box::new(move |signature| signature.clone_from(&of_another_session)),
        ),
    ];
    for (lie, change) in changes {
        // The same seed gives the same keys, so the old signature is of this key.
        let mut world = World::registered(85);
        logs_in(&mut world, lie);
        world.log_in(&[(DisplayTextAndPin, "Log in?")]);
        let before = world.views.len();
        world.server.twists.verdict = Some(Box::new(move |verdict| match verdict {
            Verdict::Signed { signature, .. } => change(&mut signature.0),
            Verdict::Advanced {
                verdict: Some(missed),
            } => {
                if let Verdict::Signed { signature, .. } = missed.as_mut() {
                    change(&mut signature.0);
                }
            }
            _ => {}
        }));
        world.event(Event::EnterPin(pin(PIN1)));
        let views = &world.views[before..];
        assert!(
            !views.iter().any(|view| matches!(view, View::Completed(_))),
            "{lie}: {views:?}"
        );
        let told = views.iter().any(|view| {
            matches!(
                view,
                View::Problem(Problem::Contradiction(Contradiction::Signature))
            )
        });
        assert!(told, "{lie}: {views:?}");
        world.server.twists.verdict = None;
        logs_in(&mut world, lie);
    }
}

#[test]
fn a_verdict_of_another_kind_is_asked_after() {
    let kinds: [fn() -> Verdict; 3] = [
        || Verdict::Rotated { seq: 9 },
        || Verdict::Advanced { verdict: None },
        || Verdict::NotAdvanced,
    ];
    for kind in kinds {
        let mut world = World::registered(86);
        world.log_in(&[(DisplayTextAndPin, "Log in?")]);
        let syncs = syncs(&world);
        world.server.twists.verdict = Some(Box::new(move |verdict| {
            if matches!(verdict, Verdict::Signed { .. }) {
                *verdict = kind();
            }
        }));
        world.event(Event::EnterPin(pin(PIN1)));
        assert_eq!(self::syncs(&world), syncs + 1, "{:?}", world.view());
        world.server.twists.verdict = None;
        logs_in(&mut world, "afterwards");
    }
}

/// Whatever number of spent tokens the server tells, the phone counts its own.
#[test]
fn a_verdict_with_another_number_moves_the_chain_by_one() {
    for number in [0, u64::MAX] {
        let mut world = World::registered(87);
        let before = world.state().account.unwrap().seq;
        world.server.twists.verdict = Some(Box::new(move |verdict| {
            if let Verdict::Signed { seq, .. } = verdict {
                *seq = number;
            }
        }));
        world.log_in(&[(DisplayTextAndPin, "Log in?")]);
        world.event(Event::EnterPin(pin(PIN1)));
        assert!(completed(&world), "{:?}", world.view());
        assert_eq!(world.state().account.unwrap().seq, before + 1);
        world.server.twists.verdict = None;
        logs_in(&mut world, "afterwards");
    }
}

#[test]
fn an_answer_that_does_not_open_settles_nothing() {
    for (lie, twist) in unopened() {
        let mut world = World::registered(88);
        logs_in(&mut world, lie);
        world.log_in(&[(DisplayTextAndPin, "Log in?")]);
        let before = world.views.len();
        world.server.twists.answer = Some(twist);
        world.event(Event::EnterPin(pin(PIN1)));
        assert!(
            !world.views[before..]
                .iter()
                .any(|view| matches!(view, View::Completed(_))),
            "{lie}"
        );
        let account = world.state().account.expect("nothing is erased");
        assert!(
            account.pending.is_some(),
            "{lie}: what became of it is still to be asked"
        );
        world.restart();
        world.server.twists.answer = None;
        world.event(Event::AppStart);
        assert!(world.state().account.unwrap().pending.is_none(), "{lie}");
        logs_in(&mut world, lie);
    }
}

/// Nobody but the server, by a sealed answer, takes an account or a request from the phone.
#[test]
fn an_unsealed_word_closes_no_account() {
    let twists: [AnswerTwist; 5] = [
        |_, _| problem(403, "account_closed"),
        |_, _| problem(423, "key_locked"),
        |_, _| problem(403, "key_closed"),
        |_, _| problem(404, "tx_gone"),
        |_, _| problem(401, "not_authenticated"),
    ];
    for twist in twists {
        let mut world = World::registered(89);
        world.log_in(&[(DisplayTextAndPin, "Log in?")]);
        world.server.twists.answer = Some(twist);
        world.event(Event::EnterPin(pin(PIN1)));
        let account = world.state().account.expect("nothing is erased");
        assert!(account.pending.is_some(), "{:?}", world.view());
        world.server.twists.answer = None;
        world.event(Event::AppStart);
        logs_in(&mut world, "afterwards");
    }
}

/// Answers that are not sealed for this request.
fn unopened() -> [(&'static str, AnswerTwist); 6] {
    [
        ("not sealed", |_, _| {
            (
                200,
                br#"{"status":"signed","seq":1,"signature":"AA=="}"#.to_vec(),
            )
        }),
        ("empty", |_, _| (200, Vec::new())),
        ("another bit", |(status, mut body), _| {
            *body.last_mut().unwrap() ^= 1;
            (status, body)
        }),
        ("another nonce", |(status, mut body), _| {
            body[0] ^= 1;
            (status, body)
        }),
        ("cut off", |(status, mut body), _| {
            body.pop();
            (status, body)
        }),
        ("the answer to another request", |(status, _), earlier| {
            (status, earlier.to_vec())
        }),
    ]
}

fn contradiction(world: &World) -> Option<&Contradiction> {
    match world.view() {
        View::Problem(Problem::Contradiction(contradiction)) => Some(contradiction),
        _ => None,
    }
}

fn completed(world: &World) -> bool {
    matches!(world.view(), View::Completed(_))
}

/// An honest login: nothing that the phone needs was lost.
fn logs_in(world: &mut World, after: &str) {
    world.event(Event::AppStart);
    world.log_in(&[(DisplayTextAndPin, "Log in?")]);
    world.event(Event::EnterPin(pin(PIN1)));
    assert!(completed(world), "after {after}: {:?}", world.view());
}

fn syncs(world: &World) -> usize {
    let begun = |body: &[u8]| String::from_utf8_lossy(body).contains("\"sync\"");
    world
        .requests
        .iter()
        .filter(|request| begun(&request.body))
        .count()
}

fn problem(status: u16, code: &str) -> (u16, Vec<u8>) {
    let body =
        format!(r#"{{"type":"about:blank","title":"Problem","status":{status},"code":"{code}"}}"#);
    (status, body.into_bytes())
}

fn sign(offer: &mut TransactionOffer) -> &mut SignOffer {
    offer.sign.as_mut().unwrap()
}

fn instead(offer: &mut TransactionOffer) {
    let offer = sign(offer);
    offer.digest = Some(vec![7; 32].into());
    (offer.rp_challenge, offer.server_random) = (None, None);
}

fn mismatched(offer: &mut TransactionOffer) {
    let offer = sign(offer);
    offer.signature_algorithm = SignatureAlgorithm::Sha512WithRsaEncryption;
    offer.hash_algorithm = HashAlgorithm::Sha256;
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

fn shorten(bytes: &mut Vec<u8>) {
    bytes.pop();
}
