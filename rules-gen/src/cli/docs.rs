//! `rules-gen docs`: writes the generated pages of the documentation.

use crate::cli::EXIT_CODES;
use crate::outputs::{configuration, docs, file};
use std::path::PathBuf;
use std::process::ExitCode;

/// Writes configuration.md (every key of checklist.yaml), signals.md (every signal of the catalog) and lints.md (every
/// lint).
#[derive(Debug, clap::Args)]
#[command(after_help = format!("Examples:\n  rules-gen docs --out docs\n\n{EXIT_CODES}"))]
pub struct Arguments {
    /// The folder to write to.
    #[arg(long)]
    out: PathBuf,
}

pub fn command(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    file::write(&[configuration::configuration(), docs::signals(), docs::lints()], &arguments.out)?;
    Ok(ExitCode::SUCCESS)
}
