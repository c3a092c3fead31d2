//! What each relying party used, out of the audit trail alone (`docs/billing.md`).

use super::{OperatorError, Service};
use crate::{
    domain::{Anomaly, AuditRecord, Charge, CountedSession, Metering, RelyingParty, UsageRow},
    ports::Reader,
};
use jiff::{SignedDuration, Timestamp};
use wire::RelyingPartyUuid;

/// Sessions live for minutes; one that ended later than this after its start is looked for in the whole trail.
const LOOK_BACK: SignedDuration = SignedDuration::from_hours(24);

/// Audit records in memory at a time.
const PAGE: u32 = 2_000;

/// A statement that is asked for.
#[derive(Clone, Copy, Debug)]
pub struct UsageRequest {
    /// First moment that counts.
    pub from: Timestamp,
    /// First moment that does not count any more.
    pub until: Timestamp,
    /// One relying party; all if absent.
    pub relying_party: Option<RelyingPartyUuid>,
    /// Every session, too.
    pub details: bool,
}

/// Statements for a period.
#[derive(Debug)]
pub struct UsageReport {
    /// What was asked.
    pub request: UsageRequest,
    /// When it was computed; what ends later in the period is not in it.
    pub generated_at: Timestamp,
    /// One for each relying party, also for those that asked nothing, by name.
    pub statements: Vec<Statement>,
    /// What in the trail does not fit.
    pub anomalies: Vec<Anomaly>,
}

/// What one relying party used.
#[derive(Debug)]
pub struct Statement {
    /// Whose.
    pub relying_party: RelyingPartyUuid,
    /// As it is called now; empty if the database does not know it.
    pub names: Vec<String>,
    /// Sums by kind, result and charge.
    pub rows: Vec<UsageRow>,
    /// Every session that is in the sums, in the order of the trail, if that was asked for.
    pub sessions: Option<Vec<CountedSession>>,
}

impl Statement {
    /// How many sessions have this charge.
    #[must_use]
    pub fn count(&self, charge: Charge) -> u64 {
        let rows = self.rows.iter().filter(|row| row.charge == charge);
        rows.map(|row| row.sessions).sum()
    }

    /// How many sessions ended.
    #[must_use]
    pub fn sessions(&self) -> u64 {
        self.rows.iter().map(|row| row.sessions).sum()
    }
}

impl Service {
    /// What relying parties used in a period.
    ///
    /// # Errors
    /// No such relying party, or the database cannot be used.
    pub async fn usage(&self, request: UsageRequest) -> Result<UsageReport, OperatorError> {
        let UsageRequest {
            from,
            until,
            relying_party,
            details,
        } = request;
        let generated_at = self.now();
        let mut reader = self.store.read().await?;
        let mut known = reader.relying_parties().await?;
        if let Some(uuid) = relying_party {
            known.retain(|one| one.uuid == uuid);
            if known.is_empty() {
                return Err(OperatorError::UnknownRelyingParty(uuid));
            }
        }
        let mut metering = Metering::new(from, until, relying_party, details);
        let began = from.checked_sub(LOOK_BACK).unwrap_or(Timestamp::MIN);
        each(&mut *reader, began, until, |record| metering.take(record)).await?;
        if metering.misses_starts() {
            each(&mut *reader, Timestamp::MIN, began, |record| {
                metering.take_earlier(record);
            })
            .await?;
            each(&mut *reader, until, Timestamp::MAX, |record| {
                metering.take_later(record);
            })
            .await?;
        }
        let mut usage = metering.finish();
        let mut sessions = usage.sessions.take();
        let mut statements: Vec<Statement> = known
            .into_iter()
            .map(|RelyingParty { uuid, names, .. }| Statement {
                relying_party: uuid,
                names,
                rows: usage.rows.remove(&uuid).unwrap_or_default(),
                sessions: None,
            })
            .collect();
        // None is ever deleted; should one be missing, its sessions are not.
        statements.extend(usage.rows.into_iter().map(|(uuid, rows)| Statement {
            relying_party: uuid,
            names: Vec::new(),
            rows,
            sessions: None,
        }));
        if let Some(all) = &mut sessions {
            for statement in &mut statements {
                let (own, others) = std::mem::take(all)
                    .into_iter()
                    .partition(|one| one.relying_party == statement.relying_party);
                (statement.sessions, *all) = (Some(own), others);
            }
        }
        Ok(UsageReport {
            request,
            generated_at,
            statements,
            anomalies: usage.anomalies,
        })
    }
}

/// Reads a part of the trail page by page.
async fn each(
    reader: &mut dyn Reader,
    from: Timestamp,
    until: Timestamp,
    mut take: impl FnMut(&AuditRecord) + Send,
) -> Result<(), OperatorError> {
    let mut after = None;
    loop {
        let page = reader.audit_page(from, until, after.as_ref(), PAGE).await?;
        page.records.iter().for_each(&mut take);
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(()),
        }
    }
}
