//! The little that the phone checks of its certificates: the key, the person and the document number.

use der::{Decode, Sequence, asn1::UintRef};
use wire::{DocumentNumber, device_v1::RegisteredPerson};
use x509_cert::{
    Certificate,
    attr::AttributeTypeAndValue,
    ext::pkix::{SubjectAltName, name::GeneralName},
    name::Name,
};

/// Refuses a certificate that is not over `modulus`, or not about this person and account (pki.md §1.1).
///
/// Whether the CA signed it is the relying parties' concern: they have the roots.
pub(crate) fn check(
    der: &[u8],
    modulus: &[u8],
    person: &RegisteredPerson,
    number: &DocumentNumber,
) -> Result<(), CertificateFault> {
    let certificate = Certificate::from_der(der).map_err(|_| CertificateFault::Malformed)?;
    let certificate = certificate.tbs_certificate();
    let key = certificate.subject_public_key_info();
    let bits = key
        .subject_public_key
        .as_bytes()
        .ok_or(CertificateFault::Key)?;
    let key = RsaPublicKey::from_der(bits).map_err(|_| CertificateFault::Key)?;
    if key.modulus.as_bytes() != modulus || key.exponent.as_bytes() != EXPONENT {
        return Err(CertificateFault::Key);
    }
    let subject = certificate.subject();
    let identifier = person.semantics_identifier.to_string();
    for (oid, value) in [
        (SERIAL_NUMBER, identifier.as_str()),
        (GIVEN_NAME, person.given_name.as_str()),
        (SURNAME, person.surname.as_str()),
    ] {
        if text_of(subject, oid).as_deref() != Some(value) {
            return Err(CertificateFault::Person);
        }
    }
    let names = certificate.get_extension::<SubjectAltName>().ok().flatten();
    let names = names
        .map(|(_, SubjectAltName(names))| names)
        .unwrap_or_default();
    let number = number.to_string();
    let named = names.iter().any(|name| match name {
        GeneralName::DirectoryName(name) => {
            text_of(name, COMMON_NAME).as_deref() == Some(number.as_str())
        }
        _ => false,
    });
    if named {
        Ok(())
    } else {
        Err(CertificateFault::DocumentNumber)
    }
}

/// RFC 8017 §A.1.1.
#[derive(Sequence)]
struct RsaPublicKey<'a> {
    modulus: UintRef<'a>,
    exponent: UintRef<'a>,
}

/// The one attribute of this type, as text.
fn text_of(name: &Name, oid: &str) -> Option<String> {
    let mut values = name
        .iter()
        .filter(|attribute| attribute.oid.to_string() == oid);
    let (Some(AttributeTypeAndValue { value, .. }), None) = (values.next(), values.next()) else {
        return None;
    };
    // PrintableString and UTF8String are both UTF-8.
    String::from_utf8(value.value().to_vec()).ok()
}

const COMMON_NAME: &str = "2.5.4.3";
const SURNAME: &str = "2.5.4.4";
const SERIAL_NUMBER: &str = "2.5.4.5";
const GIVEN_NAME: &str = "2.5.4.42";

/// 65537.
const EXPONENT: &[u8] = &[1, 0, 1];

/// Why a certificate is not the one of this account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateFault {
    /// Not a certificate.
    #[error("a certificate does not have its form")]
    Malformed,
    /// Over another key.
    #[error("a certificate is over another key than the one that was agreed on")]
    Key,
    /// About somebody else.
    #[error("a certificate names another person than the one who was confirmed")]
    Person,
    /// About another account.
    #[error("a certificate names another document number than the account's")]
    DocumentNumber,
}
