//! What the phone keeps, and how: one versioned record, encrypted under the device's keys.
//!
//! Layout: `"SIDP" ‖ version ‖ nonce 12 ‖ AES-256-GCM(K_wrap, aad = magic ‖ version, JSON)`.
//!
//! # Security
//! Never in it, encrypted or not: a PIN or anything derived from one, an unmasked share d1′, a partial signature s1′, a
//! server share d1″, the plaintext of a sealed message (splitkey.md §3). The tokens and the keys that open pending
//! answers are in it. A shell must keep it out of backups.

use crate::{Keystore, server::TrustedServer};
use base64ct::{Base64, Encoding};
use jiff::Timestamp;
use rand_core::CryptoRng;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use splitkey::{
    DeviceId, FreshnessToken, KeyRecord, Purpose, TransactionId,
    seal::{ResponseOpener, SealedRequest},
};
use std::{fmt, io};
use wire::{
    Bytes, ControlCode, DocumentNumber, FixedBytes, RegistrationCode, RegistrationId, SessionId,
    device_v1,
};
use zeroize::Zeroizing;

/// Everything durable.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct State {
    /// The deployment, trusted since the first contact.
    pub(crate) server: Option<TrustedServer>,
    /// A registration whose server shares were handed over.
    pub(crate) enrolment: Option<Enrolment>,
    pub(crate) account: Option<Account>,
    /// An account that the server closed; its keys and tokens are gone.
    pub(crate) closed: Option<ClosedAccount>,
}

/// A registration between R3a and R4.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Enrolment {
    device: wire::DeviceId,
    pub(crate) registration: RegistrationId,
    pub(crate) code: RegistrationCode,
    pub(crate) control_code: ControlCode,
    pub(crate) expires_at: Timestamp,
    pub(crate) token: StoredSecret,
    /// Authentication, signature.
    pub(crate) keys: [EnrolledKey; 2],
    /// Once somebody has vouched.
    pub(crate) person: Option<device_v1::RegisteredPerson>,
    /// R3b, once it was made.
    pub(crate) proofs: Option<StoredExchange>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EnrolledKey {
    /// `SKC1`.
    record: Bytes,
    /// For the proof of possession.
    pub(crate) nonce: FixedBytes<32>,
}

/// An account in use.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Account {
    device: wire::DeviceId,
    /// T_i.
    token: StoredSecret,
    /// i.
    pub(crate) seq: u64,
    pub(crate) document_number: DocumentNumber,
    pub(crate) given_name: String,
    pub(crate) surname: String,
    pub(crate) expires_at: Timestamp,
    /// Authentication, signature.
    pub(crate) keys: [AccountKey; 2],
    pub(crate) issuing_ca: Bytes,
    /// A submission whose verdict is not known.
    pub(crate) pending: Option<Pending>,
    /// A refusal that the server has not taken yet. The request is not shown again.
    pub(crate) refusal: Option<UnsentRefusal>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccountKey {
    /// `SKC1`.
    record: Bytes,
    pub(crate) certificate: Bytes,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClosedAccount {
    pub(crate) document_number: DocumentNumber,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UnsentRefusal {
    pub(crate) session: SessionId,
    pub(crate) refusal: device_v1::Refusal,
    /// Where to return to once it is taken.
    #[serde(default)]
    pub(crate) return_to: Option<String>,
}

/// A submission on its way: ciphertext, transaction, T_{i+1}, the key to its answer, and what a verdict is checked
/// against. Deleted with promotion (splitkey.md §3).
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pending {
    transaction: wire::TransactionId,
    pub(crate) expires_at: Timestamp,
    pub(crate) exchange: StoredExchange,
    next_token: StoredSecret,
    /// Absent for a rotation.
    pub(crate) signing: Option<PendingSignature>,
}

/// What was confirmed and will be signed.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PendingSignature {
    pub(crate) request: crate::RequestView,
    pub(crate) signature_algorithm: wire::SignatureAlgorithm,
    pub(crate) hash_algorithm: wire::HashAlgorithm,
    pub(crate) digest: Bytes,
    /// Where to return to once it is settled.
    #[serde(default)]
    pub(crate) return_to: Option<String>,
}

/// A sealed request and the key that opens its answer, which opens nothing of the request.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredExchange {
    sealed: Bytes,
    response_key: StoredSecret,
}

