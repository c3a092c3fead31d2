//! From R1 to R4 (splitkey.md §2).

use super::{Account, Key, Lie, Moduli, Outcome, Server, State, authentic, json};
use crate::{Method, Request, tests::certificate::certificate};
use jiff::{SignedDuration, Timestamp};
use p256::ecdsa::{Signature, SigningKey, VerifyingKey, signature::Verifier};
use splitkey::{
    ClientModulus, CompositeModulus, DeviceId, KeyId, ProofOfPossession, Purpose, ServerHalf,
    TokenHash, check_client_half, complete,
    message::{Proofs, ServerShares},
    seal::{self, Kind, SealingKey},
};
use std::collections::BTreeMap;
use uuid::Uuid;
use wire::{
    FixedBytes, RegistrationId, device_v1 as v1,
    server_key::{ServerKeyStatement, SignedStatement},
};

impl Server {
    pub(super) fn configuration(&mut self, now: Timestamp) -> v1::Configuration {
        let statement = ServerKeyStatement {
            key_id: FixedBytes([1; 16]),
            public_key: FixedBytes(self.sealing.public_key().to_bytes()),
            not_before: now - SignedDuration::from_hours(1),
            not_after: now + SignedDuration::from_hours(24),
        };
        let mut root = self.root.clone();
        if self.lie == Some(Lie::OtherRootKey) {
            root = SigningKey::from_slice(&[4; 32]).unwrap();
        }
        let mut server_key: SignedStatement = statement.sign(&root);
        if self.lie == Some(Lie::UnvouchedKey) {
            server_key.statement.public_key.0 =
                SealingKey::generate(&mut self.rng).public_key().to_bytes();
        }
        v1::Configuration {
            scheme_name: "smart-id-demo".to_owned(),
            root_key: FixedBytes(
                root.verifying_key()
                    .to_sec1_point(false)
                    .as_bytes()
                    .try_into()
                    .unwrap(),
            ),
            server_key,
            profile: self.profile.id(),
            kdf: self.kdf.id(),
            minimum_version: 1,
            session_seconds: 90,
        }
    }

    pub(super) fn register(&mut self, request: &Request, now: Timestamp) -> Outcome {
        let body: v1::RegistrationRequest = serde_json::from_slice(&request.body).unwrap();
        authentic(request, &body.device_public_key.0, now);
        if let Some(earlier) = self
            .accounts
            .iter()
            .find(|account| account.device.0 == body.device_id.0)
        {
            return json(201, &earlier.offer);
        }
        if let Some(replacement) = &body.replaces {
            let old = self
                .accounts
                .iter()
                .find(|account| account.device.0 == replacement.device_id.0)
                .unwrap();
            let statement = v1::replacement_statement(&body.device_id, &body.device_public_key.0);
            let signature = Signature::from_slice(&replacement.signature.0).unwrap();
            VerifyingKey::from_sec1_bytes(&old.device_key)
                .unwrap()
                .verify(&statement, &signature)
                .unwrap();
        }
        let moduli: Vec<_> = body.keys.iter().map(|key| key.n1.0.clone()).collect();
        let [authentication, signature] = [&moduli[0], &moduli[1]].map(|n1| self.key(n1));
        let mut offer = v1::RegistrationOffer {
            registration_id: RegistrationId(Uuid::from_bytes(self.random())),
            registration_code: wire::RegistrationCode::generate(&mut self.rng),
            control_code: wire::ControlCode::generate(&mut self.rng),
            expires_at: now + SignedDuration::from_mins(15),
            keys: vec![
                offered(v1::Purpose::Authentication, &authentication),
                offered(v1::Purpose::Signature, &signature),
            ],
        };
        match self.lie {
            Some(Lie::ForeignModulus) => {
                let foreign = ServerHalf::generate(self.profile, &mut self.rng).unwrap();
                let n1 =
                    ClientModulus::from_stored(self.profile, foreign.modulus().as_bytes()).unwrap();
                let n = CompositeModulus::new(&n1, authentication.half.modulus()).unwrap();
                offer.keys[0].n = n.as_bytes().to_vec().into();
            }
            Some(Lie::SameKeyTwice) => offer.keys[1].purpose = v1::Purpose::Authentication,
            _ => {}
        }
        if let Some(twist) = self.twists.offer {
            let keys = [&authentication, &signature];
            let moduli = Moduli {
                n1: keys.map(|key| key.n1.as_bytes().to_vec()),
                n2: keys.map(|key| key.half.modulus().as_bytes().to_vec()),
            };
            twist(&mut offer, &moduli);
        }
        self.accounts.push(Account {
            registration: offer.registration_id,
            device: DeviceId(body.device_id.0),
            device_key: body.device_public_key.0.to_vec(),
            token: TokenHash(body.token_hash.0),
            seq: 0,
            keys: [authentication, signature],
            offer: offer.clone(),
            person: None,
            proofs: None,
            state: State::Registering,
            expires_at: offer.expires_at,
        });
        json(201, &offer)
    }

