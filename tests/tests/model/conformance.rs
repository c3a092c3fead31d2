use crate::{deep, side_by_side::SideBySide};
use model::{Account, Action, Copies, Outcome, State, Verdict, Waiting};

const PERSON: &str = "PNOEE-40504040001";

/// Walks the model at random, seeded, and the real crates beside it.
async fn walk(seed: u8, copies: Copies, steps: usize, seen: &mut Vec<Outcome>) -> usize {
    let mut random = u64::from(seed);
    let mut both = SideBySide::new(PERSON, copies).await;
    let mut unlocked = false;
    for step in 0..steps {
        let mut possible = both.possible();
        // The keys that a pending submission is sealed to live for two days.
        possible.retain(|action| !(unlocked && matches!(action, Action::Unlock { .. })));
        let weights: Vec<u64> = possible
            .iter()
            .map(|action| weight(&both.state, action))
            .collect();
        let all: u64 = weights.iter().sum();
        if all == 0 {
            return step;
        }
        let mut at = split_mix(&mut random) % all;
        let chosen = weights
            .iter()
            .position(|weight| {
                let hit = at < *weight;
                at = at.wrapping_sub(if hit { 0 } else { *weight });
                hit
            })
            .unwrap();
        unlocked |= matches!(possible[chosen], Action::Unlock { .. });
        seen.extend(both.take(possible[chosen]).await);
    }
    steps
}

/// SplitMix64: the same walk for the same seed, everywhere.
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Progress is likelier than mishap, or a walk gets nowhere.
fn weight(state: &State, action: &Action) -> u64 {
    match action {
        Action::Arrive { tx } => {
            let awaited = state.phones.iter().any(|phone| match phone.waiting {
                Waiting::Verdict => phone.pending == Some(*tx),
                Waiting::Sync(sync) => sync == *tx,
                _ => false,
            });
            if awaited { 30 } else { 1 }
        }
        Action::Hear { .. }
        | Action::ArriveBegin {
            waiter: Some(_), ..
        } => 30,
        Action::EnterPin { crash, .. } | Action::HearOffer { crash, .. } => {
            if *crash {
                3
            } else {
                30
            }
        }
        Action::Settle { .. } | Action::Begin { .. } | Action::Unlock { .. } => 10,
        Action::Copy => 5,
        Action::Delete { .. } => 0,
        _ => 2,
    }
}

#[tokio::test]
async fn one_phone_does_what_the_model_does() {
    let walks = if deep() { 60 } else { 5 };
    let (mut steps, mut seen) = (0, Vec::new());
    for seed in 0..walks {
        steps += walk(seed, Copies::None, 60, &mut seen).await;
    }
    tell(steps, &seen);
    for verdict in [
        Verdict::Signed,
        Verdict::WrongPin,
        Verdict::Rotated,
        Verdict::NotAdvanced,
    ] {
        assert!(seen.contains(&Outcome::Verdict(verdict)), "no {verdict:?}");
    }
    // Few walks do not meet it; `scenarios` does.
    let advanced = Outcome::Verdict(Verdict::Advanced);
    assert!(!deep() || seen.contains(&advanced), "no Advanced");
    assert!(seen.contains(&Outcome::Gone) && !seen.contains(&Outcome::Closed));
}

#[tokio::test]
async fn two_copies_do_what_the_model_does() {
    let walks = if deep() { 60 } else { 5 };
    let (mut steps, mut seen) = (0, Vec::new());
    for seed in 0..walks {
        steps += walk(100 + seed, Copies::Honest, 60, &mut seen).await;
    }
    tell(steps, &seen);
    assert!(seen.contains(&Outcome::Closed), "no copy was found out");
}

#[expect(
    clippy::print_stdout,
    reason = "seen with --nocapture, and when a test fails"
)]
fn tell(steps: usize, seen: &[Outcome]) {
    let count = |outcome: &Outcome| seen.iter().filter(|other| *other == outcome).count();
    let closed = count(&Outcome::Closed);
    println!(
        "{steps} steps, {} answers, {closed} copies found out",
        seen.len()
    );
}

#[tokio::test]
async fn a_deletion_ends_it_for_both() {
    let mut both = SideBySide::new(PERSON, Copies::None).await;
    both.take(Action::Delete { who: 0 }).await;
    assert_eq!(both.state.server.account, Account::Deleted);
    assert!(both.possible().is_empty());
}
