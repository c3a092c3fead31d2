//! From a configuration to an engine over its ports.

use crate::{
    adapters::{OsEntropy, SystemClock},
    config::{Config, DatabaseConfig, VaultConfig},
};
use anyhow::{Context, Result, bail};
use engine::{
    Policy, Service,
    ports::{CaSigner, ServerKeys, Store},
};
use std::{path::Path, sync::Arc};
use store::{ColumnCipher, ColumnKey, Options, SqliteStore};
use tracing::warn;
use vault::{ClosedVault, SoftwareVault, UnlockKey, VaultError, VaultHold};

/// An engine, and the database to be closed after it.
pub struct Deployment {
    /// The use cases.
    pub service: Service,
    store: Arc<SqliteStore>,
}

impl Deployment {
    /// The server's engine, ready for requests. It has the vault to itself.
    ///
    /// # Errors
    /// Vault or database cannot be used; says which file and how to mend it.
    pub async fn open(config: &Config) -> Result<Self> {
        Self::open_under(config, config.policy()).await
    }

    /// The same for a lab whose people are all invented: it takes keys whose primes are published.
    ///
    /// # Errors
    /// As [`Deployment::open`].
    pub async fn dangerous_open_with_fixture_keys(config: &Config) -> Result<Self> {
        let policy = Policy {
            fixture_keys: true,
            ..config.policy()
        };
        Self::open_under(config, policy).await
    }

    async fn open_under(config: &Config, policy: Policy) -> Result<Self> {
        let vault = Arc::new(open_vault(&config.vault)?);
        let deployment = Self::over(config, policy, Arc::clone(&vault) as _, vault as _).await?;
        // A new vault has no transport key, and those of one that was away for days have expired.
        deployment
            .service
            .rotate_transport_keys()
            .await
            .context("cannot make a transport key in the vault")?;
        deployment
            .service
            .remember_certificates()
            .await
            .context("cannot write the published certificates into the database")?;
        deployment.complete_records().await?;
        // Whoever is told "ready" finds lists and answers; a job does the same again, so that a failure is no reason to stay
        // away.
        if let Err(error) = deployment.service.renew_publications().await {
            warn!(
                error = format!("{:#}", anyhow::Error::from(error)),
                "revocation lists and trusted list are not up to date"
            );
        }
        Ok(deployment)
    }

    /// What a server of before the records left behind, if it ran on this database after it was migrated.
    async fn complete_records(&self) -> Result<()> {
        let completed = self.service.complete_records().await;
        let completed = completed.context("cannot complete the records of certificates")?;
        if completed.recorded > 0 || completed.revoked > 0 {
            warn!(
                recorded = completed.recorded,
                revoked = completed.revoked,
                "certificates were given out or ended by another software; they are recorded and revoked now"
            );
        }
        if completed.left > 0 {
            warn!(
                keys = completed.left,
                "keys whose certificates have no record and get none; `smart-id check certificates` says which"
            );
        }
        Ok(())
    }

    /// The operator's engine, for commands beside a running server: everything that needs no key.
    ///
    /// # Errors
    /// The database cannot be used.
    pub async fn open_without_keys(config: &Config) -> Result<Self> {
        let (keys, ca) = (Arc::new(ClosedVault), Arc::new(ClosedVault));
        Self::over(config, config.policy(), keys, ca).await
    }

    async fn over(
        config: &Config,
        policy: Policy,
        keys: Arc<dyn ServerKeys>,
        ca: Arc<dyn CaSigner>,
    ) -> Result<Self> {
        let store = Arc::new(open_store(&config.database).await?);
        let service = Service::new(
            Arc::clone(&store) as Arc<dyn Store>,
            keys,
            ca,
            Arc::new(SystemClock::new()),
            Arc::new(OsEntropy),
            policy,
        );
        Ok(Self { service, store })
    }

    /// The root of the certificates, DER.
    ///
    /// # Errors
    /// The vault publishes none.
    pub fn root_certificate(&self) -> Result<Vec<u8>> {
        let mut published = self.service.published_certificates().into_iter();
        let root = published
            .find(|published| published.name == "root")
            .context("the vault publishes no root")?;
        Ok(root.certificate)
    }

    /// The database itself, for its upkeep.
    #[must_use]
    pub fn store(&self) -> Arc<SqliteStore> {
        Arc::clone(&self.store)
    }

    /// Closes the database, once what is under way has ended.
    pub async fn close(self) {
        self.store.close().await;
    }
}

/// Opens the database; it must be of this software's schema.
///
/// # Errors
/// A column key or the database cannot be used.
pub async fn open_store(config: &DatabaseConfig) -> Result<SqliteStore> {
    let cipher = column_cipher(config)?;
    let options = Options {
        readers: config.readers,
        ..Options::default()
    };
    SqliteStore::open(location(&config.file)?, cipher, options)
        .await
        .with_context(|| format!("cannot open the database {}", config.file.display()))
}

/// Brings the database to this software's schema; returns the versions before and after. No server runs on the vault
/// meanwhile: an older one would go on writing what the newer schema does not expect.
///
/// # Errors
/// A server runs and there is something to do, the database is newer, has other column keys, or cannot be written.
pub async fn migrate(config: &Config) -> Result<(i64, i64)> {
    let database = &config.database;
    let file = database.file.display();
    let _hold = match VaultHold::take(&config.vault.file) {
        Ok(hold) => Some(hold),
        // Before its ceremony no server runs either.
        Err(VaultError::Missing(_)) => None,
        // Nothing is to be done.
        Err(VaultError::InUse(_)) if open_store(database).await.is_ok() => None,
        Err(error) => {
            return Err(error).with_context(|| {
                format!("the database {file} is migrated only while no server runs")
            });
        }
    };
    SqliteStore::migrate(location(&database.file)?, column_cipher(database)?)
        .await
        .with_context(|| format!("cannot migrate the database {file}"))
}

/// Opens the vault.
///
/// # Errors
/// The unlock key or the file cannot be used, or another process has it.
pub fn open_vault(config: &VaultConfig) -> Result<SoftwareVault> {
    let unlock = config.unlock_key.read().context("the vault's unlock key")?;
    SoftwareVault::open(&config.file, UnlockKey::from_bytes(unlock))
        .with_context(|| format!("cannot open the vault {}", config.file.display()))
}

fn column_cipher(config: &DatabaseConfig) -> Result<ColumnCipher> {
    let mut keys = Vec::new();
    for key in &config.column_keys {
        let secret = key
            .key
            .read()
            .with_context(|| format!("column key {}", key.id))?;
        keys.push((key.id, secret));
    }
    keys.sort_by_key(|(id, _)| *id);
    let Some((newest, secret)) = keys.pop() else {
        bail!("database.column_keys is empty; one key is needed")
    };
    let older = keys
        .into_iter()
        .map(|(id, secret)| ColumnKey::new(id, secret))
        .collect();
    Ok(ColumnCipher::new(ColumnKey::new(newest, secret), older)?)
}

fn location(path: &Path) -> Result<&str> {
    path.to_str()
        .with_context(|| format!("{} is not UTF-8", path.display()))
}