impl Enrolment {
    pub(crate) fn new(
        device: DeviceId,
        registration: RegistrationId,
        code: RegistrationCode,
        control_code: ControlCode,
        expires_at: Timestamp,
        token: &FreshnessToken,
        keys: [EnrolledKey; 2],
    ) -> Self {
        Self {
            device: wire::DeviceId(device.0),
            registration,
            code,
            control_code,
            expires_at,
            token: StoredSecret::of(token.expose_secret()),
            keys,
            person: None,
            proofs: None,
        }
    }

    pub(crate) fn device(&self) -> DeviceId {
        DeviceId(self.device.0)
    }

    /// The account that the registration led to.
    pub(crate) fn into_account(
        self,
        completed: &device_v1::RegistrationCompleted,
        person: &device_v1::RegisteredPerson,
        certificates: [Bytes; 2],
    ) -> Account {
        let [authentication, signature] = self.keys;
        let [authentication_certificate, signature_certificate] = certificates;
        Account {
            device: self.device,
            token: self.token,
            seq: 0,
            document_number: completed.document_number.clone(),
            given_name: person.given_name.clone(),
            surname: person.surname.clone(),
            expires_at: completed.expires_at,
            keys: [
                AccountKey {
                    record: authentication.record,
                    certificate: authentication_certificate,
                },
                AccountKey {
                    record: signature.record,
                    certificate: signature_certificate,
                },
            ],
            issuing_ca: completed.issuing_ca.clone(),
            pending: None,
            refusal: None,
        }
    }
}

impl EnrolledKey {
    pub(crate) fn new(record: &KeyRecord, nonce: [u8; 32]) -> Self {
        Self {
            record: record.to_bytes().into(),
            nonce: nonce.into(),
        }
    }

    pub(crate) fn record(&self) -> Result<KeyRecord, RestoreError> {
        KeyRecord::from_bytes(self.record.as_ref()).map_err(|_| RestoreError::Damaged)
    }
}

impl Account {
    pub(crate) fn device(&self) -> DeviceId {
        DeviceId(self.device.0)
    }

    /// T_i.
    pub(crate) fn token(&self) -> FreshnessToken {
        FreshnessToken::from_bytes(*self.token.0)
    }

    /// The chain moved on: T_{i+1} takes the place of T_i and the submission is forgotten.
    ///
    /// Returns what was being signed.
    pub(crate) fn promote(&mut self) -> Option<PendingSignature> {
        let pending = self.pending.take()?;
        self.token = pending.next_token;
        self.seq += 1;
        pending.signing
    }

    pub(crate) fn record(&self, purpose: Purpose) -> Result<KeyRecord, RestoreError> {
        KeyRecord::from_bytes(self.key(purpose).record.as_ref()).map_err(|_| RestoreError::Damaged)
    }

    pub(crate) fn key(&self, purpose: Purpose) -> &AccountKey {
        let [authentication, signature] = &self.keys;
        match purpose {
            Purpose::Authentication => authentication,
            Purpose::Signature => signature,
        }
    }
}

impl Pending {
    pub(crate) fn new(
        transaction: TransactionId,
        expires_at: Timestamp,
        exchange: StoredExchange,
        next_token: &FreshnessToken,
        signing: Option<PendingSignature>,
    ) -> Self {
        Self {
            transaction: wire::TransactionId(transaction.0),
            expires_at,
            exchange,
            next_token: StoredSecret::of(next_token.expose_secret()),
            signing,
        }
    }

    pub(crate) fn transaction(&self) -> TransactionId {
        TransactionId(self.transaction.0)
    }

    /// T_{i+1}.
    pub(crate) fn next_token(&self) -> FreshnessToken {
        FreshnessToken::from_bytes(*self.next_token.0)
    }
}

impl StoredExchange {
    pub(crate) fn new(request: &SealedRequest, opener: &ResponseOpener) -> Self {
        Self {
            sealed: request.as_bytes().to_vec().into(),
            response_key: StoredSecret::of(opener.expose_secret()),
        }
    }

    /// The ciphertext, byte for byte as sent the first time.
    pub(crate) fn sealed(&self) -> &[u8] {
        self.sealed.as_ref()
    }

    /// Opens an answer; nothing if it answers something else.
    pub(crate) fn open(&self, answer: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let request = SealedRequest::from_bytes(self.sealed.0.clone());
        ResponseOpener::from_secret(*self.response_key.0, &request)
            .ok()?
            .open(answer)
            .ok()
    }
}

