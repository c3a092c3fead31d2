//! What the benches share: an authority and a person, always the same.

use p384::ecdsa::signature::Signer as _;
use p384::pkcs8::EncodePublicKey;
use pki::x509::{
    CaName, Ceremony, Certificate, EndEntity, EndEntityProfile, IssuingCa, IssuingCaConfig, Level,
    Publication, RootConfig, RootPublication, SchemeOids, Subject, ceremony, lint,
};
use pki::{SignatureAlgorithm, Signer, SignerError};
use rand_core::{TryCryptoRng, TryRng};

pub(crate) struct Scene {
    pub(crate) key: MemoryKey,
    pub(crate) issuer: IssuingCa,
    subject: Subject,
    modulus: Vec<u8>,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let key = MemoryKey::from_seed(2);
        let made = Authorities::over(&key).made;
        let publication = Publication {
            ca_issuers_url: "http://example.org/eid-q.crt".into(),
            ocsp_url: "http://example.org/ocsp".into(),
            crl_url: "http://example.org/eid-q.crl".into(),
            practice_statement_url: "https://example.org/cps/".into(),
            disclosure_statement_url: "https://example.org/pds/".into(),
            oids: SchemeOids::SK,
        };
        let sample = include_bytes!("../../../../vectors/pki/smartid-test-2024e-sign-ee-2024.der");
        Self {
            key,
            issuer: IssuingCa::new(made.issuing[0].clone(), Level::Qualified, publication).unwrap(),
            subject: Subject {
                country: "EE".into(),
                surname: "TESTNUMBER".into(),
                given_name: "OK".into(),
                semantics_identifier: "PNOEE-40504040001".into(),
                date_of_birth: jiff::civil::date(1905, 4, 4),
                document_number: "PNOEE-40504040001-MOCK-Q".into(),
            },
            modulus: Certificate::parse(sample)
                .unwrap()
                .public_key()
                .rsa_modulus()
                .unwrap()
                .to_vec(),
        }
    }

    pub(crate) fn build_and_lint(&self) -> pki::x509::Linted {
        let profile = EndEntityProfile::QUALIFIED_SIGNATURE;
        let entity = EndEntity {
            profile,
            subject: &self.subject,
            modulus: &self.modulus,
        };
        lint(&entity.build(&self.issuer, now(), &mut Counter(7)).unwrap()).unwrap()
    }
}

/// A root and the authority below it.
pub(crate) struct Authorities {
    pub(crate) root: RootConfig,
    pub(crate) root_key: MemoryKey,
    pub(crate) made: Ceremony,
}

impl Authorities {
    /// With this key as the issuing authority's.
    pub(crate) fn over(key: &MemoryKey) -> Self {
        let root_key = MemoryKey::from_seed(1);
        let root = RootConfig {
            name: name("ROOT"),
            publication: RootPublication {
                ca_issuers_url: "http://example.org/root.crt".into(),
                ocsp_url: None,
                crl_url: "http://example.org/root.crl".into(),
                practice_statement_url: "https://example.org/cps/".into(),
            },
        };
        let issuing = IssuingCaConfig {
            name: name("EID-Q"),
            public_key_spki: key.public_key_spki().to_vec(),
        };
        let made = ceremony(&root, &root_key, &[issuing], now(), &mut Counter(0)).unwrap();
        Self {
            root,
            root_key,
            made,
        }
    }
}

pub(crate) fn now() -> jiff::Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

pub(crate) fn name(common_name: &str) -> CaName {
    CaName {
        common_name: common_name.into(),
        organization_identifier: "NTREE-10000000".into(),
        organization: "Open Smart-ID".into(),
        country: "EE".into(),
    }
}

pub(crate) struct MemoryKey {
    key: p384::ecdsa::SigningKey,
    spki: Vec<u8>,
}

impl MemoryKey {
    pub(crate) fn from_seed(seed: u8) -> Self {
        let key = p384::ecdsa::SigningKey::from_slice(&[seed; 48]).unwrap();
        let spki = key.verifying_key().to_public_key_der().unwrap().into_vec();
        Self { key, spki }
    }
}

impl Signer for MemoryKey {
    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::EcdsaSha384
    }

    fn public_key_spki(&self) -> &[u8] {
        &self.spki
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        let signature: p384::ecdsa::Signature = self.key.sign(message);
        Ok(signature.to_der().as_bytes().to_vec())
    }
}

/// Repeatable octets, so that each run does the same work.
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
            self.0 = self.0.wrapping_add(1);
            *octet = self.0;
        }
        Ok(())
    }
}

impl TryCryptoRng for Counter {}
