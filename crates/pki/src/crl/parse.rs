//! A signed list.

use std::fmt;

use const_oid::ObjectIdentifier;
use der::asn1::{Any, Int, Uint};
use der::{Decode, Reader, SliceReader, Tag};
use jiff::Timestamp;
use spki::AlgorithmIdentifierOwned;
use thiserror::Error;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::AuthorityKeyIdentifier;

use crate::public_key::{PublicKey, VerificationError};
use crate::signed::Signed;
use crate::x509::{Certificate, DistinguishedName, ParseError, SerialNumber, time};
use crate::{Revocation, RevocationReason, oids};

/// The longest list that is read: more than a million certificates.
pub const MAX_LIST_LEN: usize = 64 << 20;

/// Version 2, the only one with extensions.
pub(super) const V2: u8 = 1;

/// RFC 5280 §4.1.2.2.
const MAX_SERIAL_LEN: usize = 20;

/// A list with its exact bytes.
#[derive(Clone)]
pub struct RevocationList {
    der: Vec<u8>,
    tbs: Vec<u8>,
    algorithm: AlgorithmIdentifierOwned,
    signature: Vec<u8>,
    contents: Contents,
}

#[derive(Clone)]
struct Contents {
    issuer: DistinguishedName,
    this_update: Timestamp,
    next_update: Option<Timestamp>,
    key_identifier: Option<Vec<u8>>,
    number: Option<u64>,
    expired_since: Option<Timestamp>,
    /// Sorted by serial number, for the search.
    entries: Vec<(Serial, Revocation)>,
}

/// A serial number without a heap of its own: a list may have a million.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Serial {
    length: u8,
    octets: [u8; MAX_SERIAL_LEN],
}

impl RevocationList {
    /// Reads a DER list. Proves nothing about who issued it: see [`RevocationList::verify`].
    ///
    /// Strict: version 2, a full list (no delta, no list of some certificates only: their marks are critical extensions, and
    /// unknown critical extensions are refused), times of the right type, no certificate twice, reasons that we know.
    ///
    /// # Errors
    /// [`ParseError`].
    pub fn parse(der: &[u8]) -> Result<Self, ParseError> {
        if der.len() > MAX_LIST_LEN {
            return Err(RevocationListError::TooLong.into());
        }
        let outer = Signed::read(der).map_err(RevocationListError::Malformed)?;
        let (algorithm, contents) = Contents::read(outer.tbs)?;
        // RFC 5280 §5.1.1.2: the same algorithm identifier in both places.
        if outer.algorithm != algorithm {
            return Err(ParseError::AlgorithmsDiffer);
        }
        let signature = outer
            .signature
            .as_bytes()
            .ok_or(ParseError::SignatureBits)?
            .to_vec();
        Ok(Self {
            der: der.to_vec(),
            tbs: outer.tbs.to_vec(),
            algorithm,
            signature,
            contents,
        })
    }

    /// Verifies the signature under its issuer's key. Whether the key's holder is the issuer that the list names is the
    /// caller's knowledge: see [`RevocationList::check_issuer`].
    ///
    /// # Errors
    /// [`VerificationError`].
    pub fn verify(&self, issuer: &PublicKey) -> Result<(), VerificationError> {
        Signed::verify(&self.algorithm, issuer, &self.tbs, &self.signature)
    }

    /// Whether this authority issued the list: its name, its key identifier, its permission, its signature.
    ///
    /// # Errors
    /// [`RevocationListError`] says what does not fit.
    pub fn check_issuer(&self, issuer: &Certificate) -> Result<(), RevocationListError> {
        if self.issuer() != issuer.subject() {
            return Err(RevocationListError::OtherIssuer);
        }
        if let (Some(named), Some(own)) = (
            self.contents.key_identifier.as_deref(),
            issuer.subject_key_identifier(),
        ) && named != own
        {
            return Err(RevocationListError::OtherIssuerKey);
        }
        // RFC 5280 §6.3.3 (f): if a key usage is there, it must have cRLSign.
        if issuer.key_usage().is_some_and(|usage| !usage.crl_sign()) {
            return Err(RevocationListError::MayNotSignLists);
        }
        Ok(self.verify(issuer.public_key())?)
    }

    /// The exact DER bytes.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The signed part, exactly.
    pub fn tbs_der(&self) -> &[u8] {
        &self.tbs
    }

    /// The issuer's name.
    pub fn issuer(&self) -> &DistinguishedName {
        &self.contents.issuer
    }

    /// cRLNumber; `None` if it is absent or has more than 64 bits.
    pub fn number(&self) -> Option<u64> {
        self.contents.number
    }

    /// When it was made.
    pub fn this_update(&self) -> Timestamp {
        self.contents.this_update
    }

    /// When the next one is there at the latest.
    pub fn next_update(&self) -> Option<Timestamp> {
        self.contents.next_update
    }

    /// expiredCertsOnCRL: revoked certificates that expired since then are still on the list.
    pub fn expired_since(&self) -> Option<Timestamp> {
        self.contents.expired_since
    }

