//! A certificate read from DER or PEM.

use std::fmt;

use const_oid::ObjectIdentifier;
use der::Decode;
use der::pem::LineEnding;
use jiff::Timestamp;
use jiff::civil::Date;
use spki::AlgorithmIdentifierOwned;
use thiserror::Error;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage};

use super::extensions::{ExtensionError, Extensions, QcStatements};
use super::name::DistinguishedName;
use super::profile::{Level, SchemeOids};
use super::tbs::{self, TbsCertificate};
use super::time;
use crate::crl::RevocationListError;
use crate::oids;
use crate::public_key::{PublicKey, PublicKeyError, VerificationError};
use crate::signed::Signed;

/// Larger than any certificate we issue or meet (SK's are below 2.5 KiB); bounds the work a stranger can cause.
const MAX_DER_LEN: usize = 16 * 1024;

const PEM_LABEL: &str = "CERTIFICATE";

/// A certificate with its exact bytes. Parsing proves nothing about who issued it: see
/// [`verify_chain`](super::verify_chain).
#[derive(Clone)]
pub struct Certificate {
    der: Vec<u8>,
    tbs: Vec<u8>,
    signature: Vec<u8>,
    pub(crate) facts: Facts,
}

/// What a TBSCertificate says.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) version: u8,
    pub(crate) serial: SerialNumber,
    pub(crate) signature_algorithm: AlgorithmIdentifierOwned,
    pub(crate) issuer: DistinguishedName,
    pub(crate) subject: DistinguishedName,
    pub(crate) validity: tbs::Validity,
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
    pub(crate) public_key: PublicKey,
    pub(crate) extensions: Extensions,
}

