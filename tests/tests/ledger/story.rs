use device::{Event, View};
use engine::{
    domain::{AuditEntry, AuditLink},
    ports::Store,
    service::{AuditFinding, AuditReport, TransactionEvidence},
};
use jiff::SignedDuration;
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use tests::{PIN1, PIN2, SimulatedPhone, World};

pub(crate) const PERSON: &str = "PNOEE-40504040001";
const OTHER: &str = "PNOEE-50001029996";

/// A server on which everything has happened that leaves records.
pub(crate) struct Story {
    pub(crate) world: World,
    pub(crate) phone: SimulatedPhone,
    /// Session and its end result, in the order in which they ended.
    pub(crate) sessions: Vec<(String, &'static str)>,
}

impl Story {
    pub(crate) async fn new() -> Self {
        let world = World::new().await;
        let mut phone = world.phone(PERSON).await;
        let mut sessions = Vec::new();

        let login = world.ask_to_authenticate(PERSON).await;
        assert!(matches!(
            phone.answer(&world, &login, "9513").await,
            View::WrongPin { .. }
        ));
        assert!(matches!(
            phone.answer(&world, &login, PIN1).await,
            View::Completed(_)
        ));
        sessions.push((login, "OK"));
        world.service().checkpoint_audit().await.unwrap().unwrap();

        let signature = world.ask_to_sign(PERSON).await;
        assert!(matches!(
            phone.answer(&world, &signature, PIN2).await,
            View::Completed(_)
        ));
        sessions.push((signature, "OK"));

        let refused = world.ask_to_authenticate(PERSON).await;
        phone.open(&world, &refused).await;
        phone.act(&world, Event::Refuse).await;
        sessions.push((refused, "USER_REFUSED_INTERACTION"));

        let ignored = world.ask_to_authenticate(PERSON).await;
        world.pass(SignedDuration::from_secs(90));
        world.jobs().await;
        sessions.push((ignored, "TIMEOUT"));

        let mut other = world.phone(OTHER).await;
        let pending = world.ask_to_authenticate(OTHER).await;
        other.act(&world, Event::Delete).await;
        sessions.push((pending, "DOCUMENT_UNUSABLE"));
        world.service().checkpoint_audit().await.unwrap().unwrap();
        // The end of the trail, which no checkpoint is over yet.
        phone.act(&world, Event::Rotate).await;
        phone.act(&world, Event::Rotate).await;
        Self {
            world,
            phone,
            sessions,
        }
    }

    pub(crate) async fn check(&self) -> AuditReport {
        self.check_with(&[]).await
    }

    pub(crate) async fn check_with(&self, anchors: &[AuditLink]) -> AuditReport {
        let service = self.world.service();
        service
            .check_audit(None, anchors, &mut |_| {})
            .await
            .unwrap()
    }

    pub(crate) async fn findings(&self) -> Vec<AuditFinding> {
        self.check().await.findings
    }

    pub(crate) async fn entries(&self) -> Vec<AuditEntry> {
        let mut reader = self.world.store().read().await.unwrap();
        reader.audit_entries(0, 10_000).await.unwrap()
    }

    /// What is left of a session.
    pub(crate) async fn evidence(&self, session: &str) -> TransactionEvidence {
        self.world
            .service()
            .transaction_evidence(session.parse().unwrap())
            .await
            .unwrap()
    }

    /// The sealed head, as it is in the file.
    pub(crate) async fn head_cell(&self) -> Vec<u8> {
        let mut connection = self.connect().await;
        sqlx::query_scalar("SELECT head FROM audit_head")
            .fetch_one(&mut connection)
            .await
            .unwrap()
    }

    /// The records that checkpoints are over.
    pub(crate) async fn checkpoints(&self) -> Vec<u64> {
        let mut reader = self.world.store().read().await.unwrap();
        let checkpoints = reader.checkpoints(0, 100).await.unwrap();
        checkpoints
            .iter()
            .map(|signed| signed.checkpoint.seq)
            .collect()
    }

    /// Runs a statement behind the store's back.
    pub(crate) async fn tamper(&self, sql: impl Into<String>) -> u64 {
        let mut connection = self.connect().await;
        let done = sqlx::query(AssertSqlSafe(sql.into()))
            .execute(&mut connection)
            .await
            .unwrap();
        connection.close().await.unwrap();
        done.rows_affected()
    }

    async fn connect(&self) -> SqliteConnection {
        let location = format!("sqlite:{}", self.world.database().display());
        SqliteConnection::connect(&location).await.unwrap()
    }
}
