use crate::PERSON;
use device::{Event, View};
use splitkey::message::Operation;
use tests::{PIN1, PIN2, World};
use wire::device_v1::{self, Verdict};

/// The phone's nonce of messages that are made by hand.
const C: [u8; 32] = [0x5c; 32];

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

/// The copy signs, then makes the token that the owner's phone holds the current one again: without a rule against it,
/// the owner's phone would go on and never notice.
#[tokio::test]
async fn a_copy_cannot_hand_the_chain_back() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let mut copy = phone.copy();
    let session = world.ask_to_sign(PERSON).await;
    assert!(matches!(
        copy.answer(&world, &session, PIN2).await,
        View::Completed(_)
    ));

    let (owner, thief) = (phone.dump(), copy.dump());
    assert_ne!(owner.token().hash(), thief.token().hash());
    let offer = thief
        .begin(&world, device_v1::Operation::Rotate, None)
        .await;
    let verdict = thief
        .submit(
            &world,
            &offer,
            C,
            (thief.token(), owner.token().hash()),
            Operation::Rotate,
        )
        .await;
    assert!(
        matches!(&verdict, Verdict::Refused { code, .. } if code == "malformed"),
        "{verdict:?}"
    );

    phone.act(&world, Event::Rotate).await;
    assert!(closed(&world).await);
}

/// The control of the test above: the same message with the token that follows from T_i, r and c is taken.
#[tokio::test]
async fn a_rotation_made_by_hand_is_taken_with_the_token_that_follows() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let thief = phone.dump();
    let offer = thief
        .begin(&world, device_v1::Operation::Rotate, None)
        .await;
    let verdict = thief
        .submit(
            &world,
            &offer,
            C,
            (thief.token(), thief.honest_next(&offer, &C).hash()),
            Operation::Rotate,
        )
        .await;
    assert!(
        matches!(verdict, Verdict::Rotated { seq: 1 }),
        "{verdict:?}"
    );
    phone.act(&world, Event::Rotate).await;
    assert!(closed(&world).await);
}

/// A copy that was made while a submission was unsettled knows the owner's next token, too.
#[tokio::test]
async fn a_copy_cannot_spend_the_token_into_the_one_that_the_owner_waits_for() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    phone.fault = Some(tests::Fault::LoseRequest);
    phone.act(&world, Event::Rotate).await;
    let thief = phone.dump();
    let offer = thief
        .begin(&world, device_v1::Operation::Rotate, None)
        .await;
    let verdict = thief
        .submit(
            &world,
            &offer,
            C,
            (thief.token(), thief.pending_token().unwrap().hash()),
            Operation::Rotate,
        )
        .await;
    assert!(
        matches!(&verdict, Verdict::Refused { code, .. } if code == "malformed"),
        "{verdict:?}"
    );
    // Nothing was spent, so nobody is accused.
    phone.act(&world, Event::Refresh).await;
    assert!(!closed(&world).await);
}

/// A sync that names itself must not make the server stumble over its own row.
#[tokio::test]
async fn a_sync_about_itself_is_answered() {
    let world = World::new().await;
    let phone = world.phone(PERSON).await;
    let thief = phone.dump();
    let offer = thief.begin(&world, device_v1::Operation::Sync, None).await;
    let pending = splitkey::TransactionId(offer.transaction_id.0);
    let verdict = thief
        .submit(
            &world,
            &offer,
            C,
            (thief.token(), thief.token().hash()),
            Operation::Sync { pending },
        )
        .await;
    assert!(matches!(verdict, Verdict::NotAdvanced), "{verdict:?}");
}