impl Certificate {
    /// Reads a DER certificate. Strict: DER only, nothing after it, both algorithm fields equal, no extension twice,
    /// known extensions well-formed.
    ///
    /// # Errors
    /// [`ParseError`] says which part is wrong.
    pub fn parse(der: &[u8]) -> Result<Self, ParseError> {
        if der.len() > MAX_DER_LEN {
            return Err(ParseError::TooLong);
        }
        let outer = Signed::read(der).map_err(ParseError::Malformed)?;
        let facts = Facts::read(outer.tbs)?;
        // RFC 5280 §4.1.1.2: the outer algorithm identifier is not signed, so it must repeat the signed one.
        if outer.algorithm != facts.signature_algorithm {
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
            signature,
            facts,
        })
    }

    /// Reads every certificate of a PEM text, in order; text around them is ignored.
    ///
    /// # Errors
    /// [`ParseError::Pem`] if there is none or one is damaged; otherwise as [`Certificate::parse`].
    pub fn parse_pem(text: &str) -> Result<Vec<Self>, ParseError> {
        const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
        const END: &str = "-----END CERTIFICATE-----";
        let mut certificates = Vec::new();
        let mut rest = text;
        while let Some((_, body)) = rest.split_once(BEGIN) {
            let (body, after) = body.split_once(END).ok_or(ParseError::Pem)?;
            let (_, der) = der::pem::decode_vec(format!("{BEGIN}{body}{END}\n").as_bytes())
                .map_err(|_| ParseError::Pem)?;
            certificates.push(Self::parse(&der)?);
            rest = after;
        }
        if certificates.is_empty() {
            Err(ParseError::Pem)
        } else {
            Ok(certificates)
        }
    }

    /// The certificate as PEM with a final line feed.
    pub fn to_pem(&self) -> String {
        der::pem::encode_string(PEM_LABEL, LineEnding::LF, &self.der)
            .expect("a certificate is far shorter than PEM's limit")
    }

    /// The exact DER bytes.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The signed part, exactly.
    pub fn tbs_der(&self) -> &[u8] {
        &self.tbs
    }

    /// The signature value.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// The object identifier of the signature algorithm.
    pub fn signature_algorithm_oid(&self) -> ObjectIdentifier {
        self.facts.signature_algorithm.oid
    }

    /// Verifies this certificate's signature under `issuer`; names and validity are not looked at. RSA signatures (PKCS #1
    /// v1.5 with SHA-256 or SHA-512) verify here, but not in [`verify_chain`](super::verify_chain).
    ///
    /// # Errors
    /// [`VerificationError`] if the algorithm is none we verify or the signature is wrong.
    pub fn verify_signature(&self, issuer: &PublicKey) -> Result<(), VerificationError> {
        Signed::verify(
            &self.facts.signature_algorithm,
            issuer,
            &self.tbs,
            &self.signature,
        )
    }

    /// The serial number.
    pub fn serial(&self) -> &SerialNumber {
        &self.facts.serial
    }

    /// The issuer's name.
    pub fn issuer(&self) -> &DistinguishedName {
        &self.facts.issuer
    }

    /// The subject's name.
    pub fn subject(&self) -> &DistinguishedName {
        &self.facts.subject
    }

    /// The first second of validity.
    pub fn not_before(&self) -> Timestamp {
        self.facts.not_before
    }

    /// The last second of validity.
    pub fn not_after(&self) -> Timestamp {
        self.facts.not_after
    }

    /// Whether `at` lies within the validity; the last second counts in full.
    pub fn is_valid_at(&self, at: Timestamp) -> bool {
        self.facts.not_before <= at && at.as_second() <= self.facts.not_after.as_second()
    }

    /// The public key.
    pub fn public_key(&self) -> &PublicKey {
        &self.facts.public_key
    }

    /// keyUsage, if present.
    pub fn key_usage(&self) -> Option<KeyUsage> {
        self.facts.extensions.key_usage
    }

    /// extKeyUsage; empty if absent.
    pub fn extended_key_usage(&self) -> &[ObjectIdentifier] {
        &self.facts.extensions.extended_key_usage
    }

    /// The certificate policies, in order.
    pub fn policies(&self) -> impl Iterator<Item = ObjectIdentifier> {
        self.facts
            .extensions
            .policies
            .iter()
            .map(|policy| policy.policy_identifier)
    }

    /// basicConstraints say `cA`.
    pub fn is_ca(&self) -> bool {
        self.basic_constraints()
            .is_some_and(|constraints| constraints.ca)
    }

    /// The document number (`PNOEE-40504040001-DEM0-Q`) from the alternative name; absent in certificates before 2021.
    pub fn document_number(&self) -> Option<String> {
        self.facts.extensions.document_number()
    }

    /// The date of birth attribute (RFC 3739 §3.2.2). It wins over what the personal code says.
    pub fn date_of_birth(&self) -> Option<Date> {
        self.facts.extensions.birth()
    }

    /// The statements of a qualified certificate, if present.
    pub fn qc_statements(&self) -> Option<&QcStatements> {
        self.facts.extensions.qc_statements.as_ref()
    }

    /// The level by the scheme's policy; `None` if neither of its policies is there.
    pub fn level(&self, oids: &SchemeOids) -> Option<Level> {
        let has = |policy| self.policies().any(|found| found == policy);
        [Level::Qualified, Level::Basic]
            .into_iter()
            .find(|level| has(oids.policy(*level)))
    }

    /// Whether this certificate claims to make qualified electronic signatures: QcCompliance, a qualified device (QcSSCD
    /// or the QCP-n-qscd policy) and type eSign. A claim, until a trusted list confirms it.
    pub fn claims_qualified_signatures(&self) -> bool {
        let device_policy = self
            .policies()
            .any(|policy| policy == oids::QUALIFIED_POLICY_WITH_DEVICE);
        self.qc_statements().is_some_and(|statements| {
            statements.claims_compliance()
                && (device_policy || statements.claims_device())
                && statements.is_for_electronic_signatures()
        })
    }

    /// The address of the issuer's OCSP responder.
    pub fn ocsp_url(&self) -> Option<&str> {
        self.facts.extensions.access_url(oids::OCSP)
    }

    /// The address of the issuer's certificate.
    pub fn ca_issuers_url(&self) -> Option<&str> {
        self.facts.extensions.access_url(oids::CA_ISSUERS)
    }

    /// The addresses of the issuer's revocation lists.
    pub fn crl_urls(&self) -> &[String] {
        &self.facts.extensions.crl_urls
    }

    /// The subject key identifier, if present.
    pub fn subject_key_identifier(&self) -> Option<&[u8]> {
        self.facts.extensions.subject_key_identifier.as_deref()
    }

    /// The authority key identifier, if present.
    pub fn authority_key_identifier(&self) -> Option<&[u8]> {
        self.facts.extensions.authority_key_identifier.as_deref()
    }

    pub(crate) fn basic_constraints(&self) -> Option<&BasicConstraints> {
        self.facts.extensions.basic_constraints.as_ref()
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The serial identifies it for an operator; the subject would put a person into a log.
        write!(f, "Certificate(serial {})", self.facts.serial)
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for Certificate {}

impl Facts {
    pub(crate) fn read(tbs: &[u8]) -> Result<Self, ParseError> {
        let skeleton = TbsCertificate::from_der(tbs).map_err(ParseError::Malformed)?;
        Self::read_skeleton(skeleton)
    }

    fn read_skeleton(skeleton: TbsCertificate) -> Result<Self, ParseError> {
        let name =
            |part| DistinguishedName::from_der(&tbs::bytes_of(part)).map_err(ParseError::Name);
        let extensions = skeleton.extensions.as_deref().unwrap_or_default();
        Ok(Self {
            version: skeleton.version,
            serial: SerialNumber(skeleton.serial_number.as_bytes().to_vec()),
            issuer: name(&skeleton.issuer)?,
            subject: name(&skeleton.subject)?,
            not_before: time::decode(&skeleton.validity.not_before)
                .map_err(ParseError::Validity)?,
            not_after: time::decode(&skeleton.validity.not_after).map_err(ParseError::Validity)?,
            public_key: PublicKey::from_spki_der(&tbs::bytes_of(
                &skeleton.subject_public_key_info,
            ))?,
            extensions: Extensions::read(extensions)?,
            signature_algorithm: skeleton.signature,
            validity: skeleton.validity,
        })
    }
}

/// A certificate's serial number: the content octets of its INTEGER, big-endian two's complement.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SerialNumber(pub(crate) Vec<u8>);

impl SerialNumber {
    /// A serial number that was read from [`SerialNumber::as_bytes`] before.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The content octets; the first is below 0x80 in a conforming certificate.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for SerialNumber {
    /// Upper-case hexadecimal, as `openssl x509 -serial` prints it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02X}"))
    }
}

