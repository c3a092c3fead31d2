"""What published relying-party clients want of a person's certificate, read in their sources: SK's Java client 3.1 and PHP
client 3.0, vatsake/smart-id-v3 0.9.7, smart-id-ruby-client 0.1 and smart-id-rust-client 0.3."""

import datetime

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtensionOID, NameOID

SMART_ID_AUTHENTICATION, CLIENT_AUTHENTICATION = "1.3.6.1.4.1.62306.5.7.0", "1.3.6.1.5.5.7.3.2"

# SK's policy, and ETSI's, for each purpose and level.
POLICIES = {
    ("auth", "Q"): {"1.3.6.1.4.1.10015.17.2", "0.4.0.2042.1.2"},
    ("sign", "Q"): {"1.3.6.1.4.1.10015.17.2", "0.4.0.194112.1.2"},
    ("auth", "NQ"): {"1.3.6.1.4.1.10015.17.1", "0.4.0.2042.1.1"},
    ("sign", "NQ"): {"1.3.6.1.4.1.10015.17.1", "0.4.0.2042.1.1"},
}
QC_STATEMENTS = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.3")
# DER of 0.4.0.1862.1.1 QcCompliance; and of 0.4.0.1862.1.6 QcType with eSign alone.
QC_COMPLIANCE = bytes.fromhex("3008 0606 0400 8e46 0101")
QC_TYPE_ESIGN = bytes.fromhex("3013 0606 0400 8e46 0106 3009 0607 0400 8e46 0106 01")


def check(certificate, issuer, purpose, level):
    """Raises with the first thing that a client would mind."""
    certificate, issuer = x509.load_der_x509_certificate(certificate), x509.load_der_x509_certificate(issuer)
    for what, holds in _rules(certificate, issuer, purpose, level):
        if not holds:
            raise ValueError(what)


def ocsp_url(certificate):
    (url,) = _access(x509.load_der_x509_certificate(certificate))[AuthorityInformationAccessOID.OCSP]
    return url


def _rules(certificate, issuer, purpose, level):
    now = datetime.datetime.now(datetime.UTC)
    usage, purposes = _value(certificate, x509.KeyUsage), {each.dotted_string for each in _purposes(certificate)}
    yield "all: within its time", certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc
    yield "all but Rust: issued by the CA", _issued_by(certificate, issuer)
    yield "Java, PHP, Ruby, vatsake: policies", POLICIES[purpose, level] <= _policies(certificate)
    if purpose == "auth":
        yield "Java, PHP, vatsake: digitalSignature", usage.digital_signature
        since_2025 = SMART_ID_AUTHENTICATION in purposes
        before = CLIENT_AUTHENTICATION in purposes and usage.key_encipherment and usage.data_encipherment
        yield "Java, PHP, vatsake: extended key usage", since_2025 or before
    else:
        yield "Java, vatsake: nonRepudiation", usage.content_commitment
        if level == "Q":
            statements = _statements(certificate)
            yield "vatsake: QcCompliance", QC_COMPLIANCE in statements
            yield "Java: QcType eSign", QC_TYPE_ESIGN in statements
    yield "PHP: not a CA", not _value(certificate, x509.BasicConstraints).ca
    yield "PHP, vatsake: an address of OCSP", len(_access(certificate)[AuthorityInformationAccessOID.OCSP]) == 1
    yield "vatsake: an address of the CRL", bool(_value(certificate, x509.CRLDistributionPoints)[0].full_name)
    for oid in NameOID.COUNTRY_NAME, NameOID.COMMON_NAME, NameOID.SURNAME, NameOID.GIVEN_NAME, NameOID.SERIAL_NUMBER:
        yield f"Rust, vatsake: {oid._name} once", len(certificate.subject.get_attributes_for_oid(oid)) == 1
    (country,) = certificate.subject.get_attributes_for_oid(NameOID.COUNTRY_NAME)
    (number,) = certificate.subject.get_attributes_for_oid(NameOID.SERIAL_NUMBER)
    yield "Java, Rust, vatsake: semantics identifier", number.value.startswith(f"PNO{country.value}-")


def _issued_by(certificate, issuer):
    try:
        certificate.verify_directly_issued_by(issuer)
    except Exception:
        return False
    return True


def _policies(certificate):
    return {each.policy_identifier.dotted_string for each in _value(certificate, x509.CertificatePolicies)}


def _purposes(certificate):
    try:
        return _value(certificate, x509.ExtendedKeyUsage)
    except x509.ExtensionNotFound:
        return []


def _statements(certificate):
    try:
        return certificate.extensions.get_extension_for_oid(QC_STATEMENTS).value.value
    except x509.ExtensionNotFound:
        return b""


def _access(certificate):
    found = {AuthorityInformationAccessOID.OCSP: []}
    for each in certificate.extensions.get_extension_for_oid(ExtensionOID.AUTHORITY_INFORMATION_ACCESS).value:
        found.setdefault(each.access_method, []).append(each.access_location.value)
    return found


def _value(certificate, kind):
    return certificate.extensions.get_extension_for_class(kind).value
