//! The real binary, and just enough HTTP to talk to it.

use rustix::process::{Pid, Signal, kill_process};
use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

/// The binary under test.
pub(crate) fn smart_id() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_smart-id"));
    command.env_remove("SMART_ID_LOG");
    // Its servers are on this machine, at addresses that a NO_PROXY need not name.
    for proxy in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        command.env_remove(proxy);
    }
    command
}

/// Runs a command to its end.
pub(crate) fn run(arguments: &[&str]) -> Output {
    smart_id()
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("the binary runs")
}

/// Runs a command to its end, with something typed.
pub(crate) fn run_typing(arguments: &[&str], typed: &str) -> Output {
    let mut command = smart_id();
    command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary starts");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(typed.as_bytes()).expect("types");
    drop(stdin);
    child.wait_with_output().expect("the binary runs")
}

/// Standard output as text.
pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Standard error as text.
pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A server in a process of its own, ended with the value.
pub(crate) struct Server {
    child: Child,
    /// What it printed up to the line that says it is ready.
    pub(crate) announcement: Vec<String>,
    /// How long that took.
    pub(crate) took: Duration,
}

impl Server {
    /// Starts a server that says on its log when it is ready.
    pub(crate) fn serve(config: &Path) -> Self {
        let begin = Instant::now();
        let mut child = smart_id()
            .args(["serve", "--log-format", "json", "--config"])
            .arg(config)
            .stderr(Stdio::piped())
            .stdin(Stdio::null())
            .spawn()
            .expect("the binary starts");
        let lines = lines_of(child.stderr.take().expect("piped"));
        let announcement = until(&lines, |line| line.contains(r#""message":"ready""#));
        // Nobody may stop reading: the server would wait for room in the pipe.
        thread::spawn(move || lines.iter().for_each(drop));
        Self {
            child,
            announcement,
            took: begin.elapsed(),
        }
    }

    /// Starts a demo on a free port and waits until it says that it is ready.
    pub(crate) fn demo(data: Option<&Path>) -> Self {
        let mut command = smart_id();
        command.args(["demo", "--listen", "127.0.0.1:0"]);
        if let Some(folder) = data {
            command.arg("--data").arg(folder);
        }
        Self::demo_by(command)
    }

    /// The same with a command of one's own.
    pub(crate) fn demo_by(mut command: Command) -> Self {
        let begin = Instant::now();
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .stdin(Stdio::null())
            .spawn()
            .expect("the binary starts");
        let lines = lines_of(child.stdout.take().expect("piped"));
        let announcement = until(&lines, |line| line.starts_with("ready"));
        Self {
            child,
            announcement,
            took: begin.elapsed(),
        }
    }

    /// `host:port`, out of the line that names the page to open or the public address.
    pub(crate) fn address(&self) -> String {
        let ready = self.announcement.last().expect("a last line");
        let (_, rest) = ready.split_once("http://").expect("an address");
        rest.split(['/', '"']).next().expect("a host").to_owned()
    }

    /// The folder in the row `data`.
    pub(crate) fn data(&self) -> String {
        let row = self
            .announcement
            .iter()
            .find(|line| line.trim_start().starts_with("data "))
            .expect("a row");
        row.split_whitespace().nth(1).expect("a folder").to_owned()
    }

    /// Whether it has not ended.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_none()
    }

    /// Process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it at once.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it runs");
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).expect("it runs");
    }

    /// Waits for the end.
    pub(crate) fn wait(&mut self, patience: Duration) -> ExitStatus {
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status;
            }
            thread::sleep(Duration::from_millis(20));
        }
        panic!("it still runs");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Softly first, so that temporary data are deleted; it may have ended by itself.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let deadline = Instant::now() + Duration::from_secs(5);
        while Instant::now() < deadline && matches!(self.child.try_wait(), Ok(None)) {
            thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn until(lines: &mpsc::Receiver<String>, is_last: impl Fn(&str) -> bool) -> Vec<String> {
    let mut read = Vec::new();
    loop {
        let line = lines
            .recv_timeout(Duration::from_secs(60))
            .expect("the server says that it is ready");
        let last = is_last(&line);
        read.push(line);
        if last {
            return read;
        }
    }
}

pub(crate) fn lines_of(stdout: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines() {
            if line.is_err() || sender.send(line.unwrap_or_default()).is_err() {
                break;
            }
        }
    });
    receiver
}

/// One request on a connection of its own: status, header block and body.
pub(crate) fn request(
    address: &str,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> (u16, String, String) {
    try_request(address, method, path, headers, body).expect("an answer")
}

/// The same where the server may be dying.
pub(crate) fn try_request(
    address: &str,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> io::Result<(u16, String, String)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .ok_or(io::ErrorKind::UnexpectedEof)?;
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .ok_or(io::ErrorKind::InvalidData)?;
    Ok((status, head.to_lowercase(), body.to_owned()))
}

/// `GET`.
pub(crate) fn get(address: &str, path: &str) -> (u16, String, String) {
    request(address, "GET", path, "", "")
}
