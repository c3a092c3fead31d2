//! The independent look at every certificate that was ever signed: from its bytes, against its record, its profile, its
//! authority and its account. Needs no key.

mod authority;
mod lists;
mod trail;

use super::profile;
use crate::{
    domain::{
        Account, AccountId, AccountKey, AccountState, CaKeyId, CertificateKind, CertificateRecord,
        CloseReason, Issued, KeyState, OPERATOR_REASONS,
    },
    ports::{KeyHolder, Reader, RecordKey, StoreError},
    service::{Infrastructure, MAX_FINDINGS, Service},
};
use authority::{Authorities, Relint};
use jiff::{SignedDuration, Timestamp};
use pki::{
    Revocation,
    x509::{Certificate, Profile, SerialNumber, TbsSummary},
};
use sha2::{Digest, Sha256};
use splitkey::{KeyId, Purpose};
use std::fmt;

/// Rows in memory at a time.
const PAGE: u32 = 500;

/// Between two steps the clock may have been set right.
const CLOCK_SET_BACK: SignedDuration = SignedDuration::from_mins(10);

/// What a look through all certificates brought up.
#[derive(Debug, Default)]
pub struct CertificateReport {
    /// Records of certificates.
    pub records: u64,
    /// Of them given out.
    pub issued: u64,
    /// Of them revoked, whether or not they were given out.
    pub revoked: u64,
    /// Neither given out nor revoked: being signed now, or to be revoked by a job.
    pub waiting: u64,
    /// Never given out, and revoked for it.
    pub abandoned: u64,
    /// Lines of the audit trail that were compared with the records.
    pub lines: u64,
    /// Keys of accounts whose certificates were looked for among the records.
    pub keys: u64,
    /// What each authority's certificates were compared with, in a sentence each.
    pub compared: Vec<String>,
    /// What is wrong, in the order in which it was found, at most [`MAX_FINDINGS`].
    pub findings: Vec<CertificateFinding>,
}

/// Something about a certificate that this software did not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFinding {
    /// Its serial number, or another name of what is wrong; upper-case hexadecimal, as openssl prints it.
    pub subject: String,
    /// What is wrong with it.
    pub what: String,
}

impl fmt::Display for CertificateFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.what)
    }
}

impl Service {
    /// Reads every record and the certificate of every account's key again, in one snapshot.
    ///
    /// A row that cannot be read is a finding like any other, and the look goes on.
    ///
    /// # Errors
    /// The database cannot be used.
    pub async fn check_certificates(
        &self,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<CertificateReport, Infrastructure> {
        let mut reader = self.store.read().await?;
        let mut check = Check {
            report: CertificateReport::default(),
            authorities: Authorities::of(reader.published_certificates().await?),
        };
        let mut after = None;
        loop {
            let from = after.as_ref().map(|(issuer, serial)| (*issuer, serial));
            let Some(page) = readable(reader.certificate_records(from, PAGE).await)?.ok() else {
                let after = after.map(|(issuer, serial): (CaKeyId, SerialNumber)| RecordKey {
                    issuer: crate::service::hex(&issuer.0),
                    serial: crate::service::hex(serial.as_bytes()),
                });
                check.one_by_one(&mut *reader, after, progress).await?;
                break;
            };
            let Some(last) = page.last() else { break };
            after = Some((last.issuer, last.serial.clone()));
            for record in &page {
                check.record(&mut *reader, record).await?;
            }
            progress(check.report.records);
        }
        check.keys(&mut *reader).await?;
        check.lists(&mut *reader, self.now()).await?;
        check.trail(&mut *reader).await?;
        let Check {
            mut report,
            authorities,
        } = check;
        report.compared = authorities.summary();
        Ok(report)
    }
}

struct Check {
    report: CertificateReport,
    authorities: Authorities,
}

impl Check {
    fn find(&mut self, subject: impl fmt::Display, what: impl Into<String>) {
        self.tell(format!("certificate {subject}"), what);
    }

    fn tell(&mut self, subject: String, what: impl Into<String>) {
        if self.report.findings.len() < MAX_FINDINGS {
            let what = what.into();
            self.report
                .findings
                .push(CertificateFinding { subject, what });
        }
    }

