//! What is encrypted, and what is refused: damaged, moved, written under another key.

use super::*;
use crate::{contract::certificates, session};
use base64ct::{Base64, Encoding};
use engine::domain::{KeyState, Profile, RequestKind, Wrapped};
use sqlx::AssertSqlSafe;
use wire::HashAlgorithm;

#[tokio::test]
async fn a_wrong_column_key_is_refused_when_opening() {
    let file = fresh().await;
    file.store().await;
    assert!(matches!(
        file.try_open(key(1, 8)).await,
        Err(OpenError::WrongColumnKey(1))
    ));
    file.try_open(key(1, 7)).await.expect("the right key");
}

#[tokio::test]
async fn a_new_column_key_takes_over_beside_the_older() {
    let file = fresh().await;
    commit!(file.store().await, |uow| uow.insert_account(&account(1)));
    let both = || ColumnCipher::new(key(2, 9), vec![key(1, 7)]).expect("distinct");
    let store = file.try_open(both()).await.expect("opens");
    commit!(store, |uow| uow.insert_account(&account(2)));
    for number in [1, 2] {
        let stored = read(&store)
            .await
            .account(account_id(number))
            .await
            .expect("reads")
            .expect("there");
        assert_same_account(&stored, &account(number));
    }
    let newest_only = file.try_open(key(2, 9)).await.expect("opens");
    assert!(is_corrupt(
        &read(&newest_only).await.account(account_id(1)).await,
        "account_key.certificate"
    ));
    assert!(
        read(&newest_only)
            .await
            .account(account_id(2))
            .await
            .expect("reads")
            .is_some()
    );
    let swapped = ColumnCipher::new(key(1, 9), vec![key(2, 7)]).expect("distinct");
    assert!(matches!(
        file.try_open(swapped).await,
        Err(OpenError::WrongColumnKey(_))
    ));
}

/// An encrypted column, which two rows to take, and how the first of them is read.
struct Target {
    table: &'static str,
    column: &'static str,
    one: &'static str,
    other: &'static str,
    read: for<'a> fn(&'a mut dyn UnitOfWork) -> Outcome<'a>,
}

type Outcome<'a> = Pin<Box<dyn Future<Output = Result<bool, StoreError>> + Send + 'a>>;

const ONE: &str = "device_id = '01010101010101010101010101010101'";
const OTHER: &str = "device_id = '02020202020202020202020202020202'";
const TARGETS: [Target; 11] = [
    Target {
        table: "account",
        column: "person",
        one: ONE,
        other: OTHER,
        read: account_1,
    },
    Target {
        table: "account_key",
        column: "certificate",
        one: "id = '01010101010101010101010101010101'",
        other: "id = '01020202020202020202020202020202'",
        read: account_1,
    },
    Target {
        table: "session",
        column: "request",
        one: "deadline = (SELECT MIN(deadline) FROM session)",
        other: "deadline = (SELECT MAX(deadline) FROM session)",
        read: session_1,
    },
    Target {
        table: "session",
        column: "state",
        one: "deadline = (SELECT MIN(deadline) FROM session)",
        other: "deadline = (SELECT MAX(deadline) FROM session)",
        read: session_1,
    },
    Target {
        table: "account_key",
        column: "server_share",
        one: "id = '01010101010101010101010101010101'",
        other: "id = '02010101010101010101010101010101'",
        read: account_1,
    },
    Target {
        table: "account_key",
        column: "server_half",
        one: "id = '02010101010101010101010101010101'",
        other: "id = '02020202020202020202020202020202'",
        read: account_1,
    },
    Target {
        table: "device_transaction",
        column: "state",
        one: "id = '01010101010101010101010101010101'",
        other: "id = '02020202020202020202020202020202'",
        read: transaction_1,
    },
    Target {
        table: "registration",
        column: "keys",
        one: ONE,
        other: OTHER,
        read: registration_1,
    },
    Target {
        table: "registration",
        column: "state",
        one: ONE,
        other: OTHER,
        read: registration_1,
    },
    Target {
        table: "pooled_half",
        column: "server_half",
        one: "position = 1",
        other: "position = 2",
        read: half_1,
    },
    Target {
        table: "certificate_record",
        column: "tbs",
        one: "serial = '01010101010101010101010101010101'",
        other: "serial = '02020202020202020202020202020202'",
        read: record_1,
    },
];

fn account_1(uow: &mut dyn UnitOfWork) -> Outcome<'_> {
    Box::pin(async { Ok(uow.account(account_id(1)).await?.is_some()) })
}

fn session_1(uow: &mut dyn UnitOfWork) -> Outcome<'_> {
    Box::pin(async { Ok(uow.session(session_id(1)).await?.is_some()) })
}

fn registration_1(uow: &mut dyn UnitOfWork) -> Outcome<'_> {
    Box::pin(async { Ok(uow.registration(registration_id(1)).await?.is_some()) })
}

