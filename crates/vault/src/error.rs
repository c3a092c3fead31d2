use std::path::PathBuf;

use engine::ports::KeysError;

/// Why a vault file cannot be used or made. All of it is the operator's to repair.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// There is a file already; a vault is never overwritten by a new one.
    #[error("{} exists already", .0.display())]
    Exists(PathBuf),
    /// There is no such file.
    #[error("there is no file {}", .0.display())]
    Missing(PathBuf),
    /// Another process, or another part of this one, has the file open.
    #[error("{} is in use by another process", .0.display())]
    InUse(PathBuf),
    /// The file does not start as our files do.
    #[error("the file is not a vault")]
    NotAVault,
    /// One of our files, but not of the kind asked for.
    #[error("the file holds {found}, not {expected}")]
    OtherKind {
        /// What was asked for.
        expected: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// Written by a newer version of this software.
    #[error("the vault has format {found}; this software reads up to {supported}")]
    NewerVersion {
        /// The file's format.
        found: u16,
        /// The newest format read here.
        supported: u16,
    },
    /// The file is undamaged, but encrypted under another unlock key.
    #[error("the unlock key is not this vault's")]
    WrongUnlockKey,
    /// Cut off or changed; restore a copy.
    #[error("the vault is damaged")]
    Damaged,
    /// The operating system refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
}

impl VaultError {
    /// Stable code for logs and metrics.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Exists(_) => "vault_exists",
            Self::Missing(_) => "vault_missing",
            Self::InUse(_) => "vault_in_use",
            Self::NotAVault => "vault_not_a_vault",
            Self::OtherKind { .. } => "vault_other_kind",
            Self::NewerVersion { .. } => "vault_newer_version",
            Self::WrongUnlockKey => "vault_wrong_unlock_key",
            Self::Damaged => "vault_damaged",
            Self::Io { .. } => "vault_io",
        }
    }
}

impl From<VaultError> for KeysError {
    fn from(error: VaultError) -> Self {
        Self::Unavailable(Box::new(error))
    }
}
