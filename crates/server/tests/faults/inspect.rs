//! What must hold in the server's database whatever happened, seen through the store as the server sees it.

use engine::{
    domain::{Account, AccountState, AuditEvent, AuditRecord, CertificateKind, KeyState, Standing},
    ports::Store,
};
use jiff::{SignedDuration, Timestamp};
use server::{config::Config, deployment};
use std::{collections::BTreeMap, future::Future, path::Path, time::Duration};
use store::SqliteStore;
use wire::SemanticsIdentifier;

/// The state of a deployment.
pub(crate) struct State {
    /// Accounts of the person that are not closed.
    pub(crate) open: Vec<Account>,
    /// Every account that the audit trail knows.
    pub(crate) all: Vec<Account>,
    pub(crate) audit: Vec<AuditRecord>,
}

impl State {
    /// Reads it, beside the server, and checks what must always hold.
    pub(crate) fn of(config: &Path) -> Self {
        block_on(async {
            let store = open(config).await;
            assert_eq!(store.damage().await.expect("reads"), Vec::<String>::new());
            let mut reader = store.read().await.expect("reads");
            let person: SemanticsIdentifier = crate::world::PERSON.parse().expect("a person");
            let begin = Timestamp::UNIX_EPOCH;
            let end = begin + SignedDuration::from_hours(200 * 365 * 24);
            let audit = reader.audit_records(begin, end).await.expect("reads");
            let open = reader.active_accounts_of(&person).await.expect("reads");
            let mut all = Vec::new();
            for record in &audit {
                if let (AuditEvent::AccountOpened { .. }, Some(id)) =
                    (&record.event, record.account)
                {
                    let account = reader.account(id).await.expect("reads");
                    all.push(account.expect("an account that was opened is there for good"));
                }
            }
            drop(reader);
            store.close().await;
            whole_trail(config).await;
            let state = Self { open, all, audit };
            state.check();
            state
        })
    }

    fn check(&self) {
        for account in &self.all {
            whole_or_closed(account);
        }
        // None that the trail does not know.
        for account in &self.open {
            assert!(self.all.iter().any(|known| known.id == account.id));
        }
        counted_before_evaluated(&self.audit);
    }

    /// Wrong PIN1 in a row, of the one open account.
    pub(crate) fn consecutive(&self) -> u8 {
        let [account] = &*self.open else {
            panic!("{} accounts", self.open.len())
        };
        account.keys.authentication.pin.consecutive()
    }

    pub(crate) fn count(&self, code: &str) -> usize {
        let records = self.audit.iter();
        records.filter(|record| record.event.code() == code).count()
    }
}

/// How many certificates OCSP calls good.
pub(crate) fn good_certificates(config: &Path) -> usize {
    block_on(async {
        let store = open(config).await;
        let mut reader = store.read().await.expect("reads");
        let records = reader.certificate_records(None, 1000).await.expect("reads");
        let mut good = 0;
        for record in records {
            let standing = reader.standing(record.issuer, &record.serial).await;
            let standing = standing.expect("reads");
            let responder = record.kind == CertificateKind::OcspResponder;
            good += usize::from(!responder && standing == Standing::Issued(None));
        }
        drop(reader);
        store.close().await;
        good
    })
}

/// The audit trail is one whole chain and everything that hangs on it is there; certificates, records and accounts agree:
/// what `smart-id check audit` and `smart-id check certificates` look at.
async fn whole_trail(config: &Path) {
    let config = Config::load(config).expect("a configuration");
    let deployment = deployment::Deployment::open_without_keys(&config)
        .await
        .expect("a database");
    let report = deployment
        .service
        .check_audit(None, &[], &mut |_| {})
        .await
        .expect("reads");
    let certificates = deployment
        .service
        .check_certificates(&mut |_| {})
        .await
        .expect("reads");
    deployment.close().await;
    assert_eq!(report.findings, []);
    assert_eq!(certificates.findings, []);
}

/// Sessions, registrations and accounts that are not over although their time is.
pub(crate) fn overdue(config: &Path, ahead: Duration) -> usize {
    let ahead = SignedDuration::try_from(ahead).expect("less than 292 years");
    let now = Timestamp::now() + ahead;
    block_on(async {
        let store = open(config).await;
        let mut reader = store.read().await.expect("reads");
        let sessions = reader.overdue_sessions(now, 100).await.expect("reads");
        let registrations = reader.overdue_registrations(now, 100).await.expect("reads");
        let accounts = reader.overdue_accounts(now, 100).await.expect("reads");
        let stuck = reader.stuck_transactions(now, 100).await.expect("reads");
        drop(reader);
        store.close().await;
        sessions.len() + registrations.len() + accounts.len() + stuck.len()
    })
}

/// How many server halves are pooled.
pub(crate) fn halves(config: &Path) -> u64 {
    block_on(async {
        let store = open(config).await;
        let mut reader = store.read().await.expect("reads");
        let profile = engine::Policy::default().profile;
        let count = reader.pooled_halves(profile).await.expect("reads");
        drop(reader);
        store.close().await;
        count
    })
}

/// Both certificates, and either both of the server's parts of both keys or none.
fn whole_or_closed(account: &Account) {
    for key in account.keys.iter() {
        pki::x509::Certificate::parse(&key.certificate).expect("a certificate");
        let ready = matches!(key.state, KeyState::Ready { .. });
        match account.state {
            AccountState::Active => assert!(ready, "a key of an open account is destroyed"),
            AccountState::Closed { .. } => assert!(!ready, "a key of a closed account is left"),
        }
    }
}

/// No PIN was judged and no signature given out without an attempt that had been charged before.
fn counted_before_evaluated(audit: &[AuditRecord]) {
    let mut charged = BTreeMap::<_, usize>::new();
    let mut judged = BTreeMap::<_, usize>::new();
    for record in audit {
        let counter = (record.account, record.session);
        match &record.event {
            AuditEvent::AttemptCharged { .. } => *charged.entry(counter).or_default() += 1,
            AuditEvent::PinAccepted { .. } | AuditEvent::PinRefused { .. } => {
                *judged.entry(counter).or_default() += 1;
                let charged = charged.get(&counter).copied().unwrap_or(0);
                assert!(judged[&counter] <= charged, "a PIN was judged for nothing");
            }
            AuditEvent::SessionEnded { result, .. } if result == "OK" => {
                assert!(charged.contains_key(&counter), "a signature for nothing");
            }
            _ => {}
        }
    }
}

async fn open(config: &Path) -> SqliteStore {
    let config = Config::load(config).expect("a configuration");
    deployment::open_store(&config.database)
        .await
        .unwrap_or_else(|error| panic!("{error:#}"))
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(work)
}
