//! Steps 5–8 of `splitkey.md` §4.2: from a charged attempt to a verdict, also after a crash.

use super::{About, Infrastructure, Service, audit, encode::Contribution, flights, retrying};
use crate::{
    domain::{
        Account, AccountKey, AuditEvent, CloseReason, Completed, Evaluation, KeyState, Operation,
        RequestKind, Session, SessionState, Transaction, TransactionState, Verdict,
    },
    policy::STUCK_EVALUATION,
    ports::{KeysError, Reader},
};
use jiff::Timestamp;
use pki::Revocation;
use splitkey::{
    ClientModulus, CompositeModulus, JointSalt, ServerModulus, TransactionId,
    UncheckedPartialSignature, VerifiedSignature, check_client_half, complete,
};
use wire::EndResult;

/// All that one evaluation works on, read in one snapshot.
struct Case {
    transaction: Transaction,
    account: Account,
    session: Session,
    evaluation: Evaluation,
}

/// What the arithmetic said.
enum Outcome {
    RightPin(Box<VerifiedSignature>),
    WrongPin,
    /// The account was closed, or the key destroyed, while the attempt waited.
    KeyGone,
    /// The key vault could not be used until the deadline, or what was charged cannot be evaluated any more; the attempt
    /// stays charged.
    GaveUp,
}

impl Service {
    /// Finishes the evaluation of a transaction in Processing and returns its verdict.
    ///
    /// Safe to call twice and after a crash: the verdict is committed once.
    ///
    /// # Errors
    /// `None` inside Ok: the transaction is not in Processing and has no verdict. An error leaves the
    /// attempt charged and the evaluation to be taken up again; [`Infrastructure::Crowded`]: others are at it.
    pub(super) async fn finish_evaluation(
        &self,
        id: TransactionId,
    ) -> Result<Option<Verdict>, Infrastructure> {
        // Whoever comes while this is under way waits for its verdict instead of computing it again.
        let _flight = self
            .flights
            .take_off(id)
            .await
            .map_err(|flights::Crowded| Infrastructure::Crowded)?;
        let case = {
            let mut reader = self.store.read().await?;
            match self.load_case(&mut *reader, id).await? {
                Ok(case) => case,
                Err(verdict) => return Ok(verdict),
            }
        };
        let outcome = match self.compute(&case).await {
            Ok(outcome) => outcome,
            // The n2 half failed after a right PIN: the person must not pay for it.
            Err((true, error)) => {
                self.remember_right_pin(id).await?;
                return Err(error);
            }
            Err((false, error)) => return Err(error),
        };
        self.commit_verdict(id, outcome).await
    }

    /// Ends an evaluation that the key vault cannot finish: the attempt stays charged unless the PIN was
    /// found right, the session ends SERVER_ERROR.
    pub(super) async fn give_up_evaluation(&self, id: TransactionId) -> Result<(), Infrastructure> {
        self.commit_verdict(id, Outcome::GaveUp).await.map(|_| ())
    }

    async fn load_case(
        &self,
        reader: &mut dyn Reader,
        id: TransactionId,
    ) -> Result<Result<Case, Option<Verdict>>, Infrastructure> {
        let Some(transaction) = reader.transaction(id).await? else {
            return Ok(Err(None));
        };
        let evaluation = match &transaction.state {
            TransactionState::Processing { evaluation, .. } => evaluation.clone(),
            TransactionState::Done { verdict, .. } => return Ok(Err(Some(verdict.clone()))),
            TransactionState::Awaiting | TransactionState::Cancelled => return Ok(Err(None)),
        };
        let Operation::Sign { session, .. } = transaction.operation else {
            return Err(Infrastructure::Internal("only signing is evaluated"));
        };
        let account =
            reader
                .account(transaction.account)
                .await?
                .ok_or(Infrastructure::Internal(
                    "a transaction without its account",
                ))?;
        let session = reader
            .session(session)
            .await?
            .ok_or(Infrastructure::Internal(
                "an evaluation without its session",
            ))?;
        Ok(Ok(Case {
            transaction,
            account,
            session,
            evaluation,
        }))
    }

