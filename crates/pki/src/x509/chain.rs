//! The check of a path of three: person, issuing authority, root.

use const_oid::ObjectIdentifier;
use jiff::Timestamp;
use thiserror::Error;

use super::certificate::Certificate;
use crate::public_key::VerificationError;

/// A path that verified: the person's certificate may be relied on, as far as it is not revoked.
#[derive(Debug, Clone, Copy)]
pub struct VerifiedChain<'a> {
    end_entity: &'a Certificate,
}

impl<'a> VerifiedChain<'a> {
    /// The certificate at the end of the path.
    pub fn end_entity(&self) -> &'a Certificate {
        self.end_entity
    }
}

/// Verifies `end_entity` ← `issuer` ← `root` at the instant `at`: signatures, names, validity, basic constraints, key usage,
/// key identifiers, no unknown critical extension (RFC 5280 §6.1, for a path of this one shape).
///
/// `root` is trusted because the caller passes it. Revocation, policies and name constraints are not looked at (critical
/// name constraints make the path fail). RSA-signed certificates are refused.
///
/// # Errors
/// [`ChainError`] with the certificate at fault.
pub fn verify_chain<'a>(
    end_entity: &'a Certificate,
    issuer: &Certificate,
    root: &Certificate,
    at: Timestamp,
) -> Result<VerifiedChain<'a>, ChainError> {
    check_authority(root, ChainLink::Root, 1, at)?;
    check_issued_by(root, ChainLink::Root, root)?;
    check_authority(issuer, ChainLink::Issuer, 0, at)?;
    check_issued_by(issuer, ChainLink::Issuer, root)?;
    check_common(end_entity, ChainLink::EndEntity, at)?;
    if end_entity.is_ca() {
        return Err(ChainError::EndEntityIsAuthority);
    }
    check_issued_by(end_entity, ChainLink::EndEntity, issuer)?;
    Ok(VerifiedChain { end_entity })
}

/// `authorities_below`: how many intermediate authorities the path has below this one.
fn check_authority(
    certificate: &Certificate,
    link: ChainLink,
    authorities_below: u8,
    at: Timestamp,
) -> Result<(), ChainError> {
    check_common(certificate, link, at)?;
    // RFC 5280 §6.1.4 (k), (l), (n).
    let constraints = certificate
        .basic_constraints()
        .filter(|constraints| constraints.ca);
    let constraints = constraints.ok_or(ChainError::NotAnAuthority(link))?;
    if constraints
        .path_len_constraint
        .is_some_and(|limit| limit < authorities_below)
    {
        return Err(ChainError::PathTooLong(link));
    }
    if !certificate
        .key_usage()
        .is_some_and(|usage| usage.key_cert_sign())
    {
        return Err(ChainError::MayNotSignCertificates(link));
    }
    Ok(())
}

fn check_common(
    certificate: &Certificate,
    link: ChainLink,
    at: Timestamp,
) -> Result<(), ChainError> {
    if at < certificate.not_before() {
        return Err(ChainError::NotYetValid(link));
    }
    if !certificate.is_valid_at(at) {
        return Err(ChainError::Expired(link));
    }
    // RFC 5280 §4.2: a critical extension that is not recognised refuses the certificate.
    if let Some(oid) = certificate.facts.extensions.unknown_critical().next() {
        return Err(ChainError::UnknownCriticalExtension { link, oid });
    }
    Ok(())
}

fn check_issued_by(
    certificate: &Certificate,
    link: ChainLink,
    issuer: &Certificate,
) -> Result<(), ChainError> {
    if certificate.issuer() != issuer.subject() {
        return Err(ChainError::OtherIssuer(link));
    }
    // RFC 5280 §4.2.1.1: if both name the key, they must name the same one.
    if let (Some(authority), Some(subject)) = (
        certificate.authority_key_identifier(),
        issuer.subject_key_identifier(),
    ) && authority != subject
    {
        return Err(ChainError::OtherIssuerKey(link));
    }
    // Neither our authorities nor SK's since 2021 sign with RSA, and nobody vouches here for what older ones did.
    if issuer.public_key().signature_algorithm().is_none() {
        let source = VerificationError::UnsupportedKey;
        return Err(ChainError::Signature { link, source });
    }
    certificate
        .verify_signature(issuer.public_key())
        .map_err(|source| ChainError::Signature { link, source })
}

/// A certificate's place in the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChainLink {
    /// The person's.
    EndEntity,
    /// The issuing authority's.
    Issuer,
    /// The trust anchor.
    Root,
}

impl std::fmt::Display for ChainLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::EndEntity => "the end-entity certificate",
            Self::Issuer => "the issuing authority's certificate",
            Self::Root => "the root certificate",
        })
    }
}

/// Why a path does not verify.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ChainError {
    /// Validity has not begun.
    #[error("{0} is not valid yet")]
    NotYetValid(ChainLink),
    /// Validity is over.
    #[error("{0} has expired")]
    Expired(ChainLink),
    /// A critical extension nobody here understands.
    #[error("{link} has an unknown critical extension {oid}")]
    UnknownCriticalExtension {
        /// Where.
        link: ChainLink,
        /// Which.
        oid: ObjectIdentifier,
    },
    /// basicConstraints do not say cA.
    #[error("{0} is not an authority's")]
    NotAnAuthority(ChainLink),
    /// The person's certificate is an authority's.
    #[error("the end-entity certificate is an authority's")]
    EndEntityIsAuthority,
    /// pathLenConstraint is exceeded.
    #[error("the path below {0} is longer than allowed")]
    PathTooLong(ChainLink),
    /// keyUsage lacks keyCertSign.
    #[error("{0} may not sign certificates")]
    MayNotSignCertificates(ChainLink),
    /// The issuer's name is not the subject of the certificate above.
    #[error("{0} names another issuer")]
    OtherIssuer(ChainLink),
    /// The authority key identifier is not the key's above.
    #[error("{0} names another issuer key")]
    OtherIssuerKey(ChainLink),
    /// The signature is wrong or of a kind that is not verified here.
    #[error("the signature of {link} does not verify")]
    Signature {
        /// Whose.
        link: ChainLink,
        /// Why.
        source: VerificationError,
    },
}

#[cfg(test)]
mod tests;
