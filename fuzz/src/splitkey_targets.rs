//! What a phone seals, what it keeps, and the seal.

use chacha20::ChaCha20Rng;
use rand_core::SeedableRng;
use splitkey::{
    ClientHalf, ClientModulus, CompositeModulus, DeviceId, FreshnessToken, Kdf, KeyContext, KeyId,
    KeyRecord, Pin, Profile, Purpose, ServerHalf, ServerShare, SoftwareDeviceKeys, TransactionId,
    UncheckedPartialSignature,
    message::{KeyProof, Operation, Proofs, ServerShares, Submit},
    seal::{self, Kind, ResponseOpener, ResponseSealer, SealedRequest, SealingKey},
};
use std::sync::OnceLock;
use zeroize::Zeroizing;

/// The small profile of the tests.
fn profile() -> Profile {
    Profile::from_id(1).expect("built with the test profile")
}

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(7)
}

/// A key of a phone, made once.
struct Key {
    n1: ClientModulus,
    share: ServerShare,
    record: Vec<u8>,
}

fn key() -> &'static Key {
    static KEY: OnceLock<Key> = OnceLock::new();
    KEY.get_or_init(|| {
        let mut rng = rng();
        let phone = ClientHalf::generate(profile(), &mut |_| (), &mut rng).expect("a key");
        let server = ServerHalf::generate(profile(), &mut rng).expect("a half");
        let n1 = ClientModulus::validate(profile(), phone.n1.as_bytes(), &[]).expect("valid");
        let n = CompositeModulus::new(&n1, server.modulus()).expect("coprime");
        let context = KeyContext {
            purpose: Purpose::Authentication,
            key_id: KeyId([3; 16]),
            n1: n1.clone(),
            public_key: n.public_key().clone(),
        };
        let kdf = Kdf::from_id(255).expect("built with the test KDF");
        let pin = Pin::new("4826").expect("a PIN");
        let record = KeyRecord::mask(
            phone.client_share,
            &pin,
            &context,
            kdf,
            &device_keys(),
            &mut rng,
        );
        Key {
            n1,
            share: phone.server_share,
            record: record.to_bytes(),
        }
    })
}

fn device_keys() -> SoftwareDeviceKeys {
    SoftwareDeviceKeys::from_secret(&[5; 32])
}

fn power() -> UncheckedPartialSignature {
    UncheckedPartialSignature::new(Zeroizing::new(vec![9; profile().n1_len()]))
}

pub(crate) mod submit {
    use super::*;

    pub(crate) fn run(data: &[u8]) {
        if let Ok(signed) = Submit::decode(data) {
            assert_eq!(signed.signed.len() + 64, data.len());
            let again = signed.submit.encode_signed(&signed.signature);
            assert_eq!(*again, data, "one message has one encoding");
            if let Operation::Sign {
                partial_signature, ..
            } = &signed.submit.operation
                && partial_signature.expose_secret().len() == key().n1.as_bytes().len()
            {
                let _ = partial_signature.check(&key().n1);
            }
        }
    }

    pub(crate) fn seeds() -> Vec<Vec<u8>> {
        let token = FreshnessToken::from_bytes([4; 32]);
        let sign = |user_challenge: &[u8]| Operation::Sign {
            purpose: Purpose::Signature,
            key_id: KeyId([3; 16]),
            fingerprint: [6; 32],
            partial_signature: power(),
            user_challenge: user_challenge.to_vec(),
        };
        let pending = TransactionId([8; 16]);
        [
            sign(b""),
            sign(&[b'A'; 43]),
            Operation::Rotate,
            Operation::Sync { pending },
        ]
        .into_iter()
        .map(|operation| {
            let submit = Submit {
                profile: profile(),
                device_id: DeviceId([1; 16]),
                transaction_id: TransactionId([2; 16]),
                seq: 1,
                r: [3; 32],
                token: FreshnessToken::from_bytes([4; 32]),
                next: token.hash(),
                c: [5; 32],
                operation,
            };
            submit.encode_signed(&[7; 64]).to_vec()
        })
        .collect()
    }
}

pub(crate) mod registration_messages {
    use super::*;

