//! Encoding and decoding of the three sealed messages.

use proptest::prelude::*;
use zeroize::Zeroizing;

use super::vectors::Vectors;
use crate::message::{KeyProof, MessageError, Operation, Proofs, ServerShares, Submit};
use crate::*;

fn submit(operation: Operation) -> Submit {
    Submit {
        profile: Profile::Rsa6144,
        device_id: DeviceId([1; 16]),
        transaction_id: TransactionId([2; 16]),
        seq: 0x0102_0304_0506_0708,
        r: [3; 32],
        token: FreshnessToken::from_bytes([4; 32]),
        next: TokenHash([5; 32]),
        c: [6; 32],
        operation,
    }
}

fn sign(user_challenge: &[u8]) -> Submit {
    submit(Operation::Sign {
        purpose: Purpose::Signature,
        key_id: KeyId([7; 16]),
        fingerprint: [8; 32],
        partial_signature: UncheckedPartialSignature::new(Zeroizing::new(vec![9; 384])),
        user_challenge: user_challenge.to_vec(),
    })
}

fn code(bytes: &[u8]) -> Option<MessageError> {
    Submit::decode(bytes).err()
}

#[test]
fn the_head_of_a_submit_message_has_610_bytes() {
    // splitkey.md §4.2 step 2: before userChallenge and devSig, at 6144 bits.
    assert_eq!(sign(b"").encode().len(), 610);
    assert_eq!(
        sign(b"challenge").encode_signed(&[0; 64]).len(),
        610 + 9 + 64
    );
}

#[test]
fn every_operation_survives_the_wire() {
    let operations = [
        sign(b""),
        sign(&[0x55; 300]),
        submit(Operation::Rotate),
        submit(Operation::Sync {
            pending: TransactionId([10; 16]),
        }),
    ];
    for message in operations {
        let decoded = Submit::decode(&message.encode_signed(&[11; 64])).unwrap();
        assert_eq!(decoded.signed, message.encode());
        assert_eq!(decoded.submit.encode(), message.encode());
        assert_eq!(decoded.submit.operation.id(), message.operation.id());
        assert_eq!(decoded.signature, [11; 64]);
    }
}

#[test]
fn what_is_not_exactly_one_submit_message_is_refused() {
    let bytes = sign(b"challenge").encode_signed(&[0; 64]);
    for len in 0..bytes.len() {
        assert!(code(&bytes[..len]).is_some(), "truncated to {len}");
    }
    assert_eq!(
        code(&[&bytes[..], &[0]].concat()),
        Some(MessageError::Malformed)
    );
    let with = |index: usize, value: u8| {
        let mut bytes = bytes.clone();
        bytes[index] = value;
        code(&bytes)
    };
    assert_eq!(with(0, b's'), Some(MessageError::Kind));
    assert_eq!(with(4, 2), Some(MessageError::Kind));
    assert_eq!(with(5, 0), Some(MessageError::Malformed));
    assert_eq!(with(5, 4), Some(MessageError::Malformed));
    assert_eq!(with(6, 9), Some(MessageError::Profile));
    assert_eq!(
        with(7, 0),
        Some(MessageError::Malformed),
        "signing needs a purpose"
    );
    assert_eq!(with(7, 3), Some(MessageError::Malformed));
}

#[test]
fn rotation_and_sync_carry_nothing_about_a_key() {
    let (key_fields, header) = ([7, 24, 160, 192, 607], 8 + 16 + 16 + 16 + 8 + 4 * 32);
    assert_eq!(header, 192, "offset of the fingerprint");
    let sync = || {
        submit(Operation::Sync {
            pending: TransactionId([10; 16]),
        })
    };
    for message in [submit(Operation::Rotate), sync()] {
        let bytes = message.encode_signed(&[0; 64]);
        for field in key_fields.into_iter().filter(|field| *field != 160) {
            let mut bytes = bytes.clone();
            bytes[field] ^= 1;
            assert_eq!(code(&bytes), Some(MessageError::Malformed), "byte {field}");
        }
        let mut signing = bytes.clone();
        signing[5] = 1;
        assert_eq!(code(&signing), Some(MessageError::Malformed));
    }
    let mut confused = sync().encode_signed(&[0; 64]);
    confused[5] = 2;
    assert_eq!(
        code(&confused),
        Some(MessageError::Malformed),
        "rotation has no pending transaction"
    );
    let mut confused = submit(Operation::Rotate).encode_signed(&[0; 64]);
    confused[5] = 3;
    assert_eq!(
        code(&confused),
        Some(MessageError::Malformed),
        "sync has one"
    );
}

