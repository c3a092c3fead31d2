use store::OpenError;
use vault::VaultError;

/// How an operator mends this, where the message does not say so itself.
pub(super) fn of(error: &anyhow::Error) -> Option<&'static str> {
    error.chain().find_map(|cause| {
        if let Some(vault) = cause.downcast_ref::<VaultError>() {
            return of_vault(vault);
        }
        cause.downcast_ref::<OpenError>().and_then(of_store)
    })
}

fn of_vault(error: &VaultError) -> Option<&'static str> {
    Some(match error {
        VaultError::Exists(_) => {
            "a vault is never overwritten; choose another file, or move the old one away"
        }
        VaultError::Missing(_) => {
            "`smart-id ceremony` makes it; check vault.file in the configuration"
        }
        VaultError::InUse(_) => {
            "one server process has a vault to itself; stop the other one first"
        }
        VaultError::NotAVault | VaultError::OtherKind { .. } => {
            "check vault.file in the configuration"
        }
        VaultError::NewerVersion { .. } => "install the version of smart-id that wrote it",
        VaultError::WrongUnlockKey => {
            "check vault.unlock_key_file or vault.unlock_key_env in the configuration"
        }
        VaultError::Damaged => "restore the copy that was made after the ceremony",
        VaultError::Io { .. } => return None,
    })
}

fn of_store(error: &OpenError) -> Option<&'static str> {
    Some(match error {
        OpenError::NotFound(_) | OpenError::Outdated { .. } => {
            "run `smart-id migrate` with the same configuration"
        }
        OpenError::Newer { .. } | OpenError::OtherHistory(_) => {
            "install the version of smart-id that last wrote it"
        }
        OpenError::WrongColumnKey(_) => {
            "check database.column_keys in the configuration: an id keeps its key for ever"
        }
        OpenError::File(_)
        | OpenError::Database(_)
        | OpenError::Migration(_)
        | OpenError::Statement(_) => return None,
    })
}
