//! A file that is replaced as a whole or not at all.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::VaultError;

/// A file that one process owns and that a crash never leaves half written.
///
/// Beside `vault` lie `vault.lock`, which is empty and carries the advisory lock (the file itself is replaced, and with
/// it would go the lock), and for a moment `vault.new`.
pub(crate) struct DurableFile {
    path: PathBuf,
    directory: PathBuf,
    draft: PathBuf,
    /// Held as long as this lives; the operating system releases it with the process.
    _lock: File,
}

impl DurableFile {
    /// Takes an existing file into use. A draft that a crash left behind is removed.
    pub(crate) fn open(path: &Path) -> Result<Self, VaultError> {
        // The lock must be the same however the file is reached, and renaming must not replace a symbolic link.
        let path = fs::canonicalize(path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => VaultError::Missing(path.into()),
            _ => failed("find", path)(source),
        })?;
        let file = Self::lock(path)?;
        match fs::remove_file(&file.draft) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(failed("remove", &file.draft)(source))
            }
            _ => Ok(file),
        }
    }

    /// Takes the name of a file that is not there yet.
    pub(crate) fn reserve(path: &Path) -> Result<Self, VaultError> {
        let name = path
            .file_name()
            .ok_or_else(|| failed("create", path)(io::ErrorKind::InvalidInput.into()))?;
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let directory = fs::canonicalize(directory).map_err(failed("find", directory))?;
        let file = Self::lock(directory.join(name))?;
        // Under the lock, so that of two who make the same file one sees the other's. Symbolic links count as files.
        match fs::symlink_metadata(&file.path) {
            Ok(_) => Err(VaultError::Exists(file.path)),
            Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(file),
            Err(source) => Err(failed("examine", &file.path)(source)),
        }
    }

    fn lock(path: PathBuf) -> Result<Self, VaultError> {
        let lock_path = beside(&path, ".lock");
        let lock = private(OpenOptions::new().write(true).create(true))
            .open(&lock_path)
            .map_err(failed("open", &lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(VaultError::InUse(path)),
            Err(TryLockError::Error(source)) => return Err(failed("lock", &lock_path)(source)),
        }
        let directory = path
            .parent()
            .map_or_else(|| PathBuf::from("/"), Path::to_path_buf);
        Ok(Self {
            draft: beside(&path, ".new"),
            directory,
            path,
            _lock: lock,
        })
    }

    /// The whole content.
    pub(crate) fn read(&self) -> Result<Vec<u8>, VaultError> {
        let mut content = Vec::new();
        let file = File::open(&self.path).map_err(failed("open", &self.path))?;
        let read = file
            .take(MAX_LEN + 1)
            .read_to_end(&mut content)
            .map_err(failed("read", &self.path))?;
        if read as u64 > MAX_LEN {
            Err(VaultError::Damaged)
        } else {
            Ok(content)
        }
    }

    /// Replaces the content. When this returns `Ok` the new content survives a power failure; when it fails, or the
    /// process dies on the way, the file has the old content or the new.
    pub(crate) fn write(&self, content: &[u8]) -> Result<(), VaultError> {
        self.prepare(content)?;
        self.publish()?;
        self.settle()
    }

    /// Step 1: the new content beside the old, on the disk.
    fn prepare(&self, content: &[u8]) -> Result<(), VaultError> {
        match fs::remove_file(&self.draft) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(failed("remove", &self.draft)(source));
            }
            _ => {}
        }
        let mut draft = private(OpenOptions::new().write(true).create_new(true))
            .open(&self.draft)
            .map_err(failed("create", &self.draft))?;
        draft
            .write_all(content)
            .and_then(|()| draft.sync_all())
            .map_err(failed("write", &self.draft))
    }

    /// Step 2: the new content takes the place of the old in one step.
    fn publish(&self) -> Result<(), VaultError> {
        fs::rename(&self.draft, &self.path).map_err(failed("replace", &self.path))
    }

    /// Step 3: that step, on the disk.
    fn settle(&self) -> Result<(), VaultError> {
        File::open(&self.directory)
            .and_then(|directory| directory.sync_all())
            .map_err(failed("write", &self.directory))
    }
}

/// No vault is longer than this; a longer file is not read into memory.
const MAX_LEN: u64 = 1 << 24;

