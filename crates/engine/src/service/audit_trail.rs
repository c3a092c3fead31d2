//! The audit trail: checkpoints that the deployment's root key signs, and the check that nothing in it was changed.

use super::{Infrastructure, OperatorError, Service, evaluate::hex, retrying};
use crate::{
    domain::{
        Account, AccountId, AccountState, AuditEntry, AuditEvent, AuditLink, AuditRecord, Evidence,
    },
    ports::{KeyHolder, PublishedCertificate, Reader, StoreError},
};
use jiff::Timestamp;
use std::{
    collections::{HashMap, HashSet},
    sync::PoisonError,
};
use wire::{
    DocumentNumber, FixedBytes, SessionId,
    audit_checkpoint::{Checkpoint, SignedCheckpoint},
};

/// Entries that are read at a time.
const PAGE: u32 = 1000;

/// What a check of the audit trail found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditReport {
    /// Records in the trail.
    pub records: u64,
    /// Of these, the newest that no checkpoint is over yet.
    pub uncovered: u64,
    /// Checkpoints over it.
    pub checkpoints: u64,
    /// Its last link as the records have it, to be noted down where nobody can change it.
    pub head: AuditLink,
    /// What is wrong, in the order in which it was found, at most [`MAX_FINDINGS`].
    pub findings: Vec<AuditFinding>,
}

/// More findings than this are not collected: one cut is told as well by the first hundred.
pub const MAX_FINDINGS: usize = 100;

/// Something about the audit trail that this software did not do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuditFinding {
    /// The text does not have the hash that the chain has for it.
    #[error("record {seq} was changed, or one before it: its hash is not the chain's")]
    Changed {
        /// Its number.
        seq: u64,
    },
    /// Numbers are missing.
    #[error("records {first} to {last} are gone")]
    Gap {
        /// The first that is missing.
        first: u64,
        /// The last that is missing.
        last: u64,
    },
    /// It is looked up by something else than what it says.
    #[error(
        "record {seq} is filed under another moment, account, relying party or session than it says"
    )]
    Misfiled {
        /// Its number.
        seq: u64,
    },
    /// Rows that are in no chain.
    #[error("there are {0} rows that are no records of the trail")]
    Foreign(u64),
    /// No record of ours.
    #[error("record {seq} is none that this software wrote")]
    Unreadable {
        /// Its number.
        seq: u64,
    },
    /// The trail is shorter or longer than its sealed head says.
    #[error(
        "the trail ends with record {found}, its sealed head says {sealed}: the end was cut off or added to"
    )]
    End {
        /// As the records have it.
        found: u64,
        /// As the head has it.
        sealed: u64,
    },
    /// The sealed head is not there, or was not written with this database's column key.
    #[error("the sealed head of the trail is missing or was changed")]
    Head,
    /// A checkpoint is not the root key's.
    #[error("the checkpoint over record {seq} is not signed by the deployment's root key")]
    ForgedCheckpoint {
        /// The record.
        seq: u64,
    },
    /// A checkpoint says another hash than the trail.
    #[error("the root key signed another trail: record {seq} had another hash at its checkpoint")]
    OtherTrail {
        /// The record.
        seq: u64,
    },
    /// A checkpoint that its successor names is gone.
    #[error(
        "the checkpoint over record {seq} does not follow the one before it: checkpoints between them are gone"
    )]
    MissingCheckpoint {
        /// The record of the successor.
        seq: u64,
    },
    /// A checkpoint cannot be read.
    #[error("a checkpoint after record {after} was changed")]
    UnreadableCheckpoint {
        /// The last that could be read.
        after: u64,
    },
    /// The link that an operator noted down is not in the trail.
    #[error("the trail does not contain {0}, which you noted down")]
    Anchor(AuditLink),
    /// A session ended twice.
    #[error("session {0} ended twice")]
    EndedTwice(SessionId),
    /// Evidence is gone or different.
    #[error("the evidence of session {0} is missing or was changed")]
    Evidence(SessionId),
    /// Evidence that no record tells of.
    #[error("there is evidence of session {0}, whose end is not in the trail")]
    UnrecordedEvidence(SessionId),
    /// Stored evidence cannot be read.
    #[error("stored evidence after session {0} cannot be read")]
    UnreadableEvidence(String),
    /// An account whose opening is not in the trail.
    #[error("there is an account whose opening is not in the trail (internal identifier {0})")]
    UnrecordedAccount(uuid::Uuid),
    /// An account that was opened is not there, or not as its records say.
    #[error("account {document_number}: {what}")]
    Account {
        /// Its public name.
        document_number: String,
        /// What does not fit.
        what: &'static str,
    },
}

