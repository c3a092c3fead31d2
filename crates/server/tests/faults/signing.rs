//! A login, its rotation included, with the right PIN and with wrong ones.

use crate::{
    inspect::{self, State},
    points::{Scenario, Victim},
    shim::Shim,
    world::{PIN1, Shown, Snapshot, WRONG_PIN1, World, enrolled, twice_wrong},
};
use serde_json::Value;
use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

/// What relying party and person saw of a login.
struct Seen {
    /// Unknown if the server died before it said.
    session: Option<String>,
    /// The finished session, if the relying party saw it.
    finished: Option<Value>,
    phone: Shown,
}

#[test]
fn a_login_survives_the_server() {
    login(enrolled, Victim::Server, with_right_pin, goes_on).kill_at_each_commit("login", 6);
}

#[test]
fn a_login_survives_a_checkpoint() {
    let step = |world: &mut World, shim: &Shim, (): &()| {
        let seen = log_in(world, shim, PIN1);
        // The job comes once a second.
        for _ in 0..60 {
            if world.shim.commits() > 0 || !world.is_up() {
                break;
            }
            thread::sleep(Duration::from_millis(50));
        }
        seen
    };
    login(enrolled, Victim::Checkpoint, step, goes_on).kill_at_each_commit("checkpoint", 1);
}

#[test]
fn a_login_survives_the_phone() {
    login(enrolled, Victim::Phone, with_right_pin, goes_on)
        .kill_at_each_commit("login, the phone's part", 8);
}

#[test]
fn a_wrong_pin_is_counted_once_whenever_the_server_dies() {
    login(
        enrolled,
        Victim::Server,
        with_wrong_pin,
        counted_at_most_once,
    )
    .kill_at_each_commit("wrong PIN", 6);
}

#[test]
fn a_wrong_pin_is_counted_once_whenever_the_phone_dies() {
    login(
        enrolled,
        Victim::Phone,
        with_wrong_pin,
        counted_at_most_once,
    )
    .kill_at_each_commit("wrong PIN, the phone's part", 8);
}

#[test]
fn a_lock_survives_the_server() {
    login(
        twice_wrong,
        Victim::Server,
        with_wrong_pin,
        locked_for_three_hours,
    )
    .kill_at_each_commit("third wrong PIN", 6);
}

#[test]
fn a_login_whose_phone_never_comes_back_ends_in_time() {
    login(
        enrolled,
        Victim::Server,
        with_right_pin,
        ends_without_the_phone,
    )
    .kill_at_each_commit("abandoned login", 6);
}

#[test]
fn a_login_survives_the_servers_disk() {
    login(enrolled, Victim::Server, with_right_pin, goes_on).fail_at_each_commit("login");
}

#[test]
fn a_wrong_pin_is_counted_once_whatever_the_servers_disk_does() {
    login(
        enrolled,
        Victim::Server,
        with_wrong_pin,
        counted_at_most_once,
    )
    .fail_at_each_commit("wrong PIN");
}

#[test]
fn a_login_survives_the_phones_disk() {
    login(enrolled, Victim::Phone, with_right_pin, goes_on)
        .fail_at_each_commit("login, the phone's part");
}

fn login(
    from: fn() -> &'static Snapshot,
    victim: Victim,
    step: fn(&mut World, &Shim, &()) -> Seen,
    check: fn(&mut World, &(), Seen),
) -> Scenario<(), Seen> {
    Scenario {
        from,
        victim,
        prepare: |_| (),
        step,
        check,
    }
}

fn with_right_pin(world: &mut World, shim: &Shim, (): &()) -> Seen {
    log_in(world, shim, PIN1)
}

fn with_wrong_pin(world: &mut World, shim: &Shim, (): &()) -> Seen {
    log_in(world, shim, WRONG_PIN1)
}

/// The relying party asks and polls, the person answers.
fn log_in(world: &World, shim: &Shim, pin: &str) -> Seen {
    let session = world.ask().ok();
    let answered = AtomicBool::new(false);
    let (phone, finished) = thread::scope(|scope| {
        let polling = scope.spawn(|| poll(world, session.as_deref()?, &answered));
        let mut command = world.device_command(&world.phone_file(), &["approve", "--pin", pin]);
        // Watches the phone's files; without effect where it is not the victim, for then nobody arms it.
        shim.load(&mut command);
        let phone = crate::world::shown(command);
        answered.store(true, Ordering::SeqCst);
        (phone, polling.join().expect("no panic"))
    });
    Seen {
        session,
        finished,
        phone,
    }
}

