//! What the statements need of a database driver: typed arguments in, typed rows out.

use crate::{error::SqlError, moment};
use async_trait::async_trait;
use engine::ports::StoreError;
use jiff::Timestamp;

/// One transaction on one connection. Dropping it rolls back.
#[async_trait]
pub(crate) trait Connection: Send {
    /// Runs a statement that gives rows.
    async fn rows(
        &mut self,
        sql: &'static str,
        arguments: Vec<Argument>,
    ) -> Result<Vec<Vec<Datum>>, SqlError>;

    /// Runs a statement that changes rows; gives their number.
    async fn execute(
        &mut self,
        sql: &'static str,
        arguments: Vec<Argument>,
    ) -> Result<u64, SqlError>;

    /// Makes it durable and visible.
    async fn commit(self: Box<Self>) -> Result<(), SqlError>;
}

/// An argument; even NULL has a type, which PostgreSQL wants to know.
pub(crate) enum Argument {
    /// BIGINT.
    Integer(Option<i64>),
    /// TEXT.
    Text(Option<String>),
    /// BYTEA.
    Bytes(Option<Vec<u8>>),
}

/// A value in a row.
#[derive(Debug)]
pub(crate) enum Datum {
    /// NULL of any type.
    Null,
    /// BIGINT.
    Integer(i64),
    /// TEXT.
    Text(String),
    /// BYTEA.
    Bytes(Vec<u8>),
}

/// A row, read column by column in the order of the SELECT list.
pub(crate) struct Row {
    table: &'static str,
    data: std::vec::IntoIter<Datum>,
}

impl Row {
    pub(crate) fn new(table: &'static str, data: Vec<Datum>) -> Self {
        Self {
            table,
            data: data.into_iter(),
        }
    }

    pub(crate) fn integer(&mut self) -> Result<i64, StoreError> {
        self.optional_integer()?.ok_or(self.corrupt())
    }

    pub(crate) fn optional_integer(&mut self) -> Result<Option<i64>, StoreError> {
        match self.data.next() {
            Some(Datum::Integer(value)) => Ok(Some(value)),
            Some(Datum::Null) => Ok(None),
            _ => Err(self.corrupt()),
        }
    }

    /// An integer of a smaller or unsigned type.
    pub(crate) fn number<T: TryFrom<i64>>(&mut self) -> Result<T, StoreError> {
        T::try_from(self.integer()?).map_err(|_| self.corrupt())
    }

    pub(crate) fn moment(&mut self) -> Result<Timestamp, StoreError> {
        self.integer().map(moment::from_column)
    }

    pub(crate) fn text(&mut self) -> Result<String, StoreError> {
        self.optional_text()?.ok_or(self.corrupt())
    }

    pub(crate) fn optional_text(&mut self) -> Result<Option<String>, StoreError> {
        match self.data.next() {
            Some(Datum::Text(value)) => Ok(Some(value)),
            Some(Datum::Null) => Ok(None),
            _ => Err(self.corrupt()),
        }
    }

    pub(crate) fn bytes(&mut self) -> Result<Vec<u8>, StoreError> {
        self.optional_bytes()?.ok_or(self.corrupt())
    }

    pub(crate) fn optional_bytes(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        match self.data.next() {
            Some(Datum::Bytes(value)) => Ok(Some(value)),
            Some(Datum::Null) => Ok(None),
            _ => Err(self.corrupt()),
        }
    }

    /// Bytes of a fixed length.
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], StoreError> {
        self.bytes()?.try_into().map_err(|_| self.corrupt())
    }

    /// A value that is written as text.
    pub(crate) fn parsed<T: std::str::FromStr>(&mut self) -> Result<T, StoreError> {
        self.text()?.parse().map_err(|_| self.corrupt())
    }

    /// That the row cannot be understood.
    pub(crate) fn corrupt(&self) -> StoreError {
        StoreError::Corrupt { what: self.table }
    }
}

impl From<i64> for Argument {
    fn from(value: i64) -> Self {
        Self::Integer(Some(value))
    }
}

impl From<Option<i64>> for Argument {
    fn from(value: Option<i64>) -> Self {
        Self::Integer(value)
    }
}

impl From<u8> for Argument {
    fn from(value: u8) -> Self {
        i64::from(value).into()
    }
}

impl From<u32> for Argument {
    fn from(value: u32) -> Self {
        i64::from(value).into()
    }
}

impl From<bool> for Argument {
    fn from(value: bool) -> Self {
        i64::from(value).into()
    }
}

impl From<Timestamp> for Argument {
    fn from(at: Timestamp) -> Self {
        moment::to_column(at).into()
    }
}

impl From<Option<Timestamp>> for Argument {
    fn from(at: Option<Timestamp>) -> Self {
        Self::Integer(at.map(moment::to_column))
    }
}

impl From<&str> for Argument {
    fn from(value: &str) -> Self {
        value.to_owned().into()
    }
}

impl From<String> for Argument {
    fn from(value: String) -> Self {
        Self::Text(Some(value))
    }
}

impl From<Option<String>> for Argument {
    fn from(value: Option<String>) -> Self {
        Self::Text(value)
    }
}

impl From<&[u8]> for Argument {
    fn from(value: &[u8]) -> Self {
        value.to_vec().into()
    }
}

impl From<Vec<u8>> for Argument {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(Some(value))
    }
}

impl From<Option<Vec<u8>>> for Argument {
    fn from(value: Option<Vec<u8>>) -> Self {
        Self::Bytes(value)
    }
}

/// The arguments of a statement.
macro_rules! arguments {
    ($($value:expr),* $(,)?) => { vec![$($crate::sql::Argument::from($value)),*] };
}
pub(crate) use arguments;
