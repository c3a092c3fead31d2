//! The subject's public key.

use super::{LintFinding, bit_length};
use crate::public_key::RSA_PUBLIC_EXPONENT;
use crate::signer::SignatureAlgorithm;
use crate::x509::certificate::Facts;
use crate::x509::profile::Profile;

/// ETSI TS 119 312 no longer allows less. The test profile of the split keys has 1024 bits, in debug builds that ask for it.
pub(super) const MIN_MODULUS_BITS: usize = if cfg!(all(feature = "test-profile", debug_assertions))
{
    1023
} else {
    2048
};

/// ETSI TS 119 312 §7.2: for what is made from 2025 on. A responder's key is new with us.
const MIN_RESPONDER_BITS: usize = 3072;

/// Longer moduli are refused by common verifiers.
pub(super) const MAX_MODULUS_BITS: usize = 8192;

/// CA/Browser Forum BR §6.1.6: the modulus should have no factors smaller than 752.
const SMALL_FACTOR_LIMIT: u64 = 752;

pub(super) fn check(facts: &Facts, profile: Profile, findings: &mut Vec<LintFinding>) {
    let key = &facts.public_key;
    match profile {
        Profile::RootCa | Profile::IssuingCa | Profile::TimeStampingUnit | Profile::ListSigner => {
            if key.signature_algorithm() != Some(SignatureAlgorithm::EcdsaSha384) {
                findings.push(LintFinding::KeyKind);
            }
        }
        Profile::OcspResponder => match (key.rsa_modulus(), key.rsa_exponent()) {
            (Some(modulus), Some(exponent)) => {
                check_rsa(modulus, exponent, MIN_RESPONDER_BITS, findings)
            }
            _ if key.signature_algorithm().is_some() => {}
            _ => findings.push(LintFinding::KeyKind),
        },
        Profile::EndEntity(_) => match (key.rsa_modulus(), key.rsa_exponent()) {
            (Some(modulus), Some(exponent)) => {
                check_rsa(modulus, exponent, MIN_MODULUS_BITS, findings)
            }
            _ => findings.push(LintFinding::KeyKind),
        },
    }
}

fn check_rsa(modulus: &[u8], exponent: &[u8], min_bits: usize, findings: &mut Vec<LintFinding>) {
    if !exponent.iter().eq(RSA_PUBLIC_EXPONENT
        .to_be_bytes()
        .iter()
        .skip_while(|octet| **octet == 0))
    {
        findings.push(LintFinding::PublicExponent);
    }
    let bits = bit_length(modulus);
    if !(min_bits..=MAX_MODULUS_BITS).contains(&bits) {
        findings.push(LintFinding::ModulusLength(bits));
    }
    if modulus.last().is_none_or(|last| last % 2 == 0) {
        findings.push(LintFinding::ModulusEven);
    } else if has_small_factor(modulus) {
        findings.push(LintFinding::ModulusSmallFactor);
    }
}

/// Whether an odd number has a prime factor below [`SMALL_FACTOR_LIMIT`].
pub(super) fn has_small_factor(modulus: &[u8]) -> bool {
    let words: Vec<u64> = modulus
        .rchunks(4)
        .rev()
        .map(|chunk| {
            chunk
                .iter()
                .fold(0, |word, octet| word << 8 | u64::from(*octet))
        })
        .collect();
    let remainder = |prime: u64| {
        words
            .iter()
            .fold(0, |rest, word| (rest << 32 | word) % prime)
    };
    odd_primes_below(SMALL_FACTOR_LIMIT).any(|prime| remainder(prime) == 0)
}

fn odd_primes_below(limit: u64) -> impl Iterator<Item = u64> {
    let is_prime = |number: &u64| {
        (3..*number)
            .take_while(|divisor| divisor * divisor <= *number)
            .all(|d| !number.is_multiple_of(d))
    };
    (3..limit).step_by(2).filter(is_prime)
}
