//! The mock: test accounts whose phones answer by themselves.
//!
//! The accounts of SK's documentation, with the ends that are documented for them, and more that testers make. Each is
//! played by a real phone, which comes to its account over the device API and does its half of every signature. A
//! documented account is made when a relying party first asks for it. `docs/mock-service.md` says how to use it.

mod account;
mod answer;
mod api;
mod book;
mod browser;
pub mod documented;
pub mod fixture_keys;
mod outcome;
mod phone;
mod registration;
mod watch;

pub use outcome::Outcome;

use crate::lifecycle::Lifecycle;
use account::Account;
use anyhow::{Context, Result, bail};
use axum::Router;
use book::Book;
use engine::Service;
use std::{
    collections::BTreeMap,
    num::NonZeroUsize,
    path::PathBuf,
    sync::{Arc, RwLock},
    thread::available_parallelism,
    time::Duration,
};
use tokio::sync::Semaphore;
use web::WebSettings;
use wire::{DocumentNumber, SemanticsIdentifier};

/// PINs of every mock account.
const PIN1: &str = "4826";
const PIN2: &str = "73915";

/// Scheme name of live systems, whose accounts are real people's.
const LIVE: &str = "smart-id";

/// What a mock has to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MockSettings {
    /// Folder for the phones' files and the testers' accounts.
    pub folder: PathBuf,
    /// Origin under which the phones reach the device API.
    pub device_api: String,
    /// How long a person takes to answer, unless her account has a time of its own.
    pub delay: Duration,
}

/// The accounts and their phones. Clones are the same mock.
#[derive(Clone)]
pub struct Mock(Arc<Inner>);

struct Inner {
    settings: MockSettings,
    service: Service,
    accounts: RwLock<BTreeMap<DocumentNumber, Arc<Account>>>,
    book: Book,
    /// Phones that may work at once: each takes a thread.
    hands: Semaphore,
    /// Phones that may use a device link at once: a QR code is good for seconds, so not behind other phones' signatures.
    eyes: Semaphore,
    lifecycle: Lifecycle,
}

/// All routes of a server, with its mock if it has one.
pub fn router(mock: Option<Mock>, service: Service, settings: WebSettings, more: Router) -> Router {
    match mock {
        None => web::router_with(service, settings, more),
        Some(mock) => mock.in_front_of(web::router_with(
            service,
            settings,
            more.merge(mock.routes()),
        )),
    }
}

impl Mock {
    /// The mock of a deployment. It makes no account yet.
    ///
    /// # Errors
    /// The scheme name is a live system's, or the testers' accounts of an earlier run cannot be read.
    pub fn open(settings: MockSettings, service: Service, lifecycle: Lifecycle) -> Result<Self> {
        if service.policy().scheme_name == LIVE {
            bail!(
                "the mock is for test systems: nobody may answer for people in a system whose scheme_name is {LIVE}"
            );
        }
        let book = Book::open(&settings.folder)?;
        let recorded = book.read().context("the mock's accounts")?;
        let mut accounts: BTreeMap<_, _> = documented::accounts()
            .iter()
            .map(|documented| (documented.number.clone(), Account::documented(documented)))
            .collect();
        for record in recorded.behaviours {
            if let Some(account) = accounts.get_mut(&record.document_number) {
                account.behave(record.behaviour);
            }
        }
        for record in recorded.accounts {
            accounts.insert(record.document_number.clone(), Account::testers(record));
        }
        let accounts = accounts
            .into_iter()
            .map(|(number, account)| (number, Arc::new(account)))
            .collect();
        let hands = available_parallelism().map_or(2, NonZeroUsize::get).max(2);
        Ok(Self(Arc::new(Inner {
            settings,
            service,
            accounts: RwLock::new(accounts),
            book,
            hands: Semaphore::new(hands),
            eyes: Semaphore::new(hands),
            lifecycle,
        })))
    }

    /// The account with this document number, or with this other spelling of it.
    fn account(&self, number: &DocumentNumber) -> Option<Arc<Account>> {
        let aliases = &self.0.service.policy().document_aliases;
        let accounts = self.accounts();
        accounts
            .get(number)
            .or_else(|| accounts.get(aliases.get(number)?))
            .cloned()
    }

    /// The person's accounts, the ones that testers made first.
    fn accounts_of(&self, person: &SemanticsIdentifier) -> Vec<Arc<Account>> {
        let mut found: Vec<_> = self
            .accounts()
            .values()
            .filter(|account| account.number.person() == person)
            .cloned()
            .collect();
        found.sort_by_key(|account| account.is_documented);
        found
    }

    /// Whether the person has an account that is not ours: then a phone of her own answers what it may.
    async fn has_other_account(&self, person: &SemanticsIdentifier) -> bool {
        match self.0.service.accounts_of(person).await {
            Ok(open) => {
                let ours = self.accounts();
                open.iter()
                    .any(|account| !ours.contains_key(&account.document_number))
            }
            // The request that comes next will say it.
            Err(_) => false,
        }
    }

    fn accounts(&self) -> std::sync::RwLockReadGuard<'_, BTreeMap<DocumentNumber, Arc<Account>>> {
        self.0.accounts.read().expect("nobody panics with it")
    }

    fn accounts_mut(
        &self,
    ) -> std::sync::RwLockWriteGuard<'_, BTreeMap<DocumentNumber, Arc<Account>>> {
        self.0.accounts.write().expect("nobody panics with it")
    }
}
