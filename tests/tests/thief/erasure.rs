//! Whatever would tell a PIN is gone when splitkey.md says so.

use crate::{attack::unfold::unfold, story::story};
use device::{Event, View};
use engine::{
    domain::{AccountLevel, RegistrationState, TransactionState, Wrapped},
    ports::{KeysError, ServerKeys, Store},
};
use jiff::SignedDuration;
use serde_json::Value;
use splitkey::{
    TransactionId,
    message::{Operation, ServerShares, Submit},
    seal::Kind,
};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, sqlite::SqliteConnectOptions};
use std::collections::BTreeSet;
use tests::{Fault, PIN1, PIN2, SimulatedPhone, World, pin};

const PERSON: &str = "PNOEE-40504040001";

/// R3a of splitkey.md §2: neither d1″ nor its ciphertext outlives the acknowledgement, not even an interrupted one.
#[test]
fn the_phone_never_stores_what_it_hands_over() {
    let story = story();
    let fields: BTreeSet<_> = story
        .taken
        .snapshots
        .iter()
        .flat_map(|(_, state)| unfold(state))
        .collect();
    let stored = |part: &[u8]| {
        fields
            .iter()
            .any(|field| field.windows(32).any(|window| part.starts_with(window)))
    };
    let of = |wanted: Kind| {
        story
            .taken
            .opened
            .iter()
            .filter(move |(kind, _, _)| *kind == wanted)
    };
    let mut registrations = 0;
    for (_, sealed, plaintext) in of(Kind::ServerShares) {
        registrations += 1;
        assert!(!stored(sealed) && !stored(&sealed[65..]));
        for share in ServerShares::decode(plaintext).unwrap().shares {
            let at = plaintext
                .windows(16)
                .position(|window| window == share.key_id.0)
                .unwrap();
            assert!(!stored(&plaintext[at + 16..]));
        }
    }
    assert!(registrations > 1, "some were interrupted: {registrations}");
    // The control: what waits for its answer is there.
    assert!(of(Kind::Submit).any(|(_, sealed, _)| stored(sealed)));
    assert!(of(Kind::Proofs).all(|(_, sealed, _)| stored(sealed)));
}

#[test]
fn a_settled_submission_leaves_nothing_on_the_phone() {
    let story = story();
    let last = |label: &str| -> Value {
        let mut states = story
            .taken
            .snapshots
            .iter()
            .filter(|(told, _)| told == label);
        serde_json::from_slice(&states.next_back().unwrap_or_else(|| panic!("{label}")).1).unwrap()
    };
    for settled in [
        "right PIN1",
        "wrong PIN1",
        "wrong PIN2",
        "right PIN2",
        "request lost, sent again",
        "answer lost, restarted",
        "wrong PIN, answer lost, asked again",
        "answer lost for long, synced",
        "request lost for long, synced",
        "rotated",
        "right PIN1 at last",
    ] {
        let state = last(settled);
        assert!(
            state["account"]["pending"].is_null() && state["enrolment"].is_null(),
            "{settled}"
        );
        assert!(!state.to_string().contains("response_key"), "{settled}");
    }
    for waiting in [
        "request lost",
        "answer lost",
        "answer lost for long",
        "request lost for long",
    ] {
        assert!(last(waiting)["account"]["pending"].is_object(), "{waiting}");
    }
}

