//! The end of an account, and of everything that hangs on it.

use crate::{
    domain::{
        Account, AccountId, AccountName, AuditEvent, CertificateSummary, CloseReason,
        OPERATOR_REASONS, SessionState, TransactionState,
    },
    ports::{StoreError, UnitOfWork},
    service::{About, Infrastructure, OperatorError, Service, audit, retrying},
};
use jiff::Timestamp;
use pki::{Revocation, RevocationReason};
use splitkey::Purpose;
use wire::{DocumentNumber, EndResult};

/// What an operator's closing of an account did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closing {
    /// The certificates that it revoked.
    pub revoked: Vec<CertificateSummary>,
    /// The account was closed before, at this time: for the same reason, or these certificates had been left good.
    pub closed_before: Option<Timestamp>,
    /// What of the account cannot be read. It was closed all the same.
    pub unreadable: Option<&'static str>,
}

impl Service {
    /// An operator closes an account and says why its certificates are revoked; also one of which something cannot be read.
    ///
    /// # Errors
    /// No such account, it was closed before and its certificates are revoked for another reason, not a reason that operators give
    /// ([`OPERATOR_REASONS`]), or the database cannot be used.
    pub async fn close_account(
        &self,
        number: &DocumentNumber,
        reason: RevocationReason,
    ) -> Result<Closing, OperatorError> {
        if !OPERATOR_REASONS.contains(&reason) {
            return Err(OperatorError::ReasonNotAllowed(reason.name()));
        }
        match self.close_whole(number, reason).await {
            Err(OperatorError::Infrastructure(Infrastructure::Store(StoreError::Corrupt {
                what,
            }))) => {
                let closing = self.close_unread(number, reason).await?;
                Ok(Closing {
                    unreadable: Some(what),
                    ..closing
                })
            }
            outcome => outcome,
        }
    }

    async fn close_whole(
        &self,
        number: &DocumentNumber,
        reason: RevocationReason,
    ) -> Result<Closing, OperatorError> {
        retrying!(self, |uow| {
            let now = self.now();
            let name = named(&mut *uow, number).await?;
            if name.closed.is_some() {
                let closing = self.close_again(&mut *uow, &name, reason, now).await?;
                uow.commit().await?;
                return Ok(closing);
            }
            let mut account = uow
                .account(name.id)
                .await?
                .ok_or_else(|| OperatorError::UnknownAccount(number.clone()))?;
            let end = CloseReason::DeletedByOperator;
            let revoked = self
                .end_in(&mut *uow, &mut account, end, Some(reason), now)
                .await?;
            uow.commit().await?;
            Ok::<_, OperatorError>(Closing::of(revoked))
        })
    }

    /// By the account's and its certificates' identifiers alone.
    async fn close_unread(
        &self,
        number: &DocumentNumber,
        reason: RevocationReason,
    ) -> Result<Closing, OperatorError> {
        retrying!(self, |uow| {
            let now = self.now();
            let id = named(&mut *uow, number).await?.id;
            let end = CloseReason::DeletedByOperator;
            if !uow.close_unread_account(id, end, now).await? {
                return Err(StoreError::Conflict.into());
            }
            match self.end_what_hangs_on(&mut *uow, id, now).await {
                // It ends by its own time.
                Ok(()) | Err(Infrastructure::Store(StoreError::Corrupt { .. })) => {}
                Err(error) => return Err(error.into()),
            }
            let revoked = self
                .end_certificates(&mut *uow, id, end, Some(reason), now)
                .await?;
            uow.commit().await?;
            Ok::<_, OperatorError>(Closing::of(revoked))
        })
    }

    /// Of an account that was closed before: revokes what was left good then, as of then.
    async fn close_again(
        &self,
        uow: &mut dyn UnitOfWork,
        account: &AccountName,
        reason: RevocationReason,
        now: Timestamp,
    ) -> Result<Closing, OperatorError> {
        let (at, why) = account.closed.unwrap_or((now, None));
        let end = why.unwrap_or(CloseReason::DeletedByOperator);
        let mut revoked = Vec::new();
        if let Some(reason) = end.revocation(Some(reason)) {
            let about = About::account(account.id);
            let revocation = Revocation { at, reason };
            revoked = self
                .revoke_in(uow, about, account.id, None, revocation, now)
                .await?;
        }
        if revoked.is_empty() {
            let certificates = uow.certificates_of(account.id).await?;
            let said = |one: &CertificateSummary| {
                one.revocation
                    .is_some_and(|revocation| revocation.reason == reason)
            };
            // A command that was cut off and is given again.
            if !certificates.is_empty() && certificates.iter().all(said) {
                return Ok(Closing {
                    closed_before: Some(at),
                    ..Closing::of(revoked)
                });
            }
            return Err(OperatorError::AlreadyClosed {
                number: account.document_number.clone(),
                how: why.map_or("unknown", CloseReason::code),
                at,
                certificates: standings(&certificates),
            });
        }
        Ok(Closing {
            closed_before: Some(at),
            ..Closing::of(revoked)
        })
    }

