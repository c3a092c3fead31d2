use super::{
    server::{End, State},
    world::{PIN1, PIN2, World, pin},
};
use crate::{Event, KeyViewState, Problem, View};
use splitkey::Purpose;
use wire::{
    InteractionType::{
        self, ConfirmationMessage, ConfirmationMessageAndVerificationCodeChoice, DisplayTextAndPin,
    },
    SignatureAlgorithm,
    device_v1::Refusal,
};

const CHOICE: InteractionType = ConfirmationMessageAndVerificationCodeChoice;

#[test]
fn a_short_text_stands_above_the_pin_pad_with_the_code() {
    let mut world = World::registered(20);
    let session = world.log_in(&[(DisplayTextAndPin, "Log in?")]);
    let View::EnterPin {
        request,
        refusal: None,
    } = world.view()
    else {
        panic!("{:?}", world.view())
    };
    assert_eq!(
        (request.relying_party_name.as_str(), request.text.as_str()),
        ("DEMO", "Log in?")
    );
    assert_eq!(request.shown_code(), Some(&world.server.sessions[0].code));
    world.event(Event::EnterPin(pin(PIN1)));
    assert!(
        matches!(world.view(), View::Completed(_)),
        "{:?}",
        world.view()
    );
    assert!(world.server.verify(session));
}

#[test]
fn the_first_interaction_of_the_list_is_used() {
    let mut world = World::registered(21);
    world.log_in(&[(ConfirmationMessage, "Long"), (DisplayTextAndPin, "Short")]);
    let View::Confirm(request) = world.view() else {
        panic!("{:?}", world.view())
    };
    assert_eq!(request.text, "Long");
}

#[test]
fn a_pin_is_not_taken_before_the_confirmation() {
    let mut world = World::registered(22);
    let session = world.log_in(&[(ConfirmationMessage, "Transfer 1 €?")]);
    let requests = world.requests.len();
    world.event(Event::EnterPin(pin(PIN1)));
    assert_eq!(world.requests.len(), requests);
    world.event(Event::Confirm);
    assert!(matches!(world.view(), View::EnterPin { .. }));
    world.event(Event::EnterPin(pin(PIN1)));
    assert!(world.server.verify(session));
}

#[test]
fn a_pin_is_not_taken_before_the_code_is_chosen() {
    let mut world = World::registered(23);
    let session = world.log_in(&[(CHOICE, "Log in?")]);
    let View::ChooseCode { request, codes } = world.view().clone() else {
        panic!("{:?}", world.view())
    };
    let right = world.server.sessions[0].code.clone();
    assert!(codes.contains(&right) && request.shown_code().is_none());
    assert!(!world.views.iter().any(|view| match view {
        View::Home { .. } => view.to_string().contains(&format!("Code {right}")),
        _ => false,
    }));
    let requests = world.requests.len();
    for event in [Event::EnterPin(pin(PIN1)), Event::Confirm] {
        world.event(event);
        assert_eq!(world.requests.len(), requests);
        assert!(matches!(world.view(), View::ChooseCode { .. }));
    }
    world.event(Event::ChooseCode(right));
    world.event(Event::EnterPin(pin(PIN1)));
    assert!(world.server.verify(session));
}

#[test]
fn the_three_codes_are_the_same_after_a_restart() {
    let mut world = World::registered(24);
    let session = world.log_in(&[(CHOICE, "Log in?")]);
    let View::ChooseCode { codes, .. } = world.view().clone() else {
        panic!("{:?}", world.view())
    };
    world.restart();
    world.event(Event::AppStart);
    world.event(Event::Open(session));
    assert!(matches!(world.view(), View::ChooseCode { codes: again, .. } if *again == codes));
}

#[test]
fn a_wrong_code_refuses_the_request_and_gets_no_second_choice() {
    let mut world = World::registered(25);
    let session = world.log_in(&[(CHOICE, "Log in?")]);
    let View::ChooseCode { request, codes } = world.view().clone() else {
        panic!("{:?}", world.view())
    };
    let wrong = codes
        .iter()
        .find(|code| Some(*code) != request.verification_code.as_ref())
        .unwrap()
        .clone();
    // The power fails when the choice is stored and not yet told.
    world.crash_before = Some(1);
    world.event(Event::ChooseCode(wrong));
    assert!(world.crashed && world.server.end_of(session).is_none());
    world.event(Event::AppStart);
    assert_eq!(
        world.server.end_of(session),
        Some(&End::Refused(Refusal::WrongVerificationCode {}))
    );
    world.event(Event::Open(session));
    assert_eq!(*world.view(), View::Problem(Problem::RequestGone));
}

