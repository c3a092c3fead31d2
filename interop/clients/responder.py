#!/usr/bin/env python3
"""Stands where a demo's OCSP address is, and answers as somebody else would who has the demo's answers but not its keys.

    responder.py PORT http://127.0.0.1:PORT_OF_THE_DEMO [honest]

All requests go on to the demo. Its OCSP answers come back signed by another key, whose certificate looks like the responder's
and is issued by a CA that looks like the person's. The CRLs of people's CAs, to which some clients turn then, are not to be had.
`honest` passes everything on as it is: clients must accept that.
"""

import functools
import http.server
import pathlib
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

PORT, UPSTREAM, HONEST = int(sys.argv[1]), sys.argv[2], sys.argv[3:] == ["honest"]
SHA256_WITH_RSA = bytes.fromhex("300d06092a864886f70d01010b0500")


def openssl(*arguments, stdin=b""):
    return subprocess.run(["openssl", *map(str, arguments)], input=stdin, check=True, capture_output=True).stdout


def parts(der):
    """The elements within a constructed one, each whole."""
    at, found = header(der), []
    while at < len(der):
        length = header(der[at:]) + size(der[at:])
        found.append(der[at : at + length])
        at += length
    return found


def header(der):
    return 2 if der[1] < 0x80 else 2 + (der[1] & 0x7F)


def size(der):
    return der[1] if der[1] < 0x80 else int.from_bytes(der[2 : header(der)], "big")


def wrap(tag, *inside):
    inside = b"".join(inside)
    length = len(inside).to_bytes((len(inside).bit_length() + 7) // 8 or 1, "big")
    return bytes([tag]) + (length if len(inside) < 0x80 else bytes([0x80 | len(length)]) + length) + inside


@functools.cache
def imposter(responder):
    """A key, and a certificate for it that is the responder's but for key and signature."""
    folder = pathlib.Path(tempfile.mkdtemp())
    key, ca_key = folder / "key.pem", folder / "ca.key"
    openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", key)
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384", "-out", ca_key)
    body, algorithm, _signature = parts(responder)
    fields = parts(body)
    # Version, serial number, algorithm, issuer, validity, subject, then the key.
    fields[6] = openssl("pkey", "-in", key, "-pubout", "-outform", "der")
    body = wrap(0x30, *fields)
    signature = openssl("dgst", "-sha384", "-sign", ca_key, stdin=body)
    return key, wrap(0x30, body, algorithm, wrap(0x03, b"\0", signature))


def forged(answer):
    status, given = parts(answer)
    kind, octets = parts(parts(given)[0])
    data, _algorithm, _signature, certificates = parts(octets[header(octets) :])
    key, certificate = imposter(parts(parts(certificates)[0])[0])
    signature = openssl("dgst", "-sha256", "-sign", key, stdin=data)
    basic = wrap(0x30, data, SHA256_WITH_RSA, wrap(0x03, b"\0", signature), wrap(0xA0, wrap(0x30, certificate)))
    return wrap(0x30, status, wrap(0xA0, wrap(0x30, kind, wrap(0x04, basic))))


class Between(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path.startswith("/crl/eid-") and not HONEST:
            return self.send_error(404)
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        kept = {name: value for name, value in self.headers.items() if name.lower() in ("content-type", "accept")}
        request = urllib.request.Request(UPSTREAM + self.path, body or None, kept, method=self.command)
        try:
            answer = urllib.request.urlopen(request)
        except urllib.error.HTTPError as error:
            answer = error
        content = answer.read()
        if self.path.startswith("/ocsp/") and answer.status == 200:
            if not HONEST:
                content = forged(content)
            print(f"{self.command} {'passed on' if HONEST else 'forged'}", flush=True)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            if name.lower() in ("content-type", "location", "retry-after"):
                self.send_header(name, value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_GET

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Between).serve_forever()
