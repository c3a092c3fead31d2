//! A dishonest server gets no signature and no account out of the phone.

use super::{
    server::{End, Lie},
    world::{PIN1, PIN2, World, person, pin},
};
use crate::{CertificateFault, Contradiction, Event, Problem, View};
use splitkey::ModulusError;
use wire::{
    InteractionType::{ConfirmationMessage, DisplayTextAndPin},
    SignatureAlgorithm,
};

fn contradiction(view: &View) -> Option<&Contradiction> {
    match view {
        View::Problem(Problem::Contradiction(contradiction)) => Some(contradiction),
        _ => None,
    }
}

#[test]
fn another_root_key_or_a_key_that_it_does_not_vouch_for_is_refused() {
    for (lie, expected) in [
        (Lie::OtherRootKey, Contradiction::RootKey),
        (Lie::UnvouchedKey, Contradiction::ServerKey),
    ] {
        let mut world = World::new(60);
        world.server.lie = Some(lie);
        world.event(Event::Register {
            replace: false,
            birth_date: None,
        });
        assert_eq!(contradiction(world.view()), Some(&expected));
        assert_eq!(
            world.requests.len(),
            1,
            "nothing more is said to this server"
        );
    }
}

#[test]
fn the_root_key_of_the_first_contact_is_pinned() {
    let mut world = World::registered(61);
    world.server.lie = Some(Lie::OtherRootKey);
    world.pass(48 * 3600);
    world.event(Event::AppStart);
    assert_eq!(contradiction(world.view()), Some(&Contradiction::RootKey));
}

#[test]
fn dishonest_moduli_end_the_registration_before_the_shares_are_handed_over() {
    for (lie, expected) in [
        (
            Lie::ForeignModulus,
            Contradiction::Modulus(ModulusError::NotAMultiple),
        ),
        (Lie::SameKeyTwice, Contradiction::Keys),
    ] {
        let mut world = World::new(62);
        world.server.lie = Some(lie);
        world.hand_over();
        assert_eq!(contradiction(world.view()), Some(&expected));
        assert!(world.server.server_shares.is_empty());
        assert!(!world.phone.is_registering());
    }
}

#[test]
fn dishonest_completions_make_no_account() {
    for (lie, expected) in [
        (Lie::WrongProof, Contradiction::Proof),
        (
            Lie::CertificateOverOtherKey,
            Contradiction::Certificate(CertificateFault::Key),
        ),
        (
            Lie::SwappedCertificates,
            Contradiction::Certificate(CertificateFault::Key),
        ),
        (
            Lie::CertificateOfOtherPerson,
            Contradiction::Certificate(CertificateFault::Person),
        ),
        (
            Lie::CertificateOfOtherAccount,
            Contradiction::Certificate(CertificateFault::DocumentNumber),
        ),
        (Lie::OtherPersonsDocument, Contradiction::DocumentNumber),
    ] {
        let mut world = World::new(63);
        world.hand_over();
        world.server.vouch(&person());
        world.server.lie = Some(lie);
        world.event(Event::Refresh);
        world.event(Event::RepeatPins {
            pin1: pin(PIN1),
            pin2: pin(PIN2),
        });
        assert_eq!(contradiction(world.view()), Some(&expected), "{lie:?}");
        assert!(!world.phone.has_account() && !world.phone.is_registering());
        assert!(world.state().enrolment.is_none());
    }
}

#[test]
fn an_offer_that_is_not_the_request_takes_no_pin() {
    for (lie, expected) in [
        (Lie::OtherRelyingParty, Contradiction::NotAsListed),
        (Lie::OtherText, Contradiction::NotAsListed),
        (Lie::OtherCode, Contradiction::NotAsListed),
        (Lie::LaterInteraction, Contradiction::InteractionChoice),
        (Lie::CodeOfOtherChallenge, Contradiction::VerificationCode),
        (Lie::OtherSchemeName, Contradiction::SchemeName),
        (Lie::CallbackUrl, Contradiction::FlowType),
        (Lie::OtherKey, Contradiction::Keys),
        (Lie::OtherSession, Contradiction::Session),
        (Lie::LongDigest, Contradiction::SigningData),
        (Lie::NoOffer, Contradiction::Malformed("the transaction")),
    ] {
        let mut world = World::registered(64);
        world.server.lie = Some(lie);
        let shown = world.server.partial_signatures.len();
        world.log_in(&[
            (ConfirmationMessage, "Log in?"),
            (DisplayTextAndPin, "Log in?"),
        ]);
        assert_eq!(contradiction(world.view()), Some(&expected), "{lie:?}");
        world.event(Event::Confirm);
        world.event(Event::EnterPin(pin(PIN1)));
        assert_eq!(world.server.partial_signatures.len(), shown, "{lie:?}");
    }
}

#[test]
fn a_digest_of_another_length_is_not_signed() {
    let mut world = World::registered(65);
    world.server.lie = Some(Lie::LongDigest);
    let text = [(DisplayTextAndPin, "Sign?")];
    let session =
        world
            .server
            .request_signature(&[1; 32], SignatureAlgorithm::RsassaPss, &text, world.now);
    world.event(Event::Refresh);
    world.event(Event::Open(session));
    assert_eq!(
        contradiction(world.view()),
        Some(&Contradiction::SigningData)
    );
}

#[test]
fn a_name_that_the_relying_party_never_sent_leads_to_no_signature_of_its_own() {
    let mut world = World::registered(66);
    let session = world
        .server
        .authenticate("DEMO", &[(DisplayTextAndPin, "Log in?")], world.now);
    // List and offer tell the same lie; the phone signs what it shows, and the payload is another.
    world.event(Event::Refresh);
    for listed in &mut world.phone.listed {
        listed.relying_party_name = "BANK".to_owned();
    }
    world.server.lie = Some(Lie::OtherRelyingParty);
    world.event(Event::Open(session));
    let View::EnterPin { request, .. } = world.view() else {
        panic!("{:?}", world.view())
    };
    assert_eq!(request.relying_party_name, "BANK");
    world.event(Event::EnterPin(pin(PIN1)));
    assert!(
        matches!(world.view(), View::Failed { code: Some(code), .. } if code == "dtbs_mismatch"),
        "{:?}",
        world.view()
    );
    assert_eq!(world.server.end_of(session), None::<&End>);
}

#[test]
fn a_signature_that_does_not_verify_promotes_nothing_by_itself() {
    let mut world = World::registered(67);
    world.server.lie = Some(Lie::WrongSignature);
    world.log_in(&[(DisplayTextAndPin, "Log in?")]);
    world.event(Event::EnterPin(pin(PIN1)));
    let told: Vec<_> = world.views.iter().filter_map(contradiction).collect();
    assert!(told.contains(&&Contradiction::Signature));
    assert!(
        !world
            .views
            .iter()
            .any(|view| matches!(view, View::Completed(_)))
    );
    let synced = world
        .requests
        .iter()
        .any(|request| String::from_utf8_lossy(&request.body).contains("\"sync\""));
    assert!(synced, "the chain went on only after a sync");
    world.server.lie = None;
    world.event(Event::AppStart);
    assert!(matches!(world.view(), View::Home { .. }));
}
