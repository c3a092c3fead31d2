//! What a headless phone has on disk: one file of encrypted state, and beside it the key that stands in for the phone's
//! keystore.

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// Ending of a phone's file.
const ENDING: &str = "phone";

/// A phone's file, locked: two processes must never spend the same freshness token.
pub(super) struct Storage {
    path: PathBuf,
    _lock: File,
}

/// The file's content.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stored {
    /// Origin of the server that the phone belongs to.
    pub(super) server: String,
    /// The phone's state, encrypted by itself; hexadecimal.
    #[serde(with = "hex::serde")]
    pub(super) state: Vec<u8>,
}

impl Storage {
    /// Locks the file, which need not be there yet.
    pub(super) fn open(path: &Path) -> Result<Self> {
        if let Some(folder) = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        }
        let lock = beside(path, "lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&lock)
            .with_context(|| format!("cannot open {}", lock.display()))?;
        file.try_lock().with_context(|| {
            format!(
                "another process uses the phone in {}; wait until it is done",
                path.display()
            )
        })?;
        let storage = Self {
            path: path.to_owned(),
            _lock: file,
        };
        storage.clear_drafts()?;
        Ok(storage)
    }

    /// What is stored, if there is a phone.
    pub(super) fn load(&self) -> Result<Option<Stored>> {
        load(&self.path)
    }

    /// Replaces what is stored; durable when this returns, and never half done.
    pub(super) fn save(&self, stored: &Stored) -> Result<()> {
        let bytes = serde_json::to_vec(stored)?;
        replace(&self.path, &bytes)
            .with_context(|| format!("cannot store the phone in {}", self.path.display()))
    }

    /// The secret that stands in for the phone's keystore; made at the first call.
    pub(super) fn keystore_secret(&self) -> Result<Zeroizing<[u8; 32]>> {
        let path = beside(&self.path, "key");
        if path.exists() || self.load()?.is_some() {
            return read_secret(&path);
        }
        let mut secret = Zeroizing::new([0; 32]);
        getrandom::fill(secret.as_mut()).context("the system has no randomness")?;
        let text = Zeroizing::new(hex::encode(*secret));
        replace(&path, text.as_bytes())
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(secret)
    }

    /// Deletes the phone and its keys; they do not come back after a power cut.
    pub(super) fn wipe(&self) -> Result<()> {
        for path in self.files() {
            remove(&path)?;
        }
        self.clear_drafts()?;
        let folder = folder_of(&self.path);
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .with_context(|| format!("cannot write the folder {}", folder.display()))
    }

    /// Removes what a crash left of a write: an old state must not outlive its successor (`splitkey.md` §3).
    fn clear_drafts(&self) -> Result<()> {
        self.files()
            .iter()
            .try_for_each(|path| remove(&draft_of(path)))
    }

    fn files(&self) -> [PathBuf; 2] {
        [self.path.clone(), beside(&self.path, "key")]
    }
}

/// The file that is used when none is named.
pub(super) fn default_file() -> Result<PathBuf> {
    Ok(default_folder()?.join("my").with_extension(ENDING))
}

/// The phones in a folder, by name.
pub(super) fn phones_in(folder: &Path) -> Result<Vec<(PathBuf, Stored)>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => {
            entries.with_context(|| format!("cannot read the folder {}", folder.display()))?
        }
    };
    let mut phones = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == ENDING)
            && let Some(stored) = load(&path)?
        {
            phones.push((path, stored));
        }
    }
    phones.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(phones)
}

/// The keystore secret of a phone that is only looked at.
pub(super) fn keystore_secret_of(path: &Path) -> Result<Zeroizing<[u8; 32]>> {
    read_secret(&beside(path, "key"))
}

/// The folder for phones when none is named (XDG Base Directory Specification).
pub(super) fn default_folder() -> Result<PathBuf> {
    let folder = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    match (folder("XDG_DATA_HOME"), folder("HOME")) {
        (Some(data), _) => Ok(data.join("smart-id")),
        (None, Some(home)) => Ok(home.join(".local/share/smart-id")),
        (None, None) => bail!("there is no HOME to keep the phone in; name a file by --file"),
    }
}

fn load(path: &Path) -> Result<Option<Stored>> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .with_context(|| format!("{} is not a phone's file, or it is damaged", path.display())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

fn read_secret(path: &Path) -> Result<Zeroizing<[u8; 32]>> {
    let text = fs::read(path)
        .with_context(|| format!("cannot read {}, the phone's keystore", path.display()))?;
    let text = Zeroizing::new(text);
    let mut secret = Zeroizing::new([0; 32]);
    hex::decode_to_slice(text.trim_ascii(), secret.as_mut()).with_context(|| {
        format!(
            "{}, the phone's keystore, is not 64 hexadecimal digits",
            path.display()
        )
    })?;
    Ok(secret)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

/// Writes a draft, makes it durable, puts it in place, and makes that durable. Only under the lock.
fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let draft = draft_of(path);
    remove(&draft)?;
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    File::open(folder_of(path))?.sync_all()?;
    Ok(())
}

/// Where the next content of a file is written. The name is always the same, so that whoever comes after a crash finds it.
fn draft_of(path: &Path) -> PathBuf {
    beside(path, "new")
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Deletes a file that may be there.
fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot delete {}", path.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_is_in_one_process_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.phone");
        let first = Storage::open(&path).unwrap();
        assert!(
            Storage::open(&path)
                .err()
                .unwrap()
                .to_string()
                .contains("another process")
        );
        drop(first);
        Storage::open(&path).unwrap();
    }

    #[test]
    fn what_is_stored_comes_back_and_goes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deeper").join("a.phone");
        let storage = Storage::open(&path).unwrap();
        assert!(storage.load().unwrap().is_none());
        let secret = storage.keystore_secret().unwrap();
        storage
            .save(&Stored {
                server: "http://a".into(),
                state: vec![1, 2],
            })
            .unwrap();
        assert_eq!(storage.load().unwrap().unwrap().state, [1, 2]);
        assert_eq!(storage.keystore_secret().unwrap(), secret);
        assert_eq!(phones_in(path.parent().unwrap()).unwrap().len(), 1);
        storage.wipe().unwrap();
        assert!(storage.load().unwrap().is_none());
        assert_ne!(storage.keystore_secret().unwrap(), secret);
    }

    #[test]
    fn a_lost_keystore_is_not_replaced_by_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.phone");
        let storage = Storage::open(&path).unwrap();
        storage
            .save(&Stored {
                server: "http://a".into(),
                state: vec![1],
            })
            .unwrap();
        assert!(
            storage
                .keystore_secret()
                .unwrap_err()
                .to_string()
                .contains("keystore")
        );
    }

    #[test]
    fn what_a_crash_left_of_a_write_goes_with_the_next_command_or_the_phone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.phone");
        let drafts = ["a.phone.new", "a.phone.key.new"].map(|name| folder.path().join(name));
        let crash = || {
            drafts
                .iter()
                .for_each(|draft| fs::write(draft, b"old state").unwrap())
        };
        crash();
        let storage = Storage::open(&path).unwrap();
        assert!(drafts.iter().all(|draft| !draft.exists()));
        crash();
        storage.keystore_secret().unwrap();
        storage.wipe().unwrap();
        let left: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left, ["a.phone.lock"]);
    }

    #[test]
    fn a_damaged_file_is_told_as_such() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.phone");
        fs::write(&path, b"{").unwrap();
        assert!(
            Storage::open(&path)
                .unwrap()
                .load()
                .err()
                .unwrap()
                .to_string()
                .contains("damaged")
        );
    }
}
