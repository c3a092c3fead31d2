//! What the tests of this module share: a P-384 key in memory, replayed randomness, authorities, a person.

use std::sync::LazyLock;

use der::{Decode, Encode};
use jiff::Timestamp;
use jiff::civil::date;
use p384::ecdsa::signature::Signer as _;
use p384::pkcs8::EncodePublicKey;
use rand_core::{TryCryptoRng, TryRng};

use super::tbs::TbsCertificate;
use super::*;
use crate::{SignatureAlgorithm, Signer, SignerError};

pub(crate) struct P384Signer {
    key: p384::ecdsa::SigningKey,
    spki: Vec<u8>,
}

impl P384Signer {
    pub(crate) fn from_seed(seed: u8) -> Self {
        let key = p384::ecdsa::SigningKey::from_slice(&[seed; 48]).unwrap();
        let spki = key.verifying_key().to_public_key_der().unwrap().into_vec();
        Self { key, spki }
    }
}

impl Signer for P384Signer {
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

/// Yields the octets it was given, over and over.
pub(crate) struct ReplayRng<'a>(pub(crate) &'a [u8], pub(crate) usize);

impl TryRng for ReplayRng<'_> {
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
            *octet = self.0[self.1 % self.0.len()];
            self.1 += 1;
        }
        Ok(())
    }
}

impl TryCryptoRng for ReplayRng<'_> {}

pub(crate) fn rng() -> ReplayRng<'static> {
    ReplayRng(b"\x5a\x13seventeen-octets", 0)
}

pub(crate) fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

pub(crate) fn root_signer() -> P384Signer {
    P384Signer::from_seed(1)
}

pub(crate) fn issuing_signer() -> P384Signer {
    P384Signer::from_seed(2)
}

pub(crate) fn ca_name(common_name: &str) -> CaName {
    CaName {
        common_name: common_name.into(),
        organization_identifier: "NTREE-10000000".into(),
        organization: "Open Smart-ID".into(),
        country: "EE".into(),
    }
}

pub(crate) fn root_config() -> RootConfig {
    RootConfig {
        name: ca_name("DEMO Open Smart-ID ROOT"),
        publication: RootPublication {
            ca_issuers_url: "http://127.0.0.1:8080/certs/root.crt".into(),
            ocsp_url: Some("http://127.0.0.1:8080/ocsp/root".into()),
            crl_url: "http://127.0.0.1:8080/crl/root.crl".into(),
            practice_statement_url: "https://example.org/cps/".into(),
        },
    }
}

/// Always the same authorities, made once.
pub(crate) fn make_ceremony() -> Ceremony {
    static MADE: LazyLock<Ceremony> = LazyLock::new(|| {
        let issuing = IssuingCaConfig {
            name: ca_name("DEMO Open Smart-ID EID-Q"),
            public_key_spki: issuing_signer().public_key_spki().to_vec(),
        };
        ceremony(
            &root_config(),
            &root_signer(),
            &[issuing],
            now(),
            &mut rng(),
        )
        .unwrap()
    });
    MADE.clone()
}

pub(crate) fn publication() -> Publication {
    Publication {
        ca_issuers_url: "http://127.0.0.1:8080/certs/eid-q.crt".into(),
        ocsp_url: "http://127.0.0.1:8080/ocsp".into(),
        crl_url: "http://127.0.0.1:8080/crl/eid-q.crl".into(),
        practice_statement_url: "https://example.org/cps/".into(),
        disclosure_statement_url: "https://example.org/pds/".into(),
        oids: SchemeOids::SK,
    }
}

pub(crate) fn issuing_ca(level: Level) -> IssuingCa {
    let certificate = make_ceremony().issuing.remove(0);
    IssuingCa::new(certificate, level, publication()).unwrap()
}

