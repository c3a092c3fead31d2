//! Wrong PINs, many at once, repeated, across crashes and restarts: what is evaluated was charged before, and what is
//! charged obeys the locks.

use crate::{PERSON, recovery::join_all};
use device::{Event, View};
use engine::domain::AuditEvent;
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;
use tests::{Fault, PIN1, PIN2, SimulatedPhone, World};
use wire::device_v1::{self, Verdict};

const WRONG: &str = "95137";

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// What `splitkey.md` §4.4 allows, computed from nothing but the audit trail.
#[derive(Default)]
struct Oracle {
    consecutive: u32,
    in_flight: Option<String>,
    lock: Option<Timestamp>,
    charges: usize,
}

/// Reads the audit trail as an auditor does: no charge under a lock, none after the ninth, and the counts are right.
async fn audited(world: &World) -> HashMap<u8, Oracle> {
    let mut keys: HashMap<u8, Oracle> = HashMap::new();
    let mut trail = world.audit_trail().await;
    trail.sort_by_key(|record| record.at);
    // Lines of one moment have no order but that a verdict follows its charge.
    for moment in trail.chunk_by(|one, other| one.at == other.at) {
        let mut left: Vec<&AuditEvent> = moment
            .iter()
            .map(|record| &record.event)
            .filter(|event| {
                matches!(
                    event,
                    AuditEvent::AttemptCharged { .. }
                        | AuditEvent::PinAccepted { .. }
                        | AuditEvent::PinRefused { .. }
                )
            })
            .collect();
        while !left.is_empty() {
            let place = left
                .iter()
                .position(|event| follows(&keys, event))
                .unwrap_or_else(|| panic!("{left:?} after {keys:?}"));
            count(&mut keys, left.remove(place), moment[0].at);
        }
    }
    keys
}

/// Whether this is the next thing that may happen to its key.
fn follows(keys: &HashMap<u8, Oracle>, event: &AuditEvent) -> bool {
    let none = Oracle::default();
    let key = |purpose| keys.get(purpose).unwrap_or(&none);
    match event {
        AuditEvent::AttemptCharged {
            purpose,
            consecutive,
            ..
        } => {
            key(purpose).in_flight.is_none()
                && key(purpose).consecutive + 1 == u32::from(*consecutive)
        }
        AuditEvent::PinAccepted {
            purpose,
            transaction,
        } => key(purpose).in_flight.as_ref() == Some(transaction),
        AuditEvent::PinRefused {
            purpose,
            consecutive,
            ..
        } => {
            key(purpose).in_flight.is_some() && key(purpose).consecutive == u32::from(*consecutive)
        }
        _ => false,
    }
}

fn count(keys: &mut HashMap<u8, Oracle>, event: &AuditEvent, at: Timestamp) {
    match event {
        AuditEvent::AttemptCharged {
            purpose,
            transaction,
            ..
        } => {
            let key = keys.entry(*purpose).or_default();
            assert!(key.lock.is_none_or(|until| at >= until), "{key:?}");
            assert!(key.consecutive < 9, "{key:?}");
            key.consecutive += 1;
            key.charges += 1;
            key.in_flight = Some(transaction.clone());
        }
        AuditEvent::PinAccepted { purpose, .. } => {
            let key = keys.entry(*purpose).or_default();
            key.consecutive = 0;
            key.lock = None;
            key.in_flight = None;
        }
        AuditEvent::PinRefused {
            purpose,
            consecutive,
            locked_until,
        } => {
            let key = keys.entry(*purpose).or_default();
            let hours = match consecutive {
                3 => Some(3),
                6 => Some(24),
                _ => None,
            };
            let expected = hours.map(|hours| at + SignedDuration::from_hours(hours));
            assert_eq!(*locked_until, expected, "{key:?}");
            key.lock = expected;
            key.in_flight = None;
        }
        _ => {}
    }
}

impl std::fmt::Debug for Oracle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} of {} since {:?}",
            self.consecutive, self.charges, self.lock
        )
    }
}

async fn charges(world: &World) -> usize {
    audited(world).await.values().map(|key| key.charges).sum()
}

#[tokio::test]
async fn fifty_copies_of_a_submission_at_once_are_computed_once() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let session = world.ask_to_authenticate(PERSON).await;
    phone.fault = Some(Fault::LoseRequest);
    phone.answer(&world, &session, WRONG).await;
    let (path, headers, body) = phone.sent.clone().unwrap();
    let before = world.watch().evaluations();
    let copies = (0..50).map(|_| world.send("POST", &path, &headers, body.clone()));
    for answer in join_all(copies).await {
        assert_eq!(answer.status, 200);
    }
    assert_eq!(world.watch().evaluations() - before, 1);
    assert_eq!(charges(&world).await, 1);
}

