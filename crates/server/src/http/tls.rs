use anyhow::{Context, Result, bail};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use std::{fmt, io, path::Path, sync::Arc};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use wire::problem::{MEDIA_TYPE, Problem};

/// Versions of HTTP that a client may choose (RFC 7301), ours first.
const ALPN: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// First octet of everything that begins with a handshake message (RFC 8446 §5.1).
const HANDSHAKE: u8 = 22;

/// Enough for the head of any sensible request.
const MAX_UNREAD: usize = 4096;

/// A certificate and its key, with which a port speaks TLS 1.2 and 1.3.
#[derive(Clone)]
pub struct Tls(Arc<ServerConfig>);

impl Tls {
    /// By a certificate, the certificates that lead to its root, and its key.
    ///
    /// # Errors
    /// The key is not the certificate's, or of a kind that cannot be used.
    pub fn new(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Self> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        config.alpn_protocols = ALPN.map(<[u8]>::to_vec).to_vec();
        Ok(Self(Arc::new(config)))
    }

    /// By files in PEM: the certificate, then those that lead to its root; and its key.
    ///
    /// # Errors
    /// A file cannot be read or holds something else, or they do not belong together; says which.
    pub fn from_files(certificates: &Path, key: &Path) -> Result<Self> {
        let unreadable = || format!("cannot read the certificate in {}", certificates.display());
        let chain = CertificateDer::pem_file_iter(certificates)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .with_context(unreadable)?;
        if chain.is_empty() {
            bail!("there is no certificate in {}", certificates.display());
        }
        let secret = PrivateKeyDer::from_pem_file(key)
            .with_context(|| format!("cannot read the key in {}", key.display()))?;
        Self::new(chain, secret).with_context(|| {
            format!(
                "the key in {} cannot be used with the certificate in {}",
                key.display(),
                certificates.display()
            )
        })
    }

    /// The handshake. Takes as long as the client likes: the caller bounds it.
    ///
    /// # Errors
    /// The client hangs up, speaks no TLS, or has nothing in common with us.
    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let mut first = [0];
        if stream.peek(&mut first).await? > 0 && first != [HANDSHAKE] {
            return Err(refuse_plain_http(stream).await);
        }
        TlsAcceptor::from(Arc::clone(&self.0)).accept(stream).await
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

/// Somebody wrote `http:` for `https:`, or it is no HTTP at all: a person who reads the answer understands it.
async fn refuse_plain_http(mut stream: TcpStream) -> io::Error {
    let answer = async {
        // What is left unread when a socket is closed resets the connection, and the answer with it (RFC 9293 §3.10.4).
        let _ = stream.read(&mut [0; MAX_UNREAD]).await?;
        stream.write_all(plain_http_answer().as_bytes()).await?;
        stream.shutdown().await
    };
    answer
        .await
        .err()
        .unwrap_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the peer speaks no TLS"))
}

fn plain_http_answer() -> String {
    let problem = Problem {
        r#type: "about:blank".to_owned(),
        title: "Bad Request".to_owned(),
        status: 400,
        code: "tls_required".to_owned(),
        detail: Some("this port speaks https only".to_owned()),
        instance: None,
        errors: Vec::new(),
    };
    let body = serde_json::to_string(&problem).expect("text and numbers");
    format!(
        "HTTP/1.1 400 Bad Request\r\ncontent-type: {MEDIA_TYPE}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}