#[test]
fn refusing_names_the_interaction() {
    for (interaction, text) in [
        (DisplayTextAndPin, "a"),
        (ConfirmationMessage, "b"),
        (CHOICE, "c"),
    ] {
        let mut world = World::registered(26);
        let session = world.log_in(&[(interaction, text)]);
        world.event(Event::Refuse);
        assert_eq!(
            world.server.end_of(session),
            Some(&End::Refused(Refusal::Interaction { interaction }))
        );
        assert_eq!(*world.view(), View::Refused { wrong_code: false });
    }
}

#[test]
fn with_several_devices_the_device_is_confirmed_before_anything_else() {
    let mut world = World::registered(27);
    let session = world
        .server
        .authenticate("DEMO", &[(DisplayTextAndPin, "Log in?")], world.now);
    world.server.show_on_several_devices();
    world.event(Event::Refresh);
    let begun = |world: &World| {
        world
            .server
            .log
            .iter()
            .filter(|line| *line == "POST transactions")
            .count()
    };
    let before = begun(&world);
    world.event(Event::Open(session));
    assert!(matches!(world.view(), View::ConfirmDevice(_)));
    world.event(Event::EnterPin(pin(PIN1)));
    assert_eq!(begun(&world), before, "nothing is claimed yet");
    world.event(Event::Confirm);
    world.event(Event::EnterPin(pin(PIN1)));
    assert!(world.server.verify(session));
}

#[test]
fn refusing_on_this_device_says_so() {
    let mut world = World::registered(28);
    let session = world
        .server
        .authenticate("DEMO", &[(DisplayTextAndPin, "Log in?")], world.now);
    world.server.show_on_several_devices();
    world.event(Event::Refresh);
    world.event(Event::Open(session));
    world.event(Event::Refuse);
    assert_eq!(
        world.server.end_of(session),
        Some(&End::Refused(Refusal::DeviceChoice {}))
    );
}

#[test]
fn raw_digests_are_signed_with_pin2_in_both_paddings() {
    let mut world = World::registered(29);
    for (digest, algorithm) in [
        (&[1_u8; 32][..], SignatureAlgorithm::RsassaPss),
        (&[2; 64], SignatureAlgorithm::Sha512WithRsaEncryption),
    ] {
        let session = world.server.request_signature(
            digest,
            algorithm,
            &[(DisplayTextAndPin, "Sign?")],
            world.now,
        );
        world.event(Event::Refresh);
        world.event(Event::Open(session));
        world.event(Event::EnterPin(pin(PIN2)));
        assert!(world.server.verify(session), "{:?}", world.view());
    }
}

#[test]
fn pin1_does_not_sign() {
    let mut world = World::registered(30);
    let session = world.server.request_signature(
        &[1; 32],
        SignatureAlgorithm::RsassaPss,
        &[(DisplayTextAndPin, "Sign?")],
        world.now,
    );
    world.event(Event::Refresh);
    world.event(Event::Open(session));
    world.event(Event::EnterPin(pin(PIN1)));
    assert!(matches!(
        world.view(),
        View::WrongPin {
            attempts_left: 2,
            ..
        }
    ));
}

#[test]
fn what_is_no_pin_is_not_sent() {
    let mut world = World::registered(31);
    world.log_in(&[(DisplayTextAndPin, "Log in?")]);
    let requests = world.requests.len();
    world.event(Event::EnterPin(pin("12")));
    assert!(matches!(
        world.view(),
        View::EnterPin {
            refusal: Some(_),
            ..
        }
    ));
    assert_eq!(world.requests.len(), requests);
}

#[test]
fn after_a_wrong_pin_the_same_request_can_be_tried_again() {
    let mut world = World::registered(32);
    let session = world.log_in(&[(ConfirmationMessage, "Log in?")]);
    world.event(Event::Confirm);
    world.event(Event::EnterPin(pin("000001")));
    let View::WrongPin {
        attempts_left: 2,
        locked_until: None,
        destroyed: false,
        ..
    } = world.view()
    else {
        panic!("{:?}", world.view())
    };
    world.event(Event::TryAgain);
    assert!(
        matches!(world.view(), View::EnterPin { .. }),
        "confirmed already: {:?}",
        world.view()
    );
    world.event(Event::EnterPin(pin(PIN1)));
    assert!(world.server.verify(session));
}

