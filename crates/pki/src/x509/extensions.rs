//! Extensions as read from a certificate.

use const_oid::ObjectIdentifier;
use der::asn1::{Any, Null};
use der::{DecodeOwned, Encode};
use jiff::civil::Date;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::certpolicy::PolicyInformation;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};
use x509_cert::ext::pkix::{
    AccessDescription, AuthorityInfoAccessSyntax, AuthorityKeyIdentifier, BasicConstraints,
    CertificatePolicies, CrlDistributionPoints, ExtendedKeyUsage, KeyUsage, SubjectAltName,
    SubjectDirectoryAttributes, SubjectKeyIdentifier,
};

use super::extension_values::{DisclosureLocation, QcStatement};
use super::name::DistinguishedName;
use super::time;
use crate::oids;

/// The decoded extensions of a certificate.
#[derive(Debug, Clone, Default)]
pub(crate) struct Extensions {
    /// Identifier and criticality in the order found.
    pub(crate) order: Vec<(ObjectIdentifier, bool)>,
    /// Known extensions whose value is not the one DER encoding of what it says (unsorted sets, trailing zero bits).
    pub(crate) not_canonical: Vec<ObjectIdentifier>,
    pub(crate) basic_constraints: Option<BasicConstraints>,
    pub(crate) key_usage: Option<KeyUsage>,
    pub(crate) extended_key_usage: Vec<ObjectIdentifier>,
    pub(crate) policies: Vec<PolicyInformation>,
    pub(crate) authority_key_identifier: Option<Vec<u8>>,
    pub(crate) subject_key_identifier: Option<Vec<u8>>,
    pub(crate) access: Vec<AccessDescription>,
    pub(crate) crl_urls: Vec<String>,
    pub(crate) alternative_names: Vec<GeneralName>,
    pub(crate) date_of_birth: Option<Any>,
    /// How many values the subject directory attributes have, of whatever type.
    pub(crate) directory_attributes: usize,
    pub(crate) qc_statements: Option<QcStatements>,
}

impl Extensions {
    /// Reads all extensions that are known here; the rest is only listed in `order`.
    pub(crate) fn read(extensions: &[Extension]) -> Result<Self, ExtensionError> {
        let mut read = Self::default();
        for extension in extensions {
            // RFC 5280 §4.2: not more than one instance of an extension.
            if read.order.iter().any(|(oid, _)| *oid == extension.extn_id) {
                return Err(ExtensionError::Repeated(extension.extn_id));
            }
            read.order.push((extension.extn_id, extension.critical));
            read.take(extension)
                .map_err(|source| ExtensionError::Malformed {
                    oid: extension.extn_id,
                    source,
                })?;
        }
        Ok(read)
    }

