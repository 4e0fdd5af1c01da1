//! Arguments, and the wiring of what they ask for.

pub mod explain;
pub mod log;
pub mod task;

use crate::run::checks::Checks;
use crate::run::lease::proof::HeldByAnother;
use crate::run::reload::{Source, load};
use crate::run::schedule::Job;
use crate::run::shard::{Shard, Sharding};
use crate::server::report;
use crate::server::routes::{self, Paths};
use crate::server::web::Web;
use crate::verify::proofs;
use anyhow::Context;
use checklist::Cadence;
use checklist::config::Check;
use clap::{Args, Parser, Subcommand};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use task::{OverrideCommand, TaskCommand};
use tokio::signal::unix::{SignalKind, signal};

/// Makes every check of the operations checklist and exposes what it saw to Prometheus.
#[derive(Parser)]
#[command(
    version,
    name = "checklist-exporter",
    after_help = "\
Examples:
  checklist-exporter init && checklist-exporter validate checklist.yaml
  checklist-exporter check --cadence daily
  checklist-exporter run --config checklist.yaml --listen 0.0.0.0:9876 --web-config web.yaml
  checklist-exporter task done dr_drill --by ann --note 'restored in 40 minutes'

Exit codes:
  0  passed, done
  1  something is not good
  2  nobody can tell, wrong usage or an invalid checklist.yaml
  3  another process is at it"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Log as JSON lines.
    #[arg(long, global = true)]
    log_json: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Makes the checks continuously and serves /metrics.
    Run {
        #[command(flatten)]
        checklist: Checklist,
        /// Where to listen.
        #[arg(long, env = "CHECKLIST_LISTEN", default_value = "127.0.0.1:9876")]
        listen: SocketAddr,
        /// TLS, client certificates and passwords: the web configuration file of Prometheus' exporters.
        #[arg(long, value_name = "FILE", env = "CHECKLIST_WEB_CONFIG")]
        web_config: Option<PathBuf>,
        /// Where to show /-/healthy and /-/ready to anyone, in clear text.
        #[arg(long, env = "CHECKLIST_HEALTH_LISTEN")]
        health_listen: Option<SocketAddr>,
        #[command(flatten)]
        sharding: Sharding,
    },
    /// Makes every check once, prints a table; exits 0 when all passed, 1 when one failed, 2 when one cannot tell.
    Check {
        #[command(flatten)]
        checklist: Checklist,
        #[command(flatten)]
        selection: Selection,
        /// How the result is written.
        #[arg(long, value_enum, default_value = "table")]
        format: report::Format,
        /// Prints the plan of every SQL statement instead, and what is wrong with it.
        #[arg(long)]
        explain: bool,
    },
    /// People's tasks: what is open, and records of what was done.
    Task {
        #[command(flatten)]
        checklist: Checklist,
        #[command(subcommand)]
        command: TaskCommand,
    },
    /// Restores the newest object of a backup into a throw-away server and records the result; exits 0 when it is good, 1
    /// when it is not, 2 when nobody can tell, 3 when another process is at it.
    VerifyBackup {
        /// The name of the backup.
        backup: String,
        #[command(flatten)]
        checklist: Checklist,
        /// The most bytes that download and unpacked dump may take each.
        #[arg(long, default_value_t = 100 * 1024 * 1024 * 1024)]
        max_bytes: u64,
        /// Who says so.
        #[arg(long, default_value = "verify-backup")]
        by: String,
    },
    /// Sends a synthetic alert of each severity through Alertmanager and records whether it was delivered; exits 0 when
    /// all were, 1 when one was not, 2 when nobody can tell, 3 when another process is at it.
    VerifyAlerts {
        #[command(flatten)]
        checklist: Checklist,
        /// Seconds to wait for each delivery; longer than Alertmanager's group wait.
        #[arg(long, default_value_t = 120)]
        within: u64,
        /// Serves a webhook here, and believes only what Alertmanager tells it: an alert is known by its own name.
        #[arg(long, value_name = "ADDRESS")]
        webhook_listen: Option<SocketAddr>,
        /// Who says so.
        #[arg(long, default_value = "verify-alerts")]
        by: String,
    },
    /// Emergencies: routine warnings are put aside, with a reason and an end.
    Override {
        #[command(flatten)]
        checklist: Checklist,
        #[command(subcommand)]
        command: OverrideCommand,
    },
    /// Writes a commented checklist.yaml to begin with.
    Init {
        /// The file; an existing one is never overwritten.
        #[arg(default_value = "checklist.yaml")]
        file: PathBuf,
    },
    /// Reports every mistake of a checklist.yaml; exits 2 when there is one.
    Validate {
        /// The checklist.
        #[arg(default_value = "checklist.yaml")]
        file: PathBuf,
        /// Also says how many checks each of so many shards makes.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
        shards: Option<u32>,
    },
}

