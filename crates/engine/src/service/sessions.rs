//! What a relying party starts: authentications, signatures, certificate choices, and the certificate by document number.

mod rules;

use super::{
    About, RelyingPartyError, Service, audit, evaluate::hex, relying_parties::random_uuid, retrying,
};
use crate::{
    domain::{
        Account, AccountLevel, Api, AuditEvent, DeviceLinkFlow, Flow, RelyingParty, RequestKind,
        Session, SessionRequest, SessionSecret, SessionState, Signing,
    },
    policy::IDEMPOTENCY_WINDOW,
    ports::Reader,
};
use jiff::Timestamp;
use rules::authorise;
use sha2::{Digest, Sha256};
use std::net::IpAddr;
use wire::{
    DocumentNumber, EndResult, SemanticsIdentifier, SessionId, VerificationCode, rp_v2,
    rp_v3::{self, Channel},
};

/// Who calls the RP API.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Where from.
    pub address: IpAddr,
}

/// Whom a relying party asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Whoever uses the device link (`…/anonymous`).
    Anybody,
    /// Any suitable account of a person (`…/etsi/{id}`).
    Person(SemanticsIdentifier),
    /// One account (`…/document/{documentNumber}`).
    Document(DocumentNumber),
    /// A person by the number that a company gave her (v2, `…/private/{issuer}/{identifier}`). No account has one.
    Private,
}

/// A session that was started.
#[derive(Clone, Debug)]
pub struct StartedSession {
    /// `sessionID`.
    pub id: SessionId,
    /// For signatures by notification the relying party shows this code; for authentications it computes it itself.
    pub verification_code: Option<VerificationCode>,
    /// What it makes device links of.
    pub device_link: Option<StartedDeviceLink>,
}

/// What a relying party makes device links of.
#[derive(Clone, Debug)]
pub struct StartedDeviceLink {
    /// `sessionToken`.
    pub session_token: String,
    /// `sessionSecret`.
    pub session_secret: SessionSecret,
    /// `deviceLinkBase`.
    pub device_link_base: String,
}

/// The signing certificate of an account, for a relying party that prepares a document.
#[derive(Clone, Debug)]
pub enum CertificateAnswer {
    /// Usable.
    Ok {
        /// DER.
        certificate: Vec<u8>,
        /// The certificate's level.
        level: AccountLevel,
    },
    /// The account exists, its signature key cannot be used now.
    DocumentUnusable,
}

/// What all requests that start a session have in common.
pub(super) struct NewSession<'a> {
    pub(super) api: Api,
    pub(super) target: &'a Target,
    pub(super) common: &'a rp_v3::Common,
    pub(super) kind: RequestKind,
    pub(super) signing: Option<Signing>,
    pub(super) route: Route<'a>,
    pub(super) verification_code: Option<VerificationCode>,
    /// SHA-256 over the parameters; `None`: every request is a session of its own.
    pub(super) fingerprint: Option<[u8; 32]>,
}

/// By which way the request is to reach the phone.
pub(super) enum Route<'a> {
    Notification,
    DeviceLink { initial_callback_url: &'a str },
    Linked(SessionId),
}

impl<'a> Route<'a> {
    fn new(channel: Channel, initial_callback_url: &'a str) -> Self {
        match channel {
            Channel::Notification => Self::Notification,
            Channel::DeviceLink => Self::DeviceLink {
                initial_callback_url,
            },
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Notification => "notification",
            Self::DeviceLink { .. } => "device-link",
            Self::Linked(_) => "linked",
        }
    }
}

impl Service {
    /// `authentication/…`: asks a person to log in with PIN1.
    ///
    /// # Errors
    /// By cause, see [`RelyingPartyError`].
    pub async fn start_authentication(
        &self,
        caller: &Caller,
        target: &Target,
        request: &rp_v3::AuthenticationRequest,
    ) -> Result<StartedSession, RelyingPartyError> {
        let code = || wire::verification_code(request.rp_challenge.bytes());
        let new = NewSession {
            api: Api::V3,
            target,
            common: &request.common,
            kind: RequestKind::Authentication {
                rp_challenge: request.rp_challenge.text().to_owned(),
            },
            signing: Some(signing(&request.signature, &request.interactions)),
            route: Route::new(request.channel, &request.initial_callback_url),
            verification_code: (request.channel == Channel::Notification).then(code),
            // Not idempotent: every challenge is new.
            fingerprint: None,
        };
        self.start(caller, new).await
    }

