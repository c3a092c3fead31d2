use super::serve::exit_code;
use crate::{
    demo::{self, ADVANCED, ALIAS, DEMO, DemoOptions, RunningDemo, commands_to_try},
    lifecycle::{Signals, raise_file_limit},
};
use anyhow::Result;
use clap::Args;
use std::{
    io::{self, Write},
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
};

/// Where `--tls` listens.
const TLS_PORT: u16 = 8443;

/// Run the whole system in one process, ready in seconds
///
/// Makes keys, certificates, a database and relying parties of its own, prints the addresses, and serves until it is
/// stopped (Ctrl-C). Anybody can vouch for anybody: never use it for real people.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  smart-id demo
  smart-id demo --listen 127.0.0.1:9090 --data my-demo
  smart-id demo --tls --data my-demo       https as well, on port 8443
  smart-id rp list --data my-demo          beside the running demo")]
pub(super) struct DemoArgs {
    /// IP address and port; port 0 takes any free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Serve https as well, vouched for by a certificate authority of the demo's own
    #[arg(long)]
    tls: bool,
    /// IP address and port for https; by default the IP address of --listen and port 8443
    #[arg(long, value_name = "ADDR", requires = "tls")]
    listen_tls: Option<SocketAddr>,
    /// Folder for the data, kept and reused; without it, data are deleted at the end
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

pub(super) async fn run(arguments: DemoArgs) -> Result<ExitCode> {
    raise_file_limit()?;
    let signals = Signals::listen()?;
    let demo = demo::start(DemoOptions {
        listen: arguments.listen,
        listen_tls: arguments.tls.then(|| {
            arguments
                .listen_tls
                .unwrap_or(SocketAddr::new(arguments.listen.ip(), TLS_PORT))
        }),
        data: arguments.data,
    })
    .await?;
    announce(&demo, &mut io::stdout().lock())?;
    Ok(exit_code(demo.run_until_signalled(signals).await))
}

fn announce(demo: &RunningDemo, out: &mut dyn Write) -> io::Result<()> {
    let url = &demo.url;
    let fate = if demo.is_temporary() {
        "deleted at the end"
    } else {
        "kept"
    };
    let mut rows = vec![
        ("welcome page", format!("{url}/")),
        ("RP API", format!("{url}/smart-id-rp/v3  /smart-id-rp/v2")),
        ("its description", format!("{url}/openapi/")),
        ("device API", format!("{url}/device/v1")),
        (
            "CA certificates",
            format!("{url}/certs/root.pem  eid-q.pem  eid-nq.pem"),
        ),
        (
            "for validators",
            format!("{url}/certs  /ocsp/eid-q  /crl/eid-q.crl  /tsa  /tl"),
        ),
        (
            "test accounts",
            format!("{url}/mock/accounts  /mock/device-link"),
        ),
        ("health", format!("{url}/health/ready  /health/live")),
        ("metrics", format!("{url}/metrics")),
    ];
    if let Some(first) = &demo.url_in_certificates {
        // Names in certificates are for good; better told here than found out by a client that refuses.
        let listen = first.trim_start_matches("http://");
        rows.extend([
            (
                "note",
                format!("certificates of this folder name {first} for OCSP and revocation lists;"),
            ),
            (
                "",
                format!("for clients that ask there: --listen {listen}, or a new folder"),
            ),
        ]);
    }
    if let Some(tls) = &demo.tls {
        let (secure, authority) = (&tls.url, tls.authority.display());
        rows.extend([
            (
                "https",
                format!("{secure}/smart-id-rp/v3  /device/v1  and all the rest"),
            ),
            ("TLS authority", format!("{url}/tls-ca.pem")),
            (
                "",
                format!("curl --cacert {authority} {secure}/health/ready"),
            ),
        ]);
    }
    rows.extend([
        ("relying party", format!("DEMO  {DEMO}")),
        ("", format!("DEMO  {ALIAS}")),
        ("", format!("DEMO ADVANCED  {ADVANCED}")),
        ("scheme name", "smart-id-demo".to_owned()),
        ("data", format!("{}  ({fate})", demo.data.display())),
    ]);
    writeln!(
        out,
        "Open Smart-ID demo: an independent implementation, for invented people only"
    )?;
    writeln!(out)?;
    for (what, value) in rows {
        writeln!(out, "  {what:<16} {value}")?;
    }
    writeln!(out)?;
    writeln!(
        out,
        "ready  open {url}/  next: {}",
        commands_to_try::register(url)
    )?;
    out.flush()
}