    fn key(&mut self, n1: &[u8]) -> Key {
        let n1 = ClientModulus::validate(self.profile, n1, &[]).unwrap();
        let half = ServerHalf::generate(self.profile, &mut self.rng).unwrap();
        let composite = CompositeModulus::new(&n1, half.modulus()).unwrap();
        Key {
            id: KeyId(self.random()),
            n1,
            half,
            composite,
            nonce: self.random(),
            share: None,
            failures: 0,
            locked_until: None,
        }
    }

    pub(super) fn registration(
        &mut self,
        method: Method,
        rest: &[&str],
        index: usize,
        body: &[u8],
        now: Timestamp,
    ) -> Outcome {
        let registration = &mut self.accounts[index];
        if registration.state == State::Registering && now >= registration.expires_at {
            registration.state = State::Ended;
        }
        match (method, rest) {
            (Method::Get, []) => json(200, &registration.status()),
            (Method::Delete, []) => {
                registration.state = State::Ended;
                json(200, &BTreeMap::<(), ()>::new())
            }
            (Method::Put, ["server-shares"]) => {
                let (plaintext, answer) =
                    seal::open_request(Kind::ServerShares, &self.sealing, body)
                        .map_err(|_| (400, "cannot_open"))?;
                if registration.state != State::Registering {
                    return Err((410, "registration_ended"));
                }
                let shares = ServerShares::decode(&plaintext).unwrap();
                for key in &mut registration.keys {
                    let sent = shares
                        .shares
                        .iter()
                        .find(|sent| sent.key_id == key.id)
                        .unwrap();
                    let share = sent.share.check(&key.n1).unwrap();
                    self.server_shares.push(share.expose_secret().to_vec());
                    key.share = Some(share);
                }
                Ok((200, answer.seal(b"{}", &mut self.rng)))
            }
            (Method::Post, ["proofs"]) => self.prove(index, body),
            other => panic!("no such request: {other:?}"),
        }
    }

