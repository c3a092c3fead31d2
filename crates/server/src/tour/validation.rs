//! What a stranger asks who is handed a signature: is the certificate good now, and since when does the signature exist?

use super::relying_party::RelyingParty;
use anyhow::{Context, Result, ensure};
use jiff::{SignedDuration, Timestamp};
use pki::{
    DigestAlgorithm, ObjectIdentifier,
    ocsp::{CertId, CertificateStatus, OcspRequest, OcspResponse},
    tsp::{MessageImprint, TimeStampRequest, TimeStampToken},
    x509::Certificate,
};

/// The hash that most clients name certificates with.
const SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");

/// Answers are made when they are asked for.
const MAX_AGE: SignedDuration = SignedDuration::from_secs(60);

/// A time-stamp and who made it.
pub(super) struct Stamp {
    pub(super) token: TimeStampToken,
    pub(super) unit: Certificate,
    pub(super) time: Timestamp,
}

impl RelyingParty {
    /// Asks the responder that the certificate names.
    pub(super) fn status_of(
        &self,
        certificate: &Certificate,
        issuer: &Certificate,
    ) -> Result<CertificateStatus> {
        let url = certificate
            .ocsp_url()
            .context("the certificate names no OCSP responder")?;
        let mut nonce = [0; 32];
        getrandom::fill(&mut nonce)?;
        let id = CertId::new(SHA1, issuer, certificate.serial())?;
        let request = OcspRequest::new(id, Some(&nonce))?;
        let answer = self.ask(path_of(url)?, "application/ocsp-request", request.der())?;
        OcspResponse::parse(&answer)
            .context("the responder's answer cannot be read")?
            .check(&request, issuer, Timestamp::now(), MAX_AGE)
            .context("the responder's answer cannot be believed")
    }

    /// Has data stamped by the server's unit, whose certificate must be the root's.
    pub(super) fn stamp(&self, data: &[u8]) -> Result<Stamp> {
        let unit = self.transport.get("/certs/tsu.crt")?;
        ensure!(unit.status == 200, "the server has no time-stamping unit");
        let unit = Certificate::parse(&unit.body)?;
        unit.verify_signature(self.root.public_key())
            .context("the unit's certificate is not the root's")?;
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce)?;
        // A positive number.
        nonce[0] = nonce[0] & 0x3f | 0x40;
        let imprint = MessageImprint::of(DigestAlgorithm::Sha512, data);
        let request = TimeStampRequest::new(imprint.clone(), &nonce)?;
        let answer = self.ask("/tsa", "application/timestamp-query", &request.to_der()?)?;
        let token = TimeStampToken::parse_response(&answer)?;
        let time = token
            .verify(&unit, &imprint, Some(&nonce))
            .context("the time-stamp does not verify")?
            .time();
        Ok(Stamp { token, unit, time })
    }

    fn ask(&self, path: &str, media_type: &str, question: &[u8]) -> Result<Vec<u8>> {
        let headers = [("content-type", media_type)];
        let reply = self
            .transport
            .send("POST", path, headers, question.to_vec())?;
        ensure!(
            reply.status == 200,
            "the server answered {} at {path}",
            reply.status
        );
        Ok(reply.body)
    }
}

/// Behind a proxy the address in certificates is another than the one that the tour was given; the path is the same.
fn path_of(url: &str) -> Result<&str> {
    let (_, rest) = url.split_once("://").context("an address without scheme")?;
    let slash = rest.find('/').context("an address without path")?;
    Ok(&rest[slash..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_an_address_is_what_follows_the_host() {
        assert_eq!(
            path_of("http://id.example.org:80/ocsp/eid-q").unwrap(),
            "/ocsp/eid-q"
        );
        assert!(path_of("http://id.example.org").is_err());
        assert!(path_of("id").is_err());
    }
}
