//! OCSP responder, time-stamping unit, trusted list.

use std::fs;

use engine::domain::AccountLevel;
use engine::ports::{CaSigner, KeysError};
use pki::ocsp::{CertId, CertificateStatus, OcspRequest, UnsignedOcspResponse};
use pki::tsp::{TimeStampRequest, UnsignedToken};
use pki::x509::{Certificate, SerialNumber, build_responder, lint};
use pki::{ObjectIdentifier, PublicKey};

use crate::NoSuchKey;
use crate::randomness::system_rng;
use crate::testkit::{TestVault, now};

const SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");

/// As the engine makes one; without its record.
async fn responder(keys: &TestVault, level: AccountLevel) -> Certificate {
    let spki = keys.vault.responder_key().await.unwrap();
    let issuer = keys.vault.issuer(level);
    let unsigned = build_responder(&issuer.ca, &spki, now(), &mut system_rng()).unwrap();
    let linted = lint(&unsigned).unwrap();
    keys.vault.sign(issuer.id, linted).await.unwrap()
}

fn answer(keys: &TestVault, responder: &Certificate) -> UnsignedOcspResponse {
    let issuer = keys.vault.issuer(AccountLevel::Qualified);
    let serial = SerialNumber::from_bytes(vec![0x11; 16]);
    let asked = CertId::new(SHA1, issuer.ca.certificate(), &serial).unwrap();
    let request = OcspRequest::new(asked, Some(&[5; 32])).unwrap();
    let since = issuer.ca.certificate().not_before();
    let statuses = [CertificateStatus::Good];
    UnsignedOcspResponse::build(&request, &statuses, responder, since, now()).unwrap()
}

#[tokio::test]
async fn a_vault_without_a_responder_key_signs_no_answer() {
    let keys = TestVault::new();
    let other = TestVault::new();
    let responder = responder(&other, AccountLevel::Qualified).await;
    let error = keys
        .vault
        .sign_ocsp(answer(&keys, &responder))
        .await
        .unwrap_err();
    let KeysError::Unavailable(error) = error else {
        panic!("{error}")
    };
    assert_eq!(
        *error.downcast::<NoSuchKey>().unwrap(),
        NoSuchKey::Responder
    );
}

#[tokio::test]
async fn an_answer_is_signed_by_the_responder_s_key_and_by_no_other_vault_s() {
    let keys = TestVault::new();
    let responder = responder(&keys, AccountLevel::Qualified).await;
    let keys = keys.reopened();
    keys.vault
        .sign_ocsp(answer(&keys, &responder))
        .await
        .expect("the key is in the file");
    let other = TestVault::new();
    other.vault.responder_key().await.unwrap();
    assert!(
        other
            .vault
            .sign_ocsp(answer(&keys, &responder))
            .await
            .is_err()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn however_many_ask_at_once_there_is_one_responder_key() {
    let keys = TestVault::new();
    let vault = std::sync::Arc::new(keys.vault);
    let asking: Vec<_> = (0..12)
        .map(|_| {
            let vault = vault.clone();
            tokio::spawn(async move { vault.responder_key().await.unwrap() })
        })
        .collect();
    let mut made = Vec::new();
    for one in asking {
        made.push(one.await.unwrap());
    }
    made.dedup();
    assert_eq!(made.len(), 1);
    let key = PublicKey::from_spki_der(&made[0]).unwrap();
    assert_eq!(key.rsa_modulus().unwrap().len(), 384, "RSA-3072");
    drop(vault);
    let path = keys.directory.path().join("vault");
    let reopened = crate::SoftwareVault::open(&path, crate::testkit::unlock()).unwrap();
    assert_eq!(reopened.responder_key().await.unwrap(), made[0]);
}

#[tokio::test]
async fn a_responder_key_that_cannot_be_written_down_is_not_used() {
    let keys = TestVault::new();
    // A directory in the place of the draft can be neither removed as a file nor created.
    let draft = keys.directory.path().join("vault.new");
    fs::create_dir(&draft).unwrap();
    assert!(keys.vault.responder_key().await.is_err());
    assert!(keys.vault.opened.keys().responder.is_none());
    fs::remove_dir(&draft).unwrap();
    let made = keys.vault.responder_key().await.unwrap();
    assert_eq!(keys.reopened().vault.responder_key().await.unwrap(), made);
}

#[tokio::test]
async fn the_responder_key_stays_when_other_keys_change() {
    use engine::ports::ServerKeys;
    let keys = TestVault::new();
    let made = keys.vault.responder_key().await.unwrap();
    keys.vault.rotate_transport_keys(now()).await.unwrap();
    keys.vault.renew_wrapping_key().await.unwrap();
    assert_eq!(keys.reopened().vault.responder_key().await.unwrap(), made);
}

#[tokio::test]
async fn the_responder_key_is_not_readable_in_the_file() {
    let keys = TestVault::new();
    keys.vault.responder_key().await.unwrap();
    let key = keys.vault.opened.keys().responder.unwrap().expose_pkcs8();
    let content = fs::read(keys.path()).unwrap();
    for piece in key.chunks_exact(32).skip(1) {
        assert!(!content.windows(32).any(|window| window == piece));
    }
}

#[tokio::test]
async fn a_time_stamp_is_signed_by_the_unit_s_key_and_by_no_other_vault_s() {
    let keys = TestVault::new().reopened();
    let unit = keys.vault.time_stamping_unit().unwrap();
    let token = || {
        let request = TimeStampRequest::parse(&query()).unwrap();
        UnsignedToken::build(&request, &unit, now(), &mut system_rng()).unwrap()
    };
    keys.vault.sign_token(token()).await.unwrap();
    assert!(TestVault::new().vault.sign_token(token()).await.is_err());
}

/// TimeStampReq (RFC 3161 §2.4.1): version 1, a SHA-256 imprint, certReq.
fn query() -> Vec<u8> {
    let sha256 = b"\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00";
    let imprint = [&b"\x30\x31"[..], sha256, b"\x04\x20", &[7; 32]].concat();
    let body = [&b"\x02\x01\x01"[..], &imprint, b"\x01\x01\xff"].concat();
    [&[0x30, u8::try_from(body.len()).unwrap()][..], &body].concat()
}
