mod tls;

use super::*;
use crate::lifecycle::Stopped;
use axum::routing::get;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpSocket,
    time::{Instant, timeout},
};

const PATIENCE: Duration = Duration::from_millis(300);

async fn server(connections: u32) -> (SocketAddr, Lifecycle) {
    patient_server(connections, PATIENCE).await
}

async fn patient_server(connections: u32, header_timeout: Duration) -> (SocketAddr, Lifecycle) {
    server_with(Limits {
        connections,
        header_timeout,
        ..Limits::default()
    })
    .await
}

async fn server_with(limits: Limits) -> (SocketAddr, Lifecycle) {
    let lifecycle = Lifecycle::default();
    let (socket, address) = socket().await;
    serve(vec![Listener::plain(socket)], routes(), limits, &lifecycle);
    (address, lifecycle)
}

async fn socket() -> (TcpListener, SocketAddr) {
    let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0)), "--listen")
        .await
        .expect("a free port");
    let address = listener.local_addr().expect("address");
    (listener, address)
}

fn routes() -> Router {
    let slow = || async {
        tokio::time::sleep(Duration::from_millis(400)).await;
        "slow"
    };
    let peer = |ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.ip().to_string() };
    Router::new()
        .route("/slow", get(slow))
        .route("/poll", get(std::future::pending::<()>))
        .route("/peer", get(peer))
}

