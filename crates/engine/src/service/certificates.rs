//! The life of a certificate: profile, lint, record, signature, comparison; what it claims; its revocation.

mod by_serial;
mod check;
mod complete;

pub use check::{CertificateFinding, CertificateReport};
pub use complete::Completed;

use super::{About, Infrastructure, Service, audit, evaluate::hex, retrying};
use crate::{
    domain::{
        AccountId, AccountKey, AccountLevel, AuditEvent, CaKeyId, CertificateClaims,
        CertificateKind, CertificateRecord, CertificateSummary, Issued, PerPurpose, Vouched,
    },
    policy::ABANDONED_RECORD,
    ports::{IssuingAuthority, UnitOfWork},
};
use jiff::Timestamp;
use pki::{
    Revocation, RevocationReason,
    x509::{
        Certificate, EndEntity, EndEntityProfile, Level, Linted, SchemeOids, SerialNumber,
        UnsignedCertificate,
    },
};
use splitkey::Purpose;
use std::sync::Arc;
use wire::DocumentNumber;

impl Service {
    /// A person's certificate over a proven key, recorded and signed; it counts as issued once
    /// [`Service::give_out`] is committed.
    pub(super) async fn issue(
        &self,
        purpose: Purpose,
        modulus: &[u8],
        vouched: &Vouched,
        number: &DocumentNumber,
        not_before: Timestamp,
    ) -> Result<Certificate, Infrastructure> {
        let person = &vouched.person;
        let subject = pki::x509::Subject {
            country: person.semantics_identifier.country().to_string(),
            surname: person.surname.clone(),
            given_name: person.given_name.clone(),
            semantics_identifier: person.semantics_identifier.to_string(),
            date_of_birth: person.date_of_birth,
            document_number: number.to_string(),
        };
        let kind = CertificateKind::EndEntity {
            level: vouched.level,
            purpose,
        };
        let issuer = self.ca.issuer(vouched.level);
        let built = EndEntity {
            profile: profile(vouched.level, purpose),
            subject: &subject,
            modulus,
        }
        .build(&issuer.ca, not_before, &mut self.rng())
        .map_err(|error| Infrastructure::Profile(error.to_string()))?;
        let linted = linted(&built)?;
        let certificate = self.sign_recorded(issuer.id, kind, linted).await?;
        // What the relying party will verify with must be the key that was proven.
        if certificate.public_key().rsa_modulus() != Some(modulus) {
            return Err(Infrastructure::Internal("a certificate over another key"));
        }
        // The account is worth what its certificates say, so both must say what was vouched for.
        if self.claims(&certificate)?.level != vouched.level {
            return Err(Infrastructure::Internal("a certificate of another level"));
        }
        Ok(certificate)
    }

    /// Record → sign → compare. The record is committed before the authority's key is used: no signature of it exists that
    /// the database does not know of. If what comes after fails, the record stays, and a job revokes it.
    pub(super) async fn sign_recorded(
        &self,
        issuer: CaKeyId,
        kind: CertificateKind,
        linted: Linted,
    ) -> Result<Certificate, Infrastructure> {
        let record = CertificateRecord::of_linted(issuer, kind, &linted, self.now());
        retrying!(self, |uow| {
            uow.record_certificate(&record).await?;
            uow.commit().await?;
            Ok::<_, Infrastructure>(())
        })?;
        let certificate = self.ca.sign(issuer, linted).await?;
        if certificate.tbs_der() != record.tbs {
            return Err(Infrastructure::Internal(
                "a certificate that differs from its record",
            ));
        }
        Ok(certificate)
    }

    /// Notes within a unit of work that both certificates of an account were given out.
    pub(super) async fn give_out(
        &self,
        uow: &mut dyn UnitOfWork,
        account: AccountId,
        certificates: &PerPurpose<Certificate>,
        now: Timestamp,
    ) -> Result<(), Infrastructure> {
        for purpose in [Purpose::Authentication, Purpose::Signature] {
            let certificate = certificates.of(purpose);
            let issued = Issued::to_account(certificate.der(), account, now);
            let issuer = CaKeyId::of_issuer(certificate)?;
            uow.certificate_issued(issuer, certificate.serial(), &issued)
                .await?;
            let event = AuditEvent::CertificateIssued {
                purpose: purpose.id(),
                serial: hex(certificate.serial().as_bytes()),
                sha256: hex(&issued.sha256),
            };
            audit(uow, now, About::account(account), event).await?;
        }
        Ok(())
    }

