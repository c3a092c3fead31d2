//! Steps 3, 4 and 9 of `splitkey.md` §4.2: a phone's sealed submission.

use super::{
    About, AuthenticatedDevice, DeviceError, Infrastructure, Service, audit,
    authenticate::verify_device_signature,
    encode::Contribution,
    evaluate::{evaluation_place, hex},
    retrying,
};
use crate::{
    domain::{
        Account, AuditEvent, CloseReason, Evaluation, KeyState, LockState, Operation, RequestKind,
        Session, SessionState, Transaction, TransactionState, Verdict, Wrapped,
    },
    ports::KeysError,
};
use jiff::Timestamp;
use splitkey::{
    ClientModulus, JointSalt, TransactionId, UncheckedPartialSignature,
    message::{self, SignedSubmit, Submit},
    seal::{self, Kind},
};
use std::net::IpAddr;
use subtle::ConstantTimeEq;
use wire::{EndResult, device_v1};

/// A submission that was refused without counting.
pub(super) enum Refusal {
    /// The transaction is not live: superseded, expired, done with another body, or never was.
    TransactionGone,
    /// The phone signs something else than the server.
    WrongMessage,
    /// The message cannot be what an honest phone sends.
    Malformed,
    /// The account is closed, now or by this very submission.
    AccountClosed,
    /// The key is destroyed.
    KeyClosed,
    /// The key takes no PIN before this moment.
    Locked(Timestamp),
    /// Another submission for this key is being evaluated.
    Busy,
    /// The attempt counted; its verdict will come, ask again.
    Unavailable,
}

/// What a phone is told about its submission.
pub(super) type Judgement = Result<Verdict, Refusal>;

/// Length of userChallenge: base64url of a SHA-256, without padding (RP API, ACSP_V2).
const USER_CHALLENGE_LEN: usize = 43;

impl Service {
    /// Takes a phone's sealed submission and returns the sealed verdict.
    ///
    /// # Errors
    /// Only what happens before the message is open; everything after is inside the sealed answer.
    pub async fn submit(
        &self,
        device: &AuthenticatedDevice,
        id: TransactionId,
        sealed: &[u8],
        device_ip: IpAddr,
    ) -> Result<Vec<u8>, DeviceError> {
        let opened = self
            .keys
            .open(Kind::Submit, sealed)
            .await
            .map_err(|error| match error {
                KeysError::CannotOpen => DeviceError::CannotOpen,
                other => Infrastructure::from(other).into(),
            })?;
        let judgement = match Submit::decode(&opened.plaintext) {
            Ok(signed) => {
                self.judge(device, id, &signed, seal::fingerprint(sealed), device_ip)
                    .await?
            }
            Err(_) => Err(self.break_off(device, id).await?),
        };
        let answer = self.describe(judgement);
        let body = serde_json::to_vec(&answer)
            .map_err(|_| Infrastructure::Internal("a verdict that is no JSON"))?;
        Ok(opened.answer.seal(&body, &mut self.rng()))
    }

    async fn judge(
        &self,
        device: &AuthenticatedDevice,
        id: TransactionId,
        signed: &SignedSubmit,
        request: [u8; 32],
        device_ip: IpAddr,
    ) -> Result<Judgement, DeviceError> {
        let submit = &signed.submit;
        // Step 3: checks without state change.
        let (transaction, account) = {
            let mut reader = self.store.read().await?;
            let Some(transaction) = reader.transaction(id).await? else {
                return Ok(Err(Refusal::TransactionGone));
            };
            let Some(account) = reader.account(device.account()).await? else {
                return Ok(Err(Refusal::AccountClosed));
            };
            (transaction, account)
        };
        if transaction.account != account.id {
            return Ok(Err(Refusal::TransactionGone));
        }
        if let Some(judgement) = self.answer_of(&transaction, &request).await? {
            return Ok(judgement);
        }
        if !fits(submit, &transaction, &account)
            || !follows(submit)
            || verify_device_signature(
                &account.device.public_key,
                &signed.signed,
                &signed.signature,
            )
            .is_err()
        {
            return Ok(Err(self.break_off(device, id).await?));
        }
        match &submit.operation {
            message::Operation::Sign {
                fingerprint,
                partial_signature,
                user_challenge,
                ..
            } => {
                let share = Share {
                    fingerprint,
                    partial_signature,
                    user_challenge,
                };
                self.submit_signature(&transaction, &account, submit, &share, request, device_ip)
                    .await
            }
            message::Operation::Rotate => self.submit_rotation(&transaction, submit, request).await,
            message::Operation::Sync { pending } => {
                self.submit_sync(&transaction, submit, *pending, request)
                    .await
            }
        }
    }

