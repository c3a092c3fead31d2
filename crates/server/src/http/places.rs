use engine::domain::Network;
use std::{
    collections::{HashMap, hash_map::Entry},
    future::Future,
    net::IpAddr,
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
use web::Client;

/// One client has a quarter of the places at most, but as many as this in any case: a household or an office is one
/// address, and a browser has half a dozen connections.
const SHARE: usize = 4;
const LEAST_SHARE: usize = 64;

/// The places for connections. Whoever comes when all are taken gets the place of the one that has been idle longest:
/// connections that are only held open must not keep anybody out. Nor must those of one client that all have a request
/// under way, as long polls have for minutes: no client takes more than its share.
#[derive(Clone)]
pub(super) struct Places {
    free: Arc<Semaphore>,
    share: usize,
    /// Who carries the connections of others, and takes as many places as there are.
    proxies: Arc<[Network]>,
    taken: Arc<Mutex<Taken>>,
    next: Arc<AtomicU64>,
}

#[derive(Default)]
struct Taken {
    uses: HashMap<u64, Arc<Use>>,
    /// How many each client has; a proxy is none.
    clients: HashMap<Client, usize>,
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
    /// Whose it is; `None`: a proxy's.
    client: Option<Client>,
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
    pub(super) fn new(connections: u32, proxies: &[Network]) -> Self {
        let connections = usize::try_from(connections)
            .unwrap_or(Semaphore::MAX_PERMITS)
            .clamp(1, Semaphore::MAX_PERMITS);
        Self {
            free: Arc::new(Semaphore::new(connections)),
            share: (connections / SHARE).max(LEAST_SHARE),
            proxies: proxies.into(),
            taken: Arc::default(),
            next: Arc::default(),
        }
    }

    /// A place for a connection from there; waits only while every connection has a request under way. `None` if the
    /// client has its share and each of its connections a request under way: nobody else is to wait for that.
    pub(super) async fn take(&self, peer: IpAddr) -> Option<Place> {
        let peer = peer.to_canonical();
        let by_proxy = self.proxies.iter().any(|network| network.contains(peer));
        let client = (!by_proxy).then(|| Client::from(peer));
        if !self.is_within_share(client) {
            return None;
        }
        let permit = loop {
            if let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() {
                break permit;
            }
            if self.taken().ask_the_idlest_to_leave(|_| true) {
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
            client,
            now: Mutex::new(Now {
                requests: 0,
                since: Instant::now(),
            }),
            leave: CancellationToken::new(),
        });
        self.taken().add(number, Arc::clone(&usage));
        Some(Place {
            number,
            places: self.clone(),
            usage,
            _permit: permit,
        })
    }

    /// Whether the client may have one more, perhaps instead of its idlest.
    fn is_within_share(&self, client: Option<Client>) -> bool {
        let taken = self.taken();
        let has = client.and_then(|client| taken.clients.get(&client));
        has.is_none_or(|has| *has < self.share)
            || taken.ask_the_idlest_to_leave(|usage| usage.client == client)
    }

    fn taken(&self) -> std::sync::MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    fn add(&mut self, number: u64, usage: Arc<Use>) {
        if let Some(client) = usage.client {
            *self.clients.entry(client).or_default() += 1;
        }
        self.uses.insert(number, usage);
    }

    fn remove(&mut self, number: u64) {
        let client = self.uses.remove(&number).and_then(|usage| usage.client);
        if let Some(client) = client
            && let Entry::Occupied(mut has) = self.clients.entry(client)
        {
            *has.get_mut() -= 1;
            if *has.get() == 0 {
                has.remove();
            }
        }
    }

    /// Says whether there is one among these.
    fn ask_the_idlest_to_leave(&self, among: impl Fn(&Use) -> bool) -> bool {
        let idlest = self
            .uses
            .values()
            .filter(|usage| among(usage) && !usage.leave.is_cancelled())
            .filter_map(|usage| Some((usage.idle_since()?, usage)))
            .min_by_key(|(since, _)| *since);
        if let Some((_, usage)) = idlest {
            usage.leave.cancel();
        }
        idlest.is_some()
    }
}

impl Place {
    pub(super) fn usage(&self) -> Arc<Use> {
        Arc::clone(&self.usage)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.taken().remove(self.number);
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
