//! The check of a token under its unit's certificate (RFC 3161 §2.2 to §2.4, RFC 5816, RFC 5652 §5.4 to §5.6).

use const_oid::ObjectIdentifier;
use der::asn1::{Int, OctetString};
use der::{Decode, Encode};
use jiff::Timestamp;
use thiserror::Error;

use super::build::directory_name;
use super::request::MessageImprint;
use super::structures::{self, AlgorithmProtection, IssuerSerial, SigningCertificateV2};
use super::token::TimeStampToken;
use crate::digest::DigestAlgorithm;
use crate::oids;
use crate::public_key::VerificationError;
use crate::signer::SignatureAlgorithm;
use crate::x509::{Certificate, KeyUsages};

/// A token that verified: what was stamped existed at this time, as far as the unit is trusted.
#[derive(Debug, Clone, Copy)]
pub struct VerifiedTimeStamp<'a> {
    token: &'a TimeStampToken,
}

impl VerifiedTimeStamp<'_> {
    /// genTime.
    pub fn time(&self) -> Timestamp {
        self.token.time
    }
}

impl TimeStampToken {
    /// Verifies that the holder of `unit` stamped this imprint, and answered this nonce if one is given.
    ///
    /// Whether the unit may be trusted (its path, its revocation, a trusted list) is the caller's question.
    ///
    /// # Errors
    /// [`TokenError`] with what is wrong.
    pub fn verify(
        &self,
        unit: &Certificate,
        imprint: &MessageImprint,
        nonce: Option<&[u8]>,
    ) -> Result<VerifiedTimeStamp<'_>, TokenError> {
        check_unit(unit, self.time)?;
        if self.signer.issuer != unit.issuer().der()
            || self.signer.serial != unit.serial().as_bytes()
        {
            return Err(TokenError::OtherUnit);
        }
        // RFC 3161 §2.4.1: if certificates are there, the one that the signed attribute names is among them.
        if !self.certificates.is_empty()
            && !self.certificates.iter().any(|found| found == unit.der())
        {
            return Err(TokenError::UnitCertificateMissing);
        }
        self.check_signature(unit)?;
        self.check_signing_certificate(unit)?;
        if self.imprint != *imprint {
            return Err(TokenError::OtherImprint);
        }
        if nonce.is_some() && nonce != self.nonce.as_ref().map(Int::as_bytes) {
            return Err(TokenError::OtherNonce);
        }
        Ok(VerifiedTimeStamp { token: self })
    }

    fn check_signature(&self, unit: &Certificate) -> Result<(), TokenError> {
        let signer = &self.signer;
        let digest = DigestAlgorithm::from_identifier(&signer.digest_algorithm)
            .ok_or(TokenError::Algorithm)?;
        let algorithm = signature_algorithm(&signer.signature_algorithm, digest)
            .ok_or(TokenError::Algorithm)?;
        // RFC 5652 §5.1: the signer's digest algorithm is announced.
        if !self
            .digest_algorithms
            .iter()
            .any(|announced| DigestAlgorithm::from_identifier(announced) == Some(digest))
        {
            return Err(TokenError::Algorithm);
        }
        let content_type: ObjectIdentifier = self.attribute(structures::CONTENT_TYPE)?;
        if content_type != structures::TST_INFO {
            return Err(TokenError::Attribute(structures::CONTENT_TYPE));
        }
        let stated: OctetString = self.attribute(structures::MESSAGE_DIGEST)?;
        if stated.as_bytes() != digest.digest(self.tst_info_der()) {
            return Err(TokenError::ContentChanged);
        }
        if self.has_attribute(structures::ALGORITHM_PROTECTION) {
            // RFC 6211 §3: both must be the SignerInfo's.
            let stated: AlgorithmProtection = self.attribute(structures::ALGORITHM_PROTECTION)?;
            if stated.digest_algorithm.oid != signer.digest_algorithm.oid
                || stated.signature_algorithm.oid != signer.signature_algorithm.oid
            {
                return Err(TokenError::Algorithm);
            }
        }
        unit.public_key()
            .verify(algorithm, &signer.signed_attributes, &signer.signature)
            .map_err(TokenError::Signature)
    }

    /// RFC 5816 §2.2.1: the first certificate of the attribute is the unit's.
    fn check_signing_certificate(&self, unit: &Certificate) -> Result<(), TokenError> {
        let named: SigningCertificateV2 = self.attribute(structures::SIGNING_CERTIFICATE_V2)?;
        let first = named.certificates.first();
        let first = first.ok_or(TokenError::Attribute(structures::SIGNING_CERTIFICATE_V2))?;
        let digest = match &first.algorithm {
            // RFC 5035 §4: the default.
            None => DigestAlgorithm::Sha256,
            Some(identifier) => {
                DigestAlgorithm::from_identifier(identifier).ok_or(TokenError::Algorithm)?
            }
        };
        if first.digest.as_bytes() != digest.digest(unit.der()) {
            return Err(TokenError::OtherCertificate);
        }
        match &first.issuer_serial {
            Some(stated) if !names(stated, unit) => Err(TokenError::OtherCertificate),
            _ => Ok(()),
        }
    }

    fn has_attribute(&self, oid: ObjectIdentifier) -> bool {
        self.signer
            .attributes
            .iter()
            .any(|(found, _)| *found == oid)
    }

    /// The one value of an attribute that stands there once (RFC 5652 §11).
    fn attribute<T>(&self, oid: ObjectIdentifier) -> Result<T, TokenError>
    where
        T: for<'a> Decode<'a, Error = der::Error>,
    {
        let mut found = self.signer.attributes.iter().filter(|(at, _)| *at == oid);
        match (found.next(), found.next()) {
            (Some((_, values)), None) => values.only().map_err(|_| TokenError::Attribute(oid)),
            _ => Err(TokenError::Attribute(oid)),
        }
    }
}