    fn prove(&mut self, index: usize, body: &[u8]) -> Outcome {
        let (plaintext, answer) = seal::open_request(Kind::Proofs, &self.sealing, body)
            .map_err(|_| (400, "cannot_open"))?;
        let fingerprint = seal::fingerprint(body);
        if let Some((first, completed)) = &self.accounts[index].proofs {
            assert_eq!(
                *first, fingerprint,
                "an honest phone repeats its proofs byte for byte"
            );
            return Ok((
                200,
                answer.seal(&serde_json::to_vec(completed).unwrap(), &mut self.rng),
            ));
        }
        if self.accounts[index].state != State::Registering {
            return Err((410, "registration_ended"));
        }
        let proofs = Proofs::decode(&plaintext).unwrap();
        let mut signatures = Vec::new();
        for (key, purpose) in self.accounts[index]
            .keys
            .iter()
            .zip([Purpose::Authentication, Purpose::Signature])
        {
            let proof = proofs
                .proofs
                .iter()
                .find(|proof| proof.key_id == key.id)
                .unwrap();
            self.partial_signatures
                .push(proof.partial_signature.expose_secret().to_vec());
            let message = ProofOfPossession::new(
                self.profile,
                purpose,
                key.id,
                key.nonce,
                key.composite.as_bytes(),
            )
            .encode(proof.c);
            let partial = proof.partial_signature.check(&key.n1).unwrap();
            let share = key
                .share
                .as_ref()
                .unwrap()
                .apply(&message, &key.n1, &mut self.rng);
            let Ok(half) = check_client_half(&message, &partial, &share, &key.n1) else {
                return Err((422, "proof_failed"));
            };
            let root = key.half.sign(&message, &mut self.rng).unwrap();
            signatures.push(
                complete(half, &root, &key.composite, &message)
                    .unwrap()
                    .into_bytes(),
            );
        }
        let mut person = self.accounts[index]
            .person
            .clone()
            .expect("somebody vouched");
        let number: wire::DocumentNumber = format!("{}-MOCK-Q", person.semantics_identifier)
            .parse()
            .unwrap();
        let mut certified = number.clone();
        let mut reported = number;
        let mut moduli =
            [0, 1].map(|key| self.accounts[index].keys[key].composite.as_bytes().to_vec());
        match self.lie {
            Some(Lie::WrongProof) => signatures.swap(0, 1),
            Some(Lie::SwappedCertificates) => moduli.swap(0, 1),
            Some(Lie::CertificateOverOtherKey) => moduli[1][5] ^= 1,
            Some(Lie::CertificateOfOtherPerson) => person.surname = "OTHER".to_owned(),
            Some(Lie::CertificateOfOtherAccount) => {
                certified = "PNOEE-40504040001-ELSE-Q".parse().unwrap()
            }
            Some(Lie::OtherPersonsDocument) => {
                reported = "PNOEE-39901019992-MOCK-Q".parse().unwrap();
                certified = reported.clone();
            }
            _ => {}
        }
        let purposes = [v1::Purpose::Authentication, v1::Purpose::Signature];
        let mut completed = v1::RegistrationCompleted {
            document_number: reported,
            certificates: purposes
                .iter()
                .zip(&moduli)
                .map(|(purpose, n)| v1::IssuedCertificate {
                    purpose: *purpose,
                    certificate: certificate(n, &person, &certified).into(),
                })
                .collect(),
            signatures: purposes
                .iter()
                .zip(signatures)
                .map(|(purpose, signature)| v1::ProofSignature {
                    purpose: *purpose,
                    signature: signature.into(),
                })
                .collect(),
            issuing_ca: vec![0x30, 0].into(),
            expires_at: "2029-11-24T00:00:00Z".parse().unwrap(),
        };
        if let Some(twist) = self.twists.completion {
            twist(&mut completed);
        }
        for old in &mut self.accounts[..index] {
            if old.state == State::Active {
                old.state = State::Closed;
            }
        }
        let account = &mut self.accounts[index];
        account.state = State::Active;
        account.proofs = Some((fingerprint, completed.clone()));
        Ok((
            200,
            answer.seal(&serde_json::to_vec(&completed).unwrap(), &mut self.rng),
        ))
    }
}

impl Account {
    /// Somebody has to vouch.
    pub(crate) fn awaits_person(&self) -> bool {
        self.status().state == v1::RegistrationState::AwaitingIdentity
    }

    pub(super) fn status(&self) -> v1::RegistrationStatus {
        let state = match self.state {
            State::Registering if self.keys.iter().any(|key| key.share.is_none()) => {
                v1::RegistrationState::AwaitingServerShares
            }
            State::Registering if self.person.is_none() => v1::RegistrationState::AwaitingIdentity,
            State::Registering => v1::RegistrationState::AwaitingProof,
            State::Active => v1::RegistrationState::Active,
            _ => v1::RegistrationState::Ended,
        };
        v1::RegistrationStatus {
            state,
            person: self
                .person
                .clone()
                .filter(|_| state == v1::RegistrationState::AwaitingProof),
            document_number: None,
            refusal: (state == v1::RegistrationState::Ended).then(|| "expired".to_owned()),
            expires_at: self.expires_at,
        }
    }
}

fn offered(purpose: v1::Purpose, key: &Key) -> v1::OfferedKey {
    v1::OfferedKey {
        purpose,
        key_id: wire::KeyId(key.id.0),
        n: key.composite.as_bytes().to_vec().into(),
        pop_nonce: key.nonce.into(),
    }
}
