use std::sync::Arc;

use async_trait::async_trait;
use engine::domain::Wrapped;
use engine::ports::{KeysError, NewServerHalf, Opened as OpenedRequest, ServerKeys};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use splitkey::seal::{self, Kind};
use splitkey::{
    ClientModulus, EncodedMessage, KeyId, ModulusError, PartialSignature, Profile, ServerHalf,
    ServerHalfError, ServerShare, ServerSignatureHalf,
};
use subtle::ConstantTimeEq;
use wire::audit_checkpoint::{Checkpoint, SignedCheckpoint};
use wire::server_key::SignedStatement;
use zeroize::Zeroizing;

use super::{Opened, SoftwareVault};
use crate::blob::{self, BlobKind};
use crate::randomness::system_rng;

#[async_trait]
impl ServerKeys for SoftwareVault {
    async fn generate_half(&self, profile: Profile) -> Result<NewServerHalf, KeysError> {
        let opened = Arc::clone(&self.opened);
        self.workers
            .prepare(move || opened.generate_half(profile))
            .await?
    }

    async fn check_modulus(
        &self,
        profile: Profile,
        n1: Vec<u8>,
        others: Vec<Vec<u8>>,
    ) -> Result<Result<ClientModulus, ModulusError>, KeysError> {
        let check = move || {
            let others: Vec<&[u8]> = others.iter().map(Vec::as_slice).collect();
            ClientModulus::validate(profile, &n1, &others)
        };
        self.workers.prepare(check).await
    }

    async fn wrap_share(&self, key: KeyId, share: ServerShare) -> Result<Wrapped, KeysError> {
        let wrapping = self.opened.newest_wrapping_key();
        Ok(Wrapped(wrapping.wrap(
            BlobKind::Share,
            &key.0,
            share.expose_secret(),
            &mut system_rng(),
        )))
    }

    async fn apply_share(
        &self,
        key: KeyId,
        share: &Wrapped,
        n1: &ClientModulus,
        message: &EncodedMessage,
    ) -> Result<PartialSignature, KeysError> {
        self.workers
            .run_here(|| self.opened.apply_share(key, share, n1, message))
            .await
    }

    async fn apply_half(
        &self,
        half: &Wrapped,
        message: &EncodedMessage,
    ) -> Result<ServerSignatureHalf, KeysError> {
        self.workers
            .run_here(|| self.opened.apply_half(half, message))
            .await
    }

    /// A request does not say which transport key it is sealed to, so all are tried, the newest first. An attempt costs
    /// half a millisecond, and there are two keys, for moments three.
    async fn open(&self, kind: Kind, sealed: &[u8]) -> Result<OpenedRequest, KeysError> {
        let (opened, sealed) = (Arc::clone(&self.opened), sealed.to_vec());
        self.workers
            .run(move || opened.open_request(kind, &sealed))
            .await?
    }

    async fn protect(&self, place: &str, secret: &[u8]) -> Result<Wrapped, KeysError> {
        let key = self.opened.newest_transport_key()?;
        Ok(Wrapped(key.protect.wrap(
            BlobKind::Protected,
            place.as_bytes(),
            secret,
            &mut system_rng(),
        )))
    }

    async fn reveal(
        &self,
        place: &str,
        wrapped: &Wrapped,
    ) -> Result<Zeroizing<Vec<u8>>, KeysError> {
        let id = blob::key_id(&wrapped.0)?;
        let keys = self.opened.keys().transport;
        let key = keys
            .iter()
            .find(|key| key.protect.id == id)
            .ok_or(KeysError::CannotUnwrap)?;
        key.protect
            .unwrap(BlobKind::Protected, place.as_bytes(), &wrapped.0)
    }

    async fn transport_key(&self) -> Result<SignedStatement, KeysError> {
        Ok(self.opened.newest_transport_key()?.statement.clone())
    }

    async fn sign_checkpoint(&self, checkpoint: Checkpoint) -> Result<SignedCheckpoint, KeysError> {
        Ok(checkpoint.sign(&self.opened.identity.deployment))
    }

