//! Step 2 of splitkey.md §4.2: the partial signature, the next token, and the sealed message that carries both.

use super::{Chosen, offer::scheme};
use crate::{
    Contradiction, Method, Phone, Problem,
    exchange::{Awaiting, Body, Next, Step},
    state::{Account, Pending, PendingSignature, StoredExchange},
};
use splitkey::{
    EncodedMessage, FreshnessToken, JointSalt, KeyRecord, Pin, Profile, TransactionId,
    UncheckedPartialSignature,
    message::{Operation, Submit},
    partial_signature,
    seal::{self, ResponseOpener, SealedRequest, SealingPublicKey},
};
use wire::device_v1::TransactionOffer;

impl Phone {
    /// Opens the share with the PIN and submits the partial signature. What would tell the PIN is gone when this
    /// returns; only ciphertext is kept.
    pub(super) fn sign(&mut self, chosen: Chosen, pin: &Pin, step: &mut Step<'_>) {
        let (Some(account), Some(server)) = (&mut self.state.account, &self.state.server) else {
            return;
        };
        let Some(sealing_key) = server.sealing_key(step.now) else {
            // The day's key ran out while the person was thinking; nothing is sent, so nothing is in doubt.
            self.stale_key = true;
            return self.proceed(Next::Open(chosen.request.session_id), step);
        };
        let Ok(record) = account.record(chosen.request.purpose()) else {
            return step.problem(Problem::Storage);
        };
        let c = step.random();
        let operation = match partially_sign(&chosen, &record, pin, c, step) {
            Ok(operation) => operation,
            Err(problem) => return step.problem(problem),
        };
        let profile = record.context().profile();
        let next = account
            .token()
            .next(account.device(), account.seq + 1, &chosen.r, &c);
        let submit = Submit {
            profile,
            device_id: account.device(),
            transaction_id: chosen.transaction,
            seq: account.seq,
            r: chosen.r,
            token: account.token(),
            next: next.hash(),
            c,
            operation,
        };
        let Some((request, opener)) = seal_submit(submit, &sealing_key, step) else {
            return step.contradiction(Contradiction::ServerKey);
        };
        let signing = PendingSignature {
            request: chosen.request,
            signature_algorithm: chosen.signature_algorithm,
            hash_algorithm: chosen.hash_algorithm,
            digest: chosen.digest.into(),
            return_to: chosen.return_to,
        };
        account.pending = Some(Pending::new(
            chosen.transaction,
            chosen.expires_at,
            StoredExchange::new(&request, &opener),
            &next,
            Some(signing),
        ));
        self.persist(step);
        self.send_pending(Next::Stay, step);
    }

    /// Spends T_i without touching a key.
    pub(super) fn rotate(
        &mut self,
        offer: &TransactionOffer,
        next_step: Next,
        step: &mut Step<'_>,
    ) {
        let (Some(account), Some(server)) = (&mut self.state.account, &self.state.server) else {
            return;
        };
        let Some(sealing_key) = server.sealing_key(step.now) else {
            return step.contradiction(Contradiction::ServerKey);
        };
        let Some(profile) = profile(account) else {
            return step.problem(Problem::Storage);
        };
        let (r, c) = (offer.r.0, step.random());
        let next = account
            .token()
            .next(account.device(), account.seq + 1, &r, &c);
        let submit = maintenance(account, profile, offer, next.hash(), c, Operation::Rotate);
        let Some((request, opener)) = seal_submit(submit, &sealing_key, step) else {
            return step.contradiction(Contradiction::ServerKey);
        };
        account.pending = Some(Pending::new(
            TransactionId(offer.transaction_id.0),
            offer.expires_at,
            StoredExchange::new(&request, &opener),
            &next,
            None,
        ));
        self.persist(step);
        self.send_pending(next_step, step);
    }

