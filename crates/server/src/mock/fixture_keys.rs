//! The phones' halves of the documented accounts' keys, published: making them anew would take a second each.

use base64ct::{Base64, Encoding};
use device::PublishedPrimes;
use engine::domain::PerPurpose;
use wire::DocumentNumber;

/// Document number and base64 of the four primes, one account a line. `cargo run --example fixture_keys` adds lines.
const KEYS: &str = include_str!("fixture_keys.txt");

/// The primes of both keys of a documented account.
#[must_use]
pub fn of(number: &DocumentNumber) -> Option<PerPurpose<PublishedPrimes>> {
    let number = number.to_string();
    KEYS.lines().find_map(|line| {
        let (of, primes) = line.split_once(' ')?;
        (of == number).then(|| parse(primes))?
    })
}

fn parse(text: &str) -> Option<PerPurpose<PublishedPrimes>> {
    let bytes = Base64::decode_vec(text).ok()?;
    let mut primes = bytes.chunks_exact(bytes.len() / 4).map(<[u8]>::to_vec);
    let mut pair = || {
        Some(PublishedPrimes {
            p: primes.next()?,
            q: primes.next()?,
        })
    };
    Some(PerPurpose {
        authentication: pair()?,
        signature: pair()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mock::documented;
    use sha2::{Digest, Sha256};
    use std::collections::BTreeSet;

    #[test]
    fn the_engine_refuses_exactly_these_keys() {
        let moduli: Vec<_> = documented::accounts()
            .iter()
            .flat_map(|account| {
                let keys = of(&account.number).expect("every documented account has keys");
                [keys.authentication.modulus(), keys.signature.modulus()]
            })
            .collect();
        let fingerprints: BTreeSet<_> = moduli
            .iter()
            .map(|n1| hex::encode(Sha256::digest(n1)))
            .collect();
        assert_eq!(fingerprints.len(), moduli.len(), "no key twice");
        let known: BTreeSet<_> = engine::fixture_keys::fingerprints()
            .map(str::to_owned)
            .collect();
        assert_eq!(fingerprints, known);
        assert!(
            moduli
                .iter()
                .all(|n1| engine::fixture_keys::is_published(n1))
        );
        assert_eq!(KEYS.lines().count(), documented::accounts().len());
    }
}
