//! The commands `verify-backup` and `verify-alerts`.

use super::checklist::Checklist;
use super::output::print;
use crate::verify::proofs;
use clap::Args;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// The arguments of `verify-backup`.
#[derive(Debug, Args)]
pub struct BackupArguments {
    /// Name of the backup in checklist.yaml.
    backup: String,
    #[command(flatten)]
    checklist: Checklist,
    /// Maximum size in bytes, of the download and of the unpacked dump each.
    #[arg(long, default_value_t = 100 * 1024 * 1024 * 1024)]
    max_bytes: u64,
    /// Name to record the result under.
    #[arg(long, default_value = "verify-backup")]
    by: String,
}

/// The arguments of `verify-alerts`.
#[derive(Debug, Args)]
pub struct AlertsArguments {
    #[command(flatten)]
    checklist: Checklist,
    /// Seconds to wait for the delivery of each alert; must be longer than Alertmanager's `group_wait`.
    #[arg(long, default_value_t = 120)]
    within: u64,
    /// Address on which to serve a webhook. With it, an alert counts as delivered only when Alertmanager has sent it to
    /// this webhook.
    #[arg(long, value_name = "ADDRESS")]
    webhook_listen: Option<SocketAddr>,
    /// Name to record the result under.
    #[arg(long, default_value = "verify-alerts")]
    by: String,
}

/// Runs `verify-backup`: restores a backup and records the result.
pub async fn backup(arguments: BackupArguments) -> anyhow::Result<ExitCode> {
    let BackupArguments { backup, checklist, max_bytes, by } = arguments;
    let (output, code) = proofs::backup(&checklist.load()?, &backup, max_bytes, by, ended()).await?;
    print(&output);
    Ok(ExitCode::from(code))
}

/// Runs `verify-alerts`: sends alerts and records each result.
pub async fn alerts(arguments: AlertsArguments) -> anyhow::Result<ExitCode> {
    let AlertsArguments { checklist, within, webhook_listen, by } = arguments;
    let (config, within) = (checklist.load()?, Duration::from_secs(within));
    Ok(ExitCode::from(proofs::alerts(&config, within, webhook_listen, &by, ended(), print).await?))
}

/// Waits for a signal that ends the process, and returns its name. SIGHUP is included because a terminal that closes
/// sends it.
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