    /// Whether and why this certificate is on it.
    pub fn revocation(&self, serial: &SerialNumber) -> Option<Revocation> {
        let wanted = Serial::new(serial.as_bytes())?;
        let entries = &self.contents.entries;
        let at = entries
            .binary_search_by(|(serial, _)| serial.cmp(&wanted))
            .ok()?;
        entries.get(at).map(|(_, revocation)| *revocation)
    }

    /// How many certificates are on it.
    pub fn len(&self) -> usize {
        self.contents.entries.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Debug for RevocationList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevocationList")
            .field("number", &self.number())
            .field("this_update", &self.this_update())
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

impl Contents {
    fn read(tbs: &[u8]) -> Result<(AlgorithmIdentifierOwned, Self), ParseError> {
        let malformed = RevocationListError::Malformed;
        let fields = Fields::read(tbs).map_err(malformed)?;
        if fields.version != Some(V2) {
            return Err(RevocationListError::Version.into());
        }
        let next_update = fields.next_update.as_ref().map(proper_time).transpose();
        let mut contents = Self {
            issuer: DistinguishedName::from_der(fields.issuer).map_err(ParseError::Name)?,
            this_update: proper_time(&fields.this_update).map_err(ParseError::Validity)?,
            next_update: next_update.map_err(ParseError::Validity)?,
            key_identifier: None,
            number: None,
            expired_since: None,
            entries: entries(fields.revoked)?,
        };
        let extensions = match fields.extensions {
            Some(der) => Vec::<Extension>::from_der(der).map_err(malformed)?,
            None => Vec::new(),
        };
        contents.take(&extensions)?;
        Ok((fields.algorithm, contents))
    }

    fn take(&mut self, extensions: &[Extension]) -> Result<(), ParseError> {
        each_once(extensions, |extension| {
            let value = extension.extn_value.as_bytes();
            match extension.extn_id {
                oids::AUTHORITY_KEY_IDENTIFIER => {
                    let identifier = AuthorityKeyIdentifier::from_der(value)?.key_identifier;
                    self.key_identifier = identifier.map(|octets| octets.as_bytes().to_vec());
                }
                oids::CRL_NUMBER => self.number = crl_number(value)?,
                oids::EXPIRED_CERTS_ON_CRL => {
                    self.expired_since = Some(time::decode_generalized(&Any::from_der(value)?)?);
                }
                _ => return Ok(false),
            }
            Ok(true)
        })
    }
}

/// The fields of a TBSCertList, large ones as bytes.
struct Fields<'a> {
    version: Option<u8>,
    algorithm: AlgorithmIdentifierOwned,
    issuer: &'a [u8],
    this_update: Any,
    next_update: Option<Any>,
    /// The content of `revokedCertificates`; `None` if absent.
    revoked: Option<&'a [u8]>,
    extensions: Option<&'a [u8]>,
}

impl<'a> Fields<'a> {
    fn read(tbs: &'a [u8]) -> der::Result<Self> {
        let mut reader = SliceReader::new(tbs)?;
        let fields = reader.sequence(|reader| {
            let version = match Tag::peek(reader)? {
                Tag::Integer => Some(u8::decode(reader)?),
                _ => None,
            };
            let mut fields = Self {
                version,
                algorithm: AlgorithmIdentifierOwned::decode(reader)?,
                issuer: reader.tlv_bytes()?,
                this_update: Any::decode(reader)?,
                next_update: None,
                revoked: None,
                extensions: None,
            };
            if !reader.is_finished()
                && matches!(Tag::peek(reader)?, Tag::UtcTime | Tag::GeneralizedTime)
            {
                fields.next_update = Some(Any::decode(reader)?);
            }
            if !reader.is_finished() && Tag::peek(reader)? == Tag::Sequence {
                fields.revoked = Some(content(reader)?);
            }
            if !reader.is_finished() {
                let tag = Tag::peek(reader)?;
                if tag != crate::asn1::context(0, true) {
                    return Err(tag.value_error().into());
                }
                fields.extensions = Some(content(reader)?);
            }
            Ok::<_, der::Error>(fields)
        })?;
        reader.finish()?;
        Ok(fields)
    }
}

/// The content of the next value.
fn content<'a>(reader: &mut SliceReader<'a>) -> der::Result<&'a [u8]> {
    Ok(der::asn1::AnyRef::decode(reader)?.value())
}

