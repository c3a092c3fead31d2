"""Certificates of all four countries, both levels and both purposes: the published clients' rules, and OCSP at the address
in the certificate."""

import answers
import clients
from scene import QUALIFIED


def run(checks, scene):
    authorities = {"Q": scene.product.certificate("eid-q"), "NQ": scene.product.certificate("eid-nq")}
    for country in QUALIFIED:
        for level, account in ("Q", scene.account(QUALIFIED[country])), ("NQ", scene.basic(country)):
            for purpose, certificate in ("sign", account.certificate), ("auth", account.authentication_certificate):
                what, issuer = f"{country} {level} {purpose}", authorities[level]
                checks.accepted(f"{what}: the clients' rules", clients.check, certificate, issuer, purpose, level)
                _misused(checks, what, certificate, authorities, purpose, level)
                der = answers.request(certificate, issuer, parameters=answers.ABSENT, nonce=answers.nonce(32))
                url = clients.ocsp_url(certificate)
                checks.accepted(f"{what}: OCSP as SK's PHP client asks", answers.check, answers.ask(url, der), der, issuer)
                der = answers.request(certificate, issuer, version=answers.VERSION_1)
                checks.accepted(f"{what}: OCSP as vatsake's client asks", answers.check, answers.ask(url, der), der, issuer)


def _misused(checks, what, certificate, authorities, purpose, level):
    """The rules can fail: for the other purpose, the other level, the other CA."""
    other_purpose, other_level = {"sign": "auth", "auth": "sign"}[purpose], {"Q": "NQ", "NQ": "Q"}[level]
    # Basic certificates have the same policies for both purposes.
    reason = "policies" if level == "Q" else "digitalSignature" if purpose == "sign" else "nonRepudiation"
    for name, why, arguments in (
        ("for the other purpose", reason, (authorities[level], other_purpose, level)),
        ("for the other level", "policies", (authorities[level], purpose, other_level)),
        ("from the other CA", "issued by the CA", (authorities[other_level], purpose, level)),
    ):
        checks.refused(f"{what} {name}", [why], clients.check, certificate, *arguments)