/// Why bytes are not a certificate or a revocation list we can read. All of them are the sender's fault.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ParseError {
    /// Longer than 16 KiB.
    #[error("the certificate is longer than {MAX_DER_LEN} octets")]
    TooLong,
    /// No PEM certificate, or a damaged one.
    #[error("the text is not a PEM certificate")]
    Pem,
    /// Not a DER certificate.
    #[error("the certificate is not well-formed DER")]
    Malformed(#[source] der::Error),
    /// Issuer or subject is not a name.
    #[error("a name in the certificate is not well-formed")]
    Name(#[source] der::Error),
    /// A time is not in the form of RFC 5280 §4.1.2.5.
    #[error("a time in the certificate is not well-formed")]
    Validity(#[source] der::Error),
    /// The public key is refused.
    #[error("the certificate's public key is refused")]
    PublicKey(#[from] PublicKeyError),
    /// The unsigned algorithm identifier differs from the signed one.
    #[error("the two signature algorithm fields differ")]
    AlgorithmsDiffer,
    /// The signature does not end on an octet.
    #[error("the signature has unused bits")]
    SignatureBits,
    /// Not a revocation list.
    #[error("the revocation list is refused")]
    RevocationList(#[from] RevocationListError),
    /// An extension is there twice.
    #[error("the extension {0} is repeated")]
    RepeatedExtension(ObjectIdentifier),
    /// A known extension is malformed.
    #[error("the extension {oid} is not well-formed")]
    Extension {
        /// Which.
        oid: ObjectIdentifier,
        /// What is wrong with it.
        source: der::Error,
    },
}

impl From<ExtensionError> for ParseError {
    fn from(error: ExtensionError) -> Self {
        match error {
            ExtensionError::Repeated(oid) => Self::RepeatedExtension(oid),
            ExtensionError::Malformed { oid, source } => Self::Extension { oid, source },
        }
    }
}

#[cfg(test)]
mod tests;
