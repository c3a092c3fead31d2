//! Device links, certificate choices, and the signature that continues one.

use super::pending_view;
use crate::{
    Method, Phone, Problem, View,
    exchange::{Answer, Awaiting, Body, Next, Step},
    phone::{ExpectedLink, Flow},
    state::UnsentRefusal,
};
use wire::{
    FlowType, SessionId,
    device_link::DeviceLink,
    device_v1::{Consent, Consented, DeviceLinkUse, PendingSession, Refusal},
};

impl Phone {
    /// Goes on as before a certificate choice: whatever comes is shown, too, not only the signature that continues it.
    ///
    /// For whoever plays several people at once with one phone; a person is asked for one thing at a time.
    pub fn stop_expecting(&mut self) {
        self.expected = None;
    }

    /// A code was scanned inside the app, or the app was opened by a link of this phone.
    pub(crate) fn scan(&mut self, link: String, step: &mut Step<'_>) {
        if self.state.account.is_none() {
            return self.refresh(step);
        }
        self.flow = Flow::Idle;
        // Whoever scans something else goes on with that.
        self.expected = None;
        if DeviceLink::parse(&link).is_err() {
            return step.problem(Problem::NotADeviceLink);
        }
        self.scanned = Some(link);
        self.proceed(Next::Scan, step);
    }

    /// Tells the server, which checks the link's authCode: the phone does not know the session's secret.
    pub(crate) fn use_link(&mut self, step: &mut Step<'_>) {
        let (Some(account), Some(device_link)) = (&self.state.account, self.scanned.take()) else {
            return;
        };
        let device = account.device();
        let body = Body::json(&DeviceLinkUse { device_link });
        self.send(
            step,
            Method::Post,
            "/device-links",
            body,
            Some(device),
            Awaiting::LinkUsed,
        );
    }

    pub(crate) fn link_used(&mut self, answer: Answer, step: &mut Step<'_>) {
        match answer.json::<PendingSession>("the request of the link") {
            Ok(session) => {
                let id = session.session_id;
                self.listed.retain(|listed| listed.session_id != id);
                self.listed.push(session);
                self.open(id, step);
            }
            Err(problem) => self.account_problem(problem, step),
        }
    }

    /// Gives this account's certificate.
    pub(super) fn consent(&mut self, listed: Box<PendingSession>, step: &mut Step<'_>) {
        let Some(account) = &self.state.account else {
            return;
        };
        let (path, device) = (
            format!("/sessions/{}/consent", listed.session_id),
            account.device(),
        );
        self.send(
            step,
            Method::Post,
            &path,
            Body::json(&Consent {}),
            Some(device),
            Awaiting::Consented(listed),
        );
    }

    pub(crate) fn consented(
        &mut self,
        listed: &PendingSession,
        answer: Answer,
        step: &mut Step<'_>,
    ) {
        match answer.json::<Consented>("the answer to the consent") {
            Ok(consented) => {
                self.listed
                    .retain(|other| other.session_id != listed.session_id);
                self.expected = consented.linked_until.map(|until| ExpectedLink {
                    session: listed.session_id,
                    until,
                });
                step.show(View::CertificateGiven(pending_view(listed)));
            }
            Err(problem) => self.account_problem(problem, step),
        }
    }

    /// The person, or who plays her, answers a listed request without opening it.
    pub(crate) fn decline(&mut self, session: SessionId, refusal: Refusal, step: &mut Step<'_>) {
        let listed = self
            .listed
            .iter()
            .any(|listed| listed.session_id == session);
        if !listed {
            return step.problem(Problem::RequestGone);
        }
        self.flow = Flow::Idle;
        self.refuse_session(session, refusal, None, step);
    }

    /// While the signature that continues a certificate choice is awaited, whatever else comes is refused: in the midst of
    /// one signing, the person would take it for that one.
    ///
    /// Returns whether something was refused; the list comes again after that.
    pub(super) fn refuse_unexpected(&mut self, step: &mut Step<'_>) -> bool {
        let Some(expected) = &self.expected else {
            return false;
        };
        let awaited = |listed: &&PendingSession| listed.linked_session_id == Some(expected.session);
        if step.now >= expected.until || self.listed.iter().any(|listed| awaited(&listed)) {
            self.expected = None;
            return false;
        }
        // What this phone scanned itself it wants.
        let pushed = |listed: &&PendingSession| listed.flow_type == FlowType::Notification;
        let Some(stranger) = self
            .listed
            .iter()
            .find(pushed)
            .map(|listed| listed.session_id)
        else {
            return false;
        };
        let Some(account) = &mut self.state.account else {
            return false;
        };
        account.refusal = Some(UnsentRefusal {
            session: stranger,
            refusal: Refusal::ExpectedLinkedSession {},
            return_to: None,
        });
        self.persist(step);
        self.send_refusal(Next::Home, step)
    }
}
