use crate::{
    attack::{self, Noise},
    http2,
    process::{Server, get, request, run, smart_id, stderr, stdout},
};
use serde_json::{Value, json};
use std::{
    fs,
    net::SocketAddr,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpSocket,
};

/// How much the process may grow from one round of attacks to the next, in MiB. The first round is the warm-up: it fills
/// allocator, pools and caches. What leaks a few KiB per request or connection shows as hundreds.
const GROWTH: u64 = 24;

/// How much it may have at the worst moment above what it had at rest, in MiB. Hundreds of connections at once with
/// their buffers are in it; one endless body that is kept would show as more.
const PEAK: u64 = 160;

/// Strangers at once.
const ATTACKERS: usize = 4;

/// Connections that are held open at once.
const HALF_OPEN: usize = 250;

/// A line for each request of an attack is too much for whoever reads the test's output.
const LOG: (&str, &str) = ("SMART_ID_LOG", "warn");

/// MiB of a field of `/proc/…/status`.
fn memory(server: &Server, field: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<u64>()
        .unwrap()
        / 1024
}

fn open_files(server: &Server) -> usize {
    fs::read_dir(format!("/proc/{}/fd", server.id()))
        .unwrap()
        .count()
}

/// One round of everything, from several strangers at once.
fn round(address: &str, size: u32, seed: u64) {
    let size_of = |share: u32| usize::try_from(size / share).unwrap();
    thread::scope(|scope| {
        for attacker in 0..ATTACKERS {
            scope.spawn(move || {
                let mut noise = Noise(seed + 1 + attacker as u64);
                attack::random_bytes(address, size_of(4), &mut noise);
                attack::garbage_requests(address, size_of(1), &mut noise);
                http2::attacks(address, size, &mut noise);
                attack::endless_bodies(address, 1 + size_of(200));
                attack::smuggling(address);
                let unread: Vec<_> = (0..4).map(|_| attack::unread_pipeline(address)).collect();
                let mut held = attack::half_open(address, HALF_OPEN / ATTACKERS);
                attack::dribble(&mut held, 10);
                drop(unread);
            });
        }
    });
}

#[test]
fn it_survives_garbage_floods_and_endless_bodies_without_growing() {
    let mut command = smart_id();
    command
        .args(["demo", "--listen", "127.0.0.1:0"])
        .env(LOG.0, LOG.1);
    let server = Server::demo_by(command);
    let address = server.address();
    round(&address, 40, 100);
    let at_rest = settled(&server, usize::MAX);
    let (memory_before, files_before) = (memory(&server, "VmRSS"), at_rest);

    let done = AtomicBool::new(false);
    let served = AtomicUsize::new(0);
    thread::scope(|scope| {
        // Another client, all the while.
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                assert_eq!(get(&address, "/health/ready").0, 200);
                served.fetch_add(1, Ordering::Relaxed);
                thread::sleep(Duration::from_millis(50));
            }
        });
        round(&address, 400, 200);
        done.store(true, Ordering::Relaxed);
    });
    assert!(served.load(Ordering::Relaxed) > 5, "others were served");
    settled(&server, files_before);
    let (memory_after, peak) = (memory(&server, "VmRSS"), memory(&server, "VmHWM"));
    println!("{memory_before} MiB before, {memory_after} after, {peak} at most");
    assert!(
        memory_after <= memory_before + GROWTH,
        "{memory_before} MiB before, {memory_after} after"
    );
    assert!(
        peak <= memory_before + PEAK,
        "{memory_before} MiB before, {peak} at most"
    );
    log_in(&address);
}

/// Waits until no more files are open than `before`, and says how many are.
fn settled(server: &Server, before: usize) -> usize {
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut last = open_files(server);
    loop {
        thread::sleep(Duration::from_millis(500));
        let now = open_files(server);
        // A pooled database connection may have been opened meanwhile, or closed: each has three files.
        if now == last && now <= before.saturating_add(30) {
            return now;
        }
        assert!(
            Instant::now() < deadline,
            "{now} files are open, {before} were"
        );
        last = now;
    }
}

#[test]
fn half_open_connections_beyond_every_limit_keep_nobody_out() {
    // Fewer files than connections are wished for, as on a system that allows 256.
    let mut command = std::process::Command::new("sh");
    let program = smart_id().get_program().to_owned();
    command
        .args(["-c", "ulimit -n 256; exec \"$0\" demo --listen 127.0.0.1:0"])
        .arg(program)
        .env(LOG.0, LOG.1);
    let server = Server::demo_by(command);
    let address = server.address();
    let mut held = Vec::new();
    for _ in 0..4 {
        held.extend(attack::half_open(&address, 150));
        // Others are asked: a third of those that hold send a body, which keeps a connection until it is late, so that the
        // attacker has its share of the connections and no more.
        for client in 2..5 {
            assert_eq!(status_from(client, &address, "/health/ready"), 200);
        }
        // What needs the database needs files.
        let unknown = "/smart-id-rp/v3/session/00000000-0000-4000-8000-000000000000";
        assert_eq!(status_from(5, &address, unknown), 404);
    }
    assert!(open_files(&server) <= 256);
}

/// Asks as another client of this machine.
fn status_from(host: u8, address: &str, path: &str) -> u16 {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let exchange = async {
        let socket = TcpSocket::new_v4().unwrap();
        let own = SocketAddr::from(([127, 0, 0, host], 0));
        socket.bind(own).unwrap();
        let mut stream = socket.connect(address.parse().unwrap()).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let answer = runtime
        .block_on(async { tokio::time::timeout(Duration::from_secs(30), exchange).await })
        .expect("an answer in time");
    answer
        .split_whitespace()
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or_else(|| panic!("no status: {answer}"))
}

/// A person registers and logs in, with keys of real size.
fn log_in(address: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("phone");
    let file = file.to_str().unwrap();
    let url = format!("http://{address}");
    let person = "PNOEE-40504040001";
    let registered = run(&[
        "device",
        "register",
        "--url",
        &url,
        "--pin1",
        "4826",
        "--pin2",
        "73915",
        "--person",
        person,
        "--given-name",
        "OK",
        "--surname",
        "TESTNUMBER",
        "--date-of-birth",
        "1905-04-04",
        "--file",
        file,
    ]);
    assert!(
        registered.status.success(),
        "{}{}",
        stdout(&registered),
        stderr(&registered)
    );
    let body = include_str!("../../../../docs/examples/authentication.json");
    let path = format!("/smart-id-rp/v3/authentication/notification/etsi/{person}");
    let json = "content-type: application/json\r\n";
    let (status, _, started) = request(address, "POST", &path, json, body);
    assert_eq!(status, 200, "{started}");
    let approved = run(&["device", "approve", "--pin1", "4826", "--file", file]);
    assert!(
        approved.status.success(),
        "{}{}",
        stdout(&approved),
        stderr(&approved)
    );
    let session: Value = serde_json::from_str(&started).unwrap();
    let path = format!(
        "/smart-id-rp/v3/session/{}",
        session["sessionID"].as_str().unwrap()
    );
    let (_, _, result) = request(address, "GET", &path, "", "");
    let result: Value = serde_json::from_str(&result).unwrap();
    assert_eq!(result["result"]["endResult"], json!("OK"), "{result}");
}
