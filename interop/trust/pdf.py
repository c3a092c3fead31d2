"""pyHanko: a PDF signed through the RP API as PAdES-B-LTA, and validated by EN 319 102-1 with a list as its only trust."""

import asyncio
import datetime
import hashlib
import io

import validator
from asn1crypto import algos, x509
from pyhanko.pdf_utils.generic import StreamObject
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import PageObject, PdfFileWriter
from pyhanko.sign import signers
from pyhanko.sign.ades.report import AdESPassed
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.timestamps import HTTPTimeStamper
from pyhanko.sign.validation import ades, policy_decl
from pyhanko.sign.validation.qualified.tsp import TSPTrustManager
from pyhanko_certvalidator import ValidationContext, policy_decl as certificate_policies
from pyhanko_certvalidator.context import CertValidationPolicySpec
from pyhanko_certvalidator.registry import SimpleCertificateStore


class Signer(signers.Signer):
    """An account, `product.Account`, as pyHanko wants it."""

    def __init__(self, account, issuer):
        issuers = SimpleCertificateStore()
        issuers.register(x509.Certificate.load(issuer))
        super().__init__(
            signing_cert=x509.Certificate.load(account.certificate),
            cert_registry=issuers,
            signature_mechanism=algos.SignedDigestAlgorithm({"algorithm": "sha256_rsa"}),
        )
        self.account = account

    async def async_sign_raw(self, data, digest_algorithm, dry_run=False):
        if dry_run:
            return bytes(self.signing_cert.public_key.byte_size)
        return self.account.sign(hashlib.sha256(data).digest(), validator.PKCS1)


def sign(registry, account, issuer, time_stamps):
    """An empty page, signed, with a time-stamp, what OCSP said, and a time-stamp over all that."""
    context = ValidationContext(trust_manager=TSPTrustManager(registry), allow_fetching=True)
    metadata = signers.PdfSignatureMetadata(
        field_name="Signature",
        md_algorithm="sha256",
        subfilter=SigSeedSubFilter.PADES,
        embed_validation_info=True,
        use_pades_lta=True,
        validation_context=context,
    )

    async def signed():
        try:
            document = IncrementalPdfFileWriter(_empty_page())
            stamper = HTTPTimeStamper(time_stamps)
            return await signers.async_sign_pdf(document, metadata, Signer(account, issuer), timestamper=stamper)
        finally:
            await context.aclose()

    return asyncio.run(signed()).getvalue()


def validate(registry, document):
    """Whether the signature is qualified, for what, and how its key is kept; raises unless it has passed. Only what the
    document has itself says whether certificates were revoked, and it must say so."""
    rule = certificate_policies.RevocationCheckingRule.CRL_OR_OCSP_REQUIRED
    revocation = certificate_policies.CertRevTrustPolicy(
        certificate_policies.RevocationCheckingPolicy(ee_certificate_rule=rule, intermediate_ca_cert_rule=rule),
        # Our OCSP answers have no nextUpdate.
        freshness=datetime.timedelta(hours=1),
        freshness_req_type=certificate_policies.FreshnessReqType.MAX_DIFF_REVOCATION_VALIDATION,
    )
    gathering = policy_decl.RevocationInfoGatheringSpec(policy_decl.RevinfoOnlineFetchingRule.LOCAL_ONLY)
    trust = CertValidationPolicySpec(trust_manager=TSPTrustManager(registry), revinfo_policy=revocation)
    specification = policy_decl.SignatureValidationSpec(trust, gathering)
    signature, *_ = PdfFileReader(io.BytesIO(document)).embedded_regular_signatures
    result = asyncio.run(ades.ades_lta_validation(signature, policy_decl.PdfSignatureValidationSpec(specification)))
    if result.ades_subindic != AdESPassed.OK:
        raise ValueError(f"{result.ades_subindic}: {result.failure_msg}")
    status = result.api_status.qualification_result.status
    return status.qualified, status.qc_type.name, status.qc_key_security.name


def _empty_page():
    writer, file = PdfFileWriter(), io.BytesIO()
    contents = writer.add_object(StreamObject(stream_data=b""))
    writer.insert_page(PageObject(contents=contents, media_box=(0, 0, 200, 200)))
    writer.write(file)
    return file
