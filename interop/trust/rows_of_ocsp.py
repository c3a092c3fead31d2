"""The product's OCSP answers, byte by byte."""

import answers
from scene import BASIC, QUALIFIED


def run(checks, scene):
    for level, document, authority in ("Q", QUALIFIED["EE"], "eid-q"), ("NQ", BASIC, "eid-nq"):
        certificate, issuer = scene.account(document).certificate, scene.product.certificate(authority)
        url = f"{scene.product.url}/ocsp/{authority}"

        def answered(what, status="good", method="POST", **asked):
            der = answers.request(certificate, issuer, **asked)
            checks.accepted(f"OCSP for {level}, {what}", _ask, url, der, issuer, status, method)

        for hash_name in "sha1", "sha256":
            for which, parameters in ("with NULL", answers.NULL), ("without parameters", answers.ABSENT):
                for method in "POST", "GET":
                    what = f"{method}, {hash_name} {which}: CertID and nonce echoed"
                    answered(what, method=method, hash_name=hash_name, parameters=parameters, nonce=answers.nonce(32))
        for octets in 1, 8:
            answered(f"a nonce of {octets} octets echoed", nonce=answers.nonce(octets))
        answered("no nonce asked for, none in the answer")
        answered("a number that was never issued: unknown", "unknown", nonce=answers.nonce(32), serial=0x123456789ABCDEF0)


def _ask(url, der, issuer, status, method):
    answers.check(answers.ask(url, der, method), der, issuer, status)
