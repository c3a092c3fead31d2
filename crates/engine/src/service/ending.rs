//! The end of a session, whatever it is: one record in the audit trail, and the evidence that stays (R55).

use super::{About, Service, audit, evaluate::hex};
use crate::{
    domain::{AuditEvent, Evidence, Session, SessionState},
    ports::{StoreError, UnitOfWork},
};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

impl Service {
    /// Writes down that the session ended and what came of it, in the unit of work that ends it.
    ///
    /// `about` tells whose phone had the session, which a failed one has forgotten. A session that goes on leaves nothing.
    pub(super) async fn record_end(
        &self,
        uow: &mut dyn UnitOfWork,
        session: &Session,
        about: About,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let phone = match about.account {
            None => None,
            Some(id) => uow
                .account_name(id)
                .await?
                .map(|account| (id, account.document_number)),
        };
        let Some(evidence) = Evidence::of(session, phone, &self.policy.scheme_name) else {
            return Ok(());
        };
        uow.insert_evidence(&evidence).await?;
        let (result, signature_sha256) = match &session.state {
            SessionState::Completed(completed) => (
                "OK",
                Some(hex(&Sha256::digest(completed.signature.as_bytes()))),
            ),
            SessionState::Chosen(_) => ("OK", None),
            SessionState::Failed { result, .. } => (result.code(), None),
            _ => return Ok(()),
        };
        let event = AuditEvent::SessionEnded {
            result: result.to_owned(),
            kind: Some(session.request.kind.code().to_owned()),
            signature_sha256,
            evidence_sha256: Some(hex(&evidence.sha256())),
        };
        audit(uow, now, about, event).await
    }
}
