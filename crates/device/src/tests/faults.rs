//! Lost messages and failing power: the phone always finds back, and is never taken for a copy of itself.

use super::{
    server::State,
    world::{Fault, PIN1, World, pin},
};
use crate::{Event, Problem, View};
use proptest::prelude::*;
use wire::{InteractionType::DisplayTextAndPin, SessionId};

const TEXT: &[(wire::InteractionType, &str)] = &[(DisplayTextAndPin, "Log in?")];

#[test]
fn an_unanswered_submission_is_sent_again_without_a_pin() {
    for fault in [Fault::LoseRequest, Fault::LoseAnswer] {
        let mut world = World::registered(50);
        let session = world.log_in(TEXT);
        world.fault = Some((0, fault));
        world.event(Event::EnterPin(pin(PIN1)));
        assert_eq!(*world.view(), View::Problem(Problem::NoAnswer));
        let first = world.requests.last().unwrap().clone();
        world.pass(5);
        world.event(Event::Refresh);
        let again = world
            .requests
            .iter()
            .rev()
            .find(|request| request.path == first.path)
            .unwrap();
        assert_eq!(again.body, first.body, "byte for byte");
        assert!(
            world
                .views
                .iter()
                .any(|view| matches!(view, View::Completed(_)))
        );
        assert!(world.server.verify(session));
    }
}

#[test]
fn an_unanswered_submission_survives_a_restart() {
    let mut world = World::registered(51);
    let session = world.log_in(TEXT);
    world.fault = Some((0, Fault::LoseRequest));
    world.event(Event::EnterPin(pin(PIN1)));
    world.restart();
    world.event(Event::AppStart);
    assert!(world.server.verify(session));
    assert!(matches!(world.view(), View::Home { .. }));
    assert_eq!(world.server.accounts[0].state, State::Active);
}

#[test]
fn a_submission_that_never_arrived_is_dropped_after_a_sync_only() {
    let mut world = World::registered(52);
    let session = world.log_in(TEXT);
    world.fault = Some((0, Fault::LoseRequest));
    world.event(Event::EnterPin(pin(PIN1)));
    world.pass(91);
    world.fault = Some((1, Fault::LoseAnswer));
    world.event(Event::Refresh);
    assert!(
        world.state().account.unwrap().pending.is_some(),
        "the sync was not answered"
    );
    world.event(Event::Refresh);
    assert!(
        world
            .views
            .iter()
            .any(|view| matches!(view, View::NotSent(_)))
    );
    assert!(world.state().account.unwrap().pending.is_none());
    assert!(!world.server.verify(session));
    let session = world.log_in(TEXT);
    world.event(Event::EnterPin(pin(PIN1)));
    assert!(world.server.verify(session));
}

#[test]
fn a_verdict_that_was_missed_is_fetched_by_a_sync() {
    let mut world = World::registered(53);
    let session = world.log_in(TEXT);
    world.fault = Some((0, Fault::LoseAnswer));
    world.event(Event::EnterPin(pin(PIN1)));
    assert!(world.server.verify(session));
    world.pass(91);
    world.restart();
    world.event(Event::AppStart);
    assert!(
        world
            .views
            .iter()
            .any(|view| matches!(view, View::Completed(_)))
    );
    assert!(matches!(world.view(), View::Home { .. }));
}

#[test]
fn while_a_submission_is_pending_nothing_but_a_sync_is_begun() {
    let mut world = World::registered(54);
    world.log_in(TEXT);
    world.fault = Some((0, Fault::LoseRequest));
    world.event(Event::EnterPin(pin(PIN1)));
    world.pass(91);
    let other = world.server.authenticate("DEMO", TEXT, world.now);
    for event in [
        Event::Open(other),
        Event::Rotate,
        Event::Refresh,
        Event::AppStart,
    ] {
        let before = world.requests.len();
        // The sync itself gets no answer either.
        world.fault = Some((1, Fault::LoseRequest));
        world.event(event);
        for request in &world.requests[before..] {
            let begun = String::from_utf8_lossy(&request.body);
            assert!(
                !begun.contains("rotate") && !begun.contains("\"sign\""),
                "{begun}"
            );
        }
        assert!(world.state().account.unwrap().pending.is_some());
    }
    world.event(Event::Open(other));
    assert!(
        matches!(world.view(), View::EnterPin { .. }),
        "settled, then opened: {:?}",
        world.view()
    );
}

