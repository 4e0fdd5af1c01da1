//! What the verbs of the command line share.

use checklist::Config;
use jiff::tz::TimeZone;
use std::path::{Path, PathBuf};

/// The end of every `--help`.
pub const EXIT_CODES: &str = "\
Exit codes:
  0  clean
  1  findings, failing tests, files that differ
  2  wrong usage or an invalid checklist.yaml
  3  a live server gave no answer, so there is no verdict";

/// Where the checklist is.
#[derive(Debug, Clone, clap::Args)]
pub struct ConfigFile {
    /// The checklist.
    #[arg(long, env = "CHECKLIST_CONFIG", default_value = "checklist.yaml", value_name = "FILE")]
    pub config: PathBuf,
}

impl ConfigFile {
    /// Reads and checks it.
    ///
    /// # Errors
    /// An unreadable file, and every mistake in it.
    pub fn load(&self) -> anyhow::Result<Config> {
        checklist(&self.config)
    }

    /// The same, with its text.
    ///
    /// # Errors
    /// As [`ConfigFile::load`].
    pub fn read(&self) -> anyhow::Result<(Config, String)> {
        read(&self.config)
    }

    /// Its file name, for the headers of what is generated.
    pub fn name(&self) -> String {
        self.config.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// Reads and checks a checklist.yaml.
///
/// # Errors
/// An unreadable file, and every mistake in it.
pub fn checklist(path: &Path) -> anyhow::Result<Config> {
    Ok(read(path)?.0)
}

fn read(path: &Path) -> anyhow::Result<(Config, String)> {
    let shown = path.display().to_string();
    let text = crate::lint::files::text(path)?;
    Ok((Config::parse(&shown, &text)?, text))
}

/// The time zone in which people's days begin.
pub fn zone(config: &Config) -> TimeZone {
    config.tasks.as_ref().map_or(TimeZone::UTC, |tasks| tasks.zone.clone())
}
