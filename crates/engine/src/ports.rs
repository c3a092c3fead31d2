//! What the engine asks of the outside, in its own words.
//!
//! All traits are used as trait objects. Implementations: `store` ([`Store`]), `vault`
//! ([`ServerKeys`], [`CaSigner`]), `server` ([`Clock`], [`Entropy`]).

use crate::domain::{
    Account, AccountId, AccountLevel, AccountName, AuditEntry, AuditLink, AuditRecord, CaKeyId,
    CertificateRecord, CertificateSummary, CloseReason, Evidence, Issued, Registration,
    RelyingParty, Session, Standing, StoredRevocationList, StoredTrustedList, Transaction,
    TrustDecision, Wrapped,
};
use async_trait::async_trait;
use jiff::Timestamp;
use pki::{
    Revocation,
    crl::{RevocationList, RevokedCertificate, UnsignedRevocationList},
    ocsp::{OcspResponse, UnsignedOcspResponse},
    trusted_list::{SignedTrustedList, UnsignedTrustedList},
    tsp::{TimeStampToken, TimeStampingUnit, UnsignedToken},
    x509::{Certificate, IssuingCa, Linted, SerialNumber},
};
use splitkey::{
    ClientModulus, DeviceId, EncodedMessage, KeyId, ModulusError, PartialSignature, Profile,
    Purpose, ServerModulus, ServerShare, ServerSignatureHalf, TransactionId,
    seal::{Kind, ResponseSealer},
};
use std::{future::Future, pin::Pin, sync::Arc};
use wire::{
    DocumentNumber, RegistrationCode, RegistrationId, RelyingPartyUuid, SemanticsIdentifier,
    SessionId,
    audit_checkpoint::{Checkpoint, SignedCheckpoint},
    server_key::SignedStatement,
};
use zeroize::Zeroizing;

/// Wall-clock time.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;

    /// Whether somebody set the clock lately, forwards or back: then nobody knows whether it was right before or is right
    /// now. A clock that cannot tell says no.
    fn was_set_lately(&self) -> bool {
        false
    }
}

/// Cryptographically secure randomness.
pub trait Entropy: Send + Sync {
    /// Fills the buffer.
    fn fill(&self, buffer: &mut [u8]);
}

/// The database. Every state change is one [`UnitOfWork`].
#[async_trait]
pub trait Store: Send + Sync {
    /// Begins a transaction that will write. On SQLite it waits for the one writer before it.
    async fn write(&self) -> Result<Box<dyn UnitOfWork>, StoreError>;

    /// Begins a consistent snapshot for reading.
    async fn read(&self) -> Result<Box<dyn Reader>, StoreError>;

    /// Completes when the session was changed by a commit that came after this call, on this or
    /// another process. Ask for it *before* reading the state, or a change in between is missed.
    /// It may complete without a change.
    fn session_changed(&self, id: SessionId) -> Pin<Box<dyn Future<Output = ()> + Send>>;

    /// Whether the database answers and its schema is the one that this software needs.
    async fn ready(&self) -> Result<(), StoreError>;
}

/// Reading, in one snapshot.
#[async_trait]
pub trait Reader: Send {
    /// An account by its internal identifier.
    async fn account(&mut self, id: AccountId) -> Result<Option<Account>, StoreError>;
    /// The account on a device, closed ones included.
    async fn account_by_device(&mut self, id: DeviceId) -> Result<Option<Account>, StoreError>;
    /// The account with this document number, closed ones included.
    async fn account_by_document(
        &mut self,
        number: &DocumentNumber,
    ) -> Result<Option<Account>, StoreError>;
    /// What of an account can be read whatever else of it is damaged.
    async fn account_name(&mut self, id: AccountId) -> Result<Option<AccountName>, StoreError>;
    /// The same of the account with this document number, closed ones included.
    async fn account_name_by_document(
        &mut self,
        number: &DocumentNumber,
    ) -> Result<Option<AccountName>, StoreError>;
    /// All accounts of a person that are not closed, the oldest first.
    async fn active_accounts_of(
        &mut self,
        person: &SemanticsIdentifier,
    ) -> Result<Vec<Account>, StoreError>;
    /// Whether the person ever had an account, closed ones included.
    async fn knows_person(&mut self, person: &SemanticsIdentifier) -> Result<bool, StoreError>;