impl Service {
    /// Signs how far the audit trail goes, if it goes further than the newest checkpoint. Call it every few seconds.
    ///
    /// What is signed goes on from the newest checkpoint: a trail that was changed since, or put back to before it, gets no
    /// signature.
    ///
    /// Returns the checkpoint, if one was made.
    ///
    /// # Errors
    /// Database or key vault; the trail does not go on from what was signed last.
    pub async fn checkpoint_audit(&self) -> Result<Option<SignedCheckpoint>, Infrastructure> {
        let (newest, head) = {
            let mut reader = self.store.read().await?;
            let newest = match reader.newest_checkpoint().await? {
                None => AuditLink::START,
                Some(signed) => {
                    signed.verify().map_err(|_| StoreError::Corrupt {
                        what: "audit_checkpoint",
                    })?;
                    link_of(&signed)
                }
            };
            let signed_here = *self
                .last_signed
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            if signed_here.is_some_and(|link| link.seq > newest.seq) {
                return Err(StoreError::Corrupt {
                    what: "audit_checkpoint",
                }
                .into());
            }
            let head = reader.audit_head().await?;
            if head == newest {
                return Ok(None);
            }
            if walk(&mut *reader, newest, head.seq).await? != head {
                return Err(StoreError::Corrupt {
                    what: "audit_entry",
                }
                .into());
            }
            (newest, head)
        };
        let checkpoint = Checkpoint {
            previous: newest.seq,
            seq: head.seq,
            hash: FixedBytes(head.hash),
            at: self.now(),
        };
        let signed = self.keys.sign_checkpoint(checkpoint).await?;
        let stored = retrying!(self, |uow| {
            uow.insert_checkpoint(&signed).await?;
            uow.commit().await?;
            Ok::<_, Infrastructure>(())
        });
        match stored {
            Ok(()) => {
                let mut last = self
                    .last_signed
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                *last = Some(head);
                Ok(Some(signed))
            }
            // Another process was first.
            Err(Infrastructure::Store(StoreError::Duplicate { .. })) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Remembers the CA certificates of today in the database, for evidence that is asked for when they are history.
    ///
    /// # Errors
    /// Database.
    pub async fn remember_certificates(&self) -> Result<(), Infrastructure> {
        let published: Vec<PublishedCertificate> = self.ca.published();
        retrying!(self, |uow| {
            for certificate in &published {
                uow.remember_certificate(certificate).await?;
            }
            uow.commit().await?;
            Ok::<_, Infrastructure>(())
        })
    }

    /// Reads the whole audit trail and says what in it, or in what hangs on it, this software did not do.
    ///
    /// `root_key` is the deployment's, if the caller knows it; otherwise the checkpoints only have to agree on one.
    /// `anchors` are links that were noted down earlier, where whoever writes to the database cannot reach: a trail that
    /// was put back together with its head to an earlier day is found by them alone. `progress` is called with the
    /// number of records read so far.
    ///
    /// # Errors
    /// The database cannot be read at all.
    pub async fn check_audit(
        &self,
        root_key: Option<[u8; 65]>,
        anchors: &[AuditLink],
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<AuditReport, OperatorError> {
        let mut reader = self.store.read().await?;
        let mut check = Check {
            findings: Vec::new(),
            checkpoints: 0,
            covered: 0,
            anchors: anchors
                .iter()
                .copied()
                .filter(|anchor| *anchor != AuditLink::START)
                .collect(),
            ended: HashMap::new(),
            opened: HashMap::new(),
            closed: HashSet::new(),
            numbers: HashMap::new(),
        };
        let mut trusted = root_key;
        let mut pending = check.next_checkpoints(&mut *reader, 0).await?;
        let mut head = AuditLink::START;
        let mut records = 0;
        loop {
            let entries = reader.audit_entries(head.seq, PAGE).await?;
            let Some(last) = entries.last().map(|entry| entry.link.seq) else {
                break;
            };
            for entry in &entries {
                head = check.entry(head, entry);
                records += 1;
                while let Some(signed) = pending.first().copied()
                    && signed.checkpoint.seq <= head.seq
                {
                    pending.remove(0);
                    check.checkpoint(&signed, head, &mut trusted);
                    if pending.is_empty() {
                        pending = check
                            .next_checkpoints(&mut *reader, signed.checkpoint.seq)
                            .await?;
                    }
                }
            }
            debug_assert_eq!(last, head.seq);
            progress(records);
        }
        for signed in pending {
            check.find(AuditFinding::OtherTrail {
                seq: signed.checkpoint.seq,
            });
        }
        check.end(reader.audit_head().await, head)?;
        let rows = reader.count_audit_entries().await?;
        if rows != records {
            check.find(AuditFinding::Foreign(rows.abs_diff(records)));
        }
        for anchor in std::mem::take(&mut check.anchors) {
            check.find(AuditFinding::Anchor(anchor));
        }
        check.evidence(&mut *reader).await?;
        check.accounts(&mut *reader).await?;
        Ok(AuditReport {
            records,
            uncovered: head.seq.saturating_sub(check.covered),
            checkpoints: check.checkpoints,
            head,
            findings: check.findings,
        })
    }
}

/// A check under way.
struct Check {
    findings: Vec<AuditFinding>,
    checkpoints: u64,
    /// The record that the last of them is over.
    covered: u64,
    /// Noted down and not met yet.
    anchors: Vec<AuditLink>,
    /// Sessions that ended, with the hash of their evidence; older records have none.
    ended: HashMap<SessionId, Option<String>>,
    /// Accounts that were opened: their identifier, by document number.
    opened: HashMap<String, Option<AccountId>>,
    closed: HashSet<AccountId>,
    /// Document numbers that were looked up.
    numbers: HashMap<AccountId, DocumentNumber>,
}

impl Check {
    fn find(&mut self, finding: AuditFinding) {
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(finding);
        }
    }

    /// Checks an entry against the link before it and returns its own, as it should be. After a finding, the check goes on
    /// from what is stored, so that one change is not told as a thousand.
    fn entry(&mut self, before: AuditLink, entry: &AuditEntry) -> AuditLink {
        let link = entry.link;
        if link.seq != before.seq + 1 {
            self.find(AuditFinding::Gap {
                first: before.seq + 1,
                last: link.seq.saturating_sub(1),
            });
        } else if before.follow(&entry.record_sha256()) != link {
            self.find(AuditFinding::Changed { seq: link.seq });
        }
        if !entry.filed {
            self.find(AuditFinding::Misfiled { seq: link.seq });
        }
        self.anchors.retain(|anchor| *anchor != link);
        match entry.record() {
            Some(record) => self.record(record),
            None => self.find(AuditFinding::Unreadable { seq: link.seq }),
        }
        link
    }

    fn record(&mut self, record: AuditRecord) {
        match (record.event, record.session, record.account) {
            (
                AuditEvent::SessionEnded {
                    evidence_sha256, ..
                },
                Some(session),
                _,
            ) => {
                let before = self.ended.insert(session, evidence_sha256);
                if before.is_some() {
                    self.find(AuditFinding::EndedTwice(session));
                }
            }
            (AuditEvent::AccountOpened { document_number }, _, account) => {
                self.opened.insert(document_number, account);
            }
            (AuditEvent::AccountClosed { .. }, _, Some(account)) => {
                self.closed.insert(account);
            }
            _ => {}
        }
    }

    async fn next_checkpoints(
        &mut self,
        reader: &mut dyn Reader,
        after: u64,
    ) -> Result<Vec<SignedCheckpoint>, StoreError> {
        match reader.checkpoints(after, PAGE).await {
            Err(StoreError::Corrupt { .. }) => {
                self.find(AuditFinding::UnreadableCheckpoint { after });
                Ok(Vec::new())
            }
            read => read,
        }
    }

    fn checkpoint(
        &mut self,
        signed: &SignedCheckpoint,
        head: AuditLink,
        trusted: &mut Option<[u8; 65]>,
    ) {
        self.checkpoints += 1;
        let seq = signed.checkpoint.seq;
        if signed.checkpoint.previous != self.covered {
            self.find(AuditFinding::MissingCheckpoint { seq });
        }
        self.covered = seq;
        let trusted = *trusted.get_or_insert(signed.root_key.0);
        if signed.root_key.0 != trusted || signed.verify().is_err() {
            self.find(AuditFinding::ForgedCheckpoint { seq });
        } else if seq != head.seq || signed.checkpoint.hash.0 != head.hash {
            self.find(AuditFinding::OtherTrail { seq });
        }
    }

    fn end(
        &mut self,
        sealed: Result<AuditLink, StoreError>,
        head: AuditLink,
    ) -> Result<(), StoreError> {
        match sealed {
            Ok(sealed) if sealed == head => {}
            Ok(sealed) if sealed.seq != head.seq => self.find(AuditFinding::End {
                found: head.seq,
                sealed: sealed.seq,
            }),
            Ok(_) => self.find(AuditFinding::Changed { seq: head.seq }),
            Err(StoreError::Corrupt { .. }) => self.find(AuditFinding::Head),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Everything that ended left its evidence, and there is no other.
    async fn evidence(&mut self, reader: &mut dyn Reader) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let page = match reader.all_evidence(after, PAGE).await {
                Ok(page) => page,
                Err(StoreError::Corrupt { .. }) => {
                    let place = after.map_or_else(|| "none".to_owned(), |id| id.to_string());
                    self.find(AuditFinding::UnreadableEvidence(place));
                    return Ok(());
                }
                Err(error) => return Err(error),
            };
            let Some(last) = page.last() else { break };
            after = Some(last.session);
            for evidence in &page {
                let id = evidence.session;
                let expected = self.ended.remove(&id);
                if expected.is_none() {
                    self.find(AuditFinding::UnrecordedEvidence(id));
                } else if expected.flatten() != Some(hex(&evidence.sha256()))
                    || !self.is_filed(reader, evidence).await?
                {
                    self.find(AuditFinding::Evidence(id));
                }
            }
        }
        let mut missing: Vec<_> = self
            .ended
            .iter()
            .filter(|(_, expected)| expected.is_some())
            .map(|(id, _)| *id)
            .collect();
        missing.sort_by_key(|id| id.0);
        for id in missing {
            self.find(AuditFinding::Evidence(id));
        }
        Ok(())
    }

    /// Whether evidence is looked up by what it says.
    async fn is_filed(
        &mut self,
        reader: &mut dyn Reader,
        evidence: &Evidence,
    ) -> Result<bool, StoreError> {
        let Some(record) = evidence.record() else {
            return Ok(false);
        };
        let number = match evidence.account {
            None => None,
            Some(id) => match self.numbers.get(&id) {
                Some(number) => Some(number.clone()),
                None => {
                    let account = readable(reader.account(id).await)?.flatten();
                    let number = account.map(|account| account.document_number);
                    self.numbers
                        .extend(number.clone().map(|number| (id, number)));
                    number
                }
            },
        };
        Ok(record.session == evidence.session
            && record.relying_party == evidence.relying_party
            && record.ended_at == evidence.ended_at
            && record.document_number == number)
    }

    /// Every account that was opened is there and is open or closed as its records say, and there are no others.
    async fn accounts(&mut self, reader: &mut dyn Reader) -> Result<(), StoreError> {
        let mut opened: Vec<_> = std::mem::take(&mut self.opened).into_iter().collect();
        opened.sort();
        let mut known = HashSet::new();
        for (document_number, id) in opened {
            let account = match id {
                None => Some(None),
                Some(id) => {
                    known.insert(id);
                    readable(reader.account(id).await)?
                }
            };
            let what = match account {
                None => Some("it cannot be read"),
                Some(None) => Some("its opening is in the trail, but there is no such account"),
                Some(Some(account)) => self.contradicts(&account, &document_number),
            };
            if let Some(what) = what {
                self.find(AuditFinding::Account {
                    document_number,
                    what,
                });
            }
        }
        let (mut after, mut unknown) = (None, HashSet::new());
        loop {
            let page = reader
                .account_moduli(Timestamp::MIN, Timestamp::MAX, after, PAGE)
                .await?;
            let Some(last) = page.last() else { break };
            after = Some(last.key);
            for key in &page {
                if let KeyHolder::Account(id) = key.holder
                    && !known.contains(&id)
                    && unknown.insert(id)
                {
                    self.find(AuditFinding::UnrecordedAccount(id.0));
                }
            }
        }
        Ok(())
    }

    fn contradicts(&self, account: &Account, document_number: &str) -> Option<&'static str> {
        let closed = matches!(account.state, AccountState::Closed { .. });
        if account.document_number.to_string() != document_number {
            Some("its records are of another document number")
        } else if closed != self.closed.contains(&account.id) {
            Some("it is open where the trail says closed, or the other way round")
        } else {
            None
        }
    }
}

/// What is stored damaged is nothing; everything else that fails is a failure.
fn readable<T>(read: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(StoreError::Corrupt { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What a checkpoint is over.
fn link_of(signed: &SignedCheckpoint) -> AuditLink {
    AuditLink {
        seq: signed.checkpoint.seq,
        hash: signed.checkpoint.hash.0,
    }
}

/// Follows the chain from a link to the record of this number; stops short where it does not go on.
async fn walk(
    reader: &mut dyn Reader,
    mut link: AuditLink,
    until: u64,
) -> Result<AuditLink, StoreError> {
    while link.seq < until {
        let page = reader.audit_entries(link.seq, PAGE).await?;
        if page.is_empty() {
            break;
        }
        for entry in page {
            let next = link.follow(&entry.record_sha256());
            if next != entry.link || next.seq > until {
                return Ok(link);
            }
            link = next;
        }
    }
    Ok(link)
}