/// One offer, fifty guesses that race for it: one of them counts, the others find the transaction gone.
#[tokio::test]
async fn fifty_guesses_for_one_transaction_at_once_are_one_attempt() {
    let world = World::new().await;
    let thief = world.phone(PERSON).await.dump();
    let before = world.watch().submissions();
    let session = world.ask_to_sign(PERSON).await;
    let offer = thief
        .begin(&world, device_v1::Operation::Sign, Some(&session))
        .await;
    let guesses = (0..50_u8).map(|guess| {
        let c = [guess; 32];
        let tokens = (thief.token(), thief.honest_next(&offer, &c).hash());
        let operation = thief.signature(&offer, c, &format!("{:05}", 11_000 + u32::from(guess)));
        thief.submit(&world, &offer, c, tokens, operation)
    });
    let verdicts = join_all(guesses).await;
    let evaluated = |verdict: &&Verdict| matches!(verdict, Verdict::WrongPin { .. });
    assert_eq!(verdicts.iter().filter(evaluated).count(), 1, "{verdicts:?}");
    for verdict in &verdicts {
        assert!(
            matches!(verdict, Verdict::WrongPin { .. })
                || matches!(verdict, Verdict::Refused { code, .. } if code == "tx_gone"),
            "{verdict:?}"
        );
    }
    assert_eq!(charges(&world).await, 1);
    assert_eq!(world.watch().submissions() - before, 1);
}

/// A thief who does not wait for verdicts: while one guess is evaluated there is no other for the same key.
#[tokio::test]
async fn a_second_guess_waits_for_the_verdict_on_the_first() {
    let world = World::new().await;
    let phone = world.phone(PERSON).await;
    let thief = phone.dump();
    world.watch().set_down(true);
    let session = world.ask_to_sign(PERSON).await;
    let offer = thief
        .begin(&world, device_v1::Operation::Sign, Some(&session))
        .await;
    let c = [1; 32];
    let next = thief.honest_next(&offer, &c);
    let operation = thief.signature(&offer, c, WRONG);
    let tokens = (thief.token(), next.hash());
    let verdict = thief.submit(&world, &offer, c, tokens, operation).await;
    assert!(
        matches!(&verdict, Verdict::Refused { code, .. } if code == "server_unavailable"),
        "{verdict:?}"
    );
    for guess in 0..20 {
        let session = world.ask_to_sign(PERSON).await;
        let offer = thief
            .begin(&world, device_v1::Operation::Sign, Some(&session))
            .await;
        let token = || splitkey::FreshnessToken::from_bytes(*next.expose_secret());
        let operation = thief.signature(&offer, c, &format!("{:05}", 22_000 + guess));
        // The sequence number is the thief's own business: what counts is that T_{i+1} follows from it.
        let tokens = (token(), thief.next_of(&token(), &offer, &c).hash());
        let verdict = thief.submit(&world, &offer, c, tokens, operation).await;
        assert!(
            matches!(&verdict, Verdict::Refused { code, .. } if code == "busy"),
            "{verdict:?}"
        );
    }
    assert_eq!(charges(&world).await, 1);
}

/// Fifty copies of a phone, each with another wrong PIN, at once: the first to spend the token is evaluated, the
/// second ends the account.
#[tokio::test]
async fn fifty_copies_of_a_phone_at_once_are_found_out() {
    let world = World::new().await;
    let phone = world.phone(PERSON).await;
    let before = world.watch().submissions();
    let mut copies: Vec<SimulatedPhone> = (0..50).map(|_| phone.copy()).collect();
    let mut sessions = Vec::new();
    for place in 0..50 {
        sessions.push(if place % 2 == 0 {
            world.ask_to_authenticate(PERSON).await
        } else {
            world.ask_to_sign(PERSON).await
        });
    }
    for round in 0..3 {
        let guesses =
            copies
                .iter_mut()
                .zip(&sessions)
                .enumerate()
                .map(|(place, (copy, session))| {
                    let digits = format!("{}", 33_000 + place + 100 * round);
                    let world = &world;
                    async move { copy.answer(world, session, &digits).await }
                });
        join_all(guesses).await;
        let charged = charges(&world).await;
        assert!(charged <= 2, "{charged}");
        assert!(world.watch().submissions() - before <= charged);
    }
}

