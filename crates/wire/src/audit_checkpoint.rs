//! What the deployment's root key says about the audit trail: how far it went at a moment, and its hash.
//!
//! The signed form is text, so that a stranger verifies it with `openssl dgst` and reads it without a tool of ours.

use crate::FixedBytes;
use jiff::Timestamp;
use p256::{
    ecdsa::{
        Signature, SigningKey, VerifyingKey,
        signature::{Signer, Verifier},
    },
    pkcs8::{EncodePublicKey, LineEnding},
};
use serde::{Deserialize, Serialize};

/// First line of everything that the root key signs as a checkpoint; no other statement of it begins so.
const CONTEXT: &str = "smart-id/audit-checkpoint/v1";

/// How far the audit trail went at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Checkpoint {
    /// Number of the record that the checkpoint before this one is over; zero for the first.
    pub previous: u64,
    /// Number of the newest record, counted from one.
    pub seq: u64,
    /// Hash of the chain up to it.
    pub hash: FixedBytes<32>,
    /// When it was signed.
    pub at: Timestamp,
}

/// A checkpoint with the root key's signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignedCheckpoint {
    /// What is stated.
    pub checkpoint: Checkpoint,
    /// The key that signed, SEC1 uncompressed. It proves nothing by being here: compare it with the one you know.
    pub root_key: FixedBytes<65>,
    /// ECDSA P-256 with SHA-256, raw r‖s.
    pub signature: FixedBytes<64>,
}

/// A checkpoint that its root key did not sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the checkpoint is not signed by the root key that it names")]
pub struct NotSigned;

impl Checkpoint {
    /// Signs with the deployment's root key; deterministic (RFC 6979).
    ///
    /// # Panics
    /// Never: an uncompressed point of P-256 has 65 bytes.
    #[must_use]
    pub fn sign(self, root: &SigningKey) -> SignedCheckpoint {
        let signature: Signature = root.sign(self.text().as_bytes());
        let point = root.verifying_key().to_sec1_point(false);
        let root_key = point
            .as_bytes()
            .try_into()
            .expect("an uncompressed point of P-256 has 65 bytes");
        SignedCheckpoint {
            checkpoint: self,
            root_key: FixedBytes(root_key),
            signature: FixedBytes(signature.to_bytes().into()),
        }
    }

    /// The text that is signed: five lines, each ended by a line feed.
    #[must_use]
    pub fn text(&self) -> String {
        let hash: String = self
            .hash
            .0
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        format!(
            "{CONTEXT}\nprevious={}\nseq={}\nhash={hash}\nat={}\n",
            self.previous, self.seq, self.at
        )
    }
}

impl SignedCheckpoint {
    /// The checkpoint, if the key that it names signed it.
    ///
    /// # Errors
    /// [`NotSigned`]. Whether the key is the deployment's is for the caller to compare.
    pub fn verify(&self) -> Result<&Checkpoint, NotSigned> {
        let key = VerifyingKey::from_sec1_bytes(&self.root_key.0).map_err(|_| NotSigned)?;
        let signature = Signature::from_slice(&self.signature.0).map_err(|_| NotSigned)?;
        key.verify(self.checkpoint.text().as_bytes(), &signature)
            .map_err(|_| NotSigned)?;
        Ok(&self.checkpoint)
    }

    /// The signature as OpenSSL takes it: DER (RFC 3279 §2.2.3).
    ///
    /// # Errors
    /// [`NotSigned`]: it is none.
    pub fn signature_der(&self) -> Result<Vec<u8>, NotSigned> {
        let signature = Signature::from_slice(&self.signature.0).map_err(|_| NotSigned)?;
        Ok(signature.to_der().as_bytes().to_vec())
    }

    /// The key as OpenSSL takes it: PEM of SubjectPublicKeyInfo (RFC 7468 §13).
    ///
    /// # Errors
    /// [`NotSigned`]: it is none.
    pub fn root_key_pem(&self) -> Result<String, NotSigned> {
        let key = VerifyingKey::from_sec1_bytes(&self.root_key.0).map_err(|_| NotSigned)?;
        key.to_public_key_pem(LineEnding::LF).map_err(|_| NotSigned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed() -> SignedCheckpoint {
        let checkpoint = Checkpoint {
            previous: 3,
            seq: 7,
            hash: FixedBytes([0xab; 32]),
            at: "2026-03-01T12:00:00Z".parse().unwrap(),
        };
        checkpoint.sign(&SigningKey::from_slice(&[7; 32]).unwrap())
    }

    #[test]
    fn the_signed_text_is_frozen() {
        assert_eq!(
            signed().checkpoint.text(),
            format!(
                "smart-id/audit-checkpoint/v1\nprevious=3\nseq=7\nhash={}\nat=2026-03-01T12:00:00Z\n",
                "ab".repeat(32)
            )
        );
    }

    #[test]
    fn a_checkpoint_verifies_until_one_thing_is_different() {
        assert!(signed().verify().is_ok());
        let mut changed = [signed(); 7];
        changed[0].checkpoint.seq += 1;
        changed[1].checkpoint.hash.0[31] ^= 1;
        changed[2].checkpoint.at += jiff::SignedDuration::from_nanos(1);
        changed[3].root_key.0[64] ^= 1;
        changed[4].signature.0[63] ^= 1;
        changed[5].signature.0 = [0; 64];
        changed[6].checkpoint.previous += 1;
        for one in changed {
            assert_eq!(one.verify(), Err(NotSigned), "{one:?}");
        }
        let other = signed()
            .checkpoint
            .sign(&SigningKey::from_slice(&[8; 32]).unwrap());
        assert!(other.verify().is_ok());
        assert_ne!(other.root_key, signed().root_key);
    }

    #[test]
    fn key_and_signature_have_the_forms_that_openssl_takes() {
        assert!(
            signed()
                .root_key_pem()
                .unwrap()
                .starts_with("-----BEGIN PUBLIC KEY-----\n")
        );
        assert_eq!(signed().signature_der().unwrap()[0], 0x30);
    }
}