    /// The records after this one, of which some cannot be read.
    async fn one_by_one(
        &mut self,
        reader: &mut dyn Reader,
        mut after: Option<RecordKey>,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<(), Infrastructure> {
        loop {
            let page = reader.certificate_record_keys(after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = Some(last.clone());
            for key in &page {
                match readable(reader.certificate_record_at(key).await)? {
                    Ok(Some(record)) => self.record(reader, &record).await?,
                    Ok(None) => {}
                    Err(what) => {
                        self.report.records += 1;
                        self.find(
                            key.serial.to_uppercase().escape_default(),
                            format!("its record cannot be read: {what}"),
                        );
                    }
                }
            }
            progress(self.report.records);
        }
    }

    async fn record(
        &mut self,
        reader: &mut dyn Reader,
        record: &CertificateRecord,
    ) -> Result<(), Infrastructure> {
        let serial = &record.serial;
        self.report.records += 1;
        self.report.revoked += u64::from(record.revocation.is_some());
        match TbsSummary::read(&record.tbs) {
            Ok(tbs) => {
                // With the table's key this also says that no authority used a number twice.
                if tbs.serial != *serial {
                    self.find(serial, "its record is of another serial number");
                }
                if tbs.authority_key_identifier.as_deref() != Some(&record.issuer.0) {
                    self.find(serial, "its record is of another authority");
                }
                if tbs.not_after != record.expires_at {
                    self.find(serial, "its record has another end of validity");
                }
            }
            Err(error) => self.find(serial, format!("its record cannot be read: {error}")),
        }
        let first = record.recorded_at - CLOCK_SET_BACK;
        if record
            .issued
            .as_ref()
            .is_some_and(|issued| issued.at < first)
        {
            self.find(serial, "it was given out before it was recorded");
        }
        if record
            .revocation
            .is_some_and(|revocation| revocation.at < first)
        {
            self.find(serial, "it was revoked before it was recorded");
        }
        let Some(issued) = &record.issued else {
            match record.revocation {
                Some(_) => self.report.abandoned += 1,
                None => self.report.waiting += 1,
            }
            return Ok(());
        };
        self.report.issued += 1;
        match record.kind {
            CertificateKind::EndEntity { purpose, .. } => {
                let account = match issued.account {
                    Some(id) => readable(reader.account(id).await)?,
                    None => Ok(None),
                };
                match account {
                    Ok(Some(account)) => self.persons(record, issued, &account, purpose),
                    Ok(None) => self.find(serial, "it was given out, and its account is not there"),
                    Err(what) => self.find(serial, format!("its account cannot be read: {what}")),
                }
            }
            CertificateKind::OcspResponder if record.revocation.is_some() => {
                self.find(
                    serial,
                    "a responder's certificate is revoked, which this software never does",
                );
            }
            CertificateKind::OcspResponder => match &issued.certificate {
                Some(der) => {
                    self.bytes(record, issued, der);
                }
                None => self.find(serial, "a responder's certificate is not kept"),
            },
        }
        Ok(())
    }

    fn persons(
        &mut self,
        record: &CertificateRecord,
        issued: &Issued,
        account: &Account,
        purpose: Purpose,
    ) {
        let serial = &record.serial;
        let key = account.keys.of(purpose);
        if let Some(certificate) = self.bytes(record, issued, &key.certificate) {
            for what in differences(&certificate, account, key) {
                self.find(serial, what);
            }
        }
        let level = match record.kind {
            CertificateKind::EndEntity { level, .. } => Some(level),
            CertificateKind::OcspResponder => None,
        };
        if level != Some(account.level) {
            self.find(serial, "it is of another level than its account");
        }
        if let Err(what) = agree(record, account, key) {
            self.find(serial, what);
        }
    }

    /// The certificate that was given out, against its record and its profile.
    fn bytes(
        &mut self,
        record: &CertificateRecord,
        issued: &Issued,
        der: &[u8],
    ) -> Option<Certificate> {
        let serial = &record.serial;
        if Sha256::digest(der)[..] != issued.sha256 {
            self.find(serial, "the certificate is not the one that was given out");
        }
        let certificate = match Certificate::parse(der) {
            Ok(certificate) => certificate,
            Err(error) => {
                self.find(serial, format!("the certificate cannot be read: {error}"));
                return None;
            }
        };
        let as_recorded = certificate.tbs_der() == record.tbs;
        if !as_recorded {
            self.find(serial, "the certificate differs from its record");
        }
        let expected = match record.kind {
            CertificateKind::EndEntity { level, purpose } => {
                Profile::EndEntity(profile(level, purpose))
            }
            CertificateKind::OcspResponder => Profile::OcspResponder,
        };
        match self
            .authorities
            .relint(record.issuer, expected, &certificate, as_recorded)
        {
            Relint::Passed => {}
            Relint::Findings(findings) => {
                for what in findings {
                    self.find(serial, what);
                }
            }
            Relint::UnknownAuthority => self.find(
                serial,
                "neither signature nor profile could be checked: its authority's certificate was never published from this \
                 database; start the server once",
            ),
        }
        Some(certificate)
    }

    /// Every key of an account has its record.
    async fn keys(&mut self, reader: &mut dyn Reader) -> Result<(), Infrastructure> {
        let mut after: Option<KeyId> = None;
        loop {
            let (from, until) = (Timestamp::MIN, Timestamp::MAX);
            let page = match readable(reader.account_moduli(from, until, after, PAGE).await)? {
                Ok(page) => page,
                Err(what) => {
                    let from =
                        after.map_or("the first".to_owned(), |key| crate::service::hex(&key.0));
                    self.find(
                        format!("of the keys from {from} on"),
                        format!("they cannot be read: {what}"),
                    );
                    return Ok(());
                }
            };
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = Some(last.key);
            for stored in page {
                let KeyHolder::Account(id) = stored.holder else {
                    continue;
                };
                self.report.keys += 1;
                let account = match readable(reader.account(id).await)? {
                    Ok(Some(account)) => account,
                    Ok(None) => continue,
                    Err(what) => {
                        let name = crate::service::hex(&stored.key.0);
                        self.find(
                            format!("of key {name}"),
                            format!("its account cannot be read: {what}"),
                        );
                        continue;
                    }
                };
                self.key(reader, id, account.keys.of(stored.purpose))
                    .await?;
            }
        }
    }

    async fn key(
        &mut self,
        reader: &mut dyn Reader,
        account: AccountId,
        key: &AccountKey,
    ) -> Result<(), Infrastructure> {
        let name = crate::service::hex(&key.id.0);
        let Ok(certificate) = Certificate::parse(&key.certificate) else {
            self.find(format!("of key {name}"), "the certificate cannot be read");
            return Ok(());
        };
        let serial = certificate.serial();
        let Ok(issuer) = CaKeyId::of_issuer(&certificate) else {
            self.find(serial, "it does not name its authority");
            return Ok(());
        };
        match readable(reader.certificate_summary(issuer, serial).await)? {
            Err(what) => self.find(serial, format!("its record cannot be read: {what}")),
            Ok(None) => self.find(serial, format!("key {name} uses it, and it has no record")),
            Ok(Some(record)) => {
                let (owner, purpose) = (record.account, record.purpose());
                if owner.is_none() {
                    self.find(
                        serial,
                        format!("key {name} uses it, and it was never given out"),
                    );
                } else if owner != Some(account) || purpose != Some(key.purpose) {
                    self.find(
                        serial,
                        format!("key {name} uses it, and it was given out for another key"),
                    );
                }
            }
        }
        Ok(())
    }
}

/// What was read, or what of it is damaged.
fn readable<T>(read: Result<T, StoreError>) -> Result<Result<T, String>, Infrastructure> {
    match read {
        Ok(value) => Ok(Ok(value)),
        Err(error @ StoreError::Corrupt { .. }) => Ok(Err(error.to_string())),
        Err(error) => Err(error.into()),
    }
}

/// In what a certificate differs from the account and the key that it was given out for.
fn differences(
    certificate: &Certificate,
    account: &Account,
    key: &AccountKey,
) -> Vec<&'static str> {
    let person = &account.person;
    let subject = certificate.subject();
    let semantics_identifier = person.semantics_identifier.to_string();
    let modulus: &[u8] = {
        let zeros = key.n.iter().take_while(|octet| **octet == 0).count();
        &key.n[zeros..]
    };
    let opened = account.created_at.as_second();
    [
        (
            certificate.public_key().rsa_modulus() == Some(modulus),
            "its public key is not the account's",
        ),
        (
            subject.serial_number() == Some(&semantics_identifier)
                && subject.surname() == Some(&person.surname)
                && subject.given_name() == Some(&person.given_name)
                && certificate.date_of_birth() == Some(person.date_of_birth),
            "it names another person than the account",
        ),
        (
            certificate.document_number() == Some(account.document_number.to_string()),
            "it has another document number than the account",
        ),
        (
            certificate.not_before().as_second() == opened
                && certificate.not_after().as_second() == account.expires_at.as_second() - 1,
            "its validity is not the account's",
        ),
    ]
    .into_iter()
    .filter(|(same, _)| !same)
    .map(|(_, what)| what)
    .collect()
}

/// Account, key and certificate ended together, at the same second and for the same reason, or none of them did.
fn agree(record: &CertificateRecord, account: &Account, key: &AccountKey) -> Result<(), String> {
    let (at, reason) = match (&key.state, account.state) {
        (KeyState::Ready { .. }, AccountState::Closed { .. }) => {
            return Err("its account is closed, and its key is still there".to_owned());
        }
        (KeyState::Ready { .. }, AccountState::Active) => {
            return match record.revocation {
                None => Ok(()),
                Some(_) => Err("it is revoked, and its key is in use".to_owned()),
            };
        }
        // The ninth wrong PIN ends one key.
        (KeyState::Destroyed { reason, .. }, AccountState::Active)
            if *reason != CloseReason::PinLocked =>
        {
            let ended = reason.code();
            return Err(format!(
                "its key is destroyed ({ended}), and its account is in use"
            ));
        }
        (KeyState::Destroyed { at, reason }, _) => (*at, *reason),
    };
    let expected = match reason {
        // It had ended before.
        _ if at > record.expires_at => Vec::new(),
        CloseReason::DeletedByOperator => OPERATOR_REASONS.to_vec(),
        other => other.revocation(None).into_iter().collect(),
    };
    let ended = reason.code();
    match record.revocation {
        None if expected.is_empty() => Ok(()),
        None => Err(format!(
            "its key is destroyed ({ended}), and it is not revoked"
        )),
        Some(_) if expected.is_empty() => Err(format!(
            "it is revoked, and its key ended by itself ({ended})"
        )),
        Some(Revocation {
            reason: revoked, ..
        }) if !expected.contains(&revoked) => Err(format!(
            "it is revoked for {}, and its key was destroyed for another reason ({ended})",
            revoked.name()
        )),
        Some(revocation) if revocation.at.as_second() != at.as_second() => {
            Err("it was revoked at another second than its key was destroyed".to_owned())
        }
        Some(_) => Ok(()),
    }
}
