//! Sync (`splitkey.md` §4.3): what became of a submission whose answer the phone never saw.

use super::{
    DeviceError, Service, retrying,
    submit::{Judgement, Refusal, Relived},
};
use crate::domain::{Transaction, TransactionState, Verdict};
use splitkey::{TransactionId, message::Submit};
use subtle::ConstantTimeEq;

/// What one try at a sync came to.
enum Step {
    Answer(Judgement),
    /// The pending submission is still being evaluated; finish it, then look again.
    EvaluateFirst(TransactionId),
}

impl Service {
    /// Compares both of the phone's tokens with the server's one.
    ///
    /// * T_i is current: the submission never arrived, and is cancelled so that a late copy is inert.
    /// * T_{i+1} is current: it arrived; the phone gets the verdict.
    /// * neither: somebody else has spent T_i, two copies exist.
    pub(super) async fn submit_sync(
        &self,
        transaction: &Transaction,
        submit: &Submit,
        pending: TransactionId,
        request: [u8; 32],
    ) -> Result<Judgement, DeviceError> {
        loop {
            match self
                .sync_once(transaction, submit, &request, pending)
                .await?
            {
                Step::Answer(judgement) => return Ok(judgement),
                Step::EvaluateFirst(id) => match self.evaluate(id).await? {
                    Err(Refusal::Unavailable) => return Ok(Err(Refusal::Unavailable)),
                    _ => continue,
                },
            }
        }
    }

    async fn sync_once(
        &self,
        transaction: &Transaction,
        submit: &Submit,
        request: &[u8; 32],
        pending: TransactionId,
    ) -> Result<Step, DeviceError> {
        retrying!(self, |uow| {
            let now = self.now();
            let (mut account, mut tx) = match self
                .relive(&mut *uow, transaction.id, submit, request, now)
                .await?
            {
                Relived::Live(account, tx) => (*account, *tx),
                Relived::Clone => return Ok(Step::Answer(Err(Refusal::AccountClosed))),
                Relived::Answered => {
                    let stored = uow
                        .transaction(transaction.id)
                        .await?
                        .map(|transaction| transaction.state);
                    return Ok(Step::Answer(match stored {
                        Some(TransactionState::Done { verdict, .. }) => Ok(verdict),
                        _ => Err(Refusal::TransactionGone),
                    }));
                }
                Relived::Refused(refusal) => return Ok(Step::Answer(Err(refusal))),
            };
            // A sync about itself is about nothing.
            let pending = uow
                .transaction(pending)
                .await?
                .filter(|pending| pending.account == account.id && pending.id != tx.id);
            if let Some(TransactionState::Processing { .. }) =
                pending.as_ref().map(|pending| &pending.state)
            {
                return Ok(Step::EvaluateFirst(pending.expect("matched above").id));
            }
            let current = &account.device.token.0;
            let verdict = if bool::from(submit.token.hash().0.ct_eq(current)) {
                if let Some(mut pending) = pending
                    && pending.state == TransactionState::Awaiting
                {
                    pending.state = TransactionState::Cancelled;
                    uow.save_transaction(&mut pending).await?;
                }
                Verdict::NotAdvanced
            } else if bool::from(submit.next.0.ct_eq(current)) {
                Verdict::Advanced {
                    missed: match pending.map(|pending| pending.state) {
                        Some(TransactionState::Done { verdict, .. }) => Some(Box::new(verdict)),
                        _ => None,
                    },
                }
            } else {
                self.close_as_clone(&mut *uow, &mut account, now).await?;
                uow.commit().await?;
                return Ok(Step::Answer(Err(Refusal::AccountClosed)));
            };
            tx.state = TransactionState::Done {
                request: *request,
                verdict: verdict.clone(),
                at: now,
            };
            uow.save_account(&mut account).await?;
            uow.save_transaction(&mut tx).await?;
            uow.commit().await?;
            Ok::<_, DeviceError>(Step::Answer(Ok(verdict)))
        })
    }
}
