//! That nothing the server does often reads a whole table.

use super::*;
use crate::{
    account, audit, certificate, evidence, pooled_half, publication, published_certificate,
    registration, relying_party, session, transaction,
};
use sqlx::AssertSqlSafe;

#[tokio::test]
async fn every_lookup_uses_an_index() {
    let file = fresh().await;
    let store = file.store().await;
    for sql in [
        account::BY_ID,
        account::BY_DEVICE,
        account::BY_DOCUMENT,
        account::ACTIVE_OF,
        account::KNOWS_PERSON,
        account::OVERDUE,
        account::KEYS_OF,
        account::SAVE,
        account::SAVE_KEY,
        session::BY_ID,
        session::OPEN_OF,
        session::BY_FINGERPRINT,
        session::COUNT_OF,
        session::COUNT_BETWEEN,
        session::OVERDUE,
        session::CANDIDATES_OF,
        session::SAVE,
        session::PURGE,
        transaction::BY_ID,
        transaction::AWAITING_OF,
        transaction::COUNT_OF,
        transaction::COUNT_MAINTENANCE_OF,
        transaction::STUCK,
        transaction::SAVE,
        transaction::PURGE,
        registration::BY_ID,
        registration::BY_CODE,
        registration::BY_DEVICE,
        registration::OVERDUE,
        registration::SAVE,
        registration::PURGE,
        relying_party::BY_UUID,
        relying_party::SAVE,
        pooled_half::COUNT,
        pooled_half::OLDEST,
        pooled_half::REMOVE,
        audit::AFTER,
        audit::OF_SESSION,
        audit::BETWEEN,
        audit::CHECKPOINTS,
        evidence::BY_SESSION,
        evidence::OF_ACCOUNT,
        evidence::AFTER,
        published_certificate::KNOWN,
        audit::FIRST_PAGE,
        audit::NEXT_PAGE,
        account::MODULI,
        registration::MODULI,
        account::KEYS_AFTER,
        account::NAME,
        account::NAME_BY_DOCUMENT,
        account::CLOSE,
        account::DESTROY,
        certificate::STANDING,
        certificate::BY_SERIAL,
        certificate::PAGE,
        certificate::RESPONDERS,
        certificate::ABANDONED,
        certificate::REVOKED,
        certificate::COUNT_REVOKED,
        certificate::GIVE_OUT,
        certificate::REVOKE,
        certificate::SUMMARY,
        certificate::KEYS,
        certificate::UNRECORDED,
        certificate::LEFT_GOOD,
        certificate::OF_ACCOUNT,
        certificate::REVOKE_OF,
        certificate::REVOKE_OF_PURPOSE,
        publication::NEWEST_LIST,
        publication::NEWEST_NUMBER,
        publication::DELETE_OLDER,
    ] {
        let plan: Vec<(i64, i64, i64, String)> =
            sqlx::query_as(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")))
                .fetch_all(&store.readers)
                .await
                .expect("explains");
        let steps: Vec<&str> = plan
            .iter()
            .map(|(_, _, _, detail)| detail.as_str())
            .collect();
        assert!(
            steps.iter().any(|step| step.starts_with("SEARCH")),
            "{sql}: {steps:?}"
        );
        assert!(
            !steps.iter().any(|step| step.starts_with("SCAN")),
            "{sql}: {steps:?}"
        );
    }
}

#[tokio::test]
async fn deleting_what_others_refer_to_needs_no_scan() {
    // The cascade from session to its candidates searches by the session's id.
    let file = fresh().await;
    let store = file.store().await;
    let sql = "EXPLAIN QUERY PLAN DELETE FROM session_candidate WHERE session_id = $1";
    let plan: Vec<(i64, i64, i64, String)> = sqlx::query_as(sql)
        .fetch_all(&store.writer)
        .await
        .expect("explains");
    assert!(
        plan.iter()
            .all(|(_, _, _, detail)| detail.starts_with("SEARCH")),
        "{plan:?}"
    );
}
