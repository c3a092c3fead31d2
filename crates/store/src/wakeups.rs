use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Notify;
use wire::SessionId;

/// Wakes whoever waits for a session in this process, after the commit that changed it.
#[derive(Default)]
pub(crate) struct Wakeups {
    waiting: Mutex<HashMap<SessionId, Waiting>>,
}

#[derive(Default)]
struct Waiting {
    notify: Arc<Notify>,
    waiters: usize,
}

/// One waiter's place in the map; the last to go takes the session's entry along.
struct Place {
    wakeups: Arc<Wakeups>,
    id: SessionId,
}

impl Wakeups {
    /// Completes at the first [`Wakeups::wake`] after this call, whether or not it is polled by then.
    pub(crate) fn changed(
        self: &Arc<Self>,
        id: SessionId,
    ) -> impl Future<Output = ()> + Send + use<> {
        let notified = {
            let mut waiting = self.lock();
            let entry = waiting.entry(id).or_default();
            entry.waiters += 1;
            // `Notify` promises every call of `notify_waiters` from here on, polled or not.
            Arc::clone(&entry.notify).notified_owned()
        };
        let place = Place {
            wakeups: Arc::clone(self),
            id,
        };
        async move {
            notified.await;
            drop(place);
        }
    }

    /// Wakes all that wait for this session.
    pub(crate) fn wake(&self, id: SessionId) {
        if let Some(entry) = self.lock().get(&id) {
            entry.notify.notify_waiters();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, Waiting>> {
        // Counters only: a panic elsewhere leaves nothing half done in here.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut waiting = self.wakeups.lock();
        if let Some(entry) = waiting.get_mut(&self.id) {
            entry.waiters -= 1;
            if entry.waiters == 0 {
                waiting.remove(&self.id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{pin::pin, task::Poll};
    use uuid::Uuid;

    fn id(number: u128) -> SessionId {
        SessionId(Uuid::from_u128(number))
    }

    async fn is_ready(future: &mut (impl Future<Output = ()> + Unpin)) -> bool {
        std::future::poll_fn(|context| {
            Poll::Ready(std::pin::Pin::new(&mut *future).poll(context).is_ready())
        })
        .await
    }

    #[tokio::test]
    async fn a_wake_between_asking_and_the_first_poll_is_not_lost() {
        let wakeups = Arc::new(Wakeups::default());
        let mut changed = pin!(wakeups.changed(id(1)));
        wakeups.wake(id(1));
        assert!(is_ready(&mut changed).await);
    }

    #[tokio::test]
    async fn all_waiters_of_a_session_wake_and_no_others() {
        let wakeups = Arc::new(Wakeups::default());
        let mut first = pin!(wakeups.changed(id(1)));
        let mut second = pin!(wakeups.changed(id(1)));
        let mut other = pin!(wakeups.changed(id(2)));
        assert!(!is_ready(&mut first).await);
        wakeups.wake(id(1));
        assert!(is_ready(&mut first).await);
        assert!(is_ready(&mut second).await);
        assert!(!is_ready(&mut other).await);
    }

    #[tokio::test]
    async fn a_wake_before_asking_counts_not() {
        let wakeups = Arc::new(Wakeups::default());
        wakeups.wake(id(1));
        let mut changed = pin!(wakeups.changed(id(1)));
        assert!(!is_ready(&mut changed).await);
    }

    #[tokio::test]
    async fn nothing_stays_behind_when_waiters_go() {
        let wakeups = Arc::new(Wakeups::default());
        let never_polled = wakeups.changed(id(1));
        let mut abandoned = Box::pin(wakeups.changed(id(1)));
        let served = wakeups.changed(id(2));
        assert!(!is_ready(&mut abandoned).await);
        wakeups.wake(id(2));
        served.await;
        assert_eq!(wakeups.lock().len(), 1);
        drop(never_polled);
        assert_eq!(wakeups.lock().len(), 1);
        drop(abandoned);
        assert_eq!(wakeups.lock().len(), 0);
    }
}
