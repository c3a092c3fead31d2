//! A mock account's phone that is switched on: woken as by a push, it answers after the time that a person takes.

use super::{
    Mock,
    account::Account,
    answer::{Answered, answer, scan},
    browser::{self, Browser},
};
use crate::headless::handset::Handset;
use anyhow::{Context, Result, bail};
use device::{Event, View};
use std::sync::{Arc, Mutex};
use tokio::{
    sync::{mpsc, oneshot},
    task::spawn_blocking,
    time::{Instant, sleep_until},
};
use tracing::{debug, info, warn};
use wire::SessionId;

/// Requests that one phone may have to answer at once.
const MAX_WAITING: usize = 1024;

/// How a phone is reached.
#[derive(Clone)]
pub(super) struct Line(mpsc::Sender<Job>);

enum Job {
    /// A request waits for it.
    Wake(SessionId),
    /// Its person uses a device link.
    Scan(String, Option<Browser>),
    /// Its person deletes the account.
    Delete(oneshot::Sender<Result<()>>),
}

impl Line {
    /// Tells the phone that a request waits for it.
    pub(super) fn wake(&self, session: SessionId) {
        self.send(Job::Wake(session));
    }

    /// Has the phone's person use a device link, in this browser if it is a same-device one.
    pub(super) fn scan(&self, link: String, browser: Option<Browser>) {
        self.send(Job::Scan(link, browser));
    }

    /// Has the phone's person delete the account.
    ///
    /// # Errors
    /// It is not deleted; says why.
    pub(super) async fn delete(&self) -> Result<()> {
        let (tell, told) = oneshot::channel();
        let end = "the phone has ended";
        self.0.send(Job::Delete(tell)).await.ok().context(end)?;
        told.await.context(end)?
    }

    fn send(&self, job: Job) {
        if self.0.try_send(job).is_err() {
            warn!("a mock account has too many requests at once; this one is not answered");
        }
    }
}

/// Starts the phone's life; it ends with the process or with the account.
pub(super) fn start(mock: &Mock, account: &Arc<Account>, handset: Handset) -> Line {
    let (line, jobs) = mpsc::channel(MAX_WAITING);
    let phone = Phone {
        mock: mock.clone(),
        account: Arc::clone(account),
        handset: Arc::new(Mutex::new(handset)),
        waiting: Vec::new(),
        browsers: Vec::new(),
    };
    mock.0.lifecycle.spawn("mock_phone", phone.live(jobs));
    Line(line)
}

struct Phone {
    mock: Mock,
    account: Arc<Account>,
    /// Used by one job at a time.
    handset: Arc<Mutex<Handset>>,
    /// What is to be answered, and when.
    waiting: Vec<(Instant, SessionId)>,
    /// Where same-device flows began, the newest last.
    browsers: Vec<Browser>,
}

impl Phone {
    async fn live(mut self, mut jobs: mpsc::Receiver<Job>) {
        let stopping = self.mock.0.lifecycle.stopping();
        if let Err(error) = self.look().await {
            warn!(
                error = format!("{error:#}"),
                "a mock account does not see what waits for it"
            );
        }
        loop {
            let next = self.waiting.iter().min().copied();
            let full = self.waiting.len() >= MAX_WAITING;
            let at = next.map_or_else(Instant::now, |(at, _)| at);
            let outcome = tokio::select! {
                // In this order: a QR code is good for seconds and quick to scan, an answer that is due can wait.
                biased;
                () = stopping.cancelled() => return,
                job = jobs.recv(), if !full => match job {
                    None => return,
                    Some(Job::Wake(session)) => {
                        self.remember(session);
                        Ok(())
                    }
                    Some(Job::Scan(link, browser)) => self.scan(link, browser).await,
                    Some(Job::Delete(tell)) => {
                        let outcome = self.delete().await;
                        let deleted = outcome.is_ok();
                        // Whoever asked may have hung up.
                        let _ = tell.send(outcome);
                        if deleted {
                            return;
                        }
                        Ok(())
                    }
                },
                () = sleep_until(at), if next.is_some() => {
                    self.waiting.retain(|waiting| Some(*waiting) != next);
                    match next {
                        Some((_, session)) => self.answer(session).await,
                        None => Ok(()),
                    }
                }
            };
            if let Err(error) = outcome {
                warn!(
                    error = format!("{error:#}"),
                    "a mock account does not answer"
                );
            }
        }
    }

