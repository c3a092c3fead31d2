//! R3b → R4: both PINs prove that both keys work; then two certificates are issued, or none.

use super::{RegistrationError, account_id, cannot_open, open_at};
use crate::{
    domain::{
        Account, AccountKey, AccountLevel, AccountState, AuditEvent, CloseReason, Device,
        EndReason, KeyState, MAX_PROOF_ATTEMPTS, OfferedKey, PerPurpose, PinCounter, Registration,
        RegistrationState, Vouched, Wrapped,
    },
    policy::ACCOUNT_LIFETIME,
    ports::{KeysError, StoreError},
    service::{About, Infrastructure, Service, audit, certificates::parse, retrying},
};
use jiff::Timestamp;
use pki::x509::Certificate;
use splitkey::{
    ClientModulus, CompositeModulus, ProofOfPossession, Purpose, ServerModulus, check_client_half,
    complete,
    message::{KeyProof, Proofs},
    seal::{self, Kind},
};
use wire::{DocumentNumber, RegistrationId, device_v1, http_signature::SignedRequest};

/// Document numbers that may collide before we give up; four characters give 1.6 million per person.
const MAX_NUMBER_TRIES: u32 = 4;

/// What the account's two keys are made of, once proven.
struct Proven {
    shares: PerPurpose<Wrapped>,
    vouched: Vouched,
    signatures: PerPurpose<Vec<u8>>,
}

impl Service {
    /// Takes the proofs of possession and, if both hold, makes the account.
    ///
    /// Every try is counted and committed before it is evaluated: between its two PIN entries a copied
    /// phone must not become a PIN oracle. A repetition of the proofs that led to the account gets the
    /// same answer.
    ///
    /// # Errors
    /// By cause, see [`RegistrationError`].
    pub async fn prove_possession(
        &self,
        request: &SignedRequest<'_>,
        id: RegistrationId,
        sealed: &[u8],
    ) -> Result<Vec<u8>, RegistrationError> {
        let registration = self.registration_of(request, id).await?;
        let opened = self
            .keys
            .open(Kind::Proofs, sealed)
            .await
            .map_err(cannot_open)?;
        let fingerprint = seal::fingerprint(sealed);
        let proofs =
            Proofs::decode(&opened.plaintext).map_err(|error| RegistrationError::Invalid {
                field: "proofs",
                reason: error.to_string(),
            })?;
        // Before the try is counted: no PIN is tested by a message that lacks a key or has a strange one.
        let keys = &registration.keys;
        let complete = proofs.proofs.len() == 2
            && keys
                .iter()
                .all(|key| proofs.proofs.iter().any(|proof| proof.key_id == key.id));
        if !complete {
            return Err(RegistrationError::Invalid {
                field: "proofs",
                reason: "one proof for each key of this registration is needed".to_owned(),
            });
        }
        let completed = match self.charge_proof(id, &fingerprint).await? {
            Charged::Answered(registration) => self.completed(&registration).await?,
            Charged::Evaluate(registration) => {
                let proven = self.check_proofs(&registration, &proofs).await?;
                self.open_account(id, fingerprint, proven).await?
            }
        };
        let body = serde_json::to_vec(&completed)
            .map_err(|_| Infrastructure::Internal("an answer that is no JSON"))?;
        Ok(opened.answer.seal(&body, &mut self.rng()))
    }

    async fn charge_proof(
        &self,
        id: RegistrationId,
        fingerprint: &[u8; 32],
    ) -> Result<Charged, RegistrationError> {
        retrying!(self, |uow| {
            let now = self.now();
            let mut registration = uow
                .registration(id)
                .await?
                .ok_or(RegistrationError::Unknown)?;
            if matches!(&registration.state, RegistrationState::Active { proofs, .. } if proofs == fingerprint)
            {
                return Ok(Charged::Answered(Box::new(registration)));
            }
            open_at(&registration, now)?;
            let RegistrationState::AwaitingProof { charged, .. } = &mut registration.state else {
                return Err(RegistrationError::WrongStep);
            };
            if *charged == Some(*fingerprint) {
                return Ok(Charged::Evaluate(Box::new(registration)));
            }
            *charged = Some(*fingerprint);
            if registration.proof_attempts >= MAX_PROOF_ATTEMPTS {
                registration.end(EndReason::ProofFailed, now);
                let event = AuditEvent::RegistrationEnded {
                    registration: id,
                    reason: EndReason::ProofFailed,
                };
                audit(&mut *uow, now, About::default(), event).await?;
                uow.save_registration(&mut registration).await?;
                uow.commit().await?;
                return Err(RegistrationError::Ended(EndReason::ProofFailed));
            }
            registration.proof_attempts += 1;
            uow.save_registration(&mut registration).await?;
            uow.commit().await?;
            Ok(Charged::Evaluate(Box::new(registration)))
        })
    }

