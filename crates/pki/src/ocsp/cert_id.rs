//! Which certificate is asked about.

use const_oid::ObjectIdentifier;
use der::asn1::{Any, AnyRef, Int, OctetString};
use der::{Decode, Encode, Sequence};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};
use spki::AlgorithmIdentifierOwned;

use crate::oids;
use crate::x509::{BuildError, Certificate, SerialNumber};

/// Which certificate: exact bytes kept, because clients compare them (`pki.md` §2.1).
#[derive(Debug, Clone)]
pub struct CertId {
    der: Vec<u8>,
    hash: AlgorithmIdentifierOwned,
    issuer_name_hash: Vec<u8>,
    issuer_key_hash: Vec<u8>,
    serial: SerialNumber,
}

impl CertId {
    /// For a client: with SHA-1 or one of SHA-2, NULL parameters as OpenSSL writes them.
    ///
    /// # Errors
    /// [`BuildError`] if the hash is none of these or the serial number is not an INTEGER.
    pub fn new(
        hash: ObjectIdentifier,
        issuer: &Certificate,
        serial: &SerialNumber,
    ) -> Result<Self, BuildError> {
        let [name, key] = issuer_hashes(&hash, issuer)
            .ok_or(BuildError::Unfit("a certificate is not named by this hash"))?;
        let fields = Fields {
            hash: AlgorithmIdentifierOwned {
                oid: hash,
                parameters: Some(Any::from(AnyRef::NULL)),
            },
            issuer_name_hash: OctetString::new(name)?,
            issuer_key_hash: OctetString::new(key)?,
            serial: Int::new(serial.as_bytes())?,
        };
        Ok(Self::read(&fields.to_der()?)?)
    }

    pub(super) fn read(der: &[u8]) -> der::Result<Self> {
        let fields = Fields::from_der(der)?;
        Ok(Self {
            der: der.to_vec(),
            hash: fields.hash,
            issuer_name_hash: fields.issuer_name_hash.as_bytes().to_vec(),
            issuer_key_hash: fields.issuer_key_hash.as_bytes().to_vec(),
            serial: SerialNumber::from_bytes(fields.serial.as_bytes().to_vec()),
        })
    }

    /// The exact DER bytes.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The serial number.
    pub fn serial(&self) -> &SerialNumber {
        &self.serial
    }

    /// Whether both hashes are of this authority; SHA-1, SHA-256, SHA-384, SHA-512, with or without NULL parameters.
    pub fn names_issuer(&self, issuer: &Certificate) -> bool {
        let parameters_fit = self.hash.parameters.as_ref().is_none_or(Any::is_null);
        // All of it is public; the comparison need not be constant in time.
        parameters_fit
            && issuer_hashes(&self.hash.oid, issuer).is_some_and(|[name, key]| {
                name == self.issuer_name_hash && key == self.issuer_key_hash
            })
    }
}

impl PartialEq for CertId {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for CertId {}

/// RFC 6960 §4.1.1: over the DER of the issuer's name, and over the value of its key's BIT STRING.
fn issuer_hashes(hash: &ObjectIdentifier, issuer: &Certificate) -> Option<[Vec<u8>; 2]> {
    let name = issuer.subject().der();
    let key = issuer.public_key();
    Some(match *hash {
        oids::SHA1 => [Sha1::digest(name).to_vec(), key.key_identifier().to_vec()],
        oids::SHA256 => [name, key.key_bits()].map(|part| Sha256::digest(part).to_vec()),
        oids::SHA384 => [name, key.key_bits()].map(|part| Sha384::digest(part).to_vec()),
        oids::SHA512 => [name, key.key_bits()].map(|part| Sha512::digest(part).to_vec()),
        _ => return None,
    })
}

/// RFC 6960 §4.1.1.
#[derive(Sequence)]
struct Fields {
    hash: AlgorithmIdentifierOwned,
    issuer_name_hash: OctetString,
    issuer_key_hash: OctetString,
    serial: Int,
}
