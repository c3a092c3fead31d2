//! The use cases, in the words of the two APIs that call them.

mod accounts;
mod audit_trail;
mod authenticate;
mod begin;
mod billing;
mod certificates;
mod device_links;
mod encode;
mod ending;
mod error;
mod evaluate;
mod evidence;
mod flights;
mod jobs;
mod key_scan;
mod registration;
mod relying_parties;
mod sessions;
mod status;
mod submit;
mod sync;
mod trust;

pub use accounts::{AccountSummary, Closing};
pub use audit_trail::{AuditFinding, AuditReport, MAX_FINDINGS};
pub use authenticate::AuthenticatedDevice;
pub use billing::{Statement, UsageReport, UsageRequest};
pub use certificates::{CertificateFinding, CertificateReport, Completed};
pub use error::{DeviceError, Infrastructure, OperatorError, RegistrationError, RelyingPartyError};
pub use evidence::{AuditPath, AuditStep, CertificatePath, TransactionEvidence};
pub use jobs::JobReport;
pub use key_scan::{HolderName, WeakKeys};
pub use registration::IdentityRequest;
pub use relying_parties::NewRelyingParty;
pub use sessions::{Caller, CertificateAnswer, StartedDeviceLink, StartedSession, Target};
pub use status::SessionStatus;
pub use trust::{
    OcspOutcome, PublicationReport, RevocationListAnswer, TrustAnswer, TrustServiceSummary,
    TrustedListAnswer, status_name,
};

pub(crate) use evaluate::hex;

use crate::{
    domain::{AccountId, AuditEvent, AuditLink, AuditRecord},
    policy::Policy,
    ports::{CaSigner, Clock, Entropy, ServerKeys, Store, StoreError, UnitOfWork},
};
use jiff::Timestamp;
use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};
use wire::{RelyingPartyUuid, SessionId, device_v1};

/// Tries of a transaction that lost against another one before the caller is told to come again.
const MAX_TRIES: u32 = 8;

/// The engine: the use cases over their ports. Holds no state of its own but who computes what just now; any number
/// may run on one database.
#[derive(Clone)]
pub struct Service {
    store: Arc<dyn Store>,
    keys: Arc<dyn ServerKeys>,
    ca: Arc<dyn CaSigner>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    policy: Arc<Policy>,
    flights: Arc<flights::Flights>,
    /// Where the audit trail stood when this process last signed a checkpoint.
    last_signed: Arc<Mutex<Option<AuditLink>>>,
    /// What this process knows of what the trust services publish.
    published: Arc<trust::Published>,
}

impl Service {
    /// An engine over these ports.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        keys: Arc<dyn ServerKeys>,
        ca: Arc<dyn CaSigner>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        policy: Policy,
    ) -> Self {
        Self {
            store,
            keys,
            ca,
            clock,
            entropy,
            policy: Arc::new(policy),
            flights: Arc::default(),
            last_signed: Arc::default(),
            published: Arc::default(),
        }
    }

    /// The deployment's settings.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Whether database and keys can be used.
    ///
    /// # Errors
    /// The first that cannot.
    pub async fn ready(&self) -> Result<(), Infrastructure> {
        self.store.ready().await?;
        self.keys.ready().await?;
        Ok(())
    }

    /// What a phone needs to know before it can say anything.
    ///
    /// # Errors
    /// The key vault has no transport key now.
    pub async fn configuration(&self) -> Result<device_v1::Configuration, Infrastructure> {
        Ok(device_v1::Configuration {
            scheme_name: self.policy.scheme_name.clone(),
            root_key: self.keys.root_key().into(),
            server_key: self.keys.transport_key().await?,
            profile: self.policy.profile.id(),
            kdf: self.policy.kdf.id(),
            minimum_version: crate::policy::MINIMUM_DEVICE_VERSION,
            session_seconds: u64::try_from(self.policy.session_lifetime.as_secs()).unwrap_or(0),
        })
    }

    /// Root and issuing CA certificates, for publication.
    #[must_use]
    pub fn published_certificates(&self) -> Vec<crate::ports::PublishedCertificate> {
        self.ca.published()
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn rng(&self) -> Rng<'_> {
        Rng(&*self.entropy)
    }

    fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.entropy.fill(&mut bytes);
        bytes
    }
}

/// Runs a unit of work to its commit, again from the start when another transaction came first.
///
/// The body is an async block over `$uow: Box<dyn UnitOfWork>` that ends in `Ok(value)` after having
/// committed; it must not have effects outside the unit of work.
macro_rules! retrying {
    ($service:expr, |$uow:ident| $body:block) => {{
        let mut tries = 0;
        loop {
            let outcome = async {
                let mut $uow = $service.store.write().await?;
                $body
            }
            .await;
            tries += 1;
            match outcome {
                Err(error)
                    if $crate::service::error::is_conflict(&error)
                        && tries < $crate::service::MAX_TRIES => {}
                outcome => break outcome,
            }
        }
    }};
}
pub(crate) use retrying;

/// Writes an audit record.
async fn audit(
    uow: &mut dyn UnitOfWork,
    at: Timestamp,
    about: About,
    event: AuditEvent,
) -> Result<(), StoreError> {
    uow.record(&AuditRecord {
        at,
        account: about.account,
        relying_party: about.relying_party,
        session: about.session,
        event,
    })
    .await
}

/// Whom an audit record concerns.
#[derive(Clone, Copy, Default)]
struct About {
    account: Option<AccountId>,
    relying_party: Option<RelyingPartyUuid>,
    session: Option<SessionId>,
}

impl About {
    fn account(account: AccountId) -> Self {
        Self {
            account: Some(account),
            ..Self::default()
        }
    }

    fn session(session: &crate::domain::Session) -> Self {
        Self {
            account: session.claimed_by(),
            relying_party: Some(session.relying_party),
            session: Some(session.id),
        }
    }
}

/// The entropy port as a random number generator of `rand_core`.
struct Rng<'a>(&'a dyn Entropy);

impl rand_core::TryRng for Rng<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, buffer: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(buffer);
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Rng<'_> {}