    async fn check_proofs(
        &self,
        registration: &Registration,
        proofs: &Proofs,
    ) -> Result<Proven, RegistrationError> {
        let RegistrationState::AwaitingProof {
            shares, vouched, ..
        } = &registration.state
        else {
            return Err(RegistrationError::WrongStep);
        };
        let mut signatures = PerPurpose {
            authentication: Vec::new(),
            signature: Vec::new(),
        };
        for purpose in [Purpose::Authentication, Purpose::Signature] {
            let key = registration.keys.of(purpose);
            let proof = proofs
                .proofs
                .iter()
                .find(|proof| proof.key_id == key.id)
                .ok_or_else(|| RegistrationError::Invalid {
                    field: "proofs",
                    reason: "the proof of one key is missing".to_owned(),
                })?;
            match self
                .check_proof(purpose, key, shares.of(purpose), proof)
                .await?
            {
                Some(signature) => *signatures.of_mut(purpose) = signature,
                None => return Err(self.proof_failed(registration, purpose).await?),
            }
        }
        Ok(Proven {
            shares: shares.clone(),
            vouched: vouched.clone(),
            signatures,
        })
    }

    /// The composite signature over the proof of possession; `None` for a wrong share.
    async fn check_proof(
        &self,
        purpose: Purpose,
        key: &OfferedKey,
        share: &Wrapped,
        proof: &KeyProof,
    ) -> Result<Option<Vec<u8>>, RegistrationError> {
        let damaged = |_| Infrastructure::Internal("a stored modulus that does not fit");
        let n1 = ClientModulus::from_stored(key.profile, &key.n1).map_err(damaged)?;
        let n2 = ServerModulus::from_bytes(key.profile, &key.n2).map_err(damaged)?;
        let composite = CompositeModulus::new(&n1, &n2).map_err(damaged)?;
        let message =
            ProofOfPossession::new(key.profile, purpose, key.id, key.nonce, &key.n).encode(proof.c);
        let Ok(partial) = proof.partial_signature.check(&n1) else {
            return Ok(None);
        };
        let server_part = self.keys.apply_share(key.id, share, &n1, &message).await?;
        let Ok(half) = check_client_half(&message, &partial, &server_part, &n1) else {
            return Ok(None);
        };
        let server_half = self.keys.apply_half(&key.server_half, &message).await?;
        let signature = complete(half, &server_half, &composite, &message)
            .map_err(|_| Infrastructure::Keys(KeysError::FaultyComputation))?;
        Ok(Some(signature.into_bytes()))
    }

    async fn proof_failed(
        &self,
        registration: &Registration,
        purpose: Purpose,
    ) -> Result<RegistrationError, RegistrationError> {
        let attempts_left = MAX_PROOF_ATTEMPTS.saturating_sub(registration.proof_attempts);
        retrying!(self, |uow| {
            let event = AuditEvent::ProofFailed {
                registration: registration.id,
                attempts: registration.proof_attempts,
            };
            audit(&mut *uow, self.now(), About::default(), event).await?;
            uow.commit().await?;
            Ok::<_, RegistrationError>(())
        })?;
        if attempts_left == 0 {
            self.end_registration(registration.id, EndReason::ProofFailed)
                .await?;
            return Ok(RegistrationError::Ended(EndReason::ProofFailed));
        }
        Ok(RegistrationError::ProofFailed {
            attempts_left,
            purpose,
        })
    }

    /// Has both certificates signed; then they count as issued and the account is open, in one transaction (R15).
    async fn open_account(
        &self,
        id: RegistrationId,
        fingerprint: [u8; 32],
        proven: Proven,
    ) -> Result<device_v1::RegistrationCompleted, RegistrationError> {
        for _ in 0..MAX_NUMBER_TRIES {
            let created_at = Timestamp::from_second(self.now().as_second())
                .map_err(|_| Infrastructure::Internal("a clock outside all years"))?;
            let number = self.document_number(&proven.vouched)?;
            let mut reader = self.store.read().await?;
            let registration = reader
                .registration(id)
                .await?
                .ok_or(RegistrationError::Unknown)?;
            if matches!(&registration.state, RegistrationState::Active { proofs, .. } if *proofs == fingerprint)
            {
                return self.completed(&registration).await;
            }
            // Nothing is signed for a registration that ended in the meantime, nor for a number that is taken.
            open_at(&registration, self.now())?;
            if reader.account_by_document(&number).await?.is_some() {
                continue;
            }
            drop(reader);
            let issue = async |purpose| {
                let modulus = &registration.keys.of(purpose).n;
                self.issue(purpose, modulus, &proven.vouched, &number, created_at)
                    .await
            };
            let certificates = PerPurpose {
                authentication: issue(Purpose::Authentication).await?,
                signature: issue(Purpose::Signature).await?,
            };
            match self
                .commit_account(id, fingerprint, &proven, &number, &certificates, created_at)
                .await
            {
                Err(RegistrationError::Infrastructure(Infrastructure::Store(
                    StoreError::Duplicate { .. },
                ))) => {}
                outcome => {
                    let registration = outcome?;
                    return self.completed(&registration).await;
                }
            }
        }
        Err(Infrastructure::Internal("no free document number").into())
    }

