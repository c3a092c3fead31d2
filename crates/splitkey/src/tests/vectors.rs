//! Every vector of `vectors/splitkey/vectors.json`, positive and negative. The `scenarios` in it are the engine's.

use std::sync::LazyLock;

use serde_json::Value;
use zeroize::Zeroizing;

use super::rng;
use crate::message::{Operation, Submit};
use crate::pin::keystream;
use crate::*;

/// The file, and one profile of it with its key already read.
pub(super) struct Vectors {
    pub(super) profile: Profile,
    json: &'static Value,
    pub(super) n1: ClientModulus,
    pub(super) n: CompositeModulus,
    pub(super) server_half: ServerHalf,
    pub(super) server_share: ServerShare,
}

impl Vectors {
    /// All profiles of this build: the small one is absent from release builds.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        FILE["profiles"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Self::read)
    }

    /// The smallest profile of this build.
    pub(super) fn smallest() -> Self {
        Self::all().next().unwrap()
    }

    fn read(json: &'static Value) -> Option<Self> {
        let profile = Profile::from_id(u8::try_from(json["profile"].as_u64()?).ok()?)?;
        let n1 = ClientModulus::validate(profile, &bytes(&json["key"]["n1"]), &[]).unwrap();
        let secret = [bytes(&json["key"]["p2"]), bytes(&json["key"]["q2"])].concat();
        let server_half = ServerHalf::from_secret_bytes(profile, &secret).unwrap();
        let n = CompositeModulus::new(&n1, server_half.modulus()).unwrap();
        let server_share =
            ServerShare::check(&bytes(&json["key"]["server_share_d1pp"]), &n1).unwrap();
        Some(Self {
            profile,
            json,
            n1,
            n,
            server_half,
            server_share,
        })
    }

    pub(super) fn client_share(&self) -> ClientShare {
        share(&self.json["key"]["client_share_d1p"])
    }

    /// The first signature, PSS with SHA-256: the one that the negative vectors vary.
    pub(super) fn em(&self) -> EncodedMessage {
        encode(self.profile, &self.json["signatures"][0])
    }

    pub(super) fn context(&self) -> KeyContext {
        KeyContext {
            purpose: Purpose::from_id(
                u8::try_from(self.json["purpose"].as_u64().unwrap()).unwrap(),
            )
            .unwrap(),
            key_id: KeyId(array(&self.json["pin"]["key_id"])),
            n1: self.n1.clone(),
            public_key: self.n.public_key().clone(),
        }
    }

    fn negative(&self, name: &str) -> &'static Value {
        &self.json["negative"][name]
    }

    fn partial(&self, value: &Value) -> PartialSignature {
        UncheckedPartialSignature::new(Zeroizing::new(bytes(value)))
            .check(&self.n1)
            .unwrap()
    }

    /// The server's verdict on s1′ for the first signature's message.
    fn judge(&self, phone: &PartialSignature) -> Result<ClientSignatureHalf, WrongPin> {
        let server = self.server_share.apply(&self.em(), &self.n1, &mut rng(20));
        check_client_half(&self.em(), phone, &server, &self.n1)
    }
}

static FILE: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../../../vectors/splitkey/vectors.json")).unwrap()
});

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

fn array<const N: usize>(value: &Value) -> [u8; N] {
    bytes(value).try_into().unwrap()
}

fn share(value: &Value) -> ClientShare {
    ClientShare::new(Zeroizing::new(bytes(value)))
}

fn scheme(vector: &Value) -> Scheme {
    let hash = match vector["hash"].as_str().unwrap() {
        "sha256" => Hash::Sha256,
        "sha384" => Hash::Sha384,
        "sha512" => Hash::Sha512,
        "sha3_256" => Hash::Sha3_256,
        "sha3_384" => Hash::Sha3_384,
        "sha3_512" => Hash::Sha3_512,
        other => panic!("unknown hash {other}"),
    };
    match vector["scheme"].as_str().unwrap() {
        "pss" => Scheme::Pss(hash),
        "pkcs1v15" => Scheme::Pkcs1v15(hash),
        other => panic!("unknown scheme {other}"),
    }
}

