//! The extensions: which, in which order, critical or not, and what they say.

use const_oid::ObjectIdentifier;
use der::Encode;
use x509_cert::ext::pkix::BasicConstraints;
use x509_cert::ext::pkix::certpolicy::PolicyInformation;
use x509_cert::ext::pkix::name::GeneralName;

use super::LintFinding;
use crate::oids;
use crate::x509::certificate::Facts;
use crate::x509::end_entity::Issuer;
use crate::x509::extension_values::DISCLOSURE_LANGUAGE;
use crate::x509::extensions::{Extensions, QcStatements, url};
use crate::x509::name::DistinguishedName;
use crate::x509::profile::{EndEntityProfile, Level, Profile, Purpose};
use crate::x509::time;

pub(super) fn check(
    facts: &Facts,
    profile: Profile,
    issuer: &Issuer,
    findings: &mut Vec<LintFinding>,
) {
    check_order(&facts.extensions, profile, findings);
    findings.extend(
        facts
            .extensions
            .not_canonical
            .iter()
            .map(|oid| LintFinding::ExtensionEncoding(*oid)),
    );
    let rules = profile.extension_rules();
    // A missing extension has been found already; judge what is there.
    for (oid, _) in rules
        .into_iter()
        .filter(|(oid, _)| facts.extensions.order.iter().any(|(found, _)| found == oid))
    {
        if !says_the_right_thing(&oid, facts, profile, issuer) {
            findings.push(LintFinding::ExtensionContent(oid));
        }
    }
    if let Profile::EndEntity(profile) = profile
        && issuer.level != Some(profile.level)
    {
        findings.push(LintFinding::IssuerLevel);
    }
}

fn check_order(extensions: &Extensions, profile: Profile, findings: &mut Vec<LintFinding>) {
    let rules = profile.extension_rules();
    let found = &extensions.order;
    let before = findings.len();
    for (oid, critical) in &rules {
        match found.iter().find(|(found, _)| found == oid) {
            None => findings.push(LintFinding::ExtensionMissing(*oid)),
            Some((_, found)) if found != critical => {
                findings.push(LintFinding::ExtensionCriticality(*oid))
            }
            Some(_) => {}
        }
    }
    let unexpected = found
        .iter()
        .filter(|(oid, _)| !rules.iter().any(|(rule, _)| rule == oid));
    findings.extend(unexpected.map(|(oid, _)| LintFinding::ExtensionUnexpected(*oid)));
    if findings.len() == before && *found != rules {
        findings.push(LintFinding::ExtensionOrder);
    }
}

fn says_the_right_thing(
    oid: &ObjectIdentifier,
    facts: &Facts,
    profile: Profile,
    issuer: &Issuer,
) -> bool {
    let extensions = &facts.extensions;
    match *oid {
        oids::BASIC_CONSTRAINTS => extensions.basic_constraints == Some(basic_constraints(profile)),
        oids::KEY_USAGE => extensions.key_usage == Some(profile.key_usage()),
        // RFC 5280 §4.2.1.2: derived from the key, so it can be checked.
        oids::SUBJECT_KEY_IDENTIFIER => {
            extensions.subject_key_identifier.as_deref()
                == Some(facts.public_key.key_identifier().as_slice())
        }
        oids::AUTHORITY_KEY_IDENTIFIER => {
            extensions.authority_key_identifier.as_ref() == Some(&issuer.key_identifier)
        }
        oids::AUTHORITY_INFORMATION_ACCESS => access_fits(extensions, profile),
        oids::CRL_DISTRIBUTION_POINTS => {
            matches!(extensions.crl_urls.as_slice(), [one] if is_address(one, &["http"]))
        }
        oids::CERTIFICATE_POLICIES => policies_fit(&extensions.policies, profile, issuer),
        oids::SUBJECT_ALTERNATIVE_NAME => is_one_document_number(&extensions.alternative_names),
        oids::SUBJECT_DIRECTORY_ATTRIBUTES => birth_fits(facts),
        oids::EXTENDED_KEY_USAGE => {
            extensions.extended_key_usage == [expected_usage(profile, issuer)]
        }
        // Its only value was read as it must be.
        oids::OCSP_NO_CHECK => true,
        oids::QC_STATEMENTS => extensions
            .qc_statements
            .as_ref()
            .is_some_and(statements_fit),
        _ => false,
    }
}

fn basic_constraints(profile: Profile) -> BasicConstraints {
    match profile {
        Profile::RootCa => BasicConstraints {
            ca: true,
            path_len_constraint: None,
        },
        Profile::IssuingCa => BasicConstraints {
            ca: true,
            path_len_constraint: Some(0),
        },
        Profile::EndEntity(_)
        | Profile::OcspResponder
        | Profile::TimeStampingUnit
        | Profile::ListSigner => BasicConstraints {
            ca: false,
            path_len_constraint: None,
        },
    }
}

/// The one extended key usage; a service's written out once more, apart from the builder's table.
fn expected_usage(profile: Profile, issuer: &Issuer) -> ObjectIdentifier {
    match profile {
        Profile::OcspResponder => ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.9"),
        Profile::TimeStampingUnit => ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8"),
        Profile::ListSigner => ObjectIdentifier::new_unwrap("0.4.0.2231.3.0"),
        Profile::RootCa | Profile::IssuingCa | Profile::EndEntity(_) => {
            issuer.oids.authentication_usage
        }
    }
}