    /// The arithmetic; changes nothing. The flag in the error says that the PIN was found right.
    async fn compute(&self, case: &Case) -> Result<Outcome, (bool, Infrastructure)> {
        let early = |error: Infrastructure| (false, error);
        let late = |error: Infrastructure| (true, error);
        let Operation::Sign {
            purpose,
            interaction,
            ref server_random,
            ..
        } = case.transaction.operation
        else {
            return Err(early(Infrastructure::Internal("only signing is evaluated")));
        };
        let key = case.account.keys.of(purpose);
        let KeyState::Ready {
            server_share,
            server_half,
        } = &key.state
        else {
            return Ok(Outcome::KeyGone);
        };
        let part = Contribution {
            interaction,
            server_random,
            user_challenge: &case.evaluation.user_challenge,
            salt: JointSalt {
                r: case.transaction.r,
                c: case.evaluation.client_nonce,
            },
        };
        // It could be encoded when it was charged.
        let Some(message) = self.encoded_message(&case.session, key.profile, &part) else {
            return Ok(Outcome::GaveUp);
        };
        // Under other settings than those it was charged under, the message is another one: a right PIN would look
        // wrong. That is our failure, not the person's.
        if case
            .evaluation
            .fingerprint
            .is_some_and(|charged| charged != message.fingerprint())
        {
            return Ok(Outcome::GaveUp);
        }
        let (n1, composite) = moduli(key).map_err(early)?;

        let place = evaluation_place(case.transaction.id);
        let partial = self
            .keys
            .reveal(&place, &case.evaluation.partial_signature)
            .await
            .map_err(|error| early(error.into()))?;
        let partial = UncheckedPartialSignature::new(partial)
            .check(&n1)
            .map_err(|_| early(Infrastructure::Internal("a charged share out of range")))?;
        let server_part = self
            .keys
            .apply_share(key.id, server_share, &n1, &message)
            .await
            .map_err(|error| early(error.into()))?;
        let Ok(half) = check_client_half(&message, &partial, &server_part, &n1) else {
            return Ok(Outcome::WrongPin);
        };
        let server_half = self
            .keys
            .apply_half(server_half, &message)
            .await
            .map_err(|error| late(error.into()))?;
        let faulty = || late(Infrastructure::Keys(KeysError::FaultyComputation));
        let signature = complete(half, &server_half, &composite, &message).map_err(|_| faulty())?;
        Ok(Outcome::RightPin(Box::new(signature)))
    }

    async fn remember_right_pin(&self, id: TransactionId) -> Result<(), Infrastructure> {
        retrying!(self, |uow| {
            let Some(mut transaction) = uow.transaction(id).await? else {
                return Ok(());
            };
            let TransactionState::Processing { evaluation, .. } = &mut transaction.state else {
                return Ok(());
            };
            if evaluation.pin_accepted {
                return Ok(());
            }
            evaluation.pin_accepted = true;
            let Operation::Sign { purpose, .. } = transaction.operation else {
                return Ok(());
            };
            let Some(mut account) = uow.account(transaction.account).await? else {
                return Ok(());
            };
            account.keys.of_mut(purpose).pin.succeed();
            uow.save_account(&mut account).await?;
            uow.save_transaction(&mut transaction).await?;
            uow.commit().await.map_err(Infrastructure::from)
        })
    }

