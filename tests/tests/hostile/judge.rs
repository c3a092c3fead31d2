use crate::message::Message;
use serde_json::Value;
use sqlx::{Column, Connection, Row, SqliteConnection, sqlite::SqliteConnectOptions};
use std::{
    collections::BTreeMap,
    panic,
    sync::{Mutex, Once, PoisonError},
};
use tests::{Answer, World};

const CODES: &str = include_str!("../../../docs/problem-codes.md");

/// Largest problem document: whoever sends much gets little back.
const MAX_PROBLEM: usize = 4096;

/// Panics of the product, wherever they were caught.
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// All rows, by table; encrypted columns included, so that any write shows.
pub(crate) type Rows = BTreeMap<&'static str, Vec<BTreeMap<String, Option<Vec<u8>>>>>;

/// Records panics in our own code from now on.
pub(crate) fn watch_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let ours = info
                .location()
                .is_some_and(|place| !place.file().starts_with("tests/"));
            if ours {
                let mut panics = PANICS.lock().unwrap_or_else(PoisonError::into_inner);
                panics.push(info.to_string());
            }
            usual(info);
        }));
    });
}

/// Nothing in the product has panicked.
pub(crate) fn no_panics() {
    let panics = PANICS.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(panics.is_empty(), "{panics:?}");
}

/// Everything in the database.
pub(crate) async fn rows(world: &World) -> Rows {
    let options = SqliteConnectOptions::new()
        .filename(world.database())
        .read_only(true);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let mut all = Rows::new();
    for (table, sql) in [
        ("account", "SELECT * FROM account ORDER BY 1"),
        ("account_key", "SELECT * FROM account_key ORDER BY 1"),
        ("session", "SELECT * FROM session ORDER BY 1"),
        (
            "session_candidate",
            "SELECT * FROM session_candidate ORDER BY 1, 2",
        ),
        (
            "device_transaction",
            "SELECT * FROM device_transaction ORDER BY 1",
        ),
        ("registration", "SELECT * FROM registration ORDER BY 1"),
        ("relying_party", "SELECT * FROM relying_party ORDER BY 1"),
        ("pooled_half", "SELECT * FROM pooled_half ORDER BY 1"),
        ("audit_entry", "SELECT * FROM audit_entry ORDER BY 1"),
        ("evidence", "SELECT * FROM evidence ORDER BY 1"),
    ] {
        let rows = sqlx::query(sql).fetch_all(&mut connection).await.unwrap();
        let rows = rows.iter().map(|row| {
            let columns = row.columns().iter();
            columns
                .map(|column| {
                    let value = row.try_get_unchecked(column.ordinal()).unwrap();
                    (column.name().to_owned(), value)
                })
                .collect()
        });
        all.insert(table, rows.collect());
    }
    connection.close().await.unwrap();
    all
}

/// The answer is a refusal as documented, and its code.
pub(crate) fn refusal(what: &str, sent: &Message, answer: &Answer) -> String {
    let status = answer.status;
    let text = String::from_utf8_lossy(&answer.body);
    assert!((400..500).contains(&status), "{what}: {status} {text}");
    no_panics();
    if sent.method == "HEAD" {
        return String::new();
    }
    let header = |name| {
        let value: Option<&axum::http::HeaderValue> = answer.headers.get(name);
        value
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    // A browser that is shown it must not take it for a page.
    assert_eq!(header("content-type"), "application/problem+json", "{what}");
    assert_eq!(header("x-content-type-options"), "nosniff", "{what}");
    assert!(
        answer.body.len() <= MAX_PROBLEM,
        "{what}: {} bytes",
        answer.body.len()
    );
    let problem = answer.json();
    assert_eq!(problem["status"], status, "{what}: {text}");
    assert_eq!(problem["instance"], Value::Null, "{what}: {text}");
    let code = problem["code"].as_str().unwrap_or_default().to_owned();
    assert!(
        CODES.contains(&format!("| {status} | `{code}` |")),
        "{what}: {status} {code} is not documented"
    );
    code
}
