//! Relying parties as an operator keeps them.

use super::{About, OperatorError, Service, audit, retrying};
use crate::{
    domain::{AuditEvent, Network, RelyingParty, RelyingPartyRights},
    ports::StoreError,
};
use wire::RelyingPartyUuid;

/// A relying party to be added.
#[derive(Clone, Debug)]
pub struct NewRelyingParty {
    /// Its UUID; a random one if absent.
    pub uuid: Option<RelyingPartyUuid>,
    /// Names it may use, at least one.
    pub names: Vec<String>,
    /// Networks it may call from; empty means anywhere.
    pub networks: Vec<Network>,
    /// What it may ask for beyond the ordinary.
    pub rights: RelyingPartyRights,
}

impl Service {
    /// Adds a relying party.
    ///
    /// # Errors
    /// No or an empty name, or the UUID is taken.
    pub async fn add_relying_party(
        &self,
        new: NewRelyingParty,
    ) -> Result<RelyingParty, OperatorError> {
        if new.names.is_empty() || new.names.iter().any(|name| name.trim().is_empty()) {
            return Err(OperatorError::InvalidRelyingParty(
                "a relying party needs a name that is not empty".to_owned(),
            ));
        }
        let relying_party = RelyingParty {
            uuid: new
                .uuid
                .unwrap_or_else(|| RelyingPartyUuid(random_uuid(self.random()))),
            names: new.names,
            networks: new.networks,
            rights: new.rights,
            enabled: true,
            version: 0,
        };
        retrying!(self, |uow| {
            uow.insert_relying_party(&relying_party)
                .await
                .map_err(|error| match error {
                    StoreError::Duplicate { .. } => {
                        OperatorError::RelyingPartyExists(relying_party.uuid)
                    }
                    other => other.into(),
                })?;
            let about = About {
                relying_party: Some(relying_party.uuid),
                ..About::default()
            };
            audit(
                &mut *uow,
                self.now(),
                about,
                AuditEvent::RelyingPartyChanged {
                    change: "added".to_owned(),
                },
            )
            .await?;
            uow.commit().await?;
            Ok::<_, OperatorError>(())
        })?;
        Ok(relying_party)
    }

    /// All relying parties, by name.
    ///
    /// # Errors
    /// The database cannot be used.
    pub async fn relying_parties(&self) -> Result<Vec<RelyingParty>, OperatorError> {
        Ok(self.store.read().await?.relying_parties().await?)
    }

    /// Disables or enables a relying party; its running sessions go on.
    ///
    /// # Errors
    /// No such relying party.
    pub async fn enable_relying_party(
        &self,
        uuid: RelyingPartyUuid,
        enabled: bool,
    ) -> Result<(), OperatorError> {
        retrying!(self, |uow| {
            let mut relying_party = uow
                .relying_party(uuid)
                .await?
                .ok_or(OperatorError::UnknownRelyingParty(uuid))?;
            relying_party.enabled = enabled;
            uow.save_relying_party(&mut relying_party).await?;
            let about = About {
                relying_party: Some(uuid),
                ..About::default()
            };
            let change = if enabled { "enabled" } else { "disabled" }.to_owned();
            audit(
                &mut *uow,
                self.now(),
                about,
                AuditEvent::RelyingPartyChanged { change },
            )
            .await?;
            uow.commit().await?;
            Ok::<_, OperatorError>(())
        })
    }
}

/// A version 4 UUID out of 16 random bytes (RFC 9562 §5.4).
pub(super) fn random_uuid(bytes: [u8; 16]) -> uuid::Uuid {
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}
