//! `diff`: what is deployed against what would be generated.

mod compare;
mod render;
mod sources;

pub use compare::{Change, Difference, compare};

use crate::cli::ConfigFile;
use crate::outputs::prometheus;
use crate::review::rule_set::{self, Known};
use crate::rules;
use crate::server::Login;
use crate::terminal::{Progress, Style, is_quiet, print};
use checklist::Config;
use std::path::PathBuf;
use std::process::ExitCode;

/// Compares the generated rules with those that are deployed; by meaning, not by text.
///
/// The order of rules, groups and labels, the way an expression or a duration is written, the namespace label that
/// the operator enforces and what Mimir adds are no difference.
/// Exits 0 when nothing differs, 1 when something does, 3 when the endpoint gave no answer.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  rules-gen diff --against prometheus=http://prometheus:9090
  rules-gen diff --against mimir=http://mimir/prometheus --tenant shop
  rules-gen diff --against k8s --namespace monitoring
  rules-gen diff --against dir=deploy/generated/rules --output json")]
pub struct Arguments {
    /// What is deployed: prometheus=URL, mimir=URL, k8s, or dir=PATH (a folder or a file).
    #[arg(long, value_name = "PLACE", value_parser = sources::Place::parse)]
    pub against: sources::Place,
    /// What should be deployed.
    #[command(flatten)]
    pub config: ConfigFile,
    /// k8s: only objects of this namespace; mimir: only this rule namespace.
    #[arg(long, value_name = "NAME")]
    pub namespace: Option<String>,
    /// k8s: the kubeconfig instead of the usual one.
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// k8s: the context of the kubeconfig.
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
    /// How to be let in by the endpoint.
    #[command(flatten)]
    pub login: Login,
    /// The label that the operator enforces on every rule and selector.
    #[arg(long, value_name = "LABEL", default_value = "namespace")]
    pub enforced_label: String,
    /// Compare every deployed rule, not only those in groups of the checklist or with the name of a generated rule.
    #[arg(long)]
    pub all: bool,
    /// How the result is written.
    #[arg(long, value_enum, default_value = "text")]
    pub output: Output,
}

/// How the result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Output {
    /// For people, in colours on a terminal.
    Text,
    /// For programs.
    Json,
}

/// Runs the command.
pub async fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let config = arguments.config.load()?;
    let generated = generated(&config)?;
    let progress = Progress::new();
    progress.tell("the deployed rules");
    let mut deployed = sources::deployed(arguments).await?;
    progress.end();
    if !arguments.all {
        deployed.retain(|rule| is_ours(rule, &generated));
    }
    let differences = compare(&generated, &deployed, &arguments.enforced_label);
    print(&match arguments.output {
        Output::Text if is_quiet() && differences.is_empty() => String::new(),
        Output::Text => render::text(&differences, generated.len(), Style::of_stdout()),
        Output::Json => render::json(&differences, generated.len())?,
    })?;
    Ok(ExitCode::from(u8::from(!differences.is_empty())))
}

/// The generated rules, read back from what would be written.
pub fn generated(config: &Config) -> anyhow::Result<Vec<Known>> {
    rule_set::document_rules(&prometheus::rule_file(&rules::groups(config)))
}

fn is_ours(rule: &Known, generated: &[Known]) -> bool {
    rule.group.starts_with("checklist-") || generated.iter().any(|own| own.kind == rule.kind && own.name == rule.name)
}
