//! GET session: running, or the result.

use super::{About, RelyingPartyError, Service, retrying};
use crate::{
    domain::{Api, Chosen, Completed, Session, SessionRequest, SessionState},
    policy::RESULT_RETENTION,
};
use std::{future::Future, net::IpAddr};
use wire::{EndResult, SessionId};

/// A session as its relying party sees it.
#[derive(Debug)]
pub enum SessionStatus {
    /// Nothing yet.
    Running,
    /// OK; the request tells which kind of signature it is.
    Completed {
        /// What was asked.
        request: Box<SessionRequest>,
        /// The result.
        completed: Box<Completed>,
    },
    /// OK; a certificate was chosen.
    Chosen {
        /// What was asked.
        request: Box<SessionRequest>,
        /// The result.
        chosen: Box<Chosen>,
    },
    /// Any other end.
    Failed {
        /// `result` of the RP API.
        result: EndResult,
        /// Unknown `requestProperties`, given back.
        ignored_properties: Vec<String>,
    },
}

impl Service {
    /// The state of a session now. A session past its deadline ends here if no job has ended it yet.
    ///
    /// # Errors
    /// Unknown or forgotten session, or one of the other version of the API; an IP address that the relying party may
    /// not call from.
    pub async fn session_status(
        &self,
        api: Api,
        id: SessionId,
        address: IpAddr,
    ) -> Result<SessionStatus, RelyingPartyError> {
        let now = self.now();
        let session = {
            let mut reader = self.store.read().await?;
            let session = reader
                .session(id)
                .await?
                .filter(|session| session.request.api == api)
                .ok_or(RelyingPartyError::UnknownSession)?;
            let allowed = reader
                .relying_party(session.relying_party)
                .await?
                .is_some_and(|relying_party| relying_party.may_call_from(address));
            if !allowed {
                return Err(RelyingPartyError::AddressNotAllowed);
            }
            session
        };
        if session
            .finished_at()
            .is_some_and(|at| now >= at + RESULT_RETENTION)
        {
            return Err(RelyingPartyError::UnknownSession);
        }
        if now >= session.deadline
            && matches!(
                session.state,
                SessionState::Pending | SessionState::Claimed { .. }
            )
        {
            return Ok(view(
                self.expire_session(id)
                    .await?
                    .ok_or(RelyingPartyError::UnknownSession)?,
            ));
        }
        Ok(view(session))
    }

    /// Completes when the session may have changed; ask before [`Service::session_status`].
    pub async fn session_changed(&self, id: SessionId) {
        self.store.session_changed(id).await;
    }

    /// The same as a future that is already listening.
    pub fn listen(&self, id: SessionId) -> impl Future<Output = ()> + Send + 'static {
        self.store.session_changed(id)
    }

    /// Ends an open session whose deadline is over, TIMEOUT; no attempt is counted (R89).
    pub(super) async fn expire_session(
        &self,
        id: SessionId,
    ) -> Result<Option<Session>, RelyingPartyError> {
        retrying!(self, |uow| {
            let now = self.now();
            let Some(mut session) = uow.session(id).await? else {
                return Ok(None);
            };
            let open = matches!(
                session.state,
                SessionState::Pending | SessionState::Claimed { .. }
            );
            if !open || now < session.deadline {
                return Ok(Some(session));
            }
            let about = About::session(&session);
            // The moment it became true, not the moment somebody looked: results are kept from then on.
            session.fail(EndResult::Timeout, session.deadline);
            self.record_end(&mut *uow, &session, about, now).await?;
            uow.save_session(&mut session).await?;
            uow.commit().await?;
            Ok::<_, RelyingPartyError>(Some(session))
        })
    }
}

fn view(session: Session) -> SessionStatus {
    match session.state {
        SessionState::Pending | SessionState::Claimed { .. } | SessionState::Completing { .. } => {
            SessionStatus::Running
        }
        SessionState::Completed(completed) => SessionStatus::Completed {
            request: Box::new(session.request),
            completed,
        },
        SessionState::Chosen(chosen) => SessionStatus::Chosen {
            request: Box::new(session.request),
            chosen,
        },
        SessionState::Failed { result, .. } => SessionStatus::Failed {
            result,
            ignored_properties: session.request.ignored_properties,
        },
    }
}
