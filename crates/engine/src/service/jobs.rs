//! What time does by itself. Every job is safe to run on any number of processes at once.

use super::{About, Infrastructure, Service, audit, retrying};
use crate::{
    domain::{AuditEvent, CloseReason, EndReason, VERDICT_RETENTION},
    policy::{ABANDONED_RECORD, REGISTRATION_RETENTION, RESULT_RETENTION, STUCK_EVALUATION},
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
    /// Certificates that were recorded and never given out, revoked.
    pub abandoned_certificates: u64,
    /// Rows deleted for good.
    pub purged: u64,
}

/// A round under way.
#[derive(Default)]
struct Round {
    report: JobReport,
    failure: Option<Infrastructure>,
}

impl Round {
    /// The value, or nothing and the failure kept if it is the first.
    fn done<T>(&mut self, outcome: Result<T, Infrastructure>) -> Option<T> {
        match outcome {
            Ok(value) => Some(value),
            Err(error) => {
                self.failure.get_or_insert(error);
                None
            }
        }
    }
}

impl Service {
    /// One round of everything that time does. Call it about once a second.
    ///
    /// A row that fails stops nothing but itself: the rest of the round is done, then the first failure is told.
    ///
    /// # Errors
    /// The first failure; everything else of the round stands.
    pub async fn run_jobs(&self) -> Result<JobReport, Infrastructure> {
        let mut round = Round::default();
        self.finish_stuck_evaluations(&mut round).await;
        self.expire_overdue(&mut round).await;
        self.revoke_all_abandoned(&mut round).await;
        let purged = self.purge().await;
        round.report.purged = round.done(purged).unwrap_or(0);
        match round.failure {
            None => Ok(round.report),
            Some(failure) => Err(failure),
        }
    }

    /// Takes up evaluations that a crash or a vault failure interrupted.
    async fn finish_stuck_evaluations(&self, round: &mut Round) {
        let before = self.now() - STUCK_EVALUATION;
        let stuck = match self.store.read().await {
            Ok(mut reader) => reader.stuck_transactions(before, BATCH).await,
            Err(error) => Err(error),
        };
        for id in round
            .done(stuck.map_err(Infrastructure::from))
            .unwrap_or_default()
        {
            let finished = match self.finish_evaluation(id).await {
                Ok(_) => Ok(true),
                // Others evaluate it this moment: what they find must not be thrown away.
                Err(Infrastructure::Crowded) => Ok(false),
                Err(error) => match self.give_up_when_overdue(id).await {
                    // An evaluation that may still succeed is no failure of the round while the vault is away.
                    Ok(false) if matches!(error, Infrastructure::Keys(_)) => Ok(false),
                    Ok(false) => Err(error),
                    gave_up => gave_up,
                },
            };
            round.report.finished_evaluations += u64::from(round.done(finished) == Some(true));
        }
    }

    /// Gives an evaluation up whose transaction is long over; says whether it did.
    async fn give_up_when_overdue(
        &self,
        id: splitkey::TransactionId,
    ) -> Result<bool, Infrastructure> {
        let transaction = self.store.read().await?.transaction(id).await?;
        let overdue = transaction
            .is_some_and(|transaction| self.now() >= transaction.expires_at + STUCK_EVALUATION);
        if overdue {
            self.give_up_evaluation(id).await?;
        }
        Ok(overdue)
    }

    async fn expire_overdue(&self, round: &mut Round) {
        let now = self.now();
        let overdue = async {
            let mut reader = self.store.read().await?;
            let sessions = reader.overdue_sessions(now, BATCH).await?;
            let registrations = reader.overdue_registrations(now, BATCH).await?;
            let accounts = reader.overdue_accounts(now, BATCH).await?;
            Ok::<_, Infrastructure>((sessions, registrations, accounts))
        };
        let Some((sessions, registrations, accounts)) = round.done(overdue.await) else {
            return;
        };
        for id in sessions {
            let expired = self.expire_session(id).await.map_err(|error| match error {
                super::RelyingPartyError::Infrastructure(inner) => inner,
                _ => Infrastructure::Internal("expiry refused"),
            });
            round.report.expired_sessions += u64::from(round.done(expired).is_some());
        }
        for id in registrations {
            let expired = self.expire_registration(id).await;
            round.report.expired_registrations += u64::from(round.done(expired) == Some(true));
        }
        for id in accounts {
            let expired = self.expire_account(id).await;
            round.report.expired_accounts += u64::from(round.done(expired) == Some(true));
        }
    }

    async fn revoke_all_abandoned(&self, round: &mut Round) {
        let before = self.now() - ABANDONED_RECORD;
        let abandoned = match self.store.read().await {
            Ok(mut reader) => reader.abandoned_records(before, BATCH).await,
            Err(error) => Err(error),
        };
        for (issuer, serial) in round
            .done(abandoned.map_err(Infrastructure::from))
            .unwrap_or_default()
        {
            let revoked = self.revoke_abandoned(issuer, &serial).await;
            round.report.abandoned_certificates += u64::from(round.done(revoked) == Some(true));
        }
    }

    async fn purge(&self) -> Result<u64, Infrastructure> {
        let now = self.now();
        retrying!(self, |uow| {
            let purged = uow
                .purge(Retention {
                    sessions: now - RESULT_RETENTION,
                    transactions: now - VERDICT_RETENTION,
                    registrations: now - REGISTRATION_RETENTION,
                })
                .await?;
            uow.commit().await?;
            Ok::<_, Infrastructure>(purged)
        })
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
