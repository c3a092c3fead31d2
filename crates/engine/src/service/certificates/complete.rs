//! Records for certificates that software without records gave out or ended after the table was there: a server of before
//! that was not stopped while the database was migrated.

use super::{parse, revoked_event};
use crate::{
    domain::{AccountId, AccountKey, CertificateRecord, KeyState},
    ports::{Reader, StoreError, UnitOfWork},
    service::{About, Infrastructure, Service, audit, retrying},
};
use pki::Revocation;

/// Accounts looked for at a time.
const BATCH: u32 = 500;

/// What was completed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Completed {
    /// Certificates without a record that have one now.
    pub recorded: u64,
    /// Certificates of destroyed keys that are revoked now, as of then.
    pub revoked: u64,
    /// Keys whose certificates have no record, and get none: no authority of ours signed what stands there.
    pub left: u64,
}

impl Service {
    /// Records what was given out without a record, and revokes what ended without being revoked. Where there is nothing to
    /// do it is two queries.
    ///
    /// Only what an authority of ours signed is recorded, so that nobody who writes into the database makes a certificate
    /// good with it.
    ///
    /// # Errors
    /// The database cannot be used.
    pub async fn complete_records(&self) -> Result<Completed, Infrastructure> {
        let mut completed = Completed::default();
        let mut after = None;
        loop {
            let mut reader = self.store.read().await?;
            let accounts = reader.accounts_without_records(after, BATCH).await?;
            drop(reader);
            let Some(last) = accounts.last() else { break };
            after = Some(*last);
            for id in accounts {
                self.complete(id, &mut completed).await?;
            }
        }
        after = None;
        loop {
            let mut reader = self.store.read().await?;
            let accounts = reader.accounts_left_good(after, BATCH).await?;
            drop(reader);
            let Some(last) = accounts.last() else { break };
            after = Some(*last);
            for id in accounts {
                self.complete(id, &mut completed).await?;
            }
        }
        Ok(completed)
    }

    async fn complete(
        &self,
        id: AccountId,
        completed: &mut Completed,
    ) -> Result<(), Infrastructure> {
        let Completed {
            recorded,
            revoked,
            left,
        } = retrying!(self, |uow| {
            let mut done = Completed::default();
            let account = match uow.account(id).await {
                // The checker names it.
                Err(StoreError::Corrupt { .. }) => {
                    done.left = 2;
                    return Ok(done);
                }
                account => account?,
            };
            let Some(account) = account else {
                return Ok(done);
            };
            for key in account.keys.iter() {
                let record = CertificateRecord::of_issued(
                    account.id,
                    account.level,
                    account.created_at,
                    key,
                );
                match self.unrecorded(&mut *uow, key, record.ok()).await? {
                    Unrecorded::Ours(record) => {
                        uow.record_certificate(&record).await?;
                        done.recorded += 1;
                        if let Some(revocation) = record.revocation {
                            let about = About::account(id);
                            let purpose = Some(key.purpose.id());
                            let event = revoked_event(purpose, &record.serial, revocation);
                            audit(&mut *uow, self.now(), about, event).await?;
                            done.revoked += 1;
                        }
                    }
                    Unrecorded::Not => done.left += 1,
                    Unrecorded::Recorded => {}
                }
                done.revoked += self.revoke_left_good(&mut *uow, id, key).await?;
            }
            uow.commit().await?;
            Ok::<_, Infrastructure>(done)
        })?;
        completed.recorded += recorded;
        completed.revoked += revoked;
        completed.left += left;
        Ok(())
    }

    /// Whether a key's certificate needs the record that it would have.
    async fn unrecorded(
        &self,
        reader: &mut dyn Reader,
        key: &AccountKey,
        record: Option<CertificateRecord>,
    ) -> Result<Unrecorded, Infrastructure> {
        let Some(record) = record else {
            return Ok(Unrecorded::Not);
        };
        let known = reader.certificate_summary(record.issuer, &record.serial);
        if known.await?.is_some() {
            return Ok(Unrecorded::Recorded);
        }
        let certificate = parse(&key.certificate)?;
        let signed = self.authority_of(&certificate).is_some_and(|authority| {
            let authority = authority.ca.certificate();
            certificate.verify_signature(authority.public_key()).is_ok()
        });
        Ok(match signed {
            true => Unrecorded::Ours(Box::new(record)),
            false => Unrecorded::Not,
        })
    }

    /// Revokes a destroyed key's certificate as of its end, if that was not done.
    async fn revoke_left_good(
        &self,
        uow: &mut dyn UnitOfWork,
        account: AccountId,
        key: &AccountKey,
    ) -> Result<u64, Infrastructure> {
        let KeyState::Destroyed { at, reason } = key.state else {
            return Ok(0);
        };
        let Some(reason) = reason.revocation(None) else {
            return Ok(0);
        };
        let (about, now) = (About::account(account), self.now());
        let revocation = Revocation { at, reason };
        let revoked = self
            .revoke_in(uow, about, account, Some(key.purpose), revocation, now)
            .await?;
        Ok(revoked.len() as u64)
    }
}

enum Unrecorded {
    Ours(Box<CertificateRecord>),
    /// It has one.
    Recorded,
    /// It is not a certificate of ours.
    Not,
}
