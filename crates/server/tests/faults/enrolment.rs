//! From a phone without an account to an account, or to nothing.

use crate::{
    inspect::{self, State},
    points::{Scenario, Victim},
    process::stderr,
    signing::{next_login_works, until},
    world::{PIN1, PIN2, Shown, World, empty, registering, shown, vouched},
};
use std::{process::Output, time::Duration};

#[test]
fn moduli_and_shares_survive_the_server() {
    offering(Victim::Server).kill_at_each_commit("offer and shares", 4);
}

#[test]
fn moduli_and_shares_survive_the_phone() {
    offering(Victim::Phone).kill_at_each_commit("offer and shares, the phone's part", 6);
}

#[test]
fn proofs_survive_the_server() {
    proving(Victim::Server).kill_at_each_commit("proofs", 4);
}

#[test]
fn proofs_survive_the_servers_disk() {
    proving(Victim::Server).fail_at_each_commit("proofs");
}

#[test]
fn proofs_survive_the_phone() {
    proving(Victim::Phone).kill_at_each_commit("proofs, the phone's part", 4);
}

#[test]
fn vouching_survives_the_command() {
    let scenario = Scenario {
        from: registering,
        victim: Victim::Operator,
        prepare: |world| world.registration_code(),
        step: |world, shim, code: &String| world.operator_under(shim, &World::vouching(code)),
        check: |world, code, _: Output| {
            let again = world.vouch(code);
            assert!(
                again.status.success() || stderr(&again).contains("has its person already"),
                "{}",
                stderr(&again)
            );
            registers(world);
        },
    };
    scenario.kill_at_each_commit("vouching", 1);
}

/// R1 to R3a. Nothing but what the phone has stored goes on.
fn offering(victim: Victim) -> Scenario<(), String> {
    Scenario {
        from: empty,
        victim,
        prepare: |_| (),
        step: |world, shim, ()| world.register_until_code_under(Some(shim)),
        check: |world, (), _| {
            let code = world.registration_code();
            let vouched = world.vouch(&code);
            assert!(vouched.status.success(), "{}", stderr(&vouched));
            registers(world);
            // What was left behind of an earlier try ends by itself.
            let lifetime = Duration::from_secs(15 * 60 + 1);
            world.clock.pass(lifetime);
            until(|| inspect::overdue(&world.config(), lifetime) == 0);
        },
    }
}

/// R3b and R4.
fn proving(victim: Victim) -> Scenario<(), Shown> {
    Scenario {
        from: vouched,
        victim,
        prepare: |_| (),
        step: |world, shim, ()| {
            let url = format!("http://{}", world.address);
            let arguments = ["register", "--url", &url, "--pin1", PIN1, "--pin2", PIN2];
            let mut command = world.device_command(&world.phone_file(), &arguments);
            shim.load(&mut command);
            shown(command)
        },
        check: |world, (), before| {
            let state = State::of(&world.config());
            assert!(state.open.len() <= 1);
            if before.has("registered") {
                assert_eq!(state.open.len(), 1, "an account that was seen is lost");
            }
            registers(world);
        },
    }
}

/// The phone finishes, or has finished; there is one whole account, and it works.
fn registers(world: &World) {
    let shown = world.register();
    let before = shown.stderr.contains("there is an account on the phone");
    assert!(shown.has("registered") || before, "{shown:?}");
    let state = State::of(&world.config());
    assert_eq!((state.open.len(), state.all.len()), (1, 1));
    // Whatever was recorded on the way there and not given out is good for nothing.
    assert_eq!(inspect::good_certificates(&world.config()), 2);
    assert_eq!(state.count("certificate_issued"), 2);
    next_login_works(world);
}
