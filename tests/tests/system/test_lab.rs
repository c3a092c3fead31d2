//! What a test lab may set: document numbers of its choice, other spellings of them, invented people.

use crate::PERSON;
use device::{Event, View};
use engine::{
    domain::{AccountLevel, Person, RevocationReason},
    service::{IdentityRequest, OperatorError},
};
use serde_json::json;
use tests::{PIN1, PIN2, SimulatedPhone, World, authentication_request, pin};
use wire::{DocumentNumber, RegistrationCode};

fn number(text: &str) -> DocumentNumber {
    text.parse().unwrap()
}

/// Registers up to the identity; returns the code.
async fn registering(world: &World) -> (SimulatedPhone, RegistrationCode) {
    let mut phone = SimulatedPhone::new();
    let register = Event::Register {
        replace: false,
        birth_date: None,
    };
    phone.act(world, register).await;
    let choice = Event::ChoosePins {
        pin1: pin(PIN1),
        pin2: pin(PIN2),
    };
    let View::AwaitingIdentity { code, .. } = phone.act(world, choice).await else {
        panic!("not that far")
    };
    (phone, code)
}

fn identity(person: &str, suffix: Option<&str>, invented: bool) -> IdentityRequest {
    IdentityRequest {
        person: Person {
            semantics_identifier: person.parse().unwrap(),
            given_name: "OK".to_owned(),
            surname: "TESTNUMBER".to_owned(),
            date_of_birth: jiff::civil::date(1905, 4, 4),
        },
        level: AccountLevel::Qualified,
        evidence: "test lab".to_owned(),
        document_suffix: suffix.map(|suffix| suffix.parse().unwrap()),
        invented,
    }
}

async fn finish(world: &World, phone: &mut SimulatedPhone) -> View {
    phone.act(world, Event::Refresh).await;
    let pins = Event::RepeatPins {
        pin1: pin(PIN1),
        pin2: pin(PIN2),
    };
    phone.act(world, pins).await
}

#[tokio::test]
async fn a_chosen_document_number_is_given_once() {
    let world = World::new().await;
    let (mut phone, code) = registering(&world).await;
    let service = world.service();
    service
        .prove_identity(&code, &identity(PERSON, Some("DEMO"), false))
        .await
        .unwrap();
    finish(&world, &mut phone).await;
    assert_eq!(phone.document_number(), format!("{PERSON}-DEMO-Q"));

    let (mut second, code) = registering(&world).await;
    let taken = service
        .prove_identity(&code, &identity(PERSON, Some("DEMO"), false))
        .await;
    assert!(
        matches!(&taken, Err(OperatorError::DocumentNumberTaken(number)) if number.to_string() == phone.document_number()),
        "{taken:?}"
    );
    service
        .prove_identity(&code, &identity(PERSON, None, false))
        .await
        .unwrap();
    finish(&world, &mut second).await;
    assert_ne!(second.document_number(), phone.document_number());

    // Also that of an account that is closed.
    service
        .close_account(
            &number(&phone.document_number()),
            RevocationReason::Superseded,
        )
        .await
        .unwrap();
    let (_, code) = registering(&world).await;
    let taken = service
        .prove_identity(&code, &identity(PERSON, Some("DEMO"), false))
        .await;
    assert!(matches!(taken, Err(OperatorError::DocumentNumberTaken(_))));
}

#[tokio::test]
async fn only_an_invented_person_may_have_a_wrong_check_digit() {
    // One of the published test accounts.
    const INVENTED: &str = "PNOBE-05040400032";
    let world = World::new().await;
    let (mut phone, code) = registering(&world).await;
    let service = world.service();
    let refused = service
        .prove_identity(&code, &identity(INVENTED, None, false))
        .await;
    assert!(
        matches!(&refused, Err(OperatorError::InvalidPerson(why)) if why.contains("check digit")),
        "{refused:?}"
    );
    service
        .prove_identity(&code, &identity(INVENTED, None, true))
        .await
        .unwrap();
    finish(&world, &mut phone).await;
    assert!(phone.document_number().starts_with(INVENTED));
}

#[tokio::test]
async fn an_account_is_found_by_an_alias_and_answers_by_it() {
    let own = format!("{PERSON}-DEMO-Q");
    let alias = format!("{PERSON}-DEM0-Q");
    let world = World::with(|policy| {
        policy.document_aliases = [(number(&alias), number(&own))].into();
    })
    .await;
    let (mut phone, code) = registering(&world).await;
    world
        .service()
        .prove_identity(&code, &identity(PERSON, Some("DEMO"), false))
        .await
        .unwrap();
    finish(&world, &mut phone).await;

    for (target, answered) in [
        (format!("document/{alias}"), &alias),
        (format!("document/{own}"), &own),
        (format!("etsi/{PERSON}"), &own),
    ] {
        let path = format!("authentication/notification/{target}");
        let answer = world.post(&path, &authentication_request()).await;
        assert_eq!(answer.status, 200, "{target}: {}", answer.json());
        let session = answer.json()["sessionID"].as_str().unwrap().to_owned();
        phone.answer(&world, &session, PIN1).await;
        let status = world.status(&session).await.json();
        assert_eq!(status["result"]["endResult"], "OK");
        assert_eq!(status["result"]["documentNumber"], **answered, "{target}");
    }

    let request = json!({
        "relyingPartyUUID": authentication_request()["relyingPartyUUID"], "relyingPartyName": "DEMO",
    });
    let certificate = async |number: &str| {
        let path = format!("signature/certificate/{number}");
        world.post(&path, &request).await
    };
    assert_eq!(certificate(&alias).await.json()["state"], "OK");
    assert_eq!(
        certificate(&alias).await.json(),
        certificate(&own).await.json()
    );
    assert_eq!(
        certificate(&format!("{PERSON}-DEM1-Q")).await.status,
        404,
        "no alias of anything"
    );
}
