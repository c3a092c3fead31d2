use std::fs;
use std::sync::Arc;

use engine::ports::{KeysError, ServerKeys};
use jiff::{SignedDuration, Timestamp};
use splitkey::seal::{Kind, ResponseOpener, SealedRequest, SealingPublicKey};
use wire::server_key::{SignedStatement, StatementError};

use crate::randomness::system_rng;
use crate::testkit::{TestVault, now};

fn after(hours: i64, seconds: i64) -> Timestamp {
    now() + SignedDuration::from_hours(hours) + SignedDuration::from_secs(seconds)
}

fn sealed_to(statement: &SignedStatement) -> (SealedRequest, ResponseOpener) {
    let key = SealingPublicKey::from_bytes(&statement.statement.public_key.0).unwrap();
    SealedRequest::seal(Kind::Submit, &key, b"hello", &mut system_rng()).unwrap()
}

async fn rotated(at: Timestamp) -> TestVault {
    let keys = TestVault::new();
    keys.vault.rotate_transport_keys(at).await.unwrap();
    keys
}

async fn opens(keys: &TestVault, request: &SealedRequest) -> bool {
    match keys.vault.open(Kind::Submit, request.as_bytes()).await {
        Ok(opened) => *opened.plaintext == b"hello",
        Err(KeysError::CannotOpen) => false,
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_new_vault_is_not_ready_before_its_first_rotation() {
    let keys = TestVault::new();
    assert!(matches!(
        keys.vault.ready().await,
        Err(KeysError::Unavailable(_))
    ));
    assert!(matches!(
        keys.vault.transport_key().await,
        Err(KeysError::Unavailable(_))
    ));
    assert!(matches!(
        keys.vault.protect("place", b"secret").await,
        Err(KeysError::Unavailable(_))
    ));
    keys.vault.rotate_transport_keys(now()).await.unwrap();
    keys.vault.ready().await.unwrap();
}

#[tokio::test]
async fn a_statement_is_signed_by_the_root_key_and_valid_for_48_hours() {
    let keys = rotated(now()).await;
    let (statement, root) = (
        keys.vault.transport_key().await.unwrap(),
        keys.vault.root_key(),
    );
    for at in [after(0, -300), now(), after(48, -1)] {
        assert!(statement.verify(&root, at).is_ok(), "{at}");
    }
    for at in [after(0, -301), after(48, 0)] {
        assert_eq!(
            statement.verify(&root, at),
            Err(StatementError::NotValidNow),
            "{at}"
        );
    }
    let other = rotated(now()).await.vault.root_key();
    assert_eq!(
        statement.verify(&other, now()),
        Err(StatementError::NotSigned)
    );
}

#[tokio::test]
async fn a_request_opens_and_its_answer_reaches_the_phone() {
    let keys = rotated(now()).await;
    let (request, phone) = sealed_to(&keys.vault.transport_key().await.unwrap());
    let opened = keys
        .vault
        .open(Kind::Submit, request.as_bytes())
        .await
        .unwrap();
    assert_eq!(*opened.plaintext, b"hello");
    let answer = opened.answer.seal(b"answer", &mut system_rng());
    assert_eq!(*phone.open(&answer).unwrap(), b"answer");
}

#[tokio::test]
async fn a_request_of_another_kind_to_another_server_or_changed_does_not_open() {
    let keys = rotated(now()).await;
    let (request, _) = sealed_to(&keys.vault.transport_key().await.unwrap());
    let cannot_open =
        |result: Result<engine::ports::Opened, _>| matches!(result, Err(KeysError::CannotOpen));
    assert!(cannot_open(
        keys.vault.open(Kind::Proofs, request.as_bytes()).await
    ));
    assert!(cannot_open(
        rotated(now())
            .await
            .vault
            .open(Kind::Submit, request.as_bytes())
            .await
    ));
    assert!(cannot_open(keys.vault.open(Kind::Submit, b"").await));
    let mut changed = request.as_bytes().to_vec();
    *changed.last_mut().unwrap() ^= 1;
    assert!(cannot_open(keys.vault.open(Kind::Submit, &changed).await));
}

#[tokio::test]
async fn a_key_is_renewed_after_a_day_and_destroyed_after_two() {
    let keys = rotated(now()).await;
    let first = keys.vault.transport_key().await.unwrap();
    let (request, _) = sealed_to(&first);

    keys.vault
        .rotate_transport_keys(after(24, -1))
        .await
        .unwrap();
    assert_eq!(keys.vault.transport_key().await.unwrap(), first);

    keys.vault
        .rotate_transport_keys(after(24, 0))
        .await
        .unwrap();
    let second = keys.vault.transport_key().await.unwrap();
    assert_ne!(second.statement.public_key, first.statement.public_key);
    assert_ne!(second.statement.key_id, first.statement.key_id);
    assert!(opens(&keys, &request).await);

    keys.vault
        .rotate_transport_keys(after(48, -1))
        .await
        .unwrap();
    let keys = keys.reopened();
    assert!(opens(&keys, &request).await);

    keys.vault
        .rotate_transport_keys(after(48, 0))
        .await
        .unwrap();
    assert!(!opens(&keys, &request).await);
    let keys = keys.reopened();
    assert!(
        !opens(&keys, &request).await,
        "it is gone from the file, too"
    );
    assert!(opens(&keys, &sealed_to(&second).0).await);
}

#[tokio::test]
async fn a_vault_that_was_away_for_long_starts_with_one_fresh_key() {
    let keys = rotated(now()).await;
    let (request, _) = sealed_to(&keys.vault.transport_key().await.unwrap());
    keys.vault
        .rotate_transport_keys(after(24 * 30, 0))
        .await
        .unwrap();
    let statement = keys.vault.transport_key().await.unwrap();
    assert!(
        statement
            .verify(&keys.vault.root_key(), after(24 * 30, 0))
            .is_ok()
    );
    assert!(!opens(&keys, &request).await);
    assert_eq!(keys.vault.opened.keys().transport.len(), 1);
}

#[tokio::test]
async fn a_key_made_while_the_clock_was_ahead_does_not_outlive_two_days() {
    let keys = rotated(after(24 * 365, 0)).await;
    let (request, _) = sealed_to(&keys.vault.transport_key().await.unwrap());
    keys.vault.rotate_transport_keys(now()).await.unwrap();
    assert!(
        keys.vault
            .transport_key()
            .await
            .unwrap()
            .verify(&keys.vault.root_key(), now())
            .is_ok()
    );
    assert!(!opens(&keys, &request).await);
}

#[tokio::test]
async fn a_clock_set_back_a_little_changes_nothing() {
    let keys = rotated(now()).await;
    let statement = keys.vault.transport_key().await.unwrap();
    keys.vault
        .rotate_transport_keys(after(0, -300))
        .await
        .unwrap();
    assert_eq!(keys.vault.transport_key().await.unwrap(), statement);
}

#[tokio::test(flavor = "multi_thread")]
async fn rotations_at_the_same_time_make_one_key() {
    let keys = TestVault::new();
    let vault = Arc::new(keys.vault);
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let vault = Arc::clone(&vault);
            tokio::spawn(async move { vault.rotate_transport_keys(now()).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(vault.opened.keys().transport.len(), 1);
}

#[tokio::test]
async fn a_rotation_that_cannot_be_written_changes_nothing_and_succeeds_later() {
    let keys = rotated(now()).await;
    let first = keys.vault.transport_key().await.unwrap();
    let obstacle = keys.directory.path().join("vault.new");
    fs::create_dir(&obstacle).unwrap();
    assert!(matches!(
        keys.vault.rotate_transport_keys(after(24, 0)).await,
        Err(KeysError::Unavailable(_))
    ));
    assert_eq!(
        keys.vault.transport_key().await.unwrap(),
        first,
        "a key that a crash would lose is not announced"
    );
    fs::remove_dir(&obstacle).unwrap();
    keys.vault
        .rotate_transport_keys(after(24, 0))
        .await
        .unwrap();
    let second = keys.vault.transport_key().await.unwrap();
    assert_ne!(second, first);
    assert_eq!(keys.reopened().vault.transport_key().await.unwrap(), second);
}

#[tokio::test]
async fn a_protected_secret_is_revealed_in_its_place_only() {
    let keys = rotated(now()).await;
    let wrapped = keys.vault.protect("evaluation/1", b"secret").await.unwrap();
    assert_eq!(
        *keys.vault.reveal("evaluation/1", &wrapped).await.unwrap(),
        b"secret"
    );
    for place in ["evaluation/2", "evaluation/", ""] {
        assert!(
            matches!(
                keys.vault.reveal(place, &wrapped).await,
                Err(KeysError::CannotUnwrap)
            ),
            "{place}"
        );
    }
    for bit in 0..8 * wrapped.0.len() {
        let mut changed = wrapped.clone();
        changed.0[bit / 8] ^= 1 << (bit % 8);
        assert!(
            matches!(
                keys.vault.reveal("evaluation/1", &changed).await,
                Err(KeysError::CannotUnwrap)
            ),
            "{bit}"
        );
    }
}

#[tokio::test]
async fn a_protected_secret_goes_with_its_transport_key() {
    let keys = rotated(now()).await;
    let first = keys.vault.protect("place", b"secret").await.unwrap();
    keys.vault
        .rotate_transport_keys(after(24, 0))
        .await
        .unwrap();
    let second = keys.vault.protect("place", b"secret").await.unwrap();
    let keys = keys.reopened();
    assert_eq!(
        *keys.vault.reveal("place", &first).await.unwrap(),
        b"secret"
    );
    keys.vault
        .rotate_transport_keys(after(48, 0))
        .await
        .unwrap();
    assert!(matches!(
        keys.vault.reveal("place", &first).await,
        Err(KeysError::CannotUnwrap)
    ));
    assert_eq!(
        *keys.vault.reveal("place", &second).await.unwrap(),
        b"secret"
    );
}