    /// Sees what waits already: nobody wakes the phone for what came before a restart.
    async fn look(&mut self) -> Result<()> {
        let view = self
            .with_handset(|handset| handset.act_to(Event::Refresh))
            .await?;
        match view {
            View::Home { pending, .. } => {
                for request in pending.into_iter().take(MAX_WAITING) {
                    self.remember(request.session_id);
                }
            }
            other => debug!(view = %other, "a mock account's phone shows no list"),
        }
        Ok(())
    }

    /// Answers the request after the time that its person takes.
    fn remember(&mut self, session: SessionId) {
        if self.waiting.iter().any(|(_, known)| *known == session) {
            return;
        }
        let behaviour = self.account.behaviour();
        let delay = behaviour.delay.unwrap_or(self.mock.0.settings.delay);
        self.waiting.push((Instant::now() + delay, session));
    }

    /// At once: a QR code is good for seconds.
    async fn scan(&mut self, link: String, browser: Option<Browser>) -> Result<()> {
        let scanned = {
            let _eye = self.mock.0.eyes.acquire().await?;
            self.on_a_thread(|handset| scan(handset, link)).await?
        };
        match scanned {
            Ok(session) => {
                if let Some(browser) = browser {
                    browser::remember(&mut self.browsers, browser);
                }
                self.remember(session);
            }
            Err(view) => {
                if is_stale(&view) {
                    info!(
                        "a QR link was older than five seconds, or from the future, when a mock account's phone came to it"
                    );
                }
                debug!(%view, "a device link leads a mock account to nothing");
                // A link that is refused may have ended the session, and the person returns to the e-service.
                self.return_to_services().await?;
            }
        }
        Ok(())
    }

    async fn answer(&mut self, session: SessionId) -> Result<()> {
        let outcome = self.account.behaviour().outcome;
        let person = self.account.number.person();
        let others = self.mock.has_other_account(person).await;
        match self
            .with_handset(move |handset| answer(handset, session, outcome, others))
            .await?
        {
            Answered::Shown(view) => debug!(%view, "a mock account has answered"),
            Answered::NotThere | Answered::Ignored | Answered::LeftToOthers => {}
        }
        self.return_to_services().await
    }

    /// Deletes the account at the server, and only then here.
    async fn delete(&self) -> Result<()> {
        let view = self
            .with_handset(|handset| handset.act_to(Event::Delete))
            .await?;
        if !matches!(view, View::Deleted) {
            bail!("the phone shows: {view}");
        }
        self.mock.forget(&self.account.number)
    }

    /// Opens what the phone would open in its browser.
    async fn return_to_services(&mut self) -> Result<()> {
        let addresses = self
            .with_handset(|handset| Ok(handset.take_addresses()))
            .await?;
        for address in addresses {
            let browser = browser::that_began(&self.browsers, &address);
            let cookie = browser.map(|browser| browser.cookie.clone());
            // Not waited for: the e-service may ask for more before it answers.
            self.mock
                .0
                .lifecycle
                .spawn("mock_browser", browser::open(address, cookie));
        }
        Ok(())
    }

    /// Has the phone do something, when it is its turn.
    async fn with_handset<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Handset) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let _hand = self.mock.0.hands.acquire().await?;
        self.on_a_thread(work).await
    }

    /// The same at once, on a thread that may block.
    async fn on_a_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Handset) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let handset = Arc::clone(&self.handset);
        spawn_blocking(move || {
            let mut handset = handset.lock().ok().context("the phone is broken")?;
            work(&mut handset)
        })
        .await?
    }
}

/// Whether the server refused a QR link for its age; its session goes on.
fn is_stale(view: &View) -> bool {
    matches!(view, View::Problem(problem) if problem.code() == "device_link_stale")
}
