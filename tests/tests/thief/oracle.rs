//! Whether anything that a thief can ever hold tells one PIN from the others (splitkey.md §3).

use crate::{
    attack::{
        envelope,
        number::{read, write},
        record::Record,
        suspects::{Finding, Suspects},
        thief::Thief,
    },
    story::{Story, story},
};
use sha2::{Digest, Sha256};
use splitkey::seal::Kind;
use std::collections::BTreeSet;
use tests::{PIN1, PIN2};

#[test]
fn no_snapshot_of_the_phone_tells_a_pin() {
    let story = story();
    let pending = story
        .taken
        .snapshots
        .iter()
        .filter(|(_, state)| holds(state, "\"pending\":{"))
        .count();
    let proofs = story
        .taken
        .snapshots
        .iter()
        .filter(|(_, state)| holds(state, "\"proofs\":{"))
        .count();
    let counts = (story.taken.snapshots.len(), pending, proofs);
    assert!(
        counts.0 > 40 && counts.1 > 10 && counts.2 > 1,
        "the story is long enough: {counts:?}"
    );
    for (label, state) in &story.taken.snapshots {
        assert_eq!(story.thief.examine(state), BTreeSet::new(), "{label}");
    }
}

#[test]
fn nothing_on_the_wire_tells_a_pin() {
    let story = story();
    assert!(
        story.taken.exchanges.len() > 100,
        "{}",
        story.taken.exchanges.len()
    );
    for exchange in &story.taken.exchanges {
        for part in [
            exchange.head.as_bytes(),
            exchange.body.as_slice(),
            exchange.answer_head.as_bytes(),
            exchange.answer.as_slice(),
        ] {
            assert_eq!(
                story.thief.examine(part),
                BTreeSet::new(),
                "{}",
                exchange.head
            );
        }
    }
}

#[test]
fn nothing_in_the_server_s_log_tells_a_pin() {
    let story = story();
    let log = String::from_utf8_lossy(&story.logs);
    assert!(log.contains("request:"), "the log is captured");
    let lines: BTreeSet<&[u8]> = story.logs.split(|byte| *byte == b'\n').collect();
    let lines: Vec<u8> = lines
        .into_iter()
        .flat_map(|line| [line, b"\n"].concat())
        .collect();
    assert_eq!(story.thief.examine(&lines), BTreeSet::new());
}

#[test]
fn every_pin_gives_an_equally_plausible_share() {
    for suspects in &story().thief.suspects {
        assert_eq!(suspects.pins.len(), 10_000);
        let distinct: BTreeSet<_> = suspects.shares.iter().collect();
        assert_eq!(distinct.len(), 10_000);
        assert_eq!(suspects.outliers(), []);
        assert_eq!(suspects.complete_alone(), [], "no share is all of d1");
        let deviation = suspects.deviation();
        assert!(
            deviation.abs() < 6.0,
            "the candidates are uniform bytes: {deviation}"
        );
    }
}

#[test]
fn no_share_is_ever_masked_twice() {
    let story = story();
    for (label, state) in &story.taken.snapshots {
        for field in crate::attack::unfold::unfold(state) {
            let Some(record) = Record::read(&field, &story.taken.keystore) else {
                continue;
            };
            for suspects in &story.thief.suspects {
                let same_key = record.n1 == suspects.record.n1;
                assert!(
                    !same_key || record.is_same_masking(&suspects.record),
                    "{label}"
                );
            }
        }
    }
}

/// The controls: each of these, left anywhere, tells the PIN, and the same thief finds it.
#[test]
fn whatever_must_not_be_left_behind_would_tell_the_pin() {
    let story = story();
    for (index, pin) in [PIN1, PIN2].into_iter().enumerate() {
        let suspects = &story.thief.suspects[index];
        let right = suspects
            .pins
            .iter()
            .position(|candidate| candidate == pin)
            .unwrap();
        let (sealed, plaintext) = submission(story, &suspects.record);
        let share = story.taken.server_share(&suspects.record);
        let message = suspects
            .messages
            .iter()
            .position(|message| {
                message
                    .body
                    .as_ref()
                    .is_some_and(|body| body.plaintext == plaintext)
            })
            .unwrap();
        let s1 = &suspects.powers[message][right];
        let root = suspects.messages[message].root.as_ref().unwrap();
        let missing = suspects.ring.mul(root, &suspects.ring.invert(s1).unwrap());
        let (unsigned, signature) = plaintext.split_at(plaintext.len() - 64);
        let (drawn, ephemeral) = ephemeral_key(story, &sealed);
        let shared = envelope::shared_secret(&ephemeral, &story.receiver, &sealed).unwrap();
        let (key, nonce) = envelope::context(&shared, b"splitkey/hpke/submit/v1");
        let reversed: Vec<u8> = s1.iter().rev().copied().collect();
        for (what, plants) in [
            ("d1′", vec![suspects.shares[right].clone()]),
            (
                "d1′",
                vec![Sha256::digest(&suspects.shares[right]).to_vec()],
            ),
            ("s1′", vec![s1.clone()]),
            ("s1′", vec![reversed]),
            ("s1′", vec![s1[20..40].to_vec()]),
            ("s1′", vec![Sha256::digest(s1).to_vec()]),
            ("s1′", vec![plaintext.clone()]),
            ("s1′", vec![drawn]),
            ("s1′", vec![ephemeral]),
            ("s1′", vec![shared]),
            ("s1′", vec![key, nonce]),
            ("s1″", vec![missing]),
            ("d1″", vec![share]),
            ("devSig", vec![signature.to_vec()]),
            ("hash of devSig", vec![Sha256::digest(signature).to_vec()]),
            (
                "hash of the plaintext body",
                vec![Sha256::digest(unsigned).to_vec()],
            ),
            (
                "hash of the plaintext body",
                vec![Sha256::digest(&plaintext).to_vec()],
            ),
        ] {
            let found = story.thief.examine(&plant(story, &plants));
            assert!(
                found.iter().any(|finding| finding.what == what),
                "{pin}: {what}: {found:?}"
            );
            assert!(
                told(&found, pin),
                "{what}: only the right PIN is found: {found:?}"
            );
        }
    }
}

