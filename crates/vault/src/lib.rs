//! The server's secret keys in software: [`ServerKeys`](engine::ports::ServerKeys) and
//! [`CaSigner`](engine::ports::CaSigner) over one encrypted file.
//!
//! The file holds the few keys that everything hangs on: the key-encryption keys, the deployment's root key, the issuing
//! CAs, the OCSP responder, the time-stamping unit, the trusted list's signer, the transport keys of the last two days. The many keys of accounts are not in it: they are encrypted
//! under the key-encryption key and kept by the store, as with an HSM (`docs/adr/0003-wrapped-key-blobs.md`).
//!
//! # What it does not do
//! - Protect keys from whoever controls the process: for that there is the HSM behind the same ports (`splitkey.md` §6,
//!   choice C). It protects stolen disks and database dumps.
//! - Serve several processes: the first has the file to itself, and a second is refused
//!   ([`VaultError::InUse`]). Two servers need an HSM.
//! - Ask for the time or the configuration: both are arguments.
//! - Log.
//!
//! # Copies of the file
//! A copy made right after [`SoftwareVault::create`] or an [`Extension`] restores everything that lasts, since it changes
//! only with those and with [`SoftwareVault::renew_wrapping_key`]. (The OCSP responder's key, made at first need, is made
//! anew if it is not in the copy.) A later copy holds transport keys as well and keeps them from being destroyed
//! after 48 hours: make none, and exclude the file from snapshots. An older file put in the place of a newer one is not
//! noticed.
//!
//! # Where to start
//! [`Ceremony::perform`], then [`SoftwareVault::create`]; from then on [`SoftwareVault::open`] and at once, before the
//! first request, [`rotate_transport_keys`](engine::ports::ServerKeys::rotate_transport_keys): a new vault has no
//! transport key, and the keys of one that was away for two days have expired.
//!
//! ```
//! # use vault::{Ceremony, CeremonyConfig, SoftwareVault, UnlockKey};
//! # use engine::ports::ServerKeys;
//! # let directory = tempfile::tempdir()?;
//! # let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
//! # let now = "2026-03-01T12:00:00Z".parse()?;
//! let config: CeremonyConfig = toml::from_str(include_str!("../ceremony.toml"))?;
//! let ceremony = Ceremony::perform(&config, now, &mut rng)?;
//! let (unlock, offline) = (UnlockKey::generate(&mut rng), UnlockKey::generate(&mut rng));
//! ceremony.save_root(&directory.path().join("root"), &offline, &mut rng)?;
//! ceremony.save_certificates(&directory.path().join("certificates"))?;
//! let vault = SoftwareVault::create(&directory.path().join("vault"), unlock, ceremony, &mut rng)?;
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! vault.rotate_transport_keys(now).await?;
//! let statement = vault.transport_key().await?;
//! assert!(statement.verify(&vault.root_key(), now).is_ok());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod authority;
mod blob;
mod ceremony;
mod closed;
mod contents;
mod durable;
mod error;
mod hold;
mod offline_root;
mod randomness;
mod responder;
mod sealed_file;
mod transport;
mod unlock;
mod vault;
mod workers;

#[cfg(test)]
mod testkit;

pub use ceremony::{
    Ceremony, CeremonyConfig, CeremonyError, Extension, ExtensionError, IssuingAuthorityConfig,
    OrganizationConfig, PoliciesConfig, RootAuthorityConfig, SuccessorConfig, SuccessorLevel,
    TimeStampingConfig, TrustedListConfig,
};
pub use closed::{ClosedVault, VaultIsClosed};
pub use error::VaultError;
pub use hold::VaultHold;
pub use offline_root::OfflineRoot;
pub use unlock::{NotAnUnlockKey, UnlockKey};
pub use vault::{NoSuchKey, NoTransportKey, SoftwareVault};