    /// Revokes the certificates of an account, or the one of its key for that purpose, within the unit of work that ends the
    /// keys; not what is revoked or expired already.
    ///
    /// By their records, not by what stands with the keys: that may be damaged, or another's.
    pub(super) async fn revoke_in(
        &self,
        uow: &mut dyn UnitOfWork,
        about: About,
        account: AccountId,
        purpose: Option<Purpose>,
        revocation: Revocation,
        now: Timestamp,
    ) -> Result<Vec<CertificateSummary>, Infrastructure> {
        let revoked = uow
            .revoke_certificates_of(account, purpose, revocation)
            .await?;
        for one in &revoked {
            let purpose = one.purpose().map(Purpose::id);
            audit(
                uow,
                now,
                about,
                revoked_event(purpose, &one.serial, revocation),
            )
            .await?;
        }
        Ok(revoked)
    }

    /// Revokes what was recorded and never given out, if nobody gave it out meanwhile. Says whether it did.
    pub(super) async fn revoke_abandoned(
        &self,
        issuer: CaKeyId,
        serial: &SerialNumber,
    ) -> Result<bool, Infrastructure> {
        let reason = RevocationReason::CessationOfOperation;
        retrying!(self, |uow| {
            let now = self.now();
            let abandoned = uow
                .certificate_record(issuer, serial)
                .await?
                .is_some_and(|record| {
                    record.issued.is_none() && record.recorded_at <= now - ABANDONED_RECORD
                });
            if !abandoned {
                return Ok(false);
            }
            let about = About::default();
            let revoked = revoke(&mut *uow, about, issuer, serial, None, reason, now).await?;
            uow.commit().await?;
            Ok::<_, Infrastructure>(revoked)
        })
    }

    /// What a certificate claims under the identifiers of the authority that it is from.
    pub(super) fn claims(
        &self,
        certificate: &Certificate,
    ) -> Result<CertificateClaims, Infrastructure> {
        let oids = self
            .authority_of(certificate)
            .map_or(SchemeOids::default(), |authority| {
                authority.ca.publication().oids
            });
        Ok(CertificateClaims::of(certificate, &oids)?)
    }

    /// What the certificate of a key claims: the level that relying parties are told.
    pub(super) fn claims_of(&self, key: &AccountKey) -> Result<CertificateClaims, Infrastructure> {
        self.claims(&parse(&key.certificate)?)
    }

    /// The authority that a certificate is from; after a rollover not the one that issues now.
    pub(super) fn authority_of(&self, certificate: &Certificate) -> Option<Arc<IssuingAuthority>> {
        let id = CaKeyId::of_issuer(certificate).ok()?;
        self.ca
            .issuers()
            .into_iter()
            .find(|authority| authority.id == id)
    }
}

/// The certificate, if it keeps to its profile; otherwise every rule that it breaks.
pub(super) fn linted(built: &UnsignedCertificate) -> Result<Linted, Infrastructure> {
    pki::x509::lint(built).map_err(|findings| {
        let findings: Vec<_> = findings.iter().map(ToString::to_string).collect();
        Infrastructure::Profile(findings.join("; "))
    })
}

pub(super) fn parse(der: &[u8]) -> Result<Certificate, Infrastructure> {
    Certificate::parse(der)
        .map_err(|_| Infrastructure::Internal("a certificate of ours that does not parse"))
}

async fn revoke(
    uow: &mut dyn UnitOfWork,
    about: About,
    issuer: CaKeyId,
    serial: &SerialNumber,
    purpose: Option<u8>,
    reason: RevocationReason,
    now: Timestamp,
) -> Result<bool, Infrastructure> {
    let revocation = Revocation { at: now, reason };
    let revoked = uow.revoke_certificate(issuer, serial, revocation).await?;
    if revoked {
        let event = revoked_event(purpose, serial, revocation);
        audit(uow, now, about, event).await?;
    }
    Ok(revoked)
}

fn revoked_event(purpose: Option<u8>, serial: &SerialNumber, revocation: Revocation) -> AuditEvent {
    AuditEvent::CertificateRevoked {
        purpose,
        serial: hex(serial.as_bytes()),
        reason: revocation.reason.name().to_owned(),
    }
}

fn profile(level: AccountLevel, purpose: Purpose) -> EndEntityProfile {
    EndEntityProfile {
        level: match level {
            AccountLevel::Qualified => Level::Qualified,
            AccountLevel::Advanced => Level::Basic,
        },
        purpose: match purpose {
            Purpose::Authentication => pki::x509::Purpose::Authentication,
            Purpose::Signature => pki::x509::Purpose::Signature,
        },
    }
}
