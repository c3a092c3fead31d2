//! Whoever can write to the database, and even whoever has its keys, leaves a trace.

use crate::story::{PERSON, Story};
use engine::{
    domain::{AuditEvent, AuditLink},
    service::AuditFinding,
};
use sha2::{Digest, Sha256};
use wire::SessionId;

fn session(story: &Story, number: usize) -> SessionId {
    story.sessions[number].0.parse().unwrap()
}

#[tokio::test]
async fn an_honest_trail_is_whole_also_after_a_restart() {
    let mut story = Story::new().await;
    let report = story.check().await;
    assert_eq!(report.findings, []);
    assert_eq!((report.checkpoints, report.head.seq), (2, report.records));
    assert!(report.records > 30, "{}", report.records);
    story.world.restart().await;
    assert_eq!(story.check().await, report);
    // It is linked on, not begun again.
    story.world.phone("PNOEE-60001019906").await;
    let later = story.check_with(&[report.head]).await;
    assert_eq!(later.findings, []);
    assert!(later.records > report.records);
}

#[tokio::test]
async fn any_record_that_was_changed_taken_out_or_moved_is_found() {
    let story = Story::new().await;
    let last = story.entries().await.len();
    for seq in 1..=last {
        for (change, undo) in [
            (
                format!("UPDATE audit_entry SET record = record || ' ' WHERE seq = {seq}"),
                format!("UPDATE audit_entry SET record = rtrim(record) WHERE seq = {seq}"),
            ),
            (
                format!("UPDATE audit_entry SET seq = seq + 1000000 WHERE seq = {seq}"),
                format!("UPDATE audit_entry SET seq = {seq} WHERE seq = {seq} + 1000000"),
            ),
        ] {
            assert_eq!(story.tamper(change.as_str()).await, 1);
            assert_ne!(story.findings().await, [], "{change}");
            story.tamper(undo).await;
            assert_eq!(story.findings().await, [], "{change} was undone");
        }
    }
    story
        .tamper(format!(
            "UPDATE audit_entry SET hash = zeroblob(32) WHERE seq = {last}"
        ))
        .await;
    let changed = AuditFinding::Changed { seq: last as u64 };
    assert!(story.findings().await.contains(&changed));
}

#[tokio::test]
async fn the_finding_names_the_record() {
    let story = Story::new().await;
    story
        .tamper("UPDATE audit_entry SET record = replace(record, '\"consecutive\":1', '\"consecutive\":0')")
        .await;
    let entries = story.entries().await;
    let charged = entries
        .iter()
        .find(|entry| {
            matches!(
                entry.record().unwrap().event,
                AuditEvent::AttemptCharged { consecutive: 0, .. }
            )
        })
        .unwrap();
    assert!(story.findings().await.contains(&AuditFinding::Changed {
        seq: charged.link.seq
    }));

    let story = Story::new().await;
    story
        .tamper("DELETE FROM audit_entry WHERE seq BETWEEN 5 AND 7")
        .await;
    let gap = AuditFinding::Gap { first: 5, last: 7 };
    assert!(story.findings().await.contains(&gap));
}

#[tokio::test]
async fn two_records_that_changed_places_are_found() {
    let story = Story::new().await;
    story
        .tamper(
            "UPDATE audit_entry SET record = (SELECT record FROM audit_entry AS other \
             WHERE other.seq = 11 - audit_entry.seq) WHERE seq IN (5, 6)",
        )
        .await;
    assert!(
        story
            .findings()
            .await
            .contains(&AuditFinding::Changed { seq: 5 })
    );
}

#[tokio::test]
async fn an_end_that_was_cut_off_is_found_however_short() {
    let story = Story::new().await;
    let last = story.entries().await.len() as u64;
    for kept in (1..last).rev() {
        story
            .tamper(format!("DELETE FROM audit_entry WHERE seq > {kept}"))
            .await;
        let end = AuditFinding::End {
            found: kept,
            sealed: last,
        };
        assert!(story.findings().await.contains(&end), "kept {kept}");
    }
}

