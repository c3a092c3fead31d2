//! Certificates that were given out before there were records.

use super::*;
use engine::domain::{
    Account, CaKeyId, CertificateKind, CloseReason, Issued, Purpose, Revocation, RevocationReason,
    Standing,
};
use jiff::Timestamp;
use pki::x509::Certificate;

/// A certificate with a serial number of its own; nobody looks at the signature here.
fn certificate(number: u8, purpose: Purpose) -> Vec<u8> {
    let der = include_bytes!("../../../vectors/finished-session/certificate.der");
    let serial = Certificate::parse(der).expect("parses").serial().clone();
    let serial = serial.as_bytes();
    let place = der
        .windows(serial.len())
        .position(|window| window == serial)
        .expect("it is in there");
    let mut der = der.to_vec();
    der[place + serial.len() - 2] = number;
    der[place + serial.len() - 1] = purpose.id();
    der
}

fn with_certificates(number: u8) -> Account {
    let mut account = account(number);
    for key in account.keys.iter_mut() {
        key.certificate = certificate(number, key.purpose);
    }
    account
}

/// A database of the version before, with these accounts.
async fn of_version_three(accounts: &[Account]) -> File {
    let file = empty();
    std::fs::write(file.location(), b"").expect("writes");
    let mut connection = file.connect().await;
    schema::migrations_up_to(3)
        .run_direct(None, &mut connection, false)
        .await
        .expect("the schema of before");
    connection.close().await.expect("closes");
    let pool = SqlitePool::connect_with(Place::find(&file.location()).expect("finds").0.connect())
        .await
        .expect("connects");
    let transaction = pool.begin_with("BEGIN IMMEDIATE").await.expect("begins");
    let mut tables = Tables::new(
        Box::new(Transaction(transaction)),
        Arc::new(key(1, 7).into()),
    );
    schema::prove_column_keys(&mut tables)
        .await
        .expect("proves");
    audit::found(&mut tables).await.expect("founds");
    for account in accounts {
        crate::account::insert(&mut tables, account)
            .await
            .expect("inserts");
    }
    tables.commit().await.expect("commits");
    pool.close().await;
    file
}

#[tokio::test]
async fn certificates_of_before_are_recorded_with_the_end_of_their_keys() {
    let mut accounts: Vec<_> = (1..=8).map(with_certificates).collect();
    let ends = [
        None,
        Some((
            CloseReason::DeletedByOwner,
            RevocationReason::CessationOfOperation,
        )),
        Some((
            CloseReason::DeletedByOperator,
            RevocationReason::PrivilegeWithdrawn,
        )),
        Some((CloseReason::Cloned, RevocationReason::KeyCompromise)),
        Some((CloseReason::Replaced, RevocationReason::Superseded)),
    ];
    for (account, end) in accounts.iter_mut().zip(ends) {
        if let Some((reason, _)) = end {
            account.close(reason, at(500));
        }
    }
    // One key locked for good, the other in use.
    accounts[5]
        .keys
        .signature
        .destroy(CloseReason::PinLocked, at(600));
    // Ended by itself; closed after its end.
    accounts[6].close(CloseReason::Expired, at(700));
    let after_its_end = Certificate::parse(&accounts[7].keys.signature.certificate)
        .expect("parses")
        .not_after()
        + jiff::SignedDuration::from_secs(1);
    accounts[7].close(CloseReason::DeletedByOwner, after_its_end);

    let file = of_version_three(&accounts).await;
    assert!(matches!(
        file.try_open(key(1, 7)).await,
        Err(OpenError::Outdated { found: 3, .. })
    ));
    SqliteStore::migrate(&file.location(), key(1, 7))
        .await
        .expect("migrates");
    let store = file.store().await;
    let mut reader = read(&store).await;
    let revoked = |at: Timestamp, reason| Some(Revocation { at, reason });
    for (index, account) in accounts.iter().enumerate() {
        for key in account.keys.iter() {
            let parsed = Certificate::parse(&key.certificate).expect("parses");
            let issuer = CaKeyId::of_issuer(&parsed).expect("has one");
            let record = reader
                .certificate_record(issuer, parsed.serial())
                .await
                .expect("reads")
                .expect("recorded");
            let expected = match (index, key.purpose) {
                (1..=4, _) => ends[index].and_then(|(_, reason)| revoked(at(500), reason)),
                (5, Purpose::Signature) => revoked(at(600), RevocationReason::CessationOfOperation),
                _ => None,
            };
            assert_eq!(record.revocation, expected, "{index}");
            assert_eq!(record.tbs, parsed.tbs_der());
            assert_eq!(record.expires_at, parsed.not_after());
            assert_eq!(record.recorded_at, account.created_at);
            assert_eq!(
                record.kind,
                CertificateKind::EndEntity {
                    level: account.level,
                    purpose: key.purpose
                }
            );
            assert_eq!(
                record.issued,
                Some(Issued::to_account(
                    &key.certificate,
                    account.id,
                    account.created_at
                ))
            );
            let standing = reader.standing(issuer, parsed.serial()).await;
            assert_eq!(standing.expect("reads"), Standing::Issued(expected));
        }
    }
    let all = reader.certificate_records(None, 100).await.expect("reads");
    assert_eq!(all.len(), 16);
}

#[tokio::test]
async fn a_certificate_that_cannot_be_read_stops_the_migration_and_changes_nothing() {
    let mut damaged = with_certificates(1);
    damaged.keys.signature.certificate.truncate(500);
    let file = of_version_three(&[damaged]).await;
    assert!(matches!(
        SqliteStore::migrate(&file.location(), key(1, 7)).await,
        Err(OpenError::Statement(StoreError::Corrupt {
            what: "certificate"
        }))
    ));
    assert!(matches!(
        file.try_open(key(1, 7)).await,
        Err(OpenError::Outdated { found: 3, .. })
    ));
}
