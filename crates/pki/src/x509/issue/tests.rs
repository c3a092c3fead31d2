use super::*;
use crate::x509::testkit::{P384Signer, issuing_signer, root_signer, unsigned};
use crate::x509::{EndEntityProfile, lint};

fn linted() -> Linted {
    lint(&unsigned(EndEntityProfile::BASIC_AUTHENTICATION)).unwrap()
}

/// A device that goes wrong in one way.
struct FaultyDevice {
    key: P384Signer,
    algorithm: SignatureAlgorithm,
    answer: fn(Vec<u8>) -> Result<Vec<u8>, SignerError>,
}

impl FaultyDevice {
    fn answering(answer: fn(Vec<u8>) -> Result<Vec<u8>, SignerError>) -> Self {
        Self {
            key: issuing_signer(),
            algorithm: SignatureAlgorithm::EcdsaSha384,
            answer,
        }
    }
}

impl Signer for FaultyDevice {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    fn public_key_spki(&self) -> &[u8] {
        self.key.public_key_spki()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        (self.answer)(self.key.sign(message)?)
    }
}

#[test]
fn the_signed_certificate_carries_the_linted_bytes() {
    let linted = linted();
    let certificate = linted.sign(&issuing_signer()).unwrap();
    assert_eq!(certificate.tbs_der(), linted.tbs_der());
    assert_eq!(certificate.serial(), linted.serial());
}

#[test]
fn another_authoritys_key_does_not_sign() {
    assert!(matches!(
        linted().sign(&root_signer()),
        Err(IssueError::WrongSigner)
    ));
}

#[test]
fn a_key_that_signs_with_another_algorithm_does_not_sign() {
    let device = FaultyDevice {
        algorithm: SignatureAlgorithm::EcdsaSha256,
        ..FaultyDevice::answering(Ok)
    };
    assert!(matches!(
        linted().sign(&device),
        Err(IssueError::WrongAlgorithm)
    ));
}

#[test]
fn a_device_that_fails_is_reported() {
    let device = FaultyDevice::answering(|_| Err(SignerError::Unavailable(None)));
    let error = linted().sign(&device).unwrap_err();
    assert_eq!(error.code(), "signer_unavailable");
}

#[test]
fn a_wrong_signature_never_leaves() {
    let flipped = FaultyDevice::answering(|mut signature| {
        let last = signature.len() - 1;
        signature[last] ^= 1;
        Ok(signature)
    });
    assert!(matches!(
        linted().sign(&flipped),
        Err(IssueError::Unverified(_))
    ));
    let empty = FaultyDevice::answering(|_| Ok(Vec::new()));
    assert!(matches!(
        linted().sign(&empty),
        Err(IssueError::Unverified(_) | IssueError::Unreadable(_))
    ));
}