fn entries(revoked: Option<&[u8]>) -> Result<Vec<(Serial, Revocation)>, ParseError> {
    let Some(revoked) = revoked else {
        return Ok(Vec::new());
    };
    // RFC 5280 §5.1.2.6: without revoked certificates the field must be absent.
    if revoked.is_empty() {
        return Err(RevocationListError::EmptyField.into());
    }
    let mut entries = Vec::new();
    let mut reader = SliceReader::new(revoked).map_err(RevocationListError::Malformed)?;
    while !reader.is_finished() {
        let (serial, date, extensions) = reader
            .sequence(|reader| {
                let serial = Int::decode(reader)?;
                let date = Any::decode(reader)?;
                let extensions = if reader.is_finished() {
                    Vec::new()
                } else {
                    Vec::<Extension>::decode(reader)?
                };
                Ok::<_, der::Error>((serial, date, extensions))
            })
            .map_err(RevocationListError::Malformed)?;
        let serial = Serial::new(serial.as_bytes()).ok_or(RevocationListError::SerialTooLong)?;
        let mut reason = RevocationReason::Unspecified;
        each_once(&extensions, |extension| {
            if extension.extn_id != oids::CRL_REASON {
                return Ok(false);
            }
            reason = crl_reason(extension.extn_value.as_bytes())?;
            Ok(true)
        })?;
        let at = proper_time(&date).map_err(ParseError::Validity)?;
        entries.push((serial, Revocation { at, reason }));
    }
    entries.sort_unstable_by_key(|(serial, _)| *serial);
    match entries
        .windows(2)
        .any(|pair| matches!(pair, [one, other] if one.0 == other.0))
    {
        true => Err(RevocationListError::RepeatedCertificate.into()),
        false => Ok(entries),
    }
}

/// Hands each extension to `take`, which says whether it knows it; refuses repeated, malformed and unknown critical ones.
fn each_once(
    extensions: &[Extension],
    mut take: impl FnMut(&Extension) -> der::Result<bool>,
) -> Result<(), ParseError> {
    for (index, extension) in extensions.iter().enumerate() {
        let oid = extension.extn_id;
        if extensions
            .iter()
            .take(index)
            .any(|earlier| earlier.extn_id == oid)
        {
            return Err(ParseError::RepeatedExtension(oid));
        }
        let known = take(extension).map_err(|source| ParseError::Extension { oid, source })?;
        // RFC 5280 §5.2 and §5.3: a list with an unknown critical extension must not be used.
        if !known && extension.critical {
            return Err(RevocationListError::UnknownCriticalExtension(oid).into());
        }
    }
    Ok(())
}

fn crl_number(value: &[u8]) -> der::Result<Option<u64>> {
    let number = Uint::from_der(value)?;
    // RFC 5280 §5.2.3: no longer than 20 octets.
    if number.as_bytes().len() > MAX_SERIAL_LEN {
        return Err(Tag::Integer.length_error().into());
    }
    Ok((number.as_bytes().len() <= 8).then(|| {
        number
            .as_bytes()
            .iter()
            .fold(0, |value, octet| value << 8 | u64::from(*octet))
    }))
}

fn crl_reason(value: &[u8]) -> der::Result<RevocationReason> {
    let code = Any::from_der(value)?;
    match (der::Tagged::tag(&code), code.value()) {
        (Tag::Enumerated, [number]) => RevocationReason::from_number(*number),
        _ => None,
    }
    .ok_or_else(|| Tag::Enumerated.value_error().into())
}

/// RFC 5280 §5.1.2.4: UTCTime through 2049, GeneralizedTime after.
fn proper_time(encoded: &Any) -> der::Result<Timestamp> {
    let instant = time::decode(encoded)?;
    if time::has_proper_tag(encoded, instant) {
        Ok(instant)
    } else {
        Err(der::Tagged::tag(encoded).value_error().into())
    }
}

impl Serial {
    fn new(content: &[u8]) -> Option<Self> {
        let mut octets = [0; MAX_SERIAL_LEN];
        octets.get_mut(..content.len())?.copy_from_slice(content);
        Some(Self {
            length: u8::try_from(content.len()).ok()?,
            octets,
        })
    }
}

/// Why bytes are no revocation list we can read, or one that another issued.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RevocationListError {
    /// Longer than [`MAX_LIST_LEN`].
    #[error("the list is longer than {MAX_LIST_LEN} octets")]
    TooLong,
    /// Not a DER CertificateList.
    #[error("the list is not well-formed DER")]
    Malformed(#[source] der::Error),
    /// Not version 2.
    #[error("the list's version is not 2")]
    Version,
    /// The field for revoked certificates is there and empty.
    #[error("the list has an empty field of revoked certificates")]
    EmptyField,
    /// A serial number of more than 20 octets.
    #[error("a serial number on the list is longer than {MAX_SERIAL_LEN} octets")]
    SerialTooLong,
    /// A certificate is on it twice.
    #[error("a certificate is on the list twice")]
    RepeatedCertificate,
    /// A critical extension nobody here understands: a delta list, a list of some certificates only, a foreign entry.
    #[error("the list has an unknown critical extension {0}")]
    UnknownCriticalExtension(ObjectIdentifier),
    /// The name is another's.
    #[error("the list names another issuer")]
    OtherIssuer,
    /// The authority key identifier is another key's.
    #[error("the list names another issuer key")]
    OtherIssuerKey,
    /// keyUsage of the issuer lacks cRLSign.
    #[error("the issuer may not sign lists")]
    MayNotSignLists,
    /// The signature is wrong.
    #[error("the list's signature does not verify")]
    Signature(#[from] VerificationError),
}
