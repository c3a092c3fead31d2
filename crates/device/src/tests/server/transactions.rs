//! Requests that wait, and submissions with their verdicts (splitkey.md §4).

use super::{End, Lie, Outcome, Server, State, Transaction, TransactionState, hash, json};
use crate::Method;
use base64ct::{Base64, Encoding};
use jiff::{SignedDuration, Timestamp};
use p256::ecdsa::{Signature, VerifyingKey, signature::Verifier};
use splitkey::{
    EncodedMessage, JointSalt, Purpose, Scheme, TransactionId, check_client_half, complete,
    message::{Operation, Submit},
    seal::{self, Kind},
};
use std::collections::BTreeMap;
use wire::{
    CertificateLevel, FlowType, InteractionType, SessionId, SignatureAlgorithm, acsp_v2,
    device_v1 as v1,
};

impl Server {
    pub(super) fn account(
        &mut self,
        method: Method,
        parts: &[&str],
        index: usize,
        body: &[u8],
        now: Timestamp,
    ) -> Outcome {
        if self.accounts[index].state != State::Active {
            return Err((403, "account_closed"));
        }
        match (method, parts) {
            (Method::Get, ["transactions"]) => json(200, &self.pending(index, now)),
            (Method::Post, ["transactions"]) => {
                let begin: v1::Begin = serde_json::from_slice(body).unwrap();
                let mut offer = self.begin(index, &begin, now)?;
                if let Some(twist) = self.twists.transaction {
                    twist(&mut offer);
                }
                json(201, &offer)
            }
            (Method::Post, ["transactions", id]) => {
                let id = TransactionId(id.parse::<wire::TransactionId>().unwrap().0);
                let (plaintext, answer) = seal::open_request(Kind::Submit, &self.sealing, body)
                    .map_err(|_| (400, "cannot_open"))?;
                let mut verdict = self.submit(index, id, &plaintext, seal::fingerprint(body), now);
                if let Some(twist) = &self.twists.verdict {
                    twist(&mut verdict);
                }
                Ok((200, self.sealed(&answer, &verdict)))
            }
            (Method::Post, ["sessions", id, "refusal"]) => {
                let id: SessionId = id.parse().unwrap();
                let session = self
                    .sessions
                    .iter_mut()
                    .find(|session| session.id == id)
                    .ok_or((404, "session_gone"))?;
                if session.end.is_some() || now >= session.deadline {
                    return Err((404, "session_gone"));
                }
                session.end = Some(End::Refused(serde_json::from_slice(body).unwrap()));
                json(200, &BTreeMap::<(), ()>::new())
            }
            (Method::Delete, ["account"]) => {
                self.accounts[index].state = State::Closed;
                json(200, &BTreeMap::<(), ()>::new())
            }
            other => panic!("no such request: {other:?}"),
        }
    }

    fn pending(&self, index: usize, now: Timestamp) -> v1::PendingTransactions {
        let account = &self.accounts[index];
        let completed = account
            .proofs
            .as_ref()
            .map(|(_, completed)| completed)
            .unwrap();
        let person = account.person.as_ref().unwrap();
        v1::PendingTransactions {
            pending: self
                .sessions
                .iter()
                .filter(|session| session.end.is_none() && now < session.deadline)
                .map(|session| v1::PendingSession {
                    session_id: session.id,
                    kind: session.kind,
                    relying_party_name: session.relying_party_name.clone(),
                    brokered_rp_name: String::new(),
                    interactions: Some(session.interactions.base64().to_owned()),
                    verification_code: Some(session.code.clone()),
                    flow_type: FlowType::Notification,
                    linked_session_id: None,
                    callback: None,
                    several_devices: session.several_devices,
                    expires_at: session.deadline,
                })
                .collect(),
            account: v1::AccountStatus {
                document_number: completed.document_number.clone(),
                semantics_identifier: person.semantics_identifier.clone(),
                given_name: person.given_name.clone(),
                surname: person.surname.clone(),
                level: "QUALIFIED".to_owned(),
                expires_at: completed.expires_at,
                state: "active".to_owned(),
                keys: account
                    .keys
                    .iter()
                    .zip([v1::Purpose::Authentication, v1::Purpose::Signature])
                    .map(|(key, purpose)| v1::KeyStatus {
                        purpose,
                        state: match key.locked_until {
                            _ if key.failures >= 9 => "destroyed",
                            Some(until) if now < until => "locked",
                            _ => "ready",
                        }
                        .to_owned(),
                        attempts_left: 3 - key.failures % 3,
                        locked_until: key.locked_until.filter(|until| now < *until),
                    })
                    .collect(),
            },
        }
    }