    /// A session.
    async fn session(&mut self, id: SessionId) -> Result<Option<Session>, StoreError>;
    /// The session with this `sessionToken`.
    async fn session_by_token(&mut self, token: &str) -> Result<Option<Session>, StoreError>;
    /// The unfinished sessions that this account may answer or has claimed, the oldest first.
    async fn open_sessions_of(&mut self, account: AccountId) -> Result<Vec<Session>, StoreError>;
    /// The newest unfinished session of the relying party with this fingerprint, created at or after `since`.
    async fn session_by_fingerprint(
        &mut self,
        relying_party: RelyingPartyUuid,
        fingerprint: &[u8; 32],
        since: Timestamp,
    ) -> Result<Option<Session>, StoreError>;
    /// How many sessions with this account among the candidates were created at or after `since`.
    async fn count_sessions_of(
        &mut self,
        account: AccountId,
        since: Timestamp,
    ) -> Result<u64, StoreError>;
    /// How many of these this relying party started.
    async fn count_sessions_between(
        &mut self,
        relying_party: RelyingPartyUuid,
        account: AccountId,
        since: Timestamp,
    ) -> Result<u64, StoreError>;
    /// Pending and claimed sessions whose deadline is at or before `now`, at most `limit`.
    async fn overdue_sessions(
        &mut self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<SessionId>, StoreError>;

    /// A transaction.
    async fn transaction(&mut self, id: TransactionId) -> Result<Option<Transaction>, StoreError>;
    /// The account's transactions that await a submission.
    async fn awaiting_transactions_of(
        &mut self,
        account: AccountId,
    ) -> Result<Vec<Transaction>, StoreError>;
    /// How many transactions that sign the account's device began at or after `since`.
    async fn count_transactions_of(
        &mut self,
        account: AccountId,
        since: Timestamp,
    ) -> Result<u64, StoreError>;
    /// How many rotate and sync transactions the account's device began at or after `since`.
    async fn count_maintenance_of(
        &mut self,
        account: AccountId,
        since: Timestamp,
    ) -> Result<u64, StoreError>;
    /// Transactions in Processing that were last written at or before `before`, at most `limit`.
    async fn stuck_transactions(
        &mut self,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<TransactionId>, StoreError>;

    /// A registration by its identifier.
    async fn registration(
        &mut self,
        id: RegistrationId,
    ) -> Result<Option<Registration>, StoreError>;
    /// The unfinished registration with this code.
    async fn registration_by_code(
        &mut self,
        code: &RegistrationCode,
    ) -> Result<Option<Registration>, StoreError>;
    /// The newest registration of this device.
    async fn registration_by_device(
        &mut self,
        device: DeviceId,
    ) -> Result<Option<Registration>, StoreError>;
    /// Unfinished registrations that expired at or before `now`, at most `limit`.
    async fn overdue_registrations(
        &mut self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<RegistrationId>, StoreError>;

    /// Active accounts that expired at or before `now`, at most `limit`.
    async fn overdue_accounts(
        &mut self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<AccountId>, StoreError>;

    /// A relying party.
    async fn relying_party(
        &mut self,
        uuid: RelyingPartyUuid,
    ) -> Result<Option<RelyingParty>, StoreError>;
    /// All relying parties, by name.
    async fn relying_parties(&mut self) -> Result<Vec<RelyingParty>, StoreError>;

    /// How many server halves of this profile are in the pool.
    async fn pooled_halves(&mut self, profile: Profile) -> Result<u64, StoreError>;

    /// Where the audit trail stands.
    async fn audit_head(&mut self) -> Result<AuditLink, StoreError>;
    /// How many entries the audit trail has, whatever their numbers.
    async fn count_audit_entries(&mut self) -> Result<u64, StoreError>;
    /// The entries of the audit trail after the one with this number, in their order, at most `limit`.
    async fn audit_entries(
        &mut self,
        after: u64,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, StoreError>;
    /// The entries that concern this session, in their order.
    async fn audit_entries_of(&mut self, id: SessionId) -> Result<Vec<AuditEntry>, StoreError>;
    /// The audit records from `from` up to (not including) `until`, in their order.
    async fn audit_records(
        &mut self,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<AuditRecord>, StoreError>;
    /// The same in pages: at most `limit` records, after where the page before ended.
    async fn audit_page(
        &mut self,
        from: Timestamp,
        until: Timestamp,
        after: Option<&AuditCursor>,
        limit: u32,
    ) -> Result<AuditPage, StoreError>;

    /// The moduli of accounts, closed ones included, that were opened at or after `from` and before `until`: at most
    /// `limit` keys in the order of their ids, after the one that the page before ended with.
    async fn account_moduli(
        &mut self,
        from: Timestamp,
        until: Timestamp,
        after: Option<KeyId>,
        limit: u32,
    ) -> Result<Vec<StoredModuli>, StoreError>;
    /// The moduli of unfinished registrations: at most `limit` registrations in the order of their ids.
    async fn registration_moduli(
        &mut self,
        after: Option<RegistrationId>,
        limit: u32,
    ) -> Result<Vec<StoredModuli>, StoreError>;
    /// The moduli in the pool of server halves, of all profiles.
    async fn pooled_moduli(&mut self) -> Result<Vec<ServerModulus>, StoreError>;

    /// The checkpoints of the audit trail after the one over the entry with this number, in their order, at most `limit`.
    async fn checkpoints(
        &mut self,
        after: u64,
        limit: u32,
    ) -> Result<Vec<SignedCheckpoint>, StoreError>;
    /// The newest checkpoint.
    async fn newest_checkpoint(&mut self) -> Result<Option<SignedCheckpoint>, StoreError>;

    /// What stays of a session.
    async fn evidence(&mut self, id: SessionId) -> Result<Option<Evidence>, StoreError>;
    /// What stays of the sessions that this account's phone had, the newest first, at most `limit`.
    async fn evidence_of(
        &mut self,
        account: AccountId,
        limit: u32,
    ) -> Result<Vec<Evidence>, StoreError>;
    /// What stays of all sessions, by identifier, after this one, at most `limit`.
    async fn all_evidence(
        &mut self,
        after: Option<SessionId>,
        limit: u32,
    ) -> Result<Vec<Evidence>, StoreError>;

    /// What is known of a certificate: the way of OCSP, without decryption.
    async fn standing(
        &mut self,
        issuer: CaKeyId,
        serial: &SerialNumber,
    ) -> Result<Standing, StoreError>;
    /// A certificate's record.
    async fn certificate_record(
        &mut self,
        issuer: CaKeyId,
        serial: &SerialNumber,
    ) -> Result<Option<CertificateRecord>, StoreError>;
    /// What of a certificate's record is not encrypted.
    async fn certificate_summary(
        &mut self,
        issuer: CaKeyId,
        serial: &SerialNumber,
    ) -> Result<Option<CertificateSummary>, StoreError>;
    /// The same of all that were given out with an account, by purpose: by their records, whatever stands with its keys.
    async fn certificates_of(
        &mut self,
        account: AccountId,
    ) -> Result<Vec<CertificateSummary>, StoreError>;
    /// Accounts after this one, by identifier, with which fewer certificates were given out than they have keys: those of
    /// software that kept no records. At most `limit`.
    async fn accounts_without_records(
        &mut self,
        after: Option<AccountId>,
        limit: u32,
    ) -> Result<Vec<AccountId>, StoreError>;
    /// Accounts after this one, by identifier, of which a key was destroyed before its certificate ended, for whatever reason
    /// but that, and the certificate is not revoked. At most `limit`.
    async fn accounts_left_good(
        &mut self,
        after: Option<AccountId>,
        limit: u32,
    ) -> Result<Vec<AccountId>, StoreError>;
    /// The records of all certificates by issuer and serial number, after this one, at most `limit`.
    async fn certificate_records(
        &mut self,
        after: Option<(CaKeyId, &SerialNumber)>,
        limit: u32,
    ) -> Result<Vec<CertificateRecord>, StoreError>;
    /// Which records there are after this one, at most `limit`: also of those that cannot be read.
    async fn certificate_record_keys(
        &mut self,
        after: Option<&RecordKey>,
        limit: u32,
    ) -> Result<Vec<RecordKey>, StoreError>;
    /// The record that stands there.
    async fn certificate_record_at(
        &mut self,
        key: &RecordKey,
    ) -> Result<Option<CertificateRecord>, StoreError>;
    /// The records of an authority's responder certificates that were given out and end after `now`, the newest first.
    async fn responder_records(
        &mut self,
        issuer: CaKeyId,
        now: Timestamp,
    ) -> Result<Vec<CertificateRecord>, StoreError>;
    /// Records of certificates that were recorded at or before `before`, were never given out and are not revoked.
    async fn abandoned_records(
        &mut self,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<(CaKeyId, SerialNumber)>, StoreError>;
    /// Every revoked certificate of an authority, by serial number.
    async fn revoked_certificates(
        &mut self,
        issuer: CaKeyId,
    ) -> Result<Vec<RevokedCertificate>, StoreError>;
    /// How many certificates of an authority are revoked.
    async fn count_revoked(&mut self, issuer: CaKeyId) -> Result<u64, StoreError>;
    /// cRLNumber of an authority's newest revocation list.
    async fn revocation_list_number(&mut self, issuer: CaKeyId) -> Result<Option<u64>, StoreError>;
    /// The newest revocation list of an authority.
    async fn revocation_list(
        &mut self,
        issuer: CaKeyId,
    ) -> Result<Option<StoredRevocationList>, StoreError>;
    /// What the scheme operator decided about the trust services, in the order of the decisions.
    async fn trust_decisions(&mut self) -> Result<Vec<TrustDecision>, StoreError>;
    /// The newest trusted list.
    async fn trusted_list(&mut self) -> Result<Option<StoredTrustedList>, StoreError>;

    /// The CA certificates that were ever published.
    async fn published_certificates(&mut self) -> Result<Vec<PublishedCertificate>, StoreError>;
}

/// Where a certificate's record stands, in the store's own words: whatever is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordKey {
    /// In hexadecimal, if nobody changed it.
    pub issuer: String,
    /// In hexadecimal, if nobody changed it.
    pub serial: String,
}

/// Some records of the audit trail.
#[derive(Debug)]
pub struct AuditPage {
    /// The oldest first.
    pub records: Vec<AuditRecord>,
    /// Where the next page begins; none if this was the last one.
    pub next: Option<AuditCursor>,
}

/// A place in the audit trail, in the store's own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditCursor(pub String);

/// The public parts of a key that the server knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredModuli {
    /// Whose key it is.
    pub holder: KeyHolder,
    /// Which key.
    pub key: KeyId,
    /// PIN1's or PIN2's.
    pub purpose: Purpose,
    /// The phone's modulus, big-endian.
    pub n1: Vec<u8>,
    /// The server's modulus, big-endian.
    pub n2: Vec<u8>,
}

/// Whose a key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyHolder {
    /// An account's.
    Account(AccountId),
    /// To become an account's.
    Registration(RegistrationId),
}

/// One transaction: reads see its own writes; nothing is visible to others before [`UnitOfWork::commit`];
/// dropping it rolls back.
///
/// `save_*` is compare-and-swap on `version`, which it raises on success.
#[async_trait]
pub trait UnitOfWork: Reader {
    /// Adds an account.
    async fn insert_account(&mut self, account: &Account) -> Result<(), StoreError>;
    /// Writes an account back.
    async fn save_account(&mut self, account: &mut Account) -> Result<(), StoreError>;
    /// Closes an account of which something cannot be read, and deletes the server's parts of its keys. Says whether it was
    /// not closed before.
    async fn close_unread_account(
        &mut self,
        id: AccountId,
        reason: CloseReason,
        now: Timestamp,
    ) -> Result<bool, StoreError>;
    /// Adds a session.
    async fn insert_session(&mut self, session: &Session) -> Result<(), StoreError>;
    /// Writes a session's state back; wakes whoever waits for it after the commit.
    async fn save_session(&mut self, session: &mut Session) -> Result<(), StoreError>;
    /// Adds a transaction.
    async fn insert_transaction(&mut self, transaction: &Transaction) -> Result<(), StoreError>;
    /// Writes a transaction's state back.
    async fn save_transaction(&mut self, transaction: &mut Transaction) -> Result<(), StoreError>;
    /// Adds a registration.
    async fn insert_registration(&mut self, registration: &Registration) -> Result<(), StoreError>;
    /// Writes a registration back.
    async fn save_registration(
        &mut self,
        registration: &mut Registration,
    ) -> Result<(), StoreError>;
    /// Adds a relying party.
    async fn insert_relying_party(
        &mut self,
        relying_party: &RelyingParty,
    ) -> Result<(), StoreError>;
    /// Writes a relying party back.
    async fn save_relying_party(
        &mut self,
        relying_party: &mut RelyingParty,
    ) -> Result<(), StoreError>;
    /// Puts a server half into the pool.
    async fn pool_half(&mut self, profile: Profile, half: &NewServerHalf)
    -> Result<(), StoreError>;
    /// Takes the oldest server half out of the pool, never to come back once committed.
    async fn take_pooled_half(
        &mut self,
        profile: Profile,
    ) -> Result<Option<NewServerHalf>, StoreError>;
    /// Adds a record to the audit trail, chained to the one before it.
    async fn record(&mut self, record: &AuditRecord) -> Result<(), StoreError>;
    /// Adds a checkpoint of the audit trail.
    async fn insert_checkpoint(&mut self, checkpoint: &SignedCheckpoint) -> Result<(), StoreError>;
    /// Adds what stays of a session.
    async fn insert_evidence(&mut self, evidence: &Evidence) -> Result<(), StoreError>;
    /// Records a certificate that is about to be signed.
    async fn record_certificate(&mut self, record: &CertificateRecord) -> Result<(), StoreError>;
    /// Notes that a recorded certificate was given out; [`StoreError::Conflict`] if it is revoked or was given out before.
    async fn certificate_issued(
        &mut self,
        issuer: CaKeyId,
        serial: &SerialNumber,
        issued: &Issued,
    ) -> Result<(), StoreError>;
    /// Revokes a certificate; the first revocation stands. Says whether it is this one.
    async fn revoke_certificate(
        &mut self,
        issuer: CaKeyId,
        serial: &SerialNumber,
        revocation: Revocation,
    ) -> Result<bool, StoreError>;
    /// Revokes the certificates that were given out with an account, for one purpose or for both, by their records: whatever
    /// stands with its keys. Not what is revoked or expired already. Gives those that it revoked, by purpose.
    async fn revoke_certificates_of(
        &mut self,
        account: AccountId,
        purpose: Option<Purpose>,
        revocation: Revocation,
    ) -> Result<Vec<CertificateSummary>, StoreError>;
    /// Adds a revocation list; [`StoreError::Conflict`] if there is one of this number.
    async fn insert_revocation_list(
        &mut self,
        list: &StoredRevocationList,
    ) -> Result<(), StoreError>;
    /// Adds a decision about a trust service.
    async fn insert_trust_decision(&mut self, decision: &TrustDecision) -> Result<(), StoreError>;
    /// Adds a trusted list; [`StoreError::Conflict`] if there is one of this number.
    async fn insert_trusted_list(&mut self, list: &StoredTrustedList) -> Result<(), StoreError>;
    /// Remembers a published CA certificate; once is enough.
    async fn remember_certificate(
        &mut self,
        certificate: &PublishedCertificate,
    ) -> Result<(), StoreError>;
    /// Deletes what is no longer readable: sessions that finished, transactions that ended and
    /// registrations that ended at or before the given moments. Returns the number of rows.
    async fn purge(&mut self, horizon: Retention) -> Result<u64, StoreError>;
    /// Makes it all durable and visible, then wakes the waiters of changed sessions.
    async fn commit(self: Box<Self>) -> Result<(), StoreError>;
}

/// Moments up to which finished things are deleted.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Finished sessions.
    pub sessions: Timestamp,
    /// Ended transactions.
    pub transactions: Timestamp,
    /// Ended registrations.
    pub registrations: Timestamp,
}

/// What went wrong in the database.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else changed the same row first, or the database asks to try again.
    #[error("another transaction changed the same data first")]
    Conflict,
    /// A row with the same unique value stands already.
    #[error("{what} exists already")]
    Duplicate {
        /// Table or column.
        what: &'static str,
    },
    /// A row cannot be understood: damaged, or written under another key.
    #[error("stored {what} is damaged")]
    Corrupt {
        /// Table or column.
        what: &'static str,
    },
    /// The database does not answer, is full, or has another schema.
    #[error("the database cannot be used")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A fresh private key of n2, wrapped, with its public part.
pub struct NewServerHalf {
    /// n2.
    pub modulus: ServerModulus,
    /// The private key.
    pub wrapped: Wrapped,
}

/// A sealed request, opened.
pub struct Opened {
    /// What the phone wrote.
    pub plaintext: Zeroizing<Vec<u8>>,
    /// Seals the one answer to it.
    pub answer: ResponseSealer,
}

/// The server's secret keys: shares of phones' keys, halves of composite keys, transport keys.
///
/// Asynchronous, so that heavy arithmetic runs off the request threads, or in an HSM.
#[async_trait]
pub trait ServerKeys: Send + Sync {
    /// Makes a key half of its own.
    async fn generate_half(&self, profile: Profile) -> Result<NewServerHalf, KeysError>;
    /// Checks a phone's modulus (`splitkey.md` §1.1): tens of milliseconds of arithmetic, no secret.
    async fn check_modulus(
        &self,
        profile: Profile,
        n1: Vec<u8>,
        others: Vec<Vec<u8>>,
    ) -> Result<Result<ClientModulus, ModulusError>, KeysError>;
    /// Wraps d1″ for the database, bound to the key's identifier.
    async fn wrap_share(&self, key: KeyId, share: ServerShare) -> Result<Wrapped, KeysError>;
    /// s1″ = x^d1″ mod n1.
    async fn apply_share(
        &self,
        key: KeyId,
        share: &Wrapped,
        n1: &ClientModulus,
        message: &EncodedMessage,
    ) -> Result<PartialSignature, KeysError>;
    /// s2 = m^d2 mod n2, checked.
    async fn apply_half(
        &self,
        half: &Wrapped,
        message: &EncodedMessage,
    ) -> Result<ServerSignatureHalf, KeysError>;
    /// Opens a phone's sealed request with the transport key it was sealed to.
    async fn open(&self, kind: Kind, sealed: &[u8]) -> Result<Opened, KeysError>;
    /// Encrypts a short-lived secret under a key that is destroyed with the transport keys.
    async fn protect(&self, place: &str, secret: &[u8]) -> Result<Wrapped, KeysError>;
    /// Decrypts it again.
    async fn reveal(&self, place: &str, wrapped: &Wrapped)
    -> Result<Zeroizing<Vec<u8>>, KeysError>;
    /// The transport key that phones seal to now, signed by the deployment's root key.
    async fn transport_key(&self) -> Result<SignedStatement, KeysError>;
    /// Signs how far the audit trail goes, with the deployment's root key.
    async fn sign_checkpoint(&self, checkpoint: Checkpoint) -> Result<SignedCheckpoint, KeysError>;
    /// The deployment's root key, SEC1 uncompressed, that phones pin at enrolment.
    fn root_key(&self) -> [u8; 65];
    /// Makes tomorrow's transport key when it is time, and destroys those older than 48 hours.
    async fn rotate_transport_keys(&self, now: Timestamp) -> Result<(), KeysError>;
    /// Whether the keys can be used.
    async fn ready(&self) -> Result<(), KeysError>;
}

/// The authorities and what stands around them: their keys sign only what `pki` has built and checked.
#[async_trait]
pub trait CaSigner: Send + Sync {
    /// The CA that issues for accounts of this level now.
    fn issuer(&self, level: AccountLevel) -> Arc<IssuingAuthority>;
    /// All issuing CAs: those that issue now, and those before them that answer for what they issued.
    fn issuers(&self) -> Vec<Arc<IssuingAuthority>>;
    /// Signs a linted certificate with a CA's key; what comes back verified under the CA's certificate.
    async fn sign(&self, issuer: CaKeyId, certificate: Linted) -> Result<Certificate, KeysError>;
    /// Signs a revocation list of a CA.
    async fn sign_revocation_list(
        &self,
        issuer: CaKeyId,
        list: UnsignedRevocationList,
    ) -> Result<RevocationList, KeysError>;
    /// The root's revocation list, signed where the root's key is.
    fn root_revocation_list(&self) -> Option<Arc<RevocationList>>;
    /// The OCSP responder's public key, DER `SubjectPublicKeyInfo`; the first call makes the key.
    async fn responder_key(&self) -> Result<Vec<u8>, KeysError>;
    /// Signs an OCSP answer.
    async fn sign_ocsp(&self, response: UnsignedOcspResponse) -> Result<OcspResponse, KeysError>;
    /// The time-stamping unit, if the ceremony made one.
    fn time_stamping_unit(&self) -> Option<Arc<TimeStampingUnit>>;
    /// Signs a time-stamp with the unit's key.
    async fn sign_token(&self, token: UnsignedToken) -> Result<TimeStampToken, KeysError>;
    /// The certificate of the trusted list's signer, if the ceremony made one.
    fn list_signer(&self) -> Option<Arc<Certificate>>;
    /// Signs a trusted list or a list of lists.
    async fn sign_list(&self, list: UnsignedTrustedList) -> Result<SignedTrustedList, KeysError>;
    /// All CA certificates, the time-stamping unit's (`tsu`) and the list signer's (`trust-list`), for publication; the
    /// root first, each under its name.
    fn published(&self) -> Vec<PublishedCertificate>;
}

/// An issuing CA and its place in addresses.
#[derive(Clone, Debug)]
pub struct IssuingAuthority {
    /// File name without ending, as in `/certs/eid-q.crt`, `/crl/eid-q.crl`, `/ocsp/eid-q`.
    pub name: String,
    /// Its key.
    pub id: CaKeyId,
    /// Certificate, level, addresses.
    pub ca: IssuingCa,
}

/// A CA certificate for publication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedCertificate {
    /// File name without ending, for example `root` or `eid-q`.
    pub name: String,
    /// DER.
    pub certificate: Vec<u8>,
}

/// What went wrong in the key vault.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// A sealed message opens under no transport key that we still have.
    #[error("the sealed message opens under none of the current transport keys")]
    CannotOpen,
    /// A wrapped secret belongs elsewhere, was changed, or its key is destroyed.
    #[error("a wrapped secret cannot be opened")]
    CannotUnwrap,
    /// A computation gave a wrong result and was withheld.
    #[error("a key computation failed its own check")]
    FaultyComputation,
    /// The vault or the HSM does not answer.
    #[error("the key vault cannot be used")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}
