//! HTTP/1.1 and HTTP/2 for the routes of `web`, in the clear and over TLS, with bounds on what a stranger can hold.

mod impatient;
mod places;
mod reachable;
mod tls;

pub use tls::Tls;

use crate::lifecycle::{Lifecycle, file_limit};
use anyhow::{Context, Result};
use axum::{Router, body::Body, extract::ConnectInfo};
use engine::domain::Network;
use hyper::{Request, body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use impatient::Impatient;
use places::{End, Place, Places};
pub use reachable::reachable;
use std::{io, net::SocketAddr, pin::pin, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
};
use tower::ServiceExt;
use tracing::{debug, warn};

/// Header block of an HTTP/2 request, and buffer for an HTTP/1 one; ours are below 1 KiB.
const MAX_HEADER_BYTES: u32 = 16 * 1024;
/// An HTTP/2 peer that does not answer a ping is gone.
const HTTP2_PING: Duration = Duration::from_secs(30);
/// Requests at once in one HTTP/2 connection.
const HTTP2_STREAMS: u32 = 100;
/// Bytes that one HTTP/2 stream, and all of a connection together, may send before a handler reads them; a body has
/// 64 KiB at most.
const HTTP2_STREAM_WINDOW: u32 = 64 * 1024;
const HTTP2_CONNECTION_WINDOW: u32 = 128 * 1024;
/// Bytes of answers that wait for an HTTP/2 peer to take them.
const HTTP2_SEND_BUFFER: usize = 64 * 1024;
/// File descriptors that are kept back from connections: database, vault, sockets of our own.
const RESERVED_FILES: u64 = 64;
/// For the end of a connection that is told to go.
const FAREWELL: Duration = Duration::from_secs(1);
/// After the operating system refused a connection, mostly for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// What a stranger can hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once. When all are taken, the one that was idle longest goes; more wait only while each has a
    /// request under way. Never more than there are file descriptors for. A client, which is an IPv4 address or an IPv6
    /// /64, has a quarter of them at most, or 64.
    pub connections: u32,
    /// Proxies, which carry the connections of many clients and may have all of them.
    pub proxies: Vec<Network>,
    /// Time for a request's header, a TLS handshake before it included; also the longest time that a connection may have
    /// no request under way.
    pub header_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4096,
            proxies: Vec::new(),
            header_timeout: Duration::from_secs(30),
        }
    }
}

impl Limits {
    /// How many long polls may wait at once: half of the connections, so that the rest stay for what is answered at once.
    #[must_use]
    pub fn long_polls(&self) -> usize {
        let connections = possible(self.connections).unwrap_or(self.connections);
        usize::try_from(connections / 2).unwrap_or(usize::MAX)
    }
}

/// Opens a port.
///
/// # Errors
/// It is in use or forbidden; the message names `setting`, where the operator chooses another.
pub async fn bind(address: SocketAddr, setting: &str) -> Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| match address.port() {
            0 => format!("cannot listen on {address}; choose another address with {setting}"),
            port => format!(
                "cannot listen on {address}: choose another address than port {port} with {setting}"
            ),
        })
}

/// An open port and what is spoken there.
pub struct Listener {
    socket: TcpListener,
    tls: Option<Tls>,
}

impl Listener {
    /// HTTP in the clear.
    #[must_use]
    pub fn plain(socket: TcpListener) -> Self {
        Self { socket, tls: None }
    }

    /// HTTP over TLS, and nothing else.
    #[must_use]
    pub fn tls(socket: TcpListener, tls: Tls) -> Self {
        Self {
            socket,
            tls: Some(tls),
        }
    }
}

/// Accepts connections until the process stops; then lets each finish the request under way. The limits are for all
/// listeners together.
pub fn serve(listeners: Vec<Listener>, router: Router, limits: Limits, lifecycle: &Lifecycle) {
    let places = Places::new(within_file_limit(limits.connections), &limits.proxies);
    for listener in listeners {
        let server = Server {
            router: router.clone(),
            places: places.clone(),
            header_timeout: limits.header_timeout,
            lifecycle: lifecycle.clone(),
        };
        lifecycle.spawn("accept", server.accept(listener));
    }
}