pub(crate) fn subject(level: Level) -> Subject {
    Subject {
        country: "BE".into(),
        surname: "ÕUNAPUU-PEETERS".into(),
        given_name: "MARI LIIS".into(),
        semantics_identifier: "PNOBE-05040400032".into(),
        date_of_birth: date(1905, 4, 4),
        document_number: format!("PNOBE-05040400032-DEM0{}", level.document_number_suffix()),
    }
}

/// The 6143-bit modulus of a real certificate.
pub(crate) fn modulus() -> Vec<u8> {
    let der = include_bytes!("../../../../vectors/pki/smartid-test-2024e-auth-ee-6143bit.der");
    Certificate::parse(der)
        .unwrap()
        .public_key()
        .rsa_modulus()
        .unwrap()
        .to_vec()
}

pub(crate) fn unsigned(profile: EndEntityProfile) -> UnsignedCertificate {
    let subject = subject(profile.level);
    let entity = EndEntity {
        profile,
        subject: &subject,
        modulus: &modulus(),
    };
    entity
        .build(&issuing_ca(profile.level), now(), &mut rng())
        .unwrap()
}

/// The same certificate with something changed, encoded again.
pub(crate) fn altered(
    mut certificate: UnsignedCertificate,
    alter: impl FnOnce(&mut TbsCertificate),
) -> UnsignedCertificate {
    let mut skeleton = TbsCertificate::from_der(&certificate.tbs).unwrap();
    alter(&mut skeleton);
    certificate.tbs = skeleton.to_der().unwrap();
    certificate
}

/// Signs without asking the lint.
pub(crate) fn sign_unlinted(certificate: UnsignedCertificate, signer: &dyn Signer) -> Certificate {
    Linted {
        tbs: certificate.tbs,
        serial: SerialNumber(vec![1]),
        algorithm: signer.algorithm(),
        issuer: certificate.issuer,
    }
    .sign(signer)
    .unwrap()
}

/// A responder's key, RSA-3072. Everybody knows it.
pub(crate) struct RsaSigner {
    key: rsa::PrivateKey,
    spki: Vec<u8>,
    algorithm: SignatureAlgorithm,
}

impl RsaSigner {
    pub(crate) fn published(algorithm: SignatureAlgorithm) -> Self {
        use rsa::pkcs8::DecodePrivateKey;
        let der = include_bytes!("../../../../vectors/pki/published-rsa-3072.pk8");
        let key = rsa::PrivateKey::from_pkcs8_der(der).unwrap();
        let spki = key.to_public_key().to_public_key_der().unwrap().into_vec();
        Self {
            key,
            spki,
            algorithm,
        }
    }
}

impl Signer for RsaSigner {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    fn public_key_spki(&self) -> &[u8] {
        &self.spki
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        use rsa::Pkcs1v15Sign;
        use sha2::Digest;
        let signature = match self.algorithm {
            SignatureAlgorithm::RsaSha256 => self.key.sign(
                Pkcs1v15Sign::new::<sha2::Sha256>(),
                &sha2::Sha256::digest(message),
            ),
            _ => self.key.sign(
                Pkcs1v15Sign::new::<sha2::Sha512>(),
                &sha2::Sha512::digest(message),
            ),
        };
        signature.map_err(|error| SignerError::Failed(Some(Box::new(error))))
    }
}

pub(crate) fn responder_signer() -> RsaSigner {
    RsaSigner::published(SignatureAlgorithm::RsaSha256)
}

/// A responder's certificate of the authority that [`issuing_ca`] makes; always the same.
pub(crate) fn responder() -> Certificate {
    static MADE: LazyLock<Certificate> = LazyLock::new(|| {
        let spki = responder_signer().public_key_spki().to_vec();
        let issuer = issuing_ca(Level::Qualified);
        let unsigned = build_responder(&issuer, &spki, now(), &mut rng()).unwrap();
        lint(&unsigned).unwrap().sign(&issuing_signer()).unwrap()
    });
    MADE.clone()
}
