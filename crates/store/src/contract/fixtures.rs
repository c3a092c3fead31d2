//! Entities to store, and what makes two of them the same.

use super::Database;
use engine::{
    domain::{
        Account, AccountId, AccountKey, AccountLevel, AccountState, Api, Completed, Device,
        DeviceLinkFlow, Flow, KeyState, OfferedKey, Operation, PerPurpose, Person, PinCounter,
        Registration, RegistrationState, RelyingParty, RelyingPartyRights, RequestKind, Session,
        SessionRequest, SessionSecret, SessionState, SessionStateRecord, Signing, Transaction,
        TransactionState, Wrapped,
    },
    ports::{NewServerHalf, Reader, Store, StoreError, UnitOfWork},
};
use jiff::{SignedDuration, Timestamp, civil::date};
use sha2::{Digest, Sha512};
use splitkey::{
    DeviceId, Hash, KeyId, Profile, PublicKey, Purpose, Scheme, ServerModulus, TokenHash,
    TransactionId,
};
use std::sync::Arc;
use uuid::Uuid;
use wire::{
    CertificateLevel, FlowType, HashAlgorithm, Interaction, InteractionType, Interactions,
    RegistrationId, RelyingPartyUuid, SessionId, SignatureAlgorithm, verification_code,
};

pub(crate) const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// A moment with nanoseconds, `seconds` after an arbitrary one.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::new(1_790_000_000 + seconds, 123_456_789).expect("in range")
}

pub(crate) fn account_id(number: u8) -> AccountId {
    AccountId(Uuid::from_u128(u128::from(number)))
}

pub(crate) fn device_id(number: u8) -> DeviceId {
    DeviceId([number; 16])
}

pub(crate) fn person(number: u8) -> Person {
    Person {
        semantics_identifier: format!("PNOEE-4050404{number:04}")
            .parse()
            .expect("identifier"),
        given_name: "MARI-LIIS".to_owned(),
        surname: "MÄNNIK".to_owned(),
        date_of_birth: date(2005, 4, 4),
    }
}

/// An active account; each number is a person and a device of her own.
pub(crate) fn account(number: u8) -> Account {
    let person = person(number);
    let created_at = at(i64::from(number));
    Account {
        id: account_id(number),
        document_number: format!("{}-MOCK-Q", person.semantics_identifier)
            .parse()
            .expect("document number"),
        person,
        level: AccountLevel::Qualified,
        device: Device {
            id: device_id(number),
            public_key: vec![number; 65],
            token: TokenHash([number; 32]),
            seq: 41,
            superseded: 2,
        },
        keys: PerPurpose {
            authentication: account_key(Purpose::Authentication, number),
            signature: account_key(Purpose::Signature, number),
        },
        state: AccountState::Active,
        created_at,
        expires_at: created_at + SignedDuration::from_hours(3 * 365 * 24),
        version: 0,
    }
}

pub(crate) fn key_id(purpose: Purpose, number: u8) -> KeyId {
    let mut id = [number; 16];
    id[0] = purpose.id();
    KeyId(id)
}

fn account_key(purpose: Purpose, number: u8) -> AccountKey {
    let fill = number ^ (purpose.id() << 6);
    AccountKey {
        id: key_id(purpose, number),
        purpose,
        profile: Profile::Rsa6144,
        n1: vec![fill; 384],
        n2: vec![fill ^ 1; 384],
        n: vec![fill ^ 2; 768],
        certificate: vec![fill ^ 3; 1800],
        pin: PinCounter::default(),
        state: KeyState::Ready {
            server_share: Wrapped(vec![fill ^ 4; 412]),
            server_half: Wrapped(vec![fill ^ 5; 900]),
        },
        in_flight: None,
    }
}

pub(crate) const RELYING_PARTY: RelyingPartyUuid =
    RelyingPartyUuid(Uuid::from_u128(0x0000_0000_0000_4000_8000_0000_0000_0000));

pub(crate) fn relying_party() -> RelyingParty {
    RelyingParty {
        uuid: RELYING_PARTY,
        names: vec!["DEMO".to_owned(), "Demo Bänk".to_owned()],
        networks: vec![
            "192.0.2.0/24".parse().expect("network"),
            "2001:db8::/32".parse().expect("network"),
        ],
        rights: RelyingPartyRights {
            advanced_level: true,
            share_device_ip: true,
            capabilities: vec!["QUALIFIED".to_owned()],
            brokered_name: "Broker".to_owned(),
            prompts_per_minute: Some(7),
        },
        enabled: true,
        version: 0,
    }
}

