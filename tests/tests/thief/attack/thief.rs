//! The thief: a snapshot of the phone, its keystore, everything that was ever on the wire, and the server's logs.

use super::{
    envelope,
    record::in_parallel,
    suspects::{Finding, Suspects},
    unfold::unfold,
};
use splitkey::seal::{ResponseOpener, SealedRequest};
use std::{
    collections::{BTreeSet, HashMap},
    sync::Mutex,
};
use tests::Exchange;

pub(crate) struct Thief {
    pub(crate) suspects: Vec<Suspects>,
    keystore: [u8; 32],
    /// Sealed requests with the answers to them.
    sealed: Vec<(Vec<u8>, Vec<u8>)>,
    /// The server's public transport keys.
    receivers: Vec<Vec<u8>>,
    /// What a 32-byte value opens; the same ones come up again and again.
    opened: Mutex<HashMap<Vec<u8>, Vec<Vec<u8>>>>,
    /// Numbers that are no server share.
    tried: Mutex<BTreeSet<Vec<u8>>>,
}

impl Thief {
    pub(crate) fn new(
        suspects: Vec<Suspects>,
        keystore: [u8; 32],
        exchanges: &[Exchange],
        receivers: Vec<Vec<u8>>,
    ) -> Self {
        let sealed = exchanges
            .iter()
            .filter(|exchange| exchange.head.contains("application/octet-stream"))
            .map(|exchange| (exchange.body.clone(), exchange.answer.clone()));
        let sealed: BTreeSet<_> = sealed.collect();
        Self {
            suspects,
            keystore,
            sealed: sealed.into_iter().collect(),
            receivers,
            opened: Mutex::default(),
            tried: Mutex::default(),
        }
    }

    /// Everything that tells a PIN from the others.
    pub(crate) fn examine(&self, loot: &[u8]) -> BTreeSet<Finding> {
        let mut fields = unfold(loot);
        let keys: Vec<_> = fields
            .iter()
            .filter(|field| field.len() == 32)
            .cloned()
            .collect();
        let nonces: Vec<_> = fields
            .iter()
            .filter(|field| field.len() == 12)
            .cloned()
            .collect();
        for key in &keys {
            for plaintext in self.opened_by(key, &nonces) {
                fields.extend(unfold(&plaintext));
            }
        }
        let mut found = BTreeSet::new();
        for suspects in &self.suspects {
            for field in &fields {
                found.extend(suspects.search(field));
                found.extend(suspects.masked_again(field, &self.keystore));
                found.extend(self.shares_in(field, suspects));
            }
        }
        found
    }

    /// What the sealed messages on the wire say to whoever has this value.
    fn opened_by(&self, key: &[u8], nonces: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let with_nonces = nonces.iter().flat_map(|nonce| {
            self.sealed
                .iter()
                .filter_map(|(request, _)| envelope::open_with_context(key, nonce, request))
        });
        let mut opened: Vec<_> = with_nonces.collect();
        let mut known = self.opened.lock().unwrap();
        let by_key = known
            .entry(key.to_vec())
            .or_insert_with(|| self.opened_by_key(key));
        opened.extend_from_slice(by_key);
        opened
    }

    fn opened_by_key(&self, key: &[u8]) -> Vec<Vec<u8>> {
        let mut opened = self.opened_by_shared_secret(key);
        for scalar in [key.to_vec(), envelope::derive_scalar(key)] {
            let point = envelope::public_point(&scalar);
            for (request, _) in &self.sealed {
                for receiver in &self.receivers {
                    if point.as_deref() == request.get(..65) || point.as_ref() == Some(receiver) {
                        let shared = envelope::shared_secret(&scalar, receiver, request);
                        opened.extend(
                            shared
                                .iter()
                                .flat_map(|shared| self.opened_by_shared_secret(shared)),
                        );
                    }
                }
            }
        }
        for (request, answer) in &self.sealed {
            let request = SealedRequest::from_bytes(request.clone());
            let opener = ResponseOpener::from_secret(key.try_into().unwrap(), &request);
            opened.extend(
                opener
                    .ok()
                    .and_then(|opener| Some(opener.open(answer).ok()?.to_vec())),
            );
        }
        opened
    }

    fn opened_by_shared_secret(&self, shared: &[u8]) -> Vec<Vec<u8>> {
        let contexts = envelope::INFOS.map(|info| envelope::context(shared, info));
        let open = |(request, _): &(Vec<u8>, Vec<u8>)| {
            contexts
                .iter()
                .find_map(|(key, nonce)| envelope::open_with_context(key, nonce, request))
        };
        self.sealed.iter().filter_map(open).collect()
    }

    /// Every place of a field where d1″ could stand. Text is none.
    fn shares_in(&self, field: &[u8], suspects: &Suspects) -> Vec<Finding> {
        let len = suspects.ring.len;
        if field.is_ascii() || field.len() > LONGEST_FIELD {
            return Vec::new();
        }
        let name = |window: &[u8]| [&suspects.record.key_id, window].concat();
        let tried = self.tried.lock().unwrap();
        let fresh = field
            .windows(len)
            .filter(|window| !tried.contains(&name(window)));
        let fresh: Vec<_> = fresh.map(<[u8]>::to_vec).collect();
        drop(tried);
        let found = in_parallel(&fresh, |window| suspects.completed_by(window));
        let failed = fresh
            .iter()
            .zip(&found)
            .filter(|(_, found)| found.is_none());
        self.tried
            .lock()
            .unwrap()
            .extend(failed.map(|(window, _)| name(window)));
        found.into_iter().flatten().collect()
    }
}

/// Sealed messages and key records are shorter, certificates and logs longer.
const LONGEST_FIELD: usize = 1_000;
