//! What a phone may do before it submits: see what is waiting, begin, refuse.

use super::{
    About, AuthenticatedDevice, DeviceError, Infrastructure, Service, audit, evaluate::hex,
    retrying,
};
use crate::{
    domain::{
        Account, AccountKey, AuditEvent, Flow, KeyState, LockState, Operation, RequestKind,
        Session, SessionState, Transaction, TransactionState,
    },
    fixture_keys,
    policy::{MAINTENANCE_TRANSACTION_LIFETIME, MAX_SUPERSEDED},
    ports::UnitOfWork,
};
use base64ct::{Base64, Encoding};
use jiff::{SignedDuration, Timestamp};
use splitkey::TransactionId;
use wire::{EndResult, InteractionType, SessionId, device_v1};

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

impl Service {
    /// The requests that wait for this phone, the oldest first (R67, R68).
    ///
    /// # Errors
    /// The account is closed, or the database cannot be used.
    pub async fn pending(
        &self,
        device: &AuthenticatedDevice,
    ) -> Result<device_v1::PendingTransactions, DeviceError> {
        let now = self.now();
        let mut reader = self.store.read().await?;
        let account = active(reader.account(device.account()).await?, now)?;
        let sessions = reader.open_sessions_of(account.id).await?;
        Ok(device_v1::PendingTransactions {
            pending: sessions
                .iter()
                .filter(|session| session.is_open(now) && session.concerns(account.id))
                .filter_map(describe_pending)
                .collect(),
            account: self.describe_account(&account),
        })
    }

    /// Begins a transaction; it supersedes whatever the device has begun and not submitted.
    ///
    /// For a signature it claims the session: the first phone to confirm gets it.
    ///
    /// # Errors
    /// By cause, see [`DeviceError`].
    pub async fn begin(
        &self,
        device: &AuthenticatedDevice,
        begin: &device_v1::Begin,
    ) -> Result<device_v1::TransactionOffer, DeviceError> {
        retrying!(self, |uow| {
            let now = self.now();
            let mut account = active(uow.account(device.account()).await?, now)?;
            // Signing as well: a copy that uses the budget up, so that the other phone cannot betray it, gains nothing.
            let maintained = uow.count_maintenance_of(account.id, now - MINUTE).await?;
            if maintained >= u64::from(self.policy.maintenance_per_minute) {
                return Err(DeviceError::TooManyRequests {
                    retry_after: MINUTE,
                });
            }
            let (operation, expires_at, sign) = match begin.operation {
                device_v1::Operation::Sign => {
                    let Some(session) = begin.session_id else {
                        return Err(DeviceError::SessionGone);
                    };
                    match self
                        .claim(&mut *uow, &account, session, &begin.interaction_types, now)
                        .await?
                    {
                        Ok((operation, deadline, sign)) => (operation, deadline, Some(sign)),
                        Err(error) => {
                            uow.commit().await?;
                            return Ok(Err(error));
                        }
                    }
                }
                device_v1::Operation::Rotate => (
                    Operation::Rotate,
                    now + MAINTENANCE_TRANSACTION_LIFETIME,
                    None,
                ),
                device_v1::Operation::Sync => (
                    Operation::Sync,
                    now + MAINTENANCE_TRANSACTION_LIFETIME,
                    None,
                ),
            };
            for mut superseded in uow.awaiting_transactions_of(account.id).await? {
                // Not counted beyond the limit: whoever repeats a recorded begin must not freeze for more than one rotation.
                if !matches!(superseded.operation, Operation::Sign { .. })
                    && account.device.superseded < MAX_SUPERSEDED
                {
                    account.device.superseded += 1;
                    if account.device.superseded == MAX_SUPERSEDED {
                        let event = AuditEvent::SigningFrozen {
                            superseded: MAX_SUPERSEDED,
                        };
                        audit(&mut *uow, now, About::account(account.id), event).await?;
                    }
                }
                superseded.state = TransactionState::Cancelled;
                uow.save_transaction(&mut superseded).await?;
            }
            let transaction = Transaction {
                id: TransactionId(self.random()),
                account: account.id,
                operation,
                r: self.random(),
                created_at: now,
                expires_at,
                state: TransactionState::Awaiting,
                version: 0,
            };
            if let Some(session) = begin.session_id.filter(|_| sign.is_some())
                && let Some(session) = uow.session(session).await?
            {
                let event = AuditEvent::SessionClaimed {
                    transaction: hex(&transaction.id.0),
                };
                audit(&mut *uow, now, About::session(&session), event).await?;
            }
            uow.insert_transaction(&transaction).await?;
            uow.save_account(&mut account).await?;
            uow.commit().await?;
            Ok(Ok(device_v1::TransactionOffer {
                transaction_id: wire::TransactionId(transaction.id.0),
                r: transaction.r.into(),
                expires_at,
                operation: begin.operation,
                sign,
            }))
        })?
    }

