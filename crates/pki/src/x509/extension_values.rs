//! The DER of the extension values our profiles use.

use const_oid::ObjectIdentifier;
use der::asn1::{Any, Ia5String, OctetString, PrintableString, SetOfVec};
use der::{Decode, Encode, Sequence};
use jiff::civil::Date;
use x509_cert::attr::Attribute;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::certpolicy::{PolicyInformation, PolicyQualifierInfo};
use x509_cert::ext::pkix::crl::dp::DistributionPoint;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};
use x509_cert::ext::pkix::{
    AccessDescription, AuthorityInfoAccessSyntax, AuthorityKeyIdentifier, BasicConstraints,
    CertificatePolicies, CrlDistributionPoints, ExtendedKeyUsage, SubjectAltName,
    SubjectDirectoryAttributes, SubjectKeyIdentifier,
};
use x509_cert::name::Name;

use super::name::DistinguishedName;
use super::time;
use crate::oids;

/// ETSI EN 319 412-5 §4.3.4 wants the language as two lower-case letters.
pub(crate) const DISCLOSURE_LANGUAGE: &str = "en";

pub(crate) fn extension(
    oid: ObjectIdentifier,
    critical: bool,
    value: &impl Encode,
) -> der::Result<Extension> {
    Ok(Extension {
        extn_id: oid,
        critical,
        extn_value: OctetString::new(value.to_der()?)?,
    })
}

/// `cA` false is the empty SEQUENCE: DER omits defaults.
pub(crate) fn basic_constraints(ca: bool, path_length: Option<u8>) -> BasicConstraints {
    BasicConstraints {
        ca,
        path_len_constraint: path_length,
    }
}

pub(crate) fn extended_key_usage(usage: ObjectIdentifier) -> ExtendedKeyUsage {
    ExtendedKeyUsage(vec![usage])
}

pub(crate) fn authority_key_identifier(identifier: &[u8]) -> der::Result<AuthorityKeyIdentifier> {
    Ok(AuthorityKeyIdentifier {
        key_identifier: Some(OctetString::new(identifier)?),
        authority_cert_issuer: None,
        authority_cert_serial_number: None,
    })
}

pub(crate) fn subject_key_identifier(identifier: &[u8]) -> der::Result<SubjectKeyIdentifier> {
    Ok(SubjectKeyIdentifier(OctetString::new(identifier)?))
}

/// caIssuers first, then OCSP: the order of the real certificates.
pub(crate) fn authority_information_access(
    ca_issuers: &str,
    ocsp: Option<&str>,
) -> der::Result<AuthorityInfoAccessSyntax> {
    let mut descriptions = vec![access(oids::CA_ISSUERS, ca_issuers)?];
    if let Some(ocsp) = ocsp {
        descriptions.push(access(oids::OCSP, ocsp)?);
    }
    Ok(AuthorityInfoAccessSyntax(descriptions))
}

fn access(method: ObjectIdentifier, url: &str) -> der::Result<AccessDescription> {
    Ok(AccessDescription {
        access_method: method,
        access_location: GeneralName::UniformResourceIdentifier(Ia5String::new(url)?),
    })
}

pub(crate) fn crl_distribution_points(url: &str) -> der::Result<CrlDistributionPoints> {
    let name = GeneralName::UniformResourceIdentifier(Ia5String::new(url)?);
    Ok(CrlDistributionPoints(vec![DistributionPoint {
        distribution_point: Some(DistributionPointName::FullName(vec![name])),
        reasons: None,
        crl_issuer: None,
    }]))
}

/// The first policy points to the practice statement; `more` stand bare.
pub(crate) fn certificate_policies(
    first: ObjectIdentifier,
    practice_statement_url: &str,
    more: &[ObjectIdentifier],
) -> der::Result<CertificatePolicies> {
    let qualifier = PolicyQualifierInfo {
        policy_qualifier_id: oids::PRACTICE_STATEMENT,
        qualifier: Some(Any::encode_from(&Ia5String::new(practice_statement_url)?)?),
    };
    let mut policies = vec![PolicyInformation {
        policy_identifier: first,
        policy_qualifiers: Some(vec![qualifier]),
    }];
    policies.extend(more.iter().map(|oid| PolicyInformation {
        policy_identifier: *oid,
        policy_qualifiers: None,
    }));
    Ok(CertificatePolicies(policies))
}

/// One directoryName with one commonName: the document number.
pub(crate) fn document_number(number: &str) -> der::Result<SubjectAltName> {
    let name = DistinguishedName::build(&[(oids::COMMON_NAME, number)])?;
    Ok(SubjectAltName(vec![GeneralName::DirectoryName(
        Name::from_der(name.der())?,
    )]))
}

pub(crate) fn date_of_birth(date: Date) -> der::Result<SubjectDirectoryAttributes> {
    let mut values = SetOfVec::new();
    values.insert(time::encode_date_of_birth(date)?)?;
    Ok(SubjectDirectoryAttributes(vec![Attribute {
        oid: oids::DATE_OF_BIRTH,
        values,
    }]))
}

/// The statements of a qualified signature certificate, in the order SK's carry them.
pub(crate) fn qc_statements(disclosure_statement_url: &str) -> der::Result<Vec<QcStatement>> {
    let disclosure = DisclosureLocation {
        url: Ia5String::new(disclosure_statement_url)?,
        language: PrintableString::new(DISCLOSURE_LANGUAGE)?,
    };
    Ok(vec![
        statement(
            oids::QC_SYNTAX_V2,
            Some(Any::encode_from(&vec![oids::SEMANTICS_NATURAL_PERSON])?),
        ),
        statement(oids::QC_COMPLIANCE, None),
        statement(oids::QC_DEVICE, None),
        statement(
            oids::QC_TYPE,
            Some(Any::encode_from(&vec![oids::QC_TYPE_ESIGN])?),
        ),
        statement(
            oids::QC_DISCLOSURE,
            Some(Any::encode_from(&vec![disclosure])?),
        ),
    ])
}

fn statement(id: ObjectIdentifier, info: Option<Any>) -> QcStatement {
    QcStatement { id, info }
}

/// RFC 3739 §3.2.6.
#[derive(Clone, Debug, Sequence)]
pub(crate) struct QcStatement {
    pub(crate) id: ObjectIdentifier,
    #[asn1(optional = "true")]
    pub(crate) info: Option<Any>,
}

/// ETSI EN 319 412-5 §4.3.4, `PdsLocation`.
#[derive(Clone, Debug, Sequence)]
pub(crate) struct DisclosureLocation {
    pub(crate) url: Ia5String,
    pub(crate) language: PrintableString,
}