    fn begin(
        &mut self,
        index: usize,
        begin: &v1::Begin,
        now: Timestamp,
    ) -> Result<v1::TransactionOffer, (u16, &'static str)> {
        let (mut server_random, mut expires_at, mut sign) =
            (String::new(), now + SignedDuration::from_secs(120), None);
        if let Some(id) = begin.session_id {
            server_random = Base64::encode_string(&self.random::<24>());
            let session = self
                .sessions
                .iter()
                .find(|session| session.id == id && session.end.is_none() && now < session.deadline)
                .ok_or((404, "session_gone"))?;
            let key =
                &self.accounts[index].keys[usize::from(session.kind == v1::RequestKind::Signature)];
            if key.failures >= 9 {
                return Err((403, "key_closed"));
            }
            if key.locked_until.is_some_and(|until| now < until) {
                return Err((423, "key_locked"));
            }
            expires_at = session.deadline;
            let interaction = session
                .interactions
                .first_supported(&begin.interaction_types)
                .unwrap();
            let authentication = session.kind == v1::RequestKind::Authentication;
            let mut offer = v1::SignOffer {
                session_id: id,
                key_id: wire::KeyId(key.id.0),
                kind: session.kind,
                scheme_name: "smart-id-demo".to_owned(),
                relying_party_name: session.relying_party_name.clone(),
                brokered_rp_name: String::new(),
                certificate_level: CertificateLevel::Qualified,
                interactions: session.interactions.base64().to_owned(),
                interaction_type_used: interaction,
                flow_type: FlowType::Notification,
                signature_algorithm: session.algorithm,
                hash_algorithm: session.hash,
                rp_challenge: authentication.then(|| session.rp_challenge.clone()),
                server_random: authentication.then(|| server_random.clone()),
                digest: (!authentication).then(|| session.digest.clone().into()),
                verification_code: Some(session.code.clone()),
                initial_callback_url: String::new(),
            };
            self.lie_about(&mut offer, index);
            sign = (self.lie != Some(Lie::NoOffer)).then_some(offer);
        }
        for transaction in &mut self.transactions {
            if transaction.account == index
                && matches!(transaction.state, TransactionState::Awaiting)
            {
                transaction.state = TransactionState::Cancelled;
            }
        }
        let (id, r) = (TransactionId(self.random()), self.random());
        self.transactions.push(Transaction {
            id,
            account: index,
            operation: begin.operation,
            session: begin.session_id,
            server_random,
            r,
            expires_at,
            state: TransactionState::Awaiting,
        });
        Ok(v1::TransactionOffer {
            transaction_id: wire::TransactionId(id.0),
            r: r.into(),
            expires_at,
            operation: begin.operation,
            sign,
        })
    }

    fn submit(
        &mut self,
        index: usize,
        id: TransactionId,
        plaintext: &[u8],
        request: [u8; 32],
        now: Timestamp,
    ) -> v1::Verdict {
        let signed = Submit::decode(plaintext).expect("an honest phone's message");
        let device_key = VerifyingKey::from_sec1_bytes(&self.accounts[index].device_key).unwrap();
        device_key
            .verify(
                &signed.signed,
                &Signature::from_slice(&signed.signature).unwrap(),
            )
            .unwrap();
        let submit = signed.submit;
        let Some(at) = self
            .transactions
            .iter()
            .position(|transaction| transaction.id == id)
        else {
            return refused("tx_gone");
        };
        let transaction = &self.transactions[at];
        match &transaction.state {
            TransactionState::Done {
                request: first,
                verdict,
            } if *first == request => return verdict.clone(),
            TransactionState::Awaiting if now < transaction.expires_at => {}
            _ => return refused("tx_gone"),
        }
        assert_eq!(
            (submit.r, submit.device_id),
            (transaction.r, self.accounts[index].device)
        );
        let current = self.accounts[index].token;
        let verdict = match (&submit.operation, transaction.operation) {
            (Operation::Sync { pending }, v1::Operation::Sync) => {
                if submit.token.hash() == current {
                    let pending = self
                        .transactions
                        .iter_mut()
                        .find(|transaction| transaction.id == *pending);
                    if let Some(pending) = pending
                        && matches!(pending.state, TransactionState::Awaiting)
                    {
                        pending.state = TransactionState::Cancelled;
                    }
                    v1::Verdict::NotAdvanced
                } else if submit.next == current {
                    let missed = self
                        .transactions
                        .iter()
                        .find(|transaction| transaction.id == *pending);
                    let verdict = missed.and_then(|missed| match &missed.state {
                        TransactionState::Done { verdict, .. } => Some(Box::new(verdict.clone())),
                        _ => None,
                    });
                    v1::Verdict::Advanced { verdict }
                } else {
                    self.accounts[index].state = State::Cloned;
                    return refused("account_closed");
                }
            }
            (Operation::Rotate, v1::Operation::Rotate)
            | (Operation::Sign { .. }, v1::Operation::Sign) => {
                if let (Operation::Sign { .. }, Some(code)) =
                    (&submit.operation, self.answer_instead.take())
                {
                    return refused(code);
                }
                if let Operation::Sign { .. } = &submit.operation
                    && let Err(code) = self.message(at, index, &submit)
                {
                    self.transactions[at].state = TransactionState::Cancelled;
                    return refused(code);
                }
                if submit.token.hash() != current {
                    self.accounts[index].state = State::Cloned;
                    return refused("account_closed");
                }
                assert_eq!(submit.seq, self.accounts[index].seq, "i of T_i");
                self.accounts[index].token = submit.next;
                self.accounts[index].seq += 1;
                let seq = self.accounts[index].seq;
                match submit.operation {
                    Operation::Rotate => v1::Verdict::Rotated { seq },
                    _ => self.evaluate(at, index, &submit, seq, now),
                }
            }
            _ => panic!("the operation is the transaction's"),
        };
        self.transactions[at].state = TransactionState::Done {
            request,
            verdict: verdict.clone(),
        };
        verdict
    }

