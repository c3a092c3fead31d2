//! Time-stamps (RFC 3161).

use super::TrustAnswer;
use crate::{
    ports::KeysError,
    service::{Infrastructure, Service},
};
use pki::tsp::{TimeStampFailure, TimeStampRequest, TimeStampingUnit, UnsignedToken};

/// What a token that was given counts as; a refusal counts as its failure's code.
const GRANTED: &str = "granted";

impl Service {
    /// Answers a time-stamp request; `None` if there is no time-stamping unit.
    pub async fn time_stamp(&self, request: &[u8]) -> Option<TrustAnswer<&'static str>> {
        let unit = self.ca.time_stamping_unit()?;
        let mut failure = None;
        let (der, outcome) = match self.stamp(&unit, request, &mut failure).await {
            Ok(response) => (response, GRANTED),
            Err(refusal) => (refusal.response(), refusal.code()),
        };
        Some(TrustAnswer {
            der,
            outcomes: vec![outcome],
            failure,
        })
    }

    async fn stamp(
        &self,
        unit: &TimeStampingUnit,
        request: &[u8],
        failure: &mut Option<Infrastructure>,
    ) -> Result<Vec<u8>, TimeStampFailure> {
        let request = TimeStampRequest::parse(request)?;
        let now = self.now();
        // A token from outside the certificate's time is none: the clock is wrong, or the unit is to be replaced.
        if !unit.certificate.is_valid_at(now) {
            *failure = Some(Infrastructure::Internal(
                "the time-stamping unit's certificate is not valid now",
            ));
            return Err(TimeStampFailure::TimeNotAvailable);
        }
        // ETSI EN 319 421 §7.7.2: no tokens while it is not known whether the clock keeps the stated accuracy. Asked after
        // the time was read, so that no jump comes in between.
        if self.clock.was_set_lately() {
            *failure = Some(Infrastructure::Internal(
                "the clock was set: no time-stamps until it has been steady for five minutes",
            ));
            return Err(TimeStampFailure::TimeNotAvailable);
        }
        let unsigned = UnsignedToken::build(&request, unit, now, &mut self.rng())?;
        match self.ca.sign_token(unsigned).await {
            Ok(token) => Ok(token.response()),
            Err(error) => {
                *failure = Some(KeysError::into(error));
                Err(TimeStampFailure::SystemFailure)
            }
        }
    }
}
