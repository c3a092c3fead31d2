"""Requests to every endpoint of the Relying Party API v3 that succeed and fail in each way that can be provoked."""

import base64
import hmac
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

    for template in templates:
        failures(client, template, fitting, phone.person, phone.document)
    for template, name, body in examples:
        if "linkedSessionID" in body:
            body = body | {"linkedSessionID": choice_by_link(client, phone, name)}
        client.post(template, body, name, person=phone.person, document_number=phone.document)
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
        client.post(f"/v3/signature/certificate-choice/notification/etsi/{SEMANTICS}", caller(nonce="another session"), **by_person),
    ]
    client.status(started[0], 1_000)
    for session in started:
        phone.approve(session.json()["sessionID"])
        ended_well(client, session)

    body = authentication()
    parameter = body["signatureProtocolParameters"]["rpChallenge"]
    for template in ("anonymous", f"etsi/{SEMANTICS}", "document/{document-number}"):
        started = client.post(f"/v3/authentication/device-link/{template}", body, **by_person, **by_document)
        phone.scan(link(started, "auth", "ACSP_V2", parameter, body["interactions"]))
        ended_well(client, started)
    body = signature()
    parameter = body["signatureProtocolParameters"]["digest"]
    for template in (f"etsi/{SEMANTICS}", "document/{document-number}"):
        started = client.post(f"/v3/signature/device-link/{template}", body, **by_person, **by_document)
        phone.scan(link(started, "sign", "RAW_DIGEST_SIGNATURE", parameter, body["interactions"]))
        ended_well(client, started)
    chosen = choice_by_link(client, phone, "contract tests")
    linked = client.post(
        "/v3/signature/notification/linked/{document-number}",
        signature(linkedSessionID=chosen),
        **by_document,
    )
    phone.approve(linked.json()["sessionID"])
    ended_well(client, linked)

    forged = client.post("/v3/authentication/device-link/anonymous", authentication())
    phone.run("scan", link(forged, "auth", "ACSP_V2", parameter, ""), codes=(1, 3))
    assert client.status(forged).json()["result"]["endResult"] == "PROTOCOL_FAILURE"
    refused = client.post(sign, signature(), **by_person)
    phone.refuse(refused.json()["sessionID"])
    client.status(refused)
    client.post("/v3/signature/certificate/{document-number}", caller(), **by_document)


def choice_by_link(client, phone, nonce):
    """The session of a certificate choice that a linked signature may follow."""
    chosen = client.post("/v3/signature/certificate-choice/device-link/anonymous", caller(nonce=nonce[-30:]))
    phone.scan(link(chosen, "cert", "", "", ""))
    ended_well(client, chosen)
    return chosen.json()["sessionID"]


def ended_well(client, started):
    ended = client.status(started)
    assert ended.json()["result"]["endResult"] == "OK", ended.text


def link(started, session_type, protocol, parameter, shown):
    """The text of a QR code that is drawn at once."""
    answer = started.json()
    text = (
        f"{answer['deviceLinkBase']}?deviceLinkType=QR&elapsedSeconds=0&sessionToken={answer['sessionToken']}"
        f"&sessionType={session_type}&version=1.0&lang=eng"
    )
    name = base64.b64encode(site.RELYING_PARTY_NAME.encode()).decode()
    covered = "|".join(["smart-id-demo", protocol, parameter, name, "", shown, "", text])
    code = hmac.digest(base64.b64decode(answer["sessionSecret"]), covered.encode(), "sha256")
    return f"{text}&authCode={base64.urlsafe_b64encode(code).decode().rstrip('=')}"
