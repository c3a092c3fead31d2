//! Which sessions are billable, and how they are counted out of the audit trail (R8; `docs/billing.md`).

use super::{AuditEvent, AuditRecord};
use jiff::Timestamp;
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt,
};
use wire::{EndResult, InteractionType, RelyingPartyUuid, SessionId};

/// Whether a session is paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Charge {
    /// The relying party got what it asked for.
    Billable,
    /// It did not.
    Free,
    /// The record says less or something else than this software writes: a person has to decide.
    Unknown,
}

impl Charge {
    /// Stable word for statements.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Billable => "yes",
            Self::Free => "no",
            Self::Unknown => "unknown",
        }
    }
}

/// The billing rule: kind and result of a session, in the words of the audit trail.
#[must_use]
pub fn charge(kind: &str, result: &str) -> Charge {
    let signature_given = match kind {
        "authentication" | "signature" => Charge::Billable,
        // The certificate alone; the signature that it is chosen for is paid for.
        "certificate_choice" => Charge::Free,
        _ => return Charge::Unknown,
    };
    if result == OK {
        return signature_given;
    }
    end_results()
        .iter()
        .find(|known| known.code() == result)
        .map_or(Charge::Unknown, charge_without_signature)
}

/// `docs/billing.md`, "The rule": only a signature given out is paid for.
fn charge_without_signature(result: &EndResult) -> Charge {
    match result {
        // She said no; asking costs nothing.
        EndResult::UserRefused
        | EndResult::UserRefusedInteraction(_)
        | EndResult::UserRefusedCertChoice
        | EndResult::WrongVc => Charge::Free,
        // Nobody was there, or nobody who could.
        EndResult::Timeout
        | EndResult::DocumentUnusable
        | EndResult::RequiredInteractionNotSupportedByApp => Charge::Free,
        // Something broke; whose fault it was is not for the bill.
        EndResult::ProtocolFailure | EndResult::ExpectedLinkedSession | EndResult::ServerError => {
            Charge::Free
        }
    }
}

const OK: &str = "OK";

/// One of each.
fn end_results() -> [EndResult; 10] {
    [
        EndResult::UserRefused,
        EndResult::UserRefusedInteraction(InteractionType::DisplayTextAndPin),
        EndResult::UserRefusedCertChoice,
        EndResult::Timeout,
        EndResult::DocumentUnusable,
        EndResult::WrongVc,
        EndResult::RequiredInteractionNotSupportedByApp,
        EndResult::ProtocolFailure,
        EndResult::ExpectedLinkedSession,
        EndResult::ServerError,
    ]
}

/// Sessions of one relying party that have kind, result and charge in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UsageRow {
    /// `authentication`, `signature`, `certificate_choice` or `unknown`.
    pub kind: String,
    /// `OK` or another end result of the RP API.
    pub result: String,
    /// Whether they are paid for.
    pub charge: Charge,
    /// How many.
    pub sessions: u64,
}

/// A session that counts: the lines that a relying party can add up again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountedSession {
    /// When it ended.
    pub at: Timestamp,
    /// Which.
    pub session: SessionId,
    /// Whose.
    pub relying_party: RelyingPartyUuid,
    /// As [`UsageRow::kind`].
    pub kind: String,
    /// As [`UsageRow::result`].
    pub result: String,
    /// Whether it is paid for.
    pub charge: Charge,
}

/// Something in the audit trail that cannot have come about in the ordinary way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anomaly {
    /// When the record says that it happened.
    pub at: Timestamp,
    /// The session, if the record names one.
    pub session: Option<SessionId>,
    /// The relying party, if the record names one.
    pub relying_party: Option<RelyingPartyUuid>,
    /// What does not fit.
    pub what: AnomalyKind,
}

/// What does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AnomalyKind {
    /// A second end; the first one counts.
    EndedTwice,
    /// A second start; it does not count.
    StartedTwice,
    /// An end of a session that the whole trail does not begin. It counts as unknown.
    EndedWithoutStart,
    /// Start and end name different relying parties or kinds. It counts as unknown, for whom the end names.
    Contradiction,
    /// An end that names no session or no relying party. It is in no sum.
    Incomplete,
}

impl AnomalyKind {
    /// Stable snake_case code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::EndedTwice => "ended_twice",
            Self::StartedTwice => "started_twice",
            Self::EndedWithoutStart => "ended_without_start",
            Self::Contradiction => "contradiction",
            Self::Incomplete => "incomplete",
        }
    }
}

