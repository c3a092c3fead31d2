//! The audit trail: table `audit_record`. Lines are added, never changed.

use crate::{sql::arguments, tables::Tables, text};
use engine::{domain::AuditRecord, ports::StoreError};
use jiff::Timestamp;

const AUDIT: &str = "audit_record";

const INSERT: &str = "INSERT INTO audit_record (at, unit, line, record) VALUES ($1, $2, $3, $4)";
pub(crate) const BETWEEN: &str =
    "SELECT record FROM audit_record WHERE at >= $1 AND at < $2 ORDER BY at, unit, line";

/// Where the next line of a unit of work stands.
///
/// Lines have no common counter, which parallel units of work would wait for: a random name of the unit
/// and the place in there keep lines of the same moment apart and those of one unit in order.
#[derive(Default)]
pub(crate) struct AuditPosition {
    unit: Option<String>,
    line: u32,
}

pub(crate) async fn record(
    tables: &mut Tables,
    position: &mut AuditPosition,
    record: &AuditRecord,
) -> Result<(), StoreError> {
    let (unit, line) = position.next()?;
    tables
        .change(
            AUDIT,
            INSERT,
            arguments![record.at, unit, line, text::to_json(record)],
        )
        .await?;
    Ok(())
}

pub(crate) async fn between(
    tables: &mut Tables,
    from: Timestamp,
    until: Timestamp,
) -> Result<Vec<AuditRecord>, StoreError> {
    let rows = tables.rows(AUDIT, BETWEEN, arguments![from, until]).await?;
    rows.into_iter()
        .map(|mut row| text::from_json(row.text()?.as_bytes(), AUDIT))
        .collect()
}

impl AuditPosition {
    fn next(&mut self) -> Result<(&str, u32), StoreError> {
        if self.unit.is_none() {
            let mut name = [0; 16];
            getrandom::fill(&mut name).map_err(|error| StoreError::Unavailable(Box::new(error)))?;
            self.unit = Some(hex::encode(name));
        }
        let line = self.line;
        self.line += 1;
        Ok((self.unit.as_deref().unwrap_or_default(), line))
    }
}
