//! The real binary as a server and as a phone, with `watch.c` in it, and a person at the phone's terminal.

use crate::process_memory::Core;
use rustix::{
    process::{Pid, Signal, WaitOptions, kill_process, waitpid},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
};
use std::{
    fs::{self, File, OpenOptions},
    io::{Read, Write},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

/// Patience with a process: a debug build on a busy machine makes keys.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the tests compile for themselves.
pub(crate) struct Tools {
    watch: PathBuf,
    registers: PathBuf,
}

impl Tools {
    pub(crate) fn compile(folder: &Path) -> Self {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/memory");
        let compile = |name: &str, flags: &[&str]| {
            let target = folder.join(name);
            let status = Command::new("cc")
                .args(["-O1", "-Wall", "-Wextra", "-Werror"])
                .args(flags)
                .arg("-o")
                .arg(&target)
                .arg(source.join(name).with_extension("c"))
                .args(["-ldl", "-lpthread"])
                .status()
                .expect("a C compiler, as the README says");
            assert!(status.success());
            target
        };
        Self {
            watch: compile("watch", &["-shared", "-fPIC"]),
            registers: compile("registers", &[]),
        }
    }

    /// The binary under test: this build's, or `$SMART_ID_SCANNED`.
    pub(crate) fn smart_id(&self) -> Command {
        let binary = std::env::var_os("SMART_ID_SCANNED")
            .unwrap_or_else(|| env!("CARGO_BIN_EXE_smart-id").into());
        let mut command = Command::new(binary);
        for name in ["SMART_ID_PIN1", "SMART_ID_PIN2"] {
            command.env_remove(name);
        }
        // The most that can be logged; `sqlx` would be left out otherwise.
        command.env("SMART_ID_LOG", "trace,sqlx=trace");
        command.env("LD_PRELOAD", &self.watch);
        command
    }

    /// All that a process that stands still has in it.
    pub(crate) fn core(&self, pid: u32) -> Core {
        Core::of(pid).with_registers(&self.registers, pid)
    }
}

/// A demo server: the whole of a server, and somebody who vouches.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
    /// Its data and its logs.
    pub(crate) folder: PathBuf,
}

impl Server {
    pub(crate) fn start(tools: &Tools, folder: &Path, watch: &[(&str, &str)]) -> Self {
        Self::start_by(tools.smart_id(), folder, watch)
    }

    /// The same, by a command to which the server's arguments are added.
    pub(crate) fn start_by(mut command: Command, folder: &Path, watch: &[(&str, &str)]) -> Self {
        fs::create_dir(folder).expect("a folder");
        let (out, log) = (folder.join("out"), folder.join("log"));
        let child = command
            .args(["demo", "--listen", "127.0.0.1:0", "--log-format", "json"])
            .arg("--data")
            .arg(folder.join("data"))
            .envs(watch.iter().copied())
            .stdin(Stdio::null())
            .stdout(File::create(&out).expect("a file"))
            .stderr(File::create(&log).expect("a file"))
            .spawn()
            .expect("the binary starts");
        let mut server = Self {
            child,
            url: String::new(),
            folder: folder.to_owned(),
        };
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let text = fs::read_to_string(&out).expect("a file");
            if let Some(line) = text.lines().find(|line| line.starts_with("ready")) {
                let url = line.split_whitespace().nth(2).expect("an address");
                server.url = url.trim_end_matches('/').to_owned();
                return server;
            }
            // It may stop on its way, but nobody looks at it yet.
            if server.is_stopped() {
                server.signal(Signal::CONT);
            }
            assert!(
                server.child.try_wait().expect("a child").is_none(),
                "the server ended: {}",
                fs::read_to_string(&log).expect("a file")
            );
            thread::sleep(Duration::from_millis(20));
        }
        panic!("the server does not become ready");
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// All that it has in it, of one moment.
    pub(crate) fn core(&self, tools: &Tools) -> Core {
        self.signal(Signal::STOP);
        wait_for("the server stops", || self.is_stopped());
        let core = tools.core(self.id());
        self.signal(Signal::CONT);
        core
    }

    pub(crate) fn is_stopped(&self) -> bool {
        state(self.id()) == 'T'
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it runs");
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().expect("a child")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// R, S, T …, of proc_pid_stat(5).
fn state(pid: u32) -> char {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("a process");
    let (_, rest) = stat.rsplit_once(") ").expect("a name in parentheses");
    rest.chars().next().expect("a state")
}

pub(crate) fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "{what}, but it takes too long");
        thread::sleep(Duration::from_millis(5));
    }
}

