//! A certificate's public key: what it is, its identifier, and verification under it.

use std::ops::RangeInclusive;

use der::asn1::{Any, AnyRef, BitString, UintRef};
use der::{Decode, Encode, Sequence};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};
use spki::AlgorithmIdentifierOwned;
use thiserror::Error;

use crate::oids;
use crate::signer::SignatureAlgorithm;

/// The RSA public exponent of every end-entity key, 65537.
pub const RSA_PUBLIC_EXPONENT: u32 = 65_537;

/// RSA keys of other sizes verify nothing: shorter ones are not safe (ETSI TS 119 312), longer ones would be work that a
/// stranger causes.
const RSA_BITS: RangeInclusive<usize> = 2048..=8192;

/// A public key with its exact `SubjectPublicKeyInfo` bytes.
#[derive(Debug, Clone)]
pub struct PublicKey {
    spki: Vec<u8>,
    key_identifier: [u8; 20],
    /// Where the key bits begin in `spki`; they reach to its end.
    bits_at: usize,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    P256(p256::ecdsa::VerifyingKey),
    P384(p384::ecdsa::VerifyingKey),
    P521(p521::ecdsa::VerifyingKey),
    Other,
}

impl PublicKey {
    /// Reads a DER `SubjectPublicKeyInfo`. Keys of other algorithms are kept, but verify nothing.
    ///
    /// # Errors
    /// [`PublicKeyError`] if it is not DER, an RSA key is malformed, or a point is not on its curve.
    pub fn from_spki_der(spki: &[u8]) -> Result<Self, PublicKeyError> {
        let info = SubjectPublicKeyInfo::from_der(spki).map_err(PublicKeyError::Malformed)?;
        let bits = info
            .subject_public_key
            .as_bytes()
            .ok_or(PublicKeyError::UnusedBits)?;
        Ok(Self {
            // RFC 5280 §4.2.1.2 method (1): over the BIT STRING's value, without tag, length and unused-bits octet.
            key_identifier: Sha1::digest(bits).into(),
            kind: Kind::read(&info.algorithm, bits)?,
            bits_at: spki.len() - bits.len(),
            spki: spki.to_vec(),
        })
    }

    /// Builds an RSA key with exponent 65537 from a big-endian modulus; leading zero octets are ignored.
    ///
    /// # Errors
    /// [`PublicKeyError::Malformed`] if the modulus is empty or too long for DER.
    pub fn from_rsa_modulus(modulus: &[u8]) -> Result<Self, PublicKeyError> {
        let spki = rsa_spki(modulus).map_err(PublicKeyError::Malformed)?;
        Self::from_spki_der(&spki)
    }

    /// The exact DER `SubjectPublicKeyInfo`.
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// SHA-1 of the key bits, as the subject key identifier carries it (RFC 5280 §4.2.1.2).
    pub fn key_identifier(&self) -> &[u8; 20] {
        &self.key_identifier
    }

    /// The value of the key's BIT STRING, over which key identifiers are made.
    pub(crate) fn key_bits(&self) -> &[u8] {
        self.spki.get(self.bits_at..).unwrap_or_default()
    }

    /// The RSA modulus, big-endian without leading zeros; `None` for other keys.
    pub fn rsa_modulus(&self) -> Option<&[u8]> {
        match &self.kind {
            Kind::Rsa { modulus, .. } => Some(modulus),
            _ => None,
        }
    }

    /// The RSA public exponent, big-endian without leading zeros; `None` for other keys.
    pub fn rsa_exponent(&self) -> Option<&[u8]> {
        match &self.kind {
            Kind::Rsa { exponent, .. } => Some(exponent),
            _ => None,
        }
    }

    /// The algorithm this key signs certificates with when it belongs to one of our authorities: the hash as long as the
    /// curve. `None` for keys that may not sign certificates here.
    pub fn signature_algorithm(&self) -> Option<SignatureAlgorithm> {
        match self.kind {
            Kind::P256(_) => Some(SignatureAlgorithm::EcdsaSha256),
            Kind::P384(_) => Some(SignatureAlgorithm::EcdsaSha384),
            Kind::P521(_) => Some(SignatureAlgorithm::EcdsaSha512),
            Kind::Rsa { .. } | Kind::Other => None,
        }
    }