/// splitkey.md §3: the stored s1′ is encrypted under a key that is destroyed with the transport keys.
#[tokio::test]
async fn a_partial_signature_dies_with_the_transport_key() {
    let mut tries = 1..=20;
    let (mut world, interrupted) = loop {
        tries.next().expect("one in twenty is caught in the middle");
        let world = World::new().await;
        if let Some(interrupted) = interrupted(&world).await {
            break (world, interrupted);
        }
    };
    let Interrupted {
        id,
        wrapped,
        body,
        cells: before,
    } = interrupted;
    let place = place(id);
    let Operation::Sign {
        partial_signature, ..
    } = submit(&world, &body).await.operation
    else {
        panic!("a signature")
    };
    let s1 = partial_signature.expose_secret().to_vec();

    // The control: while the key lives, whoever reads the cell with the column key has s1′ from the vault.
    assert_eq!(
        world
            .vault()
            .reveal(&place, &wrapped)
            .await
            .unwrap()
            .to_vec(),
        s1
    );
    assert!(on_disk(&world, &before));

    world.pass(SignedDuration::from_secs(30));
    world.jobs().await;
    let state = world
        .store()
        .read()
        .await
        .unwrap()
        .transaction(id)
        .await
        .unwrap()
        .unwrap()
        .state;
    assert!(matches!(&state, TransactionState::Done { .. }), "{state:?}");
    let after = cells(&world, "device_transaction", "state").await;
    let overwritten: Vec<_> = before
        .into_iter()
        .filter(|cell| !after.contains(cell))
        .collect();
    assert!(!overwritten.is_empty());
    for (name, bytes) in world.files() {
        assert!(!contains(&bytes, &s1), "{name}");
    }
    // With the log written back, not even the cell is left, in no freed page.
    world.restart().await;
    assert!(!on_disk(&world, &overwritten));

    // Whoever kept a copy of the cell, or recorded the request, has until the key is destroyed.
    for _ in 0..3 {
        assert!(world.vault().reveal(&place, &wrapped).await.is_ok());
        assert!(world.vault().open(Kind::Submit, &body).await.is_ok());
        world.pass(SignedDuration::from_hours(15));
        world.jobs().await;
    }
    world.pass(SignedDuration::from_hours(3));
    world.jobs().await;
    for _ in 0..2 {
        let revealed = world.vault().reveal(&place, &wrapped).await;
        assert!(
            matches!(revealed, Err(KeysError::CannotUnwrap)),
            "within 48 hours"
        );
        let opened = world.vault().open(Kind::Submit, &body).await;
        assert!(
            matches!(opened, Err(KeysError::CannotOpen)),
            "within 48 hours"
        );
        // Nor from the vault's file.
        world.restart().await;
    }
}

/// splitkey.md §2: the server drops provisional halves when the registration ends, however it ends.
#[tokio::test]
async fn provisional_halves_go_with_their_registration() {
    for end in ["abandoned", "expired", "refused", "proof_failed"] {
        let world = World::new().await;
        let mut phone = SimulatedPhone::new();
        phone
            .act(
                &world,
                Event::Register {
                    replace: false,
                    birth_date: None,
                },
            )
            .await;
        let view = phone
            .act(
                &world,
                Event::ChoosePins {
                    pin1: pin(PIN1),
                    pin2: pin(PIN2),
                },
            )
            .await;
        let View::AwaitingIdentity { code, .. } = view else {
            panic!("{view:?}")
        };
        let offer = world
            .traffic()
            .into_iter()
            .find(|exchange| exchange.head.starts_with("POST /device/v1/registrations\n"));
        let offer: wire::device_v1::RegistrationOffer =
            serde_json::from_slice(&offer.unwrap().answer).unwrap();
        let id = offer.registration_id;
        let mut provisional = cells(&world, "registration", "state").await;
        provisional.extend(cells(&world, "registration", "keys").await);
        assert!(on_disk(&world, &provisional), "the control");

        match end {
            "abandoned" => {
                phone.act(&world, Event::Refuse).await;
            }
            "expired" => {
                world.pass(SignedDuration::from_mins(16));
                world.jobs().await;
            }
            "refused" => world.service().refuse_registration(&code).await.unwrap(),
            _ => {
                world.vouch(&code, PERSON, AccountLevel::Qualified).await;
                phone.act(&world, Event::Refresh).await;
                for _ in 0..5 {
                    let wrong = Event::RepeatPins {
                        pin1: pin("9513"),
                        pin2: pin(PIN2),
                    };
                    phone.act(&world, wrong).await;
                }
            }
        }
        let registration = world
            .store()
            .read()
            .await
            .unwrap()
            .registration(id)
            .await
            .unwrap()
            .unwrap();
        let RegistrationState::Ended { reason, .. } = &registration.state else {
            panic!("{end}: {:?}", registration.state)
        };
        assert_eq!(reason.code(), end);
        assert!(
            registration
                .keys
                .iter()
                .all(|key| key.server_half.0.is_empty())
        );
        world.jobs().await;
        assert!(
            !on_disk(&world, &provisional),
            "{end}: nothing is left in freed pages or in the log"
        );
    }
}