fn check_unit(unit: &Certificate, at: Timestamp) -> Result<(), TokenError> {
    // RFC 3161 §2.3: extKeyUsage with timeStamping only, and critical.
    if unit.extended_key_usage() != [structures::TIME_STAMPING] {
        return Err(TokenError::NotForTimeStamping);
    }
    let critical = (oids::EXTENDED_KEY_USAGE, true);
    if !unit.facts.extensions.order.contains(&critical) {
        return Err(TokenError::UsageNotCritical);
    }
    // RFC 5280 §4.2.1.12: both key usages must allow it.
    let signs = |usage: crate::x509::KeyUsage| {
        usage.digital_signature() || usage.0.contains(KeyUsages::NonRepudiation)
    };
    if unit.key_usage().is_some_and(|usage| !signs(usage)) {
        return Err(TokenError::NotForTimeStamping);
    }
    if !unit.is_valid_at(at) {
        return Err(TokenError::OutsideValidity);
    }
    Ok(())
}

/// RFC 5754 §3: an RSA signer may name only its key's algorithm, beside the digest's.
fn signature_algorithm(
    identifier: &spki::AlgorithmIdentifierOwned,
    digest: DigestAlgorithm,
) -> Option<SignatureAlgorithm> {
    if identifier.oid == oids::RSA_ENCRYPTION {
        return match digest {
            DigestAlgorithm::Sha256 => Some(SignatureAlgorithm::RsaSha256),
            DigestAlgorithm::Sha512 => Some(SignatureAlgorithm::RsaSha512),
            DigestAlgorithm::Sha384 => None,
        };
    }
    SignatureAlgorithm::from_oid(&identifier.oid)
        .filter(|algorithm| DigestAlgorithm::of_signature(*algorithm) == digest)
}

fn names(stated: &IssuerSerial, unit: &Certificate) -> bool {
    let issuer = directory_name(unit.issuer()).and_then(|name| name.to_der());
    let [name] = stated.issuer.as_slice() else {
        return false;
    };
    stated.serial.as_bytes() == unit.serial().as_bytes()
        && issuer.is_ok()
        && name.to_der() == issuer
}

/// Why a token is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TokenError {
    /// Longer than 64 KiB.
    #[error("the time-stamp is too long")]
    TooLong,
    /// Not the DER it should be.
    #[error("the time-stamp is not well-formed")]
    Malformed(#[source] der::Error),
    /// Other content than a TSTInfo.
    #[error("the message is not a time-stamp")]
    NotATimeStamp,
    /// A version other than RFC 3161's.
    #[error("the time-stamp has an unknown version")]
    UnknownVersion,
    /// No signature, or more than one.
    #[error("the time-stamp does not have exactly one signature")]
    NotOneSigner,
    /// genTime is not in the form of RFC 3161 §2.4.2.
    #[error("the time in the time-stamp is not well-formed")]
    Time,
    /// The imprint is by none of SHA-256, SHA-384 and SHA-512, or not as long as it should be.
    #[error("the time-stamp's imprint is not by a hash function that is accepted")]
    ImprintAlgorithm,
    /// A critical extension nobody here understands.
    #[error("the time-stamp has an unknown critical extension {0}")]
    UnknownCriticalExtension(ObjectIdentifier),
    /// The certificate is not for time-stamping alone.
    #[error("the certificate is not for time-stamping alone")]
    NotForTimeStamping,
    /// The certificate's extended key usage is not critical.
    #[error("the certificate's extended key usage is not critical")]
    UsageNotCritical,
    /// The time is outside the certificate's validity.
    #[error("the time is outside the validity of the unit's certificate")]
    OutsideValidity,
    /// Signed by another certificate's holder.
    #[error("the time-stamp names another certificate as its signer's")]
    OtherUnit,
    /// Certificates are embedded, but not the unit's.
    #[error("the unit's certificate is not among those in the time-stamp")]
    UnitCertificateMissing,
    /// An algorithm that is not verified here, or algorithms that contradict each other.
    #[error("the time-stamp's algorithms are not accepted")]
    Algorithm,
    /// A signed attribute is missing, repeated or malformed.
    #[error("the signed attribute {0} is missing, repeated or malformed")]
    Attribute(ObjectIdentifier),
    /// The TSTInfo is not what was signed.
    #[error("the content of the time-stamp was changed")]
    ContentChanged,
    /// The signed attribute names another certificate.
    #[error("the signature is bound to another certificate")]
    OtherCertificate,
    /// The signature is wrong.
    #[error("the time-stamp's signature does not verify")]
    Signature(#[source] VerificationError),
    /// Something else was stamped.
    #[error("the time-stamp is for other data")]
    OtherImprint,
    /// Another request was answered.
    #[error("the time-stamp answers another request")]
    OtherNonce,
}
