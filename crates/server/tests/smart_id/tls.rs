//! https, by the demo's own authority and by a certificate of the operator's.

use crate::process::{Server, get, run, smart_id, stderr, stdout};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use std::{
    fs,
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    sync::Arc,
    time::Duration,
};

const STOP: Duration = Duration::from_secs(15);

/// A demo with https on a free port.
fn demo(data: &Path) -> Server {
    let mut command = smart_id();
    command
        .args(["demo", "--listen", "127.0.0.1:0", "--tls"])
        .args(["--listen-tls", "127.0.0.1:0", "--data"])
        .arg(data);
    Server::demo_by(command)
}

/// `host:port` of https, out of the announcement.
fn secure_address(demo: &Server) -> String {
    let text = demo.announcement.join("\n");
    let (_, rest) = text.split_once("https://").expect("an address");
    rest.split('/').next().expect("a host").to_owned()
}

/// `GET` over TLS by somebody who trusts what is in the PEM file: the answer's head and body.
fn get_securely(address: &str, path: &str, trusted: &Path) -> io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(trusted).expect("PEM"))
        .expect("a certificate");
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    let connection = ClientConnection::new(Arc::new(config), name).expect("a client");
    let socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut stream = StreamOwned::new(connection, socket);
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[test]
fn the_demo_serves_both_and_tells_how_to_trust_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("demo");
    let authority = data.join("tls-ca.pem");
    let mut first = demo(&data);
    let (plain, secure) = (first.address(), secure_address(&first));
    let text = first.announcement.join("\n");
    for needed in [
        format!("http://{plain}/tls-ca.pem"),
        format!(
            "curl --cacert {} https://{secure}/health/ready",
            authority.display()
        ),
    ] {
        assert!(text.contains(&needed), "{needed} in {text}");
    }
    let pem = get(&plain, "/tls-ca.pem").2;
    assert_eq!(pem, fs::read_to_string(&authority).unwrap());
    let answer = get_securely(&secure, "/health/ready", &authority).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(get(&plain, "/health/ready").0, 200);
    first.terminate();
    assert_eq!(first.wait(STOP).code(), Some(0));

    // Who trusted the first one trusts the second one.
    let second = demo(&data);
    assert_eq!(get(&second.address(), "/tls-ca.pem").2, pem);
    get_securely(&secure_address(&second), "/health/ready", &authority).unwrap();
}

#[test]
fn a_demo_without_tls_has_none() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Server::demo(Some(folder.path()));
    assert_eq!(get(&demo.address(), "/tls-ca.pem").0, 404);
    assert!(!folder.path().join("tls-ca.key").exists());
    assert!(!demo.announcement.join("\n").contains("https://"));
}

#[test]
fn a_busy_tls_port_names_its_option() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let listen = ["demo", "--listen", "127.0.0.1:0", "--listen-tls", &address];
    let output = run(&[&listen[..], &["--tls"]].concat());
    assert_eq!(output.status.code(), Some(1));
    let message = stderr(&output);
    assert!(
        message.contains("--listen-tls") && message.contains(&address),
        "{message}"
    );
    // The option alone would be taken for https.
    let output = run(&listen);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("--tls"), "{}", stderr(&output));
}

#[test]
fn serve_needs_no_proxy_with_a_certificate_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = demo(folder.path());
    let address = first.address();
    first.terminate();
    first.wait(STOP);
    let config = folder.path().join("smart-id.toml");
    let without = fs::read_to_string(&config).unwrap();
    let with = |key: &str| {
        let tls = format!("\n[http.tls]\ncertificate_file = \"tls.pem\"\nkey_file = \"{key}\"\n");
        fs::write(&config, without.clone() + &tls).unwrap();
        run(&["check", "config", "--config", config.to_str().unwrap()])
    };

    // The authority's key is not the server's.
    let checked = with("tls-ca.key");
    assert!(!checked.status.success());
    assert!(
        stdout(&checked).contains("wrong  http.tls: the key in "),
        "{}",
        stdout(&checked)
    );
    let refused = run(&["serve", "--config", config.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        stderr(&refused).contains("http.tls: the key in "),
        "{}",
        stderr(&refused)
    );

    let checked = with("tls.key");
    assert!(checked.status.success(), "{}", stdout(&checked));
    let mut server = Server::serve(&config);
    let authority = folder.path().join("tls-ca.pem");
    let answer = get_securely(&address, "/health/ready", &authority).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let (status, _, body) = get(&address, "/health/ready");
    assert_eq!(status, 400);
    assert!(body.contains("this port speaks https only"), "{body}");
    server.terminate();
    assert_eq!(server.wait(STOP).code(), Some(0));
}
