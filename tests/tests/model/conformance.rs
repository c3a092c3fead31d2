use crate::{deep, side_by_side::SideBySide};
use model::{Account, Action, Copies};

const PERSON: &str = "PNOEE-40504040001";

/// Walks the model at random, seeded, and the real crates beside it.
async fn walk(seed: u8, copies: Copies, steps: usize) -> usize {
    let mut random = u64::from(seed);
    let mut both = SideBySide::new(PERSON, copies).await;
    let mut unlocked = false;
    for step in 0..steps {
        let mut possible = both.possible();
        // The keys that a pending submission is sealed to live for two days.
        possible.retain(|action| !(unlocked && matches!(action, Action::Unlock { .. })));
        let weights: Vec<u64> = possible.iter().map(weight).collect();
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
        both.take(possible[chosen]).await;
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
fn weight(action: &Action) -> u64 {
    match action {
        Action::Arrive { .. } | Action::Hear { .. } => 6,
        Action::ArriveBegin {
            waiter: Some(_), ..
        } => 8,
        Action::EnterPin { crash: false, .. } | Action::HearOffer { crash: false, .. } => 6,
        Action::Settle { .. } => 4,
        Action::Begin { .. } => 2,
        Action::Unlock { .. } => 2,
        Action::Delete { .. } => 0,
        _ => 1,
    }
}

#[tokio::test]
async fn one_phone_does_what_the_model_does() {
    let walks = if deep() { 60 } else { 5 };
    let mut steps = 0;
    for seed in 0..walks {
        steps += walk(seed, Copies::None, 60).await;
    }
    assert!(steps >= usize::from(walks) * 15, "{steps} steps only");
}

#[tokio::test]
async fn two_copies_do_what_the_model_does() {
    let walks = if deep() { 60 } else { 5 };
    let mut steps = 0;
    for seed in 0..walks {
        steps += walk(100 + seed, Copies::Honest, 60).await;
    }
    assert!(steps >= usize::from(walks) * 10, "{steps} steps only");
}

#[tokio::test]
async fn a_deletion_ends_it_for_both() {
    let mut both = SideBySide::new(PERSON, Copies::None).await;
    both.take(Action::Delete { who: 0 }).await;
    assert_eq!(both.state.server.account, Account::Deleted);
    assert!(both.possible().is_empty());
}
