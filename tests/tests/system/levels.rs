//! What a relying party is told of a level follows from the certificate of the key that signs, for both issuing CAs, both
//! purposes, all three levels, in both versions of the API.

use crate::PERSON;
use base64ct::{Base64, Encoding};
use engine::{domain::AccountLevel, ports::Store};
use pki::x509::{Certificate, Level, SchemeOids};
use serde_json::{Value, json};
use tests::{PIN1, PIN2, SimulatedPhone, World, authentication_request, signature_request};

const V3: &str = "/smart-id-rp/v3";
const V2: &str = "/smart-id-rp/v2";

async fn person_at(world: &World, level: AccountLevel) -> SimulatedPhone {
    let mut phone = SimulatedPhone::new();
    phone.register_at(world, PERSON, level).await;
    phone
}

fn request(version: &str, operation: &str, level: &str) -> (String, Value) {
    let mut request = match (version, operation) {
        (V3, "authentication") => authentication_request(),
        (V3, _) => signature_request(),
        _ => json!({
            "relyingPartyUUID": "00000000-0000-4000-8000-000000000000",
            "relyingPartyName": "DEMO",
            "hash": Base64::encode_string(&[9; 32]),
            "hashType": "SHA256",
            "allowedInteractionsOrder": [{ "type": "displayTextAndPIN", "displayText60": "Hello?" }],
            "nonce": signature_request()["nonce"],
        }),
    };
    request["certificateLevel"] = json!(level);
    let path = match version {
        V3 => format!("{V3}/{operation}/notification/etsi/{PERSON}"),
        _ => format!("{V2}/{operation}/etsi/{PERSON}"),
    };
    (path, request)
}

async fn post(world: &World, path: &str, body: &Value) -> (u16, Value) {
    let json = [("content-type", "application/json".to_owned())];
    let answer = world
        .send("POST", path, &json, body.to_string().into_bytes())
        .await;
    (answer.status, answer.json())
}

/// The level told, and the one that the certificate beside it has by its own policies.
fn levels(cert: &Value) -> (String, Option<Level>) {
    let der = Base64::decode_vec(cert["value"].as_str().unwrap()).unwrap();
    let certificate = Certificate::parse(&der).unwrap();
    let told = cert["certificateLevel"].as_str().unwrap().to_owned();
    (told, certificate.level(&SchemeOids::SK))
}

fn status_of(version: &str, refused: bool) -> u16 {
    match (refused, version) {
        (false, _) => 200,
        (true, V3) => 404,
        (true, _) => 471,
    }
}

/// Asks for everything at every level and compares with what a person at this level has.
async fn everything(world: &World, phone: &mut SimulatedPhone, has: Level) {
    let word = match has {
        Level::Qualified => "QUALIFIED",
        Level::Basic => "ADVANCED",
    };
    let expected = (word.to_owned(), Some(has));
    for asked in ["ADVANCED", "QUALIFIED", "QSCD"] {
        let refused = has == Level::Basic && asked != "ADVANCED";
        for version in [V3, V2] {
            for (operation, digits) in [("authentication", PIN1), ("signature", PIN2)] {
                let (path, body) = request(version, operation, asked);
                let (status, answer) = post(world, &path, &body).await;
                // The API has this level for signatures only.
                let unknown = operation == "authentication" && asked == "QSCD";
                let expected_status = if unknown {
                    400
                } else {
                    status_of(version, refused)
                };
                assert_eq!(status, expected_status, "{path} {asked}: {answer}");
                if status != 200 {
                    continue;
                }
                let session = answer["sessionID"].as_str().unwrap();
                phone.answer(world, session, digits).await;
                let path = format!("{version}/session/{session}?timeoutMs=1000");
                let read = world.send("GET", &path, &[], Vec::new()).await.json();
                assert_eq!(read["result"]["endResult"], "OK", "{read}");
                assert_eq!(
                    levels(&read["cert"]),
                    expected,
                    "{version} {operation} {asked}"
                );
            }
        }
        let (path, mut body) = request(V2, "certificatechoice", asked);
        for field in ["hash", "hashType", "allowedInteractionsOrder"] {
            body.as_object_mut().unwrap().remove(field);
        }
        let (status, answer) = post(world, &path, &body).await;
        assert_eq!(status, status_of(V2, refused), "{path} {asked}: {answer}");
        if !refused {
            let session = answer["sessionID"].as_str().unwrap();
            phone.open(world, session).await;
            let path = format!("{V2}/session/{session}?timeoutMs=1000");
            let read = world.send("GET", &path, &[], Vec::new()).await.json();
            assert_eq!(levels(&read["cert"]), expected, "choice {asked}");
        }
        let path = format!("{V3}/signature/certificate/{}", phone.document_number());
        let body = json!({
            "relyingPartyUUID": "00000000-0000-4000-8000-000000000000",
            "relyingPartyName": "DEMO",
            "certificateLevel": asked,
        });
        let (status, answer) = post(world, &path, &body).await;
        assert_eq!(status, status_of(V3, refused), "{path} {asked}: {answer}");
        if !refused {
            assert_eq!(levels(&answer["cert"]), expected, "by document {asked}");
        }
    }
}

#[tokio::test]
async fn a_qualified_certificate_answers_every_level_as_what_it_is() {
    let world = World::new().await;
    let mut phone = person_at(&world, AccountLevel::Qualified).await;
    everything(&world, &mut phone, Level::Qualified).await;
}

#[tokio::test]
async fn a_basic_certificate_answers_the_basic_level_only() {
    let world = World::new().await;
    let mut phone = person_at(&world, AccountLevel::Advanced).await;
    everything(&world, &mut phone, Level::Basic).await;
}

/// Somebody writes another level into the account's row: the certificate is what counts, and the checker says so.
#[tokio::test]
async fn the_certificate_counts_and_not_what_the_account_says() {
    for (level, written, has) in [
        (
            AccountLevel::Advanced,
            AccountLevel::Qualified,
            Level::Basic,
        ),
        (
            AccountLevel::Qualified,
            AccountLevel::Advanced,
            Level::Qualified,
        ),
    ] {
        let world = World::new().await;
        let mut phone = person_at(&world, level).await;
        let number = phone.document_number().parse().unwrap();
        let mut uow = world.store().write().await.unwrap();
        let mut account = uow.account_by_document(&number).await.unwrap().unwrap();
        account.level = written;
        uow.save_account(&mut account).await.unwrap();
        uow.commit().await.unwrap();
        everything(&world, &mut phone, has).await;
        let report = world
            .service()
            .check_certificates(&mut |_| {})
            .await
            .unwrap();
        let wrong = report.findings.iter();
        assert_eq!(
            wrong
                .filter(|one| one.what.contains("another level"))
                .count(),
            2
        );
    }
}
