use engine::domain::{AccountLevel, CaKeyId};
use engine::ports::{CaSigner, KeysError};
use jiff::SignedDuration;
use jiff::civil::date;
use pki::crl::UnsignedRevocationList;
use pki::x509::{
    Certificate, EndEntity, EndEntityProfile, Level, Linted, Subject, lint, verify_chain,
};
use splitkey::{ClientHalf, CompositeModulus, ServerHalf};

use crate::NoSuchKey;
use crate::randomness::system_rng;
use crate::testkit::{SMALL, TestVault, now};

fn linted(keys: &TestVault, level: AccountLevel, profile: EndEntityProfile) -> Linted {
    let n1 = ClientHalf::generate(SMALL, &mut |_| (), &mut system_rng())
        .unwrap()
        .n1;
    let n2 = ServerHalf::generate(SMALL, &mut system_rng()).unwrap();
    let modulus = CompositeModulus::new(&n1, n2.modulus()).unwrap();
    let subject = Subject {
        country: "EE".into(),
        surname: "TESTNUMBER".into(),
        given_name: "OK".into(),
        semantics_identifier: "PNOEE-40504040001".into(),
        date_of_birth: date(1905, 4, 4),
        document_number: format!(
            "PNOEE-40504040001-MOCK{}",
            profile.level.document_number_suffix()
        ),
    };
    let person = EndEntity {
        profile,
        subject: &subject,
        modulus: modulus.as_bytes(),
    };
    let unsigned = person
        .build(&keys.vault.issuer(level).ca, now(), &mut system_rng())
        .unwrap();
    lint(&unsigned).unwrap()
}

#[tokio::test]
async fn certificates_of_both_levels_verify_up_to_the_root() {
    let keys = TestVault::new().reopened();
    for (level, profile) in [
        (
            AccountLevel::Qualified,
            EndEntityProfile::QUALIFIED_SIGNATURE,
        ),
        (
            AccountLevel::Advanced,
            EndEntityProfile::BASIC_AUTHENTICATION,
        ),
    ] {
        let issuer = keys.vault.issuer(level);
        let certificate = keys
            .vault
            .sign(issuer.id, linted(&keys, level, profile))
            .await
            .unwrap();
        let root = Certificate::parse(&keys.vault.published()[0].certificate).unwrap();
        verify_chain(&certificate, issuer.ca.certificate(), &root, now()).unwrap();
    }
}

#[tokio::test]
async fn the_key_of_the_other_level_does_not_sign() {
    let keys = TestVault::new();
    let certificate = linted(
        &keys,
        AccountLevel::Qualified,
        EndEntityProfile::QUALIFIED_SIGNATURE,
    );
    let other = keys.vault.issuer(AccountLevel::Advanced).id;
    let result = keys.vault.sign(other, certificate).await;
    assert!(matches!(result, Err(KeysError::Unavailable(_))));
}

#[tokio::test]
async fn an_authority_that_the_vault_does_not_have_signs_nothing() {
    let keys = TestVault::new();
    let certificate = linted(
        &keys,
        AccountLevel::Qualified,
        EndEntityProfile::QUALIFIED_SIGNATURE,
    );
    let stranger = CaKeyId([7; 20]);
    let refused = |error: KeysError| match error {
        KeysError::Unavailable(error) => *error.downcast::<NoSuchKey>().unwrap(),
        other => panic!("{other}"),
    };
    let error = keys.vault.sign(stranger, certificate).await.unwrap_err();
    assert_eq!(refused(error), NoSuchKey::Authority);
    let list = empty_list(&keys, AccountLevel::Qualified);
    let error = keys
        .vault
        .sign_revocation_list(stranger, list)
        .await
        .unwrap_err();
    assert_eq!(refused(error), NoSuchKey::Authority);
}

fn empty_list(keys: &TestVault, level: AccountLevel) -> UnsignedRevocationList {
    let issuer = keys.vault.issuer(level);
    let next = now() + SignedDuration::from_hours(24);
    UnsignedRevocationList::build(issuer.ca.certificate(), 1, now(), next, &[]).unwrap()
}

#[tokio::test]
async fn each_authority_signs_its_own_revocation_list_and_no_others() {
    let keys = TestVault::new().reopened();
    for (level, other) in [
        (AccountLevel::Qualified, AccountLevel::Advanced),
        (AccountLevel::Advanced, AccountLevel::Qualified),
    ] {
        let issuer = keys.vault.issuer(level);
        let list = keys
            .vault
            .sign_revocation_list(issuer.id, empty_list(&keys, level))
            .await
            .unwrap();
        list.verify(issuer.ca.certificate().public_key()).unwrap();
        let other = keys.vault.issuer(other).id;
        let refused = keys
            .vault
            .sign_revocation_list(other, empty_list(&keys, level))
            .await;
        assert!(refused.is_err());
    }
}

#[test]
fn each_level_has_its_issuer_and_all_certificates_are_published_the_root_first() {
    let keys = TestVault::new();
    let published = keys.vault.published();
    assert_eq!(
        published
            .iter()
            .map(|one| one.name.as_str())
            .collect::<Vec<_>>(),
        ["root", "eid-q", "eid-nq", "tsu", "trust-list"]
    );
    for (level, of, name) in [
        (AccountLevel::Qualified, Level::Qualified, "eid-q"),
        (AccountLevel::Advanced, Level::Basic, "eid-nq"),
    ] {
        let issuer = keys.vault.issuer(level);
        let certificate = issuer.ca.certificate();
        assert_eq!((issuer.ca.level(), issuer.name.as_str()), (of, name));
        assert_eq!(Some(&issuer.id.0[..]), certificate.subject_key_identifier());
        let published = published.iter().find(|one| one.name == name).unwrap();
        assert_eq!(published.certificate, certificate.der());
    }
    assert_eq!(
        published[3].certificate,
        keys.vault.time_stamping_unit().unwrap().certificate.der()
    );
    assert_eq!(
        published[4].certificate,
        keys.vault.list_signer().unwrap().der()
    );
    assert_eq!(keys.vault.issuers().len(), 2);
}

#[test]
fn the_root_s_first_revocation_list_is_in_the_vault_for_a_year() {
    let keys = TestVault::new().reopened();
    let list = keys.vault.root_revocation_list().unwrap();
    let root = Certificate::parse(&keys.vault.published()[0].certificate).unwrap();
    list.verify(root.public_key()).unwrap();
    assert_eq!(list.number(), Some(1));
    assert!(list.is_empty());
    assert_eq!(list.this_update(), now());
    assert_eq!(
        list.next_update(),
        Some(now() + SignedDuration::from_hours(365 * 24))
    );
}