    /// Transaction 2: the verdict, the counter, the session, the audit trail, all or nothing.
    async fn commit_verdict(
        &self,
        id: TransactionId,
        outcome: Outcome,
    ) -> Result<Option<Verdict>, Infrastructure> {
        retrying!(self, |uow| {
            let now = self.now();
            let case = match self.load_case(&mut *uow, id).await? {
                Ok(case) => case,
                Err(verdict) => return Ok(verdict),
            };
            let Case {
                mut transaction,
                mut account,
                mut session,
                evaluation,
            } = case;
            let Operation::Sign {
                purpose,
                interaction,
                ref server_random,
                ..
            } = transaction.operation
            else {
                return Err(Infrastructure::Internal("only signing is evaluated"));
            };
            let TransactionState::Processing { request, .. } = transaction.state else {
                return Err(Infrastructure::Internal("a case that is not in Processing"));
            };
            let seq = account.device.seq;
            let ours = account.keys.of(purpose).in_flight == Some(id);
            let about = About::session(&session);

            let verdict = if !ours || matches!(outcome, Outcome::KeyGone) {
                session.fail(EndResult::DocumentUnusable, now);
                Verdict::Failed { seq }
            } else if matches!(outcome, Outcome::GaveUp) {
                session.fail(EndResult::ServerError, now);
                if evaluation.pin_accepted {
                    account.keys.of_mut(purpose).in_flight = None;
                } else {
                    // The attempt stays charged, so the lock that follows from the count is set as for a wrong PIN.
                    self.count_wrong_pin(
                        &mut *uow,
                        now,
                        about,
                        &mut account,
                        &mut session,
                        purpose,
                        seq,
                    )
                    .await?;
                }
                Verdict::Failed { seq }
            } else if let Outcome::RightPin(signature) = &outcome {
                let key = account.keys.of_mut(purpose);
                key.in_flight = None;
                if !evaluation.pin_accepted {
                    key.pin.succeed();
                }
                audit(
                    &mut *uow,
                    now,
                    about,
                    AuditEvent::PinAccepted {
                        purpose: purpose.id(),
                        transaction: hex(&id.0),
                    },
                )
                .await?;
                if now.duration_since(session.deadline) > STUCK_EVALUATION || session.is_finished()
                {
                    session.fail(EndResult::Timeout, now);
                    Verdict::Failed { seq }
                } else {
                    let bytes = signature.as_bytes().to_vec();
                    let part = Contribution {
                        interaction,
                        server_random,
                        user_challenge: &evaluation.user_challenge,
                        salt: JointSalt {
                            r: transaction.r,
                            c: evaluation.client_nonce,
                        },
                    };
                    let digest = self.digest(&session, &part);
                    let (Some(digest), Some(flow_type)) = (digest, session.flow_type()) else {
                        return Err(Infrastructure::Internal(
                            "a verified message that cannot be encoded",
                        ));
                    };
                    let authentication =
                        matches!(session.request.kind, RequestKind::Authentication { .. });
                    session.state = SessionState::Completed(Box::new(Completed {
                        account: account.id,
                        document_number: session.request.document_number(&account.document_number),
                        certificate: account.keys.of(purpose).certificate.clone(),
                        level: self.claims_of(account.keys.of(purpose))?.level,
                        signature: VerifiedSignature::clone(signature),
                        digest,
                        flow_type,
                        interaction,
                        server_random: if authentication {
                            server_random.clone()
                        } else {
                            String::new()
                        },
                        user_challenge: evaluation.user_challenge.clone(),
                        device_ip: evaluation.device_ip,
                        at: now,
                    }));
                    Verdict::Signed {
                        seq,
                        signature: bytes,
                    }
                }
            } else {
                self.count_wrong_pin(
                    &mut *uow,
                    now,
                    about,
                    &mut account,
                    &mut session,
                    purpose,
                    seq,
                )
                .await?
            };
            if session.is_finished() {
                self.record_end(&mut *uow, &session, about, now).await?;
            }
            transaction.state = TransactionState::Done {
                request,
                verdict: verdict.clone(),
                at: now,
            };
            uow.save_account(&mut account).await?;
            uow.save_session(&mut session).await?;
            uow.save_transaction(&mut transaction).await?;
            uow.commit().await?;
            Ok(Some(verdict))
        })
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one transaction's rows, each changed"
    )]
    async fn count_wrong_pin(
        &self,
        uow: &mut dyn crate::ports::UnitOfWork,
        now: Timestamp,
        about: About,
        account: &mut Account,
        session: &mut Session,
        purpose: splitkey::Purpose,
        seq: u64,
    ) -> Result<Verdict, Infrastructure> {
        let account_id = account.id;
        let key = account.keys.of_mut(purpose);
        key.in_flight = None;
        let outcome = key.pin.fail(now);
        audit(
            uow,
            now,
            about,
            AuditEvent::PinRefused {
                purpose: purpose.id(),
                consecutive: key.pin.consecutive(),
                locked_until: outcome.locked_until,
            },
        )
        .await?;
        if let Some(failures) = key.pin.patient_failures() {
            let event = AuditEvent::GuessingSuspected {
                purpose: purpose.id(),
                failures,
            };
            audit(uow, now, about, event).await?;
        }
        if outcome.destroyed {
            key.destroy(CloseReason::PinLocked, now);
            let event = AuditEvent::KeyDestroyed {
                purpose: purpose.id(),
                reason: CloseReason::PinLocked,
            };
            audit(uow, now, about, event).await?;
            if let Some(reason) = CloseReason::PinLocked.revocation(None) {
                let revocation = Revocation { at: now, reason };
                self.revoke_in(uow, about, account_id, Some(purpose), revocation, now)
                    .await?;
            }
        }
        if outcome.destroyed || outcome.locked_until.is_some() {
            session.fail(EndResult::DocumentUnusable, now);
        } else if now >= session.deadline {
            session.fail(EndResult::Timeout, now);
        } else if let Some(flow_type) = session.flow_type()
            && !session.is_finished()
        {
            // The person may try again while the request lives.
            session.state = SessionState::Claimed {
                account: account_id,
                flow_type,
            };
        }
        Ok(Verdict::WrongPin { seq, outcome })
    }
}

/// The place that s1′ of a transaction is wrapped for.
pub(super) fn evaluation_place(id: TransactionId) -> String {
    format!("transaction/{}/partial_signature", hex(&id.0))
}

/// n1 and n of a stored key, as the arithmetic needs them.
fn moduli(key: &AccountKey) -> Result<(ClientModulus, CompositeModulus), Infrastructure> {
    let damaged = |_| Infrastructure::Internal("a stored modulus that does not fit");
    let n1 = ClientModulus::from_stored(key.profile, &key.n1).map_err(damaged)?;
    let n2 = ServerModulus::from_bytes(key.profile, &key.n2).map_err(damaged)?;
    let composite = CompositeModulus::new(&n1, &n2).map_err(damaged)?;
    Ok((n1, composite))
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
