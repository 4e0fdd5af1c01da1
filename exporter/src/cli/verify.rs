//! `verify-backup` and `verify-alerts`.

use super::checklist::Checklist;
use super::output::print;
use crate::verify::proofs;
use clap::Args;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// Which backup is restored.
#[derive(Debug, Args)]
pub struct BackupArguments {
    /// The name of the backup.
    backup: String,
    #[command(flatten)]
    checklist: Checklist,
    /// The most bytes that download and unpacked dump may take each.
    #[arg(long, default_value_t = 100 * 1024 * 1024 * 1024)]
    max_bytes: u64,
    /// Who is recorded.
    #[arg(long, default_value = "verify-backup")]
    by: String,
}

/// How an alert is followed.
#[derive(Debug, Args)]
pub struct AlertsArguments {
    #[command(flatten)]
    checklist: Checklist,
    /// Seconds to wait for each delivery; longer than Alertmanager's group wait.
    #[arg(long, default_value_t = 120)]
    within: u64,
    /// Serves a webhook here, and believes only what Alertmanager tells it: an alert is known by its own name.
    #[arg(long, value_name = "ADDRESS")]
    webhook_listen: Option<SocketAddr>,
    /// Who is recorded.
    #[arg(long, default_value = "verify-alerts")]
    by: String,
}

/// Restores a backup and records the result.
pub async fn backup(arguments: BackupArguments) -> anyhow::Result<ExitCode> {
    let BackupArguments { backup, checklist, max_bytes, by } = arguments;
    let (output, code) = proofs::backup(&checklist.load()?, &backup, max_bytes, by, ended()).await?;
    print(&output);
    Ok(ExitCode::from(code))
}

/// Sends alerts and records each result.
pub async fn alerts(arguments: AlertsArguments) -> anyhow::Result<ExitCode> {
    let AlertsArguments { checklist, within, webhook_listen, by } = arguments;
    let (config, within) = (checklist.load()?, Duration::from_secs(within));
    Ok(ExitCode::from(proofs::alerts(&config, within, webhook_listen, &by, ended(), print).await?))
}

/// Every ending that can be caught: a terminal that closes sends SIGHUP.
async fn ended() -> &'static str {
    let kinds = [
        ("SIGTERM", SignalKind::terminate()),
        ("Ctrl-C", SignalKind::interrupt()),
        ("SIGHUP", SignalKind::hangup()),
        ("SIGQUIT", SignalKind::quit()),
    ];
    let waits = kinds.into_iter().filter_map(|(name, kind)| {
        let mut signals = signal(kind).ok()?;
        Some(Box::pin(async move {
            signals.recv().await;
            name
        }))
    });
    futures::future::select_all(waits).await.0
}