#[test]
fn registration_messages_survive_the_wire() {
    for vectors in Vectors::all() {
        let (profile, share) = (vectors.profile, &vectors.server_share);
        let bytes =
            ServerShares::encode(profile, &[(KeyId([1; 16]), share), (KeyId([2; 16]), share)]);
        assert_eq!(bytes.len(), 7 + 2 * (16 + profile.n1_len()));
        let decoded = ServerShares::decode(&bytes).unwrap();
        assert_eq!(decoded.profile, profile);
        assert_eq!(decoded.shares[1].key_id, KeyId([2; 16]));
        let checked = decoded.shares[0].share.check(&vectors.n1).unwrap();
        assert_eq!(checked.expose_secret(), share.expose_secret());

        let proof = |key| KeyProof {
            key_id: KeyId([key; 16]),
            c: [key; 32],
            partial_signature: UncheckedPartialSignature::new(Zeroizing::new(vec![
                key;
                profile.n1_len()
            ])),
        };
        let proofs = Proofs {
            profile,
            proofs: vec![proof(1), proof(2)],
        };
        let decoded = Proofs::decode(&proofs.encode()).unwrap();
        assert_eq!(decoded.encode(), proofs.encode());
        assert_eq!(decoded.proofs[1].c, [2; 32]);

        assert_eq!(Proofs::decode(&bytes).err(), Some(MessageError::Kind));
        assert_eq!(
            ServerShares::decode(&proofs.encode()).err(),
            Some(MessageError::Kind)
        );
    }
}

#[test]
fn what_is_not_exactly_one_registration_message_is_refused() {
    let vectors = Vectors::smallest();
    let (profile, share) = (vectors.profile, &vectors.server_share);
    let twice = ServerShares::encode(profile, &[(KeyId([1; 16]), share), (KeyId([1; 16]), share)]);
    assert_eq!(
        ServerShares::decode(&twice).err(),
        Some(MessageError::Malformed),
        "one key twice"
    );
    let none = ServerShares::encode(profile, &[]);
    assert_eq!(
        ServerShares::decode(&none).err(),
        Some(MessageError::Malformed)
    );
    let bytes = ServerShares::encode(profile, &[(KeyId([1; 16]), share)]);
    for len in 0..bytes.len() {
        assert!(
            ServerShares::decode(&bytes[..len]).is_err(),
            "truncated to {len}"
        );
    }
    assert!(ServerShares::decode(&[&bytes[..], &[0]].concat()).is_err());
    let with = |index: usize, value: u8| {
        let mut bytes = bytes.clone();
        bytes[index] = value;
        ServerShares::decode(&bytes).err()
    };
    assert_eq!(with(4, 2), Some(MessageError::Kind));
    assert_eq!(with(5, 9), Some(MessageError::Profile));
}

proptest! {
    #[test]
    fn decoding_never_panics(bytes: Vec<u8>, magic in 0..4_usize) {
        let start: &[u8] = [&b"SKS1\x01"[..], b"SKR3\x01", b"SKRP\x01", b"SKC1"][magic];
        let bytes = [start, &bytes].concat();
        let _ = (Submit::decode(&bytes).is_ok(), ServerShares::decode(&bytes).is_ok());
        let _ = (Proofs::decode(&bytes).is_ok(), KeyRecord::from_bytes(&bytes).is_ok());
    }
}
