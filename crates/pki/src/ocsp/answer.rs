//! A responder's answer.

use der::asn1::{Any, OctetString};
use der::{Encode, Tag};
use jiff::Timestamp;

use super::CertificateStatus;
use super::request::OcspRequest;
use super::response::OcspResponse;
use crate::signer::{SignatureAlgorithm, Signer};
use crate::x509::{BuildError, Certificate, IssueError, extension_values, time};
use crate::{Revocation, RevocationReason, asn1, oids, signed};

/// Answers without signature (RFC 6960 §4.2.1 OCSPResponseStatus).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OcspFailure {
    /// The request cannot be read.
    MalformedRequest = 1,
    /// Something is broken here.
    InternalError = 2,
    /// Too much to do.
    TryLater = 3,
    /// The certificates are another authority's.
    Unauthorized = 6,
}

impl OcspFailure {
    /// The whole answer, DER.
    pub fn response(self) -> Vec<u8> {
        // SEQUENCE { ENUMERATED }, and no responseBytes.
        vec![0x30, 0x03, 0x0a, 0x01, self as u8]
    }
}

/// An answer before it is signed.
pub struct UnsignedOcspResponse {
    tbs: Vec<u8>,
    responder: Certificate,
}

impl UnsignedOcspResponse {
    /// Builds the answer to a request: one SingleResponse for each certificate asked about, CertID and nonce byte for byte,
    /// archiveCutoff in each, `thisUpdate = producedAt = now` without fraction and without nextUpdate, responder byName,
    /// its certificate embedded first.
    ///
    /// # Errors
    /// [`BuildError`]; also if `statuses` are not as many as the request's certificates.
    pub fn build(
        request: &OcspRequest,
        statuses: &[CertificateStatus],
        responder: &Certificate,
        archive_cutoff: Timestamp,
        now: Timestamp,
    ) -> Result<Self, BuildError> {
        let certificates = request.certificates();
        if statuses.len() != certificates.len() {
            return Err(BuildError::Unfit(
                "there is not one status for each certificate asked about",
            ));
        }
        let now = time::encode_generalized(now)?.to_der()?;
        let single_extensions = single_extensions(archive_cutoff)?;
        let mut responses = Vec::new();
        for (certificate, status) in certificates.iter().zip(statuses) {
            responses.extend(asn1::sequence(&[
                certificate.der(),
                &encode_status(status)?,
                &now,
                &single_extensions,
            ])?);
        }
        let extensions = match request.nonce() {
            Some(nonce) => asn1::explicit(1, &asn1::sequence(&[nonce])?)?,
            None => Vec::new(),
        };
        let tbs = asn1::sequence(&[
            // RFC 6960 §4.2.1 leaves the choice; one published client (vatsake/smart-id-v3 0.9.7) cannot read byKey.
            &asn1::explicit(1, responder.subject().der())?,
            &now,
            &asn1::sequence(&[&responses])?,
            &extensions,
        ])?;
        Ok(Self {
            tbs,
            responder: responder.clone(),
        })
    }

    /// Signs with the signer's algorithm (sha256WithRSAEncryption, so that every client takes it: `pki.md` §2.1), verifies
    /// under the responder's certificate.
    ///
    /// # Errors
    /// [`IssueError`]; no answer exists then.
    pub fn sign(&self, signer: &dyn Signer) -> Result<OcspResponse, IssueError> {
        let algorithm = signer.algorithm();
        let signature = signed::sign(&self.tbs, self.responder.public_key(), algorithm, signer)?;
        let response = self
            .assemble(algorithm, &signature)
            .and_then(|der| OcspResponse::read(&der))
            .map_err(IssueError::Encoding)?;
        if response.tbs_der() != self.tbs {
            return Err(IssueError::Changed);
        }
        Ok(response)
    }

    fn assemble(&self, algorithm: SignatureAlgorithm, signature: &[u8]) -> der::Result<Vec<u8>> {
        let certificates = asn1::explicit(0, &asn1::sequence(&[self.responder.der()])?)?;
        let basic = signed::assemble(&self.tbs, algorithm, signature, &certificates)?;
        let bytes = asn1::sequence(&[
            &oids::OCSP_BASIC.to_der()?,
            &OctetString::new(basic)?.to_der()?,
        ])?;
        let successful = Any::new(Tag::Enumerated, [0].as_slice())?.to_der()?;
        asn1::sequence(&[&successful, &asn1::explicit(0, &bytes)?])
    }
}

/// RFC 6960 §4.4.4: how far back the answers reach. Among the single extensions, where its clients look (`pki.md` §2.1).
fn single_extensions(archive_cutoff: Timestamp) -> der::Result<Vec<u8>> {
    let cutoff = extension_values::extension(
        oids::OCSP_ARCHIVE_CUTOFF,
        false,
        &time::encode_generalized(archive_cutoff)?,
    )?;
    asn1::explicit(1, &vec![cutoff].to_der()?)
}

fn encode_status(status: &CertificateStatus) -> der::Result<Vec<u8>> {
    match status {
        CertificateStatus::Good => asn1::value(asn1::context(0, false), &[]),
        CertificateStatus::Revoked(Revocation { at, reason }) => {
            let at = time::encode_generalized(*at)?.to_der()?;
            let reason = match reason {
                RevocationReason::Unspecified => Vec::new(),
                reason => {
                    let code = Any::new(Tag::Enumerated, vec![reason.number()])?;
                    asn1::explicit(0, &code.to_der()?)?
                }
            };
            asn1::value(asn1::context(1, true), &[at, reason].concat())
        }
        CertificateStatus::Unknown => asn1::value(asn1::context(2, false), &[]),
    }
}
