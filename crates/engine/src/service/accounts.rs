//! The life of an account after registration: what its phone shows of it, and its end.

mod closing;

pub use closing::Closing;

use super::{AuthenticatedDevice, DeviceError, Infrastructure, OperatorError, Service, retrying};
use crate::domain::{
    Account, AccountLevel, AccountState, CloseReason, KeyState, LockState, Person,
};
use jiff::Timestamp;
use splitkey::Purpose;
use wire::{DocumentNumber, SemanticsIdentifier, device_v1};

/// An account as an operator sees it.
#[derive(Clone, Debug)]
pub struct AccountSummary {
    /// Its public name.
    pub document_number: DocumentNumber,
    /// Whose it is.
    pub person: Person,
    /// Qualified or Basic.
    pub level: AccountLevel,
    /// Since when.
    pub created_at: Timestamp,
    /// Until when.
    pub expires_at: Timestamp,
    /// In use or closed.
    pub state: AccountState,
}

impl Service {
    /// What the phone shows of its account (R73).
    ///
    /// # Errors
    /// The account is closed, or the database cannot be used.
    pub async fn account_status(
        &self,
        device: &AuthenticatedDevice,
    ) -> Result<device_v1::AccountStatus, DeviceError> {
        let account = self
            .store
            .read()
            .await?
            .account(device.account())
            .await?
            .ok_or(Infrastructure::Internal(
                "an authenticated device without account",
            ))?;
        Ok(self.describe_account(&account))
    }

    pub(super) fn describe_account(&self, account: &Account) -> device_v1::AccountStatus {
        let now = self.now();
        device_v1::AccountStatus {
            document_number: account.document_number.clone(),
            semantics_identifier: account.person.semantics_identifier.clone(),
            given_name: account.person.given_name.clone(),
            surname: account.person.surname.clone(),
            level: match account.level {
                AccountLevel::Advanced => "ADVANCED",
                AccountLevel::Qualified => "QUALIFIED",
            }
            .to_owned(),
            expires_at: account.expires_at,
            state: match account.state {
                AccountState::Active if account.is_active(now) => "active",
                AccountState::Active => CloseReason::Expired.code(),
                AccountState::Closed { reason, .. } => reason.code(),
            }
            .to_owned(),
            keys: account
                .keys
                .iter()
                .map(|key| {
                    let destroyed = matches!(key.state, KeyState::Destroyed { .. });
                    let (state, attempts_left, locked_until) = match key.pin.state(now) {
                        _ if destroyed => ("destroyed", 0, None),
                        LockState::Open { attempts_left } => ("ready", attempts_left, None),
                        LockState::LockedUntil(until) => ("locked", 0, Some(until)),
                        LockState::Destroyed => ("destroyed", 0, None),
                    };
                    device_v1::KeyStatus {
                        purpose: match key.purpose {
                            Purpose::Authentication => device_v1::Purpose::Authentication,
                            Purpose::Signature => device_v1::Purpose::Signature,
                        },
                        state: state.to_owned(),
                        attempts_left,
                        locked_until,
                    }
                })
                .collect(),
        }
    }

    /// The owner deletes her account on its phone (R95): at once and for good.
    ///
    /// # Errors
    /// The database cannot be used. Deleting twice is no error.
    pub async fn delete_account(&self, device: &AuthenticatedDevice) -> Result<(), DeviceError> {
        retrying!(self, |uow| {
            let now = self.now();
            let Some(mut account) = uow.account(device.account()).await? else {
                return Ok(());
            };
            self.close_in(&mut *uow, &mut account, CloseReason::DeletedByOwner, now)
                .await?;
            uow.commit().await?;
            Ok::<_, DeviceError>(())
        })
    }

    /// The open accounts of a person, the oldest first.
    ///
    /// # Errors
    /// The database cannot be used.
    pub async fn accounts_of(
        &self,
        person: &SemanticsIdentifier,
    ) -> Result<Vec<AccountSummary>, OperatorError> {
        let accounts = self.store.read().await?.active_accounts_of(person).await?;
        Ok(accounts
            .into_iter()
            .map(|account| AccountSummary {
                document_number: account.document_number,
                person: account.person,
                level: account.level,
                created_at: account.created_at,
                expires_at: account.expires_at,
                state: account.state,
            })
            .collect())
    }
}