fn transaction_1(uow: &mut dyn UnitOfWork) -> Outcome<'_> {
    Box::pin(async { Ok(uow.transaction(transaction_id(1)).await?.is_some()) })
}

fn half_1(uow: &mut dyn UnitOfWork) -> Outcome<'_> {
    Box::pin(async { Ok(uow.take_pooled_half(Profile::Rsa4096).await?.is_some()) })
}

fn record_1(uow: &mut dyn UnitOfWork) -> Outcome<'_> {
    Box::pin(async {
        let one = certificate(1);
        Ok(uow
            .certificate_record(one.issuer, &one.serial)
            .await?
            .is_some())
    })
}

fn certificate(number: u8) -> engine::domain::CertificateRecord {
    certificates::record(
        certificates::CA,
        number,
        engine::domain::CertificateKind::OcspResponder,
    )
}

/// A store with two rows in every table that has an encrypted column.
async fn two_of_each(file: &File) -> Arc<dyn Store> {
    let store = populated(file).await;
    let mut uow = write(&*store).await;
    for number in 1..=2 {
        uow.insert_session(&session(number)).await.expect("inserts");
        uow.insert_transaction(&transaction(number))
            .await
            .expect("inserts");
        uow.insert_registration(&registration(number))
            .await
            .expect("inserts");
        uow.pool_half(Profile::Rsa4096, &half(Profile::Rsa4096, number))
            .await
            .expect("pools");
        uow.record_certificate(&certificate(number))
            .await
            .expect("records");
    }
    uow.commit().await.expect("commits");
    store
}

impl Target {
    async fn cell(&self, file: &File, row: &str) -> Vec<u8> {
        let sql = format!("SELECT {} FROM {} WHERE {row}", self.column, self.table);
        sqlx::query_scalar(AssertSqlSafe(sql))
            .fetch_one(&mut file.connect().await)
            .await
            .expect("reads")
    }

    async fn replace(&self, file: &File, row: &str, cell: &[u8]) {
        let sql = format!("UPDATE {} SET {} = $1 WHERE {row}", self.table, self.column);
        let done = sqlx::query(AssertSqlSafe(sql))
            .bind(cell)
            .execute(&mut file.connect().await)
            .await;
        assert_eq!(done.expect("writes").rows_affected(), 1);
    }

    async fn result(&self, store: &dyn Store) -> Result<bool, StoreError> {
        (self.read)(&mut *write(store).await).await
    }
}

#[tokio::test]
async fn swapped_ciphertexts_are_refused_by_name() {
    for target in TARGETS {
        let file = fresh().await;
        let store = two_of_each(&file).await;
        assert!(target.result(&*store).await.expect("as written"));
        let (one, other) = (
            target.cell(&file, target.one).await,
            target.cell(&file, target.other).await,
        );
        target.replace(&file, target.one, &other).await;
        target.replace(&file, target.other, &one).await;
        let column = format!("{}.{}", target.table, target.column);
        assert!(
            is_corrupt(&target.result(&*store).await, &column),
            "{column}"
        );
        target.replace(&file, target.one, &one).await;
        target.replace(&file, target.other, &other).await;
        assert!(target.result(&*store).await.expect("back in its place"));
    }
}

#[tokio::test]
async fn changed_ciphertexts_are_refused_by_name() {
    for target in TARGETS {
        let file = fresh().await;
        let store = two_of_each(&file).await;
        let cell = target.cell(&file, target.one).await;
        let column = format!("{}.{}", target.table, target.column);
        // The key's number, the nonce, the ciphertext, the tag.
        for position in [0, 1, 13, cell.len() - 1] {
            let mut changed = cell.clone();
            changed[position] ^= 0x10;
            target.replace(&file, target.one, &changed).await;
            assert!(
                is_corrupt(&target.result(&*store).await, &column),
                "{column} at {position}"
            );
        }
        for cut in [&cell[..cell.len() - 1], &[]] {
            target.replace(&file, target.one, cut).await;
            assert!(
                is_corrupt(&target.result(&*store).await, &column),
                "{column} cut"
            );
        }
    }
}

#[tokio::test]
async fn a_ciphertext_in_another_column_is_refused() {
    let file = fresh().await;
    let store = populated(&file).await;
    file.tamper("UPDATE account_key SET server_half = server_share")
        .await;
    assert!(is_corrupt(
        &read(&*store).await.account(account_id(1)).await,
        "account_key.server_half"
    ));
}