    /// Verifies a DER `ECDSA-Sig-Value`, or an RSASSA-PKCS1-v1_5 signature of an RSA key of 2048 to 8192 bits, over
    /// `message`. Any curve goes with any hash: SK's P-521 root signs with SHA-384.
    ///
    /// # Errors
    /// [`VerificationError`] if the key is none that this algorithm goes with, or the signature is not its.
    pub fn verify(
        &self,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), VerificationError> {
        match algorithm {
            SignatureAlgorithm::EcdsaSha256 => {
                self.verify_digest(&Sha256::digest(message), signature)
            }
            SignatureAlgorithm::EcdsaSha384 => {
                self.verify_digest(&Sha384::digest(message), signature)
            }
            SignatureAlgorithm::EcdsaSha512 => {
                self.verify_digest(&Sha512::digest(message), signature)
            }
            SignatureAlgorithm::RsaSha256 => self.verify_rsa::<Sha256>(message, signature),
            SignatureAlgorithm::RsaSha512 => self.verify_rsa::<Sha512>(message, signature),
        }
    }

    /// RSASSA-PKCS1-v1_5 (RFC 8017 §8.2.2).
    fn verify_rsa<D>(&self, message: &[u8], signature: &[u8]) -> Result<(), VerificationError>
    where
        D: Digest + const_oid::AssociatedOid,
    {
        let Kind::Rsa { modulus, exponent } = &self.kind else {
            return Err(VerificationError::UnsupportedKey);
        };
        let number = |bytes: &[u8]| rsa::BoxedUint::from_be_slice_vartime(bytes);
        // It refuses an even modulus too, and an exponent that is even, 1, or longer than 33 bits.
        let key = rsa::PublicKey::new_with_size_limits(number(modulus), number(exponent), RSA_BITS)
            .map_err(|_| VerificationError::UnsupportedKey)?;
        key.verify(
            rsa::Pkcs1v15Sign::new::<D>(),
            &D::digest(message),
            signature,
        )
        .map_err(|_| VerificationError::WrongSignature)
    }

    fn verify_digest(&self, digest: &[u8], signature: &[u8]) -> Result<(), VerificationError> {
        use p256::ecdsa::signature::hazmat::PrehashVerifier;
        let outcome = match &self.kind {
            Kind::P256(key) => p256::ecdsa::Signature::from_der(signature)
                .and_then(|signature| key.verify_prehash(digest, &signature)),
            Kind::P384(key) => p384::ecdsa::Signature::from_der(signature)
                .and_then(|signature| key.verify_prehash(digest, &signature)),
            Kind::P521(key) => p521::ecdsa::Signature::from_der(signature)
                .and_then(|signature| key.verify_prehash(digest, &signature)),
            Kind::Rsa { .. } | Kind::Other => return Err(VerificationError::UnsupportedKey),
        };
        outcome.map_err(|_| VerificationError::WrongSignature)
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.spki == other.spki
    }
}

impl Eq for PublicKey {}