fn digest(vector: &Value) -> Vec<u8> {
    scheme(vector)
        .hash()
        .digest(&[vector["message"].as_str().unwrap().as_bytes()])
}

fn encode(profile: Profile, vector: &Value) -> EncodedMessage {
    let salt = JointSalt {
        r: array(&vector["r"]),
        c: array(&vector["c"]),
    };
    EncodedMessage::encode(profile, scheme(vector), &digest(vector), &salt).unwrap()
}

#[test]
fn lengths_follow_from_the_profile() {
    for vectors in Vectors::all() {
        assert_eq!(
            u64::from(vectors.profile.k()),
            vectors.json["k"].as_u64().unwrap()
        );
        assert_eq!(
            vectors.json["e"].as_u64().unwrap(),
            u64::from(PUBLIC_EXPONENT)
        );
        assert_eq!(
            vectors.client_share().as_bytes().len(),
            vectors.profile.share_len()
        );
        assert_eq!(vectors.n.as_bytes(), bytes(&vectors.json["key"]["n"]));
        assert_eq!(vectors.n.as_bytes().len(), vectors.profile.n_len());
        assert_eq!(
            vectors.n.server().as_bytes(),
            bytes(&vectors.json["key"]["n2"])
        );
        let checked =
            CompositeModulus::check(vectors.profile, vectors.n.as_bytes(), vectors.n1.as_bytes());
        assert_eq!(checked.unwrap().modulus(), vectors.n.as_bytes());
    }
}

#[test]
fn pins_are_stretched_and_masked_as_in_the_vectors() {
    for vectors in Vectors::all() {
        let context = vectors.context();
        for name in ["pin", "pin_pbkdf2"] {
            let (json, inputs) = (&vectors.json[name], &vectors.json["pin"]);
            if json.is_null() {
                continue;
            }
            let keys = SoftwareDeviceKeys::from_secret(&array(&inputs["device_secret"]));
            assert_eq!(*keys.expose().0, array(&inputs["k_hmac"]));
            assert_eq!(*keys.expose().1, array(&inputs["k_wrap"]));
            let (pin, salt) = (
                Pin::new(inputs["pin"].as_str().unwrap()).unwrap(),
                array(&inputs["salt"]),
            );
            let kdf =
                Kdf::from_id(u8::try_from(json["kdf_id"].as_u64().unwrap()).unwrap()).unwrap();
            assert_eq!(*kdf.derive(&pin, &salt), array(&json["kdf_out_A"]));
            let stream = keystream(&context, kdf, &pin, &salt, &keys);
            assert_eq!(*stream, bytes(&json["keystream"]));
            let share = vectors.client_share();
            let masked: Vec<u8> = share
                .as_bytes()
                .iter()
                .zip(stream.iter())
                .map(|(a, b)| a ^ b)
                .collect();
            assert_eq!(masked, bytes(&json["masked_share"]));
        }
    }
}

#[test]
fn signatures_are_made_as_in_the_vectors() {
    for vectors in Vectors::all() {
        for vector in vectors.json["signatures"].as_array().unwrap() {
            let em = encode(vectors.profile, vector);
            assert_eq!(em.as_bytes(), bytes(&vector["em"]), "{vector}");
            let phone = partial_signature(&em, &vectors.client_share(), &vectors.n1);
            assert_eq!(phone.expose_secret(), bytes(&vector["s1p"]));
            let server = vectors.server_share.apply(&em, &vectors.n1, &mut rng(21));
            assert_eq!(server.expose_secret(), bytes(&vector["s1pp"]));
            let half = check_client_half(&em, &phone, &server, &vectors.n1).unwrap();
            let s2 = vectors.server_half.sign(&em, &mut rng(22)).unwrap();
            assert_eq!(*s2.0, bytes(&vector["s2"]));
            let signature = complete(half, &s2, &vectors.n, &em).unwrap();
            assert_eq!(signature.as_bytes(), bytes(&vector["signature"]));
            assert_eq!(signature.scheme(), scheme(vector));
        }
    }
}

