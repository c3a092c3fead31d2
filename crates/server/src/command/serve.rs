use crate::{
    config::Config,
    deployment::Deployment,
    http, jobs,
    lifecycle::{Lifecycle, Signals, Stopped, raise_file_limit},
    mock::{self, Mock},
};
use anyhow::Result;
use axum::Router;
use clap::Args;
use std::{path::PathBuf, process::ExitCode};
use tracing::info;
use web::{JobMetrics, WebSettings};

/// Run the server
///
/// Serves HTTP until it is stopped by SIGTERM or SIGINT: open requests are answered within 10 seconds; a second signal
/// stops it at once. TLS ends at a proxy in front.
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
    let listener = http::bind(config.http.listen, "http.listen in the configuration").await?;
    let deployment = Deployment::open(&config).await?;

    let lifecycle = Lifecycle::default();
    let limits = config.http.limits();
    let settings = WebSettings {
        proxies: config.http.trusted_proxies(),
        limits: config.web_limits(),
        body_timeout: config.http.body_timeout(),
        long_polls: limits.long_polls(),
        stop: lifecycle.stopping(),
        jobs: JobMetrics::default(),
    };
    let mock = config
        .mock
        .settings(listener.local_addr()?)
        .map(|settings| Mock::open(settings, deployment.service.clone(), lifecycle.clone()))
        .transpose()?;
    jobs::start(&deployment, &settings.jobs, &lifecycle);
    info!(listen = %listener.local_addr()?, public_url = %config.public_url, "ready");
    http::serve(
        listener,
        mock::router(mock, deployment.service.clone(), settings, Router::new()),
        limits,
        &lifecycle,
    );
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