    /// Takes the session for this account. The inner error is one that is committed with its effect.
    async fn claim(
        &self,
        uow: &mut dyn UnitOfWork,
        account: &Account,
        session: SessionId,
        shows: &[InteractionType],
        now: Timestamp,
    ) -> Result<Result<(Operation, Timestamp, device_v1::SignOffer), DeviceError>, DeviceError>
    {
        if account.device.superseded >= MAX_SUPERSEDED {
            return Err(DeviceError::Frozen);
        }
        let begun = uow.count_transactions_of(account.id, now - MINUTE).await?;
        if begun >= u64::from(self.policy.begins_per_minute) {
            return Err(DeviceError::TooManyRequests {
                retry_after: MINUTE,
            });
        }
        let mut session = uow
            .session(session)
            .await?
            .ok_or(DeviceError::SessionGone)?;
        if !session.concerns(account.id) {
            return Err(DeviceError::SessionGone);
        }
        if matches!(session.state, SessionState::Completing { .. }) {
            return Err(DeviceError::SessionCompleting);
        }
        if !session.is_open(now) {
            return Err(DeviceError::SessionGone);
        }
        // A link is used before anything is begun on it; a certificate is given by consent.
        let (Some(flow_type), Some(signing)) = (session.flow_type(), &session.request.signing)
        else {
            return Err(DeviceError::SessionGone);
        };
        let key = account.keys.of(session.request.kind.purpose());
        self.takes_pin(key, now)?;
        let Some(interaction) = signing.interactions.first_supported(shows) else {
            let about = About::session(&session);
            session.fail(EndResult::RequiredInteractionNotSupportedByApp, now);
            self.record_end(uow, &session, about, now).await?;
            uow.save_session(&mut session).await?;
            return Ok(Err(DeviceError::NoCommonInteraction));
        };
        let (signature_algorithm, hash_algorithm) =
            (signing.signature_algorithm, signing.hash_algorithm);
        let interactions = signing.interactions.base64().to_owned();
        session.state = SessionState::Claimed {
            account: account.id,
            flow_type,
        };
        uow.save_session(&mut session).await?;

        let request = &session.request;
        let (kind, rp_challenge, digest, server_random) = match &request.kind {
            RequestKind::Authentication { rp_challenge } => (
                device_v1::RequestKind::Authentication,
                Some(rp_challenge.clone()),
                None,
                // 24 bytes: longer than 18 bytes and at least 24 characters (rp-api.md §6).
                Base64::encode_string(&self.random::<24>()),
            ),
            RequestKind::HashAuthentication { hash } => (
                device_v1::RequestKind::Authentication,
                None,
                Some(hash.clone().into()),
                String::new(),
            ),
            RequestKind::Signature { digest } => (
                device_v1::RequestKind::Signature,
                None,
                Some(digest.clone().into()),
                String::new(),
            ),
            RequestKind::CertificateChoice => return Err(DeviceError::SessionGone),
        };
        let sign = device_v1::SignOffer {
            session_id: session.id,
            key_id: wire::KeyId(key.id.0),
            kind,
            scheme_name: self.policy.scheme_name.clone(),
            relying_party_name: request.relying_party_name.clone(),
            brokered_rp_name: request.brokered_rp_name.clone(),
            certificate_level: request.certificate_level,
            interactions,
            interaction_type_used: interaction,
            flow_type,
            signature_algorithm,
            hash_algorithm,
            rp_challenge,
            server_random: (!server_random.is_empty()).then(|| server_random.clone()),
            digest,
            verification_code: request.verification_code.clone(),
            initial_callback_url: request.signed_callback_url(flow_type).to_owned(),
        };
        let operation = Operation::Sign {
            session: session.id,
            key: key.id,
            purpose: key.purpose,
            interaction,
            server_random,
        };
        Ok(Ok((operation, session.deadline, sign)))
    }

