//! A deployment with its server, one phone and one relying party, all as real processes on copied files.

use crate::{
    process::{self, smart_id},
    shim::{Clock, Shim, copy_files},
};
use serde_json::{Value, json};
use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

pub(crate) const PERSON: &str = "PNOEE-40504040001";
pub(crate) const PIN1: &str = "4826";
pub(crate) const PIN2: &str = "73915";
pub(crate) const WRONG_PIN1: &str = "9513";

/// Real keys, an unoptimised build, a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Prepared files that a world starts from.
pub(crate) struct Snapshot(TempDir);

/// A deployment without accounts.
static EMPTY: LazyLock<Snapshot> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::create_dir(folder.path().join("phone")).expect("a folder");
    let data = folder.path().join("server");
    let mut demo = process::Server::demo(Some(&data));
    // Made once, so that no run has to make any.
    let begin = Instant::now();
    while World::halves(&data) < HALVES {
        assert!(begin.elapsed() < PATIENCE, "no server halves");
        thread::sleep(Duration::from_millis(200));
    }
    demo.terminate();
    demo.wait(PATIENCE);
    let config = data.join("smart-id.toml");
    let text = fs::read_to_string(&config).expect("a configuration") + "pooled_halves = 0\n";
    fs::write(&config, text).expect("writes");
    Snapshot(folder)
});

/// What the demo pools, two for each registration.
const HALVES: u64 = 8;

/// The same with a phone that waits for its person to be vouched for.
static REGISTERING: LazyLock<Snapshot> = LazyLock::new(|| {
    World::start(&EMPTY).into_snapshot(|world| {
        world.registration_code();
    })
});

/// Vouched for; both PINs are due.
static VOUCHED: LazyLock<Snapshot> = LazyLock::new(|| {
    World::start(&REGISTERING).into_snapshot(|world| {
        let code = world.registration_code();
        let output = world.vouch(&code);
        assert!(output.status.success(), "{}", process::stderr(&output));
    })
});

/// An account.
static ENROLLED: LazyLock<Snapshot> = LazyLock::new(|| {
    World::start(&VOUCHED).into_snapshot(|world| {
        let output = world.register();
        assert_eq!(output.code, 0, "{output:?}");
    })
});

/// Two wrong PIN1 already: the next one locks.
static TWICE_WRONG: LazyLock<Snapshot> = LazyLock::new(|| {
    World::start(&ENROLLED).into_snapshot(|world| {
        let session = world.ask().expect("asks");
        for _ in 0..2 {
            assert_eq!(world.approve(WRONG_PIN1).code, 3);
        }
        assert_eq!(world.device(&["refuse", &session]).code, 0);
    })
});

pub(crate) fn empty() -> &'static Snapshot {
    &EMPTY
}
pub(crate) fn registering() -> &'static Snapshot {
    &REGISTERING
}
pub(crate) fn vouched() -> &'static Snapshot {
    &VOUCHED
}
pub(crate) fn enrolled() -> &'static Snapshot {
    &ENROLLED
}
pub(crate) fn twice_wrong() -> &'static Snapshot {
    &TWICE_WRONG
}

/// Files of their own, an address of their own, a clock of their own.
pub(crate) struct World {
    folder: TempDir,
    pub(crate) address: String,
    pub(crate) clock: Clock,
    /// Watches the server.
    pub(crate) shim: Shim,
    server: Option<Child>,
    starts: u32,
}

/// How a command of the phone ended, and what it showed.
#[derive(Debug)]
pub(crate) struct Shown {
    /// -1 if it was killed.
    pub(crate) code: i32,
    /// The views, as `--json` tells them.
    pub(crate) views: Vec<Value>,
    pub(crate) stderr: String,
}

impl Shown {
    /// Whether a view of this name was shown.
    pub(crate) fn has(&self, view: &str) -> bool {
        self.views.iter().any(|shown| shown["view"] == view)
    }

    /// What the person read last, on whichever channel.
    pub(crate) fn sentence(&self) -> String {
        let last = self.views.last().and_then(|view| view["text"].as_str());
        format!("{} {}", last.unwrap_or_default(), self.stderr)
    }
}

impl World {
    /// A copy of the snapshot; its server runs, under the shim.
    pub(crate) fn start(snapshot: &Snapshot) -> Self {
        Self::prepare(snapshot, false)
    }

    /// The same, and what a power cut would leave is kept.
    pub(crate) fn start_keeping_durable(snapshot: &Snapshot) -> Self {
        Self::prepare(snapshot, true)
    }

