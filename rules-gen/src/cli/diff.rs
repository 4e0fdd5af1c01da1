//! `rules-gen diff`: compares generated with deployed rules.

use crate::cli::{ConfigFile, Format};
use crate::review::diff::{self, render, sources};
use crate::terminal::{Progress, Style, is_quiet, print};
use std::process::ExitCode;

/// Compares the generated rules with the deployed rules, by meaning and not by text.
///
/// These do not count as differences: the order of rules, groups and labels, the notation of an expression or a
/// duration, the namespace label that the operator enforces, and what Mimir adds. Exits with 0 when nothing differs, 1
/// when something does, 3 when the endpoint gave no response.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  rules-gen diff --against prometheus=http://prometheus:9090
  rules-gen diff --against mimir=http://mimir/prometheus --tenant shop
  rules-gen diff --against k8s --namespace monitoring
  rules-gen diff --against dir=deploy/generated/rules --output json")]
pub struct Arguments {
    #[command(flatten)]
    deployed: sources::Deployed,
    #[command(flatten)]
    config: ConfigFile,
    /// The label that prometheus-operator enforces on every rule and selector.
    #[arg(long, value_name = "LABEL", default_value = "namespace")]
    enforced_label: String,
    /// Compare every deployed rule, not only those in groups of the checklist or with the name of a generated rule.
    #[arg(long)]
    all: bool,
    /// The output format.
    #[arg(long, value_enum, default_value = "text")]
    output: Format,
}

pub async fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let generated = diff::generated(&arguments.config.load()?)?;
    let progress = Progress::new();
    progress.show("the deployed rules");
    let mut deployed = sources::deployed(&arguments.deployed).await?;
    progress.end();
    if !arguments.all {
        deployed.retain(|rule| diff::is_ours(rule, &generated));
    }
    let differences = diff::compare(&generated, &deployed, &arguments.enforced_label);
    print(&match arguments.output {
        Format::Text if is_quiet() && differences.is_empty() => String::new(),
        Format::Text => render::text(&differences, generated.len(), Style::of_stdout()),
        Format::Json => render::json(&differences, generated.len())?,
    })?;
    Ok(ExitCode::from(u8::from(!differences.is_empty())))
}
