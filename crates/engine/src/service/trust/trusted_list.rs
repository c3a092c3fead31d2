//! The trusted list (TS 119 612) and the list of lists that points to it: a new issue when what it says changes, and when
//! half of the newest one's life is over.

use super::{MAX_ROUNDS, is_of_the_future, time_of_next, whole_second};
use crate::{
    domain::{AuditEvent, ServiceStatus, Status, StoredTrustedList, TrustDecision},
    ports::{Reader, StoreError},
    service::{About, Infrastructure, OperatorError, Service, audit, retrying},
};
use base64ct::{Base64, Encoding};
use jiff::{SignedDuration, Timestamp};
use pki::{
    ObjectIdentifier,
    trusted_list::{
        ListOfLists, ListPointer, SchemeOperator, ServiceKind, TrustService, TrustedList,
    },
    x509::{Certificate, Level},
};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// From ListIssueDateTime to NextUpdate; TS 119 612 §5.3.15 allows six months.
const LIFE: SignedDuration = SignedDuration::from_hours(60 * 24);

/// RFC 5280 §4.2.1.12: id-kp-timeStamping.
const TIME_STAMPING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8");

/// Types of services, as the ends of their identifiers in a list (TS 119 612 §5.5.1).
const QUALIFIED_CA: &str = "CA/QC";
const CA: &str = "CA/PKC";
const QUALIFIED_TIME_STAMPING: &str = "TSA/QTST";

/// A list of the moment.
#[derive(Clone, Debug)]
pub struct TrustedListAnswer {
    /// Signed XML.
    pub xml: String,
    /// TSLSequenceNumber.
    pub sequence: u64,
    /// ListIssueDateTime.
    pub issued_at: Timestamp,
    /// Until when it is good.
    pub next_update: Timestamp,
}

/// A trust service as an operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustServiceSummary {
    /// `eid-q`, `tsu`.
    pub name: String,
    /// CA/QC, CA/PKC, TSA/QTST.
    pub kind: &'static str,
    /// The newest first.
    pub statuses: Vec<ServiceStatus>,
}

/// A service of ours.
struct Listed {
    name: String,
    kind: &'static str,
    certificate: Certificate,
    statuses: Vec<ServiceStatus>,
}

/// The two lists before they are issued.
struct Draft {
    list: TrustedList,
    list_of_lists: ListOfLists,
    content: [u8; 32],
}

impl Service {
    /// The trusted list; `None` if this deployment publishes none.
    ///
    /// # Errors
    /// The database cannot be used, or the first list cannot be made.
    pub async fn trusted_list(&self) -> Result<Option<TrustedListAnswer>, Infrastructure> {
        Ok(self
            .current_list()
            .await?
            .map(|list| answer(list.xml.clone(), &list)))
    }

    /// The list of lists that points to it.
    ///
    /// # Errors
    /// The database cannot be used, or the first list cannot be made.
    pub async fn list_of_lists(&self) -> Result<Option<TrustedListAnswer>, Infrastructure> {
        Ok(self
            .current_list()
            .await?
            .map(|list| answer(list.list_of_lists.clone(), &list)))
    }

    async fn current_list(&self) -> Result<Option<StoredTrustedList>, Infrastructure> {
        if !self.publishes_trusted_list() {
            return Ok(None);
        }
        if let Some(list) = self.store.read().await?.trusted_list().await? {
            return Ok(Some(list));
        }
        self.renew_trusted_list().await?;
        Ok(self.store.read().await?.trusted_list().await?)
    }

    /// Publishes a list if one is due; returns when the newest one was made, if there is to be one.
    pub(super) async fn renew_trusted_list(&self) -> Result<Option<Timestamp>, Infrastructure> {
        let (Some(operator), Some(signer)) = (&self.policy.trusted_list, self.ca.list_signer())
        else {
            return Ok(None);
        };
        // One at a time in this process; between processes the number decides.
        let _turn = self
            .published
            .making
            .take_off_with(super::place(b"trusted list", b""))
            .await
            .map_err(|_| Infrastructure::Crowded)?;
        for _ in 0..MAX_ROUNDS {
            if let Some(issued_at) = self.next_trusted_list(operator, &signer).await? {
                return Ok(Some(issued_at));
            }
        }
        Err(Infrastructure::Store(StoreError::Conflict))
    }