    fn message(
        &self,
        at: usize,
        index: usize,
        submit: &Submit,
    ) -> Result<(EncodedMessage, Vec<u8>, Scheme), &'static str> {
        let transaction = &self.transactions[at];
        let session = self
            .sessions
            .iter()
            .find(|session| Some(session.id) == transaction.session)
            .unwrap();
        let Operation::Sign {
            purpose,
            key_id,
            fingerprint,
            user_challenge,
            ..
        } = &submit.operation
        else {
            return Err("malformed");
        };
        let key = &self.accounts[index].keys[usize::from(*purpose == Purpose::Signature)];
        assert_eq!(*key_id, key.id);
        let hash = hash(session.hash);
        let scheme = match session.algorithm {
            SignatureAlgorithm::RsassaPss => Scheme::Pss(hash),
            _ => Scheme::Pkcs1v15(hash),
        };
        // From the relying party's own words, not from what the phone was told.
        let (payload, digest) = match session.kind {
            v1::RequestKind::Signature => (session.digest.clone(), session.digest.clone()),
            v1::RequestKind::Authentication => {
                let payload = acsp_v2::payload(&acsp_v2::Fields {
                    scheme_name: "smart-id-demo",
                    server_random: &transaction.server_random,
                    rp_challenge: &session.rp_challenge,
                    user_challenge: std::str::from_utf8(user_challenge).unwrap(),
                    relying_party_name: &session.relying_party_name,
                    brokered_rp_name: "",
                    interactions: session.interactions.base64(),
                    interaction_type_used: session
                        .interactions
                        .first_supported(InteractionType::ALL)
                        .unwrap(),
                    initial_callback_url: "",
                    flow_type: FlowType::Notification,
                });
                let digest = hash.digest(&[payload.as_bytes()]);
                (payload.into_bytes(), digest)
            }
            v1::RequestKind::CertificateChoice => return Err("malformed"),
        };
        let salt = JointSalt {
            r: transaction.r,
            c: submit.c,
        };
        let message = EncodedMessage::encode(self.profile, scheme, &digest, &salt).unwrap();
        if message.fingerprint() != *fingerprint {
            return Err("dtbs_mismatch");
        }
        Ok((message, payload, scheme))
    }

    fn evaluate(
        &mut self,
        at: usize,
        index: usize,
        submit: &Submit,
        seq: u64,
        now: Timestamp,
    ) -> v1::Verdict {
        let (message, payload, scheme) = self.message(at, index, submit).unwrap();
        let Operation::Sign {
            purpose,
            partial_signature,
            ..
        } = &submit.operation
        else {
            unreachable!()
        };
        self.partial_signatures
            .push(partial_signature.expose_secret().to_vec());
        let id = self.transactions[at].session;
        let key = &mut self.accounts[index].keys[usize::from(*purpose == Purpose::Signature)];
        let partial = partial_signature.check(&key.n1).unwrap();
        let share = key
            .share
            .as_ref()
            .unwrap()
            .apply(&message, &key.n1, &mut self.rng);
        let session = self
            .sessions
            .iter_mut()
            .find(|session| Some(session.id) == id)
            .unwrap();
        let Ok(half) = check_client_half(&message, &partial, &share, &key.n1) else {
            key.failures += 1;
            let lock = match key.failures {
                3 => Some(3 * 3600),
                6 => Some(24 * 3600),
                _ => None,
            };
            key.locked_until = lock.map(|seconds| now + SignedDuration::from_secs(seconds));
            if key.failures.is_multiple_of(3) {
                session.end = Some(End::Failed("DOCUMENT_UNUSABLE"));
            }
            return v1::Verdict::WrongPin {
                seq,
                attempts_left: if key.failures.is_multiple_of(3) {
                    0
                } else {
                    3 - key.failures % 3
                },
                locked_seconds: lock.map(|seconds| seconds.unsigned_abs()),
                r#final: key.failures >= 9,
            };
        };
        key.failures = 0;
        let root = key.half.sign(&message, &mut self.rng).unwrap();
        let signature = complete(half, &root, &key.composite, &message)
            .unwrap()
            .into_bytes();
        session.end = Some(End::Signed {
            payload,
            scheme,
            signature: signature.clone(),
        });
        let mut told = signature;
        if self.lie == Some(Lie::WrongSignature) {
            told[100] ^= 1;
        }
        v1::Verdict::Signed {
            seq,
            signature: told.into(),
        }
    }
}

fn refused(code: &str) -> v1::Verdict {
    v1::Verdict::Refused {
        code: code.to_owned(),
        locked_seconds: None,
    }
}
