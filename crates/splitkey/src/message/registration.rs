//! `SKR3` and `SKRP`: the two sealed messages of a registration, R3a and R3b of splitkey.md §2.

use zeroize::Zeroizing;

use super::{MessageError, Reader, VERSION};
use crate::profile::{KeyId, Profile};
use crate::share::{ServerShare, UncheckedPartialSignature, UncheckedServerShare};

/// R3a: the server's shares of the new keys, sent as soon as they exist.
///
/// Layout: `"SKR3" ‖ 01 ‖ profile ‖ count ‖ count × (keyId 16 ‖ d1″)`.
pub struct ServerShares {
    /// The parameter set.
    pub profile: Profile,
    /// One per key.
    pub shares: Vec<KeyServerShare>,
}

/// d1″ of one key.
pub struct KeyServerShare {
    /// The key.
    pub key_id: KeyId,
    /// d1″, to be checked against n1.
    pub share: UncheckedServerShare,
}

impl ServerShares {
    /// The message, ready for sealing.
    ///
    /// # Panics
    /// If a share is not of this profile.
    pub fn encode(profile: Profile, shares: &[(KeyId, &ServerShare)]) -> Zeroizing<Vec<u8>> {
        let mut message = start(SHARES, profile, shares.len(), 16 + profile.n1_len());
        for (key_id, share) in shares {
            assert_eq!(
                share.expose_secret().len(),
                profile.n1_len(),
                "d1″ is as long as n1"
            );
            message.extend_from_slice(&key_id.0);
            message.extend_from_slice(share.expose_secret());
        }
        message
    }

    /// Reads a message.
    ///
    /// # Errors
    /// [`MessageError`] unless the bytes are exactly one such message with each key once.
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        let (profile, shares) = entries(SHARES, bytes, |reader, profile| {
            let key_id = KeyId(reader.array()?);
            let share =
                UncheckedServerShare::new(Zeroizing::new(reader.take(profile.n1_len())?.to_vec()));
            Some((key_id, KeyServerShare { key_id, share }))
        })?;
        Ok(Self { profile, shares })
    }
}

/// R3b: the phone's parts of the proofs of possession.
///
/// Layout: `"SKRP" ‖ 01 ‖ profile ‖ count ‖ count × (keyId 16 ‖ c 32 ‖ s1′)`.
pub struct Proofs {
    /// The parameter set.
    pub profile: Profile,
    /// One per key.
    pub proofs: Vec<KeyProof>,
}

/// The phone's part of one proof of possession.
pub struct KeyProof {
    /// The key.
    pub key_id: KeyId,
    /// The phone's nonce for the salt.
    pub c: [u8; 32],
    /// s1′ over the encoding of the proof.
    pub partial_signature: UncheckedPartialSignature,
}

impl Proofs {
    /// The message, ready for sealing.
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut message = start(
            PROOFS,
            self.profile,
            self.proofs.len(),
            48 + self.profile.n1_len(),
        );
        for proof in &self.proofs {
            let power = proof.partial_signature.expose_secret();
            assert_eq!(power.len(), self.profile.n1_len(), "s1′ is as long as n1");
            message.extend_from_slice(&proof.key_id.0);
            message.extend_from_slice(&proof.c);
            message.extend_from_slice(power);
        }
        message
    }

    /// Reads a message.
    ///
    /// # Errors
    /// [`MessageError`] unless the bytes are exactly one such message with each key once.
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        let (profile, proofs) = entries(PROOFS, bytes, |reader, profile| {
            let key_id = KeyId(reader.array()?);
            let c = reader.array()?;
            let power = Zeroizing::new(reader.take(profile.n1_len())?.to_vec());
            Some((
                key_id,
                KeyProof {
                    key_id,
                    c,
                    partial_signature: UncheckedPartialSignature::new(power),
                },
            ))
        })?;
        Ok(Self { profile, proofs })
    }
}

/// The head of a message in a buffer that will not have to grow and leave secrets behind.
fn start(magic: &[u8; 4], profile: Profile, count: usize, entry_len: usize) -> Zeroizing<Vec<u8>> {
    let mut message = Zeroizing::new(Vec::with_capacity(7 + count * entry_len));
    message.extend_from_slice(magic);
    message.extend_from_slice(&[
        VERSION,
        profile.id(),
        u8::try_from(count).expect("one or two keys"),
    ]);
    message
}

fn entries<T>(
    magic: &[u8; 4],
    bytes: &[u8],
    read: impl Fn(&mut Reader<'_>, Profile) -> Option<(KeyId, T)>,
) -> Result<(Profile, Vec<T>), MessageError> {
    let mut reader = Reader::new(bytes);
    if reader.array::<4>() != Some(*magic) || reader.byte() != Some(VERSION) {
        return Err(MessageError::Kind);
    }
    let profile = reader
        .byte()
        .and_then(Profile::from_id)
        .ok_or(MessageError::Profile)?;
    let count = reader.byte().ok_or(MessageError::Malformed)?;
    let (mut seen, mut entries) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let (key_id, entry) = read(&mut reader, profile).ok_or(MessageError::Malformed)?;
        if seen.contains(&key_id) {
            return Err(MessageError::Malformed);
        }
        seen.push(key_id);
        entries.push(entry);
    }
    if count == 0 || !reader.is_empty() {
        return Err(MessageError::Malformed);
    }
    Ok((profile, entries))
}

const SHARES: &[u8; 4] = b"SKR3";
const PROOFS: &[u8; 4] = b"SKRP";
