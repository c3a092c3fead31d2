//! Revocation lists (RFC 5280 §5): a new one as soon as the number of revoked certificates changes, and when half of the
//! newest one's life is over.

use super::{MAX_ROUNDS, is_of_the_future, time_of_next};
use crate::{
    domain::StoredRevocationList,
    ports::{IssuingAuthority, StoreError},
    service::{Infrastructure, Service},
};
use jiff::{SignedDuration, Timestamp};
use pki::crl::UnsignedRevocationList;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// From thisUpdate to nextUpdate.
const LIFE: SignedDuration = SignedDuration::from_hours(24);

/// A revocation list as it is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationListAnswer {
    /// DER: megabytes in a large scheme, so all who read it share it.
    pub der: Arc<[u8]>,
    /// SHA-256 of it.
    pub sha256: [u8; 32],
    /// thisUpdate.
    pub this_update: Timestamp,
}

impl RevocationListAnswer {
    fn new(der: Vec<u8>, this_update: Timestamp) -> Self {
        Self {
            sha256: Sha256::digest(&der).into(),
            der: der.into(),
            this_update,
        }
    }
}

/// What is known of an authority's newest list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Newest {
    this_update: Timestamp,
    next_update: Timestamp,
    entries: u64,
}

impl Newest {
    fn of(list: &StoredRevocationList) -> Self {
        Self {
            this_update: list.this_update,
            next_update: list.next_update,
            entries: list.entries,
        }
    }

    fn is_due(self, revoked: u64, now: Timestamp) -> bool {
        let half = self.next_update.duration_since(self.this_update) / 2;
        self.entries != revoked
            || now >= self.this_update + half
            || is_of_the_future(self.this_update, now)
    }
}

impl Service {
    /// The newest revocation list of a CA (`root` included); `None` if there is no such CA.
    ///
    /// # Errors
    /// The database cannot be used, or the first list cannot be made.
    pub async fn revocation_list(
        &self,
        ca: &str,
    ) -> Result<Option<RevocationListAnswer>, Infrastructure> {
        if ca == "root" {
            let list = self.ca.root_revocation_list();
            return Ok(
                list.map(|list| RevocationListAnswer::new(list.der().to_vec(), list.this_update()))
            );
        }
        let Some(issuer) = self.issuing_authority(ca) else {
            return Ok(None);
        };
        let newest = match self.newest_number(&issuer).await? {
            Some(number) => number,
            None => {
                self.renew_revocation_list(&issuer).await?;
                let made = self.newest_number(&issuer).await?;
                made.ok_or(Infrastructure::Internal("a revocation list that is lost"))?
            }
        };
        let served = self.published.served().get(&issuer.id).cloned();
        if let Some((number, list)) = served
            && number == newest
        {
            return Ok(Some(list));
        }
        let list = self
            .newest_list(&issuer)
            .await?
            .ok_or(Infrastructure::Internal("a revocation list that is lost"))?;
        let answer = RevocationListAnswer::new(list.der, list.this_update);
        self.published
            .served()
            .insert(issuer.id, (list.number, answer.clone()));
        Ok(Some(answer))
    }

    async fn newest_number(
        &self,
        issuer: &IssuingAuthority,
    ) -> Result<Option<u64>, Infrastructure> {
        let mut reader = self.store.read().await?;
        Ok(reader.revocation_list_number(issuer.id).await?)
    }

    async fn newest_list(
        &self,
        issuer: &IssuingAuthority,
    ) -> Result<Option<StoredRevocationList>, Infrastructure> {
        let mut reader = self.store.read().await?;
        Ok(reader.revocation_list(issuer.id).await?)
    }

    /// Publishes a list if one is due; returns when the newest one was made.
    pub(super) async fn renew_revocation_list(
        &self,
        issuer: &IssuingAuthority,
    ) -> Result<Timestamp, Infrastructure> {
        let known = self.published.revocation_lists().get(&issuer.id).copied();
        if let Some(known) = known {
            let revoked = self.store.read().await?.count_revoked(issuer.id).await?;
            if !known.is_due(revoked, self.now()) {
                return Ok(known.this_update);
            }
        }
        // One at a time in this process; between processes the number decides.
        let _turn = self
            .published
            .making
            .take_off_with(super::place(b"revocation list", &issuer.id.0))
            .await
            .map_err(|_| Infrastructure::Crowded)?;
        for _ in 0..MAX_ROUNDS {
            if let Some(newest) = self.next_list(issuer).await? {
                self.published.revocation_lists().insert(issuer.id, newest);
                return Ok(newest.this_update);
            }
        }
        Err(Infrastructure::Store(StoreError::Conflict))
    }

    /// The newest list if none is due, or a new one; `None` if another process was faster with one.
    async fn next_list(&self, issuer: &IssuingAuthority) -> Result<Option<Newest>, Infrastructure> {
        let mut reader = self.store.read().await?;
        let before = reader.revocation_list(issuer.id).await?;
        let count = reader.count_revoked(issuer.id).await?;
        let now = self.this_second();
        if let Some(before) = &before
            && !Newest::of(before).is_due(count, now)
        {
            return Ok(Some(Newest::of(before)));
        }
        let mut revoked = reader.revoked_certificates(issuer.id).await?;
        drop(reader);
        let number = before.as_ref().map_or(1, |before| before.number + 1);
        let this_update = time_of_next(before.map(|before| before.this_update), now);
        let next_update = this_update + LIFE;
        // As in OCSP's answers: not at a time that has not come yet.
        for certificate in &mut revoked {
            let at = &mut certificate.revocation.at;
            *at = (*at).min(this_update);
        }
        let unsigned = UnsignedRevocationList::build(
            issuer.ca.certificate(),
            number,
            this_update,
            next_update,
            &revoked,
        )
        .map_err(|_| Infrastructure::Internal("a revocation list that has no DER form"))?;
        let signed = self.ca.sign_revocation_list(issuer.id, unsigned).await?;
        let list = StoredRevocationList {
            issuer: issuer.id,
            number,
            this_update,
            next_update,
            entries: revoked.len() as u64,
            der: signed.der().to_vec(),
        };
        let mut uow = self.store.write().await?;
        let inserted = async {
            uow.insert_revocation_list(&list).await?;
            uow.commit().await
        };
        match inserted.await {
            Ok(()) => Ok(Some(Newest::of(&list))),
            Err(StoreError::Conflict) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_due_at_a_revocation_at_half_its_life_and_when_a_wrong_clock_made_it() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let newest = Newest {
            this_update: at("2026-11-24T12:00:00Z"),
            next_update: at("2026-11-25T12:00:00Z"),
            entries: 3,
        };
        for (revoked, now, expected) in [
            (3, "2026-11-24T12:00:01Z", false),
            (4, "2026-11-24T12:00:01Z", true),
            (3, "2026-11-24T23:59:59Z", false),
            (3, "2026-11-25T00:00:00Z", true),
            (3, "2026-11-24T11:55:00Z", false),
            (3, "2026-11-24T11:54:59Z", true),
        ] {
            assert_eq!(newest.is_due(revoked, at(now)), expected, "{revoked} {now}");
        }
    }
}