#[test]
fn three_wrong_pins_lock_that_key_and_the_other_still_works() {
    let mut world = World::registered(33);
    world.log_in(&[(DisplayTextAndPin, "Log in?")]);
    for _ in 0..3 {
        world.event(Event::EnterPin(pin("000001")));
        world.event(Event::TryAgain);
    }
    let locked = world.now + jiff::SignedDuration::from_hours(3);
    assert!(
        matches!(world.view(), View::WrongPin { attempts_left: 0, locked_until: Some(until), .. } if *until == locked)
    );
    world.event(Event::Refresh);
    let View::Home { account, .. } = world.view() else {
        panic!("{:?}", world.view())
    };
    assert_eq!(
        account.keys[0].state,
        KeyViewState::Locked {
            until: Some(locked)
        }
    );
    let session = world.log_in(&[(DisplayTextAndPin, "Log in?")]);
    assert_eq!(
        *world.view(),
        View::Locked {
            purpose: Purpose::Authentication,
            until: Some(locked)
        }
    );
    assert!(world.server.end_of(session).is_none());

    let signing = world.server.request_signature(
        &[1; 32],
        SignatureAlgorithm::RsassaPss,
        &[(DisplayTextAndPin, "Sign?")],
        world.now,
    );
    world.event(Event::Refresh);
    world.event(Event::Open(signing));
    world.event(Event::EnterPin(pin(PIN2)));
    assert!(world.server.verify(signing));

    world.pass(3 * 3600);
    let session = world.log_in(&[(DisplayTextAndPin, "Log in?")]);
    world.event(Event::EnterPin(pin(PIN1)));
    assert!(world.server.verify(session));
}

#[test]
fn the_ninth_wrong_pin_destroys_the_key() {
    let mut world = World::registered(34);
    for attempt in 1..=9 {
        world.log_in(&[(DisplayTextAndPin, "Log in?")]);
        world.event(Event::EnterPin(pin("000001")));
        assert!(
            matches!(world.view(), View::WrongPin { destroyed, .. } if *destroyed == (attempt == 9)),
            "{attempt}"
        );
        world.pass(24 * 3600);
    }
    world.log_in(&[(DisplayTextAndPin, "Log in?")]);
    assert_eq!(
        *world.view(),
        View::Locked {
            purpose: Purpose::Authentication,
            until: None
        }
    );
}

#[test]
fn a_request_that_expired_takes_no_pin() {
    let mut world = World::registered(35);
    let session = world.log_in(&[(DisplayTextAndPin, "Log in?")]);
    world.pass(91);
    world.event(Event::EnterPin(pin(PIN1)));
    assert_eq!(*world.view(), View::Problem(Problem::RequestGone));
    world.event(Event::Open(session));
    assert_eq!(*world.view(), View::Problem(Problem::RequestGone));
}

#[test]
fn the_app_start_renews_the_token_and_shows_what_waits() {
    let mut world = World::registered(36);
    let session = world
        .server
        .authenticate("DEMO", &[(DisplayTextAndPin, "Log in?")], world.now);
    world.event(Event::AppStart);
    assert_eq!(world.server.accounts[0].seq, 1);
    let View::Home { pending, .. } = world.view() else {
        panic!("{:?}", world.view())
    };
    assert_eq!(pending[0].session_id, session);
    world.event(Event::Rotate);
    assert_eq!(*world.view(), View::Rotated);
    assert_eq!(world.server.accounts[0].seq, 2);
}

#[test]
fn of_two_copies_the_second_to_act_is_found_out() {
    let mut world = World::registered(37);
    let copy = world.stored.clone();
    world.event(Event::Rotate);
    world.stored = copy;
    world.restart();
    world.event(Event::AppStart);
    assert!(
        matches!(world.view(), View::AccountClosed { .. }),
        "{:?}",
        world.view()
    );
    assert_eq!(world.server.accounts[0].state, State::Cloned);
    let state = world.state();
    assert!(state.account.is_none(), "what a thief could use is gone");
    world.restart();
    world.event(Event::AppStart);
    assert!(matches!(world.view(), View::AccountClosed { .. }));
    world.event(Event::Delete);
    assert!(world.stored.is_none());
}

