//! `rules-gen init`: writes a commented checklist.yaml to start from.

use crate::cli::EXIT_CODES;
use crate::terminal::print;
use anyhow::Context;
use checklist::{SIGNALS, Severity};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The example of the documentation, with which the template begins.
const EXAMPLE: &str = include_str!("../../../examples/checklist.yaml");
const MORE: &str = include_str!("init/alerting.yaml");

/// Writes a commented checklist.yaml to start from.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("\
Examples:
  rules-gen init
  rules-gen init --out production.yaml
  rules-gen init --out - | less

{EXIT_CODES}"))]
pub struct Arguments {
    /// The file to write, or - for standard output.
    #[arg(long, default_value = "checklist.yaml", value_name = "FILE")]
    out: PathBuf,
    /// Overwrite an existing file.
    #[arg(long)]
    force: bool,
}

pub fn command(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let out = &arguments.out;
    if out == Path::new("-") {
        print(&template())?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true);
    if arguments.force {
        options.create(true).truncate(true);
    } else {
        options.create_new(true);
    }
    let hint = if arguments.force { "" } else { "; --force overwrites an existing file" };
    let file = options.open(out).with_context(|| format!("cannot write {}{hint}", out.display()))?;
    std::io::Write::write_all(&mut &file, template().as_bytes())
        .with_context(|| format!("cannot write {}", out.display()))?;
    Ok(ExitCode::SUCCESS)
}

/// Returns a valid checklist.yaml, with all other keys as comments.
pub fn template() -> String {
    let mut text = format!("{}\n{MORE}\n", EXAMPLE.trim_end());
    text += "# Every threshold with its default and the reason for it. A target may have its own: thresholds: {...} beside its name.\n# thresholds:\n";
    for threshold in SIGNALS.iter().flat_map(|signal| signal.thresholds) {
        let level = |severity: Severity| {
            let value = threshold.default.at(severity)?;
            Some(format!("{severity}: {}", threshold.unit.exact(value)))
        };
        let levels: Vec<String> = [Severity::Warning, Severity::Critical].into_iter().filter_map(level).collect();
        let levels = if levels.is_empty() { "unset".to_owned() } else { format!("{{{}}}", levels.join(", ")) };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "#   {}: {levels} # {}", threshold.key, threshold.reason);
    }
    text
}
