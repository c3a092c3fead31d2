use serde::de::DeserializeOwned;
use std::{
    fs, io,
    ops::Range,
    path::{Path, PathBuf},
};

/// A configuration file that cannot be used; says where.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Something in it is wrong.
    #[error("{}:{line}: {}{message}", path.display(), key.as_ref().map(|key| format!("{key}: ")).unwrap_or_default())]
    Invalid {
        /// Which.
        path: PathBuf,
        /// Line, counted from 1.
        line: usize,
        /// The key in that line with its table, or the table.
        key: Option<String>,
        /// What is wrong.
        message: String,
    },
}

/// Reads a TOML file into its type.
///
/// # Errors
/// The file cannot be read, or the first thing in it that is wrong. The message does not quote the line: somebody may
/// have written a secret where it does not belong.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<T, ConfigError> {
    let text = fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    toml::from_str(&text).map_err(|error| invalid(path, &text, &error))
}

/// The folder that relative paths in a file are taken from.
pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

fn invalid(path: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
    let span = error.span().unwrap_or(0..0);
    ConfigError::Invalid {
        path: path.to_owned(),
        line: text.get(..span.start).unwrap_or("").matches('\n').count() + 1,
        key: key_at(text, &span),
        message: error.message().to_owned(),
    }
}

/// `table.key` of the line where the span begins; the table alone if the line has no key.
fn key_at(text: &str, span: &Range<usize>) -> Option<String> {
    let until = text.get(..span.start)?;
    let line_start = until.rfind('\n').map_or(0, |position| position + 1);
    let line = text.get(line_start..)?.lines().next()?.trim();
    let table_name = |line: &str| {
        let name = line.trim().strip_prefix('[')?.split(']').next()?;
        Some(name.trim_start_matches('[').trim().to_owned())
    };
    if let Some(table) = table_name(line) {
        return Some(table);
    }
    let table = text.get(..line_start)?.lines().rev().find_map(table_name);
    let key = line
        .split_once('=')
        .map(|(key, _)| key.trim())
        .filter(|key| !key.is_empty() && !key.starts_with('#'));
    match (table, key) {
        (Some(table), Some(key)) => Some(format!("{table}.{key}")),
        (Some(name), None) => Some(name),
        (None, key) => key.map(str::to_owned),
    }
}
