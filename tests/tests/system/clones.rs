use crate::PERSON;
use device::{Event, View};
use tests::{PIN1, PIN2, World};

async fn closed(world: &World) -> bool {
    let path = format!("authentication/notification/etsi/{PERSON}");
    world
        .post(&path, &tests::authentication_request())
        .await
        .status
        == 404
}

#[tokio::test]
async fn the_second_of_two_copies_ends_the_account_whatever_its_pin() {
    for pin in [PIN1, "9513"] {
        let world = World::new().await;
        let mut phone = world.phone(PERSON).await;
        let mut clone = phone.copy();
        let session = world.ask_to_authenticate(PERSON).await;
        assert!(matches!(
            phone.answer(&world, &session, PIN1).await,
            View::Completed(_)
        ));
        let session = world.ask_to_authenticate(PERSON).await;
        let view = clone.answer(&world, &session, pin).await;
        assert!(
            !matches!(view, View::Completed(_) | View::WrongPin { .. }),
            "{view:?}"
        );
        assert!(closed(&world).await);
        let view = phone.act(&world, Event::Refresh).await;
        assert!(matches!(view, View::AccountClosed { .. }), "{view:?}");
    }
}

#[tokio::test]
async fn a_login_by_the_owner_exposes_a_copy_that_signed() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let mut clone = phone.copy();
    let session = world.ask_to_sign(PERSON).await;
    assert!(matches!(
        clone.answer(&world, &session, PIN2).await,
        View::Completed(_)
    ));
    phone.act(&world, Event::Rotate).await;
    assert!(closed(&world).await);
}

#[tokio::test]
async fn rotating_again_and_again_never_accuses_an_honest_phone() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    for _ in 0..15 {
        phone.act(&world, Event::Rotate).await;
        phone.reboot();
        phone.act(&world, Event::AppStart).await;
    }
    let session = world.ask_to_authenticate(PERSON).await;
    assert!(matches!(
        phone.answer(&world, &session, PIN1).await,
        View::Completed(_)
    ));
}
