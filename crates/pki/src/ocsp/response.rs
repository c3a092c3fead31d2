//! An answer as it is sent or came.

use const_oid::ObjectIdentifier;
use der::asn1::{Any, AnyRef, OctetString};
use der::{Decode, Encode, Sequence, Tag, Tagged};
use jiff::Timestamp;
use spki::AlgorithmIdentifierOwned;
use x509_cert::ext::Extension;

use super::CertificateStatus;
use crate::signed::Signed;
use crate::x509::time;
use crate::{Revocation, RevocationReason, asn1, oids};

/// Longer answers are not read.
const MAX_RESPONSE_LEN: usize = 64 * 1024;

/// A signed answer.
#[derive(Debug, Clone)]
pub struct OcspResponse {
    der: Vec<u8>,
    tbs: Vec<u8>,
    pub(super) algorithm: AlgorithmIdentifierOwned,
    pub(super) signature: Vec<u8>,
    /// DER of the certificates it brings along.
    pub(super) certificates: Vec<Vec<u8>>,
    pub(super) responder: ResponderId,
    pub(super) produced_at: Timestamp,
    pub(super) responses: Vec<SingleResponse>,
    /// The nonce's whole Extension, verbatim.
    pub(super) nonce: Option<Vec<u8>>,
    pub(super) unknown_critical: Option<ObjectIdentifier>,
}

/// Who answers (RFC 6960 §4.2.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ResponderId {
    /// DER of a name.
    ByName(Vec<u8>),
    /// SHA-1 of the key bits.
    ByKey(Vec<u8>),
}

/// What is said about one certificate.
#[derive(Debug, Clone)]
pub(super) struct SingleResponse {
    /// DER of the CertID.
    pub(super) certificate: Vec<u8>,
    pub(super) status: CertificateStatus,
    pub(super) this_update: Timestamp,
    pub(super) next_update: Option<Timestamp>,
}

impl OcspResponse {
    /// Reads a DER answer. Proves nothing about who gave it: see [`OcspResponse::check`].
    ///
    /// # Errors
    /// [`OcspResponseError`]; among them the responder's own failures.
    pub fn parse(der: &[u8]) -> Result<Self, OcspResponseError> {
        if der.len() > MAX_RESPONSE_LEN {
            return Err(OcspResponseError::TooLong);
        }
        let outer = Outer::from_der(der).map_err(OcspResponseError::Malformed)?;
        match (outer.status.tag(), outer.status.value()) {
            (Tag::Enumerated, [0]) => Self::read(der).map_err(OcspResponseError::Malformed),
            (Tag::Enumerated, [failure]) => Err(OcspResponseError::Failure(*failure)),
            (tag, _) => Err(OcspResponseError::Malformed(tag.value_error().into())),
        }
    }

    /// Reads a successful answer.
    pub(super) fn read(der: &[u8]) -> der::Result<Self> {
        let outer = Outer::from_der(der)?;
        let bytes = outer.bytes.ok_or_else(|| refused(Tag::Sequence))?;
        if bytes.response_type != oids::OCSP_BASIC {
            return Err(refused(Tag::ObjectIdentifier));
        }
        let basic = Signed::read_with_more(bytes.response.as_bytes())?;
        let data = ResponseData::from_der(basic.tbs)?;
        if data.version != 0 {
            return Err(refused(Tag::Integer));
        }
        let responses = data.responses.iter().map(SingleResponse::read);
        let extensions = Extensions::read(data.extensions.as_deref().unwrap_or_default())?;
        let signature = basic.signature.as_bytes();
        Ok(Self {
            der: der.to_vec(),
            tbs: basic.tbs.to_vec(),
            signature: signature.ok_or_else(|| refused(Tag::BitString))?.to_vec(),
            certificates: certificates(basic.more)?,
            algorithm: basic.algorithm,
            responder: ResponderId::read(&data.responder)?,
            produced_at: time::decode_generalized(&data.produced_at)?,
            responses: responses.collect::<der::Result<_>>()?,
            nonce: extensions.nonce,
            unknown_critical: extensions.unknown_critical,
        })
    }

    /// DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The signed part, exactly.
    pub(super) fn tbs_der(&self) -> &[u8] {
        &self.tbs
    }
}

impl ResponderId {
    fn read(id: &Any) -> der::Result<Self> {
        let tag = id.tag();
        // Both are EXPLICIT: the content is one whole value.
        let inner = AnyRef::from_der(id.value())?;
        if tag == asn1::context(1, true) {
            Ok(Self::ByName(id.value().to_vec()))
        } else if tag == asn1::context(2, true) && inner.tag() == Tag::OctetString {
            Ok(Self::ByKey(inner.value().to_vec()))
        } else {
            Err(refused(tag))
        }
    }
}

