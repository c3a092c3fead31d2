//! The real key vault, watched: it counts evaluations and can be out of reach, as an HSM can.

use async_trait::async_trait;
use engine::{
    domain::Wrapped,
    ports::{KeysError, NewServerHalf, Opened, ServerKeys},
};
use jiff::Timestamp;
use splitkey::{
    ClientModulus, EncodedMessage, KeyId, ModulusError, PartialSignature, Profile, ServerShare,
    ServerSignatureHalf, seal::Kind,
};
use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};
use vault::SoftwareVault;
use wire::{
    audit_checkpoint::{Checkpoint, SignedCheckpoint},
    server_key::SignedStatement,
};
use zeroize::Zeroizing;

/// What a test sees of the vault and does to it; survives a restart of the server.
#[derive(Default)]
pub struct Watch {
    evaluations: AtomicU64,
    messages: Mutex<HashSet<[u8; 32]>>,
    down: AtomicBool,
    authorities_down: AtomicBool,
}

impl Watch {
    /// How many times d1″ was applied: each tests one PIN.
    #[must_use]
    pub fn evaluations(&self) -> u64 {
        self.evaluations.load(Ordering::SeqCst)
    }

    /// How many different submissions were evaluated: each has a message of its own, by the phone's nonce in its salt. A
    /// crash can make the server evaluate one of them again.
    ///
    /// # Panics
    /// A test panicked before.
    #[must_use]
    pub fn submissions(&self) -> usize {
        self.messages.lock().expect("no panic while held").len()
    }

    /// Whether the authorities sign nothing from now on.
    pub fn set_authorities_down(&self, down: bool) {
        self.authorities_down.store(down, Ordering::SeqCst);
    }

    pub(crate) fn are_authorities_down(&self) -> bool {
        self.authorities_down.load(Ordering::SeqCst)
    }

    /// Whether evaluations fail from now on.
    pub fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }
}

pub(crate) struct WatchedKeys {
    pub(crate) vault: Arc<SoftwareVault>,
    pub(crate) watch: Arc<Watch>,
}

#[async_trait]
impl ServerKeys for WatchedKeys {
    async fn generate_half(&self, profile: Profile) -> Result<NewServerHalf, KeysError> {
        self.vault.generate_half(profile).await
    }

    async fn check_modulus(
        &self,
        profile: Profile,
        n1: Vec<u8>,
        others: Vec<Vec<u8>>,
    ) -> Result<Result<ClientModulus, ModulusError>, KeysError> {
        self.vault.check_modulus(profile, n1, others).await
    }

    async fn wrap_share(&self, key: KeyId, share: ServerShare) -> Result<Wrapped, KeysError> {
        self.vault.wrap_share(key, share).await
    }

    async fn apply_share(
        &self,
        key: KeyId,
        share: &Wrapped,
        n1: &ClientModulus,
        message: &EncodedMessage,
    ) -> Result<PartialSignature, KeysError> {
        if self.watch.down.load(Ordering::SeqCst) {
            return Err(KeysError::Unavailable("switched off".into()));
        }
        self.watch.evaluations.fetch_add(1, Ordering::SeqCst);
        self.watch
            .messages
            .lock()
            .expect("no panic while held")
            .insert(message.fingerprint());
        self.vault.apply_share(key, share, n1, message).await
    }

    async fn apply_half(
        &self,
        half: &Wrapped,
        message: &EncodedMessage,
    ) -> Result<ServerSignatureHalf, KeysError> {
        self.vault.apply_half(half, message).await
    }

    async fn open(&self, kind: Kind, sealed: &[u8]) -> Result<Opened, KeysError> {
        self.vault.open(kind, sealed).await
    }

    async fn protect(&self, place: &str, secret: &[u8]) -> Result<Wrapped, KeysError> {
        self.vault.protect(place, secret).await
    }

    async fn reveal(
        &self,
        place: &str,
        wrapped: &Wrapped,
    ) -> Result<Zeroizing<Vec<u8>>, KeysError> {
        self.vault.reveal(place, wrapped).await
    }

    async fn transport_key(&self) -> Result<SignedStatement, KeysError> {
        self.vault.transport_key().await
    }

    async fn sign_checkpoint(&self, checkpoint: Checkpoint) -> Result<SignedCheckpoint, KeysError> {
        self.vault.sign_checkpoint(checkpoint).await
    }

    fn root_key(&self) -> [u8; 65] {
        self.vault.root_key()
    }

    async fn rotate_transport_keys(&self, now: Timestamp) -> Result<(), KeysError> {
        self.vault.rotate_transport_keys(now).await
    }

    async fn ready(&self) -> Result<(), KeysError> {
        self.vault.ready().await
    }
}
