//! RP API v2: the relying party's own hash under the authentication key, and the code choice that only v2 has.

use super::{
    server::End,
    world::{PIN1, World, pin},
};
use crate::{Contradiction, Event, Problem, View};
use splitkey::{Hash, Scheme};
use wire::{
    FlowType, HashAlgorithm,
    InteractionType::{self, DisplayTextAndPin, VerificationCodeChoice},
    SessionId, SignatureAlgorithm,
    device_v1::{PendingTransactions, Refusal, TransactionOffer},
    verification_code,
};

const HASH: [u8; 32] = [5; 32];
const ALGORITHM: SignatureAlgorithm = SignatureAlgorithm::Sha256WithRsaEncryption;

fn log_in(world: &mut World, interaction: InteractionType) -> SessionId {
    let session =
        world
            .server
            .authenticate_hash(&HASH, ALGORITHM, &[(interaction, "Log in?")], world.now);
    world.event(Event::Refresh);
    world.event(Event::Open(session));
    session
}

fn enter_pin(world: &mut World) {
    world.event(Event::EnterPin(pin(PIN1)));
}

#[test]
fn the_hash_itself_is_signed_with_pin1() {
    let mut world = World::registered(120);
    for (hash, algorithm, padded) in [
        (&[1_u8; 32][..], ALGORITHM, Hash::Sha256),
        (
            &[2; 48],
            SignatureAlgorithm::Sha384WithRsaEncryption,
            Hash::Sha384,
        ),
        (
            &[3; 64],
            SignatureAlgorithm::Sha512WithRsaEncryption,
            Hash::Sha512,
        ),
    ] {
        let interactions = [(DisplayTextAndPin, "Log in?")];
        let session = world
            .server
            .authenticate_hash(hash, algorithm, &interactions, world.now);
        world.event(Event::Refresh);
        world.event(Event::Open(session));
        let View::EnterPin { request, .. } = world.view() else {
            panic!("{:?}", world.view())
        };
        assert_eq!(request.shown_code(), Some(&verification_code(hash)));
        enter_pin(&mut world);
        assert!(world.server.verify(session), "{:?}", world.view());
        let Some(End::Signed {
            payload, scheme, ..
        }) = world.server.end_of(session)
        else {
            panic!("a signature")
        };
        assert_eq!(
            (payload.as_slice(), *scheme),
            (hash, Scheme::Pkcs1v15(padded))
        );
    }
}

#[test]
fn the_right_code_is_chosen_before_the_short_text_and_the_pin() {
    let mut world = World::registered(121);
    let session = log_in(&mut world, VerificationCodeChoice);
    let View::ChooseCode { request, codes } = world.view().clone() else {
        panic!("{:?}", world.view())
    };
    let right = verification_code(&HASH);
    assert!(codes.contains(&right) && request.shown_code().is_none());
    let requests = world.requests.len();
    for event in [Event::EnterPin(pin(PIN1)), Event::Confirm] {
        world.event(event);
        assert_eq!(world.requests.len(), requests);
        assert!(matches!(world.view(), View::ChooseCode { .. }));
    }
    world.event(Event::ChooseCode(right));
    let View::EnterPin { request, .. } = world.view() else {
        panic!("{:?}", world.view())
    };
    assert_eq!(request.text, "Log in?");
    enter_pin(&mut world);
    assert!(world.server.verify(session));
}

#[test]
fn a_wrong_choice_refuses_the_request() {
    let mut world = World::registered(122);
    let session = log_in(&mut world, VerificationCodeChoice);
    let View::ChooseCode { codes, .. } = world.view().clone() else {
        panic!("{:?}", world.view())
    };
    let right = verification_code(&HASH);
    let wrong = codes.into_iter().find(|code| *code != right).unwrap();
    world.event(Event::ChooseCode(wrong));
    assert_eq!(
        world.server.end_of(session),
        Some(&End::Refused(Refusal::WrongVerificationCode {}))
    );
}

#[test]
fn a_refusal_names_the_screen_code_choice_or_pin() {
    let mut world = World::registered(123);
    let refused = |interaction| Some(End::Refused(Refusal::Interaction { interaction }));
    let session = log_in(&mut world, VerificationCodeChoice);
    world.event(Event::Refuse);
    let end = world.server.end_of(session).cloned();
    assert_eq!(end, refused(VerificationCodeChoice));

    let session = log_in(&mut world, VerificationCodeChoice);
    world.event(Event::ChooseCode(verification_code(&HASH)));
    world.event(Event::Refuse);
    let end = world.server.end_of(session).cloned();
    assert_eq!(end, refused(DisplayTextAndPin));
}

/// What a dishonest server lists, and then offers.
type Lie = (
    &'static str,
    fn(&mut PendingTransactions),
    fn(&mut TransactionOffer),
    Contradiction,
);

#[test]
fn a_hash_takes_no_pin_unless_all_of_v2_holds() {
    let lies: [Lie; 7] = [
        (
            "PSS, which an ACSP_V2 payload could have",
            |_| {},
            |offer| sign(offer).signature_algorithm = SignatureAlgorithm::RsassaPss,
            Contradiction::SigningData,
        ),
        (
            "a code that is not the hash's",
            |list| list.pending[0].verification_code = Some("0000".parse().unwrap()),
            |offer| sign(offer).verification_code = Some("0000".parse().unwrap()),
            Contradiction::VerificationCode,
        ),
        (
            "another hash than the code's",
            |_| {},
            |offer| sign(offer).digest = Some(vec![6; 32].into()),
            Contradiction::VerificationCode,
        ),
        (
            "scanned",
            |list| {
                list.pending[0].flow_type = FlowType::Qr;
                list.pending[0].verification_code = None;
            },
            |offer| {
                sign(offer).flow_type = FlowType::Qr;
                sign(offer).verification_code = None;
            },
            Contradiction::SigningData,
        ),
        (
            "on the same device",
            |list| {
                list.pending[0].flow_type = FlowType::App2App;
                list.pending[0].verification_code = None;
            },
            |offer| {
                sign(offer).flow_type = FlowType::App2App;
                sign(offer).verification_code = None;
            },
            Contradiction::SigningData,
        ),
        (
            "another length than the hash algorithm's",
            |_| {},
            |offer| {
                sign(offer).signature_algorithm = SignatureAlgorithm::Sha512WithRsaEncryption;
                sign(offer).hash_algorithm = HashAlgorithm::Sha512;
            },
            Contradiction::SigningData,
        ),
        (
            "a server random as well",
            |_| {},
            |offer| sign(offer).server_random = Some("c2VydmVyIHJhbmRvbSBieXRlcyE=".to_owned()),
            Contradiction::SigningData,
        ),
    ];
    for (lie, list, offer, expected) in lies {
        let mut world = World::registered(124);
        let given = world.server.partial_signatures.len();
        world.server.twists.pending = Some(list);
        world.server.twists.transaction = Some(offer);
        let session = log_in(&mut world, DisplayTextAndPin);
        assert_eq!(
            *world.view(),
            View::Problem(Problem::Contradiction(expected)),
            "{lie}"
        );
        enter_pin(&mut world);
        assert_eq!(world.server.partial_signatures.len(), given, "{lie}");
        // The same request without the lie is what the phone signs.
        world.server.twists.pending = None;
        world.server.twists.transaction = None;
        world.event(Event::Refresh);
        world.event(Event::Open(session));
        enter_pin(&mut world);
        assert!(world.server.verify(session), "{lie}: {:?}", world.view());
    }
}

fn sign(offer: &mut TransactionOffer) -> &mut wire::device_v1::SignOffer {
    offer.sign.as_mut().unwrap()
}
