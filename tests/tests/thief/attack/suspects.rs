//! Every PIN of a stolen record with all that would follow from it, indexed, so that any trace of one is found.

use super::{
    number::Ring,
    record::{Record, in_parallel},
};
use device::{Keystore, SoftwareKeystore};
use sha2::{Digest, Sha256, Sha512};
use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

/// A message that the key once raised to its power.
pub(crate) struct Message {
    /// EM, as long as n.
    pub(crate) em: Vec<u8>,
    /// Its root modulo n1, if a finished signature is known.
    pub(crate) root: Option<Vec<u8>>,
    /// The sealed message that carried the power, every field of it granted but s1′ and what follows from s1′.
    pub(crate) body: Option<Body>,
    /// Whether everything is tried that follows from the power, or the power alone: one message of each sort will do.
    pub(crate) thorough: bool,
}

pub(crate) struct Body {
    pub(crate) plaintext: Vec<u8>,
    /// Where s1′ stands.
    pub(crate) s1_at: usize,
    /// The last 64 bytes are the device's signature over all before.
    pub(crate) signed: bool,
}

/// A trace that belongs to one PIN and no other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    pub(crate) pin: String,
    pub(crate) what: &'static str,
}

pub(crate) struct Suspects {
    pub(crate) record: Record,
    pub(crate) pins: Vec<String>,
    /// d1′ by PIN.
    pub(crate) shares: Vec<Vec<u8>>,
    pub(crate) ring: Ring,
    /// The first of them is 2^e, whose root everybody knows.
    pub(crate) messages: Vec<Message>,
    /// s1′ by message and PIN.
    pub(crate) powers: Vec<Vec<Vec<u8>>>,
    traces: HashMap<u64, Trace, BuildHasherDefault<AsIs>>,
}

impl Suspects {
    /// Computes for each PIN: d1′; s1′ of each message; the s1″ that would complete it; the plaintext that would have
    /// been sealed, its device signature; hashes of all of them.
    pub(crate) fn compute(
        record: &Record,
        pins: Vec<String>,
        messages: Vec<Message>,
        keystore: &[u8; 32],
    ) -> Self {
        let ring = Ring::new(&record.n1);
        let shares = record.candidates(&pins, keystore);
        let two = ring.number(2);
        let everybodys = Message {
            em: ring.encrypt(&two),
            root: Some(two),
            body: None,
            thorough: true,
        };
        let messages: Vec<_> = std::iter::once(everybodys).chain(messages).collect();
        let powers: Vec<_> = messages
            .iter()
            .map(|message| {
                let base = ring.reduce(&message.em);
                in_parallel(&shares, |share| ring.pow(&base, share))
            })
            .collect();
        let mut suspects = Self {
            record: record.clone(),
            pins,
            shares,
            ring,
            messages,
            powers,
            traces: HashMap::default(),
        };
        suspects.leave_traces(&SoftwareKeystore::from_secret(keystore));
        suspects
    }

