//! The second look at a certificate before it is signed, from its bytes and the rules, not from the builder's memory; and
//! the look at one that was issued.

mod extension_rules;
mod finding;
mod key_rules;
mod second_parser;
mod subject_rules;

use jiff::Timestamp;

pub(super) use extension_rules::is_address;
pub use finding::LintFinding;

use super::authority::{ISSUING_CA_LIFETIME, IssuingCa, ROOT_LIFETIME};
use super::certificate::{Certificate, Facts};
use super::end_entity::{Issuer, UnsignedCertificate};
use super::issue::Linted;
use super::profile::Profile;
use super::services::{LIST_SIGNER_LIFETIME, RESPONDER_LIFETIME, UNIT_LIFETIME};
use super::tbs::VERSION_3;
use super::time::{self, END_ENTITY_LIFETIME};

/// RFC 5280 §4.1.2.2: at most 20 octets.
const MAX_SERIAL_LEN: usize = 20;
/// CA/Browser Forum BR §7.1: at least 64 bits; ours are 126 or more.
const MIN_SERIAL_BITS: usize = 64;

/// Reads a certificate's bytes afresh and checks every rule of its profile; then signs it with a throw-away key, and lets
/// another parser read the whole. What passes can be signed.
///
/// # Errors
/// All findings, in the order of the certificate's fields. Our own builder made it, so each is a fault of ours or of the
/// values we were given.
pub fn lint(certificate: &UnsignedCertificate) -> Result<Linted, Vec<LintFinding>> {
    let issuer = &certificate.issuer;
    let facts = judge(&certificate.tbs, certificate.profile, issuer)?;
    let algorithm = issuer
        .public_key
        .signature_algorithm()
        .ok_or_else(|| vec![LintFinding::SignatureAlgorithm])?;
    if !second_parser::reads_with_throw_away_signature(&certificate.tbs, algorithm, &facts) {
        return Err(vec![LintFinding::SecondParser]);
    }
    Ok(Linted {
        tbs: certificate.tbs.clone(),
        serial: facts.serial,
        algorithm,
        issuer: issuer.clone(),
    })
}

/// Checks an *issued* certificate of this authority from its bytes: every rule of its profile, the second parser, and the
/// signature. For whoever looks through what was issued, long after.
///
/// # Errors
/// All findings.
pub fn relint(
    certificate: &Certificate,
    profile: Profile,
    issuer: &IssuingCa,
) -> Result<(), Vec<LintFinding>> {
    let mut findings = match judge(certificate.tbs_der(), profile, &Issuer::of(issuer)) {
        Ok(facts) if second_parser::reads(certificate.der(), &facts) => Vec::new(),
        Ok(_) => vec![LintFinding::SecondParser],
        Err(findings) => findings,
    };
    if let Err(error) = certificate.verify_signature(issuer.certificate().public_key()) {
        findings.push(LintFinding::Signature(error));
    }
    if findings.is_empty() {
        Ok(())
    } else {
        Err(findings)
    }
}

fn judge(tbs: &[u8], profile: Profile, issuer: &Issuer) -> Result<Facts, Vec<LintFinding>> {
    let facts = Facts::read(tbs).map_err(|error| vec![LintFinding::Unreadable(error)])?;
    let mut findings = Vec::new();
    check_header(&facts, &mut findings);
    check_algorithm(&facts, issuer, &mut findings);
    check_validity(&facts, profile, issuer, &mut findings);
    subject_rules::check(&facts, profile, issuer, &mut findings);
    key_rules::check(&facts, profile, &mut findings);
    extension_rules::check(&facts, profile, issuer, &mut findings);
    if findings.is_empty() {
        Ok(facts)
    } else {
        Err(findings)
    }
}

fn check_header(facts: &Facts, findings: &mut Vec<LintFinding>) {
    if facts.version != VERSION_3 {
        findings.push(LintFinding::Version);
    }
    let serial = facts.serial.as_bytes();
    // RFC 5280 §4.1.2.2: positive; DER gives a negative number a set top bit and zero a single zero octet.
    match serial {
        [first, ..] if *first >= 0x80 => findings.push(LintFinding::SerialNotPositive),
        [0] => findings.push(LintFinding::SerialNotPositive),
        _ => {
            if serial.len() > MAX_SERIAL_LEN {
                findings.push(LintFinding::SerialTooLong);
            }
            if bit_length(serial) < MIN_SERIAL_BITS {
                findings.push(LintFinding::SerialTooShort);
            }
        }
    }
}

fn check_algorithm(facts: &Facts, issuer: &Issuer, findings: &mut Vec<LintFinding>) {
    let expected = issuer
        .public_key
        .signature_algorithm()
        .map(|algorithm| algorithm.identifier());
    if expected.as_ref() != Some(&facts.signature_algorithm) {
        findings.push(LintFinding::SignatureAlgorithm);
    }
    if facts.issuer != issuer.name {
        findings.push(LintFinding::IssuerName);
    }
}

fn check_validity(
    facts: &Facts,
    profile: Profile,
    issuer: &Issuer,
    findings: &mut Vec<LintFinding>,
) {
    let proper = |time, instant: Timestamp| time::has_proper_tag(time, instant);
    if !proper(&facts.validity.not_before, facts.not_before)
        || !proper(&facts.validity.not_after, facts.not_after)
    {
        findings.push(LintFinding::TimeEncoding);
    }
    let lifetime = match profile {
        Profile::RootCa => ROOT_LIFETIME,
        Profile::IssuingCa => ISSUING_CA_LIFETIME,
        Profile::EndEntity(_) => END_ENTITY_LIFETIME,
        Profile::OcspResponder => RESPONDER_LIFETIME,
        Profile::TimeStampingUnit => UNIT_LIFETIME,
        Profile::ListSigner => LIST_SIGNER_LIFETIME,
    };
    let found = facts.not_before.duration_until(facts.not_after);
    // An authority's last responder ends with it: its certificates are asked about to the end. So do the last authorities
    // and units below a root.
    let may_end_with_issuer = matches!(
        profile,
        Profile::OcspResponder | Profile::IssuingCa | Profile::TimeStampingUnit
    );
    let ends_with_issuer = may_end_with_issuer
        && found < lifetime
        && found.is_positive()
        && issuer
            .validity
            .is_some_and(|(_, last)| facts.not_after == last);
    if found != lifetime && !ends_with_issuer {
        findings.push(LintFinding::Lifetime);
    }
    if issuer
        .validity
        .is_some_and(|(first, last)| facts.not_before < first || facts.not_after > last)
    {
        findings.push(LintFinding::OutsideIssuerValidity);
    }
}

/// The length in bits of a big-endian number.
fn bit_length(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|octet| **octet == 0).count();
    let rest = number.get(zeros..).unwrap_or_default();
    rest.first()
        .map_or(0, |first| rest.len() * 8 - first.leading_zeros() as usize)
}

#[cfg(test)]
mod tests;
