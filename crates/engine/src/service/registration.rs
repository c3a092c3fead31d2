//! From a phone without an account to an account with two keys and two certificates, or nothing.

mod prove;

use super::{
    About, Infrastructure, OperatorError, RegistrationError, Service, audit,
    authenticate::verify_device_signature, relying_parties::random_uuid, retrying,
};
use crate::{
    domain::{
        AccountId, AccountLevel, AuditEvent, EndReason, OfferedKey, PerPurpose, Person,
        REGISTRATION_LIFETIME, Registration, RegistrationState, Vouched,
    },
    fixture_keys,
    ports::{KeysError, NewServerHalf, StoreError},
};
use splitkey::{
    ClientModulus, CompositeModulus, DeviceId, KeyId, Profile, Purpose, TokenHash,
    message::ServerShares, seal::Kind,
};
use wire::{
    ControlCode, DocumentNumber, DocumentSuffix, NationalNumberError, RegistrationCode,
    RegistrationId, device_v1, http_signature::SignedRequest,
};

/// A registering phone's account's person, as whoever vouches for her says.
#[derive(Clone, Debug)]
pub struct IdentityRequest {
    /// Who she is.
    pub person: Person,
    /// What the proof of identity is good for.
    pub level: AccountLevel,
    /// Who vouches and how, for the audit trail; no personal data.
    pub evidence: String,
    /// A test lab chooses the four characters of the document number; everybody else has random ones.
    pub document_suffix: Option<DocumentSuffix>,
    /// The person is invented, so that the check digit of her national number need not hold.
    pub invented: bool,
}

impl Service {
    /// R1 → R2: checks the phone's moduli and offers composite ones.
    ///
    /// n1 comes before n2 is disclosed, so it cannot depend on it. A repetition of the same request gets
    /// the same offer.
    ///
    /// # Errors
    /// By cause, see [`RegistrationError`].
    pub async fn start_registration(
        &self,
        request: &SignedRequest<'_>,
        body: &device_v1::RegistrationRequest,
    ) -> Result<device_v1::RegistrationOffer, RegistrationError> {
        let device = DeviceId(body.device_id.0);
        if request.device_id() != body.device_id {
            return Err(RegistrationError::NotAuthenticated(
                "keyid is not the deviceId of the body",
            ));
        }
        let public_key = body.device_public_key.as_ref();
        request
            .verify(public_key, self.now())
            .map_err(|error| RegistrationError::NotAuthenticated(error.reason()))?;
        let token = TokenHash(*body.token_hash.as_ref());
        let moduli = self.moduli_of(body)?;

        let replaces = {
            let mut reader = self.store.read().await?;
            if reader.account_by_device(device).await?.is_some() {
                return Err(RegistrationError::DeviceExists);
            }
            if let Some(earlier) = reader.registration_by_device(device).await? {
                let same = earlier.device_public_key == public_key
                    && earlier.token == token
                    && earlier.state == RegistrationState::AwaitingServerShares
                    && earlier.is_open(self.now())
                    && earlier.keys.authentication.n1 == moduli.authentication
                    && earlier.keys.signature.n1 == moduli.signature;
                return if same {
                    Ok(offer(&earlier))
                } else {
                    Err(RegistrationError::DeviceExists)
                };
            }
            match &body.replaces {
                None => None,
                Some(replacement) => {
                    let old = reader
                        .account_by_device(DeviceId(replacement.device_id.0))
                        .await?
                        .ok_or(RegistrationError::ReplacementNotAuthorised)?;
                    let statement = device_v1::replacement_statement(&body.device_id, public_key);
                    verify_device_signature(
                        &old.device.public_key,
                        &statement,
                        replacement.signature.as_ref(),
                    )
                    .map_err(|()| RegistrationError::ReplacementNotAuthorised)?;
                    Some(old.id)
                }
            }
        };

        // Both moduli are checked before a server half is taken for either: halves never go back.
        let n1 = PerPurpose {
            authentication: self
                .check_modulus(
                    Purpose::Authentication,
                    &moduli.authentication,
                    &moduli.signature,
                )
                .await?,
            signature: self
                .check_modulus(
                    Purpose::Signature,
                    &moduli.signature,
                    &moduli.authentication,
                )
                .await?,
        };
        let authentication = self
            .offer_key(Purpose::Authentication, &n1.authentication)
            .await?;
        let signature = self.offer_key(Purpose::Signature, &n1.signature).await?;
        retrying!(self, |uow| {
            let now = self.now();
            // Again, under the lock: another request of this device may have come first.
            if uow.account_by_device(device).await?.is_some()
                || uow.registration_by_device(device).await?.is_some()
            {
                return Err(RegistrationError::DeviceExists);
            }
            let registration = Registration {
                id: RegistrationId(random_uuid(self.random())),
                code: RegistrationCode::generate(&mut self.rng()),
                control_code: ControlCode::generate(&mut self.rng()),
                device,
                device_public_key: public_key.to_vec(),
                token,
                keys: PerPurpose {
                    authentication: authentication.clone(),
                    signature: signature.clone(),
                },
                replaces,
                created_at: now,
                expires_at: now + REGISTRATION_LIFETIME,
                proof_attempts: 0,
                state: RegistrationState::AwaitingServerShares,
                version: 0,
            };
            uow.insert_registration(&registration)
                .await
                .map_err(|error| match error {
                    // Another registration of this device came first, or a code of 40 bits met its like.
                    StoreError::Duplicate { .. } => RegistrationError::DeviceExists,
                    other => other.into(),
                })?;
            let event = AuditEvent::RegistrationStarted {
                registration: registration.id,
            };
            audit(&mut *uow, now, About::default(), event).await?;
            uow.commit().await?;
            Ok::<_, RegistrationError>(offer(&registration))
        })
    }