    fn leave_traces(&mut self, keystore: &SoftwareKeystore) {
        let mut traces = Vec::new();
        let every: Vec<u32> = (0..u32::try_from(self.pins.len()).unwrap()).collect();
        traces.extend(in_parallel(&every, |pin| {
            traces_of("d1′", &self.shares[*pin as usize], *pin)
        }));
        for (message, powers) in self.messages.iter().zip(&self.powers) {
            if !message.thorough {
                traces.extend(in_parallel(&every, |pin| {
                    let mut traces = Vec::new();
                    let power = &powers[*pin as usize];
                    power
                        .chunks(16)
                        .for_each(|chunk| pieces("s1′", &chunk[..8], *pin, &mut traces));
                    digests("s1′", power, *pin, &mut traces);
                    traces
                }));
                continue;
            }
            traces.extend(in_parallel(&every, |pin| {
                traces_of("s1′", &powers[*pin as usize], *pin)
            }));
            if let Some(root) = &message.root {
                let inverses = self.ring.invert_all(powers);
                traces.extend(in_parallel(&every, |pin| {
                    let missing = self.ring.mul(root, &inverses[*pin as usize]);
                    traces_of("s1″", &missing, *pin)
                }));
            }
            let Some(body) = &message.body else { continue };
            traces.extend(in_parallel(&every, |pin| {
                let mut plaintext = body.plaintext.clone();
                plaintext[body.s1_at..][..self.ring.len].copy_from_slice(&powers[*pin as usize]);
                let mut traces = Vec::new();
                if body.signed {
                    plaintext.truncate(plaintext.len() - 64);
                    digests("hash of the plaintext body", &plaintext, *pin, &mut traces);
                    // The signature is deterministic (RFC 6979), and the thief has the key.
                    let signature = keystore.sign(&plaintext);
                    pieces("devSig", &signature, *pin, &mut traces);
                    digests("hash of devSig", &signature, *pin, &mut traces);
                    plaintext.extend(signature);
                }
                digests("hash of the plaintext body", &plaintext, *pin, &mut traces);
                traces
            }));
        }
        self.traces = traces.into_iter().flatten().collect();
    }

    /// Every trace of a PIN in these bytes.
    pub(crate) fn search<'a>(&'a self, bytes: &'a [u8]) -> impl Iterator<Item = Finding> + 'a {
        let mut window = 0_u64;
        bytes.iter().enumerate().filter_map(move |(index, byte)| {
            window = window << 8 | u64::from(*byte);
            let trace = self.traces.get(&window).filter(|_| index >= 7)?;
            Some(self.finding(trace.pin.into(), trace.what()))
        })
    }

    /// Whether this number is the server's share for one of the PINs: then 2^(e·d1′)·2^(e·d1″) = 2.
    pub(crate) fn completed_by(&self, server_share: &[u8]) -> Option<Finding> {
        let base = self.ring.reduce(&self.messages[0].em);
        let power = self.ring.pow(&base, server_share);
        let found = self.search(&power).next()?;
        Some(Finding {
            what: "d1″",
            ..found
        })
    }

    /// Whether a share is all of d1, or all but a small number: splitkey.md §1.1, (m^{d1′})^e = m.
    pub(crate) fn complete_alone(&self) -> Vec<Finding> {
        let base = self.ring.reduce(&self.messages[0].em);
        let mut power = self.ring.number(1);
        let mut found = Vec::new();
        for _ in 0..=splitkey::PUBLIC_EXPONENT {
            found.extend(self.search(&power).take(1));
            power = self.ring.mul(&power, &base);
        }
        found
    }

    /// Whether another masking of the same share is in these bytes: two PINs in 2·10⁴ trials.
    pub(crate) fn masked_again(&self, bytes: &[u8], keystore: &[u8; 32]) -> Vec<Finding> {
        let starts = bytes
            .windows(4)
            .enumerate()
            .filter(|(_, window)| window == b"SKC1");
        let others = starts
            .filter_map(|(at, _)| Record::read(&bytes[at..], keystore))
            .filter(|other| other.n1 == self.record.n1 && !other.is_same_masking(&self.record));
        let mut found = Vec::new();
        for other in others {
            for share in other.candidates(&self.pins, keystore) {
                found.extend(self.search(&share).take(1));
            }
        }
        found
    }