/// One command of a phone, with a person at its terminal.
pub(crate) struct Phone {
    child: Child,
    screen: Receiver<Vec<u8>>,
    shown: String,
    keyboard: File,
    out: PathBuf,
    reported: usize,
    stopped: bool,
    ended: bool,
}

/// What the person and the test do with it.
pub(crate) enum Step {
    /// The process stands still; it has reported so much more.
    Stopped(String),
    Ended,
}

impl Phone {
    /// Starts `smart-id device …` on the phone in a folder. Standard output and logs are added to files there.
    pub(crate) fn start(
        tools: &Tools,
        folder: &Path,
        watch: &[(&str, &str)],
        arguments: &[&str],
    ) -> Self {
        fs::create_dir_all(folder).expect("a folder");
        let (terminal, keyboard) = terminal();
        let added = |name: &str| {
            OpenOptions::new()
                .create(true)
                .append(true)
                .open(folder.join(name))
                .expect("a file")
        };
        let out = folder.join("out");
        let reported = fs::read(&out).map_or(0, |before| before.len());
        let child = tools
            .smart_id()
            .args(["device", "--log-format", "json", "--json", "--file"])
            .arg(folder.join("my.phone"))
            .args(arguments)
            .env("WATCH_TERMINAL", "1")
            .envs(watch.iter().copied())
            .stdin(terminal)
            .stdout(added("out"))
            .stderr(added("log"))
            .spawn()
            .expect("the binary starts");
        let mut screen = keyboard.try_clone().expect("a descriptor");
        let (send, receive) = mpsc::channel();
        thread::spawn(move || {
            let mut bytes = [0; 512];
            // Until the last process of the terminal is gone.
            while let Ok(read @ 1..) = screen.read(&mut bytes) {
                if send.send(bytes[..read].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self {
            child,
            screen: receive,
            shown: String::new(),
            keyboard,
            out,
            reported,
            stopped: false,
            ended: false,
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Goes on until the process stops or ends; types the PIN that is asked for.
    pub(crate) fn step(&mut self, pins: [&str; 2]) -> Step {
        let deadline = Instant::now() + PATIENCE;
        let pid = Pid::from_child(&self.child);
        if std::mem::take(&mut self.stopped) {
            kill_process(pid, Signal::CONT).expect("it runs");
        }
        while Instant::now() < deadline {
            while let Ok(bytes) = self.screen.try_recv() {
                self.shown.push_str(&String::from_utf8_lossy(&bytes));
            }
            for (prompt, pin) in ["PIN1: ", "PIN2: "].into_iter().zip(pins) {
                if self.shown.ends_with(prompt) {
                    self.shown.clear();
                    let line = format!("{pin}\n");
                    self.keyboard.write_all(line.as_bytes()).expect("it reads");
                }
            }
            let options = WaitOptions::NOHANG | WaitOptions::UNTRACED;
            if let Some((_, status)) = waitpid(Some(pid), options).expect("a child") {
                self.stopped = status.stopped();
                if self.stopped {
                    return Step::Stopped(self.report());
                }
                self.ended = true;
                return Step::Ended;
            }
            thread::sleep(Duration::from_millis(2));
        }
        panic!("the phone takes too long; it shows {:?}", self.shown);
    }

    fn report(&mut self) -> String {
        let text = fs::read_to_string(&self.out).expect("a file");
        let new = text[self.reported..].to_owned();
        self.reported = text.len();
        new
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        if !self.ended {
            let _ = kill_process(Pid::from_child(&self.child), Signal::KILL);
            let _ = self.child.wait();
        }
    }
}

/// The process's side and ours.
fn terminal() -> (OwnedFd, File) {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudo-terminal");
    grantpt(&ours).expect("a pseudo-terminal");
    unlockpt(&ours).expect("a pseudo-terminal");
    let name = ptsname(&ours, Vec::new()).expect("a pseudo-terminal");
    let theirs = rustix::fs::open(
        name,
        rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY,
        rustix::fs::Mode::empty(),
    )
    .expect("a pseudo-terminal");
    (theirs, File::from(ours))
}
