"""A trust service provider of the checks' own, for what the product must never do: certificates that lack something,
OCSP answers that lie, lists that another signed.

Its HTTP server is a process of its own, because libdigidocpp holds Python's lock while it waits for an answer."""

import contextlib
import datetime
import functools
import http.server
import multiprocessing
import pathlib
from dataclasses import dataclass

from asn1crypto import core
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ObjectIdentifier, ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

LEVEL_Q = "1.3.6.1.4.1.10015.17.2"
QCP_N = "0.4.0.194112.1.0"
QCP_N_QSCD = "0.4.0.194112.1.2"

# The statements of a qualified certificate for electronic signatures.
QC_COMPLIANCE, QC_SSCD, QC_TYPE_ESIGN = "0.4.0.1862.1.1", "0.4.0.1862.1.4", ("0.4.0.1862.1.6", "0.4.0.1862.1.6.1")
ALL_STATEMENTS = (QC_COMPLIANCE, QC_SSCD, QC_TYPE_ESIGN)

# Ways to answer an OCSP request.
HONEST, HUNDRED_SECONDS_OLD, OLD = "honest", "100-s-old", "300-s-old"
NO_NONCE, OTHER_NONCE, NO_CERTIFICATE, OTHER_ISSUER = "no-nonce", "other-nonce", "no-certificate", "other-issuer"
UNKNOWN, REVOKED = "unknown", "revoked"


@dataclass(frozen=True)
class Signer:
    key: object
    certificate: x509.Certificate

    @property
    def der(self):
        return self.certificate.public_bytes(Encoding.DER)


class Outsider:
    """A CA, its OCSP responder, one person's key and a signer of lists."""

    def __init__(self, url):
        self.url = url
        self.authority = _authority("Outsider")
        self.responder = _responder(self.authority)
        self.stranger = _responder(_authority("Stranger"))
        self.list_signer = _list_signer()
        self.person_key = rsa.generate_private_key(65537, 2048)

    def person(self, policy=QCP_N_QSCD, statements=ALL_STATEMENTS, answers=HONEST):
        """A certificate like the product's, but for what is asked for, whose OCSP answers are of that way."""
        name = _name(
            country_name="EE", common_name="OUTSIDER,ANN", surname="OUTSIDER", given_name="ANN", serial_number="PNOEE-39901010003"
        )
        access = x509.AccessDescription(
            AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(f"{self.url}/ocsp/{answers}")
        )
        policies = [x509.PolicyInformation(ObjectIdentifier(oid), None) for oid in (LEVEL_Q, policy)]
        certificate = _certificate(
            name,
            self.person_key.public_key(),
            self.authority,
            (x509.BasicConstraints(False, None), False),
            (x509.AuthorityInformationAccess([access]), False),
            (x509.CertificatePolicies(policies), False),
            (_statements(statements), False),
            (_usage(content_commitment=True), True),
        )
        return Person(certificate.public_bytes(Encoding.DER), self.person_key)

    def answer(self, way, request):
        """An OCSP response, lying or not."""
        request = ocsp.load_der_ocsp_request(request)
        now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
        age = {HUNDRED_SECONDS_OLD: 100, OLD: 300}.get(way, 0)
        status = {UNKNOWN: ocsp.OCSPCertStatus.UNKNOWN, REVOKED: ocsp.OCSPCertStatus.REVOKED}.get(way, ocsp.OCSPCertStatus.GOOD)
        signer = self.stranger if way == OTHER_ISSUER else self.responder
        response = (
            ocsp.OCSPResponseBuilder()
            .add_response_by_hash(
                request.issuer_name_hash,
                request.issuer_key_hash,
                request.serial_number,
                request.hash_algorithm,
                status,
                now - datetime.timedelta(seconds=age),
                None,
                now if way == REVOKED else None,
                None,
            )
            .responder_id(ocsp.OCSPResponderEncoding.HASH, signer.certificate)
        )
        if way != NO_CERTIFICATE:
            response = response.certificates([signer.certificate])
        if way != NO_NONCE:
            nonce = request.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce
            response = response.add_extension(x509.OCSPNonce(nonce[::-1] if way == OTHER_NONCE else nonce), False)
        return response.sign(signer.key, hashes.SHA256()).public_bytes(Encoding.DER)


