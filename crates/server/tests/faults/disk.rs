//! Disks that are full, fail, lose what was not synced, or lie.

use crate::{
    inspect::State,
    process::{stderr, try_request},
    shim::{Fault, Files},
    signing::{approve_all, next_login_works, until},
    world::{PERSON, PIN1, PIN2, Shown, World, enrolled},
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

#[test]
fn a_full_disk_refuses_clearly_and_loses_nothing() {
    refuses_clearly(Fault::FULL);
}

#[test]
fn a_disk_that_fails_to_sync_refuses_clearly_and_loses_nothing() {
    refuses_clearly(Fault::UNSYNCED);
}

/// Everybody is refused in words; what was acknowledged stays readable; the same process works on.
fn refuses_clearly(fault: Fault) {
    let mut world = World::start(enrolled());
    let done = world.ask().expect("asks");
    approve_all(&world);
    let result = world.session(&done);
    let waiting = world.ask().expect("asks");
    world.shim.arm(None);
    world.shim.fail(fault);

    let path = format!("/smart-id-rp/v3/authentication/notification/etsi/{PERSON}");
    let body = include_str!("../../../../docs/examples/authentication.json");
    let json = "content-type: application/json\r\n";
    let (status, head, body) =
        try_request(&world.address, "POST", &path, json, body).expect("an answer");
    assert_eq!(status, 580, "{body}");
    assert!(
        head.contains("content-type: application/problem+json"),
        "{head}"
    );
    assert!(head.contains("retry-after: "), "{head}");
    assert!(body.contains(r#""code":"under_maintenance""#), "{body}");
    assert_eq!(world.session(&done), result, "results stay readable");
    assert_eq!(world.session(&waiting)["state"], "RUNNING");

    let is_told = |shown: &Shown| {
        assert_eq!(shown.code, 1, "{shown:?}");
        assert!(
            shown.sentence().contains("cannot do that just now"),
            "{shown:?}"
        );
    };
    is_told(&world.approve(PIN1));
    is_told(&world.device(&["rotate"]));
    is_told(&world.device(&["delete", "--yes"]));
    let url = format!("http://{}", world.address);
    let other = world.phone_folder().join("other.phone");
    let arguments = ["register", "--url", &url, "--pin1", PIN1, "--pin2", PIN2];
    is_told(&crate::world::shown(
        world.device_command(&other, &arguments),
    ));

    let shim = world.another_shim("operator-shim", &world.data());
    shim.fail(fault);
    let document = State::of(&world.config()).open[0]
        .document_number
        .to_string();
    let closing = world.operator_under(&shim, &["account", "close", &document, "--yes"]);
    assert_eq!(closing.status.code(), Some(1));
    assert!(
        stderr(&closing).contains("error: database: the database cannot be used"),
        "{}",
        stderr(&closing)
    );
    assert!(world.shim.faults() > 0 && shim.faults() > 0);

    world.shim.heal();
    assert!(world.is_up());
    approve_all(&world);
    assert_eq!(world.end_of(&waiting), "OK");
    next_login_works(&world);
    let before = State::of(&world.config());
    world.kill();
    world.restart();
    let after = State::of(&world.config());
    assert_eq!(
        before.audit, after.audit,
        "what was acknowledged is there for good"
    );
    assert_eq!(world.session(&done), result);
    assert!(!world.logs().contains("internal_error"));
}

/// Nobody knows which pages of the database file are on the disk once a sync of it has failed; the log has everything.
#[test]
fn a_checkpoint_that_cannot_be_made_durable_ends_the_server_and_loses_nothing() {
    for power in [false, true] {
        let mut world = World::start_keeping_durable(enrolled());
        world.shim.arm(None);
        world.shim.fail(Fault::UNSYNCED_MAIN);
        // It may end at any moment from here on: what was acknowledged counts.
        let session = world.ask().ok();
        let phone = world.approve(PIN1);
        until_ended(&mut world);
        assert!(world.logs().contains("the disk failed; ending at once"));
        match power {
            true => world.restart_after_power_cut(),
            false => world.restart(),
        }
        approve_all(&world);
        if let Some(session) = session {
            assert_eq!(world.end_of(&session), "OK");
        } else {
            assert!(!phone.has("completed"));
        }
        State::of(&world.config());
        next_login_works(&world);
    }
}

fn until_ended(world: &mut World) {
    for _ in 0..200 {
        if !world.is_up() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("the server goes on");
}

#[test]
fn a_full_disk_stops_checkpoints_but_nothing_else() {
    let mut world = World::start(enrolled());
    world.shim.arm(None);
    world.shim.fail(Fault {
        files: Files::Main,
        ..Fault::FULL
    });
    next_login_works(&world);
    until(|| world.logs().contains(r#""job":"database_checkpoint""#));
    next_login_works(&world);
    world.shim.heal();
    until(|| world.logs().contains("works again"));
    world.kill();
    world.restart();
    next_login_works(&world);
}

#[test]
fn a_server_that_cannot_write_at_its_start_says_so() {
    let mut world = World::start(enrolled());
    world.stop();
    let shim = world.another_shim("start-shim", &world.data());
    shim.fail(Fault::FULL);
    let output = world.operator_under(&shim, &["serve"]);
    assert_eq!(output.status.code(), Some(1));
    let text = stderr(&output);
    assert!(
        text.contains("error: cannot open the database") && text.contains("smart-id.db"),
        "{text}"
    );
    assert!(shim.faults() > 0);
    world.restart();
    next_login_works(&world);
}

/// What is not stored is not sent: the next token would be lost with the phone.
#[test]
fn a_phone_whose_disk_is_full_says_so_and_sends_nothing() {
    let world = World::start(enrolled());
    let session = world.ask().expect("asks");
    let before = State::of(&world.config());
    let shim = world.another_shim("phone-shim", &world.phone_folder());
    shim.fail(Fault::FULL);
    let mut command = world.device_command(&world.phone_file(), &["approve", "--pin", PIN1]);
    shim.load(&mut command);
    let refused = crate::world::shown(command);
    assert_eq!(refused.code, 1, "{refused:?}");
    let sentence = "error: cannot store the phone in";
    assert!(
        refused.stderr.contains(sentence) && refused.stderr.contains("No space left"),
        "{refused:?}"
    );
    let after = State::of(&world.config());
    for code in ["token_rotated", "attempt_charged"] {
        assert_eq!(before.count(code), after.count(code), "{code}");
    }
    approve_all(&world);
    assert_eq!(world.end_of(&session), "OK");
}

/// Everything that anybody was told about survives a power cut, on a disk that does what it says.
#[test]
fn what_was_acknowledged_survives_a_power_cut() {
    assert!(survives_a_power_cut(false));
}

/// Positive control: if syncs made nothing durable, it would be noticed here.
#[test]
fn a_disk_that_lies_is_found_out() {
    assert!(!survives_a_power_cut(true));
}

fn survives_a_power_cut(lies: bool) -> bool {
    let mut world = World::start_keeping_durable(enrolled());
    if lies {
        world.shim.lie();
    }
    let session = world.ask().expect("asks");
    assert_eq!(world.approve(PIN1).code, 0);
    let before = world.session(&session);
    assert_eq!(before["result"]["endResult"], "OK");
    // At once, before a checkpoint syncs the log as well.
    world.kill();
    world.restart_after_power_cut();
    let told = catch_unwind(AssertUnwindSafe(|| {
        assert_eq!(world.session(&session), before);
        next_login_works(&world);
    }));
    told.is_ok()
}
