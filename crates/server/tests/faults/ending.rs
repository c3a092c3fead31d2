//! How accounts, requests and registrations end: by their owner, by an operator, by time.

use crate::{
    inspect::{self, State},
    points::{Scenario, Victim},
    process::{self, stderr},
    shim::Shim,
    signing::{next_login_works, until},
    world::{PIN1, Shown, World, enrolled, registering, shown},
};
use std::{fs, process::Output, time::Duration};

const REGISTRATION: Duration = Duration::from_secs(15 * 60 + 1);
const YEARS: Duration = Duration::from_secs(1095 * 24 * 3600 + 1);

#[test]
fn a_deletion_by_the_owner_survives_the_server() {
    deletion(Victim::Server).kill_at_each_commit("deletion", 3);
}

#[test]
fn a_deletion_by_the_owner_survives_the_servers_disk() {
    deletion(Victim::Server).fail_at_each_commit("deletion");
}

#[test]
fn a_deletion_by_the_owner_survives_the_phone() {
    deletion(Victim::Phone).kill_at_each_commit("deletion, the phone's part", 5);
}

#[test]
fn a_deletion_by_the_operator_survives_the_command() {
    let scenario = Scenario {
        from: enrolled,
        victim: Victim::Operator,
        prepare: |world| (world.ask().expect("asks"), document(world)),
        step: |world, shim, (_, document): &(String, String)| {
            world.operator_under(shim, &["account", "close", document, "--yes"])
        },
        check: |world, (session, document), _: Output| {
            State::of(&world.config());
            let again = world.operator(&["account", "close", document, "--yes"]);
            assert!(again.status.success(), "{}", stderr(&again));
            is_closed(world, session);
            tells_that_it_is_closed(&world.device(&["pending"]));
        },
    };
    scenario.kill_at_each_commit("deletion by the operator", 1);
}

#[test]
fn the_end_of_a_request_survives_the_server() {
    let scenario = Scenario {
        from: enrolled,
        victim: Victim::Server,
        prepare: |world| world.ask().expect("asks"),
        step: |world, _: &Shim, _| time_passes(world, Duration::from_secs(91)),
        check: |world, session, ()| {
            assert_eq!(world.end_of(session), "TIMEOUT");
            assert_eq!(world.approve(PIN1).code, 4, "nothing waits");
            let state = State::of(&world.config());
            assert_eq!((state.consecutive(), state.count("session_ended")), (0, 1));
            next_login_works(world);
        },
    };
    scenario.kill_at_each_commit("end of a request", 1);
}

#[test]
fn the_end_of_a_registration_survives_the_server() {
    let scenario = Scenario {
        from: registering,
        victim: Victim::Server,
        prepare: |world| world.registration_code(),
        step: |world, _: &Shim, _| time_passes(world, REGISTRATION),
        check: |world, code, ()| {
            until(|| inspect::overdue(&world.config(), REGISTRATION) == 0);
            assert_eq!(State::of(&world.config()).count("registration_ended"), 1);
            let late = world.vouch(code);
            assert!(
                stderr(&late).contains("no open registration"),
                "{}",
                stderr(&late)
            );
            let shown = world.device(&["pending"]);
            assert_eq!(shown.code, 1);
            assert!(shown.sentence().contains("register one first"), "{shown:?}");
        },
    };
    scenario.kill_at_each_commit("end of a registration", 1);
}

#[test]
fn the_end_of_an_account_survives_the_server() {
    let scenario = Scenario {
        from: enrolled,
        victim: Victim::Server,
        prepare: |world| world.ask().expect("asks"),
        step: |world, _: &Shim, _| time_passes(world, YEARS),
        check: |world, _, ()| {
            until(|| inspect::overdue(&world.config(), YEARS) == 0);
            let state = State::of(&world.config());
            assert_eq!((state.open.len(), state.count("account_closed")), (0, 1));
            assert!(world.ask().is_err());
            tells_that_it_is_closed(&world.device(&["pending"]));
        },
    };
    scenario.kill_at_each_commit("end of an account", 1);
}

/// The phone deletes its account while a request waits.
fn deletion(victim: Victim) -> Scenario<String, Shown> {
    Scenario {
        from: enrolled,
        victim,
        prepare: |world| world.ask().expect("asks"),
        step: |world, shim, _| {
            let mut command = world.device_command(&world.phone_file(), &["delete", "--yes"]);
            shim.load(&mut command);
            shown(command)
        },
        check: |world, session, before| {
            let state = State::of(&world.config());
            if before.has("deleted") {
                assert!(state.open.is_empty(), "a deletion that was seen is lost");
            }
            let again = world.device(&["delete", "--yes"]);
            assert!(
                again.has("deleted") || again.stderr.contains("there is no phone in"),
                "{again:?}"
            );
            is_closed(world, session);
            let left: Vec<_> = fs::read_dir(world.phone_folder())
                .expect("a folder")
                .map(|entry| entry.expect("an entry").file_name())
                .collect();
            assert_eq!(left, ["a.phone.lock"], "something is left on the phone");
        },
    }
}

fn is_closed(world: &World, session: &str) {
    let state = State::of(&world.config());
    assert_eq!((state.open.len(), state.all.len()), (0, 1));
    assert_eq!(state.count("account_closed"), 1);
    assert_eq!(world.end_of(session), "DOCUMENT_UNUSABLE");
    let refused = world.ask().expect_err("the account is closed");
    assert_eq!(refused["status"], 404, "{refused}");
}

pub(crate) fn tells_that_it_is_closed(shown: &Shown) {
    assert_eq!(shown.code, 3, "{shown:?}");
    assert!(
        shown.sentence().contains("is closed and cannot be used"),
        "{shown:?}"
    );
}

/// The number of the one account.
fn document(world: &World) -> String {
    let listed = world.operator(&["account", "list", crate::world::PERSON]);
    let listed = process::stdout(&listed);
    listed
        .split(' ')
        .next()
        .expect("a document number")
        .to_owned()
}

/// Sets the clock forward and waits until a job has done its part, or died of it.
fn time_passes(world: &mut World, time: Duration) {
    world.clock.pass(time);
    for _ in 0..200 {
        if world.shim.commits() > 0 || world.shim.faults() > 0 || !world.is_up() {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    // The rest of the job's round.
    std::thread::sleep(Duration::from_millis(100));
}