#[test]
fn the_hand_over_of_a_registration_would_tell_both_pins() {
    let story = story();
    let found = story
        .thief
        .examine(&plant(story, &opened(story, Kind::ServerShares)));
    let pins: BTreeSet<_> = found
        .iter()
        .map(|finding| (finding.what, finding.pin.as_str()))
        .collect();
    assert_eq!(pins, BTreeSet::from([("d1″", PIN1), ("d1″", PIN2)]));
}

#[test]
fn the_proof_of_a_registration_would_tell_both_pins() {
    let story = story();
    // The first proof was made with a wrong PIN1, the second with the right PINs.
    let proofs = opened(story, Kind::Proofs);
    let pins = |plaintext: &Vec<u8>| -> BTreeSet<String> {
        let found = story
            .thief
            .examine(&plant(story, std::slice::from_ref(plaintext)));
        found.into_iter().map(|finding| finding.pin).collect()
    };
    assert_eq!(
        pins(&proofs[0]),
        BTreeSet::from(["9513".to_owned(), PIN2.to_owned()])
    );
    assert_eq!(
        pins(proofs.last().unwrap()),
        BTreeSet::from([PIN1.to_owned(), PIN2.to_owned()])
    );
}

/// What a phone must never store, because its form alone tells (splitkey.md §1.1, §2, §3).
#[test]
fn a_careless_mask_would_tell_the_pin() {
    let story = story();
    let record = &story.thief.suspects[0].record;
    let pins: Vec<String> = (0..64).map(|number| format!("48{number:02}")).collect();
    let compute = |record: &Record| {
        Suspects::compute(record, pins.clone(), Vec::new(), &story.taken.keystore)
    };
    let honest = compute(record);
    let right = pins.iter().position(|pin| pin == PIN1).unwrap();
    assert!(honest.outliers().is_empty() && honest.complete_alone().is_empty());

    // d1″ near zero: the phone would hold all of d1.
    let mut all = read(&[&[0; 8][..], &honest.shares[right]].concat());
    all.wrapping_add_assign(read(&story.taken.server_share(record)));
    let all = record.with_share(
        &write(&all, honest.shares[right].len()),
        PIN1,
        [1; 16],
        &story.taken.keystore,
    );
    assert!(told(&compute(&all).complete_alone(), PIN1));

    // A share that is not uniform.
    let mut short = honest.shares[right].clone();
    short[..48].fill(0);
    let short = record.with_share(&short, PIN1, [1; 16], &story.taken.keystore);
    assert!(told(&compute(&short).outliers(), PIN1));

    // The same share under another PIN: a PIN change by masking again.
    let again = record.with_share(
        &honest.shares[right],
        "4801",
        [1; 16],
        &story.taken.keystore,
    );
    let thief = Thief::new(vec![honest], story.taken.keystore, &[], Vec::new());
    let found = thief.examine(&plant(story, &[again.to_bytes(&story.taken.keystore)]));
    assert!(told(&found, PIN1), "{found:?}");
}

/// The last snapshot with something in it that does not belong there.
fn plant(story: &Story, plants: &[Vec<u8>]) -> Vec<u8> {
    use base64ct::{Base64, Encoding};
    let (_, state) = story.taken.snapshots.last().unwrap();
    let mut state: serde_json::Value = serde_json::from_slice(state).unwrap();
    for (number, plant) in plants.iter().enumerate() {
        state["account"][format!("planted{number}")] = Base64::encode_string(plant).into();
    }
    state.to_string().into_bytes()
}

/// Whether findings name this PIN and no other.
fn told<'a>(found: impl IntoIterator<Item = &'a Finding>, pin: &str) -> bool {
    let pins: BTreeSet<&str> = found
        .into_iter()
        .map(|finding| finding.pin.as_str())
        .collect();
    pins == BTreeSet::from([pin])
}

/// A submission of this key that was signed, sealed and opened.
fn submission(story: &Story, record: &Record) -> (Vec<u8>, Vec<u8>) {
    let suspects = story
        .thief
        .suspects
        .iter()
        .find(|suspects| suspects.record.key_id == record.key_id);
    let signed = suspects.unwrap().messages.iter().find(|message| {
        message.root.is_some() && message.body.as_ref().is_some_and(|body| body.signed)
    });
    let plaintext = &signed.unwrap().body.as_ref().unwrap().plaintext;
    let (_, sealed, plaintext) = story
        .taken
        .opened
        .iter()
        .find(|(_, _, opened)| opened == plaintext)
        .unwrap();
    (sealed.clone(), plaintext.clone())
}

fn opened(story: &Story, wanted: Kind) -> Vec<Vec<u8>> {
    let of_kind = story
        .taken
        .opened
        .iter()
        .filter(|(kind, _, _)| *kind == wanted);
    of_kind.map(|(_, _, plaintext)| plaintext.clone()).collect()
}

/// What the phone drew for a sealed message, and the scalar that came of it.
fn ephemeral_key(story: &Story, sealed: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let scalars = story
        .draws
        .iter()
        .map(|drawn| (drawn.to_vec(), envelope::derive_scalar(drawn)));
    scalars
        .into_iter()
        .find(|(_, scalar)| envelope::public_point(scalar).as_deref() == sealed.get(..65))
        .unwrap()
}

fn holds(state: &[u8], text: &str) -> bool {
    state
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}
