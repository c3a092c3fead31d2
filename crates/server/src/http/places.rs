use std::{
    collections::HashMap,
    future::Future,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

/// The places for connections. Whoever comes when all are taken gets the place of the one that has been idle longest:
/// connections that are only held open must not keep anybody out.
#[derive(Clone)]
pub(super) struct Places {
    free: Arc<Semaphore>,
    taken: Arc<Mutex<HashMap<u64, Arc<Use>>>>,
    next: Arc<AtomicU64>,
}

/// A place, free again when dropped.
pub(super) struct Place {
    number: u64,
    places: Places,
    usage: Arc<Use>,
    _permit: OwnedSemaphorePermit,
}

/// Why a connection has to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Nothing was asked for long enough.
    Idle,
    /// Somebody else needs the place, at once.
    Evicted,
}

/// What a connection does with its place.
pub(super) struct Use {
    now: Mutex<Now>,
    leave: CancellationToken,
}

#[derive(Clone, Copy)]
struct Now {
    /// Requests under way.
    requests: usize,
    /// Since when there are that many.
    since: Instant,
}

impl Places {
    pub(super) fn new(connections: u32) -> Self {
        let connections = usize::try_from(connections).unwrap_or(Semaphore::MAX_PERMITS);
        Self {
            free: Arc::new(Semaphore::new(connections.clamp(1, Semaphore::MAX_PERMITS))),
            taken: Arc::default(),
            next: Arc::default(),
        }
    }

    /// A place; waits only while every connection has a request under way.
    pub(super) async fn take(&self) -> Place {
        let permit = loop {
            if let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() {
                break permit;
            }
            if self.ask_the_idlest_to_leave() {
                if let Ok(permit) = Arc::clone(&self.free).acquire_owned().await {
                    break permit;
                }
            } else {
                // All are busy: look again when one has become idle, or has left.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let usage = Arc::new(Use {
            now: Mutex::new(Now {
                requests: 0,
                since: Instant::now(),
            }),
            leave: CancellationToken::new(),
        });
        self.taken().insert(number, Arc::clone(&usage));
        Place {
            number,
            places: self.clone(),
            usage,
            _permit: permit,
        }
    }

    fn ask_the_idlest_to_leave(&self) -> bool {
        let taken = self.taken();
        let idlest = taken
            .values()
            .filter(|usage| !usage.leave.is_cancelled())
            .filter_map(|usage| Some((usage.idle_since()?, usage)))
            .min_by_key(|(since, _)| *since);
        if let Some((_, usage)) = idlest {
            usage.leave.cancel();
        }
        idlest.is_some()
    }

    fn taken(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Arc<Use>>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    pub(super) fn usage(&self) -> Arc<Use> {
        Arc::clone(&self.usage)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.taken().remove(&self.number);
    }
}

impl Use {
    /// Counts a request as under way until it has its answer, or is given up.
    pub(super) async fn during<T>(self: Arc<Self>, request: impl Future<Output = T>) -> T {
        struct UnderWay(Arc<Use>);
        impl Drop for UnderWay {
            fn drop(&mut self) {
                self.0.count(|requests| requests.saturating_sub(1));
            }
        }
        self.count(|requests| requests + 1);
        let _under_way = UnderWay(self);
        request.await
    }

    /// Ends when the connection should: it had no request under way for `patience`, or its place is needed.
    pub(super) async fn over(&self, patience: Duration) -> End {
        let idle = async {
            loop {
                let until = self.idle_since().unwrap_or_else(Instant::now) + patience;
                tokio::time::sleep_until(until).await;
                if self
                    .idle_since()
                    .is_some_and(|since| since.elapsed() >= patience)
                {
                    break;
                }
            }
        };
        tokio::select! {
            () = idle => End::Idle,
            () = self.leave.cancelled() => End::Evicted,
        }
    }

    fn idle_since(&self) -> Option<Instant> {
        let now = *self.now.lock().unwrap_or_else(PoisonError::into_inner);
        (now.requests == 0).then_some(now.since)
    }

    fn count(&self, change: impl FnOnce(usize) -> usize) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        *now = Now {
            requests: change(now.requests),
            since: Instant::now(),
        };
    }
}
