//! What strangers send. Every attack ends by itself, whatever the server does.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpStream},
    thread,
    time::Duration,
};

/// Bytes that follow from a seed: the same attack on every run.
pub(crate) struct Noise(pub(crate) u64);

impl Noise {
    pub(crate) fn next(&mut self) -> u64 {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length + 8);
        while bytes.len() < length {
            bytes.extend_from_slice(&self.next().to_le_bytes());
        }
        bytes.truncate(length);
        bytes
    }
}

pub(crate) fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_millis(250)))
        .unwrap();
    stream
        .set_write_timeout(Some(Duration::from_millis(500)))
        .unwrap();
    stream
}

/// Sends bytes and reads what comes back, at most a few KiB or half a second.
pub(crate) fn exchange(address: &str, bytes: &[u8]) -> Vec<u8> {
    let mut stream = connect(address);
    if stream.write_all(bytes).is_err() {
        return Vec::new();
    }
    let _ = stream.shutdown(Shutdown::Write);
    read_some(&mut stream)
}

pub(crate) fn read_some(stream: &mut TcpStream) -> Vec<u8> {
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    while answer.len() < 16 * 1024 {
        match stream.read(&mut buffer) {
            Ok(length) if length > 0 => answer.extend_from_slice(&buffer[..length]),
            _ => break,
        }
    }
    answer
}

/// Nobody's failure: an answer is none of ours (5xx), and says nothing of our insides.
pub(crate) fn no_failure(what: &[u8], answer: &[u8]) {
    let text = String::from_utf8_lossy(answer);
    let what = String::from_utf8_lossy(&what[..what.len().min(200)]).into_owned();
    // 505 is HTTP's own word for a version that is unknown.
    let failed = text.starts_with("HTTP/1.1 5") && !text.starts_with("HTTP/1.1 505");
    assert!(!failed, "{what:?}: {text}");
}

pub(crate) fn random_bytes(address: &str, connections: usize, noise: &mut Noise) {
    for number in 0..connections {
        let length = 1 + usize::try_from(noise.next() % 4096).unwrap();
        let mut bytes = noise.bytes(length);
        if number % 2 == 0 {
            // Far enough to be taken for a request.
            bytes.splice(
                0..0,
                *b"POST /device/v1/transactions HTTP/1.1\r\nhost: x\r\nx: ",
            );
        }
        no_failure(&bytes, &exchange(address, &bytes));
    }
}

const POST: &str = "POST /smart-id-rp/v3/authentication/notification/etsi/PNOEE-40504040001 HTTP/1.1\r\n\
                    host: x\r\ncontent-type: application/json\r\n";

/// Requests that two servers could take for different ones. What follows the first must never be answered as a second.
pub(crate) fn smuggling(address: &str) {
    let inner = "GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n";
    for head in [
        "content-length: 4\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 4\r\n",
        "transfer-encoding: xchunked\r\n",
        "transfer-encoding: chunked, identity\r\n",
        "transfer-encoding: identity, chunked, chunked\r\n",
        "transfer-encoding:\x0bchunked\r\n",
        "transfer-encoding : chunked\r\n",
        " transfer-encoding: chunked\r\n",
        "content-length: 4\r\ncontent-length: 5\r\n",
        "content-length: 4, 5\r\n",
        "content-length: +4\r\n",
        "content-length: -1\r\n",
        "content-length: 0x4\r\n",
        "content-length: 18446744073709551616\r\n",
        "content-length: 99999999999999999999999999\r\n",
        "content-length: 4\r\n\tfolded: 1\r\n",
        "x\0y: 1\r\ncontent-length: 0\r\n",
        "x: a\rb\r\ncontent-length: 0\r\n",
        "x: a\0b\r\ncontent-length: 0\r\n",
        "x y: 1\r\ncontent-length: 0\r\n",
        ": 1\r\ncontent-length: 0\r\n",
        "expect: 200-maybe\r\ncontent-length: 4\r\n",
        "upgrade: h2c\r\nconnection: upgrade, http2-settings\r\nhttp2-settings: AAMAAABk\r\ncontent-length: 0\r\n",
        "connection: content-length\r\ncontent-length: 4\r\n",
        "host: y\r\ncontent-length: 4\r\n",
    ] {
        for body in ["0\r\n\r\n", "4\r\nabcd\r\n0\r\n\r\n", "", "0\n\n"] {
            let bytes = format!("{POST}{head}\r\n{body}{inner}").into_bytes();
            no_failure(&bytes, &exchange(address, &bytes));
        }
    }
    for line in [
        "GET  /health/live HTTP/1.1",
        "GET /health/live HTTP/1.1 ",
        "GET /health/live HTTP/9.9",
        "GET /health/live",
        "GET\t/health/live\tHTTP/1.1",
        "GET http://x:99999/ HTTP/1.1",
        "GET //@:/ HTTP/1.1",
        "GET /%00%ff%zz HTTP/1.1",
        "CONNECT x:1 HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        "get /health/live http/1.1",
        "\0\0\0\0",
        "\r\n\r\n\r\nGET /health/live HTTP/1.1",
    ] {
        let bytes = format!("{line}\r\nhost: x\r\nconnection: close\r\n\r\n").into_bytes();
        no_failure(&bytes, &exchange(address, &bytes));
    }
    let both =
        format!("{POST}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{inner}");
    let answer = exchange(address, both.as_bytes());
    let answers = String::from_utf8_lossy(&answer)
        .matches("HTTP/1.1 ")
        .count();
    assert!(
        answers <= 1,
        "what is ambiguous must end the connection: {answers} answers"
    );
}

