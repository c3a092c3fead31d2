//! The freshness token: one chain per device, by which a copy of the phone betrays itself (splitkey.md §4.3).

use hmac::{Hmac, KeyInit, Mac};
use rand_core::CryptoRng;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::hash::sha256;
use crate::profile::DeviceId;

/// A secret link T_i of the chain.
pub struct FreshnessToken(Zeroizing<[u8; 32]>);

impl FreshnessToken {
    /// The first token T_0, random.
    pub fn generate<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        let mut token = Zeroizing::new([0; 32]);
        rng.fill_bytes(token.as_mut());
        Self(token)
    }

    /// A token from the phone's storage.
    pub fn from_bytes(token: [u8; 32]) -> Self {
        Self(Zeroizing::new(token))
    }

    /// The token after this one.
    ///
    /// `seq` is the number of the new token. The server's nonce `r` makes two copies of a phone diverge even if their
    /// random generators are copies, too; `c` is the phone's own.
    pub fn next(&self, device: DeviceId, seq: u64, r: &[u8; 32], c: &[u8; 32]) -> Self {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.as_ref()).expect("any length will do");
        for part in [
            &b"splitkey/token/v1"[..],
            &device.0,
            &seq.to_be_bytes(),
            r,
            c,
        ] {
            mac.update(part);
        }
        Self(Zeroizing::new(mac.finalize().into_bytes().into()))
    }

    /// What the server keeps instead of the token.
    pub fn hash(&self) -> TokenHash {
        TokenHash(sha256(&[b"splitkey/token-hash/v1", self.0.as_ref()]))
    }

    /// The secret bytes, for the phone's encrypted storage and for the sealed message.
    pub fn expose_secret(&self) -> &[u8; 32] {
        &self.0
    }
}

/// h(T): the server's view of a token. Compared in constant time.
#[derive(Debug, Clone, Copy)]
pub struct TokenHash(pub [u8; 32]);

impl PartialEq for TokenHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for TokenHash {}
