use super::{Database, fixtures::*};
use engine::{
    domain::{AuditEntry, AuditEvent, AuditLink, AuditRecord, Evidence},
    ports::{PublishedCertificate, Store, StoreError},
};
use std::sync::Arc;
use wire::{
    FixedBytes, SessionId,
    audit_checkpoint::{Checkpoint, SignedCheckpoint},
};

fn rotated(seq: u64) -> AuditRecord {
    AuditRecord {
        at: at(1),
        account: Some(account_id(1)),
        relying_party: None,
        session: None,
        event: AuditEvent::TokenRotated { seq },
    }
}

async fn entries(store: &dyn Store) -> Vec<AuditEntry> {
    let mut reader = read(store).await;
    let entries = reader.audit_entries(0, 1000).await.expect("reads");
    let mut link = AuditLink::START;
    for entry in &entries {
        link = link.follow(&entry.record_sha256());
        assert_eq!((entry.link, entry.filed), (link, true));
    }
    let count = reader.count_audit_entries().await.expect("reads");
    assert_eq!(count, entries.len() as u64);
    assert_eq!(reader.audit_head().await.expect("reads"), link);
    entries
}

pub(crate) async fn an_empty_trail_has_a_head(database: &dyn Database) {
    let store = database.open().await;
    assert_eq!(entries(&*store).await, []);
    // Nor does opening it again begin another one.
    commit!(store, |uow| uow.record(&rotated(1)));
    let again = database.open().await;
    assert_eq!(entries(&*again).await.len(), 1);
}

pub(crate) async fn records_are_chained_in_the_order_of_their_commits(database: &dyn Database) {
    let store = database.open().await;
    for first in [1, 3, 5] {
        let mut uow = write(&*store).await;
        uow.record(&rotated(first)).await.expect("records");
        uow.record(&rotated(first + 1)).await.expect("records");
        uow.commit().await.expect("commits");
        // What is rolled back leaves no gap.
        let mut uow = write(&*store).await;
        uow.record(&rotated(99)).await.expect("records");
        drop(uow);
    }
    let entries = entries(&*store).await;
    let records: Vec<_> = entries.iter().filter_map(AuditEntry::record).collect();
    assert_eq!(records, (1..=6).map(rotated).collect::<Vec<_>>());
    let page = read(&*store).await.audit_entries(2, 3).await;
    assert_eq!(page.expect("reads"), entries[2..5]);
}

pub(crate) async fn concurrent_units_of_work_make_one_chain(database: &dyn Database) {
    let store = database.open().await;
    let writers: Vec<_> = (1..=20)
        .map(|seq| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                loop {
                    let mut uow = match store.write().await {
                        Err(StoreError::Conflict) => continue,
                        uow => uow.expect("begins"),
                    };
                    uow.record(&rotated(seq)).await.expect("records");
                    match uow.commit().await {
                        Err(StoreError::Conflict) => {}
                        done => break done.expect("commits"),
                    }
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.expect("no panic");
    }
    assert_eq!(entries(&*store).await.len(), 20);
}

pub(crate) async fn the_entries_of_a_session_are_found(database: &dyn Database) {
    let store = database.open().await;
    for session in [1, 2, 1] {
        let record = AuditRecord {
            session: Some(session_id(session)),
            ..rotated(session.into())
        };
        commit!(store, |uow| uow.record(&record));
        commit!(store, |uow| uow.record(&rotated(9)));
    }
    let found = read(&*store).await.audit_entries_of(session_id(1)).await;
    let numbers: Vec<_> = found
        .expect("reads")
        .iter()
        .map(|entry| entry.link.seq)
        .collect();
    assert_eq!(numbers, [1, 5]);
}

fn checkpoint(seq: u64) -> SignedCheckpoint {
    SignedCheckpoint {
        checkpoint: Checkpoint {
            previous: 1,
            seq,
            hash: FixedBytes([7; 32]),
            at: at(3),
        },
        root_key: FixedBytes([4; 65]),
        signature: FixedBytes([9; 64]),
    }
}

pub(crate) async fn checkpoints_are_listed_in_their_order(database: &dyn Database) {
    let store = database.open().await;
    assert_eq!(
        read(&*store)
            .await
            .newest_checkpoint()
            .await
            .expect("reads"),
        None
    );
    for seq in [10, 2, 300] {
        commit!(store, |uow| uow.insert_checkpoint(&checkpoint(seq)));
    }
    let mut reader = read(&*store).await;
    assert_eq!(
        reader.newest_checkpoint().await.expect("reads"),
        Some(checkpoint(300))
    );
    assert_eq!(
        reader.checkpoints(2, 5).await.expect("reads"),
        [checkpoint(10), checkpoint(300)]
    );
    assert_eq!(
        reader.checkpoints(0, 1).await.expect("reads"),
        [checkpoint(2)]
    );
    drop(reader);
    let twice = write(&*store).await.insert_checkpoint(&checkpoint(2)).await;
    assert!(is_duplicate(&twice, "audit_checkpoint"));
}

fn evidence(number: u8, account: Option<u8>) -> Evidence {
    Evidence {
        session: session_id(number),
        relying_party: RELYING_PARTY,
        account: account.map(account_id),
        ended_at: at(i64::from(number % 4)),
        text: format!("{{\"number\":{number}}}"),
    }
}

pub(crate) async fn evidence_comes_back_as_it_was(database: &dyn Database) {
    let store = database.open().await;
    let all = [
        evidence(1, Some(1)),
        evidence(2, None),
        evidence(3, Some(1)),
        evidence(4, Some(2)),
        evidence(5, Some(1)),
    ];
    for one in &all {
        commit!(store, |uow| uow.insert_evidence(one));
    }
    let mut reader = read(&*store).await;
    assert_eq!(
        reader
            .evidence(session_id(2))
            .await
            .expect("reads")
            .as_ref(),
        Some(&all[1])
    );
    assert_eq!(reader.evidence(session_id(6)).await.expect("reads"), None);
    // The newest first; of one moment, the greater identifier.
    let sessions = |found: Vec<Evidence>| -> Vec<SessionId> {
        found.iter().map(|evidence| evidence.session).collect()
    };
    let found = reader.evidence_of(account_id(1), 10).await.expect("reads");
    assert_eq!(sessions(found), [3, 5, 1].map(session_id));
    let found = reader.evidence_of(account_id(1), 1).await.expect("reads");
    assert_eq!(sessions(found), [session_id(3)]);
    assert_eq!(reader.all_evidence(None, 2).await.expect("reads"), all[..2]);
    assert_eq!(
        reader
            .all_evidence(Some(session_id(2)), 10)
            .await
            .expect("reads"),
        all[2..]
    );
    drop(reader);
    // A session ends once.
    let twice = write(&*store).await.insert_evidence(&all[0]).await;
    assert!(is_duplicate(&twice, "evidence"));
}

pub(crate) async fn a_published_certificate_is_remembered_once(database: &dyn Database) {
    let store = database.open().await;
    let certificate = |name: &str, fill| PublishedCertificate {
        name: name.to_owned(),
        certificate: vec![fill; 10],
    };
    for one in [
        certificate("root", 1),
        certificate("eid-q", 2),
        certificate("root", 1),
        certificate("root", 3),
    ] {
        commit!(store, |uow| uow.remember_certificate(&one));
    }
    let all = read(&*store).await.published_certificates().await;
    let names: Vec<_> = all
        .expect("reads")
        .into_iter()
        .map(|one| one.name)
        .collect();
    assert_eq!(names, ["eid-q", "root", "root"]);
}