pub(crate) fn session_id(number: u8) -> SessionId {
    SessionId(Uuid::from_u128(0x5e55_0000 + u128::from(number)))
}

/// A pending signature session that accounts 2 and 1 may answer.
pub(crate) fn session(number: u8) -> Session {
    let created_at = at(i64::from(number));
    let interactions = Interactions::encode(&[Interaction {
        kind: InteractionType::ConfirmationMessage,
        text: "Maksa 12,50 € — Õun OÜ?".to_owned(),
    }]);
    Session {
        id: session_id(number),
        relying_party: RELYING_PARTY,
        request: SessionRequest {
            api: Api::V3,
            kind: RequestKind::Signature {
                digest: Sha512::digest("a finished session").to_vec(),
            },
            relying_party_name: "demo".to_owned(),
            brokered_rp_name: String::new(),
            certificate_level: CertificateLevel::Qualified,
            signing: Some(Signing {
                signature_algorithm: SignatureAlgorithm::RsassaPss,
                hash_algorithm: HashAlgorithm::Sha512,
                interactions: interactions.expect("well-formed"),
            }),
            flow: Flow::Notification,
            verification_code: Some(verification_code(&[number])),
            share_device_ip: true,
            ignored_properties: vec!["someProperty".to_owned()],
            document_alias: None,
            fingerprint: Some([number; 32]),
        },
        candidates: vec![account_id(2), account_id(1)],
        created_at,
        deadline: created_at + MINUTE,
        state: SessionState::Pending,
        version: 0,
    }
}

pub(crate) fn claimed(account: AccountId) -> SessionState {
    SessionState::Claimed {
        account,
        flow_type: FlowType::Notification,
    }
}

pub(crate) fn completing(account: AccountId, transaction: TransactionId) -> SessionState {
    SessionState::Completing {
        account,
        flow_type: FlowType::Notification,
        transaction,
    }
}

/// A session that a device link leads to; anybody may use it.
pub(crate) fn linked_session(number: u8, token: &str) -> Session {
    let mut session = session(number);
    session.candidates.clear();
    session.request.verification_code = None;
    session.request.flow = Flow::DeviceLink(DeviceLinkFlow {
        session_token: token.to_owned(),
        session_secret: SessionSecret::new([number; SessionSecret::LEN]),
        initial_callback_url: "https://rp.example.com/back?value=1".to_owned(),
        accounts: None,
    });
    session
}

/// A real result, of the session that [`session`] makes.
pub(crate) fn completed(account: AccountId, finished: Timestamp) -> SessionState {
    let certificate = include_bytes!("../../vectors/finished-session/certificate.der");
    let signature = include_bytes!("../../vectors/finished-session/signature-pss-sha512.bin");
    let parsed = pki::x509::Certificate::parse(certificate).expect("certificate");
    let modulus = parsed.public_key().rsa_modulus().expect("an RSA key");
    let digest = Sha512::digest("a finished session");
    let signature = PublicKey::new(Profile::Rsa4096, modulus)
        .and_then(|key| key.verify(Scheme::Pss(Hash::Sha512), &digest, signature))
        .expect("the signature of the vector");
    SessionState::Completed(Box::new(Completed {
        account,
        document_number: "PNOEE-40504040001-MOCK-Q".parse().expect("document number"),
        certificate: certificate.to_vec(),
        level: AccountLevel::Qualified,
        signature,
        digest: digest.to_vec(),
        flow_type: FlowType::Notification,
        interaction: InteractionType::ConfirmationMessage,
        server_random: "c2VydmVyUmFuZG9t".to_owned(),
        user_challenge: "dXNlckNoYWxsZW5nZQ".to_owned(),
        device_ip: Some("2001:db8::7".parse().expect("address")),
        at: finished,
    }))
}

pub(crate) fn transaction_id(number: u8) -> TransactionId {
    TransactionId([number; 16])
}

/// A transaction of account 1 that awaits its submission.
pub(crate) fn transaction(number: u8) -> Transaction {
    let created_at = at(i64::from(number));
    Transaction {
        id: transaction_id(number),
        account: account_id(1),
        operation: Operation::Sign {
            session: session_id(number),
            key: key_id(Purpose::Signature, 1),
            purpose: Purpose::Signature,
            interaction: InteractionType::DisplayTextAndPin,
            server_random: "c2VydmVyUmFuZG9t".to_owned(),
        },
        r: [number; 32],
        created_at,
        expires_at: created_at + MINUTE,
        state: TransactionState::Awaiting,
        version: 0,
    }
}

