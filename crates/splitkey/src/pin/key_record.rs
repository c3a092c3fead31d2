//! `SKC1`: what the phone keeps of a key (splitkey.md §2, §3).

use hkdf::Hkdf;
use rand_core::CryptoRng;
use sha2::Sha512;
use zeroize::Zeroizing;

use super::{DeviceKeys, Kdf, Pin, UnwrapError};
use crate::message::Reader;
use crate::modulus::{ClientModulus, CompositeModulus, ModulusError};
use crate::profile::{KeyId, Profile, Purpose};
use crate::scrub::scrubbed;
use crate::share::ClientShare;
use crate::verification::PublicKey;

/// Which key a share belongs to. Everything here is bound to the masked share.
#[derive(Clone)]
pub struct KeyContext {
    /// What the key is for.
    pub purpose: Purpose,
    /// The server's name of the key.
    pub key_id: KeyId,
    /// The phone's modulus.
    pub n1: ClientModulus,
    /// The public key; its n is a multiple of n1.
    pub public_key: PublicKey,
}

impl KeyContext {
    /// The parameter set.
    pub fn profile(&self) -> Profile {
        self.n1.profile()
    }
}

/// A masked share with its context, encrypted under the device's key: some 1.6 kB at 6144 bits.
///
/// Layout: `"SKC1" ‖ profile ‖ purpose ‖ keyId ‖ n ‖ n1 ‖ kdfId ‖ u32 memory KiB ‖ u32 passes ‖ lanes ‖ salt 16 ‖
/// nonce 12 ‖ AES-256-GCM(K_wrap, aad = all before, d1′ ⊕ KS)`.
pub struct KeyRecord {
    context: KeyContext,
    kdf: Kdf,
    salt: [u8; 16],
    nonce: [u8; 12],
    ciphertext: Vec<u8>,
}

impl KeyRecord {
    /// Masks a share with the PIN and encrypts the result for the device. Takes as long as the KDF.
    ///
    /// # Security
    /// Consumes the share: two records of one share under different PINs would give both PINs in 2·10⁴ trials, so a
    /// change of PIN, KDF or device keys means a new key (splitkey.md §3).
    pub fn mask<R: CryptoRng + ?Sized>(
        share: ClientShare,
        pin: &Pin,
        context: &KeyContext,
        kdf: Kdf,
        keys: &dyn DeviceKeys,
        rng: &mut R,
    ) -> Self {
        let (mut salt, mut nonce) = ([0; 16], [0; 12]);
        rng.fill_bytes(&mut salt);
        rng.fill_bytes(&mut nonce);
        let mut record = Self {
            context: context.clone(),
            kdf,
            salt,
            nonce,
            ciphertext: Vec::new(),
        };
        record.ciphertext = scrubbed(|| {
            let masked = record.xor(share.as_bytes(), pin, keys);
            keys.wrap(&nonce, &record.header(), &masked)
        });
        record
    }

    /// The share that belongs to this PIN: the true one for the right PIN, an equally plausible one for any other.
    /// Takes as long as the KDF.
    ///
    /// # Errors
    /// [`UnwrapError`] if the record was changed or is another device's; independent of the PIN.
    pub fn unmask(&self, pin: &Pin, keys: &dyn DeviceKeys) -> Result<ClientShare, UnwrapError> {
        scrubbed(|| {
            let masked = keys.unwrap(&self.nonce, &self.header(), &self.ciphertext)?;
            if masked.len() != self.context.profile().share_len() {
                return Err(UnwrapError);
            }
            Ok(ClientShare::new(self.xor(&masked, pin, keys)))
        })
    }

