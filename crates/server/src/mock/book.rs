//! What the mock remembers beside its phones: the accounts that testers made, and how accounts behave.

use super::account::Behaviour;
use anyhow::{Context, Result};
use engine::domain::{AccountLevel, Person};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::Mutex,
};
use wire::DocumentNumber;

const NAME: &str = "accounts.json";

/// The file.
pub(super) struct Book {
    path: PathBuf,
    /// Held while it is written.
    pen: Mutex<()>,
}

/// Its content.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Content {
    /// Accounts that testers made.
    pub(super) accounts: Vec<TestersAccount>,
    /// Documented accounts that behave otherwise than documented.
    pub(super) behaviours: Vec<Changed>,
}

/// An account that a tester made.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct TestersAccount {
    pub(super) document_number: DocumentNumber,
    pub(super) person: Person,
    pub(super) level: AccountLevel,
    pub(super) behaviour: Behaviour,
}

/// A documented account's behaviour.
#[derive(Serialize, Deserialize)]
pub(super) struct Changed {
    pub(super) document_number: DocumentNumber,
    pub(super) behaviour: Behaviour,
}

impl Book {
    pub(super) fn open(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        Ok(Self {
            path: folder.join(NAME),
            pen: Mutex::default(),
        })
    }

    pub(super) fn read(&self) -> Result<Content> {
        match fs::read(&self.path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .with_context(|| format!("{} is damaged", self.path.display())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Content::default()),
            Err(error) => {
                Err(error).with_context(|| format!("cannot read {}", self.path.display()))
            }
        }
    }

    /// Writes what `content` says once nobody else writes; the file is the old one or the new one, never half of it.
    pub(super) fn write(&self, content: impl FnOnce() -> Content) -> Result<()> {
        let _pen = self.pen.lock().expect("nobody panics with it");
        let draft = self.path.with_extension("new");
        let bytes = serde_json::to_vec_pretty(&content())?;
        fs::write(&draft, bytes)
            .and_then(|()| fs::rename(&draft, &self.path))
            .with_context(|| format!("cannot write {}", self.path.display()))
    }
}
