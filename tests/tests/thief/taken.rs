//! What a thief has of one phone, and how the traffic reads beside it.

use crate::attack::{
    number::Ring,
    record::Record,
    suspects::{Body, Message},
    unfold::unfold,
};
use engine::ports::ServerKeys;
use hkdf::Hkdf;
use serde_json::Value;
use sha2::{Digest, Sha256};
use splitkey::{
    ClientModulus,
    message::{Operation, Proofs, ServerShares, Submit},
    seal::Kind,
};
use std::collections::{BTreeMap, BTreeSet};
use tests::{Exchange, SimulatedPhone, World};

/// A phone's storage, all traffic, and, for controls only, what was inside the sealed messages.
pub(crate) struct Taken {
    pub(crate) keystore: [u8; 32],
    /// What was stored, decrypted, with what was happening.
    pub(crate) snapshots: Vec<(String, Vec<u8>)>,
    pub(crate) exchanges: Vec<Exchange>,
    /// Kind, ciphertext, plaintext.
    pub(crate) opened: Vec<(Kind, Vec<u8>, Vec<u8>)>,
}

/// Everything that this phone ever stored and this server was ever sent.
pub(crate) async fn taken(world: &World, phone: &SimulatedPhone) -> Taken {
    let keystore = *phone.keystore_secret();
    let states = phone.history.iter().flatten();
    let exchanges = world.traffic();
    Taken {
        keystore,
        snapshots: states
            .map(|stored| (String::new(), open_state(stored, &keystore)))
            .collect(),
        opened: open_all(world, &exchanges).await,
        exchanges,
    }
}

impl Taken {
    /// The key record of the account as stored last: authentication, signature.
    pub(crate) fn record_bytes(&self, index: usize) -> Vec<u8> {
        let last: Value = serde_json::from_slice(&self.snapshots.last().unwrap().1).unwrap();
        base64(last["account"]["keys"][index]["record"].as_str().unwrap())
    }

    pub(crate) fn record(&self, index: usize) -> Record {
        Record::read(&self.record_bytes(index), &self.keystore).unwrap()
    }

    /// Every message that this key signed or should have signed.
    pub(crate) fn messages(&self, record: &Record) -> Vec<Message> {
        let digests = digests_by_transaction(&self.snapshots);
        let wire: Vec<u8> = self
            .exchanges
            .iter()
            .flat_map(|exchange| exchange.answer.clone())
            .collect();
        let published = unfold(&wire);
        let bodies = self.opened.iter();
        let mut messages: Vec<_> = bodies
            .filter_map(|(kind, _, plaintext)| {
                message(*kind, plaintext, record, &digests, &self.exchanges)
            })
            .map(|message| with_root(message, record, &published))
            .collect();
        let mut sorts = BTreeSet::new();
        for message in &mut messages {
            let signed = message.body.as_ref().is_some_and(|body| body.signed);
            message.thorough = sorts.insert((signed, message.root.is_some()));
        }
        messages
    }

    /// d1″ of this key, from the sealed message that brought it.
    pub(crate) fn server_share(&self, record: &Record) -> Vec<u8> {
        let handed_over = self
            .opened
            .iter()
            .filter(|(kind, _, _)| *kind == Kind::ServerShares);
        let mut shares = handed_over
            .flat_map(|(_, _, plaintext)| ServerShares::decode(plaintext).unwrap().shares);
        let share = shares
            .find(|share| share.key_id.0 == record.key_id)
            .unwrap()
            .share;
        let n1 = ClientModulus::from_stored(record.profile, &record.n1).unwrap();
        share.check(&n1).unwrap().expose_secret().to_vec()
    }
}

/// The stored state without its encryption, as a thief with the keystore reads it.
pub(crate) fn open_state(stored: &[u8], keystore: &[u8; 32]) -> Vec<u8> {
    use splitkey::DeviceKeys;
    let (header, rest) = stored.split_at(5);
    let (nonce, ciphertext) = rest.split_first_chunk().unwrap();
    let keys = device::SoftwareKeystore::from_secret(keystore);
    keys.unwrap(nonce, header, ciphertext).unwrap().to_vec()
}

pub(crate) fn base64(text: &str) -> Vec<u8> {
    use base64ct::{Base64, Encoding};
    Base64::decode_vec(text).unwrap()
}

/// All sealed requests with what is inside; those that were sent twice once.
async fn open_all(world: &World, exchanges: &[Exchange]) -> Vec<(Kind, Vec<u8>, Vec<u8>)> {
    let mut opened = Vec::new();
    let mut seen = BTreeSet::new();
    for exchange in exchanges {
        let kind = match exchange.head.lines().next().unwrap() {
            head if head.ends_with("/server-shares") => Kind::ServerShares,
            head if head.ends_with("/proofs") => Kind::Proofs,
            head if head.starts_with("POST /device/v1/transactions/") => Kind::Submit,
            _ => continue,
        };
        if seen.insert(exchange.body.clone()) {
            let plaintext = world
                .vault()
                .open(kind, &exchange.body)
                .await
                .unwrap()
                .plaintext;
            opened.push((kind, exchange.body.clone(), plaintext.to_vec()));
        }
    }
    opened
}

