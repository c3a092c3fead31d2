"""Single OCSP answers, looked at byte by byte: what clients compare that no validator here does."""

import base64
import datetime
import hashlib
import os
import urllib.parse

import requests
from asn1crypto import algos, core, ocsp, x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.x509 import load_der_x509_certificate

# The parameters of a hash in a CertID: SK's PHP client sends none, OpenSSL NULL.
ABSENT, NULL = None, core.Null()


# vatsake/smart-id-v3 writes the version out, which DER leaves away (X.690 §11.5).
VERSION_1 = bytes.fromhex("a003020100")


def request(certificate, issuer, hash_name="sha1", parameters=NULL, nonce=None, serial=None, version=b""):
    """A request for one certificate, both as DER; `nonce` is an extension's value."""
    certificate, issuer = x509.Certificate.load(certificate), x509.Certificate.load(issuer)
    algorithm = {"algorithm": hash_name}
    if parameters is not None:
        algorithm["parameters"] = parameters
    single = {
        "req_cert": {
            "hash_algorithm": algos.DigestAlgorithm(algorithm),
            "issuer_name_hash": hashlib.new(hash_name, issuer.subject.dump()).digest(),
            "issuer_key_hash": hashlib.new(hash_name, bytes(issuer.public_key["public_key"])).digest(),
            "serial_number": certificate.serial_number if serial is None else serial,
        }
    }
    asked = {"request_list": [single]}
    if nonce is not None:
        asked["request_extensions"] = [{"extn_id": "nonce", "extn_value": core.ParsableOctetString(nonce)}]
    fields = ocsp.TBSRequest(asked)
    fields.dump()
    return _sequence(_sequence(version + fields.contents))


def ask(url, der, method="POST"):
    if method == "GET":
        # RFC 6960 appendix A.1.
        answer = requests.get(f"{url}/{urllib.parse.quote(base64.b64encode(der), safe='')}", timeout=30)
    else:
        answer = requests.post(url, der, headers={"content-type": "application/ocsp-request"}, timeout=30)
    answer.raise_for_status()
    if answer.headers["content-type"] != "application/ocsp-response":
        raise ValueError(answer.headers["content-type"])
    return ocsp.OCSPResponse.load(answer.content)


def check(response, der, issuer, status="good"):
    """Raises unless the response is what pki.md's table wants for this request."""
    asked = ocsp.OCSPRequest.load(der)["tbs_request"]
    issuer = load_der_x509_certificate(issuer)
    if response["response_status"].native != "successful":
        raise ValueError(response["response_status"].native)
    basic = response.basic_ocsp_response
    data = basic["tbs_response_data"]
    (single,) = data["responses"]
    responder = basic["certs"][0]
    wanted = {
        "status": (single["cert_status"].name, status),
        "CertID": (single["cert_id"].dump(), asked["request_list"][0]["req_cert"].dump()),
        "nonce": (_nonce(data["response_extensions"]), _nonce(asked["request_extensions"])),
        # vatsake's client cannot read the other form.
        "responder by name": (data["responder_id"].name, "by_name"),
        "responder": (data["responder_id"].chosen.untag().dump(), responder.subject.dump()),
        "nextUpdate": (single["next_update"].native, None),
        "responder's purpose": (responder.extended_key_usage_value.native, ["ocsp_signing"]),
        "responder's nocheck": (responder.ocsp_no_check_value is not None, True),
        "archive cutoff": (_archive_cutoff(single), issuer.not_valid_before_utc),
        "thisUpdate": (single["this_update"].native, data["produced_at"].native),
    }
    for what, (found, expected) in wanted.items():
        if found != expected:
            raise ValueError(f"{what}: {found}, not {expected}")
    age = datetime.datetime.now(datetime.UTC) - data["produced_at"].native
    if not -2 <= age.total_seconds() <= 15:
        raise ValueError(f"the answer is {age} old")
    _verify(basic, load_der_x509_certificate(responder.dump()), issuer)


def _verify(basic, responder, issuer):
    """By the certificate that the answer has itself, and with what SK's PHP client takes."""
    algorithms = {"sha256_rsa": hashes.SHA256(), "sha512_rsa": hashes.SHA512()}
    name = basic["signature_algorithm"]["algorithm"].native
    if name not in algorithms:
        raise ValueError(f"signed with {name}")
    responder.verify_directly_issued_by(issuer)
    signature, signed = basic["signature"].native, basic["tbs_response_data"].dump()
    responder.public_key().verify(signature, signed, padding.PKCS1v15(), algorithms[name])


def nonce(octets):
    """RFC 8954 §2.1: an OCTET STRING inside the extension's value."""
    return core.OctetString(os.urandom(octets)).dump()


def _nonce(extensions):
    found = [each["extn_value"].dump() for each in extensions if each["extn_id"].native == "nonce"]
    return found or None


def _archive_cutoff(single):
    (found,) = [each for each in single["single_extensions"] if each["extn_id"].native == "archive_cutoff"]
    return found["extn_value"].parsed.native


def _sequence(content):
    # X.690 §8.1.3: one octet for the length, or the number of octets that it takes, and these.
    octets = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return b"\x30" + (octets if len(content) < 0x80 else bytes([0x80 | len(octets)]) + octets) + content
