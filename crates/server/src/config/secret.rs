//! Secrets stand in files of their own or in the environment, never in the configuration.

use super::{ColumnKeyConfig, VaultConfig, private_file};
use serde::Deserialize;
use std::{
    env, fmt, fs, io,
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// Where a secret of 32 bytes is, written as 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// In this file; white space around it is ignored.
    File(PathBuf),
    /// In this environment variable.
    Environment(String),
}

/// A secret cannot be used. Says nothing of the secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read.
    #[error("cannot read the secret in {}", .0.display())]
    Unreadable(PathBuf, #[source] io::Error),
    /// The file cannot be made.
    #[error("cannot make the file {} for a new secret", .0.display())]
    NotMade(PathBuf, #[source] io::Error),
    /// The environment variable is not set.
    #[error("the environment variable {0} is not set")]
    NotSet(String),
    /// It is something else.
    #[error("{0} does not hold 64 hexadecimal digits; `openssl rand -hex 32` makes them")]
    NotHexadecimal(SecretSource),
    /// The operating system gives no randomness.
    #[error("no randomness")]
    Randomness(#[from] getrandom::Error),
}

impl SecretSource {
    /// Reads the secret.
    ///
    /// # Errors
    /// It is not there or not 64 hexadecimal digits.
    pub fn read(&self) -> Result<Zeroizing<[u8; 32]>, SecretError> {
        let text = Zeroizing::new(match self {
            Self::File(path) => fs::read_to_string(path)
                .map_err(|error| SecretError::Unreadable(path.clone(), error))?,
            Self::Environment(name) => {
                env::var(name).map_err(|_| SecretError::NotSet(name.clone()))?
            }
        });
        let mut secret = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text.trim(), secret.as_mut_slice())
            .map_err(|_| SecretError::NotHexadecimal(self.clone()))?;
        Ok(secret)
    }

    /// Makes a new secret in a new file that only its owner can read.
    ///
    /// # Errors
    /// The file exists or cannot be made.
    pub fn create(path: &Path) -> Result<(), SecretError> {
        let mut secret = Zeroizing::new([0; 32]);
        getrandom::fill(secret.as_mut_slice())?;
        let mut text = Zeroizing::new(hex::encode(secret.as_slice()));
        text.push('\n');
        private_file::create(path, text.as_bytes())
            .map_err(|error| SecretError::NotMade(path.to_owned(), error))
    }

    /// The file, if others than its owner can read it.
    #[must_use]
    pub fn readable_by_others(&self) -> Option<&Path> {
        match self {
            Self::File(path) => private_file::is_readable_by_others(path).then_some(path),
            Self::Environment(_) => None,
        }
    }

    /// Takes a relative path from a folder.
    pub(crate) fn rebase(&mut self, folder: &Path) {
        if let Self::File(path) = self {
            *path = folder.join(&*path);
        }
    }
}

impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Environment(name) => write!(f, "${name}"),
        }
    }
}

/// The table `vault` as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawVault {
    file: PathBuf,
    unlock_key_file: Option<PathBuf>,
    unlock_key_env: Option<String>,
}

/// A table `database.column_keys` as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawColumnKey {
    id: u8,
    key_file: Option<PathBuf>,
    key_env: Option<String>,
}

impl TryFrom<RawVault> for VaultConfig {
    type Error = String;

    fn try_from(raw: RawVault) -> Result<Self, String> {
        let unlock_key = exactly_one("unlock_key", raw.unlock_key_file, raw.unlock_key_env)?;
        Ok(Self {
            file: raw.file,
            unlock_key,
        })
    }
}

impl TryFrom<RawColumnKey> for ColumnKeyConfig {
    type Error = String;

    fn try_from(raw: RawColumnKey) -> Result<Self, String> {
        Ok(Self {
            id: raw.id,
            key: exactly_one("key", raw.key_file, raw.key_env)?,
        })
    }
}

fn exactly_one(
    name: &str,
    file: Option<PathBuf>,
    environment: Option<String>,
) -> Result<SecretSource, String> {
    match (file, environment) {
        (Some(path), None) => Ok(SecretSource::File(path)),
        (None, Some(variable)) => Ok(SecretSource::Environment(variable)),
        (None, None) => Err(format!("{name}_file or {name}_env is missing")),
        (Some(_), Some(_)) => Err(format!(
            "only one of {name}_file and {name}_env may be given"
        )),
    }
}