    /// `signature/notification/…` and `signature/device-link/…`: asks a person to sign a digest with PIN2.
    ///
    /// The same notification within 15 s, while the first session still runs, gets the first session.
    ///
    /// # Errors
    /// By cause, see [`RelyingPartyError`].
    pub async fn start_signature(
        &self,
        caller: &Caller,
        target: &Target,
        request: &rp_v3::SignatureRequest,
    ) -> Result<StartedSession, RelyingPartyError> {
        let code = || VerificationCode::generate(&mut self.rng());
        let new = NewSession {
            api: Api::V3,
            target,
            common: &request.common,
            kind: signature_kind(request),
            signing: Some(signing(&request.signature, &request.interactions)),
            route: Route::new(request.channel, &request.initial_callback_url),
            verification_code: (request.channel == Channel::Notification).then(code),
            fingerprint: Some(request.fingerprint),
        };
        self.start(caller, new).await
    }

    /// `signature/notification/linked/…`: the signature that a certificate choice was made for, on the same phone.
    ///
    /// # Errors
    /// By cause, see [`RelyingPartyError`].
    pub async fn start_linked_signature(
        &self,
        caller: &Caller,
        number: &DocumentNumber,
        request: &rp_v3::LinkedSignatureRequest,
    ) -> Result<StartedSession, RelyingPartyError> {
        let signature = &request.signature;
        let new = NewSession {
            api: Api::V3,
            target: &Target::Document(number.clone()),
            common: &signature.common,
            kind: signature_kind(signature),
            signing: Some(signing(&signature.signature, &signature.interactions)),
            route: Route::Linked(request.linked_session),
            // Phone and session have found each other before.
            verification_code: None,
            fingerprint: Some(signature.fingerprint),
        };
        self.start(caller, new).await
    }

    /// `signature/certificate-choice/…`: asks a person for the certificate that she will sign with.
    ///
    /// # Errors
    /// By cause, see [`RelyingPartyError`].
    pub async fn start_certificate_choice(
        &self,
        caller: &Caller,
        target: &Target,
        request: &rp_v3::CertificateChoiceRequest,
    ) -> Result<StartedSession, RelyingPartyError> {
        let new = NewSession {
            api: Api::V3,
            target,
            common: &request.common,
            kind: RequestKind::CertificateChoice,
            signing: None,
            route: Route::new(request.channel, &request.initial_callback_url),
            verification_code: None,
            fingerprint: Some(request.fingerprint),
        };
        self.start(caller, new).await
    }

    /// `v2/authentication/…`: asks a person to sign the relying party's hash with PIN1.
    ///
    /// The same request within 15 s, while the first session still runs, gets the first session; so it is with every
    /// request of v2.
    ///
    /// # Errors
    /// By cause, see [`RelyingPartyError`].
    pub async fn start_v2_authentication(
        &self,
        caller: &Caller,
        target: &Target,
        request: &rp_v2::HashRequest,
    ) -> Result<StartedSession, RelyingPartyError> {
        let hash = request.hash.bytes().to_vec();
        let kind = RequestKind::HashAuthentication { hash };
        self.start(caller, hash_session(target, request, kind))
            .await
    }

    /// `v2/signature/…`: asks a person to sign the relying party's hash with PIN2.
    ///
    /// # Errors
    /// By cause, see [`RelyingPartyError`].
    pub async fn start_v2_signature(
        &self,
        caller: &Caller,
        target: &Target,
        request: &rp_v2::HashRequest,
    ) -> Result<StartedSession, RelyingPartyError> {
        let digest = request.hash.bytes().to_vec();
        let kind = RequestKind::Signature { digest };
        self.start(caller, hash_session(target, request, kind))
            .await
    }

