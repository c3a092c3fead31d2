//! `SKS1`: the phone's one message of a transaction (splitkey.md §4.2 step 2).

use zeroize::Zeroizing;

use super::{MessageError, Reader, VERSION};
use crate::profile::{DeviceId, KeyId, Profile, Purpose, TransactionId};
use crate::share::UncheckedPartialSignature;
use crate::token::{FreshnessToken, TokenHash};

/// A request to sign, to rotate the freshness token or to sync after a doubt.
pub struct Submit {
    /// The parameter set of the account.
    pub profile: Profile,
    /// The phone.
    pub device_id: DeviceId,
    /// The transaction begun for this request.
    pub transaction_id: TransactionId,
    /// The number of the token T_i.
    pub seq: u64,
    /// The server's nonce of the transaction.
    pub r: [u8; 32],
    /// T_i, spent by this request.
    pub token: FreshnessToken,
    /// h(T_{i+1}).
    pub next: TokenHash,
    /// The phone's nonce.
    pub c: [u8; 32],
    /// What is asked for.
    pub operation: Operation,
}

/// What a [`Submit`] asks for. The server must compare it with the transaction it began.
pub enum Operation {
    /// Evaluate the phone's part of a signature. Counts as an attempt.
    Sign {
        /// What the key is for.
        purpose: Purpose,
        /// The key.
        key_id: KeyId,
        /// SHA-256(EM) of what the phone signed.
        fingerprint: [u8; 32],
        /// s1′.
        partial_signature: UncheckedPartialSignature,
        /// The challenge of the app in the `ACSP_V2` payload; empty for raw digests.
        user_challenge: Vec<u8>,
    },
    /// Only spend the token, to find copies of the phone. No key is touched.
    Rotate,
    /// Find out what became of an unanswered transaction. No key is touched.
    Sync {
        /// The transaction in doubt.
        pending: TransactionId,
    },
}

impl Operation {
    /// 1, 2 or 3 in the message.
    pub fn id(&self) -> u8 {
        match self {
            Self::Sign { .. } => 1,
            Self::Rotate => 2,
            Self::Sync { .. } => 3,
        }
    }
}

impl Submit {
    /// Everything the device key signs: all but the signature itself.
    ///
    /// # Security
    /// A hash of this singles out the PIN, given a dump of the phone: never store or log one (splitkey.md §3).
    ///
    /// # Panics
    /// If `user_challenge` is longer than 65535 bytes, or `partial_signature` is not as long as n1.
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let zeros = Zeroizing::new(vec![0; self.profile.n1_len()]);
        let (purpose, key_id, fingerprint, power, trailer) = match &self.operation {
            Operation::Sign {
                purpose,
                key_id,
                fingerprint,
                partial_signature,
                user_challenge,
            } => (
                purpose.id(),
                key_id.0,
                *fingerprint,
                partial_signature.expose_secret(),
                user_challenge.as_slice(),
            ),
            Operation::Rotate => (0, [0; 16], [0; 32], zeros.as_slice(), &[][..]),
            Operation::Sync { pending } => (0, [0; 16], [0; 32], zeros.as_slice(), &pending.0[..]),
        };
        assert_eq!(power.len(), zeros.len(), "s1′ is as long as n1");
        let trailer_len =
            u16::try_from(trailer.len()).expect("the user challenge is a few dozen bytes");
        let parts: [&[u8]; 14] = [
            MAGIC,
            &[VERSION, self.operation.id(), self.profile.id(), purpose],
            &self.device_id.0,
            &key_id,
            &self.transaction_id.0,
            &self.seq.to_be_bytes(),
            &self.r,
            self.token.expose_secret(),
            &self.next.0,
            &self.c,
            &fingerprint,
            power,
            &trailer_len.to_be_bytes(),
            trailer,
        ];
        // With its final capacity, the buffer is never moved and left behind.
        let mut message = Zeroizing::new(Vec::with_capacity(
            parts.iter().map(|part| part.len()).sum::<usize>() + 64,
        ));
        parts
            .iter()
            .for_each(|part| message.extend_from_slice(part));
        message
    }

    /// The message with the device's ECDSA signature r ‖ s over [`encode`](Self::encode), ready for sealing.
    pub fn encode_signed(&self, signature: &[u8; 64]) -> Zeroizing<Vec<u8>> {
        let mut message = self.encode();
        message.extend_from_slice(signature);
        message
    }

    /// Reads a message; the signature in it is still to be verified.
    ///
    /// # Errors
    /// [`MessageError`] unless the bytes are exactly one such message.
    pub fn decode(bytes: &[u8]) -> Result<SignedSubmit, MessageError> {
        let mut reader = Reader::new(bytes);
        if reader.array::<4>() != Some(*MAGIC) || reader.byte() != Some(VERSION) {
            return Err(MessageError::Kind);
        }
        let operation = reader.byte().ok_or(MessageError::Malformed)?;
        let profile = reader
            .byte()
            .and_then(Profile::from_id)
            .ok_or(MessageError::Profile)?;
        let submit =
            Self::decode_fields(operation, profile, &mut reader).ok_or(MessageError::Malformed)?;
        let signature = reader
            .array()
            .filter(|_| reader.is_empty())
            .ok_or(MessageError::Malformed)?;
        let signed = Zeroizing::new(
            bytes
                .strip_suffix(&signature)
                .ok_or(MessageError::Malformed)?
                .to_vec(),
        );
        Ok(SignedSubmit {
            submit,
            signed,
            signature,
        })
    }

    fn decode_fields(operation: u8, profile: Profile, reader: &mut Reader<'_>) -> Option<Self> {
        let purpose = reader.byte()?;
        let device_id = DeviceId(reader.array()?);
        let key_id = KeyId(reader.array()?);
        let transaction_id = TransactionId(reader.array()?);
        let seq = reader.u64()?;
        let r = reader.array()?;
        let token = FreshnessToken::from_bytes(reader.array()?);
        let next = TokenHash(reader.array()?);
        let c = reader.array()?;
        let fingerprint: [u8; 32] = reader.array()?;
        let power = Zeroizing::new(reader.take(profile.n1_len())?.to_vec());
        let trailer_len = reader.u16()?;
        let trailer = reader.take(trailer_len.into())?;
        // Operations 2 and 3 touch no key; their fields about one must be zero, so that there is one encoding only.
        let no_key = purpose == 0
            && key_id.0 == [0; 16]
            && fingerprint == [0; 32]
            && power.iter().all(|byte| *byte == 0);
        let operation = match operation {
            1 => Operation::Sign {
                purpose: Purpose::from_id(purpose)?,
                key_id,
                fingerprint,
                partial_signature: UncheckedPartialSignature::new(power),
                user_challenge: trailer.to_vec(),
            },
            2 if no_key && trailer.is_empty() => Operation::Rotate,
            3 if no_key => Operation::Sync {
                pending: TransactionId(trailer.try_into().ok()?),
            },
            _ => return None,
        };
        Some(Self {
            profile,
            device_id,
            transaction_id,
            seq,
            r,
            token,
            next,
            c,
            operation,
        })
    }
}

/// A decoded [`Submit`] with what is needed to verify the device's signature.
pub struct SignedSubmit {
    /// The message. Not to be acted upon before the signature is verified.
    pub submit: Submit,
    /// The bytes that the device signed.
    pub signed: Zeroizing<Vec<u8>>,
    /// ECDSA over P-256 with SHA-256, r ‖ s.
    pub signature: [u8; 64],
}

const MAGIC: &[u8; 4] = b"SKS1";