impl SingleResponse {
    fn read(single: &Single) -> der::Result<Self> {
        let extensions = Extensions::read(single.extensions.as_deref().unwrap_or_default())?;
        if extensions.unknown_critical.is_some() {
            return Err(refused(Tag::Sequence));
        }
        let next_update = single.next_update.as_ref().map(time::decode_generalized);
        Ok(Self {
            certificate: single.certificate.to_der()?,
            status: read_status(&single.status)?,
            this_update: time::decode_generalized(&single.this_update)?,
            next_update: next_update.transpose()?,
        })
    }
}

fn read_status(status: &Any) -> der::Result<CertificateStatus> {
    let tag = status.tag();
    if tag == asn1::context(0, false) && status.value().is_empty() {
        return Ok(CertificateStatus::Good);
    }
    if tag == asn1::context(2, false) && status.value().is_empty() {
        return Ok(CertificateStatus::Unknown);
    }
    if tag != asn1::context(1, true) {
        return Err(refused(tag));
    }
    // [1] IMPLICIT SEQUENCE: the same content under another tag.
    let info = RevokedInfo::from_der(&asn1::value(Tag::Sequence, status.value())?)?;
    let reason = match &info.reason {
        None => RevocationReason::Unspecified,
        Some(code) => match (code.tag(), code.value()) {
            (Tag::Enumerated, [number]) => RevocationReason::from_number(*number),
            _ => None,
        }
        .ok_or_else(|| refused(Tag::Enumerated))?,
    };
    Ok(CertificateStatus::Revoked(Revocation {
        at: time::decode_generalized(&info.at)?,
        reason,
    }))
}

/// `[0] EXPLICIT SEQUENCE OF Certificate`.
fn certificates(field: Option<&[u8]>) -> der::Result<Vec<Vec<u8>>> {
    let Some(field) = field else {
        return Ok(Vec::new());
    };
    let field = AnyRef::from_der(field)?;
    if field.tag() != asn1::context(0, true) {
        return Err(refused(field.tag()));
    }
    let certificates = Vec::<Any>::from_der(field.value())?;
    certificates.iter().map(Encode::to_der).collect()
}

/// The extensions of an answer or of one of its parts.
#[derive(Default)]
struct Extensions {
    nonce: Option<Vec<u8>>,
    unknown_critical: Option<ObjectIdentifier>,
}

impl Extensions {
    fn read(extensions: &[Any]) -> der::Result<Self> {
        let mut read = Self::default();
        let mut seen = Vec::new();
        for extension in extensions {
            let der = extension.to_der()?;
            let fields = Extension::from_der(&der)?;
            if seen.contains(&fields.extn_id) {
                return Err(refused(Tag::Sequence));
            }
            seen.push(fields.extn_id);
            match fields.extn_id {
                oids::OCSP_NONCE => read.nonce = Some(der),
                oids::OCSP_ARCHIVE_CUTOFF => {}
                oid if fields.critical => read.unknown_critical = Some(oid),
                _ => {}
            }
        }
        Ok(read)
    }
}

fn refused(tag: Tag) -> der::Error {
    tag.value_error().into()
}

/// RFC 6960 §4.2.1.
#[derive(Sequence)]
struct Outer {
    status: Any,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    bytes: Option<ResponseBytes>,
}

#[derive(Sequence)]
struct ResponseBytes {
    response_type: ObjectIdentifier,
    response: OctetString,
}

#[derive(Sequence)]
struct ResponseData {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", default = "version_1")]
    version: u8,
    responder: Any,
    produced_at: Any,
    responses: Vec<Single>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    extensions: Option<Vec<Any>>,
}

fn version_1() -> u8 {
    0
}

#[derive(Sequence)]
struct Single {
    certificate: Any,
    status: Any,
    this_update: Any,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    next_update: Option<Any>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    extensions: Option<Vec<Any>>,
}

#[derive(Sequence)]
struct RevokedInfo {
    at: Any,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    reason: Option<Any>,
}

/// Why bytes are no answer about certificates.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OcspResponseError {
    /// Too long.
    #[error("the answer is too long")]
    TooLong,
    /// Not a DER answer, or one with parts that are not read here.
    #[error("the answer is not well-formed")]
    Malformed(#[source] der::Error),
    /// The responder did not answer the question (RFC 6960 §4.2.1).
    #[error("the responder failed with status {0}")]
    Failure(u8),
}