    /// The two moduli of the request, authentication and signature exactly once each, in our profile.
    fn moduli_of(
        &self,
        body: &device_v1::RegistrationRequest,
    ) -> Result<PerPurpose<Vec<u8>>, RegistrationError> {
        let of = |purpose: device_v1::Purpose| {
            let mut keys = body.keys.iter().filter(|key| key.purpose == purpose);
            let (Some(key), None) = (keys.next(), keys.next()) else {
                return Err(RegistrationError::Invalid {
                    field: "keys",
                    reason: "one key for authentication and one for signature are needed"
                        .to_owned(),
                });
            };
            if key.profile != self.policy.profile.id() {
                return Err(RegistrationError::Invalid {
                    field: "keys.profile",
                    reason: format!(
                        "this server makes accounts of profile {}",
                        self.policy.profile.id()
                    ),
                });
            }
            Ok(key.n1.as_ref().to_vec())
        };
        Ok(PerPurpose {
            authentication: of(device_v1::Purpose::Authentication)?,
            signature: of(device_v1::Purpose::Signature)?,
        })
    }

    async fn check_modulus(
        &self,
        purpose: Purpose,
        n1: &[u8],
        other: &[u8],
    ) -> Result<ClientModulus, RegistrationError> {
        if !self.policy.fixture_keys && fixture_keys::is_published(n1) {
            return Err(RegistrationError::Invalid {
                field: modulus_field(purpose),
                reason: "the primes of this key are published; it is for test labs only".to_owned(),
            });
        }
        self.keys
            .check_modulus(self.policy.profile, n1.to_vec(), vec![other.to_vec()])
            .await?
            .map_err(|error| invalid_modulus(purpose, error))
    }

    async fn offer_key(
        &self,
        purpose: Purpose,
        n1: &ClientModulus,
    ) -> Result<OfferedKey, RegistrationError> {
        let profile = self.policy.profile;
        let half = self.take_half(profile).await?;
        let composite = CompositeModulus::new(n1, &half.modulus)
            .map_err(|error| invalid_modulus(purpose, error))?;
        Ok(OfferedKey {
            id: KeyId(self.random()),
            profile,
            n1: n1.as_bytes().to_vec(),
            n2: half.modulus.as_bytes().to_vec(),
            n: composite.as_bytes().to_vec(),
            nonce: self.random(),
            server_half: half.wrapped,
        })
    }

