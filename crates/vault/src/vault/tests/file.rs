use std::fs;

use engine::ports::{CaSigner, ServerKeys};
use zeroize::Zeroizing;

use crate::randomness::system_rng;
use crate::testkit::{TestVault, ceremony, now, unlock};
use crate::{SoftwareVault, UnlockKey, VaultError};

fn error(result: Result<SoftwareVault, VaultError>) -> VaultError {
    match result {
        Ok(_) => panic!("must fail"),
        Err(error) => error,
    }
}

/// Opens a file with this content.
fn opening(content: &[u8]) -> Result<SoftwareVault, VaultError> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vault");
    fs::write(&path, content).unwrap();
    SoftwareVault::open(&path, unlock())
}

async fn content() -> Vec<u8> {
    let keys = TestVault::new();
    keys.vault.rotate_transport_keys(now()).await.unwrap();
    fs::read(keys.path()).unwrap()
}

#[tokio::test]
async fn a_reopened_vault_is_the_same() {
    let keys = TestVault::new();
    keys.vault.rotate_transport_keys(now()).await.unwrap();
    let (root, statement) = (
        keys.vault.root_key(),
        keys.vault.transport_key().await.unwrap(),
    );
    let published: Vec<_> = keys
        .vault
        .published()
        .into_iter()
        .map(|one| one.certificate)
        .collect();
    let keys = keys.reopened();
    assert_eq!(keys.vault.root_key(), root);
    assert_eq!(keys.vault.transport_key().await.unwrap(), statement);
    assert_eq!(
        keys.vault
            .published()
            .into_iter()
            .map(|one| one.certificate)
            .collect::<Vec<_>>(),
        published
    );
}

#[tokio::test]
async fn a_vault_cut_off_anywhere_is_damaged() {
    let content = content().await;
    assert!(opening(&content).is_ok());
    for len in 0..content.len() {
        assert!(
            matches!(error(opening(&content[..len])), VaultError::Damaged),
            "length {len}"
        );
    }
}

#[tokio::test]
async fn a_changed_vault_is_damaged() {
    let content = content().await;
    for position in 8..content.len() {
        let mut changed = content.clone();
        changed[position] ^= 0x10;
        assert!(
            matches!(error(opening(&changed)), VaultError::Damaged),
            "position {position}"
        );
    }
}

#[test]
fn the_wrong_unlock_key_is_named_as_the_cause() {
    let keys = TestVault::new();
    let path = keys.path();
    let TestVault {
        directory: _directory,
        vault,
    } = keys;
    drop(vault);
    let wrong = UnlockKey::from_bytes(Zeroizing::new([8; 32]));
    assert!(matches!(
        error(SoftwareVault::open(&path, wrong)),
        VaultError::WrongUnlockKey
    ));
    assert!(
        SoftwareVault::open(&path, unlock()).is_ok(),
        "the failed attempt gave the lock back"
    );
}

#[test]
fn a_vault_has_one_opener() {
    let keys = TestVault::new();
    assert!(matches!(
        error(SoftwareVault::open(&keys.path(), unlock())),
        VaultError::InUse(_)
    ));
}

#[test]
fn a_vault_is_never_overwritten_by_a_new_one() {
    let keys = TestVault::new().reopened();
    let before = fs::read(keys.path()).unwrap();
    let again = || SoftwareVault::create(&keys.path(), unlock(), ceremony(), &mut system_rng());
    assert!(matches!(error(again()), VaultError::InUse(_)));
    let TestVault { directory, vault } = keys;
    drop(vault);
    let path = directory.path().join("vault");
    let again = SoftwareVault::create(&path, unlock(), ceremony(), &mut system_rng());
    assert!(matches!(error(again), VaultError::Exists(_)));
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn no_secret_of_the_vault_is_readable_in_the_file() {
    let keys = TestVault::new();
    let content = fs::read(keys.path()).unwrap();
    let identity = &keys.vault.opened.identity;
    let contains = |secret: &[u8]| content.windows(secret.len()).any(|window| window == secret);
    assert!(!contains(&identity.deployment.to_bytes()));
    let authorities = &identity.authorities;
    for authority in &authorities.issuing {
        assert!(!contains(&authority.key.expose_pkcs8()));
    }
    for service in authorities.units.iter().chain(&authorities.list_signers) {
        assert!(!contains(&service.key.as_ref().unwrap().expose_pkcs8()));
    }
    assert!(!contains(
        keys.vault.opened.newest_wrapping_key().expose_secret()
    ));
}
