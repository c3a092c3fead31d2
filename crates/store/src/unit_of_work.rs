use crate::{
    account,
    audit::{self, Trail},
    certificate, evidence, pooled_half, publication, published_certificate, registration,
    relying_party, session,
    tables::Tables,
    transaction,
    wakeups::Wakeups,
};
use async_trait::async_trait;
use engine::{
    domain::{
        Account, AccountId, AccountName, AuditEntry, AuditLink, AuditRecord, CaKeyId,
        CertificateRecord, CertificateSummary, CloseReason, DeviceId, Evidence, Issued, KeyId,
        KeyState, Profile, Purpose, Registration, RelyingParty, Revocation, RevokedCertificate,
        SerialNumber, ServerModulus, Session, Standing, StoredRevocationList, StoredTrustedList,
        Transaction, TransactionId, TrustDecision,
    },
    ports::{
        AuditCursor, AuditPage, NewServerHalf, PublishedCertificate, Reader, RecordKey, Retention,
        StoreError, StoredModuli, UnitOfWork,
    },
};
use jiff::Timestamp;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use wire::{
    DocumentNumber, RegistrationCode, RegistrationId, RelyingPartyUuid, SemanticsIdentifier,
    SessionId, audit_checkpoint::SignedCheckpoint,
};

/// A transaction on the tables, as the engine sees it.
pub(crate) struct Work {
    tables: Tables,
    wakeups: Arc<Wakeups>,
    changed: Vec<SessionId>,
    trail: Trail,
    /// This unit of work destroys the server's part of a key.
    erases: bool,
    /// Told after the commit if it does: the log still has the pages of before.
    erased: Arc<AtomicBool>,
}

impl Work {
    pub(crate) fn new(tables: Tables, wakeups: Arc<Wakeups>, erased: Arc<AtomicBool>) -> Self {
        Self {
            tables,
            wakeups,
            changed: Vec::new(),
            trail: Trail::default(),
            erases: false,
            erased,
        }
    }
}

#[async_trait]
impl Reader for Work {
    async fn account(&mut self, id: AccountId) -> Result<Option<Account>, StoreError> {
        account::find(&mut self.tables, id).await
    }

    async fn account_by_device(&mut self, id: DeviceId) -> Result<Option<Account>, StoreError> {
        account::find_by_device(&mut self.tables, id).await
    }

    async fn account_by_document(
        &mut self,
        number: &DocumentNumber,
    ) -> Result<Option<Account>, StoreError> {
        account::find_by_document(&mut self.tables, number).await
    }

    async fn account_name(&mut self, id: AccountId) -> Result<Option<AccountName>, StoreError> {
        account::name(&mut self.tables, id).await
    }

    async fn account_name_by_document(
        &mut self,
        number: &DocumentNumber,
    ) -> Result<Option<AccountName>, StoreError> {
        account::name_by_document(&mut self.tables, number).await
    }

    async fn active_accounts_of(
        &mut self,
        person: &SemanticsIdentifier,
    ) -> Result<Vec<Account>, StoreError> {
        account::active_of(&mut self.tables, person).await
    }

    async fn knows_person(&mut self, person: &SemanticsIdentifier) -> Result<bool, StoreError> {
        account::knows_person(&mut self.tables, person).await
    }

    async fn session(&mut self, id: SessionId) -> Result<Option<Session>, StoreError> {
        session::find(&mut self.tables, id).await
    }

    async fn session_by_token(&mut self, token: &str) -> Result<Option<Session>, StoreError> {
        session::find_by_token(&mut self.tables, token).await
    }

    async fn open_sessions_of(&mut self, account: AccountId) -> Result<Vec<Session>, StoreError> {
        session::open_of(&mut self.tables, account).await
    }

    async fn session_by_fingerprint(
        &mut self,
        relying_party: RelyingPartyUuid,
        fingerprint: &[u8; 32],
        since: Timestamp,
    ) -> Result<Option<Session>, StoreError> {
        session::find_by_fingerprint(&mut self.tables, relying_party, fingerprint, since).await
    }

    async fn count_sessions_of(
        &mut self,
        account: AccountId,
        since: Timestamp,
    ) -> Result<u64, StoreError> {
        session::count_of(&mut self.tables, account, since).await
    }

    async fn count_sessions_between(
        &mut self,
        relying_party: RelyingPartyUuid,
        account: AccountId,
        since: Timestamp,
    ) -> Result<u64, StoreError> {
        session::count_between(&mut self.tables, relying_party, account, since).await
    }