    /// `v2/certificatechoice/…`: asks a person for the certificate that she will sign with.
    ///
    /// # Errors
    /// By cause, see [`RelyingPartyError`].
    pub async fn start_v2_certificate_choice(
        &self,
        caller: &Caller,
        target: &Target,
        request: &rp_v2::CertificateChoiceRequest,
    ) -> Result<StartedSession, RelyingPartyError> {
        let new = NewSession {
            api: Api::V2,
            target,
            common: &request.common,
            kind: RequestKind::CertificateChoice,
            signing: None,
            route: Route::Notification,
            verification_code: None,
            fingerprint: Some(request.fingerprint),
        };
        self.start(caller, new).await
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
        let key = &account.keys.signature;
        let claims = self.claims_of(key)?;
        if !claims.satisfies(request.common.certificate_level) {
            return Err(RelyingPartyError::NoSuitableAccount);
        }
        Ok(if self.takes_pin(key, now).is_ok() {
            CertificateAnswer::Ok {
                certificate: key.certificate.clone(),
                level: claims.level,
            }
        } else {
            CertificateAnswer::DocumentUnusable
        })
    }

    pub(super) async fn start(
        &self,
        caller: &Caller,
        new: NewSession<'_>,
    ) -> Result<StartedSession, RelyingPartyError> {
        // A device link belongs to the browser that it is shown in: two customers who ask for the same must not get one
        // session. (The API says that a repetition "may" get the first one.)
        let fingerprint = match new.route {
            Route::DeviceLink { .. } => None,
            Route::Notification | Route::Linked(_) => {
                new.fingerprint.map(|request| fingerprint(&new, &request))
            }
        };
        retrying!(self, |uow| {
            let now = self.now();
            let relying_party = authorise(&mut *uow, caller, new.common).await?;
            if let Some(fingerprint) = &fingerprint
                && let Some(running) = uow
                    .session_by_fingerprint(
                        relying_party.uuid,
                        fingerprint,
                        now - IDEMPOTENCY_WINDOW,
                    )
                    .await?
                // A clock that was set back must not merge what came before.
                && (running.created_at..running.deadline).contains(&now)
            {
                return Ok(self.started(&running));
            }
            let (own, document_alias) = self.resolve(new.target);
            let (purpose, level) = (new.kind.purpose(), new.common.certificate_level);
            let suitable = self
                .suitable_accounts(&mut *uow, &own, purpose, level, now)
                .await?;
            // A link disturbs nobody who does not use it.
            if !matches!(new.route, Route::DeviceLink { .. }) {
                self.limit_prompts(&mut *uow, &relying_party, &suitable, now)
                    .await?;
            }
            let usable = self.usable(&suitable, new.kind.purpose(), now);
            let flow = match new.route {
                Route::Notification => Flow::Notification,
                Route::DeviceLink {
                    initial_callback_url,
                } => Flow::DeviceLink(DeviceLinkFlow {
                    session_token: self.session_token(),
                    session_secret: SessionSecret::new(self.random()),
                    initial_callback_url: initial_callback_url.to_owned(),
                    accounts: match new.target {
                        Target::Anybody => None,
                        Target::Person(_) | Target::Document(_) | Target::Private => {
                            Some(usable.clone())
                        }
                    },
                }),
                Route::Linked(session) => {
                    self.linked_flow(&mut *uow, session, &relying_party, &suitable, now)
                        .await?
                }
            };
            let prompted = !matches!(flow, Flow::DeviceLink(_));
            let mut session = Session {
                id: SessionId(random_uuid(self.random())),
                relying_party: relying_party.uuid,
                request: SessionRequest {
                    document_alias,
                    ..session_request(&relying_party, &new, flow, fingerprint)
                },
                candidates: if prompted { usable.clone() } else { Vec::new() },
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
            let interactions = session.request.interactions();
            let event = AuditEvent::SessionStarted {
                kind: session.request.kind.code().to_owned(),
                interactions_sha256: interactions.map_or_else(String::new, |interactions| {
                    hex(&Sha256::digest(interactions.base64()))
                }),
            };
            audit(&mut *uow, now, about, event).await?;
            if usable.is_empty() && *new.target != Target::Anybody {
                // Accounts of the level exist, but every one is locked: the app tells its owner why.
                if prompted {
                    session.candidates = suitable.iter().map(|account| account.id).collect();
                }
                session.fail(EndResult::DocumentUnusable, now);
                self.record_end(&mut *uow, &session, about, now).await?;
            }
            uow.insert_session(&session).await?;
            uow.commit().await?;
            Ok(self.started(&session))
        })
    }

    fn started(&self, session: &Session) -> StartedSession {
        StartedSession {
            id: session.id,
            verification_code: session.request.verification_code.clone(),
            device_link: session.request.device_link().map(|link| StartedDeviceLink {
                session_token: link.session_token.clone(),
                session_secret: link.session_secret.clone(),
                device_link_base: self.policy.device_link_base(),
            }),
        }
    }

    /// The flow of a signature that continues a certificate choice: one of the same relying party, by device link, that ended
    /// OK with the account that is to sign, as long as its phone waits for it.
    async fn linked_flow(
        &self,
        reader: &mut dyn Reader,
        id: SessionId,
        relying_party: &RelyingParty,
        accounts: &[Account],
        now: Timestamp,
    ) -> Result<Flow, RelyingPartyError> {
        let session = reader
            .session(id)
            .await?
            .filter(|session| session.relying_party == relying_party.uuid)
            .filter(|session| session.request.device_link().is_some())
            .ok_or(RelyingPartyError::NotLinkable)?;
        let SessionState::Chosen(chosen) = &session.state else {
            return Err(RelyingPartyError::NotLinkable);
        };
        let fits = now < chosen.at + self.policy.session_lifetime
            && accounts.iter().any(|account| account.id == chosen.account);
        if !fits {
            return Err(RelyingPartyError::NotLinkable);
        }
        Ok(Flow::Linked {
            session: id,
            callback: session.request.callback(chosen.flow_type),
        })
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
            Target::Person(_) | Target::Anybody | Target::Private => (target.clone(), None),
        }
    }