impl Kind {
    fn read(algorithm: &AlgorithmIdentifierOwned, bits: &[u8]) -> Result<Self, PublicKeyError> {
        match algorithm.oid {
            oids::RSA_ENCRYPTION => {
                // RFC 3279 §2.3.1: the parameters field is NULL.
                if algorithm
                    .parameters
                    .as_ref()
                    .is_none_or(|parameters| !parameters.is_null())
                {
                    return Err(PublicKeyError::RsaParameters);
                }
                let key = RsaPublicKey::from_der(bits).map_err(PublicKeyError::Malformed)?;
                Ok(Self::Rsa {
                    modulus: key.modulus.as_bytes().to_vec(),
                    exponent: key.public_exponent.as_bytes().to_vec(),
                })
            }
            oids::EC_PUBLIC_KEY => {
                // RFC 5480 §2.1.1: only named curves; RFC 5480 §2.2: compressed points are legal but nobody issues them.
                let curve = algorithm
                    .parameters
                    .as_ref()
                    .and_then(|parameters| parameters.decode_as().ok());
                let point = |_| PublicKeyError::PointNotOnCurve;
                match curve {
                    Some(oids::P256) => p256::ecdsa::VerifyingKey::from_sec1_bytes(bits)
                        .map(Self::P256)
                        .map_err(point),
                    Some(oids::P384) => p384::ecdsa::VerifyingKey::from_sec1_bytes(bits)
                        .map(Self::P384)
                        .map_err(point),
                    Some(oids::P521) => p521::ecdsa::VerifyingKey::from_sec1_bytes(bits)
                        .map(Self::P521)
                        .map_err(point),
                    _ => Ok(Self::Other),
                }
            }
            _ => Ok(Self::Other),
        }
    }
}

fn rsa_spki(modulus: &[u8]) -> der::Result<Vec<u8>> {
    let exponent = RSA_PUBLIC_EXPONENT.to_be_bytes();
    let key = RsaPublicKey {
        modulus: UintRef::new(modulus)?,
        public_exponent: UintRef::new(&exponent)?,
    };
    SubjectPublicKeyInfo {
        algorithm: AlgorithmIdentifierOwned {
            oid: oids::RSA_ENCRYPTION,
            parameters: Some(Any::from(AnyRef::NULL)),
        },
        subject_public_key: BitString::from_bytes(&key.to_der()?)?,
    }
    .to_der()
}

/// RFC 5280 §4.1.
#[derive(Sequence)]
struct SubjectPublicKeyInfo {
    algorithm: AlgorithmIdentifierOwned,
    subject_public_key: BitString,
}

/// RFC 8017 §A.1.1.
#[derive(Sequence)]
struct RsaPublicKey<'a> {
    modulus: UintRef<'a>,
    public_exponent: UintRef<'a>,
}

/// Why a `SubjectPublicKeyInfo` is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PublicKeyError {
    /// Not the DER it should be.
    #[error("the public key is not well-formed DER")]
    Malformed(#[source] der::Error),
    /// The key bits do not end on an octet.
    #[error("the public key has unused bits")]
    UnusedBits,
    /// An RSA key whose parameters are not NULL (for instance RSASSA-PSS parameters).
    #[error("the RSA key's algorithm parameters are not NULL")]
    RsaParameters,
    /// An elliptic-curve point that is not on its curve.
    #[error("the public key's point is not on its curve")]
    PointNotOnCurve,
}

/// Why a signature does not verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum VerificationError {
    /// The algorithm is none we verify, or the key none it goes with: P-256, P-384 or P-521 for ECDSA, 2048 to 8192 bits for
    /// RSA.
    #[error("signatures by this kind of key are not verified here")]
    UnsupportedKey,
    /// The signature is malformed or not this key's over this message.
    #[error("the signature is not valid")]
    WrongSignature,
}

#[cfg(test)]
mod tests {
    use p256::ecdsa::signature::Signer;
    use p256::pkcs8::EncodePublicKey;

    use super::*;

    const MESSAGE: &[u8] = b"message";

    fn rsa() -> Vec<u8> {
        PublicKey::from_rsa_modulus(&[0xab; 256])
            .unwrap()
            .spki_der()
            .to_vec()
    }

