//! A hostile phone: each field inside the sealed messages changed, then sealed again; with the device's signature inside
//! made anew, and without.

use crate::{
    block_on, cases,
    judge::{self, Rows},
    message::{change_bytes, random},
    stage::{Moment, Stage},
};
use device::Keystore;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;
use splitkey::{DeviceId, FreshnessToken, Profile, seal::Kind};
use tests::Answer;

/// Fields of `SKS1` (splitkey.md §4.2) in their order, with their lengths.
fn submit_fields(plaintext: &[u8]) -> Vec<(&'static str, std::ops::Range<usize>)> {
    let n1 = Profile::from_id(1).unwrap().n1_len();
    let before = [
        ("magic", 4),
        ("version", 1),
        ("operation", 1),
        ("profile", 1),
        ("purpose", 1),
        ("deviceId", 16),
        ("keyId", 16),
        ("txId", 16),
        ("seq", 8),
        ("r", 32),
        ("token", 32),
        ("next", 32),
        ("c", 32),
        ("fingerprint", 32),
        ("s1", n1),
        ("length", 2),
    ];
    let mut fields = Vec::new();
    let mut at = 0;
    for (name, length) in before {
        fields.push((name, at..at + length));
        at += length;
    }
    let end = plaintext.len() - 64;
    fields.push(("trailer", at..end));
    fields.push(("devSig", end..plaintext.len()));
    fields
}

/// What came of a submission.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    /// In the sealed answer.
    verdict: String,
    /// A PIN attempt was counted.
    counted: bool,
    /// The freshness chain moved on.
    token_moved: bool,
    /// The account is closed.
    closed: bool,
}

/// A refusal that costs nothing but the transaction.
fn refused(code: &str) -> Outcome {
    Outcome {
        verdict: code.to_owned(),
        counted: false,
        token_moved: false,
        closed: false,
    }
}

async fn outcome(stage: &Stage, before: &Rows, plaintext: &[u8]) -> Outcome {
    let (message, opener) = stage.resealed(Kind::Submit, plaintext).await;
    let answer = stage.send(&message).await;
    judge::no_panics();
    assert_eq!(answer.status, 200, "{}", answer.json());
    let verdict: Value = serde_json::from_slice(&opener.open(&answer.body).unwrap()).unwrap();
    let after = judge::rows(&stage.world).await;
    let account = |rows: &Rows, column: &str| rows["account"][0][column].clone();
    let pins = |rows: &Rows| -> Vec<_> {
        rows["account_key"]
            .iter()
            .map(|key| key["pin"].clone())
            .collect()
    };
    let verdict = match verdict["status"].as_str().unwrap() {
        "refused" => verdict["code"].as_str().unwrap().to_owned(),
        other => other.to_owned(),
    };
    Outcome {
        counted: pins(before) != pins(&after),
        token_moved: account(before, "device_token") != account(&after, "device_token"),
        closed: account(&after, "closed_at").is_some(),
        verdict,
    }
}

/// What must come of a field with its last bit changed, signed again by the phone.
fn expected(moment: Moment, field: &str) -> Outcome {
    match (moment, field) {
        // T_i is current, whatever the phone asks after: nothing of it has arrived, and nothing changes.
        (Moment::Sync, "seq" | "next" | "c" | "trailer") => refused("notAdvanced"),
        // T_{i+1} of the lost submission is not current either: somebody else has spent T_i (§4.3).
        (Moment::Sync, "token") => Outcome {
            closed: true,
            ..refused("account_closed")
        },
        (Moment::Sign, "fingerprint" | "trailer") => refused("dtbs_mismatch"),
        // A share of another PIN.
        (Moment::Sign, "s1") => Outcome {
            counted: true,
            token_moved: true,
            ..refused("wrongPin")
        },
        // Among the rest, what the next token does not follow from any more (splitkey.md §4.2 step 3).
        _ => refused("malformed"),
    }
}

