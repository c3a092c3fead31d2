//! What a phone's keys are, computed again from the randomness that it drew.

use crypto_bigint::{BoxedUint, Gcd, Limb, NonZero, Resize};
use rand_core::{Infallible, TryCryptoRng, TryRng};
use splitkey::{ClientHalf, Profile};
use std::{collections::VecDeque, fs, path::Path};

/// Length of d1′ in profile 3 (splitkey.md §1).
const SHARE_LEN: usize = 400;

/// What splitkey's health test of the generator draws before it makes a key, and nobody else draws.
const TESTED: usize = 1024;

/// Both keys' secrets, each with its name.
pub(crate) struct Secrets(Vec<(String, Vec<u8>)>);

impl Secrets {
    /// Makes the keys again from what `watch.c` wrote down, if they were made.
    pub(crate) fn replay(random: &Path) -> Option<Self> {
        let draws = draws(&fs::read(random).unwrap_or_default());
        let indices_of = |length| {
            let is =
                move |(index, draw): (usize, &Vec<u8>)| (draw.len() == length).then_some(index);
            draws.iter().enumerate().filter_map(is).collect::<Vec<_>>()
        };
        let starts = indices_of(TESTED);
        // The last draw of a key is d1′.
        if starts.len() < 2 || indices_of(SHARE_LEN).last() < starts.last() {
            return None;
        }
        assert_eq!(starts.len(), 2, "a phone makes two keys");
        let mut secrets = Vec::new();
        for (start, key) in starts.into_iter().zip(["authentication", "signature"]) {
            let mut replay = Replay {
                draws: draws[start..].iter().cloned().collect(),
                share: Vec::new(),
            };
            let half = ClientHalf::generate(Profile::Rsa6144, &mut |_| (), &mut replay)
                .expect("the same randomness makes the same key");
            let (client, server) = (replay.share, half.server_share.expose_secret().to_vec());
            let private = Private::of(half.n1.as_bytes(), &client, &server);
            secrets.extend([
                (format!("d1′ {key}"), client),
                (format!("d1″ {key}"), server),
                (format!("d1 {key}"), private.exponent),
                (format!("p1 {key}"), private.p),
                (format!("q1 {key}"), private.q),
            ]);
        }
        Some(Self(secrets))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0
            .iter()
            .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
    }
}

fn draws(mut log: &[u8]) -> Vec<Vec<u8>> {
    let mut draws = Vec::new();
    while let Some((length, rest)) = log.split_first_chunk() {
        let (draw, rest) = rest.split_at(u32::from_ne_bytes(*length) as usize);
        draws.push(draw.to_vec());
        log = rest;
    }
    draws
}

/// Gives the same draws once more.
struct Replay {
    draws: VecDeque<Vec<u8>>,
    /// The last one of d1′'s length: d1′ is uniformly random bytes (splitkey.md §2).
    share: Vec<u8>,
}

impl TryRng for Replay {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_ne_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_ne_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        let draw = self.draws.pop_front().expect("as many draws as before");
        bytes.copy_from_slice(&draw);
        if draw.len() == SHARE_LEN {
            self.share = draw;
        }
        Ok(())
    }
}

impl TryCryptoRng for Replay {}

/// What the two shares give together.
struct Private {
    exponent: Vec<u8>,
    p: Vec<u8>,
    q: Vec<u8>,
}

impl Private {
    /// Factors n1 with a multiple of φ(n1), which e·(d1′ + d1″) − 1 is exactly if these are the shares.
    fn of(n1: &[u8], client: &[u8], server: &[u8]) -> Self {
        let bits = 8 * 1024;
        let read = |bytes: &[u8]| BoxedUint::from_be_slice_truncated(bytes, bits);
        let modulus = modexp::Modulus::new(n1).expect("n1 is odd");
        let (client, server, n) = (read(client), read(server), read(n1));
        let sum = client.wrapping_add(&server);
        let multiple = sum
            .wrapping_mul(BoxedUint::from(65_537_u32).resize_unchecked(bits))
            .wrapping_sub(Limb::ONE);
        let odd = multiple.shr(multiple.trailing_zeros());
        let factor = (2_u8..=u8::MAX)
            .find_map(|base| {
                let mut power = modulus.pow_secret(&[base], &odd.to_be_bytes()).ok()?;
                for _ in 0..=multiple.trailing_zeros() {
                    let before = read(&power).wrapping_sub(Limb::ONE);
                    let factor = before.gcd_vartime(&n);
                    if factor != n && factor.bit_width() > 1 {
                        return Some(factor);
                    }
                    power = modulus.mul(&power, &power).ok()?;
                }
                None
            })
            .expect("the shares are those of n1");
        let other = n.wrapping_div(&NonZero::new(factor.clone()).expect("a factor"));
        let phi = factor
            .wrapping_sub(Limb::ONE)
            .wrapping_mul(other.wrapping_sub(Limb::ONE));
        let exponent = sum.rem(&NonZero::new(phi).expect("a product"));
        let write = |number: &BoxedUint, length: usize| {
            let bytes = number.to_be_bytes();
            bytes[bytes.len() - length..].to_vec()
        };
        Self {
            exponent: write(&exponent, n1.len()),
            p: write(&factor, n1.len() / 2),
            q: write(&other, n1.len() / 2),
        }
    }
}
