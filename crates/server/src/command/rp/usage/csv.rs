//! For spreadsheets: RFC 4180. There are no rows of totals, so that every column can be added up.

use super::name;
use anyhow::Result;
use engine::service::UsageReport;
use std::io::Write;

/// The columns of the sums; with `--details` those of [`DETAILS`].
pub(super) const SUMS: [&str; 8] = [
    "from",
    "until",
    "relying_party_uuid",
    "relying_party_name",
    "kind",
    "result",
    "billable",
    "sessions",
];

pub(super) const DETAILS: [&str; 7] = [
    "ended_at",
    "session_id",
    "relying_party_uuid",
    "relying_party_name",
    "kind",
    "result",
    "billable",
];

pub(super) fn write(report: &UsageReport, out: &mut dyn Write) -> Result<()> {
    let (from, until) = (report.request.from, report.request.until);
    if report.request.details {
        line(&DETAILS, out)?;
    } else {
        line(&SUMS, out)?;
    }
    for statement in &report.statements {
        let (uuid, name) = (statement.relying_party.to_string(), name(statement));
        if let Some(sessions) = &statement.sessions {
            for one in sessions {
                let (at, session) = (one.at.to_string(), one.session.to_string());
                let charge = one.charge.code();
                line(
                    &[&at, &session, &uuid, &name, &one.kind, &one.result, charge],
                    out,
                )?;
            }
        } else {
            for row in &statement.rows {
                let (from, until, count) = (
                    from.to_string(),
                    until.to_string(),
                    row.sessions.to_string(),
                );
                let charge = row.charge.code();
                line(
                    &[
                        &from,
                        &until,
                        &uuid,
                        &name,
                        &row.kind,
                        &row.result,
                        charge,
                        &count,
                    ],
                    out,
                )?;
            }
        }
    }
    Ok(())
}

fn line(cells: &[&str], out: &mut dyn Write) -> Result<()> {
    let cells: Vec<String> = cells.iter().map(|text| cell(text)).collect();
    write!(out, "{}\r\n", cells.join(","))?;
    Ok(())
}

/// A cell that no spreadsheet takes for a formula (OWASP, "CSV injection"), quoted where RFC 4180 §2 wants it.
fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    let text = match formula {
        true => format!("'{text}"),
        false => text.to_owned(),
    };
    match text.contains(['"', ',', '\r', '\n']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        for (text, expected) in [
            ("Bank", "Bank"),
            ("", ""),
            ("Bank, Ltd", "\"Bank, Ltd\""),
            ("the \"Bank\"", "\"the \"\"Bank\"\"\""),
            ("two\nlines", "\"two\nlines\""),
        ] {
            assert_eq!(cell(text), expected);
        }
    }

    #[test]
    fn no_cell_is_a_formula() {
        for text in [
            "=1+1",
            "+1",
            "-1",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "=HYPERLINK(\"x\",\"y\")",
        ] {
            let cell = cell(text);
            let first = cell.trim_start_matches('"').chars().next();
            assert_eq!(first, Some('\''), "{cell}");
        }
    }
}
