//! What the tests of time-stamps and lists share: keys in memory, randomness, certificates of any shape.

use const_oid::ObjectIdentifier;
use der::asn1::{Any, BitString, Int};
use der::{Decode, Encode, Sequence};
use jiff::Timestamp;
use p384::ecdsa::signature::Signer as _;
use p384::pkcs8::EncodePublicKey;
use rand_core::{TryCryptoRng, TryRng};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{ExtendedKeyUsage, KeyUsage, KeyUsages};

use crate::oids;
use crate::x509::{Certificate, DistinguishedName};
use crate::{PublicKey, SignatureAlgorithm, Signer, SignerError};

type SignFn = dyn Fn(&[u8]) -> Vec<u8>;

/// A key in memory.
pub(crate) struct Key {
    sign: Box<SignFn>,
    spki: Vec<u8>,
    algorithm: SignatureAlgorithm,
}

macro_rules! curve {
    ($name:ident, $curve:ident, $length:literal, $algorithm:ident) => {
        pub(crate) fn $name(seed: u8) -> Self {
            let mut scalar = [seed; $length];
            scalar[0] = 0;
            let key = $curve::ecdsa::SigningKey::from_slice(&scalar).unwrap();
            let public = key.verifying_key().to_public_key_der().unwrap();
            Self {
                sign: Box::new(move |message| {
                    let signature: $curve::ecdsa::Signature = key.sign(message);
                    signature.to_der().as_bytes().to_vec()
                }),
                spki: public.into_vec(),
                algorithm: SignatureAlgorithm::$algorithm,
            }
        }
    };
}

impl Key {
    curve!(p256, p256, 32, EcdsaSha256);
    curve!(p384, p384, 48, EcdsaSha384);
    curve!(p521, p521, 66, EcdsaSha512);

    /// Says that it signs with another algorithm.
    pub(crate) fn claiming(mut self, algorithm: SignatureAlgorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// A device at fault: what it signs is changed first.
    pub(crate) fn faulty(self) -> Self {
        let Self { sign, .. } = self;
        Self {
            sign: Box::new(move |message| sign(&[message, b"!"].concat())),
            ..self
        }
    }
}

impl Signer for Key {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    fn public_key_spki(&self) -> &[u8] {
        &self.spki
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        Ok((self.sign)(message))
    }
}

/// A device that is away.
pub(crate) struct Unreachable(pub(crate) Key);

impl Signer for Unreachable {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.0.algorithm()
    }

    fn public_key_spki(&self) -> &[u8] {
        self.0.public_key_spki()
    }

    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, SignerError> {
        Err(SignerError::Unavailable(None))
    }
}

/// Counts from a seed.
pub(crate) struct Counter(pub(crate) u8);

impl TryRng for Counter {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        let mut octets = [0; 4];
        self.try_fill_bytes(&mut octets)?;
        Ok(u32::from_be_bytes(octets))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut octets = [0; 8];
        self.try_fill_bytes(&mut octets)?;
        Ok(u64::from_be_bytes(octets))
    }

    fn try_fill_bytes(&mut self, destination: &mut [u8]) -> Result<(), Self::Error> {
        for octet in destination {
            *octet = self.0;
            self.0 = self.0.wrapping_add(1);
        }
        Ok(())
    }
}

impl TryCryptoRng for Counter {}

pub(crate) fn now() -> Timestamp {
    "2026-03-01T12:00:00.75Z".parse().unwrap()
}

pub(crate) const TIME_STAMPING: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8");

/// A certificate that signs itself; valid from 2026 to 2030.
pub(crate) fn certificate(
    key: &Key,
    attributes: &[(ObjectIdentifier, &str)],
    extensions: Vec<Extension>,
) -> Certificate {
    let name = DistinguishedName::build(attributes).unwrap();
    let time = |text: &str| Any::new(der::Tag::UtcTime, text.as_bytes()).unwrap();
    let tbs = Tbs {
        version: 2,
        serial: Int::new(&[0x4d, 1, 2, 3]).unwrap(),
        algorithm: key.algorithm.identifier(),
        issuer: Any::from_der(name.der()).unwrap(),
        validity: vec![time("260101000000Z"), time("301231235959Z")],
        subject: Any::from_der(name.der()).unwrap(),
        public_key: Any::from_der(&key.spki).unwrap(),
        extensions,
    };
    let signature = key.sign(&tbs.to_der().unwrap()).unwrap();
    let whole = Whole {
        tbs,
        algorithm: key.algorithm.identifier(),
        signature: BitString::from_bytes(&signature).unwrap(),
    };
    let certificate = Certificate::parse(&whole.to_der().unwrap()).unwrap();
    let public = PublicKey::from_spki_der(&key.spki).unwrap();
    certificate.verify_signature(&public).unwrap();
    certificate
}

pub(crate) fn name(common_name: &str) -> [(ObjectIdentifier, &str); 4] {
    [
        (oids::COMMON_NAME, common_name),
        (oids::ORGANIZATION_IDENTIFIER, "NTREE-10000000"),
        (oids::ORGANIZATION, "Open Smart-ID"),
        (oids::COUNTRY, "EE"),
    ]
}

pub(crate) fn extended_key_usage(critical: bool, usages: &[ObjectIdentifier]) -> Extension {
    extension(
        oids::EXTENDED_KEY_USAGE,
        critical,
        &ExtendedKeyUsage(usages.to_vec()),
    )
}

pub(crate) fn key_usage(usage: KeyUsages) -> Extension {
    extension(oids::KEY_USAGE, true, &KeyUsage(usage.into()))
}

fn extension(oid: ObjectIdentifier, critical: bool, value: &impl Encode) -> Extension {
    Extension {
        extn_id: oid,
        critical,
        extn_value: der::asn1::OctetString::new(value.to_der().unwrap()).unwrap(),
    }
}

/// As a unit's certificate should be.
pub(crate) fn unit_certificate(key: &Key) -> Certificate {
    let extensions = vec![
        key_usage(KeyUsages::DigitalSignature),
        extended_key_usage(true, &[TIME_STAMPING]),
    ];
    certificate(key, &name("TEST TIMESTAMPING UNIT"), extensions)
}

#[derive(Sequence)]
struct Tbs {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    version: u8,
    serial: Int,
    algorithm: spki::AlgorithmIdentifierOwned,
    issuer: Any,
    validity: Vec<Any>,
    subject: Any,
    public_key: Any,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT")]
    extensions: Vec<Extension>,
}

#[derive(Sequence)]
struct Whole {
    tbs: Tbs,
    algorithm: spki::AlgorithmIdentifierOwned,
    signature: BitString,
}
