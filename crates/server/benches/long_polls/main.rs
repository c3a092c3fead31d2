//! What sessions cost that wait in long polls, and how soon a relying party learns that one has ended.
//!
//! `cargo bench -p server --bench long_polls` starts a demo in a process of its own, opens a long poll on each of a hundred
//! sessions, and takes two minutes. Without `--bench` it does the same in small. `SMART_ID_BIN` names another binary than the
//! one that was built beside it.
#![expect(clippy::unwrap_used, reason = "a bench may stop at the first fault")]
#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

mod connection;
mod phone;

use base64ct::{Base64, Encoding};
use connection::Connection;
use phone::{PERSON, Phone};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::{
    collections::HashMap,
    env, fs,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};
use wire::SessionId;

/// What each poll asks for; clients ask again when it is over.
const TIMEOUT_MS: u32 = 60_000;
/// Between two refusals, on average.
const PAUSE_MS: u32 = 150;
/// After the last answer of a request and before its cost is measured.
const SETTLING: Duration = Duration::from_secs(2);

struct Extent {
    sessions: usize,
    watched: Duration,
}

fn main() {
    // Sessions live for 90 s: there must be time left for the refusals.
    let extent = if env::args().any(|argument| argument == "--bench") {
        Extent {
            sessions: 100,
            watched: Duration::from_secs(60),
        }
    } else {
        Extent {
            sessions: 5,
            watched: Duration::from_secs(1),
        }
    };
    let demo = Demo::start();
    let mut phone = Phone::register(&demo.address);
    demo.wait_until_calm();
    let idle = demo.cpu_seconds_of(extent.watched / 3);

    let sessions: Vec<_> = (0..extent.sessions).map(|_| demo.ask()).collect();
    let (sender, answers) = mpsc::channel();
    for &session in &sessions {
        let (address, sender) = (demo.address.clone(), sender.clone());
        thread::spawn(move || sender.send((session, poll_to_the_end(&address, session))));
    }
    thread::sleep(SETTLING);
    assert_eq!(demo.open_polls(), extent.sessions);
    let busy = demo.cpu_seconds_of(extent.watched);
    assert_eq!(demo.open_polls(), extent.sessions, "all wait still");

    let mut refused = HashMap::new();
    for &session in &sessions {
        thread::sleep(Duration::from_millis(random(2 * PAUSE_MS).into()));
        refused.insert(session, phone.refuse(session));
    }
    let mut latencies: Vec<_> = answers
        .iter()
        .take(extent.sessions)
        .map(|(session, answered)| answered - refused[&session])
        .collect();
    latencies.sort_unstable();
    let percentile = |percent: usize| latencies[(latencies.len() * percent).div_ceil(100) - 1];
    println!(
        "{} long polls of {TIMEOUT_MS} ms: {:.2} s of CPU a minute ({:.2} s without any)",
        extent.sessions,
        busy * 60.0,
        idle * 60.0
    );
    println!(
        "from sending a refusal to the answer of the poll: p50 {:.1?}, p99 {:.1?}, max {:.1?}",
        percentile(50),
        percentile(99),
        percentile(100)
    );
}

/// A server in a process of its own, ended with the value.
struct Demo {
    child: Child,
    address: String,
}

impl Demo {
    fn start() -> Self {
        let mut child = smart_id()
            .args(["demo", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = lines
            .find_map(|line| line.ok().filter(|line| line.starts_with("ready")))
            .unwrap();
        let (_, rest) = ready.split_once("http://").unwrap();
        let address = rest.split('/').next().unwrap().to_owned();
        Self { child, address }
    }

    /// Making the halves of the next keys takes a while after a registration.
    fn wait_until_calm(&self) {
        let window = Duration::from_secs(3);
        let calm = (0..60).any(|_| self.cpu_seconds_of(window) < 0.03);
        assert!(calm, "the server is busy for minutes");
    }

    /// Seconds of CPU for each second that passes.
    fn cpu_seconds_of(&self, watched: Duration) -> f64 {
        let (begin, before) = (Instant::now(), self.cpu_seconds());
        thread::sleep(watched);
        (self.cpu_seconds() - before) / begin.elapsed().as_secs_f64()
    }

    /// Of user and kernel, since the start (proc_pid_stat(5)).
    fn cpu_seconds(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let (_, fields) = stat.rsplit_once(')').unwrap();
        let ticks: f64 = fields
            .split_whitespace()
            .skip(11)
            .take(2)
            .map(|field| field.parse::<f64>().unwrap())
            .sum();
        #[expect(clippy::cast_precision_loss, reason = "a hundred")]
        let per_second = rustix::param::clock_ticks_per_second() as f64;
        ticks / per_second
    }

    /// Starts an authentication that no other is taken for.
    fn ask(&self) -> SessionId {
        let mut challenge = [0; 64];
        getrandom::fill(&mut challenge).unwrap();
        let example = include_str!("../../../../docs/examples/authentication.json");
        let mut body: Value = serde_json::from_str(example).unwrap();
        body["signatureProtocolParameters"]["rpChallenge"] =
            Base64::encode_string(&challenge).into();
        let path = format!("/smart-id-rp/v3/authentication/notification/etsi/{PERSON}");
        let answer = Connection::open(&self.address).post(&path, &body.to_string());
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        answer["sessionID"].as_str().unwrap().parse().unwrap()
    }

    fn open_polls(&self) -> usize {
        let metrics = Connection::open(&self.address).get("/metrics");
        let metrics = String::from_utf8(metrics).unwrap();
        let line = metrics
            .lines()
            .find_map(|line| line.strip_prefix("smart_id_open_long_polls "));
        line.unwrap().parse().unwrap()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // It deletes its data when it stops softly.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let _ = self.child.wait();
    }
}

fn smart_id() -> Command {
    let binary = env::var_os("SMART_ID_BIN");
    Command::new(binary.unwrap_or_else(|| env!("CARGO_BIN_EXE_smart-id").into()))
}

/// Polls as clients do, on one connection, and tells when the answer came that the session is over.
fn poll_to_the_end(address: &str, session: SessionId) -> Instant {
    let mut connection = Connection::open(address);
    let path = format!("/smart-id-rp/v3/session/{session}?timeoutMs={TIMEOUT_MS}");
    loop {
        let answer = connection.get(&path);
        let arrived = Instant::now();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        if answer["state"] == "COMPLETE" {
            let result = answer["result"]["endResult"].as_str().unwrap();
            assert!(result.starts_with("USER_REFUSED"), "{answer}");
            return arrived;
        }
    }
}

/// Any number below this one.
fn random(bound: u32) -> u32 {
    getrandom::u32().unwrap() % bound
}
