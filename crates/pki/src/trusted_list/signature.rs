//! The enveloped signature over a whole list: XAdES baseline B (TS 119 612 §5.7, annex B; ETSI EN 319 132-1 §6).

use base64ct::{Base64, Encoding};
use der::asn1::UintRef;
use der::{Decode, Sequence};
use jiff::Timestamp;

use super::lists::date_time;
use super::xml::{Element, Prefix};
use crate::digest::DigestAlgorithm;
use crate::signer::{SignatureAlgorithm, Signer};
use crate::x509::{Certificate, IssueError};

const EXCLUSIVE_C14N: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
const SIGNED_PROPERTIES_TYPE: &str = "http://uri.etsi.org/01903#SignedProperties";

const SIGNATURE_ID: &str = "signature";
const LIST_REFERENCE_ID: &str = "reference-to-list";
const SIGNED_PROPERTIES_ID: &str = "signed-properties";

/// The XML of a list before it is signed.
#[derive(Debug, Clone)]
pub struct UnsignedTrustedList {
    list: Element,
    signer: Certificate,
    signing_time: Timestamp,
}

impl UnsignedTrustedList {
    pub(super) fn new(list: Element, signer: &Certificate, signing_time: Timestamp) -> Self {
        Self {
            list,
            signer: signer.clone(),
            signing_time,
        }
    }

    /// Signs: enveloped XAdES-B over the whole list; the signing time is the list's issue time. The signature is verified
    /// under the signer's certificate.
    ///
    /// # Errors
    /// [`IssueError`]; no list exists then.
    pub fn sign(&self, signer: &dyn Signer) -> Result<SignedTrustedList, IssueError> {
        let key = self.signer.public_key();
        if signer.public_key_spki() != key.spki_der() {
            return Err(IssueError::WrongSigner);
        }
        let algorithm = signer.algorithm();
        let digest = DigestAlgorithm::of_signature(algorithm);
        let properties = self.signed_properties(digest);
        let signed_info = self.signed_info(algorithm, &properties);
        let message = signed_info.canonical();
        let signature = signer.sign(message.as_bytes())?;
        // A faulty device or a fault attack must not put a bad signature into the world.
        key.verify(algorithm, message.as_bytes(), &signature)?;
        let value = signature_value(algorithm, &signature).map_err(IssueError::Encoding)?;
        let signature = ds("Signature")
            .attribute("Id", SIGNATURE_ID)
            .child(signed_info)
            .child(ds("SignatureValue").text(Base64::encode_string(&value)))
            .child(self.key_info())
            .child(
                ds("Object").child(
                    xades("QualifyingProperties")
                        .attribute("Target", format!("#{SIGNATURE_ID}"))
                        .child(properties),
                ),
            );
        // Canonicalisation leaves out the declaration and the line feed after it.
        let xml = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}",
            self.list.clone().child(signature).canonical()
        );
        Ok(SignedTrustedList { xml })
    }

    /// XML Signature §4.4.
    fn signed_info(&self, algorithm: SignatureAlgorithm, properties: &Element) -> Element {
        let digest = DigestAlgorithm::of_signature(algorithm);
        // The enveloped transform takes away just the signature that is not there yet.
        let list = reference(&[ENVELOPED, EXCLUSIVE_C14N], digest, &self.list)
            .attribute("Id", LIST_REFERENCE_ID)
            .attribute("URI", "");
        let properties = reference(&[EXCLUSIVE_C14N], digest, properties)
            .attribute("Type", SIGNED_PROPERTIES_TYPE)
            .attribute("URI", format!("#{SIGNED_PROPERTIES_ID}"));
        ds("SignedInfo")
            .child(with_algorithm("CanonicalizationMethod", EXCLUSIVE_C14N))
            .child(with_algorithm(
                "SignatureMethod",
                signature_method(algorithm),
            ))
            .child(list)
            .child(properties)
    }

    /// ETSI EN 319 132-1 §5.2.
    fn signed_properties(&self, digest: DigestAlgorithm) -> Element {
        let certificate =
            xades("Cert").child(xades("CertDigest").children(digest_of(digest, self.signer.der())));
        let signature_properties = xades("SignedSignatureProperties")
            .child(xades("SigningTime").text(date_time(self.signing_time)))
            .child(xades("SigningCertificateV2").child(certificate));
        let format = xades("DataObjectFormat")
            .attribute("ObjectReference", format!("#{LIST_REFERENCE_ID}"))
            .child(xades("MimeType").text("text/xml"));
        xades("SignedProperties")
            .attribute("Id", SIGNED_PROPERTIES_ID)
            .child(signature_properties)
            .child(xades("SignedDataObjectProperties").child(format))
    }

    /// TS 119 612 §5.7.1: the signer's certificate, and no other.
    fn key_info(&self) -> Element {
        let certificate = ds("X509Certificate").text(Base64::encode_string(self.signer.der()));
        ds("KeyInfo").child(ds("X509Data").child(certificate))
    }
}