/// Whoever has the column key and writes to the database still gets out no signature that does not verify.
#[tokio::test]
async fn a_finished_session_whose_signature_does_not_verify_is_refused() {
    let file = fresh().await;
    populated(&file).await;
    let store = file.store().await;
    let mut done = session(1);
    done.state = completed(account_id(1), at(30));
    commit!(store, |uow| uow.insert_session(&done));
    // A well-formed signature by the right key, over something else.
    let other =
        include_bytes!("../../../vectors/finished-session/signature-of-another-session.bin");
    let row = done.id.0.to_string();
    let cell: Vec<u8> = sqlx::query_scalar("SELECT state FROM session")
        .fetch_one(&store.readers)
        .await
        .expect("reads");
    let state = store
        .cipher
        .decrypt(session::STATE, &row, &cell)
        .expect("decrypts");
    let mut state: serde_json::Value = serde_json::from_slice(&state).expect("JSON");
    state["signature"] = Base64::encode_string(other).into();
    let cell = store
        .cipher
        .encrypt(session::STATE, &row, state.to_string().as_bytes())
        .expect("encrypts");
    let changed = sqlx::query("UPDATE session SET state = $1")
        .bind(cell)
        .execute(&mut file.connect().await)
        .await;
    assert_eq!(changed.expect("runs").rows_affected(), 1);
    assert!(is_corrupt(
        &read(&store).await.session(done.id).await,
        "signature"
    ));
}

#[tokio::test]
async fn a_finished_session_whose_signature_is_not_the_one_asked_for_is_refused() {
    let file = fresh().await;
    let store = populated(&file).await;
    let mut other_scheme = session(1);
    other_scheme.state = completed(account_id(1), at(30));
    let signing = other_scheme.request.signing.as_mut().expect("a signature");
    signing.hash_algorithm = HashAlgorithm::Sha3_512;
    commit!(store, |uow| uow.insert_session(&other_scheme));
    assert!(is_corrupt(
        &read(&*store).await.session(other_scheme.id).await,
        "signature"
    ));

    let mut other_digest = session(2);
    other_digest.state = completed(account_id(1), at(30));
    other_digest.request.kind = RequestKind::Signature {
        digest: vec![0; 64],
    };
    commit!(store, |uow| uow.insert_session(&other_digest));
    assert!(is_corrupt(
        &read(&*store).await.session(other_digest.id).await,
        "digest"
    ));
}

#[tokio::test]
async fn rows_that_we_cannot_have_written_are_refused() {
    for (sql, what) in [
        ("UPDATE account SET level = 'SUPER'", "account"),
        ("UPDATE account SET device_seq = -1", "account"),
        ("UPDATE account SET device_token = X'00'", "account"),
        (
            "UPDATE account SET semantics_identifier = 'nobody'",
            "account",
        ),
        ("UPDATE account SET state = '{}'", "account"),
        ("UPDATE account_key SET profile = 99", "account_key"),
        ("UPDATE account_key SET in_flight = 'zz'", "account_key"),
        ("UPDATE account_key SET pin = 'null'", "account_key"),
        ("UPDATE account_key SET n1 = 5", "account_key"),
        ("DELETE FROM account_key WHERE purpose = 2", "account_key"),
    ] {
        let file = fresh().await;
        let store = populated(&file).await;
        file.tamper(sql).await;
        assert!(
            is_corrupt(&read(&*store).await.account(account_id(1)).await, what),
            "{sql}"
        );
    }
}

#[tokio::test]
async fn names_and_secrets_are_nowhere_in_the_files() {
    let file = fresh().await;
    let store = populated(&file).await;
    let secret = b"a share that nobody may see";
    let mut one = account(9);
    if let KeyState::Ready { server_share, .. } = &mut one.keys.signature.state {
        *server_share = Wrapped(secret.to_vec());
    }
    one.keys.signature.certificate = b"a certificate with a name".to_vec();
    commit!(store, |uow| uow.insert_account(&one));
    let mut done = session(1);
    done.state = completed(account_id(1), at(30));
    commit!(store, |uow| uow.insert_session(&done));
    let linked = linked_session(8, "eHgTokenOfTheLinkedOne00");
    commit!(store, |uow| uow.insert_session(&linked));
    let interactions = done.request.interactions().expect("some");
    drop(store);
    let mut all = Vec::new();
    for entry in std::fs::read_dir(file.folder.path()).expect("lists") {
        all.extend(std::fs::read(entry.expect("lists").path()).expect("reads"));
    }
    let holds = |needle: &[u8]| all.windows(needle.len()).any(|window| window == needle);
    assert!(holds(one.document_number.to_string().as_bytes()));
    for needle in [
        &secret[..],
        one.person.surname.as_bytes(),
        one.person.given_name.as_bytes(),
        b"2005-04-04",
        b"a certificate with a name",
        interactions.base64().as_bytes(),
        b"eHgTokenOfTheLinkedOne00",
        b"CAgICAgICAgICAgICAgICAgI",
        b"rp.example.com",
        b"2001:db8::7",
    ] {
        assert!(!holds(needle), "{}", String::from_utf8_lossy(needle));
    }
}
