//! An account of the mock: who it is, how it behaves, and its phone once there is one.

use super::{
    Mock, Outcome,
    book::TestersAccount,
    documented::Documented,
    fixture_keys,
    phone::{self, Line},
    registration::Registration,
};
use crate::headless::handset::Handset;
use anyhow::{Context, Result};
use engine::{
    domain::{AccountLevel, Person},
    service::IdentityRequest,
};
use serde::{Deserialize, Serialize};
use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    runtime::Handle,
    sync::{OnceCell, oneshot},
    task::spawn_blocking,
};
use tracing::warn;
use wire::{DocumentNumber, RegistrationCode};

/// An account of the mock.
pub(super) struct Account {
    pub(super) number: DocumentNumber,
    pub(super) person: Person,
    pub(super) level: AccountLevel,
    pub(super) is_documented: bool,
    behaviour: Mutex<Behaviour>,
    /// The phone, once it is switched on and has its account.
    phone: OnceCell<Line>,
}

/// How an account's person answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Behaviour {
    pub(super) outcome: Outcome,
    /// As the mock's, if there is none.
    pub(super) delay: Option<Duration>,
}

impl Account {
    pub(super) fn documented(documented: &Documented) -> Self {
        let behaviour = Behaviour {
            outcome: documented.outcome,
            delay: None,
        };
        let (number, person) = (documented.number.clone(), documented.person.clone());
        Self::new(number, person, documented.level(), true, behaviour)
    }

    pub(super) fn testers(account: TestersAccount) -> Self {
        let (number, person) = (account.document_number, account.person);
        Self::new(number, person, account.level, false, account.behaviour)
    }

    fn new(
        number: DocumentNumber,
        person: Person,
        level: AccountLevel,
        is_documented: bool,
        behaviour: Behaviour,
    ) -> Self {
        Self {
            number,
            person,
            level,
            is_documented,
            behaviour: Mutex::new(behaviour),
            phone: OnceCell::new(),
        }
    }

    pub(super) fn behaviour(&self) -> Behaviour {
        *self.behaviour.lock().expect("nobody panics with it")
    }

    pub(super) fn behave(&self, behaviour: Behaviour) {
        *self.behaviour.lock().expect("nobody panics with it") = behaviour;
    }

    /// The phone, if it is switched on.
    pub(super) fn line(&self) -> Option<&Line> {
        self.phone.get()
    }
}

impl Mock {
    /// The account's phone. The first call switches it on and has it register; others wait for that.
    ///
    /// # Errors
    /// There is no phone to be had; the next call tries again.
    pub(super) async fn phone_of(&self, account: &Arc<Account>) -> Result<Line> {
        if let Some(line) = account.line() {
            return Ok(line.clone());
        }
        // A task of its own: a relying party that hangs up does not stop a phone half-way.
        let (tell, told) = oneshot::channel();
        let (mock, account) = (self.clone(), Arc::clone(account));
        self.0.lifecycle.spawn("mock_registration", async move {
            let ready = account.phone.get_or_try_init(|| async {
                let handset = mock.switch_on(&account).await.context(
                    // Not which: a document number has a national number in it, invented or not.
                    "a mock account's phone does not come to its account",
                )?;
                Ok(phone::start(&mock, &account, handset))
            });
            // Whoever asked may have hung up.
            let _ = tell.send(ready.await.cloned());
        });
        told.await.context("the server stops")?
    }

    /// Switches on the phones of earlier runs, in the background: each answers what it still has to.
    ///
    /// Call it once the server serves.
    pub fn resume(&self) {
        let mock = self.clone();
        self.0.lifecycle.spawn("mock_resumption", async move {
            let stopping = mock.0.lifecycle.stopping();
            let mut accounts: Vec<_> = mock.accounts().values().cloned().collect();
            accounts.retain(|account| mock.file_of(&account.number).exists());
            // One after the other: relying parties want phones, too.
            for account in accounts {
                if stopping.is_cancelled() {
                    return;
                }
                if let Err(error) = mock.phone_of(&account).await {
                    warn!(
                        error = format!("{error:#}"),
                        "the mock does not resume a phone"
                    );
                }
            }
        });
    }

    async fn switch_on(&self, account: &Arc<Account>) -> Result<Handset> {
        let _hand = self.0.hands.acquire().await?;
        let service = self.0.service.clone();
        let root_key = *service.configuration().await?.root_key.as_ref();
        let (mock, account, runtime) = (self.clone(), Arc::clone(account), Handle::current());
        spawn_blocking(move || {
            let published = service.policy().fixture_keys && account.is_documented;
            let registration = Registration {
                file: &mock.file_of(&account.number),
                server: &mock.0.settings.device_api,
                root_key,
                keys: published
                    .then(|| fixture_keys::of(&account.number))
                    .flatten(),
                birth_date: account.person.date_of_birth,
                number: &account.number,
            };
            registration.run(|code| runtime.block_on(mock.vouch(&account, code)))
        })
        .await?
    }

    async fn vouch(&self, account: &Account, code: &RegistrationCode) -> Result<()> {
        let identity = IdentityRequest {
            person: account.person.clone(),
            level: account.level,
            evidence: "mock: an invented person".to_owned(),
            document_suffix: Some(account.number.suffix()),
            invented: true,
        };
        Ok(self.0.service.prove_identity(code, &identity).await?)
    }

    pub(super) fn file_of(&self, number: &DocumentNumber) -> PathBuf {
        self.0.settings.folder.join(format!("{number}.phone"))
    }
}
