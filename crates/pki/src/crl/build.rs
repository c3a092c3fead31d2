//! A list before it is signed, and its signing.

use der::asn1::{Any, OctetString, Uint};
use der::{Encode, Tag};
use jiff::Timestamp;
use x509_cert::ext::Extension;

use super::parse::{RevocationList, V2};
use super::{MAX_LIST_LEN, RevokedCertificate};
use crate::signer::{SignatureAlgorithm, Signer};
use crate::x509::{BuildError, Certificate, IssueError, SerialNumber, extension_values, time};
use crate::{Revocation, RevocationReason, asn1, oids, signed};

/// A list before it is signed.
pub struct UnsignedRevocationList {
    tbs: Vec<u8>,
    algorithm: SignatureAlgorithm,
    issuer: Certificate,
}

impl UnsignedRevocationList {
    /// Builds a full list: AKI, cRLNumber, expiredCertsOnCRL from the issuer's notBefore (revoked certificates never leave
    /// the list). `this_update` and `next_update` are truncated to the second; the lines are sorted by serial number.
    ///
    /// # Errors
    /// [`BuildError`] if a value has no DER form, a serial number is none or is there twice, the times are not in order, or
    /// the issuer's key signs no lists.
    pub fn build(
        issuer: &Certificate,
        number: u64,
        this_update: Timestamp,
        next_update: Timestamp,
        revoked: &[RevokedCertificate],
    ) -> Result<Self, BuildError> {
        let algorithm = issuer
            .public_key()
            .signature_algorithm()
            .ok_or(BuildError::Unfit("the issuer's key signs no lists"))?;
        if next_update <= this_update {
            return Err(BuildError::Unfit("the list ends before it begins"));
        }
        let entries = entries(revoked)?;
        let tbs = asn1::sequence(&[
            &V2.to_der()?,
            &algorithm.identifier().to_der()?,
            issuer.subject().der(),
            &time::encode(this_update)?.to_der()?,
            &time::encode(next_update)?.to_der()?,
            &entries,
            &asn1::explicit(0, &extensions(issuer, number)?.to_der()?)?,
        ])?;
        // Room for algorithm and signature: what is built can be parsed.
        if tbs.len() + 1024 > MAX_LIST_LEN {
            return Err(BuildError::Unfit("the list is too long"));
        }
        Ok(Self {
            tbs,
            algorithm,
            issuer: issuer.clone(),
        })
    }

    /// The DER `TBSCertList`.
    pub fn tbs_der(&self) -> &[u8] {
        &self.tbs
    }

    /// Signs, reads back, compares and verifies.
    ///
    /// # Errors
    /// [`IssueError`]; no list exists then.
    pub fn sign(&self, signer: &dyn Signer) -> Result<RevocationList, IssueError> {
        let key = self.issuer.public_key();
        let signature = signed::sign(&self.tbs, key, self.algorithm, signer)?;
        let der = signed::assemble(&self.tbs, self.algorithm, &signature, &[])
            .map_err(IssueError::Encoding)?;
        let list = RevocationList::parse(&der)?;
        if list.tbs_der() != self.tbs {
            return Err(IssueError::Changed);
        }
        list.check_issuer(&self.issuer)
            .map_err(|error| IssueError::Unreadable(error.into()))?;
        Ok(list)
    }
}

fn extensions(issuer: &Certificate, number: u64) -> der::Result<Vec<Extension>> {
    let key_identifier = match issuer.subject_key_identifier() {
        Some(identifier) => identifier,
        None => issuer.public_key().key_identifier(),
    };
    // RFC 5280 §5.2: a conforming issuer includes the first two; none of the three is critical.
    Ok(vec![
        extension_values::extension(
            oids::AUTHORITY_KEY_IDENTIFIER,
            false,
            &extension_values::authority_key_identifier(key_identifier)?,
        )?,
        extension_values::extension(oids::CRL_NUMBER, false, &Uint::new(&number.to_be_bytes())?)?,
        extension_values::extension(
            oids::EXPIRED_CERTS_ON_CRL,
            false,
            &time::encode_generalized(issuer.not_before())?,
        )?,
    ])
}

/// The `revokedCertificates` field, sorted by serial number; nothing if there are none (RFC 5280 §5.1.2.6).
fn entries(revoked: &[RevokedCertificate]) -> Result<Vec<u8>, BuildError> {
    let mut lines: Vec<&RevokedCertificate> = revoked.iter().collect();
    lines.sort_unstable_by_key(|line| numeric_order(&line.serial));
    if lines
        .windows(2)
        .any(|pair| matches!(pair, [one, other] if one.serial == other.serial))
    {
        return Err(BuildError::Unfit("a certificate is on the list twice"));
    }
    if lines.is_empty() {
        return Ok(Vec::new());
    }
    let mut reasons = Reasons::default();
    let mut content = Vec::with_capacity(lines.len() * 48);
    for line in lines {
        entry(line, &mut reasons, &mut content)?;
    }
    Ok(asn1::value(Tag::Sequence, &content)?)
}

/// The order of positive numbers without leading zeros.
fn numeric_order(serial: &SerialNumber) -> (usize, &[u8]) {
    (serial.as_bytes().len(), serial.as_bytes())
}

fn entry(
    line: &RevokedCertificate,
    reasons: &mut Reasons,
    content: &mut Vec<u8>,
) -> Result<(), BuildError> {
    let serial = line.serial.as_bytes();
    // RFC 5280 §4.1.2.2: positive, at most 20 octets; with a needless zero in front it is not one we issued.
    let is_positive = match serial {
        [] | [0] | [0x80..=0xff, ..] | [0, 0..=0x7f, ..] => false,
        _ => serial.len() <= 20,
    };
    if !is_positive {
        return Err(BuildError::Unfit("a serial number on the list is none"));
    }
    let Revocation { at, reason } = line.revocation;
    let entry = asn1::sequence(&[
        &asn1::value(Tag::Integer, serial)?,
        &time::encode(at)?.to_der()?,
        reasons.extensions(reason)?,
    ])?;
    content.extend_from_slice(&entry);
    Ok(())
}

/// The extensions of an entry for each reason: a long list has only seven different ones.
#[derive(Default)]
struct Reasons(Vec<(RevocationReason, Vec<u8>)>);

impl Reasons {
    fn extensions(&mut self, reason: RevocationReason) -> der::Result<&[u8]> {
        let at = match self.0.iter().position(|(known, _)| *known == reason) {
            Some(at) => at,
            None => {
                self.0.push((reason, reason_extensions(reason)?));
                self.0.len() - 1
            }
        };
        Ok(self.0.get(at).map_or(&[], |(_, der)| der.as_slice()))
    }
}

fn reason_extensions(reason: RevocationReason) -> der::Result<Vec<u8>> {
    // RFC 5280 §5.3.1: should be absent instead of saying unspecified.
    if reason == RevocationReason::Unspecified {
        return Ok(Vec::new());
    }
    let code = Any::new(Tag::Enumerated, vec![reason.number()])?;
    vec![Extension {
        extn_id: oids::CRL_REASON,
        critical: false,
        extn_value: OctetString::new(code.to_der()?)?,
    }]
    .to_der()
}
