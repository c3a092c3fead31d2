use const_oid::ObjectIdentifier;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::x509::testkit::{
    RsaSigner, issuing_ca, issuing_signer, make_ceremony, now, responder, responder_signer,
};
use crate::x509::{Certificate, IssueError, Level, ParseError, SerialNumber};
use crate::{Revocation, RevocationReason, SignatureAlgorithm, VerificationError, asn1, oids};

mod answers;
mod checks;
mod requests;
mod samples;

const MAX_AGE: SignedDuration = SignedDuration::from_secs(120);
const NONCE: &[u8] = &[0xa5; 32];

fn issuer() -> Certificate {
    issuing_ca(Level::Qualified).certificate().clone()
}

fn serial(last: u8) -> SerialNumber {
    SerialNumber::from_bytes(vec![0x40, 1, 2, 3, 4, 5, 6, last])
}

fn cert_id(hash: ObjectIdentifier, last: u8) -> CertId {
    CertId::new(hash, &issuer(), &serial(last)).unwrap()
}

fn request() -> OcspRequest {
    OcspRequest::new(cert_id(oids::SHA256, 7), Some(NONCE)).unwrap()
}

fn answer_to(request: &OcspRequest, status: CertificateStatus) -> OcspResponse {
    let issuer = issuer();
    UnsignedOcspResponse::build(request, &[status], &responder(), issuer.not_before(), now())
        .unwrap()
        .sign(&responder_signer())
        .unwrap()
}

fn revoked(reason: RevocationReason) -> CertificateStatus {
    CertificateStatus::Revoked(Revocation {
        at: "2026-02-28T10:11:12Z".parse().unwrap(),
        reason,
    })
}
