"""Certificates and time-stamps, by pyHanko."""

import hanko
from scene import BASIC, QUALIFIED

NO_ISSUER = ["no issuer matching"]


def run(checks, scene):
    _certificates(checks, scene)
    _revocation_lists(checks, scene)
    _time_stamps(checks, scene)


def _certificates(checks, scene):
    registry = hanko.read(scene.product.trusted_list(), scene.signer)
    qualification = hanko.qualification
    for country, document in QUALIFIED.items():
        what = f"pyHanko asks OCSP about a certificate of {country}"
        found = checks.accepted(what, qualification, registry, scene.account(document).certificate, True)
        checks.equal("it is qualified, for e-signatures, with QSCD", found, (True, "QC_ESIGN", "QSCD"))

    certificate, basic = scene.account().certificate, scene.account(BASIC).certificate
    checks.refused("pyHanko: a Basic account", NO_ISSUER, qualification, registry, basic)
    both = scene.list().promote_ca().unsigned()
    found = qualification(hanko.read_unsigned(both), basic)
    checks.equal("pyHanko: a Basic account is not qualified even by a list with its CA as CA/QC", found[0], False)
    for status in "withdrawn", "recognisedatnationallevel":
        changed = hanko.read_unsigned(scene.list().set_status("CA/QC", status).unsigned())
        checks.refused(f"pyHanko: a CA that is {status}", NO_ISSUER, qualification, changed, certificate)


def _revocation_lists(checks, scene):
    root, other = scene.product.certificate("root"), {"eid-q": "eid-nq", "eid-nq": "eid-q"}
    for authority, account in ("eid-q", scene.account()), ("eid-nq", scene.account(BASIC)):
        issuer, crl = scene.product.certificate(authority), scene.product.crl(authority)
        both, foreign = [scene.product.crl("root"), crl], [scene.product.crl("root"), scene.product.crl(other[authority])]
        check, certificate = hanko.check_lists, account.certificate
        checks.accepted(f"pyHanko: a certificate of {authority} by the CRLs", check, certificate, issuer, root, both)
        checks.refused(
            "pyHanko: without the CRL of its CA", ["no revocation information"], check, certificate, issuer, root, foreign
        )
        reason = ["revocation checks failed"]
        changed = [both[0], crl[:-1] + bytes([crl[-1] ^ 1])]
        checks.refused("pyHanko: with a tampered CRL", reason, check, certificate, issuer, root, changed)


def _time_stamps(checks, scene):
    registry = hanko.read(scene.product.trusted_list(), scene.signer)
    check, data = hanko.check_time_stamp, b"I owe you 10 euros."
    token = checks.accepted("pyHanko gets a time-stamp", hanko.time_stamp, f"{scene.product.url}/tsa", data)
    checks.accepted("pyHanko: the time-stamp, from the unit on the list", check, registry, token, data)
    checks.refused("pyHanko: the time-stamp for other data", ["not intact"], check, registry, token, data + b"!")
    # The last byte is the signature's.
    changed = token[:-1] + bytes([token[-1] ^ 1])
    checks.refused("pyHanko: a changed time-stamp", ["not intact"], check, registry, changed, data)
    for what, xml in (
        ("without the unit", scene.list().remove("TSA/QTST")),
        ("with the unit withdrawn", scene.list().set_status("TSA/QTST", "withdrawn")),
    ):
        changed = hanko.read_unsigned(xml.unsigned())
        checks.refused(f"pyHanko: the time-stamp by a list {what}", ["not trusted"], check, changed, token, data)