    async fn overdue_sessions(
        &mut self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<SessionId>, StoreError> {
        session::overdue(&mut self.tables, now, limit).await
    }

    async fn transaction(&mut self, id: TransactionId) -> Result<Option<Transaction>, StoreError> {
        transaction::find(&mut self.tables, id).await
    }

    async fn awaiting_transactions_of(
        &mut self,
        account: AccountId,
    ) -> Result<Vec<Transaction>, StoreError> {
        transaction::awaiting_of(&mut self.tables, account).await
    }

    async fn count_transactions_of(
        &mut self,
        account: AccountId,
        since: Timestamp,
    ) -> Result<u64, StoreError> {
        transaction::count_of(&mut self.tables, account, since).await
    }

    async fn count_maintenance_of(
        &mut self,
        account: AccountId,
        since: Timestamp,
    ) -> Result<u64, StoreError> {
        transaction::count_maintenance_of(&mut self.tables, account, since).await
    }

    async fn stuck_transactions(
        &mut self,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<TransactionId>, StoreError> {
        transaction::stuck(&mut self.tables, before, limit).await
    }

    async fn registration(
        &mut self,
        id: RegistrationId,
    ) -> Result<Option<Registration>, StoreError> {
        registration::find(&mut self.tables, id).await
    }

    async fn registration_by_code(
        &mut self,
        code: &RegistrationCode,
    ) -> Result<Option<Registration>, StoreError> {
        registration::find_by_code(&mut self.tables, code).await
    }

    async fn registration_by_device(
        &mut self,
        device: DeviceId,
    ) -> Result<Option<Registration>, StoreError> {
        registration::find_by_device(&mut self.tables, device).await
    }

    async fn overdue_registrations(
        &mut self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<RegistrationId>, StoreError> {
        registration::overdue(&mut self.tables, now, limit).await
    }

    async fn overdue_accounts(
        &mut self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<AccountId>, StoreError> {
        account::overdue(&mut self.tables, now, limit).await
    }

    async fn relying_party(
        &mut self,
        uuid: RelyingPartyUuid,
    ) -> Result<Option<RelyingParty>, StoreError> {
        relying_party::find(&mut self.tables, uuid).await
    }

    async fn relying_parties(&mut self) -> Result<Vec<RelyingParty>, StoreError> {
        relying_party::all(&mut self.tables).await
    }

    async fn pooled_halves(&mut self, profile: Profile) -> Result<u64, StoreError> {
        pooled_half::count(&mut self.tables, profile).await
    }

    async fn audit_head(&mut self) -> Result<AuditLink, StoreError> {
        audit::head(&mut self.tables).await
    }

    async fn count_audit_entries(&mut self) -> Result<u64, StoreError> {
        audit::count(&mut self.tables).await
    }

    async fn audit_entries(
        &mut self,
        after: u64,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        audit::after(&mut self.tables, after, limit).await
    }

    async fn audit_entries_of(&mut self, id: SessionId) -> Result<Vec<AuditEntry>, StoreError> {
        audit::of_session(&mut self.tables, id).await
    }

    async fn audit_records(
        &mut self,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        audit::between(&mut self.tables, from, until).await
    }

    async fn checkpoints(
        &mut self,
        after: u64,
        limit: u32,
    ) -> Result<Vec<SignedCheckpoint>, StoreError> {
        audit::checkpoints(&mut self.tables, after, limit).await
    }

    async fn newest_checkpoint(&mut self) -> Result<Option<SignedCheckpoint>, StoreError> {
        audit::newest_checkpoint(&mut self.tables).await
    }

    async fn evidence(&mut self, id: SessionId) -> Result<Option<Evidence>, StoreError> {
        evidence::find(&mut self.tables, id).await
    }

    async fn evidence_of(
        &mut self,
        account: AccountId,
        limit: u32,
    ) -> Result<Vec<Evidence>, StoreError> {
        evidence::of_account(&mut self.tables, account, limit).await
    }

    async fn all_evidence(
        &mut self,
        after: Option<SessionId>,
        limit: u32,
    ) -> Result<Vec<Evidence>, StoreError> {
        evidence::after(&mut self.tables, after, limit).await
    }

    async fn published_certificates(&mut self) -> Result<Vec<PublishedCertificate>, StoreError> {
        published_certificate::all(&mut self.tables).await
    }

    async fn audit_page(
        &mut self,
        from: Timestamp,
        until: Timestamp,
        after: Option<&AuditCursor>,
        limit: u32,
    ) -> Result<AuditPage, StoreError> {
        audit::page(&mut self.tables, from, until, after, limit).await
    }

    async fn account_moduli(
        &mut self,
        from: Timestamp,
        until: Timestamp,
        after: Option<KeyId>,
        limit: u32,
    ) -> Result<Vec<StoredModuli>, StoreError> {
        account::moduli(&mut self.tables, from, until, after, limit).await
    }

    async fn registration_moduli(
        &mut self,
        after: Option<RegistrationId>,
        limit: u32,
    ) -> Result<Vec<StoredModuli>, StoreError> {
        registration::moduli(&mut self.tables, after, limit).await
    }

    async fn pooled_moduli(&mut self) -> Result<Vec<ServerModulus>, StoreError> {
        pooled_half::moduli(&mut self.tables).await
    }

    async fn standing(
        &mut self,
        issuer: CaKeyId,
        serial: &SerialNumber,
    ) -> Result<Standing, StoreError> {
        certificate::standing(&mut self.tables, issuer, serial).await
    }

    async fn certificate_record(
        &mut self,
        issuer: CaKeyId,
        serial: &SerialNumber,
    ) -> Result<Option<CertificateRecord>, StoreError> {
        certificate::find(&mut self.tables, issuer, serial).await
    }

    async fn certificate_summary(
        &mut self,
        issuer: CaKeyId,
        serial: &SerialNumber,
    ) -> Result<Option<CertificateSummary>, StoreError> {
        certificate::summary(&mut self.tables, issuer, serial).await
    }

    async fn certificates_of(
        &mut self,
        account: AccountId,
    ) -> Result<Vec<CertificateSummary>, StoreError> {
        certificate::of_account(&mut self.tables, account).await
    }

    async fn accounts_without_records(
        &mut self,
        after: Option<AccountId>,
        limit: u32,
    ) -> Result<Vec<AccountId>, StoreError> {
        certificate::accounts(&mut self.tables, certificate::UNRECORDED, after, limit).await
    }

    async fn accounts_left_good(
        &mut self,
        after: Option<AccountId>,
        limit: u32,
    ) -> Result<Vec<AccountId>, StoreError> {
        certificate::accounts(&mut self.tables, certificate::LEFT_GOOD, after, limit).await
    }

    async fn certificate_records(
        &mut self,
        after: Option<(CaKeyId, &SerialNumber)>,
        limit: u32,
    ) -> Result<Vec<CertificateRecord>, StoreError> {
        certificate::page(&mut self.tables, after, limit).await
    }

    async fn certificate_record_keys(
        &mut self,
        after: Option<&RecordKey>,
        limit: u32,
    ) -> Result<Vec<RecordKey>, StoreError> {
        certificate::keys(&mut self.tables, after, limit).await
    }

    async fn certificate_record_at(
        &mut self,
        key: &RecordKey,
    ) -> Result<Option<CertificateRecord>, StoreError> {
        certificate::at(&mut self.tables, key).await
    }

    async fn responder_records(
        &mut self,
        issuer: CaKeyId,
        now: Timestamp,
    ) -> Result<Vec<CertificateRecord>, StoreError> {
        certificate::responders(&mut self.tables, issuer, now).await
    }

    async fn abandoned_records(
        &mut self,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<(CaKeyId, SerialNumber)>, StoreError> {
        certificate::abandoned(&mut self.tables, before, limit).await
    }

    async fn revoked_certificates(
        &mut self,
        issuer: CaKeyId,
    ) -> Result<Vec<RevokedCertificate>, StoreError> {
        certificate::revoked(&mut self.tables, issuer).await
    }

    async fn count_revoked(&mut self, issuer: CaKeyId) -> Result<u64, StoreError> {
        certificate::count_revoked(&mut self.tables, issuer).await
    }

    async fn revocation_list_number(&mut self, issuer: CaKeyId) -> Result<Option<u64>, StoreError> {
        publication::revocation_list_number(&mut self.tables, issuer).await
    }

    async fn revocation_list(
        &mut self,
        issuer: CaKeyId,
    ) -> Result<Option<StoredRevocationList>, StoreError> {
        publication::revocation_list(&mut self.tables, issuer).await
    }

    async fn trust_decisions(&mut self) -> Result<Vec<TrustDecision>, StoreError> {
        publication::decisions(&mut self.tables).await
    }

    async fn trusted_list(&mut self) -> Result<Option<StoredTrustedList>, StoreError> {
        publication::trusted_list(&mut self.tables).await
    }
}

#[async_trait]
impl UnitOfWork for Work {
    async fn record_certificate(&mut self, record: &CertificateRecord) -> Result<(), StoreError> {
        certificate::record(&mut self.tables, record).await
    }

    async fn certificate_issued(
        &mut self,
        issuer: CaKeyId,
        serial: &SerialNumber,
        issued: &Issued,
    ) -> Result<(), StoreError> {
        certificate::issued(&mut self.tables, issuer, serial, issued).await
    }

    async fn revoke_certificate(
        &mut self,
        issuer: CaKeyId,
        serial: &SerialNumber,
        revocation: Revocation,
    ) -> Result<bool, StoreError> {
        certificate::revoke(&mut self.tables, issuer, serial, revocation).await
    }

    async fn revoke_certificates_of(
        &mut self,
        account: AccountId,
        purpose: Option<Purpose>,
        revocation: Revocation,
    ) -> Result<Vec<CertificateSummary>, StoreError> {
        certificate::revoke_of(&mut self.tables, account, purpose, revocation).await
    }

    async fn insert_revocation_list(
        &mut self,
        list: &StoredRevocationList,
    ) -> Result<(), StoreError> {
        publication::insert_revocation_list(&mut self.tables, list).await
    }

    async fn insert_trust_decision(&mut self, decision: &TrustDecision) -> Result<(), StoreError> {
        publication::insert_decision(&mut self.tables, decision).await
    }

    async fn insert_trusted_list(&mut self, list: &StoredTrustedList) -> Result<(), StoreError> {
        publication::insert_trusted_list(&mut self.tables, list).await
    }

    async fn insert_account(&mut self, account: &Account) -> Result<(), StoreError> {
        account::insert(&mut self.tables, account).await
    }

    async fn save_account(&mut self, account: &mut Account) -> Result<(), StoreError> {
        self.erases |= account
            .keys
            .iter()
            .any(|key| matches!(key.state, KeyState::Destroyed { .. }));
        account::save(&mut self.tables, account).await
    }

    async fn close_unread_account(
        &mut self,
        id: AccountId,
        reason: CloseReason,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.erases = true;
        account::close_unread(&mut self.tables, id, reason, now).await
    }

    async fn insert_session(&mut self, session: &Session) -> Result<(), StoreError> {
        session::insert(&mut self.tables, session).await
    }

    async fn save_session(&mut self, session: &mut Session) -> Result<(), StoreError> {
        session::save(&mut self.tables, session).await?;
        self.changed.push(session.id);
        Ok(())
    }

    async fn insert_transaction(&mut self, transaction: &Transaction) -> Result<(), StoreError> {
        transaction::insert(&mut self.tables, transaction).await
    }

    async fn save_transaction(&mut self, transaction: &mut Transaction) -> Result<(), StoreError> {
        transaction::save(&mut self.tables, transaction).await
    }

    async fn insert_registration(&mut self, registration: &Registration) -> Result<(), StoreError> {
        registration::insert(&mut self.tables, registration).await
    }

    async fn save_registration(
        &mut self,
        registration: &mut Registration,
    ) -> Result<(), StoreError> {
        self.erases |= registration.is_over();
        registration::save(&mut self.tables, registration).await
    }

    async fn insert_relying_party(
        &mut self,
        relying_party: &RelyingParty,
    ) -> Result<(), StoreError> {
        relying_party::insert(&mut self.tables, relying_party).await
    }

    async fn save_relying_party(
        &mut self,
        relying_party: &mut RelyingParty,
    ) -> Result<(), StoreError> {
        relying_party::save(&mut self.tables, relying_party).await
    }

    async fn pool_half(
        &mut self,
        profile: Profile,
        half: &NewServerHalf,
    ) -> Result<(), StoreError> {
        pooled_half::add(&mut self.tables, profile, half).await
    }

    async fn take_pooled_half(
        &mut self,
        profile: Profile,
    ) -> Result<Option<NewServerHalf>, StoreError> {
        pooled_half::take(&mut self.tables, profile).await
    }

    async fn record(&mut self, record: &AuditRecord) -> Result<(), StoreError> {
        self.trail.record(&mut self.tables, record).await
    }

    async fn insert_checkpoint(&mut self, checkpoint: &SignedCheckpoint) -> Result<(), StoreError> {
        audit::insert_checkpoint(&mut self.tables, checkpoint).await
    }

    async fn insert_evidence(&mut self, evidence: &Evidence) -> Result<(), StoreError> {
        evidence::insert(&mut self.tables, evidence).await
    }

    async fn remember_certificate(
        &mut self,
        certificate: &PublishedCertificate,
    ) -> Result<(), StoreError> {
        published_certificate::remember(&mut self.tables, certificate).await
    }

    async fn purge(&mut self, horizon: Retention) -> Result<u64, StoreError> {
        Ok(session::purge(&mut self.tables, horizon.sessions).await?
            + transaction::purge(&mut self.tables, horizon.transactions).await?
            + registration::purge(&mut self.tables, horizon.registrations).await?)
    }

    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        let Self {
            mut tables,
            wakeups,
            changed,
            trail,
            erases,
            erased,
        } = *self;
        // A task of its own: a caller that goes away in the middle (a phone that hangs up) must not
        // leave a commit behind that nobody is woken for.
        let commit = async move {
            trail.finish(&mut tables).await?;
            tables.commit().await?;
            if erases {
                erased.store(true, Ordering::SeqCst);
            }
            for id in changed {
                wakeups.wake(id);
            }
            Ok(())
        };
        tokio::spawn(commit)
            .await
            .map_err(|error| StoreError::Unavailable(Box::new(error)))?
    }
}
