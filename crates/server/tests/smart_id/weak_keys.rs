//! Keys that a broken random number generator would make, planted in a real database, found by the real program.

use crate::{
    process::{Server, get, run, stderr, stdout},
    serve::deployment,
};
use engine::{
    domain::{
        Account, AccountId, AccountKey, AccountLevel, AccountState, AuditEvent, Device, DeviceId,
        KeyId, KeyState, PerPurpose, Person, PinCounter, Profile, Purpose, ServerModulus,
        TokenHash, Wrapped,
    },
    ports::{NewServerHalf, Store},
};
use jiff::{SignedDuration, Timestamp, civil::date};
use server::{config::Config, deployment};
use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};
use store::SqliteStore;
use uuid::Uuid;

/// Products of two random primes of 1536 bits each; a line begins with the primes' numbers.
const MODULI: &str = include_str!("moduli.txt");

fn modulus(primes: &str) -> Vec<u8> {
    let mut lines = MODULI.lines().filter_map(|line| line.split_once(' '));
    let (_, text) = lines.find(|(name, _)| *name == primes).expect(primes);
    hex::decode(text).expect("hexadecimal")
}

/// An account whose keys have these moduli: n1 and n2 for authentication, n1 and n2 for signatures.
pub(crate) fn account(number: u8, moduli: [&str; 4]) -> Account {
    let [n1, n2, n3, n4] = moduli.map(modulus);
    let key = |purpose: Purpose, n1: Vec<u8>, n2: Vec<u8>| AccountKey {
        id: KeyId([number ^ (purpose.id() << 4); 16]),
        purpose,
        profile: Profile::Rsa6144,
        n: vec![0; 768],
        n1,
        n2,
        certificate: Vec::new(),
        pin: PinCounter::default(),
        state: KeyState::Ready {
            server_share: Wrapped(vec![1]),
            server_half: Wrapped(vec![2]),
        },
        in_flight: None,
    };
    let created_at = Timestamp::now();
    Account {
        id: AccountId(Uuid::from_u128(number.into())),
        person: Person {
            semantics_identifier: "PNOEE-40504040001".parse().expect("an identifier"),
            given_name: "OK".to_owned(),
            surname: "TESTNUMBER".to_owned(),
            date_of_birth: date(1905, 4, 4),
        },
        document_number: document(number).parse().expect("a document number"),
        level: AccountLevel::Qualified,
        device: Device {
            id: DeviceId([number; 16]),
            public_key: vec![4; 65],
            token: TokenHash([number; 32]),
            seq: 0,
            superseded: 0,
        },
        keys: PerPurpose {
            authentication: key(Purpose::Authentication, n1, n2),
            signature: key(Purpose::Signature, n3, n4),
        },
        state: AccountState::Active,
        created_at,
        expires_at: created_at + SignedDuration::from_hours(24),
        version: 0,
    }
}

fn document(number: u8) -> String {
    format!("PNOEE-40504040001-AAA{number}-Q")
}

fn key_id(number: u8, purpose: Purpose) -> String {
    hex::encode([number ^ (purpose.id() << 4); 16])
}

/// Works on the database as the program does, and closes it again.
pub(crate) fn with_store<T>(config: &Path, work: impl AsyncFnOnce(&SqliteStore) -> T) -> T {
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    runtime.block_on(async {
        let config = Config::load(config).expect("a configuration");
        let store = deployment::open_store(&config.database)
            .await
            .expect("a database");
        let outcome = work(&store).await;
        store.close().await;
        outcome
    })
}

fn open(config: &Path, account: &Account) {
    with_store(config, async |store| {
        let mut uow = store.write().await.expect("begins");
        uow.insert_account(account).await.expect("inserts");
        uow.commit().await.expect("commits");
    });
}

fn check_keys(config: &Path) -> (Option<i32>, String) {
    let output = run(&["check", "keys", "--config", config.to_str().expect("UTF-8")]);
    (output.status.code(), stdout(&output) + &stderr(&output))
}

