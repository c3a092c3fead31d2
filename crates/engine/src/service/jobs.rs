//! What time does by itself. Every job is safe to run on any number of processes at once.

use super::{About, Infrastructure, Service, audit, retrying};
use crate::{
    domain::{AuditEvent, CloseReason, EndReason, VERDICT_RETENTION},
    policy::{REGISTRATION_RETENTION, RESULT_RETENTION, STUCK_EVALUATION},
    ports::Retention,
};

/// Rows that one round of a job takes at a time.
const BATCH: u32 = 100;

/// What one round of the jobs did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JobReport {
    /// Sessions that ended TIMEOUT.
    pub expired_sessions: u64,
    /// Interrupted evaluations that were finished.
    pub finished_evaluations: u64,
    /// Registrations that ended.
    pub expired_registrations: u64,
    /// Accounts whose three years are over.
    pub expired_accounts: u64,
    /// Rows deleted for good.
    pub purged: u64,
}

impl Service {
    /// One round of everything that time does. Call it about once a second.
    ///
    /// # Errors
    /// The first failure; what was done before it stands.
    pub async fn run_jobs(&self) -> Result<JobReport, Infrastructure> {
        let now = self.now();
        let mut report = JobReport {
            finished_evaluations: self.finish_stuck_evaluations().await?,
            ..JobReport::default()
        };
        let overdue = self
            .store
            .read()
            .await?
            .overdue_sessions(now, BATCH)
            .await?;
        for id in overdue {
            self.expire_session(id).await.map_err(|error| match error {
                super::RelyingPartyError::Infrastructure(inner) => inner,
                _ => Infrastructure::Internal("expiry refused"),
            })?;
            report.expired_sessions += 1;
        }
        let overdue = self
            .store
            .read()
            .await?
            .overdue_registrations(now, BATCH)
            .await?;
        for id in overdue {
            report.expired_registrations += u64::from(self.expire_registration(id).await?);
        }
        let overdue = self
            .store
            .read()
            .await?
            .overdue_accounts(now, BATCH)
            .await?;
        for id in overdue {
            report.expired_accounts += u64::from(self.expire_account(id).await?);
        }
        report.purged = retrying!(self, |uow| {
            let purged = uow
                .purge(Retention {
                    sessions: now - RESULT_RETENTION,
                    transactions: now - VERDICT_RETENTION,
                    registrations: now - REGISTRATION_RETENTION,
                })
                .await?;
            uow.commit().await?;
            Ok::<_, Infrastructure>(purged)
        })?;
        Ok(report)
    }

    /// Takes up evaluations that a crash or a vault failure interrupted.
    async fn finish_stuck_evaluations(&self) -> Result<u64, Infrastructure> {
        let now = self.now();
        let stuck = self
            .store
            .read()
            .await?
            .stuck_transactions(now - STUCK_EVALUATION, BATCH)
            .await?;
        let mut finished = 0;
        for id in stuck {
            match self.finish_evaluation(id).await {
                Ok(_) => finished += 1,
                Err(Infrastructure::Keys(_)) => {
                    let expired = self.store.read().await?.transaction(id).await?.is_some_and(
                        |transaction| now >= transaction.expires_at + STUCK_EVALUATION,
                    );
                    if expired {
                        self.give_up_evaluation(id).await?;
                        finished += 1;
                    }
                }
                Err(other) => return Err(other),
            }
        }
        Ok(finished)
    }

    async fn expire_registration(&self, id: wire::RegistrationId) -> Result<bool, Infrastructure> {
        retrying!(self, |uow| {
            let now = self.now();
            let Some(mut registration) = uow.registration(id).await? else {
                return Ok(false);
            };
            if now < registration.expires_at || registration.is_over() {
                return Ok(false);
            }
            registration.end(EndReason::Expired, now);
            let event = AuditEvent::RegistrationEnded {
                registration: id,
                reason: EndReason::Expired,
            };
            audit(&mut *uow, now, About::default(), event).await?;
            uow.save_registration(&mut registration).await?;
            uow.commit().await?;
            Ok::<_, Infrastructure>(true)
        })
    }

    async fn expire_account(&self, id: crate::domain::AccountId) -> Result<bool, Infrastructure> {
        retrying!(self, |uow| {
            let now = self.now();
            let Some(mut account) = uow.account(id).await? else {
                return Ok(false);
            };
            if now < account.expires_at {
                return Ok(false);
            }
            self.close_in(&mut *uow, &mut account, CloseReason::Expired, now)
                .await?;
            uow.commit().await?;
            Ok::<_, Infrastructure>(true)
        })
    }

    /// Fills the pool of server halves by at most one, so that registrations need not wait for primes.
    ///
    /// Returns whether there is more to do.
    ///
    /// # Errors
    /// Database or key vault.
    pub async fn replenish_pool(&self) -> Result<bool, Infrastructure> {
        let profile = self.policy.profile;
        let pooled = self.store.read().await?.pooled_halves(profile).await?;
        if pooled >= self.policy.pool_target {
            return Ok(false);
        }
        let half = self.keys.generate_half(profile).await?;
        retrying!(self, |uow| {
            uow.pool_half(profile, &half).await?;
            uow.commit().await?;
            Ok::<_, Infrastructure>(())
        })?;
        Ok(pooled + 1 < self.policy.pool_target)
    }

    /// Makes and destroys transport keys as their days come and go.
    ///
    /// # Errors
    /// The key vault.
    pub async fn rotate_transport_keys(&self) -> Result<(), Infrastructure> {
        Ok(self.keys.rotate_transport_keys(self.now()).await?)
    }
}
