use engine::domain::AccountLevel;
use engine::ports::{CaSigner, KeysError};
use jiff::civil::date;
use pki::x509::{
    Certificate, EndEntity, EndEntityProfile, Level, Linted, Subject, lint, verify_chain,
};
use splitkey::{ClientHalf, CompositeModulus, ServerHalf};

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
        .build(&keys.vault.issuer(level), now(), &mut system_rng())
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
        let certificate = keys
            .vault
            .sign(level, linted(&keys, level, profile))
            .await
            .unwrap();
        let root = Certificate::parse(&keys.vault.published()[0].certificate).unwrap();
        let issuer = keys.vault.issuer(level);
        verify_chain(&certificate, issuer.certificate(), &root, now()).unwrap();
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
    let result = keys.vault.sign(AccountLevel::Advanced, certificate).await;
    assert!(matches!(result, Err(KeysError::Unavailable(_))));
}

#[test]
fn each_level_has_its_issuer_and_all_three_certificates_are_published() {
    let keys = TestVault::new();
    assert_eq!(
        keys.vault.issuer(AccountLevel::Qualified).level(),
        Level::Qualified
    );
    assert_eq!(
        keys.vault.issuer(AccountLevel::Advanced).level(),
        Level::Basic
    );
    let published = keys.vault.published();
    assert_eq!(
        published
            .iter()
            .map(|one| one.name.as_str())
            .collect::<Vec<_>>(),
        ["root", "eid-q", "eid-nq"]
    );
    assert_eq!(
        published[1].certificate,
        keys.vault
            .issuer(AccountLevel::Qualified)
            .certificate()
            .der()
    );
    assert_eq!(
        published[2].certificate,
        keys.vault
            .issuer(AccountLevel::Advanced)
            .certificate()
            .der()
    );
}
