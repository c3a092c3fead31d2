//! What becomes of the audit trail when somebody writes to the file, and of one that was there before the chain.

use super::*;
use crate::text;
use engine::domain::{AuditEvent, AuditLink, AuditRecord};
use jiff::Timestamp;

fn rotated(seq: u64) -> AuditRecord {
    AuditRecord {
        at: at(1),
        account: Some(account_id(1)),
        relying_party: None,
        session: Some(session_id(1)),
        event: AuditEvent::TokenRotated { seq },
    }
}

#[tokio::test]
async fn records_from_before_the_chain_are_linked_in_their_order() {
    let file = empty();
    std::fs::write(file.location(), b"").expect("writes");
    let mut connection = file.connect().await;
    schema::migrations_up_to(1)
        .run_direct(None, &mut connection, false)
        .await
        .expect("the first schema");
    let of = |seconds: i64, seq| AuditRecord {
        at: at(seconds),
        ..rotated(seq)
    };
    for (seconds, unit, line, seq) in [
        (5, "b", 0, 3),
        (5, "a", 0, 1),
        (5, "a", 1, 2),
        (9, "a", 0, 4),
    ] {
        sqlx::query("INSERT INTO audit_record (at, unit, line, record) VALUES ($1, $2, $3, $4)")
            .bind(crate::moment::to_column(at(seconds)))
            .bind(unit)
            .bind(line)
            .bind(text::to_json(&of(seconds, seq)))
            .execute(&mut connection)
            .await
            .expect("inserts");
    }
    connection.close().await.expect("closes");

    SqliteStore::migrate(&file.location(), key(1, 7))
        .await
        .expect("migrates");
    let store = file.store().await;
    commit!(store, |uow| uow.record(&of(9, 5)));
    let mut reader = read(&store).await;
    let entries = reader.audit_entries_of(session_id(1)).await.expect("reads");
    let mut link = AuditLink::START;
    for (entry, (seconds, seq)) in entries.iter().zip([(5, 1), (5, 2), (5, 3), (9, 4), (9, 5)]) {
        link = link.follow(&entry.record_sha256());
        let expected = Some(of(seconds, seq));
        assert_eq!(
            (entry.link, entry.filed, entry.record()),
            (link, true, expected)
        );
    }
    assert_eq!(entries.len(), 5);
    assert_eq!(reader.audit_head().await.expect("reads"), link);
}

#[tokio::test]
async fn a_head_that_was_taken_away_does_not_pass_for_a_beginning() {
    let file = fresh().await;
    commit!(file.store().await, |uow| uow.record(&rotated(1)));
    file.tamper("DELETE FROM audit_head").await;
    assert!(matches!(
        file.try_open(key(1, 7)).await,
        Err(OpenError::Statement(StoreError::Corrupt {
            what: "audit_head"
        }))
    ));
}

/// Somebody who has no key makes the trail look as if the migration had just brought the chain.
#[tokio::test]
async fn a_chain_is_linked_by_the_migration_that_brings_it_and_never_again() {
    let file = fresh().await;
    commit!(file.store().await, |uow| uow.record(&rotated(1)));
    file.tamper("UPDATE audit_entry SET hash = NULL, session_id = NULL")
        .await;
    file.tamper("DELETE FROM audit_head").await;
    for _ in 0..2 {
        assert!(matches!(
            file.try_open(key(1, 7)).await,
            Err(OpenError::Statement(StoreError::Corrupt {
                what: "audit_head"
            }))
        ));
        SqliteStore::migrate(&file.location(), key(1, 7))
            .await
            .expect("nothing to be done");
    }
}

#[tokio::test]
async fn a_migration_under_a_wrong_column_key_changes_nothing() {
    let file = fresh().await;
    assert!(matches!(
        SqliteStore::migrate(&file.location(), key(1, 8)).await,
        Err(OpenError::WrongColumnKey(1))
    ));
}

/// What is counted and looked up by must be what is hashed.
#[tokio::test]
async fn a_record_under_another_moment_or_session_is_refused() {
    for change in [
        "UPDATE audit_entry SET at = at + 1",
        "UPDATE audit_entry SET session_id = '00000000-0000-0000-0000-00005e550002'",
    ] {
        let file = fresh().await;
        let store = file.store().await;
        commit!(store, |uow| uow.record(&rotated(1)));
        file.tamper(change).await;
        let mut reader = read(&store).await;
        let entries = reader.audit_entries(0, 10).await.expect("reads");
        assert!(!entries[0].filed);
        if change.contains("session_id") {
            let found = reader.audit_entries_of(session_id(2)).await;
            assert!(is_corrupt(&found, "audit_entry"));
        } else {
            let page = reader
                .audit_page(Timestamp::MIN, Timestamp::MAX, None, 10)
                .await;
            assert!(is_corrupt(&page, "audit_entry"));
        }
    }
}

#[tokio::test]
async fn a_head_that_was_changed_stops_the_writing_of_records() {
    let file = fresh().await;
    let store = file.store().await;
    commit!(store, |uow| uow.record(&rotated(1)));
    file.tamper("UPDATE audit_head SET head = (SELECT proof FROM column_key)")
        .await;
    let mut uow = write(&store).await;
    assert!(is_corrupt(
        &uow.record(&rotated(2)).await,
        "audit_head.head"
    ));
    drop(uow);
    assert!(is_corrupt(
        &read(&store).await.audit_head().await,
        "audit_head.head"
    ));
}

#[tokio::test]
async fn evidence_and_checkpoints_are_encrypted_in_their_place() {
    let file = fresh().await;
    let store = file.store().await;
    for number in [1, 2] {
        let one = engine::domain::Evidence {
            session: session_id(number),
            relying_party: RELYING_PARTY,
            account: None,
            ended_at: at(1),
            text: "a secret text".to_owned(),
        };
        commit!(store, |uow| uow.insert_evidence(&one));
    }
    let file_content = std::fs::read(file.location()).expect("reads");
    let log = std::fs::read(format!("{}-wal", file.location())).unwrap_or_default();
    for bytes in [file_content, log] {
        assert!(!bytes.windows(13).any(|window| window == b"a secret text"));
    }
    file.tamper(
        "UPDATE evidence SET record = (SELECT other.record FROM evidence AS other \
         WHERE other.session_id <> evidence.session_id)",
    )
    .await;
    assert!(is_corrupt(
        &read(&store).await.evidence(session_id(1)).await,
        "evidence.record"
    ));
}
