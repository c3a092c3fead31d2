//! What the server reads: requests, rows, the vault's file and blobs, its configuration.

use super::real::{PERSON, real};
use engine::ports::ServerKeys;
use std::sync::OnceLock;

pub(crate) mod router {
    use super::*;
    use axum::{body::Body, http::Request};

    /// `METHOD path\nname: value\n…\n\nbody`.
    pub(crate) fn run(data: &[u8]) {
        let Some(request) = parse(data) else { return };
        let real = real();
        let answer = real.runtime.block_on(real.world.dispatch(request));
        assert!(
            answer.status < 500,
            "{}",
            String::from_utf8_lossy(&answer.body)
        );
        if answer.status >= 400 && !answer.body.is_empty() {
            assert!(answer.json()["code"].is_string(), "a problem document");
        }
    }

    fn parse(data: &[u8]) -> Option<Request<Body>> {
        let end = data.windows(2).position(|two| two == b"\n\n")?;
        let (head, body) = (&data[..end], &data[end + 2..]);
        let mut lines = head.split(|byte| *byte == b'\n');
        let first = std::str::from_utf8(lines.next()?).ok()?;
        let (method, path) = first.split_once(' ')?;
        // A session that runs is waited for.
        if path.contains("/session/") {
            return None;
        }
        let mut request = Request::builder().method(method).uri(path);
        for line in lines {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let value = line[colon + 1..].trim_ascii();
            request = request.header(&line[..colon], value);
        }
        request.body(Body::from(body.to_vec())).ok()
    }

    pub(crate) fn seeds() -> Vec<Vec<u8>> {
        let mut seeds: Vec<_> = real()
            .exchanges
            .iter()
            .map(|exchange| {
                let mut text = format!("{} {}\n", exchange.method, exchange.path);
                for (name, value) in &exchange.headers {
                    text.push_str(&format!("{name}: {value}\n"));
                }
                [text.as_bytes(), b"\n", &exchange.body].concat()
            })
            .collect();
        for (path, body) in [
            (
                "authentication/notification/etsi",
                tests::authentication_request(),
            ),
            ("signature/notification/etsi", tests::signature_request()),
        ] {
            let head = format!(
                "POST /smart-id-rp/v3/{path}/{PERSON}\ncontent-type: application/json\n\n{body}"
            );
            seeds.push(head.into_bytes());
        }
        for path in ["/health/ready", "/metrics", "/certs/root.pem", "/"] {
            seeds.push(format!("GET {path}\n\n").into_bytes());
        }
        seeds
    }
}

pub(crate) mod stored_rows {
    use super::*;
    use engine::ports::Store;
    use sqlx::{AssertSqlSafe, Connection, Row, SqliteConnection, sqlite::SqliteConnectOptions};
    use std::sync::Mutex;

    /// Every column that is more than a number: table, column, whether it is encrypted.
    const COLUMNS: &[(&str, &str, bool)] = &[
        ("account", "id", false),
        ("account", "semantics_identifier", false),
        ("account", "person", true),
        ("account", "document_number", false),
        ("account", "level", false),
        ("account", "device_id", false),
        ("account", "device_public_key", false),
        ("account", "device_token", false),
        ("account", "state", false),
        ("account_key", "n1", false),
        ("account_key", "n2", false),
        ("account_key", "n", false),
        ("account_key", "certificate", true),
        ("account_key", "pin", false),
        ("account_key", "server_share", true),
        ("account_key", "server_half", true),
        ("account_key", "in_flight", false),
        ("session", "request", true),
        ("session", "state_code", false),
        ("session", "state", true),
        ("session", "claimed_by", false),
        ("device_transaction", "operation", false),
        ("device_transaction", "r", false),
        ("device_transaction", "state_code", false),
        ("device_transaction", "state", true),
        ("registration", "code", false),
        ("registration", "device_public_key", false),
        ("registration", "device_token", false),
        ("registration", "keys", true),
        ("registration", "state", true),
        ("relying_party", "names", false),
        ("relying_party", "networks", false),
        ("relying_party", "rights", false),
    ];