/// What must come of a field with its last bit changed, when the next token is made anew to follow from it.
fn expected_to_follow(moment: Moment, field: &str) -> Outcome {
    match (moment, field) {
        // Somebody else has spent T_i.
        (_, "token") => Outcome {
            closed: true,
            ..refused("account_closed")
        },
        // Another nonce gives another salt, another message.
        (Moment::Sign, "c") => refused("dtbs_mismatch"),
        // The number is for the phone; the token decides (splitkey.md §4.3).
        (Moment::Sign, _) => Outcome {
            token_moved: true,
            ..refused("signed")
        },
        _ => Outcome {
            token_moved: true,
            ..refused("rotated")
        },
    }
}

/// Puts in the next token that follows from what is there.
fn follow(plaintext: &mut [u8]) {
    let fields = submit_fields(plaintext);
    let range = |wanted| {
        let field = fields.iter().find(|(name, _)| *name == wanted);
        field.unwrap().1.clone()
    };
    let of = |name| plaintext[range(name)].to_vec();
    let seq = u64::from_be_bytes(of("seq").try_into().unwrap()) + 1;
    let next = FreshnessToken::from_bytes(of("token").try_into().unwrap()).next(
        DeviceId(of("deviceId").try_into().unwrap()),
        seq,
        &of("r").try_into().unwrap(),
        &of("c").try_into().unwrap(),
    );
    plaintext[range("next")].copy_from_slice(&next.hash().0);
}

fn sign_again(stage: &Stage, plaintext: &mut [u8]) {
    let end = plaintext.len() - 64;
    let signature = stage.phone.keystore.sign(&plaintext[..end]);
    plaintext[end..].copy_from_slice(&signature);
}

async fn every_field(moment: Moment) {
    let mut stage = Stage::at(moment).await;
    let honest = stage.plaintext(Kind::Submit).await;
    let before = judge::rows(&stage.world).await;
    for (name, range) in submit_fields(&honest) {
        if range.is_empty() {
            continue;
        }
        let mut changed = honest.to_vec();
        let last = &mut changed[range.end - 1];
        *last = match (name, *last) {
            // Still a character of base64url.
            ("trailer", b'A') => b'E',
            ("trailer", _) => b'A',
            (_, byte) => byte ^ 1,
        };
        // The signature inside does not cover the change: nothing of it is looked at.
        stage.rewind().await;
        let unsigned = outcome(&stage, &before, &changed).await;
        assert_eq!(
            unsigned,
            refused("malformed"),
            "{moment:?} {name}, not signed"
        );
        if name == "devSig" {
            continue;
        }
        sign_again(&stage, &mut changed);
        stage.rewind().await;
        let signed = outcome(&stage, &before, &changed).await;
        assert_eq!(signed, expected(moment, name), "{moment:?} {name}, signed");

        if matches!(moment, Moment::Sign | Moment::Rotate) && ["seq", "token", "c"].contains(&name)
        {
            follow(&mut changed);
            sign_again(&stage, &mut changed);
            stage.rewind().await;
            let followed = outcome(&stage, &before, &changed).await;
            let expected = expected_to_follow(moment, name);
            assert_eq!(followed, expected, "{moment:?} {name}, followed");
        }
    }
    stage.rewind().await;
    let taken = outcome(&stage, &before, &honest).await;
    let honest_verdict = match moment {
        Moment::Sign => "signed",
        Moment::Rotate => "rotated",
        _ => "notAdvanced",
    };
    assert_eq!(taken.verdict, honest_verdict);
}

#[test]
fn every_field_of_a_signature_does_what_the_protocol_says_and_no_more() {
    block_on(every_field(Moment::Sign));
}

#[test]
fn every_field_of_a_rotation_does_what_the_protocol_says_and_no_more() {
    block_on(every_field(Moment::Rotate));
}

#[test]
fn every_field_of_a_sync_does_what_the_protocol_says_and_no_more() {
    block_on(every_field(Moment::Sync));
}

