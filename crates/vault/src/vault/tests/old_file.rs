//! A vault file of version 1, made by the software before this one: `old/`, unlock keys `[9; 32]`. It protects nothing.

use std::fs;
use std::path::PathBuf;

use engine::domain::{AccountLevel, Wrapped};
use engine::ports::{CaSigner, ServerKeys};
use tempfile::TempDir;

use crate::randomness::system_rng;
use crate::testkit::{config, now, unlock};
use crate::{Extension, OfflineRoot, SoftwareVault};

const VAULT: &[u8] = include_bytes!("old/vault");
const ROOT: &[u8] = include_bytes!("old/root");
const ROOT_KEY: &[u8] = include_bytes!("old/root-key");
/// `protect("place", "kept")`.
const PROTECTED: &[u8] = include_bytes!("old/protected");

fn old() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vault");
    fs::write(&path, VAULT).unwrap();
    fs::write(directory.path().join("root"), ROOT).unwrap();
    (directory, path)
}

fn names(vault: &SoftwareVault) -> Vec<String> {
    vault.published().into_iter().map(|one| one.name).collect()
}

async fn is_the_same_deployment(vault: &SoftwareVault) {
    assert_eq!(vault.root_key()[..], *ROOT_KEY);
    let kept = vault.reveal("place", &Wrapped(PROTECTED.to_vec())).await;
    assert_eq!(**kept.unwrap(), b"kept"[..]);
}

/// Where the version stands in the file.
fn version(path: &PathBuf) -> u8 {
    fs::read(path).unwrap()[9]
}

#[tokio::test]
async fn an_old_vault_opens_with_two_authorities_and_nothing_around_them() {
    let (_directory, path) = old();
    let vault = SoftwareVault::open(&path, unlock()).unwrap();
    is_the_same_deployment(&vault).await;
    assert_eq!(names(&vault), ["root", "eid-q", "eid-nq"]);
    for (level, name) in [
        (AccountLevel::Qualified, "eid-q"),
        (AccountLevel::Advanced, "eid-nq"),
    ] {
        assert_eq!(vault.issuer(level).name, name);
    }
    assert!(vault.root_revocation_list().is_none());
    assert!(vault.time_stamping_unit().is_none());
    assert!(vault.list_signer().is_none());
}

#[tokio::test]
async fn an_old_vault_is_left_alone_until_a_key_changes_and_is_then_written_as_a_new_one() {
    let (_directory, path) = old();
    drop(SoftwareVault::open(&path, unlock()).unwrap());
    assert_eq!(
        (fs::read(&path).unwrap(), version(&path)),
        (VAULT.into(), 1)
    );

    let vault = SoftwareVault::open(&path, unlock()).unwrap();
    let responder = vault.responder_key().await.unwrap();
    drop(vault);
    assert_eq!(version(&path), 2);
    let vault = SoftwareVault::open(&path, unlock()).unwrap();
    is_the_same_deployment(&vault).await;
    assert_eq!(names(&vault), ["root", "eid-q", "eid-nq"]);
    assert_eq!(vault.responder_key().await.unwrap(), responder);
}

#[tokio::test]
async fn an_old_vault_gets_unit_signer_and_revocation_list_by_an_extension() {
    let (directory, path) = old();
    let root = OfflineRoot::open(&directory.path().join("root"), &unlock()).unwrap();
    let extension =
        Extension::prepare(&path, unlock(), &root, &config(), now(), &mut system_rng()).unwrap();
    let added: Vec<_> = extension
        .added()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(added, ["tsu", "trust-list"]);
    extension
        .write(&directory.path().join("certificates"))
        .unwrap();
    let vault = SoftwareVault::open(&path, unlock()).unwrap();
    is_the_same_deployment(&vault).await;
    assert_eq!(
        names(&vault),
        ["root", "eid-q", "eid-nq", "tsu", "trust-list"]
    );
    assert_eq!(vault.root_revocation_list().unwrap().number(), Some(1));
    assert!(vault.time_stamping_unit().is_some() && vault.list_signer().is_some());
}
