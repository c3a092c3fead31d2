//! A person's phone: `smart-id device`, with its state in a temporary file.

use crate::site::{Site, binary};
use std::{path::PathBuf, process::Stdio};
use tempfile::TempDir;
use tokio::process::Command;

/// Opens the authentication key.
const PIN1: &str = "4826";

/// Opens nothing, and the phone cannot tell.
const WRONG_PIN1: &str = "3917";

/// Opens the signature key.
const PIN2: &str = "73915";

/// Who a phone belongs to.
pub struct Person {
    /// `PNOEE-…`, with a good check digit.
    pub semantics_identifier: &'static str,
    /// As in the certificate.
    pub given_name: &'static str,
    /// As in the certificate.
    pub surname: &'static str,
    /// `YYYY-MM-DD`.
    pub date_of_birth: &'static str,
}

/// Whom SK's demo knows as OK TESTNUMBER.
pub const OK_TESTNUMBER: Person = Person {
    semantics_identifier: "PNOEE-40504040001",
    given_name: "OK",
    surname: "TESTNUMBER",
    date_of_birth: "1905-04-04",
};

/// A registered phone.
pub struct Phone {
    state: PathBuf,
    _folder: TempDir,
}

impl Phone {
    /// Registers a new phone of `person`; makes real keys, so it takes seconds.
    ///
    /// # Panics
    ///
    /// When it is not registered.
    pub async fn register(site: &Site, person: &Person) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let phone = Self {
            state: folder.path().join("phone"),
            _folder: folder,
        };
        phone
            .run(&[
                "register",
                "--url",
                &site.base,
                "--person",
                person.semantics_identifier,
                "--given-name",
                person.given_name,
                "--surname",
                person.surname,
                "--date-of-birth",
                person.date_of_birth,
                "--pin1",
                PIN1,
                "--pin2",
                PIN2,
            ])
            .await;
        phone
    }

    /// Confirms the one pending log-in; returns what the phone says.
    ///
    /// # Panics
    ///
    /// When the phone fails.
    pub async fn approve(&self) -> String {
        self.run(&["approve", "--pin1", PIN1]).await
    }

    /// Confirms the one pending signature; returns what the phone says.
    ///
    /// # Panics
    ///
    /// When the phone fails.
    pub async fn approve_signature(&self) -> String {
        self.run(&["approve", "--pin2", PIN2]).await
    }

    /// Gives the certificate to the one pending certificate choice; returns what the phone says.
    ///
    /// # Panics
    ///
    /// When the phone fails.
    pub async fn give_certificate(&self) -> String {
        self.run(&["approve"]).await
    }

    /// Uses a device link and says yes to what it leads to; returns what the phone says.
    ///
    /// # Panics
    ///
    /// When the phone fails.
    pub async fn scan(&self, link: &str) -> String {
        self.run(&["scan", link, "--pin1", PIN1, "--pin2", PIN2])
            .await
    }

    /// The same for a link that the server does not take.
    ///
    /// # Panics
    ///
    /// When it does.
    pub async fn scan_in_vain(&self, link: &str) -> String {
        self.run_to(1, &["scan", link, "--pin1", PIN1, "--pin2", PIN2])
            .await
    }

    /// What the phone shows of the pending requests, verification codes included.
    ///
    /// # Panics
    ///
    /// When the phone fails.
    pub async fn pending(&self) -> String {
        self.run(&["pending"]).await
    }

    /// Refuses the one pending request.
    ///
    /// # Panics
    ///
    /// When the phone fails.
    pub async fn refuse(&self) -> String {
        self.run(&["refuse"]).await
    }

    /// Confirms the one pending log-in by the code that the e-service shows.
    ///
    /// # Panics
    ///
    /// When the phone fails.
    pub async fn choose(&self, code: &str) -> String {
        self.run(&["approve", "--pin1", PIN1, "--code", code]).await
    }

    /// Chooses another code than the e-service shows.
    ///
    /// # Panics
    ///
    /// When the phone fails, or takes it.
    pub async fn choose_wrongly(&self, code: &str) -> String {
        let other = if code == "0000" { "0001" } else { "0000" };
        self.denied(&["approve", "--pin1", PIN1, "--code", other])
            .await
    }

    /// Confirms the one pending log-in with a wrong PIN1.
    ///
    /// # Panics
    ///
    /// When the phone fails, or the PIN was right.
    pub async fn mistype(&self) -> String {
        self.denied(&["approve", "--pin1", WRONG_PIN1]).await
    }

    async fn run(&self, arguments: &[&str]) -> String {
        self.run_to(0, arguments).await
    }

    /// The answer is no.
    async fn denied(&self, arguments: &[&str]) -> String {
        self.run_to(3, arguments).await
    }

    async fn run_to(&self, exit_code: i32, arguments: &[&str]) -> String {
        let output = Command::new(binary())
            .arg("device")
            .args(arguments)
            .arg("--file")
            .arg(&self.state)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .expect("the phone starts");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            output.status.code(),
            Some(exit_code),
            "device {arguments:?}:\n{said}{complaint}",
        );
        said
    }
}
