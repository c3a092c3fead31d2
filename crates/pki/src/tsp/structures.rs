//! The DER of requests, tokens and answers (RFC 3161 §2.4, RFC 5652 §5, RFC 5035 §3).

use const_oid::ObjectIdentifier as Oid;
use der::asn1::{Any, BitString, Int, OctetString};
use der::{
    Decode, DecodeValue, Encode, EncodeValue, FixedTag, Header, Length, Reader, Sequence,
    SliceReader, Tag, Writer,
};
use spki::AlgorithmIdentifierOwned;
use x509_cert::ext::Extension;

const fn oid(dotted: &str) -> Oid {
    Oid::new_unwrap(dotted)
}

// RFC 5652 §3, §5.1, §11.1, §11.2; RFC 3161 §2.4.2; RFC 5035 §3; RFC 6211 §2.
pub(super) const SIGNED_DATA: Oid = oid("1.2.840.113549.1.7.2");
pub(super) const TST_INFO: Oid = oid("1.2.840.113549.1.9.16.1.4");
pub(super) const CONTENT_TYPE: Oid = oid("1.2.840.113549.1.9.3");
pub(super) const MESSAGE_DIGEST: Oid = oid("1.2.840.113549.1.9.4");
pub(super) const SIGNING_CERTIFICATE_V2: Oid = oid("1.2.840.113549.1.9.16.2.47");
pub(super) const ALGORITHM_PROTECTION: Oid = oid("1.2.840.113549.1.9.52");
/// RFC 3161 §2.3.
pub(super) const TIME_STAMPING: Oid = oid("1.3.6.1.5.5.7.3.8");
/// ETSI EN 319 422 §9.1, esi4-qtstStatement-1.
pub(super) const QUALIFIED_TIME_STAMP: Oid = oid("0.4.0.19422.1.1");

/// RFC 3161 §2.4.1. The imprint is kept as it came, because the token repeats it.
#[derive(Sequence)]
pub(super) struct Request {
    pub(super) version: Int,
    pub(super) message_imprint: Any,
    #[asn1(optional = "true")]
    pub(super) policy: Option<Oid>,
    #[asn1(optional = "true")]
    pub(super) nonce: Option<Int>,
    #[asn1(default = "no")]
    pub(super) wants_certificates: bool,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    pub(super) extensions: Option<Vec<Extension>>,
}

/// RFC 3161 §2.4.1.
#[derive(Sequence)]
pub(super) struct Imprint {
    pub(super) algorithm: AlgorithmIdentifierOwned,
    pub(super) digest: OctetString,
}

/// RFC 3161 §2.4.2.
#[derive(Sequence)]
pub(super) struct TstInfo {
    pub(super) version: Int,
    pub(super) policy: Oid,
    pub(super) message_imprint: Any,
    pub(super) serial: Int,
    pub(super) time: Any,
    #[asn1(optional = "true")]
    pub(super) accuracy: Option<Accuracy>,
    #[asn1(default = "no")]
    pub(super) ordering: bool,
    #[asn1(optional = "true")]
    pub(super) nonce: Option<Int>,
    /// A GeneralName.
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub(super) authority: Option<Any>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    pub(super) extensions: Option<Vec<Extension>>,
}

/// RFC 3161 §2.4.2.
#[derive(Clone, Copy, Debug, Sequence)]
pub(super) struct Accuracy {
    #[asn1(optional = "true")]
    pub(super) seconds: Option<u32>,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    pub(super) millis: Option<u16>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    pub(super) micros: Option<u16>,
}

/// RFC 3739 §3.2.6, a statement without information.
#[derive(Sequence)]
pub(super) struct QcStatement {
    pub(super) id: Oid,
}

/// RFC 5652 §3.
#[derive(Sequence)]
pub(super) struct ContentInfo {
    pub(super) content_type: Oid,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    pub(super) content: SignedData,
}

/// RFC 5652 §5.1. Sets are kept as they came.
#[derive(Sequence)]
pub(super) struct SignedData {
    pub(super) version: u8,
    pub(super) digest_algorithms: SetBytes,
    pub(super) content: EncapsulatedContent,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    pub(super) certificates: Option<SetBytes>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    pub(super) revocation: Option<SetBytes>,
    pub(super) signers: SetBytes,
}

/// RFC 5652 §5.2.
#[derive(Sequence)]
pub(super) struct EncapsulatedContent {
    pub(super) content_type: Oid,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    pub(super) content: OctetString,
}

/// RFC 5652 §5.3, the signer named by issuer and serial number, with signed attributes.
#[derive(Sequence)]
pub(super) struct SignerInfo {
    pub(super) version: u8,
    pub(super) signer: IssuerAndSerial,
    pub(super) digest_algorithm: AlgorithmIdentifierOwned,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT")]
    pub(super) signed_attributes: SetBytes,
    pub(super) signature_algorithm: AlgorithmIdentifierOwned,
    pub(super) signature: OctetString,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    pub(super) unsigned_attributes: Option<SetBytes>,
}

