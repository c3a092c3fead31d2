//! Making a token (RFC 3161 §2.4.2, ETSI EN 319 422 §5).

use const_oid::ObjectIdentifier;
use der::asn1::{Any, ContextSpecific, Int, OctetString};
use der::{Decode, Encode, TagMode, TagNumber};
use jiff::{SignedDuration, Timestamp};
use rand_core::CryptoRng;
use x509_cert::ext::Extension;

use super::failure::TimeStampFailure;
use super::request::{MessageImprint, TimeStampRequest};
use super::structures::{
    self, Accuracy, AlgorithmProtection, Attribute, ContentInfo, EncapsulatedContent, Encodable,
    EssCertIdV2, IssuerAndSerial, IssuerSerial, QcStatement, SetBytes, SignedData, SignerInfo,
    SigningCertificateV2, TstInfo,
};
use super::time;
use super::token::TimeStampToken;
use super::verify::TokenError;
use crate::digest::DigestAlgorithm;
use crate::oids;
use crate::signer::{SignatureAlgorithm, Signer};
use crate::x509::{Certificate, DistinguishedName, IssueError};

/// RFC 5652 §5.1: 3, because the content is not id-data.
const SIGNED_DATA_VERSION: u8 = 3;

/// RFC 5652 §5.3: 1, because the signer is named by issuer and serial number.
const SIGNER_INFO_VERSION: u8 = 1;

/// What stamps: the unit's certificate and its statements about itself.
#[derive(Debug, Clone)]
pub struct TimeStampingUnit {
    /// The unit's certificate.
    pub certificate: Certificate,
    /// Certificates above it, to be embedded with it when certReq is set; may be empty.
    pub chain: Vec<Certificate>,
    /// The policy it stamps under, `0.4.0.2023.1.1` (best-practices policy of EN 319 421).
    pub policy: ObjectIdentifier,
    /// How far its clock may be off, the fraction of a second that genTime drops included; to the microsecond.
    pub accuracy: SignedDuration,
    /// Whether tokens say that they are qualified (qcStatements `0.4.0.19422.1.1`).
    pub qualified: bool,
}

/// A token before it is signed.
#[derive(Debug)]
pub struct UnsignedToken {
    tst_info: Vec<u8>,
    signed_attributes: SetBytes,
    algorithm: SignatureAlgorithm,
    certificate: Certificate,
    embedded: Option<SetBytes>,
    imprint: MessageImprint,
    nonce: Option<Int>,
}

