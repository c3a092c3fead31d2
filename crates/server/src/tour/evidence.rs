//! What a stranger can check after the tour.

use super::{relying_party::RelyingParty, validation::Stamp};
use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use pki::x509::{Certificate, verify_chain};
use std::{fs, path::Path};

/// Certificates of the account, each verified up to the root.
pub(super) struct Evidence {
    pub(super) document_number: String,
    pub(super) authentication: Certificate,
    pub(super) signature: Certificate,
    pub(super) issuer: Certificate,
}

/// Data and the signature over them.
pub(super) struct Signed {
    pub(super) data: Vec<u8>,
    pub(super) signature: Vec<u8>,
}

/// What came of the tour's requests.
pub(super) struct Results {
    pub(super) login: Signed,
    /// Signed by RSASSA-PSS.
    pub(super) document: Signed,
    /// The same by PKCS #1 v1.5.
    pub(super) legacy: Signed,
    /// Over the first signature.
    pub(super) stamp: Stamp,
}

impl Evidence {
    /// Takes authentication, signature and issuer's certificate, DER, from the phone.
    pub(super) fn new(certificates: [&[u8]; 3], relying_party: &RelyingParty) -> Result<Self> {
        let [authentication, signature, issuer] = certificates.map(Certificate::parse);
        let (authentication, signature, issuer) = (authentication?, signature?, issuer?);
        for certificate in [&authentication, &signature] {
            verify_chain(certificate, &issuer, relying_party.root(), Timestamp::now())
                .context("a certificate of the account does not chain to the root")?;
        }
        let document_number = authentication
            .document_number()
            .context("a certificate without document number")?;
        ensure!(
            signature.document_number().as_ref() == Some(&document_number),
            "the two certificates name two accounts"
        );
        Ok(Self {
            document_number,
            authentication,
            signature,
            issuer,
        })
    }

    /// Length of the authentication key's modulus.
    pub(super) fn key_bits(&self) -> usize {
        let modulus = self
            .authentication
            .public_key()
            .rsa_modulus()
            .unwrap_or_default();
        let leading = modulus
            .first()
            .map_or(0, |byte| byte.leading_zeros() as usize);
        modulus.len() * 8 - leading
    }

    /// Writes everything into a folder, for openssl.
    pub(super) fn save(
        &self,
        folder: &Path,
        relying_party: &RelyingParty,
        results: &Results,
    ) -> Result<()> {
        let Results {
            login,
            document: Signed { data, signature },
            legacy,
            stamp,
        } = results;
        let write = |name: &str, bytes: &[u8]| {
            let path = folder.join(name);
            fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))
        };
        write("root.pem", relying_party.root().to_pem().as_bytes())?;
        write("ca.pem", self.issuer.to_pem().as_bytes())?;
        write("auth.pem", self.authentication.to_pem().as_bytes())?;
        write("sign.pem", self.signature.to_pem().as_bytes())?;
        write("login.txt", &login.data)?;
        write("login.sig", &login.signature)?;
        write("document.bin", data)?;
        write("document.sig", signature)?;
        write("legacy.sig", &legacy.signature)?;
        write("tsu.pem", stamp.unit.to_pem().as_bytes())?;
        write("document.tst", stamp.token.der())
    }
}