/// RFC 5652 §10.2.4.
#[derive(Sequence)]
pub(super) struct IssuerAndSerial {
    pub(super) issuer: Any,
    pub(super) serial: Int,
}

/// RFC 5652 §5.3.
#[derive(Sequence)]
pub(super) struct Attribute {
    pub(super) oid: Oid,
    pub(super) values: SetBytes,
}

/// RFC 6211 §2, for signatures.
#[derive(Sequence)]
pub(super) struct AlgorithmProtection {
    pub(super) digest_algorithm: AlgorithmIdentifierOwned,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT")]
    pub(super) signature_algorithm: AlgorithmIdentifierOwned,
}

/// RFC 5035 §3.
#[derive(Sequence)]
pub(super) struct SigningCertificateV2 {
    pub(super) certificates: Vec<EssCertIdV2>,
    #[asn1(optional = "true")]
    pub(super) policies: Option<Any>,
}

/// RFC 5035 §4. The algorithm is SHA-256 when absent.
#[derive(Sequence)]
pub(super) struct EssCertIdV2 {
    #[asn1(optional = "true")]
    pub(super) algorithm: Option<AlgorithmIdentifierOwned>,
    pub(super) digest: OctetString,
    #[asn1(optional = "true")]
    pub(super) issuer_serial: Option<IssuerSerial>,
}

/// RFC 5035 §4: GeneralNames, and the serial number.
#[derive(Sequence)]
pub(super) struct IssuerSerial {
    pub(super) issuer: Vec<Any>,
    pub(super) serial: Int,
}

/// RFC 3161 §2.4.2.
#[derive(Sequence)]
pub(super) struct Response {
    pub(super) status: StatusInfo,
    #[asn1(optional = "true")]
    pub(super) token: Option<Any>,
}

/// RFC 3161 §2.4.2.
#[derive(Sequence)]
pub(super) struct StatusInfo {
    pub(super) status: u8,
    #[asn1(optional = "true")]
    pub(super) text: Option<Vec<String>>,
    #[asn1(optional = "true")]
    pub(super) failure: Option<BitString>,
}

/// The encoded elements of a SET OF, exactly: what was signed must not be sorted anew on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SetBytes(Vec<u8>);

impl SetBytes {
    /// In the order of DER (X.690 §11.6).
    pub(super) fn new(elements: &[&dyn Encodable]) -> der::Result<Self> {
        let mut elements = elements
            .iter()
            .map(|element| element.encoded())
            .collect::<der::Result<Vec<_>>>()?;
        elements.sort();
        Ok(Self(elements.concat()))
    }

    /// Decodes every element.
    pub(super) fn elements<T>(&self) -> der::Result<Vec<T>>
    where
        T: for<'a> Decode<'a, Error = der::Error>,
    {
        let mut reader = SliceReader::new(&self.0)?;
        let mut elements = Vec::new();
        while !reader.is_finished() {
            elements.push(reader.decode()?);
        }
        Ok(elements)
    }

    /// Decodes the one element.
    pub(super) fn only<T>(&self) -> der::Result<T>
    where
        T: for<'a> Decode<'a, Error = der::Error>,
    {
        T::from_der(&self.0)
    }

    /// The bytes of every element.
    pub(super) fn element_bytes(&self) -> der::Result<Vec<&[u8]>> {
        let mut reader = SliceReader::new(&self.0)?;
        let mut elements = Vec::new();
        while !reader.is_finished() {
            elements.push(reader.tlv_bytes()?);
        }
        Ok(elements)
    }
}

impl FixedTag for SetBytes {
    const TAG: Tag = Tag::Set;
}

impl<'a> DecodeValue<'a> for SetBytes {
    type Error = der::Error;

    fn decode_value<R: Reader<'a>>(reader: &mut R, header: Header) -> der::Result<Self> {
        reader.read_vec(header.length()).map(Self)
    }
}

impl EncodeValue for SetBytes {
    fn value_len(&self) -> der::Result<Length> {
        Length::try_from(self.0.len())
    }

    fn encode_value(&self, writer: &mut impl Writer) -> der::Result<()> {
        writer.write(&self.0)
    }
}

/// [`Encode`] as a trait object.
pub(super) trait Encodable {
    fn encoded(&self) -> der::Result<Vec<u8>>;
}

impl<T: Encode> Encodable for T {
    fn encoded(&self) -> der::Result<Vec<u8>> {
        self.to_der()
    }
}

fn no() -> bool {
    false
}