/// Sends bytes and reads until the server closes the connection.
async fn exchange(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.expect("connects");
    stream.write_all(bytes).await.expect("writes");
    let mut answer = Vec::new();
    // A reset counts as closed.
    let _ = timeout(Duration::from_secs(5), stream.read_to_end(&mut answer))
        .await
        .expect("closed in time");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn handlers_see_the_peer_address() {
    let (address, lifecycle) = server(8).await;
    let answer = exchange(
        address,
        b"GET /peer HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.ends_with("127.0.0.1"), "{answer}");
    lifecycle.stop().await;
}

#[tokio::test]
async fn peers_that_say_nothing_or_too_little_are_cut_off() {
    let (address, lifecycle) = server(8).await;
    for words in [
        &b""[..],
        b"PRI * HTTP/2",
        b"GET / HTTP/1.1\r\nhost: somewhere\r\nx-",
    ] {
        let begin = Instant::now();
        exchange(address, words).await;
        assert!(begin.elapsed() >= PATIENCE, "{words:?}");
        assert!(begin.elapsed() < PATIENCE * 5, "{words:?}");
    }
    lifecycle.stop().await;
}

#[tokio::test]
async fn http2_without_tls_is_understood() {
    let (address, lifecycle) = server(8).await;
    let mut stream = TcpStream::connect(address).await.expect("connects");
    // The preface and an empty SETTINGS frame (RFC 9113 §3.4).
    stream
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .await
        .expect("writes");
    let mut frame = [0; 9];
    stream.read_exact(&mut frame).await.expect("a frame");
    assert_eq!(frame[3], 4, "the server's preface is a SETTINGS frame");
    drop(stream);
    lifecycle.stop().await;
}

#[tokio::test]
async fn a_request_under_way_is_answered_before_the_stop() {
    let (address, lifecycle) = server(8).await;
    let request = tokio::spawn(exchange_owned(
        address,
        b"GET /slow HTTP/1.1\r\nhost: somewhere\r\n\r\n",
    ));
    tokio::time::sleep(Duration::from_millis(150)).await;
    assert_eq!(lifecycle.stop().await, Stopped::Softly);
    assert!(request.await.expect("no panic").ends_with("slow"));
    TcpStream::connect(address)
        .await
        .expect_err("nobody listens any more");
}

async fn exchange_owned(address: SocketAddr, bytes: &'static [u8]) -> String {
    exchange(address, bytes).await
}

#[tokio::test]
async fn a_newcomer_gets_the_place_of_the_idlest() {
    let (address, lifecycle) = patient_server(2, Duration::from_secs(60)).await;
    let mut idlest = TcpStream::connect(address).await.expect("connects");
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut idle = TcpStream::connect(address).await.expect("connects");
    tokio::time::sleep(Duration::from_millis(50)).await;
    let answer = exchange(
        address,
        b"GET /peer HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let mut byte = [0];
    assert_eq!(idlest.read(&mut byte).await.unwrap_or(0), 0, "told to go");
    idle.write_all(b"GET /peer HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .expect("still there");
    assert_eq!(idle.read(&mut byte).await.expect("an answer"), 1);
    lifecycle.stop().await;
}

#[tokio::test]
async fn whoever_has_a_request_under_way_keeps_its_place() {
    let (address, lifecycle) = server(1).await;
    let slow = tokio::spawn(exchange_owned(
        address,
        b"GET /slow HTTP/1.1\r\nhost: somewhere\r\nconnection: close\r\n\r\n",
    ));
    tokio::time::sleep(Duration::from_millis(100)).await;
    let answer = exchange(
        address,
        b"GET /peer HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(slow.await.expect("no panic").ends_with("slow"));
    lifecycle.stop().await;
}

/// Connects as another client of this machine.
async fn connect_from(host: u8, address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket
        .bind(SocketAddr::from(([127, 0, 0, host], 0)))
        .expect("a loopback address");
    socket.connect(address).await.expect("connects")
}

/// Opens long polls on as many connections, all from one client.
async fn polls_from(host: u8, address: SocketAddr, connections: usize) -> Vec<TcpStream> {
    let mut polls = Vec::new();
    for _ in 0..connections {
        let mut stream = connect_from(host, address).await;
        // One that is refused may be closed by now.
        let _ = stream
            .write_all(b"GET /poll HTTP/1.1\r\nhost: a\r\n\r\n")
            .await;
        polls.push(stream);
    }
    // Until the last one counts as under way.
    tokio::time::sleep(Duration::from_millis(100)).await;
    polls
}

/// The answer to a client's request, if there is one in time.
async fn answer_to(host: u8, address: SocketAddr) -> Option<String> {
    let mut stream = connect_from(host, address).await;
    let mut answer = String::new();
    let exchange = async {
        stream
            .write_all(b"GET /peer HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
            .await?;
        stream.read_to_string(&mut answer).await
    };
    let _ = timeout(Duration::from_secs(2), exchange).await.ok()?;
    (!answer.is_empty()).then_some(answer)
}

/// How many of the connections the server has not closed.
async fn open(streams: &mut [TcpStream]) -> usize {
    let mut open = 0;
    for stream in streams {
        let read = timeout(Duration::from_millis(2), stream.read(&mut [0])).await;
        open += usize::from(read.is_err());
    }
    open
}

/// The least share of a client is 64: half of the places here.
const PLACES: u32 = 128;

#[tokio::test]
async fn one_client_with_all_its_polls_keeps_no_other_out() {
    let (address, _lifecycle) = patient_server(PLACES, Duration::from_secs(60)).await;
    let mut polls = polls_from(1, address, 200).await;
    let answer = answer_to(2, address).await.expect("an answer");
    assert!(answer.ends_with("127.0.0.2"), "{answer}");
    assert_eq!(open(&mut polls).await, 64, "its share");
    assert_eq!(answer_to(1, address).await, None, "it has its share");
    // A place that it gives back is its own again.
    polls.truncate(10);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(answer_to(1, address).await.is_some());
}

#[tokio::test]
async fn beyond_its_share_a_client_gets_the_place_of_its_own_idlest() {
    let (address, _lifecycle) = patient_server(PLACES, Duration::from_secs(60)).await;
    let mut elsewhere = connect_from(2, address).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut idle = Vec::new();
    for _ in 0..100 {
        idle.push(connect_from(1, address).await);
    }
    let answer = answer_to(1, address).await.expect("an answer");
    assert!(answer.ends_with("127.0.0.1"), "{answer}");
    assert!(open(&mut idle).await <= 64);
    // It was idle for longer than all of them, but it is not theirs.
    assert_eq!(open(std::slice::from_mut(&mut elsewhere)).await, 1);
}

#[tokio::test]
async fn a_proxy_has_all_places_since_it_carries_everybody() {
    let (address, _lifecycle) = server_with(Limits {
        connections: PLACES,
        proxies: vec!["127.0.0.1".parse().expect("a network")],
        header_timeout: Duration::from_secs(60),
    })
    .await;
    let mut polls = polls_from(1, address, 127).await;
    let answer = answer_to(1, address).await.expect("an answer");
    assert!(answer.ends_with("127.0.0.1"), "{answer}");
    assert_eq!(open(&mut polls).await, 127);
    // As everybody was kept out when a client without a share was let in like this.
    polls.extend(polls_from(1, address, 1).await);
    assert_eq!(answer_to(2, address).await, None);
}

#[tokio::test]
async fn an_http2_peer_that_only_answers_pings_is_given_up() {
    let (address, lifecycle) = server(8).await;
    let mut stream = TcpStream::connect(address).await.expect("connects");
    stream
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .await
        .expect("writes");
    let closed = timeout(Duration::from_secs(10), async {
        loop {
            let mut head = [0; 9];
            if stream.read_exact(&mut head).await.is_err() {
                break;
            }
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; length as usize];
            if stream.read_exact(&mut payload).await.is_err() {
                break;
            }
            // PING without ACK gets its ACK.
            if head[3] == 6 && head[4] == 0 {
                let pong = [&b"\0\0\x08\x06\x01\0\0\0\0"[..], &payload].concat();
                let _ = stream.write_all(&pong).await;
            }
        }
    });
    closed.await.expect("closed in time");
    lifecycle.stop().await;
}

#[tokio::test]
async fn a_peer_that_reads_no_answers_is_given_up() {
    let (address, lifecycle) = server(8).await;
    let mut stream = TcpStream::connect(address).await.expect("connects");
    let closed = timeout(Duration::from_secs(20), async {
        // Until the server stops reading, and then until it hangs up.
        let request = b"GET /peer HTTP/1.1\r\nhost: a\r\n\r\n".repeat(100);
        while stream.write_all(&request).await.is_ok() {}
    });
    closed.await.expect("closed in time");
    lifecycle.stop().await;
}

#[tokio::test]
async fn a_busy_port_names_the_setting() {
    let taken = bind(SocketAddr::from(([127, 0, 0, 1], 0)), "--listen")
        .await
        .expect("a free port");
    let error = bind(taken.local_addr().expect("address"), "--listen")
        .await
        .expect_err("busy");
    assert!(format!("{error:#}").contains("--listen"), "{error:#}");
}
