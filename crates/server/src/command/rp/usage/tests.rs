use super::*;
use clap::Parser;
use engine::{
    domain::{Anomaly, AnomalyKind, Charge, CountedSession, UsageRow},
    service::Statement,
};
use serde_json::Value;
use uuid_of::uuid;

mod uuid_of {
    /// Any UUID: identifiers are made by parsing here.
    pub(super) fn uuid<T: std::str::FromStr>(number: u64) -> T {
        let text = format!("00000000-0000-4000-8000-{number:012x}");
        text.parse().ok().expect("a UUID")
    }
}

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    usage: UsageArgs,
}

fn period_of(line: &str, now: &str) -> Result<(String, String)> {
    let words = ["usage", "--data", "x"]
        .into_iter()
        .chain(line.split_whitespace());
    let arguments = Line::try_parse_from(words)?.usage;
    let (from, until) = period(&arguments, now.parse()?)?;
    Ok((from.to_string(), until.to_string()))
}

#[test]
fn periods_are_what_people_mean() {
    let now = "2026-03-14T15:09:26Z";
    for (line, from, until) in [
        ("", "2026-03-01T00:00:00Z", now),
        (
            "--month 2026-02",
            "2026-02-01T00:00:00Z",
            "2026-03-01T00:00:00Z",
        ),
        (
            "--month 2024-02",
            "2024-02-01T00:00:00Z",
            "2024-03-01T00:00:00Z",
        ),
        (
            "--month 2025-12",
            "2025-12-01T00:00:00Z",
            "2026-01-01T00:00:00Z",
        ),
        (
            "--month 2026-03",
            "2026-03-01T00:00:00Z",
            "2026-04-01T00:00:00Z",
        ),
        (
            "--from 2026-01-02T03:04:05+02:00",
            "2026-01-02T01:04:05Z",
            now,
        ),
        (
            "--until 2026-03-01T00:00:00Z",
            "2026-01-30T00:00:00Z",
            "2026-03-01T00:00:00Z",
        ),
        (
            "--from 2026-01-01T00:00:00Z --until 2026-01-02T00:00:00Z",
            "2026-01-01T00:00:00Z",
            "2026-01-02T00:00:00Z",
        ),
    ] {
        assert_eq!(
            period_of(line, now).expect(line),
            (from.to_owned(), until.to_owned()),
            "{line}"
        );
    }
}

#[test]
fn what_is_no_period_is_refused_in_words() {
    let now = "2026-03-14T15:09:26Z";
    for (line, says) in [
        ("--month 2026-13", "write it like 2026-03"),
        ("--month 2026-3", "write it like 2026-03"),
        ("--month +026-03", "write it like 2026-03"),
        ("--month march", "write it like 2026-03"),
        ("--month 2026-04", "in the future"),
        (
            "--month 2026-01 --from 2026-01-01T00:00:00Z",
            "cannot be used with",
        ),
        (
            "--from 2026-02-01T00:00:00Z --until 2026-01-01T00:00:00Z",
            "ends before it begins",
        ),
    ] {
        let error = period_of(line, now).expect_err(line);
        assert!(format!("{error:#}").contains(says), "{line}: {error:#}");
    }
}

