use crate::deep;
use model::{Bounds, Copies, Model, Report, Rules, Violation, explore};

/// One phone, one key, two wrong PINs to a lock.
const BOUNDS: Bounds = Bounds {
    transactions: 5,
    keys: 1,
    tries: 2,
    copies: Copies::None,
    handlers: false,
};

/// Nothing that must not happen happens, and the search went as far as is said where it is called.
fn holds(bounds: Bounds, at_least: usize) {
    let report = explore(&Model {
        bounds,
        rules: Rules::default(),
    });
    assert!(report.violation.is_none(), "{bounds:?}: {report:?}");
    // A search that does not get anywhere proves nothing.
    assert!(report.states >= at_least, "{bounds:?}: {report:?}");
    tell(&format!("{bounds:?}: {report:?}"));
}

/// Without a rule the same search finds what the rule is for.
fn finds(bounds: Bounds, without: impl FnOnce(&mut Rules), expected: &[Violation]) {
    let mut rules = Rules::default();
    without(&mut rules);
    let report = explore(&Model { bounds, rules });
    let Report {
        violation: Some((violation, way)),
        ..
    } = &report
    else {
        panic!("nothing found: {report:?}")
    };
    assert!(
        expected.contains(violation) && !way.is_empty(),
        "{report:?}"
    );
    tell(&format!("{report:?}"));
}

#[expect(
    clippy::print_stdout,
    reason = "seen with --nocapture, and when a test fails"
)]
fn tell(line: &str) {
    println!("{line}");
}

/// P1, P3 and P4. With five transactions: any mixture of signatures, rotations, syncs and repeated begins.
#[test]
fn one_phone_is_never_accused_and_always_comes_to_a_signature() {
    let transactions = if deep() { 8 } else { 5 };
    holds(
        Bounds {
            transactions,
            ..BOUNDS
        },
        100_000,
    );
}

#[test]
fn two_keys_of_one_phone_share_the_chain() {
    let transactions = if deep() { 6 } else { 4 };
    holds(
        Bounds {
            transactions,
            keys: 2,
            ..BOUNDS
        },
        100_000,
    );
}

/// A handler that was overtaken between its check without a lock and its transaction 1.
#[test]
fn handlers_that_overtake_each_other_change_nothing() {
    let transactions = if deep() { 6 } else { 4 };
    holds(
        Bounds {
            transactions,
            handlers: true,
            ..BOUNDS
        },
        40_000,
    );
}

/// P2 and P4, with a copy that was made in any state and then sends whatever it can make.
#[test]
fn a_hostile_copy_and_the_phone_never_both_go_on() {
    let transactions = if deep() { 4 } else { 3 };
    holds(
        Bounds {
            transactions,
            copies: Copies::Hostile,
            ..BOUNDS
        },
        150_000,
    );
}

/// The same with a copy that runs our software, crashes and bad network included.
#[test]
fn two_phones_of_one_person_never_both_go_on() {
    let transactions = if deep() { 3 } else { 2 };
    holds(
        Bounds {
            transactions,
            copies: Copies::Honest,
            ..BOUNDS
        },
        150_000,
    );
}

#[test]
fn dropping_a_pending_submission_without_a_sync_accuses_an_honest_phone() {
    finds(
        BOUNDS,
        |rules| rules.sync_before_dropping = false,
        &[Violation::HonestAccused],
    );
}

#[test]
fn a_begin_that_does_not_cancel_accuses_an_honest_phone() {
    finds(
        BOUNDS,
        |rules| rules.cancel_at_begin = false,
        &[Violation::HonestAccused],
    );
}

#[test]
fn no_second_look_under_the_lock_accuses_an_honest_phone() {
    finds(
        Bounds {
            handlers: true,
            ..BOUNDS
        },
        |rules| rules.recheck = false,
        &[Violation::HonestAccused],
    );
}

#[test]
fn a_token_compared_before_the_transaction_accuses_an_honest_phone() {
    finds(
        BOUNDS,
        |rules| rules.liveness_first = false,
        &[Violation::HonestAccused],
    );
}

#[test]
fn a_token_without_the_servers_nonce_hides_a_copy() {
    finds(
        Bounds {
            copies: Copies::Hostile,
            ..BOUNDS
        },
        |rules| rules.token_bound = false,
        &[Violation::TwoBranches, Violation::Undetected],
    );
}

/// So it was until this search found it: a copy named the token that the phone held as its next one.
#[test]
fn a_next_token_that_nobody_checks_hides_a_copy() {
    finds(
        Bounds {
            copies: Copies::Hostile,
            ..BOUNDS
        },
        |rules| rules.next_checked = false,
        &[Violation::TwoBranches, Violation::Undetected],
    );
}

#[test]
fn judging_a_copy_only_by_a_right_pin_lets_one_guess_on() {
    finds(
        Bounds {
            copies: Copies::Hostile,
            ..BOUNDS
        },
        |rules| rules.whatever_pin = false,
        &[Violation::TwoBranches, Violation::Undetected],
    );
}

#[test]
fn evaluating_before_charging_gives_free_guesses() {
    finds(
        BOUNDS,
        |rules| rules.charge_first = false,
        &[Violation::FreeGuess],
    );
}

#[test]
fn two_evaluations_at_once_outrun_a_lock() {
    finds(
        Bounds {
            copies: Copies::Hostile,
            ..BOUNDS
        },
        |rules| rules.one_at_a_time = false,
        &[Violation::FreeGuess],
    );
}
