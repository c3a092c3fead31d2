//! Live OCSP answers (RFC 6960): each from one snapshot of the database, none from memory.

use super::{OcspOutcome, TrustAnswer, passes};
use crate::{
    domain::Standing,
    ports::IssuingAuthority,
    service::{Infrastructure, Service},
};
use pki::{
    Revocation,
    ocsp::{CertificateStatus, OcspFailure, OcspRequest, UnsignedOcspResponse},
};

impl Service {
    /// Answers an OCSP request at the address of an issuing CA; `None` if there is no such CA. What cannot be answered
    /// becomes one of RFC 6960's unsigned answers.
    pub async fn ocsp(&self, ca: &str, request: &[u8]) -> Option<TrustAnswer<OcspOutcome>> {
        let issuer = self.issuing_authority(ca)?;
        let Ok(request) = OcspRequest::parse(request) else {
            return Some(refusal(OcspOutcome::MalformedRequest, None));
        };
        // RFC 6960 §2.3: "unauthorized" where this server cannot respond authoritatively.
        let certificate = issuer.ca.certificate();
        let mut asked = request.certificates().iter();
        if !asked.any(|asked| asked.names_issuer(certificate)) {
            return Some(refusal(OcspOutcome::Unauthorized, None));
        }
        // Nor for an authority that has ended: no responder's certificate below it is valid any more.
        if !certificate.is_valid_at(self.now()) {
            return Some(refusal(OcspOutcome::Unauthorized, None));
        }
        Some(match self.answer_ocsp(&issuer, &request).await {
            Ok(answer) => answer,
            Err(failure) if passes(&failure) => refusal(OcspOutcome::TryLater, Some(failure)),
            Err(failure) => refusal(OcspOutcome::InternalError, Some(failure)),
        })
    }

    async fn answer_ocsp(
        &self,
        issuer: &IssuingAuthority,
        request: &OcspRequest,
    ) -> Result<TrustAnswer<OcspOutcome>, Infrastructure> {
        let responder = self.responder_of(issuer).await?;
        // Before the snapshot: what is said of this moment was still so a little later, never the other way round.
        let now = self.this_second();
        let mut reader = self.store.read().await?;
        let mut statuses = Vec::new();
        for asked in request.certificates() {
            let ours = asked.names_issuer(issuer.ca.certificate());
            statuses.push(match ours {
                // RFC 6960 §2.2: "unknown" also for an issuer that is not served here.
                false => CertificateStatus::Unknown,
                true => match reader.standing(issuer.id, asked.serial()).await? {
                    Standing::NeverIssued => CertificateStatus::Unknown,
                    Standing::Issued(None) => CertificateStatus::Good,
                    // Not at a time that has not come yet, as another clock saw it: until then validators would go on.
                    Standing::Issued(Some(revocation)) => CertificateStatus::Revoked(Revocation {
                        at: revocation.at.min(now),
                        ..revocation
                    }),
                },
            });
        }
        drop(reader);
        // RFC 6960 §4.4.4: revoked certificates are answered for as long as the authority lives.
        let cutoff = issuer.ca.certificate().not_before();
        let unsigned = UnsignedOcspResponse::build(request, &statuses, &responder, cutoff, now)
            .map_err(|_| Infrastructure::Internal("an OCSP answer that has no DER form"))?;
        let signed = self.ca.sign_ocsp(unsigned).await?;
        Ok(TrustAnswer {
            der: signed.der().to_vec(),
            outcomes: statuses.iter().map(outcome).collect(),
            failure: None,
        })
    }
}

fn outcome(status: &CertificateStatus) -> OcspOutcome {
    match status {
        CertificateStatus::Good => OcspOutcome::Good,
        CertificateStatus::Revoked(_) => OcspOutcome::Revoked,
        CertificateStatus::Unknown => OcspOutcome::Unknown,
    }
}

fn refusal(outcome: OcspOutcome, failure: Option<Infrastructure>) -> TrustAnswer<OcspOutcome> {
    let response = match outcome {
        OcspOutcome::MalformedRequest => OcspFailure::MalformedRequest,
        OcspOutcome::Unauthorized => OcspFailure::Unauthorized,
        OcspOutcome::TryLater => OcspFailure::TryLater,
        _ => OcspFailure::InternalError,
    };
    TrustAnswer {
        der: response.response(),
        outcomes: vec![outcome],
        failure,
    }
}
