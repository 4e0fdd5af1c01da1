//! The command line of the program: the arguments, and a module for each command.

pub mod check;
pub mod checklist;
pub mod configuration;
pub mod explain;
pub mod log;
pub mod output;
pub mod run;
pub mod task;
pub mod verify;

use crate::run::lease::proof::HeldByAnother;
use checklist::Checklist;
use clap::{Parser, Subcommand};
use output::print;
use std::path::PathBuf;
use std::process::ExitCode;
use task::{OverrideCommand, TaskCommand};

/// Runs every check of the operations checklist and exposes the results to Prometheus.
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
  1  a check or verification failed
  2  no verdict, wrong usage or an invalid checklist.yaml
  3  another process is running it"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Write the log as JSON, one object per line.
    #[arg(long, global = true)]
    log_json: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the checks continuously and serves /metrics.
    Run(run::Arguments),
    /// Runs every check once and prints a table; exits 0 when all passed, 1 when one failed, 2 when one has no verdict.
    Check(check::Arguments),
    /// Manual tasks: shows open tasks, and records completed ones.
    Task {
        #[command(flatten)]
        checklist: Checklist,
        #[command(subcommand)]
        command: TaskCommand,
    },
    /// Restores the newest object of a backup into a temporary server and records the result; exits 0 when it is good,
    /// 1 when it is not, 2 when that is unknown, 3 when another process runs it.
    VerifyBackup(verify::BackupArguments),
    /// Sends a synthetic alert of each severity through Alertmanager and records whether it was delivered; exits 0 when
    /// all were, 1 when one was not, 2 when that is unknown, 3 when another process runs it.
    VerifyAlerts(verify::AlertsArguments),
    /// Emergency override: suppresses alerts of routine checks, with a reason and an end.
    Override {
        #[command(flatten)]
        checklist: Checklist,
        #[command(subcommand)]
        command: OverrideCommand,
    },
    /// Writes a commented checklist.yaml to start from.
    Init {
        /// Path of the new file; an existing file is never overwritten.
        #[arg(default_value = "checklist.yaml")]
        file: PathBuf,
    },
    /// Reports every mistake of a checklist.yaml; exits 2 when there is one.
    Validate {
        /// Path of checklist.yaml.
        #[arg(default_value = "checklist.yaml")]
        file: PathBuf,
        /// Also prints how many checks each of N shards runs.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
        shards: Option<u32>,
    },
}

/// Runs the program. The exit codes are in its help.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // The table of `check` has every failure; the log would repeat each.
    let level =
        if matches!(arguments.command, Command::Check(_)) { tracing::Level::ERROR } else { tracing::Level::INFO };
    log::to_stderr(arguments.log_json, level);
    // A panic may quote what a server sent: as an event of the log it is one line.
    std::panic::set_hook(Box::new(|panic| tracing::error!("{panic}")));
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        tracing::debug!("a TLS provider is installed already");
    }
    let result = match arguments.command {
        Command::Run(arguments) => run::run(arguments),
        Command::Check(arguments) => driven(check::check(arguments)),
        Command::Task { checklist, command } => driven(async {
            print(&task::task(&checklist.tasks()?, command).await?);
            Ok(ExitCode::SUCCESS)
        }),
        Command::Override { checklist, command } => driven(async {
            print(&task::emergency(&checklist.tasks()?, command).await?);
            Ok(ExitCode::SUCCESS)
        }),
        Command::VerifyBackup(arguments) => driven(verify::backup(arguments)),
        Command::VerifyAlerts(arguments) => driven(verify::alerts(arguments)),
        Command::Init { file } => configuration::init(&file),
        Command::Validate { file, shards } => configuration::validate(&file, shards),
    };
    result.unwrap_or_else(|error| fail(&error))
}

/// Runs a command that ends by itself, on a runtime of its own.
fn driven(command: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(command);
    // A lookup that hangs in the resolver must not keep the process alive.
    runtime.shutdown_background();
    result
}

/// Prints an error and returns the exit code: 3 if another process runs the same proof, else 2.
fn fail(error: &anyhow::Error) -> ExitCode {
    #[expect(clippy::print_stderr, reason = "the command's own error")]
    {
        eprintln!("{error:#}");
    }
    ExitCode::from(if error.is::<HeldByAnother>() { 3 } else { 2 })
}
