//! What the lint finds.

use const_oid::ObjectIdentifier;
use thiserror::Error;

use crate::public_key::VerificationError;
use crate::x509::certificate::ParseError;

/// A broken rule. Findings never quote the person's data.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LintFinding {
    /// Not readable as a TBSCertificate at all.
    #[error("the certificate cannot be read")]
    Unreadable(#[source] ParseError),
    /// Not version 3.
    #[error("the version is not 3")]
    Version,
    /// The serial number is zero or negative (RFC 5280 §4.1.2.2).
    #[error("the serial number is not positive")]
    SerialNotPositive,
    /// More than 20 octets (RFC 5280 §4.1.2.2).
    #[error("the serial number is longer than 20 octets")]
    SerialTooLong,
    /// Fewer than 64 bits.
    #[error("the serial number has fewer than 64 bits")]
    SerialTooShort,
    /// Not the algorithm the issuer's key signs with, or with parameters.
    #[error("the signature algorithm is not the issuer key's")]
    SignatureAlgorithm,
    /// Not the issuer's subject, byte for byte.
    #[error("the issuer's name is not copied from its certificate")]
    IssuerName,
    /// UTCTime after 2049 or GeneralizedTime before 2050 (RFC 5280 §4.1.2.5).
    #[error("a time is encoded as the wrong type for its year")]
    TimeEncoding,
    /// Not exactly the profile's lifetime.
    #[error("the lifetime is not the profile's")]
    Lifetime,
    /// Begins before or ends after the issuer's own certificate.
    #[error("the validity is not inside the issuer's")]
    OutsideIssuerValidity,
    /// Attributes missing, added, doubled or in another order.
    #[error("the subject's attributes or their order are not the profile's")]
    SubjectAttributes,
    /// An attribute is not of the string type of the profile, or has characters that type does not allow.
    #[error("the subject attribute {0} has the wrong string type")]
    StringType(ObjectIdentifier),
    /// An attribute is empty, has spaces at its ends or control characters.
    #[error("the subject attribute {0} is empty or has stray characters")]
    StringContent(ObjectIdentifier),
    /// Not two upper-case letters.
    #[error("the country is not two upper-case letters")]
    Country,
    /// Not `SURNAME,GIVEN`.
    #[error("the common name is not surname, comma, given name")]
    CommonName,
    /// A responder whose organisation is not its authority's.
    #[error("the responder is not of the authority's organisation")]
    ResponderName,
    /// Not `PNO`, `PAS` or `IDC`, country, hyphen, code (ETSI EN 319 412-1 §5.1.3).
    #[error("the serialNumber attribute is not a semantics identifier")]
    SemanticsIdentifier,
    /// Not the semantics identifier, four characters and the level.
    #[error("the document number does not fit the subject and the level")]
    DocumentNumber,
    /// An end-entity key that is not RSA; an authority's, a time-stamping unit's or a list signer's that is not P-384; a
    /// responder's that is neither RSA nor of a known curve.
    #[error("the key is not of the profile's kind")]
    KeyKind,
    /// Not 65537.
    #[error("the public exponent is not 65537")]
    PublicExponent,
    /// Fewer than 2048 (a responder's: 3072) or more than 8192 bits.
    #[error("the modulus has {0} bits")]
    ModulusLength(usize),
    /// Even.
    #[error("the modulus is even")]
    ModulusEven,
    /// Divisible by a prime below 752 (CA/Browser Forum BR §6.1.6).
    #[error("the modulus has a small factor")]
    ModulusSmallFactor,
    /// An extension of the profile is missing.
    #[error("the extension {0} is missing")]
    ExtensionMissing(ObjectIdentifier),
    /// An extension is there that the profile does not have.
    #[error("the extension {0} does not belong here")]
    ExtensionUnexpected(ObjectIdentifier),
    /// An extension's critical flag is wrong.
    #[error("the extension {0} has the wrong criticality")]
    ExtensionCriticality(ObjectIdentifier),
    /// The extensions stand in another order than in the profile.
    #[error("the extensions are not in the profile's order")]
    ExtensionOrder,
    /// An extension's value is not the DER encoding of what it says.
    #[error("the extension {0} is not DER")]
    ExtensionEncoding(ObjectIdentifier),
    /// An extension does not say what the profile wants it to say.
    #[error("the extension {0} has the wrong content")]
    ExtensionContent(ObjectIdentifier),
    /// A person's certificate at a level the issuing authority does not issue at.
    #[error("the issuing authority does not issue at this level")]
    IssuerLevel,
    /// With a throw-away signature, the certificate is not read back as it is by a parser that is not ours.
    #[error("a second parser does not read the certificate as it is")]
    SecondParser,
    /// An issued certificate's signature is not its issuer's.
    #[error("the signature is not the issuer's")]
    Signature(#[source] VerificationError),
}

impl LintFinding {
    /// Stable code for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "lint_unreadable",
            Self::Version => "lint_version",
            Self::SerialNotPositive => "lint_serial_not_positive",
            Self::SerialTooLong => "lint_serial_too_long",
            Self::SerialTooShort => "lint_serial_too_short",
            Self::SignatureAlgorithm => "lint_signature_algorithm",
            Self::IssuerName => "lint_issuer_name",
            Self::TimeEncoding => "lint_time_encoding",
            Self::Lifetime => "lint_lifetime",
            Self::OutsideIssuerValidity => "lint_outside_issuer_validity",
            Self::SubjectAttributes => "lint_subject_attributes",
            Self::StringType(_) => "lint_string_type",
            Self::StringContent(_) => "lint_string_content",
            Self::Country => "lint_country",
            Self::CommonName => "lint_common_name",
            Self::ResponderName => "lint_responder_name",
            Self::SemanticsIdentifier => "lint_semantics_identifier",
            Self::DocumentNumber => "lint_document_number",
            Self::KeyKind => "lint_key_kind",
            Self::PublicExponent => "lint_public_exponent",
            Self::ModulusLength(_) => "lint_modulus_length",
            Self::ModulusEven => "lint_modulus_even",
            Self::ModulusSmallFactor => "lint_modulus_small_factor",
            Self::ExtensionMissing(_) => "lint_extension_missing",
            Self::ExtensionUnexpected(_) => "lint_extension_unexpected",
            Self::ExtensionCriticality(_) => "lint_extension_criticality",
            Self::ExtensionOrder => "lint_extension_order",
            Self::ExtensionEncoding(_) => "lint_extension_encoding",
            Self::ExtensionContent(_) => "lint_extension_content",
            Self::IssuerLevel => "lint_issuer_level",
            Self::SecondParser => "lint_second_parser",
            Self::Signature(_) => "lint_signature",
        }
    }
}
