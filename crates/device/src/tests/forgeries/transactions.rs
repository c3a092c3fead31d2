//! Transactions and verdicts.

use super::{contradiction, shorten, unopened};
use crate::{
    Contradiction, Event, Problem, View,
    tests::{
        server::{AnswerTwist, End},
        world::{PIN1, World, pin},
    },
};
use base64ct::{Base64, Encoding};
use wire::{
    HashAlgorithm,
    InteractionType::DisplayTextAndPin,
    SignatureAlgorithm,
    device_v1::{Operation, RequestKind, SignOffer, TransactionOffer, Verdict},
};

type TransactionTwist = fn(&mut TransactionOffer);
type Change = Box<dyn Fn(&mut Vec<u8>)>;

#[test]
fn a_forged_transaction_takes_no_pin() {
    let cases: [(&str, TransactionTwist, Contradiction); 14] = [
        (
            "another operation",
            |offer| offer.operation = Operation::Rotate,
            Contradiction::Malformed("the transaction"),
        ),
        (
            "another kind",
            |offer| sign(offer).kind = RequestKind::Signature,
            Contradiction::Session,
        ),
        (
            "a digest as well",
            |offer| sign(offer).digest = Some(vec![7; 32].into()),
            Contradiction::SigningData,
        ),
        (
            "a digest instead",
            |offer| instead(offer),
            Contradiction::SigningData,
        ),
        (
            "no challenge",
            |offer| sign(offer).rp_challenge = None,
            Contradiction::SigningData,
        ),
        (
            "no server random",
            |offer| sign(offer).server_random = None,
            Contradiction::SigningData,
        ),
        (
            "a short challenge",
            |offer| sign(offer).rp_challenge = Some(Base64::encode_string(&[7; 31])),
            Contradiction::SigningData,
        ),
        (
            "a long challenge",
            |offer| sign(offer).rp_challenge = Some(Base64::encode_string(&[7; 65])),
            Contradiction::SigningData,
        ),
        (
            "a separator in it",
            |offer| sign(offer).rp_challenge = Some("a|b".repeat(16)),
            Contradiction::SigningData,
        ),
        (
            "a short server random",
            |offer| sign(offer).server_random = Some(Base64::encode_string(&[7; 17])),
            Contradiction::SigningData,
        ),
        (
            "a separator there",
            |offer| sign(offer).server_random = Some("a|b".repeat(16)),
            Contradiction::SigningData,
        ),
        (
            "another hash than the scheme's",
            |offer| mismatched(offer),
            Contradiction::SigningData,
        ),
        (
            "for somebody else",
            |offer| sign(offer).brokered_rp_name = "BANK".to_owned(),
            Contradiction::NotAsListed,
        ),
        (
            "texts that are none",
            |offer| sign(offer).interactions = "e30=".to_owned(),
            Contradiction::NotAsListed,
        ),
    ];
    for (lie, twist, expected) in cases {
        let mut world = World::registered(83);
        let given = world.server.partial_signatures.len();
        world.server.twists.transaction = Some(twist);
        world.log_in(&[(DisplayTextAndPin, "Log in?")]);
        assert_eq!(contradiction(&world), Some(&expected), "{lie}");
        world.event(Event::EnterPin(pin(PIN1)));
        assert_eq!(world.server.partial_signatures.len(), given, "{lie}");
        world.server.twists.transaction = None;
        logs_in(&mut world, lie);
    }
}

#[test]
fn a_transaction_that_is_over_already_takes_no_pin() {
    let mut world = World::registered(84);
    let given = world.server.partial_signatures.len();
    world.server.twists.transaction =
        Some(|offer| offer.expires_at = "2020-01-01T00:00:00Z".parse().unwrap());
    world.log_in(&[(DisplayTextAndPin, "Log in?")]);
    world.event(Event::EnterPin(pin(PIN1)));
    assert!(
        matches!(world.view(), View::Problem(Problem::RequestGone)),
        "{:?}",
        world.view()
    );
    assert_eq!(world.server.partial_signatures.len(), given);
}

/// The server holds the transport key and so seals whatever it wants.
#[test]
fn a_forged_signature_completes_nothing() {
    let mut old = World::registered(85);
    logs_in(&mut old, "to have an old signature");
    let Some(End::Signed {
        signature: of_another_session,
        ..
    }) = old.server.sessions.last().unwrap().end.clone()
    else {
        panic!("a signature")
    };
    let changes: [(&str, Change); 6] = [
        ("another bit", Box::new(|signature| signature[9] ^= 1)),
        ("zeros", Box::new(|signature| signature.fill(0))),
        ("nothing", Box::new(Vec::clear)),
        ("a byte less", Box::new(shorten)),
        ("a byte more", Box::new(|signature| signature.insert(0, 0))),
        (
            "another session's",
            Box::new(move |signature| signature.clone_from(&of_another_session)),
        ),
    ];
    for (lie, change) in changes {
        // The same seed gives the same keys, so the old signature is of this key.
        let mut world = World::registered(85);
        logs_in(&mut world, lie);
        world.log_in(&[(DisplayTextAndPin, "Log in?")]);
        let before = world.views.len();
        world.server.twists.verdict = Some(Box::new(move |verdict| match verdict {
            Verdict::Signed { signature, .. } => change(&mut signature.0),
            Verdict::Advanced {
                verdict: Some(missed),
            } => {
                if let Verdict::Signed { signature, .. } = missed.as_mut() {
                    change(&mut signature.0);
                }
            }
            _ => {}
        }));
        world.event(Event::EnterPin(pin(PIN1)));
        let views = &world.views[before..];
        assert!(
            !views.iter().any(|view| matches!(view, View::Completed(_))),
            "{lie}: {views:?}"
        );
        let told = views.iter().any(|view| {
            matches!(
                view,
                View::Problem(Problem::Contradiction(Contradiction::Signature))
            )
        });
        assert!(told, "{lie}: {views:?}");
        world.server.twists.verdict = None;
        logs_in(&mut world, lie);
    }
}