    /// 24 letters and digits, 142 bits (rp-api.md §7).
    fn session_token(&self) -> String {
        const ALPHABET: &[u8; 62] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        // Of 256 values, 248 are four times the alphabet.
        std::iter::repeat_with(|| self.random::<1>()[0])
            .filter(|byte| *byte < 248)
            .map(|byte| char::from(ALPHABET[usize::from(byte % 62)]))
            .take(24)
            .collect()
    }
}

/// A session of v2 over the relying party's hash; relying party and phone compute the code from it (v2 §2.3.12.2).
fn hash_session<'a>(
    target: &'a Target,
    request: &'a rp_v2::HashRequest,
    kind: RequestKind,
) -> NewSession<'a> {
    NewSession {
        api: Api::V2,
        target,
        common: &request.common,
        kind,
        signing: Some(signing(&request.signature, &request.interactions)),
        route: Route::Notification,
        verification_code: Some(wire::verification_code(request.hash.bytes())),
        fingerprint: Some(request.fingerprint),
    }
}

fn signature_kind(request: &rp_v3::SignatureRequest) -> RequestKind {
    RequestKind::Signature {
        digest: request.digest.bytes().to_vec(),
    }
}

fn signing(signature: &rp_v3::SignatureParameters, interactions: &wire::Interactions) -> Signing {
    Signing {
        signature_algorithm: signature.algorithm,
        hash_algorithm: signature.hash,
        interactions: interactions.clone(),
    }
}

fn session_request(
    relying_party: &RelyingParty,
    new: &NewSession<'_>,
    flow: Flow,
    fingerprint: Option<[u8; 32]>,
) -> SessionRequest {
    SessionRequest {
        api: new.api,
        kind: new.kind.clone(),
        signing: new.signing.clone(),
        relying_party_name: new.common.relying_party_name.clone(),
        brokered_rp_name: relying_party.rights.brokered_name.clone(),
        certificate_level: new.common.certificate_level,
        flow,
        verification_code: new.verification_code.clone(),
        share_device_ip: new.common.share_md_client_ip_address,
        ignored_properties: new.common.ignored_properties.clone(),
        document_alias: None,
        fingerprint,
    }
}

/// The parameters' fingerprint together with the endpoint and whom it is for.
fn fingerprint(new: &NewSession<'_>, parameters: &[u8; 32]) -> [u8; 32] {
    let target = match new.target {
        Target::Anybody => "anonymous".to_owned(),
        Target::Person(person) => format!("etsi/{person}"),
        Target::Document(number) => format!("document/{number}"),
        Target::Private => "private".to_owned(),
    };
    let version = match new.api {
        Api::V2 => "v2",
        Api::V3 => "v3",
    };
    let endpoint = format!(
        "{version}/{}/{}/{target}",
        new.kind.code(),
        new.route.code()
    );
    Sha256::new()
        .chain_update(parameters)
        .chain_update(endpoint)
        .finalize()
        .into()
}