    /// When the newest list was made if none is due, or the new one; `None` if another process was faster.
    async fn next_trusted_list(
        &self,
        operator: &SchemeOperator,
        signer: &Certificate,
    ) -> Result<Option<Timestamp>, Infrastructure> {
        let mut reader = self.store.read().await?;
        let before = reader.trusted_list().await?;
        let services = self.services(&mut *reader, before.as_ref()).await?;
        drop(reader);
        let mut draft = self.draft(operator, signer, services);
        let now = self.this_second();
        if let Some(before) = &before
            && before.content == draft.content
            && !is_of_the_future(before.issued_at, now)
        {
            let half = before.next_update.duration_since(before.issued_at) / 2;
            if now < before.issued_at + half {
                return Ok(Some(before.issued_at));
            }
        }
        let sequence = before.as_ref().map_or(1, |before| before.sequence + 1);
        let issued_at = time_of_next(before.map(|before| before.issued_at), now);
        draft.issue(sequence, issued_at);
        let xml = self.ca.sign_list(draft.list.build(signer)).await?.xml;
        let list_of_lists = self.ca.sign_list(draft.list_of_lists.build(signer)).await?;
        let list = StoredTrustedList {
            sequence,
            issued_at,
            next_update: draft.list.next_update,
            content: draft.content,
            xml,
            list_of_lists: list_of_lists.xml,
        };
        let mut uow = self.store.write().await?;
        let inserted = async {
            uow.insert_trusted_list(&list).await?;
            uow.commit().await
        };
        match inserted.await {
            Ok(()) => Ok(Some(issued_at)),
            Err(StoreError::Conflict) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn draft(
        &self,
        operator: &SchemeOperator,
        signer: &Certificate,
        services: Vec<Listed>,
    ) -> Draft {
        let url = &self.policy.public_url;
        let (location, of_lists) = (format!("{url}/tl"), format!("{url}/tl/lotl"));
        let issuers = self.ca.issuers();
        let provider = issuers
            .first()
            .map(|issuer| issuer.ca.certificate().subject().clone());
        let said = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let policy_of = |certificate: &Certificate| {
            let mut issuers = issuers.iter();
            let issuer = issuers.find(|issuer| issuer.ca.certificate() == certificate);
            issuer.map(|issuer| issuer.ca.publication().oids.policy(Level::Qualified))
        };
        let services = services.into_iter().filter_map(|service| {
            let kind = match service.kind {
                QUALIFIED_CA => ServiceKind::QualifiedCa {
                    policy: policy_of(&service.certificate)?,
                },
                CA => ServiceKind::Ca,
                _ => ServiceKind::QualifiedTimeStamping,
            };
            Some(TrustService {
                kind,
                name: said(service.certificate.subject().common_name()),
                certificate: service.certificate,
                statuses: service.statuses,
            })
        });
        let list = TrustedList {
            operator: operator.clone(),
            sequence: 0,
            issued_at: Timestamp::UNIX_EPOCH,
            next_update: Timestamp::UNIX_EPOCH,
            location: location.clone(),
            provider_name: said(provider.as_ref().and_then(|name| name.organization())),
            provider_trade_name: said(
                provider
                    .as_ref()
                    .and_then(|name| name.organization_identifier()),
            ),
            services: services.collect(),
        };
        let list_of_lists = ListOfLists {
            operator: operator.clone(),
            sequence: 0,
            issued_at: Timestamp::UNIX_EPOCH,
            next_update: Timestamp::UNIX_EPOCH,
            location: of_lists,
            pointers: vec![ListPointer {
                location,
                territory: operator.territory.clone(),
                operator_name: operator.name.clone(),
                signers: vec![signer.clone()],
            }],
        };
        let content = content(&list, &list_of_lists, signer);
        Draft {
            list,
            list_of_lists,
            content,
        }
    }

    /// Our services with their history, by name. Where no key is at hand, those that were published.
    async fn services(
        &self,
        reader: &mut dyn Reader,
        newest: Option<&StoredTrustedList>,
    ) -> Result<Vec<Listed>, Infrastructure> {
        let mut certificates = BTreeMap::new();
        // Units and authorities of the past stay in the list: what they signed is still around.
        let remembered = reader.published_certificates().await?;
        for published in remembered.into_iter().chain(self.ca.published()) {
            if let Ok(certificate) = Certificate::parse(&published.certificate) {
                certificates.insert(published.name, certificate);
            }
        }
        let issuers = self.ca.issuers();
        let kind_of = |certificate: &Certificate| {
            // The root and the list's signer are no services.
            if certificate.issuer() == certificate.subject() {
                return None;
            }
            if certificate.extended_key_usage().contains(&TIME_STAMPING) {
                return Some(QUALIFIED_TIME_STAMPING);
            }
            let mut issuers = issuers.iter();
            match issuers.find(|issuer| issuer.ca.certificate() == certificate) {
                Some(issuer) => Some(match issuer.ca.level() {
                    Level::Qualified => QUALIFIED_CA,
                    Level::Basic => CA,
                }),
                // The certificate does not tell its level.
                None => newest.and_then(|list| published_kind(&list.xml, certificate)),
            }
        };
        let mut services: Vec<_> = certificates
            .into_iter()
            .filter_map(|(name, certificate)| {
                let kind = kind_of(&certificate)?;
                let first = ServiceStatus {
                    status: first_status(kind),
                    // pki.md §6: a status that began after a certificate was issued breaks its qualification.
                    since: certificate.not_before(),
                };
                Some(Listed {
                    name,
                    kind,
                    certificate,
                    statuses: vec![first],
                })
            })
            .collect();
        for decision in reader.trust_decisions().await? {
            let service = services
                .iter_mut()
                .find(|service| service.name == decision.service);
            if let Some(service) = service {
                service.statuses.insert(0, decision.status);
            }
        }
        Ok(services)
    }

    /// The trust services and their statuses.
    ///
    /// # Errors
    /// The database cannot be used.
    pub async fn trust_services(&self) -> Result<Vec<TrustServiceSummary>, OperatorError> {
        let mut reader = self.store.read().await?;
        let newest = reader.trusted_list().await?;
        let services = self.services(&mut *reader, newest.as_ref()).await?;
        Ok(services
            .into_iter()
            .map(|service| TrustServiceSummary {
                name: service.name,
                kind: service.kind,
                statuses: service.statuses,
            })
            .collect())
    }

    /// The scheme operator's decision about a service; without `since`, from now on.
    ///
    /// # Errors
    /// No such service; the status it has, or one that its type cannot have; a time before an earlier decision or in the
    /// future; the database cannot be used.
    pub async fn decide_trust(
        &self,
        service: &str,
        status: Status,
        since: Option<Timestamp>,
    ) -> Result<ServiceStatus, OperatorError> {
        retrying!(self, |uow| {
            let now = self.now();
            let newest = uow.trusted_list().await?;
            let services = self.services(&mut *uow, newest.as_ref()).await?;
            let unknown = || OperatorError::UnknownTrustService(service.to_owned());
            let mut services = services.iter();
            let known = services.find(|known| known.name == service);
            let known = known.ok_or_else(unknown)?;
            let current = known.statuses.first().copied().ok_or_else(unknown)?;
            check_status(service, known.kind, status)?;
            let decided = ServiceStatus {
                status,
                since: starting_time(service, current, status, since, now)?,
            };
            let decision = TrustDecision {
                service: service.to_owned(),
                status: decided,
                decided_at: now,
            };
            uow.insert_trust_decision(&decision).await?;
            let event = AuditEvent::TrustDecided {
                service: service.to_owned(),
                status: status_name(status).to_owned(),
                since: decided.since,
            };
            audit(&mut *uow, now, About::default(), event).await?;
            uow.commit().await?;
            Ok::<_, OperatorError>(decided)
        })
    }
}

/// StatusStartingTime of a new status, if the history can have it.
fn starting_time(
    service: &str,
    current: ServiceStatus,
    status: Status,
    since: Option<Timestamp>,
    now: Timestamp,
) -> Result<Timestamp, OperatorError> {
    let refuse = |why: String| Err(OperatorError::InvalidTrustDecision(why));
    if current.status == status {
        let (status, since) = (status_name(status), current.since);
        return refuse(format!("{service} is {status} already, since {since:.0}"));
    }
    let Some(since) = since.map(whole_second) else {
        // Validators tell the states of a service apart by the second in which they begin.
        let next = current.since + SignedDuration::from_secs(1);
        return Ok(whole_second(now).max(next));
    };
    if since > now {
        return refuse(format!(
            "{since:.0} is in the future; a status begins when it is decided, or before"
        ));
    }
    if since <= current.since {
        let (before, begun) = (status_name(current.status), current.since);
        return refuse(format!(
            "{service} is {before} since {begun:.0}; what was decided for an earlier time stays as it was published"
        ));
    }
    Ok(since)
}

/// A service has its type's statuses only: validators do not agree about the others.
fn check_status(service: &str, kind: &str, status: Status) -> Result<(), OperatorError> {
    let possible = statuses(kind);
    if possible.contains(&status) {
        return Ok(());
    }
    let [first, last] = possible.map(status_name);
    Err(OperatorError::InvalidTrustDecision(format!(
        "{service} is a {kind}, which is {first} or {last}, not {}",
        status_name(status)
    )))
}

fn first_status(kind: &str) -> Status {
    let [first, _] = statuses(kind);
    first
}

/// TS 119 612 §5.5.4: `granted` is for qualified services, the others are known to the territory only. What they are first,
/// and what after that.
fn statuses(kind: &str) -> [Status; 2] {
    match kind {
        CA => [
            Status::RecognisedAtNationalLevel,
            Status::DeprecatedAtNationalLevel,
        ],
        _ => [Status::Granted, Status::Withdrawn],
    }
}

/// The end of a status's identifier, as in the list and on the command line.
#[must_use]
pub fn status_name(status: Status) -> &'static str {
    match status {
        Status::Granted => "granted",
        Status::Withdrawn => "withdrawn",
        Status::RecognisedAtNationalLevel => "recognisedatnationallevel",
        Status::DeprecatedAtNationalLevel => "deprecatedatnationallevel",
    }
}

/// As what a list of ours has a certificate.
fn published_kind(xml: &str, certificate: &Certificate) -> Option<&'static str> {
    let text = Base64::encode_string(certificate.der());
    let services = xml.split("<TSPService>").skip(1);
    let service = services
        .filter_map(|service| service.split("</TSPService>").next())
        .find(|service| service.contains(&text))?;
    [QUALIFIED_CA, CA, QUALIFIED_TIME_STAMPING]
        .into_iter()
        .find(|kind| service.contains(&format!("/Svctype/{kind}<")))
}