/// The server's parts of both keys, when their account is closed.
#[tokio::test]
async fn a_destroyed_key_is_gone_from_the_files_while_the_server_runs() {
    let world = World::new().await;
    let mut phone = world.phone(PERSON).await;
    let mut parts = cells(&world, "account_key", "server_share").await;
    parts.extend(cells(&world, "account_key", "server_half").await);
    world.jobs().await;
    assert!(on_disk(&world, &parts), "the control");
    phone.act(&world, Event::Delete).await;
    assert!(on_disk(&world, &parts), "the log has them still");
    world.jobs().await;
    assert!(!on_disk(&world, &parts));
}

/// A submission whose attempt is counted and whose verdict is not out yet.
struct Interrupted {
    id: TransactionId,
    wrapped: Wrapped,
    /// The sealed request.
    body: Vec<u8>,
    /// The transactions' states on disk at that moment.
    cells: Vec<Vec<u8>>,
}

/// None if the verdict was out before we looked.
async fn interrupted(world: &World) -> Option<Interrupted> {
    let mut phone = world.phone(PERSON).await;
    let session = world.ask_to_authenticate(PERSON).await;
    phone.open(world, &session).await;
    phone.fault = Some(Fault::LoseRequest);
    phone.act(world, Event::EnterPin(pin(PIN1))).await;
    let (path, headers, body) = phone.sent.clone().unwrap();
    let id: wire::TransactionId = path.rsplit('/').next().unwrap().parse().unwrap();
    let id = TransactionId(id.0);
    let mut sending = Box::pin(world.send("POST", &path, &headers, body.clone()));
    loop {
        let done = std::future::poll_fn(|context| {
            std::task::Poll::Ready(sending.as_mut().poll(context).is_ready())
        })
        .await;
        let read = world.store().read().await.unwrap().transaction(id).await;
        match read.unwrap().unwrap().state {
            TransactionState::Processing { .. } => break,
            _ if done => return None,
            _ => tokio::task::yield_now().await,
        }
    }
    drop(sending);
    // While we hold the one writer's place, no verdict is written.
    let mut held = world.store().write().await.unwrap();
    match held.transaction(id).await.unwrap().unwrap().state {
        TransactionState::Processing { evaluation, .. } => Some(Interrupted {
            id,
            wrapped: evaluation.partial_signature,
            body,
            cells: cells(world, "device_transaction", "state").await,
        }),
        _ => None,
    }
}

async fn submit(world: &World, body: &[u8]) -> Submit {
    let opened = world.vault().open(Kind::Submit, body).await.unwrap();
    Submit::decode(&opened.plaintext).unwrap().submit
}

/// Where the engine has s1′ wrapped for.
fn place(id: TransactionId) -> String {
    let hex: String = id.0.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("transaction/{hex}/partial_signature")
}

/// The ciphertexts of an encrypted column.
async fn cells(world: &World, table: &str, column: &str) -> Vec<Vec<u8>> {
    let options = SqliteConnectOptions::new().filename(world.database());
    let mut connection = options.connect().await.unwrap();
    let cells = sqlx::query_scalar(AssertSqlSafe(format!("SELECT {column} FROM {table}")))
        .fetch_all(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    cells
}

/// Whether any of these cells lies in any file, freed pages and write-ahead log included. Without the parts that
/// a page may break, 32 bytes in a row are enough.
fn on_disk(world: &World, cells: &[Vec<u8>]) -> bool {
    let files = world.files();
    let pieces: BTreeSet<&[u8]> = cells
        .iter()
        .flat_map(|cell| cell.chunks_exact(32))
        .collect();
    files
        .iter()
        .any(|(_, bytes)| bytes.windows(32).any(|window| pieces.contains(window)))
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