    fn connection() -> &'static Mutex<SqliteConnection> {
        static CONNECTION: OnceLock<Mutex<SqliteConnection>> = OnceLock::new();
        CONNECTION.get_or_init(|| {
            let options = SqliteConnectOptions::new()
                .filename(real().world.database())
                .foreign_keys(false)
                .pragma("synchronous", "OFF");
            let connection = real()
                .runtime
                .block_on(SqliteConnection::connect_with(&options));
            Mutex::new(connection.expect("the database"))
        })
    }

    /// First byte: which column. Second: how the stored value is changed, or replaced by the rest.
    pub(crate) fn run(data: &[u8]) {
        let [column, how, rest @ ..] = data else {
            return;
        };
        let (table, column, encrypted) = COLUMNS[usize::from(*column) % COLUMNS.len()];
        let mut connection = connection()
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        real().runtime.block_on(async {
            let connection = &mut *connection;
            let select = format!(
                "SELECT rowid, {column}, typeof({column}) FROM {table} ORDER BY rowid LIMIT 1"
            );
            let row = sqlx::query(AssertSqlSafe(select))
                .fetch_optional(&mut *connection)
                .await;
            let Ok(Some(row)) = row else { return };
            let id: i64 = row.get(0);
            let honest: Option<Vec<u8>> = row.try_get_unchecked(1).expect("bytes");
            let is_text = row.get::<String, _>(2) != "blob";
            let Some(honest) = honest else { return };
            let mut changed = honest.clone();
            match how % 3 {
                0 => changed = rest.to_vec(),
                _ => {
                    for pair in rest.chunks_exact(2) {
                        let at =
                            usize::from(pair[0]) * usize::from(how / 3 + 1) % changed.len().max(1);
                        if let Some(byte) = changed.get_mut(at) {
                            *byte ^= pair[1];
                        }
                    }
                }
            }
            let set = |cast: bool| match cast {
                true => format!("UPDATE {table} SET {column} = CAST($1 AS TEXT) WHERE rowid = $2"),
                false => format!("UPDATE {table} SET {column} = $1 WHERE rowid = $2"),
            };
            let text = is_text && how & 64 == 0;
            let update = sqlx::query(AssertSqlSafe(set(text)))
                .bind(&changed)
                .bind(id);
            if update.execute(&mut *connection).await.is_ok() {
                let read = read_everything().await;
                let restore = sqlx::query(AssertSqlSafe(set(is_text)))
                    .bind(&honest)
                    .bind(id);
                restore.execute(&mut *connection).await.expect("restored");
                assert!(
                    !(encrypted && read && changed != honest),
                    "{table}.{column}: a changed ciphertext was read"
                );
            }
        });
    }

    /// Reads every kind of row; says whether all could be understood.
    async fn read_everything() -> bool {
        let store = real().world.store();
        let mut reader = store.read().await.expect("a reader");
        let person = PERSON.parse().expect("an identifier");
        let accounts = reader.active_accounts_of(&person).await;
        let mut all = accounts.is_ok();
        drop(reader);
        // After a row that cannot be understood, a transaction is over.
        let ids = ids();
        for session in &ids.sessions {
            all &= store
                .read()
                .await
                .expect("a reader")
                .session(*session)
                .await
                .is_ok();
        }
        for transaction in &ids.transactions {
            all &= store
                .read()
                .await
                .expect("a reader")
                .transaction(*transaction)
                .await
                .is_ok();
        }
        for registration in &ids.registrations {
            all &= store
                .read()
                .await
                .expect("a reader")
                .registration(*registration)
                .await
                .is_ok();
        }
        all &= store
            .read()
            .await
            .expect("a reader")
            .relying_parties()
            .await
            .is_ok();
        all
    }

    struct Ids {
        sessions: Vec<wire::SessionId>,
        transactions: Vec<splitkey::TransactionId>,
        registrations: Vec<wire::RegistrationId>,
    }

    /// What stands first in each table.
    fn ids() -> &'static Ids {
        static IDS: OnceLock<Ids> = OnceLock::new();
        IDS.get_or_init(|| Ids {
            sessions: parsed("session"),
            transactions: parsed::<wire::TransactionId>("device_transaction")
                .iter()
                .map(|id| splitkey::TransactionId(id.0))
                .collect(),
            registrations: parsed("registration"),
        })
    }

    /// Every id of a table.
    fn parsed<T: std::str::FromStr>(table: &'static str) -> Vec<T> {
        let options = SqliteConnectOptions::new().filename(real().world.database());
        // On another thread: this one is inside the runtime already.
        let read = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().expect("a runtime");
            runtime.block_on(async {
                let connected = SqliteConnection::connect_with(&options).await;
                let mut connection = connected.expect("the database");
                let select = format!("SELECT id FROM {table} ORDER BY rowid");
                let rows = sqlx::query(AssertSqlSafe(select)).fetch_all(&mut connection);
                let rows = rows.await.expect("rows");
                rows.iter()
                    .map(|row| row.get::<String, _>(0))
                    .collect::<Vec<_>>()
            })
        });
        let ids = read.join().expect("no panic");
        ids.iter().filter_map(|id| id.parse().ok()).collect()
    }

    pub(crate) fn seeds() -> Vec<Vec<u8>> {
        (0..COLUMNS.len())
            .flat_map(|column| {
                let column = u8::try_from(column).expect("few columns");
                [
                    vec![column, 1, 0, 1],
                    vec![column, 4, 20, 255],
                    [&[column, 0][..], br#"{"state":"Active"}"#].concat(),
                    vec![column, 64],
                ]
            })
            .collect()
    }
}