    /// Reads a stored record.
    ///
    /// # Errors
    /// [`RecordError`] if it is not one of a profile and KDF of this build.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RecordError> {
        let mut reader = Reader::new(bytes);
        if reader.array::<4>() != Some(*MAGIC) {
            return Err(RecordError::Malformed);
        }
        let profile = reader
            .byte()
            .and_then(Profile::from_id)
            .ok_or(RecordError::Malformed)?;
        let purpose = reader
            .byte()
            .and_then(Purpose::from_id)
            .ok_or(RecordError::Malformed)?;
        let key_id = KeyId(reader.array().ok_or(RecordError::Malformed)?);
        let n = reader.take(profile.n_len()).ok_or(RecordError::Malformed)?;
        let n1 = reader
            .take(profile.n1_len())
            .ok_or(RecordError::Malformed)?;
        let kdf = reader
            .byte()
            .and_then(Kdf::from_id)
            .ok_or(RecordError::UnknownKdf)?;
        let parameters = (|| Some((reader.u32()?, reader.u32()?, reader.byte()?)))()
            .ok_or(RecordError::Malformed)?;
        if parameters != kdf.parameters() {
            return Err(RecordError::UnknownKdf);
        }
        let salt = reader.array().ok_or(RecordError::Malformed)?;
        let nonce = reader.array().ok_or(RecordError::Malformed)?;
        let ciphertext = reader.rest().to_vec();
        if ciphertext.len() != profile.share_len() + TAG_LEN {
            return Err(RecordError::Malformed);
        }
        let public_key = CompositeModulus::check(profile, n, n1).map_err(RecordError::Modulus)?;
        let n1 = ClientModulus::from_stored(profile, n1).map_err(RecordError::Modulus)?;
        Ok(Self {
            context: KeyContext {
                purpose,
                key_id,
                n1,
                public_key,
            },
            kdf,
            salt,
            nonce,
            ciphertext,
        })
    }

    /// The record as it is stored.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.header();
        bytes.extend_from_slice(&self.ciphertext);
        bytes
    }

    /// Which key this is.
    pub fn context(&self) -> &KeyContext {
        &self.context
    }

    /// `bytes` ⊕ KS.
    fn xor(&self, bytes: &[u8], pin: &Pin, keys: &dyn DeviceKeys) -> Zeroizing<Vec<u8>> {
        let mut out = keystream(&self.context, self.kdf, pin, &self.salt, keys);
        for (byte, other) in out.iter_mut().zip(bytes) {
            *byte ^= other;
        }
        out
    }

    fn header(&self) -> Vec<u8> {
        let context = &self.context;
        let (memory_kib, passes, lanes) = self.kdf.parameters();
        [
            &MAGIC[..],
            &[context.profile().id(), context.purpose.id()],
            &context.key_id.0,
            context.public_key.modulus(),
            context.n1.as_bytes(),
            &[self.kdf.id()],
            &memory_kib.to_be_bytes(),
            &passes.to_be_bytes(),
            &[lanes],
            &self.salt,
            &self.nonce,
        ]
        .concat()
    }
}

/// KS of splitkey.md §3, as long as d1′.
pub(crate) fn keystream(
    context: &KeyContext,
    kdf: Kdf,
    pin: &Pin,
    salt: &[u8; 16],
    keys: &dyn DeviceKeys,
) -> Zeroizing<Vec<u8>> {
    let ids = [
        &[context.profile().id(), context.purpose.id()][..],
        &context.key_id.0,
    ]
    .concat();
    let a = kdf.derive(pin, salt);
    let message = Zeroizing::new([b"splitkey/pin/v1", ids.as_slice(), a.as_ref()].concat());
    let b = keys.hmac(&message);
    let salt = [&context.key_id.0[..], &[context.purpose.id()]].concat();
    let ikm = Zeroizing::new([a.as_ref(), b.as_ref()].concat());
    let mut keystream = Zeroizing::new(vec![0; context.profile().share_len()]);
    Hkdf::<Sha512>::new(Some(&salt), &ikm)
        .expand_multi_info(&[b"splitkey/mask/v1", &ids], &mut keystream)
        .expect("at most 400 bytes");
    keystream
}

/// Why stored bytes are not a key record; our storage is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Not an `SKC1` record of a profile of this build.
    #[error("not a key record")]
    Malformed,
    /// Masked with a KDF or with parameters that this build does not have.
    #[error("the key record uses an unknown key derivation")]
    UnknownKdf,
    /// n and n1 do not belong together.
    #[error("the moduli of the key record do not fit")]
    Modulus(#[source] ModulusError),
}

const MAGIC: &[u8; 4] = b"SKC1";

/// Of AES-GCM, in bytes.
const TAG_LEN: usize = 16;