/// What a sealed message carried for this key, if anything.
fn message(
    kind: Kind,
    plaintext: &[u8],
    record: &Record,
    digests: &BTreeMap<[u8; 16], Vec<u8>>,
    exchanges: &[Exchange],
) -> Option<Message> {
    let (digest, r, c, s1) = match kind {
        Kind::ServerShares => return None,
        Kind::Proofs => {
            let proofs = Proofs::decode(plaintext).unwrap();
            let proof = proofs
                .proofs
                .into_iter()
                .find(|proof| proof.key_id.0 == record.key_id)?;
            let nonce = pop_nonce(exchanges, &record.key_id);
            let ids = [record.profile.id(), record.purpose];
            let digest = Sha256::new()
                .chain_update(b"splitkey-pop/v1")
                .chain_update(ids)
                .chain_update(record.key_id)
                .chain_update(nonce)
                .chain_update(&record.n)
                .finalize();
            (
                digest.to_vec(),
                nonce,
                proof.c,
                proof.partial_signature.expose_secret().to_vec(),
            )
        }
        Kind::Submit => {
            let submit = Submit::decode(plaintext).unwrap().submit;
            let Operation::Sign {
                key_id,
                partial_signature,
                fingerprint,
                ..
            } = &submit.operation
            else {
                return None;
            };
            if key_id.0 != record.key_id {
                return None;
            }
            let digest = digests.get(&submit.transaction_id.0).unwrap().clone();
            let em = pss(&digest, &submit.r, &submit.c, record.n.len());
            assert_eq!(
                Sha256::digest(&em).as_slice(),
                fingerprint,
                "the thief encodes as the phone does"
            );
            (
                digest,
                submit.r,
                submit.c,
                partial_signature.expose_secret().to_vec(),
            )
        }
    };
    let s1_at = plaintext
        .windows(s1.len())
        .position(|window| window == s1)
        .unwrap();
    Some(Message {
        em: pss(&digest, &r, &c, record.n.len()),
        root: None,
        thorough: false,
        body: Some(Body {
            plaintext: plaintext.to_vec(),
            s1_at,
            signed: kind == Kind::Submit,
        }),
    })
}

/// The root, if a signature of this message was ever given out.
fn with_root(message: Message, record: &Record, published: &BTreeSet<Vec<u8>>) -> Message {
    let ring = Ring::new(&record.n);
    let signature = published
        .iter()
        .filter(|field| field.len() == ring.len && *field < &record.n)
        .find(|signature| ring.encrypt(signature) == message.em);
    let n1 = Ring::new(&record.n1);
    Message {
        root: signature.map(|signature| n1.reduce(signature)),
        ..message
    }
}

/// EMSA-PSS with SHA-256 and the joint salt (RFC 8017 §9.1.1, splitkey.md §4.1).
pub(crate) fn pss(digest: &[u8], r: &[u8; 32], c: &[u8; 32], len: usize) -> Vec<u8> {
    let mut salt = [0; 32];
    Hkdf::<Sha256>::new(Some(r), c)
        .expand_multi_info(&[b"splitkey/pss-salt/v1", &[1], digest], &mut salt)
        .unwrap();
    let h = Sha256::new()
        .chain_update([0; 8])
        .chain_update(digest)
        .chain_update(salt)
        .finalize();
    let db_len = len - 33;
    let mut db = [vec![0; db_len - 33], vec![1], salt.to_vec()].concat();
    for (counter, block) in (0_u32..).zip(db.chunks_mut(32)) {
        let mask = Sha256::new()
            .chain_update(h)
            .chain_update(counter.to_be_bytes())
            .finalize();
        block
            .iter_mut()
            .zip(mask)
            .for_each(|(byte, mask)| *byte ^= mask);
    }
    db[0] &= 0x7f;
    [&db[..], &h, &[0xbc]].concat()
}

fn pop_nonce(exchanges: &[Exchange], key_id: &[u8; 16]) -> [u8; 32] {
    let offers = exchanges
        .iter()
        .filter(|exchange| exchange.head.starts_with("POST /device/v1/registrations\n"))
        .filter_map(|exchange| {
            serde_json::from_slice::<wire::device_v1::RegistrationOffer>(&exchange.answer).ok()
        });
    let mut keys = offers.flat_map(|offer| offer.keys);
    keys.find(|key| key.key_id.0 == *key_id)
        .unwrap()
        .pop_nonce
        .0
}

/// What was to be signed, from the pending records of all snapshots.
fn digests_by_transaction(snapshots: &[(String, Vec<u8>)]) -> BTreeMap<[u8; 16], Vec<u8>> {
    let pending = snapshots.iter().filter_map(|(_, plaintext)| {
        let state: Value = serde_json::from_slice(plaintext).unwrap();
        let pending = &state["account"]["pending"];
        let id: wire::TransactionId = pending["transaction"].as_str()?.parse().unwrap();
        Some((id.0, base64(pending["signing"]["digest"].as_str()?)))
    });
    pending.collect()
}