/// A body without end, announced or not: the server hangs up, long before this gives up.
pub(crate) fn endless_body(address: &str, head: &str, piece: &[u8]) -> io::Result<usize> {
    let mut stream = connect(address);
    stream.write_all(head.as_bytes())?;
    let mut sent = 0;
    while sent < 64 << 20 {
        if stream.write_all(piece).is_err() {
            return Ok(sent);
        }
        sent += piece.len();
    }
    Ok(sent)
}

pub(crate) fn endless_bodies(address: &str, times: usize) {
    let chunk = [&b"4000\r\n"[..], &[b' '; 0x4000], b"\r\n"].concat();
    let text = vec![b'x'; 0x4000];
    let fields = b"x: y\r\n".repeat(2048);
    let signed = "POST /device/v1/transactions HTTP/1.1\r\nhost: x\r\n";
    let get = "GET /health/live HTTP/1.1\r\nhost: x\r\n";
    let chunked = "transfer-encoding: chunked\r\n\r\n";
    let huge = "content-length: 9000000000\r\n\r\n";
    let attacks: [(String, &[u8]); 10] = [
        (format!("{POST}{chunked}"), &chunk),
        (format!("{signed}{chunked}"), &chunk),
        (format!("{get}{chunked}"), &chunk),
        (format!("{POST}{huge}"), &chunk),
        (format!("{get}{huge}"), &chunk),
        // A chunk whose head, and a request whose trailers, never end.
        (format!("{POST}{chunked}4;"), &text),
        (format!("{POST}{chunked}0\r\n"), &fields),
        // A header block, a field and a path without end.
        (POST.to_owned(), &fields),
        (format!("{POST}x: "), &text),
        ("GET /".to_owned(), &text),
    ];
    for _ in 0..times {
        for (head, piece) in &attacks {
            let taken = endless_body(address, head, piece).unwrap_or_default();
            assert!(taken < 32 << 20, "{taken} bytes of {head}");
        }
    }
}

/// Many connections that say a little and then nothing.
pub(crate) fn half_open(address: &str, connections: usize) -> Vec<TcpStream> {
    let beginnings = [
        "".to_owned(),
        "G".to_owned(),
        "PRI * HTTP/2.0\r\n\r\n".to_owned(),
        "GET /health/live HTTP/1.1\r\nhost: x\r\nx".to_owned(),
        format!("{POST}content-length: 1000\r\n\r\n{{"),
        format!("{POST}transfer-encoding: chunked\r\n\r\n1\r\n{{"),
    ];
    (0..connections)
        .map(|number| {
            let mut stream = connect(address);
            let _ = stream.write_all(beginnings[number % beginnings.len()].as_bytes());
            stream
        })
        .collect()
}

/// A byte at a time on all of them.
pub(crate) fn dribble(streams: &mut [TcpStream], rounds: usize) {
    for _ in 0..rounds {
        for stream in streams.iter_mut() {
            let _ = stream.write_all(b"x");
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// Requests in a row whose answers nobody reads.
pub(crate) fn unread_pipeline(address: &str) -> TcpStream {
    let mut stream = connect(address);
    let requests = b"GET /certs/root.pem HTTP/1.1\r\nhost: x\r\n\r\n".repeat(500);
    for _ in 0..40 {
        if stream.write_all(&requests).is_err() {
            break;
        }
    }
    stream
}

/// Well-formed requests that mean nothing, in a row on one connection.
pub(crate) fn garbage_requests(address: &str, requests: usize, noise: &mut Noise) {
    let mut stream = connect(address);
    for number in 0..requests {
        let (method, path, media_type) = match number % 6 {
            0 => ("POST", "/device/v1/registrations", "application/json"),
            1 => ("POST", "/device/v1/transactions", "application/json"),
            2 => (
                "POST",
                "/device/v1/transactions/00000000000000000000000000000000",
                "application/octet-stream",
            ),
            3 => (
                "POST",
                "/smart-id-rp/v3/authentication/notification/etsi/PNOEE-40504040001",
                "application/json",
            ),
            4 => (
                "GET",
                "/smart-id-rp/v3/session/00000000-0000-4000-8000-000000000000",
                "x",
            ),
            _ => (
                "PUT",
                "/device/v1/registrations/00000000-0000-4000-8000-000000000000/server-shares",
                "application/octet-stream",
            ),
        };
        let length = usize::try_from(noise.next() % 3000).unwrap();
        let body = match number % 3 {
            0 => noise.bytes(length),
            1 => format!("{}{}", "[".repeat(length), "]".repeat(length)).into_bytes(),
            _ => format!("{{\"x\":\"{}\"}}", "y".repeat(length)).into_bytes(),
        };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-type: {media_type}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let sent = stream.write_all(&[head.as_bytes(), &body].concat());
        let mut buffer = [0; 8192];
        let read = sent.and_then(|()| stream.read(&mut buffer));
        match read {
            Ok(length) if length > 0 => {
                no_failure(head.as_bytes(), &buffer[..length]);
                if buffer[..length]
                    .windows(17)
                    .any(|window| window == b"connection: close")
                {
                    stream = connect(address);
                }
            }
            _ => stream = connect(address),
        }
    }
}