impl State {
    /// The stored form.
    pub(crate) fn seal(&self, keystore: &dyn Keystore, rng: &mut dyn CryptoRng) -> Vec<u8> {
        let mut measure = Measure(0);
        serde_json::to_writer(&mut measure, self).expect("only texts, numbers and lists");
        // With its final capacity, the buffer is never moved and left behind.
        let mut json = Zeroizing::new(Vec::with_capacity(measure.0));
        serde_json::to_writer(&mut *json, self).expect("only texts, numbers and lists");
        let mut nonce = [0; 12];
        rng.fill_bytes(&mut nonce);
        let ciphertext = keystore.wrap(&nonce, HEADER, &json);
        [HEADER, &nonce, &ciphertext].concat()
    }

    /// The state from its stored form.
    pub(crate) fn open(bytes: &[u8], keystore: &dyn Keystore) -> Result<Self, RestoreError> {
        let rest = match bytes.split_first_chunk::<5>() {
            Some((header, rest)) if header == HEADER => rest,
            Some((header, _)) if header.starts_with(MAGIC) => return Err(RestoreError::Version),
            _ => return Err(RestoreError::NotAState),
        };
        let (nonce, ciphertext) = rest
            .split_first_chunk::<12>()
            .ok_or(RestoreError::NotAState)?;
        let json = keystore
            .unwrap(nonce, HEADER, ciphertext)
            .map_err(|_| RestoreError::OtherDevice)?;
        serde_json::from_slice(&json).map_err(|_| RestoreError::Damaged)
    }
}

const MAGIC: &[u8] = b"SIDP";
/// Magic and version.
const HEADER: &[u8] = b"SIDP\x01";

/// Why stored bytes are not the state of this phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// Something else, or cut off.
    #[error("this is not the state of a phone")]
    NotAState,
    /// Written by a newer software.
    #[error("the phone's state was written by a newer version of this software")]
    Version,
    /// The keystore's keys are others, or the bytes were changed.
    #[error("the phone's state was changed, or belongs to another keystore")]
    OtherDevice,
    /// It opens, and makes no sense.
    #[error("the phone's state is damaged")]
    Damaged,
}

/// 32 secret bytes. Of all secret types only this one serialises, and only into [`State::seal`].
pub(crate) struct StoredSecret(Zeroizing<[u8; 32]>);

impl StoredSecret {
    pub(crate) fn of(secret: &[u8; 32]) -> Self {
        Self(Zeroizing::new(*secret))
    }
}

impl Serialize for StoredSecret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = Zeroizing::new([0; 44]);
        let text = Base64::encode(self.0.as_ref(), text.as_mut()).expect("44 characters");
        serializer.serialize_str(text)
    }
}

impl<'de> Deserialize<'de> for StoredSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = StoredSecret;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("32 bytes in base64")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<StoredSecret, E> {
                let mut secret = Zeroizing::new([0; 32]);
                match Base64::decode(text, secret.as_mut()) {
                    Ok(bytes) if bytes.len() == 32 => Ok(StoredSecret(secret)),
                    _ => Err(E::custom("not 32 bytes in base64")),
                }
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// Counts what is written to it.
struct Measure(usize);

impl io::Write for Measure {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SoftwareKeystore, tests::rng};

    #[test]
    fn a_state_opens_with_its_own_keystore_only() {
        let [mine, other] = [1, 2].map(|byte| SoftwareKeystore::from_secret(&[byte; 32]));
        let bytes = State::default().seal(&mine, &mut rng(1));
        assert!(State::open(&bytes, &mine).is_ok());
        assert_eq!(
            State::open(&bytes, &other).err(),
            Some(RestoreError::OtherDevice)
        );
    }

    #[test]
    fn any_changed_byte_is_noticed() {
        let keystore = SoftwareKeystore::from_secret(&[1; 32]);
        let bytes = State::default().seal(&keystore, &mut rng(1));
        for place in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 1;
            assert!(State::open(&changed, &keystore).is_err(), "byte {place}");
        }
        for length in 0..bytes.len() {
            assert!(
                State::open(&bytes[..length], &keystore).is_err(),
                "cut to {length}"
            );
        }
        let mut newer = bytes;
        newer[4] = 2;
        assert_eq!(
            State::open(&newer, &keystore).err(),
            Some(RestoreError::Version)
        );
    }

    #[test]
    fn secrets_survive_the_way_through_json() {
        let json = serde_json::to_string(&StoredSecret::of(&[0xab; 32])).unwrap();
        let secret: StoredSecret = serde_json::from_str(&json).unwrap();
        assert_eq!(*secret.0, [0xab; 32]);
        for wrong in ["\"\"", "\"q6s=\"", "5", "\"not base64\""] {
            assert!(
                serde_json::from_str::<StoredSecret>(wrong).is_err(),
                "{wrong}"
            );
        }
    }
}