/// Where the checklist is.
#[derive(Args)]
struct Checklist {
    /// The checklist.
    #[arg(long, global = true, env = "CHECKLIST_CONFIG", default_value = "checklist.yaml", value_name = "FILE")]
    config: PathBuf,
}

/// Which checks are made.
#[derive(Args)]
struct Selection {
    /// Only these checks.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Only the checks of this cadence: daily, weekly, monthly, quarterly or annual.
    #[arg(long, value_parser = cadence)]
    cadence: Option<Cadence>,
    /// Only the checks of this shard: INDEX/TOTAL, where the index begins at 0.
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
}

fn cadence(text: &str) -> Result<Cadence, String> {
    let known = Cadence::ALL.into_iter().find(|cadence| cadence.as_str() == text);
    known.ok_or_else(|| "known: daily, weekly, monthly, quarterly, annual".to_owned())
}

/// Runs the program with the arguments that it was given; the exit codes are in its help.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    log::to_stderr(arguments.log_json);
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        tracing::debug!("a TLS provider is installed already");
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    let result = match arguments.command {
        Command::Run { checklist, listen, web_config, health_listen, sharding } => {
            runtime.block_on(run(&checklist.config, listen, web_config.as_deref(), health_listen, sharding))
        }
        Command::Check { checklist, selection, format, explain } => {
            runtime.block_on(check(&checklist.config, &selection, format, explain))
        }
        Command::Task { checklist, command } => runtime.block_on(async {
            print(&task::task(&tasks(&checklist.config)?, command).await?);
            Ok(ExitCode::SUCCESS)
        }),
        Command::Override { checklist, command } => runtime.block_on(async {
            print(&task::emergency(&tasks(&checklist.config)?, command).await?);
            Ok(ExitCode::SUCCESS)
        }),
        Command::VerifyBackup { backup, checklist, max_bytes, by } => {
            runtime.block_on(verify_backup(&checklist.config, &backup, max_bytes, by))
        }
        Command::VerifyAlerts { checklist, within, webhook_listen, by } => {
            runtime.block_on(verify_alerts(&checklist.config, within, webhook_listen, &by))
        }
        Command::Init { file } => init(&file),
        Command::Validate { file, shards } => validate(&file, shards),
    };
    // A lookup that hangs in the resolver must not keep the process alive.
    runtime.shutdown_background();
    result.unwrap_or_else(|error| fail(&error))
}

async fn run(
    path: &Path,
    listen: SocketAddr,
    web_config: Option<&Path>,
    health: Option<SocketAddr>,
    sharding: Sharding,
) -> anyhow::Result<ExitCode> {
    let source = Source::open(path, sharding.shard()?)?;
    let web = Arc::new(Web::open(web_config).map_err(|failure| anyhow::anyhow!(failure.message))?);
    let health = match health {
        Some(address) => Some(routes::listen(address).await?),
        None => None,
    };
    let listener = routes::listen(listen).await?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    let mut hangup = signal(SignalKind::hangup()).context("cannot wait for SIGHUP")?;
    let own = Arc::clone(&source);
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        tracing::info!("stopping");
        if let Some(lease) = own.schedule.lease() {
            lease.resign().await;
        }
    };
    let checks = source.schedule.jobs().len();
    tracing::info!(address = %listener.local_addr()?, checks, "serving /metrics and the status page");
    let rounds = tokio::spawn(Arc::clone(&source.schedule).run());
    let own = Arc::clone(&source);
    let following = tokio::spawn(async move { own.follow().await });
    let own = Arc::clone(&source);
    let hangups = tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            // The mistakes are in the log and in the metric.
            let _ = own.reload();
        }
    });
    let own = Arc::clone(&source);
    let plain = Arc::clone(&web);
    let healths = tokio::spawn(async move {
        if let Some(listener) = health {
            routes::serve(listener, own, plain, Paths::Health, std::future::pending()).await;
        }
    });
    routes::serve(listener, source, web, Paths::All, stop).await;
    for task in [rounds, following, hangups, healths] {
        task.abort();
    }
    Ok(ExitCode::SUCCESS)
}

