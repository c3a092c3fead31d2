"""A PDF, by pyHanko."""

import hanko
import pdf
from scene import BASIC

NO_CHAIN = ["NO_CERTIFICATE_CHAIN_FOUND"]


def run(checks, scene):
    time_stamps = f"{scene.product.url}/tsa"
    registry = hanko.read(scene.product.trusted_list(), scene.signer)
    issuer, basic_issuer = scene.product.certificate("eid-q"), scene.product.certificate("eid-nq")
    document = checks.accepted("a PDF is signed", pdf.sign, registry, scene.account(), issuer, time_stamps)
    found = checks.accepted("the PDF passes", pdf.validate, registry, document)
    checks.equal("it is a qualified signature", found, (True, "QC_ESIGN", "QSCD"))

    changed = document.replace(b"200 200", b"200 201", 1)
    checks.refused("the PDF with another page", ["HASH_FAILURE"], pdf.validate, registry, changed)
    for what, xml in (
        ("a CA that was withdrawn", scene.list().set_status("CA/QC", "withdrawn")),
        ("a CA recognised at national level", scene.list().set_status("CA/QC", "recognisedatnationallevel")),
        ("no time-stamping unit", scene.list().remove("TSA/QTST")),
    ):
        other = hanko.read_unsigned(xml.unsigned())
        checks.refused(f"the PDF by a list with {what}", NO_CHAIN, pdf.validate, other, document)

    basic = scene.account(BASIC)
    promoted = hanko.read_unsigned(scene.list().promote_ca().unsigned())
    document = checks.accepted("a PDF is signed by a Basic account", pdf.sign, promoted, basic, basic_issuer, time_stamps)
    checks.refused("it, by the list", NO_CHAIN, pdf.validate, registry, document)
    found = checks.accepted("it passes if its CA is listed as CA/QC", pdf.validate, promoted, document)
    checks.equal("it is no qualified signature all the same", found[0], False)