    /// The person says no, or the phone cannot say yes (R88): the session ends on all her phones.
    ///
    /// # Errors
    /// The session is gone or just being completed.
    pub async fn refuse(
        &self,
        device: &AuthenticatedDevice,
        session: SessionId,
        refusal: &device_v1::Refusal,
    ) -> Result<(), DeviceError> {
        retrying!(self, |uow| {
            let now = self.now();
            let account = active(uow.account(device.account()).await?, now)?;
            let mut session = uow
                .session(session)
                .await?
                .ok_or(DeviceError::SessionGone)?;
            if !session.concerns(account.id) {
                return Err(DeviceError::SessionGone);
            }
            if matches!(session.state, SessionState::Completing { .. }) {
                return Err(DeviceError::SessionCompleting);
            }
            if !session.is_open(now) {
                return Err(DeviceError::SessionGone);
            }
            for mut transaction in uow.awaiting_transactions_of(account.id).await? {
                if matches!(transaction.operation, Operation::Sign { session: of, .. } if of == session.id)
                {
                    transaction.state = TransactionState::Cancelled;
                    uow.save_transaction(&mut transaction).await?;
                }
            }
            session.fail(end_result(refusal), now);
            let about = About {
                account: Some(account.id),
                ..About::session(&session)
            };
            self.record_end(&mut *uow, &session, about, now).await?;
            uow.save_session(&mut session).await?;
            uow.commit().await?;
            Ok(())
        })
    }

    /// The key can be used now.
    pub(super) fn takes_pin(&self, key: &AccountKey, now: Timestamp) -> Result<(), DeviceError> {
        match (&key.state, key.pin.state(now)) {
            (KeyState::Ready { .. }, LockState::Open { .. }) => {}
            (KeyState::Ready { .. }, LockState::LockedUntil(until)) => {
                return Err(DeviceError::KeyLocked { until: Some(until) });
            }
            _ => return Err(DeviceError::KeyLocked { until: None }),
        }
        // The policy may have been another one when the account was made.
        if !self.policy.fixture_keys && fixture_keys::is_published(&key.n1) {
            return Err(DeviceError::PublishedKey);
        }
        Ok(())
    }
}

fn end_result(refusal: &device_v1::Refusal) -> EndResult {
    match refusal {
        device_v1::Refusal::User {} => EndResult::UserRefused,
        device_v1::Refusal::Interaction { interaction } => {
            EndResult::UserRefusedInteraction(*interaction)
        }
        device_v1::Refusal::WrongVerificationCode {} => EndResult::WrongVc,
        device_v1::Refusal::DeviceChoice {} => EndResult::UserRefusedCertChoice,
        device_v1::Refusal::UnsupportedInteraction {} => {
            EndResult::RequiredInteractionNotSupportedByApp
        }
        device_v1::Refusal::ExpectedLinkedSession {} => EndResult::ExpectedLinkedSession,
    }
}

/// A session as the phone sees it that has it, or may have it; nothing for one that no phone may have yet.
pub(super) fn describe_pending(session: &Session) -> Option<device_v1::PendingSession> {
    let request = &session.request;
    let flow_type = session.flow_type()?;
    Some(device_v1::PendingSession {
        session_id: session.id,
        kind: match request.kind {
            RequestKind::Authentication { .. } | RequestKind::HashAuthentication { .. } => {
                device_v1::RequestKind::Authentication
            }
            RequestKind::Signature { .. } => device_v1::RequestKind::Signature,
            RequestKind::CertificateChoice => device_v1::RequestKind::CertificateChoice,
        },
        relying_party_name: request.relying_party_name.clone(),
        brokered_rp_name: request.brokered_rp_name.clone(),
        interactions: request
            .interactions()
            .map(|interactions| interactions.base64().to_owned()),
        verification_code: request.verification_code.clone(),
        flow_type,
        linked_session_id: match request.flow {
            Flow::Linked { session, .. } => Some(session),
            Flow::Notification | Flow::DeviceLink(_) => None,
        },
        callback: request
            .callback(flow_type)
            .map(|callback| device_v1::Callback {
                initial_callback_url: callback.initial_callback_url,
                session_secret_digest: callback.session_secret_digest,
            }),
        several_devices: session.candidates.len() > 1,
        expires_at: session.deadline,
    })
}

/// The account, if it can be used.
pub(super) fn active(account: Option<Account>, now: Timestamp) -> Result<Account, DeviceError> {
    use crate::domain::{AccountState, CloseReason};
    let account = account.ok_or(Infrastructure::Internal(
        "an authenticated device without account",
    ))?;
    match account.state {
        AccountState::Closed { reason, .. } => Err(DeviceError::AccountClosed(reason)),
        AccountState::Active if account.is_active(now) => Ok(account),
        AccountState::Active => Err(DeviceError::AccountClosed(CloseReason::Expired)),
    }
}
