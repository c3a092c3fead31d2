//! What strangers can make the server keep: bounded while it lasts, and gone afterwards.

use crate::{
    block_on,
    judge::{self, Rows},
    stage::{Moment, Stage},
};
use device::Keystore;
use jiff::SignedDuration;
use wire::{DeviceId, http_signature};

/// Registrations in a few minutes by one stranger.
const MANY: u8 = 40;

fn count(rows: &Rows, table: &str) -> usize {
    rows[table].len()
}

#[test]
fn abandoned_registrations_are_forgotten_after_a_day() {
    block_on(async {
        let stage = Stage::at(Moment::Registration).await;
        let honest: serde_json::Value = serde_json::from_slice(&stage.message.body).unwrap();
        let before = judge::rows(&stage.world).await;
        for number in 0..MANY {
            let device = DeviceId([number; 16]);
            let mut body = honest.clone();
            body["deviceId"] = serde_json::json!(device);
            let body = body.to_string().into_bytes();
            let path = "/device/v1/registrations";
            let signer = |bytes: &[u8]| stage.phone.keystore.sign(bytes);
            let now = stage.world.now();
            let signed = http_signature::sign("POST", path, &body, device, signer, now);
            let headers = [
                ("content-type", "application/json".to_owned()),
                ("content-digest", signed.content_digest),
                ("signature-input", signed.signature_input),
                ("signature", signed.signature),
            ];
            let answer = stage.world.send("POST", path, &headers, body).await;
            assert_eq!(answer.status, 201, "{}", answer.json());
        }
        let during = judge::rows(&stage.world).await;
        assert_eq!(count(&during, "registration"), usize::from(MANY));
        // They end after a quarter of an hour and are kept a day longer, for the phone to read why.
        stage.world.pass(SignedDuration::from_mins(16));
        stage.world.jobs().await;
        stage.world.pass(SignedDuration::from_hours(25));
        stage.world.jobs().await;
        let after = judge::rows(&stage.world).await;
        assert_eq!(count(&after, "registration"), 0);
        for table in [
            "account",
            "account_key",
            "session",
            "device_transaction",
            "pooled_half",
        ] {
            assert_eq!(count(&after, table), count(&before, table), "{table}");
        }
    });
}

#[test]
fn sessions_and_transactions_that_nobody_finishes_are_forgotten() {
    block_on(async {
        let stage = Stage::at(Moment::BeginSign).await;
        for _ in 0..MANY {
            stage.world.ask_to_authenticate(crate::PERSON).await;
            assert_eq!(stage.send(&stage.message).await.status, 201);
        }
        let during = judge::rows(&stage.world).await;
        assert_eq!(count(&during, "device_transaction"), usize::from(MANY));
        stage.world.pass(SignedDuration::from_mins(2));
        stage.world.jobs().await;
        stage.world.pass(SignedDuration::from_hours(25));
        stage.world.jobs().await;
        let after = judge::rows(&stage.world).await;
        for table in ["session", "session_candidate", "device_transaction"] {
            assert_eq!(count(&after, table), 0, "{table}");
        }
    });
}
