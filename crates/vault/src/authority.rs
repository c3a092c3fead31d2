//! CA keys: the issuing authorities and the root.

use std::sync::Arc;

use engine::domain::AccountLevel;
use p384::ecdsa::{Signature, SigningKey, signature::Signer as _};
use p384::elliptic_curve::Generate as _;
use p384::pkcs8::{DecodePrivateKey, EncodePrivateKey, EncodePublicKey};
use pki::x509::{Certificate, IssuingCa, Level};
use pki::{SignatureAlgorithm, Signer, SignerError};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::VaultError;

/// A CA's private key, P-384.
pub(crate) struct CaKey {
    key: SigningKey,
    spki: Vec<u8>,
}

impl CaKey {
    pub(crate) fn generate<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        Self::new(SigningKey::generate_from_rng(rng))
    }

    pub(crate) fn from_pkcs8(der: &[u8]) -> Result<Self, VaultError> {
        SigningKey::from_pkcs8_der(der)
            .map(Self::new)
            .map_err(|_| VaultError::Damaged)
    }

    /// For a vault file.
    pub(crate) fn expose_pkcs8(&self) -> Zeroizing<Vec<u8>> {
        self.key
            .to_pkcs8_der()
            .expect("an elliptic-curve key has a PKCS #8 form")
            .to_bytes()
    }

    fn new(key: SigningKey) -> Self {
        let spki = key
            .verifying_key()
            .to_public_key_der()
            .expect("a point of the curve has an SPKI form");
        Self {
            spki: spki.into_vec(),
            key,
        }
    }
}

impl Signer for CaKey {
    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::EcdsaSha384
    }

    fn public_key_spki(&self) -> &[u8] {
        &self.spki
    }

    /// Deterministic (RFC 6979), so that a weak moment of the random generator cannot reveal the key.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        let signature: Signature = self
            .key
            .try_sign(message)
            .map_err(|error| SignerError::Failed(Some(error.into())))?;
        Ok(signature.to_der().as_bytes().to_vec())
    }
}

/// An issuing CA with its key.
pub(crate) struct Authority {
    pub(crate) key: CaKey,
    pub(crate) ca: Arc<IssuingCa>,
}

impl Authority {
    /// Brings a key and its certificate together.
    pub(crate) fn new(key: CaKey, ca: IssuingCa) -> Result<Self, VaultError> {
        if ca.certificate().public_key().spki_der() != key.public_key_spki() {
            return Err(VaultError::Damaged);
        }
        Ok(Self {
            key,
            ca: Arc::new(ca),
        })
    }
}

/// Both issuing CAs and the certificate of their root.
pub(crate) struct Authorities {
    pub(crate) root: Certificate,
    pub(crate) eid_q: Authority,
    pub(crate) eid_nq: Authority,
}

impl Authorities {
    pub(crate) fn of(&self, level: AccountLevel) -> &Authority {
        match level {
            AccountLevel::Qualified => &self.eid_q,
            AccountLevel::Advanced => &self.eid_nq,
        }
    }

    /// The certificates with their names, the root first.
    pub(crate) fn certificates(&self) -> [(&'static str, &Certificate); 3] {
        [
            ("root", &self.root),
            (name(Level::Qualified), self.eid_q.ca.certificate()),
            (name(Level::Basic), self.eid_nq.ca.certificate()),
        ]
    }
}

/// What the issuing CA of a level is called in files.
fn name(level: Level) -> &'static str {
    match level {
        Level::Qualified => "eid-q",
        Level::Basic => "eid-nq",
    }
}
