use super::*;
use crate::demo::tls_authority::TlsAuthority;
use http_body_util::{BodyExt, Empty};
use hyper::{body::Bytes, client::conn};
use rustls::{
    ClientConfig, DEFAULT_VERSIONS, ProtocolVersion, RootCertStore, SupportedProtocolVersion,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
    version::TLS12,
};
use std::sync::Arc;
use tokio_rustls::{TlsConnector, client::TlsStream};

/// A server with one port in the clear and one for TLS.
struct Site {
    plain: SocketAddr,
    secure: SocketAddr,
    /// Certificate of the authority that vouches for the second one.
    authority: CertificateDer<'static>,
    lifecycle: Lifecycle,
}

async fn site(limits: Limits) -> Site {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = TlsAuthority::open_or_make(folder.path()).expect("an authority");
    let ((plain_socket, plain), (tls_socket, secure)) = (socket().await, socket().await);
    let tls = authority.certify(secure.ip()).expect("a certificate");
    let lifecycle = Lifecycle::default();
    let listeners = vec![
        Listener::plain(plain_socket),
        Listener::tls(tls_socket, tls),
    ];
    serve(listeners, routes(), limits, &lifecycle);
    Site {
        plain,
        secure,
        authority: CertificateDer::from_pem_file(&authority.path).expect("PEM"),
        lifecycle,
    }
}

fn impatient() -> Limits {
    Limits {
        header_timeout: PATIENCE,
        ..Limits::default()
    }
}

impl Site {
    /// A client that trusts this authority and speaks these versions.
    async fn connect(&self, name: &str, alpn: &[&[u8]]) -> io::Result<TlsStream<TcpStream>> {
        handshake(self.secure, name, alpn, DEFAULT_VERSIONS, &self.authority).await
    }
}

async fn handshake(
    address: SocketAddr,
    name: &str,
    alpn: &[&[u8]],
    versions: &[&'static SupportedProtocolVersion],
    trusted: &CertificateDer<'static>,
) -> io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).expect("a certificate");
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    let stream = TcpStream::connect(address).await.expect("connects");
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

/// Asks `/peer` by hyper's own client.
async fn ask_http2<S>(stream: S) -> (hyper::Version, String)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) =
        conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .expect("HTTP/2");
    tokio::spawn(connection);
    let request = Request::get("https://localhost/peer").body(Empty::<Bytes>::new());
    let answer = sender.send_request(request.expect("a request")).await;
    text_of(answer.expect("an answer")).await
}

async fn ask_http1<S>(stream: S) -> (hyper::Version, String)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = conn::http1::handshake(TokioIo::new(stream))
        .await
        .expect("HTTP/1.1");
    tokio::spawn(connection);
    let request = Request::get("/peer")
        .header("host", "localhost")
        .body(Empty::<Bytes>::new());
    let answer = sender.send_request(request.expect("a request")).await;
    text_of(answer.expect("an answer")).await
}

async fn text_of(answer: hyper::Response<Incoming>) -> (hyper::Version, String) {
    assert_eq!(answer.status(), 200);
    let version = answer.version();
    let body = answer.into_body().collect().await.expect("a body");
    let text = String::from_utf8_lossy(&body.to_bytes()).into_owned();
    (version, text)
}

#[tokio::test]
async fn the_client_chooses_the_version_of_http() {
    let site = site(Limits::default()).await;
    for name in ["localhost", "127.0.0.1", "::1"] {
        let stream = site.connect(name, &[b"h2", b"http/1.1"]).await;
        let stream = stream.expect(name);
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let answer = ask_http2(stream).await;
        assert_eq!(answer, (hyper::Version::HTTP_2, "127.0.0.1".to_owned()));
    }
    for alpn in [&[&b"http/1.1"[..]][..], &[]] {
        let stream = site.connect("localhost", alpn).await.expect("a handshake");
        assert_eq!(stream.get_ref().1.alpn_protocol(), alpn.first().copied());
        let answer = ask_http1(stream).await;
        assert_eq!(answer, (hyper::Version::HTTP_11, "127.0.0.1".to_owned()));
    }
    site.lifecycle.stop().await;
}

#[tokio::test]
async fn tls_1_2_is_spoken_with_those_who_have_nothing_newer() {
    let site = site(Limits::default()).await;
    let old = [&TLS12];
    let stream = handshake(site.secure, "localhost", &[], &old, &site.authority).await;
    let stream = stream.expect("a handshake");
    let version = stream.get_ref().1.protocol_version();
    assert_eq!(version, Some(ProtocolVersion::TLSv1_2));
    assert_eq!(ask_http1(stream).await.1, "127.0.0.1");
    site.lifecycle.stop().await;
}

