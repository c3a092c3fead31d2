"""What all rows work with: the product, the outsider, and lists of the outsider's making."""

import validator
from lists import TrustedList
from product import Account

# One person a country; the demo plays them.
QUALIFIED = {
    "EE": "PNOEE-40504040001-DEMO-Q",
    "LV": "PNOLV-050405-10009-DEM0-Q",
    "LT": "PNOLT-40504040001-MOCK-Q",
    "BE": "PNOBE-05040400032-DEMO-Q",
}
BASIC = "PNOLT-40504049999-MOCK-NQ"
# Basic accounts of the other countries: the demo has some of Latvia only.
OTHER_BASIC = {"LV": "PNOLV-050404-19993-DEMO-NQ"}
NEW_BASIC = {"EE": ("PNOEE-39901010003", "1999-01-01"), "BE": ("PNOBE-99010100022", "1999-01-01")}
TO_BE_CLOSED = "PNOEE-50001029996-DEMO-Q"


class Scene:
    def __init__(self, product, stranger, served, schemas):
        self.product = product
        self.stranger = stranger
        self.schemas = schemas
        self.signer = product.certificate("trust-list")
        self._served = served
        self.folder = product.server.folder
        self._accounts = {}
        self._new = {}
        self._count = 0

    def account(self, document=QUALIFIED["EE"]):
        if document not in self._accounts:
            self._accounts[document] = Account(self.product, document)
        return self._accounts[document]

    def basic(self, country):
        if country in NEW_BASIC and country not in self._new:
            self._new[country] = self.product.new_account(*NEW_BASIC[country], "ADVANCED")
        return self.account({"LT": BASIC, **OTHER_BASIC, **self._new}[country])

    def list(self):
        """The product's list, to be changed."""
        return TrustedList(self.product.trusted_list())

    def list_with_outsider(self, qualifier=None):
        """The product's list with the outsider in the place of its CA, signed by the outsider."""
        changed = self.list().set_certificate("CA/QC", self.stranger.authority.certificate)
        if qualifier:
            changed.add_qualifier("CA/QC", qualifier)
        return changed.signed(self.stranger.list_signer)

    def trust(self, path="/tl"):
        """The product's list as the only trust."""
        return self._trust(self.product.url + path, self.signer)

    def trust_in(self, xml, signer=None):
        """This list as the only trust; the outsider serves it and, if nobody else is named, has signed it."""
        self._count += 1
        name = f"list-{self._count}.xml"
        (self._served / name).write_bytes(xml)
        return self._trust(f"{self.stranger.url}/{name}", signer or self.stranger.list_signer.der)

    def container(self):
        """Where another container can be."""
        self._count += 1
        return self.folder / f"container-{self._count}.asice"

    def _trust(self, url, signer):
        return validator.Trust(url, signer, f"{self.product.url}/tsa", self.schemas)