    /// The stored answer to a repetition; `None` for a submission that is new and in time.
    async fn answer_of(
        &self,
        transaction: &Transaction,
        request: &[u8; 32],
    ) -> Result<Option<Judgement>, DeviceError> {
        Ok(match &transaction.state {
            TransactionState::Awaiting if transaction.is_live(self.now()) => None,
            TransactionState::Done {
                request: first,
                verdict,
                ..
            } if first == request => Some(Ok(verdict.clone())),
            TransactionState::Processing { request: first, .. } if first == request => {
                Some(self.evaluate(transaction.id).await?)
            }
            _ => Some(Err(Refusal::TransactionGone)),
        })
    }

    async fn submit_signature(
        &self,
        transaction: &Transaction,
        account: &Account,
        submit: &Submit,
        share: &Share<'_>,
        request: [u8; 32],
        device_ip: IpAddr,
    ) -> Result<Judgement, DeviceError> {
        let Operation::Sign {
            session: session_id,
            purpose,
            interaction,
            ref server_random,
            ..
        } = transaction.operation
        else {
            return Err(Infrastructure::Internal("a signature of another operation").into());
        };
        let Some(session) = self.store.read().await?.session(session_id).await? else {
            return Ok(Err(Refusal::TransactionGone));
        };
        let key = account.keys.of(purpose);
        let Ok(user_challenge) = user_challenge(&session, share.user_challenge) else {
            return Ok(Err(self
                .protocol_failure(transaction.id, Refusal::Malformed)
                .await?));
        };
        let part = Contribution {
            interaction,
            server_random,
            user_challenge: &user_challenge,
            salt: JointSalt {
                r: transaction.r,
                c: submit.c,
            },
        };
        // The session ended meanwhile.
        let Some(message) = self.encoded_message(&session, key.profile, &part) else {
            return Ok(Err(Refusal::TransactionGone));
        };
        if !bool::from(message.fingerprint().ct_eq(share.fingerprint)) {
            return Ok(Err(self
                .protocol_failure(transaction.id, Refusal::WrongMessage)
                .await?));
        }
        let n1 = ClientModulus::from_stored(key.profile, &key.n1)
            .map_err(|_| Infrastructure::Internal("a stored modulus that does not fit"))?;
        if share.partial_signature.check(&n1).is_err() {
            return Ok(Err(self
                .protocol_failure(transaction.id, Refusal::Malformed)
                .await?));
        }

        // Step 4: s1′ is wrapped before the transaction, so that the vault never waits inside it.
        let place = evaluation_place(transaction.id);
        let partial_signature = self
            .keys
            .protect(&place, share.partial_signature.expose_secret())
            .await?;
        let share_ip = session.request.share_device_ip;
        let evaluation = |partial_signature: Wrapped, now: Timestamp| Evaluation {
            partial_signature,
            fingerprint: Some(*share.fingerprint),
            client_nonce: submit.c,
            user_challenge: user_challenge.clone(),
            device_ip: share_ip.then_some(device_ip),
            since: now,
            pin_accepted: false,
        };
        let charged = retrying!(self, |uow| {
            let now = self.now();
            let (mut account, mut tx) = match self
                .relive(&mut *uow, transaction.id, submit, &request, now)
                .await?
            {
                Relived::Live(account, tx) => (*account, *tx),
                Relived::Clone => {
                    uow.commit().await?;
                    return Ok(Err(Some(Refusal::AccountClosed)));
                }
                Relived::Answered => return Ok(Err(None)),
                Relived::Refused(refusal) => return Ok(Err(Some(refusal))),
            };
            let Some(mut session) = uow.session(session_id).await? else {
                return Ok(Err(Some(Refusal::TransactionGone)));
            };
            let SessionState::Claimed {
                account: claimer,
                flow_type,
            } = session.state
            else {
                return Ok(Err(Some(Refusal::TransactionGone)));
            };
            if !session.is_open(now) || claimer != account.id {
                return Ok(Err(Some(Refusal::TransactionGone)));
            }
            let about = About::session(&session);
            let key = account.keys.of_mut(purpose);
            if !matches!(key.state, KeyState::Ready { .. }) {
                return Ok(Err(Some(Refusal::KeyClosed)));
            }
            if key.in_flight.is_some() {
                return Ok(Err(Some(Refusal::Busy)));
            }
            match key.pin.charge(now) {
                Ok(_) => {}
                Err(LockState::LockedUntil(until)) => return Ok(Err(Some(Refusal::Locked(until)))),
                Err(_) => return Ok(Err(Some(Refusal::KeyClosed))),
            }
            key.in_flight = Some(tx.id);
            let event = AuditEvent::AttemptCharged {
                purpose: purpose.id(),
                consecutive: key.pin.consecutive(),
                transaction: hex(&tx.id.0),
            };
            audit(&mut *uow, now, about, event).await?;
            spend_token(&mut account, submit);
            session.state = SessionState::Completing {
                account: account.id,
                flow_type,
                transaction: tx.id,
            };
            tx.state = TransactionState::Processing {
                request,
                evaluation: evaluation(partial_signature.clone(), now),
            };
            uow.save_account(&mut account).await?;
            uow.save_transaction(&mut tx).await?;
            uow.save_session(&mut session).await?;
            uow.commit().await?;
            Ok::<_, DeviceError>(Ok(()))
        })?;
        match charged {
            Ok(()) | Err(None) => self.evaluate(transaction.id).await,
            Err(Some(refusal)) => Ok(Err(refusal)),
        }
    }

