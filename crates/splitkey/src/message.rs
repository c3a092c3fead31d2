//! The binary messages inside the sealed requests (splitkey.md §2, §4.2).

mod reader;
mod registration;
mod submit;

pub(crate) use reader::Reader;
pub use registration::{KeyProof, KeyServerShare, Proofs, ServerShares};
pub use submit::{Operation, SignedSubmit, Submit};

/// A message that is not one; the phone is at fault, nothing is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Wrong magic or version.
    #[error("not a message of this kind and version")]
    Kind,
    /// A profile this build does not have.
    #[error("the message has an unknown profile")]
    Profile,
    /// Truncated, too long, or a field has no meaning.
    #[error("the message is malformed")]
    Malformed,
}

const VERSION: u8 = 1;