    async fn commit_account(
        &self,
        id: RegistrationId,
        fingerprint: [u8; 32],
        proven: &Proven,
        number: &DocumentNumber,
        certificates: &PerPurpose<Certificate>,
        created_at: Timestamp,
    ) -> Result<Registration, RegistrationError> {
        retrying!(self, |uow| {
            let now = self.now();
            let mut registration = uow
                .registration(id)
                .await?
                .ok_or(RegistrationError::Unknown)?;
            if matches!(&registration.state, RegistrationState::Active { proofs, .. } if *proofs == fingerprint)
            {
                return Ok(registration);
            }
            open_at(&registration, now)?;
            let account = new_account(
                account_id(self.random()),
                &registration,
                proven,
                number,
                certificates,
                created_at,
            );
            uow.insert_account(&account).await?;
            let about = About::account(account.id);
            self.give_out(&mut *uow, account.id, certificates, now)
                .await?;
            let event = AuditEvent::AccountOpened {
                document_number: number.to_string(),
            };
            audit(&mut *uow, now, about, event).await?;
            if let Some(old) = registration.replaces
                && let Some(mut old) = uow.account(old).await?
            {
                self.close_in(&mut *uow, &mut old, CloseReason::Replaced, now)
                    .await?;
            }
            registration.state = RegistrationState::Active {
                account: account.id,
                proofs: fingerprint,
                signatures: proven.signatures.clone(),
            };
            registration.forget_server_halves();
            uow.save_registration(&mut registration).await?;
            uow.commit().await?;
            Ok::<_, RegistrationError>(registration)
        })
    }

    fn document_number(&self, vouched: &Vouched) -> Result<DocumentNumber, Infrastructure> {
        let qualified = vouched.level == AccountLevel::Qualified;
        let person = &vouched.person.semantics_identifier;
        Ok(match vouched.document_suffix {
            Some(suffix) => DocumentNumber::with_suffix(person, suffix, qualified),
            None => DocumentNumber::generate(person, qualified, &mut self.rng()),
        })
    }

    /// R4, from what is stored.
    async fn completed(
        &self,
        registration: &Registration,
    ) -> Result<device_v1::RegistrationCompleted, RegistrationError> {
        let RegistrationState::Active {
            account,
            signatures,
            ..
        } = &registration.state
        else {
            return Err(RegistrationError::WrongStep);
        };
        let account =
            self.store
                .read()
                .await?
                .account(*account)
                .await?
                .ok_or(Infrastructure::Internal(
                    "a finished registration without its account",
                ))?;
        let certificate = parse(&account.keys.authentication.certificate)?;
        let issuing_ca = self
            .authority_of(&certificate)
            .ok_or(Infrastructure::Internal("a certificate of no CA of ours"))?;
        let purposes = [
            (device_v1::Purpose::Authentication, Purpose::Authentication),
            (device_v1::Purpose::Signature, Purpose::Signature),
        ];
        Ok(device_v1::RegistrationCompleted {
            document_number: account.document_number.clone(),
            certificates: purposes
                .iter()
                .map(|(name, purpose)| device_v1::IssuedCertificate {
                    purpose: *name,
                    certificate: account.keys.of(*purpose).certificate.clone().into(),
                })
                .collect(),
            signatures: purposes
                .iter()
                .map(|(name, purpose)| device_v1::ProofSignature {
                    purpose: *name,
                    signature: signatures.of(*purpose).clone().into(),
                })
                .collect(),
            issuing_ca: issuing_ca.ca.certificate().der().to_vec().into(),
            expires_at: account.expires_at,
        })
    }
}

/// What counting a proof came to.
enum Charged {
    Evaluate(Box<Registration>),
    Answered(Box<Registration>),
}

fn new_account(
    id: crate::domain::AccountId,
    registration: &Registration,
    proven: &Proven,
    number: &DocumentNumber,
    certificates: &PerPurpose<Certificate>,
    created_at: Timestamp,
) -> Account {
    let key = |purpose: Purpose| {
        let offered = registration.keys.of(purpose);
        AccountKey {
            id: offered.id,
            purpose,
            profile: offered.profile,
            n1: offered.n1.clone(),
            n2: offered.n2.clone(),
            n: offered.n.clone(),
            certificate: certificates.of(purpose).der().to_vec(),
            pin: PinCounter::default(),
            state: KeyState::Ready {
                server_share: proven.shares.of(purpose).clone(),
                server_half: offered.server_half.clone(),
            },
            in_flight: None,
        }
    };
    Account {
        id,
        person: proven.vouched.person.clone(),
        document_number: number.clone(),
        level: proven.vouched.level,
        device: Device {
            id: registration.device,
            public_key: registration.device_public_key.clone(),
            token: registration.token,
            seq: 0,
            superseded: 0,
        },
        keys: PerPurpose {
            authentication: key(Purpose::Authentication),
            signature: key(Purpose::Signature),
        },
        state: AccountState::Active,
        created_at,
        expires_at: created_at + ACCOUNT_LIFETIME,
        version: 0,
    }
}