    fn root_key(&self) -> [u8; 65] {
        let point = self
            .opened
            .identity
            .deployment
            .verifying_key()
            .to_sec1_point(false);
        point
            .as_bytes()
            .try_into()
            .expect("an uncompressed point of P-256 has 65 bytes")
    }

    async fn rotate_transport_keys(&self, now: Timestamp) -> Result<(), KeysError> {
        let opened = Arc::clone(&self.opened);
        Ok(self.workers.run(move || opened.rotate(now)).await??)
    }

    /// The keys are in memory, so they can be used unless there is no transport key yet.
    async fn ready(&self) -> Result<(), KeysError> {
        self.opened.newest_transport_key().map(|_| ())
    }
}

impl Opened {
    fn open_request(&self, kind: Kind, sealed: &[u8]) -> Result<OpenedRequest, KeysError> {
        let keys = self.keys().transport;
        let attempts = keys
            .iter()
            .rev()
            .map(|key| seal::open_request(kind, &key.sealing, sealed));
        let (plaintext, answer) = attempts.flatten().next().ok_or(KeysError::CannotOpen)?;
        Ok(OpenedRequest { plaintext, answer })
    }

    fn generate_half(&self, profile: Profile) -> Result<NewServerHalf, KeysError> {
        let half = ServerHalf::generate(profile, &mut system_rng())
            .map_err(|error| KeysError::Unavailable(Box::new(error)))?;
        let fingerprint = fingerprint(&half);
        let secret = half.to_secret_bytes();
        let place = place(profile, &fingerprint);
        let mut wrapped =
            self.newest_wrapping_key()
                .wrap(BlobKind::Half, &place, &secret, &mut system_rng());
        // Whoever applies the half does not say which n2 it should be, so the blob does.
        wrapped.extend_from_slice(&fingerprint);
        Ok(NewServerHalf {
            modulus: half.modulus().clone(),
            wrapped: Wrapped(wrapped),
        })
    }

    fn apply_share(
        &self,
        key: KeyId,
        share: &Wrapped,
        n1: &ClientModulus,
        message: &EncodedMessage,
    ) -> Result<PartialSignature, KeysError> {
        let wrapping = self.wrapping_key(blob::key_id(&share.0)?)?;
        let secret = wrapping.unwrap(BlobKind::Share, &key.0, &share.0)?;
        let share = ServerShare::check(&secret, n1).map_err(|_| KeysError::CannotUnwrap)?;
        drop(secret);
        Ok(share.apply(message, n1, &mut system_rng()))
    }

    fn apply_half(
        &self,
        half: &Wrapped,
        message: &EncodedMessage,
    ) -> Result<ServerSignatureHalf, KeysError> {
        let (blob, expected) = half.0.split_last_chunk().ok_or(KeysError::CannotUnwrap)?;
        let profile = message.profile();
        let wrapping = self.wrapping_key(blob::key_id(blob)?)?;
        let secret = wrapping.unwrap(BlobKind::Half, &place(profile, expected), blob)?;
        let half =
            ServerHalf::from_secret_bytes(profile, &secret).map_err(|_| KeysError::CannotUnwrap)?;
        drop(secret);
        if !bool::from(fingerprint(&half).ct_eq(expected)) {
            return Err(KeysError::CannotUnwrap);
        }
        half.sign(message, &mut system_rng())
            .map_err(|error| match error {
                ServerHalfError::Fault => KeysError::FaultyComputation,
                ServerHalfError::Malformed => KeysError::CannotUnwrap,
            })
    }
}

/// SHA-256(n2).
fn fingerprint(half: &ServerHalf) -> [u8; 32] {
    Sha256::digest(half.modulus().as_bytes()).into()
}

/// What the blob of a half is bound to: profile ‖ SHA-256(n2).
fn place(profile: Profile, fingerprint: &[u8; 32]) -> Vec<u8> {
    [&[profile.id()][..], fingerprint].concat()
}
