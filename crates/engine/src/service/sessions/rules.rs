//! Who may ask, for whom, and how often.

use super::{Caller, RelyingPartyError, Service, Target};
use crate::{
    domain::{Account, AccountId, KeyState, RelyingParty},
    fixture_keys,
    ports::Reader,
};
use jiff::{SignedDuration, Timestamp};
use splitkey::Purpose;
use wire::{CertificateLevel, rp_v3};

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

impl Service {
    /// The accounts whose key for this can be used, now or once its evaluation is through.
    pub(super) fn usable(
        &self,
        accounts: &[Account],
        purpose: Purpose,
        now: Timestamp,
    ) -> Vec<AccountId> {
        accounts
            .iter()
            .filter(|account| {
                let key = account.keys.of(purpose);
                matches!(key.state, KeyState::Ready { .. })
                    && (key.is_usable(now) || key.in_flight.is_some())
                    && (self.policy.fixture_keys || !fixture_keys::is_published(&key.n1))
            })
            .map(|account| account.id)
            .collect()
    }

    /// Whoever is asked too often in a minute is left alone (`splitkey.md` §4.4). Each relying party has a limit, so
    /// that one that asks too often does not keep the others from asking; all together have another.
    pub(super) async fn limit_prompts(
        &self,
        reader: &mut dyn Reader,
        relying_party: &RelyingParty,
        accounts: &[Account],
        now: Timestamp,
    ) -> Result<(), RelyingPartyError> {
        let limit = relying_party
            .rights
            .prompts_per_minute
            .unwrap_or(self.policy.prompts_per_minute);
        let in_all = self.policy.prompts_per_minute_in_all.max(limit);
        let since = now - MINUTE;
        for account in accounts {
            let own = reader
                .count_sessions_between(relying_party.uuid, account.id, since)
                .await?;
            let all = reader.count_sessions_of(account.id, since).await?;
            if own >= u64::from(limit) || all >= u64::from(in_all) {
                return Err(RelyingPartyError::TooManyRequests {
                    retry_after: MINUTE,
                });
            }
        }
        Ok(())
    }

    /// The accounts that the request is meant for and whose certificate for this has the level.
    pub(super) async fn suitable_accounts(
        &self,
        reader: &mut dyn Reader,
        target: &Target,
        purpose: Purpose,
        level: CertificateLevel,
        now: Timestamp,
    ) -> Result<Vec<Account>, RelyingPartyError> {
        let accounts = match target {
            Target::Anybody => return Ok(Vec::new()),
            Target::Private => return Err(RelyingPartyError::UnknownPrivateIdentifier),
            Target::Document(number) => {
                let account = reader
                    .account_by_document(number)
                    .await?
                    .filter(|account| account.is_active(now));
                vec![account.ok_or(RelyingPartyError::UnknownDocument)?]
            }
            Target::Person(person) => {
                let mut accounts = reader.active_accounts_of(person).await?;
                accounts.retain(|account| account.is_active(now));
                if accounts.is_empty() {
                    return Err(RelyingPartyError::UnknownPerson);
                }
                accounts
            }
        };
        let mut suitable = Vec::with_capacity(accounts.len());
        for account in accounts {
            if self.claims_of(account.keys.of(purpose))?.satisfies(level) {
                suitable.push(account);
            }
        }
        if suitable.is_empty() {
            return Err(RelyingPartyError::NoSuitableAccount);
        }
        Ok(suitable)
    }
}

/// UUID, IP address, name and rights of the caller (rp-api.md §2).
pub(super) async fn authorise(
    reader: &mut dyn Reader,
    caller: &Caller,
    common: &rp_v3::Common,
) -> Result<RelyingParty, RelyingPartyError> {
    let relying_party = reader
        .relying_party(common.relying_party_uuid)
        .await?
        .filter(|relying_party| relying_party.enabled)
        .ok_or(RelyingPartyError::UnknownRelyingParty)?;
    if !relying_party.may_call_from(caller.address) {
        return Err(RelyingPartyError::AddressNotAllowed);
    }
    if !relying_party.goes_by(&common.relying_party_name) {
        return Err(RelyingPartyError::NameNotAllowed);
    }
    let rights = &relying_party.rights;
    let refused =
        if common.certificate_level == CertificateLevel::Advanced && !rights.advanced_level {
            Some(("certificateLevel ADVANCED", "/certificateLevel"))
        } else if common.share_md_client_ip_address && !rights.share_device_ip {
            Some((
                "shareMdClientIpAddress",
                "/requestProperties/shareMdClientIpAddress",
            ))
        } else if common
            .capabilities
            .iter()
            .any(|capability| !rights.capabilities.contains(capability))
        {
            Some(("the requested capabilities", "/capabilities"))
        } else {
            None
        };
    match refused {
        Some((what, pointer)) => Err(RelyingPartyError::NotPermitted { what, pointer }),
        None => Ok(relying_party),
    }
}
