//! `rules-gen access`: writes only the least rights, for the people who grant them.

use crate::cli::{ConfigFile, EXIT_CODES};
use crate::outputs::access::files;
use crate::outputs::file::write;
use crate::terminal::{note, print};
use std::path::PathBuf;
use std::process::ExitCode;

/// Writes the least rights that the configured checks need: Kubernetes roles, SQL, bucket policies and network
/// policies.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("\
Examples:
  rules-gen access                                  # prints everything
  rules-gen access --out access
  psql --file access/postgres-main.sql app

The files are those of the folder access of `rules-gen generate`.

{EXIT_CODES}"))]
pub struct Arguments {
    #[command(flatten)]
    config: ConfigFile,
    /// The folder to write to. Without it everything is printed.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

pub fn command(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let files = files(&arguments.config.load()?, &arguments.config.name())?;
    let Some(folder) = &arguments.out else {
        let text: Vec<String> =
            files.iter().map(|file| format!("==> {} <==\n{}", file.path.display(), file.content)).collect();
        print(&text.join("\n"))?;
        return Ok(ExitCode::SUCCESS);
    };
    write(&files, folder)?;
    for file in &files {
        note(&folder.join(&file.path).display().to_string());
    }
    Ok(ExitCode::SUCCESS)
}
