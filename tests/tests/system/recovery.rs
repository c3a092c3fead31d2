use crate::PERSON;
use device::{Event, View};
use engine::{
    domain::{SessionState, TransactionState},
    ports::Store,
};
use jiff::SignedDuration;
use tests::{Fault, PIN1, World};

#[tokio::test]
async fn a_lost_request_is_sent_again_after_a_restart_without_the_pin() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let session = world.ask_to_authenticate(PERSON).await;
    phone.fault = Some(Fault::LoseRequest);
    let view = phone.answer(&world, &session, PIN1).await;
    assert!(!matches!(view, View::Completed(_)), "{view:?}");
    assert_eq!(world.result(&session).await, "");
    phone.reboot();
    phone.act(&world, Event::AppStart).await;
    assert_eq!(world.result(&session).await, "OK");
}

#[tokio::test]
async fn a_lost_answer_costs_nothing_and_the_verdict_is_recovered() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let session = world.ask_to_authenticate(PERSON).await;
    phone.fault = Some(Fault::LoseAnswer);
    phone.answer(&world, &session, PIN1).await;
    assert_eq!(world.result(&session).await, "OK");
    phone.reboot();
    phone.act(&world, Event::AppStart).await;
    // The chain is where the server's is: the next signature works.
    let session = world.ask_to_authenticate(PERSON).await;
    assert!(matches!(
        phone.answer(&world, &session, PIN1).await,
        View::Completed(_)
    ));
}

#[tokio::test]
async fn a_wrong_pin_whose_answer_was_lost_is_counted_once() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let session = world.ask_to_authenticate(PERSON).await;
    phone.fault = Some(Fault::LoseAnswer);
    phone.answer(&world, &session, "9513").await;
    phone.reboot();
    phone.act(&world, Event::AppStart).await;
    let View::WrongPin { attempts_left, .. } = phone.answer(&world, &session, "9513").await else {
        panic!()
    };
    assert_eq!(attempts_left, 1);
}

#[tokio::test]
async fn the_same_submission_twice_is_answered_twice_and_counted_once() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let session = world.ask_to_authenticate(PERSON).await;
    phone.answer(&world, &session, "9513").await;
    let (path, headers, body) = phone.sent.clone().unwrap();
    for _ in 0..3 {
        assert_eq!(
            world
                .send("POST", &path, &headers, body.clone())
                .await
                .status,
            200
        );
    }
    let View::WrongPin { attempts_left, .. } = phone.answer(&world, &session, "9513").await else {
        panic!()
    };
    assert_eq!(attempts_left, 1);
    // An old packet after newer ones changes nothing either.
    assert_eq!(world.send("POST", &path, &headers, body).await.status, 200);
    assert!(matches!(
        phone.answer(&world, &session, PIN1).await,
        View::Completed(_)
    ));
}

#[tokio::test]
async fn fifty_copies_of_a_submission_at_once_are_one_attempt() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let session = world.ask_to_authenticate(PERSON).await;
    phone.fault = Some(Fault::LoseRequest);
    phone.answer(&world, &session, "9513").await;
    let (path, headers, body) = phone.sent.clone().unwrap();
    let copies = (0..50).map(|_| world.send("POST", &path, &headers, body.clone()));
    for answer in join_all(copies).await {
        assert_eq!(answer.status, 200);
    }
    phone.act(&world, Event::Refresh).await;
    let View::WrongPin { attempts_left, .. } = phone.answer(&world, &session, "9513").await else {
        panic!()
    };
    assert_eq!(attempts_left, 1);
}

/// More than eight do not wait for one evaluation; whoever is sent away is told to ask again, and does.
#[tokio::test]
async fn a_phone_in_a_crowd_of_copies_of_its_submission_gets_the_verdict() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let session = world.ask_to_authenticate(PERSON).await;
    phone.fault = Some(Fault::LoseRequest);
    phone.answer(&world, &session, PIN1).await;
    let (path, headers, body) = phone.sent.clone().unwrap();
    let copies = (0..50).map(|_| world.send("POST", &path, &headers, body.clone()));
    let (answers, ()) = tokio::join!(join_all(copies), async {
        phone.act(&world, Event::Refresh).await;
    });
    assert!(answers.iter().all(|answer| answer.status == 200));
    // What it was told in the crowd may have been to come again.
    phone.act(&world, Event::Refresh).await;
    assert_eq!(world.result(&session).await, "OK");
    let session = world.ask_to_authenticate(PERSON).await;
    assert!(matches!(
        phone.answer(&world, &session, PIN1).await,
        View::Completed(_)
    ));
}

/// Polls all at once on this task.
pub(crate) async fn join_all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        let mut pending = false;
        for (future, output) in &mut futures {
            if output.is_none() {
                match future.as_mut().poll(context) {
                    std::task::Poll::Ready(value) => *output = Some(value),
                    std::task::Poll::Pending => pending = true,
                }
            }
        }
        if pending {
            std::task::Poll::Pending
        } else {
            std::task::Poll::Ready(())
        }
    })
    .await;
    futures
        .into_iter()
        .map(|(_, output)| output.expect("ready"))
        .collect()
}

/// Puts the newest finished submission back to where a crash between the two transactions leaves it.
#[tokio::test]
async fn an_interrupted_evaluation_is_finished_by_the_job() {
    let mut world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let session = world.ask_to_authenticate(PERSON).await;
    // The process dies while it evaluates: the request is charged, and nobody computes on.
    let request = {
        let opened = phone.open(&world, &session).await;
        assert!(matches!(opened, View::EnterPin { .. }));
        phone.fault = Some(Fault::LoseRequest);
        phone.act(&world, Event::EnterPin(tests::pin(PIN1))).await;
        phone.sent.clone().unwrap()
    };
    let (path, headers, body) = request;
    let mut sending = Box::pin(world.send("POST", &path, &headers, body));
    // Poll until the charge is committed, then drop the future as a dying process would.
    let session_id = session.parse().unwrap();
    let charged = loop {
        let polled = std::future::poll_fn(|context| {
            std::task::Poll::Ready(sending.as_mut().poll(context).is_ready())
        })
        .await;
        let state = world
            .store()
            .read()
            .await
            .unwrap()
            .session(session_id)
            .await
            .unwrap()
            .unwrap()
            .state;
        if let SessionState::Completing { transaction, .. } = state {
            break Some(transaction);
        }
        if polled {
            break None;
        }
        tokio::task::yield_now().await;
    };
    drop(sending);
    // On a fast machine the evaluation may be through before we look; then there is nothing to interrupt.
    let Some(transaction) = charged else {
        return;
    };
    world.restart().await;
    world.pass(SignedDuration::from_secs(30));
    // Unless the verdict was on its way to the disk already, the job computes it.
    world.jobs().await;
    let transaction = world
        .store()
        .read()
        .await
        .unwrap()
        .transaction(transaction)
        .await
        .unwrap()
        .unwrap();
    assert!(matches!(transaction.state, TransactionState::Done { .. }));
    assert_eq!(world.result(&session).await, "OK");
    phone.reboot();
    phone.act(&world, Event::AppStart).await;
    let session = world.ask_to_authenticate(PERSON).await;
    assert!(matches!(
        phone.answer(&world, &session, PIN1).await,
        View::Completed(_)
    ));
}