pub(crate) fn registration_id(number: u8) -> RegistrationId {
    RegistrationId(Uuid::from_u128(0x4e60_0000 + u128::from(number)))
}

pub(crate) fn registration(number: u8) -> Registration {
    let created_at = at(i64::from(number));
    let key = |purpose: Purpose| OfferedKey {
        id: key_id(purpose, number),
        profile: Profile::Rsa6144,
        n1: vec![number; 384],
        n2: vec![number ^ 1; 384],
        n: vec![number ^ 2; 768],
        nonce: [purpose.id(); 32],
        server_half: Wrapped(vec![number ^ 3; 900]),
    };
    Registration {
        id: registration_id(number),
        code: format!("7K3M-9Q{:02}", number % 100).parse().expect("code"),
        control_code: "0042".parse().expect("code"),
        device: device_id(number),
        device_public_key: vec![number; 65],
        token: TokenHash([number; 32]),
        keys: PerPurpose {
            authentication: key(Purpose::Authentication),
            signature: key(Purpose::Signature),
        },
        replaces: None,
        created_at,
        expires_at: created_at + SignedDuration::from_mins(15),
        proof_attempts: 0,
        state: RegistrationState::AwaitingServerShares,
        version: 0,
    }
}

/// A half whose modulus is told apart by its number; odd and of full length, as far as anybody checks.
pub(crate) fn half(profile: Profile, number: u8) -> NewServerHalf {
    let mut modulus = vec![0xb7; profile.n1_len()];
    if let Some(last) = modulus.last_mut() {
        *last = number * 2 + 1;
    }
    NewServerHalf {
        modulus: ServerModulus::from_bytes(profile, &modulus)
            .expect("an odd number of full length"),
        wrapped: Wrapped(vec![number; 900]),
    }
}

/// A store on the database with the relying party and accounts 1 to 3.
pub(crate) async fn populated(database: &dyn Database) -> Arc<dyn Store> {
    let store = database.open().await;
    let mut uow = write(&*store).await;
    uow.insert_relying_party(&relying_party())
        .await
        .expect("inserts");
    for number in 1..=3 {
        uow.insert_account(&account(number)).await.expect("inserts");
    }
    uow.commit().await.expect("commits");
    store
}

pub(crate) async fn write(store: &dyn Store) -> Box<dyn UnitOfWork> {
    store.write().await.expect("begins")
}

pub(crate) async fn read(store: &dyn Store) -> Box<dyn Reader> {
    store.read().await.expect("begins")
}

/// Runs one change in a unit of work of its own.
macro_rules! commit {
    ($store:expr, |$uow:ident| $change:expr) => {{
        let mut $uow = $store.write().await.expect("begins");
        let result = $change.await;
        $uow.commit().await.expect("commits");
        result.expect("changes")
    }};
}
pub(crate) use commit;

pub(crate) fn is_conflict<T>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Conflict))
}

pub(crate) fn is_duplicate<T>(result: &Result<T, StoreError>, table: &str) -> bool {
    matches!(result, Err(StoreError::Duplicate { what }) if *what == table)
}

#[track_caller]
pub(crate) fn assert_same_account(stored: &Account, expected: &Account) {
    // Debug shows everything but what is in `Wrapped`.
    assert_eq!(format!("{stored:?}"), format!("{expected:?}"));
    for (stored, expected) in stored.keys.iter().zip(expected.keys.iter()) {
        let parts = |key: &AccountKey| match &key.state {
            KeyState::Ready {
                server_share,
                server_half,
            } => Some((server_share.clone(), server_half.clone())),
            KeyState::Destroyed { .. } => None,
        };
        assert_eq!(parts(stored), parts(expected));
    }
}

#[track_caller]
pub(crate) fn assert_same_session(stored: &Session, expected: &Session) {
    assert_eq!(format!("{stored:?}"), format!("{expected:?}"));
    assert_eq!(stored.request, expected.request);
    assert_eq!(
        SessionStateRecord::from(&stored.state),
        SessionStateRecord::from(&expected.state)
    );
}

#[track_caller]
pub(crate) fn assert_same_transaction(stored: &Transaction, expected: &Transaction) {
    assert_eq!(format!("{stored:?}"), format!("{expected:?}"));
    assert_eq!(stored.state, expected.state);
}

#[track_caller]
pub(crate) fn assert_same_registration(stored: &Registration, expected: &Registration) {
    assert_eq!(format!("{stored:?}"), format!("{expected:?}"));
    assert_eq!(stored.keys, expected.keys);
    assert_eq!(stored.state, expected.state);
}
