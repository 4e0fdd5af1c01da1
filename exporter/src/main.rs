//! Arguments, and the wiring of what they ask for.

use anyhow::Context;
use checklist::Config;
use clap::{Parser, Subcommand};
use exporter::{checks, schedule::Schedule, server};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};

/// Makes every check of the operations checklist and exposes what it saw to Prometheus.
#[derive(Parser)]
#[command(version)]
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
        /// The checklist.
        #[arg(long, env = "CHECKLIST_CONFIG", default_value = "checklist.yaml")]
        config: PathBuf,
        /// Where to listen.
        #[arg(long, env = "CHECKLIST_LISTEN", default_value = "127.0.0.1:9876")]
        listen: SocketAddr,
    },
    /// Makes every check once, prints a table; exits 0 when all passed, 1 when one failed, 2 when one cannot tell.
    Check {
        /// The checklist.
        #[arg(long, env = "CHECKLIST_CONFIG", default_value = "checklist.yaml")]
        config: PathBuf,
        /// Only these checks.
        #[arg(long, value_delimiter = ',')]
        only: Vec<String>,
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
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    log_to_stderr(arguments.log_json);
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        tracing::debug!("a TLS provider is installed already");
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    let result = match arguments.command {
        Command::Run { config, listen } => runtime.block_on(run(&config, listen)),
        Command::Check { config, only } => runtime.block_on(check(&config, &only)),
        Command::Init { file } => init(&file),
        Command::Validate { file } => validate(&file),
    };
    // A lookup that hangs in the resolver must not keep the process alive.
    runtime.shutdown_background();
    result.unwrap_or_else(|error| fail(&error))
}

async fn run(path: &Path, listen: SocketAddr) -> anyhow::Result<ExitCode> {
    let config = load(path)?;
    let schedule = Schedule::new(checks::jobs(&config));
    let listener = tokio::net::TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        tracing::info!("stopping");
    };
    tracing::info!(address = %listener.local_addr()?, checks = schedule.jobs.len(), "serving /metrics");
    let rounds = tokio::spawn(Arc::clone(&schedule).run());
    server::serve(listener, schedule, stop).await;
    rounds.abort();
    Ok(ExitCode::SUCCESS)
}

async fn check(path: &Path, only: &[String]) -> anyhow::Result<ExitCode> {
    let config = load(path)?;
    if let Some(unknown) = only.iter().find(|id| checklist::signals::by_id(id).is_none()) {
        anyhow::bail!("there is no check {unknown}");
    }
    let mut jobs = checks::jobs(&config);
    jobs.retain(|job| only.is_empty() || only.iter().any(|id| id == job.state().check.signal.id));
    let patient = |job| async move { exporter::schedule::settle(job).await };
    futures::future::join_all(jobs.iter().map(patient)).await;
    let table = exporter::schedule::table(&jobs);
    // The table is the output of this command.
    #[expect(clippy::print_stdout, reason = "the command's output")]
    {
        print!("{table}");
    }
    Ok(exit_code(&jobs))
}

fn exit_code(jobs: &[exporter::schedule::Job]) -> ExitCode {
    let now = exporter::schedule::unix_now();
    let verdicts: Vec<Option<bool>> = jobs.iter().map(|job| job.state().verdict(now)).collect();
    match () {
        () if verdicts.contains(&None) => ExitCode::from(2),
        () if verdicts.contains(&Some(false)) => ExitCode::from(1),
        () => ExitCode::SUCCESS,
    }
}

fn init(file: &Path) -> anyhow::Result<ExitCode> {
    use std::io::Write;
    let mut created = std::fs::File::create_new(file)
        .with_context(|| format!("cannot create {} (an existing file is never overwritten)", file.display()))?;
    created.write_all(include_bytes!("../../examples/checklist.yaml")).context("cannot write it")?;
    tracing::info!("wrote {}; edit it, then: checklist-exporter validate {}", file.display(), file.display());
    Ok(ExitCode::SUCCESS)
}

fn validate(file: &Path) -> anyhow::Result<ExitCode> {
    let config = load(file)?;
    tracing::info!("{} is good: {} checks", file.display(), config.checks().len());
    Ok(ExitCode::SUCCESS)
}

fn load(path: &Path) -> anyhow::Result<Config> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Config::parse(&path.display().to_string(), &text)?)
}

fn log_to_stderr(json: bool) {
    // The Kubernetes client logs whole bodies that it cannot decode; they may hold secrets.
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info,kube_client=error"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if json { builder.json().init() } else { builder.init() }
}

/// 2: usage, configuration or environment.
fn fail(error: &anyhow::Error) -> ExitCode {
    #[expect(clippy::print_stderr, reason = "the command's own error")]
    {
        eprintln!("{error:#}");
    }
    ExitCode::from(2)
}
