use super::{
    server::State,
    world::{Fault, PIN1, PIN2, World, person, pin},
};
use crate::{Event, Phone, PinProblem, Problem, View, view::RegistrationEnd};
use jiff::civil::date;
use splitkey::{Kdf, Profile, Purpose};
use wire::InteractionType::DisplayTextAndPin;

#[test]
fn a_registration_ends_with_an_account_that_logs_in() {
    let mut world = World::new(1);
    world.event(Event::AppStart);
    assert_eq!(*world.view(), View::Welcome);
    world.hand_over();
    let View::AwaitingIdentity {
        code, control_code, ..
    } = world.view().clone()
    else {
        panic!("{:?}", world.view())
    };
    world.event(Event::Refresh);
    assert!(matches!(world.view(), View::AwaitingIdentity { code: again, .. } if *again == code));
    assert_eq!(control_code.as_str().len(), 4);
    world.finish_registration();
    let View::Registered(account) = world.view() else {
        panic!("{:?}", world.view())
    };
    assert_eq!(
        account.document_number.to_string(),
        "PNOEE-40504040001-MOCK-Q"
    );
    assert_eq!(
        (account.given_name.as_str(), account.surname.as_str()),
        ("OK", "TESTNUMBER")
    );
    let session = world.log_in(&[(DisplayTextAndPin, "Log in?")]);
    world.event(Event::EnterPin(pin(PIN1)));
    assert!(world.server.verify(session));
}

#[test]
fn the_real_key_sizes_work() {
    let mut world = World::of(Profile::Rsa6144, Kdf::Test, 2);
    world.register();
    let session = world.log_in(&[(DisplayTextAndPin, "Log in?")]);
    world.event(Event::EnterPin(pin(PIN1)));
    assert!(world.server.verify(session), "{:?}", world.view());
}

#[test]
fn an_unknown_root_key_is_trusted_on_first_use_and_said_so() {
    let mut world = World::new(3);
    world.phone = Phone::new(None);
    world.event(Event::Register {
        replace: false,
        birth_date: None,
    });
    assert!(
        world
            .views
            .iter()
            .any(|view| matches!(view, View::TrustOnFirstUse { .. }))
    );
    assert_eq!(*world.view(), View::ChoosePins { refusal: None });
}

#[test]
fn weak_pins_are_refused_before_any_key_is_made() {
    let mut world = World::new(4);
    world.event(Event::Register {
        replace: false,
        birth_date: Some(date(1905, 4, 4)),
    });
    for (pin1, pin2, purpose, problem) in [
        ("1234", PIN2, Purpose::Authentication, PinProblem::Sequence),
        (PIN1, "0404", Purpose::Signature, PinProblem::Length),
        (PIN1, "104040", Purpose::Signature, PinProblem::BirthDate),
        (PIN1, PIN1, Purpose::Signature, PinProblem::ContainsOther),
    ] {
        world.event(Event::ChoosePins {
            pin1: pin(pin1),
            pin2: pin(pin2),
        });
        let View::ChoosePins {
            refusal: Some(refusal),
        } = world.view()
        else {
            panic!("{:?}", world.view())
        };
        assert_eq!((refusal.purpose, refusal.problem), (purpose, problem));
    }
    assert!(world.server.accounts.is_empty());
}

#[test]
fn a_birth_date_that_becomes_known_asks_for_new_keys() {
    let mut world = World::new(5);
    world.event(Event::Register {
        replace: false,
        birth_date: None,
    });
    world.event(Event::ChoosePins {
        pin1: pin("190504"),
        pin2: pin(PIN2),
    });
    world.server.vouch(&person());
    world.event(Event::Refresh);
    world.event(Event::RepeatPins {
        pin1: pin("190504"),
        pin2: pin(PIN2),
    });
    assert!(
        matches!(world.view(), View::RegistrationEnded { reason: RegistrationEnd::BirthDate(refusal) }
        if refusal.problem == PinProblem::BirthDate)
    );
    assert!(!world.phone.is_registering());
    assert_eq!(
        world.server.accounts[0].state,
        State::Ended,
        "the server was told"
    );
    world.register();
    assert!(matches!(world.view(), View::Registered(_)));
    assert_ne!(
        world.server.accounts[0].keys[0].composite.as_bytes(),
        world.server.accounts[1].keys[0].composite.as_bytes()
    );
}

#[test]
fn pins_repeated_wrongly_are_asked_for_again() {
    let mut world = World::new(6);
    world.hand_over();
    world.server.vouch(&person());
    world.event(Event::Refresh);
    world.event(Event::RepeatPins {
        pin1: pin(PIN1),
        pin2: pin("7194037"),
    });
    assert!(
        matches!(world.view(), View::RepeatPins { mismatch: true, .. }),
        "{:?}",
        world.view()
    );
    world.event(Event::RepeatPins {
        pin1: pin("12"),
        pin2: pin(PIN2),
    });
    assert!(matches!(
        world.view(),
        View::RepeatPins {
            refusal: Some(_),
            ..
        }
    ));
    world.event(Event::RepeatPins {
        pin1: pin(PIN1),
        pin2: pin(PIN2),
    });
    assert!(
        matches!(world.view(), View::Registered(_)),
        "{:?}",
        world.view()
    );
}