    /// A server half from the pool, or a fresh one. It never goes back.
    async fn take_half(&self, profile: Profile) -> Result<NewServerHalf, Infrastructure> {
        let pooled = retrying!(self, |uow| {
            let half = uow.take_pooled_half(profile).await?;
            uow.commit().await?;
            Ok::<_, Infrastructure>(half)
        })?;
        match pooled {
            Some(half) => Ok(half),
            None => Ok(self.keys.generate_half(profile).await?),
        }
    }

    /// R3a: takes d1″ of both keys; the phone forgets them with the answer.
    ///
    /// # Errors
    /// By cause, see [`RegistrationError`].
    pub async fn take_server_shares(
        &self,
        request: &SignedRequest<'_>,
        id: RegistrationId,
        sealed: &[u8],
    ) -> Result<Vec<u8>, RegistrationError> {
        let registration = self.registration_of(request, id).await?;
        let opened = self
            .keys
            .open(Kind::ServerShares, sealed)
            .await
            .map_err(cannot_open)?;
        let shares = ServerShares::decode(&opened.plaintext).map_err(|error| {
            RegistrationError::Invalid {
                field: "server shares",
                reason: error.to_string(),
            }
        })?;
        if shares.shares.len() > registration.keys.iter().count() {
            return Err(RegistrationError::Invalid {
                field: "server shares",
                reason: "there is a share of a key that is not this registration's".to_owned(),
            });
        }
        let wrapped = PerPurpose {
            authentication: self
                .wrap_share(&registration.keys.authentication, &shares)
                .await?,
            signature: self
                .wrap_share(&registration.keys.signature, &shares)
                .await?,
        };
        retrying!(self, |uow| {
            let now = self.now();
            let mut registration = uow
                .registration(id)
                .await?
                .ok_or(RegistrationError::Unknown)?;
            open_at(&registration, now)?;
            // A repetition finds them taken; the first ones stand.
            if registration.state == RegistrationState::AwaitingServerShares {
                registration.state = RegistrationState::AwaitingIdentity {
                    shares: wrapped.clone(),
                };
                uow.save_registration(&mut registration).await?;
                uow.commit().await?;
            }
            Ok::<_, RegistrationError>(())
        })?;
        Ok(opened.answer.seal(b"{}", &mut self.rng()))
    }

    async fn wrap_share(
        &self,
        key: &OfferedKey,
        shares: &ServerShares,
    ) -> Result<crate::domain::Wrapped, RegistrationError> {
        let invalid = |reason: String| RegistrationError::Invalid {
            field: "server shares",
            reason,
        };
        let n1 = ClientModulus::from_stored(key.profile, &key.n1)
            .map_err(|_| Infrastructure::Internal("a stored modulus that does not fit"))?;
        let share = shares
            .shares
            .iter()
            .find(|share| share.key_id == key.id)
            .ok_or_else(|| invalid("the share of one key is missing".to_owned()))?;
        let share = share
            .share
            .check(&n1)
            .map_err(|error| invalid(error.to_string()))?;
        Ok(self.keys.wrap_share(key.id, share).await?)
    }

    /// How far the registration is, for the phone that waits.
    ///
    /// # Errors
    /// Unknown registration or another device's.
    pub async fn registration_status(
        &self,
        request: &SignedRequest<'_>,
        id: RegistrationId,
    ) -> Result<device_v1::RegistrationStatus, RegistrationError> {
        let registration = self.registration_of(request, id).await?;
        let mut status = device_v1::RegistrationStatus {
            state: device_v1::RegistrationState::AwaitingServerShares,
            person: None,
            document_number: None,
            refusal: None,
            expires_at: registration.expires_at,
        };
        match &registration.state {
            RegistrationState::Ended { reason, .. } => {
                status.state = device_v1::RegistrationState::Ended;
                status.refusal = Some(reason.code().to_owned());
            }
            RegistrationState::Active { account, .. } => {
                status.state = device_v1::RegistrationState::Active;
                status.document_number = self
                    .store
                    .read()
                    .await?
                    .account(*account)
                    .await?
                    .map(|account| account.document_number);
            }
            _ if self.now() >= registration.expires_at => {
                status.state = device_v1::RegistrationState::Ended;
                status.refusal = Some(EndReason::Expired.code().to_owned());
            }
            RegistrationState::AwaitingServerShares => {}
            RegistrationState::AwaitingIdentity { .. } => {
                status.state = device_v1::RegistrationState::AwaitingIdentity;
            }
            RegistrationState::AwaitingProof { vouched, .. } => {
                status.state = device_v1::RegistrationState::AwaitingProof;
                status.person = Some(device_v1::RegisteredPerson {
                    semantics_identifier: vouched.person.semantics_identifier.clone(),
                    given_name: vouched.person.given_name.clone(),
                    surname: vouched.person.surname.clone(),
                    date_of_birth: vouched.person.date_of_birth,
                });
            }
        }
        Ok(status)
    }