impl UnsignedToken {
    /// Builds TSTInfo and signed attributes. The serial number is drawn from `rng` (at least 126 bits, so that it is unique
    /// after any restart, RFC 3161 §2.4.2).
    ///
    /// # Errors
    /// The failure to answer: a policy that the unit does not have; a time outside the certificate's validity, or a unit
    /// that cannot stamp ([`TimeStampFailure::SystemFailure`]).
    pub fn build<R>(
        request: &TimeStampRequest,
        unit: &TimeStampingUnit,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<Self, TimeStampFailure>
    where
        R: CryptoRng + ?Sized,
    {
        if request.policy.is_some_and(|policy| policy != unit.policy) {
            return Err(TimeStampFailure::UnacceptedPolicy);
        }
        let time = time::encode(now).ok_or(TimeStampFailure::TimeNotAvailable)?;
        // ETSI EN 319 421 §7.7.1: no stamp after the end of the unit's key.
        if !unit.certificate.is_valid_at(now) {
            return Err(TimeStampFailure::SystemFailure);
        }
        let algorithm = unit
            .certificate
            .public_key()
            .signature_algorithm()
            .ok_or(TimeStampFailure::SystemFailure)?;
        let mut serial = [0; 16];
        rng.fill_bytes(&mut serial);
        let encode = || -> der::Result<Self> {
            let tst_info = tst_info(request, unit, time, &positive(serial))?;
            Ok(Self {
                signed_attributes: signed_attributes(&tst_info, &unit.certificate, algorithm)?,
                tst_info,
                algorithm,
                certificate: unit.certificate.clone(),
                embedded: request
                    .wants_certificates
                    .then(|| embedded(unit))
                    .transpose()?,
                imprint: request.imprint.clone(),
                nonce: request.nonce.clone(),
            })
        };
        encode().map_err(|_| TimeStampFailure::SystemFailure)
    }

    /// Signs, reads back and verifies under the unit's certificate.
    ///
    /// # Errors
    /// [`IssueError`]; no token exists then.
    pub fn sign(&self, signer: &dyn Signer) -> Result<TimeStampToken, IssueError> {
        if signer.public_key_spki() != self.certificate.public_key().spki_der() {
            return Err(IssueError::WrongSigner);
        }
        if signer.algorithm() != self.algorithm {
            return Err(IssueError::WrongAlgorithm);
        }
        // RFC 5652 §5.4: signed is the SET OF, not the [0] that stands in the message.
        let message = self
            .signed_attributes
            .to_der()
            .map_err(IssueError::Encoding)?;
        let signature = signer.sign(&message)?;
        let der = self.assemble(&signature).map_err(IssueError::Encoding)?;
        // A faulty device or a fault attack must not put a bad signature into the world.
        let token = TimeStampToken::parse(&der).map_err(|_| IssueError::Changed)?;
        if token.tst_info_der() != self.tst_info {
            return Err(IssueError::Changed);
        }
        token
            .verify(
                &self.certificate,
                &self.imprint,
                self.nonce.as_ref().map(Int::as_bytes),
            )
            .map_err(|error| match error {
                TokenError::Signature(error) => IssueError::Unverified(error),
                _ => IssueError::Changed,
            })?;
        Ok(token)
    }

    fn assemble(&self, signature: &[u8]) -> der::Result<Vec<u8>> {
        let digest_algorithm = DigestAlgorithm::of_signature(self.algorithm).identifier();
        let signer = SignerInfo {
            version: SIGNER_INFO_VERSION,
            signer: IssuerAndSerial {
                issuer: Any::from_der(self.certificate.issuer().der())?,
                serial: Int::new(self.certificate.serial().as_bytes())?,
            },
            digest_algorithm: digest_algorithm.clone(),
            signed_attributes: self.signed_attributes.clone(),
            signature_algorithm: self.algorithm.identifier(),
            signature: OctetString::new(signature)?,
            unsigned_attributes: None,
        };
        ContentInfo {
            content_type: structures::SIGNED_DATA,
            content: SignedData {
                version: SIGNED_DATA_VERSION,
                digest_algorithms: SetBytes::new(&[&digest_algorithm])?,
                content: EncapsulatedContent {
                    content_type: structures::TST_INFO,
                    content: OctetString::new(self.tst_info.as_slice())?,
                },
                certificates: self.embedded.clone(),
                revocation: None,
                signers: SetBytes::new(&[&signer])?,
            },
        }
        .to_der()
    }
}

fn tst_info(
    request: &TimeStampRequest,
    unit: &TimeStampingUnit,
    time: Any,
    serial: &[u8],
) -> der::Result<Vec<u8>> {
    let statement = || {
        Ok::<_, der::Error>(Extension {
            extn_id: oids::QC_STATEMENTS,
            // ETSI EN 319 422 §9.1: not critical.
            critical: false,
            extn_value: OctetString::new(
                vec![QcStatement {
                    id: structures::QUALIFIED_TIME_STAMP,
                }]
                .to_der()?,
            )?,
        })
    };
    TstInfo {
        version: Int::new(&[1])?,
        policy: unit.policy,
        message_imprint: request.imprint_der.clone(),
        serial: Int::new(serial)?,
        time,
        accuracy: Some(Accuracy::new(unit.accuracy)),
        // ETSI EN 319 422 §5.2.2: absent or false.
        ordering: false,
        nonce: request.nonce.clone(),
        authority: Some(directory_name(unit.certificate.subject())?),
        extensions: unit
            .qualified
            .then(|| Ok::<_, der::Error>(vec![statement()?]))
            .transpose()?,
    }
    .to_der()
}

fn signed_attributes(
    tst_info: &[u8],
    certificate: &Certificate,
    algorithm: SignatureAlgorithm,
) -> der::Result<SetBytes> {
    let digest = DigestAlgorithm::of_signature(algorithm);
    let certificate_id = EssCertIdV2 {
        // DER leaves the default out.
        algorithm: (digest != DigestAlgorithm::Sha256).then(|| digest.identifier()),
        digest: OctetString::new(digest.digest(certificate.der()))?,
        issuer_serial: Some(IssuerSerial {
            issuer: vec![directory_name(certificate.issuer())?],
            serial: Int::new(certificate.serial().as_bytes())?,
        }),
    };
    let content_type = attribute(structures::CONTENT_TYPE, &structures::TST_INFO)?;
    let message_digest = attribute(
        structures::MESSAGE_DIGEST,
        &OctetString::new(digest.digest(tst_info))?,
    )?;
    let signing_certificate = attribute(
        structures::SIGNING_CERTIFICATE_V2,
        &SigningCertificateV2 {
            certificates: vec![certificate_id],
            policies: None,
        },
    )?;
    let protection = attribute(
        structures::ALGORITHM_PROTECTION,
        &AlgorithmProtection {
            digest_algorithm: digest.identifier(),
            signature_algorithm: algorithm.identifier(),
        },
    )?;
    // No signingTime: genTime says it, and two times could differ.
    SetBytes::new(&[
        &content_type,
        &message_digest,
        &signing_certificate,
        &protection,
    ])
}

fn attribute(oid: ObjectIdentifier, value: &dyn Encodable) -> der::Result<Attribute> {
    Ok(Attribute {
        oid,
        values: SetBytes::new(&[value])?,
    })
}

fn embedded(unit: &TimeStampingUnit) -> der::Result<SetBytes> {
    let certificates = std::iter::once(&unit.certificate)
        .chain(&unit.chain)
        .map(|certificate| Any::from_der(certificate.der()))
        .collect::<der::Result<Vec<_>>>()?;
    let certificates: Vec<&dyn Encodable> = certificates
        .iter()
        .map(|certificate| certificate as &dyn Encodable)
        .collect();
    SetBytes::new(&certificates)
}

/// GeneralName directoryName (RFC 5280 §4.2.1.6): `[4]`, explicit because Name is a choice.
pub(super) fn directory_name(name: &DistinguishedName) -> der::Result<Any> {
    let tagged = ContextSpecific {
        tag_number: TagNumber(4),
        tag_mode: TagMode::Explicit,
        value: Any::from_der(name.der())?,
    };
    Any::from_der(&tagged.to_der()?)
}

/// Sixteen octets that DER neither shortens nor reads as negative.
fn positive(mut serial: [u8; 16]) -> [u8; 16] {
    let [first, ..] = &mut serial;
    *first &= 0x7f;
    if *first == 0 {
        *first = 0x40;
    }
    serial
}

impl Accuracy {
    /// Rounded up to the next microsecond: nothing more exact is claimed than holds.
    fn new(accuracy: SignedDuration) -> Self {
        let micros = accuracy.unsigned_abs().as_nanos().div_ceil(1000);
        let part = |value: u128| u16::try_from(value).ok().filter(|part| *part > 0);
        Self {
            seconds: u32::try_from(micros / 1_000_000)
                .ok()
                .filter(|seconds| *seconds > 0),
            millis: part(micros / 1000 % 1000),
            micros: part(micros % 1000),
        }
    }
}
