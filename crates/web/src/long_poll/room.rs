//! How many long polls there may be. Each holds a connection for two minutes, so that they must not be all there is.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use wire::SessionId;

/// Long polls that wait for one session. A relying party has one; after a lost connection the old one may still be open.
const PER_SESSION: usize = 8;

/// How long one waits that finds no room.
const BRIEF: Duration = Duration::from_secs(1);

/// The long polls that are open.
pub(crate) struct LongPolls {
    room: Arc<Semaphore>,
    /// Those of one session, the oldest first.
    sessions: Mutex<HashMap<SessionId, VecDeque<Arc<CancellationToken>>>>,
    stop: CancellationToken,
}

/// One that waits; gone when dropped.
pub(crate) struct Waiting<'a> {
    polls: &'a LongPolls,
    session: SessionId,
    over: Arc<CancellationToken>,
    room: Option<OwnedSemaphorePermit>,
}

impl LongPolls {
    /// At most `room` wait at the same time, and none once `stop` is cancelled.
    pub(crate) fn new(room: usize, stop: CancellationToken) -> Self {
        Self {
            room: Arc::new(Semaphore::new(room.min(Semaphore::MAX_PERMITS))),
            sessions: Mutex::default(),
            stop,
        }
    }

    /// One more for this session; the oldest goes if there are enough.
    pub(crate) fn join(&self, session: SessionId) -> Waiting<'_> {
        let over = Arc::new(self.stop.child_token());
        let mut sessions = self.lock();
        let polls = sessions.entry(session).or_default();
        polls.push_back(Arc::clone(&over));
        if polls.len() > PER_SESSION
            && let Some(oldest) = polls.pop_front()
        {
            oldest.cancel();
        }
        drop(sessions);
        Waiting {
            polls: self,
            session,
            over,
            room: Arc::clone(&self.room).try_acquire_owned().ok(),
        }
    }

    fn lock(
        &self,
    ) -> std::sync::MutexGuard<'_, HashMap<SessionId, VecDeque<Arc<CancellationToken>>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting<'_> {
    /// When it has to be answered, which is soon if there is no room for it.
    pub(crate) fn until(&self, deadline: Instant) -> Instant {
        match self.room {
            Some(_) => deadline,
            None => deadline.min(Instant::now() + BRIEF),
        }
    }

    /// Cancelled when it has to be answered at once.
    pub(crate) fn over(&self) -> &CancellationToken {
        &self.over
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut sessions = self.polls.lock();
        if let Some(polls) = sessions.get_mut(&self.session) {
            polls.retain(|over| !Arc::ptr_eq(over, &self.over));
            if polls.is_empty() {
                sessions.remove(&self.session);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn session(number: u128) -> SessionId {
        SessionId(uuid::Uuid::from_u128(number))
    }

    #[tokio::test(start_paused = true)]
    async fn the_newest_eight_of_a_session_wait() {
        let polls = LongPolls::new(100, CancellationToken::new());
        let other = polls.join(session(2));
        let mut waiting: Vec<_> = (0..20).map(|_| polls.join(session(1))).collect();
        let over = |waiting: &[Waiting<'_>]| {
            let over = waiting.iter().map(|one| one.over().is_cancelled());
            over.collect::<Vec<_>>()
        };
        assert_eq!(
            over(&waiting),
            [[true; 12].as_slice(), &[false; 8]].concat()
        );
        // One that was answered makes room: nobody has to go for the next.
        drop(waiting.pop());
        waiting.push(polls.join(session(1)));
        assert_eq!(over(&waiting[12..]), [false; 8]);
        assert!(!other.over().is_cancelled());
        drop((waiting, other));
        assert!(polls.lock().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn who_finds_no_room_waits_a_second() {
        let polls = LongPolls::new(1, CancellationToken::new());
        let now = Instant::now();
        let first = polls.join(session(1));
        assert_eq!(first.until(now + MINUTE), now + MINUTE);
        assert_eq!(polls.join(session(2)).until(now + MINUTE), now + BRIEF);
        assert_eq!(polls.join(session(2)).until(now), now);
        drop(first);
        assert_eq!(polls.join(session(2)).until(now + MINUTE), now + MINUTE);
    }

    #[tokio::test]
    async fn a_stop_is_the_end_of_all() {
        let stop = CancellationToken::new();
        let polls = LongPolls::new(1, stop.clone());
        let waiting = polls.join(session(1));
        assert!(!waiting.over().is_cancelled());
        stop.cancel();
        assert!(waiting.over().is_cancelled());
        assert!(polls.join(session(1)).over().is_cancelled());
    }
}