    async fn submit_rotation(
        &self,
        transaction: &Transaction,
        submit: &Submit,
        request: [u8; 32],
    ) -> Result<Judgement, DeviceError> {
        retrying!(self, |uow| {
            let now = self.now();
            let (mut account, mut tx) = match self
                .relive(&mut *uow, transaction.id, submit, &request, now)
                .await?
            {
                Relived::Live(account, tx) => (*account, *tx),
                Relived::Clone => {
                    uow.commit().await?;
                    return Ok(Err(Refusal::AccountClosed));
                }
                Relived::Answered => return self.stored_verdict(&mut *uow, transaction.id).await,
                Relived::Refused(refusal) => return Ok(Err(refusal)),
            };
            spend_token(&mut account, submit);
            let verdict = Verdict::Rotated {
                seq: account.device.seq,
            };
            tx.state = TransactionState::Done {
                request,
                verdict: verdict.clone(),
                at: now,
            };
            audit(
                &mut *uow,
                now,
                About::account(account.id),
                AuditEvent::TokenRotated {
                    seq: account.device.seq,
                },
            )
            .await?;
            uow.save_account(&mut account).await?;
            uow.save_transaction(&mut tx).await?;
            uow.commit().await?;
            Ok::<_, DeviceError>(Ok(verdict))
        })
    }

    /// The re-check under the lock, in this order: the transaction is live, the account open, the
    /// token the one that comes next. Without the first, a duplicated packet would close an honest account.
    pub(super) async fn relive(
        &self,
        uow: &mut dyn crate::ports::UnitOfWork,
        id: TransactionId,
        submit: &Submit,
        request: &[u8; 32],
        now: Timestamp,
    ) -> Result<Relived, DeviceError> {
        let Some(transaction) = uow.transaction(id).await? else {
            return Ok(Relived::Refused(Refusal::TransactionGone));
        };
        match &transaction.state {
            TransactionState::Awaiting if transaction.is_live(now) => {}
            TransactionState::Done { request: first, .. }
            | TransactionState::Processing { request: first, .. }
                if first == request =>
            {
                return Ok(Relived::Answered);
            }
            _ => return Ok(Relived::Refused(Refusal::TransactionGone)),
        }
        let Some(mut account) = uow.account(transaction.account).await? else {
            return Ok(Relived::Refused(Refusal::AccountClosed));
        };
        if !account.is_active(now) {
            return Ok(Relived::Refused(Refusal::AccountClosed));
        }
        if !fits(submit, &transaction, &account) {
            return Ok(Relived::Refused(Refusal::TransactionGone));
        }
        // Op 3 compares tokens by rules of its own.
        let current = bool::from(submit.token.hash().0.ct_eq(&account.device.token.0));
        if !matches!(transaction.operation, Operation::Sync) && !current {
            self.close_as_clone(uow, &mut account, now).await?;
            return Ok(Relived::Clone);
        }
        Ok(Relived::Live(Box::new(account), Box::new(transaction)))
    }

