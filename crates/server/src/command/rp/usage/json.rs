//! For programs. `schemaVersion` changes when a field goes or gets another meaning, not when one is added.

use anyhow::Result;
use engine::{
    domain::{Charge, CountedSession, UsageRow},
    service::{Statement, UsageReport},
};
use serde_json::{Value, json};
use std::io::Write;

pub(super) const SCHEMA_VERSION: u32 = 1;

pub(super) fn write(report: &UsageReport, out: &mut dyn Write) -> Result<()> {
    let statements: Vec<Value> = report.statements.iter().map(statement).collect();
    let sum = |of: &dyn Fn(&Statement) -> u64| -> u64 { report.statements.iter().map(of).sum() };
    let anomalies: Vec<Value> = report
        .anomalies
        .iter()
        .map(|anomaly| {
            json!({
                "at": anomaly.at,
                "sessionId": anomaly.session,
                "relyingPartyUuid": anomaly.relying_party,
                "code": anomaly.what.code(),
                "detail": anomaly.what.to_string(),
            })
        })
        .collect();
    let document = json!({
        "schemaVersion": SCHEMA_VERSION,
        "period": {
            "from": report.request.from,
            "until": report.request.until,
            "timeZone": "UTC",
            "isOver": report.request.until <= report.generated_at,
        },
        "generatedAt": report.generated_at,
        "statements": statements,
        "totals": totals(
            sum(&Statement::sessions),
            sum(&|one| one.count(Charge::Billable)),
            sum(&|one| one.count(Charge::Unknown)),
        ),
        "anomalies": anomalies,
    });
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)?;
    Ok(())
}

fn statement(statement: &Statement) -> Value {
    let mut value = json!({
        "relyingPartyUuid": statement.relying_party,
        "relyingPartyNames": statement.names,
        "rows": statement.rows.iter().map(row).collect::<Vec<_>>(),
        "totals": totals(
            statement.sessions(),
            statement.count(Charge::Billable),
            statement.count(Charge::Unknown),
        ),
    });
    if let (Some(sessions), Some(fields)) = (&statement.sessions, value.as_object_mut()) {
        fields.insert(
            "sessions".to_owned(),
            sessions.iter().map(session).collect(),
        );
    }
    value
}

fn totals(sessions: u64, billable: u64, unknown: u64) -> Value {
    json!({ "sessions": sessions, "billable": billable, "unknown": unknown })
}

fn row(row: &UsageRow) -> Value {
    json!({
        "kind": row.kind,
        "result": row.result,
        "billable": row.charge.code(),
        "sessions": row.sessions,
    })
}

fn session(session: &CountedSession) -> Value {
    json!({
        "endedAt": session.at,
        "sessionId": session.session,
        "kind": session.kind,
        "result": session.result,
        "billable": session.charge.code(),
    })
}
