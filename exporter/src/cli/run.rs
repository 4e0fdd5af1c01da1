//! The command `run`: makes the checks continuously and serves their results over HTTP.

use super::checklist::Checklist;
use crate::run::reload::Source;
use crate::run::runtime;
use crate::run::shard::Sharding;
use crate::server::exposition::publisher::publish;
use crate::server::lifecycle::Lifecycle;
use crate::server::listener::{self, Paths};
use crate::server::site::Site;
use crate::server::web::Web;
use anyhow::Context;
use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};

/// How long to wait for the release of the lease at the end.
const RESIGN_WITHIN: Duration = Duration::from_secs(10);

/// The arguments of `run`.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    checklist: Checklist,
    /// Address and port to listen on.
    #[arg(long, env = "CHECKLIST_LISTEN", default_value = "127.0.0.1:9876")]
    listen: SocketAddr,
    /// TLS, client certificates and passwords: the web configuration file of Prometheus' exporters.
    #[arg(long, value_name = "FILE", env = "CHECKLIST_WEB_CONFIG")]
    web_config: Option<PathBuf>,
    /// Address and port of a second listener that serves only /-/healthy and /-/ready, without TLS and without a login.
    #[arg(long, env = "CHECKLIST_HEALTH_LISTEN")]
    health_listen: Option<SocketAddr>,
    /// Enables POST /-/reload, which reloads checklist.yaml, for every client that may read the other paths. SIGHUP and
    /// a change of the file reload it without this option.
    #[arg(long = "web.enable-lifecycle", env = "CHECKLIST_WEB_ENABLE_LIFECYCLE")]
    web_enable_lifecycle: bool,
    #[command(flatten)]
    sharding: Sharding,
}

/// Runs the checks and the HTTP servers until SIGTERM or Ctrl-C: serves on this thread, and makes the checks on another
/// one. The lease, if one is held, is released at the end.
pub fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let (checks, server) = (runtime::of_checks()?, runtime::of_server()?);
    let result = server.block_on(serve(arguments, checks.handle().clone()));
    // A hanging DNS lookup or file read must not keep the process alive.
    server.shutdown_background();
    checks.shutdown_background();
    result
}

async fn serve(arguments: Arguments, checks: Handle) -> anyhow::Result<ExitCode> {
    let source = {
        let _inside = checks.enter();
        Source::open(&arguments.checklist.config, arguments.sharding.shard()?)?
    };
    let status = Arc::clone(&source.schedule.status().web);
    let web = Web::open(arguments.web_config.as_deref(), status);
    let web = Arc::new(web.map_err(|failure| anyhow::anyhow!(failure.message))?);
    let health = match arguments.health_listen {
        Some(address) => Some(listener::listen(address).await?),
        None => None,
    };
    let listener = listener::listen(arguments.listen).await?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    let mut hangup = signal(SignalKind::hangup()).context("cannot wait for SIGHUP")?;
    let (own, there) = (Arc::clone(&source), checks.clone());
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        tracing::info!("stopping");
        if let Some(lease) = own.schedule.lease() {
            let resigned = runtime::there(&there, async move { lease.resign().await });
            // A check that blocks its thread must not keep the program from ending.
            match tokio::time::timeout(RESIGN_WITHIN, resigned).await {
                Ok(Ok(())) => {}
                Ok(Err(failure)) => tracing::error!("cannot release the lease: {}", failure.message),
                Err(_elapsed) => tracing::error!("cannot release the lease within {RESIGN_WITHIN:?}"),
            }
        }
    };
    let count = source.schedule.jobs().len();
    tracing::info!(address = %listener.local_addr()?, checks = count, "serving /metrics and the status page");
    let lifecycle = Lifecycle::new(arguments.web_enable_lifecycle);
    let site = Site::new(Arc::clone(&source), Arc::clone(&web), lifecycle, checks.clone());
    let scheduling = checks.spawn(Arc::clone(&source.schedule).run());
    let publishing = checks.spawn(publish(Arc::clone(&source.schedule), Arc::clone(&site.latest)));
    let own = Arc::clone(&source);
    let following = checks.spawn(async move { own.follow().await });
    let watching = tokio::spawn(async move { web.follow().await });
    let hangups = checks.spawn(async move {
        while hangup.recv().await.is_some() {
            // The result is dropped here because a failed reload is already in the log and in a metric.
            let _ = source.reload().await;
        }
    });
    let of_health = site.clone();
    let healths = tokio::spawn(async move {
        if let Some(listener) = health {
            listener::serve(listener, of_health, Paths::Health, std::future::pending()).await;
        }
    });
    listener::serve(listener, site, Paths::All, stop).await;
    for task in [scheduling, publishing, following, watching, hangups, healths] {
        task.abort();
    }
    Ok(ExitCode::SUCCESS)
}
