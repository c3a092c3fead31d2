use crate::{
    config::Config,
    deployment::Deployment,
    http::{self, Listener, Tls},
    jobs,
    lifecycle::{Lifecycle, Signals, Stopped, raise_file_limit},
    mock::{self, Mock},
    pages,
};
use anyhow::{Context, Result, bail};
use clap::Args;
use std::{path::PathBuf, process::ExitCode};
use tracing::{info, warn};
use web::{JobMetrics, WebSettings};

/// Run the server
///
/// Serves HTTP until it is stopped by SIGTERM or SIGINT: open requests are answered within 10 seconds; a second signal
/// stops it at once. TLS ends here if the configuration has a certificate, or else at a proxy in front.
#[derive(Args, Debug)]
#[command(after_help = "\
Before the first start: smart-id ceremony, smart-id migrate, smart-id check all.
A documented configuration: docs/config/serve.toml")]
pub(super) struct ServeArgs {
    /// Configuration of the deployment
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

pub(super) async fn run(arguments: ServeArgs) -> Result<ExitCode> {
    raise_file_limit()?;
    let signals = Signals::listen()?;
    let config = Config::load(&arguments.config)?;
    if config.mock.enabled && config.http.tls.is_some() {
        bail!(
            "the phones of [mock] speak plain http: leave [http.tls] out and put a proxy in front, or disable the mock"
        );
    }
    let socket = http::bind(config.http.listen, "http.listen in the configuration").await?;
    let listen = socket.local_addr()?;
    let listener = match &config.http.tls {
        None => Listener::plain(socket),
        Some(files) => Listener::tls(
            socket,
            Tls::from_files(&files.certificate_file, &files.key_file).context("http.tls")?,
        ),
    };
    let deployment = Deployment::open(&config).await?;

    let lifecycle = Lifecycle::default();
    let limits = config.http.limits();
    let settings = WebSettings {
        proxies: config.http.trusted_proxies(),
        limits: config.web_limits(),
        body_timeout: config.http.body_timeout(),
        long_polls: limits.long_polls(),
        maintenance: config.http.maintenance,
        stop: lifecycle.stopping(),
        jobs: JobMetrics::default(),
    };
    let mock = config
        .mock
        .settings(listen)
        .map(|settings| Mock::open(settings, deployment.service.clone(), lifecycle.clone()))
        .transpose()?;
    jobs::start(&deployment, &settings.jobs, &lifecycle);
    if config.http.maintenance {
        warn!("http.maintenance is set: relying parties and phones are told to come again later");
    }
    info!(listen = %listen, public_url = %config.public_url, "ready");
    http::serve(
        vec![listener],
        mock::router(
            mock.clone(),
            deployment.service.clone(),
            settings,
            pages::routes().merge(pages::certificate_routes(deployment.service.clone())),
        ),
        limits,
        &lifecycle,
    );
    if let Some(mock) = mock {
        mock.resume();
    }
    let stopped = lifecycle.run_until_signalled(signals).await;
    jobs::last_checkpoint(&deployment.service).await;
    deployment.close().await;
    info!("stopped");
    Ok(exit_code(stopped))
}

/// 0 if everything under way was finished.
pub(super) fn exit_code(stopped: Stopped) -> ExitCode {
    match stopped {
        Stopped::Softly => ExitCode::SUCCESS,
        Stopped::Hard => ExitCode::FAILURE,
    }
}