/// caIssuers, then OCSP; only below the root there may be no responder.
fn access_fits(extensions: &Extensions, profile: Profile) -> bool {
    let methods: Vec<_> = extensions
        .access
        .iter()
        .map(|access| access.access_method)
        .collect();
    let order_fits = match profile {
        Profile::EndEntity(_) => methods == [oids::CA_ISSUERS, oids::OCSP],
        _ => methods == [oids::CA_ISSUERS] || methods == [oids::CA_ISSUERS, oids::OCSP],
    };
    // RFC 5280 §8: https here would need a certificate check to check a certificate.
    order_fits
        && extensions.access.iter().all(|access| {
            url(&access.access_location).is_some_and(|url| is_address(url, &["http"]))
        })
}

fn policies_fit(policies: &[PolicyInformation], profile: Profile, issuer: &Issuer) -> bool {
    match (profile, policies) {
        (Profile::EndEntity(profile), [scheme, etsi]) => {
            scheme.policy_identifier == issuer.oids.policy(profile.level)
                && has_practice_statement(scheme)
                && etsi.policy_identifier == expected_etsi_policy(profile)
                && etsi.policy_qualifiers.is_none()
        }
        (Profile::IssuingCa, [any]) => {
            any.policy_identifier == oids::ANY_POLICY && has_practice_statement(any)
        }
        // EN 319 421 by way of `pki.md` §2.2: NCP+.
        (Profile::TimeStampingUnit, [one]) => {
            one.policy_identifier == ObjectIdentifier::new_unwrap("0.4.0.2042.1.2")
                && has_practice_statement(one)
        }
        _ => false,
    }
}

/// Written out once more, apart from the builder's table: Q-auth NCP+, Q-sign QCP-n-qscd, basic NCP.
fn expected_etsi_policy(profile: EndEntityProfile) -> ObjectIdentifier {
    match (profile.level, profile.purpose) {
        (Level::Qualified, Purpose::Authentication) => {
            ObjectIdentifier::new_unwrap("0.4.0.2042.1.2")
        }
        (Level::Qualified, Purpose::Signature) => ObjectIdentifier::new_unwrap("0.4.0.194112.1.2"),
        (Level::Basic, _) => ObjectIdentifier::new_unwrap("0.4.0.2042.1.1"),
    }
}

fn has_practice_statement(policy: &PolicyInformation) -> bool {
    match policy.policy_qualifiers.as_deref() {
        Some([qualifier]) => {
            let uri = qualifier
                .qualifier
                .as_ref()
                .and_then(|any| any.decode_as::<der::asn1::Ia5String>().ok());
            qualifier.policy_qualifier_id == oids::PRACTICE_STATEMENT
                && uri.is_some_and(|uri| is_address(uri.as_str(), &["http", "https"]))
        }
        _ => false,
    }
}

fn is_one_document_number(names: &[GeneralName]) -> bool {
    let [GeneralName::DirectoryName(name)] = names else {
        return false;
    };
    let name = name
        .to_der()
        .and_then(|der| DistinguishedName::from_der(&der));
    name.is_ok_and(|name| {
        matches!(name.attributes(), [one] if one.oid == oids::COMMON_NAME && one.tag == der::Tag::Utf8String)
            && name.is_single_valued()
    })
}

/// Noon UTC as GeneralizedTime, and not after the certificate begins.
fn birth_fits(facts: &Facts) -> bool {
    let Some(date) = facts.extensions.birth() else {
        return false;
    };
    let at_noon = time::encode_date_of_birth(date).ok();
    let begins = jiff::tz::Offset::UTC.to_datetime(facts.not_before).date();
    facts.extensions.directory_attributes == 1
        && facts.extensions.date_of_birth == at_noon
        && date <= begins
}

/// These five, in this order, as in SK 2024 certificates.
fn statements_fit(statements: &QcStatements) -> bool {
    let order = [
        "1.3.6.1.5.5.7.11.2",
        "0.4.0.1862.1.1",
        "0.4.0.1862.1.4",
        "0.4.0.1862.1.6",
        "0.4.0.1862.1.5",
    ];
    statements
        .order
        .iter()
        .copied()
        .eq(order.map(ObjectIdentifier::new_unwrap))
        && statements.semantics == [oids::SEMANTICS_NATURAL_PERSON]
        && statements.types == [oids::QC_TYPE_ESIGN]
        && matches!(statements.disclosure_statements.as_slice(),
            [(url, language)] if is_address(url, &["https"]) && language == DISCLOSURE_LANGUAGE)
}

/// An absolute address with one of these schemes, a host, and only characters RFC 3986 §2 allows.
pub(in crate::x509) fn is_address(text: &str, schemes: &[&str]) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else {
        return false;
    };
    let allowed =
        |octet: u8| octet.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&octet);
    schemes.contains(&scheme)
        && !rest.is_empty()
        && !rest.starts_with('/')
        && rest.bytes().all(allowed)
}
