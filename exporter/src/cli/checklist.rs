//! The argument `--config`, shared by the commands, and the parts of checklist.yaml that they need.

use crate::run::reload::load;
use anyhow::Context;
use checklist::Config;
use checklist::config::Tasks;
use clap::Args;
use std::path::PathBuf;

/// The path of checklist.yaml.
#[derive(Debug, Args)]
pub struct Checklist {
    /// The checklist.
    #[arg(long, global = true, env = "CHECKLIST_CONFIG", default_value = "checklist.yaml", value_name = "FILE")]
    pub config: PathBuf,
}

impl Checklist {
    /// Reads and validates the whole file.
    ///
    /// # Errors
    /// Lists every mistake in the file.
    pub fn load(&self) -> anyhow::Result<Config> {
        Ok(load(&self.config)?.1)
    }

    /// Reads the section `tasks:` of the file.
    ///
    /// # Errors
    /// Fails as [`Checklist::load`] does, and when the file has no section `tasks:`.
    pub fn tasks(&self) -> anyhow::Result<Tasks> {
        self.load()?.watched.tasks.with_context(|| format!("{} has no section tasks:", self.config.display()))
    }
}
