//! The open vault.

mod ca_signer;
mod server_keys;

pub use ca_signer::NoSuchKey;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread;

use engine::ports::KeysError;
use jiff::Timestamp;
use p256::ecdsa::SigningKey;
use p256::elliptic_curve::Generate as _;
use pki::tsp::TimeStampingUnit;
use rand_core::CryptoRng;

use crate::blob::{BlobKey, BlobKeyId};
use crate::contents::{self, Identity, Keys};
use crate::durable::DurableFile;
use crate::randomness::system_rng;
use crate::responder::ResponderKey;
use crate::sealed_file::{self, FileKind};
use crate::transport::TransportKey;
use crate::workers::Workers;
use crate::{Ceremony, UnlockKey, VaultError};

/// The server's keys, out of one encrypted file, in this process's memory.
///
/// It has the file to itself until it is dropped. Share it in an `Arc`.
pub struct SoftwareVault {
    pub(crate) opened: Arc<Opened>,
    workers: Workers,
}

/// What work on other threads needs.
pub(crate) struct Opened {
    file: DurableFile,
    unlock: UnlockKey,
    pub(crate) identity: Identity,
    unit: Option<Arc<TimeStampingUnit>>,
    /// As in the file.
    keys: RwLock<Keys>,
    /// Held from reading `keys` until their successors are in the file.
    changing: Mutex<()>,
}

/// There is no transport key yet: somebody must call
/// [`rotate_transport_keys`](engine::ports::ServerKeys::rotate_transport_keys).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the vault has no transport key yet; rotate the transport keys first")]
pub struct NoTransportKey;

impl SoftwareVault {
    /// Makes a vault with the authorities of a ceremony, a fresh key-encryption key and a fresh root key of the
    /// deployment, but without transport keys.
    ///
    /// # Errors
    /// [`VaultError`]; in particular if the file exists.
    pub fn create<R>(
        path: &Path,
        unlock: UnlockKey,
        ceremony: Ceremony,
        rng: &mut R,
    ) -> Result<Self, VaultError>
    where
        R: CryptoRng + ?Sized,
    {
        let file = DurableFile::reserve(path)?;
        let deployment = SigningKey::generate_from_rng(rng);
        let identity = Identity {
            deployment,
            authorities: ceremony.authorities,
        };
        let keys = Keys {
            wrapping: vec![Arc::new(BlobKey::generate(rng))],
            ..Keys::default()
        };
        let opened = Opened::new(file, unlock, identity, keys);
        opened.write_all()?;
        Ok(Self::new(opened))
    }

    /// Opens a vault.
    ///
    /// # Errors
    /// [`VaultError`] with the cause.
    pub fn open(path: &Path, unlock: UnlockKey) -> Result<Self, VaultError> {
        Ok(Self::new(Opened::open(path, unlock)?))
    }

    /// Adds a key-encryption key, under which everything is wrapped from now on. The older ones stay for what they
    /// wrapped.
    ///
    /// # Errors
    /// [`KeysError::Unavailable`] if the file cannot be written; nothing has changed then.
    pub async fn renew_wrapping_key(&self) -> Result<(), KeysError> {
        let opened = Arc::clone(&self.opened);
        let renew = move || {
            opened.change(|keys| {
                keys.wrapping
                    .push(Arc::new(BlobKey::generate(&mut system_rng())));
                true
            })
        };
        Ok(self.workers.run(renew).await??)
    }

    fn new(opened: Opened) -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self {
            opened: Arc::new(opened),
            workers: Workers::new(cores),
        }
    }
}

impl Opened {
    pub(crate) fn open(path: &Path, unlock: UnlockKey) -> Result<Self, VaultError> {
        let file = DurableFile::open(path)?;
        let content = sealed_file::open(FileKind::Vault, &unlock, &file.read()?)?;
        let (identity, keys) = contents::decode(&content)?;
        Ok(Self::new(file, unlock, identity, keys))
    }

    fn new(file: DurableFile, unlock: UnlockKey, identity: Identity, keys: Keys) -> Self {
        Self {
            file,
            unlock,
            unit: identity.authorities.unit().map(Arc::new),
            identity,
            keys: RwLock::new(keys),
            changing: Mutex::new(()),
        }
    }

    /// The keys of this moment.
    fn keys(&self) -> Keys {
        // The lock is held for a clone or a replacement only; neither leaves half a state behind.
        self.keys
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The OCSP responder's key, made and written down by the first who asks.
    fn responder_key(&self) -> Result<Arc<ResponderKey>, VaultError> {
        self.change(|keys| {
            let missing = keys.responder.is_none();
            if missing {
                keys.responder = Some(Arc::new(ResponderKey::generate()));
            }
            missing
        })?;
        Ok(self
            .keys()
            .responder
            .expect("it was there or was made, and none is ever removed"))
    }

    /// The key to wrap under.
    fn newest_wrapping_key(&self) -> Arc<BlobKey> {
        self.keys()
            .wrapping
            .pop()
            .expect("a vault is made with one, and none is ever removed")
    }

    /// The key that wrapped a blob.
    fn wrapping_key(&self, id: BlobKeyId) -> Result<Arc<BlobKey>, KeysError> {
        let keys = self.keys().wrapping;
        keys.into_iter()
            .find(|key| key.id == id)
            .ok_or(KeysError::CannotUnwrap)
    }

    /// The key that phones seal to now.
    fn newest_transport_key(&self) -> Result<Arc<TransportKey>, KeysError> {
        self.keys()
            .transport
            .pop()
            .ok_or_else(|| KeysError::Unavailable(Box::new(NoTransportKey)))
    }

    /// Replaces transport keys as of `now`.
    fn rotate(&self, now: Timestamp) -> Result<(), VaultError> {
        self.change(|keys| {
            let before = keys.transport.len();
            keys.transport.retain(|key| !key.is_to_be_destroyed(now));
            let destroyed = keys.transport.len() < before;
            let renew = keys
                .transport
                .last()
                .is_none_or(|key| key.is_to_be_renewed(now));
            if renew {
                let key = TransportKey::generate(&self.identity.deployment, now, &mut system_rng());
                keys.transport.push(Arc::new(key));
            }
            destroyed || renew
        })
    }

    /// Changes the keys: first in the file, then in memory, so that no key is used that a crash could lose. `change`
    /// tells whether there is something to write.
    fn change(&self, change: impl FnOnce(&mut Keys) -> bool) -> Result<(), VaultError> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut keys = self.keys();
        if change(&mut keys) {
            self.write(&keys)?;
            *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        }
        Ok(())
    }

    /// Writes the identity too, for whoever has changed it before anybody else used this.
    pub(crate) fn write_all(&self) -> Result<(), VaultError> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        self.write(&self.keys())
    }

    fn write(&self, keys: &Keys) -> Result<(), VaultError> {
        let content = contents::encode(&self.identity, keys);
        self.file.write(&sealed_file::seal(
            FileKind::Vault,
            &self.unlock,
            &content,
            &mut system_rng(),
        ))
    }
}

#[cfg(test)]
mod tests;
