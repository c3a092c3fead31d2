//! The database: the engine's [`Store`](engine::ports::Store) port on SQLite.
//!
//! Every unit of work is one database transaction, durable (fsynced) before `commit` returns, so that an
//! answer never rests on an attempt that a power cut could undo (`splitkey.md` §4.2 step 4). Changes are
//! compare-and-swap on a version column.
//!
//! What is committed stands in SQLite's log until [`SqliteStore::checkpoint`] moves it; a server calls it every second
//! (`docs/adr/0012-a-failed-fsync.md`).
//!
//! What would hurt a person if the file were stolen is encrypted by [`ColumnCipher`]: the server's shares
//! and halves of keys, verdicts, what sessions are about and what came of them, certificates, names and
//! dates of birth. What rows are looked up by is not: semantics identifiers, document numbers, codes. A
//! ciphertext that was moved to another row or column, or changed, does not open. A finished session's
//! signature is verified again whenever it is read.
//!
//! It refuses to open a database whose schema is older or newer than the software
//! ([`SqliteStore::migrate`] is the explicit step), or whose encrypted columns were written under another
//! key.
//!
//! The statements are SQL that PostgreSQL takes as well, in one set, and reach the driver through one
//! small trait (`sql::Connection`): a second database is a second implementation of it, held to the same
//! contract tests.
//!
//! Start at [`SqliteStore::open`]:
//!
//! ```
//! use engine::ports::Store;
//! use store::{ColumnKey, Options, SqliteStore};
//! use zeroize::Zeroizing;
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let key = ColumnKey::new(1, Zeroizing::new([7; 32])); // in earnest: 32 random bytes from the key vault
//! let options = Options { migrate: true, ..Options::default() };
//! let store = SqliteStore::open(":memory:", key, options).await?;
//! assert!(store.read().await?.relying_parties().await?.is_empty());
//! # Ok(())
//! # }
//! ```

mod account;
mod audit;
mod certificate;
mod cipher;
mod error;
mod evidence;
mod moment;
mod pooled_half;
mod publication;
mod published_certificate;
mod registration;
mod relying_party;
mod schema;
mod session;
mod sql;
mod sqlite;
mod tables;
mod text;
mod transaction;
mod unit_of_work;
mod wakeups;

#[cfg(test)]
mod contract;

pub use cipher::{ColumnCipher, ColumnKey, RepeatedKeyId};
pub use error::{CheckpointError, OpenError};
pub use sqlite::{Options, SqliteStore};