/// What one listener needs.
#[derive(Clone)]
struct Server {
    router: Router,
    places: Places,
    header_timeout: Duration,
    lifecycle: Lifecycle,
}

impl Server {
    async fn accept(self, Listener { socket, tls }: Listener) {
        let stopping = self.lifecycle.stopping();
        loop {
            let accepted = tokio::select! {
                accepted = socket.accept() => accepted,
                () = stopping.cancelled() => break,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let place = tokio::select! {
                        place = self.places.take(peer.ip()) => place,
                        () = stopping.cancelled() => break,
                    };
                    let Some(place) = place else {
                        debug!(%peer, "too many connections of one client");
                        continue;
                    };
                    let connection = self.clone().connection(stream, tls.clone(), peer, place);
                    self.lifecycle.spawn("connection", connection);
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    warn!(%error, "cannot accept connections");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    async fn connection(self, stream: TcpStream, tls: Option<Tls>, peer: SocketAddr, place: Place) {
        // Answers are small and awaited; failing to say so only makes them slower.
        let _ = stream.set_nodelay(true);
        let Some(tls) = tls else {
            return self.exchange(stream, peer, place).await;
        };
        let stopping = self.lifecycle.stopping();
        let usage = place.usage();
        let handshake = tokio::select! {
            handshake = tls.accept(stream) => handshake,
            () = stopping.cancelled() => return,
            // No request is under way before the handshake is over: the time counts from the first moment.
            _ = usage.over(self.header_timeout) => return,
        };
        match handshake {
            Ok(stream) => self.exchange(stream, peer, place).await,
            Err(error) => debug!(%peer, %error, "no TLS"),
        }
    }

    /// Requests and answers, until one of the two sides has enough.
    async fn exchange<S>(self, stream: S, peer: SocketAddr, place: Place)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Self {
            router,
            header_timeout,
            lifecycle,
            ..
        } = self;
        let (usage, held) = (place.usage(), place.usage());
        let service = service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            usage.clone().during(router.clone().oneshot(request))
        });
        let mut server = auto::Builder::new(TokioExecutor::new());
        server
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(header_timeout)
            .max_buf_size(MAX_HEADER_BYTES as usize);
        server
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(HTTP2_STREAMS)
            .max_header_list_size(MAX_HEADER_BYTES)
            .initial_stream_window_size(HTTP2_STREAM_WINDOW)
            .initial_connection_window_size(HTTP2_CONNECTION_WINDOW)
            .max_send_buf_size(HTTP2_SEND_BUFFER)
            .keep_alive_interval(HTTP2_PING)
            .keep_alive_timeout(HTTP2_PING);
        let stream = TokioIo::new(Impatient::new(stream, header_timeout));
        let mut connection = pin!(server.serve_connection(stream, service));
        let stopping = lifecycle.stopping();
        let outcome = tokio::select! {
            outcome = connection.as_mut() => outcome,
            () = stopping.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
            // An HTTP/2 peer that answers pings, or one that reads no answers, would stay for ever.
            end = held.over(header_timeout) => {
                if end == End::Idle {
                    connection.as_mut().graceful_shutdown();
                    // Whether it went by itself or not: it goes.
                    let _ = tokio::time::timeout(FAREWELL, connection).await;
                }
                return;
            }
        };
        if let Err(error) = outcome {
            debug!(%peer, error, "connection ended");
        }
    }
}

/// As many connections as wished, but no more than there are file descriptors for.
fn within_file_limit(wished: u32) -> u32 {
    let Some(connections) = possible(wished) else {
        return wished;
    };
    warn!(
        wished,
        connections, "the limit of open files allows fewer connections"
    );
    connections
}

/// How many connections there are file descriptors for, if that is less than wished.
fn possible(wished: u32) -> Option<u32> {
    let files = file_limit()?.saturating_sub(RESERVED_FILES);
    let possible = u32::try_from(files).unwrap_or(u32::MAX).max(1);
    (possible < wished).then_some(possible)
}

/// The peer was gone before it was accepted; the next may be all right.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}

#[cfg(test)]
mod tests;