    #[test]
    fn a_signature_of_each_curve_verifies_and_of_another_message_does_not() {
        let p256 = p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
        let p384 = p384::ecdsa::SigningKey::from_slice(&[7; 48]).unwrap();
        let p521 =
            p521::ecdsa::SigningKey::from_slice(&[&[0], [7; 65].as_slice()].concat()).unwrap();
        let p256_signature: p256::ecdsa::Signature = p256.sign(MESSAGE);
        let p384_signature: p384::ecdsa::Signature = p384.sign(MESSAGE);
        let p521_signature: p521::ecdsa::Signature = p521.sign(MESSAGE);
        let pairs = [
            (
                p256.verifying_key().to_public_key_der().unwrap(),
                p256_signature.to_der().as_bytes().to_vec(),
            ),
            (
                p384.verifying_key().to_public_key_der().unwrap(),
                p384_signature.to_der().as_bytes().to_vec(),
            ),
            (
                p521.verifying_key().to_public_key_der().unwrap(),
                p521_signature.to_der().as_bytes().to_vec(),
            ),
        ];
        for (spki, signature) in pairs {
            let key = PublicKey::from_spki_der(spki.as_bytes()).unwrap();
            let algorithm = key.signature_algorithm().unwrap();
            assert_eq!(key.verify(algorithm, MESSAGE, &signature), Ok(()));
            let wrong = Err(VerificationError::WrongSignature);
            assert_eq!(key.verify(algorithm, b"other", &signature), wrong);
            assert_eq!(key.verify(algorithm, MESSAGE, &[]), wrong);
            let longer = [signature.as_slice(), &[0]].concat();
            assert_eq!(key.verify(algorithm, MESSAGE, &longer), wrong);
        }
    }

    #[test]
    fn an_rsa_key_shows_its_numbers_and_verifies_nothing() {
        let key = PublicKey::from_rsa_modulus(&[&[0, 0], [0xab; 256].as_slice()].concat()).unwrap();
        assert_eq!(key.spki_der(), rsa());
        assert_eq!(key.rsa_modulus(), Some([0xab; 256].as_slice()));
        assert_eq!(key.rsa_exponent(), Some([1, 0, 1].as_slice()));
        assert_eq!(key.signature_algorithm(), None);
        let refused = Err(VerificationError::UnsupportedKey);
        assert_eq!(
            key.verify(SignatureAlgorithm::EcdsaSha384, MESSAGE, &[]),
            refused
        );
    }

    #[test]
    fn an_rsa_key_without_null_parameters_is_refused() {
        let mut info = SubjectPublicKeyInfo::from_der(&rsa()).unwrap();
        info.algorithm.parameters = None;
        let refused = PublicKey::from_spki_der(&info.to_der().unwrap());
        assert_eq!(refused, Err(PublicKeyError::RsaParameters));
    }

    #[test]
    fn a_malformed_rsa_key_is_refused() {
        let mut info = SubjectPublicKeyInfo::from_der(&rsa()).unwrap();
        info.subject_public_key = BitString::from_bytes(&[0x30, 3, 2, 1, 0x80]).unwrap();
        let refused = PublicKey::from_spki_der(&info.to_der().unwrap());
        assert!(matches!(refused, Err(PublicKeyError::Malformed(_))));
        assert!(matches!(
            PublicKey::from_spki_der(&[0x30, 0]),
            Err(PublicKeyError::Malformed(_))
        ));
    }

    #[test]
    fn unused_bits_are_refused() {
        let mut info = SubjectPublicKeyInfo::from_der(&rsa()).unwrap();
        info.subject_public_key = BitString::new(1, [0x30, 0].as_slice()).unwrap();
        let refused = PublicKey::from_spki_der(&info.to_der().unwrap());
        assert_eq!(refused, Err(PublicKeyError::UnusedBits));
    }

    #[test]
    fn a_point_off_its_curve_is_refused() {
        let signing = p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
        let mut spki = signing
            .verifying_key()
            .to_public_key_der()
            .unwrap()
            .as_bytes()
            .to_vec();
        let last = spki.len() - 1;
        spki[last] ^= 1;
        assert_eq!(
            PublicKey::from_spki_der(&spki),
            Err(PublicKeyError::PointNotOnCurve)
        );
    }

    fn rsa_key(modulus: &[u8], exponent: &[u8]) -> PublicKey {
        let key = RsaPublicKey {
            modulus: UintRef::new(modulus).unwrap(),
            public_exponent: UintRef::new(exponent).unwrap(),
        };
        let info = SubjectPublicKeyInfo {
            algorithm: AlgorithmIdentifierOwned {
                oid: oids::RSA_ENCRYPTION,
                parameters: Some(Any::from(AnyRef::NULL)),
            },
            subject_public_key: BitString::from_bytes(&key.to_der().unwrap()).unwrap(),
        };
        PublicKey::from_spki_der(&info.to_der().unwrap()).unwrap()
    }

