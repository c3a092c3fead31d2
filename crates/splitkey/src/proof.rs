//! Proof of possession: the first signature of a key, over its own identity (splitkey.md §2).

use crate::encoding::{EncodedMessage, JointSalt, Scheme};
use crate::hash::Hash;
use crate::profile::{KeyId, Profile, Purpose};

/// What the two halves of a new key sign to prove that they fit together.
///
/// The text begins with `splitkey-pop/v1`, so it can never be taken for the payload of a relying party.
pub struct ProofOfPossession {
    profile: Profile,
    digest: Vec<u8>,
    nonce: [u8; 32],
}

impl ProofOfPossession {
    /// The proof for a key with this composite modulus `n`; `nonce` is the server's.
    pub fn new(
        profile: Profile,
        purpose: Purpose,
        key_id: KeyId,
        nonce: [u8; 32],
        n: &[u8],
    ) -> Self {
        let ids = [profile.id(), purpose.id()];
        let digest = hash(profile).digest(&[b"splitkey-pop/v1", &ids, &key_id.0, &nonce, n]);
        Self {
            profile,
            digest,
            nonce,
        }
    }

    /// PSS with SHA-512, in the test profile with SHA-256.
    pub fn scheme(&self) -> Scheme {
        Scheme::Pss(hash(self.profile))
    }

    /// The digest to verify the finished signature with.
    pub fn digest(&self) -> &[u8] {
        &self.digest
    }

    /// The encoded message; `c` is the phone's nonce.
    pub fn encode(&self, c: [u8; 32]) -> EncodedMessage {
        let salt = JointSalt { r: self.nonce, c };
        EncodedMessage::encode(self.profile, self.scheme(), &self.digest, &salt)
            .expect("the hash fits the modulus of its profile")
    }
}

fn hash(profile: Profile) -> Hash {
    match profile {
        #[cfg(all(any(test, feature = "test-profile"), debug_assertions))]
        Profile::Test1024 => Hash::Sha256,
        Profile::Rsa4096 | Profile::Rsa6144 => Hash::Sha512,
    }
}