#[test]
fn a_share_out_of_range_counts_nothing() {
    block_on(async {
        let mut stage = Stage::at(Moment::Sign).await;
        let honest = stage.plaintext(Kind::Submit).await;
        let before = judge::rows(&stage.world).await;
        let (_, range) = submit_fields(&honest)
            .into_iter()
            .find(|(name, _)| *name == "s1")
            .unwrap();
        let (mut one, all) = (vec![0; range.len()], vec![0xff; range.len()]);
        one[range.len() - 1] = 1;
        for power in [vec![0; range.len()], one, all] {
            let mut changed = honest.to_vec();
            changed[range.clone()].copy_from_slice(&power);
            sign_again(&stage, &mut changed);
            stage.rewind().await;
            assert_eq!(
                outcome(&stage, &before, &changed).await,
                refused("malformed")
            );
            let session = stage.session.clone().unwrap();
            assert_eq!(stage.world.result(&session).await, "PROTOCOL_FAILURE");
        }
    });
}

#[test]
fn a_message_of_another_kind_or_to_another_key_does_not_open() {
    block_on(async {
        let stage = Stage::at(Moment::Sign).await;
        let honest = stage.plaintext(Kind::Submit).await;
        for kind in [Kind::ServerShares, Kind::Proofs] {
            let (message, _) = stage.resealed(kind, &honest).await;
            let answer = stage.send(&message).await;
            let code = judge::refusal("another kind", &message, &answer);
            assert_eq!(code, "cannot_open");
        }
        let mut last_byte = stage.message.body.clone();
        *last_byte.last_mut().unwrap() ^= 1;
        for body in [vec![], vec![4; 64], vec![0; 200], vec![4; 4096], last_byte] {
            let message = stage.resigned(&body);
            let answer = stage.send(&message).await;
            assert_eq!(judge::refusal("garbage", &message, &answer), "cannot_open");
        }
        stage.honest_is_taken().await;
    });
}

#[test]
fn no_random_change_inside_a_submission_counts_an_attempt() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut stage = runtime.block_on(Stage::at(Moment::Sign));
    let honest = runtime.block_on(stage.plaintext(Kind::Submit));
    let before = runtime.block_on(judge::rows(&stage.world));
    let mut runner = TestRunner::new(Config::with_cases(cases(30)));
    let stage = std::cell::RefCell::new(&mut stage);
    runner
        .run(&random(), |random| {
            let changed = change_bytes(&honest, random);
            if changed != *honest {
                let mut stage = stage.borrow_mut();
                runtime.block_on(async {
                    stage.rewind().await;
                    let outcome = outcome(&stage, &before, &changed).await;
                    assert_eq!(outcome, refused("malformed"), "{random:?}");
                });
            }
            Ok(())
        })
        .unwrap();
}

/// `SKR3` and `SKRP`: `magic 4 ‖ 01 ‖ profile ‖ count ‖ count × (keyId 16 ‖ rest)`.
fn entries(plaintext: &[u8]) -> (Vec<u8>, Vec<Vec<u8>>) {
    let (head, rest) = plaintext.split_at(7);
    let count = usize::from(head[6]);
    let entries = rest
        .chunks(rest.len() / count)
        .map(<[u8]>::to_vec)
        .collect();
    (head.to_vec(), entries)
}

