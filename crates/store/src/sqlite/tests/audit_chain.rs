//! What becomes of the audit trail when somebody writes to the file, and of one that was there before the chain.

use super::*;
use crate::text;
use engine::domain::{AuditEvent, AuditLink, AuditRecord};

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
    for (moment, unit, line, seq) in [
        (5, "b", 0, 3),
        (5, "a", 0, 1),
        (5, "a", 1, 2),
        (9, "a", 0, 4),
    ] {
        sqlx::query("INSERT INTO audit_record (at, unit, line, record) VALUES ($1, $2, $3, $4)")
            .bind(moment)
            .bind(unit)
            .bind(line)
            .bind(text::to_json(&rotated(seq)))
            .execute(&mut connection)
            .await
            .expect("inserts");
    }
    connection.close().await.expect("closes");

    SqliteStore::migrate(&file.location())
        .await
        .expect("migrates");
    let store = file.store().await;
    commit!(store, |uow| uow.record(&rotated(5)));
    let mut reader = read(&store).await;
    let entries = reader.audit_entries_of(session_id(1)).await.expect("reads");
    let mut link = AuditLink::START;
    for (entry, seq) in entries.iter().zip(1..) {
        link = link.follow(&entry.record_sha256());
        assert_eq!((entry.link, entry.record()), (link, Some(rotated(seq))));
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
