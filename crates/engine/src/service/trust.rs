//! The trust services around the authorities: OCSP, revocation lists, time-stamps, the trusted list.

mod ocsp;
mod responders;
mod revocation_lists;
mod time_stamps;
mod trusted_list;

pub use revocation_lists::RevocationListAnswer;
pub use trusted_list::{TrustServiceSummary, TrustedListAnswer, status_name};

use super::{Infrastructure, Service, flights::Flights};
use crate::{
    domain::CaKeyId,
    ports::{IssuingAuthority, KeysError, StoreError},
};
use jiff::{SignedDuration, Timestamp};
use pki::x509::Certificate;
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Tries to be the one who publishes the next number, before the round ends with what others published.
const MAX_ROUNDS: u32 = 4;

/// How far the clocks of processes may be apart.
const MAX_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// What a protocol of DER messages answers, and what is to be counted and logged about it.
#[derive(Debug)]
pub struct TrustAnswer<O> {
    /// The whole answer, DER; also a refusal is one.
    pub der: Vec<u8>,
    /// For metrics: one for each thing that was asked.
    pub outcomes: Vec<O>,
    /// What failed on our side, for our own log.
    pub failure: Option<Infrastructure>,
}

/// What OCSP said about one certificate, or why it said nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OcspOutcome {
    /// Issued and not revoked.
    Good,
    /// Revoked.
    Revoked,
    /// Never issued here.
    Unknown,
    /// No request.
    MalformedRequest,
    /// All certificates are other authorities'.
    Unauthorized,
    /// Our fault.
    InternalError,
    /// Our fault, which passes.
    TryLater,
}

impl OcspOutcome {
    /// Stable snake_case code for metrics.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Revoked => "revoked",
            Self::Unknown => "unknown",
            Self::MalformedRequest => "malformed_request",
            Self::Unauthorized => "unauthorized",
            Self::InternalError => "internal_error",
            Self::TryLater => "try_later",
        }
    }
}

/// How fresh what is published is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublicationReport {
    /// thisUpdate of each authority's newest revocation list, by the authority's name.
    pub revocation_lists: Vec<(String, Timestamp)>,
    /// ListIssueDateTime of the newest trusted list, if there is to be one.
    pub trusted_list: Option<Timestamp>,
}

/// What a process knows of what is published, so that it need not ask the database each time, and who makes something just
/// now. Everything in it may be lost.
#[derive(Default)]
pub(super) struct Published {
    making: Flights,
    responders: Mutex<HashMap<CaKeyId, Arc<Certificate>>>,
    /// When a responder's certificate could not be made.
    failed: Mutex<HashMap<CaKeyId, Timestamp>>,
    revocation_lists: Mutex<HashMap<CaKeyId, revocation_lists::Newest>>,
    /// Number and bytes of the list that was asked for last.
    served: Mutex<HashMap<CaKeyId, (u64, RevocationListAnswer)>>,
}

impl Published {
    fn responders(&self) -> MutexGuard<'_, HashMap<CaKeyId, Arc<Certificate>>> {
        self.responders
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self) -> MutexGuard<'_, HashMap<CaKeyId, Timestamp>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn served(&self) -> MutexGuard<'_, HashMap<CaKeyId, (u64, RevocationListAnswer)>> {
        self.served.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn revocation_lists(&self) -> MutexGuard<'_, HashMap<CaKeyId, revocation_lists::Newest>> {
        self.revocation_lists
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Service {
    /// Brings everything that is published up to date: responder certificates, revocation lists, the trusted list. Safe on
    /// any number of processes at once; call it about once a second.
    ///
    /// # Errors
    /// The first failure; what could be renewed was.
    pub async fn renew_publications(&self) -> Result<PublicationReport, Infrastructure> {
        let mut report = PublicationReport::default();
        let mut failure = None;
        for issuer in self.ca.issuers() {
            if let Err(error) = self.renew_responder(&issuer).await {
                failure.get_or_insert(error);
            }
            match self.renew_revocation_list(&issuer).await {
                Ok(this_update) => report
                    .revocation_lists
                    .push((issuer.name.clone(), this_update)),
                Err(error) => {
                    failure.get_or_insert(error);
                }
            }
        }
        match self.renew_trusted_list().await {
            Ok(issued_at) => report.trusted_list = issued_at,
            Err(error) => {
                failure.get_or_insert(error);
            }
        }
        match failure {
            None => Ok(report),
            Some(failure) => Err(failure),
        }
    }

    /// The scheme's policies for qualified and for basic accounts, as they stand in certificates.
    #[must_use]
    pub fn scheme_policies(&self) -> Option<[String; 2]> {
        let issuers = self.ca.issuers();
        let oids = &issuers.first()?.ca.publication().oids;
        Some([&oids.qualified_policy, &oids.basic_policy].map(ToString::to_string))
    }

    /// Whether there is a trusted list.
    #[must_use]
    pub fn publishes_trusted_list(&self) -> bool {
        self.policy.trusted_list.is_some() && self.ca.list_signer().is_some()
    }

    fn issuing_authority(&self, name: &str) -> Option<Arc<IssuingAuthority>> {
        let mut issuers = self.ca.issuers().into_iter();
        issuers.find(|issuer| issuer.name == name)
    }

    /// Now, without fractions of a second: what is published has none.
    fn this_second(&self) -> Timestamp {
        whole_second(self.now())
    }
}

fn whole_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

/// Whether a wrong clock made this: validators do not believe it, so that something else must take its place at once, and
/// not only when its time has come.
fn is_of_the_future(made: Timestamp, now: Timestamp) -> bool {
    made.duration_since(now) > MAX_SKEW
}

/// When the next list is made. A greater number is never of an earlier time, also if clocks differ a little: whoever holds
/// both takes the newer.
fn time_of_next(before: Option<Timestamp>, now: Timestamp) -> Timestamp {
    match before {
        Some(before) if !is_of_the_future(before, now) => now.max(before),
        _ => now,
    }
}

/// Whether it may be over the next time.
fn passes(failure: &Infrastructure) -> bool {
    matches!(
        failure,
        Infrastructure::Store(StoreError::Conflict | StoreError::Unavailable(_))
            | Infrastructure::Keys(KeysError::Unavailable(_))
            | Infrastructure::Crowded
    )
}

/// What somebody makes just now, in [`Published::making`].
fn place(what: &[u8], whose: &[u8]) -> [u8; 16] {
    let mut place = [0; 16];
    let hash = Sha256::new().chain_update(what).chain_update(whose);
    place.copy_from_slice(&hash.finalize()[..16]);
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_list_is_never_of_an_earlier_time_unless_the_clock_was_wrong() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let now = at("2026-11-24T12:00:00Z");
        for (before, expected, of_the_future) in [
            ("2026-11-24T11:59:59Z", "2026-11-24T12:00:00Z", false),
            ("2026-11-24T12:05:00Z", "2026-11-24T12:05:00Z", false),
            ("2026-11-24T12:05:01Z", "2026-11-24T12:00:00Z", true),
            ("2046-11-24T12:00:00Z", "2026-11-24T12:00:00Z", true),
        ] {
            assert_eq!(time_of_next(Some(at(before)), now), at(expected));
            assert_eq!(is_of_the_future(at(before), now), of_the_future);
        }
        assert_eq!(time_of_next(None, now), now);
    }
}
