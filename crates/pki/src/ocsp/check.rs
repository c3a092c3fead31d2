//! What a client looks at before it believes an answer (RFC 6960 §3.2).

use jiff::{SignedDuration, Timestamp};

use super::CertificateStatus;
use super::request::OcspRequest;
use super::response::{OcspResponse, ResponderId, SingleResponse};
use crate::oids;
use crate::public_key::VerificationError;
use crate::signed::Signed;
use crate::x509::{Certificate, ParseError};

/// How far the responder's clock may be ahead.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(60);

impl OcspResponse {
    /// What the answer says about the one certificate of `request`, an issue of `issuer`, if it can be believed at `now`:
    /// signed by the issuer or by a responder that the issuer named, to this very question (CertID and nonce byte for byte),
    /// and not older than `max_age`.
    ///
    /// # Errors
    /// [`OcspCheckError`] with the first thing that does not fit.
    pub fn check(
        &self,
        request: &OcspRequest,
        issuer: &Certificate,
        now: Timestamp,
        max_age: SignedDuration,
    ) -> Result<CertificateStatus, OcspCheckError> {
        match self.check_all(request, issuer, now, max_age)?.as_slice() {
            [one] => Ok(*one),
            _ => Err(OcspCheckError::OtherCertificate),
        }
    }

    /// As [`OcspResponse::check`], for as many certificates as the request asks about, in its order.
    ///
    /// # Errors
    /// [`OcspCheckError`].
    pub fn check_all(
        &self,
        request: &OcspRequest,
        issuer: &Certificate,
        now: Timestamp,
        max_age: SignedDuration,
    ) -> Result<Vec<CertificateStatus>, OcspCheckError> {
        self.check_signature(issuer, now)?;
        if self.unknown_critical.is_some() {
            return Err(OcspCheckError::UnknownCriticalExtension);
        }
        // RFC 8954 §2.1: the nonce binds the answer to the question; whoever asks with one does not take one without.
        if request.nonce().is_some() && self.nonce.as_deref() != request.nonce() {
            return Err(OcspCheckError::Nonce);
        }
        if self.responses.len() != request.certificates().len() {
            return Err(OcspCheckError::OtherCertificate);
        }
        let pairs = request.certificates().iter().zip(&self.responses);
        pairs
            .map(|(asked, answered)| {
                if !asked.names_issuer(issuer) {
                    return Err(OcspCheckError::OtherIssuer);
                }
                if answered.certificate != asked.der() {
                    return Err(OcspCheckError::OtherCertificate);
                }
                check_age(answered, now, max_age)?;
                Ok(answered.status)
            })
            .collect()
    }

    fn check_signature(&self, issuer: &Certificate, now: Timestamp) -> Result<(), OcspCheckError> {
        let verify = |certificate: &Certificate| {
            let key = certificate.public_key();
            Signed::verify(&self.algorithm, key, self.tbs_der(), &self.signature)
        };
        // RFC 6960 §4.2.2.2: the issuer itself, or whom it named by a certificate for this only.
        if self.responder.is(issuer) {
            return Ok(verify(issuer)?);
        }
        for der in &self.certificates {
            let certificate = Certificate::parse(der).map_err(OcspCheckError::Certificate)?;
            if self.responder.is(&certificate) {
                check_responder(&certificate, issuer, now)?;
                if !certificate.is_valid_at(self.produced_at) {
                    return Err(OcspCheckError::ResponderNotValid);
                }
                return Ok(verify(&certificate)?);
            }
        }
        Err(OcspCheckError::NoResponderCertificate)
    }
}

impl ResponderId {
    fn is(&self, certificate: &Certificate) -> bool {
        match self {
            Self::ByName(name) => name == certificate.subject().der(),
            Self::ByKey(hash) => hash == certificate.public_key().key_identifier(),
        }
    }
}

fn check_responder(
    responder: &Certificate,
    issuer: &Certificate,
    now: Timestamp,
) -> Result<(), OcspCheckError> {
    if responder.issuer() != issuer.subject()
        || responder.verify_signature(issuer.public_key()).is_err()
    {
        return Err(OcspCheckError::ResponderNotIssued);
    }
    let extensions = &responder.facts.extensions;
    if !responder
        .extended_key_usage()
        .contains(&oids::USAGE_OCSP_SIGNING)
        || responder
            .key_usage()
            .is_some_and(|usage| !usage.digital_signature())
        || extensions.unknown_critical().next().is_some()
    {
        return Err(OcspCheckError::ResponderNotPermitted);
    }
    // RFC 6960 §4.2.2.2.1: nobody asks about the responder itself here, so its issuer must have said that nobody need.
    if !extensions
        .order
        .iter()
        .any(|(oid, _)| *oid == oids::OCSP_NO_CHECK)
    {
        return Err(OcspCheckError::ResponderRevocable);
    }
    if !responder.is_valid_at(now) {
        return Err(OcspCheckError::ResponderNotValid);
    }
    Ok(())
}

fn check_age(
    answered: &SingleResponse,
    now: Timestamp,
    max_age: SignedDuration,
) -> Result<(), OcspCheckError> {
    let age = answered.this_update.duration_until(now);
    // RFC 6960 §4.2.2.1: a thisUpdate in the future is unreliable, so is a nextUpdate in the past.
    if age < -CLOCK_SKEW {
        return Err(OcspCheckError::InTheFuture);
    }
    if age > max_age || answered.next_update.is_some_and(|next| next < now) {
        return Err(OcspCheckError::TooOld);
    }
    Ok(())
}

/// Why an answer is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OcspCheckError {
    /// A certificate in the answer cannot be read.
    #[error("a certificate in the answer cannot be read")]
    Certificate(#[source] ParseError),
    /// The responder's certificate is not in the answer.
    #[error("the answer does not bring its responder's certificate along")]
    NoResponderCertificate,
    /// The responder's certificate is not the issuer's.
    #[error("the responder's certificate was not issued by the certificate's issuer")]
    ResponderNotIssued,
    /// The responder's certificate does not allow answering.
    #[error("the responder's certificate is not for OCSP answers")]
    ResponderNotPermitted,
    /// The responder's certificate would have to be checked for revocation itself.
    #[error("the responder's certificate does not say that it need not be checked")]
    ResponderRevocable,
    /// The responder's certificate is not valid now, or was not when the answer was made.
    #[error("the responder's certificate is not valid at this time")]
    ResponderNotValid,
    /// The signature is wrong.
    #[error("the answer's signature does not verify")]
    Signature(#[from] VerificationError),
    /// A critical extension nobody here understands.
    #[error("the answer has an unknown critical extension")]
    UnknownCriticalExtension,
    /// The nonce is missing or another.
    #[error("the answer's nonce is not the request's")]
    Nonce,
    /// The question is about another issuer's certificate.
    #[error("the request asks about another issuer's certificate")]
    OtherIssuer,
    /// The CertID is not the question's, byte for byte.
    #[error("the answer is about another certificate")]
    OtherCertificate,
    /// thisUpdate lies ahead.
    #[error("the answer is from the future")]
    InTheFuture,
    /// thisUpdate is too long ago, or nextUpdate is over.
    #[error("the answer is too old")]
    TooOld,
}