    #[test]
    fn an_rsa_signature_verifies_with_its_hash_only_and_of_this_message_only() {
        use crate::Signer as _;
        use crate::x509::testkit::RsaSigner;
        let pair = [SignatureAlgorithm::RsaSha256, SignatureAlgorithm::RsaSha512];
        for algorithm in pair {
            let signer = RsaSigner::published(algorithm);
            let key = PublicKey::from_spki_der(signer.public_key_spki()).unwrap();
            let signature = signer.sign(MESSAGE).unwrap();
            assert_eq!(key.verify(algorithm, MESSAGE, &signature), Ok(()));
            let wrong = Err(VerificationError::WrongSignature);
            assert_eq!(key.verify(algorithm, b"another", &signature), wrong);
            for other in pair.into_iter().filter(|other| *other != algorithm) {
                assert_eq!(key.verify(other, MESSAGE, &signature), wrong);
            }
            for at in [0, 1, signature.len() / 2, signature.len() - 1] {
                let mut changed = signature.clone();
                changed[at] ^= 1;
                assert_eq!(key.verify(algorithm, MESSAGE, &changed), wrong);
            }
            let longer = [&[0], signature.as_slice()].concat();
            for other in [&signature[1..], &longer, &[]] {
                assert_eq!(key.verify(algorithm, MESSAGE, other), wrong);
            }
            // A signature that is not below the modulus.
            assert_eq!(
                key.verify(algorithm, MESSAGE, key.rsa_modulus().unwrap()),
                wrong
            );
            // The key's kind decides, not what the algorithm says.
            assert_eq!(
                key.verify(SignatureAlgorithm::EcdsaSha256, MESSAGE, &signature),
                Err(VerificationError::UnsupportedKey)
            );
        }
    }

    #[test]
    fn an_rsa_key_of_another_size_or_with_a_bad_exponent_verifies_nothing() {
        let verify = |modulus: &[u8], exponent: &[u8]| {
            let signature = vec![1; modulus.len()];
            rsa_key(modulus, exponent).verify(SignatureAlgorithm::RsaSha256, MESSAGE, &signature)
        };
        let sound = Err(VerificationError::WrongSignature);
        let refused = Err(VerificationError::UnsupportedKey);
        assert_eq!(verify(&[0xab; 256], &[1, 0, 1]), sound);
        assert_eq!(verify(&[0xab; 256], &[3]), sound);
        assert_eq!(verify(&[0xab; 1024], &[1, 0, 1]), sound);
        // 2047 and 8193 bits.
        let mut short = [0xab; 256];
        short[0] = 0x7f;
        assert_eq!(verify(&short, &[1, 0, 1]), refused);
        let long = [&[1], [0xab; 1024].as_slice()].concat();
        assert_eq!(verify(&long, &[1, 0, 1]), refused);
        let mut even = [0xab; 256];
        even[255] = 0xaa;
        assert_eq!(verify(&even, &[1, 0, 1]), refused);
        for exponent in [&[0][..], &[1], &[2], &[4], &[0x80; 8]] {
            assert_eq!(verify(&[0xab; 256], exponent), refused, "{exponent:?}");
        }
    }

    #[test]
    fn an_elliptic_curve_key_verifies_no_rsa_signature() {
        let key = p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
        let spki = key.verifying_key().to_public_key_der().unwrap();
        let key = PublicKey::from_spki_der(spki.as_bytes()).unwrap();
        for algorithm in [SignatureAlgorithm::RsaSha256, SignatureAlgorithm::RsaSha512] {
            assert_eq!(
                key.verify(algorithm, MESSAGE, &[1; 256]),
                Err(VerificationError::UnsupportedKey)
            );
        }
    }
}