/// SplitMix64.
fn random(state: &mut u64, below: u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)) % below
}

/// Sends the pending submission and drops the request after so many polls, as a dying process does.
async fn die_within(world: &World, phone: &SimulatedPhone, polls: u64) {
    let (path, headers, body) = phone.sent.clone().unwrap();
    let mut sending = Box::pin(world.send("POST", &path, &headers, body));
    for _ in 0..polls {
        let over = std::future::poll_fn(|context| {
            std::task::Poll::Ready(sending.as_mut().poll(context).is_ready())
        })
        .await;
        if over {
            break;
        }
        tokio::task::yield_now().await;
    }
}

/// Guesses at both PINs, right ones, lost and repeated messages, crashes before, in and after the evaluation,
/// restarts, jobs, and time that passes.
async fn storm(seed: u64, rounds: u32) {
    let mut state = seed;
    let mut world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let before = world.watch().submissions();
    let mut right = [false; 2];
    for _ in 0..rounds {
        // One attempt a moment, so that the trail tells their order.
        world.pass(SignedDuration::from_secs(1));
        let key = usize::try_from(random(&mut state, 2)).unwrap();
        let session = if key == 0 {
            world.ask_to_authenticate(PERSON).await
        } else {
            world.ask_to_sign(PERSON).await
        };
        let digits = match random(&mut state, 6) {
            0 => [PIN1, PIN2][key],
            _ => WRONG,
        };
        right[key] |= digits != WRONG;
        let mishap = random(&mut state, 6);
        phone.fault = match mishap {
            0 => Some(Fault::LoseAnswer),
            1..=3 => Some(Fault::LoseRequest),
            _ => None,
        };
        phone.answer(&world, &session, digits).await;
        match mishap {
            1 => die_within(&world, &phone, random(&mut state, 40)).await,
            2 => {
                world.watch().set_down(true);
                die_within(&world, &phone, 10_000).await;
                world.watch().set_down(false);
            }
            3 => {
                let (path, headers, body) = phone.sent.clone().unwrap();
                let copies = (0..5).map(|_| world.send("POST", &path, &headers, body.clone()));
                join_all(copies).await;
            }
            _ => {}
        }
        if random(&mut state, 3) == 0 {
            world.restart().await;
            phone.reboot();
        }
        if random(&mut state, 3) == 0 {
            world.pass(SignedDuration::from_secs(31));
            world.jobs().await;
        }
        phone.act(&world, Event::AppStart).await;
        if random(&mut state, 4) == 0 {
            world.pass(SignedDuration::from_mins(90));
            world.jobs().await;
        }
        let charged = charges(&world).await;
        let evaluated = world.watch().submissions() - before;
        assert!(
            evaluated <= charged,
            "seed {seed}: {evaluated} of {charged}"
        );
        assert!(
            phone.has_account(),
            "an honest phone was shut out, seed {seed}"
        );
    }
    assert!(charges(&world).await >= 3, "seed {seed} tried nothing");
}

#[tokio::test]
async fn no_storm_of_guesses_crashes_and_restarts_gives_one_more_than_the_locks_allow() {
    let storms = if std::env::var_os("SMART_ID_DEEP").is_some() {
        30
    } else {
        4
    };
    for seed in 0..storms {
        storm(seed, 14).await;
    }
}

