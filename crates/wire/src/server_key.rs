//! The server's HPKE key of the day, vouched for by the deployment's root key, which phones pin at enrolment.

use crate::FixedBytes;
use jiff::Timestamp;
use p256::ecdsa::{
    Signature, SigningKey, VerifyingKey,
    signature::{Signer, Verifier},
};
use serde::{Deserialize, Serialize};

/// Set before everything that the root key signs as a server-key statement.
const CONTEXT: &[u8] = b"smart-id/server-key/v1";

/// Which key the server opens sealed requests with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerKeyStatement {
    /// Names the key.
    pub key_id: FixedBytes<16>,
    /// HPKE public key (DHKEM P-256), SEC1 uncompressed.
    pub public_key: FixedBytes<65>,
    /// Use it from then on.
    pub not_before: Timestamp,
    /// And no longer than until then.
    pub not_after: Timestamp,
}

/// A statement with the root key's signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignedStatement {
    /// What is stated.
    pub statement: ServerKeyStatement,
    /// ECDSA P-256 with SHA-256, raw r‖s.
    pub signature: FixedBytes<64>,
}

/// Why a statement is not to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// Not signed by the root key.
    #[error("the server's key is not signed by the root key of this deployment")]
    NotSigned,
    /// Not valid now.
    #[error("the server's key is not valid at this time; check the phone's clock")]
    NotValidNow,
}

impl ServerKeyStatement {
    /// Signs the statement with the deployment's root key; deterministic (RFC 6979).
    #[must_use]
    pub fn sign(self, root: &SigningKey) -> SignedStatement {
        let signature: Signature = root.sign(&self.signed_bytes());
        SignedStatement {
            signature: FixedBytes(signature.to_bytes().into()),
            statement: self,
        }
    }

    fn signed_bytes(&self) -> Vec<u8> {
        let times =
            [self.not_before, self.not_after].map(|time| time.as_nanosecond().to_be_bytes());
        [
            CONTEXT,
            &self.key_id.0,
            &self.public_key.0,
            times.as_flattened(),
        ]
        .concat()
    }
}

impl SignedStatement {
    /// The statement, if the root key signed it and it is valid now.
    ///
    /// # Errors
    /// See [`StatementError`].
    pub fn verify(
        &self,
        root_key: &[u8],
        now: Timestamp,
    ) -> Result<&ServerKeyStatement, StatementError> {
        let key = VerifyingKey::from_sec1_bytes(root_key).map_err(|_| StatementError::NotSigned)?;
        let signature =
            Signature::from_slice(&self.signature.0).map_err(|_| StatementError::NotSigned)?;
        key.verify(&self.statement.signed_bytes(), &signature)
            .map_err(|_| StatementError::NotSigned)?;
        if now < self.statement.not_before || now >= self.statement.not_after {
            return Err(StatementError::NotValidNow);
        }
        Ok(&self.statement)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn signed() -> (SignedStatement, Vec<u8>) {
        let root = SigningKey::from_slice(&[7; 32]).unwrap();
        let statement = ServerKeyStatement {
            key_id: FixedBytes([1; 16]),
            public_key: FixedBytes([4; 65]),
            not_before: at(1000),
            not_after: at(2000),
        };
        let public = root
            .verifying_key()
            .to_sec1_point(false)
            .as_bytes()
            .to_vec();
        (statement.sign(&root), public)
    }

    #[test]
    fn a_statement_holds_from_not_before_until_not_after() {
        let (statement, root) = signed();
        assert!(statement.verify(&root, at(1000)).is_ok());
        assert!(statement.verify(&root, at(1999)).is_ok());
        assert_eq!(
            statement.verify(&root, at(999)),
            Err(StatementError::NotValidNow)
        );
        assert_eq!(
            statement.verify(&root, at(2000)),
            Err(StatementError::NotValidNow)
        );
    }

    #[test]
    fn any_changed_field_breaks_the_signature() {
        let (statement, root) = signed();
        let mut changed = [
            statement.clone(),
            statement.clone(),
            statement.clone(),
            statement.clone(),
            statement,
        ];
        changed[0].statement.key_id.0[0] ^= 1;
        changed[1].statement.public_key.0[64] ^= 1;
        changed[2].statement.not_before = at(999);
        changed[3].statement.not_after = at(2001);
        changed[4].signature.0[63] ^= 1;
        for statement in &changed {
            assert_eq!(
                statement.verify(&root, at(1500)),
                Err(StatementError::NotSigned)
            );
        }
        let other = SigningKey::from_slice(&[8; 32]).unwrap();
        let other = other.verifying_key().to_sec1_point(false);
        assert_eq!(
            signed().0.verify(other.as_bytes(), at(1500)),
            Err(StatementError::NotSigned)
        );
    }
}
