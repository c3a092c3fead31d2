"""pyHanko: what it makes of a trusted list, and by that list of certificates and time-stamps."""

import asyncio
import hashlib
import logging

import aiohttp
from asn1crypto import cms, x509
from pyhanko.sign.timestamps import HTTPTimeStamper
from pyhanko.sign.validation.generic_cms import validate_tst_signed_data
from pyhanko.sign.validation.qualified import assess, eutl_fetch, eutl_parse
from pyhanko.sign.validation.qualified.tsp import TSPTrustManager
from pyhanko.sign.validation.status import TimestampSignatureStatus
from pyhanko_certvalidator import CertificateValidator, ValidationContext

# What it logs, the checks provoke.
logging.getLogger("pyhanko").setLevel(logging.CRITICAL)


def read(xml, signer):
    """The qualified services of a list with this signer."""
    registry, errors = eutl_parse.trust_list_to_registry(xml.decode(), [x509.Certificate.load(signer)])
    if errors:
        raise ValueError(errors)
    return registry


def read_unsigned(xml):
    registry, errors = eutl_parse.trust_list_to_registry_unsafe(xml.decode())
    if errors:
        raise ValueError(errors)
    return registry


def follow(list_of_lists, signer):
    """The qualified services of all lists that a list of lists points to."""

    async def fetch():
        async with aiohttp.ClientSession() as session:
            return await eutl_fetch.lotl_to_registry(list_of_lists.decode(), session, [x509.Certificate.load(signer)])

    registry, errors = asyncio.run(fetch())
    if errors:
        raise ValueError(errors)
    return registry


def pointers(list_of_lists, signer):
    """Where a list of lists points to, with the territories."""
    found = eutl_parse.validate_and_parse_lotl(list_of_lists.decode(), [x509.Certificate.load(signer)])
    return [(reference.location_uri, reference.territory) for reference in found.references]


def names(registry):
    """The common names of the CAs and of the time-stamping units that a registry has."""
    return [
        sorted(authority.name.native["common_name"] for authority in authorities)
        for authorities in (registry.known_certificate_authorities, registry.known_timestamp_authorities)
    ]


def qualification(registry, certificate, fetch=False):
    """Whether a signing certificate is qualified, for what, and how its key is kept. With `fetch`, OCSP at the address in the
    certificate must say that it is good."""
    context = dict(trust_manager=TSPTrustManager(registry), allow_fetching=fetch)
    path = asyncio.run(_path(certificate, context, must_know=fetch))
    status = assess.QualificationAssessor(registry).check_entity_cert_qualified(path).status
    return status.qualified, status.qc_type.name, status.qc_key_security.name


def check_lists(certificate, issuer, root, revocation_lists):
    """Raises unless the CRLs say that neither the certificate nor its issuer is revoked; the root is all that is trusted."""
    certificates = {"trust_roots": [x509.Certificate.load(root)], "other_certs": [x509.Certificate.load(issuer)]}
    context = certificates | {"crls": revocation_lists, "allow_fetching": False}
    asyncio.run(_path(certificate, context, must_know=True))


async def _path(certificate, context, must_know):
    context = ValidationContext(revocation_mode="require" if must_know else "soft-fail", **context)
    try:
        validator = CertificateValidator(x509.Certificate.load(certificate), validation_context=context)
        return await validator.async_validate_usage({"non_repudiation"})
    finally:
        await context.aclose()


def time_stamp(url, data):
    """A token for the data's SHA-384 digest, as DER."""
    stamper = HTTPTimeStamper(url)
    return asyncio.run(stamper.async_timestamp(hashlib.sha384(data).digest(), "sha384")).dump()


def check_time_stamp(registry, token, data):
    """Raises unless the token is for the data, from a qualified service of the registry."""
    signed = cms.ContentInfo.load(token)["content"]
    context = ValidationContext(trust_manager=TSPTrustManager(registry), allow_fetching=False)
    fields = asyncio.run(validate_tst_signed_data(signed, context, lambda algorithm: hashlib.new(algorithm, data).digest()))
    status = TimestampSignatureStatus(**fields)
    if not (status.intact and status.valid):
        raise ValueError(f"the time-stamp is not intact: {status.summary()}")
    if not status.trusted:
        raise ValueError(f"the time-stamp is not trusted: {status.summary()}")
    if status.validation_path.pkix_len:
        raise ValueError("the unit itself is not on the list")
