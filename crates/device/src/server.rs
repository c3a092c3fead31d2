//! The deployment that the phone talks to, and why it believes that it does.

use crate::{API_VERSION, Contradiction, Problem};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use splitkey::{Kdf, Profile, seal::SealingPublicKey};
use wire::{FixedBytes, device_v1::Configuration, server_key::SignedStatement};

/// A deployment whose root key is pinned.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TrustedServer {
    pub(crate) root_key: FixedBytes<65>,
    pub(crate) scheme_name: String,
    key: SignedStatement,
    profile: u8,
    kdf: u8,
}

impl TrustedServer {
    /// Believes a configuration if its root key is the pinned one and signed the server's key.
    ///
    /// Without a pin the root key is trusted on first use.
    pub(crate) fn trust(
        configuration: &Configuration,
        pinned: Option<&[u8; 65]>,
        now: Timestamp,
    ) -> Result<Self, Problem> {
        if configuration.minimum_version > API_VERSION {
            return Err(Problem::UpdateNeeded);
        }
        if pinned.is_some_and(|pinned| *pinned != configuration.root_key.0) {
            return Err(Problem::Contradiction(Contradiction::RootKey));
        }
        let server = Self {
            root_key: configuration.root_key,
            scheme_name: configuration.scheme_name.clone(),
            key: configuration.server_key.clone(),
            profile: configuration.profile,
            kdf: configuration.kdf,
        };
        if server.sealing_key(now).is_none() {
            return Err(Problem::Contradiction(Contradiction::ServerKey));
        }
        if server.parameters().is_none() {
            return Err(Problem::UpdateNeeded);
        }
        Ok(server)
    }

    /// What to seal to, as long as the root key vouches for it.
    pub(crate) fn sealing_key(&self, now: Timestamp) -> Option<SealingPublicKey> {
        let statement = self.key.verify(&self.root_key.0, now).ok()?;
        SealingPublicKey::from_bytes(&statement.public_key.0).ok()
    }

    /// Key sizes and PIN stretching of new accounts, if this build has them.
    pub(crate) fn parameters(&self) -> Option<(Profile, Kdf)> {
        Profile::from_id(self.profile).zip(Kdf::from_id(self.kdf))
    }
}