/// A signed list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedTrustedList {
    /// UTF-8 XML.
    pub xml: String,
}

fn ds(name: &'static str) -> Element {
    Element::new(Prefix::Signature, name)
}

fn xades(name: &'static str) -> Element {
    Element::new(Prefix::Xades, name)
}

fn with_algorithm(name: &'static str, uri: &str) -> Element {
    ds(name).attribute("Algorithm", uri)
}

fn reference(transforms: &[&str], digest: DigestAlgorithm, target: &Element) -> Element {
    let transforms = transforms
        .iter()
        .map(|transform| with_algorithm("Transform", transform));
    ds("Reference")
        .child(ds("Transforms").children(transforms))
        .children(digest_of(digest, target.canonical().as_bytes()))
}

fn digest_of(digest: DigestAlgorithm, octets: &[u8]) -> [Element; 2] {
    let value = Base64::encode_string(&digest.digest(octets));
    [
        with_algorithm("DigestMethod", digest_method(digest)),
        ds("DigestValue").text(value),
    ]
}

/// RFC 9231 §2.1.
fn digest_method(digest: DigestAlgorithm) -> &'static str {
    match digest {
        DigestAlgorithm::Sha256 => "http://www.w3.org/2001/04/xmlenc#sha256",
        DigestAlgorithm::Sha384 => "http://www.w3.org/2001/04/xmldsig-more#sha384",
        DigestAlgorithm::Sha512 => "http://www.w3.org/2001/04/xmlenc#sha512",
    }
}

/// RFC 9231 §2.3.
fn signature_method(algorithm: SignatureAlgorithm) -> &'static str {
    match algorithm {
        SignatureAlgorithm::EcdsaSha256 => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
        SignatureAlgorithm::EcdsaSha384 => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384",
        SignatureAlgorithm::EcdsaSha512 => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512",
        SignatureAlgorithm::RsaSha256 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
        SignatureAlgorithm::RsaSha512 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
    }
}

/// RFC 9231 §2.3.6: an ECDSA signature is r and s one after the other, each as long as the curve's order.
fn signature_value(algorithm: SignatureAlgorithm, signature: &[u8]) -> der::Result<Vec<u8>> {
    let length = match algorithm {
        SignatureAlgorithm::EcdsaSha256 => 32,
        SignatureAlgorithm::EcdsaSha384 => 48,
        SignatureAlgorithm::EcdsaSha512 => 66,
        SignatureAlgorithm::RsaSha256 | SignatureAlgorithm::RsaSha512 => {
            return Ok(signature.to_vec());
        }
    };
    let EcdsaSignature { r, s } = EcdsaSignature::from_der(signature)?;
    let mut value = Vec::with_capacity(2 * length);
    for number in [r.as_bytes(), s.as_bytes()] {
        let padding = length
            .checked_sub(number.len())
            .ok_or(der::ErrorKind::Overlength)?;
        value.resize(value.len() + padding, 0);
        value.extend_from_slice(number);
    }
    Ok(value)
}

/// RFC 3279 §2.2.3.
#[derive(Sequence)]
struct EcdsaSignature<'a> {
    r: UintRef<'a>,
    s: UintRef<'a>,
}