pub(crate) mod vault_file {
    use super::*;
    use tempfile::TempDir;
    use vault::{SoftwareVault, UnlockKey};
    use zeroize::Zeroizing;

    struct Honest {
        folder: TempDir,
        bytes: Vec<u8>,
    }

    fn honest() -> &'static Honest {
        static HONEST: OnceLock<Honest> = OnceLock::new();
        HONEST.get_or_init(|| Honest {
            folder: tempfile::tempdir().expect("a folder"),
            bytes: std::fs::read(real().world.database().with_file_name("vault"))
                .expect("the vault"),
        })
    }

    pub(crate) fn run(data: &[u8]) {
        let path = honest().folder.path().join("vault");
        let bytes = super::super::changed(&honest().bytes, data);
        std::fs::write(&path, &bytes).expect("written");
        let unlock = UnlockKey::from_bytes(Zeroizing::new([9; 32]));
        let opened = SoftwareVault::open(&path, unlock).is_ok();
        assert_eq!(
            opened,
            bytes == honest().bytes,
            "a changed vault opens, or the honest one does not"
        );
    }

    pub(crate) fn seeds() -> Vec<Vec<u8>> {
        vec![vec![0, 0], vec![0, 1], vec![255, 128]]
    }
}

pub(crate) mod vault_blobs {
    use super::*;
    use engine::domain::Wrapped;

    const PLACE: &str = "fuzz";
    const SECRET: &[u8] = b"sixteen bytes ok";

    fn honest() -> &'static Wrapped {
        static HONEST: OnceLock<Wrapped> = OnceLock::new();
        HONEST.get_or_init(|| {
            let real = real();
            let wrapped = real
                .runtime
                .block_on(real.world.vault().protect(PLACE, SECRET));
            wrapped.expect("protected")
        })
    }

    pub(crate) fn run(data: &[u8]) {
        let real = real();
        let vault = real.world.vault();
        let blob = Wrapped(super::super::changed(&honest().0, data));
        let same = blob == *honest();
        let revealed = real.runtime.block_on(vault.reveal(PLACE, &blob));
        assert_eq!(
            revealed.is_ok(),
            same,
            "a changed blob opens, or the honest one does not"
        );
        assert!(
            real.runtime
                .block_on(vault.reveal("elsewhere", &blob))
                .is_err(),
            "moved"
        );
    }

    pub(crate) fn seeds() -> Vec<Vec<u8>> {
        vec![vec![0, 0], vec![0, 1], vec![255, 128]]
    }
}

pub(crate) mod configuration {
    use server::config::Config;
    use vault::CeremonyConfig;

    pub(crate) fn run(data: &[u8]) {
        let Ok(text) = std::str::from_utf8(data) else {
            return;
        };
        let _ = toml::from_str::<CeremonyConfig>(text);
        let Ok(config) = toml::from_str::<Config>(text) else {
            return;
        };
        let _ = (config.policy(), config.web_limits(), config.http.limits());
        let _ = (config.http.body_timeout(), config.http.trusted_proxies());
    }

    pub(crate) fn seeds() -> Vec<Vec<u8>> {
        vec![
            include_bytes!("../../docs/config/serve.toml").to_vec(),
            include_bytes!("../../docs/config/ceremony.toml").to_vec(),
        ]
    }
}
