"""Containers with signatures made through the RP API, by libdigidocpp."""

import datetime
import time
import zipfile

import hanko
import lists
import outsider
import site_of_our_own as site
import validator
from product import Account
from scene import BASIC, QUALIFIED, TO_BE_CLOSED

NO_TRUST_FOR_OCSP = "Failed to verify OCSP Responder certificate"
NOT_QUALIFIED = "Signing certificate does not meet Qualification requirements"
REVOKED, UNKNOWN = "Certificate status: revoked", "Certificate status: unknown"
DAY = datetime.timedelta(days=1)


def run(checks, scene):
    rows = Rows(checks, scene)
    rows.signatures()
    rows.changed_containers()
    rows.changed_lists()
    rows.basic_account()
    rows.certificates_without_something()
    rows.lies_of_ocsp()
    rows.history()
    rows.revocation()


class Rows:
    def __init__(self, checks, scene):
        self.checks = checks
        self.scene = scene
        # By whom, to be changed by other rows.
        self.containers = {}

    def signatures(self):
        """The positive row: somebody with a phone, and each country."""
        trust = self.scene.trust()
        phone = site.Phone(self.scene.folder, self.scene.product.url, "PNOEE-39912319997")
        self._signs_qualified("somebody with a phone", trust, Account(self.scene.product, phone.document, phone))
        for country, document in QUALIFIED.items():
            self.containers[country] = self._signs_qualified(country, trust, self.scene.account(document))
        self.containers["later"] = self._signs_qualified("with PKCS #1", trust, method=validator.PKCS1)
        self._signs_qualified("with an archive time-stamp", trust, profile=validator.LTA)
        self._signs_qualified("with the list of lists", self.scene.trust("/tl/lotl"))

    def changed_containers(self):
        for what, reasons, change in (
            ("another document", ["Failed to validate Reference"], _document),
            (
                "another signature value",
                ["Failed to validate signature", "message imprint mismatch"],
                _letter_of("ds:SignatureValue", 40),
            ),
            ("another time-stamp", ["Failed to verify TS response"], _letter_of("xades:EncapsulatedTimeStamp", -8)),
            ("another OCSP answer", ["Failed to verify OCSP response"], _letter_of("xades:EncapsulatedOCSPValue", 400)),
            ("the OCSP answer about somebody else", [UNKNOWN], _element_of("xades:EncapsulatedOCSPValue", self.containers["LV"])),
            (
                "the time-stamp of somebody else",
                ["message imprint mismatch"],
                _element_of("xades:EncapsulatedTimeStamp", self.containers["LV"]),
            ),
        ):
            container = self._copy(self.containers["EE"], change)
            self.checks.refused(f"a container with {what}", reasons, validator.validate, self.scene.trust(), container)
        earlier = self._copy(self.containers["later"], _element_of("xades:EncapsulatedOCSPValue", self.containers["EE"]))
        reasons = ["TimeStamp time is greater than OCSP producedAt"]
        self.checks.refused("an OCSP answer from before the time-stamp", reasons, validator.validate, self.scene.trust(), earlier)

    def changed_lists(self):
        now, ours, fresh = datetime.datetime.now(datetime.UTC), self.scene.stranger.list_signer, self.scene.list
        for what, changed in (
            ("the same list, signed by us", fresh()),
            ("a CA recognised at national level", fresh().set_status("CA/QC", "recognisedatnationallevel")),
        ):
            self._signs_qualified(f"with {what}", self.scene.trust_in(changed.signed(ours)))
        for what, changed in (
            ("a CA that was withdrawn", fresh().set_status("CA/QC", "withdrawn", now)),
            ("a CA that starts later", fresh().set_status("CA/QC", since=now + DAY)),
            ("no CA", fresh().remove("CA/QC")),
        ):
            self._does_not_sign(f"with {what}", [NO_TRUST_FOR_OCSP], self.scene.trust_in(changed.signed(ours)))
        for what, changed in (
            ("no time-stamping unit", fresh().remove("TSA/QTST")),
            ("a time-stamping unit that was withdrawn", fresh().set_status("TSA/QTST", "withdrawn", now)),
        ):
            self._is_not_valid(f"with {what}", [UNKNOWN], self.scene.trust_in(changed.signed(ours)))
        for what, xml, signer, reason in (
            ("an expired list", fresh().set_next_update(now - DAY).signed(ours), ours.der, "is expired"),
            ("an unsigned list", fresh().unsigned(), ours.der, "signed with untrusted certificate"),
            ("a list that somebody else signed", fresh().signed(ours), self.scene.signer, "signed with untrusted certificate"),
            (
                "a list changed afterwards",
                fresh().signed(ours).replace(b"/granted", b"/accredited", 1),
                ours.der,
                "Signature is invalid",
            ),
        ):
            self._does_not_sign(f"with {what}", [NO_TRUST_FOR_OCSP, reason], self.scene.trust_in(xml, signer))
        pointing = lists.TrustedList(self.scene.product.list_of_lists())
        signed = pointing.point_to(f"{self.scene.product.url}/tl", ours).signed(ours)
        reasons = [NO_TRUST_FOR_OCSP, "signed with untrusted certificate"]
        self._does_not_sign("with a list of lists that names another signer", reasons, self.scene.trust_in(signed))

    def basic_account(self):
        account = self.scene.account(BASIC)
        self._does_not_sign("with a Basic account", [NO_TRUST_FOR_OCSP], self.scene.trust(), account)
        changed = self.scene.list().promote_ca()
        trust = self.scene.trust_in(changed.signed(self.scene.stranger.list_signer))
        self._judged("a Basic account whose CA is listed as CA/QC", trust, account, qualified=False)

    def certificates_without_something(self):
        """By both libraries; they differ about keys that are kept on behalf of their owners."""
        without = {"policy": outsider.QCP_N, "statements": (outsider.QC_COMPLIANCE, outsider.QC_TYPE_ESIGN)}
        for what, differences, qualifier, qualified, by_pyhanko in (
            ("a certificate like ours", {}, None, True, "QSCD"),
            ("QCP-n without QcSSCD", without, None, False, "UNKNOWN"),
            ("QCP-n without QcSSCD, QCWithQSCD in the list", without, "QCWithQSCD", True, "QSCD"),
            (
                "QCP-n without QcSSCD, QCQSCDManagedOnBehalf in the list",
                without,
                "QCQSCDManagedOnBehalf",
                False,
                "QSCD_DELEGATED",
            ),
        ):
            person, xml = self.scene.stranger.person(**differences), self.scene.list_with_outsider(qualifier)
            self._judged(what, self.scene.trust_in(xml), person, qualified)
            registry = hanko.read(xml, self.scene.stranger.list_signer.der)
            found = hanko.qualification(registry, person.certificate)
            self.checks.equal(f"{what}, by pyHanko: {by_pyhanko}", found, (True, "QC_ESIGN", by_pyhanko))

    def lies_of_ocsp(self):
        trust = self.scene.trust_in(self.scene.list_with_outsider())
        for way, reason in (
            (outsider.HONEST, None),
            (outsider.HUNDRED_SECONDS_OLD, None),
            (outsider.OLD, "OCSP response not in valid time slot"),
            (outsider.NO_NONCE, "Incorrect NONCE field value"),
            (outsider.OTHER_NONCE, "Incorrect NONCE field value"),
            (outsider.NO_CERTIFICATE, NO_TRUST_FOR_OCSP),
            (outsider.OTHER_ISSUER, NO_TRUST_FOR_OCSP),
            (outsider.UNKNOWN, UNKNOWN),
            (outsider.REVOKED, REVOKED),
        ):
            person = self.scene.stranger.person(answers=way)
            if reason:
                self._does_not_sign(f"with OCSP: {way}", [reason], trust, person)
            else:
                self._judged(f"with OCSP: {way}", trust, person, qualified=True)

    def history(self):
        """Services that the operator withdraws and grants again."""
        trust, account = self.scene.trust(), self.scene.account()
        before = self.containers["EE"]
        for service, named in ("eid-q", "the CA"), ("tsu", "the time-stamping unit"):
            self.scene.product.set_service(service, "withdrawn")
            if service == "eid-q":
                self._does_not_sign(f"once {named} is withdrawn", [NO_TRUST_FOR_OCSP], trust)
            else:
                self._is_not_valid(f"once {named} is withdrawn", [UNKNOWN], trust)
            self._qualified(f"a signature from before {named} was withdrawn", trust, before, account)
            # Lists count in seconds.
            time.sleep(1.1)
            self.scene.product.set_service(service, "granted")
            self._signs_qualified(f"once {named} is granted again", trust)

        xml = self.scene.product.trusted_list()
        self.checks.accepted("a list with history is what the XSD says", lists.Schema(self.scene.schemas).check, xml)
        found = hanko.qualification(hanko.read(xml, self.scene.signer), account.certificate)
        self.checks.equal("qualified by a list with history, by pyHanko", found, (True, "QC_ESIGN", "QSCD"))

    def revocation(self):
        trust, account = self.scene.trust(), self.scene.account(TO_BE_CLOSED)
        before, old = self._signs_qualified("before the account is closed", trust, account), self.scene.product.crl("eid-q")
        closing = ClosedInBetween(account, self.scene.product)
        self._does_not_sign("by an account that was closed a moment ago", [REVOKED], trust, closing)
        self._qualified("a signature from before the account was closed", trust, before, account)
        registry = hanko.read(self.scene.product.trusted_list(), self.scene.signer)
        certificate = account.certificate
        self.checks.refused("a closed account, by pyHanko", ["revoked"], hanko.qualification, registry, certificate, True)
        crls = [self.scene.product.crl("root"), self.scene.product.next_crl("eid-q", old)]
        issuers = self.scene.product.certificate("eid-q"), self.scene.product.certificate("root")
        self.checks.refused(
            "a closed account, by pyHanko with the CRLs", ["revoked"], hanko.check_lists, certificate, *issuers, crls
        )

    def _signs_qualified(self, what, trust, account=None, method=validator.PSS, profile=validator.LT):
        container, account = self.scene.container(), account or self.scene.account()
        self.checks.accepted(f"{what}: signed", validator.sign, trust, account, container, method, profile)
        self._qualified(what, trust, container, account, profile)
        return container

    def _qualified(self, what, trust, container, account, profile=validator.LT):
        found, signer, stamped, answered = self.checks.accepted(f"{what}: qualified", validator.validate, trust, container)
        self.checks.equal(f"{what}: the profile", found, profile)
        self.checks.equal(f"{what}: by the certificate of the RP API", signer == account.certificate, True)
        self.checks.equal(f"{what}: time-stamp before OCSP", bool(stamped) and stamped <= answered, True)

    def _judged(self, what, trust, person, qualified):
        """A signature is valid by the policy that does not ask for a QSCD, and qualified or not."""
        container = self.scene.container()
        self.checks.accepted(f"{what}: signed", validator.sign, trust, person, container)
        self.checks.accepted(f"{what}: valid by POLv1", validator.validate, trust, container, "POLv1")
        if qualified:
            self.checks.accepted(f"{what}: valid by POLv2", validator.validate, trust, container)
        else:
            self.checks.refused(f"{what}, by POLv2", [NOT_QUALIFIED], validator.validate, trust, container)

    def _does_not_sign(self, what, reasons, trust, account=None):
        account = account or self.scene.account()
        self.checks.refused(f"to sign {what}", reasons, validator.sign, trust, account, self.scene.container())

    def _is_not_valid(self, what, reasons, trust):
        """The library asks nobody whether it trusts a time-stamp before it validates."""
        container = self.scene.container()
        self.checks.accepted(f"{what}: signed", validator.sign, trust, self.scene.account(), container)
        self.checks.refused(f"to validate {what}", reasons, validator.validate, trust, container)

    def _copy(self, original, change):
        container = self.scene.container()
        with zipfile.ZipFile(original) as source, zipfile.ZipFile(container, "w") as copy:
            for entry in source.infolist():
                data = source.read(entry)
                copy.writestr(entry, change(entry.filename, data))
        if container.read_bytes() == original.read_bytes():
            raise ValueError("nothing was changed")
        return container


