//! The audit trail: table `audit_record`. Lines are added, never changed.

use crate::{sql::arguments, tables::Tables, text};
use engine::{
    domain::AuditRecord,
    ports::{AuditCursor, AuditPage, StoreError},
};
use jiff::Timestamp;

const AUDIT: &str = "audit_record";

const INSERT: &str = "INSERT INTO audit_record (at, unit, line, record) VALUES ($1, $2, $3, $4)";
pub(crate) const BETWEEN: &str =
    "SELECT record FROM audit_record WHERE at >= $1 AND at < $2 ORDER BY at, unit, line";

pub(crate) const FIRST_PAGE: &str = "SELECT at, unit, line, record FROM audit_record WHERE at >= $1 AND at < $2 \
     ORDER BY at, unit, line LIMIT $3";
pub(crate) const NEXT_PAGE: &str = "SELECT at, unit, line, record FROM audit_record \
     WHERE (at, unit, line) > ($1, $2, $3) AND at < $4 ORDER BY at, unit, line LIMIT $5";

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

pub(crate) async fn page(
    tables: &mut Tables,
    from: Timestamp,
    until: Timestamp,
    after: Option<&AuditCursor>,
    limit: u32,
) -> Result<AuditPage, StoreError> {
    let rows = match after {
        None => {
            tables
                .rows(AUDIT, FIRST_PAGE, arguments![from, until, limit])
                .await?
        }
        Some(cursor) => {
            let (at, unit, line) = place(cursor)?;
            let arguments = arguments![at, unit, line, until, limit];
            tables.rows(AUDIT, NEXT_PAGE, arguments).await?
        }
    };
    let full = u64::from(limit) == rows.len() as u64;
    let (mut records, mut last) = (Vec::with_capacity(rows.len()), None);
    for mut row in rows {
        let (at, unit, line) = (row.integer()?, row.text()?, row.integer()?);
        last = Some(AuditCursor(format!("{at} {unit} {line}")));
        records.push(text::from_json(row.text()?.as_bytes(), AUDIT)?);
    }
    Ok(AuditPage {
        records,
        next: last.filter(|_| full),
    })
}

/// Where in the table a page ended.
fn place(cursor: &AuditCursor) -> Result<(i64, &str, i64), StoreError> {
    let corrupt = || StoreError::Corrupt { what: AUDIT };
    let mut words = cursor.0.split(' ');
    let (Some(at), Some(unit), Some(line)) = (words.next(), words.next(), words.next()) else {
        return Err(corrupt());
    };
    Ok((
        at.parse().map_err(|_| corrupt())?,
        unit,
        line.parse().map_err(|_| corrupt())?,
    ))
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
