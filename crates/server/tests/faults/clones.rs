//! Copied device files, used alternately by the real command against a real server.

use crate::{
    ending::tells_that_it_is_closed,
    inspect::State,
    shim::{At, Point, copy_files},
    signing::{approve_all, next_login_works},
    world::{PIN1, Shown, WRONG_PIN1, World, enrolled, shown},
};
use std::path::{Path, PathBuf};

/// A second phone with the same files, keystore included.
fn copy_of_phone(world: &World) -> PathBuf {
    let folder = world.phone_folder().with_file_name("copy");
    copy_files(&world.phone_folder(), &folder);
    folder.join("a.phone")
}

fn device(world: &World, file: &Path, arguments: &[&str]) -> Shown {
    shown(world.device_command(file, arguments))
}

/// The account is over for everybody, and everybody is told.
fn both_are_shut_out(world: &World, copy: &Path) {
    for file in [&*world.phone_file(), copy] {
        // Twice: it stays so.
        for _ in 0..2 {
            tells_that_it_is_closed(&device(world, file, &["pending"]));
        }
    }
    let state = State::of(&world.config());
    assert_eq!((state.open.len(), state.all.len()), (0, 1));
    assert_eq!(state.count("clone_detected"), 1);
    let refused = world.ask().expect_err("the account is closed");
    assert_eq!(refused["status"], 404, "{refused}");
}

#[test]
fn the_second_of_two_copies_ends_the_account_whatever_its_pin() {
    for pin in [PIN1, WRONG_PIN1] {
        let world = World::start(enrolled());
        let copy = copy_of_phone(&world);
        next_login_works(&world);
        let session = world.ask().expect("asks");
        let second = device(&world, &copy, &["approve", "--pin", pin]);
        tells_that_it_is_closed(&second);
        assert_eq!(world.end_of(&session), "DOCUMENT_UNUSABLE");
        assert_eq!(
            State::of(&world.config()).count("attempt_charged"),
            1,
            "the owner's"
        );
        both_are_shut_out(&world, &copy);
    }
}

#[test]
fn a_thief_with_the_pin_signs_until_the_owner_looks_at_her_phone() {
    let world = World::start(enrolled());
    let copy = copy_of_phone(&world);
    let session = world.ask().expect("asks");
    assert_eq!(device(&world, &copy, &["approve", "--pin", PIN1]).code, 0);
    assert_eq!(world.end_of(&session), "OK");
    tells_that_it_is_closed(&world.device(&["pending"]));
    both_are_shut_out(&world, &copy);
}

/// The copy is made of a phone that has sent, or is about to send, its submission: both send the same bytes.
#[test]
fn a_copy_made_in_the_middle_of_a_submission_is_found_out_as_well() {
    for segment in pending_submissions() {
        for original_first in [true, false] {
            let world = World::start(enrolled());
            let session = world.ask().expect("asks");
            die_at(&world, segment);
            let copy = copy_of_phone(&world);
            let original = world.phone_file();
            let order = match original_first {
                true => [&original, &copy],
                false => [&copy, &original],
            };
            let first = device(&world, order[0], &["pending"]);
            assert!(
                [0, 4].contains(&first.code),
                "one phone is honest: {first:?}"
            );
            let second = device(&world, order[1], &["pending"]);
            tells_that_it_is_closed(&second);
            both_are_shut_out(&world, &copy);
            let end = world.end_of(&session);
            assert!(["OK", "DOCUMENT_UNUSABLE"].contains(&&*end), "{end}");
        }
    }
}

/// Positive control of the test above: without a copy the same phone goes on.
#[test]
fn a_phone_that_died_in_the_middle_of_a_submission_is_not_accused() {
    for segment in pending_submissions() {
        let world = World::start(enrolled());
        let session = world.ask().expect("asks");
        die_at(&world, segment);
        approve_all(&world);
        assert_eq!(world.end_of(&session), "OK");
        next_login_works(&world);
    }
}

/// The syncs of a phone's folder that put a pending submission in place: in a login the first one for the rotation, the
/// third for the signature; each write is a sync of the file and one of the folder.
fn pending_submissions() -> [i64; 2] {
    [1, 5]
}

/// The phone answers a request and is killed once this much of it is durable.
fn die_at(world: &World, segment: i64) {
    let shim = world.another_shim("phone-shim", &world.phone_folder());
    let at = At::Synced;
    shim.arm(Some(Point { segment, at }));
    let mut command = world.device_command(&world.phone_file(), &["approve", "--pin", PIN1]);
    shim.load(&mut command);
    shown(command);
    assert!(shim.has_killed(), "the phone does not come to that");
}