@dataclass(frozen=True)
class Person:
    """Signs like `product.Account`."""

    certificate: bytes
    key: rsa.RSAPrivateKey

    def sign(self, digest, method):
        assert method.endswith("#rsa-sha256"), method
        return self.key.sign(digest, padding.PKCS1v15(), utils.Prehashed(hashes.SHA256()))


@contextlib.contextmanager
def running(folder):
    """An outsider whose server also gives out the files of a folder."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Handler, directory=str(folder)))
    outsider = Outsider(f"http://127.0.0.1:{server.server_port}")
    _Handler.outsider = outsider
    process = multiprocessing.get_context("fork").Process(target=server.serve_forever, daemon=True)
    process.start()
    server.socket.close()
    try:
        yield outsider
    finally:
        process.kill()
        process.join()


class _Handler(http.server.SimpleHTTPRequestHandler):
    outsider = None

    def do_POST(self):
        request = self.rfile.read(int(self.headers["Content-Length"]))
        answer = self.outsider.answer(pathlib.PurePath(self.path).name, request)
        self.send_response(200)
        self.send_header("Content-Type", "application/ocsp-response")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


def _authority(name):
    key = ec.generate_private_key(ec.SECP384R1())
    subject = _name(common_name=name, organization_name="Outsiders", country_name="EE")
    constraints = (x509.BasicConstraints(True, 0), True)
    certificate = _certificate(
        subject, key.public_key(), Signer(key, None), constraints, (_usage(key_cert_sign=True, crl_sign=True), True)
    )
    return Signer(key, certificate)


def _responder(authority):
    key = rsa.generate_private_key(65537, 2048)
    certificate = _certificate(
        _name(common_name="OCSP", organization_name="Outsiders", country_name="EE"),
        key.public_key(),
        authority,
        (_usage(digital_signature=True), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), False),
        (x509.OCSPNoCheck(), False),
    )
    return Signer(key, certificate)


def _list_signer():
    key = ec.generate_private_key(ec.SECP384R1())
    subject = _name(common_name="List signer", organization_name="Outsiders", country_name="EE")
    return Signer(key, _certificate(subject, key.public_key(), Signer(key, None), (_usage(digital_signature=True), True)))


def _certificate(subject, key, issuer, *extensions):
    """Issued by a `Signer`, or by the key itself if that has no certificate."""
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer.certificate else subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), False)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(issuer.key, hashes.SHA384())


def _name(**attributes):
    oids = {field: getattr(NameOID, field.upper()) for field in attributes}
    return x509.Name([x509.NameAttribute(oids[field], value) for field, value in attributes.items()])


def _usage(**bits):
    names = (
        "digital_signature content_commitment key_encipherment data_encipherment key_agreement key_cert_sign crl_sign"
        " encipher_only decipher_only"
    )
    return x509.KeyUsage(**(dict.fromkeys(names.split(), False) | bits))


def _statements(statements):
    """RFC 3739 §3.2.6: a SEQUENCE of SEQUENCEs of an OID and what belongs to it."""
    encoded = b""
    for statement in statements:
        oid, *information = (statement,) if isinstance(statement, str) else statement
        parts = core.ObjectIdentifier(oid).dump()
        if information:
            parts += _sequence(b"".join(core.ObjectIdentifier(each).dump() for each in information))
        encoded += _sequence(parts)
    return x509.UnrecognizedExtension(ObjectIdentifier("1.3.6.1.5.5.7.1.3"), _sequence(encoded))


def _sequence(content):
    assert len(content) < 128
    return b"\x30" + bytes([len(content)]) + content