#[test]
fn signatures_of_the_vectors_verify_and_under_no_other_scheme_or_digest() {
    for vectors in Vectors::all() {
        let key = vectors.n.public_key();
        let all = vectors.json["signatures"].as_array().unwrap();
        for vector in all {
            let signature = bytes(&vector["signature"]);
            assert!(
                key.verify(scheme(vector), &digest(vector), &signature)
                    .is_ok(),
                "{vector}"
            );
            let other = scheme(vector).hash().digest(&[b"x"]);
            assert_eq!(
                key.verify(scheme(vector), &other, &signature),
                Err(SignatureError::Inconsistent)
            );
            for different in all
                .iter()
                .filter(|different| scheme(different) != scheme(vector))
            {
                assert!(
                    key.verify(scheme(different), &digest(different), &signature)
                        .is_err()
                );
                assert!(
                    key.verify(scheme(different), &digest(vector), &signature)
                        .is_err()
                );
            }
        }
    }
}

#[test]
fn the_submit_message_and_its_token_are_those_of_the_vectors() {
    for vectors in Vectors::all() {
        let (signature, json) = (
            &vectors.json["signatures"][0],
            &vectors.json["signatures"][0]["submit"],
        );
        let (r, c) = (array(&signature["r"]), array(&signature["c"]));
        let token = FreshnessToken::from_bytes(array(&json["token"]));
        assert_eq!(token.hash(), TokenHash(array(&json["token_hash"])));
        let device_id = DeviceId(array(&json["device_id"]));
        let seq = json["seq"].as_u64().unwrap();
        let next = token.next(device_id, seq + 1, &r, &c);
        assert_eq!(*next.expose_secret(), array(&json["next_token"]));
        assert_eq!(next.hash(), TokenHash(array(&json["next_token_hash"])));
        assert_eq!(vectors.em().fingerprint(), array(&json["em_hash"]));
        let context = vectors.context();
        let submit = Submit {
            profile: vectors.profile,
            device_id,
            transaction_id: TransactionId(array(&json["tx_id"])),
            seq,
            r,
            token,
            next: next.hash(),
            c,
            operation: Operation::Sign {
                purpose: context.purpose,
                key_id: context.key_id,
                fingerprint: vectors.em().fingerprint(),
                partial_signature: vectors.partial(&signature["s1p"]).into(),
                user_challenge: Vec::new(),
            },
        };
        assert_eq!(*submit.encode(), bytes(&json["plain"]));
        assert_eq!(
            hash::sha256(&[&submit.encode()]),
            array(&json["plain_sha256"])
        );
        let decoded = Submit::decode(&submit.encode_signed(&[7; 64])).unwrap();
        assert_eq!(*decoded.submit.encode(), bytes(&json["plain"]));
    }
}

#[test]
fn wrong_pins_give_plausible_shares_that_the_server_refuses() {
    for vectors in Vectors::all() {
        let inputs = &vectors.json["pin"];
        let keys = SoftwareDeviceKeys::from_secret(&array(&inputs["device_secret"]));
        let kdf = Kdf::from_id(u8::try_from(inputs["kdf_id"].as_u64().unwrap()).unwrap()).unwrap();
        let (context, masked) = (vectors.context(), bytes(&inputs["masked_share"]));
        for wrong in vectors.negative("wrong_pin").as_array().unwrap() {
            let pin = Pin::new(wrong["pin"].as_str().unwrap()).unwrap();
            let stream = keystream(&context, kdf, &pin, &array(&inputs["salt"]), &keys);
            let unmasked: Vec<u8> = masked
                .iter()
                .zip(stream.iter())
                .map(|(a, b)| a ^ b)
                .collect();
            assert_eq!(unmasked, bytes(&wrong["share"]));
            let phone = partial_signature(&vectors.em(), &share(&wrong["share"]), &vectors.n1);
            assert_eq!(phone.expose_secret(), bytes(&wrong["s1p"]));
            // In range, so that nothing but the check of s1 refuses it.
            let unchecked = UncheckedPartialSignature::from(phone);
            assert_eq!(
                vectors.judge(&unchecked.check(&vectors.n1).unwrap()).err(),
                Some(WrongPin)
            );
        }
    }
}

