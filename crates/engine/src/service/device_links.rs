//! A phone uses a device link, and gives a certificate: what needs no PIN.

use super::{
    About, AuthenticatedDevice, DeviceError, Service, audit,
    begin::{active, describe_pending},
    retrying,
};
use crate::{
    domain::{
        Account, AuditEvent, Chosen, DeviceLinkFlow, Flow, RequestKind, Session, SessionState,
    },
    policy::{MAX_LINK_AGE, MAX_LINK_LEAD},
    ports::UnitOfWork,
};
use base64ct::{Base64, Encoding};
use jiff::{SignedDuration, Timestamp};
use std::net::IpAddr;
use wire::{
    EndResult, SessionId,
    device_link::{AuthCodeFields, DeviceLink, DeviceLinkType, auth_code},
    device_v1,
};

impl Service {
    /// Binds the session of a device link to this phone. The first valid use counts; the same phone may repeat it.
    ///
    /// # Errors
    /// By cause, see [`DeviceError`]. A link that was not made with the session's secret ends the session
    /// PROTOCOL_FAILURE; one that is too old, or another person's, changes nothing.
    pub async fn use_device_link(
        &self,
        device: &AuthenticatedDevice,
        link: &DeviceLink,
    ) -> Result<device_v1::PendingSession, DeviceError> {
        if link.base() != self.policy.device_link_base() {
            return Err(DeviceError::DeviceLinkGone);
        }
        retrying!(self, |uow| {
            let now = self.now();
            let account = active(uow.account(device.account()).await?, now)?;
            let mut session = uow
                .session_by_token(link.session_token())
                .await?
                .ok_or(DeviceError::DeviceLinkGone)?;
            let used = self
                .bind(&mut *uow, &account, &mut session, link, now)
                .await?;
            if used.is_ok() || session.is_finished() {
                uow.commit().await?;
            }
            Ok::<_, DeviceError>(used)
        })?
    }

    /// Checks the link and takes the session. The inner error is one that may be committed with its effect.
    async fn bind(
        &self,
        uow: &mut dyn UnitOfWork,
        account: &Account,
        session: &mut Session,
        link: &DeviceLink,
        now: Timestamp,
    ) -> Result<Result<device_v1::PendingSession, DeviceError>, DeviceError> {
        let Flow::DeviceLink(flow) = session.request.flow.clone() else {
            return Err(DeviceError::DeviceLinkGone);
        };
        let flow_type = link.link_type().flow_type();
        match &session.state {
            SessionState::Pending if session.is_open(now) => {}
            SessionState::Claimed { .. } | SessionState::Completing { .. }
                if session.claimed_by() != Some(account.id) =>
            {
                return Err(DeviceError::DeviceLinkTaken);
            }
            SessionState::Completing { .. } => return Err(DeviceError::SessionCompleting),
            SessionState::Claimed { .. } if session.is_open(now) => {}
            _ => return Err(DeviceError::DeviceLinkGone),
        }
        if link.session_type() != session.request.kind.session_type()
            || !link.has_auth_code(&self.auth_code_of(session, &flow, link))
        {
            let about = about(session, account);
            session.fail(EndResult::ProtocolFailure, now);
            self.record_end(uow, session, about, now).await?;
            uow.save_session(session).await?;
            return Ok(Err(DeviceError::WrongAuthCode));
        }
        if let DeviceLinkType::Qr { elapsed_seconds } = link.link_type()
            && !is_fresh(elapsed_seconds, now.duration_since(session.created_at))
        {
            return Err(DeviceError::DeviceLinkStale);
        }
        if flow
            .accounts
            .as_ref()
            .is_some_and(|accounts| !accounts.contains(&account.id))
        {
            return Err(DeviceError::WrongPerson);
        }
        let key = account.keys.of(session.request.kind.purpose());
        if !self
            .claims_of(key)?
            .satisfies(session.request.certificate_level)
        {
            return Err(DeviceError::LevelTooLow);
        }
        if let Err(locked) = self.takes_pin(account.keys.of(session.request.kind.purpose()), now) {
            let about = about(session, account);
            session.fail(EndResult::DocumentUnusable, now);
            self.record_end(uow, session, about, now).await?;
            uow.save_session(session).await?;
            return Ok(Err(locked));
        }
        let known = match session.state {
            SessionState::Claimed { flow_type, .. } => Some(flow_type),
            _ => None,
        };
        if known.is_some_and(|known| known != flow_type) {
            return Err(DeviceError::DeviceLinkTaken);
        }
        if known.is_none() {
            let event = AuditEvent::DeviceLinkUsed {
                flow_type: flow_type.as_str().to_owned(),
            };
            audit(uow, now, about(session, account), event).await?;
            session.state = SessionState::Claimed {
                account: account.id,
                flow_type,
            };
            uow.save_session(session).await?;
        }
        describe_pending(session)
            .map(Ok)
            .ok_or(DeviceError::DeviceLinkGone)
    }

