//! The DER skeleton of a certificate. Parts whose bytes must never change are kept as they came.

use der::asn1::{Any, Int};
use der::{Decode, Encode, Sequence};
use jiff::{SignedDuration, Timestamp};
use rand_core::CryptoRng;
use spki::AlgorithmIdentifierOwned;
use x509_cert::ext::Extension;

use super::end_entity::BuildError;
use super::name::DistinguishedName;
use super::time;
use crate::public_key::PublicKey;
use crate::signer::SignatureAlgorithm;

/// RFC 5280 §4.1, without the unique identifiers that conforming authorities must not use (§4.1.2.8).
#[derive(Clone, Debug, Sequence)]
pub(crate) struct TbsCertificate {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", default = "version_1")]
    pub(crate) version: u8,
    pub(crate) serial_number: Int,
    pub(crate) signature: AlgorithmIdentifierOwned,
    pub(crate) issuer: Any,
    pub(crate) validity: Validity,
    pub(crate) subject: Any,
    pub(crate) subject_public_key_info: Any,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT", optional = "true")]
    pub(crate) extensions: Option<Vec<Extension>>,
}

/// RFC 5280 §4.1.2.5.
#[derive(Clone, Debug, Sequence)]
pub(crate) struct Validity {
    pub(crate) not_before: Any,
    pub(crate) not_after: Any,
}

/// v3, the only version with extensions.
pub(crate) const VERSION_3: u8 = 2;

/// What distinguishes one certificate from another of the same issuer.
pub(crate) struct Parts<'a> {
    pub(crate) serial: &'a [u8],
    pub(crate) algorithm: SignatureAlgorithm,
    pub(crate) issuer: &'a DistinguishedName,
    pub(crate) not_before: Timestamp,
    pub(crate) lifetime: SignedDuration,
    pub(crate) subject: &'a DistinguishedName,
    pub(crate) public_key: &'a PublicKey,
    pub(crate) extensions: Vec<Extension>,
}

impl Parts<'_> {
    /// The DER bytes that will be signed.
    pub(crate) fn assemble(self) -> Result<Vec<u8>, BuildError> {
        let not_before =
            Timestamp::from_second(self.not_before.as_second()).map_err(BuildError::Time)?;
        let not_after = not_before
            .checked_add(self.lifetime)
            .map_err(BuildError::Time)?;
        let skeleton = TbsCertificate {
            version: VERSION_3,
            serial_number: Int::new(self.serial)?,
            signature: self.algorithm.identifier(),
            issuer: verbatim(self.issuer.der())?,
            validity: Validity {
                not_before: time::encode(not_before)?,
                not_after: time::encode(not_after)?,
            },
            subject: verbatim(self.subject.der())?,
            subject_public_key_info: verbatim(self.public_key.spki_der())?,
            extensions: Some(self.extensions),
        };
        Ok(skeleton.to_der()?)
    }
}

/// Sixteen random octets that read as a positive INTEGER of sixteen octets (RFC 5280 §4.1.2.2): 126 bits of chance at
/// least, where CA/Browser Forum BR §7.1 asks for 64.
pub(crate) fn serial_number<R: CryptoRng + ?Sized>(rng: &mut R) -> [u8; 16] {
    let mut serial = [0; 16];
    rng.fill_bytes(&mut serial);
    let [first, ..] = &mut serial;
    *first &= 0x7f;
    if *first == 0 {
        // A leading zero octet would make DER drop it.
        *first = 0x40;
    }
    serial
}

fn version_1() -> u8 {
    0
}

/// An already encoded value, as it stands in the skeleton.
fn verbatim(der: &[u8]) -> der::Result<Any> {
    Any::from_der(der)
}

/// The bytes of a part kept as it came.
pub(crate) fn bytes_of(part: &Any) -> Vec<u8> {
    part.to_der()
        .expect("a value that was decoded from DER encodes again")
}
