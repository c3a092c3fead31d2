"""The product's OCSP answers, byte by byte."""

import answers
from scene import BASIC, QUALIFIED


def run(checks, scene):
    for level, document, authority in ("Q", QUALIFIED["EE"], "eid-q"), ("NQ", BASIC, "eid-nq"):
        certificate, issuer = scene.account(document).certificate, scene.product.certificate(authority)
        url = f"{scene.product.url}/ocsp/{authority}"
        for what, status, method, asked in _questions():
            der = answers.request(certificate, issuer, **asked)
            checks.accepted(f"OCSP for {level}, {what}", _ask, url, der, issuer, status, method)


def _questions():
    for hash_name in "sha1", "sha256":
        for which, parameters in ("with NULL", answers.NULL), ("without parameters", answers.ABSENT):
            for method in "POST", "GET":
                asked = {"hash_name": hash_name, "parameters": parameters, "nonce": answers.nonce(32)}
                yield f"{method}, {hash_name} {which}: CertID and nonce echoed", "good", method, asked
    for octets in 1, 8:
        yield f"a nonce of {octets} octets echoed", "good", "POST", {"nonce": answers.nonce(octets)}
    yield "no nonce asked for, none in the answer", "good", "POST", {}
    never = {"nonce": answers.nonce(32), "serial": 0x123456789ABCDEF0}
    yield "a number that was never issued: unknown", "unknown", "POST", never


def _ask(url, der, issuer, status, method):
    answers.check(answers.ask(url, der, method), der, issuer, status)