class ClosedInBetween:
    """An account that is closed once it has signed, before anybody asks OCSP about it."""

    def __init__(self, account, product):
        self.account, self.certificate, self.product = account, account.certificate, product

    def sign(self, digest, method):
        value = self.account.sign(digest, method)
        self.product.operate("account", "close", self.account.document, "--yes")
        return value


def _document(name, data):
    return data.replace(b"10 euros", b"90 euros")


def _letter_of(element, at):
    """Another base64 letter, that far from the beginning or end of an element's text."""

    def change(name, data):
        if not name.endswith("signatures0.xml"):
            return data
        start, end = _text(element, data)
        place = (start if at >= 0 else end) + at
        while not chr(data[place]).isalnum():
            place += 1
        return data[:place] + (b"B" if data[place : place + 1] == b"A" else b"A") + data[place + 1 :]

    return change


def _element_of(element, other):
    """An element's text from another container."""

    def change(name, data):
        if not name.endswith("signatures0.xml"):
            return data
        theirs = zipfile.ZipFile(other).read("META-INF/signatures0.xml")
        text = slice(*_text(element, theirs))
        start, end = _text(element, data)
        return data[:start] + theirs[text] + data[end:]

    return change


def _text(element, data):
    start = data.index(b">", data.index(f"<{element}".encode())) + 1
    return start, data.index(f"</{element}>".encode())