impl fmt::Display for AnomalyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EndedTwice => "ended a second time; the first end counts",
            Self::StartedTwice => "started a second time; the first start counts",
            Self::EndedWithoutStart => "ended but never started; counted as unknown",
            Self::Contradiction => {
                "start and end name different relying parties or kinds; counted as unknown"
            }
            Self::Incomplete => "an end without session or relying party; counted nowhere",
        })
    }
}

/// Counts sessions out of audit records that come in the order of the trail.
///
/// A session counts once, when it ends. Memory: what is open, and 16 bytes for each session of the period.
pub struct Metering {
    from: Timestamp,
    until: Timestamp,
    only: Option<RelyingPartyUuid>,
    /// Half of the story: started and not ended, or ended and not started.
    open: HashMap<SessionId, Half>,
    /// The whole story.
    complete: HashSet<SessionId>,
    usage: Usage,
}

/// What was counted.
#[derive(Default)]
pub struct Usage {
    /// Rows of each relying party.
    pub rows: BTreeMap<RelyingPartyUuid, Vec<UsageRow>>,
    /// Every session, if that was asked for.
    pub sessions: Option<Vec<CountedSession>>,
    /// What does not fit.
    pub anomalies: Vec<Anomaly>,
}

#[derive(Default)]
struct Half {
    start: Option<Start>,
    end: Option<End>,
}

struct Start {
    relying_party: Option<RelyingPartyUuid>,
    kind: String,
}

struct End {
    at: Timestamp,
    relying_party: RelyingPartyUuid,
    kind: Option<String>,
    result: String,
}

impl Metering {
    /// Counts sessions that end at or after `from` and before `until`, of all relying parties or of one.
    #[must_use]
    pub fn new(
        from: Timestamp,
        until: Timestamp,
        only: Option<RelyingPartyUuid>,
        details: bool,
    ) -> Self {
        Self {
            from,
            until,
            only,
            open: HashMap::new(),
            complete: HashSet::new(),
            usage: Usage {
                sessions: details.then(Vec::new),
                ..Usage::default()
            },
        }
    }

    /// The next record of the period, or of the time before it in which its sessions may have started.
    pub fn take(&mut self, record: &AuditRecord) {
        match &record.event {
            AuditEvent::SessionStarted { kind, .. } if self.concerns(record) => {
                self.start(record, kind);
            }
            AuditEvent::SessionEnded { result, kind, .. } if self.concerns(record) => {
                self.end(record, result, kind.as_ref());
            }
            _ => {}
        }
    }

    /// Whether there are ends without a start: then the rest of the trail is to be looked through as well.
    #[must_use]
    pub fn misses_starts(&self) -> bool {
        self.open
            .values()
            .any(|half| half.start.is_none() && half.end.is_some())
    }

    /// A record from before all that was taken so far: begins, or ends a first time, what ended in the period.
    pub fn take_earlier(&mut self, record: &AuditRecord) {
        let Some(session) = record.session else {
            return;
        };
        let Some(half) = self.open.get_mut(&session) else {
            return;
        };
        match &record.event {
            AuditEvent::SessionStarted { kind, .. } if half.start.is_none() => {
                half.start = Some(Start {
                    relying_party: record.relying_party,
                    kind: kind.clone(),
                });
            }
            AuditEvent::SessionEnded { result, kind, .. } => {
                let Some(relying_party) = record.relying_party else {
                    return;
                };
                let end = End {
                    at: record.at,
                    relying_party,
                    kind: kind.clone(),
                    result: result.clone(),
                };
                if let Some(second) = half.end.replace(end) {
                    let (at, relying_party) = (second.at, Some(second.relying_party));
                    self.note(at, Some(session), relying_party, AnomalyKind::EndedTwice);
                }
            }
            _ => {}
        }
    }

    /// A record from after all that was taken so far: only a clock that was set back makes starts of the period's
    /// sessions stand there.
    pub fn take_later(&mut self, record: &AuditRecord) {
        let waiting = record
            .session
            .and_then(|session| self.open.get_mut(&session))
            .filter(|half| half.start.is_none());
        if let (Some(half), AuditEvent::SessionStarted { kind, .. }) = (waiting, &record.event) {
            half.start = Some(Start {
                relying_party: record.relying_party,
                kind: kind.clone(),
            });
        }
    }