#[test]
fn a_share_of_another_message_is_refused() {
    for vectors in Vectors::all() {
        let json = vectors.negative("other_message");
        let scheme = Scheme::Pkcs1v15(Hash::Sha256);
        let other = EncodedMessage::from_bytes(vectors.profile, scheme, bytes(&json["client_em"]));
        let phone = partial_signature(&other, &vectors.client_share(), &vectors.n1);
        assert_eq!(phone.expose_secret(), bytes(&json["s1p"]));
        assert_eq!(vectors.judge(&phone).err(), Some(WrongPin));
    }
}

#[test]
fn a_fault_in_the_server_half_is_not_released() {
    for vectors in Vectors::all() {
        let json = vectors.negative("crt_fault");
        let faulty =
            ServerSignatureHalf::from_bytes(vectors.profile, &bytes(&json["faulty_s2"])).unwrap();
        let half = || {
            vectors
                .judge(&vectors.partial(&vectors.json["signatures"][0]["s1p"]))
                .unwrap()
        };
        let released = complete(half(), &faulty, &vectors.n, &vectors.em());
        assert_eq!(released, Err(CompletionError::DoesNotVerify));
        // What would have been released is the faulty signature of the vector, and the phone refuses it.
        let vector = &vectors.json["signatures"][0];
        let verified = vectors.n.public_key().verify(
            scheme(vector),
            &digest(vector),
            &bytes(&json["faulty_signature"]),
        );
        assert_eq!(verified, Err(SignatureError::Inconsistent));
        let good = ServerSignatureHalf::from_bytes(vectors.profile, &bytes(&vector["s2"])).unwrap();
        assert!(complete(half(), &good, &vectors.n, &vectors.em()).is_ok());
    }
}

#[test]
fn an_s2_that_is_not_reduced_is_refused() {
    let vectors = Vectors::smallest();
    let half = || {
        vectors
            .judge(&vectors.partial(&vectors.json["signatures"][0]["s1p"]))
            .unwrap()
    };
    let n2 = vectors.n.server().as_bytes();
    let unreduced = ServerSignatureHalf::from_bytes(vectors.profile, n2).unwrap();
    assert_eq!(
        complete(half(), &unreduced, &vectors.n, &vectors.em()),
        Err(CompletionError::ServerHalf)
    );
    let long = [&[1], n2].concat();
    assert_eq!(
        ServerSignatureHalf::from_bytes(vectors.profile, &long).err(),
        Some(CompletionError::ServerHalf)
    );
}

#[test]
fn bad_moduli_are_refused_for_the_reason_of_the_vector() {
    for vectors in Vectors::all() {
        for bad in vectors.negative("bad_n1").as_array().unwrap() {
            let mut n1 = bytes(&bad["n1"]);
            n1.splice(0..0, vec![0; vectors.profile.n1_len() - n1.len()]);
            let others: Vec<Vec<u8>> = bad.get("other_modulus").map(bytes).into_iter().collect();
            let others: Vec<&[u8]> = others.iter().map(Vec::as_slice).collect();
            let n2 = bad
                .get("n2")
                .map_or_else(|| vectors.n.server().as_bytes().to_vec(), bytes);
            let verdict = ClientModulus::validate(vectors.profile, &n1, &others).and_then(|n1| {
                CompositeModulus::new(
                    &n1,
                    &ServerModulus::from_bytes(vectors.profile, &n2).unwrap(),
                )
            });
            let code = verdict.map_or_else(|reason| reason.code(), |_| "ok");
            assert_eq!(
                code,
                bad["expect"].as_str().unwrap().replace('-', "_"),
                "{bad}"
            );
        }
    }
}

