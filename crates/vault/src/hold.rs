use crate::{VaultError, durable::DurableFile};
use std::path::Path;

/// A vault that nobody opens as long as this lives, for work during which no server may run on it. Needs no unlock key.
pub struct VaultHold {
    _file: DurableFile,
}

impl VaultHold {
    /// Takes it.
    ///
    /// # Errors
    /// There is no vault, or [`VaultError::InUse`]: a process has it open.
    pub fn take(path: &Path) -> Result<Self, VaultError> {
        Ok(Self {
            _file: DurableFile::open(path)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vault_is_held_by_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vault");
        assert!(matches!(
            VaultHold::take(&path),
            Err(VaultError::Missing(_))
        ));
        std::fs::write(&path, b"whatever is in it").unwrap();
        let hold = VaultHold::take(&path).ok().unwrap();
        assert!(matches!(VaultHold::take(&path), Err(VaultError::InUse(_))));
        drop(hold);
        VaultHold::take(&path).ok().unwrap();
    }
}