    /// Two copies of one phone: both are shut out, whether or not the PIN was right.
    pub(super) async fn close_as_clone(
        &self,
        uow: &mut dyn crate::ports::UnitOfWork,
        account: &mut Account,
        now: Timestamp,
    ) -> Result<(), DeviceError> {
        let event = AuditEvent::CloneDetected {
            seq: account.device.seq,
        };
        audit(uow, now, About::account(account.id), event).await?;
        self.close_in(uow, account, CloseReason::Cloned, now)
            .await?;
        Ok(())
    }

    async fn stored_verdict(
        &self,
        uow: &mut dyn crate::ports::UnitOfWork,
        id: TransactionId,
    ) -> Result<Judgement, DeviceError> {
        Ok(
            match uow
                .transaction(id)
                .await?
                .map(|transaction| transaction.state)
            {
                Some(TransactionState::Done { verdict, .. }) => Ok(verdict),
                _ => Err(Refusal::TransactionGone),
            },
        )
    }

    /// Evaluates a charged transaction; a vault that is down leaves it to be taken up again, a crowd to whoever is at it.
    pub(super) async fn evaluate(&self, id: TransactionId) -> Result<Judgement, DeviceError> {
        match self.finish_evaluation(id).await {
            Ok(Some(verdict)) => Ok(Ok(verdict)),
            Ok(None) => Ok(Err(Refusal::TransactionGone)),
            Err(Infrastructure::Keys(_) | Infrastructure::Crowded) => Ok(Err(Refusal::Unavailable)),
            Err(other) => Err(other.into()),
        }
    }

    /// A message that no honest phone sends, on a live transaction of this device.
    async fn break_off(
        &self,
        device: &AuthenticatedDevice,
        id: TransactionId,
    ) -> Result<Refusal, DeviceError> {
        let owned = self
            .store
            .read()
            .await?
            .transaction(id)
            .await?
            .is_some_and(|transaction| transaction.account == device.account());
        if owned {
            self.protocol_failure(id, Refusal::Malformed).await
        } else {
            Ok(Refusal::Malformed)
        }
    }

    /// Cancels the transaction and ends its session PROTOCOL_FAILURE; no attempt is counted.
    async fn protocol_failure(
        &self,
        id: TransactionId,
        refusal: Refusal,
    ) -> Result<Refusal, DeviceError> {
        retrying!(self, |uow| {
            let now = self.now();
            let Some(mut transaction) = uow.transaction(id).await? else {
                return Ok(());
            };
            if !transaction.is_live(now) {
                return Ok(());
            }
            if let Operation::Sign { session, .. } = transaction.operation
                && let Some(mut session) = uow.session(session).await?
                && session.is_open(now)
            {
                let about = About::session(&session);
                session.fail(EndResult::ProtocolFailure, now);
                self.record_end(&mut *uow, &session, about, now).await?;
                uow.save_session(&mut session).await?;
            }
            transaction.state = TransactionState::Cancelled;
            uow.save_transaction(&mut transaction).await?;
            uow.commit().await?;
            Ok::<_, DeviceError>(())
        })?;
        Ok(refusal)
    }

    /// The judgement in the words of the device API.
    fn describe(&self, judgement: Judgement) -> device_v1::Verdict {
        let now = self.now();
        let seconds = |until: Timestamp| {
            u64::try_from(until.duration_since(now).as_secs().max(0)).unwrap_or(0)
        };
        match judgement {
            Ok(verdict) => describe_verdict(verdict, &seconds),
            Err(refusal) => {
                let (code, locked_seconds) = match refusal {
                    Refusal::TransactionGone => ("tx_gone", None),
                    Refusal::WrongMessage => ("dtbs_mismatch", None),
                    Refusal::Malformed => ("malformed", None),
                    Refusal::AccountClosed => ("account_closed", None),
                    Refusal::KeyClosed => ("key_closed", None),
                    Refusal::Locked(until) => ("locked", Some(seconds(until))),
                    Refusal::Busy => ("busy", None),
                    Refusal::Unavailable => ("server_unavailable", None),
                };
                device_v1::Verdict::Refused {
                    code: code.to_owned(),
                    locked_seconds,
                }
            }
        }
    }
}

