//! Keys whose private parts are published in this software's own source code, for the accounts of test labs.
//!
//! They must never be anybody's: the server refuses them at registration and again before one is used, unless
//! [`Policy::fixture_keys`](crate::Policy::fixture_keys) says that everybody here is invented.

use sha2::{Digest, Sha256};
use std::{collections::HashSet, sync::LazyLock};

/// SHA-256 of each published n1, hexadecimal, one a line; `server` has the primes and a test that both files agree.
const FINGERPRINTS: &str = include_str!("fixture_keys.txt");

/// The fingerprints of all published moduli.
pub fn fingerprints() -> impl Iterator<Item = &'static str> {
    FINGERPRINTS.lines()
}

/// Whether everybody knows the primes of this modulus of a phone.
#[must_use]
pub fn is_published(n1: &[u8]) -> bool {
    static PUBLISHED: LazyLock<HashSet<&str>> = LazyLock::new(|| fingerprints().collect());
    PUBLISHED.contains(crate::service::hex(&Sha256::digest(n1)).as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_fingerprint_and_there_is_none_twice() {
        let all: HashSet<_> = fingerprints().collect();
        assert_eq!(all.len(), fingerprints().count());
        assert!(all.len() >= 2);
        for line in all {
            assert_eq!(line.len(), 64);
            assert!(
                line.bytes()
                    .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
            );
        }
    }

    #[test]
    fn another_modulus_is_not_published() {
        assert!(!is_published(&[0xb7; 384]));
        assert!(!is_published(&[]));
    }
}
