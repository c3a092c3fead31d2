//! `smart-id demo`, started for one test and stopped with it.

use crate::chain::Chain;
use openssl::x509::X509;
use std::{env, path::PathBuf, process::Stdio, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

/// The contract is 5 s on a quiet machine; CI's has two cores and several tests.
const START: Duration = Duration::from_secs(60);

/// A running demo with its own temporary data. It is killed when this value goes.
pub struct Site {
    /// `http://127.0.0.1:PORT`.
    pub base: String,
    _demo: Child,
    /// Kept open: a demo whose output nobody reads any more would fail on its next line.
    _output: Lines<BufReader<ChildStdout>>,
}

impl Site {
    /// Starts the demo on a free port and waits until it says that it is ready.
    ///
    /// # Panics
    ///
    /// When it does not get that far.
    pub async fn start() -> Self {
        let mut demo = Command::new(binary())
            .args(["demo", "--listen", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the demo starts");
        let mut output = BufReader::new(demo.stdout.take().expect("piped")).lines();
        let base = timeout(START, ready(&mut output))
            .await
            .expect("the demo is ready in time");
        Self {
            base,
            _demo: demo,
            _output: output,
        }
    }

    /// The session as the server answers it, before any client has touched it.
    ///
    /// # Panics
    ///
    /// When it does not answer with a finished session.
    pub async fn session(&self, id: &str) -> serde_json::Value {
        let answer = reqwest::get(format!(
            "{}/smart-id-rp/v3/session/{id}?timeoutMs=1000",
            self.base
        ))
        .await;
        let answer = answer.expect("answered").error_for_status().expect("200");
        let session: serde_json::Value = answer.json().await.expect("JSON");
        assert_eq!(session["state"], "COMPLETE");
        session
    }

    /// The root and the issuing CA of that name (`eid-q`, `eid-nq`), as this demo publishes them.
    ///
    /// # Panics
    ///
    /// When it does not.
    pub async fn chain(&self, issuing: &str) -> Chain {
        Chain {
            root: self.published("root").await,
            issuing: self.published(issuing).await,
        }
    }

    async fn published(&self, name: &str) -> X509 {
        let answer = reqwest::get(format!("{}/certs/{name}.pem", self.base))
            .await
            .expect("answered");
        let pem = answer
            .error_for_status()
            .expect("200")
            .bytes()
            .await
            .expect("a body");
        X509::from_pem(&pem).expect("a certificate")
    }
}

/// The binary under test, built in the main workspace.
///
/// # Panics
///
/// When `SMART_ID_BIN` does not say where it is: these tests are never skipped.
#[must_use]
pub fn binary() -> PathBuf {
    env::var_os("SMART_ID_BIN")
        .expect("SMART_ID_BIN is the path of the smart-id binary")
        .into()
}

/// Reads until the line that starts with `ready`, which names the page to open.
async fn ready(output: &mut Lines<BufReader<ChildStdout>>) -> String {
    while let Some(line) = output.next_line().await.expect("readable") {
        if line.starts_with("ready") {
            let (_, rest) = line
                .split_once("http://")
                .expect("the ready line names the page to open");
            let address: String = rest
                .chars()
                .take_while(|c| c.is_ascii_digit() || ".:".contains(*c))
                .collect();
            return format!("http://{address}");
        }
    }
    panic!("the demo ended before it was ready")
}
