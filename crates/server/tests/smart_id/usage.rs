//! The statement of a month, in all its formats, out of the database of a running server.

use crate::process::{Server, request, run, stderr, stdout};
use engine::{
    domain::{AuditEvent, AuditRecord},
    ports::Store,
};
use serde_json::Value;
use server::{config::Config, demo::DEMO, deployment};
use std::{collections::BTreeMap, path::Path};
use wire::SessionId;

/// Kind, result, billable.
type Row = (String, String, String);
type Sums = BTreeMap<Row, u64>;

fn device(file: &Path, arguments: &[&str]) {
    let file = ["--file", file.to_str().expect("UTF-8")];
    let output = run(&[&["device"], arguments, &file].concat());
    assert!(
        output.status.success(),
        "{arguments:?}: {}{}",
        stdout(&output),
        stderr(&output)
    );
}

/// Asks for a login or a signature as the README shows it.
fn ask(address: &str, kind: &str, body: &str) {
    let path = format!("/smart-id-rp/v3/{kind}/notification/etsi/PNOEE-40504040001");
    let (status, _, answer) = request(
        address,
        "POST",
        &path,
        "content-type: application/json\r\n",
        body,
    );
    assert_eq!(status, 200, "{answer}");
}

/// Starts and ends in the trail that a server would have written last winter: it was not running then.
fn write_history(config: &Path) {
    let record = |at: &str, number: u32, event| AuditRecord {
        at: at.parse().expect("a time"),
        account: None,
        relying_party: Some(DEMO.parse().expect("a UUID")),
        session: Some(
            format!("00000000-0000-4000-8000-{number:012}")
                .parse::<SessionId>()
                .expect("a UUID"),
        ),
        event,
    };
    let start = |at: &str, number, kind: &str| {
        let event = AuditEvent::SessionStarted {
            kind: kind.to_owned(),
            interactions_sha256: String::new(),
        };
        record(at, number, event)
    };
    let end = |at: &str, number, kind: Option<&str>, result: &str| {
        let event = AuditEvent::SessionEnded {
            result: result.to_owned(),
            kind: kind.map(str::to_owned),
            signature_sha256: None,
            evidence_sha256: None,
        };
        record(at, number, event)
    };
    let history = [
        start("2026-01-31T23:59:30Z", 1, "signature"),
        end("2026-02-01T00:00:10Z", 1, None, "OK"),
        start("2026-02-02T10:00:00Z", 2, "authentication"),
        end("2026-02-02T10:01:30Z", 2, Some("authentication"), "TIMEOUT"),
        start("2026-02-03T10:00:00Z", 3, "authentication"),
        end("2026-02-03T10:00:20Z", 3, Some("authentication"), "OK"),
        end("2026-02-03T10:00:21Z", 3, Some("authentication"), "OK"),
        end("2026-02-04T10:00:00Z", 4, Some("signature"), "OK"),
        start("2026-02-28T23:59:59Z", 5, "signature"),
        end("2026-03-01T00:00:00Z", 5, Some("signature"), "OK"),
    ];
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    runtime.block_on(async {
        let config = Config::load(config).expect("a configuration");
        let store = deployment::open_store(&config.database)
            .await
            .expect("a database");
        let mut uow = store.write().await.expect("begins");
        for record in &history {
            uow.record(record).await.expect("records");
        }
        uow.commit().await.expect("commits");
        store.close().await;
    });
}

/// The statement of the demo's relying party, read out of each of the formats, which have to agree; and the warnings.
fn statement(data: &str, period: &[&str]) -> (Sums, String) {
    let usage = |format: &[&str]| {
        let common = ["rp", "usage", "--data", data, "--rp", DEMO];
        let output = run(&[&common, period, format].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        (stdout(&output), stderr(&output))
    };
    let (json, warnings) = usage(&["--format", "json", "--details"]);
    let json: Value = serde_json::from_str(&json).expect("JSON");
    let of = &json["statements"][0];
    let sums = sums_of_json(of);
    let sessions: Vec<Row> = of["sessions"]
        .as_array()
        .expect("details")
        .iter()
        .map(row_of_json)
        .collect();
    assert_eq!(count(sessions), sums);
    let total = |sums: &Sums, billable: &str| -> u64 {
        sums.iter()
            .filter(|((_, _, charge), _)| charge == billable)
            .map(|(_, count)| count)
            .sum()
    };
    for totals in [&of["totals"], &json["totals"]] {
        assert_eq!(totals["sessions"], sums.values().sum::<u64>());
        assert_eq!(totals["billable"], total(&sums, "yes"));
        assert_eq!(totals["unknown"], total(&sums, "unknown"));
    }

    let (csv, _) = usage(&["--format", "csv"]);
    let rows = csv_rows(&csv);
    let of_csv: Sums = rows
        .iter()
        .map(|cells| {
            (
                (cells[4].clone(), cells[5].clone(), cells[6].clone()),
                cells[7].parse().expect("a number"),
            )
        })
        .collect();
    assert_eq!(of_csv, sums, "{csv}");
    let (csv, _) = usage(&["--format", "csv", "--details"]);
    let of_csv = csv_rows(&csv)
        .into_iter()
        .map(|cells| (cells[4].clone(), cells[5].clone(), cells[6].clone()));
    assert_eq!(count(of_csv), sums, "{csv}");

    let (table, _) = usage(&[]);
    let mut of_table = Sums::new();
    let mut totals = Vec::new();
    for line in table.lines().filter(|line| line.starts_with("  ")).skip(1) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match &*words {
            ["total", sessions, billable, ..] => {
                totals.push((sessions.to_string(), billable.to_string()))
            }
            [kind, result, sessions, billable] => {
                let charge = match *billable {
                    "-" => "no",
                    "unknown" => "unknown",
                    number => {
                        assert_eq!(number, *sessions);
                        "yes"
                    }
                };
                of_table.insert(
                    (kind.to_string(), result.to_string(), charge.to_owned()),
                    sessions.parse().expect("a number"),
                );
            }
            _ => panic!("{line}"),
        }
    }
    assert_eq!(of_table, sums, "{table}");
    assert_eq!(
        totals,
        [(
            sums.values().sum::<u64>().to_string(),
            total(&sums, "yes").to_string()
        )],
        "{table}"
    );
    (sums, warnings)
}

