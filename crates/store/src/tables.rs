use crate::{
    cipher::{Column, ColumnCipher},
    error::SqlError,
    sql::{Argument, Connection, Row},
};
use engine::ports::StoreError;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The tables as one transaction sees them, with the key to their encrypted columns.
///
/// After a statement failed, only dropping it is left: PostgreSQL insists on that, and SQLite may have
/// rolled back by itself, so that what came next would be outside any transaction.
pub(crate) struct Tables {
    connection: Box<dyn Connection>,
    cipher: Arc<ColumnCipher>,
    failed: bool,
}

#[derive(Debug, thiserror::Error)]
#[error("an earlier statement of the same transaction failed")]
struct FailedBefore;

impl Tables {
    pub(crate) fn new(connection: Box<dyn Connection>, cipher: Arc<ColumnCipher>) -> Self {
        Self {
            connection,
            cipher,
            failed: false,
        }
    }

    /// The rows of a SELECT on `table`.
    pub(crate) async fn rows(
        &mut self,
        table: &'static str,
        sql: &'static str,
        arguments: Vec<Argument>,
    ) -> Result<Vec<Row>, StoreError> {
        self.usable()?;
        let result = self.connection.rows(sql, arguments).await;
        let rows = self.checked(table, result)?;
        Ok(rows.into_iter().map(|data| Row::new(table, data)).collect())
    }

    /// The first row of a SELECT on `table`.
    pub(crate) async fn row(
        &mut self,
        table: &'static str,
        sql: &'static str,
        arguments: Vec<Argument>,
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.rows(table, sql, arguments).await?.into_iter().next())
    }

    /// The number that `SELECT COUNT(*)` on `table` gives.
    pub(crate) async fn count(
        &mut self,
        table: &'static str,
        sql: &'static str,
        arguments: Vec<Argument>,
    ) -> Result<u64, StoreError> {
        self.row(table, sql, arguments)
            .await?
            .ok_or(StoreError::Corrupt { what: table })?
            .number()
    }

    /// Inserts into, deletes from or updates `table`; gives the number of rows.
    pub(crate) async fn change(
        &mut self,
        table: &'static str,
        sql: &'static str,
        arguments: Vec<Argument>,
    ) -> Result<u64, StoreError> {
        self.usable()?;
        let result = self.connection.execute(sql, arguments).await;
        self.checked(table, result)
    }

    /// Updates the one row of `table` that the statement names with its version.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if there is none: somebody else changed it first.
    pub(crate) async fn compare_and_swap(
        &mut self,
        table: &'static str,
        sql: &'static str,
        arguments: Vec<Argument>,
    ) -> Result<(), StoreError> {
        match self.change(table, sql, arguments).await? {
            0 => Err(StoreError::Conflict),
            _ => Ok(()),
        }
    }

    pub(crate) fn encrypt(
        &self,
        column: Column,
        row: &str,
        plaintext: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        self.cipher.encrypt(column, row, plaintext)
    }

    pub(crate) fn decrypt(
        &self,
        column: Column,
        row: &str,
        cell: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        self.cipher.decrypt(column, row, cell)
    }

    pub(crate) fn cipher(&self) -> Arc<ColumnCipher> {
        Arc::clone(&self.cipher)
    }

    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        self.usable()?;
        self.connection
            .commit()
            .await
            .map_err(|error| error.on("transaction"))
    }

    fn usable(&self) -> Result<(), StoreError> {
        match self.failed {
            true => Err(StoreError::Unavailable(Box::new(FailedBefore))),
            false => Ok(()),
        }
    }

    fn checked<T>(
        &mut self,
        table: &'static str,
        result: Result<T, SqlError>,
    ) -> Result<T, StoreError> {
        self.failed |= result.is_err();
        result.map_err(|error| error.on(table))
    }
}
