//! The OCSP responder's certificates: one below each issuing authority, made when it is needed and renewed long before its
//! end. They stand in the database, so that every process answers with the same.

use crate::{
    domain::{AuditEvent, CertificateKind, Issued},
    ports::IssuingAuthority,
    service::{
        About, Infrastructure, Service, audit, certificates::linted, evaluate::hex, retrying,
    },
};
use jiff::{SignedDuration, Timestamp};
use pki::x509::Certificate;
use std::sync::Arc;

/// Another one is made when this is left of its life.
const RENEWAL: SignedDuration = SignedDuration::from_hours(30 * 24);

/// One that ends so soon is looked for in the database again, since clocks of clients are not ours.
const NEAR_ITS_END: SignedDuration = SignedDuration::from_hours(1);

/// For clients whose clocks are behind.
const BACK_DATING: SignedDuration = SignedDuration::from_mins(10);

/// After a certificate could not be made, time before the next try.
const AFTER_FAILURE: SignedDuration = SignedDuration::from_mins(1);

impl Service {
    /// The certificate that answers for an authority now: from memory, from the database, or a new one.
    pub(super) async fn responder_of(
        &self,
        issuer: &IssuingAuthority,
    ) -> Result<Arc<Certificate>, Infrastructure> {
        if let Some(known) = self.known_responder(issuer) {
            return Ok(known);
        }
        // However many ask at once, one makes it.
        let _turn = self
            .published
            .making
            .take_off_with(place(issuer))
            .await
            .map_err(|_| Infrastructure::Crowded)?;
        if let Some(known) = self.known_responder(issuer) {
            return Ok(known);
        }
        let responder = match self.stored_responder(issuer).await? {
            Some(stored) => stored,
            None => self.make_responder(issuer).await?,
        };
        Ok(self.remember_responder(issuer, responder))
    }

    /// Makes another one when it is time.
    pub(super) async fn renew_responder(
        &self,
        issuer: &IssuingAuthority,
    ) -> Result<(), Infrastructure> {
        // One that has ended has nothing to say, and what it cannot have any more must not fail for ever.
        if !issuer.ca.certificate().is_valid_at(self.now()) {
            return Ok(());
        }
        let responder = self.responder_of(issuer).await?;
        if !is_due(&responder, issuer, self.now()) {
            return Ok(());
        }
        let _turn = self
            .published
            .making
            .take_off_with(place(issuer))
            .await
            .map_err(|_| Infrastructure::Crowded)?;
        // Another process may have made it in the meantime.
        let newest = match self.stored_responder(issuer).await? {
            Some(stored) if !is_due(&stored, issuer, self.now()) => stored,
            _ => self.make_responder(issuer).await?,
        };
        self.remember_responder(issuer, newest);
        Ok(())
    }

    fn known_responder(&self, issuer: &IssuingAuthority) -> Option<Arc<Certificate>> {
        let now = self.now();
        let known = self.published.responders().get(&issuer.id).cloned()?;
        let usable = known.is_valid_at(now) && known.not_after().duration_since(now) > NEAR_ITS_END;
        usable.then_some(known)
    }

    fn remember_responder(
        &self,
        issuer: &IssuingAuthority,
        responder: Certificate,
    ) -> Arc<Certificate> {
        let responder = Arc::new(responder);
        self.published
            .responders()
            .insert(issuer.id, Arc::clone(&responder));
        responder
    }

    /// The one in the database that is valid now for the longest time.
    async fn stored_responder(
        &self,
        issuer: &IssuingAuthority,
    ) -> Result<Option<Certificate>, Infrastructure> {
        let key = self.ca.responder_key().await?;
        let now = self.now();
        let records = self
            .store
            .read()
            .await?
            .responder_records(issuer.id, now)
            .await?;
        let certificates = records
            .into_iter()
            .filter(|record| record.revocation.is_none())
            .filter_map(|record| record.issued?.certificate)
            .filter_map(|der| Certificate::parse(&der).ok())
            // A vault that was made anew has another key.
            .filter(|certificate| certificate.public_key().spki_der() == key)
            .filter(|certificate| certificate.is_valid_at(now));
        Ok(certificates.max_by_key(Certificate::not_after))
    }

    /// Makes another one, unless that failed a moment ago: each try leaves a record and perhaps a signature of the CA, and
    /// anybody can ask.
    async fn make_responder(
        &self,
        issuer: &IssuingAuthority,
    ) -> Result<Certificate, Infrastructure> {
        let now = self.now();
        let failed = self.published.failed().get(&issuer.id).copied();
        if failed.is_some_and(|failed| failed.duration_until(now).abs() < AFTER_FAILURE) {
            return Err(Infrastructure::Crowded);
        }
        let made = self.certify_responder(issuer).await;
        match &made {
            Ok(_) => self.published.failed().remove(&issuer.id),
            Err(_) => self.published.failed().insert(issuer.id, now),
        };
        made
    }

    /// Profile → lint → record → sign → compare → given out.
    async fn certify_responder(
        &self,
        issuer: &IssuingAuthority,
    ) -> Result<Certificate, Infrastructure> {
        let key = self.ca.responder_key().await?;
        let now = self.this_second();
        let not_before = (now - BACK_DATING).max(issuer.ca.certificate().not_before());
        let unsigned = pki::x509::build_responder(&issuer.ca, &key, not_before, &mut self.rng())
            .map_err(|error| Infrastructure::Profile(error.to_string()))?;
        let linted = linted(&unsigned)?;
        let kind = CertificateKind::OcspResponder;
        let certificate = self.sign_recorded(issuer.id, kind, linted).await?;
        let issued = Issued::to_responder(certificate.der(), self.now());
        retrying!(self, |uow| {
            uow.certificate_issued(issuer.id, certificate.serial(), &issued)
                .await?;
            let event = AuditEvent::ResponderCertified {
                authority: issuer.name.clone(),
                serial: hex(certificate.serial().as_bytes()),
                sha256: hex(&issued.sha256),
            };
            audit(&mut *uow, now, About::default(), event).await?;
            uow.commit().await?;
            Ok::<_, Infrastructure>(())
        })?;
        Ok(certificate)
    }
}

/// Near its end, unless the authority itself ends with it.
fn is_due(responder: &Certificate, issuer: &IssuingAuthority, now: Timestamp) -> bool {
    responder.not_after().duration_since(now) < RENEWAL
        && responder.not_after() < issuer.ca.certificate().not_after()
}

/// In [`Flights`](crate::service::flights::Flights).
fn place(issuer: &IssuingAuthority) -> [u8; 16] {
    super::place(b"responder", &issuer.id.0)
}