#[test]
fn saying_no_ends_the_registration_on_both_sides() {
    let mut world = World::new(7);
    world.hand_over();
    world.server.vouch(&person());
    world.event(Event::Refresh);
    world.event(Event::Refuse);
    assert_eq!(
        *world.view(),
        View::RegistrationEnded {
            reason: RegistrationEnd::Refused
        }
    );
    assert_eq!(world.server.accounts[0].state, State::Ended);
    assert!(world.state().enrolment.is_none());
}

#[test]
fn a_registration_expires_after_fifteen_minutes() {
    let mut world = World::new(8);
    world.hand_over();
    world.pass(15 * 60 - 1);
    world.event(Event::Refresh);
    assert!(matches!(world.view(), View::AwaitingIdentity { .. }));
    world.pass(2);
    world.event(Event::Refresh);
    assert!(matches!(world.view(), View::RegistrationEnded { .. }));
    world.restart();
    world.event(Event::AppStart);
    assert_eq!(*world.view(), View::Welcome);
}

#[test]
fn a_second_account_needs_consent_and_replaces_the_first() {
    let mut world = World::registered(9);
    world.event(Event::Register {
        replace: false,
        birth_date: None,
    });
    assert_eq!(*world.view(), View::Problem(Problem::AccountExists));
    world.register();
    assert!(matches!(world.view(), View::Registered(_)));
    assert_eq!(world.server.accounts[0].state, State::Closed);
    assert_eq!(world.server.accounts[1].state, State::Active);
    world.event(Event::AppStart);
    assert!(
        matches!(world.view(), View::Home { .. }),
        "{:?}",
        world.view()
    );
}

#[test]
fn a_failed_replacement_leaves_the_old_account_as_it_was() {
    let mut world = World::registered(10);
    world.hand_over();
    world.event(Event::Refuse);
    world.event(Event::AppStart);
    assert!(matches!(world.view(), View::Home { .. }));
}

#[test]
fn every_lost_request_or_answer_can_be_sent_again() {
    for fault in [Fault::LoseRequest, Fault::LoseAnswer, Fault::Duplicate] {
        for nth in 0..5 {
            let mut world = World::new(11);
            world.fault = Some((nth, fault));
            world.hand_over();
            for _ in 0..3 {
                if !matches!(world.view(), View::AwaitingIdentity { .. }) {
                    world.event(Event::Refresh);
                    if *world.view() == (View::ChoosePins { refusal: None }) {
                        world.event(Event::ChoosePins {
                            pin1: pin(PIN1),
                            pin2: pin(PIN2),
                        });
                    }
                }
            }
            world.server.vouch(&person());
            world.event(Event::Refresh);
            if !matches!(world.view(), View::RepeatPins { .. }) {
                world.event(Event::Refresh);
            }
            world.event(Event::RepeatPins {
                pin1: pin(PIN1),
                pin2: pin(PIN2),
            });
            if !matches!(world.view(), View::Registered(_)) {
                world.event(Event::Refresh);
            }
            assert!(
                matches!(world.view(), View::Registered(_)),
                "{fault:?} {nth}: {:?}",
                world.view()
            );
            assert_eq!(world.server.accounts.len(), 1, "{fault:?} {nth}");
        }
    }
}

#[test]
fn a_crash_at_any_effect_goes_on_or_starts_with_new_keys() {
    let mut resumed = 0;
    for nth in 0.. {
        let mut world = World::new(12);
        world.crash_before = Some(nth);
        world.register_through_crashes();
        if !world.crashed {
            assert!(nth > 10, "all effects were tried");
            break;
        }
        let open = world
            .server
            .accounts
            .iter()
            .filter(|account| account.state == State::Active)
            .count();
        assert_eq!(open, 1, "{nth}");
        resumed += usize::from(world.server.accounts.len() == 1);
        let session = world.log_in(&[(DisplayTextAndPin, "Log in?")]);
        world.event(Event::EnterPin(pin(PIN1)));
        assert!(world.server.verify(session), "{nth}: {:?}", world.view());
    }
    assert!(
        resumed > 5,
        "after the acknowledgement the same keys are used"
    );
}

impl World {
    /// Registers, starting the app again whenever the power failed.
    fn register_through_crashes(&mut self) {
        for _ in 0..20 {
            if self.phone.has_account() {
                return;
            }
            if self.phone.is_registering() {
                let waits = self
                    .server
                    .accounts
                    .last()
                    .is_some_and(super::server::Account::awaits_person);
                if waits {
                    self.server.vouch(&person());
                }
                self.event(Event::AppStart);
                self.event(Event::RepeatPins {
                    pin1: pin(PIN1),
                    pin2: pin(PIN2),
                });
            } else {
                self.event(Event::AppStart);
                self.event(Event::Register {
                    replace: false,
                    birth_date: None,
                });
                self.event(Event::ChoosePins {
                    pin1: pin(PIN1),
                    pin2: pin(PIN2),
                });
            }
        }
        panic!("the registration does not come to an end");
    }
}
