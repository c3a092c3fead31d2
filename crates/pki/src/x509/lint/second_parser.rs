//! A second opinion: x509-cert's own reading of the whole certificate, signature included.

use der::{Decode, Encode};
use p256::ecdsa::signature::Signer;

use crate::signed;
use crate::signer::SignatureAlgorithm;
use crate::x509::certificate::Facts;
use crate::x509::tbs;

/// Whether x509-cert reads this TBSCertificate as we do, once it is signed with a key that everybody knows: of the issuer's
/// kind, so that lengths and algorithm are those of the real certificate. What was signed with it never leaves here.
pub(super) fn reads_with_throw_away_signature(
    tbs: &[u8],
    algorithm: SignatureAlgorithm,
    facts: &Facts,
) -> bool {
    throw_away_signature(tbs, algorithm)
        .and_then(|signature| signed::assemble(tbs, algorithm, &signature, &[]).ok())
        .is_some_and(|der| reads(&der, facts))
}

/// Whether x509-cert reads this certificate as we do, and would write the same bytes.
pub(super) fn reads(certificate: &[u8], facts: &Facts) -> bool {
    let Ok(read) = x509_cert::Certificate::from_der(certificate) else {
        return false;
    };
    let tbs = read.tbs_certificate();
    let same = |part: der::Result<Vec<u8>>, ours: &[u8]| part.is_ok_and(|part| part == ours);
    let validity = tbs.validity();
    let seconds = |time: x509_cert::time::Time| time.to_unix_duration().as_secs();
    let ours = |time: jiff::Timestamp| u64::try_from(time.as_second()).ok();
    let extensions = tbs.extensions().map_or(&[][..], Vec::as_slice);
    same(read.to_der(), certificate)
        && tbs.serial_number().as_bytes() == facts.serial.as_bytes()
        && same(tbs.issuer().to_der(), facts.issuer.der())
        && same(tbs.subject().to_der(), facts.subject.der())
        && same(
            tbs.subject_public_key_info().to_der(),
            facts.public_key.spki_der(),
        )
        && same(
            validity.not_before.to_der(),
            &tbs::bytes_of(&facts.validity.not_before),
        )
        && same(
            validity.not_after.to_der(),
            &tbs::bytes_of(&facts.validity.not_after),
        )
        && Some(seconds(validity.not_before)) == ours(facts.not_before)
        && Some(seconds(validity.not_after)) == ours(facts.not_after)
        && extensions
            .iter()
            .map(|extension| (extension.extn_id, extension.critical))
            .eq(facts.extensions.order.iter().copied())
}

/// Deterministic ECDSA (RFC 6979) under the scalar 1: the public key is the curve's own generator.
fn throw_away_signature(message: &[u8], algorithm: SignatureAlgorithm) -> Option<Vec<u8>> {
    fn one<const N: usize>() -> [u8; N] {
        let mut scalar = [0; N];
        if let Some(last) = scalar.last_mut() {
            *last = 1;
        }
        scalar
    }
    match algorithm {
        SignatureAlgorithm::EcdsaSha256 => {
            let key = p256::ecdsa::SigningKey::from_slice(&one::<32>()).ok()?;
            let signature: p256::ecdsa::Signature = key.sign(message);
            Some(signature.to_der().as_bytes().to_vec())
        }
        SignatureAlgorithm::EcdsaSha384 => {
            let key = p384::ecdsa::SigningKey::from_slice(&one::<48>()).ok()?;
            let signature: p384::ecdsa::Signature = key.sign(message);
            Some(signature.to_der().as_bytes().to_vec())
        }
        SignatureAlgorithm::EcdsaSha512 => {
            let key = p521::ecdsa::SigningKey::from_slice(&one::<66>()).ok()?;
            let signature: p521::ecdsa::Signature = key.sign(message);
            Some(signature.to_der().as_bytes().to_vec())
        }
        // No certificate of ours is signed with RSA.
        SignatureAlgorithm::RsaSha256 | SignatureAlgorithm::RsaSha512 => None,
    }
}
