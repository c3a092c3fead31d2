use crate::PERSON;
use device::View;
use jiff::SignedDuration;
use tests::{PIN1, PIN2, SimulatedPhone, World};

const WRONG: &str = "9513";

async fn wrong_pin(world: &World, phone: &mut SimulatedPhone) -> View {
    let session = world.ask_to_authenticate(PERSON).await;
    let view = phone.answer(world, &session, WRONG).await;
    assert!(matches!(view, View::WrongPin { .. }), "{view:?}");
    view
}

/// Starts an authentication and tells its end result without any phone.
async fn asked(world: &World) -> String {
    let session = world.ask_to_authenticate(PERSON).await;
    world.result(&session).await
}

#[tokio::test]
async fn three_wrong_pins_lock_for_three_hours_to_the_second_across_a_restart() {
    let mut world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    for expected in [2, 1] {
        let View::WrongPin {
            attempts_left,
            locked_until: None,
            ..
        } = wrong_pin(&world, &mut phone).await
        else {
            panic!()
        };
        assert_eq!(attempts_left, expected);
    }
    let session = world.ask_to_authenticate(PERSON).await;
    let View::WrongPin {
        attempts_left: 0,
        locked_until: Some(until),
        destroyed: false,
        ..
    } = phone.answer(&world, &session, WRONG).await
    else {
        panic!()
    };
    assert_eq!(until, world.now() + SignedDuration::from_hours(3));
    assert_eq!(world.result(&session).await, "DOCUMENT_UNUSABLE");

    world.restart().await;
    world.pass(SignedDuration::from_hours(3) - SignedDuration::from_secs(1));
    assert_eq!(asked(&world).await, "DOCUMENT_UNUSABLE");
    world.pass(SignedDuration::from_secs(1));
    let session = world.ask_to_authenticate(PERSON).await;
    assert!(matches!(
        phone.answer(&world, &session, PIN1).await,
        View::Completed(_)
    ));
}

#[tokio::test]
async fn nine_wrong_pins_destroy_the_key_and_leave_the_other_one() {
    let mut world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    for stage in 1..=3 {
        for _ in 0..2 {
            wrong_pin(&world, &mut phone).await;
        }
        let View::WrongPin {
            locked_until,
            destroyed,
            ..
        } = wrong_pin(&world, &mut phone).await
        else {
            panic!()
        };
        assert_eq!(destroyed, stage == 3);
        match stage {
            1 => assert_eq!(
                locked_until,
                Some(world.now() + SignedDuration::from_hours(3))
            ),
            2 => assert_eq!(
                locked_until,
                Some(world.now() + SignedDuration::from_hours(24))
            ),
            _ => {}
        }
        // PIN1 is locked; PIN2 goes on.
        assert_eq!(asked(&world).await, "DOCUMENT_UNUSABLE");
        let session = world.ask_to_sign(PERSON).await;
        assert!(matches!(
            phone.answer(&world, &session, PIN2).await,
            View::Completed(_)
        ));
        world.restart().await;
        world.pass(SignedDuration::from_hours(24));
        world.jobs().await;
    }
    world.pass(SignedDuration::from_hours(24 * 365));
    world.jobs().await;
    assert_eq!(asked(&world).await, "DOCUMENT_UNUSABLE");
}

#[tokio::test]
async fn the_right_pin_starts_the_count_anew() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    for _ in 0..2 {
        wrong_pin(&world, &mut phone).await;
    }
    let session = world.ask_to_authenticate(PERSON).await;
    phone.answer(&world, &session, PIN1).await;
    let View::WrongPin {
        attempts_left: 2, ..
    } = wrong_pin(&world, &mut phone).await
    else {
        panic!()
    };
}

#[tokio::test]
async fn a_wrong_pin_can_be_tried_again_on_the_same_request() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let session = world.ask_to_authenticate(PERSON).await;
    assert!(matches!(
        phone.answer(&world, &session, WRONG).await,
        View::WrongPin { .. }
    ));
    assert_eq!(world.result(&session).await, "");
    assert!(matches!(
        phone.answer(&world, &session, PIN1).await,
        View::Completed(_)
    ));
    assert_eq!(world.result(&session).await, "OK");
}