    pub(crate) fn run(data: &[u8]) {
        if let Ok(proofs) = Proofs::decode(data) {
            assert_eq!(*proofs.encode(), data, "one message has one encoding");
        }
        if let Ok(shares) = ServerShares::decode(data)
            && shares.profile == profile()
        {
            let checked: Option<Vec<_>> = shares
                .shares
                .iter()
                .map(|share| Some((share.key_id, share.share.check(&key().n1).ok()?)))
                .collect();
            if let Some(checked) = checked {
                let checked: Vec<_> = checked.iter().map(|(id, share)| (*id, share)).collect();
                assert_eq!(*ServerShares::encode(profile(), &checked), data);
            }
        }
    }

    pub(crate) fn seeds() -> Vec<Vec<u8>> {
        let ids = [KeyId([1; 16]), KeyId([2; 16])];
        let shares = ids.map(|id| (id, &key().share));
        let proofs = Proofs {
            profile: profile(),
            proofs: ids
                .map(|key_id| KeyProof {
                    key_id,
                    c: [5; 32],
                    partial_signature: power(),
                })
                .into(),
        };
        vec![
            ServerShares::encode(profile(), &shares).to_vec(),
            proofs.encode().to_vec(),
        ]
    }
}

pub(crate) mod key_record {
    use super::*;

    pub(crate) fn run(data: &[u8]) {
        if let Ok(record) = KeyRecord::from_bytes(data) {
            assert_eq!(record.to_bytes(), data, "one record has one encoding");
            let honest = data == key().record;
            // A slow KDF is not for the fuzzer; only the test KDF stands in the honest record.
            if honest || data.get(..4) == key().record.get(..4) {
                let pin = Pin::new("4826").expect("a PIN");
                let opened = open_quickly(&record, &pin);
                assert!(
                    opened.is_none_or(|opened| opened == honest),
                    "a changed record opens"
                );
            }
        }
    }

    /// Whether the record opens; `None` if that would take long.
    fn open_quickly(record: &KeyRecord, pin: &Pin) -> Option<bool> {
        let bytes = record.to_bytes();
        let at = 6 + 16 + profile().n_len() + profile().n1_len();
        (bytes.get(4) == Some(&profile().id()) && bytes.get(at) == Some(&255))
            .then(|| record.unmask(pin, &device_keys()).is_ok())
    }

    pub(crate) fn seeds() -> Vec<Vec<u8>> {
        vec![key().record.clone()]
    }
}

pub(crate) mod sealing {
    use super::*;

    const PLAINTEXT: &[u8] = b"what the phone says";
    const ANSWER: &[u8] = b"{}";

    struct Exchange {
        key: SealingKey,
        request: SealedRequest,
        opener: ResponseOpener,
        answer: Vec<u8>,
    }

    fn exchange() -> &'static Exchange {
        static EXCHANGE: OnceLock<Exchange> = OnceLock::new();
        EXCHANGE.get_or_init(|| {
            let mut rng = rng();
            let key = SealingKey::generate(&mut rng);
            let (request, opener) =
                SealedRequest::seal(Kind::Submit, &key.public_key(), PLAINTEXT, &mut rng)
                    .expect("sealed");
            let (_, sealer): (_, ResponseSealer) =
                seal::open_request(Kind::Submit, &key, request.as_bytes()).expect("opens");
            let answer = sealer.seal(ANSWER, &mut rng);
            Exchange {
                key,
                request,
                opener,
                answer,
            }
        })
    }

    pub(crate) fn run(data: &[u8]) {
        let exchange = exchange();
        for kind in [Kind::ServerShares, Kind::Proofs, Kind::Submit] {
            let honest = kind == Kind::Submit && data == exchange.request.as_bytes();
            let opened = seal::open_request(kind, &exchange.key, data).is_ok();
            assert_eq!(
                opened, honest,
                "a changed request opens, or an honest one does not"
            );
        }
        let opened = exchange.opener.open(data).is_ok();
        assert_eq!(opened, data == exchange.answer, "a changed answer opens");
    }

    pub(crate) fn seeds() -> Vec<Vec<u8>> {
        let exchange = exchange();
        vec![
            exchange.request.as_bytes().to_vec(),
            exchange.answer.clone(),
        ]
    }
}
