//! Certificate revocation lists, version 2 (RFC 5280 §5): build, sign, parse, verify.

use jiff::Timestamp;

use crate::Revocation;
use crate::public_key::{PublicKey, VerificationError};
use crate::signer::Signer;
use crate::x509::{
    BuildError, Certificate, DistinguishedName, IssueError, ParseError, SerialNumber,
};

/// One line of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevokedCertificate {
    /// Which certificate.
    pub serial: SerialNumber,
    /// When and why.
    pub revocation: Revocation,
}

/// A list before it is signed.
pub struct UnsignedRevocationList {}

impl UnsignedRevocationList {
    /// Builds a full list: AKI, cRLNumber, expiredCertsOnCRL from the issuer's notBefore (revoked certificates never leave
    /// the list). `this_update` and `next_update` are truncated to the second.
    ///
    /// # Errors
    /// [`BuildError`] if a value has no DER form.
    pub fn build(
        issuer: &Certificate,
        number: u64,
        this_update: Timestamp,
        next_update: Timestamp,
        revoked: &[RevokedCertificate],
    ) -> Result<Self, BuildError> {
        todo!()
    }

    /// Signs, reads back, compares and verifies.
    ///
    /// # Errors
    /// [`IssueError`]; no list exists then.
    pub fn sign(&self, signer: &dyn Signer) -> Result<RevocationList, IssueError> {
        todo!()
    }
}

/// A list with its exact bytes.
#[derive(Debug, Clone)]
pub struct RevocationList {}

impl RevocationList {
    /// Reads a DER list. Proves nothing about who issued it: see [`RevocationList::verify`].
    ///
    /// # Errors
    /// [`ParseError`].
    pub fn parse(der: &[u8]) -> Result<Self, ParseError> {
        todo!()
    }

    /// Verifies name and signature under its issuer.
    ///
    /// # Errors
    /// [`VerificationError`].
    pub fn verify(&self, issuer: &PublicKey) -> Result<(), VerificationError> {
        todo!()
    }

    /// The exact DER bytes.
    pub fn der(&self) -> &[u8] {
        todo!()
    }

    /// The issuer's name.
    pub fn issuer(&self) -> &DistinguishedName {
        todo!()
    }

    /// cRLNumber.
    pub fn number(&self) -> Option<u64> {
        todo!()
    }

    /// When it was made.
    pub fn this_update(&self) -> Timestamp {
        todo!()
    }

    /// When the next one is there at the latest.
    pub fn next_update(&self) -> Option<Timestamp> {
        todo!()
    }

    /// Whether and why this certificate is on it.
    pub fn revocation(&self, serial: &SerialNumber) -> Option<Revocation> {
        todo!()
    }

    /// How many certificates are on it.
    pub fn len(&self) -> usize {
        todo!()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