    fn take(&mut self, extension: &Extension) -> der::Result<()> {
        match extension.extn_id {
            oids::BASIC_CONSTRAINTS => {
                self.basic_constraints = Some(self.value::<BasicConstraints>(extension)?)
            }
            oids::KEY_USAGE => self.key_usage = Some(self.value::<KeyUsage>(extension)?),
            oids::EXTENDED_KEY_USAGE => {
                self.extended_key_usage = self.value::<ExtendedKeyUsage>(extension)?.0
            }
            oids::CERTIFICATE_POLICIES => {
                self.policies = self.value::<CertificatePolicies>(extension)?.0
            }
            oids::AUTHORITY_KEY_IDENTIFIER => {
                let identifier = self
                    .value::<AuthorityKeyIdentifier>(extension)?
                    .key_identifier;
                self.authority_key_identifier = identifier.map(|octets| octets.as_bytes().to_vec());
            }
            oids::SUBJECT_KEY_IDENTIFIER => {
                let identifier = self.value::<SubjectKeyIdentifier>(extension)?;
                self.subject_key_identifier = Some(identifier.0.as_bytes().to_vec());
            }
            oids::AUTHORITY_INFORMATION_ACCESS => {
                self.access = self.value::<AuthorityInfoAccessSyntax>(extension)?.0
            }
            oids::CRL_DISTRIBUTION_POINTS => {
                let points = self.value::<CrlDistributionPoints>(extension)?;
                self.crl_urls = crl_urls(&points);
            }
            oids::SUBJECT_ALTERNATIVE_NAME => {
                self.alternative_names = self.value::<SubjectAltName>(extension)?.0
            }
            oids::SUBJECT_DIRECTORY_ATTRIBUTES => {
                let attributes = self.value::<SubjectDirectoryAttributes>(extension)?.0;
                self.directory_attributes = attributes
                    .iter()
                    .map(|attribute| attribute.values.len())
                    .sum();
                let birth = attributes
                    .into_iter()
                    .find(|attribute| attribute.oid == oids::DATE_OF_BIRTH);
                self.date_of_birth =
                    birth.and_then(|attribute| attribute.values.iter().next().cloned());
                if let Some(time) = &self.date_of_birth {
                    time::decode_date_of_birth(time)?;
                }
            }
            oids::QC_STATEMENTS => {
                let statements = self.value::<Vec<QcStatement>>(extension)?;
                self.qc_statements = Some(QcStatements::read(&statements)?);
            }
            // RFC 6960 §4.2.2.2.1: the value is NULL.
            oids::OCSP_NO_CHECK => {
                self.value::<Null>(extension)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn value<T>(&mut self, extension: &Extension) -> der::Result<T>
    where
        T: DecodeOwned<Error = der::Error> + Encode,
    {
        let bytes = extension.extn_value.as_bytes();
        let value = T::from_der(bytes)?;
        if value.to_der()? != bytes {
            self.not_canonical.push(extension.extn_id);
        }
        Ok(value)
    }

    /// Critical extensions that nothing here understands.
    pub(crate) fn unknown_critical(&self) -> impl Iterator<Item = ObjectIdentifier> {
        self.order
            .iter()
            .filter(|(oid, critical)| *critical && !is_known(oid))
            .map(|(oid, _)| *oid)
    }

    /// The document number: the commonName of the first directoryName among the alternative names.
    pub(crate) fn document_number(&self) -> Option<String> {
        let name = self.alternative_names.iter().find_map(|name| match name {
            GeneralName::DirectoryName(name) => Some(name),
            _ => None,
        })?;
        let name = DistinguishedName::from_der(&name.to_der().ok()?).ok()?;
        name.common_name().map(str::to_owned)
    }

    pub(crate) fn birth(&self) -> Option<Date> {
        self.date_of_birth
            .as_ref()
            .and_then(|time| time::decode_date_of_birth(time).ok())
    }

    /// The first address given for an access method.
    pub(crate) fn access_url(&self, method: ObjectIdentifier) -> Option<&str> {
        self.access
            .iter()
            .filter(|access| access.access_method == method)
            .find_map(|access| url(&access.access_location))
    }
}

/// The statements of a qualified certificate (RFC 3739 §3.2.6, ETSI EN 319 412-5).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QcStatements {
    /// All statements in the order found.
    pub order: Vec<ObjectIdentifier>,
    /// The semantics identifiers of the subject's name (ETSI EN 319 412-1 §5.1).
    pub semantics: Vec<ObjectIdentifier>,
    /// QcType: what the certificate is qualified for.
    pub types: Vec<ObjectIdentifier>,
    /// Disclosure statements: address and language.
    pub disclosure_statements: Vec<(String, String)>,
}

impl QcStatements {
    fn read(statements: &[QcStatement]) -> der::Result<Self> {
        let mut read = Self::default();
        for statement in statements {
            read.order.push(statement.id);
            match statement.id {
                oids::QC_SYNTAX_V2 => read.semantics = info(statement)?,
                oids::QC_TYPE => read.types = info(statement)?,
                oids::QC_DISCLOSURE => {
                    let locations: Vec<DisclosureLocation> = info(statement)?;
                    let pairs = locations
                        .iter()
                        .map(|at| (at.url.as_str().to_owned(), at.language.as_str().to_owned()));
                    read.disclosure_statements = pairs.collect();
                }
                _ => {}
            }
        }
        Ok(read)
    }

    /// QcCompliance: the issuer claims that this is an EU qualified certificate.
    pub fn claims_compliance(&self) -> bool {
        self.order.contains(&oids::QC_COMPLIANCE)
    }

    /// QcSSCD: the key is on a qualified signature creation device.
    pub fn claims_device(&self) -> bool {
        self.order.contains(&oids::QC_DEVICE)
    }

    /// QcType contains eSign.
    pub fn is_for_electronic_signatures(&self) -> bool {
        self.types.contains(&oids::QC_TYPE_ESIGN)
    }
}

/// Why a certificate's extensions are refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ExtensionError {
    Repeated(ObjectIdentifier),
    Malformed {
        oid: ObjectIdentifier,
        source: der::Error,
    },
}

fn info<T: DecodeOwned<Error = der::Error>>(statement: &QcStatement) -> der::Result<T> {
    let missing = || der::Error::from(der::Tag::Sequence.value_error());
    T::from_der(&statement.info.as_ref().ok_or_else(missing)?.to_der()?)
}

fn crl_urls(points: &CrlDistributionPoints) -> Vec<String> {
    let names = points
        .0
        .iter()
        .filter_map(|point| match &point.distribution_point {
            Some(DistributionPointName::FullName(names)) => Some(names),
            _ => None,
        });
    names.flatten().filter_map(url).map(str::to_owned).collect()
}

pub(crate) fn url(name: &GeneralName) -> Option<&str> {
    match name {
        GeneralName::UniformResourceIdentifier(url) => Some(url.as_str()),
        _ => None,
    }
}

fn is_known(oid: &ObjectIdentifier) -> bool {
    // Only what a path check here really enforces may be critical: name constraints, for one, are not.
    [
        oids::BASIC_CONSTRAINTS,
        oids::KEY_USAGE,
        oids::EXTENDED_KEY_USAGE,
        oids::CERTIFICATE_POLICIES,
        oids::AUTHORITY_KEY_IDENTIFIER,
        oids::SUBJECT_KEY_IDENTIFIER,
        oids::SUBJECT_ALTERNATIVE_NAME,
    ]
    .contains(oid)
}