    /// The phone gives up; what the server holds of it is deleted.
    ///
    /// # Errors
    /// Unknown registration or another device's. Giving up twice is no error.
    pub async fn abandon_registration(
        &self,
        request: &SignedRequest<'_>,
        id: RegistrationId,
    ) -> Result<(), RegistrationError> {
        self.registration_of(request, id).await?;
        self.end_registration(id, EndReason::Abandoned).await
    }

    pub(super) async fn end_registration(
        &self,
        id: RegistrationId,
        reason: EndReason,
    ) -> Result<(), RegistrationError> {
        retrying!(self, |uow| {
            let now = self.now();
            let mut registration = uow
                .registration(id)
                .await?
                .ok_or(RegistrationError::Unknown)?;
            if registration.is_over() {
                return Ok(());
            }
            registration.end(reason, now);
            let event = AuditEvent::RegistrationEnded {
                registration: id,
                reason,
            };
            audit(&mut *uow, now, About::default(), event).await?;
            uow.save_registration(&mut registration).await?;
            uow.commit().await?;
            Ok::<_, RegistrationError>(())
        })
    }

    /// What whoever vouches compares with the phone before saying yes (R37).
    ///
    /// # Errors
    /// No open registration has this code.
    pub async fn control_code(
        &self,
        code: &RegistrationCode,
    ) -> Result<ControlCode, OperatorError> {
        let registration = self.store.read().await?.registration_by_code(code).await?;
        registration
            .filter(|registration| registration.is_open(self.now()))
            .map(|registration| registration.control_code)
            .ok_or_else(|| OperatorError::UnknownCode(code.clone()))
    }

    /// Somebody vouches for the person behind a registration code.
    ///
    /// # Errors
    /// By cause, see [`OperatorError`].
    pub async fn prove_identity(
        &self,
        code: &RegistrationCode,
        identity: &IdentityRequest,
    ) -> Result<(), OperatorError> {
        check_person(&identity.person, identity.invented, self.now())?;
        let number = identity.document_suffix.map(|suffix| {
            let qualified = identity.level == AccountLevel::Qualified;
            DocumentNumber::with_suffix(&identity.person.semantics_identifier, suffix, qualified)
        });
        retrying!(self, |uow| {
            let now = self.now();
            if let Some(number) = &number
                && uow.account_by_document(number).await?.is_some()
            {
                return Err(OperatorError::DocumentNumberTaken(number.clone()));
            }
            let mut registration = uow
                .registration_by_code(code)
                .await?
                .filter(|registration| registration.is_open(now))
                .ok_or_else(|| OperatorError::UnknownCode(code.clone()))?;
            let shares = match &registration.state {
                RegistrationState::AwaitingIdentity { shares } => shares.clone(),
                RegistrationState::AwaitingServerShares => return Err(OperatorError::NotReady),
                _ => return Err(OperatorError::AlreadyProven),
            };
            registration.state = RegistrationState::AwaitingProof {
                charged: None,
                shares,
                vouched: Vouched {
                    person: identity.person.clone(),
                    level: identity.level,
                    evidence: identity.evidence.clone(),
                    document_suffix: identity.document_suffix,
                },
            };
            let event = AuditEvent::IdentityProven {
                registration: registration.id,
                evidence: identity.evidence.clone(),
            };
            audit(&mut *uow, now, About::default(), event).await?;
            uow.save_registration(&mut registration).await?;
            uow.commit().await?;
            Ok(())
        })
    }

