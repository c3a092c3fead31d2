//! Requests of phones, changed on the way: the signature covers method, path, body and time.

use crate::{
    block_on, cases,
    message::{Message, random},
    stage::{MOMENTS, Moment, Stage},
};
use base64ct::{Base64, Encoding};
use proptest::test_runner::{Config, TestRunner};

/// Changes of a header that mean the same and that HTTP obliges us to take: the media type's case and parameters
/// (RFC 9110 §8.3.1), and space around a value (§5.5).
fn same_to_http(changed: &Message, honest: &Message) -> bool {
    let essence = |message: &Message| {
        let value = message.header("content-type").unwrap_or_default();
        let essence = value.split(|byte| *byte == b';').next().unwrap_or_default();
        essence.trim_ascii().to_ascii_lowercase()
    };
    let others = |message: &Message| {
        let mut message = message.clone();
        message.headers.retain(|(name, _)| name != "content-type");
        message
    };
    others(changed) == others(honest)
        && essence(changed) == essence(honest)
        && changed.headers.len() == honest.headers.len()
        && changed.header("content-type").is_none_or(<[u8]>::is_ascii)
}

async fn every_change_is_refused(moment: Moment) {
    let stage = Stage::at(moment).await;
    let mut refused = 0;
    for change in stage.message.changes() {
        if !same_to_http(&change.message, &stage.message) {
            refused += usize::from(stage.refuses(&change).await.is_some());
        }
    }
    assert!(refused > 100, "{refused}");
    stage.honest_is_taken().await;
}

#[test]
fn every_single_change_of_every_message_is_refused_and_leaves_no_trace() {
    for moments in MOMENTS.chunks(4) {
        let threads = moments
            .iter()
            .map(|moment| std::thread::spawn(move || block_on(every_change_is_refused(*moment))));
        for thread in threads.collect::<Vec<_>>() {
            thread.join().unwrap();
        }
    }
}

#[test]
fn any_random_change_of_any_message_is_refused_and_leaves_no_trace() {
    for moment in [
        Moment::Registration,
        Moment::Proofs,
        Moment::BeginSign,
        Moment::Sign,
    ] {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let stage = runtime.block_on(Stage::at(moment));
        let mut runner = TestRunner::new(Config::with_cases(cases(100)));
        runner
            .run(&random(), |random| {
                let change = stage.message.changed(random);
                if !same_to_http(&change.message, &stage.message) {
                    runtime.block_on(stage.refuses(&change));
                }
                Ok(())
            })
            .unwrap();
        runtime.block_on(stage.honest_is_taken());
    }
}

/// Order of P-256's group (SEC 2 §2.4.2).
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6,
    0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// `a` − `b`, big-endian.
fn subtract(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut difference = vec![0; a.len()];
    let mut borrow = false;
    for at in (0..a.len()).rev() {
        let (value, first) = a[at].overflowing_sub(b[at]);
        let (value, second) = value.overflowing_sub(u8::from(borrow));
        difference[at] = value;
        borrow = first || second;
    }
    difference
}

/// Without the private key one can turn (r, s) into (r, n − s), and a keystore may make either: it is the same
/// signature of the same request, so nothing is gained by it.
#[test]
fn the_other_form_of_a_signature_is_the_same_signature() {
    block_on(async {
        let stage = Stage::at(Moment::Account).await;
        let mut message = stage.message.clone();
        let (_, value) = message
            .headers
            .iter_mut()
            .find(|(name, _)| name == "signature")
            .unwrap();
        let text = String::from_utf8(value.clone()).unwrap();
        let base64 = text
            .strip_prefix("sig1=:")
            .unwrap()
            .strip_suffix(':')
            .unwrap();
        let bytes = Base64::decode_vec(base64).unwrap();
        let (r, s) = bytes.split_at(32);
        let other = [r, &subtract(&ORDER, s)].concat();
        *value = format!("sig1=:{}:", Base64::encode_string(&other)).into_bytes();
        assert_ne!(message, stage.message);
        assert_eq!(stage.send(&message).await.status, 200);
    });
}

#[test]
fn a_signature_is_good_for_one_device_and_one_minute() {
    block_on(async {
        let stage = Stage::at(Moment::Account).await;
        let other = Stage::at(Moment::Account).await;
        let answer = stage.send(&other.message).await;
        assert_eq!(
            answer.json()["code"],
            "not_authenticated",
            "another server's phone"
        );
        stage.world.pass(jiff::SignedDuration::from_secs(61));
        let answer = stage.send(&stage.message).await;
        assert_eq!(answer.json()["code"], "not_authenticated", "too late");
    });
}