#[test]
fn deleting_wipes_the_phone_once_the_server_knows() {
    let mut world = World::registered(38);
    world.fault = Some((0, super::world::Fault::LoseRequest));
    world.event(Event::Delete);
    assert_eq!(*world.view(), View::Problem(Problem::NoAnswer));
    assert!(world.stored.is_some());
    world.event(Event::Delete);
    assert_eq!(*world.view(), View::Deleted);
    assert!(world.stored.is_none());
    assert_eq!(world.server.accounts[0].state, State::Closed);
    world.event(Event::AppStart);
    assert_eq!(*world.view(), View::Welcome);
}

#[test]
fn an_unsealed_message_that_the_account_is_closed_erases_nothing() {
    let mut world = World::registered(39);
    world.server.accounts[0].state = State::Closed;
    world.event(Event::Refresh);
    assert!(matches!(world.view(), View::AccountClosed { .. }));
    assert!(world.state().account.is_some());
    world.event(Event::Delete);
    assert_eq!(*world.view(), View::Deleted);
}

#[test]
fn a_refusal_is_settled_before_it_is_shown() {
    for (code, expected) in [
        ("busy", "busy"),
        ("server_unavailable", "server_unavailable"),
        ("tx_gone", "tx_gone"),
    ] {
        let mut world = World::registered(40);
        world.log_in(&[(DisplayTextAndPin, "Log in?")]);
        world.server.answer_instead = Some(code);
        world.event(Event::EnterPin(pin(PIN1)));
        assert!(
            matches!(world.view(), View::Failed { code: Some(code), .. } if code == expected),
            "{:?}",
            world.view()
        );
        assert!(world.state().account.unwrap().pending.is_none());
        let session = world.log_in(&[(DisplayTextAndPin, "Log in?")]);
        world.event(Event::EnterPin(pin(PIN1)));
        assert!(world.server.verify(session));
    }
}

#[test]
fn a_lock_found_at_the_submission_is_shown_as_a_lock() {
    let mut world = World::registered(41);
    world.log_in(&[(DisplayTextAndPin, "Log in?")]);
    world.server.answer_instead = Some("key_closed");
    world.event(Event::EnterPin(pin(PIN1)));
    assert_eq!(
        *world.view(),
        View::Locked {
            purpose: Purpose::Authentication,
            until: None
        }
    );
}

#[test]
fn what_is_sealed_to_yesterdays_key_is_settled_with_todays() {
    let mut world = World::registered(42);
    world.log_in(&[(DisplayTextAndPin, "Log in?")]);
    world.server.replace_sealing_key();
    world.event(Event::EnterPin(pin(PIN1)));
    assert!(
        matches!(world.view(), View::NotSent(_)),
        "{:?}",
        world.view()
    );
    let session = world.log_in(&[(DisplayTextAndPin, "Log in?")]);
    world.event(Event::EnterPin(pin(PIN1)));
    assert!(world.server.verify(session));
}

#[test]
fn while_an_answer_is_awaited_the_person_waits_too() {
    let mut world = World::registered(43);
    let session = world.log_in(&[(DisplayTextAndPin, "Log in?")]);
    let rng = &mut super::rng(1);
    let effects = world
        .phone
        .handle(Event::EnterPin(pin(PIN1)), &world.keystore, world.now, rng);
    assert!(world.phone.is_waiting());
    for event in [
        Event::Refresh,
        Event::Refuse,
        Event::Delete,
        Event::EnterPin(pin(PIN1)),
        Event::Open(session),
    ] {
        assert!(
            world
                .phone
                .handle(event, &world.keystore, world.now, rng)
                .is_empty()
        );
    }
    assert_eq!(effects.len(), 2);
}

#[test]
fn late_answers_are_dropped() {
    let mut world = World::registered(44);
    world.event(Event::Refresh);
    let old = world.requests.last().unwrap().id;
    world.event(Event::Response {
        id: old,
        status: 200,
        body: b"{}".to_vec(),
    });
    world.event(Event::NoAnswer { id: old });
    assert!(matches!(world.view(), View::Home { .. }));
}
