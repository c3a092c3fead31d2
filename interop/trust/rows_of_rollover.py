"""Another CA takes over: what was signed before stays qualified, accounts of the first CA go on, new ones have the second."""

import answers
import clients
import hanko
import lists
import validator
from product import Account

NEXT, NEXT_NAME = "eid-q-2", "Open Smart-ID DEMO EID-Q 2"
PERSON, BORN = "PNOEE-39912310007", "1999-12-31"


def run(checks, scene):
    account, before = scene.account(), scene.container()
    checks.accepted("signed before another CA takes over", validator.sign, scene.trust(), account, before)
    checks.accepted("another CA takes over", scene.product.succeed, NEXT, NEXT_NAME)

    xml, lotl = scene.product.trusted_list(), scene.product.list_of_lists()
    checks.accepted("the list with both CAs is what the XSD says", lists.Schema(scene.schemas).check, xml)
    registry = checks.accepted("pyHanko reads the list with both CAs", hanko.read, xml, scene.signer)
    authorities, _ = hanko.names(hanko.follow(lotl, scene.signer))
    checks.equal("pyHanko finds both by the list of lists", NEXT_NAME in authorities and len(authorities), 2)

    trust, issuer = scene.trust(), scene.product.certificate(NEXT)
    newcomer = Account(scene.product, scene.product.new_account(PERSON, BORN, "QUALIFIED"))
    for purpose, certificate in ("sign", newcomer.certificate), ("auth", newcomer.authentication_certificate):
        checks.accepted(f"a new account's {purpose}, by the clients' rules", clients.check, certificate, issuer, purpose, "Q")
        der = answers.request(certificate, issuer, nonce=answers.nonce(32))
        url = clients.ocsp_url(certificate)
        checks.accepted(f"a new account's {purpose}, by OCSP", answers.check, answers.ask(url, der), der, issuer)
    checks.accepted("signed before, validated now", validator.validate, trust, before)
    for what, who in ("an account of the first CA", account), ("an account of the second CA", newcomer):
        container = scene.container()
        checks.accepted(f"{what} signs", validator.sign, trust, who, container)
        checks.accepted(f"{what}: qualified", validator.validate, trust, container)
        found = checks.accepted(f"{what}, by pyHanko and OCSP", hanko.qualification, registry, who.certificate, True)
        checks.equal(f"{what}: qualified, by pyHanko", found, (True, "QC_ESIGN", "QSCD"))
