//! What a third person can check about a transaction of the past (R55).

use super::{OperatorError, Service, evaluate::hex};
use crate::{
    domain::{AuditEntry, AuditEvent, AuditLink, AuditRecord, SignedRecord, TransactionRecord},
    ports::{Reader, StoreError},
};
use jiff::Timestamp;
use pki::x509::{Certificate, verify_chain};
use sha2::{Digest, Sha256};
use wire::{DocumentNumber, SessionId, audit_checkpoint::SignedCheckpoint};

/// Entries of the audit trail that are read at a time.
const PAGE: u32 = 1000;

/// A transaction with everything that shows that it was so.
#[derive(Clone, Debug)]
pub struct TransactionEvidence {
    /// Request and result, byte for byte as the audit trail vouches for it.
    pub text: String,
    /// The same, read.
    pub record: TransactionRecord,
    /// The account whose phone had the session, if one had.
    pub document_number: Option<DocumentNumber>,
    /// Whose signature it is, if there is one.
    pub certificates: Option<CertificatePath>,
    /// Its records in the audit trail, in their order.
    pub entries: Vec<AuditEntry>,
    /// From the first of them to a checkpoint after the last; `None` until there is one.
    pub path: Option<AuditPath>,
}

/// The certificate of the key that signed, and those above it.
#[derive(Clone, Debug)]
pub struct CertificatePath {
    /// Of the account's key.
    pub certificate: Certificate,
    /// Of the CA that issued it.
    pub issuer: Certificate,
    /// Of the root.
    pub root: Certificate,
}

/// A part of the audit trail, from which the records of others are left out.
#[derive(Clone, Debug)]
pub struct AuditPath {
    /// The link before the first step.
    pub before: AuditLink,
    /// Every record from there to the checkpoint.
    pub steps: Vec<AuditStep>,
    /// What the deployment's root key said about the last step.
    pub checkpoint: SignedCheckpoint,
}

/// One record on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditStep {
    /// Its number.
    pub seq: u64,
    /// SHA-256 of its text, which is all that a stranger need know of it.
    pub record_sha256: [u8; 32],
}

impl Service {
    /// The newest transactions of an account, closed or not, the newest first.
    ///
    /// # Errors
    /// No such account; the database cannot be used.
    pub async fn transactions_of(
        &self,
        number: &DocumentNumber,
        limit: u32,
    ) -> Result<Vec<TransactionRecord>, OperatorError> {
        let mut reader = self.store.read().await?;
        let account = reader
            .account_by_document(number)
            .await?
            .ok_or_else(|| OperatorError::UnknownAccount(number.clone()))?;
        let evidence = reader.evidence_of(account.id, limit).await?;
        evidence
            .iter()
            .map(|evidence| evidence.record().ok_or_else(|| damaged("evidence")))
            .collect()
    }

    /// A transaction of the past with all that shows it.
    ///
    /// # Errors
    /// No session with this identifier has ended; what is stored of it is damaged; the database cannot be used.
    pub async fn transaction_evidence(
        &self,
        id: SessionId,
    ) -> Result<TransactionEvidence, OperatorError> {
        let mut reader = self.store.read().await?;
        let evidence = reader
            .evidence(id)
            .await?
            .ok_or(OperatorError::UnknownSession(id))?;
        let record = evidence.record().ok_or_else(|| damaged("evidence"))?;
        let account = match evidence.account {
            None => None,
            Some(id) => reader.account(id).await?,
        };
        let certificates = match (&record.signed, &account) {
            (None, _) => None,
            (Some(_), None) => return Err(damaged("evidence")),
            (Some(signed), Some(account)) => {
                let certificate = account
                    .keys
                    .iter()
                    .map(|key| &key.certificate)
                    .find(|certificate| is_named(signed, certificate))
                    .ok_or_else(|| damaged("certificate"))?;
                Some(certificate_path(&mut *reader, certificate, record.ended_at).await?)
            }
        };
        let entries = reader.audit_entries_of(id).await?;
        // What the trail does not vouch for is no evidence.
        let vouched = match entries.last().and_then(AuditEntry::record) {
            Some(AuditRecord {
                event:
                    AuditEvent::SessionEnded {
                        evidence_sha256, ..
                    },
                ..
            }) => evidence_sha256,
            _ => None,
        };
        if vouched != Some(hex(&evidence.sha256())) || record.session != id {
            return Err(damaged("evidence"));
        }
        if account.as_ref().map(|account| &account.document_number)
            != record.document_number.as_ref()
        {
            return Err(damaged("evidence"));
        }
        let path = audit_path(&mut *reader, &entries).await?;
        Ok(TransactionEvidence {
            text: evidence.text,
            record,
            document_number: account.map(|account| account.document_number),
            certificates,
            entries,
            path,
        })
    }
}

fn is_named(signed: &SignedRecord, certificate: &[u8]) -> bool {
    hex(&Sha256::digest(certificate)) == signed.certificate_sha256
}

/// The certificate with the published ones above it, checked as of when it signed.
async fn certificate_path(
    reader: &mut dyn Reader,
    certificate: &[u8],
    at: Timestamp,
) -> Result<CertificatePath, OperatorError> {
    let certificate = Certificate::parse(certificate).map_err(|_| damaged("certificate"))?;
    let published = reader.published_certificates().await?;
    let authorities: Vec<Certificate> = published
        .iter()
        .filter_map(|published| Certificate::parse(&published.certificate).ok())
        .collect();
    for issuer in &authorities {
        for root in &authorities {
            if verify_chain(&certificate, issuer, root, at).is_ok() {
                return Ok(CertificatePath {
                    certificate,
                    issuer: issuer.clone(),
                    root: root.clone(),
                });
            }
        }
    }
    Err(OperatorError::UnknownIssuer)
}

/// From the first of these entries to the first checkpoint that is not before the last.
async fn audit_path(
    reader: &mut dyn Reader,
    entries: &[AuditEntry],
) -> Result<Option<AuditPath>, OperatorError> {
    let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
        return Err(damaged("audit_entry"));
    };
    let checkpoints = reader
        .checkpoints(last.link.seq.saturating_sub(1), 1)
        .await?;
    let Some(checkpoint) = checkpoints.first().copied() else {
        return Ok(None);
    };
    let before = match first.link.seq.saturating_sub(1) {
        0 => AuditLink::START,
        seq => reader
            .audit_entries(seq - 1, 1)
            .await?
            .first()
            .map(|entry| entry.link)
            .filter(|link| link.seq == seq)
            .ok_or_else(|| damaged("audit_entry"))?,
    };
    let mut steps = Vec::new();
    let mut link = before;
    while link.seq < checkpoint.checkpoint.seq {
        let page = reader.audit_entries(link.seq, PAGE).await?;
        if page.is_empty() {
            return Err(damaged("audit_entry"));
        }
        for entry in page {
            if link.seq == checkpoint.checkpoint.seq {
                break;
            }
            let record_sha256 = entry.record_sha256();
            link = link.follow(&record_sha256);
            if link != entry.link {
                return Err(damaged("audit_entry"));
            }
            steps.push(AuditStep {
                seq: link.seq,
                record_sha256,
            });
        }
    }
    if link.hash != checkpoint.checkpoint.hash.0 {
        return Err(damaged("audit_checkpoint"));
    }
    Ok(Some(AuditPath {
        before,
        steps,
        checkpoint,
    }))
}

fn damaged(what: &'static str) -> OperatorError {
    StoreError::Corrupt { what }.into()
}
