//! Values as the text that their columns hold.

use engine::ports::StoreError;
use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

/// The JSON of a stored record.
pub(crate) fn to_json<T: Serialize>(record: &T) -> String {
    serde_json::to_string(record).expect("records have string keys and no fallible fields")
}

/// As [`to_json`], for what is encrypted next.
pub(crate) fn to_secret_json<T: Serialize>(record: &T) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(
        serde_json::to_vec(record).expect("records have string keys and no fallible fields"),
    )
}

/// The record again.
///
/// # Errors
/// [`StoreError::Corrupt`] naming `what`.
pub(crate) fn from_json<T: DeserializeOwned>(
    json: &[u8],
    what: &'static str,
) -> Result<T, StoreError> {
    serde_json::from_slice(json).map_err(|_| StoreError::Corrupt { what })
}

/// The one word that serde has for a value, without quotes.
pub(crate) fn to_word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => unreachable!("only types whose JSON is a string are stored as words"),
    }
}

/// The value again.
///
/// # Errors
/// [`StoreError::Corrupt`] naming `what`.
pub(crate) fn from_word<T: DeserializeOwned>(
    word: String,
    what: &'static str,
) -> Result<T, StoreError> {
    serde_json::from_value(serde_json::Value::String(word))
        .map_err(|_| StoreError::Corrupt { what })
}

/// Bytes of a fixed length out of hexadecimal.
///
/// # Errors
/// [`StoreError::Corrupt`] naming `what`.
pub(crate) fn from_hex<const N: usize>(
    text: &str,
    what: &'static str,
) -> Result<[u8; N], StoreError> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| StoreError::Corrupt { what })?;
    Ok(bytes)
}
