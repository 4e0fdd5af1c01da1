//! `rules-gen merge`: our routes and receivers within an Alertmanager that others have already.

use crate::cli::{ConfigFile, EXIT_CODES};
use crate::outputs::alertmanager_merge::merged;
use crate::terminal::print;
use anyhow::Context;
use checklist::yaml;
use std::path::PathBuf;
use std::process::ExitCode;

/// Prints an existing alertmanager.yml with the routes, receivers and inhibitions of checklist.yaml in it.
///
/// Ours is one route in front of the others, for alerts named Checklist... and no other, so that nobody else's alert
/// changes its receiver; its receivers and time intervals begin with checklist-. Merged again, ours is replaced.
/// Comments of the existing file are not kept.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("\
Examples:
  rules-gen merge alertmanager.yml > merged.yml && amtool check-config merged.yml

{EXIT_CODES}"))]
pub struct Arguments {
    #[command(flatten)]
    config: ConfigFile,
    /// The configuration that Alertmanager has now.
    #[arg(value_name = "FILE")]
    existing: PathBuf,
}

/// Runs the verb.
///
/// # Errors
/// An invalid checklist.yaml, and a file that is no configuration of Alertmanager.
pub fn command(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let config = arguments.config.load()?;
    let name = arguments.existing.display().to_string();
    let text = crate::lint::files::text(&arguments.existing)?;
    let existing = yaml::parse(&text).map_err(|error| anyhow::anyhow!("{name}:{error}"))?;
    let whole = merged(existing, &config).with_context(|| format!("{name} is no configuration of Alertmanager"))?;
    print(&serde_yaml::to_string(&whole)?)?;
    Ok(ExitCode::SUCCESS)
}
