//! The subject's name and the document number.

use const_oid::ObjectIdentifier;

use super::LintFinding;
use crate::oids;
use crate::x509::certificate::Facts;
use crate::x509::end_entity::Issuer;
use crate::x509::name::{Attribute, DistinguishedName, string_tag};
use crate::x509::profile::{EndEntityProfile, Profile};

const PERSON: [ObjectIdentifier; 5] = [
    oids::COUNTRY,
    oids::COMMON_NAME,
    oids::SURNAME,
    oids::GIVEN_NAME,
    oids::SERIAL_NUMBER,
];

const AUTHORITY: [ObjectIdentifier; 4] = [
    oids::COMMON_NAME,
    oids::ORGANIZATION_IDENTIFIER,
    oids::ORGANIZATION,
    oids::COUNTRY,
];

pub(super) fn check(
    facts: &Facts,
    profile: Profile,
    issuer: &Issuer,
    findings: &mut Vec<LintFinding>,
) {
    let subject = &facts.subject;
    let attributes: &[ObjectIdentifier] = match profile {
        Profile::RootCa
        | Profile::IssuingCa
        | Profile::OcspResponder
        | Profile::TimeStampingUnit
        | Profile::ListSigner => &AUTHORITY,
        Profile::EndEntity(_) => &PERSON,
    };
    let found = subject.attributes().iter().map(|attribute| attribute.oid);
    // RFC 5280 §4.1.2.4 would allow several attributes in one set; clients read one each.
    if !found.eq(attributes.iter().copied()) || !subject.is_single_valued() {
        findings.push(LintFinding::SubjectAttributes);
    }
    subject
        .attributes()
        .iter()
        .for_each(|attribute| check_string(attribute, findings));
    if !subject.country().is_some_and(is_country) {
        findings.push(LintFinding::Country);
    }
    match profile {
        // RFC 5280 §4.1.2.4: a self-signed certificate's names are the same; lint compared the issuer already.
        Profile::RootCa | Profile::ListSigner if facts.subject != issuer.name => {
            findings.push(LintFinding::IssuerName)
        }
        Profile::OcspResponder if !is_operator_of(&facts.subject, &issuer.name) => {
            findings.push(LintFinding::ResponderName)
        }
        Profile::RootCa
        | Profile::IssuingCa
        | Profile::OcspResponder
        | Profile::TimeStampingUnit
        | Profile::ListSigner => {}
        Profile::EndEntity(profile) => check_person(facts, profile, findings),
    }
}

/// The organisation's attributes are the authority's.
fn is_operator_of(responder: &DistinguishedName, authority: &DistinguishedName) -> bool {
    responder.organization_identifier() == authority.organization_identifier()
        && responder.organization() == authority.organization()
        && responder.country() == authority.country()
}

fn check_string(attribute: &Attribute, findings: &mut Vec<LintFinding>) {
    let tag_fits = attribute.tag == string_tag(&attribute.oid);
    match attribute.text() {
        Some(text) if tag_fits => {
            if text.is_empty() || text.trim() != text || text.chars().any(char::is_control) {
                findings.push(LintFinding::StringContent(attribute.oid));
            }
        }
        _ => findings.push(LintFinding::StringType(attribute.oid)),
    }
}

fn check_person(facts: &Facts, profile: EndEntityProfile, findings: &mut Vec<LintFinding>) {
    let subject = &facts.subject;
    if !has_profile_common_name(subject) {
        findings.push(LintFinding::CommonName);
    }
    let identifier = subject.serial_number().unwrap_or_default();
    if !is_semantics_identifier(identifier) {
        findings.push(LintFinding::SemanticsIdentifier);
    }
    let number = facts.extensions.document_number().unwrap_or_default();
    let middle = number
        .strip_prefix(identifier)
        .and_then(|rest| rest.strip_prefix('-'))
        .and_then(|rest| rest.strip_suffix(profile.level.document_number_suffix()));
    let is_middle = |text: &str| {
        text.len() == 4
            && text
                .bytes()
                .all(|o| o.is_ascii_uppercase() || o.is_ascii_digit())
    };
    if !middle.is_some_and(is_middle) {
        findings.push(LintFinding::DocumentNumber);
    }
}

fn has_profile_common_name(subject: &DistinguishedName) -> bool {
    match (
        subject.common_name(),
        subject.surname(),
        subject.given_name(),
    ) {
        (Some(common), Some(surname), Some(given)) => common == format!("{surname},{given}"),
        _ => false,
    }
}

fn is_country(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|octet| octet.is_ascii_uppercase())
}

/// ETSI EN 319 412-1 §5.1.3, the three types Smart-ID uses.
fn is_semantics_identifier(text: &str) -> bool {
    let Some((head, code)) = text.split_at_checked(6) else {
        return false;
    };
    let Some((kind, country)) = head.split_at_checked(3) else {
        return false;
    };
    let is_code = !code.is_empty()
        && code
            .bytes()
            .all(|octet| octet.is_ascii_alphanumeric() || octet == b'-');
    matches!(kind, "PNO" | "PAS" | "IDC")
        && country.strip_suffix('-').is_some_and(is_country)
        && is_code
}
