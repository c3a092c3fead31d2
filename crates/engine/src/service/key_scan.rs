//! What a scan over all moduli needs of the database, and what it leaves there. The arithmetic is not ours
//! (`docs/adr/0011-keys-are-scanned-new-against-all.md`).

use super::{About, Infrastructure, Service, audit, retrying};
use crate::{
    domain::{AccountState, AuditEvent, KeyState},
    ports::{KeyHolder, StoredModuli},
};
use jiff::Timestamp;
use splitkey::{KeyId, ServerModulus};
use wire::DocumentNumber;

/// Keys in memory at a time.
const PAGE: u32 = 500;

/// Keys with weak moduli, for the audit trail.
#[derive(Clone, Debug)]
pub struct WeakKeys {
    /// Stable snake_case code of what is wrong.
    pub weakness: String,
    /// Which keys, as hexadecimal key ids; `pool` for a server half that nobody has yet.
    pub keys: Vec<String>,
}

/// A holder as an operator knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HolderName {
    /// The account's document number; none while it is a registration.
    pub document_number: Option<DocumentNumber>,
    /// Whether the key can still be used for anything.
    pub in_use: bool,
}

impl Service {
    /// Hands over every modulus that is stored, in one snapshot: of accounts opened before `since`, then of accounts
    /// opened later, of registrations under way and of the pool. Returns how many keys were of the first sort.
    ///
    /// # Errors
    /// The database cannot be used, or `key` or `half` say so.
    pub async fn read_moduli<E: From<Infrastructure>>(
        &self,
        since: Timestamp,
        mut key: impl FnMut(&StoredModuli) -> Result<(), E> + Send,
        mut half: impl FnMut(&ServerModulus) -> Result<(), E> + Send,
    ) -> Result<u64, E> {
        let mut reader = self.store.read().await.map_err(Infrastructure::from)?;
        let mut older = 0;
        for (from, until) in [(Timestamp::MIN, since), (since, Timestamp::MAX)] {
            let mut after = None;
            loop {
                let page = reader
                    .account_moduli(from, until, after, PAGE)
                    .await
                    .map_err(Infrastructure::from)?;
                let Some(last) = page.last() else { break };
                after = Some(last.key);
                older += if until == since { page.len() as u64 } else { 0 };
                page.iter().try_for_each(&mut key)?;
            }
        }
        let mut after = None;
        loop {
            let page = reader
                .registration_moduli(after, PAGE)
                .await
                .map_err(Infrastructure::from)?;
            let Some(KeyHolder::Registration(last)) = page.last().map(|one| one.holder) else {
                break;
            };
            after = Some(last);
            page.iter().try_for_each(&mut key)?;
        }
        let pooled = reader.pooled_moduli().await.map_err(Infrastructure::from)?;
        pooled.iter().try_for_each(&mut half)?;
        Ok(older)
    }

    /// How an operator knows the holder of a key.
    ///
    /// # Errors
    /// The database cannot be used.
    pub async fn name_holder(
        &self,
        holder: KeyHolder,
        key: KeyId,
    ) -> Result<HolderName, Infrastructure> {
        let mut reader = self.store.read().await?;
        Ok(match holder {
            KeyHolder::Account(id) => match reader.account(id).await? {
                Some(mut account) => HolderName {
                    in_use: account.state == AccountState::Active
                        && account
                            .key_mut(key)
                            .is_some_and(|key| matches!(key.state, KeyState::Ready { .. })),
                    document_number: Some(account.document_number),
                },
                None => HolderName {
                    document_number: None,
                    in_use: false,
                },
            },
            KeyHolder::Registration(id) => HolderName {
                document_number: None,
                in_use: reader
                    .registration(id)
                    .await?
                    .is_some_and(|registration| !registration.is_over()),
            },
        })
    }

    /// Notes in the audit trail what a scan found.
    ///
    /// # Errors
    /// The database cannot be used.
    pub async fn record_weak_keys(&self, found: &[WeakKeys]) -> Result<(), Infrastructure> {
        retrying!(self, |uow| {
            let now = self.now();
            for one in found {
                let event = AuditEvent::WeakModulusFound {
                    weakness: one.weakness.clone(),
                    keys: one.keys.clone(),
                };
                audit(&mut *uow, now, About::default(), event).await?;
            }
            uow.commit().await?;
            Ok::<_, Infrastructure>(())
        })
    }
}
