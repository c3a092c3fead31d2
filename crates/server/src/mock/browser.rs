//! The browser of a mock account's person: after a same-device flow it goes back to the e-service.

use anyhow::{Context, Result, bail};
use axum::body::Body;
use hyper::{Request, Uri, header};
use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use std::{pin::pin, sync::Arc, time::Duration};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;
use tracing::{debug, warn};

/// Same-device flows of one account whose beginning is remembered.
const MAX_REMEMBERED: usize = 64;

/// An e-service has to answer within this time.
const PATIENCE: Duration = Duration::from_secs(10);

/// A browser in which a same-device flow began.
#[derive(Clone, Debug)]
pub(super) struct Browser {
    /// `initialCallbackUrl` of the flow.
    pub(super) callback_url: String,
    /// Value of the `Cookie` header.
    pub(super) cookie: String,
}

/// Remembers a browser; the oldest is forgotten.
pub(super) fn remember(browsers: &mut Vec<Browser>, browser: Browser) {
    browsers.retain(|known| known.callback_url != browser.callback_url);
    if browsers.len() >= MAX_REMEMBERED {
        browsers.remove(0);
    }
    browsers.push(browser);
}

/// The browser in which the flow began that ends at this address.
pub(super) fn that_began<'a>(browsers: &'a [Browser], address: &str) -> Option<&'a Browser> {
    browsers.iter().rev().find(|browser| {
        let rest = address.strip_prefix(&browser.callback_url);
        rest.is_some_and(|rest| rest.starts_with(['?', '&']))
    })
}

/// Opens the address as a browser does, but follows no redirects and reads no page.
///
/// Whether the certificate is good is not looked at: testers' e-services have certificates of their own making.
pub(super) async fn open(address: String, cookie: Option<String>) {
    let outcome = match timeout(PATIENCE, get(&address, cookie.as_deref())).await {
        Ok(outcome) => outcome,
        Err(late) => Err(late.into()),
    };
    // Not the address: what it carries is the relying party's alone.
    match outcome {
        Ok(status) => debug!(status, "back at the e-service"),
        Err(error) => warn!(
            error = format!("{error:#}"),
            "the e-service's callback URL does not answer"
        ),
    }
}

async fn get(address: &str, cookie: Option<&str>) -> Result<u16> {
    let uri: Uri = address.parse().context("the callback URL is none")?;
    let (Some(authority), Some("https")) = (uri.authority(), uri.scheme_str()) else {
        bail!("the callback URL is not https");
    };
    let host = authority
        .host()
        .trim_start_matches('[')
        .trim_end_matches(']');
    let port = authority.port_u16().unwrap_or(443);
    let name = ServerName::try_from(host.to_owned()).context("the callback URL has no host")?;
    let socket = TcpStream::connect((host, port)).await?;
    let stream = TlsConnector::from(Arc::new(client_config()?))
        .connect(name, socket)
        .await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let mut request = Request::get(path).header(header::HOST, authority.as_str());
    if let Some(cookie) = cookie {
        request = request.header(header::COOKIE, cookie);
    }
    let mut answer = pin!(sender.send_request(request.body(Body::empty())?));
    let response = tokio::select! {
        response = answer.as_mut() => response,
        // However it ended: the answer may have come before.
        _ = connection => answer.await,
    };
    Ok(response?.status().as_u16())
}

fn client_config() -> Result<ClientConfig> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    Ok(ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
        .with_no_client_auth())
}

/// Takes any certificate, if its key signs.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn browser(callback_url: &str, cookie: &str) -> Browser {
        Browser {
            callback_url: callback_url.to_owned(),
            cookie: cookie.to_owned(),
        }
    }

    #[test]
    fn a_flow_ends_in_the_browser_where_it_began() {
        let mut browsers = Vec::new();
        for (url, cookie) in [
            ("https://rp/a?v=1", "one"),
            ("https://rp/a?v=12", "two"),
            ("https://rp/b", "three"),
            ("https://rp/b", "four"),
        ] {
            remember(&mut browsers, browser(url, cookie));
        }
        let cookie =
            |address: &str| that_began(&browsers, address).map(|browser| browser.cookie.clone());
        assert_eq!(
            cookie("https://rp/a?v=1&sessionSecretDigest=x").unwrap(),
            "one"
        );
        assert_eq!(
            cookie("https://rp/a?v=12&sessionSecretDigest=x").unwrap(),
            "two"
        );
        assert_eq!(
            cookie("https://rp/b?sessionSecretDigest=x").unwrap(),
            "four"
        );
        assert_eq!(cookie("https://rp/c?sessionSecretDigest=x"), None);
    }

    #[test]
    fn only_so_many_flows_are_remembered() {
        let mut browsers = Vec::new();
        for number in 0..100 {
            remember(&mut browsers, browser(&format!("https://rp/{number}"), "x"));
        }
        assert_eq!(browsers.len(), MAX_REMEMBERED);
        assert!(that_began(&browsers, "https://rp/99?y").is_some());
        assert!(that_began(&browsers, "https://rp/0?y").is_none());
    }

    #[tokio::test]
    async fn nothing_but_https_is_opened() {
        for address in ["http://127.0.0.1:1/", "file:///etc/passwd", "/x", ""] {
            assert!(get(address, None).await.is_err(), "{address}");
        }
    }
}
