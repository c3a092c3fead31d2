use crate::{
    client_address::ClientAddress,
    long_poll::LongPolls,
    metrics::Metrics,
    problem::{Api, Failure},
    rate_limit::{Client, RateLimit},
    settings::WebSettings,
};
use engine::Service;
use std::{net::IpAddr, sync::Arc};
use wire::RelyingPartyUuid;

/// What every handler may use.
pub(crate) type App = Arc<AppState>;

pub(crate) struct AppState {
    pub(crate) service: Service,
    pub(crate) settings: WebSettings,
    pub(crate) metrics: Metrics,
    pub(crate) long_polls: LongPolls,
    registrations: RateLimit,
    failures: RateLimit<(Api, IpAddr)>,
    requests: RateLimit<(RelyingPartyUuid, Client)>,
    validations: RateLimit,
}

impl AppState {
    pub(crate) fn new(service: Service, settings: WebSettings) -> App {
        let limits = settings.limits;
        Arc::new(Self {
            service,
            metrics: Metrics::new(&settings.jobs),
            long_polls: LongPolls::new(settings.long_polls, settings.stop.clone()),
            registrations: RateLimit::new(limits.registrations, limits.remembered_clients),
            failures: RateLimit::new(limits.failures, limits.remembered_clients),
            requests: RateLimit::new(limits.requests, limits.remembered_clients),
            validations: RateLimit::new(limits.validations, limits.remembered_clients),
            settings,
        })
    }

    /// Counts a registration that the client starts.
    ///
    /// # Errors
    /// It started too many.
    pub(crate) fn count_registration(&self, client: ClientAddress) -> Result<(), Failure> {
        self.registrations
            .take(client.0)
            .map_err(|retry_after| Failure::TooManyRequests { retry_after })
    }

    /// Counts a question of a validator that costs us a signature.
    ///
    /// # Errors
    /// There were too many.
    pub(crate) fn count_validation(&self, client: ClientAddress) -> Result<(), Failure> {
        self.validations
            .take(client.0)
            .map_err(|retry_after| Failure::TooManyRequests { retry_after })
    }

    /// Counts a request in the name of a relying party. Each client has a count of its own for it, or a stranger who only
    /// names it could use it up.
    ///
    /// # Errors
    /// There were too many.
    pub(crate) fn count_request(
        &self,
        relying_party: RelyingPartyUuid,
        ClientAddress(client): ClientAddress,
    ) -> Result<(), Failure> {
        self.requests
            .take((relying_party, Client::from(client)))
            .map_err(|retry_after| Failure::TooBusyRelyingParty { retry_after })
    }

    /// Counts a request whose credentials are wrong.
    pub(crate) fn count_failure(&self, api: Api, client: ClientAddress) {
        // It was answered already; an empty bucket refuses the next one.
        let _ = self.failures.take((api, client.0));
    }

    /// Lets those pass who have not guessed too often.
    ///
    /// # Errors
    /// Too many wrong credentials came from there.
    pub(crate) fn check_failures(&self, api: Api, client: ClientAddress) -> Result<(), Failure> {
        self.failures
            .check((api, client.0))
            .map_err(|retry_after| Failure::TooManyRequests { retry_after })
    }
}
