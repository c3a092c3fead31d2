//! A request: read as a responder, made as a client.

use const_oid::ObjectIdentifier;
use der::asn1::{Any, OctetString};
use der::{Decode, Encode, Sequence, Tag, Tagged};
use x509_cert::ext::Extension;

use super::cert_id::CertId;
use crate::x509::BuildError;
use crate::{asn1, oids};

/// Certificates that one request may ask about.
pub const MAX_CERTIFICATES: usize = 16;

/// Longer requests are not read.
const MAX_REQUEST_LEN: usize = 16 * 1024;

/// RFC 9654 §2.1: 1 to 128 octets (RFC 8954 allowed 32).
const MAX_NONCE_LEN: usize = 128;

/// A request as it came, with the bytes that must be echoed.
#[derive(Debug, Clone)]
pub struct OcspRequest {
    der: Vec<u8>,
    certificates: Vec<CertId>,
    /// The nonce's whole Extension, verbatim.
    nonce: Option<Vec<u8>>,
}

impl OcspRequest {
    /// Reads a DER request (at most 16 KiB, 1 to [`MAX_CERTIFICATES`] certificates, nonce of 1 to 128 octets: RFC 9654).
    ///
    /// The requestor's name and signature are not looked at: whoever asks gets the same answer.
    ///
    /// # Errors
    /// What is wrong with it; answer [`OcspFailure::MalformedRequest`](super::OcspFailure::MalformedRequest).
    pub fn parse(der: &[u8]) -> Result<Self, OcspRequestError> {
        if der.len() > MAX_REQUEST_LEN {
            return Err(OcspRequestError::TooLong);
        }
        let outer = Outer::from_der(der).map_err(OcspRequestError::Malformed)?;
        let fields = outer.request;
        if fields.version != VERSION_1 {
            return Err(OcspRequestError::Version);
        }
        match fields.requests.len() {
            0 => return Err(OcspRequestError::NoCertificate),
            1..=MAX_CERTIFICATES => {}
            _ => return Err(OcspRequestError::TooManyCertificates),
        }
        let mut certificates = Vec::with_capacity(fields.requests.len());
        for request in &fields.requests {
            // RFC 6960 §4.4: a critical extension that is not recognised must not be passed over.
            read_extensions(request.extensions.as_deref().unwrap_or_default(), |_| false)?;
            let id = request.certificate.to_der();
            let id = id.and_then(|id| CertId::read(&id));
            certificates.push(id.map_err(OcspRequestError::Malformed)?);
        }
        let mut nonce = None;
        let extensions = fields.extensions.as_deref().unwrap_or_default();
        read_extensions(extensions, |extension| {
            let is_nonce = extension.fields.extn_id == oids::OCSP_NONCE;
            if is_nonce {
                nonce = Some((extension.der.clone(), nonce_len(&extension.fields)));
            }
            is_nonce
        })?;
        let nonce = match nonce {
            Some((_, 0)) => return Err(OcspRequestError::NonceLength(0)),
            Some((_, length)) if length > MAX_NONCE_LEN => {
                return Err(OcspRequestError::NonceLength(length));
            }
            Some((der, _)) => Some(der),
            None => None,
        };
        Ok(Self {
            der: der.to_vec(),
            certificates,
            nonce,
        })
    }

    /// A client's request for one certificate.
    ///
    /// # Errors
    /// [`BuildError`] if the nonce is empty or longer than 128 octets.
    pub fn new(certificate: CertId, nonce: Option<&[u8]>) -> Result<Self, BuildError> {
        let nonce = match nonce {
            Some(nonce) if nonce.is_empty() || nonce.len() > MAX_NONCE_LEN => {
                return Err(BuildError::Unfit("a nonce has 1 to 128 octets"));
            }
            Some(nonce) => Some(
                Extension {
                    extn_id: oids::OCSP_NONCE,
                    critical: false,
                    extn_value: OctetString::new(OctetString::new(nonce)?.to_der()?)?,
                }
                .to_der()?,
            ),
            None => None,
        };
        let requests = asn1::sequence(&[&asn1::sequence(&[certificate.der()])?])?;
        let extensions = match &nonce {
            Some(nonce) => asn1::explicit(2, &asn1::sequence(&[nonce])?)?,
            None => Vec::new(),
        };
        Ok(Self {
            der: asn1::sequence(&[&asn1::sequence(&[&requests, &extensions])?])?,
            certificates: vec![certificate],
            nonce,
        })
    }

    /// DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The certificates that are asked about.
    pub fn certificates(&self) -> &[CertId] {
        &self.certificates
    }

    /// The nonce's whole extension, verbatim.
    pub(super) fn nonce(&self) -> Option<&[u8]> {
        self.nonce.as_deref()
    }
}

const VERSION_1: u8 = 0;

fn version_1() -> u8 {
    VERSION_1
}

/// RFC 6960 §4.1.1.
#[derive(Sequence)]
struct Outer {
    request: Fields,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    signature: Option<Any>,
}

#[derive(Sequence)]
struct Fields {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", default = "version_1")]
    version: u8,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    requestor: Option<Any>,
    requests: Vec<Request>,
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", optional = "true")]
    extensions: Option<Vec<Any>>,
}

#[derive(Sequence)]
struct Request {
    certificate: Any,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    extensions: Option<Vec<Any>>,
}

/// An extension and its exact bytes.
struct Read {
    fields: Extension,
    der: Vec<u8>,
}

/// Hands each extension to `take`, which says whether it knows it; refuses repeated and unknown critical ones.
fn read_extensions(
    extensions: &[Any],
    mut take: impl FnMut(&Read) -> bool,
) -> Result<(), OcspRequestError> {
    let mut seen = Vec::new();
    for extension in extensions {
        let der = extension.to_der().map_err(OcspRequestError::Malformed)?;
        let fields = Extension::from_der(&der).map_err(OcspRequestError::Malformed)?;
        let oid = fields.extn_id;
        if seen.contains(&oid) {
            return Err(OcspRequestError::RepeatedExtension(oid));
        }
        seen.push(oid);
        let critical = fields.critical;
        if !take(&Read { fields, der }) && critical {
            return Err(OcspRequestError::UnknownCriticalExtension(oid));
        }
    }
    Ok(())
}

/// RFC 8954 §2.1: the value is an OCTET STRING; older clients (and RFC 6960 read loosely) put the octets there bare.
fn nonce_len(extension: &Extension) -> usize {
    let value = extension.extn_value.as_bytes();
    match Any::from_der(value) {
        Ok(inner) if inner.tag() == Tag::OctetString => inner.value().len(),
        _ => value.len(),
    }
}

/// Why bytes are no request we answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OcspRequestError {
    /// Too long.
    #[error("the request is too long")]
    TooLong,
    /// Not DER.
    #[error("the request is not well-formed DER")]
    Malformed(#[source] der::Error),
    /// Not version 1.
    #[error("the request's version is not 1")]
    Version,
    /// It asks about nothing.
    #[error("the request asks about no certificate")]
    NoCertificate,
    /// It asks about more than [`MAX_CERTIFICATES`].
    #[error("the request asks about more than {MAX_CERTIFICATES} certificates")]
    TooManyCertificates,
    /// A nonce that is empty or longer than RFC 9654 allows.
    #[error("the nonce has {0} octets, not 1 to 128")]
    NonceLength(usize),
    /// An extension is there twice.
    #[error("the extension {0} is repeated")]
    RepeatedExtension(ObjectIdentifier),
    /// A critical extension nobody here understands.
    #[error("the request has an unknown critical extension {0}")]
    UnknownCriticalExtension(ObjectIdentifier),
}
