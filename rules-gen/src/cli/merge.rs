//! `rules-gen merge`: adds the generated routes to an Alertmanager configuration that other teams use.

use crate::cli::{ConfigFile, EXIT_CODES};
use crate::outputs::alertmanager_merge::merged;
use crate::terminal::print;
use anyhow::Context;
use checklist::yaml;
use std::path::PathBuf;
use std::process::ExitCode;

/// Prints an existing alertmanager.yml with the routes, receivers and inhibition rules of checklist.yaml added.
///
/// The checklist becomes one route in front of the others. It takes only alerts named Checklist..., so no other alert
/// changes its receiver. The names of its receivers and time intervals begin with checklist-. A second merge replaces
/// what the first one added. Comments of the existing file are lost.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("\
Examples:
  rules-gen merge alertmanager.yml > merged.yml && amtool check-config merged.yml

{EXIT_CODES}"))]
pub struct Arguments {
    #[command(flatten)]
    config: ConfigFile,
    /// The current configuration of Alertmanager.
    #[arg(value_name = "FILE")]
    existing: PathBuf,
}

pub fn command(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let config = arguments.config.load()?;
    let name = arguments.existing.display().to_string();
    let text = crate::lint::files::text(&arguments.existing)?;
    let existing = yaml::parse(&text).map_err(|error| anyhow::anyhow!("{name}:{error}"))?;
    let whole = merged(existing, &config).with_context(|| format!("{name} is not a configuration of Alertmanager"))?;
    print(&serde_yaml::to_string(&whole)?)?;
    Ok(ExitCode::SUCCESS)
}