    /// PINs whose share or powers are no random string among random strings.
    pub(crate) fn outliers(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        for strings in std::iter::once(&self.shares).chain(&self.powers) {
            let (bits, bytes) = (8.0 * strings[0].len() as f64, strings[0].len() as f64);
            // A power is below n1, so only shares have a leading byte of any value.
            let whole = std::ptr::eq(strings, &self.shares);
            for (pin, string) in (0..).zip(strings) {
                let ones = string
                    .iter()
                    .map(|byte| f64::from(byte.count_ones()))
                    .sum::<f64>();
                let sum = string.iter().map(|byte| f64::from(*byte)).sum::<f64>();
                let zeros = string.iter().filter(|byte| **byte == 0).count() as f64;
                let leading = string.iter().take_while(|byte| **byte == 0).count();
                let repeated = string.windows(2).filter(|pair| pair[0] == pair[1]).count() as f64;
                let strange = far(ones, bits / 2.0, bits / 4.0)
                    || (whole && far(sum, 127.5 * bytes, bytes * (65_536.0 - 1.0) / 12.0))
                    || zeros > 12.0
                    || repeated > 12.0
                    || leading > 5;
                if strange {
                    found.push(self.finding(pin, "statistics"));
                }
            }
        }
        found
    }

    /// χ² of all bytes of all shares over the 256 values, as standard deviations from its mean.
    pub(crate) fn deviation(&self) -> f64 {
        let mut counts = [0_u32; 256];
        self.shares
            .iter()
            .flatten()
            .for_each(|byte| counts[usize::from(*byte)] += 1);
        let expected = f64::from(counts.iter().sum::<u32>()) / 256.0;
        let chi: f64 = counts
            .iter()
            .map(|count| (f64::from(*count) - expected).powi(2) / expected)
            .sum();
        (chi - 255.0) / (2.0_f64 * 255.0).sqrt()
    }

    fn finding(&self, pin: u32, what: &'static str) -> Finding {
        Finding {
            pin: self.pins[pin as usize].clone(),
            what,
        }
    }
}

/// Six standard deviations: not in a million million honest candidates.
fn far(value: f64, mean: f64, variance: f64) -> bool {
    (value - mean).powi(2) > 64.0 * variance
}

/// Whose an eight-byte piece is. Small, for there are millions.
#[derive(Clone, Copy)]
struct Trace {
    pin: u16,
    what: u8,
}

impl Trace {
    fn new(pin: u32, what: &'static str) -> Self {
        let what = WHATS.iter().position(|known| *known == what).unwrap();
        Self {
            pin: pin.try_into().unwrap(),
            what: what.try_into().unwrap(),
        }
    }

    fn what(self) -> &'static str {
        WHATS[usize::from(self.what)]
    }
}

const WHATS: [&str; 6] = [
    "d1′",
    "s1′",
    "s1″",
    "devSig",
    "hash of devSig",
    "hash of the plaintext body",
];

/// Pieces of candidates are random already.
#[derive(Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only numbers are hashed")
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

type Traces = Vec<(u64, Trace)>;

/// Traces of the value in both byte orders, and of its hashes.
fn traces_of(what: &'static str, value: &[u8], pin: u32) -> Traces {
    let mut traces = Vec::new();
    pieces(what, value, pin, &mut traces);
    let reversed: Vec<u8> = value.iter().rev().copied().collect();
    pieces(what, &reversed, pin, &mut traces);
    digests(what, value, pin, &mut traces);
    traces
}

/// Every eighth window of eight bytes: whoever leaves 15 bytes in a row anywhere leaves one of them.
fn pieces(what: &'static str, value: &[u8], pin: u32, traces: &mut Traces) {
    traces.extend(
        value
            .chunks_exact(8)
            .map(|piece| (number(piece), Trace::new(pin, what))),
    );
}

/// The beginnings of its hashes: of the ones that the protocol uses.
fn digests(what: &'static str, value: &[u8], pin: u32, traces: &mut Traces) {
    let token = [b"splitkey/token-hash/v1", value].concat();
    for digest in [
        Sha256::digest(value).to_vec(),
        Sha512::digest(value).to_vec(),
        Sha256::digest(&token).to_vec(),
    ] {
        traces.push((number(&digest[..8]), Trace::new(pin, what)));
    }
}

fn number(piece: &[u8]) -> u64 {
    u64::from_be_bytes(piece.try_into().unwrap())
}
