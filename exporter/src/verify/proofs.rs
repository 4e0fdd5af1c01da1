//! The commands `verify-backup` and `verify-alerts`: lease, execution, output and exit code. If a lease is configured,
//! only one process runs the same proof at a time.

use crate::run::lease::proof::alone;
use crate::verify::verify_alerts;
use crate::verify::verify_backup::{self, NotProved};
use crate::verify::webhook::Webhook;
use anyhow::{Context, ensure};
use checklist::Config;
use checklist::config::{Proof, RecordPlace};
use checklist::yaml::hint;
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use std::net::SocketAddr;
use std::time::Duration;

/// Runs `verify-backup` for a backup. Returns the output and the exit code: 0 if the backup is good, 1 if it is bad, 2
/// if that could not be found out, or if something temporary could not be removed. `ended` resolves to a reason if the
/// process is stopped; the proof then removes everything temporary and ends.
pub async fn backup(
    config: &Config,
    name: &str,
    most: u64,
    by: String,
    ended: impl Future<Output = &'static str> + Send,
) -> anyhow::Result<(String, u8)> {
    let backup = config.backups.iter().find(|backup| backup.name == name);
    let backup = backup.with_context(|| {
        let known: Vec<&str> = config.backups.iter().map(|backup| backup.name.as_str()).collect();
        format!("unknown backup {name}{}; known backups: {}", hint(name, &known), known.join(", "))
    })?;
    let place = place(config)?;
    let work = |stop| Box::pin(verify_backup::verify(config, backup, place, most, by, stop));
    let (proof, result) = Box::pin(alone(config, Proof::Backup(backup), ended, work)).await??;
    let mut remarks = String::new();
    for (what, list) in [("not available", &proof.not_set_up), ("NOT REMOVED", &proof.left)] {
        remarks += &list.iter().map(|one| format!("  {what}: {one}\n")).collect::<String>();
    }
    let (output, code) = match result {
        Ok(()) => {
            let newest = proof.newest.iter().map(|(name, at)| format!("{name} {}", time(*at)));
            let numbers = proof.answers.iter().map(|(name, value)| format!("{name} {value}"));
            let answers: Vec<String> = numbers.chain(newest).collect();
            let stages: Vec<String> = proof.seconds.iter().map(|(stage, took)| format!("{stage} {took} s")).collect();
            (format!("backup {name} is good: {}; {}\n", answers.join(", "), stages.join(", ")), 0)
        }
        Err(why @ NotProved::BadBackup(_)) => (format!("backup {name} is NOT good: {why}\n"), 1),
        Err(why @ NotProved::CannotTell(_)) => (format!("backup {name}: {why}\n"), 2),
    };
    Ok((output + &remarks, if code == 0 && !proof.left.is_empty() { 2 } else { code }))
}

fn time(at: f64) -> String {
    let at = SignedDuration::try_from_secs_f64(at).ok().and_then(|at| Timestamp::from_duration(at).ok());
    at.map_or_else(|| "?".to_owned(), |at| at.strftime("%F %T").to_string())
}

/// Runs `verify-alerts` on every Alertmanager and passes each result to `print` as soon as it is known. Returns the
/// exit code: 0 if every alert was delivered, 1 otherwise.
pub async fn alerts(
    config: &Config,
    within: Duration,
    listen: Option<SocketAddr>,
    by: &str,
    ended: impl Future<Output = &'static str> + Send,
    print: impl Fn(&str),
) -> anyhow::Result<u8> {
    ensure!(!config.alertmanagers.is_empty(), "checklist.yaml has no section alertmanagers:");
    let place = place(config)?;
    let webhook = match listen {
        Some(address) => Some(Webhook::listen(address).await?),
        None => None,
    };
    let work = async {
        let mut code = 0;
        for server in &config.alertmanagers {
            let proved = verify_alerts::verify(server, &config.alerting, webhook.as_ref(), place, within, by);
            for (severity, result) in proved.await? {
                match result {
                    Ok(seconds) => print(&format!("{} {severity}: delivered after {seconds:.1} s\n", server.name)),
                    Err(error) => {
                        print(&format!("{} {severity}: NOT delivered: {error:#}\n", server.name));
                        code = 1;
                    }
                }
            }
        }
        Ok(code)
    };
    Box::pin(alone(config, Proof::Alerts, ended, |stop| stopped(stop, work))).await?
}

/// Runs the work, unless `stop` resolves to a reason first.
async fn stopped<T>(
    stop: BoxFuture<'_, &'static str>,
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    tokio::select! {
        biased;
        why = stop => Err(anyhow::anyhow!("ended by {why}")),
        done = work => done,
    }
}

/// Returns the storage in which the result is recorded.
fn place(config: &Config) -> anyhow::Result<&RecordPlace> {
    let place = config.tasks.as_ref().map(|tasks| &tasks.place);
    place.context("checklist.yaml has no section tasks:, where the result is recorded")
}
