//! What software without records of certificates left behind, and what the next start makes of it.

use crate::{
    process::Server,
    serve::deployment,
    weak_keys::{account, with_store},
};
use engine::{
    domain::{
        AccountLevel, CaKeyId, CertificateKind, CertificateRecord, CloseReason, Issued, Purpose,
        Revocation, RevocationReason, SerialNumber, Standing,
    },
    ports::Store,
};
use jiff::{SignedDuration, Timestamp};

#[test]
fn a_certificate_that_was_left_good_is_revoked_when_the_server_starts() {
    let (_folder, config, _) = deployment();
    let (issuer, serial) = (CaKeyId([7; 20]), SerialNumber::from_bytes(vec![7; 16]));
    let now = Timestamp::now();
    let mut account = account(1, ["0*1", "2*3", "4*5", "6*7"]);
    account.close(CloseReason::DeletedByOwner, now);
    let record = CertificateRecord {
        issuer,
        serial: serial.clone(),
        kind: CertificateKind::EndEntity {
            level: AccountLevel::Qualified,
            purpose: Purpose::Signature,
        },
        tbs: vec![1],
        recorded_at: account.created_at,
        expires_at: now + SignedDuration::from_hours(1),
        issued: Some(Issued::to_account(&[2], account.id, account.created_at)),
        revocation: None,
    };
    with_store(&config, async |store| {
        let mut uow = store.write().await.expect("begins");
        uow.insert_account(&account).await.expect("inserts");
        uow.record_certificate(&record).await.expect("records");
        uow.commit().await.expect("commits");
    });
    let standing = || {
        with_store(&config, async |store| {
            let mut reader = store.read().await.expect("begins");
            reader.standing(issuer, &serial).await.expect("reads")
        })
    };
    assert_eq!(standing(), Standing::Issued(None));
    drop(Server::serve(&config));
    let revocation = Revocation {
        at: now,
        reason: RevocationReason::CessationOfOperation,
    };
    assert_eq!(standing(), Standing::Issued(Some(revocation)));
}