    /// Asks what became of the pending submission, with both tokens. Nothing is stored: the sync changes nothing here,
    /// and another one can always be begun.
    pub(super) fn sync(&mut self, offer: &TransactionOffer, next: Next, step: &mut Step<'_>) {
        let (Some(account), Some(server)) = (&self.state.account, &self.state.server) else {
            return;
        };
        let Some(pending) = &account.pending else {
            return;
        };
        let Some(sealing_key) = server.sealing_key(step.now) else {
            return step.contradiction(Contradiction::ServerKey);
        };
        let Some(profile) = profile(account) else {
            return step.problem(Problem::Storage);
        };
        let operation = Operation::Sync {
            pending: pending.transaction(),
        };
        let submit = maintenance(
            account,
            profile,
            offer,
            pending.next_token().hash(),
            step.random(),
            operation,
        );
        let Some((request, opener)) = seal_submit(submit, &sealing_key, step) else {
            return step.contradiction(Contradiction::ServerKey);
        };
        let (path, device) = (
            format!("/transactions/{}", offer.transaction_id),
            account.device(),
        );
        let body = Body::Sealed(request.as_bytes().to_vec());
        self.send(
            step,
            Method::Post,
            &path,
            body,
            Some(device),
            Awaiting::SyncVerdict { opener, next },
        );
    }

    /// Sends the pending submission, for the first time or again, byte for byte the same.
    pub(super) fn send_pending(&mut self, next: Next, step: &mut Step<'_>) {
        let Some(account) = &self.state.account else {
            return;
        };
        let Some(pending) = &account.pending else {
            return;
        };
        let path = format!(
            "/transactions/{}",
            wire::TransactionId(pending.transaction().0)
        );
        let (body, device) = (
            Body::Sealed(pending.exchange.sealed().to_vec()),
            account.device(),
        );
        self.send(
            step,
            Method::Post,
            &path,
            body,
            Some(device),
            Awaiting::Verdict(next),
        );
    }
}

fn partially_sign(
    chosen: &Chosen,
    record: &KeyRecord,
    pin: &Pin,
    c: [u8; 32],
    step: &Step<'_>,
) -> Result<Operation, Problem> {
    let context = record.context();
    let salt = JointSalt { r: chosen.r, c };
    let scheme = scheme(chosen.signature_algorithm, chosen.hash_algorithm);
    let message = EncodedMessage::encode(context.profile(), scheme, &chosen.digest, &salt)
        .map_err(|_| Problem::Contradiction(Contradiction::SigningData))?;
    let share = record
        .unmask(pin, step.keystore)
        .map_err(|_| Problem::Storage)?;
    Ok(Operation::Sign {
        purpose: context.purpose,
        key_id: context.key_id,
        fingerprint: message.fingerprint(),
        partial_signature: UncheckedPartialSignature::from(partial_signature(
            &message,
            &share,
            &context.n1,
        )),
        user_challenge: chosen.user_challenge.clone().into_bytes(),
    })
}

/// A message of operation 2 or 3.
fn maintenance(
    account: &Account,
    profile: Profile,
    offer: &TransactionOffer,
    next: splitkey::TokenHash,
    c: [u8; 32],
    operation: Operation,
) -> Submit {
    let token: FreshnessToken = account.token();
    Submit {
        profile,
        device_id: account.device(),
        transaction_id: TransactionId(offer.transaction_id.0),
        seq: account.seq,
        r: offer.r.0,
        token,
        next,
        c,
        operation,
    }
}

fn profile(account: &Account) -> Option<Profile> {
    let record = account.record(splitkey::Purpose::Authentication).ok()?;
    Some(record.context().profile())
}

/// Signs with the device's key, seals, and wipes the plaintext.
fn seal_submit(
    submit: Submit,
    sealing_key: &SealingPublicKey,
    step: &mut Step<'_>,
) -> Option<(SealedRequest, ResponseOpener)> {
    let signature = step.keystore.sign(&submit.encode());
    let plaintext = submit.encode_signed(&signature);
    SealedRequest::seal(seal::Kind::Submit, sealing_key, &plaintext, step.rng).ok()
}