    fn prepare(snapshot: &Snapshot, keep_durable: bool) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for part in ["server", "phone"] {
            copy_files(&snapshot.0.path().join(part), &folder.path().join(part));
        }
        let address = new_address();
        let shim = Shim::new(folder.path().join("shim"), &folder.path().join("server"));
        let mut world = Self {
            clock: Clock::new(folder.path().join("clock")),
            shim,
            folder,
            address,
            server: None,
            starts: 0,
        };
        world.move_to_address();
        if keep_durable {
            world.shim.keep_durable();
        }
        let mut command = world.command();
        world.shim.load(&mut command);
        world.run_server(command);
        world
    }

    /// Does something, stops, and keeps the files.
    fn into_snapshot(mut self, work: impl FnOnce(&mut Self)) -> Snapshot {
        work(&mut self);
        self.stop();
        let folder = tempfile::tempdir().expect("a temporary folder");
        for part in ["server", "phone"] {
            copy_files(&self.folder.path().join(part), &folder.path().join(part));
        }
        Snapshot(folder)
    }

    /// Configuration and phone name the address of this world.
    fn move_to_address(&self) {
        let config = self.config();
        let text: String = fs::read_to_string(&config)
            .expect("a configuration")
            .lines()
            .map(|line| match line.split(' ').next() {
                Some("public_url") => format!("public_url = \"http://{}\"\n", self.address),
                Some("listen") => format!("listen = \"{}\"\n", self.address),
                _ => format!("{line}\n"),
            })
            .collect();
        fs::write(config, text).expect("writes");
        let phone = self.phone_file();
        if let Ok(text) = fs::read(&phone) {
            let mut stored: Value = serde_json::from_slice(&text).expect("a phone");
            stored["server"] = json!(format!("http://{}", self.address));
            fs::write(phone, stored.to_string()).expect("writes");
        }
    }

    // ---- the server ----

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("server")
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.data().join("smart-id.toml")
    }

    /// The binary with this world's clock.
    pub(crate) fn command(&self) -> Command {
        let mut command = smart_id();
        self.clock.load(&mut command);
        command.stdin(Stdio::null());
        command
    }

    /// Starts the server again after its end, without the shim that watches it.
    pub(crate) fn restart(&mut self) {
        self.reap();
        let command = self.command();
        self.run_server(command);
    }

    /// The same, on what a power cut left of its files.
    pub(crate) fn restart_after_power_cut(&mut self) {
        self.reap();
        fs::remove_dir_all(self.data()).expect("deletes");
        copy_files(&self.shim.durable(), &self.data());
        let command = self.command();
        self.run_server(command);
    }

    fn run_server(&mut self, mut command: Command) {
        self.starts += 1;
        let log = self.log();
        let child = command
            .args(["serve", "--log-format", "json", "--config"])
            .arg(self.config())
            .stdout(Stdio::null())
            .stderr(File::create(&log).expect("a log"))
            .spawn()
            .expect("the binary starts");
        self.server = Some(child);
        let begin = Instant::now();
        loop {
            let text = fs::read_to_string(&log).expect("a log");
            if text.contains(r#""message":"ready""#) {
                return;
            }
            assert!(
                begin.elapsed() < PATIENCE && self.is_up(),
                "the server does not start: {text}"
            );
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn log(&self) -> PathBuf {
        self.folder
            .path()
            .join(format!("server-{}.log", self.starts))
    }

    /// What all its servers wrote.
    pub(crate) fn logs(&self) -> String {
        (1..=self.starts)
            .map(|number| self.folder.path().join(format!("server-{number}.log")))
            .map(|path| fs::read_to_string(path).expect("a log"))
            .collect()
    }

    pub(crate) fn is_up(&mut self) -> bool {
        let server = self.server.as_mut();
        server.is_some_and(|server| server.try_wait().expect("a child").is_none())
    }

    /// SIGKILL, now.
    pub(crate) fn kill(&mut self) {
        if let Some(server) = &mut self.server {
            server.kill().expect("a child");
        }
        self.reap();
    }

    /// SIGTERM, and its end.
    pub(crate) fn stop(&mut self) -> Option<ExitStatus> {
        let mut server = self.server.take()?;
        let pid = rustix::process::Pid::from_child(&server);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it runs");
        Some(server.wait().expect("a child"))
    }

    fn reap(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.wait().expect("a child");
        }
    }

    /// A command of the operator beside the server.
    pub(crate) fn operator(&self, arguments: &[&str]) -> Output {
        self.operate(self.command(), arguments)
    }

    /// The same under a shim.
    pub(crate) fn operator_under(&self, shim: &Shim, arguments: &[&str]) -> Output {
        let mut command = self.command();
        shim.load(&mut command);
        self.operate(command, arguments)
    }

    fn operate(&self, mut command: Command, arguments: &[&str]) -> Output {
        command
            .args(arguments)
            .arg("--config")
            .arg(self.config())
            .output()
            .expect("the binary runs")
    }

    pub(crate) fn vouch(&self, code: &str) -> Output {
        self.operator(&Self::vouching(code))
    }

    /// The operator's words for vouching.
    pub(crate) fn vouching(code: &str) -> Vec<&str> {
        let mut arguments = vec!["account", "vouch", code, "--yes", "--person", PERSON];
        arguments
            .extend("--given-name OK --surname TESTNUMBER --date-of-birth 1905-04-04".split(' '));
        arguments
    }

    /// How many server halves are pooled in a database.
    fn halves(data: &Path) -> u64 {
        crate::inspect::halves(&data.join("smart-id.toml"))
    }

    // ---- the phone ----

    pub(crate) fn phone_folder(&self) -> PathBuf {
        self.folder.path().join("phone")
    }

    pub(crate) fn phone_file(&self) -> PathBuf {
        self.phone_folder().join("a.phone")
    }

    /// A shim of its own, for a phone or an operator's command.
    pub(crate) fn another_shim(&self, name: &str, root: &Path) -> Shim {
        Shim::new(self.folder.path().join(name), root)
    }

    /// A command of the phone in this file.
    pub(crate) fn device_command(&self, file: &Path, arguments: &[&str]) -> Command {
        let mut command = self.command();
        command
            .args(["device", "--json", "--file"])
            .arg(file)
            .args(arguments);
        command
    }

    /// Runs a command of the phone to its end.
    pub(crate) fn device(&self, arguments: &[&str]) -> Shown {
        shown(self.device_command(&self.phone_file(), arguments))
    }

    pub(crate) fn approve(&self, pin: &str) -> Shown {
        self.device(&["approve", "--pin", pin])
    }

    /// `register` with both PINs, to its end.
    pub(crate) fn register(&self) -> Shown {
        let url = format!("http://{}", self.address);
        self.device(&["register", "--url", &url, "--pin1", PIN1, "--pin2", PIN2])
    }

    /// `register` until the phone shows its code, or gives up; then the phone is switched off. Returns what it showed.
    pub(crate) fn register_until_code(&self) -> String {
        self.register_until_code_under(None)
    }

    pub(crate) fn register_until_code_under(&self, shim: Option<&Shim>) -> String {
        let url = format!("http://{}", self.address);
        let arguments = ["register", "--url", &url, "--pin1", PIN1, "--pin2", PIN2];
        let mut command = self.device_command(&self.phone_file(), &arguments);
        if let Some(shim) = shim {
            shim.load(&mut command);
        }
        let mut phone = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let lines = process::lines_of(phone.stdout.take().expect("piped"));
        let line = lines.recv_timeout(PATIENCE);
        // Its file is written before it shows the code.
        let _ = phone.kill();
        phone.wait().expect("a child");
        line.unwrap_or_default()
    }

    /// The code of the open registration, as the phone tells it.
    pub(crate) fn registration_code(&self) -> String {
        let text = self.register_until_code();
        let view: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"));
        view["registrationCode"]
            .as_str()
            .unwrap_or_else(|| panic!("{text}"))
            .to_owned()
    }

    // ---- the relying party ----

    /// Asks to log the person in; the session's identifier.
    pub(crate) fn ask(&self) -> Result<String, Value> {
        self.ask_for(
            "authentication",
            include_str!("../../../../docs/examples/authentication.json"),
        )
    }

    /// A request to the RP API: the session, or what was answered.
    pub(crate) fn ask_for(&self, kind: &str, body: &str) -> Result<String, Value> {
        let path = format!("/smart-id-rp/v3/{kind}/notification/etsi/{PERSON}");
        let (status, body) = self.http("POST", &path, body);
        match body["sessionID"].as_str() {
            Some(session) if status == 200 => Ok(session.to_owned()),
            _ => Err(json!({ "status": status, "body": body })),
        }
    }

    /// The session as its relying party sees it now.
    pub(crate) fn session(&self, id: &str) -> Value {
        self.session_within(id, 1000)
    }

    /// The same, by a long poll.
    pub(crate) fn session_within(&self, id: &str, milliseconds: u32) -> Value {
        let path = format!("/smart-id-rp/v3/session/{id}?timeoutMs={milliseconds}");
        let (status, mut body) = self.http("GET", &path, "");
        body["http"] = json!(status);
        body
    }

    /// `endResult` of a finished session; waits for it, but not for ever.
    pub(crate) fn end_of(&self, id: &str) -> String {
        let session = self.session_within(id, 30_000);
        assert_eq!(session["state"], "COMPLETE", "{session}");
        session["result"]["endResult"]
            .as_str()
            .expect("a result")
            .to_owned()
    }

    /// Status 0 if no answer came.
    pub(crate) fn http(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let json = "content-type: application/json\r\n";
        match process::try_request(&self.address, method, path, json, body) {
            Ok((status, _, body)) => (status, serde_json::from_str(&body).unwrap_or_default()),
            Err(error) => (0, json!({ "error": error.to_string() })),
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            let _ = server.kill();
            let _ = server.wait();
        }
        if thread::panicking() {
            let log = self.logs();
            let begin = log.len().saturating_sub(4000);
            let end = log.get(begin..).unwrap_or(&log);
            // A second panic would hide the first.
            let _ = writeln!(io::stderr(), "--- the end of the servers' logs\n{end}");
        }
    }
}

/// Runs a command of a phone to its end.
pub(crate) fn shown(mut command: Command) -> Shown {
    let output = command.output().expect("the binary runs");
    Shown {
        code: output.status.code().unwrap_or(-1),
        views: process::stdout(&output)
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect(),
        stderr: process::stderr(&output),
    }
}

/// An address that nothing else uses: below the ports that the system gives out, on a loopback address of this process.
fn new_address() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let [_, _, high, low] = std::process::id().to_be_bytes();
    let port = 20_000 + count % 10_000;
    format!("127.{}.{low}.1:{port}", u32::from(high % 100) + 100)
}