/// A right PIN between the guesses starts the count of nine anew, not that of thirty.
#[tokio::test]
async fn thirty_failures_in_thirty_days_lock_to_the_second_whatever_came_between() {
    let mut world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let start = world.now();
    let mut last = None;
    for day in 0..15 {
        for guess in 0..2 {
            let session = world.ask_to_authenticate(PERSON).await;
            last = Some(phone.answer(&world, &session, WRONG).await);
            assert!(matches!(last, Some(View::WrongPin { .. })), "{day} {guess}");
        }
        if day < 14 {
            let session = world.ask_to_authenticate(PERSON).await;
            let view = phone.answer(&world, &session, PIN1).await;
            assert!(matches!(view, View::Completed(_)), "{view:?}");
            world.pass(DAY);
            world.jobs().await;
        }
        if day == 7 {
            world.restart().await;
        }
    }
    let until = start + DAY * 30;
    let Some(View::WrongPin {
        attempts_left: 0,
        locked_until: Some(told),
        destroyed: false,
        ..
    }) = last
    else {
        panic!("{last:?}")
    };
    assert_eq!(told, until);
    let suspected = world
        .audit_trail()
        .await
        .iter()
        .filter(|record| {
            matches!(
                record.event,
                AuditEvent::GuessingSuspected {
                    purpose: 1,
                    failures: 30
                }
            )
        })
        .count();
    assert_eq!(suspected, 1);

    world.restart().await;
    world.pass(until.duration_since(world.now()) - SignedDuration::from_secs(1));
    world.jobs().await;
    let session = world.ask_to_authenticate(PERSON).await;
    assert_eq!(world.result(&session).await, "DOCUMENT_UNUSABLE");
    // The other key was never guessed at.
    let session = world.ask_to_sign(PERSON).await;
    let view = phone.answer(&world, &session, PIN2).await;
    assert!(matches!(view, View::Completed(_)), "{view:?}");
    world.pass(SignedDuration::from_secs(1));
    let session = world.ask_to_authenticate(PERSON).await;
    let view = phone.answer(&world, &session, PIN1).await;
    assert!(matches!(view, View::Completed(_)), "{view:?}");
}

#[tokio::test]
async fn a_clock_that_jumps_back_opens_no_lock_and_gives_no_attempt() {
    let mut world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    for _ in 0..3 {
        let session = world.ask_to_authenticate(PERSON).await;
        phone.answer(&world, &session, WRONG).await;
    }
    let until = world.now() + SignedDuration::from_hours(3);
    for jump in [-1, -40, -100_000] {
        world.pass(SignedDuration::from_secs(jump));
        let session = world.ask_to_authenticate(PERSON).await;
        assert_eq!(world.result(&session).await, "DOCUMENT_UNUSABLE");
        world.restart().await;
    }
    world.pass(until.duration_since(world.now()) - SignedDuration::from_secs(1));
    let session = world.ask_to_authenticate(PERSON).await;
    assert_eq!(world.result(&session).await, "DOCUMENT_UNUSABLE");
    world.pass(SignedDuration::from_secs(1));
    // The vault made new transport keys when the clock jumped; the phone learns it by a refusal that costs nothing.
    let session = world.ask_to_authenticate(PERSON).await;
    let view = phone.answer(&world, &session, PIN1).await;
    assert!(matches!(view, View::NotSent(_)), "{view:?}");
    let view = phone.answer(&world, &session, PIN1).await;
    assert!(matches!(view, View::Completed(_)), "{view:?}");
    assert_eq!(charges(&world).await, 4);
}

/// The operator renames the scheme between a charge and its evaluation: what was charged can no longer be evaluated. It
/// stays charged, but nobody says that the PIN was wrong.
#[tokio::test]
async fn other_settings_after_a_restart_do_not_make_a_right_pin_wrong() {
    let mut world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let session = world.ask_to_authenticate(PERSON).await;
    world.watch().set_down(true);
    phone.answer(&world, &session, PIN1).await;
    world.watch().set_down(false);
    let before = world.watch().submissions();
    world
        .restart_with(|policy| policy.scheme_name = "smart-id-renamed".to_owned())
        .await;
    world.pass(SignedDuration::from_secs(30));
    world.jobs().await;
    assert_eq!(world.result(&session).await, "SERVER_ERROR");
    assert_eq!(world.watch().submissions(), before);
    let keys = audited(&world).await;
    assert_eq!((keys[&1].consecutive, keys[&1].charges), (1, 1));
    let view = phone.act(&world, Event::Refresh).await;
    assert!(!matches!(view, View::WrongPin { .. }), "{view:?}");
}

/// Guards the tests above: the oracle sees an attempt that was never charged, and one under a lock.
#[tokio::test]
async fn the_oracle_is_not_blind() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    for _ in 0..3 {
        let session = world.ask_to_authenticate(PERSON).await;
        phone.answer(&world, &session, WRONG).await;
    }
    audited(&world).await;
    let account = world
        .audit_trail()
        .await
        .into_iter()
        .find_map(|record| record.account)
        .unwrap();
    world
        .plant(
            account,
            AuditEvent::AttemptCharged {
                purpose: 1,
                consecutive: 4,
                transaction: "f".repeat(32),
            },
        )
        .await;
    let world = std::sync::Arc::new(world);
    let seen = tokio::spawn(async move { audited(&world).await.len() }).await;
    assert!(seen.is_err(), "a charge under a lock went unseen");
}
