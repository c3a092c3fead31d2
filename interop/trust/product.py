"""The product as the world sees it: its addresses, its accounts, and the operator's commands."""

import base64
import functools
import os
import subprocess
import time

import requests

BINARY = os.environ["SMART_ID_BIN"]

# The demo's relying parties: the second may ask for Basic accounts.
QUALIFIED = {"relyingPartyUUID": "00000000-0000-4000-8000-000000000000", "relyingPartyName": "DEMO"}
ADVANCED = {"relyingPartyUUID": "00000000-0000-4000-8000-000000000001", "relyingPartyName": "DEMO ADVANCED"}

# What libdigidocpp calls a signature method, and what the RP API does.
ALGORITHMS = {
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256": {"signatureAlgorithm": "sha256WithRSAEncryption"},
    "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1": {
        "signatureAlgorithm": "rsassa-pss",
        "signatureAlgorithmParameters": {"hashAlgorithm": "SHA-256"},
    },
}
INTERACTIONS = base64.b64encode(b'[{"type":"displayTextAndPIN","displayText60":"Is it you?"}]').decode()


class Failed(Exception):
    """The product did not do what every row takes for granted."""


class Product:
    def __init__(self, server):
        self.server = server
        self.url = server.url

    def fetch(self, path, media_type=None):
        answer = requests.get(self.url + path, timeout=30)
        answer.raise_for_status()
        if media_type and answer.headers["content-type"].split(";")[0] != media_type:
            raise Failed(f"{path} is {answer.headers['content-type']}, not {media_type}")
        return answer.content

    def trusted_list(self):
        return self.fetch("/tl", "application/vnd.etsi.tsl+xml")

    def list_of_lists(self):
        return self.fetch("/tl/lotl", "application/vnd.etsi.tsl+xml")

    def certificate(self, name):
        return self.fetch(f"/certs/{name}.crt", "application/pkix-cert")

    def crl(self, name):
        return self.fetch(f"/crl/{name}.crl", "application/pkix-crl")

    def next_crl(self, name, old):
        return self._until_other(old, lambda: self.crl(name), f"the CRL of {name}")

    def new_account(self, person, born, level):
        """The document number of an account that answers by itself."""
        body = {"semanticsIdentifier": person, "dateOfBirth": born, "certificateLevel": level}
        answer = requests.post(f"{self.url}/mock/accounts", json=body, timeout=120)
        if answer.status_code != 201:
            raise Failed(f"{person}: {answer.status_code} {answer.text}")
        return answer.json()["documentNumber"]

    def operate(self, *arguments):
        """A command of the operator's, beside the running server."""
        done = subprocess.run([BINARY, *arguments, "--data", str(self.server.data)], capture_output=True, text=True, timeout=60)
        if done.returncode:
            raise Failed(f"smart-id {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def succeed(self, name, common_name):
        """Stops the server, holds the ceremony that makes another CA for Qualified accounts, and starts it again."""
        self.server.stop()
        ceremony = self.server.data / "ceremony.toml"
        successor = f"""
[[certificates.successors]]
name = "{name}"
level = "qualified"
common_name = "{common_name}"
certificate_url = "{self.url}/certs/{name}.crt"
crl_url = "{self.url}/crl/{name}.crl"
ocsp_url = "{self.url}/ocsp/{name}"
"""
        ceremony.write_text(ceremony.read_text() + successor)
        command = [BINARY, "ceremony", "--config", str(ceremony), "--extend"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        if done.returncode:
            raise Failed(f"the ceremony: {done.returncode}\n{done.stdout}{done.stderr}")
        self.server.start()

    def set_service(self, service, status, *more):
        """Changes the status of a service, and waits until the list says so."""
        before = self.trusted_list()
        self.operate("trust", "set", service, status, *more)
        self._until_other(before, self.trusted_list, "the list")

    def _until_other(self, old, fetch, what):
        """Jobs look about once a second; a busy machine may take longer."""
        deadline = time.monotonic() + 15
        while (new := fetch()) == old:
            if time.monotonic() > deadline:
                raise Failed(f"{what} is still the same")
            time.sleep(0.1)
        return new


class Account:
    """A person whose phone says yes: one of the demo's own, or of `site_of_our_own.Phone`."""

    def __init__(self, product, document, phone=None):
        self.url = f"{product.url}/smart-id-rp/v3"
        self.document = document
        self.phone = phone
        if phone is None:
            setting = {"outcome": "OK", "delayMs": 0}
            answer = requests.put(f"{product.url}/mock/accounts/{document}", json=setting, timeout=30)
            answer.raise_for_status()
        found = self._post(f"/signature/certificate/{document}", self._level())
        if found["state"] != "OK":
            raise Failed(f"{document}: {found}")
        self.certificate = base64.b64decode(found["cert"]["value"])

    @functools.cached_property
    def authentication_certificate(self):
        body = self._level() | {
            "signatureProtocol": "ACSP_V2",
            "signatureProtocolParameters": {
                "rpChallenge": base64.b64encode(os.urandom(48)).decode(),
                "signatureAlgorithm": "rsassa-pss",
                "signatureAlgorithmParameters": {"hashAlgorithm": "SHA-512"},
            },
            "interactions": INTERACTIONS,
            "vcType": "numeric4",
        }
        ended = self._end(self._post(f"/authentication/notification/document/{self.document}", body))
        return base64.b64decode(ended["cert"]["value"])

    def sign(self, digest, method):
        body = self._level() | {
            "signatureProtocol": "RAW_DIGEST_SIGNATURE",
            "signatureProtocolParameters": {"digest": base64.b64encode(digest).decode()} | ALGORITHMS[method],
            "interactions": INTERACTIONS,
        }
        ended = self._end(self._post(f"/signature/notification/document/{self.document}", body))
        if base64.b64decode(ended["cert"]["value"]) != self.certificate:
            raise Failed(f"{self.document} signed with another certificate than it chose")
        return base64.b64decode(ended["signature"]["value"])

    def _level(self):
        if self.document.endswith("-NQ"):
            return ADVANCED | {"certificateLevel": "ADVANCED"}
        return QUALIFIED | {"certificateLevel": "QUALIFIED"}

    def _end(self, started):
        session = started["sessionID"]
        if self.phone:
            self.phone.approve(session)
        ended = requests.get(f"{self.url}/session/{session}", params={"timeoutMs": 60_000}, timeout=90).json()
        if ended["result"]["endResult"] != "OK":
            raise Failed(f"{self.document} did not sign: {ended}")
        return ended

    def _post(self, path, body):
        answer = requests.post(self.url + path, json=body, timeout=60)
        if answer.status_code != 200:
            raise Failed(f"{path}: {answer.status_code} {answer.text}")
        return answer.json()
