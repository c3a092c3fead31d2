//! What is left of a transaction of the past shows what happened, and each end has it.

use crate::story::{PERSON, Story};
use engine::{domain::AuditEvent, service::OperatorError};
use jiff::SignedDuration;
use sha2::{Digest, Sha256};
use splitkey::{Hash, Profile, PublicKey, Scheme};

#[tokio::test]
async fn every_end_leaves_evidence_that_outlives_the_session_and_the_account() {
    let mut story = Story::new().await;
    story.phone.act(&story.world, device::Event::Delete).await;
    story.world.pass(SignedDuration::from_hours(24 * 365 * 4));
    story.world.jobs().await;
    story.world.restart().await;
    story.world.service().checkpoint_audit().await.unwrap();
    for (session, result) in &story.sessions {
        assert_eq!(story.world.status(session).await.status, 404);
        let evidence = story.evidence(session).await;
        assert_eq!(evidence.record.end_result, *result);
        assert_eq!(evidence.record.relying_party_name, "DEMO");
        assert_eq!(evidence.record.signed.is_some(), *result == "OK");
        assert_eq!(evidence.certificates.is_some(), *result == "OK");
    }
}

#[tokio::test]
async fn a_signature_of_the_past_verifies_from_the_evidence_alone() {
    let story = Story::new().await;
    for (session, _) in &story.sessions[..2] {
        let evidence = story.evidence(session).await;
        let (signed, certificates) = (
            evidence.record.signed.clone().unwrap(),
            evidence.certificates.unwrap(),
        );
        assert_eq!(evidence.record.shown_text().as_deref(), Some("Hello?"));
        let digest = match &signed.payload {
            Some(payload) => {
                assert!(payload.contains("|ACSP_V2|"));
                Sha256::digest(payload).to_vec()
            }
            None => vec![9; 32],
        };
        assert_eq!(signed.digest.0, digest);
        let modulus = certificates
            .certificate
            .public_key()
            .rsa_modulus()
            .unwrap()
            .to_vec();
        let profile = Profile::from_id(1).unwrap_or_default();
        PublicKey::new(profile, &modulus)
            .unwrap()
            .verify(
                Scheme::Pss(Hash::Sha256),
                &digest,
                signed.signature.as_ref(),
            )
            .unwrap();
        pki::x509::verify_chain(
            &certificates.certificate,
            &certificates.issuer,
            &certificates.root,
            evidence.record.ended_at,
        )
        .unwrap();
    }
}

#[tokio::test]
async fn the_path_leads_from_the_transaction_to_a_checkpoint() {
    let story = Story::new().await;
    for (session, _) in &story.sessions {
        let evidence = story.evidence(session).await;
        let path = evidence.path.unwrap();
        let end = path.steps.iter().fold(path.before, |link, step| {
            let link = link.follow(&step.record_sha256);
            assert_eq!(link.seq, step.seq);
            link
        });
        let checkpoint = path.checkpoint.verify().unwrap();
        assert_eq!((end.seq, end.hash), (checkpoint.seq, checkpoint.hash.0));
        for entry in &evidence.entries {
            let step = path
                .steps
                .iter()
                .find(|step| step.seq == entry.link.seq)
                .unwrap();
            assert_eq!(step.record_sha256, entry.record_sha256());
        }
        // The last record is the end, and vouches for the text of the evidence.
        let AuditEvent::SessionEnded {
            evidence_sha256: Some(hash),
            ..
        } = evidence.entries.last().unwrap().record().unwrap().event
        else {
            panic!("{session}")
        };
        let expected: String = Sha256::digest(&evidence.text)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(hash, expected);
    }
}

#[tokio::test]
async fn a_transaction_that_no_checkpoint_covers_yet_says_so() {
    let mut story = Story::new().await;
    let session = story.world.ask_to_authenticate(PERSON).await;
    story
        .phone
        .answer(&story.world, &session, tests::PIN1)
        .await;
    let service = story.world.service();
    let id = session.parse().unwrap();
    assert!(
        service
            .transaction_evidence(id)
            .await
            .unwrap()
            .path
            .is_none()
    );
    service.checkpoint_audit().await.unwrap().unwrap();
    assert!(
        service
            .transaction_evidence(id)
            .await
            .unwrap()
            .path
            .is_some()
    );
    // Nothing was added since, so there is nothing to vouch for.
    assert_eq!(service.checkpoint_audit().await.unwrap(), None);
}

#[tokio::test]
async fn a_session_that_runs_or_never_was_has_no_evidence() {
    let story = Story::new().await;
    let running = story.world.ask_to_authenticate(PERSON).await;
    for id in [running.as_str(), "11111111-1111-4111-8111-111111111111"] {
        let error = story
            .world
            .service()
            .transaction_evidence(id.parse().unwrap())
            .await
            .unwrap_err();
        assert!(matches!(error, OperatorError::UnknownSession(_)), "{error}");
    }
}

#[tokio::test]
async fn the_history_of_an_account_is_listed_the_newest_first() {
    let story = Story::new().await;
    let number = story.phone.document_number().parse().unwrap();
    let history = story
        .world
        .service()
        .transactions_of(&number, 10)
        .await
        .unwrap();
    let results: Vec<_> = history.iter().map(|one| one.end_result.as_str()).collect();
    // Nobody's phone had the request that was ignored.
    assert_eq!(results.len(), 3, "{results:?}");
    assert_eq!(results.iter().filter(|one| **one == "OK").count(), 2);
    assert!(results.contains(&"USER_REFUSED_INTERACTION"));
    let one = story.world.service().transactions_of(&number, 1).await;
    assert_eq!(one.unwrap().len(), 1);
}