/// The finished session; `None` if the server dies, or the phone is through and it has not finished.
fn poll(world: &World, session: &str, answered: &AtomicBool) -> Option<Value> {
    loop {
        let last = answered.load(Ordering::SeqCst);
        let seen = world.session(session);
        if seen["state"] == "COMPLETE" {
            return Some(seen);
        }
        if last || seen["http"] != 200 {
            return None;
        }
    }
}

/// The person tries again until nothing waits; the relying party has its answer, and the next login works.
fn goes_on(world: &mut World, (): &(), seen: Seen) {
    State::of(&world.config());
    // Who heard nothing asks again.
    let session = match seen.session {
        Some(session) => session,
        None => world.ask().expect("asks"),
    };
    approve_all(world);
    let now = world.session(&session);
    assert_eq!(now["result"]["endResult"], "OK", "{now}");
    if let Some(before) = seen.finished {
        assert_eq!(before, now, "a result that was seen is lost");
    }
    let state = State::of(&world.config());
    assert_eq!(state.consecutive(), 0);
    next_login_works(world);
}

fn counted_at_most_once(world: &mut World, (): &(), seen: Seen) {
    assert!(seen.finished.is_none());
    let settled = world.device(&["pending"]);
    assert!([0, 4].contains(&settled.code), "{settled:?}");
    let state = State::of(&world.config());
    let wrong = usize::from(state.consecutive());
    assert!(wrong <= 1, "one wrong PIN was counted {wrong} times");
    assert!(state.count("attempt_charged") <= 1);
    if seen.phone.has("wrongPin") {
        assert_eq!(wrong, 1, "a wrong PIN was judged and not counted");
    }
    assert_eq!(state.count("pin_refused"), wrong);
    let session = match seen.session {
        Some(session) => session,
        None => world.ask().expect("asks"),
    };
    approve_all(world);
    assert_eq!(world.end_of(&session), "OK");
    assert_eq!(State::of(&world.config()).consecutive(), 0);
}

fn locked_for_three_hours(world: &mut World, (): &(), seen: Seen) {
    let settled = world.device(&["pending"]);
    assert!([0, 4].contains(&settled.code), "{settled:?}");
    let wrong = State::of(&world.config()).consecutive();
    assert!((2..=3).contains(&wrong), "{wrong}");
    if seen.phone.has("wrongPin") {
        assert_eq!(wrong, 3);
    }
    if wrong == 2 {
        if seen.session.is_none() {
            world.ask().expect("asks");
        }
        return approve_all(world);
    }
    if let Some(session) = &seen.session {
        assert_eq!(world.end_of(session), "DOCUMENT_UNUSABLE");
    }
    let session = world.ask().expect("asks");
    let locked = world.approve(PIN1);
    assert!(
        locked.sentence().contains("PIN1: locked until"),
        "{locked:?}"
    );
    assert_ne!(
        world.session(&session)["result"]["endResult"],
        "OK",
        "the lock does not hold"
    );
    world.clock.pass(Duration::from_secs(3 * 3600 + 1));
    next_login_works(world);
}

fn ends_without_the_phone(world: &mut World, (): &(), seen: Seen) {
    // The deadline, and the time after which an evaluation counts as interrupted.
    let ahead = Duration::from_secs(90 + 30 + 1);
    world.clock.pass(ahead);
    if let Some(session) = &seen.session {
        let end = world.end_of(session);
        assert!(["OK", "TIMEOUT"].contains(&&*end), "{end}");
        if seen.phone.has("completed") {
            assert_eq!(end, "OK");
        }
        if let Some(before) = seen.finished {
            assert_eq!(
                before,
                world.session(session),
                "a result that was seen is lost"
            );
        }
    }
    until(|| inspect::overdue(&world.config(), ahead) == 0);
    State::of(&world.config());
}

/// Answers everything that waits, as a person does who types her PIN rightly.
pub(crate) fn approve_all(world: &World) {
    for _ in 0..4 {
        let shown = world.approve(PIN1);
        assert!(
            !shown.has("accountClosed"),
            "an honest phone is accused: {shown:?}"
        );
        match shown.code {
            0 => {}
            4 => return,
            _ => panic!("{shown:?}"),
        }
    }
    panic!("requests never end");
}

pub(crate) fn next_login_works(world: &World) {
    let session = world.ask().expect("asks");
    approve_all(world);
    assert_eq!(world.end_of(&session), "OK");
}

/// Waits for what jobs do.
pub(crate) fn until(holds: impl Fn() -> bool) {
    for _ in 0..200 {
        if holds() {
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("it does not come to that");
}