/// Takes a record out and links the rest anew, as somebody does who knows how, but has no key.
async fn rewrite_without(story: &Story, out: u64) -> u64 {
    let entries = story.entries().await;
    story.tamper("DELETE FROM audit_entry").await;
    let mut link = AuditLink::START;
    for entry in entries.iter().filter(|entry| entry.link.seq != out) {
        link = link.follow(&Sha256::digest(&entry.text).into());
        let (seq, hash, text) = (link.seq, hex(&link.hash), entry.text.replace('\'', "''"));
        story
            .tamper(format!(
                "INSERT INTO audit_entry (seq, at, record, hash) VALUES ({seq}, 0, '{text}', X'{hash}')"
            ))
            .await;
    }
    link.seq
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn a_chain_that_was_linked_anew_contradicts_head_and_checkpoints() {
    let story = Story::new().await;
    let checkpoint = story.checkpoints().await[0];
    let last = story.entries().await.len() as u64;
    let found = rewrite_without(&story, 3).await;
    let findings = story.findings().await;
    assert!(findings.contains(&AuditFinding::End {
        found,
        sealed: last
    }));
    assert!(findings.contains(&AuditFinding::OtherTrail { seq: checkpoint }));
}

#[tokio::test]
async fn without_checkpoints_the_sealed_head_still_tells() {
    let story = Story::new().await;
    rewrite_without(&story, 3).await;
    story.tamper("DELETE FROM audit_checkpoint").await;
    assert_ne!(story.findings().await, []);
    // Nor can the head of another database, or an older cell of another row, be put in its place.
    let other = Story::new().await;
    let cell = other.head_cell().await;
    story
        .tamper(format!("UPDATE audit_head SET head = X'{}'", hex(&cell)))
        .await;
    assert_ne!(story.findings().await, []);
}

/// Who put head and trail back together to an earlier day contradicts the checkpoints, and without them only what was noted
/// down elsewhere.
#[tokio::test]
async fn a_trail_that_was_put_back_is_found_by_its_checkpoints_or_by_a_note() {
    let mut story = Story::new().await;
    let (earlier, head) = (story.entries().await.len(), story.head_cell().await);
    let noted_before = story.check().await.head;
    let session = story.world.ask_to_authenticate(PERSON).await;
    story
        .phone
        .answer(&story.world, &session, tests::PIN1)
        .await;
    story.world.service().checkpoint_audit().await.unwrap();
    let noted = story.check().await.head;

    story
        .tamper(format!("DELETE FROM audit_entry WHERE seq > {earlier}"))
        .await;
    story
        .tamper(format!("UPDATE audit_head SET head = X'{}'", hex(&head)))
        .await;
    let findings = story.findings().await;
    assert!(
        findings
            .iter()
            .any(|finding| matches!(finding, AuditFinding::OtherTrail { .. }))
    );
    story
        .tamper(format!(
            "DELETE FROM audit_checkpoint WHERE seq > {earlier}"
        ))
        .await;
    story
        .tamper(format!(
            "DELETE FROM evidence WHERE session_id = '{session}'"
        ))
        .await;
    assert_eq!(story.findings().await, [], "as if it had never happened");
    assert_eq!(
        story.check_with(&[noted_before, noted]).await.findings,
        [AuditFinding::Anchor(noted)]
    );
}

#[tokio::test]
async fn a_checkpoint_of_another_root_key_is_found() {
    let story = Story::new().await;
    let service = story.world.service();
    let report = service
        .check_audit(Some([4; 65]), &[], &mut |_| {})
        .await
        .unwrap();
    assert!(
        report
            .findings
            .iter()
            .all(|finding| matches!(finding, AuditFinding::ForgedCheckpoint { .. }))
    );
    assert_eq!(report.findings.len(), 2);

    story
        .tamper("UPDATE audit_checkpoint SET statement = zeroblob(200)")
        .await;
    assert_eq!(
        story.findings().await,
        [AuditFinding::UnreadableCheckpoint { after: 0 }]
    );
}

#[tokio::test]
async fn evidence_that_is_missing_exchanged_or_added_is_found() {
    let story = Story::new().await;
    let one = session(&story, 0);
    story
        .tamper(format!("DELETE FROM evidence WHERE session_id = '{one}'"))
        .await;
    assert_eq!(story.findings().await, [AuditFinding::Evidence(one)]);

    let story = Story::new().await;
    let (first, second) = (session(&story, 0), session(&story, 1));
    story
        .tamper(format!(
            "UPDATE evidence SET record = (SELECT record FROM evidence AS other \
             WHERE other.session_id = '{first}') WHERE session_id = '{second}'"
        ))
        .await;
    let findings = story.findings().await;
    assert!(matches!(
        findings.first(),
        Some(AuditFinding::UnreadableEvidence(_))
    ));
}

#[tokio::test]
async fn an_account_that_contradicts_its_records_is_found() {
    let story = Story::new().await;
    // The deleted account is made to look open again.
    let changed = story
        .tamper(
            "UPDATE account SET closed_at = NULL, state = (SELECT other.state FROM account AS other \
             WHERE other.closed_at IS NULL) WHERE closed_at IS NOT NULL",
        )
        .await;
    assert_eq!(changed, 1);
    let findings = story.findings().await;
    assert!(
        matches!(findings.as_slice(), [AuditFinding::Account { .. }]),
        "{findings:?}"
    );
}

/// What the hash is not over: by what records and evidence are found, and rows beside the chain.
#[tokio::test]
async fn records_and_evidence_that_are_filed_wrongly_are_found() {
    let story = Story::new().await;
    let foreign = "11111111-1111-4111-8111-111111111111";
    for change in [
        "UPDATE evidence SET ended_at = ended_at",
        "UPDATE audit_entry SET at = at / 2 WHERE seq = 7",
        "UPDATE audit_entry SET session_id = NULL WHERE session_id IS NOT NULL",
        "UPDATE audit_entry SET account_id = NULL WHERE account_id IS NOT NULL",
        "UPDATE audit_entry SET relying_party_uuid = 'x' WHERE seq = 1",
    ] {
        let before = story.findings().await;
        assert!(story.tamper(change).await > 0, "{change}");
        let findings = story.findings().await;
        assert_eq!(
            findings.len() > before.len(),
            change.contains("audit_entry"),
            "{change}: {findings:?}"
        );
    }
    let story = Story::new().await;
    let session = session(&story, 0);
    for change in [
        format!("UPDATE evidence SET account_id = NULL WHERE session_id = '{session}'"),
        format!("UPDATE evidence SET ended_at = ended_at + 1 WHERE session_id = '{session}'"),
        format!(
            "UPDATE evidence SET relying_party_uuid = '{foreign}' WHERE session_id = '{session}'"
        ),
    ] {
        assert_eq!(story.tamper(change.as_str()).await, 1);
        assert_eq!(
            story.findings().await,
            [AuditFinding::Evidence(session)],
            "{change}"
        );
    }
}

#[tokio::test]
async fn rows_beside_the_chain_are_found_and_not_billed() {
    let story = Story::new().await;
    let added = story
        .tamper(
            "PRAGMA ignore_check_constraints = ON; INSERT INTO audit_entry (seq, at, account_id, relying_party_uuid, \
             session_id, record, hash) SELECT -seq, at, account_id, relying_party_uuid, session_id, record, hash \
             FROM audit_entry WHERE seq > 20",
        )
        .await;
    assert!(added > 0);
    let findings = story.findings().await;
    assert!(
        findings.contains(&AuditFinding::Foreign(added)),
        "{findings:?}"
    );
}

/// A trail that does not go on from what was signed gets no signature any more.
#[tokio::test]
async fn the_root_key_signs_nothing_that_contradicts_what_it_signed() {
    for change in [
        "UPDATE audit_checkpoint SET statement = zeroblob(200)",
        "INSERT INTO audit_checkpoint (seq, statement) VALUES (9000000000000000, zeroblob(9))",
        "DELETE FROM audit_checkpoint",
        "UPDATE audit_entry SET record = record || ' ' WHERE seq = (SELECT MAX(seq) FROM audit_entry)",
    ] {
        let story = Story::new().await;
        story.tamper(change).await;
        let outcome = story.world.service().checkpoint_audit().await;
        assert!(outcome.is_err(), "{change}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_checkpoint_that_was_taken_out_is_missed_by_the_next_one() {
    let story = Story::new().await;
    let [first, second] = story.checkpoints().await[..] else {
        panic!("two")
    };
    story
        .tamper(format!("DELETE FROM audit_checkpoint WHERE seq = {first}"))
        .await;
    assert_eq!(
        story.findings().await,
        [AuditFinding::MissingCheckpoint { seq: second }]
    );
}

#[tokio::test]
async fn an_account_that_the_trail_does_not_know_is_found() {
    let story = Story::new().await;
    let opened: Vec<u64> = story
        .entries()
        .await
        .iter()
        .filter(|entry| entry.text.contains("account_opened"))
        .map(|entry| entry.link.seq)
        .collect();
    rewrite_without(&story, opened[0]).await;
    let findings = story.findings().await;
    assert!(
        findings
            .iter()
            .any(|finding| matches!(finding, AuditFinding::UnrecordedAccount(_))),
        "{findings:?}"
    );
}

#[tokio::test]
async fn the_beginning_may_be_noted_down() {
    let story = Story::new().await;
    let report = story.check_with(&[AuditLink::START]).await;
    assert_eq!(report.findings, []);
}
