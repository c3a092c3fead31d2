use crate::{client_address::TrustedProxies, metrics::JobMetrics, rate_limit::Rate};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// What a deployment decides about its HTTP side.
#[derive(Clone, Debug)]
pub struct WebSettings {
    /// Proxies whose word on the client's address is taken.
    pub proxies: TrustedProxies,
    /// How much one client may ask for.
    pub limits: Limits,
    /// A request's body has to be complete within this time, or the answer is 408.
    pub body_timeout: Duration,
    /// Long polls that wait at the same time. Whoever comes when there are as many is answered after a second.
    pub long_polls: usize,
    /// Whether relying parties and phones are told to come again later; what validators ask, health and metrics go on.
    pub maintenance: bool,
    /// Once cancelled, open long polls are answered at once and `/health/ready` says no; everything else goes on.
    pub stop: CancellationToken,
    /// What the process's jobs count.
    pub jobs: JobMetrics,
}

/// Limits per client: per IPv4 address, or per IPv6 /64. They are kept in memory, by each process for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Registrations that a client may start; each costs us a key half and some arithmetic.
    pub registrations: Rate,
    /// Requests with unknown or wrong credentials; whoever goes beyond gets 429, right credentials or not.
    pub failures: Rate,
    /// Requests in the name of one relying party from one client that start a session or ask for a certificate.
    pub requests: Rate,
    /// OCSP and time-stamp requests from one client; each costs us a signature.
    pub validations: Rate,
    /// Clients that are remembered for each limit.
    pub remembered_clients: usize,
}

impl Default for WebSettings {
    fn default() -> Self {
        Self {
            proxies: TrustedProxies::default(),
            limits: Limits::default(),
            body_timeout: Duration::from_secs(10),
            long_polls: 2048,
            maintenance: false,
            stop: CancellationToken::new(),
            jobs: JobMetrics::default(),
        }
    }
}

impl Default for Limits {
    /// For production.
    fn default() -> Self {
        Self {
            registrations: Rate {
                burst: 10,
                per_minute: 5,
            },
            failures: Rate {
                burst: 60,
                per_minute: 30,
            },
            // A hundred logins a second for hours: more than any bank has.
            requests: Rate {
                burst: 1000,
                per_minute: 6000,
            },
            // A hundred containers a second, from one validator.
            validations: Rate {
                burst: 600,
                per_minute: 6000,
            },
            remembered_clients: 10_000,
        }
    }
}

impl Limits {
    /// For a demo or a test, where all clients come from one address.
    #[must_use]
    pub fn generous() -> Self {
        Self {
            registrations: Rate {
                burst: 10_000,
                per_minute: 10_000,
            },
            failures: Rate {
                burst: 10_000,
                per_minute: 10_000,
            },
            requests: Rate {
                burst: 1_000_000,
                per_minute: 1_000_000,
            },
            validations: Rate {
                burst: 1_000_000,
                per_minute: 1_000_000,
            },
            ..Self::default()
        }
    }
}