impl Draft {
    fn issue(&mut self, sequence: u64, issued_at: Timestamp) {
        let next_update = issued_at + LIFE;
        let (list, of_lists) = (&mut self.list, &mut self.list_of_lists);
        (list.sequence, of_lists.sequence) = (sequence, sequence);
        (list.issued_at, of_lists.issued_at) = (issued_at, issued_at);
        (list.next_update, of_lists.next_update) = (next_update, next_update);
    }
}

fn answer(xml: String, list: &StoredTrustedList) -> TrustedListAnswer {
    TrustedListAnswer {
        xml,
        sequence: list.sequence,
        issued_at: list.issued_at,
        next_update: list.next_update,
    }
}

/// SHA-256 over everything that the lists say but sequence and times, and over who makes them: another version of this
/// software may say the same in other words.
fn content(list: &TrustedList, of_lists: &ListOfLists, signer: &Certificate) -> [u8; 32] {
    let mut content = Content(Sha256::new());
    content.field(env!("CARGO_PKG_VERSION").as_bytes());
    content.field(signer.der());
    let SchemeOperator {
        name,
        territory,
        information_url,
        contact_url,
        street_address,
        locality,
        postal_code,
        scheme_name,
    } = &list.operator;
    for text in [
        name,
        territory,
        information_url,
        contact_url,
        street_address,
        locality,
        postal_code,
        scheme_name,
        &list.location,
        &list.provider_name,
        &list.provider_trade_name,
        &of_lists.location,
    ] {
        content.field(text.as_bytes());
    }
    for service in &list.services {
        match &service.kind {
            ServiceKind::QualifiedCa { policy } => {
                content.field(QUALIFIED_CA.as_bytes());
                content.field(policy.as_bytes());
            }
            ServiceKind::Ca => content.field(CA.as_bytes()),
            ServiceKind::QualifiedTimeStamping => {
                content.field(QUALIFIED_TIME_STAMPING.as_bytes());
            }
        }
        content.field(service.name.as_bytes());
        content.field(service.certificate.der());
        for status in &service.statuses {
            content.field(status_name(status.status).as_bytes());
            content.field(&status.since.as_second().to_be_bytes());
        }
    }
    content.0.finalize().into()
}