    /// The sums. What is still open has not ended in the period.
    #[must_use]
    pub fn finish(mut self) -> Usage {
        let mut ended: Vec<(SessionId, Half)> = self
            .open
            .drain()
            .filter(|(_, half)| half.end.is_some())
            .collect();
        ended.sort_by_key(|(session, half)| (half.end.as_ref().map(|end| end.at), *session));
        for (session, half) in ended {
            if let Some(end) = half.end {
                self.count(session, half.start, end);
            }
        }
        for rows in self.usage.rows.values_mut() {
            rows.sort();
        }
        self.usage
            .anomalies
            .sort_by_key(|anomaly| (anomaly.at, anomaly.session, anomaly.what));
        self.usage
    }

    fn concerns(&self, record: &AuditRecord) -> bool {
        self.only.is_none() || record.relying_party == self.only
    }

    fn start(&mut self, record: &AuditRecord, kind: &str) {
        let Some(session) = record.session else {
            return;
        };
        if self.tells(session, |half| half.start.is_some()) {
            self.note(
                record.at,
                Some(session),
                record.relying_party,
                AnomalyKind::StartedTwice,
            );
            return;
        }
        self.open.entry(session).or_default().start = Some(Start {
            relying_party: record.relying_party,
            kind: kind.to_owned(),
        });
        self.complete(session);
    }

    fn end(&mut self, record: &AuditRecord, result: &str, kind: Option<&String>) {
        let (Some(session), Some(relying_party)) = (record.session, record.relying_party) else {
            self.note(
                record.at,
                record.session,
                record.relying_party,
                AnomalyKind::Incomplete,
            );
            return;
        };
        if self.tells(session, |half| half.end.is_some()) {
            self.note(
                record.at,
                Some(session),
                Some(relying_party),
                AnomalyKind::EndedTwice,
            );
            return;
        }
        self.open.entry(session).or_default().end = Some(End {
            at: record.at,
            relying_party,
            kind: kind.cloned(),
            result: result.to_owned(),
        });
        self.complete(session);
    }

    /// Whether that part of the session's story was told already.
    fn tells(&self, session: SessionId, part: impl Fn(&Half) -> bool) -> bool {
        self.complete.contains(&session) || self.open.get(&session).is_some_and(part)
    }

    /// Counts the session if it has both start and end.
    fn complete(&mut self, session: SessionId) {
        let is_complete = self
            .open
            .get(&session)
            .is_some_and(|half| half.start.is_some() && half.end.is_some());
        if !is_complete {
            return;
        }
        if let Some(Half {
            start,
            end: Some(end),
        }) = self.open.remove(&session)
        {
            self.complete.insert(session);
            self.count(session, start, end);
        }
    }

    fn count(&mut self, session: SessionId, start: Option<Start>, end: End) {
        if !self.is_within(end.at) {
            return;
        }
        let anomaly = match &start {
            None => Some(AnomalyKind::EndedWithoutStart),
            Some(start) => {
                let other_party = start.relying_party != Some(end.relying_party);
                let other_kind = end.kind.as_ref().is_some_and(|kind| *kind != start.kind);
                (other_party || other_kind).then_some(AnomalyKind::Contradiction)
            }
        };
        // Records of before this field was written take it from the start.
        let kind = end
            .kind
            .or(start.map(|start| start.kind))
            .unwrap_or_else(|| "unknown".to_owned());
        let charge = match anomaly {
            None => charge(&kind, &end.result),
            Some(_) => Charge::Unknown,
        };
        if let Some(what) = anomaly {
            self.note(end.at, Some(session), Some(end.relying_party), what);
        }
        let rows = self.usage.rows.entry(end.relying_party).or_default();
        let same = rows
            .iter_mut()
            .find(|row| row.kind == kind && row.result == end.result && row.charge == charge);
        match same {
            Some(row) => row.sessions += 1,
            None => rows.push(UsageRow {
                kind: kind.clone(),
                result: end.result.clone(),
                charge,
                sessions: 1,
            }),
        }
        if let Some(sessions) = &mut self.usage.sessions {
            sessions.push(CountedSession {
                at: end.at,
                session,
                relying_party: end.relying_party,
                kind,
                result: end.result,
                charge,
            });
        }
    }

    fn note(
        &mut self,
        at: Timestamp,
        session: Option<SessionId>,
        relying_party: Option<RelyingPartyUuid>,
        what: AnomalyKind,
    ) {
        if self.is_within(at) {
            self.usage.anomalies.push(Anomaly {
                at,
                session,
                relying_party,
                what,
            });
        }
    }

    fn is_within(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.until
    }
}

#[cfg(test)]
mod tests;