/// Messages that an honest phone of this registration does not seal.
fn misshapen(plaintext: &[u8]) -> Vec<(String, Vec<u8>)> {
    let (head, keys) = entries(plaintext);
    let with = |count: u8, keys: &[Vec<u8>]| [&head[..6], &[count], &keys.concat()].concat();
    let mut stranger = keys[0].clone();
    stranger[..16].fill(0xee);
    let mut all = vec![
        ("no key".to_owned(), with(0, &[])),
        ("one key".to_owned(), with(1, &keys[..1])),
        ("the other key".to_owned(), with(1, &keys[1..])),
        (
            "one key twice".to_owned(),
            with(2, &[keys[0].clone(), keys[0].clone()]),
        ),
        (
            "a strange key".to_owned(),
            with(2, &[stranger.clone(), keys[1].clone()]),
        ),
        (
            "a strange key beside".to_owned(),
            with(3, &[keys[0].clone(), keys[1].clone(), stranger]),
        ),
        ("count too high".to_owned(), with(3, &keys)),
        ("count too low".to_owned(), with(1, &keys)),
        (
            "one byte less".to_owned(),
            plaintext[..plaintext.len() - 1].to_vec(),
        ),
        ("one byte more".to_owned(), [plaintext, b"\0"].concat()),
        ("nothing".to_owned(), vec![]),
    ];
    for (at, name) in ["magic", "", "", "", "version", "profile", "count"]
        .iter()
        .enumerate()
    {
        for bit in 0..8 {
            let mut changed = plaintext.to_vec();
            changed[at] ^= 1 << bit;
            all.push((format!("{name} bit {bit} of byte {at}"), changed));
        }
    }
    all
}

async fn send(stage: &Stage, kind: Kind, plaintext: &[u8]) -> Answer {
    let (message, _) = stage.resealed(kind, plaintext).await;
    stage.send(&message).await
}

#[test]
fn misshapen_server_shares_are_refused_and_leave_no_trace() {
    block_on(async {
        let mut stage = Stage::at(Moment::ServerShares).await;
        let honest = stage.plaintext(Kind::ServerShares).await;
        let before = judge::rows(&stage.world).await;
        let mut all = misshapen(&honest);
        let (_, keys) = entries(&honest);
        let n1 = keys[0].len() - 16;
        for (name, share) in [
            ("zero", vec![0; n1]),
            ("too large", vec![0xff; n1]),
            ("too small", [vec![0; n1 - 4], vec![1; 4]].concat()),
        ] {
            let mut changed = honest.to_vec();
            changed[7 + 16..7 + 16 + n1].copy_from_slice(&share);
            all.push((format!("share: {name}"), changed));
        }
        for (what, plaintext) in all {
            let (message, _) = stage.resealed(Kind::ServerShares, &plaintext).await;
            let answer = stage.send(&message).await;
            assert_eq!(
                judge::refusal(&what, &message, &answer),
                "invalid_request",
                "{what}"
            );
            assert_eq!(judge::rows(&stage.world).await, before, "{what}");
        }
        // Which key comes first says nothing.
        let (head, keys) = entries(&honest);
        let swapped = [&head[..], &keys[1], &keys[0]].concat();
        assert_eq!(send(&stage, Kind::ServerShares, &swapped).await.status, 200);
        stage.rewind().await;
        stage.honest_is_taken().await;
    });
}

#[test]
fn misshapen_proofs_are_refused_and_make_no_account() {
    block_on(async {
        let mut stage = Stage::at(Moment::Proofs).await;
        let honest = stage.plaintext(Kind::Proofs).await;
        let before = judge::rows(&stage.world).await;
        for (what, plaintext) in misshapen(&honest) {
            let (message, _) = stage.resealed(Kind::Proofs, &plaintext).await;
            let answer = stage.send(&message).await;
            assert_eq!(
                judge::refusal(&what, &message, &answer),
                "invalid_request",
                "{what}"
            );
            assert_eq!(judge::rows(&stage.world).await, before, "{what}");
        }
        // Keys exchanged, nonce or share changed: counted before it is evaluated, and failed.
        let (_, keys) = entries(&honest);
        let entry = keys[0].len();
        for at in [16, 16 + 32, entry - 1, entry + 16, 2 * entry - 1] {
            let mut changed = honest.to_vec();
            changed[7 + at] ^= 1;
            stage.rewind().await;
            let answer = send(&stage, Kind::Proofs, &changed).await;
            assert_eq!(
                answer.json()["code"],
                "proof_failed",
                "{at}: {}",
                answer.json()
            );
            assert!(judge::rows(&stage.world).await["account"].is_empty());
        }
        stage.rewind().await;
        stage.honest_is_taken().await;
    });
}
