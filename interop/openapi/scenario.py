"""Requests to every endpoint of the Relying Party API v3 that succeed and fail in each way that can be provoked."""

import base64
import json
import os

import requests

import site_of_our_own as site

PERSON = "id-etsi-qcs-SemanticsId-Natural"
SEMANTICS = f"{{{PERSON}}}"


def interactions(*kinds):
    fields = {"displayTextAndPIN": "displayText60"}
    listed = [{"type": kind, fields.get(kind, "displayText200"): "Sign in to the contract tests?"} for kind in kinds]
    return base64.b64encode(json.dumps(listed).encode()).decode()


def caller(**more):
    return {"relyingPartyUUID": site.RELYING_PARTY, "relyingPartyName": site.RELYING_PARTY_NAME, **more}


def authentication(**more):
    return caller(
        signatureProtocol="ACSP_V2",
        signatureProtocolParameters={
            "rpChallenge": base64.b64encode(os.urandom(48)).decode(),
            "signatureAlgorithm": "rsassa-pss",
            "signatureAlgorithmParameters": {"hashAlgorithm": "SHA3-384"},
        },
        interactions=interactions("displayTextAndPIN"),
        **more,
    )


def signature(algorithm="rsassa-pss", **more):
    parameters = {"digest": base64.b64encode(os.urandom(32)).decode(), "signatureAlgorithm": algorithm}
    if algorithm == "rsassa-pss":
        parameters["signatureAlgorithmParameters"] = {"hashAlgorithm": "SHA-256"}
    body = caller(
        signatureProtocol="RAW_DIGEST_SIGNATURE",
        signatureProtocolParameters=parameters,
        interactions=interactions("confirmationMessage", "displayTextAndPIN"),
    )
    return body | more


class Client:
    """Remembers what came back."""

    def __init__(self, url):
        self.base = f"{url}/smart-id-rp"
        self.seen = []

    def send(self, method, template, path=None, example=None, **more):
        address = self.base + (path or template)
        response = requests.request(method, address, timeout=130, **more)
        self.seen.append((method, template, response, example))
        return response

    def post(self, template, body, example=None, **names):
        path = template
        for name, value in names.items():
            path = path.replace(f"{{{name.replace('_', '-')}}}", value)
        return self.send("post", template, path.replace(SEMANTICS, names.get("person", "")), example, json=body)

    def status(self, started, timeout=20_000):
        session = started.json()["sessionID"]
        return self.send("get", "/v3/session/{sessionID}", f"/v3/session/{session}", params={"timeoutMs": timeout})


def exchanges(url, folder, examples):
    client = Client(url)
    phone = site.Phone(folder, url, "PNOEE-40504040001")
    templates = [
        f"/v3/authentication/device-link/etsi/{SEMANTICS}",
        "/v3/authentication/device-link/document/{document-number}",
        "/v3/authentication/device-link/anonymous",
        f"/v3/authentication/notification/etsi/{SEMANTICS}",
        "/v3/authentication/notification/document/{document-number}",
        f"/v3/signature/device-link/etsi/{SEMANTICS}",
        "/v3/signature/device-link/document/{document-number}",
        f"/v3/signature/notification/etsi/{SEMANTICS}",
        "/v3/signature/notification/document/{document-number}",
        "/v3/signature/notification/linked/{document-number}",
        "/v3/signature/certificate/{document-number}",
        "/v3/signature/certificate-choice/device-link/anonymous",
        f"/v3/signature/certificate-choice/notification/etsi/{SEMANTICS}",
    ]

    def fitting(template):
        if "/authentication/" in template:
            return authentication(**({"vcType": "numeric4"} if "/notification/" in template else {}))
        if "/certificate" in template:
            return caller()
        return signature(**({"linkedSessionID": "00000000-0000-4000-8000-000000000000"} if "/linked/" in template else {}))

    their_person, their_document = phone.person, phone.document
    for template in templates:
        failures(client, template, fitting, their_person, their_document)
    for template, name, body in examples:
        # Theirs but for the person and for who asks, since the demo lets DEMO ask three times a minute only.
        client.post(template, body | caller(), name, person=their_person, document_number=their_document)
    sessions(client, phone)
    return client.seen


def failures(client, template, fitting, person, document):
    known = dict(person=person, document_number=document)
    body = fitting(template)
    client.post(template, body, person="PNOEE-39901010003", document_number="PNOEE-39901010003-ABCD-Q")
    client.post(template, body, person="nobody", document_number="nothing")
    client.post(template, {}, **known)
    client.post(template, [], **known)
    client.post(template, body | {"relyingPartyName": "Somebody else"}, **known)
    client.post(template, body | {"relyingPartyUUID": "00000000-0000-4000-8000-00000000dead"}, **known)
    client.post(template, body | {"capabilities": ["everything"]}, **known)
    client.post(template, body | {"certificateLevel": "ADVANCED"}, **known)
    plain = {"relyingPartyUUID": site.PLAIN_RELYING_PARTY, "relyingPartyName": "plain"}
    client.post(template, body | plain | {"requestProperties": {"shareMdClientIpAddress": True}}, **known)
    for _ in range(5):
        client.post(template, fitting(template) | plain, **known)
    path = template.replace(SEMANTICS, person).replace("{document-number}", document)
    client.send("post", template, path, data="x" * 70_000, headers={"content-type": "application/json"})
    client.send("post", template, path, data="{}", headers={"content-type": "text/plain"})


def sessions(client, phone):
    """Sessions that end in each way that a phone can bring about."""
    by_person = dict(person=phone.person)
    by_document = dict(document_number=phone.document)
    shared = {"requestProperties": {"shareMdClientIpAddress": True, "colour": "red"}}
    authenticate = f"/v3/authentication/notification/etsi/{SEMANTICS}"
    sign = f"/v3/signature/notification/etsi/{SEMANTICS}"

    client.send("get", "/v3/session/{sessionID}", "/v3/session/00000000-0000-4000-8000-000000000000")
    client.send("get", "/v3/session/{sessionID}", "/v3/session/nonsense")
    client.send("get", "/v3/session/{sessionID}", "/v3/session/00000000-0000-4000-8000-000000000000?timeoutMs=1")

    started = [
        client.post(authenticate, authentication(vcType="numeric4") | shared, **by_person),
        client.post("/v3/authentication/notification/document/{document-number}", authentication(vcType="numeric4"), **by_document),
        client.post(sign, signature() | shared, **by_person),
        client.post("/v3/signature/notification/document/{document-number}", signature("sha256WithRSAEncryption"), **by_document),
    ]
    client.status(started[0], 1_000)
    for session in started:
        phone.approve(session.json()["sessionID"])
        ended = client.status(session)
        assert ended.json()["result"]["endResult"] == "OK", ended.text
    refused = client.post(sign, signature(), **by_person)
    phone.run("refuse", refused.json()["sessionID"], codes=(0, 3))
    client.status(refused)
    client.post("/v3/signature/certificate/{document-number}", caller(), **by_document)