#[test]
fn shares_out_of_range_are_malformed() {
    for vectors in Vectors::all() {
        for out in vectors.negative("s1p_range").as_array().unwrap() {
            let mut value = bytes(&out["value"]);
            value.splice(0..0, vec![0; vectors.profile.n1_len() - value.len()]);
            let checked = UncheckedPartialSignature::new(Zeroizing::new(value)).check(&vectors.n1);
            assert_eq!(checked.err(), Some(OutOfRange), "{out}");
        }
        let at = |value: Vec<u8>| {
            UncheckedPartialSignature::new(Zeroizing::new(value)).check(&vectors.n1)
        };
        let mut two = vec![0; vectors.profile.n1_len()];
        *two.last_mut().unwrap() = 2;
        assert!(at(two.clone()).is_ok());
        two.remove(0);
        assert!(at(two).is_err(), "one byte short");
        let mut largest = vectors.n1.as_bytes().to_vec();
        *largest.last_mut().unwrap() -= 1;
        assert!(at(largest.clone()).is_ok());
        largest.insert(0, 0);
        assert!(at(largest).is_err(), "one byte long");
    }
}

/// The structural checks pass, but no share can ever complete: that is what the proof of possession is for.
#[test]
#[cfg(debug_assertions)]
fn a_modulus_without_eth_roots_passes_validation_and_fails_the_proof() {
    let vectors = Vectors::smallest();
    let n1 = bytes(&vectors.negative("no_eth_roots_n1")["n1"]);
    let n1 = ClientModulus::validate(Profile::Test1024, &n1, &[]).unwrap();
    let phone = partial_signature(&vectors.em(), &vectors.client_share(), &n1);
    let share = [&[1], &vectors.server_share.expose_secret()[1..]].concat();
    let server = ServerShare::check(&share, &n1)
        .unwrap()
        .apply(&vectors.em(), &n1, &mut rng(23));
    assert_eq!(
        check_client_half(&vectors.em(), &phone, &server, &n1).err(),
        Some(WrongPin)
    );
}

/// All 10 000 PINs: as many different shares, half of them with the top bit set, and the server accepts one.
#[test]
#[cfg(debug_assertions)]
fn exactly_one_of_all_four_digit_pins_is_accepted() {
    let vectors = Vectors::smallest();
    let (inputs, expected) = (&vectors.json["pin"], vectors.negative("exhaustive_pin"));
    let keys = SoftwareDeviceKeys::from_secret(&array(&inputs["device_secret"]));
    let (context, masked, em) = (
        vectors.context(),
        bytes(&inputs["masked_share"]),
        vectors.em(),
    );
    let server = vectors.server_share.apply(&em, &vectors.n1, &mut rng(24));
    let try_pin = |number: u32| {
        let pin = Pin::new(&format!("{number:04}")).unwrap();
        let stream = keystream(&context, Kdf::Test, &pin, &array(&inputs["salt"]), &keys);
        let unmasked: Vec<u8> = masked
            .iter()
            .zip(stream.iter())
            .map(|(a, b)| a ^ b)
            .collect();
        let share = ClientShare::new(Zeroizing::new(unmasked.clone()));
        let phone = partial_signature(&em, &share, &vectors.n1);
        (
            unmasked,
            check_client_half(&em, &phone, &server, &vectors.n1)
                .is_ok()
                .then_some(number),
        )
    };
    let results: Vec<_> = (0..10_000).map(try_pin).collect();
    let accepted: Vec<String> = results
        .iter()
        .filter_map(|(_, accepted)| *accepted)
        .map(|pin| format!("{pin:04}"))
        .collect();
    assert_eq!(serde_json::json!(accepted), expected["accepted"]);
    let top = results.iter().filter(|(share, _)| share[0] >= 128).count();
    assert_eq!(serde_json::json!(top), expected["shares_with_top_bit_set"]);
    let distinct: std::collections::HashSet<_> =
        results.into_iter().map(|(share, _)| share).collect();
    assert_eq!(
        serde_json::json!(distinct.len()),
        expected["distinct_shares"]
    );
}
