//! The object identifiers that profiles use and parsers recognise.

use const_oid::ObjectIdentifier as Oid;

const fn oid(dotted: &str) -> Oid {
    Oid::new_unwrap(dotted)
}

// RFC 5280 §4.2.1 and §4.2.2: extensions.
pub(crate) const BASIC_CONSTRAINTS: Oid = oid("2.5.29.19");
pub(crate) const AUTHORITY_KEY_IDENTIFIER: Oid = oid("2.5.29.35");
pub(crate) const SUBJECT_KEY_IDENTIFIER: Oid = oid("2.5.29.14");
pub(crate) const KEY_USAGE: Oid = oid("2.5.29.15");
pub(crate) const EXTENDED_KEY_USAGE: Oid = oid("2.5.29.37");
pub(crate) const CERTIFICATE_POLICIES: Oid = oid("2.5.29.32");
pub(crate) const SUBJECT_ALTERNATIVE_NAME: Oid = oid("2.5.29.17");
pub(crate) const SUBJECT_DIRECTORY_ATTRIBUTES: Oid = oid("2.5.29.9");
pub(crate) const CRL_DISTRIBUTION_POINTS: Oid = oid("2.5.29.31");
pub(crate) const AUTHORITY_INFORMATION_ACCESS: Oid = oid("1.3.6.1.5.5.7.1.1");
// RFC 5280 §5.2 and §5.3, X.509 §9.5.2.8: extensions of revocation lists and of their entries.
pub(crate) const CRL_NUMBER: Oid = oid("2.5.29.20");
pub(crate) const CRL_REASON: Oid = oid("2.5.29.21");
pub(crate) const EXPIRED_CERTS_ON_CRL: Oid = oid("2.5.29.60");
// RFC 6960 §4.4 and §4.2.2.2.1: extensions of requests, answers and responders' certificates.
pub(crate) const OCSP_BASIC: Oid = oid("1.3.6.1.5.5.7.48.1.1");
pub(crate) const OCSP_NONCE: Oid = oid("1.3.6.1.5.5.7.48.1.2");
pub(crate) const OCSP_NO_CHECK: Oid = oid("1.3.6.1.5.5.7.48.1.5");
pub(crate) const OCSP_ARCHIVE_CUTOFF: Oid = oid("1.3.6.1.5.5.7.48.1.6");
// RFC 3739 §3.2.6.
pub(crate) const QC_STATEMENTS: Oid = oid("1.3.6.1.5.5.7.1.3");

// Values inside extensions.
pub(crate) const ANY_POLICY: Oid = oid("2.5.29.32.0");
pub(crate) const PRACTICE_STATEMENT: Oid = oid("1.3.6.1.5.5.7.2.1");
pub(crate) const OCSP: Oid = oid("1.3.6.1.5.5.7.48.1");
pub(crate) const CA_ISSUERS: Oid = oid("1.3.6.1.5.5.7.48.2");
pub(crate) const DATE_OF_BIRTH: Oid = oid("1.3.6.1.5.5.7.9.1");

// What a service's key may be used for (RFC 5280 §4.2.1.12, ETSI TS 119 612 §5.7.1).
pub(crate) const USAGE_TIME_STAMPING: Oid = oid("1.3.6.1.5.5.7.3.8");
pub(crate) const USAGE_OCSP_SIGNING: Oid = oid("1.3.6.1.5.5.7.3.9");
pub(crate) const USAGE_LIST_SIGNING: Oid = oid("0.4.0.2231.3.0");

// ETSI EN 319 411-1 and -2: certificate policies.
pub(crate) const NORMALISED_POLICY: Oid = oid("0.4.0.2042.1.1");
pub(crate) const NORMALISED_POLICY_PLUS: Oid = oid("0.4.0.2042.1.2");
pub(crate) const QUALIFIED_POLICY_WITH_DEVICE: Oid = oid("0.4.0.194112.1.2");

// RFC 3739 and ETSI EN 319 412-1, -5: statements about a qualified certificate.
pub(crate) const QC_SYNTAX_V2: Oid = oid("1.3.6.1.5.5.7.11.2");
pub(crate) const SEMANTICS_NATURAL_PERSON: Oid = oid("0.4.0.194121.1.1");
pub(crate) const QC_COMPLIANCE: Oid = oid("0.4.0.1862.1.1");
pub(crate) const QC_DEVICE: Oid = oid("0.4.0.1862.1.4");
pub(crate) const QC_DISCLOSURE: Oid = oid("0.4.0.1862.1.5");
pub(crate) const QC_TYPE: Oid = oid("0.4.0.1862.1.6");
pub(crate) const QC_TYPE_ESIGN: Oid = oid("0.4.0.1862.1.6.1");

// X.520: attributes of a name.
pub(crate) const COMMON_NAME: Oid = oid("2.5.4.3");
pub(crate) const SURNAME: Oid = oid("2.5.4.4");
pub(crate) const SERIAL_NUMBER: Oid = oid("2.5.4.5");
pub(crate) const COUNTRY: Oid = oid("2.5.4.6");
pub(crate) const ORGANIZATION: Oid = oid("2.5.4.10");
pub(crate) const ORGANIZATIONAL_UNIT: Oid = oid("2.5.4.11");
pub(crate) const GIVEN_NAME: Oid = oid("2.5.4.42");
pub(crate) const ORGANIZATION_IDENTIFIER: Oid = oid("2.5.4.97");

// Algorithms (RFC 5480, RFC 5758, RFC 8017).
pub(crate) const RSA_ENCRYPTION: Oid = oid("1.2.840.113549.1.1.1");
pub(crate) const EC_PUBLIC_KEY: Oid = oid("1.2.840.10045.2.1");
pub(crate) const P256: Oid = oid("1.2.840.10045.3.1.7");
pub(crate) const P384: Oid = oid("1.3.132.0.34");
pub(crate) const P521: Oid = oid("1.3.132.0.35");
pub(crate) const ECDSA_SHA256: Oid = oid("1.2.840.10045.4.3.2");
pub(crate) const ECDSA_SHA384: Oid = oid("1.2.840.10045.4.3.3");
pub(crate) const ECDSA_SHA512: Oid = oid("1.2.840.10045.4.3.4");
pub(crate) const SHA1: Oid = oid("1.3.14.3.2.26");
pub(crate) const SHA256: Oid = oid("2.16.840.1.101.3.4.2.1");
pub(crate) const SHA384: Oid = oid("2.16.840.1.101.3.4.2.2");
pub(crate) const SHA512: Oid = oid("2.16.840.1.101.3.4.2.3");
pub(crate) const RSA_SHA256: Oid = oid("1.2.840.113549.1.1.11");
pub(crate) const RSA_SHA512: Oid = oid("1.2.840.113549.1.1.13");
