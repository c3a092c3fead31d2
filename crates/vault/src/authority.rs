//! The keys of the issuing authorities, of the root, and of the services around them.

use std::sync::Arc;

use engine::domain::CaKeyId;
use engine::ports::IssuingAuthority;
use jiff::SignedDuration;
use p384::ecdsa::{Signature, SigningKey, signature::Signer as _};
use p384::elliptic_curve::Generate as _;
use p384::pkcs8::{DecodePrivateKey, EncodePrivateKey, EncodePublicKey};
use pki::crl::RevocationList;
use pki::tsp::TimeStampingUnit;
use pki::x509::{Certificate, IssuingCa, Level};
use pki::{ObjectIdentifier, SignatureAlgorithm, Signer, SignerError};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::VaultError;

/// The private key of a CA, of a time-stamping unit or of a trusted list's signer: P-384.
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
    pub(crate) issuing: Arc<IssuingAuthority>,
}

impl Authority {
    /// Brings a key and its certificate together.
    pub(crate) fn new(name: String, key: CaKey, ca: IssuingCa) -> Result<Self, VaultError> {
        let public = ca.certificate().public_key();
        if public.spki_der() != key.public_key_spki() {
            return Err(VaultError::Damaged);
        }
        let id = CaKeyId(*public.key_identifier());
        Ok(Self {
            key,
            issuing: Arc::new(IssuingAuthority { name, id, ca }),
        })
    }

    pub(crate) fn certificate(&self) -> &Certificate {
        self.issuing.ca.certificate()
    }
}

/// The certificate of a time-stamping unit or of a trusted list's signer.
pub(crate) struct ServiceKey {
    pub(crate) certificate: Arc<Certificate>,
    /// Destroyed when another took its place; the certificate stays, because what it signed does.
    pub(crate) key: Option<CaKey>,
}

impl ServiceKey {
    pub(crate) fn new(certificate: Certificate, key: Option<CaKey>) -> Result<Self, VaultError> {
        let others = |key: &CaKey| certificate.public_key().spki_der() != key.public_key_spki();
        if key.as_ref().is_some_and(others) {
            return Err(VaultError::Damaged);
        }
        Ok(Self {
            certificate: Arc::new(certificate),
            key,
        })
    }
}

/// The issuing CAs, the certificate of their root, and what stands around them.
pub(crate) struct Authorities {
    pub(crate) root: Certificate,
    /// The root's newest revocation list.
    pub(crate) root_list: Option<Arc<RevocationList>>,
    /// In the order in which they were made; of each level there is one at least.
    pub(crate) issuing: Vec<Authority>,
    /// The newest last; it alone has its key.
    pub(crate) units: Vec<ServiceKey>,
    /// The newest last; it alone has its key.
    pub(crate) list_signers: Vec<ServiceKey>,
}

impl Authorities {
    /// The one that issues: the newest of the level, the later one of two of the same age.
    pub(crate) fn of(&self, level: Level) -> &Authority {
        self.issuing
            .iter()
            .filter(|authority| authority.issuing.ca.level() == level)
            .max_by_key(|authority| authority.certificate().not_before())
            .expect("there is an authority of each level")
    }

    pub(crate) fn with_id(&self, id: CaKeyId) -> Option<&Authority> {
        self.issuing
            .iter()
            .find(|authority| authority.issuing.id == id)
    }

    /// The unit that stamps now.
    pub(crate) fn unit(&self) -> Option<TimeStampingUnit> {
        Some(TimeStampingUnit {
            certificate: Certificate::clone(&self.units.last()?.certificate),
            chain: Vec::new(),
            policy: BEST_PRACTICES_POLICY,
            accuracy: UNIT_ACCURACY,
            qualified: true,
        })
    }

    /// All certificates with their names, the root first. A name keeps its certificate for ever: relying parties and the
    /// history of the trusted list hold on to it.
    pub(crate) fn certificates(&self) -> Vec<(String, &Certificate)> {
        let issuing = self
            .issuing
            .iter()
            .map(|authority| (authority.issuing.name.clone(), authority.certificate()));
        [(ROOT.to_owned(), &self.root)]
            .into_iter()
            .chain(issuing)
            .chain(with_numbers(UNIT, &self.units))
            .chain(with_numbers(LIST_SIGNER, &self.list_signers))
            .collect()
    }
}

/// `tsu`, `tsu-2`, `tsu-3`.
fn with_numbers<'a>(
    name: &'static str,
    services: &'a [ServiceKey],
) -> impl Iterator<Item = (String, &'a Certificate)> {
    let names = (1..).map(move |number: usize| match number {
        1 => name.to_owned(),
        _ => format!("{name}-{number}"),
    });
    names.zip(services.iter().map(|service| &*service.certificate))
}

/// What the root is called in files.
pub(crate) const ROOT: &str = "root";

/// What the first authority for qualified accounts is called in files.
pub(crate) const EID_Q: &str = "eid-q";

/// What the first authority for basic accounts is called in files.
pub(crate) const EID_NQ: &str = "eid-nq";

/// What the time-stamping units are called in files.
pub(crate) const UNIT: &str = "tsu";

/// What the signers of trusted lists are called in files.
pub(crate) const LIST_SIGNER: &str = "trust-list";

/// ETSI EN 319 421 §5.2: best-practices-ts-policy.
const BEST_PRACTICES_POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("0.4.0.2023.1.1");

/// What ETSI EN 319 421 asks of a clock at least.
const UNIT_ACCURACY: SignedDuration = SignedDuration::from_secs(1);
