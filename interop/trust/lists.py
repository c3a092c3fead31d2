"""Trusted lists: their schema, and changed ones that a signer of the checks' own vouches for."""

import base64
import copy
import datetime
import hashlib
import importlib.util
import pathlib
import shutil
import tempfile

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

TSL = "http://uri.etsi.org/02231/v2#"
EXTENSIONS = "http://uri.etsi.org/TrstSvc/SvcInfoExt/eSigDir-1999-93-EC-TrustedList/#"
DSIG = "http://www.w3.org/2000/09/xmldsig#"
XADES = "http://uri.etsi.org/01903/v1.3.2#"
NAMES = {"t": TSL, "e": EXTENSIONS, "ds": DSIG, "x": XADES}

STATUS = "http://uri.etsi.org/TrstSvc/TrustedList/Svcstatus/"
SERVICE = "http://uri.etsi.org/TrstSvc/Svctype/"
QUALIFIER = "http://uri.etsi.org/TrstSvc/TrustedList/SvcInfoExt/"

# With ecdsa-sha384, as the product signs.
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
SHA384 = "http://www.w3.org/2001/04/xmldsig-more#sha384"

SIGNATURE = f"""
<ds:Signature xmlns:ds="{DSIG}" Id="signature"><ds:SignedInfo>
<ds:CanonicalizationMethod Algorithm="{EXCLUSIVE}"/>
<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384"/>
<ds:Reference URI=""><ds:Transforms><ds:Transform Algorithm="{DSIG}enveloped-signature"/><ds:Transform
 Algorithm="{EXCLUSIVE}"/></ds:Transforms><ds:DigestMethod Algorithm="{SHA384}"/><ds:DigestValue/></ds:Reference>
<ds:Reference Type="http://uri.etsi.org/01903#SignedProperties" URI="#signed"><ds:Transforms><ds:Transform
 Algorithm="{EXCLUSIVE}"/></ds:Transforms><ds:DigestMethod Algorithm="{SHA384}"/><ds:DigestValue/></ds:Reference>
</ds:SignedInfo><ds:SignatureValue/><ds:KeyInfo><ds:X509Data><ds:X509Certificate/></ds:X509Data></ds:KeyInfo><ds:Object>
<x:QualifyingProperties xmlns:x="{XADES}" Target="#signature"><x:SignedProperties Id="signed"><x:SignedSignatureProperties>
<x:SigningTime/><x:SigningCertificateV2><x:Cert><x:CertDigest><ds:DigestMethod Algorithm="{SHA384}"/><ds:DigestValue/>
</x:CertDigest></x:Cert></x:SigningCertificateV2></x:SignedSignatureProperties></x:SignedProperties>
</x:QualifyingProperties></ds:Object></ds:Signature>"""


class Schema:
    """The XSD of TS 119 612, which needs those of XML signatures and of XML itself from packages."""

    def __init__(self, folder):
        with tempfile.TemporaryDirectory() as together:
            for source in pathlib.Path(folder), _package("pydigidoc") / "schema":
                shutil.copytree(source, together, dirs_exist_ok=True)
            shutil.copy(_package("xsdata") / "schemas" / "xml.xsd", together)
            self.schema = etree.XMLSchema(etree.parse(f"{together}/ts_119612v020201_201601xsd.xsd"))

    def check(self, xml):
        if not self.schema.validate(etree.fromstring(xml)):
            raise ValueError(str(self.schema.error_log))


class TrustedList:
    """A list to be changed."""

    def __init__(self, xml):
        self.root = etree.fromstring(xml)
        for signature in self.root.findall("ds:Signature", NAMES):
            self.root.remove(signature)

    def service(self, kind):
        """The one service of this kind: `CA/QC`, `CA/PKC`, `TSA/QTST`."""
        (found,) = [
            service
            for service in self.root.iterfind(".//t:TSPService", NAMES)
            if service.findtext(".//t:ServiceTypeIdentifier", None, NAMES) == SERVICE + kind
        ]
        return found

    def remove(self, kind):
        service = self.service(kind)
        service.getparent().remove(service)
        return self

    def promote_ca(self):
        """Lists the CA of Basic accounts, instead of the other, as one of qualified certificates."""
        self.remove("CA/QC").set_status("CA/PKC", "granted")
        self.service("CA/PKC").find(".//t:ServiceTypeIdentifier", NAMES).text = SERVICE + "CA/QC"
        return self

    def set_status(self, kind, status=None, since=None):
        information = self.service(kind).find("t:ServiceInformation", NAMES)
        if status:
            information.find("t:ServiceStatus", NAMES).text = STATUS + status
        if since:
            information.find("t:StatusStartingTime", NAMES).text = _time(since)
        return self

    def set_certificate(self, kind, certificate):
        """Another certificate for a service, by which alone it is then known."""
        identity = self.service(kind).find("t:ServiceInformation/t:ServiceDigitalIdentity", NAMES)
        for known in list(identity):
            identity.remove(known)
        element = etree.SubElement(etree.SubElement(identity, f"{{{TSL}}}DigitalId"), f"{{{TSL}}}X509Certificate")
        element.text = base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()
        return self

    def add_qualifier(self, kind, qualifier):
        (qualifiers,) = self.service(kind).iterfind("t:ServiceInformation//e:Qualifiers", NAMES)
        etree.SubElement(qualifiers, f"{{{EXTENSIONS}}}Qualifier", uri=QUALIFIER + qualifier)
        return self

    def set_next_update(self, when):
        self.root.find(".//t:NextUpdate/t:dateTime", NAMES).text = _time(when)
        return self

    def point_to(self, url, signer):
        """In a list of lists: where the one list is, and who signs it."""
        (pointer,) = self.root.iterfind(".//t:OtherTSLPointer", NAMES)
        pointer.find("t:TSLLocation", NAMES).text = url
        (certificate,) = pointer.iterfind(".//t:X509Certificate", NAMES)
        certificate.text = base64.b64encode(signer.der).decode()
        return self

    def unsigned(self):
        return etree.tostring(self.root, xml_declaration=True, encoding="UTF-8")

    def signed(self, signer):
        """Enveloped XAdES-B, by a `Signer` with a P-384 key."""
        root = copy.deepcopy(self.root)
        signature = etree.fromstring(SIGNATURE)
        document, properties = signature.iterfind("ds:SignedInfo/ds:Reference/ds:DigestValue", NAMES)
        document.text = _digest(_canonical(root))
        root.append(signature)
        signature.find(".//ds:X509Certificate", NAMES).text = base64.b64encode(signer.der).decode()
        signature.find(".//x:SigningTime", NAMES).text = _time(datetime.datetime.now(datetime.UTC))
        signature.find(".//x:CertDigest/ds:DigestValue", NAMES).text = _digest(signer.der)
        properties.text = _digest(_canonical(signature.find(".//x:SignedProperties", NAMES)))
        signed = signer.key.sign(_canonical(signature.find("ds:SignedInfo", NAMES)), ec.ECDSA(hashes.SHA384()))
        # RFC 4050 §3.3: r and s side by side.
        value = b"".join(number.to_bytes(48, "big") for number in utils.decode_dss_signature(signed))
        signature.find("ds:SignatureValue", NAMES).text = base64.b64encode(value).decode()
        return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def _time(when):
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def _canonical(element):
    return etree.tostring(element, method="c14n", exclusive=True, with_comments=False)


def _digest(data):
    return base64.b64encode(hashlib.sha384(data).digest()).decode()


def _package(name):
    return pathlib.Path(importlib.util.find_spec(name).origin).parent
