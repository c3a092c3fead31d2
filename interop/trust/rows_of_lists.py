"""The product's list and list of lists, by the XSD and by pyHanko."""

import hanko
import lists


def run(checks, scene):
    schema = lists.Schema(scene.schemas)
    xml, lotl = scene.product.trusted_list(), scene.product.list_of_lists()
    checks.accepted("the list is what the XSD says", schema.check, xml)
    checks.accepted("the list of lists is what the XSD says", schema.check, lotl)
    nonsense = xml.replace(b"TSLSequenceNumber>", b"SequenceNumber>")
    checks.refused("a list with another element, by the XSD", ["not expected"], schema.check, nonsense)

    registry = checks.accepted("pyHanko reads the list", hanko.read, xml, scene.signer)
    known = hanko.names(registry)
    checks.equal("pyHanko finds one CA and one time-stamping unit", [len(each) for each in known], [1, 1])
    # libdigidocpp 4.3 follows a pointer to the list of lists itself without end.
    pointers = checks.accepted("pyHanko reads the list of lists", hanko.pointers, lotl, scene.signer)
    checks.equal("it points to the list and nowhere else", pointers, [(f"{scene.product.url}/tl", "EE")])
    followed = checks.accepted("pyHanko follows the list of lists", hanko.follow, lotl, scene.signer)
    checks.equal("pyHanko finds the same there", hanko.names(followed), known)

    for name, listed in ("list", xml), ("list of lists", lotl):
        read = hanko.read if listed is xml else hanko.follow
        for what, after, reason in (
            ("its number", b"TSLSequenceNumber>", "Digest mismatch for reference 0"),
            ("its next update", b"NextUpdate>", "Digest mismatch for reference 0"),
            ("the time it was signed", b"SigningTime>", "Digest mismatch for reference 1"),
            ("the signature", b"SignatureValue>", "Signature verification failed"),
        ):
            changed = _with_digit_changed(listed, after)
            checks.refused(f"the {name} with one digit different in {what}", [reason], read, changed, scene.signer)
        for other in "root", "eid-q":
            certificate = scene.product.certificate(other)
            checks.refused(
                f"the {name} as if {other} had signed it", ["Signature verification failed"], read, listed, certificate
            )
        unsigned = lists.TrustedList(listed).unsigned()
        checks.refused(
            f"the {name} without its signature", ["Expected to find XML element Signature"], read, unsigned, scene.signer
        )


def _with_digit_changed(xml, after):
    at = xml.index(after) + len(after)
    while not chr(xml[at]).isdigit():
        at += 1
    return xml[:at] + (b"1" if xml[at : at + 1] != b"1" else b"2") + xml[at + 1 :]
