use serde::{Deserialize, Serialize};

/// Ciphertext of a secret that only the key vault can open.
///
/// Opaque to the engine and the store. It is no secret by itself, yet it is not for logs: with the
/// vault's key beside it, it is the key share.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wrapped(pub Vec<u8>);

impl std::fmt::Debug for Wrapped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Wrapped({} bytes)", self.0.len())
    }
}