/// Waits until the server's metrics tell this line.
fn await_metric(address: &str, line: &str) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let (_, _, text) = get(address, "/metrics");
        if text.lines().any(|told| told == line) {
            return;
        }
        assert!(Instant::now() < deadline, "{line} is not in {text}");
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn planted_weak_keys_are_found_by_command_and_job_and_good_ones_are_not() {
    let (_folder, config, address) = deployment();
    open(&config, &account(1, ["0*1", "2*3", "4*5", "6*7"]));
    let (code, said) = check_keys(&config);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("ok     no two of"), "{said}");

    // 2 shares a prime with 1: n1 with n1.
    open(&config, &account(2, ["0*8", "9*10", "11*12", "13*14"]));
    // 3 has n1 of 2 once more, and a prime in n2 that 1 has in n1.
    open(&config, &account(3, ["15*16", "4*17", "11*12", "18*19"]));
    let (code, said) = check_keys(&config);
    assert_eq!(code, Some(1), "{said}");
    let wrong: Vec<&str> = said
        .lines()
        .filter(|line| line.starts_with("wrong"))
        .collect();
    assert_eq!(wrong.len(), 3, "{said}");
    let authentication = |number| {
        let id = key_id(number, Purpose::Authentication);
        format!("authentication key {id} of {}", document(number))
    };
    let signature = |number| {
        let id = key_id(number, Purpose::Signature);
        format!("signature key {id} of {}", document(number))
    };
    for told in [
        [
            format!("n1 of {}", authentication(1)),
            format!("n1 of {}", authentication(2)),
            "share a factor of 1536 bits".to_owned(),
        ],
        [
            format!("n1 of {}", signature(1)),
            format!("n2 of {}", authentication(3)),
            "share a factor of 1536 bits".to_owned(),
        ],
        [
            format!("n1 of {}", signature(2)),
            format!("n1 of {}", signature(3)),
            "are the same modulus".to_owned(),
        ],
    ] {
        assert!(
            wrong
                .iter()
                .any(|line| told.iter().all(|part| line.contains(part))),
            "{told:?}: {said}"
        );
    }

    // The job of a server finds them as well: in the metrics and in the audit trail, by key id and without a name.
    let server = Server::serve(&config);
    await_metric(&address, "smart_id_weak_keys 6");
    drop(server);
    let records = with_store(&config, async |store| {
        let mut reader = store.read().await.expect("begins");
        reader
            .audit_records(Timestamp::MIN, Timestamp::MAX)
            .await
            .expect("reads")
    });
    let mut found: Vec<_> = records
        .into_iter()
        .filter_map(|record| match record.event {
            AuditEvent::WeakModulusFound { weakness, keys } => Some((weakness, keys)),
            _ => None,
        })
        .collect();
    found.sort();
    let pair = |one: (u8, Purpose), other: (u8, Purpose)| {
        vec![key_id(one.0, one.1), key_id(other.0, other.1)]
    };
    let mut expected = vec![
        (
            "same_modulus".to_owned(),
            pair((2, Purpose::Signature), (3, Purpose::Signature)),
        ),
        (
            "shared_factor".to_owned(),
            pair((1, Purpose::Authentication), (2, Purpose::Authentication)),
        ),
        (
            "shared_factor".to_owned(),
            pair((3, Purpose::Authentication), (1, Purpose::Signature)),
        ),
    ];
    for (_, keys) in found.iter_mut().chain(&mut expected) {
        keys.sort();
    }
    expected.sort();
    assert_eq!(found, expected);

    // Nobody ever issued their certificates.
    let config_path = config.to_str().expect("UTF-8");
    let certificates = run(&["check", "certificates", "--config", config_path]);
    assert_eq!(certificates.status.code(), Some(1));
    let said = stdout(&certificates);
    for number in [1, 2, 3] {
        let key = key_id(number, Purpose::Signature);
        assert!(
            said.contains(&format!("of key {key}: the certificate cannot be read")),
            "{said}"
        );
    }

    // What is closed harms nobody any more, and is still compared with what comes.
    for number in [2, 3] {
        let config = config.to_str().expect("UTF-8");
        let closed = run(&[
            "account",
            "close",
            &document(number),
            "--config",
            config,
            "--yes",
        ]);
        assert!(closed.status.success(), "{}", stderr(&closed));
    }
    let (code, said) = check_keys(&config);
    assert_eq!(code, Some(1), "account 1 is open and shares primes: {said}");
    assert!(
        said.contains("note   ") && said.contains("(destroyed)"),
        "{said}"
    );
}

#[test]
fn a_weak_half_in_the_pool_is_found() {
    let (_folder, config, _) = deployment();
    let half = |primes| NewServerHalf {
        modulus: ServerModulus::from_bytes(Profile::Rsa6144, &modulus(primes)).expect("a modulus"),
        wrapped: Wrapped(vec![3]),
    };
    with_store(&config, async |store| {
        let mut uow = store.write().await.expect("begins");
        for primes in ["0*1", "0*8"] {
            uow.pool_half(Profile::Rsa6144, &half(primes))
                .await
                .expect("pools");
        }
        uow.commit().await.expect("commits");
    });
    let (code, said) = check_keys(&config);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains(
            "a server half in the pool and a server half in the pool share a factor of 1536 bits"
        ),
        "{said}"
    );
    // `check all` looks, too.
    let all = run(&["check", "all", "--config", config.to_str().expect("UTF-8")]);
    assert!(
        stdout(&all).contains("share a factor of 1536 bits"),
        "{}",
        stdout(&all)
    );
}
