//! What a relying party starts: authentications, signatures, and the certificate by document number.

use super::{
    About, RelyingPartyError, Service, audit, evaluate::hex, relying_parties::random_uuid, retrying,
};
use crate::{
    domain::{
        Account, AccountId, AccountLevel, AuditEvent, KeyState, RelyingParty, RequestKind, Session,
        SessionRequest, SessionState,
    },
    policy::IDEMPOTENCY_WINDOW,
    ports::Reader,
};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use splitkey::Purpose;
use std::net::IpAddr;
use wire::{
    CertificateLevel, DocumentNumber, EndResult, FlowType, SemanticsIdentifier, SessionId,
    VerificationCode, rp_v3,
};

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// Who calls the RP API.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Where from.
    pub address: IpAddr,
}

/// Whom a relying party asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Any suitable account of a person (`…/etsi/{id}`).
    Person(SemanticsIdentifier),
    /// One account (`…/document/{documentNumber}`).
    Document(DocumentNumber),
}

/// A session that was started.
#[derive(Clone, Debug)]
pub struct StartedSession {
    /// `sessionID`.
    pub id: SessionId,
    /// For signatures the relying party shows this code; for authentications it computes it itself.
    pub verification_code: VerificationCode,
}

/// The signing certificate of an account, for a relying party that prepares a document.
#[derive(Clone, Debug)]
pub enum CertificateAnswer {
    /// Usable.
    Ok {
        /// DER.
        certificate: Vec<u8>,
        /// The account's level.
        level: AccountLevel,
    },
    /// The account exists, its signature key cannot be used now.
    DocumentUnusable,
}

/// What authentication and signature requests have in common.
struct Request<'a> {
    common: &'a rp_v3::Common,
    kind: RequestKind,
    signature: &'a rp_v3::SignatureParameters,
    interactions: &'a wire::Interactions,
    verification_code: VerificationCode,
    fingerprint: Option<[u8; 32]>,
}

impl Service {
    /// `authentication/notification/…`: asks a person to log in with PIN1.
    ///
    /// # Errors
    /// By cause, see [`RelyingPartyError`].
    pub async fn start_authentication(
        &self,
        caller: &Caller,
        target: &Target,
        request: &rp_v3::AuthenticationRequest,
    ) -> Result<StartedSession, RelyingPartyError> {
        self.start(
            caller,
            target,
            Request {
                common: &request.common,
                kind: RequestKind::Authentication {
                    rp_challenge: request.rp_challenge.text().to_owned(),
                },
                signature: &request.signature,
                interactions: &request.interactions,
                verification_code: wire::verification_code(request.rp_challenge.bytes()),
                // Not idempotent: every challenge is new.
                fingerprint: None,
            },
        )
        .await
    }

    /// `signature/notification/…`: asks a person to sign a digest with PIN2.
    ///
    /// The same request within 15 s, while the first session still runs, gets the first session.
    ///
    /// # Errors
    /// By cause, see [`RelyingPartyError`].
    pub async fn start_signature(
        &self,
        caller: &Caller,
        target: &Target,
        request: &rp_v3::SignatureRequest,
    ) -> Result<StartedSession, RelyingPartyError> {
        self.start(
            caller,
            target,
            Request {
                common: &request.common,
                kind: RequestKind::Signature {
                    digest: request.digest.bytes().to_vec(),
                },
                signature: &request.signature,
                interactions: &request.interactions,
                verification_code: VerificationCode::generate(&mut self.rng()),
                fingerprint: Some(fingerprint(target, &request.fingerprint())),
            },
        )
        .await
    }

    /// `signature/certificate/{document-number}`.
    ///
    /// # Errors
    /// By cause, see [`RelyingPartyError`].
    pub async fn signing_certificate(
        &self,
        caller: &Caller,
        number: &DocumentNumber,
        request: &rp_v3::CertificateByDocumentRequest,
    ) -> Result<CertificateAnswer, RelyingPartyError> {
        let now = self.now();
        let mut reader = self.store.read().await?;
        authorise(&mut *reader, caller, &request.common).await?;
        let account = reader
            .account_by_document(self.own_number(number))
            .await?
            .filter(|account| account.is_active(now))
            .ok_or(RelyingPartyError::UnknownDocument)?;
        if !satisfies(account.level, request.common.certificate_level) {
            return Err(RelyingPartyError::NoSuitableAccount);
        }
        let key = &account.keys.signature;
        Ok(if key.is_usable(now) {
            CertificateAnswer::Ok {
                certificate: key.certificate.clone(),
                level: account.level,
            }
        } else {
            CertificateAnswer::DocumentUnusable
        })
    }