/// Writes a file that is no secret, replacing what was there as a whole.
pub(crate) fn publish(path: &Path, content: &[u8]) -> Result<(), VaultError> {
    let draft = beside(path, ".new");
    let mut file = File::create(&draft).map_err(failed("create", &draft))?;
    file.write_all(content)
        .and_then(|()| file.sync_all())
        .map_err(failed("write", &draft))?;
    fs::rename(&draft, path).map_err(failed("replace", path))
}

/// Adds an ending to the file name.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Readable and writable by its owner only.
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

pub(crate) fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> VaultError {
    move |source| VaultError::Io {
        action,
        path: path.into(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(directory: &Path) -> PathBuf {
        let path = directory.join("vault");
        DurableFile::reserve(&path).unwrap().write(b"old").unwrap();
        path
    }

    /// What whoever comes after a crash at this point finds.
    fn content_after(path: &Path, crash: impl FnOnce(&DurableFile)) -> Vec<u8> {
        crash(&DurableFile::open(path).unwrap());
        let file = DurableFile::open(path).unwrap();
        assert!(!file.draft.exists(), "the draft is cleared away");
        file.read().unwrap()
    }

    #[test]
    fn a_crash_between_any_two_steps_leaves_the_old_or_the_new_content() {
        let directory = tempfile::tempdir().unwrap();
        let path = made(directory.path());
        assert_eq!(content_after(&path, |_| {}), b"old");
        for cut in 0..4 {
            assert_eq!(
                content_after(&path, |file| fs::write(&file.draft, &b"new!"[..cut])
                    .unwrap()),
                b"old"
            );
        }
        assert_eq!(
            content_after(&path, |file| file.prepare(b"new").unwrap()),
            b"old"
        );
        let published = content_after(&path, |file| {
            file.prepare(b"new").unwrap();
            file.publish().unwrap();
        });
        assert_eq!(published, b"new");
        assert_eq!(
            content_after(&path, |file| file.write(b"newer").unwrap()),
            b"newer"
        );
    }

    #[test]
    fn a_write_that_fails_leaves_the_old_content() {
        let directory = tempfile::tempdir().unwrap();
        let path = made(directory.path());
        let file = DurableFile::open(&path).unwrap();
        // A directory in the place of the draft can be neither removed as a file nor created.
        fs::create_dir(&file.draft).unwrap();
        assert!(matches!(file.write(b"new"), Err(VaultError::Io { .. })));
        assert_eq!(file.read().unwrap(), b"old");
    }

    #[test]
    fn a_draft_left_by_a_crash_does_not_hinder_the_next_write() {
        let directory = tempfile::tempdir().unwrap();
        let path = made(directory.path());
        let file = DurableFile::open(&path).unwrap();
        file.prepare(b"lost").unwrap();
        file.write(b"new").unwrap();
        assert_eq!(file.read().unwrap(), b"new");
    }

    #[test]
    fn a_second_opener_is_refused_until_the_first_is_gone() {
        let directory = tempfile::tempdir().unwrap();
        let path = made(directory.path());
        let first = DurableFile::open(&path).unwrap();
        assert!(matches!(
            DurableFile::open(&path),
            Err(VaultError::InUse(_))
        ));
        first.write(b"new").unwrap();
        assert!(
            matches!(DurableFile::open(&path), Err(VaultError::InUse(_))),
            "replacing the file keeps the lock"
        );
        drop(first);
        assert!(DurableFile::open(&path).is_ok());
    }

    #[test]
    fn only_the_owner_may_read_what_is_written() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let path = made(directory.path());
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        DurableFile::open(&path).unwrap().write(b"new").unwrap();
        assert_eq!(mode(&path), 0o600);
    }

    #[test]
    fn a_symbolic_link_stays_one_and_its_file_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = made(directory.path());
        let link = directory.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let file = DurableFile::open(&link).unwrap();
        assert!(matches!(
            DurableFile::open(&path),
            Err(VaultError::InUse(_))
        ));
        file.write(b"new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }

    #[test]
    fn what_exists_is_not_made_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = made(directory.path());
        assert!(matches!(
            DurableFile::reserve(&path),
            Err(VaultError::Exists(_))
        ));
        assert!(matches!(
            DurableFile::open(&directory.path().join("none")),
            Err(VaultError::Missing(_))
        ));
        assert!(matches!(
            DurableFile::reserve(Path::new("/")),
            Err(VaultError::Io { .. })
        ));
    }

    #[test]
    fn an_absurdly_long_file_is_not_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = made(directory.path());
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(MAX_LEN + 1)
            .unwrap();
        assert!(matches!(
            DurableFile::open(&path).unwrap().read(),
            Err(VaultError::Damaged)
        ));
    }
}