/// Fields with their lengths before them, so that no two sequences are the same bytes.
struct Content(Sha256);

impl Content {
    fn field(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn granted() -> ServiceStatus {
        ServiceStatus {
            status: Status::Granted,
            since: at("2026-01-01T00:00:00Z"),
        }
    }

    fn decide(status: Status, since: Option<&str>) -> Result<Timestamp, String> {
        let now = at("2026-11-24T12:00:00.7Z");
        starting_time("eid-q", granted(), status, since.map(at), now)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_status_begins_with_a_whole_second_after_the_one_before() {
        assert_eq!(
            decide(Status::Withdrawn, None),
            Ok(at("2026-11-24T12:00:00Z"))
        );
        assert_eq!(
            decide(Status::Withdrawn, Some("2026-06-01T00:00:00.5Z")),
            Ok(at("2026-06-01T00:00:00Z"))
        );
        let decided = |since, now| {
            let current = ServiceStatus {
                since: at(since),
                ..granted()
            };
            starting_time("eid-q", current, Status::Withdrawn, None, at(now)).unwrap()
        };
        // Twice in a second, or the clock was set back.
        for now in ["2026-11-24T12:00:00.7Z", "2026-11-24T11:00:00Z"] {
            assert_eq!(
                decided("2026-11-24T12:00:00Z", now),
                at("2026-11-24T12:00:01Z")
            );
        }
    }

    #[test]
    fn a_service_has_the_statuses_of_its_type_only() {
        let told = |kind, status| {
            let checked = check_status("eid", kind, status);
            checked.map_err(|error| error.to_string())
        };
        let [granted, withdrawn] = [Status::Granted, Status::Withdrawn];
        let [known, deprecated] = [
            Status::RecognisedAtNationalLevel,
            Status::DeprecatedAtNationalLevel,
        ];
        for kind in [QUALIFIED_CA, QUALIFIED_TIME_STAMPING] {
            assert_eq!(told(kind, granted), Ok(()));
            assert_eq!(told(kind, withdrawn), Ok(()));
            let why = told(kind, known).unwrap_err();
            assert!(
                why.contains("granted or withdrawn, not recognised"),
                "{why}"
            );
            assert!(told(kind, deprecated).is_err());
        }
        assert_eq!(told(CA, known), Ok(()));
        assert_eq!(told(CA, deprecated), Ok(()));
        let why = told(CA, granted).unwrap_err();
        assert!(
            why.contains("CA/PKC") && why.contains("not granted"),
            "{why}"
        );
        assert!(told(CA, withdrawn).is_err());
    }

    #[test]
    fn what_the_history_cannot_have_is_refused_with_the_reason() {
        for (status, since, expected) in [
            (Status::Granted, None, "granted already, since 2026-01-01"),
            (
                Status::Withdrawn,
                Some("2026-11-24T12:00:01Z"),
                "in the future",
            ),
            (
                Status::Withdrawn,
                Some("2026-01-01T00:00:00Z"),
                "eid-q is granted since",
            ),
            (
                Status::Withdrawn,
                Some("2025-01-01T00:00:00Z"),
                "stays as it was published",
            ),
        ] {
            let why = decide(status, since).unwrap_err();
            assert!(why.contains(expected), "{why}");
        }
    }
}