async fn check(path: &Path, selection: &Selection, format: report::Format, explain: bool) -> anyhow::Result<ExitCode> {
    let (_, config) = load(path)?;
    if let Some(unknown) = selection.only.iter().find(|id| config.signal(id).is_none()) {
        anyhow::bail!("there is no check {unknown}");
    }
    let mut jobs = Checks::default().jobs(&config, &[]);
    jobs.retain(|job| {
        let signal = job.state().check.signal;
        (selection.only.is_empty() || selection.only.iter().any(|id| id == signal.id))
            && selection.cadence.is_none_or(|cadence| cadence == signal.cadence)
            && selection.shard.is_none_or(|shard| shard.has(signal.id, &job.state().check.target))
    });
    anyhow::ensure!(!jobs.is_empty(), "no check is selected");
    if explain {
        let (text, warnings) = explain::explain(&config, &jobs).await;
        print(&text);
        return Ok(if warnings == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) });
    }
    make(&jobs).await;
    print(&report::write(&jobs, format));
    let now = crate::run::time::unix_now();
    let verdicts: Vec<Option<bool>> = jobs.iter().map(|job| job.state().verdict(now)).collect();
    Ok(if verdicts.contains(&None) {
        ExitCode::from(2)
    } else if verdicts.contains(&Some(false)) {
        ExitCode::from(1)
    } else {
        ExitCode::SUCCESS
    })
}

/// Makes every check once and, on a terminal, says how far it is.
async fn make(jobs: &[Arc<Job>]) {
    let mut runs: FuturesUnordered<_> = jobs.iter().map(|job| job.run()).collect();
    let terminal = std::io::stderr().is_terminal();
    let mut done = 0;
    while runs.next().await.is_some() {
        done += 1;
        if terminal {
            #[expect(clippy::print_stderr, reason = "progress on the terminal")]
            {
                eprint!("\r{done} of {} checks made", jobs.len());
            }
        }
    }
    if terminal {
        #[expect(clippy::print_stderr, reason = "progress on the terminal")]
        {
            eprint!("\r\x1b[K");
        }
    }
}

/// SIGTERM or Ctrl-C.
async fn ended() -> &'static str {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return std::future::pending().await };
    tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = tokio::signal::ctrl_c() => "Ctrl-C",
    }
}

async fn verify_backup(path: &Path, name: &str, most: u64, by: String) -> anyhow::Result<ExitCode> {
    let (_, config) = load(path)?;
    let (said, code) = proofs::backup(&config, name, most, by, ended()).await?;
    print(&said);
    Ok(ExitCode::from(code))
}

async fn verify_alerts(path: &Path, within: u64, listen: Option<SocketAddr>, by: &str) -> anyhow::Result<ExitCode> {
    let (_, config) = load(path)?;
    let within = std::time::Duration::from_secs(within);
    Ok(ExitCode::from(proofs::alerts(&config, within, listen, by, ended(), print).await?))
}

/// The section `tasks:` of a checklist.yaml.
fn tasks(path: &Path) -> anyhow::Result<checklist::config::Tasks> {
    load(path)?.1.tasks.with_context(|| format!("{} has no section tasks:", path.display()))
}

/// What a command has to say.
#[expect(clippy::print_stdout, reason = "the command's output")]
fn print(text: &str) {
    print!("{text}");
}

fn init(file: &Path) -> anyhow::Result<ExitCode> {
    use std::io::Write;
    let mut created = std::fs::File::create_new(file)
        .with_context(|| format!("cannot create {} (an existing file is never overwritten)", file.display()))?;
    created.write_all(include_bytes!("../../examples/checklist.yaml")).context("cannot write it")?;
    tracing::info!("wrote {}; edit it, then: checklist-exporter validate {}", file.display(), file.display());
    Ok(ExitCode::SUCCESS)
}

fn validate(file: &Path, shards: Option<u32>) -> anyhow::Result<ExitCode> {
    let (_, config) = load(file)?;
    tracing::info!("{} is good: {} checks", file.display(), config.checks().len());
    if let Some((section, ..)) = config.election() {
        let costly = config.checks().iter().filter(|check| config.is_elected(check.signal)).count();
        tracing::info!("the holder of the lease {} makes {costly} of them", section.lease);
    }
    for shard in shards.into_iter().flat_map(|total| (0..total).map(move |index| Shard { index, total })) {
        let made = |check: &&Check| !config.is_elected(check.signal) && shard.has(check.signal.id, &check.target);
        tracing::info!("shard {shard} makes {} of them", config.checks().iter().filter(made).count());
    }
    Ok(ExitCode::SUCCESS)
}

/// 2: usage, configuration or environment; 3: another process is at it.
fn fail(error: &anyhow::Error) -> ExitCode {
    #[expect(clippy::print_stderr, reason = "the command's own error")]
    {
        eprintln!("{error:#}");
    }
    ExitCode::from(if error.is::<HeldByAnother>() { 3 } else { 2 })
}