    /// Closes an account within a unit of work, with all that hangs on it: keys destroyed, certificates revoked,
    /// transactions cancelled, its sessions ended or left to the person's other phones.
    pub(in crate::service) async fn close_in(
        &self,
        uow: &mut dyn UnitOfWork,
        account: &mut Account,
        reason: CloseReason,
        now: Timestamp,
    ) -> Result<(), Infrastructure> {
        self.end_in(uow, account, reason, None, now).await?;
        Ok(())
    }

    /// As [`Service::close_in`], with what an operator said. Gives the certificates that it revoked.
    async fn end_in(
        &self,
        uow: &mut dyn UnitOfWork,
        account: &mut Account,
        reason: CloseReason,
        by_operator: Option<RevocationReason>,
        now: Timestamp,
    ) -> Result<Vec<CertificateSummary>, Infrastructure> {
        if !account.close(reason, now) {
            return Ok(Vec::new());
        }
        self.end_what_hangs_on(uow, account.id, now).await?;
        let revoked = self
            .end_certificates(uow, account.id, reason, by_operator, now)
            .await?;
        uow.save_account(account).await?;
        Ok(revoked)
    }

    async fn end_what_hangs_on(
        &self,
        uow: &mut dyn UnitOfWork,
        account: AccountId,
        now: Timestamp,
    ) -> Result<(), Infrastructure> {
        let sessions = uow.open_sessions_of(account).await?;
        for mut transaction in uow.awaiting_transactions_of(account).await? {
            transaction.state = TransactionState::Cancelled;
            uow.save_transaction(&mut transaction).await?;
        }
        for mut session in sessions {
            // A submission under evaluation ends its session itself when it finds the key gone.
            if matches!(session.state, SessionState::Completing { .. }) {
                continue;
            }
            let mut others = false;
            if session.claimed_by().is_none() {
                for candidate in session
                    .candidates
                    .iter()
                    .filter(|candidate| **candidate != account)
                {
                    others |= match uow.account(*candidate).await {
                        Ok(other) => other.is_some_and(|other| other.is_active(now)),
                        // Nobody answers with what cannot be read.
                        Err(StoreError::Corrupt { .. }) => false,
                        Err(error) => return Err(error.into()),
                    };
                }
            }
            if !others {
                let about = About::session(&session);
                session.fail(EndResult::DocumentUnusable, now);
                self.record_end(uow, &session, about, now).await?;
                uow.save_session(&mut session).await?;
            }
        }
        Ok(())
    }

    /// In the transaction that ends the keys, so that OCSP and the account never say different things.
    async fn end_certificates(
        &self,
        uow: &mut dyn UnitOfWork,
        account: AccountId,
        reason: CloseReason,
        by_operator: Option<RevocationReason>,
        now: Timestamp,
    ) -> Result<Vec<CertificateSummary>, Infrastructure> {
        let about = About::account(account);
        audit(uow, now, about, AuditEvent::AccountClosed { reason }).await?;
        match reason.revocation(by_operator) {
            None => Ok(Vec::new()),
            Some(reason) => {
                let revocation = Revocation { at: now, reason };
                self.revoke_in(uow, about, account, None, revocation, now)
                    .await
            }
        }
    }
}

impl Closing {
    fn of(revoked: Vec<CertificateSummary>) -> Self {
        Self {
            revoked,
            closed_before: None,
            unreadable: None,
        }
    }
}

async fn named(
    uow: &mut dyn UnitOfWork,
    number: &DocumentNumber,
) -> Result<AccountName, OperatorError> {
    uow.account_name_by_document(number)
        .await?
        .ok_or_else(|| OperatorError::UnknownAccount(number.clone()))
}

/// What was said of each certificate, for an operator who would say something else.
fn standings(certificates: &[CertificateSummary]) -> String {
    let each = certificates.iter().map(|one| {
        let purpose = match one.purpose() {
            Some(Purpose::Authentication) => "authentication",
            Some(Purpose::Signature) => "signature",
            None => "unknown purpose",
        };
        match one.revocation {
            Some(Revocation { at, reason }) => format!(
                "{} ({purpose}) revoked {at:.0} for {}",
                one.serial,
                reason.name()
            ),
            None => format!(
                "{} ({purpose}) not revoked, it ended {:.0}",
                one.serial, one.expires_at
            ),
        }
    });
    let each: Vec<_> = each.collect();
    match each.is_empty() {
        true => "no certificate is recorded of it".to_owned(),
        false => each.join(", "),
    }
}