/// What the re-check under the lock found.
pub(super) enum Relived {
    /// Go on with these rows.
    Live(Box<Account>, Box<Transaction>),
    /// The account was closed as a clone; commit.
    Clone,
    /// The very same submission came before.
    Answered,
    /// No.
    Refused(Refusal),
}

/// The submission names the same device, transaction, operation, nonce, key, purpose and profile as the
/// transaction that it is for.
fn fits(submit: &Submit, transaction: &Transaction, account: &Account) -> bool {
    let operation_fits = match (&submit.operation, &transaction.operation) {
        (
            message::Operation::Sign {
                purpose, key_id, ..
            },
            Operation::Sign {
                key,
                purpose: expected,
                ..
            },
        ) => {
            purpose == expected
                && key_id == key
                && submit.profile == account.keys.of(*expected).profile
        }
        (message::Operation::Rotate, Operation::Rotate)
        | (message::Operation::Sync { .. }, Operation::Sync) => true,
        _ => false,
    };
    operation_fits
        && submit.device_id == account.device.id
        && submit.transaction_id == transaction.id
        && bool::from(submit.r.ct_eq(&transaction.r))
}

/// T_{i+1} was made from T_i, r and c as a phone makes it (`splitkey.md` §4.2 step 2). A sync spends no token.
///
/// Without this, a copy could name a token that the other copy holds as the next one and so hand the chain back, and
/// the other would never present a spent token.
fn follows(submit: &Submit) -> bool {
    if matches!(submit.operation, message::Operation::Sync { .. }) {
        return true;
    }
    submit.seq.checked_add(1).is_some_and(|seq| {
        let next = submit
            .token
            .next(submit.device_id, seq, &submit.r, &submit.c);
        next.hash() == submit.next
    })
}

/// The phone's part of a signature, as submitted.
struct Share<'a> {
    fingerprint: &'a [u8; 32],
    partial_signature: &'a UncheckedPartialSignature,
    user_challenge: &'a [u8],
}

/// The freshness chain moves on (`splitkey.md` §4.2 step 4).
fn spend_token(account: &mut Account, submit: &Submit) {
    account.device.token = submit.next;
    account.device.seq += 1;
    // Not back to zero: a copy that cancels what the honest phone begins must not undo the count at will.
    account.device.superseded = account.device.superseded.saturating_sub(1);
}

/// userChallenge of an authentication: 43 base64url characters; none for a signature.
fn user_challenge(session: &Session, bytes: &[u8]) -> Result<String, ()> {
    let text = std::str::from_utf8(bytes).map_err(|_| ())?;
    let valid = match session.request.kind {
        RequestKind::Signature { .. }
        | RequestKind::HashAuthentication { .. }
        | RequestKind::CertificateChoice => text.is_empty(),
        RequestKind::Authentication { .. } => {
            text.len() == USER_CHALLENGE_LEN
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        }
    };
    if valid { Ok(text.to_owned()) } else { Err(()) }
}

fn describe_verdict(verdict: Verdict, seconds: &dyn Fn(Timestamp) -> u64) -> device_v1::Verdict {
    match verdict {
        Verdict::Signed { seq, signature } => device_v1::Verdict::Signed {
            seq,
            signature: signature.into(),
        },
        Verdict::WrongPin { seq, outcome } => device_v1::Verdict::WrongPin {
            seq,
            attempts_left: outcome.attempts_left,
            locked_seconds: outcome.locked_until.map(seconds),
            r#final: outcome.destroyed,
        },
        Verdict::Rotated { seq } => device_v1::Verdict::Rotated { seq },
        Verdict::NotAdvanced => device_v1::Verdict::NotAdvanced,
        Verdict::Advanced { missed } => device_v1::Verdict::Advanced {
            verdict: missed.map(|verdict| Box::new(describe_verdict(*verdict, seconds))),
        },
        Verdict::Failed { .. } => device_v1::Verdict::Refused {
            code: "server_unavailable".to_owned(),
            locked_seconds: None,
        },
    }
}
