use super::{Database, certificates::CA, fixtures::*};
use engine::domain::{
    CaKeyId, ServiceStatus, Status, StoredRevocationList, StoredTrustedList, TrustDecision,
};

fn list(issuer: CaKeyId, number: u64) -> StoredRevocationList {
    StoredRevocationList {
        issuer,
        number,
        this_update: at(1),
        next_update: at(86_401),
        entries: 1_000_000 + number,
        der: vec![7; 3000],
    }
}

fn trusted(sequence: u64) -> StoredTrustedList {
    StoredTrustedList {
        sequence,
        issued_at: at(1),
        next_update: at(2),
        content: [9; 32],
        xml: format!("<TrustServiceStatusList>{sequence} Õ</TrustServiceStatusList>"),
        list_of_lists: "<TrustServiceStatusList/>".to_owned(),
    }
}

pub(crate) async fn the_newest_revocation_list_takes_the_place_of_the_one_before(
    database: &dyn Database,
) {
    let store = database.open().await;
    let other = CaKeyId([1; 20]);
    assert_eq!(
        read(&*store)
            .await
            .revocation_list(CA)
            .await
            .expect("reads"),
        None
    );
    for (issuer, number) in [(CA, 1), (other, 1), (CA, 2), (CA, 300)] {
        commit!(store, |uow| uow
            .insert_revocation_list(&list(issuer, number)));
        let newest = read(&*store).await.revocation_list(issuer).await;
        assert_eq!(newest.expect("reads"), Some(list(issuer, number)));
        let newest = read(&*store).await.revocation_list_number(issuer).await;
        assert_eq!(newest.expect("reads"), Some(number));
    }
    let untouched = read(&*store).await.revocation_list(other).await;
    assert_eq!(untouched.expect("reads"), Some(list(other, 1)));
}

pub(crate) async fn the_number_of_a_revocation_list_only_rises(database: &dyn Database) {
    let store = database.open().await;
    for number in [4, 5] {
        commit!(store, |uow| uow.insert_revocation_list(&list(CA, number)));
    }
    // The rows of the first four are gone.
    for number in 1..=5 {
        assert!(is_conflict(
            &write(&*store)
                .await
                .insert_revocation_list(&list(CA, number))
                .await
        ));
    }
}

pub(crate) async fn decisions_are_listed_in_their_order(database: &dyn Database) {
    let store = database.open().await;
    let mut expected = Vec::new();
    for (number, status) in (1..).zip([
        Status::Granted,
        Status::Withdrawn,
        Status::RecognisedAtNationalLevel,
        Status::DeprecatedAtNationalLevel,
        Status::Granted,
    ]) {
        let decision = TrustDecision {
            service: format!("eid-{}", number % 2),
            status: ServiceStatus {
                status,
                since: at(100 - number),
            },
            // Two clocks need not agree.
            decided_at: at(number % 3),
        };
        commit!(store, |uow| uow.insert_trust_decision(&decision));
        expected.push(decision);
    }
    assert_eq!(
        read(&*store).await.trust_decisions().await.expect("reads"),
        expected
    );
}

pub(crate) async fn the_newest_trusted_list_is_found(database: &dyn Database) {
    let store = database.open().await;
    assert_eq!(
        read(&*store).await.trusted_list().await.expect("reads"),
        None
    );
    for sequence in [1, 2, 10] {
        commit!(store, |uow| uow.insert_trusted_list(&trusted(sequence)));
        let newest = read(&*store).await.trusted_list().await;
        assert_eq!(newest.expect("reads"), Some(trusted(sequence)));
    }
}

pub(crate) async fn the_number_of_a_trusted_list_only_rises(database: &dyn Database) {
    let store = database.open().await;
    commit!(store, |uow| uow.insert_trusted_list(&trusted(5)));
    for sequence in [1, 5] {
        assert!(is_conflict(
            &write(&*store)
                .await
                .insert_trusted_list(&trusted(sequence))
                .await
        ));
    }
}