fn sums_of_json(statement: &Value) -> Sums {
    let rows = statement["rows"].as_array().expect("rows");
    rows.iter()
        .map(|row| {
            (
                row_of_json(row),
                row["sessions"].as_u64().expect("a number"),
            )
        })
        .collect()
}

fn row_of_json(value: &Value) -> Row {
    let text = |name: &str| value[name].as_str().expect(name).to_owned();
    (text("kind"), text("result"), text("billable"))
}

fn count(rows: impl IntoIterator<Item = Row>) -> Sums {
    let mut sums = Sums::new();
    for row in rows {
        *sums.entry(row).or_default() += 1;
    }
    sums
}

/// Cells of all lines but the header. None of the demo's names needs quotes.
fn csv_rows(csv: &str) -> Vec<Vec<String>> {
    assert!(csv.ends_with("\r\n") && !csv.contains('"'), "{csv}");
    let lines = csv.split_terminator("\r\n").skip(1);
    lines
        .map(|line| line.split(',').map(str::to_owned).collect())
        .collect()
}

fn row(kind: &str, result: &str, billable: &str, sessions: u64) -> (Row, u64) {
    (
        (kind.to_owned(), result.to_owned(), billable.to_owned()),
        sessions,
    )
}

#[test]
fn all_formats_of_a_statement_add_up_to_the_sessions_that_took_place() {
    let demo = Server::demo(None);
    let (address, data) = (demo.address(), demo.data());
    let files = tempfile::tempdir().expect("a temporary folder");
    let phone = files.path().join("phone");
    let url = format!("http://{address}");
    device(
        &phone,
        &[
            "register",
            "--url",
            &url,
            "--pin1",
            "4826",
            "--pin2",
            "73915",
            "--person",
            "PNOEE-40504040001",
            "--given-name",
            "OK",
            "--surname",
            "TESTNUMBER",
            "--date-of-birth",
            "1905-04-04",
        ],
    );
    let authentication = include_str!("../../../../docs/examples/authentication.json");
    ask(&address, "authentication", authentication);
    device(&phone, &["approve", "--pin1", "4826"]);
    ask(&address, "authentication", authentication);
    device(&phone, &["refuse"]);
    // Still runs, and so is in no statement.
    ask(&address, "authentication", authentication);

    let (now, notes) = statement(&data, &[]);
    let refused: u64 = now
        .iter()
        .filter(|((_, result, _), _)| result.starts_with("USER_REFUSED"))
        .map(|(_, count)| count)
        .sum();
    assert_eq!(
        (now.get(&row("authentication", "OK", "yes", 0).0), refused),
        (Some(&1), 1),
        "{now:?}"
    );
    assert_eq!(now.len(), 2, "{now:?}");
    assert_eq!(notes, "");

    write_history(&Path::new(&data).join("smart-id.toml"));
    let (february, warnings) = statement(&data, &["--month", "2026-02"]);
    let expected: Sums = [
        row("signature", "OK", "yes", 1),
        row("authentication", "TIMEOUT", "no", 1),
        row("authentication", "OK", "yes", 1),
        row("signature", "OK", "unknown", 1),
    ]
    .into();
    assert_eq!(february, expected);
    let warnings: Vec<&str> = warnings.lines().collect();
    assert_eq!(
        warnings,
        [
            "warning: 2026-02-03T10:00:21Z session 00000000-0000-4000-8000-000000000003: ended a second time; the first end counts",
            "warning: 2026-02-04T10:00:00Z session 00000000-0000-4000-8000-000000000004: ended but never started; counted as unknown",
        ]
    );
    let (march, _) = statement(&data, &["--month", "2026-03"]);
    assert_eq!(march, [row("signature", "OK", "yes", 1)].into());
}