#[tokio::test]
async fn both_versions_are_spoken_in_the_clear() {
    let site = site(Limits::default()).await;
    let connect = async || TcpStream::connect(site.plain).await.expect("connects");
    assert_eq!(ask_http1(connect().await).await.0, hyper::Version::HTTP_11);
    assert_eq!(ask_http2(connect().await).await.0, hyper::Version::HTTP_2);
    site.lifecycle.stop().await;
}

#[tokio::test]
async fn who_does_not_know_the_authority_does_not_trust_the_server() {
    let site = site(Limits::default()).await;
    let other = tempfile::tempdir().expect("a folder");
    let other = TlsAuthority::open_or_make(other.path()).expect("an authority");
    let other = CertificateDer::from_pem_file(&other.path).expect("PEM");
    handshake(site.secure, "localhost", &[], DEFAULT_VERSIONS, &other)
        .await
        .expect_err("another authority of the same name");
    site.connect("example.org", &[])
        .await
        .expect_err("another name");
    site.connect("localhost", &[]).await.expect("as it should");
    site.lifecycle.stop().await;
}

#[tokio::test]
async fn http_without_tls_is_refused_with_a_sentence() {
    let site = site(Limits::default()).await;
    let answer = exchange(site.secure, b"GET /peer HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.contains("\"code\":\"tls_required\""), "{answer}");
    assert!(!answer.contains("127.0.0.1"), "{answer}");
    site.connect("localhost", &[]).await.expect("still served");
    site.lifecycle.stop().await;
}

#[tokio::test]
async fn nonsense_for_a_handshake_does_no_harm() {
    let site = site(impatient()).await;
    for nonsense in [&b"\x16\x03\x01\xff\xff"[..], &[22; 200], b"\0"] {
        let answer = exchange(site.secure, nonsense).await;
        assert!(!answer.contains("127.0.0.1"), "{answer}");
    }
    site.connect("localhost", &[]).await.expect("still served");
    site.lifecycle.stop().await;
}

#[tokio::test]
async fn a_stalled_handshake_is_cut_off() {
    let site = site(impatient()).await;
    // Nothing; the beginning of a record; and a whole handshake without a request after it.
    for words in [&b""[..], b"\x16", b"\x16\x03\x01\x02\0\x01\0"] {
        let begin = Instant::now();
        exchange(site.secure, words).await;
        assert!(begin.elapsed() >= PATIENCE, "{words:?}");
        assert!(begin.elapsed() < PATIENCE * 5, "{words:?}");
    }
    let mut silent = site.connect("localhost", &[]).await.expect("a handshake");
    let closed = timeout(PATIENCE * 5, silent.read(&mut [0])).await;
    let _ = closed.expect("closed in time");
    site.lifecycle.stop().await;
}

#[tokio::test]
async fn handshakes_do_not_keep_others_out_and_count_with_the_connections_in_the_clear() {
    let limits = Limits {
        connections: 2,
        header_timeout: Duration::from_secs(60),
        ..Limits::default()
    };
    let site = site(limits).await;
    let mut idlest = TcpStream::connect(site.secure).await.expect("connects");
    idlest.write_all(b"\x16").await.expect("writes");
    tokio::time::sleep(Duration::from_millis(50)).await;
    let _idle = TcpStream::connect(site.plain).await.expect("connects");
    tokio::time::sleep(Duration::from_millis(50)).await;
    let stream = site.connect("localhost", &[]).await.expect("a handshake");
    assert_eq!(ask_http1(stream).await.1, "127.0.0.1");
    let closed = timeout(Duration::from_secs(5), idlest.read(&mut [0])).await;
    assert_eq!(closed.expect("closed in time").unwrap_or(0), 0);
    site.lifecycle.stop().await;
}

#[tokio::test]
async fn a_request_under_way_over_tls_is_answered_before_the_stop() {
    let site = site(Limits::default()).await;
    let mut stream = site.connect("localhost", &[]).await.expect("a handshake");
    stream
        .write_all(b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .expect("writes");
    // A handshake that is under way is not waited for.
    let mut stalled = TcpStream::connect(site.secure).await.expect("connects");
    stalled.write_all(b"\x16").await.expect("writes");
    tokio::time::sleep(Duration::from_millis(150)).await;
    assert_eq!(site.lifecycle.stop().await, Stopped::Softly);
    let mut answer = String::new();
    // With close_notify: what ends without it is an error to rustls.
    stream
        .read_to_string(&mut answer)
        .await
        .expect("a whole answer");
    assert!(answer.ends_with("slow"), "{answer}");
}