    /// The authCode that the link must have, from every field that the relying party sent.
    fn auth_code_of(&self, session: &Session, flow: &DeviceLinkFlow, link: &DeviceLink) -> String {
        let request = &session.request;
        let digest;
        let challenge_or_digest = match &request.kind {
            RequestKind::Authentication { rp_challenge } => rp_challenge.as_str(),
            RequestKind::Signature { digest: bytes }
            | RequestKind::HashAuthentication { hash: bytes } => {
                digest = Base64::encode_string(bytes);
                &digest
            }
            RequestKind::CertificateChoice => "",
        };
        let fields = AuthCodeFields {
            scheme_name: &self.policy.scheme_name,
            session_type: request.kind.session_type(),
            challenge_or_digest,
            relying_party_name: &request.relying_party_name,
            brokered_rp_name: &request.brokered_rp_name,
            interactions: request
                .interactions()
                .map_or("", |interactions| interactions.base64()),
            initial_callback_url: request.signed_callback_url(link.link_type().flow_type()),
        };
        auth_code(
            flow.session_secret.expose_secret(),
            &fields,
            link.unprotected(),
        )
    }

    /// The person gives the certificate of this phone's account (certificate choice; no PIN).
    ///
    /// # Errors
    /// By cause, see [`DeviceError`].
    pub async fn consent(
        &self,
        device: &AuthenticatedDevice,
        session: SessionId,
        device_ip: IpAddr,
    ) -> Result<device_v1::Consented, DeviceError> {
        retrying!(self, |uow| {
            let now = self.now();
            let account = active(uow.account(device.account()).await?, now)?;
            let mut session = uow
                .session(session)
                .await?
                .filter(|session| session.request.kind == RequestKind::CertificateChoice)
                .ok_or(DeviceError::SessionGone)?;
            if let SessionState::Chosen(chosen) = &session.state
                && chosen.account == account.id
            {
                // The first answer was lost.
                return Ok(self.consented(&session, chosen.at));
            }
            if !session.is_open(now) || !session.concerns(account.id) {
                return Err(DeviceError::SessionGone);
            }
            let key = &account.keys.signature;
            self.takes_pin(key, now)?;
            let flow_type = session.flow_type().ok_or(DeviceError::SessionGone)?;
            session.state = SessionState::Chosen(Box::new(Chosen {
                account: account.id,
                document_number: session.request.document_number(&account.document_number),
                certificate: key.certificate.clone(),
                level: self.claims_of(key)?.level,
                flow_type,
                device_ip: session.request.share_device_ip.then_some(device_ip),
                at: now,
            }));
            let about = About::session(&session);
            self.record_end(&mut *uow, &session, about, now).await?;
            uow.save_session(&mut session).await?;
            uow.commit().await?;
            Ok(self.consented(&session, now))
        })
    }

    fn consented(&self, session: &Session, at: Timestamp) -> device_v1::Consented {
        device_v1::Consented {
            linked_until: session
                .request
                .device_link()
                .map(|_| at + self.policy.session_lifetime),
        }
    }
}

/// Whether a QR code was drawn just now. The relying party counts from when it got its answer, a little later than we do.
fn is_fresh(elapsed_seconds: u64, since_start: SignedDuration) -> bool {
    let Ok(elapsed) = i64::try_from(elapsed_seconds) else {
        return false;
    };
    since_start
        .checked_sub(SignedDuration::from_secs(elapsed))
        .is_some_and(|age| (-MAX_LINK_LEAD..=MAX_LINK_AGE).contains(&age))
}

fn about(session: &Session, account: &Account) -> About {
    About {
        account: Some(account.id),
        ..About::session(session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_from_one_second_ahead_to_five_seconds_ago_is_fresh() {
        let after = SignedDuration::from_millis(10_400);
        for elapsed in 6..=11 {
            assert!(is_fresh(elapsed, after), "{elapsed}");
        }
        for elapsed in [0, 5, 12, 60, i64::MAX.unsigned_abs(), u64::MAX] {
            assert!(!is_fresh(elapsed, after), "{elapsed}");
        }
    }
}