    async fn start(
        &self,
        caller: &Caller,
        target: &Target,
        request: Request<'_>,
    ) -> Result<StartedSession, RelyingPartyError> {
        retrying!(self, |uow| {
            let now = self.now();
            let relying_party = authorise(&mut *uow, caller, request.common).await?;
            if let Some(fingerprint) = &request.fingerprint
                && let Some(running) = uow
                    .session_by_fingerprint(
                        relying_party.uuid,
                        fingerprint,
                        now - IDEMPOTENCY_WINDOW,
                    )
                    .await?
                && now < running.deadline
            {
                return Ok(StartedSession {
                    id: running.id,
                    verification_code: running.request.verification_code,
                });
            }
            let (own, document_alias) = self.resolve(target);
            let suitable =
                suitable_accounts(&mut *uow, &own, request.common.certificate_level, now).await?;
            self.limit_prompts(&mut *uow, &relying_party, &suitable, now)
                .await?;
            let usable = usable(&suitable, request.kind.purpose(), now);

            let mut session = Session {
                id: SessionId(random_uuid(self.random())),
                relying_party: relying_party.uuid,
                request: SessionRequest {
                    document_alias,
                    ..session_request(&relying_party, &request)
                },
                candidates: usable.clone(),
                created_at: now,
                deadline: now + self.policy.session_lifetime,
                state: SessionState::Pending,
                version: 0,
            };
            let about = About {
                session: Some(session.id),
                relying_party: Some(relying_party.uuid),
                account: None,
            };
            let event = AuditEvent::SessionStarted {
                kind: session.request.kind.code().to_owned(),
                interactions_sha256: hex(&Sha256::digest(session.request.interactions.base64())),
            };
            audit(&mut *uow, now, about, event).await?;
            if usable.is_empty() {
                // Accounts of the level exist, but every one is locked: the app tells its owner why.
                session.candidates = suitable.iter().map(|account| account.id).collect();
                session.fail(EndResult::DocumentUnusable, now);
                self.record_end(&mut *uow, &session, about, now).await?;
            }
            uow.insert_session(&session).await?;
            uow.commit().await?;
            Ok(StartedSession {
                id: session.id,
                verification_code: session.request.verification_code,
            })
        })
    }

    /// Whoever is asked too often in a minute is left alone (`splitkey.md` §4.4). Each relying party has a limit, so
    /// that one that asks too often does not keep the others from asking; all together have another.
    async fn limit_prompts(
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

    /// The account's own document number for one of its aliases.
    fn own_number<'a>(&'a self, asked: &'a DocumentNumber) -> &'a DocumentNumber {
        self.policy.document_aliases.get(asked).unwrap_or(asked)
    }

    /// Whom the relying party means, and the alias by which it does.
    fn resolve(&self, target: &Target) -> (Target, Option<DocumentNumber>) {
        match target {
            Target::Document(asked) => match self.policy.document_aliases.get(asked) {
                Some(own) => (Target::Document(own.clone()), Some(asked.clone())),
                None => (target.clone(), None),
            },
            Target::Person(_) => (target.clone(), None),
        }
    }
}

/// UUID, IP address, name and rights of the caller (rp-api.md §2).
async fn authorise(
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

/// The accounts that the request is meant for and that have the level.
async fn suitable_accounts(
    reader: &mut dyn Reader,
    target: &Target,
    level: CertificateLevel,
    now: Timestamp,
) -> Result<Vec<Account>, RelyingPartyError> {
    let accounts = match target {
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
    let suitable: Vec<_> = accounts
        .into_iter()
        .filter(|account| satisfies(account.level, level))
        .collect();
    if suitable.is_empty() {
        return Err(RelyingPartyError::NoSuitableAccount);
    }
    Ok(suitable)
}

/// Whether an account of this level answers a request for that one. Our Qualified accounts all have a QSCD.
fn satisfies(has: AccountLevel, asked: CertificateLevel) -> bool {
    match asked {
        CertificateLevel::Advanced => true,
        CertificateLevel::Qualified | CertificateLevel::Qscd => has == AccountLevel::Qualified,
    }
}

fn usable(accounts: &[Account], purpose: Purpose, now: Timestamp) -> Vec<AccountId> {
    accounts
        .iter()
        .filter(|account| {
            let key = account.keys.of(purpose);
            matches!(key.state, KeyState::Ready { .. })
                && (key.is_usable(now) || key.in_flight.is_some())
        })
        .map(|account| account.id)
        .collect()
}

fn session_request(relying_party: &RelyingParty, request: &Request<'_>) -> SessionRequest {
    SessionRequest {
        kind: request.kind.clone(),
        relying_party_name: request.common.relying_party_name.clone(),
        brokered_rp_name: relying_party.rights.brokered_name.clone(),
        certificate_level: request.common.certificate_level,
        signature_algorithm: request.signature.algorithm,
        hash_algorithm: request.signature.hash,
        interactions: request.interactions.clone(),
        flow_type: FlowType::Notification,
        initial_callback_url: String::new(),
        verification_code: request.verification_code.clone(),
        share_device_ip: request.common.share_md_client_ip_address,
        ignored_properties: request.common.ignored_properties.clone(),
        document_alias: None,
        fingerprint: request.fingerprint,
    }
}

/// The request's fingerprint together with whom it is for.
fn fingerprint(target: &Target, request: &[u8; 32]) -> [u8; 32] {
    let target = match target {
        Target::Person(person) => format!("etsi/{person}"),
        Target::Document(number) => format!("document/{number}"),
    };
    Sha256::new()
        .chain_update(request)
        .chain_update(target)
        .finalize()
        .into()
}
