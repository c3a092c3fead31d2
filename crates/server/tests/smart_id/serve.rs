//! A production server, on the deployment that a demo left behind.

use crate::process::{Server, get, request};
use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

const STOP: Duration = Duration::from_secs(15);

/// A deployment and the address in its configuration.
pub(crate) fn deployment() -> (TempDir, PathBuf, String) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut demo = Server::demo(Some(folder.path()));
    let address = demo.address();
    demo.terminate();
    demo.wait(STOP);
    let config = folder.path().join("smart-id.toml");
    (folder, config, address)
}

#[test]
fn it_serves_and_has_nothing_of_the_demo() {
    let (_folder, config, address) = deployment();
    let mut server = Server::serve(&config);
    assert_eq!(get(&address, "/health/ready").0, 200);
    assert_eq!(get(&address, "/").0, 404);
    let (status, _, body) = request(&address, "POST", "/demo/identities", "", "{}");
    assert_eq!(status, 404);
    assert!(body.contains("unknown_path"), "{body}");
    for line in &server.announcement {
        serde_json::from_str::<serde_json::Value>(line).expect(line);
    }
    server.terminate();
    assert_eq!(server.wait(STOP).code(), Some(0));
}

#[test]
fn under_maintenance_it_runs_but_serves_nobody() {
    let (_folder, config, address) = deployment();
    let text = fs::read_to_string(&config).unwrap();
    fs::write(
        &config,
        text.replace("[http]\n", "[http]\nmaintenance = true\n"),
    )
    .unwrap();
    let mut server = Server::serve(&config);
    let session = "/smart-id-rp/v3/session/de305d54-75b4-431b-adb2-eb6b9e546014";
    let (status, head, body) = get(&address, session);
    assert_eq!(status, 580, "{head}");
    assert!(body.contains("under_maintenance"), "{body}");
    assert_eq!(get(&address, "/device/v1/configuration").0, 503);
    assert_eq!(get(&address, "/health/ready").0, 200);
    server.terminate();
    assert_eq!(server.wait(STOP).code(), Some(0));
}

#[test]
fn a_second_signal_does_not_wait_for_requests_under_way() {
    let (_folder, config, address) = deployment();
    let mut server = Server::serve(&config);
    let mut slow = TcpStream::connect(&address).unwrap();
    let head = "POST /smart-id-rp/v3/authentication/notification/etsi/PNOEE-40504040001 HTTP/1.1\r\nhost: a\r\n\
                content-type: application/json\r\ncontent-length: 100\r\n\r\n{";
    slow.write_all(head.as_bytes()).unwrap();
    thread::sleep(Duration::from_millis(300));
    let begin = Instant::now();
    server.terminate();
    thread::sleep(Duration::from_millis(500));
    assert!(server.is_running(), "a request is under way");
    server.terminate();
    assert_eq!(server.wait(STOP).code(), Some(1));
    assert!(
        begin.elapsed() < Duration::from_secs(5),
        "{:?}",
        begin.elapsed()
    );
    assert_eq!(slow.read(&mut [0; 1]).unwrap_or(0), 0, "cut off");
}