#[test]
fn a_verdict_of_another_kind_is_asked_after() {
    let kinds: [fn() -> Verdict; 3] = [
        || Verdict::Rotated { seq: 9 },
        || Verdict::Advanced { verdict: None },
        || Verdict::NotAdvanced,
    ];
    for kind in kinds {
        let mut world = World::registered(86);
        world.log_in(&[(DisplayTextAndPin, "Log in?")]);
        let syncs = syncs(&world);
        world.server.twists.verdict = Some(Box::new(move |verdict| {
            if matches!(verdict, Verdict::Signed { .. }) {
                *verdict = kind();
            }
        }));
        world.event(Event::EnterPin(pin(PIN1)));
        assert_eq!(self::syncs(&world), syncs + 1, "{:?}", world.view());
        world.server.twists.verdict = None;
        logs_in(&mut world, "afterwards");
    }
}

/// Whatever number of spent tokens the server tells, the phone counts its own.
#[test]
fn a_verdict_with_another_number_moves_the_chain_by_one() {
    for number in [0, u64::MAX] {
        let mut world = World::registered(87);
        let before = world.state().account.unwrap().seq;
        world.server.twists.verdict = Some(Box::new(move |verdict| {
            if let Verdict::Signed { seq, .. } = verdict {
                *seq = number;
            }
        }));
        world.log_in(&[(DisplayTextAndPin, "Log in?")]);
        world.event(Event::EnterPin(pin(PIN1)));
        assert!(completed(&world), "{:?}", world.view());
        assert_eq!(world.state().account.unwrap().seq, before + 1);
        world.server.twists.verdict = None;
        logs_in(&mut world, "afterwards");
    }
}

#[test]
fn an_answer_that_does_not_open_settles_nothing() {
    for (lie, twist) in unopened() {
        let mut world = World::registered(88);
        logs_in(&mut world, lie);
        world.log_in(&[(DisplayTextAndPin, "Log in?")]);
        let before = world.views.len();
        world.server.twists.answer = Some(twist);
        world.event(Event::EnterPin(pin(PIN1)));
        assert!(
            !world.views[before..]
                .iter()
                .any(|view| matches!(view, View::Completed(_))),
            "{lie}"
        );
        let account = world.state().account.expect("nothing is erased");
        assert!(
            account.pending.is_some(),
            "{lie}: what became of it is still to be asked"
        );
        world.restart();
        world.server.twists.answer = None;
        world.event(Event::AppStart);
        assert!(world.state().account.unwrap().pending.is_none(), "{lie}");
        logs_in(&mut world, lie);
    }
}

/// Nobody but the server, by a sealed answer, takes an account or a request from the phone.
#[test]
fn an_unsealed_word_closes_no_account() {
    let twists: [AnswerTwist; 5] = [
        |_, _| problem(403, "account_closed"),
        |_, _| problem(423, "key_locked"),
        |_, _| problem(403, "key_closed"),
        |_, _| problem(404, "tx_gone"),
        |_, _| problem(401, "not_authenticated"),
    ];
    for twist in twists {
        let mut world = World::registered(89);
        world.log_in(&[(DisplayTextAndPin, "Log in?")]);
        world.server.twists.answer = Some(twist);
        world.event(Event::EnterPin(pin(PIN1)));
        let account = world.state().account.expect("nothing is erased");
        assert!(account.pending.is_some(), "{:?}", world.view());
        world.server.twists.answer = None;
        world.event(Event::AppStart);
        logs_in(&mut world, "afterwards");
    }
}

fn completed(world: &World) -> bool {
    matches!(world.view(), View::Completed(_))
}

/// An honest login: nothing that the phone needs was lost.
fn logs_in(world: &mut World, after: &str) {
    world.event(Event::AppStart);
    world.log_in(&[(DisplayTextAndPin, "Log in?")]);
    world.event(Event::EnterPin(pin(PIN1)));
    assert!(completed(world), "after {after}: {:?}", world.view());
}

fn syncs(world: &World) -> usize {
    let begun = |body: &[u8]| String::from_utf8_lossy(body).contains("\"sync\"");
    world
        .requests
        .iter()
        .filter(|request| begun(&request.body))
        .count()
}

fn problem(status: u16, code: &str) -> (u16, Vec<u8>) {
    let body =
        format!(r#"{{"type":"about:blank","title":"Problem","status":{status},"code":"{code}"}}"#);
    (status, body.into_bytes())
}

fn sign(offer: &mut TransactionOffer) -> &mut SignOffer {
    offer.sign.as_mut().unwrap()
}

fn instead(offer: &mut TransactionOffer) {
    let offer = sign(offer);
    offer.digest = Some(vec![7; 32].into());
    (offer.rp_challenge, offer.server_random) = (None, None);
}

fn mismatched(offer: &mut TransactionOffer) {
    let offer = sign(offer);
    offer.signature_algorithm = SignatureAlgorithm::Sha512WithRsaEncryption;
    offer.hash_algorithm = HashAlgorithm::Sha256;
}
