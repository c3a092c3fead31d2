//! The PIN protection of splitkey.md §3, written again from its text, as a thief would.

use argon2::{Algorithm, Argon2, Params, Version};
use hkdf::Hkdf;
use sha2::Sha512;
use splitkey::{DeviceKeys, Profile, SoftwareDeviceKeys};
use std::thread;

/// A stolen `SKC1`, opened with the stolen keystore: all but the PIN.
#[derive(Clone)]
pub(crate) struct Record {
    pub(crate) profile: Profile,
    pub(crate) purpose: u8,
    pub(crate) key_id: [u8; 16],
    pub(crate) n: Vec<u8>,
    pub(crate) n1: Vec<u8>,
    argon2: [u32; 3],
    salt: [u8; 16],
    masked: Vec<u8>,
}

impl Record {
    /// The record at the beginning of `bytes`, if there is one and the keystore opens it.
    pub(crate) fn read(bytes: &[u8], keystore: &[u8; 32]) -> Option<Self> {
        let profile = Profile::from_id(*bytes.strip_prefix(b"SKC1")?.first()?)?;
        let header = 22 + profile.n_len() + profile.n1_len() + 10 + 16 + 12;
        let whole = header + profile.share_len() + 16;
        let (header, ciphertext) = bytes.get(..whole)?.split_at(header);
        let at = |from: usize, len: usize| &header[from..from + len];
        let (n_at, n1_at) = (22, 22 + profile.n_len());
        let kdf_at = n1_at + profile.n1_len();
        let nonce = at(header.len() - 12, 12).try_into().unwrap();
        let keys = SoftwareDeviceKeys::from_secret(keystore);
        let masked = keys.unwrap(&nonce, header, ciphertext).ok()?;
        let number = |from| u32::from_be_bytes(at(from, 4).try_into().unwrap());
        Some(Self {
            profile,
            purpose: header[5],
            key_id: at(6, 16).try_into().unwrap(),
            n: at(n_at, profile.n_len()).to_vec(),
            n1: at(n1_at, profile.n1_len()).to_vec(),
            argon2: [
                number(kdf_at + 1),
                number(kdf_at + 5),
                header[kdf_at + 9].into(),
            ],
            salt: at(kdf_at + 10, 16).try_into().unwrap(),
            masked: masked.to_vec(),
        })
    }

    /// What d1′ would be if this were the PIN.
    pub(crate) fn candidate(&self, pin: &str, keys: &SoftwareDeviceKeys) -> Vec<u8> {
        let [memory, passes, lanes] = self.argon2;
        let parameters = Params::new(memory, passes, lanes, Some(32)).unwrap();
        let mut a = [0; 32];
        Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters)
            .hash_password_into(pin.as_bytes(), &self.salt, &mut a)
            .unwrap();
        let ids = [&[self.profile.id(), self.purpose][..], &self.key_id].concat();
        let b = keys.hmac(&[b"splitkey/pin/v1", &ids[..], &a].concat());
        let salt = [&self.key_id[..], &[self.purpose]].concat();
        let mut share = vec![0; self.profile.share_len()];
        Hkdf::<Sha512>::new(Some(&salt), &[a, *b].concat())
            .expand_multi_info(&[b"splitkey/mask/v1", &ids], &mut share)
            .unwrap();
        share
            .iter_mut()
            .zip(&self.masked)
            .for_each(|(byte, masked)| *byte ^= masked);
        share
    }

    /// The same for many PINs, on all cores.
    pub(crate) fn candidates(&self, pins: &[String], keystore: &[u8; 32]) -> Vec<Vec<u8>> {
        in_parallel(pins, |pin| {
            self.candidate(pin, &SoftwareDeviceKeys::from_secret(keystore))
        })
    }

    /// Whether this is the same masking: then it tells nothing that the other does not.
    pub(crate) fn is_same_masking(&self, other: &Self) -> bool {
        self.salt == other.salt && self.masked == other.masked
    }

    /// The record with another masked share, as a careless phone would have made it.
    pub(crate) fn with_share(
        &self,
        share: &[u8],
        pin: &str,
        salt: [u8; 16],
        keystore: &[u8; 32],
    ) -> Self {
        let keystream = Self {
            salt,
            masked: vec![0; share.len()],
            ..self.clone()
        };
        let keystream = keystream.candidate(pin, &SoftwareDeviceKeys::from_secret(keystore));
        let masked = keystream.iter().zip(share).map(|(a, b)| a ^ b).collect();
        Self {
            salt,
            masked,
            ..self.clone()
        }
    }

    /// `SKC1`, encrypted again.
    pub(crate) fn to_bytes(&self, keystore: &[u8; 32]) -> Vec<u8> {
        let [memory, passes, lanes] = self.argon2;
        let header = [
            b"SKC1",
            &[self.profile.id(), self.purpose][..],
            &self.key_id,
            &self.n,
            &self.n1,
            &[255],
            &memory.to_be_bytes(),
            &passes.to_be_bytes(),
            &[u8::try_from(lanes).unwrap()],
            &self.salt,
            &[0; 12],
        ]
        .concat();
        let sealed =
            SoftwareDeviceKeys::from_secret(keystore).wrap(&[0; 12], &header, &self.masked);
        [header, sealed].concat()
    }
}

/// Maps a list on all cores, in order.
pub(crate) fn in_parallel<T: Sync, R: Send>(items: &[T], map: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let parts = items.chunks(items.len().div_ceil(threads).max(1));
    thread::scope(|scope| {
        let workers: Vec<_> = parts
            .map(|part| scope.spawn(|| part.iter().map(&map).collect::<Vec<_>>()))
            .collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap())
            .collect()
    })
}