fn report(details: bool) -> UsageReport {
    let at = |text: &str| text.parse().expect("a time");
    let row = |kind: &str, result: &str, charge, sessions| UsageRow {
        kind: kind.to_owned(),
        result: result.to_owned(),
        charge,
        sessions,
    };
    let session = |number, kind: &str, result: &str, charge| CountedSession {
        at: at("2026-03-02T10:00:00.125Z"),
        session: uuid(number),
        relying_party: uuid(1),
        kind: kind.to_owned(),
        result: result.to_owned(),
        charge,
    };
    UsageReport {
        request: UsageRequest {
            from: at("2026-03-01T00:00:00Z"),
            until: at("2026-04-01T00:00:00Z"),
            relying_party: None,
            details,
        },
        generated_at: at("2026-04-02T00:00:00Z"),
        statements: vec![
            Statement {
                relying_party: uuid(1),
                names: vec!["Bank, Ltd".to_owned(), "=Bank".to_owned()],
                rows: vec![
                    row("authentication", "OK", Charge::Billable, 2),
                    row("signature", "OK", Charge::Unknown, 1),
                    row("signature", "USER_REFUSED", Charge::Free, 1),
                ],
                sessions: details.then(|| {
                    vec![
                        session(11, "authentication", "OK", Charge::Billable),
                        session(12, "signature", "USER_REFUSED", Charge::Free),
                        session(13, "authentication", "OK", Charge::Billable),
                        session(14, "signature", "OK", Charge::Unknown),
                    ]
                }),
            },
            Statement {
                relying_party: uuid(2),
                names: vec!["Quiet".to_owned()],
                rows: vec![],
                sessions: details.then(Vec::new),
            },
        ],
        anomalies: vec![Anomaly {
            at: at("2026-03-02T10:00:00.125Z"),
            session: Some(uuid(14)),
            relying_party: Some(uuid(1)),
            what: AnomalyKind::EndedWithoutStart,
        }],
    }
}

fn text(write: impl Fn(&UsageReport, &mut dyn Write) -> Result<()>, details: bool) -> String {
    let mut out = Vec::new();
    write(&report(details), &mut out).expect("writes");
    String::from_utf8(out).expect("UTF-8")
}

#[test]
fn the_table_reads_like_this() {
    assert_eq!(
        text(table::write, false),
        "\
Sessions that ended from 2026-03-01T00:00:00Z up to 2026-04-01T00:00:00Z (UTC)

Bank, Ltd, =Bank  00000000-0000-4000-8000-000000000001
  kind            result                                      sessions   billable
  authentication  OK                                                 2          2
  signature       OK                                                 1    unknown
  signature       USER_REFUSED                                       1          -
  total                                                              4          2  and 1 unknown: see the warnings

Quiet  00000000-0000-4000-8000-000000000002
  no sessions

All relying parties
  total                                                              4          2  and 1 unknown: see the warnings
"
    );
}

#[test]
fn the_csv_reads_like_this() {
    assert_eq!(
        text(csv::write, false),
        "from,until,relying_party_uuid,relying_party_name,kind,result,billable,sessions\r\n\
         2026-03-01T00:00:00Z,2026-04-01T00:00:00Z,00000000-0000-4000-8000-000000000001,\"Bank, Ltd, =Bank\",authentication,OK,yes,2\r\n\
         2026-03-01T00:00:00Z,2026-04-01T00:00:00Z,00000000-0000-4000-8000-000000000001,\"Bank, Ltd, =Bank\",signature,OK,unknown,1\r\n\
         2026-03-01T00:00:00Z,2026-04-01T00:00:00Z,00000000-0000-4000-8000-000000000001,\"Bank, Ltd, =Bank\",signature,USER_REFUSED,no,1\r\n"
    );
    let details = text(csv::write, true);
    assert_eq!(details.lines().count(), 5);
    assert!(details.contains("2026-03-02T10:00:00.125Z,00000000-0000-4000-8000-00000000000b,"));
}

#[test]
fn the_json_carries_its_version_period_sums_and_anomalies() {
    let value: Value = serde_json::from_str(&text(json::write, true)).expect("JSON");
    assert_eq!(value["schemaVersion"], 1);
    assert_eq!(value["period"]["from"], "2026-03-01T00:00:00Z");
    assert_eq!(value["period"]["isOver"], true);
    assert_eq!(value["generatedAt"], "2026-04-02T00:00:00Z");
    assert_eq!(
        value["totals"],
        serde_json::json!({ "sessions": 4, "billable": 2, "unknown": 1 })
    );
    assert_eq!(
        value["statements"][0]["sessions"].as_array().map(Vec::len),
        Some(4)
    );
    assert_eq!(value["statements"][1]["totals"]["sessions"], 0);
    assert_eq!(value["anomalies"][0]["code"], "ended_without_start");
    let sums: Value = serde_json::from_str(&text(json::write, false)).expect("JSON");
    assert_eq!(sums["statements"][0]["sessions"], Value::Null);
}
