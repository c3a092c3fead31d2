//! The whole system in one process, ready in seconds, on data of its own.

pub(crate) mod commands_to_try;
pub(crate) mod data;
mod identities;
mod relying_parties;
pub(crate) mod tls_authority;

pub use relying_parties::{ADVANCED, ALIAS, DEMO};

use crate::{
    deployment::Deployment,
    http::{self, Listener},
    jobs,
    lifecycle::{Lifecycle, Signals, Stopped},
    mock::{self, Mock},
    pages,
};
use anyhow::{Context, Result};
use axum::{Router, http::header, routing::get};
use data::DemoData;
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};
use tempfile::TempDir;
use tls_authority::TlsAuthority;
use tokio::net::TcpListener;
use web::WebSettings;

/// What the demo may be told.
#[derive(Clone, Debug)]
pub struct DemoOptions {
    /// IP address and port; port 0 takes any free one.
    pub listen: SocketAddr,
    /// IP address and port for https beside it; `None`: there is no https.
    pub listen_tls: Option<SocketAddr>,
    /// Folder for the data, made if it is not there and reused if it is; `None`: a new one that goes with the demo.
    pub data: Option<PathBuf>,
}

/// A demo that answers requests.
pub struct RunningDemo {
    /// Origin under which it answers, without slash at the end.
    pub url: String,
    /// Origin that the certificates of its folder name for OCSP and revocation lists, if it is another one.
    pub url_in_certificates: Option<String>,
    /// The same over TLS, if it is on.
    pub tls: Option<DemoTls>,
    /// The root of its certificates, DER.
    pub root_certificate: Vec<u8>,
    /// Where its data are, with a configuration file `smart-id.toml` for the operator's commands.
    pub data: PathBuf,
    lifecycle: Lifecycle,
    deployment: Deployment,
    /// Deletes the data.
    temporary: Option<TempDir>,
}

/// How the demo is reached by https.
pub struct DemoTls {
    /// Origin under which it answers, without slash at the end.
    pub url: String,
    /// The certificate of the authority that vouches for it, PEM.
    pub authority: PathBuf,
}

impl Default for DemoOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            listen_tls: None,
            data: None,
        }
    }
}

impl RunningDemo {
    /// Whether the data go with the demo.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        self.temporary.is_some()
    }

    /// Waits for a signal, then stops.
    pub async fn run_until_signalled(self, signals: Signals) -> Stopped {
        let stopped = self.lifecycle.run_until_signalled(signals).await;
        self.clear().await;
        stopped
    }

    /// Stops softly and deletes temporary data.
    pub async fn stop(self) -> Stopped {
        let stopped = self.lifecycle.stop().await;
        self.clear().await;
        stopped
    }

    async fn clear(self) {
        if self.temporary.is_none() {
            jobs::last_checkpoint(&self.deployment.service).await;
        }
        self.deployment.close().await;
        // Folder and database are not needed any more: failing to delete them harms nobody.
        drop(self.temporary);
    }
}

/// Starts a demo: keys, certificates, database and relying parties are made where there are none.
///
/// It answers when this returns.
///
/// # Errors
/// A port is busy (the message names `--listen` or `--listen-tls`), or the data cannot be made or used.
pub async fn start(options: DemoOptions) -> Result<RunningDemo> {
    let listener = http::bind(options.listen, "--listen").await?;
    let address = listener
        .local_addr()
        .context("the listening socket has no address")?;
    let url = format!("http://{}", http::reachable(address));
    let tls_socket = match options.listen_tls {
        Some(address) => Some(http::bind(address, "--listen-tls").await?),
        None => None,
    };
    let temporary = match options.data {
        Some(_) => None,
        None => Some(data::temporary_folder()?),
    };
    let data = match (&temporary, options.data) {
        (Some(folder), _) => folder.path().to_owned(),
        (None, Some(folder)) => std::path::absolute(folder)?,
        (None, None) => unreachable!("one of them is set above"),
    };
    let DemoData {
        mut config,
        first_url,
    } = data::open_or_make(&data, address, &url).await?;
    config.mock.enabled = true;
    let deployment = Deployment::dangerous_open_with_fixture_keys(&config)
        .await
        .with_context(|| trouble(&data))?;
    relying_parties::seed(&deployment.service).await?;
    let root_certificate = deployment.root_certificate()?;

    let lifecycle = Lifecycle::default();
    let limits = http::Limits::default();
    let settings = WebSettings {
        limits: web::Limits::generous(),
        stop: lifecycle.stopping(),
        long_polls: limits.long_polls(),
        ..WebSettings::default()
    };
    let mock = config
        .mock
        .settings(address)
        .map(|settings| Mock::open(settings, deployment.service.clone(), lifecycle.clone()))
        .transpose()?;
    let mut listeners = vec![Listener::plain(listener)];
    let mut more = Router::new()
        .merge(identities::routes(deployment.service.clone()))
        .merge(pages::routes())
        .merge(pages::certificate_routes(deployment.service.clone()))
        .merge(pages::demo_routes(&url));
    let mut tls = None;
    if let Some(socket) = tls_socket {
        let (listener, routes, reached) = https(socket, &data)?;
        listeners.push(listener);
        more = more.merge(routes);
        tls = Some(reached);
    }
    jobs::start(&deployment, &settings.jobs, &lifecycle);
    let router = mock::router(mock.clone(), deployment.service.clone(), settings, more);
    http::serve(listeners, router, limits, &lifecycle);
    if let Some(mock) = mock {
        mock.resume();
    }
    Ok(RunningDemo {
        url_in_certificates: (first_url != url).then_some(first_url),
        url,
        tls,
        root_certificate,
        data,
        lifecycle,
        deployment,
        temporary,
    })
}

/// https on this port, vouched for by the folder's own authority, whose certificate everybody can fetch.
fn https(socket: TcpListener, data: &Path) -> Result<(Listener, Router, DemoTls)> {
    let address = socket
        .local_addr()
        .context("the listening socket has no address")?;
    let authority = TlsAuthority::open_or_make(data)?;
    let tls = authority.certify(address.ip())?;
    let pem = authority.pem()?;
    // RFC 8555 §9.1.
    let answer = (
        [(header::CONTENT_TYPE, "application/pem-certificate-chain")],
        pem,
    );
    let path = format!("/{}", tls_authority::CERTIFICATE);
    let routes = Router::new().route(&path, get(async move || answer));
    let reached = DemoTls {
        url: format!("https://{}", http::reachable(address)),
        authority: authority.path,
    };
    Ok((Listener::tls(socket, tls), routes, reached))
}

fn trouble(data: &Path) -> String {
    format!("cannot use the data in {}", data.display())
}
