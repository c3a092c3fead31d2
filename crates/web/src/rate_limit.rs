//! Token buckets, in bounded memory.

use std::{
    collections::HashMap,
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// How much one client may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// At once, after a pause.
    pub burst: u32,
    /// In the long run.
    pub per_minute: u32,
}

/// One bucket for each client, or for whatever else is to be told apart.
pub(crate) struct RateLimit<K = Client> {
    rate: Rate,
    capacity: usize,
    buckets: Mutex<HashMap<K, Bucket>>,
}

/// An IPv4 address, or the /64 of an IPv6 one: a single customer gets that many addresses.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Client(IpAddr);

struct Bucket {
    tokens: f64,
    filled_at: Instant,
}

impl<K: Copy + Eq + Hash> RateLimit<K> {
    /// Remembers at most `capacity` of them.
    pub(crate) fn new(rate: Rate, capacity: usize) -> Self {
        Self {
            rate,
            capacity: capacity.max(1),
            buckets: Mutex::default(),
        }
    }

    /// Takes a token.
    ///
    /// # Errors
    /// There is none; the time until there is.
    pub(crate) fn take(&self, key: impl Into<K>) -> Result<(), Duration> {
        self.with_bucket(key.into(), |bucket, rate| {
            bucket.wait(rate)?;
            bucket.tokens -= 1.0;
            Ok(())
        })
    }

    /// Whether there is a token; takes none.
    ///
    /// # Errors
    /// There is none; the time until there is.
    pub(crate) fn check(&self, key: impl Into<K>) -> Result<(), Duration> {
        let now = Instant::now();
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever has not failed yet takes no memory.
        buckets.get_mut(&key.into()).map_or(Ok(()), |bucket| {
            bucket.fill(self.rate, now);
            bucket.wait(self.rate)
        })
    }

    fn with_bucket<T>(&self, key: K, with: impl FnOnce(&mut Bucket, Rate) -> T) -> T {
        let now = Instant::now();
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= self.capacity && !buckets.contains_key(&key) {
            self.make_room(&mut buckets, now);
        }
        let full = Bucket {
            tokens: f64::from(self.rate.burst),
            filled_at: now,
        };
        let bucket = buckets.entry(key).or_insert(full);
        bucket.fill(self.rate, now);
        with(bucket, self.rate)
    }

    /// Forgets all who have their whole burst again, or else the one who is nearest to it.
    fn make_room(&self, buckets: &mut HashMap<K, Bucket>, now: Instant) {
        let burst = f64::from(self.rate.burst);
        buckets.retain(|_, bucket| {
            bucket.fill(self.rate, now);
            bucket.tokens < burst
        });
        if buckets.len() >= self.capacity {
            let fullest = buckets
                .iter()
                .max_by(|a, b| a.1.tokens.total_cmp(&b.1.tokens))
                .map(|(key, _)| *key);
            fullest.map(|key| buckets.remove(&key));
        }
    }
}

impl Bucket {
    fn fill(&mut self, rate: Rate, now: Instant) {
        let gained =
            now.duration_since(self.filled_at).as_secs_f64() * f64::from(rate.per_minute) / 60.0;
        self.tokens = (self.tokens + gained).min(f64::from(rate.burst));
        self.filled_at = now;
    }

    fn wait(&self, rate: Rate) -> Result<(), Duration> {
        if self.tokens >= 1.0 {
            return Ok(());
        }
        let seconds = (1.0 - self.tokens) * 60.0 / f64::from(rate.per_minute.max(1));
        Err(Duration::from_secs_f64(seconds))
    }
}

impl From<IpAddr> for Client {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(address) => Self(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into()),
            v4 => Self(v4),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate {
        burst: 2,
        per_minute: 6,
    };

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_has_its_burst_and_then_its_rate() {
        let limit: RateLimit = RateLimit::new(RATE, 10);
        let client = ip("192.0.2.1");
        assert_eq!([limit.take(client), limit.take(client)], [Ok(()), Ok(())]);
        assert_eq!(limit.take(client), Err(Duration::from_secs(10)));
        assert_eq!(limit.check(client), Err(Duration::from_secs(10)));
        assert_eq!(limit.take(ip("192.0.2.2")), Ok(()));
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(limit.check(client), Ok(()));
        assert_eq!(limit.take(client), Ok(()));
        assert!(limit.take(client).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_pause_gives_no_more_than_the_burst() {
        let limit: RateLimit = RateLimit::new(RATE, 10);
        let client = ip("192.0.2.1");
        limit.take(client).unwrap();
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert_eq!([limit.take(client), limit.take(client)], [Ok(()), Ok(())]);
        assert!(limit.take(client).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn addresses_of_one_ipv6_network_are_one_client() {
        let limit: RateLimit = RateLimit::new(
            Rate {
                burst: 1,
                per_minute: 1,
            },
            10,
        );
        limit.take(ip("2001:db8::1")).unwrap();
        assert!(limit.take(ip("2001:db8::2")).is_err());
        assert_eq!(limit.take(ip("2001:db8:0:1::1")), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn memory_is_bounded_and_the_worst_offender_is_remembered() {
        let limit: RateLimit = RateLimit::new(RATE, 3);
        let worst = ip("192.0.2.1");
        limit.take(worst).unwrap();
        limit.take(worst).unwrap();
        for host in 2..100 {
            limit.take(ip(&format!("192.0.2.{host}"))).unwrap();
        }
        assert_eq!(limit.buckets.lock().unwrap().len(), 3);
        assert!(limit.take(worst).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn asking_takes_no_token_and_no_memory() {
        let limit: RateLimit = RateLimit::new(RATE, 3);
        for _ in 0..10 {
            assert_eq!(limit.check(ip("192.0.2.1")), Ok(()));
        }
        assert!(limit.buckets.lock().unwrap().is_empty());
    }
}