    /// Whoever vouches, or the person at the computer, says no (R38).
    ///
    /// # Errors
    /// No open registration has this code.
    pub async fn refuse_registration(&self, code: &RegistrationCode) -> Result<(), OperatorError> {
        let registration = self
            .store
            .read()
            .await?
            .registration_by_code(code)
            .await?
            .ok_or_else(|| OperatorError::UnknownCode(code.clone()))?;
        self.end_registration(registration.id, EndReason::Refused)
            .await
            .map_err(|error| match error {
                RegistrationError::Infrastructure(inner) => inner.into(),
                _ => OperatorError::UnknownCode(code.clone()),
            })
    }

    /// The registration, if the request is signed by its device.
    async fn registration_of(
        &self,
        request: &SignedRequest<'_>,
        id: RegistrationId,
    ) -> Result<Registration, RegistrationError> {
        let registration = self
            .store
            .read()
            .await?
            .registration(id)
            .await?
            .filter(|registration| registration.device.0 == request.device_id().0)
            .ok_or(RegistrationError::Unknown)?;
        request
            .verify(&registration.device_public_key, self.now())
            .map_err(|error| RegistrationError::NotAuthenticated(error.reason()))?;
        Ok(registration)
    }
}

fn offer(registration: &Registration) -> device_v1::RegistrationOffer {
    let key = |purpose, key: &OfferedKey| device_v1::OfferedKey {
        purpose,
        key_id: wire::KeyId(key.id.0),
        n: key.n.clone().into(),
        pop_nonce: key.nonce.into(),
    };
    device_v1::RegistrationOffer {
        registration_id: registration.id,
        registration_code: registration.code.clone(),
        control_code: registration.control_code.clone(),
        expires_at: registration.expires_at,
        keys: vec![
            key(
                device_v1::Purpose::Authentication,
                &registration.keys.authentication,
            ),
            key(device_v1::Purpose::Signature, &registration.keys.signature),
        ],
    }
}

fn invalid_modulus(purpose: Purpose, error: splitkey::ModulusError) -> RegistrationError {
    RegistrationError::Invalid {
        field: modulus_field(purpose),
        reason: error.to_string(),
    }
}

fn modulus_field(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Authentication => "keys[authentication].n1",
        Purpose::Signature => "keys[signature].n1",
    }
}

/// Refuses what is over.
fn open_at(registration: &Registration, now: jiff::Timestamp) -> Result<(), RegistrationError> {
    match registration.state {
        RegistrationState::Ended { reason, .. } => Err(RegistrationError::Ended(reason)),
        RegistrationState::Active { .. } => Err(RegistrationError::WrongStep),
        _ if now >= registration.expires_at => Err(RegistrationError::Ended(EndReason::Expired)),
        _ => Ok(()),
    }
}

fn cannot_open(error: KeysError) -> RegistrationError {
    match error {
        KeysError::CannotOpen => RegistrationError::CannotOpen,
        other => other.into(),
    }
}

/// Names for a certificate, and a date of birth that can be.
fn check_person(
    person: &Person,
    invented: bool,
    now: jiff::Timestamp,
) -> Result<(), OperatorError> {
    let invalid = |reason: String| Err(OperatorError::InvalidPerson(reason));
    for (what, name) in [
        ("given name", &person.given_name),
        ("surname", &person.surname),
    ] {
        let length = name.chars().count();
        // X.520: upper bound of 64 for names.
        if name.trim() != name || length == 0 || length > 64 || name.chars().any(char::is_control) {
            return invalid(format!(
                "the {what} must have 1 to 64 characters, without space around it"
            ));
        }
    }
    let today = jiff::tz::Offset::UTC.to_datetime(now).date();
    if person.date_of_birth > today {
        return invalid("the date of birth lies in the future".to_owned());
    }
    if person.date_of_birth.year() < 1880 {
        return invalid("the date of birth lies before 1880".to_owned());
    }
    match wire::NationalNumber::check(&person.semantics_identifier) {
        Ok(_) => Ok(()),
        // Published test accounts have such numbers (rp-api.md §3).
        Err(NationalNumberError::CheckDigit) if invented => Ok(()),
        Err(error) => invalid(error.to_string()),
    }
}

/// A fresh internal account identifier.
fn account_id(bytes: [u8; 16]) -> AccountId {
    AccountId(random_uuid(bytes))
}