#[test]
fn a_wrong_pin_whose_answer_was_lost_is_told_later_and_counted_once() {
    let mut world = World::registered(55);
    world.log_in(TEXT);
    world.fault = Some((0, Fault::LoseAnswer));
    world.event(Event::EnterPin(pin("000001")));
    world.event(Event::Refresh);
    assert!(world.views.iter().any(|view| matches!(
        view,
        View::WrongPin {
            attempts_left: 2,
            ..
        }
    )));
}

#[test]
fn a_crash_at_any_effect_of_a_login_leaves_a_working_phone() {
    for nth in 0.. {
        let mut world = World::registered(56);
        world.crash_before = Some(nth);
        let session = world.server.authenticate("DEMO", TEXT, world.now);
        world.event(Event::AppStart);
        world.event(Event::Open(session));
        world.event(Event::EnterPin(pin(PIN1)));
        if !world.crashed {
            assert!(nth > 10, "all effects were tried");
            assert!(world.server.verify(session));
            break;
        }
        world.settle_and_log_in(&format!("crash before effect {nth}"));
    }
}

#[test]
fn a_fault_at_any_request_of_a_login_leaves_a_working_phone() {
    for fault in [Fault::LoseRequest, Fault::LoseAnswer, Fault::Duplicate] {
        for nth in 0..8 {
            let mut world = World::registered(57);
            world.fault = Some((nth, fault));
            let session = world.server.authenticate("DEMO", TEXT, world.now);
            world.event(Event::AppStart);
            world.event(Event::Open(session));
            world.event(Event::EnterPin(pin(PIN1)));
            world.settle_and_log_in(&format!("{fault:?} of request {nth}"));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn an_honest_phone_is_never_taken_for_a_copy(steps in prop::collection::vec(step(), 1..12), seed in 1000_u64..2000) {
        let mut world = World::registered(seed);
        let mut sessions: Vec<SessionId> = Vec::new();
        for step in steps {
            match step {
                Step::Start => world.event(Event::AppStart),
                Step::Refresh => world.event(Event::Refresh),
                Step::Rotate => world.event(Event::Rotate),
                Step::LogIn(pin_digits) => {
                    let session = world.server.authenticate("DEMO", TEXT, world.now);
                    sessions.push(session);
                    world.event(Event::Open(session));
                    world.event(Event::EnterPin(pin(pin_digits)));
                }
                Step::Wait(seconds) => world.pass(seconds),
                Step::Fault(after, fault) => world.fault = Some((after, fault)),
                Step::Crash(after) => world.crash_before = Some(after),
                Step::Restart => world.restart(),
                Step::NewKey => world.server.replace_sealing_key(),
            }
            prop_assert_eq!(world.server.accounts[0].state, State::Active);
        }
        world.crash_before = None;
        world.fault = None;
        // Whatever lock a wrong PIN set is over.
        world.pass(25 * 3600);
        world.settle_and_log_in("in the end");
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Start,
    Refresh,
    Rotate,
    LogIn(&'static str),
    Wait(i64),
    Fault(usize, Fault),
    Crash(usize),
    Restart,
    NewKey,
}

fn step() -> impl Strategy<Value = Step> {
    let fault = prop_oneof![
        Just(Fault::LoseRequest),
        Just(Fault::LoseAnswer),
        Just(Fault::Duplicate)
    ];
    prop_oneof![
        2 => Just(Step::Start),
        2 => Just(Step::Refresh),
        1 => Just(Step::Rotate),
        5 => prop_oneof![4 => Just(PIN1), 1 => Just("000001")].prop_map(Step::LogIn),
        2 => (1_i64..200).prop_map(Step::Wait),
        4 => (0_usize..5, fault).prop_map(|(after, fault)| Step::Fault(after, fault)),
        3 => (0_usize..8).prop_map(Step::Crash),
        2 => Just(Step::Restart),
        1 => Just(Step::NewKey),
    ]
}

impl World {
    /// The phone comes back to a settled state by itself, and a login works.
    fn settle_and_log_in(&mut self, what: &str) {
        self.fault = None;
        self.event(Event::AppStart);
        if self
            .state()
            .account
            .is_some_and(|account| account.pending.is_some())
        {
            self.event(Event::Refresh);
        }
        assert_eq!(self.server.accounts[0].state, State::Active, "{what}");
        assert!(
            self.state().account.expect("an account").pending.is_none(),
            "{what}: {:?}",
            self.view()
        );
        let session = self.log_in(TEXT);
        self.event(Event::EnterPin(pin(PIN1)));
        assert!(self.server.verify(session), "{what}: {:?}", self.view());
    }
}
